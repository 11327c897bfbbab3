package ingest

import (
	"context"
	"errors"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// Small files are read before their turn, several at a time: opening one and
// making sense of it takes longer than the few records in it. Only a file whose
// records come as one sound group is taken from here; any other is read again in
// its turn, as if nothing had been read of it before.

// smallRead is a small file that was read ahead.
type smallRead struct {
	group *batch.Group
	sum   Summary
}

// aheadReader reads small files before their turn.
type aheadReader struct {
	reads []chan *smallRead // by file; nil for one that is not read ahead
	room  chan struct{}     // one for each file that may be read and not yet taken
	stop  func()
}

// aheadFiles is how many files for each worker are read and not yet taken.
const aheadFiles = 4

// startAhead begins to read; without a second worker no file is read ahead.
func (a *attempt) startAhead(ctx context.Context, files []hashedInput) *aheadReader {
	ctx, cancel := context.WithCancel(ctx)
	r := &aheadReader{reads: make([]chan *smallRead, len(files)), room: make(chan struct{}, aheadFiles*a.space.workers)}
	var small []int
	for i, f := range files {
		if a.space.workers > 1 && f.Size > 0 && f.Size < smallFile {
			small = append(small, i)
			r.reads[i] = make(chan *smallRead, 1)
		}
	}
	next := make(chan int)
	var waits []func()
	for range min(a.space.workers, len(small)) {
		waits = append(waits, background(func() {
			for i := range next {
				r.reads[i] <- readSmall(ctx, files[i].Input, a.options())
			}
		}))
	}
	go func() {
		defer close(next)
		for _, i := range small {
			select {
			case r.room <- struct{}{}:
				next <- i
			case <-ctx.Done():
				return
			}
		}
	}()
	r.stop = func() {
		cancel()
		for _, wait := range waits {
			wait()
		}
	}
	return r
}

// take returns what was read of a file, or nil when it is to be read in its turn.
func (r *aheadReader) take(ctx context.Context, i int) *smallRead {
	if r.reads[i] == nil {
		return nil
	}
	select {
	case read := <-r.reads[i]:
		<-r.room
		return read
	case <-ctx.Done():
		return nil
	}
}

var errInTurn = errors.New("to be read in its turn")

// readSmall reads a file whose records are one sound group, or returns nil.
func readSmall(ctx context.Context, in Input, opt Options) *smallRead {
	read := &smallRead{}
	var err error
	read.sum, err = ReadGroups(ctx, in, opt, func(*schema.Record) error { return errInTurn },
		func(g *batch.Group) error {
			if read.group != nil {
				return errInTurn
			}
			read.group = g
			return nil
		}, func(Rejected) error { return errInTurn })
	if err != nil || read.group == nil {
		return nil
	}
	return read
}
