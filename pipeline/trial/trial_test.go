package trial

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the host

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

const list = `SKU,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,serviceCode,Region Code,usageType,operation
REQ,REQ.1,OnDemand,requests,2026-01-01,0,1000,Requests,0.5,USD,S,,req,
REQ,REQ.2,OnDemand,requests,2026-01-01,1000,Inf,Requests,0.25,USD,S,,req,
BOX,BOX.1,OnDemand,box,2026-09-15,0,Inf,Hrs,0.1,USD,S,,box,
WON,WON.1,OnDemand,won,2026-01-01,0,Inf,Hrs,100,KRW,S,,won,
`

func catalog(t testing.TB) *price.Catalog {
	t.Helper()
	c, problems := price.ReadCSV("prices.csv", strings.NewReader(list))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

func amount(t testing.TB, s string) money.Usage {
	t.Helper()
	u, err := money.ParseUsage(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func cost(t testing.TB, s string) *money.Cost {
	t.Helper()
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func acme() *schema.Organization {
	return &schema.Organization{
		Issuers: []schema.Issuer{{ID: "acme", TimeZone: "Asia/Seoul", Currency: "USD"}, {ID: "other", TimeZone: "UTC", Currency: "USD"}},
		Payers: []schema.Payer{
			{AccountID: "p", Issuer: "acme", Accounts: []schema.Account{{ID: "p"}, {ID: "a"}}},
			{AccountID: "o", Issuer: "other", Accounts: []schema.Account{{ID: "o"}}},
			{AccountID: "b", Issuer: "acme", Accounts: []schema.Account{{ID: "b"}}},
		},
	}
}

func TestRun(t *testing.T) {
	world := World{Catalog: catalog(t), Offers: &offer.Offers{}, Organization: acme()}
	use := func(usageType, text string) price.CaseUsage {
		return price.CaseUsage{ServiceCode: "S", UsageType: usageType, Amount: amount(t, text)}
	}
	with := func(u price.CaseUsage, change func(*price.CaseUsage)) []price.CaseUsage {
		change(&u)
		return []price.CaseUsage{u}
	}
	at := func(s string) func(*price.CaseUsage) {
		instant, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return func(u *price.CaseUsage) { u.At = instant }
	}
	two := amount(t, "2")
	for _, c := range []struct {
		name string
		c    price.Case
		want string // differences, or the start of the error; empty: it holds
	}{
		{"holds", price.Case{Usage: []price.CaseUsage{use("req", "1000")}, Costs: cost(t, "500")}, ""},
		{"one tier further", price.Case{Usage: []price.CaseUsage{use("req", "1000"), use("req", "1")}, Costs: cost(t, "500.25")}, ""},
		{"too little", price.Case{Usage: []price.CaseUsage{use("req", "1000")}, Costs: cost(t, "499.9999999999")}, "costs: want 499.9999999999, got 500"},
		{"repeated", price.Case{Usage: with(use("box", "2"), func(u *price.CaseUsage) { u.Hours = 10 }), Costs: cost(t, "2")}, ""},
		{"line", price.Case{Usage: []price.CaseUsage{use("box", "2"), use("req", "2")}, Costs: cost(t, "1.2"),
			Lines: []price.CaseLine{{LineItemType: "Usage", UsageType: "box", Amount: &two, Cost: cost(t, "0.2")}}}, ""},
		{"line differs", price.Case{Usage: []price.CaseUsage{use("box", "3")}, Lines: []price.CaseLine{{UsageType: "box", Amount: &two, Cost: cost(t, "0.2")}}},
			"lines[0].amount: want 2, got 3 (box); lines[0].cost: want 0.2, got 0.3 (box)"},
		{"no such line", price.Case{Usage: []price.CaseUsage{use("box", "3")}, Lines: []price.CaseLine{{LineItemType: "Fee", UsageType: "x", Cost: cost(t, "0")}}},
			"lines[0]: there is no such row (Fee, x)"},
		{"unknown", price.Case{Usage: []price.CaseUsage{use("box", "1"), use("nothing", "1")}, Costs: cost(t, "0.1")}, "usage[1]: unknown SKU; add the SKU"},
		{"unit", price.Case{Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Unit = "GB"; u.Hours = 3 }), Costs: cost(t, "0.1")}, "usage[0]: unit other than the price's; "},
		{"own unit", price.Case{Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Unit = "Hrs" }), Costs: cost(t, "0.1")}, ""},
		{"before the price", price.Case{Month: "2026-09", Usage: []price.CaseUsage{use("box", "1")}, Costs: cost(t, "0.1")}, "usage[0]: no price on that date"},
		{"after the price", price.Case{Month: "2026-09", Usage: with(use("box", "1"), at("2026-09-15T00:00:00Z")), Costs: cost(t, "0.1")}, ""},
		{"default month", price.Case{Usage: with(use("box", "1"), at("2026-10-31T23:59:00Z")), Costs: cost(t, "0.1")}, ""},
		{"other month", price.Case{Usage: with(use("box", "1"), at("2026-11-01T00:00:00Z")), Costs: cost(t, "0.1")}, "usage[0]: lies outside the month"},
		{"out of the month", price.Case{Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Hours = 744; at("2026-10-01T01:00:00Z")(u) }), Costs: cost(t, "0.1")}, "usage[0]: lies outside the month"},
		{"member", price.Case{Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Account = "somebody" }), Costs: cost(t, "0.1")}, ""},
		{"won", price.Case{Usage: []price.CaseUsage{use("won", "1")}, Costs: cost(t, "100")}, ""},
		{"payer", price.Case{Payer: "p", Month: "2026-10", Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Account = "a"; at("2026-09-30T15:00:00Z")(u) }), Costs: cost(t, "0.1")}, ""},
		{"of another payer", price.Case{Payer: "p", Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Account = "b" }), Costs: cost(t, "0.1")}, "costs: want 0.1, got 0"},
		{"of another issuer", price.Case{Payer: "p", Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Account = "o" }), Costs: cost(t, "0.1")}, "usage[0]: lies outside the month, or its account belongs to another issuer"},
		{"stranger", price.Case{Payer: "p", Usage: with(use("box", "1"), func(u *price.CaseUsage) { u.Account = "x" }), Costs: cost(t, "0.1")}, "usage[0]: unknown account"},
		{"no such payer", price.Case{Payer: "a", Usage: []price.CaseUsage{use("box", "1")}, Costs: cost(t, "0.1")}, "payer a is not in the organization"},
	} {
		differs, err := world.Run(c.c)
		got := strings.Join(differs, "; ")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	world.Organization = nil
	if _, err := world.Run(price.Case{Payer: "p", Usage: []price.CaseUsage{use("box", "1")}}); err == nil || !strings.Contains(err.Error(), "there is no organization") {
		t.Errorf("a payer without an organization: %v", err)
	}
}

