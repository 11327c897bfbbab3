package ingest

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// MergeRuns merges runs of the id index into one and returns its name. Memory
// does not depend on their size.
func (d *Delivery) MergeRuns(ctx context.Context, names []string) (string, error) {
	var runs runHeap
	defer func() {
		for _, r := range runs {
			r.close()
		}
	}()
	for _, name := range names {
		r, err := storedRun(ctx, d.Store, name)()
		if err != nil {
			return "", err
		}
		run := &openRun{in: bufio.NewReaderSize(r, 1<<16), close: r.Close}
		runs = append(runs, run)
		if more, err := run.next(); err != nil || !more {
			return "", errors.Join(err, fmt.Errorf("run %s of the id index is empty or broken", name))
		}
	}
	sum, _, err := d.storeFile(ctx, store.UsageIDs, func(w io.Writer) error { return runs.mergeInto(w) })
	return schema.ObjectName(sum, d.Generation), err
}

// openRun is a run while it is merged.
type openRun struct {
	in    *bufio.Reader
	entry [idBytes]byte
	close func() error
}

// next reads an entry and tells whether there is one.
func (r *openRun) next() (bool, error) {
	_, err := io.ReadFull(r.in, r.entry[:])
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

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].entry[:], h[j].entry[:]) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is not used: a heap only loses runs.
func (h *runHeap) Push(x any) { *h = append(*h, x.(*openRun)) }

// Pop takes the last run off.
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (h *runHeap) mergeInto(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	heap.Init(h)
	for h.Len() > 0 {
		least := (*h)[0]
		if _, err := out.Write(least.entry[:]); err != nil {
			return fmt.Errorf("write run of the id index: %w", err)
		}
		more, err := least.next()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(h, 0)
		default:
			least.close()
			heap.Pop(h)
		}
	}
	return out.Flush()
}
