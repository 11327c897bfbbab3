package pipeline

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// DefaultGrace is how old garbage must be before it is collected, by the times
// of the store: so long a reader that began at a committed record finds its
// files.
const DefaultGrace = 7 * 24 * time.Hour

// condemnedPerRecord bounds how many names one GC record holds; the rest waits
// for the next collection.
const condemnedPerRecord = 5000

// Collected is what a collection came to.
type Collected struct {
	DryRun  bool     `json:"dry_run"`
	Runs    []string `json:"runs"` // run-ids
	Keys    []string `json:"keys"` // objects below usage/
	Objects int64    `json:"objects"`
	Bytes   int64    `json:"bytes"`
	Young   int64    `json:"young"`   // objects that nothing names and that are within the grace time
	Foreign []string `json:"foreign"` // keys below run/ that no run of ours has; left alone
}

// Collect deletes what lies below run/ and usage/, is named by no record and is
// older than the grace time. Records are never deleted.
//
// The collector is a writer. Every key of these folders can be named by one log
// alone: below usage/ the usage log, below run/ the log of the run's period. It
// first commits a GC record there that condemns the names; a writer that decided
// from an older prefix loses its slot, and writes again under the names of the
// next generation. So no record can come to name what is about to be deleted.
func (p *Pipeline) Collect(ctx context.Context, grace time.Duration, dryRun bool) (*Collected, error) {
	c := &collector{p: p, before: p.Now().Add(-grace), done: &Collected{DryRun: dryRun}}
	if err := c.usage(ctx); err != nil {
		return c.done, err
	}
	return c.done, c.runs(ctx)
}

type collector struct {
	p      *Pipeline
	before time.Time // what was written later is within the grace time
	done   *Collected
}

// garbage is a name that may be condemned, and the objects behind it.
type garbage struct {
	infos []store.Info
	young bool
}

type garbageByName = map[string]*garbage

func (c *collector) note(found garbageByName, name string, info store.Info) {
	g := found[name]
	if g == nil {
		g = &garbage{}
		found[name] = g
	}
	g.infos = append(g.infos, info)
	g.young = g.young || !info.Modified.Before(c.before)
}

func (c *collector) usage(ctx context.Context) error {
	found := garbageByName{}
	err := c.p.list(ctx, "usage/", func(info store.Info) { c.note(found, info.Key, info) })
	if err != nil {
		return err
	}
	gone, err := c.sweep(ctx, c.p.usageLog(), found, usageNames, func(names []string) period.Collect { return period.Collect{Keys: names} })
	c.done.Keys = append(c.done.Keys, gone...)
	return err
}

func (c *collector) runs(ctx context.Context) error {
	logs := map[string]garbageByName{}
	err := c.p.list(ctx, "run/", func(info store.Info) {
		run, log, ok := store.RunOf(info.Key)
		if !ok {
			c.done.Foreign = append(c.done.Foreign, info.Key)
			return
		}
		if logs[log] == nil {
			logs[log] = garbageByName{}
		}
		c.note(logs[log], run, info)
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		log := period.Log{Store: c.p.Store, Name: name}
		gone, err := c.sweep(ctx, log, logs[name], runNames, func(names []string) period.Collect { return period.Collect{Runs: names} })
		c.done.Runs = append(c.done.Runs, gone...)
		if err != nil {
			return err
		}
	}
	return nil
}

// sweep condemns in a log what its records do not name, and then deletes it.
// What an earlier collection condemned and did not come to delete needs no new
// record.
func (c *collector) sweep(ctx context.Context, log period.Log, found garbageByName,
	namesOf func([]period.Entry) (named, condemned map[string]bool, err error), record func([]string) period.Collect) ([]string, error) {
	var condemn []string
	entries, err := log.Commit(ctx, c.p.stamp, func(entries []period.Entry) (string, any, error) {
		named, condemned, err := namesOf(entries)
		if err != nil {
			return "", nil, err
		}
		condemn = nil
		for _, name := range slices.Sorted(maps.Keys(found)) {
			if !named[name] && !condemned[name] && !found[name].young && len(condemn) < condemnedPerRecord {
				condemn = append(condemn, name)
			}
		}
		if len(condemn) == 0 || c.done.DryRun {
			return "", nil, nil
		}
		return period.KindCollect, record(condemn), nil
	})
	if err != nil {
		return nil, err
	}
	// Look once more at all that the log holds now before anything is deleted.
	if entries, err = log.ReadOn(ctx, entries); err != nil {
		return nil, err
	}
	named, condemned, err := namesOf(entries)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		g := found[name]
		if named[name] {
			continue
		}
		if g.young {
			c.done.Young += int64(len(g.infos))
			continue
		}
		if !condemned[name] && !(c.done.DryRun && slices.Contains(condemn, name)) {
			continue
		}
		if err := c.remove(ctx, g); err != nil {
			return gone, err
		}
		gone = append(gone, name)
	}
	return gone, nil
}