// randomRecords are records of two payers over a month, many to a line.
func randomRecords(t testing.TB, n int) (rate.Input, []Record) {
	p, err := schema.ParsePeriod("2026-10", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	org := acme()
	in := rate.Input{Issuer: org.Issuers[0], Period: p, Organization: org, Catalog: catalog(t), Offers: &offer.Offers{}}
	in.Issuer.TimeZone = "UTC"
	r := rand.New(rand.NewPCG(1, 2))
	records := make([]Record, n)
	for i := range records {
		start := p.Start.Add(time.Duration(r.IntN(744)) * time.Hour)
		records[i] = Record{Head: batch.Head{Account: []string{"p", "a", "b"}[r.IntN(3)], Service: "S", UsageType: []string{"req", "box"}[r.IntN(2)]},
			Resource: fmt.Sprint("r-", r.IntN(20)), Tail: batch.Tail{LineItemType: "Usage"},
			Start: start.UnixNano(), End: start.Add(time.Hour).UnixNano(), Amount: money.Usage(money.Int128FromInt(r.Int64N(1e18)))}
		if r.IntN(2) == 0 { // with and without a unit is one line
			records[i].Tail.Unit = map[string]string{"req": "Requests", "box": "Hrs"}[records[i].Head.UsageType]
		}
	}
	return in, records
}

func rowsOf(t testing.TB, in rate.Input, records []Record) []rate.Item {
	t.Helper()
	result, err := Rate(in, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range result.Verdicts {
		if v != rate.Charge {
			t.Fatalf("record %d: %s", i, v.Reason())
		}
	}
	var rows []rate.Item
	for _, p := range result.Payers {
		rows = slices.AppendSeq(rows, p.All())
	}
	return rows
}

// The order of records does not matter, and every unit is somewhere.
func TestRateIsAboutSums(t *testing.T) {
	in, records := randomRecords(t, 20_000)
	want := rowsOf(t, in, records)
	var sum, rated money.Usage
	for _, r := range records {
		sum, _ = money.Add(sum, r.Amount)
	}
	for _, r := range want {
		rated, _ = money.Add(rated, r.Amount)
	}
	if sum != rated || len(want) < 10_000 || len(want) >= len(records) {
		t.Errorf("%d rows of %s units from %d records of %s", len(want), rated, len(records), sum)
	}
	r := rand.New(rand.NewPCG(3, 4))
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	if got := rowsOf(t, in, records); !slices.Equal(got, want) {
		t.Error("another order of records gives other rows")
	}
}

// Items stand before the lines that are equal in everything the order looks at.
func TestAllIsInTheCanonicalOrder(t *testing.T) {
	in, records := randomRecords(t, 50)
	result, err := Rate(in, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := result.Payers[0]
	for i := range p.Charges.Len() {
		item := rate.ItemOf(p.Charges.At(i), p.Charges)
		item.Price = batch.Price{Description: "item"}
		p.Items = append(p.Items, item)
	}
	last := rate.Item{Head: batch.Head{Account: "z"}}
	p.Items = append(p.Items, last)
	rows := slices.Collect(p.All())
	if len(rows) != 2*p.Charges.Len()+1 || !slices.IsSortedFunc(rows, rate.ComparePlaces) {
		t.Errorf("%d rows of %d lines, out of order", len(rows), p.Charges.Len())
	}
	if rows[0].Price.Description != "item" || rows[len(rows)-1] != last {
		t.Errorf("first %+v, last %+v", rows[0], rows[len(rows)-1])
	}
	for row := range p.All() { // may be left early
		_ = row
		break
	}
}

// Fees, credits and what a credit has left are in the outcome, also of a payer
// that used nothing.
func TestMonthWideRows(t *testing.T) {
	day := func(s string) schema.Date {
		d, err := schema.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	offers := &offer.Offers{
		Fees: []offer.Fee{{ID: "desk", Account: "a", Service: "Desk", Amount: *cost(t, "10"), From: day("2026-01-01")},
			{ID: "far", Account: "b", Service: "Desk", Amount: *cost(t, "7"), Date: day("2026-10-31")}},
		Credits: []offer.Credit{{ID: "welcome", Account: "p", Amount: *cost(t, "25"), From: day("2026-10-01"), Until: day("2027-01-01")}},
	}
	world := World{Catalog: catalog(t), Offers: offers, Organization: acme()}
	c := price.Case{Payer: "p", Month: "2026-10", Costs: cost(t, "0"),
		Usage: []price.CaseUsage{{ServiceCode: "S", UsageType: "box", Amount: amount(t, "100")}},
		Lines: []price.CaseLine{{LineItemType: "Usage", Cost: cost(t, "10")}, {LineItemType: "Fee", Cost: cost(t, "10")}, {LineItemType: "Credit", Cost: cost(t, "-20")}}}
	if differs, err := world.Run(c); err != nil || len(differs) > 0 {
		t.Errorf("%q %v", differs, err)
	}
	in, err := world.input(c)
	if err != nil {
		t.Fatal(err)
	}
	records, _ := recordsOf(c, "p", in.Period)
	october, err := Rate(in, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(october.Payers) != 2 || october.Payers[0].Index != 2 || october.Payers[1].Index != 0 {
		t.Fatalf("payers %+v", october.Payers)
	}
	if b := october.Payers[1].Balances; len(b) != 1 || b[0].Closing != *cost(t, "5") {
		t.Fatalf("balances %+v", b)
	}
	zone, err := in.Issuer.Location()
	if err != nil {
		t.Fatal(err)
	}
	in.Period = in.Period.Next(zone)
	november, err := Rate(in, nil, october.Payers[1].Balances)
	if err != nil {
		t.Fatal(err)
	}
	if p := november.Payers[0]; len(november.Payers) != 1 || p.Charges.Len() != 0 || len(p.Items) != 2 || p.Balances[0].Closing != (money.Cost{}) {
		t.Errorf("november %+v", november.Payers)
	}
}

func BenchmarkRate(b *testing.B) {
	in, records := randomRecords(b, 1_000_000)
	for b.Loop() {
		if _, err := Rate(in, records, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(records))/b.Elapsed().Seconds(), "records/s")
}
