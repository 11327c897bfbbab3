package pipeline

import (
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
)

// segments are one payer's.
type segments struct {
	s      *segmenter
	payer  schema.Payer
	number int32      // index of the payer
	spill  *spillFile // new usage, and lines that are rated again; nil: nothing is new

	kept  []period.Charges  // files of the run before that stay
	total *period.BillTotal // of the run before; nil: the payer had none
	taken segmentSums       // of the files that are made anew, as they were
	made  segmentSums       // of these files, as they are now

	encoder *spool.ChargesWriter
}

// segmentSums are the sums of charges, those that depend on the month apart.
type segmentSums struct{ days, month *rollup.Bill }

func newSegmentSums() segmentSums { return segmentSums{rollup.NewBill(), rollup.NewBill()} }

func (s segmentSums) of(lane int32) *rollup.Bill {
	if lane == monthLane {
		return s.month
	}
	return s.days
}

// payer looks up what the run before has of a payer, and adds the lines of the
// segments that are made anew to the new usage.
func (s *segmenter) payer(number int32) (*segments, error) {
	m := &segments{s: s, payer: s.in.Organization.Payers[number], number: number, spill: s.spills[number],
		taken: newSegmentSums(), made: newSegmentSums(), encoder: &spool.ChargesWriter{}}
	if s.before == nil {
		return m, nil
	}
	if i := slices.IndexFunc(s.before.Bills, func(t period.BillTotal) bool { return t.Payer == m.payer.AccountID }); i >= 0 {
		m.total = &s.before.Bills[i]
	}
	lanes := map[schema.Date]int32{}
	if m.spill != nil {
		for _, lane := range m.spill.runs.Lanes() {
			lanes[laneDay(lane)] = lane
		}
	}
	tables := chargeTables{s.dims, batch.NewTable[batch.Price](), batch.NewTerms()}
	for _, c := range s.before.Charges {
		if c.Payer != m.payer.AccountID {
			continue
		}
		lane, again := lanes[c.Day]
		if !again {
			m.kept = append(m.kept, c)
			continue
		}
		if err := m.takeBack(lane, c, tables); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// takeBack makes charges lines again. All portions of a line have its key, so
// they become one line with each other and with the new usage.
func (m *segments) takeBack(lane int32, file period.Charges, tables chargeTables) error {
	sums := m.taken.of(lane)
	err := m.s.p.readFile(m.s.ctx, file, &batch.Owner{}, tables, func(c *batch.Charges) error {
		if err := sums.Add(c); err != nil {
			return err
		}
		return m.appendLines(lane, c)
	})
	if err != nil {
		return err
	}
	return m.spill.runs.EndRun(lane)
}

func (m *segments) appendLines(lane int32, c *batch.Charges) error {
	prices := c.Prices.Values()
	for i := range c.Len() {
		row := rollup.Row{Head: c.Head[i], Resource: c.Resource[i], Hour: c.Hour[i], Tail: c.Tail[i], Amount: c.Amount[i]}
		if lane == monthLane {
			if err := m.s.totals.Add(m.number, m.s.places.SKUOf(row.Head, row.Tail), row.Head, row.Tail, row.Hour, row.Amount); err != nil {
				return err
			}
		} else if !prices[c.Price[i]].Rated { // the cost came with the usage
			row.Cost = c.Unblended[i]
		}
		if err := m.spill.runs.Append(row); err != nil {
			return err
		}
	}
	return nil
}

// write rates the lanes that have new usage and brings the bill up to date.
func (m *segments) write() error {
	run, from := &m.s.r.run, len(m.s.r.run.Charges)
	run.Charges = append(run.Charges, m.kept...)
	if m.spill == nil {
		return m.keepBill()
	}
	owner := owners(m.s.in.Organization, m.s.in.Offers, m.s.in.Issuer, m.s.in.Period)(m.payer.AccountID)
	out := batch.NewCharges(owner, m.s.sorted, batch.NewTable[batch.Price]())
	rater := rate.NewRater(m.s.plan, m.number, out)
	for _, lane := range m.spill.runs.Lanes() {
		sums := m.made.of(lane)
		err := m.files(lane).store(m.spill.charges(lane, rater, m.s.ranking, out),
			func(c *batch.Charges, _ report.Amounts) error { return sums.Add(c) })
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(run.Charges[from:], func(a, b period.Charges) int { return strings.Compare(a.Day.String(), b.Day.String()) })
	return m.writeBill(run.Charges[from:])
}

func (m *segments) files(lane int32) *chargeFiles {
	day := laneDay(lane)
	part := day.String()
	if lane == monthLane {
		part = "month"
	}
	return &chargeFiles{p: m.s.p, ctx: m.s.ctx, r: m.s.r, dir: m.s.dir, payer: m.payer, day: day, encoder: m.encoder,
		key: func(chunk int) string { return store.RunSegment(m.s.r.run.ID, m.payer.AccountID, part, chunk) }}
}

// keepBill names the bill of the run before again.
func (m *segments) keepBill() error {
	if m.total == nil {
		return nil
	}
	b, err := m.s.p.billOf(m.s.ctx, *m.total)
	if err != nil {
		return err
	}
	m.s.r.bills, m.s.r.run.Bills = append(m.s.r.bills, b), append(m.s.r.run.Bills, *m.total)
	return nil
}

// writeBill takes the charges that were made anew out of the bill before and puts
// them in as they are now. Usage of an open month only grows here, so no line of
// the bill comes to stand for no charge.
func (m *segments) writeBill(charges []period.Charges) error {
	var before bill.Bill
	var err error
	if m.total != nil {
		if before, err = m.s.p.billOf(m.s.ctx, *m.total); err != nil {
			return err
		}
	}
	lines, err := rollup.Revise(before.Lines, rollup.Revision{Dropped: m.taken.month.Lines(m.payer), Added: m.made.month.Lines(m.payer),
		Less: m.taken.days.Lines(m.payer), More: m.made.days.Lines(m.payer)})
	if err != nil {
		return err
	}
	rows := int64(0)
	for _, c := range charges {
		rows += c.Rows
	}
	if rows == 0 {
		return nil
	}
	b, err := rollup.Sum(m.s.in.Issuer, m.payer, m.s.in.Period, lines, rows)
	if err != nil {
		return err
	}
	return m.s.p.storeBill(m.s.ctx, m.s.r, b)
}
