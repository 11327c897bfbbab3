package pipeline

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// Pending is what keeps a month from being closed.
type Pending struct {
	Issuer   string              `json:"issuer"`
	Period   string              `json:"period"`
	Rejects  []period.SlotReject `json:"rejects"`
	Suspense []Suspense          `json:"suspense"`
}

// Pending lists rejects and suspense of a period.
func (p *Pipeline) Pending(ctx context.Context, issuerID, name string) (*Pending, error) {
	at, err := p.at(ctx, issuerID, name)
	if err != nil {
		return nil, err
	}
	list := &Pending{Issuer: at.issuer.ID, Period: name}
	if at.month.Close != nil {
		return list, nil
	}
	list.Rejects = at.rejects()
	dir, err := os.MkdirTemp(p.TempDir, "pending-*")
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	g, err := p.gather(ctx, p.rateInput(at.issuer, at.period), batch.NewDims(), at.usage, batchesOf(at.usage, at.period, -1), dir, true)
	if err != nil {
		return nil, err
	}
	defer g.close()
	list.Suspense = g.suspended()
	before, err := p.history(ctx, at)
	if err != nil {
		return list, nil //nolint:nilerr // an earlier open month is listed by itself
	}
	for _, l := range before.late {
		c, err := p.gatherOne(ctx, batch.NewDims(), l, dir)
		if err != nil {
			return nil, err
		}
		list.Suspense = append(list.Suspense, c.after.suspended()...)
		c.close()
	}
	return list, nil
}

// Waive records a person's word that the named rejects and suspense groups
// shall not be charged. Records that come later in the same group wait again.
// What is waived already is passed over, so it may be run any number of times.
func (p *Pipeline) Waive(ctx context.Context, known *Pending, ids []string, reason, by string) error {
	names := map[string]bool{}
	for _, r := range known.Rejects {
		names[r.ID] = true
	}
	for _, s := range known.Suspense {
		names[s.ID] = true
	}
	_, err := p.usageLog().Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		usage, err := period.FoldUsage(entries, -1)
		if err != nil {
			return "", nil, err
		}
		body := period.Waive{Reason: reason, By: by}
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if _, waived := usage.Waived[id]; !names[id] && !waived {
				return "", nil, fmt.Errorf("%q is not pending in %s; `monthend pending list` names what is", schema.Shorten(id), known.Period)
			}
			if names[id] {
				body.IDs = append(body.IDs, id)
			}
		}
		if len(body.IDs) == 0 {
			return "", nil, nil
		}
		return period.KindWaive, body, nil
	})
	return err
}
