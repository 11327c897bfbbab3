package store_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

// work is a small job of all helpers; it can be run again at any time.
func work(ctx context.Context, s store.Store) error {
	if err := store.CreateBytes(ctx, s, "run/x", []byte("data of the run")); err != nil {
		return err
	}
	data, err := store.ReadAll(ctx, s, "run/x", 100)
	if err != nil {
		return err
	}
	if err := store.ReplaceBytes(ctx, s, "reports/x", data); err != nil {
		return err
	}
	if _, _, err := store.ReadBack(ctx, s, "reports/x"); err != nil {
		return err
	}
	err = s.Delete(ctx, "reports/old")
	if errors.Is(err, store.ErrUnsettled) {
		err = s.Delete(ctx, "reports/old")
	}
	return err
}

// TestBreakEveryCall breaks each call once in each way. Without a crash the
// work goes through; after a crash a plain second run ends with the same bytes,
// also when the dead process's writes land afterwards.
func TestBreakEveryCall(t *testing.T) {
	for _, outcome := range storetest.Failures() {
		for n := 1; ; n++ {
			inner := store.NewMemory()
			faulty := storetest.NewFaulty(inner, storetest.AtCall(n, outcome))
			err := work(t.Context(), faulty)
			if faulty.Crashed() {
				if !errors.Is(err, storetest.ErrCrashed) {
					t.Fatalf("call %d, %v: crash was hidden: %v", n, outcome, err)
				}
				err = work(t.Context(), inner)
			}
			faulty.Land(t.Context())
			if err != nil {
				t.Fatalf("call %d, %v: %v", n, outcome, err)
			}
			for _, key := range []string{"run/x", "reports/x"} {
				if data, err := store.ReadAll(t.Context(), inner, key, 100); err != nil || string(data) != "data of the run" {
					t.Errorf("call %d, %v: %s holds %q, %v", n, outcome, key, data, err)
				}
			}
			if len(faulty.Calls()) < n {
				break // the fault was never reached: all calls have been broken
			}
		}
	}
}

func TestFaultyOutcomes(t *testing.T) {
	tests := []struct {
		outcome     storetest.Outcome
		now, landed bool // whether the object is there before and after Land
	}{
		{storetest.NotApplied, false, false}, {storetest.AnswerLost, true, true}, {storetest.LandsLater, false, true},
		{storetest.CrashNotApplied, false, false}, {storetest.CrashAnswerLost, true, true}, {storetest.CrashLandsLater, false, true},
	}
	there := func(s store.Store) bool {
		_, _, err := store.ReadBack(t.Context(), s, "a")
		return err == nil
	}
	for _, test := range tests {
		inner := store.NewMemory()
		faulty := storetest.NewFaulty(inner, storetest.AtCall(1, test.outcome))
		data := []byte("x")
		if err := faulty.Create(t.Context(), "a", store.BytesBody(data)); err == nil {
			t.Errorf("%v: no error", test.outcome)
		}
		data[0] = 'y' // the bytes in flight are not the caller's any more
		now := there(inner)
		faulty.Land(t.Context())
		if landed := there(inner); now != test.now || landed != test.landed {
			t.Errorf("%v: there %v, after landing %v", test.outcome, now, landed)
		}
		if got, err := store.ReadAll(t.Context(), inner, "a", 9); err == nil && string(got) != "x" {
			t.Errorf("%v: landed %q", test.outcome, got)
		}
		if later := faulty.Delete(t.Context(), "b"); faulty.Crashed() != errors.Is(later, storetest.ErrCrashed) {
			t.Errorf("%v: crashed %v, next call %v", test.outcome, faulty.Crashed(), later)
		}
	}
}

// silent never answers.
type silent struct{ store.Store }

func (silent) Create(context.Context, string, store.Body) error { return store.ErrUnsettled }

func TestRepeatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := store.CreateBytes(t.Context(), silent{}, "a", nil)
		if took := time.Since(start); !errors.Is(err, store.ErrUnsettled) || took < 5*time.Second || took > 30*time.Second {
			t.Errorf("gave up after %v with %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		err = store.CreateBytes(ctx, silent{}, "a", nil)
		if took := time.Since(start); took > time.Second || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnsettled) {
			t.Errorf("went on for %v after the context had ended: %v", took, err)
		}
	})
}

// shortened announces more bytes than it gives, or fewer.
type shortened struct {
	store.Store
	off int64
}

func (s shortened) Open(ctx context.Context, key string) (r io.ReadCloser, info store.Info, err error) {
	r, info, err = s.Store.Open(ctx, key)
	info.Size += s.off
	return r, info, err
}

func (s shortened) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestWrongLength(t *testing.T) {
	inner := store.NewMemory()
	if err := store.CreateBytes(t.Context(), inner, "a", []byte("12345")); err != nil {
		t.Fatal(err)
	}
	for _, off := range []int64{1, -1, -5} {
		s := shortened{inner, off}
		_, readErr := store.ReadAll(t.Context(), s, "a", 100)
		_, _, backErr := store.ReadBack(t.Context(), s, "a")
		_, fetchErr := store.Fetch(t.Context(), s, "a", t.TempDir())
		for i, err := range []error{readErr, backErr, fetchErr} {
			if !errors.Is(err, store.ErrUnsettled) {
				t.Errorf("length off by %d, reader %d: %v", off, i, err)
			}
		}
	}
}

// TestProbeRefuses names every liar, and takes many tries for the racy one.
func TestProbeRefuses(t *testing.T) {
	for round := range 5 {
		for _, s := range storetest.Dishonest(store.NewMemory()) {
			err := store.Probe(t.Context(), s, "nonce")
			if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), s.Name()) {
				t.Errorf("round %d: probe of %s: %v", round, s.Name(), err)
			}
		}
	}
}

// TestProbeSpread: two stores that are honest alone and do not know of each
// other are refused together.
func TestProbeSpread(t *testing.T) {
	err := store.Probe(t.Context(), store.NewMemory(), "nonce", store.NewMemory())
	if !errors.Is(err, store.ErrUnsupported) {
		t.Errorf("probe over two unconnected stores: %v", err)
	}
}

// TestProbeFaults: a lost answer is not taken for dishonesty, nor an outage for
// an answer.
func TestProbeFaults(t *testing.T) {
	for _, outcome := range []storetest.Outcome{storetest.NotApplied, storetest.AnswerLost, storetest.LandsLater} {
		for n := 1; n <= 60; n++ {
			s := storetest.NewFaulty(store.NewMemory(), storetest.AtCall(n, outcome))
			if err := store.Probe(t.Context(), s, "nonce"); err != nil {
				t.Fatalf("call %d, %v: %v", n, outcome, err)
			}
		}
	}
	down := func(storetest.Call) storetest.Outcome { return storetest.NotApplied }
	err := store.Probe(t.Context(), storetest.NewFaulty(store.NewMemory(), down), "nonce")
	if !errors.Is(err, store.ErrUnsettled) || errors.Is(err, store.ErrUnsupported) {
		t.Errorf("probe of a store that is down: %v", err)
	}
}
