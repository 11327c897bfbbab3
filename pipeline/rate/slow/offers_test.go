package slow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

func TestMatching(t *testing.T) {
	sku := func(operation, region, cost string) price.SKU {
		s := prices("S", "x", cost)
		s.ID, s.Operation, s.Region = operation+"/"+region, operation, region
		return s
	}
	w := world("2026-10", sku("op", "eu", "1"), sku("op", "", "2"), sku("", "eu", "3"), sku("", "", "4"))
	later := w.SKUs[3].Versions[0]
	later.Effective = at("2026-10-02T01:00:00").Unix()
	later.Tiers = prices("S", "x", "5").Versions[0].Tiers
	w.SKUs[3].Versions = append(w.SKUs[3].Versions, later)
	for _, c := range []struct{ operation, region, start, cost string }{
		{"op", "eu", "2026-10-01T00:00:00", "1"}, {"op", "us", "2026-10-01T00:00:00", "2"}, {"other", "eu", "2026-10-01T00:00:00", "3"},
		{"other", "us", "2026-10-02T00:59:59", "4"}, {"other", "us", "2026-10-02T01:00:00", "5"}} {
		r := use("a", "S", "x", c.start, "1")
		r.Operation, r.Region = c.operation, c.region
		if got := Text(total(run(t, w, r))); got != c.cost {
			t.Errorf("%v: %s", c, got)
		}
	}
	res, _ := Rate(w, []Record{use("nobody", "S", "x", "2026-10-01T00:00:00", "1"), use("a", "S", "y", "2026-10-01T00:00:00", "1"),
		{Account: "a", Service: "S", UsageType: "x", Start: at("2026-10-01T00:00:00"), Amount: "1", Unit: "v"}})
	if got := fmt.Sprint(res.Suspended); got != "map[no payer:1 no price:1 other unit:1]" {
		t.Errorf("suspended %s", got)
	}
}

func TestLinesSumRecords(t *testing.T) {
	w := world("2026-10", prices("S", "x", "0.0000000001"))
	b := run(t, w, use("a", "S", "x", "2026-10-01T00:00:00", "0.25"), use("a", "S", "x", "2026-10-01T00:59:00", "0.25"))
	want(t, show(b), "a Usage 0.5: list 0.0000000001 unblended 0.0000000001 blended 0.0000000001 net 0.0000000001 effective 0.0000000001 upfront 0")
}

func TestDiscounts(t *testing.T) {
	w := world("2026-10", prices("S", "x", "1"), prices("S", "free", "0"))
	w.Offers.Discounts = []offer.Discount{
		{ID: "d1", Type: "EdpDiscount", Factor: rate("0.1")},
		{ID: "d2", Type: "PrivateRateDiscount", Private: true, Rate: rate("0.75"), SKUs: []string{"S/x"}, Accounts: []string{"a"}, From: date("2026-10-02")},
		{ID: "d3", Type: "Discount", Factor: rate("1"), Tags: map[string]string{"k": "v"}},
		{ID: "d4", Type: "Discount", Factor: rate("0.5"), Payers: []string{"other"}},
	}
	tagged := use("b", "S", "x", "2026-10-01T00:00:00", "2")
	tagged.Tags = "j\x1fv\x1ek\x1fv"
	b := run(t, w, use("a", "S", "x", "2026-10-01T00:00:00", "2"), use("a", "S", "x", "2026-10-02T00:00:00", "2"), tagged, use("b", "S", "free", "2026-10-01T00:00:00", "2"))
	want(t, show(b, "Usage"),
		"a Usage 2: list 2 unblended 2 blended 2 net 1.8 effective 2 upfront 0",
		"b Usage 2: list 2 unblended 2 blended 2 net 0 effective 2 upfront 0",
		"a Usage 2: list 2 unblended 2 blended 2 net 1.3 effective 2 upfront 0",
		"b Usage 2: list 0 unblended 0 blended 0 net 0 effective 0 upfront 0")
	want(t, show(b, "EdpDiscount", "PrivateRateDiscount", "Discount"),
		"a EdpDiscount 0: list 0 unblended -0.4 blended 0 net 0 effective -0.4 upfront 0",
		"b EdpDiscount 0: list 0 unblended -0.2 blended 0 net 0 effective -0.2 upfront 0",
		"b Discount 0: list 0 unblended -1.8 blended 0 net 0 effective -1.8 upfront 0",
		"a PrivateRateDiscount 0: list 0 unblended -0.5 blended 0 net 0 effective -0.5 upfront 0")
}

