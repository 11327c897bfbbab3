package rate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

func acme() world {
	return world{
		skus:     []sku{one("K", "use", flat("0.1"))},
		accounts: []account{{id: "a", payer: "p"}, {id: "b", payer: "p"}, {id: "q", payer: "q"}},
	}
}

func TestVerdicts(t *testing.T) {
	joins := october.AddDate(0, 0, 14).Unix()
	w := acme()
	w.skus = append(w.skus, one("D", "yen", flat("1")),
		sku{id: "L", usageType: "later", unit: "GB", versions: []version{{joins, []tier{flat("1")}}}})
	w.skus[1].currency = "JPY"
	w.accounts = append(w.accounts, account{id: "joins", payer: "p", from: joins}, account{id: "leaves", payer: "p", until: joins},
		account{id: "moves", payer: "p", until: joins}, account{id: "moves", payer: "q", from: joins},
		account{id: "x", payer: "x", issuer: "other"}, account{id: "sold", payer: "x", from: joins}, account{id: "sold", payer: "p", until: joins})
	join := joins * 1e9
	for _, c := range []struct {
		name string
		use  usage
		want rate.Verdict
	}{
		{"plain", use("a", "use", 5, "1"), rate.Charge},
		{"first instant", usage{account: "a", usageType: "use", start: october.UnixNano(), end: october.UnixNano() + 1, amount: "1"}, rate.Charge},
		{"before the period", usage{account: "a", usageType: "use", start: october.UnixNano() - 1, end: october.UnixNano() + 1, amount: "1"}, rate.Foreign},
		{"ends with the period", use("a", "use", 743, "1"), rate.Charge},
		{"crosses the end", usage{account: "a", usageType: "use", start: november.UnixNano() - 1, end: november.UnixNano() + 1, amount: "1"}, rate.CrossesPeriod},
		{"begins with the next", use("a", "use", 744, "1"), rate.Foreign},
		{"unknown account", use("nobody", "use", 5, "1"), rate.UnknownAccount},
		{"unknown account of another month", use("nobody", "use", -5, "1"), rate.Foreign},
		{"account of another issuer", use("x", "use", 5, "1"), rate.Foreign},
		{"before joining", usage{account: "joins", usageType: "use", start: join - 1, end: join, amount: "1"}, rate.UnknownAccount},
		{"from joining on", usage{account: "joins", usageType: "use", start: join, end: join + 1, amount: "1"}, rate.Charge},
		{"before leaving", usage{account: "leaves", usageType: "use", start: join - 1, end: join + 1, amount: "1"}, rate.Charge},
		{"from leaving on", usage{account: "leaves", usageType: "use", start: join, end: join + 1, amount: "1"}, rate.UnknownAccount},
		{"before moving", usage{account: "moves", usageType: "use", start: join - 1, end: join, amount: "1"}, rate.Charge},
		{"after moving", usage{account: "moves", usageType: "use", start: join, end: join + 1, amount: "1"}, rate.Charge},
		{"before the sale", usage{account: "sold", usageType: "use", start: join - 1, end: join, amount: "1"}, rate.Charge},
		{"after the sale to another issuer's payer", usage{account: "sold", usageType: "use", start: join, end: join + 1, amount: "1"}, rate.Foreign},
		{"unknown SKU", use("a", "nothing", 5, "1"), rate.UnknownSKU},
		{"no price yet", usage{account: "a", usageType: "later", start: join - 1, end: join, amount: "1"}, rate.NoPrice},
		{"price from its hour on", usage{account: "a", usageType: "later", start: join, end: join + 1, amount: "1"}, rate.Charge},
		{"blank unit", usage{account: "a", usageType: "use", start: join, end: join + 1, amount: "1"}, rate.Charge},
		{"other unit", usage{account: "a", usageType: "use", unit: "Hrs", start: join, end: join + 1, amount: "1"}, rate.OtherUnit},
		{"price in another currency", use("a", "yen", 5, "1"), rate.OtherCurrency},
		{"priced elsewhere", usage{account: "a", usageType: "nothing", unit: "Hrs", start: join, end: join, amount: "1", cost: "2", currency: "USD"}, rate.Charge},
		{"priced elsewhere in another currency", usage{account: "a", usageType: "use", start: join, end: join, amount: "1", cost: "2", currency: "JPY"}, rate.OtherCurrency},
		{"priced elsewhere, unknown account", usage{account: "nobody", usageType: "use", start: join, end: join, amount: "1", cost: "2", currency: "USD"}, rate.UnknownAccount},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, got := w.rated(t, []usage{c.use})
			if got[0] != c.want {
				t.Fatalf("verdict %q, want %q", got[0].Reason(), c.want.Reason())
			}
			if charged := len(list) == 1; charged != (c.want == rate.Charge) {
				t.Errorf("%d charges", len(list))
			}
		})
	}
}

