package ingest

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// chunk is as many rows as make one batch. It is filled by the reader; then it is
// sorted, hashed, judged by the id index and written in a goroutine of its own,
// while others are at other stages. Only the judging waits for the chunk before,
// so that each is judged by all before it: nothing depends on how many chunks are
// under way.
type chunk struct {
	usage       *batch.Usage
	first, last bool              // of the delivery
	keep        bool              // write what is fresh
	bad         map[idHash]uint32 // rejects of the files that were read before
	wait        func()

	*desk // while it is under way

	run      string   // file of its fresh ids, empty when there are none
	aside    *aside   // its doubtful rows, nil when there are none
	good     []idHash // of rejects of this delivery that it makes good
	resolved []idHash // of rejects of the log that it makes good
	batch    *fileBatch
	temps    []string // temporary files
	err      error
}

// desk is the memory that the work on one chunk takes, and what is kept from
// chunk to chunk of the values of their dictionaries.
type desk struct {
	sorter batch.Sorter
	hashes valueHashes
	writer spool.UsageWriter
	order  []uint32 // rows in the canonical order
	ids    []identity
	fates  []fate
}

// flush hands the current chunk on and gets another one to fill.
func (a *attempt) flush(ctx context.Context, last bool) error {
	if a.current.usage.Len() == 0 {
		return nil
	}
	if len(a.underWay) == a.space.chunks {
		if err := a.settle(); err != nil {
			return err
		}
	}
	c, turn, judged := a.current, a.judged, make(chan struct{})
	c.first, c.last, c.keep, c.bad = turn == nil, last, len(a.failed)+len(a.clashes) == 0, maps.Clone(a.bad)
	full := c.usage.Len()
	c.usage.Freeze()
	c.desk = a.idleDesk()
	c.wait = background(func() { c.err = a.work(ctx, c, turn, judged) })
	a.underWay, a.judged = append(a.underWay, c), judged
	if a.d.Source.Snapshot {
		// The rows of a snapshot are numbered by what was read so far.
		if err := a.settle(); err != nil {
			return err
		}
	}
	if a.dims.Len() > a.space.rows {
		a.dims, a.sources = batch.NewDims(), batch.NewTable[string]()
	}
	a.current = a.idleChunk()
	if !last {
		a.current.usage.Reserve(full)
	}
	return nil
}

// idleChunk returns an empty chunk over the dictionaries of the attempt. They
// are shared, so that what is made of a value is made once; they are given up
// when they hold more than a batch of nothing but new values would.
func (a *attempt) idleChunk() *chunk {
	c := &chunk{usage: batch.NewUsage()}
	if n := len(a.idle); n > 0 {
		c, a.idle = a.idle[n-1], a.idle[:n-1]
	}
	c.usage.Reset(a.dims, a.sources)
	return c
}

func (a *attempt) idleDesk() *desk {
	if len(a.desks) == 0 {
		return &desk{}
	}
	d := a.desks[len(a.desks)-1]
	a.desks = a.desks[:len(a.desks)-1]
	return d
}

// work touches the chunk alone, and the filter in its turn: what it finds is
// taken over by settle.
func (a *attempt) work(ctx context.Context, c *chunk, turn <-chan struct{}, judged chan<- struct{}) error {
	if err := a.judge(ctx, c, turn, judged); err != nil {
		return err
	}
	n := 0
	var err error
	c.run, err = a.temp(c, func(w io.Writer) (err error) { n, err = c.writeRun(w); return err })
	if n == 0 {
		c.run = ""
	}
	if err == nil {
		err = a.putAside(c)
	}
	if err != nil || n == 0 {
		return err
	}
	c.findRejects(a.waiting)
	if c.keep {
		c.batch, err = a.write(ctx, c, c.freshRows())
	}
	return err
}

