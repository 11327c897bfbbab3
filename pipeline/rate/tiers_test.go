package rate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/monthend/monthend/schema/money"
)

const (
	tiny  = "0.000000000000000001" // the smallest unit of usage
	below = ".999999999999999999"
)

// The count stands one smallest unit before, on and after a bound of the tiers
// (10), of the pool (4), of both.
func TestCase_D21_EdgesOfTiersAndPools(t *testing.T) {
	tiered := one("K", "use", tier{"10", "1"}, tier{"20", "0.5"}, flat("0.25"))
	for _, c := range []struct {
		name    string
		free    string // allowance, blank for none
		amounts []string
		want    []string
	}{
		{"all below", "", []string{"9" + below}, []string{"9" + below + "@K.0.0"}},
		{"ends on the bound", "", []string{"10"}, []string{"10@K.0.0"}},
		{"one unit beyond", "", []string{"10" + tiny[1:]}, []string{"10@K.0.0", tiny + "@K.0.1"}},
		{"begins on the bound", "", []string{"10", "1"}, []string{"10@K.0.0", "1@K.0.1"}},
		{"begins one unit before", "", []string{"9" + below, "1"}, []string{"9" + below + "@K.0.0", tiny + "@K.0.0", "0" + below + "@K.0.1"}},
		{"begins one unit after", "", []string{"10" + tiny[1:], "1"}, []string{"10@K.0.0", tiny + "@K.0.1", "1@K.0.1"}},
		{"over a whole tier", "", []string{"5", "20"}, []string{"5@K.0.0", "5@K.0.0", "10@K.0.1", "5@K.0.2"}},
		{"nothing used", "", []string{"0"}, []string{"0@K.0.0"}},
		{"nothing after the bound", "", []string{"10", "0", "1"}, []string{"10@K.0.0", "0@K.0.1", "1@K.0.1"}},
		{"free below", "4", []string{"3" + below}, []string{"3" + below + "@free K"}},
		{"free to the bound", "4", []string{"4"}, []string{"4@free K"}},
		{"one unit beyond the pool", "4", []string{"4" + tiny[1:]}, []string{"4@free K", tiny + "@K.0.0"}},
		{"after the pool", "4", []string{"4", "1"}, []string{"4@free K", "1@K.0.0"}},
		{"nothing used of a pool", "4", []string{"0"}, []string{"0@K.0.0"}},
		{"free units count for the tiers", "4", []string{"3", "8"}, []string{"3@free K", "1@free K", "6@K.0.0", "1@K.0.1"}},
		{"the pool ends with a tier", "10", []string{"11"}, []string{"10@free K", "1@K.0.1"}},
		{"the pool covers a tier", "12", []string{"11", "11"}, []string{"11@free K", "1@free K", "8@K.0.1", "2@K.0.2"}},
		{"the pool is larger than the month", "100", []string{"11", "11"}, []string{"11@free K", "11@free K"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := acme()
			w.skus = []sku{tiered}
			if c.free != "" {
				w.pools = []pool{{"free", c.free, []string{"use"}}}
			}
			// The same amounts hour by hour and, in canonical order, within one
			// hour: a bound cuts them at the same places.
			for _, oneHour := range []bool{false, true} {
				var records []usage
				for i, amount := range c.amounts {
					u := use("a", "use", float64(100*i), amount)
					if oneHour {
						u = use("a", "use", 5, amount)
					}
					u.resource = fmt.Sprint(i)
					records = append(records, u)
				}
				if got := portions(w.mustRate(t, records...)); !slices.Equal(got, c.want) {
					t.Errorf("one hour %t: got  %v\nwant %v", oneHour, got, c.want)
				}
			}
		})
	}
}

