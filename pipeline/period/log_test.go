package period_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

var ctx = context.Background()

type note struct {
	Text string `json:"text"`
	Saw  int    `json:"saw"`
}

func stamp(attempt string) period.Stamp {
	return period.Stamp{Attempt: attempt, At: time.Date(2026, 11, 1, 9, 0, 0, 0, time.FixedZone("", 9*3600))}
}

func newLog(s store.Store) period.Log {
	return period.Log{Store: s, Name: store.PeriodLog("acme", "2026-10")}
}

// filled returns a log of n records and its entries.
func filled(t *testing.T, n int) (period.Log, *store.Memory, []period.Entry) {
	t.Helper()
	mem := store.NewMemory()
	l := newLog(mem)
	var prefix []period.Entry
	for i := range n {
		e, err := l.Append(ctx, prefix, stamp("one"), "NOTE", note{Text: fmt.Sprint("note ", i), Saw: i})
		if err != nil {
			t.Fatal(err)
		}
		prefix = append(prefix, e)
	}
	return l, mem, prefix
}

func TestLogReadsBackWhatWasAppended(t *testing.T) {
	l, _, want := filled(t, 4)
	got, err := l.Read(ctx)
	if err != nil || len(got) != 4 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, e := range got {
		if !reflect.DeepEqual(e, want[i]) {
			t.Errorf("slot %d reads back as %+v, want %+v", i, e, want[i])
		}
		var body note
		if err := e.Decode(&body); err != nil || body.Saw != i {
			t.Errorf("slot %d holds %+v, %v", i, body, err)
		}
		if e.Slot != int64(i) || e.Kind != "NOTE" || e.Attempt != "one" || e.Format != period.Format || e.At.Location() != time.UTC {
			t.Errorf("slot %d: %+v", i, e)
		}
		if i > 0 && e.Previous != got[i-1].Hash {
			t.Errorf("slot %d does not name its predecessor", i)
		}
	}
	if on, err := l.ReadOn(ctx, got[:2]); err != nil || !reflect.DeepEqual(on, got) {
		t.Errorf("reading on from slot 2 gives %d records, %v", len(on), err)
	}
	if none, err := newLog(store.NewMemory()).Read(ctx); err != nil || len(none) != 0 {
		t.Errorf("an empty log has %d records, %v", len(none), err)
	}
}

// Two readers that read on from one prefix do not write into each other's.
func TestReadOnLeavesItsPrefixAlone(t *testing.T) {
	l, _, all := filled(t, 4)
	prefix := make([]period.Entry, 2, 8)
	copy(prefix, all)
	if _, err := l.ReadOn(ctx, prefix); err != nil {
		t.Fatal(err)
	}
	if behind := prefix[:3][2]; behind.Hash != "" {
		t.Error("the room behind the caller's prefix was written to")
	}
}

func slotKey(slot int64) string { return store.Slot(store.PeriodLog("acme", "2026-10"), slot) }

func record(t *testing.T, s store.Store, slot int64) string {
	t.Helper()
	data, err := store.ReadAll(ctx, s, slotKey(slot), period.MaxRecordBytes)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func wantReadError(t *testing.T, l period.Log, slot int64, want string) {
	t.Helper()
	_, err := l.Read(ctx)
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), slotKey(slot)) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestChangedRecordIsFound(t *testing.T) {
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	for _, c := range []struct {
		name   string
		slot   int64
		change func(string) string
		want   string
	}{
		{"body", 1, swap("note 1", "note X"), "sum is wrong"},
		{"body of the last", 3, swap("note 3", "note X"), "sum is wrong"},
		{"slot", 2, swap(`"slot":2`, `"slot":3`), "sum is wrong"},
		{"predecessor", 2, swap(`"previous":"`, `"previous":"0`), "sum is wrong"},
		{"kind", 0, swap(`"kind":"NOTE"`, `"kind":""`), "sum is wrong"},
		{"attempt", 3, swap(`"attempt":"one"`, `"attempt":"two"`), "sum is wrong"},
		{"newer format", 3, swap(`"format":1`, `"format":2`), "newer monthend"},
		{"no format", 0, swap(`"format":1,`, ""), "sum is wrong"},
		{"cut", 3, func(s string) string { return s[:len(s)/2] }, "is not a log record"},
		{"empty object", 0, func(string) string { return "{}" }, "sum is wrong"},
		{"empty", 3, func(string) string { return "" }, "is not a log record"},
		{"two records", 3, func(s string) string { return s + s }, "is not a log record"},
		{"a field twice", 3, swap(`"slot":3`, `"slot":3,"slot":3`), "is not a log record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, mem, _ := filled(t, 4)
			before := record(t, mem, c.slot)
			changed := c.change(before)
			if changed == before {
				t.Fatal("the test changed nothing")
			}
			if err := mem.Replace(ctx, slotKey(c.slot), store.BytesBody([]byte(changed))); err != nil {
				t.Fatal(err)
			}
			wantReadError(t, l, c.slot, c.want)
		})
	}
}