func TestEverySuspenseSaysWhyAndWhatNext(t *testing.T) {
	seen := map[string]bool{}
	for v := rate.UnknownAccount; v <= rate.OtherCurrency; v++ {
		if v.Reason() == "" || v.Hint() == "" || seen[v.Reason()] {
			t.Errorf("verdict %d: %q, %q", v, v.Reason(), v.Hint())
		}
		seen[v.Reason()] = true
	}
	if rate.Charge.Reason() != "" || rate.Foreign.Hint() != "" {
		t.Error("what is no suspense has a reason")
	}
}

func TestMoverIsChargedToEachPayerInTurn(t *testing.T) {
	w := acme()
	joins := october.AddDate(0, 0, 14).Unix()
	w.accounts = append(w.accounts, account{id: "moves", payer: "p", until: joins}, account{id: "moves", payer: "q", from: joins})
	w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5"))}
	list := w.mustRate(t, use("moves", "use", 1, "8"), use("a", "use", 2, "8"), use("moves", "use", 14*24, "8"), use("q", "use", 400, "8"))
	want := map[string]string{"p": "13", "q": "13"} // 10 at 1 and 6 at 0.5 each; together it would be 10 and 22
	for _, payer := range []string{"p", "q"} {
		var own []charge
		for _, c := range list {
			if c.payer == payer {
				own = append(own, c)
			}
		}
		if got := total(t, own); !strings.HasPrefix(got, want[payer]) {
			t.Errorf("payer %s pays %s, want %s", payer, got, want[payer])
		}
	}
}

func TestExactFieldBeatsBlank(t *testing.T) {
	w := acme()
	w.skus = nil
	for _, s := range []struct{ id, operation, region string }{{"both", "run", "r1"}, {"op", "run", ""}, {"region", "", "r1"}, {"any", "", ""}} {
		k := one(s.id, "use", flat("1"))
		k.operation, k.region = s.operation, s.region
		w.skus = append(w.skus, k)
	}
	for _, c := range []struct{ operation, region, want string }{{"run", "r1", "both"}, {"run", "r2", "op"}, {"run", "", "op"},
		{"stop", "r1", "region"}, {"", "r1", "region"}, {"stop", "r2", "any"}, {"", "", "any"}} {
		u := use("a", "use", 5, "1")
		u.operation, u.region = c.operation, c.region
		if got := w.mustRate(t, u)[0].price.SKU; got != c.want {
			t.Errorf("operation %q, region %q: SKU %s, want %s", c.operation, c.region, got, c.want)
		}
	}
}

