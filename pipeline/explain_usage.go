package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Usage is what the records of a line come to beside what its portions do. Of a
// correction for late usage, the records that came late count, and those that a
// later delivery replaced count against them.
type Usage struct {
	Period   string         `json:"period"` // in which the usage lies
	Records  []TracedRecord `json:"records"`
	Amount   money.Usage    `json:"usage_amount"`   // of the records that count
	Portions money.Usage    `json:"portion_amount"` // of all portions of the line
	Agrees   bool           `json:"agrees"`
}

// TracedRecord is an accepted usage record and where it stood.
type TracedRecord struct {
	ID     string      `json:"record_id"`
	Source string      `json:"source"`
	File   string      `json:"file"`
	Line   int64       `json:"line"`
	Start  time.Time   `json:"usage_start"`
	End    time.Time   `json:"usage_end"`
	Amount money.Usage `json:"usage_amount"`
	Cost   *money.Cost `json:"cost,omitempty"` // where the record brought it
	State  string      `json:"state"`          // see the constants below
}

// States of a traced record.
const (
	RecordCharged  = "charged"
	RecordLate     = "late"     // came after the close of its month; charged here
	RecordBefore   = "before"   // charged with its month already
	RecordReplaced = "replaced" // charged with its month, and taken back here
)

// usage finds the records of a line and compares their sum with its portions.
func (e *explaining) usage(c charge, line []charge) (*Usage, error) {
	u := &Usage{Period: e.run.Period.Name}
	var err error
	if late, ok := strings.CutPrefix(c.price.Reason, lateReason); ok {
		u.Period = late
		u.Records, err = e.lateRecords(c, late)
	} else {
		var state *period.Usage
		if state, err = e.p.usageAt(e.ctx, e.run.UsageSlot); err != nil {
			return nil, err
		}
		u.Records, err = e.records(c, e.run.Period, batchesOf(state, e.run.Period, -1), RecordCharged)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(u.Records, func(a, b TracedRecord) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID), strings.Compare(a.State, b.State))
	})
	if u.Amount, err = counted(u.Records); err != nil {
		return nil, fmt.Errorf("records of line %s: %w", c.id, err)
	}
	for _, part := range line {
		if u.Portions, err = money.Add(u.Portions, part.Amount); err != nil {
			return nil, fmt.Errorf("portions of line %s: %w", c.id, err)
		}
	}
	u.Agrees = u.Amount == u.Portions
	return u, nil
}

