package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

type ownerFunc = func(payer string) *batch.Owner

// commitRefresh records a computation of the open month, unless the newest
// record already names it or covers more usage, or there is nothing to tell. A
// record whose files could not be read is followed by one of the same run.
func (p *Pipeline) commitRefresh(ctx context.Context, at *place, r *result) error {
	run := r.run
	if at.month.Refresh == nil && run.Records == (period.Records{}) {
		return nil
	}
	_, err := p.commit(ctx, at, func(m *period.Month) (string, any) {
		if m.Close != nil || m.Refresh != nil && (m.Refresh.Run.ID == run.ID && !r.healed || m.Refresh.Run.UsageSlot > run.UsageSlot) {
			return "", nil
		}
		return period.KindRefresh, period.Refresh{Run: run, Executed: p.Now().UTC()}
	})
	return err
}

// commitClose appends CLOSE, or returns the one that is there.
func (p *Pipeline) commitClose(ctx context.Context, at *place, run period.Run) (*period.Close, error) {
	m, err := p.commit(ctx, at, func(m *period.Month) (string, any) {
		if m.Close != nil {
			return "", nil
		}
		return period.KindClose, period.Close{Run: run}
	})
	if err != nil {
		return nil, err
	}
	at.month = m
	return m.Close, nil
}

// commitPublish appends PUBLISH, or returns the one that is there.
func (p *Pipeline) commitPublish(ctx context.Context, at *place, body period.Publish) (*period.Publish, error) {
	m, err := p.commit(ctx, at, func(m *period.Month) (string, any) {
		if m.Publish != nil {
			return "", nil
		}
		return period.KindPublish, body
	})
	if err != nil {
		return nil, err
	}
	at.month = m
	return m.Publish, nil
}

// commit appends what decide makes of the period's log as it is now. A record
// may name only files of the log's generation: when garbage was collected since
// at was read, the files may be gone, and all is to be decided again (errMoved).
func (p *Pipeline) commit(ctx context.Context, at *place, decide func(*period.Month) (kind string, body any)) (*period.Month, error) {
	entries, err := p.periodLog(at.issuer.ID, at.period).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		m, err := period.FoldMonth(entries)
		if err != nil {
			return "", nil, err
		}
		kind, body := decide(m)
		if kind != "" && m.Generation != at.month.Generation {
			return "", nil, errMoved
		}
		return kind, body, nil
	})
	if err != nil {
		return nil, err
	}
	return period.FoldMonth(entries)
}

// settle runs a verb and runs it again while garbage was collected under it.
func (p *Pipeline) settle(ctx context.Context, issuerID, name string, verb func(at *place) error) error {
	for {
		at, err := p.at(ctx, issuerID, name)
		if err != nil {
			return err
		}
		generation := at.month.Generation
		err = verb(at)
		if err == nil || !errors.Is(err, errMoved) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		m, readErr := p.month(ctx, at.issuer.ID, at.period)
		if readErr != nil || m.Generation == generation {
			return errors.Join(err, readErr)
		}
	}
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

// history is what the closes before a period hand on to it.
type history struct {
	late   []latePeriod
	closed []period.Run // in order
}

// balances returns what the newest close before the period closed with.
func (h history) balances() []period.PayerBalances {
	if len(h.closed) == 0 {
		return nil
	}
	return h.closed[len(h.closed)-1].Balances
}

// history reads the closes before a period and finds the closed periods for
// which usage came after the newest close that charged it. It refuses when an
// earlier month is not closed.
//
// Closes of an issuer form a chain: from the first month that is closed or has
// usage on, each month is closed before the next, also without usage, and covers
// no less of the usage log. So what each of them charged of earlier months is
// settled before the next one looks, and nothing is charged twice or forgotten.
func (p *Pipeline) history(ctx context.Context, at *place) (history, error) {
	for again := false; ; again = true {
		closed, blocked, err := p.closesBefore(ctx, at)
		if err != nil {
			return history{}, err
		}
		newest := int64(-1)
		for _, run := range closed {
			newest = max(newest, run.UsageSlot)
		}
		if newest <= at.usage.Slot {
			late, err := p.lateOf(ctx, at.usage, closed)
			return history{late, closed}, errors.Join(blocked, err)
		}
		if again {
			return history{}, fmt.Errorf("the usage log ends in slot %d and a close of issuer %s covers slot %d: the bucket lost records; restore it whole",
				at.usage.Slot, at.issuer.ID, newest)
		}
		// The usage log was read before a close that came in between.
		if at.usage, err = p.usageState(ctx, -1); err != nil {
			return history{}, err
		}
	}
}

// closesBefore returns the closes of the periods before, in order, and what
// blocks the next: a month that should be closed first.
func (p *Pipeline) closesBefore(ctx context.Context, at *place) (closed []period.Run, blocked, err error) {
	zone, err := at.issuer.Location()
	if err != nil || len(at.usage.Batches) == 0 {
		return nil, nil, err
	}
	began := false
	for per := schema.PeriodAt(firstHour(at.usage).Time(), zone); per.Start.Before(at.period.Start); per = per.Next(zone) {
		m, err := p.month(ctx, at.issuer.ID, per)
		if err != nil {
			return nil, nil, err
		}
		if m.Close != nil {
			began = true
			closed = append(closed, m.Close.Run)
			continue
		}
		used, err := p.hasUsage(ctx, at.issuer, per, at.usage)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case blocked != nil || !used && !began:
		case used:
			blocked = fmt.Errorf("%w: period %s of issuer %s has usage and is not closed; close it first", ErrBlocked, per.Name, at.issuer.ID)
		default:
			blocked = fmt.Errorf("%w: period %s of issuer %s is not closed; close it first, though it is empty: closes run in order", ErrBlocked, per.Name, at.issuer.ID)
		}
		began = began || used
	}
	return closed, blocked, nil
}

func firstHour(usage *period.Usage) schema.Hour {
	first := usage.Batches[0].FirstHour
	for _, b := range usage.Batches {
		first = min(first, b.FirstHour)
	}
	return first
}

// lateOf compares what the closes of an issuer covered, in the order of their
// periods, with the usage that is there now. A period's late usage is charged by
// the closes of the periods after it, so the newest of them says up to which
// slot that was done.
func (p *Pipeline) lateOf(ctx context.Context, usage *period.Usage, closed []period.Run) ([]latePeriod, error) {
	var late []latePeriod
	states := map[int64]*period.Usage{-1: {Slot: -1}} // a prefix up to slot -1 is empty
	covered := int64(-1)
	for _, run := range slices.Backward(closed) {
		if covered = max(covered, run.UsageSlot); covered >= usage.Slot {
			break
		}
		if states[covered] == nil {
			var err error
			if states[covered], err = p.usageState(ctx, covered); err != nil {
				return nil, err
			}
		}
		l := latePeriod{run: run, before: states[covered], after: usage}
		if k := l.key(); !slices.Equal(k.Before, k.After) {
			late = append(late, l)
		}
	}
	slices.Reverse(late)
	return late, nil
}