// Hours before the crossing are wholly inside, whatever the order of the lines;
// in the crossing hour lines fill in canonical order and one splits.
func TestCase_D22_TimeGoesBeforeTheOrderOfLines(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5"))}
	got := portions(w.mustRate(t, use("a", "use", 9, "4"), use("a", "use", 30, "4"), use("b", "use", 2, "4"), use("b", "use", 9, "4")))
	// Hour 2: b has 4. Hour 9: a fills up to 8, b splits at 10. Hour 30: a.
	want := []string{"4@K.0.0", "4@K.0.1", "4@K.0.0", "2@K.0.0", "2@K.0.1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestPoolServesTheDearestFirst(t *testing.T) {
	w := acme()
	w.skus = []sku{one("cheap", "u1", flat("0.0116")), one("dear", "u2", flat("0.0132")), one("tie-b", "u4", flat("0.01")), one("tie-a", "u3", flat("0.01")),
		one("outside", "u5", flat("9"))}
	w.pools = []pool{{"free", "15", []string{"u1", "u2", "u3", "u4"}}}
	for _, c := range []struct {
		amounts [5]string
		want    []string
	}{
		// The dear one is used last in the month and still served first.
		{[5]string{"6", "9", "0", "0", "1"}, []string{"6@free cheap", "9@free dear", "0@tie-a.0.0", "0@tie-b.0.0", "1@outside.0.0"}},
		{[5]string{"6", "10", "1", "1", "1"}, []string{"5@free cheap", "1@cheap.0.0", "10@free dear", "1@tie-a.0.0", "1@tie-b.0.0", "1@outside.0.0"}},
		{[5]string{"0", "10", "4", "4", "1"}, []string{"0@cheap.0.0", "10@free dear", "4@free tie-a", "1@free tie-b", "3@tie-b.0.0", "1@outside.0.0"}},
		{[5]string{"1", "2", "3", "4", "5"}, []string{"1@free cheap", "2@free dear", "3@free tie-a", "4@free tie-b", "5@outside.0.0"}},
	} {
		var records []usage
		for i, hour := range []float64{1, 500, 2, 1, 0} {
			records = append(records, use("a", "u"+fmt.Sprint(i+1), hour, c.amounts[i]))
		}
		if got := portions(w.mustRate(t, records...)); !slices.Equal(got, c.want) {
			t.Errorf("got  %v\nwant %v", got, c.want)
		}
	}
}

func TestPoolBreaksTiesByTheSKUsIdentity(t *testing.T) {
	w := acme()
	for _, s := range []struct{ id, operation, region string }{{"3", "run", "r2"}, {"1", "run", ""}, {"2", "run", "r1"}, {"0", "", "r9"}} {
		k := one(s.id, "use", flat("0.5"))
		k.operation, k.region = s.operation, s.region
		w.skus = append(w.skus, k)
	}
	w.skus = w.skus[1:]
	w.pools = []pool{{"free", "6", []string{"use"}}}
	var records []usage
	for i, at := range []struct{ operation, region string }{{"run", "r2"}, {"run", "r1"}, {"run", "r5"}, {"stop", "r9"}} {
		u := use("a", "use", float64(i), "2")
		u.operation, u.region = at.operation, at.region
		records = append(records, u)
	}
	want := []string{"2@3.0.0", "2@free 2", "2@free 1", "2@free 0"} // by operation, then region: 0, 1, 2, 3
	got := portions(w.mustRate(t, records...))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// The order of a pool is that of the prices in force when the month ends; what
// begins with the next month does not count.
func TestPoolOrderIsThatOfTheMonthsEnd(t *testing.T) {
	w := acme()
	last := november.Unix() - 3600
	w.skus = []sku{
		{id: "A", usageType: "u1", unit: "GB", versions: []version{{0, []tier{flat("3")}}, {last, []tier{flat("1")}}, {november.Unix(), []tier{flat("9")}}}},
		one("B", "u2", flat("2")),
	}
	w.pools = []pool{{"free", "6", []string{"u1", "u2"}}}
	got := portions(w.mustRate(t, use("a", "u1", 1, "4"), use("a", "u2", 1, "4")))
	if want := []string{"2@free A", "2@A.0.0", "4@free B"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestEachPayerHasItsOwnPoolAndTiers(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5"))}
	w.pools = []pool{{"free", "4", []string{"use"}}}
	got := portions(w.mustRate(t, use("a", "use", 1, "3"), use("b", "use", 2, "3"), use("q", "use", 1, "5")))
	want := []string{"3@free K", "1@free K", "2@K.0.0", "4@free K", "1@K.0.0"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestFreeUsageKeepsTheDearestPublicRate(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", tier{"10", "0.25"}, tier{"20", "0.5"}, flat("0.125"))}
	w.pools = []pool{{"free", "4", []string{"use"}}}
	c := w.mustRate(t, use("a", "use", 1, "3"))[0]
	if c.list.String() != "1.5" || c.paid != (money.Cost{}) || c.price.Rate.String() != "0" || c.price.PublicRate.String() != "0.5" {
		t.Errorf("charge %+v", c)
	}
}

// A new price in mid-month goes on with the month's count, at its own bounds.
func TestNewPriceGoesOnWithTheCount(t *testing.T) {
	w := acme()
	change := october.AddDate(0, 0, 14).Unix()
	w.skus = []sku{{id: "K", usageType: "use", unit: "GB", versions: []version{
		{0, []tier{{"10", "1"}, flat("0.5")}}, {change, []tier{{"5", "2"}, {"12", "0.25"}, flat("0.125")}}, {november.Unix(), []tier{flat("9")}}}}}
	got := portions(w.mustRate(t, use("a", "use", 14*24-1, "8"), use("a", "use", 14*24, "3"), use("a", "use", 14*24+1, "3")))
	want := []string{"8@K.0.0", "3@K.1.1", "1@K.1.1", "2@K.1.2"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// The worked examples of the billing documentation, with 1 TB = 1,000 GB for
// storage and 1,024 GB for transfer.
func TestWorkedExamples(t *testing.T) {
	w := acme()
	w.accounts = append(w.accounts, account{id: "c", payer: "p"})
	w.skus = []sku{
		one("S3", "storage", tier{"1000", "0.10"}, tier{"50000", "0.08"}, tier{"500000", "0.06"}, flat("0.05")),
		one("DT", "transfer", tier{"1", "0"}, tier{"10240", "0.17"}, tier{"51200", "0.13"}, flat("0.1")),
		one("EC2", "box", flat("0.023")),
	}
	w.pools = []pool{{"ec2", "2160", []string{"box"}}}
	t.Run("storage of three accounts", func(t *testing.T) {
		list := w.mustRate(t, use("a", "storage", 1, "15000"), use("b", "storage", 1, "14000"), use("c", "storage", 1, "66000"))
		if got := total(t, list); got != "6720" {
			t.Errorf("costs %s, want 6720", got)
		}
		var member money.Cost
		for _, c := range list {
			if got := c.price.BlendedRate.Text10(); got != "0.0707368421" {
				t.Errorf("blended rate %s", got)
			}
			if c.head.Account == "b" {
				member = c.blended
			}
		}
		if got, err := member.Round(2, money.HalfAwayFromZero); err != nil || got.String() != "990.32" {
			t.Errorf("the member with 14,000 GB sees %s (%v)", member, err)
		}
	})
	t.Run("transfer of 12 TB in two accounts", func(t *testing.T) {
		w := w
		w.skus = []sku{one("DT", "transfer", tier{"10240", "0.17"}, flat("0.13"))}
		w.pools = nil
		if got := total(t, w.mustRate(t, use("a", "transfer", 1, "6144"), use("b", "transfer", 1, "6144"))); got != "2007.04" {
			t.Errorf("costs %s, want 2007.04", got)
		}
		if got := total(t, w.mustRate(t, use("a", "transfer", 1, "6144"), use("q", "transfer", 1, "6144"))); got != "2088.96" {
			t.Errorf("separately costs %s, want 2088.96", got)
		}
	})
	t.Run("blended rate over a free tier", func(t *testing.T) {
		for _, c := range w.mustRate(t, use("a", "box", 1, "1440"), use("b", "box", 1, "1440")) {
			if got := c.price.BlendedRate.String(); got != "0.00575" { // 16.56 over 2,880 hours
				t.Errorf("blended rate %s", got)
			}
		}
	})
}

// Where all units of the month have one rate, that is the average, to the last
// digit: rounded hours must not pull it away.
func TestBlendedRateOfOneRateIsThatRate(t *testing.T) {
	for _, s := range []sku{
		one("K", "use", flat("0.116")),
		one("K", "use", tier{"100", "0.116"}, flat("0.05")),
		{id: "K", usageType: "use", unit: "GB", versions: []version{{0, []tier{flat("0.2")}}, {october.Unix(), []tier{flat("0.116")}}}},
	} {
		w := acme()
		w.skus = []sku{s}
		var records []usage
		for hour := range 744 {
			records = append(records, use("a", "use", float64(hour), "0.0107526882"))
		}
		for _, c := range w.mustRate(t, records...) {
			if got := c.price.BlendedRate.String(); got != "0.116" || c.blended != c.paid {
				t.Fatalf("%d versions of %d tiers: blended rate %s, cost %s against %s", len(s.versions), len(s.versions[0].tiers), got, c.blended, c.paid)
			}
		}
	}
}

func TestPoolOfAnotherMonthGivesNothing(t *testing.T) {
	w := acme()
	w.pools = []pool{{"free", "4", []string{"use"}}}
	in := w.input(t)
	in.Offers.FreeTier[0].Until.Year, in.Offers.FreeTier[0].Until.Month, in.Offers.FreeTier[0].Until.Day = 2026, 10, 1
	if i := in.Offers.PoolIndex(in.Catalog, in.Period.Start, in.Period.End); i[0] >= 0 {
		t.Error("a pool that has ended holds")
	}
	if got := strings.Join(portions(w.mustRate(t, use("a", "use", 1, "3"))), " "); got != "3@free K" {
		t.Errorf("a pool without dates: %s", got)
	}
}
