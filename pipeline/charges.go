package pipeline

import (
	"io"

	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/schema/batch"
)

// chargesWriter encodes charges beside the rating, so that a second core has
// its share of the work. The bytes are those of the writer below.
type chargesWriter struct {
	batches chan *batch.Charges
	free    chan *batch.Charges // to be filled again
	done    chan error
}

// startCharges begins a file with an encoder that has closed the one before.
func startCharges(to *spool.ChargesWriter, out io.Writer) (*chargesWriter, error) {
	if err := to.Begin(out); err != nil {
		return nil, err
	}
	w := &chargesWriter{batches: make(chan *batch.Charges, 2), free: make(chan *batch.Charges, 3), done: make(chan error, 1)}
	for range cap(w.free) {
		w.free <- &batch.Charges{}
	}
	go func() {
		var first error
		for b := range w.batches {
			if first == nil {
				first = to.Write(b)
			}
			w.free <- b
		}
		if first == nil {
			first = to.Close()
		}
		w.done <- first
	}()
	return w, nil
}

// write hands a copy of the rows over. What goes wrong with them is told by
// close.
func (w *chargesWriter) write(c *batch.Charges) {
	to := <-w.free
	to.CopyFrom(c)
	w.batches <- to
}

// close waits until everything is written.
func (w *chargesWriter) close() error {
	close(w.batches)
	return <-w.done
}
