package store

import (
	"cmp"
	"sync"
	"sync/atomic"
)

// InParallel runs fn for 0 to n-1, some at a time, and begins nothing more after
// an error. It returns the error of the lowest.
func InParallel(workers, n int, fn func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	work := func() {
		for i := next.Add(1) - 1; i < int64(n) && !failed.Load(); i = next.Add(1) - 1 {
			if errs[i] = fn(int(i)); errs[i] != nil {
				failed.Store(true)
			}
		}
	}
	var group sync.WaitGroup
	for range min(workers, n) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return cmp.Or(errs...)
}
