package slow

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

func rate(s string) money.Rate { return must(money.ParseRate(s)) }
func cost(s string) money.Cost { return must(money.ParseCost(s)) }
func used(s string) money.Usage {
	return must(money.ParseUsage(s))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func date(s string) schema.Date { return must(schema.ParseDate(s)) }

func at(s string) time.Time { return must(time.Parse("2006-01-02T15:04:05", s)) }

// world is a month of issuer i with payer p and its members a and b.
func world(month string, skus ...price.SKU) World {
	return World{
		Issuer: "i", Period: must(schema.ParsePeriod(month, time.UTC)), SKUs: skus,
		Organization: schema.Organization{
			Issuers: []schema.Issuer{{ID: "i", TimeZone: "UTC", Currency: "USD"}},
			Payers: []schema.Payer{{AccountID: "p", Issuer: "i", Country: "DE", Since: schema.Date{Year: 2026, Month: 1, Day: 10},
				Accounts: []schema.Account{{ID: "p"}, {ID: "a"}, {ID: "b"}}}},
		},
	}
}

// prices makes a SKU of "rate<end" texts; the last has no end.
func prices(service, usageType string, tiers ...string) price.SKU {
	v := price.Version{Unit: "u"}
	var begin money.Usage
	for _, t := range tiers {
		r, end, closed := strings.Cut(t, "<")
		n := price.Tier{Begin: begin, Open: !closed, Rate: rate(r), RateCode: usageType + "." + r}
		if closed {
			begin = used(end)
			n.End = begin
		}
		v.Tiers = append(v.Tiers, n)
	}
	return price.SKU{ID: service + "/" + usageType, ServiceCode: service, UsageType: usageType, Currency: "USD", Versions: []price.Version{v}}
}

func use(account, service, usageType, start, amount string) Record {
	return Record{Account: account, Service: service, UsageType: usageType, Start: at(start), Amount: amount}
}

func run(t *testing.T, w World, rs ...Record) *Bill {
	t.Helper()
	res, err := Rate(w, rs)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Suspended) > 0 {
		t.Fatalf("suspended: %v", res.Suspended)
	}
	return res.Payers["p"]
}

// show writes rows of some types as account, type, amount and the figures asked for.
func show(b *Bill, kinds ...string) string {
	var out []string
	for _, r := range b.Rows {
		if len(kinds) == 0 || has(kinds, r.Type) {
			out = append(out, fmt.Sprintf("%s %s %s: list %s unblended %s blended %s net %s effective %s upfront %s", r.Account, r.Type,
				Text(r.Amount), Text(r.List), Text(r.Unblended), Text(r.Blended), Text(r.Net), Text(r.Effective), Text(r.Upfront)))
		}
	}
	return strings.Join(out, "\n")
}

func want(t *testing.T, got string, lines ...string) {
	t.Helper()
	if w := strings.Join(lines, "\n"); got != w {
		t.Errorf("got\n%s\nwant\n%s", got, w)
	}
}

func total(b *Bill) *big.Rat {
	sum := zero()
	for _, r := range b.Rows {
		sum.Add(sum, r.Unblended)
	}
	return sum
}

func TestTiersOfTheWorkedExample(t *testing.T) {
	w := world("2026-10", prices("S3", "storage", "0.10<1000", "0.08<50000", "0.06"))
	b := run(t, w, use("p", "S3", "storage", "2026-10-01T00:00:00", "40000"),
		use("a", "S3", "storage", "2026-10-01T01:00:00", "41000"), use("b", "S3", "storage", "2026-10-01T02:00:00", "14000"))
	if got := Text(total(b)); got != "6720" {
		t.Errorf("total %s, want 6720", got)
	}
	blended := quo(b.Rows[len(b.Rows)-1].Blended, num(14000))
	if got := Text(round(blended, 6)); got != "0.070737" {
		t.Errorf("blended rate %s, want 0.070737", got)
	}
	if got := Text(mul(round(blended, 6), num(14000))); got != "990.318" {
		t.Errorf("14,000 GB at the blended rate are %s, want 990.318", got)
	}
}

func TestTransferOfTheWorkedExample(t *testing.T) {
	w := world("2026-10", prices("Transfer", "out", "0.17<10240", "0.13"))
	b := run(t, w, use("p", "Transfer", "out", "2026-10-01T00:00:00", "8192"), use("a", "Transfer", "out", "2026-10-01T00:00:00", "4096"))
	if got := Text(total(b)); got != "2007.04" {
		t.Errorf("12 TB cost %s, want 2007.04", got)
	}
}