func (c *collector) remove(ctx context.Context, g *garbage) error {
	for _, info := range g.infos {
		if !c.done.DryRun {
			err := store.Repeat(ctx, c.p.Store, func() error { return c.p.Store.Delete(ctx, info.Key) })
			if err != nil {
				return err
			}
		}
		c.done.Objects++
		c.done.Bytes += info.Size
	}
	return nil
}

// list reads a listing whole; a listing that breaks off is begun again.
func (p *Pipeline) list(ctx context.Context, prefix string, fn func(store.Info)) error {
	var infos []store.Info
	err := store.Repeat(ctx, p.Store, func() error {
		infos = infos[:0]
		return p.Store.List(ctx, prefix, func(info store.Info) error {
			infos = append(infos, info)
			return nil
		})
	})
	for _, info := range infos {
		fn(info)
	}
	return err
}

// usageNames returns the keys below usage/ that the usage log names, and those
// that it condemns.
func usageNames(entries []period.Entry) (named, condemned map[string]bool, err error) {
	named, condemned = map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		switch e.Kind {
		case period.KindIngest:
			var body period.Ingest
			if err := e.Decode(&body); err != nil {
				return nil, nil, err
			}
			for _, key := range keysOfIngest(body) {
				named[key] = true
			}
		case period.KindMerge:
			var body period.Merge
			if err := e.Decode(&body); err != nil {
				return nil, nil, err
			}
			named[store.UsageIDs(body.Add)] = true
		case period.KindReject:
			var body period.Rejected
			if err := e.Decode(&body); err != nil {
				return nil, nil, err
			}
			named[store.UsageRejected(body.Object)] = true
		case period.KindCollect:
			if err := condemnedBy(e, condemned); err != nil {
				return nil, nil, err
			}
		}
	}
	return named, condemned, nil
}

func keysOfIngest(body period.Ingest) []string {
	var keys []string
	for _, b := range body.Batches {
		keys = append(keys, store.UsageBatch(b.Name()))
	}
	for _, name := range body.IDs {
		keys = append(keys, store.UsageIDs(name))
	}
	if body.Rejected != "" {
		keys = append(keys, store.UsageRejected(body.Rejected))
	}
	return keys
}

func condemnedBy(e period.Entry, condemned map[string]bool) error {
	var body period.Collect
	if err := e.Decode(&body); err != nil {
		return err
	}
	for _, name := range slices.Concat(body.Keys, body.Runs) {
		condemned[name] = true
	}
	return nil
}

// runNames returns the runs that a period's log still needs: those of CLOSE and
// PUBLISH, or of the newest REFRESH while there is no CLOSE. It also returns
// those that the log condemns.
func runNames(entries []period.Entry) (named, condemned map[string]bool, err error) {
	m, err := period.FoldMonth(entries)
	if err != nil {
		return nil, nil, err
	}
	named, condemned = map[string]bool{}, map[string]bool{}
	if run := newestRun(m); run != nil {
		named[run.ID] = true
	}
	if m.Publish != nil {
		for _, o := range m.Publish.Documents {
			if run, _, ok := store.RunOf(o.Key); ok && strings.HasPrefix(o.Key, "run/") {
				named[run] = true
			}
		}
	}
	for _, e := range entries {
		if e.Kind == period.KindCollect {
			if err := condemnedBy(e, condemned); err != nil {
				return nil, nil, err
			}
		}
	}
	return named, condemned, nil
}