// costs writes account, service, hour of the month and cost of some types.
func costs(b *Bill, w World, kinds ...string) string {
	var out []string
	for _, r := range b.Rows {
		if has(kinds, r.Type) {
			out = append(out, fmt.Sprintf("%s %s %d %s", r.Account, r.Service, r.Hour-hourOf(w.Period.Start), Text(r.Unblended)))
		}
	}
	return strings.Join(out, "\n")
}

func TestFees(t *testing.T) {
	w := world("2026-10")
	w.Offers.Fees = []offer.Fee{
		{ID: "once", Account: "a", Service: "S", Amount: cost("5"), Date: date("2026-10-02")},
		{ID: "earlier", Account: "a", Service: "S", Amount: cost("5"), Date: date("2026-09-30")},
		{ID: "whole", Account: "a", Service: "S", Amount: cost("6"), From: date("2026-10-31")},
		{ID: "part", Account: "b", Service: "S", Amount: cost("10"), From: date("2026-10-21"), Until: date("2026-10-31"), Prorate: true},
		{ID: "over", Account: "b", Service: "S", Amount: cost("10"), Until: date("2026-10-01")},
	}
	want(t, costs(run(t, w), w, "Fee"), "a S 24 5", "a S 720 6", "b S 480 3.225806")
}

func TestSupport(t *testing.T) {
	w := world("2026-10", prices("S", "x", "1"))
	tiers := []offer.SupportTier{{To: cost("10"), Factor: rate("0.1")}, {Factor: rate("0.05")}}
	w.Offers.Support = []offer.Support{{ID: "s", Payer: "p", Service: "Help", Tiers: tiers, Minimum: cost("1"), Until: date("2026-11-01")},
		{ID: "over", Payer: "p", Service: "Help", Tiers: tiers, Minimum: cost("1"), Until: date("2026-10-31")},
		{ID: "each", Payer: "p", Service: "Help", Tiers: tiers, Minimum: cost("1.2"), PerAccount: true, Accounts: []string{"a", "b"}, From: date("2026-10-31")}}
	w.Offers.Fees = []offer.Fee{{ID: "f", Account: "a", Service: "S", Amount: cost("500"), Date: date("2026-10-02")}}
	b := run(t, w, use("a", "S", "x", "2026-10-01T00:00:00", "25.5"), use("b", "S", "x", "2026-10-01T00:00:00", "2"))
	want(t, costs(b, w, "Fee"), "a S 24 500", "p Help 743 1.875", "a Help 743 1.775", "b Help 743 1.2")
}

func TestMinimum(t *testing.T) {
	w := world("2026-10", prices("S", "x", "1"))
	w.Offers.Minimums = []offer.Minimum{{ID: "m", Payer: "p", Service: "M", Amount: cost("100")},
		{ID: "term", Payer: "p", Service: "M", Amount: cost("1000"), Term: true, From: date("2026-08-01"), Until: date("2026-11-01")}}
	w.Opening = map[string][]Opening{"p": {{minimum, "term", "300"}}}
	use30 := use("a", "S", "x", "2026-10-01T00:00:00", "30")
	b := run(t, w, use30)
	want(t, costs(b, w, "Fee"), "p M 743 70", "p M 743 270")
	w.Offers.Minimums[1].Until = date("2026-12-01")
	b = run(t, w, use30)
	want(t, costs(b, w, "Fee"), "p M 743 70")
	if got := Text(b.Balances[0].Closing); got != "270" {
		t.Errorf("still to be spent %s, want 270", got)
	}
}

