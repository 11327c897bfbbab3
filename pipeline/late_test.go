package pipeline_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// checks sets how often the properties of this file are tried, unless the
// command line says so: each try is several months.
func checks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Value.Set(f.DefValue) })
}

// plain is a world without reports, for tests of charges alone.
func plain(t *testing.T) *world {
	w := newWorld(t, store.NewMemory())
	w.Exports = nil
	return w
}

// anyUsage draws records of a month that meet often in one line, with tiers and
// pools to cross.
func anyUsage(rt *rapid.T, month string) []usage {
	kinds := []usage{
		{service: "AmazonEC2", kind: "BoxUsage:m5.large", operation: "RunInstances", region: "us-east-1", unit: "Hrs"},
		{service: "AmazonEC2", kind: "EBS:VolumeUsage.gp2", region: "us-east-1", unit: "GB-Mo"},
		{service: "AmazonEC2", kind: "EBS:VolumeUsage.gp3", region: "us-east-1", unit: "GB-Mo"},
		{service: "AmazonS3", kind: "TimedStorage-ByteHrs", region: "us-east-1", unit: "GB-Mo"},
		{service: "AmazonS3", kind: "Requests-Tier1", region: "us-east-1", unit: ""},
		{service: "Marketplace", kind: "Licence", unit: "Unit", cost: "0.1234567891", currency: "USD"},
	}
	var list []usage
	for i := range rapid.IntRange(1, 25).Draw(rt, "records") {
		u := kinds[rapid.IntRange(0, len(kinds)-1).Draw(rt, "kind")]
		at, err := time.Parse("2006-01", month)
		if err != nil {
			panic(err)
		}
		at = at.AddDate(0, 0, rapid.SampledFrom([]int{0, 14, 15, 16}).Draw(rt, "day")).Add(time.Duration(rapid.IntRange(22, 23).Draw(rt, "hour")) * time.Hour)
		u.id = fmt.Sprintf("%s-%d", month, i)
		u.account = rapid.SampledFrom([]string{"100000000001", "100000000002", "200000000002"}).Draw(rt, "account")
		u.resource = rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(rt, "resource")
		u.start, u.end = at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339)
		u.amount = fmt.Sprintf("%d.%09d", rapid.SampledFrom([]int{0, 1, 7, 29, 49, 480, 1999}).Draw(rt, "whole"), rapid.IntRange(0, 999_999_999).Draw(rt, "part"))
		list = append(list, u)
	}
	return list
}

// deal puts each record into one of n deliveries.
func deal(rt *rapid.T, records []usage, n int) [][]usage {
	hands := make([][]usage, n)
	for _, u := range records {
		i := rapid.IntRange(0, n-1).Draw(rt, "delivery of "+u.id)
		hands[i] = append(hands[i], u)
	}
	return hands
}

func (w *world) deliver(name string, records []usage) {
	w.t.Helper()
	if len(records) > 0 {
		w.ingest(source(), csvFile(name, records...))
	}
}

// TestLateEqualsOnTime is the promise about late usage: whatever comes late, and
// in however many parts, the lines of a month with their corrections are those
// of a month in which everything was on time, to the last digit.
func TestLateEqualsOnTime(t *testing.T) {
	checks(t, 8)
	rapid.Check(t, func(rt *rapid.T) {
		october, november := anyUsage(rt, "2026-10"), anyUsage(rt, "2026-11")
		w, all := plain(t), plain(t)
		w.at("2027-01-02T00:00:00Z")
		all.at("2027-01-02T00:00:00Z")
		all.deliver("october", october)
		all.deliver("november", november)
		want := chargeLines(t, all, all.close("2026-10").Run, all.close("2026-11").Run)

		octobers, novembers := deal(rt, october, 3), deal(rt, november, 2)
		w.deliver("1", octobers[0])
		runs := []period.Run{w.close("2026-10").Run}
		w.deliver("2", slices.Concat(octobers[1], novembers[0]))
		runs = append(runs, w.close("2026-11").Run)
		// Late for both months at once.
		w.deliver("3", slices.Concat(novembers[1], octobers[2]))
		runs = append(runs, w.close("2026-12").Run)
		sameLines(rt, want, chargeLines(t, w, runs...))
		if n := runs[2].Records.Late; n != int64(len(octobers[2])+len(novembers[1])) {
			rt.Errorf("the last close counts %d late records, want %d", n, len(octobers[2])+len(novembers[1]))
		}
	})
}

