package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline"
)

// suspended is a record that cannot be rated, and what makes it ratable.
type suspended struct {
	name    string
	record  usage
	reason  string
	resolve func(t *testing.T, w *world) // nil: only a waiver helps
}

func suspendedCases() []suspended {
	spoilt := func(change func(*usage)) usage {
		u := instance("bad", "2026-10-31T23:00:00Z")
		change(&u)
		return u
	}
	return []suspended{
		{name: "over the month boundary", reason: "crosses the end of its period",
			record: spoilt(func(u *usage) { u.end = "2026-11-01T00:00:01Z" })},
		{name: "Case_D29_unknown account", reason: "unknown account",
			record: spoilt(func(u *usage) { u.account = "300000000001" }),
			resolve: func(t *testing.T, w *world) {
				w.organization(strings.Replace(text(t, "october/organization.yaml"), "name: press-site}",
					"name: press-site}\n      - {id: \"300000000001\", name: press-new}", 1))
			}},
		{name: "member not yet joined", reason: "unknown account",
			record: spoilt(func(u *usage) {
				u.account, u.start, u.end = "100000000003", "2026-10-14T23:00:00Z", "2026-10-15T00:00:00Z"
			}),
			resolve: func(t *testing.T, w *world) {
				w.organization(strings.Replace(text(t, "october/organization.yaml"), "from: 2026-10-15", "from: 2026-10-14", 1))
			}},
		{name: "Case_D15_unknown SKU", reason: "unknown SKU",
			record: spoilt(func(u *usage) { u.kind = "BoxUsage:m6.large" }),
			resolve: func(t *testing.T, w *world) {
				w.prices(text(t, "october/prices.csv") + priceLine("M6", "2025-01-01", "Hrs", "0.1", "BoxUsage:m6.large"))
			}},
		{name: "Case_D16_no price on that date", reason: "no price on that date",
			record: spoilt(func(u *usage) { u.kind = "BoxUsage:m7.large" }),
			resolve: func(t *testing.T, w *world) {
				w.prices(text(t, "october/prices.csv") + priceLine("M7", "2026-10-31", "Hrs", "0.1", "BoxUsage:m7.large"))
			}},
		{name: "Case_D14_other unit", reason: "unit other than the price's",
			record: spoilt(func(u *usage) { u.unit = "Minutes" }),
			resolve: func(t *testing.T, w *world) {
				w.prices(strings.ReplaceAll(text(t, "october/prices.csv"), "Hrs", "Minutes"))
			}},
		{name: "Case_D30_other currency", reason: "currency other than the bill's",
			record: spoilt(func(u *usage) { u.cost, u.currency = "1", "EUR" })},
	}
}

func priceLine(sku, effective, unit, rate, usageType string) string {
	return strings.Join([]string{sku, sku + ".OD.1", "OnDemand", usageType, effective, "0", "Inf", unit, rate, "USD",
		"AmazonEC2", "us-east-1", usageType, "RunInstances"}, ",") + "\n"
}

// suspenseWorld has prices for m7.large, but only from November on, and one
// good record beside the bad one.
func suspenseWorld(t *testing.T, c suspended) *world {
	w := october(t)
	if c.reason == "no price on that date" {
		w.prices(text(t, "october/prices.csv") + priceLine("M7", "2026-11-01", "Hrs", "0.1", "BoxUsage:m7.large"))
	}
	files := csvFile("usage.csv", c.record)
	if c.reason != "unit other than the price's" { // its resolution changes the unit of all
		files = csvFile("usage.csv", c.record, instance("good", "2026-10-02T00:00:00Z"))
	}
	w.ingest(source(), files)
	return w
}

// wantSuspense checks that one group of n records waits and returns its id.
func (w *world) wantSuspense(reason string, n int64) string {
	w.t.Helper()
	_, err := w.Close(ctx(), "", "2026-10")
	if !errors.Is(err, pipeline.ErrBlocked) {
		w.t.Fatalf("close: error %v, want ErrBlocked", err)
	}
	wantError(w.t, err, reason, "pending list")
	list, err := w.Pending(ctx(), "", "2026-10")
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list.Suspense) != 1 || len(list.Rejects) != 0 {
		w.t.Fatalf("pending %+v, want one group in suspense", list)
	}
	g := list.Suspense[0]
	if g.Reason != reason || g.Records != n || g.Hint == "" || !strings.Contains(g.Example, "usage.csv:2 record_id bad") {
		w.t.Fatalf("pending %+v, want %d records with reason %q and an example", g, n, reason)
	}
	if run := w.refresh("2026-10"); run.Records.Suspense != n || run.Records.Accepted != run.Records.Charged+n+run.Records.Waived {
		w.t.Fatalf("refresh counts %+v, want %d in suspense", run.Records, n)
	}
	return g.ID
}

func (w *world) waive(id string) {
	w.t.Helper()
	list, err := w.Pending(ctx(), "", "2026-10")
	if err == nil {
		err = w.Waive(ctx(), list, []string{id}, "agreed with the customer", "operator")
	}
	if err != nil {
		w.t.Fatalf("waive: %v", err)
	}
}

// TestSuspenseResolved adds what was missing; the record is then charged.
func TestSuspenseResolved(t *testing.T) {
	for _, c := range suspendedCases() {
		if c.resolve == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := suspenseWorld(t, c)
			w.wantSuspense(c.reason, 1)
			c.resolve(t, w)
			if rec := w.close("2026-10").Run.Records; rec.Charged != rec.Accepted || rec.Waived != 0 {
				t.Errorf("closed with %+v, want everything charged", rec)
			}
		})
	}
}

// TestSuspenseWaived lets a person decide. What comes after the waiver waits
// again, in the same group.
func TestSuspenseWaived(t *testing.T) {
	for _, c := range suspendedCases() {
		t.Run(c.name, func(t *testing.T) {
			w := suspenseWorld(t, c)
			id := w.wantSuspense(c.reason, 1)
			w.waive(id)
			second := c.record
			second.id = "bad-2"
			w.ingest(source(), csvFile("later.csv", second))
			list, err := w.Pending(ctx(), "", "2026-10")
			if err != nil || len(list.Suspense) != 1 || list.Suspense[0].ID != id || list.Suspense[0].Records != 1 || list.Suspense[0].Waived != 1 {
				t.Fatalf("pending %+v (%v), want one new record in group %s", list, err, id)
			}
			if _, err := w.Close(ctx(), "", "2026-10"); !errors.Is(err, pipeline.ErrBlocked) {
				t.Fatalf("close: error %v, want ErrBlocked", err)
			}
			w.waive(id)
			rec := w.close("2026-10").Run.Records
			if rec.Waived != 2 || rec.Accepted != rec.Charged+rec.Waived {
				t.Errorf("closed with %+v, want 2 waived and the rest charged", rec)
			}
		})
	}
}

// TestWaiveAgain repeats a waiver, as after a lost connection: nothing changes.
func TestWaiveAgain(t *testing.T) {
	w := suspenseWorld(t, suspendedCases()[0])
	id := w.wantSuspense("crosses the end of its period", 1)
	w.waive(id)
	before := objects(t, w.Store)
	w.waive(id)
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("waiving again changed %q", d)
	}
	list, err := w.Pending(ctx(), "", "2026-10")
	if err != nil {
		t.Fatal(err)
	}
	err = w.Waive(ctx(), list, []string{"0123456789ab"}, "a typing error", "operator")
	wantError(t, err, "0123456789ab", "is not pending")
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("a refused waiver changed %q", d)
	}
}
