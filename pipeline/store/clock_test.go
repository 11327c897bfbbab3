package store_test

import (
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

// The store tells its own time, also when an answer is lost, and nothing stays.
func TestClock(t *testing.T) {
	for n := 0; n < 4; n++ {
		inner := store.NewMemory()
		s := storetest.NewFaulty(inner, func(c storetest.Call) storetest.Outcome {
			if c.N == n {
				return storetest.AnswerLost
			}
			return storetest.Fine
		})
		at, err := store.Clock(t.Context(), s, "nonce")
		if err != nil || at.IsZero() {
			t.Errorf("call %d lost: %s %v", n, at, err)
		}
		if err := inner.List(t.Context(), "", func(i store.Info) error { t.Errorf("%s is left", i.Key); return nil }); err != nil {
			t.Error(err)
		}
	}
}