// TestCase_M31_LateLines looks at one correction: it stands in the next close with its
// own dates and a reason, and moves the crossing of the tier.
func TestCase_M31_LateLines(t *testing.T) {
	w := october(t)
	w.at("2026-12-02T00:00:00Z")
	storage := func(id, day, amount string) usage {
		return usage{id: id, account: "100000000002", service: "AmazonS3", kind: "TimedStorage-ByteHrs", region: "us-east-1",
			start: "2026-10-" + day + "T00:00:00Z", end: "2026-10-" + day + "T01:00:00Z", amount: amount, unit: "GB-Mo"}
	}
	w.ingest(source(), csvFile("a.csv", storage("a", "10", "40"), storage("b", "20", "20")))
	w.close("2026-10")
	w.finish("2026-10")
	w.ingest(source(), csvFile("late.csv", storage("c", "05", "30")))
	run := w.close("2026-11").Run
	w.finish("2026-11")
	// On time 50 cost 0.023 and 10 cost 0.022. With 30 more before, the second record has 20 at 0.023 and 20 at
	// 0.022, the third 20 at 0.022. The difference is 30*0.023 - 20*0.001 - 10*0.001 = 0.66.
	if got := total(t, run); got.String() != "0.66" {
		t.Errorf("the correction costs %s, want 0.66", got)
	}
	if run.Records.Late != 1 {
		t.Errorf("%d late records, want 1", run.Records.Late)
	}
	var report string
	for key, data := range objects(t, w.Store) {
		if strings.HasPrefix(key, "reports/100000000001/100000000001/cur2csv/data/BILLING_PERIOD=2026-11/") {
			report = string(gunzip(t, data))
		}
	}
	for _, says := range []string{"2026-10-05", "2026-10-10", "2026-10-20"} {
		if !strings.Contains(report, says) {
			t.Errorf("the report of November does not say %s:\n%s", says, report)
		}
	}
	bill := string(objects(t, w.Store)[store.BillCSV("100000000001", "100000000001", "2026-11")])
	if !strings.Contains(bill, "(Late usage of 2026-10)") {
		t.Errorf("the bill of November gives no reason:\n%s", bill)
	}
}

// TestLateConflict delivers other content under an id of a closed month: the
// first stays and nothing is corrected.
func TestLateConflict(t *testing.T) {
	w := plain(t)
	w.at("2026-12-02T00:00:00Z")
	w.ingest(source(), csvFile("a.csv", good(2)...))
	w.close("2026-10")
	other := good(1)[0]
	other.amount = "5"
	w.ingest(source(), csvFile("b.csv", other))
	_, err := w.Close(ctx(), "", "2026-11")
	if !errors.Is(err, pipeline.ErrBlocked) {
		t.Fatalf("close: error %v, want ErrBlocked", err)
	}
	list, err := w.Pending(ctx(), "", "2026-11")
	if err != nil || len(list.Rejects) != 1 {
		t.Fatalf("pending %+v (%v), want one reject", list, err)
	}
	if err := w.Waive(ctx(), list, []string{list.Rejects[0].ID}, "a test", "operator"); err != nil {
		t.Fatal(err)
	}
	if got := total(t, w.close("2026-11").Run); got.String() != "0" {
		t.Errorf("November costs %s, want nothing", got)
	}
}

