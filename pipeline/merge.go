package pipeline

import (
	"context"
	"errors"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// mergeFan is how many runs of the id index of one level are merged into one of
// the next. An ingest opens every run, so their number must not grow with the
// number of deliveries: with n deliveries it stays below 16 log16(n).
const mergeFan = 16

// mergeIDs merges runs of the id index until no level is full.
func (p *Pipeline) mergeIDs(ctx context.Context) error {
	for {
		entries, state, err := p.readUsage(ctx, -1)
		if err != nil {
			return err
		}
		level, names := fullLevel(state)
		if len(names) == 0 {
			return nil
		}
		d := &ingest.Delivery{Store: p.Store, TempDir: p.TempDir, Generation: state.Generation}
		merged, err := d.MergeRuns(ctx, names)
		if errors.Is(err, store.ErrNotFound) && p.collectedSince(ctx, entries) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = p.usageLog().Append(ctx, entries, p.stamp(), period.KindMerge, period.Merge{Drop: names, Add: merged, Level: level + 1})
		if err != nil && !errors.Is(err, period.ErrLost) {
			return err
		}
	}
}

// fullLevel returns the oldest runs of the lowest level that is full.
func fullLevel(state *period.Usage) (level int, names []string) {
	byLevel := map[int][]string{}
	highest := 0
	for _, name := range state.IDs {
		l := state.Levels[name]
		byLevel[l] = append(byLevel[l], name)
		highest = max(highest, l)
	}
	for l := range highest + 1 {
		if len(byLevel[l]) >= mergeFan {
			return l, byLevel[l][:mergeFan]
		}
	}
	return 0, nil
}