func (a *attempt) judge(ctx context.Context, c *chunk, turn <-chan struct{}, judged chan<- struct{}) error {
	defer close(judged)
	c.order = append(c.order[:0], c.sorter.Order(c.usage)...)
	c.identities()
	if !c.first {
		<-turn
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.judge(a.filter, a.logRuns(ctx))
}

// findRejects notes the rejects of the log, and of files of this delivery, that
// a fresh row makes good: of files before its own, as it would in a later
// delivery.
func (c *chunk) findRejects(waiting map[idHash]bool) {
	if len(waiting)+len(c.bad) == 0 {
		return
	}
	for _, id := range c.ids {
		if c.fates[id.row] != fresh {
			continue
		}
		if waiting[id.id] {
			c.resolved = append(c.resolved, id.id)
		}
		if file, ok := c.bad[id.id]; ok && file < c.usage.File[id.row] {
			c.good = append(c.good, id.id)
		}
	}
}

// freshRows narrows the order of the rows down to those that are fresh.
func (c *chunk) freshRows() []uint32 {
	rows := c.order[:0]
	for _, row := range c.order {
		if c.fates[row] == fresh {
			rows = append(rows, row)
		}
	}
	return rows
}

// settle waits for the oldest chunk under way and takes over what was found.
func (a *attempt) settle() error {
	c := a.underWay[0]
	a.underWay = a.underWay[1:]
	c.wait()
	a.temps = append(a.temps, c.temps...)
	if c.err != nil {
		return c.err
	}
	for i, fate := range c.fates {
		a.count(c.usage, i, fate)
	}
	a.found(c.good, c.resolved)
	if c.run != "" {
		a.runs = append(a.runs, c.run)
	}
	if c.aside != nil {
		a.asides = append(a.asides, c.aside)
	}
	if c.batch != nil {
		a.batches = append(a.batches, *c.batch)
	}
	c.run, c.aside, c.batch, c.good, c.resolved, c.temps = "", nil, nil, nil, nil, nil
	a.desks, c.desk = append(a.desks, c.desk), nil
	a.idle = append(a.idle, c)
	return nil
}

func (a *attempt) settleAll() (err error) {
	for len(a.underWay) > 0 {
		if settleErr := a.settle(); err == nil {
			err = settleErr
		}
	}
	return err
}

func (a *attempt) found(good, resolved []idHash) {
	for _, id := range good {
		a.good[hex.EncodeToString(id[:])] = true
	}
	for _, id := range resolved {
		a.resolved[hex.EncodeToString(id[:])] = true
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
		runs = append(runs, fileRun(run))
	}
	return runs
}

// temp fills a temporary file, which goes away with the attempt.
func (a *attempt) temp(c *chunk, fill func(io.Writer) error) (path string, err error) {
	f, err := os.CreateTemp(a.d.TempDir, "chunk-*")
	if err != nil {
		return "", fmt.Errorf("temporary file: %w", err)
	}
	c.temps = append(c.temps, f.Name())
	defer f.Close()
	return f.Name(), fill(f)
}

// partIDs is how many ids a run of the index has at least when a delivery brings
// several, and maxParts how many it brings: a later one opens them all.
const (
	partIDs  = 4 << 20
	maxParts = 4
)

// storeRuns brings runs of the delivery into the index: as one run or, when the
// ids are many, as one for each part of their range, merged side by side.
func (a *attempt) storeRuns(ctx context.Context, paths []string) error {
	if len(paths) == 0 || a.d.Source.Snapshot {
		return nil
	}
	size := int64(0)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		size += info.Size()
	}
	parts := make([][]idRun, min(max(size/idBytes/partIDs, 1), maxParts))
	for _, path := range paths {
		runs, err := partsOf(path, len(parts))
		if err != nil {
			return err
		}
		for part, run := range runs {
			if run != nil {
				parts[part] = append(parts[part], run)
			}
		}
	}
	parts = slices.DeleteFunc(parts, func(runs []idRun) bool { return len(runs) == 0 })
	names := make([]string, len(parts))
	err := store.InParallel(a.space.workers, len(parts), func(i int) (err error) {
		names[i], err = a.d.mergeRuns(ctx, parts[i])
		return err
	})
	a.stored = append(a.stored, names...)
	return err
}

func (a *attempt) removeTemps() {
	for _, path := range a.temps {
		os.Remove(path)
	}
}

// write stores rows of a chunk as accepted usage.
func (a *attempt) write(ctx context.Context, c *chunk, rows []uint32) (*fileBatch, error) {
	u := c.usage
	first, last := u.Hour(int(rows[0])), u.Hour(int(rows[0]))
	for _, row := range rows {
		first, last = min(first, u.Hour(int(row))), max(last, u.Hour(int(row)))
	}
	file := u.File[rows[0]]
	if a.d.Source.Snapshot {
		setAll(u.File, a.numberInPeriod(file, u.Hour(int(rows[0]))))
		defer setAll(u.File, file)
	}
	sum, size, err := a.d.storeFile(ctx, store.UsageBatch, func(w io.Writer) error { return c.writer.Write(w, u, rows) })
	return &fileBatch{file: int(file), UsageBatch: schema.UsageBatch{
		SHA256: sum, Generation: a.d.Generation, Bytes: size, Rows: int64(len(rows)), FirstHour: first, LastHour: last}}, err
}

func setAll(s []uint32, v uint32) {
	for i := range s {
		s[i] = v
	}
}
