package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
	"github.com/monthend/monthend/schema/money"
)

// grownPrices has SKUs whose price does not depend on the month beside those of
// October; later brings a SKU for usage that was in suspense.
func grownPrices(t testing.TB, later bool) string {
	list := text(t, "october/prices.csv") + priceLine("C5", "2025-01-01", "Hrs", "0.085", "BoxUsage:c5.large") +
		priceLine("T3", "2025-01-01", "Hrs", "0.0104", "BoxUsage:t3.micro")
	if later {
		list += priceLine("M6", "2025-01-01", "Hrs", "0.1", "BoxUsage:m6.large")
	}
	return list
}

// anyDelivery draws usage of a few days, old and new, of all kinds of prices,
// with ids that come again, some with other content.
func anyDelivery(rt *rapid.T) []usage {
	kinds := []usage{
		{service: "AmazonEC2", kind: "BoxUsage:m5.large", operation: "RunInstances", region: "us-east-1", unit: "Hrs"},
		{service: "AmazonEC2", kind: "BoxUsage:c5.large", operation: "RunInstances", region: "us-east-1", unit: "Hrs"},
		{service: "AmazonEC2", kind: "BoxUsage:c5.large", operation: "RunInstances", region: "us-east-1"},
		{service: "AmazonEC2", kind: "BoxUsage:t3.micro", operation: "RunInstances", region: "us-east-1", unit: "Hrs"},
		{service: "AmazonEC2", kind: "BoxUsage:m6.large", operation: "RunInstances", region: "us-east-1", unit: "Hrs"},
		{service: "AmazonEC2", kind: "EBS:VolumeUsage.gp2", region: "us-east-1", unit: "GB-Mo"},
		{service: "AmazonEC2", kind: "EBS:VolumeUsage.gp3", region: "us-east-1", unit: "GB-Mo"},
		{service: "AmazonS3", kind: "TimedStorage-ByteHrs", region: "us-east-1", unit: "GB-Mo"},
		{service: "AWSLambda", kind: "Request", region: "eu-west-1", unit: ""},
		{service: "Marketplace", kind: "Licence", unit: "Unit", cost: "0.1234567891", currency: "USD"},
	}
	var list []usage
	for range rapid.IntRange(1, 12).Draw(rt, "records") {
		id := rapid.IntRange(0, 60).Draw(rt, "id")
		u := kinds[id%len(kinds)]
		u.id = fmt.Sprint("u-", id)
		u.account = []string{"100000000001", "100000000002", "200000000002"}[id/len(kinds)%3]
		u.resource = []string{"", "r1"}[id%2]
		at := time.Date(2026, 10, 1+7*(id%4), 23*(id%2), 0, 0, 0, time.UTC)
		u.start, u.end = at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339)
		u.amount = fmt.Sprintf("%d.%09d", []int{0, 1, 29, 49, 480}[id%5], id*1234567)
		if id%11 == 0 {
			u.amount = "0"
		}
		if rapid.IntRange(0, 9).Draw(rt, "conflict") == 0 {
			u.amount += "1"
		}
		list = append(list, u)
	}
	return list
}

