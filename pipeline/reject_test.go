package pipeline_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
)

// good makes n good records, hour after hour.
func good(n int) []usage {
	var list []usage
	for i := range n {
		list = append(list, instance(fmt.Sprintf("vm-%d", i), fmt.Sprintf("2026-10-%02dT%02d:00:00Z", 1+i/24%28, i%24)))
	}
	return list
}

func bad(id string) usage {
	u := instance(id, "2026-10-05T00:00:00Z")
	u.amount = "-1"
	return u
}

// blocked wants the close to be refused for rejects, and returns their ids.
func (w *world) blocked(n int) []string {
	w.t.Helper()
	_, err := w.Close(ctx(), "", "2026-10")
	if !errors.Is(err, pipeline.ErrBlocked) {
		w.t.Fatalf("close: error %v, want ErrBlocked", err)
	}
	wantError(w.t, err, fmt.Sprintf("%d rejects wait", n), "pending list")
	list, err := w.Pending(ctx(), "", "2026-10")
	if err != nil || len(list.Rejects) != n {
		w.t.Fatalf("pending %+v (%v), want %d rejects", list, err, n)
	}
	var ids []string
	for _, r := range list.Rejects {
		ids = append(ids, r.ID)
	}
	return ids
}

// logged reads the bodies of the usage log.
func (w *world) logged() (ingests []period.Ingest, refusals []period.Rejected) {
	w.t.Helper()
	entries, err := period.Log{Store: w.Store, Name: "log/usage"}.Read(ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Kind {
		case period.KindIngest:
			ingests = append(ingests, period.Ingest{})
			err = e.Decode(&ingests[len(ingests)-1])
		case period.KindReject:
			refusals = append(refusals, period.Rejected{})
			err = e.Decode(&refusals[len(refusals)-1])
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for _, i := range ingests {
		for _, f := range i.Files {
			w.adds(f)
		}
	}
	for _, r := range refusals {
		w.adds(r.File)
		if r.File.Accepted != 0 {
			w.t.Errorf("refused file %+v has accepted records", r.File)
		}
	}
	return ingests, refusals
}

func (w *world) adds(f schema.DeliveredFile) {
	w.t.Helper()
	if f.Read != f.Accepted+f.Duplicate+f.Rejected {
		w.t.Errorf("recorded file %+v: read is not accepted + duplicate + rejected", f)
	}
}

// TestFileRefused refuses a file with one bad row whole; the other files of the
// delivery are taken in.
func TestFileRefused(t *testing.T) {
	w := october(t)
	first := csvFile("a.csv", append(good(5), bad("bad"))...)
	out := w.ingest(source(), first, csvFile("b.csv", instance("other", "2026-10-09T00:00:00Z")))
	if len(out.Refused) != 1 || out.Refused[0].File.Name != "a.csv" || len(out.Files) != 1 {
		t.Fatalf("refused %+v, taken %+v, want a.csv refused and b.csv taken", out.Refused, out.Files)
	}
	if read, accepted, _, rejected := out.Totals(); read != 7 || accepted != 1 || rejected != 6 {
		t.Errorf("read %d, accepted %d, rejected %d, want 7, 1, 6", read, accepted, rejected)
	}
	_, refusals := w.logged()
	if len(refusals) != 1 || refusals[0].Object == "" || !strings.Contains(strings.Join(refusals[0].First, " "), "a.csv:7") {
		t.Fatalf("logged %+v, want the row's line and its text kept", refusals)
	}
	kept := string(objects(t, w.Store)["usage/rejected/"+refusals[0].Object+".jsonl"])
	if !strings.Contains(kept, "bad,100000000002") {
		t.Errorf("the rejected object does not hold the row: %s", kept)
	}
	w.blocked(1)
	before := objects(t, w.Store)
	if out := w.ingest(source(), first); len(out.Refused) != 1 || len(out.Slots) != 0 {
		t.Errorf("the refused file again: %+v, want it refused again and no second record", out)
	}
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("the refused file again changed %q", d)
	}
	w.ingest(source(), csvFile("a.csv", good(5)...))
	if rec := w.close("2026-10").Run.Records; rec.Charged != 6 {
		t.Errorf("charged %d records, want 6", rec.Charged)
	}
}

// TestRefusedFileWaived goes on without the file.
func TestRefusedFileWaived(t *testing.T) {
	w := october(t)
	w.ingest(source(), csvFile("a.csv", bad("bad")), csvFile("b.csv", good(3)...))
	w.waive(w.blocked(1)[0])
	if out := w.ingest(source(), csvFile("a.csv", bad("bad"))); len(out.Known) != 1 || len(out.Slots) != 0 {
		t.Errorf("the waived file again: %+v, want it known", out)
	}
	if rec := w.close("2026-10").Run.Records; rec.Accepted != 3 || rec.Charged != 3 {
		t.Errorf("closed with %+v, want the 3 good records charged", rec)
	}
}

// TestCase_D63_RowsRejected sets one bad row of many aside; a corrected record of the
// same id makes it good.
func TestCase_D63_RowsRejected(t *testing.T) {
	w := october(t)
	out := w.ingest(rowsSource(), csvFile("a.csv", append(good(500), bad("bad"))...))
	if read, accepted, duplicate, rejected := out.Totals(); read != 501 || accepted != 500 || duplicate != 0 || rejected != 1 {
		t.Errorf("read %d, accepted %d, duplicate %d, rejected %d, want 501, 500, 0, 1", read, accepted, duplicate, rejected)
	}
	ingests, _ := w.logged()
	if f := ingests[0].Files[0]; f.Read != 501 || f.Accepted != 500 || f.Rejected != 1 {
		t.Errorf("logged %+v", f)
	}
	w.blocked(1)
	w.ingest(rowsSource(), csvFile("corrected.csv", instance("bad", "2026-10-05T00:00:00Z")))
	if rec := w.close("2026-10").Run.Records; rec.Charged != 501 {
		t.Errorf("charged %d records, want 501", rec.Charged)
	}
}

// TestManyRowsRejected sets aside as many rows as a delivery may have and
// refuses a file with more. The log record stays within its bounds.
func TestManyRowsRejected(t *testing.T) {
	for _, n := range []int{ingest.MaxRejectedRows, ingest.MaxRejectedRows + 1} {
		w := october(t)
		var records []usage
		for i := range n {
			records = append(records, bad(fmt.Sprintf("%0200d", i)))
		}
		out := w.ingest(rowsSource(), csvFile("a-file-with-a-name-that-tells-where-and-when-it-was-made-20261031T235959Z.csv", records...))
		if refused := n > ingest.MaxRejectedRows; refused != (len(out.Refused) == 1) {
			t.Errorf("%d bad rows: %d files refused", n, len(out.Refused))
		}
	}
}

// TestManyConflicts refuses a file that is another one altogether under known
// ids, also where bad rows are set aside: the log cannot name them all.
func TestManyConflicts(t *testing.T) {
	w := october(t)
	records := good(24 * 28)
	for i := range ingest.MaxRejectedRows + 1 {
		u := records[i%len(records)]
		u.id = fmt.Sprintf("%0200d", i)
		records = append(records, u)
	}
	w.ingest(rowsSource(), csvFile("a.csv", records...))
	for i := range records {
		records[i].amount = "2"
	}
	out := w.ingest(rowsSource(), csvFile("b.csv", records...))
	if len(out.Refused) != 1 || len(out.Rejects) != 0 {
		t.Errorf("%d files refused, %d rejects, want the file refused", len(out.Refused), len(out.Rejects))
	}
	w.logged()
	w.blocked(1)
}

// TestCase_D03_Conflict delivers other content under an id that is taken: the first
// stays, the second is rejected.
func TestCase_D03_Conflict(t *testing.T) {
	other := instance("vm-0", "2026-10-01T00:00:00Z")
	other.amount = "2"
	t.Run("rows", func(t *testing.T) {
		w := october(t)
		w.ingest(rowsSource(), csvFile("a.csv", good(2)...))
		out := w.ingest(rowsSource(), csvFile("b.csv", other, instance("vm-9", "2026-10-09T00:00:00Z")))
		if len(out.Rejects) != 1 || !out.Rejects[0].Conflict || out.Rejects[0].Problem.Line != 2 {
			t.Fatalf("rejects %+v, want the conflict on line 2", out.Rejects)
		}
		w.waive(w.blocked(1)[0])
		w.wantTotal("0.288")
	})
	t.Run("file", func(t *testing.T) {
		w := october(t)
		w.ingest(source(), csvFile("a.csv", good(2)...))
		out := w.ingest(source(), csvFile("b.csv", other, instance("vm-9", "2026-10-09T00:00:00Z")))
		if len(out.Refused) != 1 || len(out.Files) != 0 {
			t.Fatalf("%+v, want the file refused", out)
		}
		w.logged()
		w.waive(w.blocked(1)[0])
		w.wantTotal("0.192")
	})
	t.Run("in one delivery", func(t *testing.T) {
		w := october(t)
		out := w.ingest(source(), csvFile("a.csv", good(2)...), csvFile("b.csv", other))
		if len(out.Refused) != 1 || out.Refused[0].File.Name != "b.csv" {
			t.Fatalf("%+v, want b.csv refused", out)
		}
		w.logged()
		w.waive(w.blocked(1)[0])
		w.wantTotal("0.192")
	})
	t.Run("in one file", func(t *testing.T) {
		w := october(t)
		w.ingest(rowsSource(), csvFile("a.csv", append(good(2), other, good(1)[0])...))
		w.waive(w.blocked(1)[0])
		w.wantTotal("0.192")
	})
}

func (w *world) wantTotal(want string) {
	w.t.Helper()
	if got := total(w.t, w.close("2026-10").Run); got.String() != want {
		w.t.Errorf("the month costs %s, want %s", got, want)
	}
}

// TestConflictWithRefused delivers a record whose rival is in a file that is
// refused: nothing of that file stays, so there is no conflict.
func TestConflictWithRefused(t *testing.T) {
	rival := instance("vm-0", "2026-10-01T00:00:00Z")
	rival.amount = "2"
	t.Run("for a bad row", func(t *testing.T) {
		w := october(t)
		out := w.ingest(source(), csvFile("a.csv", rival, bad("bad")), csvFile("b.csv", good(1)...))
		if len(out.Refused) != 1 || out.Refused[0].File.Name != "a.csv" {
			t.Fatalf("refused %+v, want a.csv alone", out.Refused)
		}
	})
	t.Run("for a conflict", func(t *testing.T) {
		w := october(t)
		w.ingest(source(), csvFile("first.csv", instance("taken", "2026-10-03T00:00:00Z")))
		out := w.ingest(source(), csvFile("a.csv", rival, instance("taken", "2026-10-04T00:00:00Z")), csvFile("b.csv", good(1)...))
		if len(out.Refused) != 1 || out.Refused[0].File.Name != "a.csv" {
			t.Fatalf("refused %+v, want a.csv alone", out.Refused)
		}
	})
	t.Run("for a conflict in the delivery", func(t *testing.T) {
		w := october(t)
		second := instance("taken", "2026-10-04T00:00:00Z")
		out := w.ingest(source(), csvFile("0.csv", instance("taken", "2026-10-03T00:00:00Z")), csvFile("a.csv", rival, second), csvFile("b.csv", good(1)...))
		if len(out.Refused) != 1 || out.Refused[0].File.Name != "a.csv" {
			t.Fatalf("refused %+v, want a.csv alone", out.Refused)
		}
	})
}

// TestCase_D59_TwoNames takes a file in once, whatever it is called.
func TestCase_D59_TwoNames(t *testing.T) {
	w := october(t)
	f := csvFile("a.csv", good(3)...)
	if out := w.ingest(source(), f, renamed(f, "b.csv")); len(out.Known) != 1 || len(out.Files) != 1 {
		t.Errorf("%+v, want one file known", out)
	}
	before := objects(t, w.Store)
	if out := w.ingest(source(), renamed(f, "c.csv")); len(out.Known) != 1 || len(out.Slots) != 0 {
		t.Errorf("%+v, want the file known", out)
	}
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("a third name changed %q", d)
	}
}

