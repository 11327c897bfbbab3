package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the host

	"github.com/monthend/monthend/pipeline"
)

// inZone is a world whose issuer has a time zone of its own.
func inZone(t *testing.T, zone string) *world {
	w := plain(t)
	w.organization(strings.Replace(text(t, "october/organization.yaml"), "time_zone: UTC", "time_zone: "+zone, 1))
	return w
}

// during is a record from one instant to another.
func during(id, start, end string) usage {
	u := instance(id, start)
	u.end = end
	return u
}

// The last nanosecond of a month is in it, the next one is in the next month.
func TestCase_T01_LastInstant(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv",
		during("last", "2026-10-31T23:59:59.999999999Z", "2026-11-01T00:00:00Z"),
		during("first", "2026-11-01T00:00:00.000000000Z", "2026-11-01T01:00:00Z")))
	if got := w.close("2026-10").Run.Records.Charged; got != 1 {
		t.Errorf("October charged %d records", got)
	}
	if got := w.refresh("2026-11").Records.Charged; got != 1 {
		t.Errorf("November charged %d records", got)
	}
}

// A record over the end of a month is not guessed apart: it waits, with the
// advice to split it at the meter.
func TestCase_T02_RecordOverMonthEnd(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv", during("over", "2026-10-31T23:30:00Z", "2026-11-01T00:30:00Z")))
	_, err := w.Close(ctx(), "", "2026-10")
	wantError(t, err, "suspense")
	pending, err := w.Pending(ctx(), "", "2026-10")
	if err != nil || len(pending.Suspense) != 1 || !strings.Contains(pending.Suspense[0].Hint, "split") {
		t.Errorf("pending %+v, %v", pending, err)
	}
}

// A record that ends where the month does is in the old month alone.
func TestCase_T03_EndsAtTheBoundary(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv", during("until", "2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z")))
	run := w.close("2026-10").Run
	if run.Records.Charged != 1 {
		t.Errorf("October charged %d records", run.Records.Charged)
	}
	if run := w.refresh("2026-11"); run.Records.Accepted != 0 || len(run.Bills) != 0 {
		t.Errorf("November has %+v", run.Records)
	}
}

// The days on which New York's clock jumps have 23 and 25 hours. Every hour is
// billed once, the two that read 01:30 too.
func TestCase_T10_T11_ClockChangesLoseNothing(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, period string
		day, month   int
		hours        int
	}{{"Case_T10_SpringForward", "2026-03", 8, 3, 23}, {"Case_T11_FallBack", "2026-11", 1, 11, 25}} {
		t.Run(c.name, func(t *testing.T) {
			w := inZone(t, "America/New_York")
			w.at("2026-12-02T09:00:00Z")
			var records []usage
			start := time.Date(2026, time.Month(c.month), c.day, 0, 30, 0, 0, zone)
			for at := start; at.In(zone).Day() == c.day; at = at.Add(time.Hour) {
				records = append(records, during(fmt.Sprint("r", len(records)), at.Format(time.RFC3339), at.Add(30*time.Minute).Format(time.RFC3339)))
			}
			w.ingest(source(), csvFile("a.csv", records...))
			run := w.close(c.period).Run
			if len(records) != c.hours || run.Records.Charged != int64(c.hours) || run.Charges[0].Rows != int64(c.hours) {
				t.Errorf("%d hours, %d charged in %d lines, want %d", len(records), run.Records.Charged, run.Charges[0].Rows, c.hours)
			}
		})
	}
}

// The instants of a period are pinned in its CLOSE, and what is late is told by
// them: a time zone that changes its rules later does not move a closed month.
func TestCase_T13_ZoneRulesArePinned(t *testing.T) {
	w := inZone(t, "Asia/Kathmandu")
	w.ingest(source(), csvFile("a.csv", during("in", "2026-10-31T18:14:00Z", "2026-10-31T18:15:00Z"), instance("out", "2026-10-31T18:15:00Z")))
	run := w.close("2026-10").Run
	if got := run.Period.Start.Format(time.RFC3339) + " " + run.Period.End.Format(time.RFC3339); got != "2026-09-30T18:15:00Z 2026-10-31T18:15:00Z" {
		t.Errorf("CLOSE pins %s", got)
	}
	if run.Records.Accepted != 1 {
		t.Errorf("%d records, want the one before 18:15", run.Records.Accepted)
	}
	w.ingest(source(), csvFile("late.csv", during("late", "2026-10-31T18:00:00Z", "2026-10-31T18:10:00Z")))
	w.at("2026-12-02T09:00:00Z")
	if got := w.close("2026-11").Run.Records; got.Late != 1 || got.Charged != 2 {
		t.Errorf("November charged %+v, want its own record and one that was late", got)
	}
}

// Usage of fourteen months ago is charged in the open month, with its own dates
// and at its own prices.
func TestCase_T33_FourteenMonthsOld(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv", instance("old", "2025-08-10T00:00:00Z")))
	for name := "2025-08"; name < "2026-10"; {
		w.close(name)
		at, err := time.Parse("2006-01", name)
		if err != nil {
			t.Fatal(err)
		}
		name = at.AddDate(0, 1, 0).Format("2006-01")
	}
	w.ingest(source(), csvFile("b.csv", instance("late", "2025-08-10T01:00:00Z"), instance("new", "2026-10-20T00:00:00Z")))
	run := w.close("2026-10").Run
	if got := total(t, run).String(); run.Records.Late != 1 || got != "0.1872" { // 0.096 then, 0.0912 now
		t.Errorf("October charged %+v, %s", run.Records, got)
	}
}

// Usage that lies in the future is no part of the month that is closed, and it
// can be seen: its month is listed as used before it has begun.
func TestCase_T32_UsageInTheFuture(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv", instance("now", "2026-10-10T00:00:00Z"), instance("ahead", "2027-03-10T00:00:00Z")))
	if got := w.close("2026-10").Run.Records.Accepted; got != 1 {
		t.Errorf("October has %d records", got)
	}
	list, err := w.Status(ctx(), "")
	if err != nil {
		t.Fatal(err)
	}
	var ahead []string
	for _, s := range list {
		if s.Used && s.Start.After(w.clock) {
			ahead = append(ahead, s.Period)
		}
	}
	if len(ahead) != 1 || ahead[0] != "2027-03" {
		t.Errorf("months ahead: %q", ahead)
	}
	w.at("2027-03-01T00:00:00Z")
	_, err = w.Close(ctx(), "", "2027-03")
	wantError(t, err, pipeline.ErrNotDue.Error())
}