// fresh is a world over the usage of another alone.
func (w *world) fresh() *world {
	w.t.Helper()
	st := store.NewMemory()
	for key, data := range objects(w.t, w.Store) {
		if !strings.HasPrefix(key, "usage/") && !strings.HasPrefix(key, "log/usage/") {
			continue
		}
		if err := st.Create(ctx(), key, store.BytesBody(data)); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.over(st)
}

// sameMonth compares what a refresh left with a computation of the month from
// nothing: records, sums, bills, and every report, byte for byte.
func sameMonth(t *rapid.T, w *world, run *period.Run) {
	t.Helper()
	f := w.fresh()
	want := f.refresh("2026-10")
	if run.Records != want.Records {
		t.Fatalf("records %+v, want %+v", run.Records, want.Records)
	}
	if want, got := chargeLines(w.t, f, *want), chargeLines(w.t, w, *run); !maps.Equal(want, got) {
		sameLines(t, want, got)
	}
	if got, want := sumsOf(w.t, *run), sumsOf(w.t, *want); got != want {
		t.Fatalf("charges %s, want %s", got, want)
	}
	if len(run.Bills) != len(want.Bills) {
		t.Fatalf("%d bills, want %d", len(run.Bills), len(want.Bills))
	}
	for i, b := range want.Bills {
		if got := run.Bills[i]; got.Bill.SHA256 != b.Bill.SHA256 || got.Total != b.Total || got.Rows != b.Rows {
			t.Fatalf("bill %+v, want %+v", got, b)
		}
	}
	reports := func(key string) bool {
		return !strings.HasPrefix(key, "reports/") && !strings.HasPrefix(key, "bills/") || strings.Contains(key, "/metadata/")
	}
	if d := differences(objects(w.t, f.Store), objects(w.t, w.Store), reports); len(d) > 0 {
		t.Fatalf("other reports than of the month from nothing: %q", d)
	}
}

func sumsOf(t testing.TB, run period.Run) string {
	t.Helper()
	var rows int64
	var sums [3]money.Cost
	for _, c := range run.Charges {
		rows += c.Rows
		for i, v := range []money.Cost{c.List, c.Unblended, c.Blended} {
			var err error
			if sums[i], err = money.Add(sums[i], v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fmt.Sprint(rows, " ", sums)
}

// carried tells whether a run names files of an earlier one.
func carried(run *period.Run) bool {
	return slices.ContainsFunc(run.Charges, func(c period.Charges) bool { return !strings.HasPrefix(c.Key, "run/"+run.ID+"/") })
}

// TestRefreshGoesOn refreshes after every delivery and compares with the month
// computed from nothing. In between a process is killed, garbage is collected,
// prices change, and a file of the newest refresh is lost.
func TestRefreshGoesOn(t *testing.T) {
	checks(t, 10)
	on, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, store.NewMemory())
		w.at("2026-10-30T00:00:00Z")
		w.prices(grownPrices(t, false))
		for i := range rapid.IntRange(2, 6).Draw(rt, "deliveries") {
			w.ingest(rowsSource(), csvFile(fmt.Sprintf("%d.csv", i), anyDelivery(rt)...))
			switch rapid.SampledFrom([]string{"", "", "", "killed", "collected", "priced", "lost"}).Draw(rt, "before the refresh") {
			case "killed":
				kill(rt, w)
			case "collected":
				if _, err := w.Collect(ctx(), 0, false); err != nil {
					t.Fatal(err)
				}
			case "priced":
				w.prices(grownPrices(t, true))
			case "lost":
				lose(rt, w)
			}
			run := w.refresh("2026-10")
			sameMonth(rt, w, run)
			if all++; carried(run) {
				on++
			}
			again := w.refresh("2026-10")
			if again.ID != run.ID || !slices.Equal(again.Charges, run.Charges) {
				rt.Fatalf("a second refresh made %s of %s", again.ID, run.ID)
			}
		}
	})
	if on*4 < all {
		t.Errorf("%d of %d refreshes went on from the one before", on, all)
	}
}

// kill breaks a refresh off at some call of the store.
func kill(rt *rapid.T, w *world) {
	n := rapid.IntRange(1, 120).Draw(rt, "call")
	broken := storetest.NewFaulty(w.Store, storetest.AtCall(n, rapid.SampledFrom(storetest.Failures()).Draw(rt, "how")))
	_, _ = w.over(broken).Refresh(ctx(), "", "2026-10")
	broken.Land(ctx())
}

// lose deletes a file or bill that the newest refresh names.
func lose(rt *rapid.T, w *world) {
	var keys []string
	for key := range objects(w.t, w.Store) {
		if strings.HasPrefix(key, "run/") && !strings.Contains(key, "/inputs/") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		return
	}
	if err := w.Store.Delete(ctx(), rapid.SampledFrom(keys).Draw(rt, "lost")); err != nil {
		w.t.Fatal(err)
	}
}

// TestRefreshNamesOldFiles delivers day after day: the segments of days before
// are named again, and only the new day and what depends on the month is written.
func TestRefreshNamesOldFiles(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	w.at("2026-10-30T00:00:00Z")
	w.prices(grownPrices(t, false))
	var before *period.Run
	for day := 1; day <= 4; day++ {
		settled := instance(fmt.Sprint("s", day), fmt.Sprintf("2026-10-%02dT05:00:00Z", day))
		settled.kind = "BoxUsage:c5.large"
		w.ingest(source(), csvFile(fmt.Sprintf("%d.csv", day), settled, instance(fmt.Sprint("d", day), settled.start)))
		run := w.refresh("2026-10")
		if len(run.Charges) != day+1 || run.Charges[0].Day.String() != "" || run.Charges[0].Rows != int64(day) {
			t.Fatalf("day %d: charges %+v", day, run.Charges)
		}
		for i, c := range run.Charges[1:] {
			if i < day-1 && c != before.Charges[1+i] {
				t.Errorf("day %d: %s is not %s, as before", day, c.Key, before.Charges[1+i].Key)
			}
			if c.Day.Day != i+1 || i == day-1 && !strings.Contains(c.Key, run.ID) {
				t.Errorf("day %d: file %d is %s of %s", day, i, c.Key, c.Day)
			}
		}
		before = run
	}
	// The collector keeps what is named, and takes all else of the runs.
	if _, err := w.Collect(ctx(), 0, false); err != nil {
		t.Fatal(err)
	}
	left := objects(t, w.Store)
	for _, c := range before.Charges {
		if !has(left, c.Key) {
			t.Errorf("%s was collected", c.Key)
		}
	}
	files := 0
	for key := range left {
		if strings.Contains(key, "/charges/") {
			files++
		}
	}
	if files != len(before.Charges) {
		t.Errorf("%d files of charges are left, %d are named", files, len(before.Charges))
	}
	// After a collection the next run is of another generation and goes on all the same.
	w.ingest(source(), csvFile("5.csv", instance("d5", "2026-10-05T05:00:00Z")))
	if run := w.refresh("2026-10"); !carried(run) {
		t.Error("the refresh after a collection began from nothing")
	}
	w.at("2026-11-02T09:00:00Z")
	if run := w.close("2026-10").Run; run.Segmented || len(run.Charges) != 1 || run.Charges[0].Rows != 9 {
		t.Errorf("the close has charges %+v", run.Charges)
	}
}

// A damaged segment does not hold up an open month.
func TestRefreshOverDamagedSegment(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	w.at("2026-10-30T00:00:00Z")
	w.ingest(source(), csvFile("a.csv", instance("a", "2026-10-05T05:00:00Z")))
	run := w.refresh("2026-10")
	key := run.Charges[0].Key
	data, err := store.ReadAll(ctx(), w.Store, key, run.Charges[0].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(data)
	damaged[len(damaged)/2]++
	if err := w.Store.Replace(ctx(), key, store.BytesBody(damaged)); err != nil {
		t.Fatal(err)
	}
	w.ingest(source(), csvFile("b.csv", instance("b", "2026-10-06T05:00:00Z")))
	if run := w.refresh("2026-10"); carried(run) || run.Records.Charged != 2 {
		t.Errorf("the refresh went on from damaged charges: %+v", run.Charges)
	}
}