// TestGrowing delivers a file that somebody is still writing: it is left for
// the next run, whatever its end looks like.
func TestGrowing(t *testing.T) {
	whole := content(t, csvFile("a.csv", good(4)...))
	longer := append(bytes.Clone(whole), instance("vm-4", "2026-10-07T00:00:00Z").line()+"\n"...)
	for name, second := range map[string][]byte{"a row more": longer, "half a row more": longer[:len(longer)-30], "half a header": whole[:20]} {
		for mode, s := range map[string]ingest.Source{"file": source(), "rows": rowsSource()} {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := october(t)
				f := file("a.csv", whole)
				opened := 0
				f.Open = func() (io.ReadCloser, error) {
					if opened++; opened == 1 {
						return io.NopCloser(bytes.NewReader(whole)), nil
					}
					return io.NopCloser(bytes.NewReader(second)), nil
				}
				out := w.ingest(s, f, csvFile("b.csv", instance("other", "2026-10-09T00:00:00Z")))
				if len(out.Growing) != 1 || len(out.Refused) != 0 || len(out.Rejects) != 0 || len(out.Files) != 1 {
					t.Fatalf("growing %q, refused %d, rejects %d, taken %d files, want a.csv left and b.csv taken",
						out.Growing, len(out.Refused), len(out.Rejects), len(out.Files))
				}
				w.ingest(s, file("a.csv", longer))
				if rec := w.close("2026-10").Run.Records; rec.Charged != 6 {
					t.Errorf("charged %d records, want 6", rec.Charged)
				}
			})
		}
	}
}

// TestGrewBefore leaves a file alone that is longer than when it was listed.
func TestGrewBefore(t *testing.T) {
	w := october(t)
	f := csvFile("a.csv", good(4)...)
	f.Size--
	if out := w.ingest(source(), f); len(out.Growing) != 1 || len(out.Slots) != 0 {
		t.Errorf("%+v, want the file left alone", out)
	}
}

// TestBadRowBesideGood resolves a bad row whose record comes in the same
// delivery, as it does when it comes in the next.
func TestBadRowBesideGood(t *testing.T) {
	w := october(t)
	w.ingest(rowsSource(), csvFile("a.csv", bad("x")), csvFile("b.csv", instance("x", "2026-10-05T00:00:00Z")))
	if rec := w.close("2026-10").Run.Records; rec.Charged != 1 {
		t.Errorf("charged %d records, want 1", rec.Charged)
	}
}
