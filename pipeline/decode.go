package pipeline

import (
	"context"
	"fmt"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
)

// maxAhead bounds how many batches of usage are decoded at a time, each in memory
// of its own, ahead of the one whose records are placed. The records come in the
// order of the log all the same.
const maxAhead = 4

// decoding is a batch of usage that is being read, over dictionaries of its own:
// two readers cannot share one.
type decoding struct {
	of    period.SlotBatch
	parts chan *batch.Usage // closed at the end
	free  chan *batch.Usage // parts to be filled again
	err   error             // what ended it; to be read after parts is closed
}

// decode reads the batches in order and hands their records on, part by part.
// Parts are valid during the call only; their codes are of the dictionaries given.
func (p *Pipeline) decode(ctx context.Context, batches []period.SlotBatch, trace bool, dims *batch.Dims,
	fn func(period.SlotBatch, *batch.Usage) error, end func(period.SlotBatch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var started []*decoding
	defer func() {
		cancel()
		for _, d := range started {
			for range d.parts { // waits until the reader has let go of its file
			}
		}
	}()
	for i := range batches {
		for len(started) < min(i+min(p.workers(), maxAhead), len(batches)) {
			started = append(started, p.startDecoding(ctx, batches[len(started)], trace))
		}
		if err := started[i].each(dims, fn); err != nil {
			return err
		}
		if err := end(batches[i]); err != nil {
			return err
		}
		started[i] = &decoding{parts: closedParts()}
	}
	return nil
}

func closedParts() chan *batch.Usage {
	c := make(chan *batch.Usage)
	close(c)
	return c
}

func (p *Pipeline) startDecoding(ctx context.Context, b period.SlotBatch, trace bool) *decoding {
	d := &decoding{of: b, parts: make(chan *batch.Usage, 2), free: make(chan *batch.Usage, 2)}
	for range cap(d.free) {
		d.free <- batch.NewUsage()
	}
	go func() {
		defer close(d.parts)
		if err := d.read(ctx, p, trace); err != nil {
			d.err = fmt.Errorf("%s: %w", store.UsageBatch(b.Name()), err)
		}
	}()
	return d
}

func (d *decoding) read(ctx context.Context, p *Pipeline, trace bool) error {
	f, err := p.fetchChecked(ctx, period.Object{Key: store.UsageBatch(d.of.Name()), Bytes: d.of.Bytes, SHA256: d.of.SHA256})
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := spool.OpenUsage(f, trace)
	if err != nil {
		return err
	}
	rows := int64(0)
	for {
		var part *batch.Usage
		select {
		case part = <-d.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		more, err := in.Read(ctx, part)
		switch {
		case err != nil:
			return err
		case more:
			rows += int64(part.Len())
			d.parts <- part // there is room for all
			continue
		case rows != d.of.Rows:
			return fmt.Errorf("holds %d records, the log says %d; run verify", rows, d.of.Rows)
		}
		return nil
	}
}

// each hands the parts on with the codes of shared dictionaries.
func (d *decoding) each(dims *batch.Dims, fn func(period.SlotBatch, *batch.Usage) error) error {
	for part := range d.parts {
		part.Recode(dims)
		if err := fn(d.of, part); err != nil {
			return err
		}
		d.free <- part
	}
	return d.err
}