func TestReservedHoursBlendAtZero(t *testing.T) {
	w := world("2026-11", prices("EC2", "BoxUsage:t2.micro", "0.0115"))
	w.Offers.Reservations = []offer.Reservation{{ID: "r", Account: "p", Select: offer.Selector{ServiceCode: "EC2", UsageType: "BoxUsage:t2.micro"},
		Count: 2, Start: at("2026-01-01T00:00:00"), End: at("2027-01-01T00:00:00"), Years: 1, Payment: offer.NoUpfront}}
	var rs []Record
	for h := 0; h < 720; h++ {
		r := use("p", "EC2", "BoxUsage:t2.micro", "2026-11-01T00:00:00", "4")
		r.Start = r.Start.Add(time.Duration(h) * time.Hour)
		rs = append(rs, r)
	}
	b := run(t, w, rs...)
	if got := Text(total(b)); got != "16.56" {
		t.Errorf("total %s, want 16.56", got)
	}
	if got := Text(b.Rows[0].Blended); got != "0.0115" { // 2 of 4 hours covered, 2 x 0.00575
		t.Errorf("two reserved units blend to %s, want 0.0115", got)
	}
}

func TestReservationFees(t *testing.T) {
	w := world("2026-10", prices("EC2", "BoxUsage:m5.large", "0.1"), prices("EC2", "BoxUsage:m5.xlarge", "0.2"))
	w.Offers.Reservations = []offer.Reservation{{ID: "r", Account: "a", Select: offer.Selector{ServiceCode: "EC2", UsageType: "BoxUsage:m5.xlarge"},
		SizeFlexible: true, Count: 1, Start: at("2026-10-01T00:00:00"), End: at("2027-10-01T00:00:00"), Years: 1,
		Payment: offer.PartialUpfront, Upfront: cost("263"), Hourly: rate("0.01")}}
	b := run(t, w, use("a", "EC2", "BoxUsage:m5.large", "2026-10-05T00:00:00", "1"), use("b", "EC2", "BoxUsage:m5.large", "2026-10-05T00:00:00", "2"))
	// 263 over 31 days is 22.3369863; half a unit of 744 consumes 1/1488 of it and of 7.44.
	want(t, show(b),
		"a DiscountedUsage 1: list 0.1 unblended 0 blended 0.0333333333 net 0 effective 0.02001142 upfront 0.01501142",
		"b DiscountedUsage 1: list 0.1 unblended 0 blended 0.0333333333 net 0 effective 0.02001142 upfront 0.01501142",
		"b Usage 1: list 0.1 unblended 0.1 blended 0.0333333333 net 0.1 effective 0.1 upfront 0",
		"a RIFee 744: list 0 unblended 7.44 blended 7.44 net 7.44 effective 29.73696347 upfront 22.30696347",
		"a Fee 1: list 0 unblended 263 blended 263 net 263 effective 0 upfront 0")
	if b.Rows[3].UsageType != "HeavyUsage:m5.xlarge" {
		t.Errorf("fee of usage type %q", b.Rows[3].UsageType)
	}
}

func TestReservationsAreNotShared(t *testing.T) {
	w := world("2026-10", prices("EC2", "BoxUsage:m5.large", "0.1"))
	w.Offers.Reservations = []offer.Reservation{{ID: "r", Account: "a", Select: offer.Selector{ServiceCode: "EC2", UsageType: "BoxUsage:m5.large"},
		Zone: "z1", Count: 3, Start: at("2026-10-01T00:30:00"), End: at("2026-10-01T03:59:59"), Years: 1, Payment: offer.NoUpfront}}
	rs := []Record{}
	for h := 0; h < 4; h++ {
		for _, account := range []string{"a", "b"} {
			r := use(account, "EC2", "BoxUsage:m5.large", fmt.Sprintf("2026-10-01T0%d:00:00", h), "1")
			r.Zone = "z1"
			rs = append(rs, r)
		}
	}
	count := func(w World) int { return strings.Count(show(run(t, w, rs...)), "DiscountedUsage") }
	if got := count(w); got != 4 { // hours 1 and 2 of both accounts lie wholly inside
		t.Errorf("shared: %d parts covered, want 4", got)
	}
	w.Organization.Payers[0].Accounts[2].Sharing = []schema.Sharing{{From: at("2026-10-31T23:59:59"), SavingsPlans: true, Credits: true}}
	if got := count(w); got != 2 {
		t.Errorf("not shared at the last instant: %d parts covered, want 2", got)
	}
	rs[0].Zone, rs[2].Zone, rs[4].Zone = "z2", "z2", "z2"
	if got := count(w); got != 0 {
		t.Errorf("other zone: %d parts covered, want 0", got)
	}
}

