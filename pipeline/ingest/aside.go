package ingest

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// aside holds the doubtful rows of one chunk until all chunks are read. Then
// one pass over all runs tells which of them are known, whatever their number:
// that is nearly all of them, and those that are fresh after all make batches
// of their own.
type aside struct {
	ids   string // temporary file: identities, sorted by id and place
	rows  string // temporary file: the rows by place, as usage
	fates []fate // by place
}

// asideBytes is the size of one identity that was put aside:
//
//	id hash 16 | content hash 16 | place 4 | file 4
const asideBytes = idBytes + 8

// putAside writes the doubtful rows of a chunk to temporary files.
func (a *attempt) putAside(c *chunk) (err error) {
	var rows []uint32
	for row, fate := range c.fates {
		if fate == doubtful {
			rows = append(rows, uint32(row))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	s := &aside{fates: make([]fate, len(rows))}
	if s.ids, err = a.temp(c, func(w io.Writer) error { return c.writeDoubtful(w, rows) }); err != nil {
		return err
	}
	if s.rows, err = a.temp(c, func(w io.Writer) error { return c.writer.Write(w, c.usage, rows) }); err != nil {
		return err
	}
	c.aside = s
	return nil
}

// writeDoubtful writes the identities of doubtful rows, of which rows is the
// sorted list.
func (c *chunk) writeDoubtful(w io.Writer, rows []uint32) error {
	out := bufio.NewWriterSize(w, 1<<16)
	var entry [asideBytes]byte
	for i := range c.ids {
		id := &c.ids[i]
		if c.fates[id.row] != doubtful {
			continue
		}
		place, _ := slices.BinarySearch(rows, id.row)
		copy(entry[:16], id.id[:])
		copy(entry[16:], id.content[:])
		binary.LittleEndian.PutUint32(entry[idBytes:], uint32(place))
		binary.LittleEndian.PutUint32(entry[idBytes+4:], c.usage.File[id.row])
		if _, err := out.Write(entry[:]); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// resolve gives the rows that were put aside their fates and takes them in.
func (a *attempt) resolve(ctx context.Context) error {
	if len(a.asides) == 0 {
		return nil
	}
	a.current.temps, a.current.desk = nil, a.idleDesk()
	var duplicates map[uint32]int64
	n := 0
	run, err := a.temp(a.current, func(w io.Writer) (err error) {
		for try := 1; ; try++ {
			duplicates, n, err = a.judgeAsides(ctx, w)
			if try == runTries || !errors.Is(err, store.ErrUnsettled) {
				return err
			}
			if err := rewind(w.(*os.File)); err != nil {
				return err
			}
		}
	})
	a.temps = append(a.temps, a.current.temps...)
	if err != nil {
		return err
	}
	for file, n := range duplicates {
		a.files[file].Duplicate += n
	}
	if n > 0 {
		a.runs = append(a.runs, run)
	}
	for _, s := range a.asides {
		if err := a.takeAside(ctx, s); err != nil {
			return err
		}
	}
	return a.flushLate(ctx)
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	if err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// judgeAsides walks all rows put aside, in the order of their ids, beside the
// runs of this delivery and of the log. It writes the ids that are fresh as a
// run and counts the duplicates by file.
func (a *attempt) judgeAsides(ctx context.Context, w io.Writer) (duplicates map[uint32]int64, n int, err error) {
	buffer := a.d.runBuffer(len(a.runs) + len(a.asides))
	known, err := openRuns(a.chunkRuns(), conflict, buffer)
	defer func() { known.close() }()
	if err != nil {
		return nil, 0, err
	}
	logged, err := openRuns(a.logRuns(ctx), taken, 1<<16)
	known = append(known, logged...)
	heap.Init(&known)
	if err != nil {
		return nil, 0, err
	}
	doubts, err := a.openAsides(buffer)
	defer func() { doubts.close() }()
	if err != nil {
		return nil, 0, err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	duplicates = map[uint32]int64{}
	for doubts.Len() > 0 && ctx.Err() == nil {
		fresh, err := a.judgeDoubt(&known, &doubts, out, duplicates)
		if err != nil {
			return nil, 0, err
		}
		n += fresh
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	return duplicates, n, out.Flush()
}

func (a *attempt) openAsides(buffer int) (runHeap, error) {
	var doubts runHeap
	for i, s := range a.asides {
		r, err := openIDs(fileRun(s.ids), fresh, buffer)
		if err != nil {
			return doubts, fmt.Errorf("temporary file: %w", err)
		}
		r.size, r.order = asideBytes, i
		doubts = append(doubts, r)
		if _, err := r.next(); err != nil {
			return doubts, err
		}
	}
	heap.Init(&doubts)
	return doubts, nil
}

// judgeDoubt judges all rows that share the least id, in the order of arrival.
// It returns 1 when the first of them is fresh.
func (a *attempt) judgeDoubt(known, doubts *runHeap, run io.Writer, duplicates map[uint32]int64) (n int, err error) {
	id := *(*doubts)[0].id()
	before, err := known.find(&id)
	if err != nil {
		return 0, err
	}
	var content idHash
	different := conflict
	if before != nil {
		content, different = before.content(), before.fate
	}
	for doubts.Len() > 0 && *(*doubts)[0].id() == id {
		r := (*doubts)[0]
		place, file := binary.LittleEndian.Uint32(r.entry[idBytes:]), binary.LittleEndian.Uint32(r.entry[idBytes+4:])
		is := fresh
		if before == nil && n == 0 {
			n, content = 1, r.content()
			if _, err := run.Write(r.entry[:idBytes]); err != nil {
				return 0, fmt.Errorf("temporary file: %w", err)
			}
		} else {
			is = compareContent(r.content(), content, different)
		}
		if is == duplicate {
			duplicates[file]++
		}
		a.asides[r.order].fates[place] = is
		if err := doubts.advance(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// takeAside takes the rows in that are fresh, and notes the conflicts.
func (a *attempt) takeAside(ctx context.Context, s *aside) error {
	if !slices.ContainsFunc(s.fates, func(f fate) bool { return f != duplicate }) {
		return nil
	}
	f, err := os.Open(s.rows)
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	defer f.Close()
	place := 0
	return spool.ReadUsage(ctx, f, batch.NewDims(), true, func(u *batch.Usage) error {
		for i := range u.Len() {
			fate := s.fates[place]
			place++
			if fate == duplicate {
				continue
			}
			a.count(u, i, fate)
			if fate != fresh {
				continue
			}
			rec := u.Record(i)
			if err := a.takeLate(ctx, &rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeLate adds a row that is fresh after all to the current chunk, which is
// used for nothing else any more.
func (a *attempt) takeLate(ctx context.Context, rec *schema.Record) error {
	late := a.current.usage
	full := late.Len() >= a.space.rows
	if full || a.d.Source.Snapshot && late.Len() > 0 && late.File[0] != rec.File {
		if err := a.flushLate(ctx); err != nil {
			return err
		}
	}
	late.Append(rec)
	id := idHash(HashID(rec.Source, rec.RecordID))
	if file, ok := a.bad[id]; ok && file < rec.File {
		a.found([]idHash{id}, nil)
	}
	if a.waiting[id] {
		a.found(nil, []idHash{id})
	}
	return nil
}

func (a *attempt) flushLate(ctx context.Context) error {
	late := a.current.usage
	if late.Len() == 0 {
		return nil
	}
	if len(a.failed)+len(a.clashes) == 0 {
		b, err := a.write(ctx, a.current, a.current.sorter.Order(late))
		if err != nil {
			return err
		}
		a.batches = append(a.batches, *b)
	}
	late.Reset(batch.NewDims(), batch.NewTable[string]())
	return nil
}
