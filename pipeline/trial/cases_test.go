package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

const caseHeader = "SKU,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,serviceCode,Region Code,usageType,operation,PricingModel\n"

// listed makes a catalog of rows, each "usage type, start, end, unit, rate, model".
func listed(t testing.TB, rows ...string) *price.Catalog {
	t.Helper()
	text := caseHeader
	for i, r := range rows {
		f := strings.Split(r, ",")
		text += fmt.Sprintf("%s,%s.%d,OnDemand,words,2026-01-01,%s,%s,%s,%s,USD,S,,%s,,%s\n", f[0], f[0], i, f[1], f[2], f[3], f[4], f[0], f[5])
	}
	c, problems := price.ReadCSV("prices.csv", strings.NewReader(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

func used(t testing.TB, usageType, text, unit string) price.CaseUsage {
	return price.CaseUsage{ServiceCode: "S", UsageType: usageType, Amount: amount(t, text), Unit: unit}
}

// What a small month must cost, or why it waits.
func TestSmallMonths(t *testing.T) {
	bytes := []string{"gb,0,Inf,GB,0.1,", "gib,0,Inf,GiB,0.1,", "call,0,Inf,10000 Requests,0.01,", "time,0,Inf,Second,0.001,"}
	tiers := func(model string) []string {
		return []string{"use,0,10,GB,1," + model, "use,10,Inf,GB,0.5," + model}
	}
	pool := &offer.Offers{FreeTier: []offer.Pool{{ID: "free", Allowance: amount(t, "750"), Unit: "Hrs", Select: []offer.Selector{{ServiceCode: "S"}}}}}
	for _, c := range []struct {
		name   string
		prices []string
		offers *offer.Offers
		usage  []price.CaseUsage
		costs  string
		lines  []price.CaseLine
		waits  string
	}{
		{name: "Case_D14_GBIsNotGiB", prices: bytes, usage: []price.CaseUsage{used(t, "gb", "1", "GiB")}, waits: "unit other than the price's"},
		{name: "Case_D14_GiBIsNotGB", prices: bytes, usage: []price.CaseUsage{used(t, "gib", "1", "GB")}, waits: "unit other than the price's"},
		{name: "Case_D14_OneIsNotTenThousand", prices: bytes, usage: []price.CaseUsage{used(t, "call", "20000", "Requests")}, waits: "unit other than the price's"},
		{name: "Case_D14_HoursAreNoSeconds", prices: bytes, usage: []price.CaseUsage{used(t, "time", "1", "Hrs")}, waits: "unit other than the price's"},
		{name: "Case_D14_SameUnit", prices: bytes, usage: []price.CaseUsage{used(t, "time", "3600", "Second")}, costs: "3.6"},
		{name: "Case_D23_Graduated", prices: tiers("Graduated"), usage: []price.CaseUsage{used(t, "use", "12", "GB")}, costs: "11"},
		{name: "Case_D23_Volume", prices: tiers("Volume"), usage: []price.CaseUsage{used(t, "use", "12", "GB")}, costs: "6"},
		{name: "Case_D24_PoolEndsInsideARecord", prices: []string{"box,0,Inf,Hrs,0.1,"}, offers: pool, usage: []price.CaseUsage{used(t, "box", "800", "Hrs")}, costs: "5",
			lines: []price.CaseLine{{LineItemType: "Usage", Amount: new(amount(t, "800")), Cost: cost(t, "5")}}},
		{name: "Case_D31_ZeroUsage", prices: tiers(""), usage: []price.CaseUsage{used(t, "use", "0", "GB")}, costs: "0", lines: []price.CaseLine{{UsageType: "use", Amount: new(amount(t, "0"))}}},
		{name: "Case_D31_ZeroPrice", prices: []string{"gift,0,Inf,GB,0,", "use,0,Inf,GB,1,"}, usage: []price.CaseUsage{used(t, "gift", "7", "GB"), used(t, "use", "1", "GB")}, costs: "1",
			lines: []price.CaseLine{{UsageType: "gift", Amount: new(amount(t, "7")), Cost: cost(t, "0")}}},
		{name: "Case_M28_TwelveDigitsTimes1e15", prices: []string{"use,0,Inf,GB,0.123456789012,"}, usage: []price.CaseUsage{used(t, "use", "1000000000000000", "GB")}, costs: "123456789012000"},
		{name: "Case_M28_EveryDigit", prices: []string{"use,0,Inf,GB,0.123456789012,"}, usage: []price.CaseUsage{used(t, "use", "1000000000000000.01", "GB")}, costs: "123456789012000.0012345679"},
		{name: "Case_M29_Beyond63BitsOfCents", prices: []string{"use,0,Inf,GB,100000,", "more,0,Inf,GB,0.01,"},
			usage: []price.CaseUsage{used(t, "use", "1000000000000", "GB"), used(t, "more", "1", "GB")}, costs: "100000000000000000.01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			offers := c.offers
			if offers == nil {
				offers = &offer.Offers{}
			}
			one := price.Case{Month: "2026-10", Usage: c.usage, Lines: c.lines}
			if c.costs != "" {
				one.Costs = cost(t, c.costs)
			}
			differs, err := World{Catalog: listed(t, c.prices...), Offers: offers}.Run(one)
			if got := strings.Join(differs, "; "); err != nil || !strings.Contains(got, c.waits) || c.waits == "" && got != "" {
				t.Errorf("%s (%v)", got, err)
			}
		})
	}
}

// A record in which the pool ends is two lines.
func TestCase_D24_TwoLines(t *testing.T) {
	in, records := smallMonth(t, listed(t, "box,0,Inf,Hrs,0.1,"), "800")
	in.Offers = &offer.Offers{FreeTier: []offer.Pool{{ID: "free", Allowance: amount(t, "750"), Unit: "Hrs", Select: []offer.Selector{{ServiceCode: "S"}}}}}
	var got []string
	for _, r := range rowsOf(t, in, records) {
		got = append(got, r.Amount.String()+" at "+r.Price.Rate.String())
	}
	if want := []string{"750 at 0", "50 at 0.1"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

// smallMonth is October with a record of each amount, an hour each, of the payer
// and its member in turn.
func smallMonth(t testing.TB, c *price.Catalog, amounts ...string) (rate.Input, []Record) {
	t.Helper()
	p, err := schema.ParsePeriod("2026-10", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	org := acme()
	in := rate.Input{Issuer: org.Issuers[0], Period: p, Organization: org, Catalog: c, Offers: &offer.Offers{}}
	in.Issuer.TimeZone = "UTC"
	var records []Record
	for i, text := range amounts {
		at := p.Start.Add(time.Duration(i) * time.Hour)
		records = append(records, Record{Head: batch.Head{Account: []string{"p", "a"}[i%2], Service: "S", UsageType: c.SKUs[0].UsageType},
			Tail: batch.Tail{LineItemType: "Usage"}, Start: at.UnixNano(), End: at.Add(time.Hour).UnixNano(), Amount: amount(t, text)})
	}
	return in, records
}

// The free units of the accounts sum to the pool, whoever uses it up.
func TestCase_M27_PoolIsSharedWhole(t *testing.T) {
	for _, amounts := range [][]string{{"750"}, {"375", "375", "1"}, {"0.000000000000000001", "749.999999999999999999", "3"}, {"749.9", "700", "0.2", "9"}} {
		in, records := smallMonth(t, listed(t, "box,0,Inf,Hrs,0.1,"), amounts...)
		in.Offers = &offer.Offers{FreeTier: []offer.Pool{{ID: "free", Allowance: amount(t, "750"), Unit: "Hrs", Select: []offer.Selector{{ServiceCode: "S"}}}}}
		var free, all, want money.Usage
		for _, r := range rowsOf(t, in, records) {
			if r.Price.Pool == "free" {
				free, _ = money.Add(free, r.Amount)
			}
			all, _ = money.Add(all, r.Amount)
		}
		for _, r := range records {
			want, _ = money.Add(want, r.Amount)
		}
		if free != amount(t, "750") || all != want {
			t.Errorf("%v: %s free of %s, want 750 of %s", amounts, free, all, want)
		}
	}
}

// A million lines that each cost less than half a cent are not lost.
func TestCase_M04_MillionLinesBelowACent(t *testing.T) {
	if testing.Short() {
		t.Skip("a million records")
	}
	in, records := smallMonth(t, listed(t, "use,0,Inf,GB,0.004,"), "1")
	one := records[0]
	records = make([]Record, 1_000_000)
	for i := range records {
		records[i] = one
		records[i].Resource = fmt.Sprint("r-", i/744)
		records[i].Start += int64(i%744) * int64(time.Hour)
		records[i].End += int64(i%744) * int64(time.Hour)
	}
	result, err := Rate(in, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, _, sum, err := sumOf(result.Payers[0], price.CaseLine{})
	if err != nil || n != len(records) || sum != *cost(t, "4000") {
		t.Errorf("%d lines cost %s (%v), want a million that cost 4000", n, sum, err)
	}
}

// A fee that changes inside a month of 28 to 31 days: its two parts sum to the
// whole, within half of 1e-6 each.
func TestCase_M26_ShortAndLongMonths(t *testing.T) {
	for _, month := range []string{"2026-02", "2028-02", "2026-04", "2026-10"} {
		for _, day := range []int{2, 11, 15, 28} {
			p, err := schema.ParsePeriod(month, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			split := schema.DateOf(p.Start).AddDays(day - 1)
			fee := offer.Fee{ID: "before", Account: "p", Service: "Desk", Amount: *cost(t, "100"), From: schema.Date{Year: 2020, Month: 1, Day: 1}, Until: split, Prorate: true}
			after := fee
			after.ID, after.From, after.Until = "after", split, schema.Date{}
			org := acme()
			org.Issuers[0].TimeZone = "UTC"
			in := rate.Input{Issuer: org.Issuers[0], Period: p, Organization: org, Catalog: listed(t, "use,0,Inf,GB,1,"), Offers: &offer.Offers{Fees: []offer.Fee{fee, after}}}
			rows := rowsOf(t, in, nil)
			if len(rows) != 2 {
				t.Fatalf("%s: %d rows", split, len(rows))
			}
			sum, err := money.Add(rows[0].Unblended, rows[1].Unblended)
			off, _ := money.Sub(sum, fee.Amount)
			if err != nil || money.Cmp(money.Abs(off), *cost(t, "0.000001")) > 0 {
				t.Errorf("split on %s: %s and %s", split, rows[0].Unblended, rows[1].Unblended)
			}
		}
	}
}

// Discounts go in the order of the file; the whole may be given away.
func TestDiscountsOnEachOther(t *testing.T) {
	tenth, all := offer.Discount{Factor: money.Rate{}}, offer.Discount{}
	tenth.Factor, _ = money.ParseRate("0.1")
	all.Factor = money.RateFromInt(1)
	private := offer.Discount{Private: true, Rate: money.RateFromInt(40)} // of a rate of 100: 60 off
	for _, c := range []struct {
		name      string
		discounts []offer.Discount
		net       string
	}{
		{"Case_M25_One", []offer.Discount{tenth}, "90"},
		{"Case_M25_TwoOfATenth", []offer.Discount{tenth, tenth}, "81"},
		{"Case_M25_PrivateRateLast", []offer.Discount{tenth, private}, "30"},
		{"Case_M25_PrivateRateFirst", []offer.Discount{private, tenth}, "36"},
		{"Case_M25_All", []offer.Discount{all}, "0"},
		{"Case_M25_NothingIsLeftToTake", []offer.Discount{all, tenth, private}, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, records := smallMonth(t, listed(t, "use,0,Inf,GB,100,"), "1")
			for i := range c.discounts {
				c.discounts[i].ID, c.discounts[i].Type = fmt.Sprint("d", i), "Discount"
			}
			in.Offers = &offer.Offers{Discounts: c.discounts}
			var net, unblended money.Cost
			for _, r := range rowsOf(t, in, records) {
				net, _ = money.Add(net, r.Net)
				unblended, _ = money.Add(unblended, r.Unblended)
			}
			if net != *cost(t, c.net) || unblended != net {
				t.Errorf("net cost %s, unblended %s with its rows of discount, want %s", net, unblended, c.net)
			}
		})
	}
	t.Run("Case_M25_MoreThanAll", func(t *testing.T) {
		more, err := money.ParseRate("1.01")
		problems := (&offer.Offers{Discounts: []offer.Discount{{ID: "more", Type: "Discount", Factor: more}}}).Check("offers.yaml", nil)
		if err != nil || !strings.Contains(problems.Error(), `discounts[0].factor "1.01" is more than the whole`) {
			t.Errorf("%v, %v", problems, err)
		}
	})
}

// TestModelsChangeWithinTheMonth goes from one model to another on the second
// day: what was paid by the unit starts no package and owes no monthly price.
func TestModelsChangeWithinTheMonth(t *testing.T) {
	header := strings.TrimSuffix(caseHeader, "\n") + ",PackageSize\n"
	row := func(day, model, size string) string {
		return "K,K.1,OnDemand,words,2026-10-" + day + ",0,Inf,GB,2,USD,S,,use,," + model + "," + size + "\n"
	}
	for _, c := range []struct{ name, prices, want string }{
		{"to flat", row("01", "", "") + row("02", "Flat", ""), "8"},                                    // 3 units of 2, and 2 for the month
		{"to packages", row("01", "", "") + row("02", "Package", "4"), "8"},                            // 3 units of 2, one package
		{"from flat and back", row("01", "Flat", "") + row("02", "", "") + row("03", "Flat", ""), "8"}, // 2 for the month, 3 units
	} {
		catalog, problems := price.ReadCSV("prices.csv", strings.NewReader(header+c.prices))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		use := func(day, text string) price.CaseUsage {
			u := used(t, "use", text, "GB")
			u.At = time.Date(2026, 10, 0, 5, 0, 0, 0, time.UTC).AddDate(0, 0, len(day))
			return u
		}
		usage := []price.CaseUsage{use("1", "3"), use("12", "3"), use("123", "1")}
		differs, err := World{Catalog: catalog, Offers: &offer.Offers{}}.Run(price.Case{Name: c.name, Month: "2026-10", Usage: usage, Costs: cost(t, c.want)})
		if err != nil || len(differs) > 0 {
			t.Errorf("%s: %v %v", c.name, differs, err)
		}
	}
}