func TestGivenCoverage(t *testing.T) {
	w := world("2026-10", prices("EC2", "BoxUsage:m5.large", "0.1"))
	w.Offers.Reservations = []offer.Reservation{{ID: "r", Account: "a", Given: true, Select: offer.Selector{ServiceCode: "EC2", UsageType: "BoxUsage:m5.large"},
		Count: 1, Start: at("2026-10-01T00:00:00"), End: at("2027-10-01T00:00:00"), Years: 1, Payment: offer.NoUpfront, Hourly: rate("1")}}
	named := use("b", "EC2", "BoxUsage:m5.large", "2026-10-01T00:00:00", "800")
	named.Commitment = "r"
	b := run(t, w, named, use("b", "EC2", "BoxUsage:m5.large", "2026-10-01T00:00:00", "1"))
	want(t, show(b, "DiscountedUsage", "RIFee"),
		"b DiscountedUsage 800: list 80 unblended 0 blended 0.09987512 net 0 effective 800 upfront 0",
		"a RIFee 744: list 0 unblended 744 blended 744 net 744 effective 0 upfront 0")
}

func TestSavingsPlans(t *testing.T) {
	w := world("2026-10", prices("EC2", "BoxUsage:m5.large", "0.1"), prices("EC2", "BoxUsage:c5.large", "0.08"), prices("Lambda", "gb", "0.01"))
	w.Offers.SavingsPlans = []offer.SavingsPlan{
		{ID: "compute", Account: "a", Type: computePlan, Commitment: cost("0.1"), Payment: offer.PartialUpfront, Years: 1,
			Start: at("2026-10-01T05:00:00"), End: at("2027-10-01T05:00:00"),
			Rates: []offer.PlanRate{{Select: offer.Selector{ServiceCode: "EC2", UsageType: "*c5*"}, Rate: rate("0.06")}, {Select: offer.Selector{ServiceCode: "EC2"}, Factor: rate("0.5")}}},
		{ID: "family", Account: "b", Type: instancePlan, Family: "m5", Region: "us", Commitment: cost("0.03"), Payment: offer.AllUpfront, Years: 3,
			Start: at("2024-01-01T00:00:00"), End: at("2027-01-01T00:00:00"), Rates: []offer.PlanRate{{Factor: rate("0.7")}}},
	}
	rs := []Record{use("a", "EC2", "BoxUsage:m5.large", "2026-10-01T05:00:00", "2"), use("a", "EC2", "BoxUsage:c5.large", "2026-10-01T05:00:00", "1"),
		use("b", "Lambda", "gb", "2026-10-01T05:00:00", "1")}
	w.SKUs[0].Region, rs[0].Region = "us", "us"
	b := run(t, w, rs...)
	var rows []string
	for _, r := range b.Rows {
		if r.Hour == hourOf(rs[0].Start) {
			rows = append(rows, fmt.Sprintf("%s %s %s %s: %s %s", r.Account, r.Type, r.UsageType, Text(r.Amount), Text(r.Unblended), Text(r.Effective)))
		}
	}
	// The family plan pays one m5 for b's 0.03; then 0.05 for the other m5, and 0.05 of c5 at 0.06.
	want(t, strings.Join(rows, "\n"),
		"a SavingsPlanCoveredUsage BoxUsage:c5.large 0.8333333333: 0.0666666667 0.05",
		"a SavingsPlanCoveredUsage BoxUsage:m5.large 1: 0.1 0.03",
		"a SavingsPlanCoveredUsage BoxUsage:m5.large 1: 0.1 0.05",
		"a Usage BoxUsage:c5.large 0.1666666667: 0.0133333333 0.0133333333",
		"b Usage gb 1: 0.01 0.01",
		"a SavingsPlanUpfrontFee ComputeSP:1yrPartialUpfront 1: 438 0",
		"a SavingsPlanRecurringFee ComputeSP:1yrPartialUpfront 1: 0.05 0",
		"a SavingsPlanNegation BoxUsage:c5.large 0.8333333333: -0.0666666667 0",
		"a SavingsPlanNegation BoxUsage:m5.large 1: -0.1 0",
		"b SavingsPlanRecurringFee EC2SP:m5.3yrAllUpfront 1: 0 0",
		"a SavingsPlanNegation BoxUsage:m5.large 1: -0.1 0")
}