func TestCredits(t *testing.T) {
	w := world("2026-10", prices("S", "x", "1"), prices("T", "x", "1"))
	w.Organization.Payers[0].Accounts[2].Sharing = []schema.Sharing{{}}
	rs := []Record{use("p", "S", "x", "2026-10-01T00:00:00", "10"), use("a", "S", "x", "2026-10-01T00:00:00", "3"), use("a", "T", "x", "2026-10-01T00:00:00", "4"),
		use("b", "S", "x", "2026-10-01T00:00:00", "5")}
	w.Offers.Credits = []offer.Credit{
		{ID: "late", Account: "a", Amount: cost("20"), From: date("2026-10-31"), Until: date("2027-01-01")},
		{ID: "soon", Account: "a", Amount: cost("5"), Services: []string{"S"}, From: date("2026-01-01"), Until: date("2026-11-01")},
		{ID: "own", Account: "b", Amount: cost("9"), From: date("2026-10-01"), Until: date("2026-10-15")},
		{ID: "gone", Account: "b", Amount: cost("9"), From: date("2026-09-01"), Until: date("2026-10-01")},
	}
	w.Opening = map[string][]Opening{"p": {{credit, "soon", "3.5"}, {credit, "gone", "2"}}}
	b := run(t, w, rs...)
	want(t, costs(b, w, "Credit"), "b S 0 -5", "a S 0 -3", "p S 0 -0.5", "a T 0 -4", "p S 0 -9.5")
	var got []string
	for _, n := range b.Balances {
		got = append(got, fmt.Sprint(n.ID, " ", Text(n.Opening), " ", Text(n.Granted), " ", Text(n.Expired), " ", Text(n.Applied), " ", Text(n.Closing)))
	}
	want(t, strings.Join(got, "\n"), "gone 2 0 2 0 0", "own 0 9 4 5 0", "soon 3.5 0 0 3.5 0", "late 0 20 0 13.5 6.5")
}

func TestRefundsAndTaxes(t *testing.T) {
	w := world("2026-10", prices("S", "x", "1"), prices("T", "x", "1"))
	w.Offers.Refunds = []offer.Refund{{ID: "r", Account: "a", Service: "S", Amount: cost("1"), Date: date("2026-10-31"), Period: "2026-09"}}
	w.Offers.Taxes = []offer.Tax{
		{ID: "vat", Type: "VAT", Countries: []string{"DE"}, Factor: rate("0.19")},
		{ID: "other", Type: "VAT", Countries: []string{"FR"}, Factor: rate("0.2")},
		{ID: "in", Type: "GST", Services: []string{"T"}, Inclusive: true, Factor: rate("0.1")},
		{ID: "ex", Type: "PST", Exempt: []string{"p"}, Factor: rate("0.1")},
		{ID: "late", Type: "X", Factor: rate("0.5"), From: date("2026-10-31")},
	}
	b := run(t, w, use("a", "S", "x", "2026-10-01T00:00:00", "1.11"), use("a", "T", "x", "2026-10-01T00:00:00", "1"), use("b", "S", "x", "2026-10-01T00:00:00", "1"))
	// 0.19 x 2.11 = 0.40: exactly 0.0208, 0.1896 and 0.1896.
	want(t, costs(b, w, "Refund", "Tax"), "a S 720 -1", "a S 0 0.02", "a T 0 0.19", "b S 0 0.19", "a T 0 0", "p S 0 0", "p S 0 0")
	var got []string
	for _, n := range b.Taxes {
		got = append(got, n.ID+" "+Text(n.Base)+" "+Text(n.Amount))
	}
	want(t, strings.Join(got, "\n"), "vat 2.11 0.4", "in 1 0.09", "ex 2.11 0", "late -1 0")
}

func TestRounding(t *testing.T) {
	for _, c := range []struct {
		x      string
		places int
		round  string
		cut    string
	}{{"0.5", 0, "1", "0"}, {"-0.5", 0, "-1", "0"}, {"0.49999", 0, "0", "0"}, {"1.005", 2, "1.01", "1"}, {"-1.0049", 2, "-1", "-1"}, {"2", 5, "2", "2"}} {
		if r, k := Text(round(dec(c.x), c.places)), Text(cut(dec(c.x), c.places)); r != c.round || k != c.cut {
			t.Errorf("%s to %d: rounded %s, cut %s", c.x, c.places, r, k)
		}
	}
	if _, err := Rate(world("2026-10", prices("S", "x", "1")), []Record{use("a", "S", "x", "2026-10-01T00:00:00", "1,5")}); err == nil {
		t.Error("1,5 is taken for a number")
	}
}