// What a charge carries beside its amounts: the price as the list has it.
func TestChargeNamesItsPrice(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", tier{"10", "0.5"}, flat("0.25"))}
	w.pools = []pool{{"trial", "4", []string{"use"}}}
	list := w.mustRate(t, use("a", "use", 5, "16"))
	if len(list) != 3 {
		t.Fatalf("%d charges: %v", len(list), portions(list))
	}
	blended, err := money.ParseRate("0.28125") // (6 x 0.5 + 6 x 0.25) / 16
	check(t, err)
	rateOf := func(text string) money.Rate { r, err := money.ParseRate(text); check(t, err); return r }
	base := batch.Price{SKU: "K", Term: "OnDemand", Unit: "GB", Rated: true, BlendedRate: blended}
	free, first, last := base, base, base
	free.RateCode, free.Pool, free.Description, free.PublicRate = "K.FREETIER.TRIAL", "trial", "Free tier trial: tier", rateOf("0.5")
	first.RateCode, first.Description, first.Rate, first.PublicRate = "K.0.0", "tier", rateOf("0.5"), rateOf("0.5")
	first.Begin, first.End = "0", "10"
	last.RateCode, last.Description, last.Rate, last.PublicRate = "K.0.1", "tier", rateOf("0.25"), rateOf("0.25")
	last.Begin, last.End = "10", "Inf"
	for i, want := range []batch.Price{free, first, last} {
		if list[i].price != want {
			t.Errorf("charge %d has the price\n%+v, want\n%+v", i, list[i].price, want)
		}
	}
}

func TestCostPassesThrough(t *testing.T) {
	w := acme()
	u := usage{account: "a", usageType: "tax", unit: "x", amount: "3", cost: "-0.07", currency: "USD"}
	u.start, u.end = at(5)
	v := u
	v.cost = "1.1234567891"
	list := w.mustRate(t, u, v, use("a", "use", 5, "1"))
	if len(list) != 2 {
		t.Fatalf("%d charges", len(list))
	}
	c := list[0]
	if c.paid.String() != "1.0534567891" || c.blended != c.paid || c.list != (money.Cost{}) || c.amount.String() != "6" {
		t.Errorf("charge %+v", c)
	}
	if c.price.Rated || c.price.RateCode != "" || c.price.Unit != "x" {
		t.Errorf("price %+v", c.price)
	}
}

// A line that was never placed is an error that names it, whatever the reason.
func TestLineWithoutPriceIsAnError(t *testing.T) {
	for _, w := range []world{{accounts: acme().accounts}, acme()} {
		in := w.input(t)
		u := batch.NewUsage()
		u.Append(w.record(t, use("a", "nothing", 5, "1")))
		plan, err := rate.NewPlan(rate.NewTotals(in, u.Dims))
		check(t, err)
		dims, ranking := u.Dims.Sorted()
		lines := sortedLines(map[batch.Key]*batch.Row{batch.LineKey(u.Head[0], u.Resource[0], u.Hour(0), u.Tail[0]): {}}, ranking)
		err = rate.NewRater(plan, 0, batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())).Rate(lines)
		if err == nil || !strings.Contains(err.Error(), "usage type nothing") || !strings.Contains(err.Error(), "2026-10-01T05") {
			t.Errorf("%d SKUs: %v", len(w.skus), err)
		}
	}
}

func TestOverflowNamesTheUsage(t *testing.T) {
	huge := "99999999999999999999" // the largest count of whole units
	w := acme()
	w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5")), one("F", "flat", flat("10000000000000000000"))}
	in := w.input(t)
	totals := rate.NewTotals(in, batch.NewDims())
	hour := schema.HourOf(october.UnixNano())
	check(t, totals.Add(0, skuIndex(in, "K"), 0, 0, hour, usageOf(t, huge)))
	if err := totals.Add(0, skuIndex(in, "K"), 0, 0, hour, usageOf(t, huge)); err == nil || !strings.Contains(err.Error(), "SKU K") {
		t.Errorf("one hour: %v", err)
	}
	check(t, totals.Add(0, skuIndex(in, "K"), 0, 0, hour+1, usageOf(t, huge)))
	if _, err := rate.NewPlan(totals); err == nil || !strings.Contains(err.Error(), "SKU K") {
		t.Errorf("the month: %v", err)
	}
	u := batch.NewUsage()
	u.Append(w.record(t, use("a", "flat", 5, huge)))
	plan, err := rate.NewPlan(rate.NewTotals(in, u.Dims))
	check(t, err)
	dims, ranking := u.Dims.Sorted()
	lines := sortedLines(map[batch.Key]*batch.Row{batch.LineKey(u.Head[0], u.Resource[0], u.Hour(0), u.Tail[0]): {Amount: u.Amount[0]}}, ranking)
	err = rate.NewRater(plan, 0, batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())).Rate(lines)
	if err == nil || !strings.Contains(err.Error(), "account a") || !strings.Contains(err.Error(), "38 digits") {
		t.Errorf("the cost: %v", err)
	}
}