// counted sums the records that make a charge, less those that it takes back.
func counted(records []TracedRecord) (sum money.Usage, err error) {
	for _, r := range records {
		amount := r.Amount
		switch r.State {
		case RecordBefore:
			continue
		case RecordReplaced:
			amount = money.Neg(amount)
		}
		if sum, err = money.Add(sum, amount); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// lateReason begins the reason of a correction; the period follows.
const lateReason = "Late usage of "

// lateRecords finds the records of a correction: those that earlier closes have
// charged, and those that came since or were replaced.
func (e *explaining) lateRecords(c charge, name string) ([]TracedRecord, error) {
	usage, err := e.p.usageAt(e.ctx, e.run.UsageSlot)
	if err != nil {
		return nil, err
	}
	at := *e.at
	at.usage = usage
	closed, _, err := e.p.closesBefore(e.ctx, &at)
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(closed, func(r period.Run) bool { return r.Period.Name == name })
	if first < 0 {
		return nil, fmt.Errorf("late usage of %s: the month has no close; run verify", name)
	}
	covered := int64(-1)
	for _, r := range closed[first:] {
		covered = max(covered, r.UsageSlot)
	}
	settled, err := e.p.usageAt(e.ctx, covered)
	if err != nil {
		return nil, err
	}
	per := closed[first].Period
	before, after := batchesOf(settled, per, -1), batchesOf(usage, per, -1)
	var list []TracedRecord
	for _, part := range []struct {
		batches []period.SlotBatch
		state   string
	}{{common(before, after, true), RecordBefore}, {common(before, after, false), RecordReplaced}, {common(after, before, false), RecordLate}} {
		found, err := e.records(c, per, part.batches, part.state)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// common returns the batches that are also in another list, or those that are
// not.
func common(list, others []period.SlotBatch, in bool) []period.SlotBatch {
	return slices.DeleteFunc(slices.Clone(list), func(b period.SlotBatch) bool {
		return in != slices.ContainsFunc(others, func(o period.SlotBatch) bool { return o.Slot == b.Slot && o.Name() == b.Name() })
	})
}

// records reads the records of a charge's line from batches.
func (e *explaining) records(c charge, per schema.Period, batches []period.SlotBatch, state string) ([]TracedRecord, error) {
	hour := c.hour()
	batches = slices.DeleteFunc(batches, func(b period.SlotBatch) bool { return b.FirstHour > hour || b.LastHour < hour })
	found := make([][]TracedRecord, len(batches))
	members := e.org.Memberships()[c.head.Account]
	err := store.InParallel(e.p.workers(), len(batches), func(i int) error {
		t := newTracer(c, batches[i], state)
		t.counts = func(start, end int64) bool {
			m, ok := schema.MemberAt(members, time.Unix(0, start))
			return per.Contains(start) && end <= per.End.UnixNano() && ok && e.org.Payers[m.Payer].AccountID == c.payer
		}
		err := e.read(t)
		found[i] = t.found
		return err
	})
	return slices.Concat(found...), err
}

func (e *explaining) read(t *tracer) error {
	b := t.batch
	f, err := e.p.fetchChecked(e.ctx, period.Object{Key: store.UsageBatch(b.Name()), Bytes: b.Bytes, SHA256: b.SHA256})
	if err != nil {
		return err
	}
	defer f.Close()
	err = spool.ReadUsage(e.ctx, f, t.dims, true, t.look)
	if err != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("%s: %w", store.UsageBatch(b.Name()), err)
	}
	return nil
}

// tracer finds the records of one line in one batch.
type tracer struct {
	batch    period.SlotBatch
	state    string
	dims     *batch.Dims
	line     charge
	head     uint32
	resource uint32
	tails    map[uint32]bool
	counts   func(start, end int64) bool // a record that lies in the month and is the payer's
	found    []TracedRecord
}

func newTracer(c charge, b period.SlotBatch, state string) *tracer {
	t := &tracer{batch: b, state: state, dims: batch.NewDims(), line: c, tails: map[uint32]bool{}}
	t.head, t.resource = t.dims.Heads.Code(c.head), t.dims.Resources.Code(c.resource)
	tail := usageTail(c.tail)
	t.tails[t.dims.Tails.Code(tail)] = true
	if !tail.Priced { // rating has filled in a blank unit
		tail.Unit = ""
		t.tails[t.dims.Tails.Code(tail)] = true
	}
	return t
}

func (t *tracer) look(u *batch.Usage) error {
	hour := t.line.hour()
	for i := range u.Len() {
		if u.Head[i] == t.head && u.Resource[i] == t.resource && u.Hour(i) == hour && t.tails[u.Tail[i]] && t.counts(u.Start[i], u.End[i]) {
			t.found = append(t.found, t.record(u, i))
		}
	}
	// Batches are in the canonical order: after the line's head comes nothing more.
	if n := u.Len(); n > 0 && batch.CompareHeads(u.Dims.Heads.Value(u.Head[n-1]), t.line.head) > 0 {
		return errStopped
	}
	return nil
}

func (t *tracer) record(u *batch.Usage, i int) TracedRecord {
	r := TracedRecord{ID: string(u.IDs.At(i)), Source: u.Sources.Value(u.Source[i]), File: t.batch.Files[u.File[i]].Name, Line: u.Line[i],
		Start: time.Unix(0, u.Start[i]).UTC(), End: time.Unix(0, u.End[i]).UTC(), Amount: u.Amount[i], State: t.state}
	if t.line.tail.Priced {
		cost := u.Cost[i]
		r.Cost = &cost
	}
	return r
}
