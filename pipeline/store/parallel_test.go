package store

import (
	"errors"
	"sync/atomic"
	"testing"
)

func TestInParallel(t *testing.T) {
	for _, workers := range []int{1, 3, 50} {
		var sum atomic.Int64
		if err := InParallel(workers, 20, func(i int) error { sum.Add(int64(i)); return nil }); err != nil || sum.Load() != 190 {
			t.Errorf("%d workers: sum %d, %v", workers, sum.Load(), err)
		}
		first, begun := errors.New("third"), atomic.Int64{}
		err := InParallel(workers, 1000, func(i int) error {
			begun.Add(1)
			if i >= 3 {
				return first
			}
			return nil
		})
		if !errors.Is(err, first) || begun.Load() > 3+int64(workers) {
			t.Errorf("%d workers: %v after %d were begun", workers, err, begun.Load())
		}
	}
	if err := InParallel(4, 0, nil); err != nil {
		t.Error(err)
	}
}
