package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline"
)

// TestAgain runs every verb twice: the second time, as another process at
// another time, changes no object and adds none.
func TestAgain(t *testing.T) {
	w := october(t)
	files := folder(t, "october/usage")
	w.at("2026-10-20T12:00:00Z")
	step := func(name string, run func(w *world)) {
		t.Helper()
		run(w)
		before := objects(t, w.Store)
		second := w.over(w.Store)
		second.Attempt, second.clock = "second", w.clock.AddDate(0, 0, 1)
		run(second)
		if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
			t.Errorf("%s again changed %q", name, d)
		}
	}
	step("ingest", func(w *world) { w.ingest(source(), files...) })
	step("refresh", func(w *world) { w.refresh("2026-10") })
	w.at("2026-11-01T00:00:00Z")
	step("close", func(w *world) { w.close("2026-10") })
	step("refresh of a closed month", func(w *world) { w.refresh("2026-10") })
	w.at("2026-11-03T00:00:00Z")
	step("issue", func(w *world) {
		if _, err := w.Issue(ctx(), "", "2026-10"); err != nil {
			t.Fatal(err)
		}
	})
	step("publish", func(w *world) {
		if _, err := w.Publish(ctx(), "", "2026-10"); err != nil {
			t.Fatal(err)
		}
	})
	step("all of it", func(w *world) {
		w.ingest(source(), files...)
		w.close("2026-10")
		w.finish("2026-10")
		w.refresh("2026-10")
	})
}

// TestOrder runs verbs before their time.
func TestOrder(t *testing.T) {
	w := october(t)
	w.ingest(source(), folder(t, "october/usage")...)
	wantRefusal := func(verb string, want error, err error, says string) {
		t.Helper()
		if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %q that says %q", verb, err, want, says)
		}
	}
	before := objects(t, w.Store)
	w.at("2026-10-31T23:59:59Z")
	_, err := w.Close(ctx(), "", "2026-10")
	wantRefusal("close before the end", pipeline.ErrNotDue, err, "from 2026-11-01T00:00:00Z on")
	_, err = w.Issue(ctx(), "", "2026-10")
	wantRefusal("issue before close", pipeline.ErrBlocked, err, "run close first")
	_, err = w.Publish(ctx(), "", "2026-10")
	wantRefusal("publish before close", pipeline.ErrBlocked, err, "run invoice first")
	w.at("2026-12-02T00:00:00Z")
	_, err = w.Close(ctx(), "", "2026-11")
	wantRefusal("close with an earlier month open", pipeline.ErrBlocked, err, "period 2026-10")
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("refused verbs changed %q", d)
	}
	w.close("2026-10")
	_, err = w.Publish(ctx(), "", "2026-10")
	wantRefusal("publish before issue", pipeline.ErrBlocked, err, "run invoice first")
	w.close("2026-11")
}

// TestCloseWait keeps a month open for the time that the configuration says.
func TestCloseWait(t *testing.T) {
	w := october(t)
	w.CloseWait = 6 * 60 * 60 * 1e9
	w.ingest(source(), folder(t, "october/usage")...)
	w.at("2026-11-01T05:59:59Z")
	if _, err := w.Close(ctx(), "", "2026-10"); !errors.Is(err, pipeline.ErrNotDue) {
		t.Fatalf("error %v, want ErrNotDue", err)
	}
	w.at("2026-11-01T06:00:00Z")
	w.close("2026-10")
}

// TestRepair runs publish after copies were lost or damaged: each comes back as
// it was.
func TestRepair(t *testing.T) {
	w := october(t)
	w.ingest(source(), folder(t, "october/usage")...)
	w.close("2026-10")
	w.finish("2026-10")
	before := objects(t, w.Store)
	for key := range before {
		if !derived(key) {
			continue
		}
		if err := w.Store.Delete(ctx(), key); err != nil {
			t.Fatal(err)
		}
		w.finish("2026-10")
		if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
			t.Errorf("after the loss of %s, publish leaves %q", key, d)
		}
	}
}

func derived(key string) bool {
	return strings.HasPrefix(key, "reports/") || strings.HasPrefix(key, "bills/") || strings.HasPrefix(key, "invoices/")
}
