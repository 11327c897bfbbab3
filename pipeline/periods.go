package pipeline

import (
	"context"
	"errors"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// usedPeriods lists the periods of an issuer from its first usage or close to
// the current one and to its last usage, in order.
func (p *Pipeline) usedPeriods(ctx context.Context, issuer schema.Issuer, usage *period.Usage) ([]schema.Period, error) {
	zone, err := issuer.Location()
	if err != nil {
		return nil, err
	}
	now := schema.PeriodAt(p.Now(), zone)
	if len(usage.Batches) == 0 {
		return []schema.Period{now}, nil
	}
	last := schema.HourOf(now.Start.UnixNano())
	for _, b := range usage.Batches {
		last = max(last, b.LastHour)
	}
	var list []schema.Period
	for per := schema.PeriodAt(firstHour(usage).Time(), zone); !per.Start.After(last.Time()); per = per.Next(zone) {
		used, err := p.begun(ctx, issuer, per, usage)
		if err != nil {
			return nil, err
		}
		began := len(list) > 0 && !per.Start.After(now.Start)
		if began || used || per.Name == now.Name {
			list = append(list, per)
		}
	}
	return list, nil
}

// begun tells whether a period has usage or a close of the issuer.
func (p *Pipeline) begun(ctx context.Context, issuer schema.Issuer, per schema.Period, usage *period.Usage) (bool, error) {
	used, err := p.hasUsage(ctx, issuer, per, usage)
	if used || err != nil {
		return used, err
	}
	m, err := p.month(ctx, issuer.ID, per)
	return err == nil && m.Close != nil, err
}

// hasUsage tells whether any record belongs to a period of an issuer. The log
// names only the hours of a batch, which may be another issuer's; where they
// touch the period and nothing is computed yet, the batch is looked into.
func (p *Pipeline) hasUsage(ctx context.Context, issuer schema.Issuer, per schema.Period, usage *period.Usage) (bool, error) {
	batches := batchesOf(usage, per, -1)
	if len(batches) == 0 {
		return false, nil
	}
	m, err := p.month(ctx, issuer.ID, per)
	if err != nil {
		return false, err
	}
	if newestRun(m) != nil {
		return true, nil
	}
	in := p.rateInput(issuer, per)
	for _, b := range batches {
		used, err := p.touches(ctx, in, b)
		if used || err != nil {
			return used, err
		}
	}
	return false, nil
}

func (p *Pipeline) touches(ctx context.Context, in rate.Input, b period.SlotBatch) (bool, error) {
	f, err := p.fetchChecked(ctx, period.Object{Key: store.UsageBatch(b.Name()), Bytes: b.Bytes, SHA256: b.SHA256})
	if err != nil {
		return false, err
	}
	defer f.Close()
	dims := batch.NewDims()
	places := rate.NewClassifier(in, dims)
	err = spool.ReadUsage(ctx, f, dims, false, func(u *batch.Usage) error {
		for i := range u.Len() {
			if places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i]).Verdict != rate.Foreign {
				return errStopped
			}
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		return true, nil
	}
	return false, err
}

// periodsOf reads the usage log and lists the periods of an issuer.
func (p *Pipeline) periodsOf(ctx context.Context, issuerID string) (schema.Issuer, *period.Usage, []schema.Period, error) {
	issuer, err := p.issuer(issuerID)
	if err != nil {
		return issuer, nil, nil, err
	}
	usage, err := p.usageState(ctx, -1)
	if err != nil {
		return issuer, nil, nil, err
	}
	periods, err := p.usedPeriods(ctx, issuer, usage)
	return issuer, usage, periods, err
}

// OpenPeriods lists the periods of an issuer that have no CLOSE and that have
// usage or have ended: closes run in order, so an empty month between others is
// closed too.
func (p *Pipeline) OpenPeriods(ctx context.Context, issuerID string) ([]string, error) {
	issuer, usage, periods, err := p.periodsOf(ctx, issuerID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, per := range periods {
		m, err := p.month(ctx, issuer.ID, per)
		if err != nil {
			return nil, err
		}
		used, err := p.hasUsage(ctx, issuer, per, usage)
		if err != nil {
			return nil, err
		}
		ended := !p.Now().Before(per.End)
		if m.Close == nil && (used || ended && len(usage.Batches) > 0) {
			names = append(names, per.Name)
		}
	}
	return names, nil
}