func TestPoolServesTheDearestFirst(t *testing.T) {
	w := world("2026-10", prices("EC2", "disk", "0.1<5", "0.05"), prices("EC2", "ssd", "0.2"))
	w.Offers.FreeTier = []offer.Pool{{ID: "pool", Allowance: used("6"), Unit: "u", Select: []offer.Selector{{ServiceCode: "EC2"}}}}
	rs := []Record{use("a", "EC2", "disk", "2026-10-02T00:00:00", "4"), use("b", "EC2", "disk", "2026-10-02T01:00:00", "4"), use("b", "EC2", "ssd", "2026-10-03T00:00:00", "3")}
	want(t, show(run(t, w, rs...)),
		"a Usage 3: list 0.3 unblended 0 blended 0.13125 net 0 effective 0 upfront 0",
		"a Usage 1: list 0.1 unblended 0.1 blended 0.04375 net 0.1 effective 0.1 upfront 0",
		"b Usage 1: list 0.1 unblended 0.1 blended 0.04375 net 0.1 effective 0.1 upfront 0",
		"b Usage 3: list 0.15 unblended 0.15 blended 0.13125 net 0.15 effective 0.15 upfront 0",
		"b Usage 3: list 0.6 unblended 0 blended 0 net 0 effective 0 upfront 0")
}

func TestPoolEnds(t *testing.T) {
	w := world("2026-10", prices("EC2", "disk", "1"))
	rs := []Record{use("a", "EC2", "disk", "2026-10-02T23:00:00", "1"), use("a", "EC2", "disk", "2026-10-03T00:00:00", "1")}
	for _, c := range []struct {
		months, days int
		since, cost  string
	}{{0, 0, "", "0"}, {12, 0, "", "2"}, {12, 0, "2025-10-03", "1"}, {12, 0, "2025-10-04", "0"}, {12, 0, "2025-09-30", "2"},
		{0, 30, "2026-09-03", "1"}, {0, 30, "2026-09-02", "2"}, {12, 30, "2026-09-03", "1"}} {
		w.Offers.FreeTier = []offer.Pool{{ID: "pool", Allowance: used("6"), Months: c.months, Days: c.days, Select: []offer.Selector{{ServiceCode: "EC2"}}}}
		w.Organization.Payers[0].Since = schema.Date{}
		if c.since != "" {
			w.Organization.Payers[0].Since = date(c.since)
		}
		if got := Text(total(run(t, w, rs...))); got != c.cost {
			t.Errorf("%d months, %d days since %s: cost %s, want %s", c.months, c.days, c.since, got, c.cost)
		}
	}
}

func TestModels(t *testing.T) {
	rs := []Record{use("b", "S", "x", "2026-10-01T00:00:00", "0"), use("b", "S", "x", "2026-10-01T01:00:00", "6"),
		use("a", "S", "x", "2026-10-01T02:00:00", "4"), use("a", "S", "x", "2026-10-01T03:00:00", "1")}
	volume, pack, flat := prices("S", "x", "0.5<11", "0.1"), prices("S", "x", "3"), prices("S", "x", "7")
	volume.Versions[0].Model = price.Volume
	pack.Versions[0].Model, pack.Versions[0].PackageSize = price.Package, used("5")
	flat.Versions[0].Model = price.Flat
	pool := []offer.Pool{{ID: "pool", Allowance: used("7"), Select: []offer.Selector{{ServiceCode: "S"}}}}
	for _, c := range []struct {
		name  string
		sku   price.SKU
		pools []offer.Pool
		costs string
	}{{"volume", volume, nil, "0 3 2 0.5"}, {"package", pack, nil, "0 6 0 3"}, {"flat", flat, nil, "0 7 0 0"},
		{"volume with pool", volume, pool, "0 0 0 1.5 0.5"}, {"package with pool", pack, pool, "0 0 0 3 0"}, {"flat with pool", flat, pool, "0 0 0 7 0"}} {
		w := world("2026-10", c.sku)
		w.Offers.FreeTier = c.pools
		var got []string
		for _, r := range run(t, w, rs...).Rows {
			got = append(got, Text(r.Unblended))
		}
		if strings.Join(got, " ") != c.costs {
			t.Errorf("%s: %v, want %s", c.name, got, c.costs)
		}
	}
	w := world("2026-10", volume)
	w.SKUs[0].Versions[0].Tiers[0].End, w.SKUs[0].Versions[0].Tiers[1].Begin = used("10"), used("10")
	if got := Text(total(run(t, w, rs...))); got != "1.1" {
		t.Errorf("a unit above the bound: %s, want 1.1", got)
	}
}
