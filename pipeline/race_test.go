package pipeline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/store"
)

// overtaken runs something once, just before the first record of a log is
// written: another process is faster.
type overtaken struct {
	store.Store
	log  string
	with func()
}

func (s *overtaken) Create(ctx context.Context, key string, body store.Body) error {
	if with := s.with; with != nil && strings.HasPrefix(key, s.log+"/") {
		s.with = nil
		with()
	}
	return s.Store.Create(ctx, key, body)
}

// TestIngestOvertaken loses the slot of the log to another delivery: all is
// decided again, and nothing is counted twice or lost.
func TestIngestOvertaken(t *testing.T) {
	other := instance("vm-0", "2026-10-01T00:00:00Z")
	other.amount = "2"
	ours := csvFile("ours.csv", good(3)...)
	for _, c := range []struct {
		name                     string
		theirs                   ingest.Input
		taken, known, refused    int
		duplicates, finalRecords int64
	}{
		{"by the same file", renamed(ours, "theirs.csv"), 0, 1, 0, 0, 3},
		{"by some of its records", csvFile("theirs.csv", good(2)...), 1, 0, 0, 2, 3},
		{"by others", csvFile("theirs.csv", instance("other", "2026-10-09T00:00:00Z")), 1, 0, 0, 0, 4},
		{"by a conflict", csvFile("theirs.csv", other), 0, 0, 1, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := plain(t)
			slow := w.over(&overtaken{Store: w.Store, log: store.UsageLog(), with: func() { w.ingest(source(), c.theirs) }})
			slow.Attempt = "slow"
			out := slow.ingest(source(), ours)
			if _, _, duplicate, _ := out.Totals(); len(out.Files) != c.taken || len(out.Known) != c.known || len(out.Refused) != c.refused || duplicate != c.duplicates {
				t.Errorf("%d taken, %d known, %d refused, %d duplicates, want %d, %d, %d, %d", len(out.Files), len(out.Known),
					len(out.Refused), duplicate, c.taken, c.known, c.refused, c.duplicates)
			}
			if c.refused > 0 {
				w.waive(w.blocked(1)[0])
			}
			if rec := w.close("2026-10").Run.Records; rec.Charged != c.finalRecords {
				t.Errorf("%d records are charged, want %d", rec.Charged, c.finalRecords)
			}
		})
	}
}

// TestCloseOvertaken closes a month while another process does: there is one
// CLOSE, and both return it.
func TestCloseOvertaken(t *testing.T) {
	w := october(t)
	w.ingest(source(), csvFile("a.csv", good(3)...))
	faster := func() {
		w.ingest(source(), csvFile("b.csv", instance("late", "2026-10-09T00:00:00Z")))
		w.close("2026-10")
		w.finish("2026-10")
	}
	slow := w.over(&overtaken{Store: w.Store, log: store.PeriodLog("acme", "2026-10"), with: faster})
	slow.Attempt = "slow"
	theirs := slow.close("2026-10").Run
	if ours := w.close("2026-10").Run; ours.ID != theirs.ID || ours.Records.Charged != 4 {
		t.Errorf("closed with runs %s and %s, %d records, want one run of 4", ours.ID, theirs.ID, ours.Records.Charged)
	}
	before := objects(t, w.Store)
	w.finish("2026-10")
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("the slow close spoilt %q", d)
	}
}

// TestRefreshOvertaken writes no report of an open month over the final ones.
func TestRefreshOvertaken(t *testing.T) {
	w := october(t)
	w.ingest(source(), csvFile("a.csv", good(3)...))
	faster := func() {
		w.ingest(source(), csvFile("b.csv", instance("more", "2026-10-09T00:00:00Z")))
		w.close("2026-10")
		w.finish("2026-10")
	}
	slow := w.over(&overtaken{Store: w.Store, log: store.PeriodLog("acme", "2026-10"), with: faster})
	slow.Attempt = "slow"
	slow.refresh("2026-10")
	before := objects(t, w.Store)
	w.finish("2026-10")
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("the slow report spoilt %q", d)
	}
}

// midway runs something once, just before the n-th copy is written.
type midway struct {
	store.Store
	n    int
	with func()
}

func (s *midway) Replace(ctx context.Context, key string, body store.Body) error {
	if s.n--; s.n == 0 {
		s.with()
	}
	return s.Store.Replace(ctx, key, body)
}

// TestSlowCloseSpoilsNoCopy closes a month that another process closes and
// publishes in between, from the same usage: whenever the slow one goes on, what
// people look at is the published month in the end.
func TestSlowCloseSpoilsNoCopy(t *testing.T) {
	plain := october(t)
	counted := &midway{Store: plain.Store}
	plain.ingest(source(), csvFile("a.csv", good(3)...))
	plain.over(counted).close("2026-10")
	copies := -counted.n
	if copies < 3 {
		t.Fatalf("%d copies were counted: the test does not see them", copies)
	}
	for n := range copies + 1 {
		w := october(t)
		w.ingest(source(), csvFile("a.csv", good(3)...))
		var published map[string][]byte
		faster := func() {
			w.close("2026-10")
			w.finish("2026-10")
			published = objects(t, w.Store)
		}
		var between store.Store = &midway{Store: w.Store, n: n, with: faster}
		if n == 0 { // overtaken already at the record
			between = &overtaken{Store: w.Store, log: store.PeriodLog("acme", "2026-10"), with: faster}
		}
		slow := w.over(between)
		slow.Attempt = "slow"
		slow.close("2026-10")
		if d := differences(published, objects(t, w.Store), nothing); len(d) > 0 {
			t.Errorf("overtaken before copy %d, the slow close spoilt %q", n, d)
		}
	}
}