// Sound records in a place that is not theirs: one of another log, one of
// another slot, one whose predecessor was lost.
func TestBrokenChainIsFound(t *testing.T) {
	put := func(t *testing.T, mem *store.Memory, slot int64, data string) {
		t.Helper()
		if err := mem.Replace(ctx, slotKey(slot), store.BytesBody([]byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	l, mem, _ := filled(t, 4)
	other := store.NewMemory()
	prefix, err := newLog(other).Commit(ctx, func() period.Stamp { return stamp("two") }, func([]period.Entry) (string, any, error) { return "NOTE", note{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newLog(other).Append(ctx, prefix, stamp("two"), "NOTE", note{}); err != nil {
		t.Fatal(err)
	}
	kept := record(t, mem, 1)
	put(t, mem, 1, record(t, other, 1))
	wantReadError(t, l, 1, "chain is broken")
	put(t, mem, 1, record(t, mem, 2))
	wantReadError(t, l, 1, "chain is broken")
	put(t, mem, 1, kept)
	put(t, mem, 0, record(t, other, 0))
	wantReadError(t, l, 1, "chain is broken")
	// A lost record ends the log: what stands behind it is not read, and the
	// next writer does not skip it.
	l, mem, all := filled(t, 4)
	if err := mem.Delete(ctx, slotKey(2)); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Read(ctx); err != nil || !reflect.DeepEqual(got, all[:2]) {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func TestAppendThatLosesItsSlot(t *testing.T) {
	l, _, all := filled(t, 3)
	for _, prefix := range [][]period.Entry{nil, all[:2]} {
		if _, err := l.Append(ctx, prefix, stamp("two"), "NOTE", note{}); !errors.Is(err, period.ErrLost) {
			t.Errorf("behind %d records: %v", len(prefix), err)
		}
	}
	if got, err := l.Read(ctx); err != nil || len(got) != 3 {
		t.Errorf("the loser left %d records, %v", len(got), err)
	}
	// The same record again is our own: the answer to it was lost before.
	if e, err := l.Append(ctx, all[:2], stamp("one"), "NOTE", note{Text: "note 2", Saw: 2}); err != nil || e.Hash != all[2].Hash {
		t.Errorf("our own record again: %v", err)
	}
	// The same words of another start of the program are not.
	if _, err := l.Append(ctx, all[:2], stamp("two"), "NOTE", note{Text: "note 2", Saw: 2}); !errors.Is(err, period.ErrLost) {
		t.Errorf("another's record: %v", err)
	}
}

// Each single failure of each call of an append, short of a crash, ends in one
// record and a definite answer.
func TestAppendSettlesEveryFailure(t *testing.T) {
	for _, o := range []storetest.Outcome{storetest.NotApplied, storetest.AnswerLost, storetest.LandsLater} {
		for n := 1; ; n++ {
			mem := store.NewMemory()
			faulty := storetest.NewFaulty(mem, storetest.AtCall(n, o))
			e, err := newLog(faulty).Append(ctx, nil, stamp("one"), "NOTE", note{Text: "x"})
			if err != nil {
				t.Fatalf("call %d %s: %v", n, o, err)
			}
			faulty.Land(ctx)
			got, err := newLog(mem).Read(ctx)
			if err != nil || len(got) != 1 || got[0].Hash != e.Hash {
				t.Fatalf("call %d %s: the log holds %d records (%v)", n, o, len(got), err)
			}
			if n > len(faulty.Calls()) {
				break
			}
		}
	}
}

func TestAppendGivesUpWithoutAnAnswer(t *testing.T) {
	mem := store.NewMemory()
	faulty := storetest.NewFaulty(mem, func(storetest.Call) storetest.Outcome { return storetest.NotApplied })
	if _, err := newLog(faulty).Append(ctx, nil, stamp("one"), "NOTE", note{}); !errors.Is(err, store.ErrUnsettled) {
		t.Errorf("got %v", err)
	}
	if len(faulty.Calls()) < 2 {
		t.Error("an unsettled answer was not repeated")
	}
	// It was applied, and then no read gets through: still no definite answer.
	faulty = storetest.NewFaulty(mem, func(c storetest.Call) storetest.Outcome {
		if c.Op == "open" {
			return storetest.NotApplied
		}
		return storetest.AnswerLost
	})
	if _, err := newLog(faulty).Append(ctx, nil, stamp("one"), "NOTE", note{}); !errors.Is(err, store.ErrUnsettled) {
		t.Errorf("got %v", err)
	}
}

// A writer that is killed at any call leaves no record or the whole record, and
// the next one goes on.
func TestAppendKilledAtEveryCall(t *testing.T) {
	for _, o := range []storetest.Outcome{storetest.CrashNotApplied, storetest.CrashAnswerLost, storetest.CrashLandsLater} {
		mem := store.NewMemory()
		faulty := storetest.NewFaulty(mem, storetest.AtCall(1, o))
		if _, err := newLog(faulty).Append(ctx, nil, stamp("one"), "NOTE", note{}); !errors.Is(err, storetest.ErrCrashed) {
			t.Fatalf("%s: %v", o, err)
		}
		got, err := newLog(mem).Commit(ctx, func() period.Stamp { return stamp("two") }, func(seen []period.Entry) (string, any, error) {
			return "NOTE", note{Saw: len(seen)}, nil
		})
		if err != nil {
			t.Fatalf("%s: %v", o, err)
		}
		faulty.Land(ctx) // too late: the slot is taken
		again, err := newLog(mem).Read(ctx)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%s: %d records, later %d (%v)", o, len(got), len(again), err)
		}
	}
}

func TestAppendRefusesWhatIsTooLarge(t *testing.T) {
	mem := store.NewMemory()
	_, err := newLog(mem).Append(ctx, nil, stamp("one"), "NOTE", note{Text: strings.Repeat("x", period.MaxRecordBytes)})
	if err == nil || !strings.Contains(err.Error(), "record NOTE has") {
		t.Errorf("got %v", err)
	}
	if got, err := newLog(mem).Read(ctx); err != nil || len(got) != 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if _, err := newLog(mem).Append(ctx, nil, stamp("one"), "NOTE", make(chan int)); err == nil {
		t.Error("a body that is no data was written")
	}
}

// Eight writers at once: every record stands in its own slot, and every one was
// decided from exactly the records before it.
func TestCommitOfManyWriters(t *testing.T) {
	folder, err := store.InitFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]store.Store{"memory": store.NewMemory(), "folder": folder,
		"faulty": storetest.NewFaulty(store.NewMemory(), func(c storetest.Call) storetest.Outcome {
			// Seldom enough that no writer meets eight faults in a row.
			return map[int]storetest.Outcome{3: storetest.AnswerLost, 8: storetest.NotApplied}[c.N%11]
		})} {
		t.Run(name, func(t *testing.T) {
			const writers, each = 8, 5
			var wait sync.WaitGroup
			for w := range writers {
				wait.Go(func() {
					for i := range each {
						text := fmt.Sprintf("writer %d note %d", w, i)
						got, err := newLog(s).Commit(ctx, func() period.Stamp { return stamp(fmt.Sprint(w)) }, func(seen []period.Entry) (string, any, error) {
							return "NOTE", note{Text: text, Saw: len(seen)}, nil
						})
						if err != nil {
							t.Errorf("%s: %v", text, err)
							return
						}
						var last note
						if err := got[len(got)-1].Decode(&last); err != nil || last.Text != text {
							t.Errorf("%s: the log ends with %q (%v)", text, last.Text, err)
						}
					}
				})
			}
			wait.Wait()
			checkCommitted(t, newLog(s), writers*each)
		})
	}
}

func checkCommitted(t *testing.T, l period.Log, want int) {
	t.Helper()
	entries, err := l.Read(ctx)
	if err != nil || len(entries) != want {
		t.Fatalf("%d records, want %d (%v)", len(entries), want, err)
	}
	texts := map[string]bool{}
	for i, e := range entries {
		var body note
		if err := e.Decode(&body); err != nil {
			t.Fatal(err)
		}
		if body.Saw != i || texts[body.Text] {
			t.Errorf("slot %d was decided from %d records, or stands twice: %q", i, body.Saw, body.Text)
		}
		texts[body.Text] = true
	}
}

func TestCommitOfNothing(t *testing.T) {
	l, _, all := filled(t, 2)
	got, err := l.Commit(ctx, func() period.Stamp { return stamp("two") }, func([]period.Entry) (string, any, error) { return "", nil, nil })
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%d records, %v", len(got), err)
	}
	stop := errors.New("stop")
	if _, err := l.Commit(ctx, func() period.Stamp { return stamp("two") }, func([]period.Entry) (string, any, error) { return "NOTE", nil, stop }); !errors.Is(err, stop) {
		t.Errorf("the error of the decision became %v", err)
	}
	if again, err := l.Read(ctx); err != nil || len(again) != 2 {
		t.Errorf("%d records, %v", len(again), err)
	}
}
