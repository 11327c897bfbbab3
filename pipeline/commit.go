package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

type ownerFunc = func(payer string) *batch.Owner

// commitRefresh records a computation of the open month, unless the newest
// record already names it.
func (p *Pipeline) commitRefresh(ctx context.Context, at *place, run period.Run) error {
	_, err := p.periodLog(at.issuer.ID, at.period).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		m, err := period.FoldMonth(entries)
		if err != nil || m.Close != nil || m.Refresh != nil && m.Refresh.Run.ID == run.ID {
			return "", nil, err
		}
		return period.KindRefresh, period.Refresh{Run: run, Executed: p.Now().UTC()}, nil
	})
	return err
}

// commitClose appends CLOSE, or returns the one that is there.
func (p *Pipeline) commitClose(ctx context.Context, at *place, run period.Run) (*period.Close, error) {
	entries, err := p.periodLog(at.issuer.ID, at.period).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		m, err := period.FoldMonth(entries)
		if err != nil || m.Close != nil {
			return "", nil, err
		}
		return period.KindClose, period.Close{Run: run}, nil
	})
	if err != nil {
		return nil, err
	}
	at.month, err = period.FoldMonth(entries)
	return at.month.Close, err
}

// commitPublish appends PUBLISH, or returns the one that is there.
func (p *Pipeline) commitPublish(ctx context.Context, at *place, body period.Publish) (*period.Publish, error) {
	entries, err := p.periodLog(at.issuer.ID, at.period).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		m, err := period.FoldMonth(entries)
		if err != nil || m.Publish != nil {
			return "", nil, err
		}
		return period.KindPublish, body, nil
	})
	if err != nil {
		return nil, err
	}
	at.month, err = period.FoldMonth(entries)
	return at.month.Publish, err
}

// still returns a check that the newest computation in the period's log is the
// one whose reports are being written.
func (p *Pipeline) still(ctx context.Context, at *place, runID string) func() error {
	return func() error {
		m, err := p.month(ctx, at.issuer.ID, at.period)
		switch {
		case err != nil:
			return err
		case m.Publish != nil && at.month.Publish == nil,
			m.Close != nil && m.Close.Run.ID != runID,
			m.Close == nil && m.Refresh != nil && m.Refresh.Run.ID != runID:
			return errMoved
		}
		return nil
	}
}

// latePeriods finds the closed periods for which usage came after the newest
// close, and refuses when an earlier month with usage is not closed: closes run
// in order.
func (p *Pipeline) latePeriods(ctx context.Context, at *place) ([]latePeriod, error) {
	if len(at.usage.Batches) == 0 {
		return nil, nil
	}
	zone, err := at.issuer.Location()
	if err != nil {
		return nil, err
	}
	first := at.usage.Batches[0].FirstHour
	for _, b := range at.usage.Batches {
		first = min(first, b.FirstHour)
	}
	var closed []period.Run
	var blocked error
	for per := schema.PeriodAt(first.Time(), zone); per.Start.Before(at.period.Start); per = per.Next(zone) {
		m, err := p.month(ctx, at.issuer.ID, per)
		if err != nil {
			return nil, err
		}
		if m.Close != nil {
			closed = append(closed, m.Close.Run)
			continue
		}
		used, err := p.hasUsage(ctx, at.issuer, per, at.usage)
		if err != nil {
			return nil, err
		}
		if used && blocked == nil {
			blocked = fmt.Errorf("%w: period %s of issuer %s has usage and is not closed; close it first", ErrBlocked, per.Name, at.issuer.ID)
		}
	}
	late, err := p.lateOf(ctx, at, closed)
	return late, errors.Join(blocked, err)
}

func (p *Pipeline) lateOf(ctx context.Context, at *place, closed []period.Run) ([]latePeriod, error) {
	if len(closed) == 0 {
		return nil, nil
	}
	covered := int64(-1) // by the closes so far
	for _, run := range closed {
		covered = max(covered, run.UsageSlot)
	}
	if covered == at.usage.Slot {
		return nil, nil
	}
	// A prefix up to slot -1 is empty: nothing was covered.
	before := &period.Usage{Slot: -1}
	if covered >= 0 {
		var err error
		if before, err = p.usageState(ctx, covered); err != nil {
			return nil, err
		}
	}
	var late []latePeriod
	for _, run := range closed {
		l := latePeriod{run: run, before: before, after: at.usage}
		if old, new := l.batches(); len(new) > len(old) {
			late = append(late, l)
		}
	}
	return late, nil
}
