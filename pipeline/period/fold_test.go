package period_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
)

// step is one record of a log in the making.
type step struct {
	kind string
	body any
}

func logOf(t *testing.T, steps ...step) []period.Entry {
	t.Helper()
	l := newLog(store.NewMemory())
	var entries []period.Entry
	for _, s := range steps {
		e, err := l.Append(ctx, entries, stamp("one"), s.kind, s.body)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func file(name, sum string) schema.DeliveredFile {
	return schema.DeliveredFile{Name: name, SHA256: sum}
}

func ingest(source string, files ...schema.DeliveredFile) period.Ingest {
	var batches []schema.UsageBatch
	for _, f := range files {
		batches = append(batches, schema.UsageBatch{SHA256: "batch of " + f.SHA256})
	}
	return period.Ingest{Source: source, Files: files, Batches: batches}
}

func rejected(source, name, sum, id string) period.Rejected {
	return period.Rejected{Source: source, File: file(name, sum), Reject: schema.Reject{ID: id, Problem: schema.Problem{File: name, Reason: "is bad"}}}
}

func row(id, name string, line int64) schema.Reject {
	return schema.Reject{ID: id, Problem: schema.Problem{File: name, Line: line, Reason: "is bad"}}
}

func foldUsage(t *testing.T, upTo int64, steps ...step) *period.Usage {
	t.Helper()
	u, err := period.FoldUsage(logOf(t, steps...), upTo)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func batches(u *period.Usage) (sums []string) {
	for _, b := range u.Batches {
		sums = append(sums, strings.TrimPrefix(b.SHA256, "batch of "))
	}
	return sums
}

func TestFoldUsageOfDeliveries(t *testing.T) {
	first, second := ingest("m", file("a.csv", "A"), file("b.csv", "B")), ingest("n", file("a.csv", "A"))
	first.IDs, second.IDs = []string{"r1"}, []string{"r2"}
	steps := []step{{period.KindIngest, first}, {period.KindIngest, second}}
	u := foldUsage(t, -1, steps...)
	if u.Slot != 1 || !slices.Equal(batches(u), []string{"A", "B", "A"}) || !slices.Equal(u.IDs, []string{"r1", "r2"}) {
		t.Errorf("slot %d, batches %v, ids %v", u.Slot, batches(u), u.IDs)
	}
	if b := u.Batches[2]; b.Slot != 1 || b.Source != "n" || len(b.Files) != 1 {
		t.Errorf("batch %+v", b)
	}
	for key, want := range map[string]bool{period.FileKey("m", "A"): true, period.FileKey("m", "B"): true, period.FileKey("n", "A"): true, period.FileKey("n", "B"): false} {
		if u.Accepted[key] != want {
			t.Errorf("%q is accepted: %t", key, u.Accepted[key])
		}
	}
	if u := foldUsage(t, 0, steps...); u.Slot != 0 || len(u.Batches) != 2 || u.Accepted[period.FileKey("n", "A")] {
		t.Errorf("up to slot 0: slot %d, %d batches", u.Slot, len(u.Batches))
	}
	if u := foldUsage(t, -1); u.Slot != -1 || u.Hash != "" || len(u.Batches) != 0 {
		t.Errorf("of nothing: %+v", u)
	}
}

func TestRejectsWaitUntilTheyAreResolved(t *testing.T) {
	withRows := ingest("m", file("u.csv", "U"))
	withRows.Rejects = []schema.Reject{row("r1", "u.csv", 7), row("r2", "u.csv", 8)}
	resolves := ingest("m", file("fix.csv", "F"))
	resolves.Resolves = []string{"r2"}
	waive := func(ids ...string) step {
		return step{period.KindWaive, period.Waive{IDs: ids, Reason: "known", By: "me"}}
	}
	refused := step{period.KindReject, rejected("m", "a.csv", "A", "f1")}
	rows := step{period.KindIngest, withRows}
	for _, c := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"refused file", []step{refused}, []string{"f1"}},
		{"refused rows", []step{rows}, []string{"r1", "r2"}},
		{"same file name, taken in", []step{refused, {period.KindIngest, ingest("m", file("a.csv", "A2"))}}, nil},
		{"other file name", []step{refused, {period.KindIngest, ingest("m", file("b.csv", "A2"))}}, []string{"f1"}},
		{"same file name of another source", []step{refused, {period.KindIngest, ingest("n", file("a.csv", "A2"))}}, []string{"f1"}},
		{"same file name before", []step{{period.KindIngest, ingest("m", file("a.csv", "A2"))}, refused}, []string{"f1"}},
		{"refused again under its name", []step{refused, {period.KindReject, rejected("m", "a.csv", "A2", "f2")}}, []string{"f1", "f2"}},
		{"rows are not made good by a file of the same name", []step{rows, {period.KindIngest, ingest("m", file("u.csv", "U2"))}}, []string{"r1", "r2"}},
		{"a row made good by name", []step{rows, {period.KindIngest, resolves}}, []string{"r1"}},
		{"waived", []step{rows, waive("r1")}, []string{"r2"}},
		{"all waived", []step{rows, refused, waive("r1", "f1", "r2")}, nil},
		{"waived before it was refused", []step{waive("r1"), rows}, []string{"r1", "r2"}},
		{"waived, refused again, not waived again", []step{refused, waive("f1"), {period.KindReject, rejected("m", "a.csv", "A", "f1")}}, []string{"f1"}},
		{"waived again", []step{refused, waive("f1"), {period.KindReject, rejected("m", "a.csv", "A", "f1")}, waive("f1")}, nil},
		{"waiver of something else", []step{rows, waive("x")}, []string{"r1", "r2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := foldUsage(t, -1, c.steps...)
			var got []string
			for _, r := range u.Rejects {
				got = append(got, r.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("waiting are %v, want %v", got, c.want)
			}
		})
	}
}

func TestWaiverIsSeenFromItsSlotOn(t *testing.T) {
	steps := []step{{period.KindReject, rejected("m", "a.csv", "A", "f1")}, {period.KindWaive, period.Waive{IDs: []string{"f1"}}}}
	if u := foldUsage(t, 0, steps...); len(u.Rejects) != 1 || u.Refused[period.FileKey("m", "A")] != "f1" {
		t.Errorf("before: %+v", u)
	}
	if u := foldUsage(t, 1, steps...); len(u.Rejects) != 0 || u.Waived["f1"] != 1 {
		t.Errorf("after: %+v", u)
	}
}

func TestSnapshotReplacesTheOneBefore(t *testing.T) {
	snapshot := func(source, per string, final bool, rejects []schema.Reject, sums ...string) step {
		var files []schema.DeliveredFile
		for _, s := range sums {
			files = append(files, file(s+".csv", s))
		}
		body := ingest(source, files...)
		body.Snapshot, body.Rejects = &period.Snapshot{Period: per, Final: final}, rejects
		return step{period.KindIngest, body}
	}
	u := foldUsage(t, -1,
		snapshot("cur", "2026-10", false, []schema.Reject{row("old", "A.csv", 3)}, "B", "A"),
		snapshot("cur", "2026-11", false, nil, "C"),
		snapshot("other", "2026-10", false, nil, "D"),
		step{period.KindIngest, ingest("cur", file("e.csv", "E"))},
		snapshot("cur", "2026-10", true, []schema.Reject{row("new", "G.csv", 4)}, "G", "F"))
	if got := batches(u); !slices.Equal(got, []string{"C", "D", "E", "G", "F"}) {
		t.Errorf("batches %v", got)
	}
	if len(u.Rejects) != 1 || u.Rejects[0].ID != "new" {
		t.Errorf("rejects %v", u.Rejects)
	}
	s := u.Snapshots[period.FileKey("cur", "2026-10")]
	if s.Slot != 4 || !s.Final || s.Source != "cur" || s.Period != "2026-10" || !slices.Equal(s.Files, []string{"F", "G"}) {
		t.Errorf("snapshot %+v", s)
	}
	if len(u.Snapshots) != 3 {
		t.Errorf("%d snapshots", len(u.Snapshots))
	}
}

func TestMarksOnlyMoveForward(t *testing.T) {
	october := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	mark := func(source string, days int) step {
		return step{period.KindMark, period.Mark{Source: source, Through: october.AddDate(0, 0, days)}}
	}
	u := foldUsage(t, -1, mark("m", 3), mark("n", 1), mark("m", 2))
	if !u.Declared["m"].Equal(october.AddDate(0, 0, 3)) || !u.Declared["n"].Equal(october.AddDate(0, 0, 1)) || !u.Declared["x"].IsZero() {
		t.Errorf("declared %v", u.Declared)
	}
}

func TestRecordsWithOtherBodiesAreErrors(t *testing.T) {
	for _, kind := range []string{period.KindIngest, period.KindReject, period.KindWaive, period.KindMark} {
		if _, err := period.FoldUsage(logOf(t, step{kind, "text"}), -1); err == nil || !strings.Contains(err.Error(), kind+" in slot 0") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, kind := range []string{period.KindRefresh, period.KindClose, period.KindPublish, period.KindNote} {
		if _, err := period.FoldMonth(logOf(t, step{kind, 7})); err == nil || !strings.Contains(err.Error(), kind+" in slot 0") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, _, _, err := period.FindIssue(logOf(t, step{period.KindIssue, []int{1}}), "a", "b"); err == nil {
		t.Error("an ISSUE of another shape was read")
	}
}

func refresh(id string) step {
	return step{period.KindRefresh, period.Refresh{Run: period.Run{ID: id}}}
}
func closing(id string) step { return step{period.KindClose, period.Close{Run: period.Run{ID: id}}} }

func TestFoldMonth(t *testing.T) {
	entries := logOf(t, refresh("r1"), refresh("r2"), closing("c"), step{"NOTE", period.Note{Subject: "s", Source: "m"}},
		step{period.KindPublish, period.Publish{Issue: "i"}})
	m, err := period.FoldMonth(entries)
	if err != nil {
		t.Fatal(err)
	}
	if m.Refresh.Run.ID != "r2" || m.Close.Run.ID != "c" || m.CloseAt.Hash != entries[2].Hash || m.Publish.Issue != "i" || len(m.Entries) != 5 {
		t.Errorf("month %+v", m)
	}
	if !m.Noted("s", "m") || m.Noted("s", "n") || m.Noted("t", "m") {
		t.Errorf("notes %v", m.Notes)
	}
	if m, err := period.FoldMonth(nil); err != nil || m.Refresh != nil || m.Close != nil || m.Publish != nil {
		t.Errorf("of nothing: %+v, %v", m, err)
	}
}

func TestSecondCloseIsAnError(t *testing.T) {
	_, err := period.FoldMonth(logOf(t, closing("c"), refresh("r"), closing("c")))
	if err == nil || !strings.Contains(err.Error(), "second CLOSE in slot 2") {
		t.Errorf("got %v", err)
	}
}

func TestFindIssue(t *testing.T) {
	issue := func(per string, first int64, payers ...string) step {
		return step{period.KindIssue, period.Issue{Issuer: "acme", Period: per, First: first, Payers: payers}}
	}
	entries := logOf(t, issue("2026-08", 1, "a", "b"), step{"NOTE", note{}}, issue("2026-09", 3), issue("2026-10", 3, "a", "b", "c"))
	for _, c := range []struct {
		issuer, per string
		slot        int64 // -1 for none
	}{{"acme", "2026-08", 0}, {"acme", "2026-09", 2}, {"acme", "2026-10", 3}, {"acme", "2026-11", -1}, {"other", "2026-10", -1}} {
		got, at, next, err := period.FindIssue(entries, c.issuer, c.per)
		if err != nil || next != 6 {
			t.Errorf("%s: next number %d, %v", c.per, next, err)
		}
		if (got != nil) != (c.slot >= 0) || got != nil && (at.Slot != c.slot || got.Period != c.per) {
			t.Errorf("%s: found %+v in slot %d, want slot %d", c.per, got, at.Slot, c.slot)
		}
	}
	if got, _, next, err := period.FindIssue(nil, "acme", "2026-10"); got != nil || next != 1 || err != nil {
		t.Errorf("of nothing: %v, %d, %v", got, next, err)
	}
	for _, first := range []int64{1, 2, 4, 0} {
		if _, _, _, err := period.FindIssue(logOf(t, issue("2026-08", 1, "a", "b"), issue("2026-09", first, "a")), "acme", "2026-08"); err == nil || !strings.Contains(err.Error(), "gap") {
			t.Errorf("a series that goes on at %d: %v", first, err)
		}
	}
}

func TestState(t *testing.T) {
	p := schema.Period{Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	publish := step{period.KindPublish, period.Publish{}}
	for _, c := range []struct {
		name   string
		steps  []step
		issued bool
		now    time.Time
		want   bill.State
	}{
		{"before its end", nil, false, p.End.Add(-1), bill.Open},
		{"refreshed", []step{refresh("r")}, false, p.End.Add(-1), bill.Open},
		{"at its end", []step{refresh("r")}, false, p.End, bill.Closing},
		{"closed", []step{closing("c")}, false, p.End.Add(1), bill.Closed},
		{"closed, though the clock went back", []step{closing("c")}, false, p.End.Add(-1), bill.Closed},
		{"issued", []step{closing("c")}, true, p.End, bill.Invoiced},
		{"issued without a close is not believed", nil, true, p.End, bill.Closing},
		{"published", []step{closing("c"), publish}, true, p.End, bill.Invoiced},
		{"published without an issue is not believed", []step{closing("c"), publish}, false, p.End, bill.Closed},
	} {
		m, err := period.FoldMonth(logOf(t, c.steps...))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.State(p, c.issued, c.now); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