func TestCostRoundsHalfAwayFromZero(t *testing.T) {
	for _, c := range []struct{ rate, amount, want string }{
		{"0.0000000001", "0.5", "0.0000000001"},
		{"0.0000000001", "0.499999999999999999", "0"},
		{"0.0000000001", "1.5", "0.0000000002"},
		{"0.0000000001", "2.5", "0.0000000003"},
		{"0.116", "0.0107526882", "0.0012473118"},
		{"0.000000000000000001", "99999999", "0.0000000001"},
		{"0.1", "0", "0"},
	} {
		w := acme()
		w.skus = []sku{one("K", "use", flat(c.rate))}
		got := w.mustRate(t, use("a", "use", 5, c.amount))
		if len(got) != 1 || got[0].paid.String() != c.want || got[0].list != got[0].paid || got[0].blended != got[0].paid {
			t.Errorf("%s x %s = %+v, want %s", c.rate, c.amount, got, c.want)
		}
	}
}

// Months that begin inside an hour of UTC: the boundary hour belongs to both,
// each record to one.
func TestBoundaryInsideAnHour(t *testing.T) {
	for _, zone := range []string{"Asia/Kathmandu", "Pacific/Chatham", "Asia/Kolkata"} {
		t.Run(zone, func(t *testing.T) {
			w := acme()
			w.zone = zone
			p := w.period(t)
			start, end := p.Start.UnixNano(), p.End.UnixNano()
			// The price changes with the issuer's month, and again with the next.
			w.skus = []sku{{id: "K", usageType: "use", unit: "GB", versions: []version{
				{p.Start.Unix() - 86400, []tier{flat("9")}}, {p.Start.Unix(), []tier{{"10", "1"}, flat("0.5")}}, {p.End.Unix(), []tier{flat("9")}}}}}
			record := func(start, end int64, amount string) usage {
				return usage{account: "a", usageType: "use", start: start, end: end, amount: amount}
			}
			list, got := w.rated(t, []usage{
				record(start-1, start, "5"), record(start, start+60e9, "8"), record(start+60e9, start+120e9, "8"),
				record(end-60e9, end, "8"), record(end-1, end+1, "5"), record(end, end+1, "5"),
			})
			want := []rate.Verdict{rate.Foreign, rate.Charge, rate.Charge, rate.Charge, rate.CrossesPeriod, rate.Foreign}
			if !slices.Equal(got, want) {
				t.Errorf("verdicts %v, want %v", got, want)
			}
			if got := portions(list); !slices.Equal(got, []string{"10@K.1.0", "6@K.1.1", "8@K.1.1"}) {
				t.Errorf("charges %v", got)
			}
			if list[0].hour.Time() != p.Start.Truncate(time.Hour) || list[2].hour.Time() != p.End.Truncate(time.Hour) {
				t.Errorf("hours %s and %s", list[0].hour.Time(), list[2].hour.Time())
			}
		})
	}
}

func TestPriceThatBeginsWithTheMonthInsideAnHour(t *testing.T) {
	w := acme()
	w.zone = "Asia/Kolkata"
	p := w.period(t)
	w.skus = []sku{{id: "K", usageType: "use", unit: "GB", versions: []version{{p.Start.Unix(), []tier{flat("1")}}}}}
	if got := portions(w.mustRate(t, usage{account: "a", usageType: "use", start: p.Start.UnixNano(), end: p.Start.UnixNano() + 1, amount: "8"})); !slices.Equal(got, []string{"8@K.0.0"}) {
		t.Errorf("charges %v", got)
	}
}

func skuIndex(in rate.Input, id string) int32 {
	return int32(slices.IndexFunc(in.Catalog.SKUs, func(s price.SKU) bool { return s.ID == id }))
}