// TestLateSuspense holds late usage that cannot be rated until it is waived, and
// charges it by today's price when the old list had none.
func TestLateSuspense(t *testing.T) {
	strange := good(1)[0]
	strange.id, strange.kind = "late", "BoxUsage:m6.large"
	start := func() *world {
		w := plain(t)
		w.at("2026-12-02T00:00:00Z")
		w.ingest(source(), csvFile("a.csv", good(2)...))
		w.close("2026-10")
		w.ingest(source(), csvFile("b.csv", strange))
		_, err := w.Close(ctx(), "", "2026-11")
		if !errors.Is(err, pipeline.ErrBlocked) {
			t.Fatalf("close: error %v, want ErrBlocked", err)
		}
		wantError(t, err, "unknown SKU")
		return w
	}
	t.Run("waived", func(t *testing.T) {
		w := start()
		if run := w.refresh("2026-11"); run.Records.Accepted != run.Records.Charged+run.Records.Suspense+run.Records.Waived {
			t.Errorf("refresh counts %+v: they do not add up", run.Records)
		}
		list, err := w.Pending(ctx(), "", "2026-11")
		if err != nil || len(list.Suspense) != 1 {
			t.Fatalf("pending %+v (%v), want one group", list, err)
		}
		if err := w.Waive(ctx(), list, []string{list.Suspense[0].ID}, "a test", "operator"); err != nil {
			t.Fatal(err)
		}
		run := w.close("2026-11").Run
		if got := total(t, run); got.String() != "0" || run.Records.Waived != 1 {
			t.Errorf("November costs %s with %+v, want nothing and one waived", got, run.Records)
		}
	})
	t.Run("priced", func(t *testing.T) {
		w := start()
		// A price that the closed month knew is not changed by today's list.
		w.prices(strings.ReplaceAll(text(t, "october/prices.csv"), "0.0960000000", "0.5") + priceLine("M6", "2025-01-01", "Hrs", "0.1", "BoxUsage:m6.large"))
		run := w.close("2026-11").Run
		if got := total(t, run); got.String() != "0.1" || run.Records.Late != 1 || run.Records.Charged != 1 {
			t.Errorf("November costs %s with %+v, want 0.1 for one late record", got, run.Records)
		}
		w.at("2027-01-02T00:00:00Z")
		if got := total(t, w.close("2026-12").Run); got.String() != "0" {
			t.Errorf("December costs %s, want nothing", got)
		}
	})
}

// TestLateKeepsPrices adds, after the close, a SKU that would take usage over
// from one that the closed month was priced by.
func TestLateKeepsPrices(t *testing.T) {
	function := func(id string) usage {
		return usage{id: id, account: "100000000002", service: "AWSLambda", kind: "Request", operation: "Invoke", region: "eu-west-1",
			start: "2026-10-10T00:00:00Z", end: "2026-10-10T01:00:00Z", amount: "1000000", unit: "Requests"}
	}
	w := plain(t)
	w.at("2026-12-02T00:00:00Z")
	w.ingest(source(), csvFile("a.csv", function("a")))
	w.close("2026-10")
	w.prices(text(t, "october/prices.csv") + "FN2,FN2.OD.1,OnDemand,dearer,2025-01-01,0,Inf,Requests,0.0000009,USD,AWSLambda,eu-west-1,Request,Invoke\n")
	// A SKU that moved to other usage keeps its old price where it was.
	w.prices(strings.Replace(string(w.Prices.Files[0].Data), "BoxUsage:m5.large", "BoxUsage:m5a.large", 2))
	w.ingest(source(), csvFile("late.csv", function("b")))
	if got := total(t, w.close("2026-11").Run); got.String() != "0.2" {
		t.Errorf("the late million costs %s, want 0.2 as on time", got)
	}
}

// TestLatePayerGone has late usage of a payer that the organization has lost
// since: its money must not vanish.
func TestLatePayerGone(t *testing.T) {
	w := plain(t)
	w.at("2026-12-02T00:00:00Z")
	press := good(2)
	for i := range press {
		press[i].account = "200000000002"
	}
	w.ingest(source(), csvFile("a.csv", press[0]))
	w.close("2026-10")
	w.organization(strings.Split(text(t, "october/organization.yaml"), "  - account_id: \"200000000001\"")[0])
	w.ingest(source(), csvFile("late.csv", press[1]))
	_, err := w.Close(ctx(), "", "2026-11")
	if !errors.Is(err, pipeline.ErrBlocked) {
		t.Fatalf("close: error %v, want ErrBlocked", err)
	}
	wantError(t, err, "200000000001", "organization")
	w.organization(text(t, "october/organization.yaml"))
	if got := total(t, w.close("2026-11").Run); got.String() != "0.096" {
		t.Errorf("the late hour costs %s, want 0.096", got)
	}
}
