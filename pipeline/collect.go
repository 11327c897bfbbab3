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
	Keys    []string `json:"keys"` // objects below usage/, and of runs of which other objects stay
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
	gone, err := c.sweep(ctx, c.p.usageLog(), found, ofUsage, func(names []string) period.Collect { return period.Collect{Keys: names} })
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
		c.note(logs[log], info.Key, info)
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		log := period.Log{Store: c.p.Store, Name: name}
		gone, err := c.sweep(ctx, log, logs[name], ofRuns, func(names []string) period.Collect {
			runs, keys := splitNames(names)
			return period.Collect{Runs: runs, Keys: keys}
		})
		runs, keys := splitNames(gone)
		c.done.Runs, c.done.Keys = append(c.done.Runs, runs...), append(c.done.Keys, keys...)
		if err != nil {
			return err
		}
	}
	return nil
}

// splitNames tells run-ids and keys apart.
func splitNames(names []string) (runs, keys []string) {
	for _, name := range names {
		if strings.HasPrefix(name, "run/") {
			keys = append(keys, name)
		} else {
			runs = append(runs, name)
		}
	}
	return runs, keys
}

// named is what a log says of names.
type named struct {
	keeps     func(name string) bool
	condemned map[string]bool
}

// ofUsage is what the usage log says of the keys below usage/.
func ofUsage(entries []period.Entry) (named, error) {
	keys, condemned, err := usageNames(entries)
	return named{func(key string) bool { return keys[key] }, condemned}, err
}

// ofRuns is what a period's log says of its runs and of their keys. A run of which
// nothing is named goes as a whole; of any other, the keys that are not named.
func ofRuns(entries []period.Entry) (named, error) {
	n, err := runNames(entries)
	return named{func(name string) bool {
		if run, _, isKey := store.RunOf(name); isKey {
			return n.keys[name] || !n.runs[run]
		}
		return n.runs[name]
	}, n.condemned}, err
}

// sweep condemns in a log what its records do not name, and then deletes it.
// What an earlier collection condemned and did not come to delete needs no new
// record.
func (c *collector) sweep(ctx context.Context, log period.Log, found garbageByName,
	namesOf func([]period.Entry) (named, error), record func([]string) period.Collect) ([]string, error) {
	var condemn []string
	entries, err := log.Commit(ctx, c.p.stamp, func(entries []period.Entry) (string, any, error) {
		log, err := namesOf(entries)
		if err != nil {
			return "", nil, err
		}
		condemn = nil
		for _, name := range slices.Sorted(maps.Keys(found)) {
			if !log.keeps(name) && !log.condemned[name] && !found[name].young && len(condemn) < condemnedPerRecord {
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
	now, err := namesOf(entries)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		g := found[name]
		if now.keeps(name) {
			continue
		}
		if g.young {
			c.done.Young += int64(len(g.infos))
			continue
		}
		if !now.condemned[name] && !(c.done.DryRun && slices.Contains(condemn, name)) {
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

// runsNamed is what a period's log says of objects below run/.
type runsNamed struct {
	keys      map[string]bool // named
	runs      map[string]bool // of which a key is named, by run-id
	condemned map[string]bool // run-ids and keys
}

// runNames returns what a period's log still needs: the objects that CLOSE and
// PUBLISH name, or the newest REFRESH while there is no CLOSE. Some may be those
// of earlier runs.
func runNames(entries []period.Entry) (runsNamed, error) {
	n := runsNamed{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	m, err := period.FoldMonth(entries)
	if err != nil {
		return n, err
	}
	if run := newestRun(m); run != nil {
		n.runs[run.ID] = true
		for _, o := range objectsOfRun(run) {
			n.add(o.Key)
		}
	}
	if m.Publish != nil {
		for _, o := range m.Publish.Documents {
			n.add(o.Key)
		}
	}
	for _, e := range entries {
		if e.Kind == period.KindCollect {
			if err := condemnedBy(e, n.condemned); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (n *runsNamed) add(key string) {
	if run, _, ok := store.RunOf(key); ok {
		n.keys[key], n.runs[run] = true, true
	}
}

// objectsOfRun lists everything that a run names.
func objectsOfRun(run *period.Run) []period.Object {
	list := slices.Clone(run.Inputs)
	for _, c := range run.Charges {
		list = append(list, c.Object)
	}
	for _, b := range run.Bills {
		list = append(list, b.Bill)
	}
	return list
}
