package ingest

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// flush has the current batch judged by the id index, and what is fresh of it
// written, while the next one is read. One batch is under way at a time, so that
// each is judged by all before it.
func (a *attempt) flush(ctx context.Context) error {
	if err := a.settle(); err != nil || a.usage.Len() == 0 {
		return err
	}
	c := &chunk{usage: a.usage, before: a.chunkRuns(), logged: a.logRuns(ctx), keep: len(a.failed)+len(a.clashes) == 0}
	a.usage, a.spare = a.spare, nil
	c.wait = background(func() { c.err = a.judge(ctx, c) })
	a.underWay = c
	if a.d.Source.Snapshot {
		return a.settle() // its rows are numbered by what was read so far
	}
	return nil
}

// chunk is a batch under way.
type chunk struct {
	usage          *batch.Usage
	before, logged []idRun // ids of this delivery and of the log
	keep           bool    // write what is fresh
	wait           func()

	ids   []identity
	fates []fate
	run   string     // file of its fresh ids, empty when there are none
	good  []string   // ids of rejects of the log that it makes good
	batch *fileBatch // nil when nothing was written
	err   error
}

// judge works on the chunk alone: what it finds is taken over by settle.
func (a *attempt) judge(ctx context.Context, c *chunk) (err error) {
	u := c.usage
	c.ids = identities(u)
	if c.fates, err = judge(c.ids, u.Len(), c.before, c.logged); err != nil {
		return err
	}
	run := encodeRun(c.ids, c.fates)
	if len(run) == 0 {
		return nil
	}
	if c.run, err = a.keepRun(run); err != nil || !c.keep {
		return err
	}
	c.good = resolves(a.known.Rejects, run)
	keep := make([]bool, u.Len())
	for i, fate := range c.fates {
		keep[i] = fate == fresh
	}
	c.batch, err = a.write(ctx, u.Sorted(keep))
	return err
}

// settle waits for the batch under way and takes over what was found.
func (a *attempt) settle() error {
	c := a.underWay
	if c == nil {
		return nil
	}
	a.underWay = nil
	c.wait()
	if c.err != nil {
		return c.err
	}
	for i, fate := range c.fates {
		a.count(c.usage, i, fate)
	}
	a.makeGood(c.usage, c.ids, c.fates)
	if c.run != "" {
		a.runs = append(a.runs, c.run)
	}
	a.resolved = append(a.resolved, c.good...)
	if c.batch != nil {
		a.batches = append(a.batches, *c.batch)
	}
	c.usage.Reset()
	a.spare = c.usage
	return nil
}

// makeGood notes the rejects of this delivery that a row of a later file makes
// good, as it would in a later delivery.
func (a *attempt) makeGood(u *batch.Usage, ids []identity, fates []fate) {
	if len(a.bad) == 0 {
		return
	}
	for _, id := range ids {
		name := hex.EncodeToString(id.id[:])
		if file, ok := a.bad[name]; ok && fates[id.row] == fresh && file < u.File[id.row] {
			a.good[name] = true
		}
	}
}

func (a *attempt) logRuns(ctx context.Context) []idRun {
	if a.d.Source.Snapshot {
		return nil
	}
	var runs []idRun
	for _, name := range a.known.Runs {
		runs = append(runs, storedRun(ctx, a.d.Store, name))
	}
	return runs
}

func (a *attempt) chunkRuns() []idRun {
	var runs []idRun
	for _, run := range a.runs {
		runs = append(runs, func() (io.ReadCloser, error) { return os.Open(run) })
	}
	return runs
}

// keepRun keeps a run, in a temporary file, for the batches that follow.
func (a *attempt) keepRun(run []byte) (path string, err error) {
	f, err := os.CreateTemp(a.d.TempDir, "ids-*")
	if err != nil {
		return "", fmt.Errorf("temporary file: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(run); err != nil {
		return f.Name(), fmt.Errorf("temporary file: %w", err)
	}
	return f.Name(), nil
}

// storeRuns brings the runs into the id index and returns their names.
func (a *attempt) storeRuns(ctx context.Context) ([]string, error) {
	var names []string
	for _, path := range a.runs {
		sum, _, err := a.d.storeFile(ctx, store.UsageIDs, func(w io.Writer) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
		if err != nil {
			return nil, err
		}
		names = append(names, schema.ObjectName(sum, a.d.Generation))
	}
	return names, nil
}

func (a *attempt) removeRuns() {
	for _, run := range a.runs {
		os.Remove(run)
	}
}
