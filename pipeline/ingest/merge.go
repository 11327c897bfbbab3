package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// MergeRuns merges runs of the id index into one and returns its name. Memory
// does not depend on their size.
func (d *Delivery) MergeRuns(ctx context.Context, names []string) (string, error) {
	runs := make([]idRun, len(names))
	for i, name := range names {
		runs[i] = storedRun(ctx, d.Store, name)
	}
	return d.mergeRuns(ctx, runs)
}

func (d *Delivery) mergeRuns(ctx context.Context, runs []idRun) (string, error) {
	h, err := openRuns(runs, fresh, d.runBuffer(len(runs)))
	defer h.close()
	if err != nil {
		return "", err
	}
	if len(h) < len(runs) {
		return "", errors.New("a run of the id index is empty")
	}
	sum, _, err := d.storeFile(ctx, store.UsageIDs, func(w io.Writer) error { return h.mergeInto(ctx, w) })
	return schema.ObjectName(sum, d.Generation), err
}

// openRun is a run while it is read.
type openRun struct {
	in    *bufio.Reader
	body  io.Closer
	entry [asideBytes]byte // what was read last: idBytes of it, or all
	size  int
	fate  fate // of a row with an id of this run and other content
	order int  // among runs that have the same id
}

// runBuffer is how many bytes of each of so many runs are read ahead.
func (d *Delivery) runBuffer(runs int) int {
	return int(min(1<<16, max(1<<12, d.memory()/32/int64(max(runs, 1)))))
}

func openIDs(open idRun, different fate, buffer int) (*openRun, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	return &openRun{in: bufio.NewReaderSize(r, buffer), body: r, size: idBytes, fate: different}, nil
}

func (r *openRun) close() { r.body.Close() } // it was read only

func (r *openRun) id() *idHash { return (*idHash)(r.entry[:16]) }

func (r *openRun) content() idHash { return idHash(r.entry[16:idBytes]) }

// next reads an entry and tells whether there is one.
func (r *openRun) next() (bool, error) {
	_, err := io.ReadFull(r.in, r.entry[:r.size])
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read run of the id index: %w", err)
	}
	return true, nil
}

// runHeap holds runs, the one with the least entry first.
type runHeap []*openRun

// openRuns opens runs; those without an entry are left out. What was opened is
// returned also with an error.
func openRuns(runs []idRun, different fate, buffer int) (runHeap, error) {
	var h runHeap
	for _, open := range runs {
		r, err := openIDs(open, different, buffer)
		if err != nil {
			return h, err
		}
		more, err := r.next()
		if !more {
			r.close()
		}
		if err != nil {
			return h, err
		}
		if more {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	return h, nil
}

func (h runHeap) close() {
	for _, r := range h {
		r.close()
	}
}

func (h runHeap) Len() int { return len(h) }

// Less is part of heap.Interface.
func (h runHeap) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }

func (r *openRun) compare(o *openRun) int {
	if a, b := r.id().prefix(), o.id().prefix(); a != b {
		return cmp.Compare(a, b)
	}
	return cmp.Or(bytes.Compare(r.entry[8:16], o.entry[8:16]), cmp.Compare(r.order, o.order))
}

func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is not used: a heap only loses runs.
func (h *runHeap) Push(x any) { *h = append(*h, x.(*openRun)) }

// Pop takes the last run off.
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// advance moves the run with the least entry on to its next one.
func (h *runHeap) advance() error {
	more, err := (*h)[0].next()
	switch {
	case err != nil:
		return err
	case more:
		h.sink()
	default:
		(*h)[0].close()
		heap.Pop(h)
	}
	return nil
}

// sink is heap.Fix of the first, without the calls through an interface.
func (h *runHeap) sink() {
	s := *h
	for i := 0; ; {
		least := 2*i + 1
		if least >= len(s) {
			return
		}
		if least+1 < len(s) && s.Less(least+1, least) {
			least++
		}
		if !s.Less(least, i) {
			return
		}
		s.Swap(least, i)
		i = least
	}
}

func (h *runHeap) mergeInto(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for n := 1; h.Len() > 0; n++ {
		if n&0xffff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := out.Write((*h)[0].entry[:idBytes]); err != nil {
			return fmt.Errorf("write run of the id index: %w", err)
		}
		if err := h.advance(); err != nil {
			return err
		}
	}
	return out.Flush()
}

// find moves all runs on to an id and returns the run that has it, or nil.
func (h *runHeap) find(id *idHash) (*openRun, error) {
	for h.Len() > 0 {
		least := (*h)[0]
		if c := bytes.Compare(least.entry[:16], id[:]); c == 0 {
			return least, nil
		} else if c > 0 {
			return nil, nil
		}
		if err := least.skip(id.prefix()); err != nil {
			return nil, err
		}
		if err := h.advance(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// skip moves the run on behind entries that are buffered and whose next one
// still has a lesser prefix.
func (r *openRun) skip(prefix uint64) error {
	for {
		ahead, err := r.in.Peek(8)
		if err != nil || binary.BigEndian.Uint64(ahead) >= prefix {
			return nil // an error comes again when it is read
		}
		if _, err := r.in.Discard(r.size); err != nil {
			return fmt.Errorf("read run of the id index: %w", err)
		}
	}
}
