package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
)

// An open month is kept in segments, so that a refresh costs what is new. A
// segment is a file of one payer's charges of one day whose price does not depend
// on the month; one more file holds the payer's charges whose price does. The
// charges of a segment are also the sums of usage per line. So a refresh takes
// those segments into which new usage falls, adds the new usage line by line and
// rates the lines again. All other files, and the bills of payers without new
// usage, are named again as they are.
//
// Where anything but the usage has changed, and where usage is gone that was
// charged before, everything is new: that is the same computation with no run to
// go on from. A month with month-wide offers or late usage has no segments, and a
// close never has.

// computeSegments goes on from the newest refresh if it can. Files of it that
// are gone or damaged must not hold up the month.
func (p *Pipeline) computeSegments(ctx context.Context, at *place, key runKey, inputs []namedInput) (*result, error) {
	before, err := continued(at, key)
	if err != nil {
		return nil, err
	}
	r, err := p.goOn(ctx, at, key, inputs, before)
	if before == nil || err == nil || storeFailed(err) || ctx.Err() != nil {
		return r, err
	}
	if r, err = p.goOn(ctx, at, key, inputs, nil); err == nil {
		r.healed = true
	}
	return r, err
}

// continued returns the run of the newest refresh when a run of the key can go on
// from it, else nil. It can when the same key, up to the usage that it covers, is
// its key: then nothing but usage has come since.
func continued(at *place, key runKey) (*period.Run, error) {
	if at.month.Refresh == nil {
		return nil, nil
	}
	run := &at.month.Refresh.Run
	if !run.Segmented || run.UsageSlot < 0 {
		return nil, nil
	}
	key.Generation = at.month.RefreshGen
	key.Batches = hashesOf(batchesOf(at.usage, at.period, run.UsageSlot))
	if id, err := runID(key); err != nil || id != run.ID {
		return nil, err
	}
	return run, nil
}

// storeFailed tells whether an error is the store's own, so that trying another
// way is of no use.
func storeFailed(err error) bool {
	return errors.Is(err, store.ErrUnsettled) || errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrGone)
}

// goOn computes the month from a run before it, or from nothing when that is nil.
func (p *Pipeline) goOn(ctx context.Context, at *place, key runKey, inputs []namedInput, before *period.Run) (*result, error) {
	r, err := p.newResult(ctx, at, key, inputs)
	if err != nil {
		return nil, err
	}
	if before != nil && before.ID == r.run.ID {
		r.run = *before
		r.run.UsageSlot, r.run.UsageHash = at.usage.Slot, at.usage.Hash
		r.bills, err = p.bills(ctx, r.run)
	} else {
		err = p.rateSegments(ctx, r, at, before)
	}
	if err != nil {
		return nil, err
	}
	spec := at.reportSpec(r.run, owners(p.Organization, p.Offers, at.issuer, at.period))
	if r.reports, err = p.prepareReports(ctx, at, spec, r.bills, p.Organization); err != nil {
		return nil, err
	}
	return r, nil
}

// segmenter makes the segments of one run.
type segmenter struct {
	p      *Pipeline
	ctx    context.Context
	r      *result
	dir    string
	before *period.Run // nil: everything is new
	rated
	sorted  *batch.Dims
	ranking batch.Ranking
}

func (p *Pipeline) rateSegments(ctx context.Context, r *result, at *place, before *period.Run) error {
	dir, err := os.MkdirTemp(p.TempDir, "run-*")
	if err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &segmenter{p: p, ctx: ctx, r: r, dir: dir, before: before}
	batches := batchesOf(at.usage, at.period, -1)
	if before != nil {
		batches = slices.DeleteFunc(batches, func(b period.SlotBatch) bool { return b.Slot <= before.UsageSlot })
	}
	g := newGathering(p.rateInput(at.issuer, at.period), batch.NewDims(), at.usage, dir)
	g.lanes = newLanes()
	if s.gathering, err = p.fill(ctx, g, batches); err != nil {
		return err
	}
	defer s.close()
	return s.run()
}

func (s *segmenter) run() error {
	run := &s.r.run
	run.Segmented, run.Records = true, s.records
	if s.before != nil {
		addRecords(&run.Records, s.before.Records)
	}
	var payers []*segments
	for _, payer := range payersIn(s.in, s.has) {
		m, err := s.payer(payer)
		if err != nil {
			return fmt.Errorf("payer %s: %w", s.in.Organization.Payers[payer].AccountID, err)
		}
		payers = append(payers, m)
	}
	var err error
	if s.plan, err = rate.NewPlan(s.totals); err != nil {
		return err
	}
	s.sorted, s.ranking = s.dims.Sorted()
	for _, m := range payers {
		if err := m.write(); err != nil {
			return fmt.Errorf("payer %s: %w", m.payer.AccountID, err)
		}
	}
	return nil
}

func addRecords(to *period.Records, by period.Records) {
	to.Accepted += by.Accepted
	to.Charged += by.Charged
	to.Suspense += by.Suspense
	to.Waived += by.Waived
}

// has tells whether a payer has new usage, or had charges before.
func (s *segmenter) has(payer int32, account string) bool {
	return s.spills[payer] != nil || s.before != nil && slices.ContainsFunc(s.before.Charges, func(c period.Charges) bool { return c.Payer == account })
}
