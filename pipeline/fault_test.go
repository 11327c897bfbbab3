package pipeline_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

// faultWorld is a small month with everything in it that is written: a bad row,
// reports before the close, two payers, two exports.
func faultWorld(t *testing.T, st store.Store) *world {
	w := newWorld(t, st)
	w.Exports[0].Format = report.CSV // quick to write
	w.Exports[1].Members = false
	return w
}

// walk takes the month from usage to invoice and stops at the first error, as a
// scheduled job does. The instants are the same at every attempt, so that
// copies can be compared.
func (w *world) walk() error {
	w.at("2026-10-20T12:00:00Z")
	records := good(30)
	records[7].account, records[9].account = "200000000002", "100000000001"
	if _, err := w.Ingest(ctx(), rowsSource(), inputs(csvFile("a.csv", append(records[:20:20], bad("x"))...))); err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	if _, err := w.Refresh(ctx(), "", "2026-10"); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if _, err := w.Ingest(ctx(), rowsSource(), inputs(csvFile("b.csv", append(records[15:], instance("x", "2026-10-05T00:00:00Z"))...))); err != nil {
		return fmt.Errorf("second ingest: %w", err)
	}
	if _, err := w.Refresh(ctx(), "", "2026-10"); err != nil {
		return fmt.Errorf("second refresh: %w", err)
	}
	w.at("2026-11-01T00:00:00Z")
	if _, err := w.Close(ctx(), "", "2026-10"); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	w.at("2026-11-04T09:00:00Z")
	if _, err := w.Issue(ctx(), "", "2026-10"); err != nil {
		return fmt.Errorf("issue: %w", err)
	}
	if _, err := w.Publish(ctx(), "", "2026-10"); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// attempts matches what differs in a log between two starts of the program: the
// attempt, the hashes that follow from it, and the run of the documents, which
// follows from those.
var attempts = regexp.MustCompile(`"attempt":"[^"]*"|"previous":"[0-9a-f]*"|"(close|issue|sum|usage_hash)":"[0-9a-f]{64}"`)

// normal makes the objects of two walks comparable, whoever wrote the records.
func normal(t *testing.T, st store.Store) map[string][]byte {
	t.Helper()
	all := objects(t, st)
	closed := ""
	for key, data := range all {
		if m := closedRun.FindSubmatch(data); m != nil && strings.HasPrefix(key, "log/") {
			closed = string(m[1])
		}
	}
	documents := regexp.MustCompile(`run/[^/"]+/documents/([0-9]+)/AC-`)
	found := map[string][]byte{}
	for key, data := range all {
		if strings.HasPrefix(key, "log/") || strings.HasPrefix(key, "series/") {
			data = attempts.ReplaceAll(data, []byte("-"))
			data = documents.ReplaceAll(data, []byte("run/documents/$1/AC-"))
		}
		if !strings.HasPrefix(key, "run/"+closed+"/") {
			key = documents.ReplaceAllString(key, "run/documents/$1/AC-")
		}
		found[key] = data
	}
	return found
}

// TestFaults breaks the n-th call of the store, in every way, and runs the month
// again to its end: the store then holds what an undisturbed run leaves, and
// nothing twice. MONTHEND_TEST_EVERY_FAULT=1 breaks every call, not a sample.
func TestFaults(t *testing.T) {
	quiet := storetest.NewFaulty(store.NewMemory(), nil)
	if err := faultWorld(t, quiet).walk(); err != nil {
		t.Fatal(err)
	}
	want := normal(t, quiet)
	calls := len(quiet.Calls())
	step := 127 // prime, so that all kinds of calls meet all outcomes
	if os.Getenv("MONTHEND_TEST_EVERY_FAULT") != "" {
		step = 1
	}
	failures := storetest.Failures()
	for i := 0; i < calls*len(failures); i += step {
		n, outcome := i/len(failures)+1, failures[i%len(failures)]
		memory := store.NewMemory()
		broken := storetest.NewFaulty(memory, storetest.AtCall(n, outcome))
		w := faultWorld(t, broken)
		err := w.walk()
		if err == nil && broken.Crashed() {
			t.Fatalf("call %d, %s: the walk ended well though it was killed", n, outcome)
		}
		if i%2 == 0 {
			broken.Land(ctx()) // before the next start; else during it
		}
		again := w.over(memory)
		again.Attempt = "second"
		if err := again.walk(); err != nil {
			t.Fatalf("call %d, %s: the second walk: %v", n, outcome, err)
		}
		// A write of the first walk may land behind the second and spoil a copy;
		// the next scheduled walk puts it right.
		if broken.Land(ctx()) > 0 {
			if err := again.walk(); err != nil {
				t.Fatalf("call %d, %s: the third walk: %v", n, outcome, err)
			}
		}
		if d := differences(want, normal(t, memory), nothing); len(d) > 0 {
			t.Errorf("call %d (%+v), %s, first error %v: %d objects differ: %q", n, quiet.Calls()[n-1], outcome, err, len(d), d[:min(len(d), 4)])
		}
	}
	t.Logf("%d calls", calls)
}
