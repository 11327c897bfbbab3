package rate_test

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
)

// fleet is a world of one family of machines in two accounts of one payer.
func fleet() world {
	w := acme()
	w.skus = []sku{one("L", "BoxUsage:m5.large", flat("0.1")), one("M", "BoxUsage:m5.xlarge", flat("0.2")),
		one("S", "BoxUsage:m5.small", flat("0.05")), one("T", "transfer", flat("0.09"))}
	for i := range w.skus {
		w.skus[i].region = "r1"
	}
	return w
}

func machine(account, size string, hours float64, amount string) usage {
	u := use(account, "BoxUsage:m5."+size, hours, amount)
	u.region = "r1"
	return u
}

// reserve is a reservation for years around the month.
func reserve(id, account, size string, count int64) offer.Reservation {
	return offer.Reservation{ID: id, Account: account, Select: offer.Selector{ServiceCode: "S", UsageType: "BoxUsage:m5." + size, Region: "r1"},
		Count: count, Start: october.AddDate(0, -3, 0), End: october.AddDate(0, 9, 0), Years: 1, Payment: offer.NoUpfront, Hourly: rateOf("0.06")}
}

// plan is a compute plan for years around the month, at half the list rate.
func plan(id, account, commitment string) offer.SavingsPlan {
	return offer.SavingsPlan{ID: id, Account: account, Type: offer.ComputePlan, Commitment: costOf(commitment), Payment: offer.NoUpfront,
		Start: october.AddDate(0, -3, 0), End: october.AddDate(0, 9, 0), Years: 1,
		Rates: []offer.PlanRate{{Select: offer.Selector{ServiceCode: "S", UsageType: "BoxUsage:*"}, Factor: rateOf("0.5")}}}
}

func rateOf(text string) money.Rate {
	r, err := money.ParseRate(text)
	if err != nil {
		panic(err)
	}
	return r
}

func costOf(text string) money.Cost {
	c, err := money.ParseCost(text)
	if err != nil {
		panic(err)
	}
	return c
}

// parts writes each charge as account:size amount@what, in order.
func parts(list []charge) []string {
	var texts []string
	for _, c := range list {
		what := c.terms.Commitment.ID
		if what == "" {
			what = c.price.RateCode
		}
		_, size, _ := strings.Cut(c.head.UsageType, ".")
		texts = append(texts, fmt.Sprintf("%s:%s %s@%s", c.head.Account, size, c.amount, what))
	}
	return texts
}

func TestOrderOfReservations(t *testing.T) {
	alone := []schema.Sharing{{SavingsPlans: true, Credits: true}}
	zonal, flexible := reserve("z", "a", "large", 1), reserve("f", "a", "large", 2)
	zonal.Zone, flexible.SizeFlexible = "r1b", true
	in := func(u usage, zone string) usage { u.zone = zone; return u }
	for _, c := range []struct {
		name    string
		offers  []offer.Reservation
		sharing map[string][]schema.Sharing
		records []usage
		want    []string
	}{
		{"owner first", []offer.Reservation{reserve("r", "b", "large", 3)}, nil,
			[]usage{machine("a", "large", 5, "2"), machine("b", "large", 5, "2")},
			[]string{"a:large 1@r", "a:large 1@L.0.0", "b:large 2@r"}},
		{"owner does not share", []offer.Reservation{reserve("r", "b", "large", 3)}, map[string][]schema.Sharing{"b": alone},
			[]usage{machine("a", "large", 5, "2"), machine("b", "large", 5, "2")},
			[]string{"a:large 2@L.0.0", "b:large 2@r"}},
		{"user does not share", []offer.Reservation{reserve("r", "b", "large", 3)}, map[string][]schema.Sharing{"a": alone},
			[]usage{machine("a", "large", 5, "2"), machine("b", "large", 5, "2")},
			[]string{"a:large 2@L.0.0", "b:large 2@r"}},
		{"shared at the month's last instant only", []offer.Reservation{reserve("r", "b", "large", 3)},
			map[string][]schema.Sharing{"a": {alone[0], {From: november.Add(-1), Reservations: true}, {From: november}}},
			[]usage{machine("a", "large", 5, "2")}, []string{"a:large 2@r"}},
		{"another payer", []offer.Reservation{reserve("r", "q", "large", 3)}, nil,
			[]usage{machine("a", "large", 5, "2"), machine("q", "large", 5, "2")}, []string{"a:large 2@L.0.0", "q:large 2@r"}},
		{"other region, other type", []offer.Reservation{reserve("r", "a", "small", 3)}, nil,
			[]usage{machine("a", "large", 5, "2")}, []string{"a:large 2@L.0.0"}},
		{"zonal before flexible", []offer.Reservation{flexible, zonal}, nil,
			[]usage{in(machine("a", "large", 5, "2"), "r1a"), in(machine("a", "large", 5, "2"), "r1b")},
			[]string{"a:large 2@f", "a:large 1@z", "a:large 1@L.0.0"}},
		{"regional before flexible, ties by id", []offer.Reservation{flexible, reserve("r2", "a", "large", 1), reserve("r1", "a", "large", 1)}, nil,
			[]usage{machine("a", "large", 5, "3.5")}, []string{"a:large 1@r1", "a:large 1@r2", "a:large 1.5@f"}},
		{"own cells of a broad one before others' of a narrow one", []offer.Reservation{flexible, reserve("r", "b", "large", 1)}, nil,
			[]usage{machine("a", "large", 5, "2")}, []string{"a:large 2@f"}},
		{"smallest size first, by factor", []offer.Reservation{flexible}, nil,
			[]usage{machine("a", "xlarge", 5, "1"), machine("a", "large", 5, "1"), machine("a", "small", 5, "1")},
			[]string{"a:large 1@f", "a:small 1@f", "a:xlarge 0.375@f", "a:xlarge 0.625@M.0.0"}},
		{"smallest size first, though its name comes later", []offer.Reservation{flexible}, nil,
			[]usage{machine("a", "large", 5, "2"), machine("a", "small", 5, "4"), machine("b", "small", 5, "4")},
			[]string{"a:large 1@f", "a:large 1@L.0.0", "a:small 4@f", "b:small 4@S.0.0"}},
		{"cut to 10 decimals", []offer.Reservation{flexible}, nil,
			[]usage{machine("a", "large", 5, "0.111111111111111111"), machine("a", "xlarge", 5, "1")},
			[]string{"a:large 0.111111111111111111@f", "a:xlarge 0.9444444444@f", "a:xlarge 0.0555555556@M.0.0"}},
		{"a line of nothing stays as it is", []offer.Reservation{reserve("r", "a", "large", 3)}, nil,
			[]usage{machine("a", "large", 5, "0")}, []string{"a:large 0@L.0.0"}},
		{"each hour has its units", []offer.Reservation{reserve("r", "a", "large", 1)}, nil,
			[]usage{machine("a", "large", 0, "2"), machine("a", "large", 743, "1")},
			[]string{"a:large 1@r", "a:large 1@L.0.0", "a:large 1@r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := fleet()
			w.others.Reservations, w.sharing = c.offers, c.sharing
			if got := parts(w.mustRate(t, c.records...)); !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

// Only hours that lie wholly in a reservation's time have units, and an account
// takes its reservations along.
func TestTimeOfReservations(t *testing.T) {
	r := reserve("r", "a", "large", 1)
	r.Start, r.End = october.Add(5*time.Hour+1), october.Add(8*time.Hour-1)
	w := fleet()
	w.others.Reservations = []offer.Reservation{r}
	var records []usage
	for hour := range 10 {
		records = append(records, machine("a", "large", float64(hour), "1"))
	}
	for hour, c := range w.mustRate(t, records...) {
		if covered := c.tail.LineItemType == "DiscountedUsage"; covered != (hour == 6) {
			t.Errorf("hour %d: %s", hour, c.tail.LineItemType)
		}
	}
	w = fleet()
	moves := october.Add(100 * time.Hour).Unix()
	w.accounts = append(w.accounts, account{id: "m", payer: "p", until: moves}, account{id: "m", payer: "q", from: moves})
	w.others.Reservations = []offer.Reservation{reserve("r", "m", "large", 1)}
	list, _, plan := w.planned(t, []usage{machine("a", "large", 99, "1"), machine("a", "large", 100, "1"), machine("q", "large", 99, "1"), machine("q", "large", 100, "1")})
	if got, want := parts(list), []string{"a:large 1@r", "a:large 1@L.0.0", "q:large 1@L.0.0", "q:large 1@r"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	// The fee stays with the payer that has the account when the month begins.
	if p, q := plan.Reservations(0), plan.Reservations(1); len(p) != 1 || len(q) != 0 || p[0].Covered.String() != "2" {
		t.Errorf("uses %+v and %+v", p, q)
	}
}

func TestGivenCoverage(t *testing.T) {
	given := reserve("arn:g", "b", "large", 1)
	given.Given, given.SizeFlexible = true, true
	w := fleet()
	w.others.Reservations = []offer.Reservation{given, reserve("r", "a", "large", 1)}
	named, unknown := machine("a", "large", 5, "800.0000000000000001"), machine("a", "xlarge", 5, "1")
	named.commitment, unknown.commitment = "arn:g", "arn:unknown"
	other := machine("a", "small", 6, "0")
	other.commitment = "arn:g"
	sizeless := use("a", "transfer", 6, "2")
	sizeless.region, sizeless.commitment = "r1", "arn:g"
	list, _, plan := w.planned(t, []usage{named, unknown, other, sizeless, machine("b", "large", 5, "1")})
	want := []string{"a:large 800.0000000000000001@arn:g", "a:small 0@arn:g", "a:xlarge 1@M.0.0", "a: 2@arn:g", "b:large 1@r"}
	if got := parts(list); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, u := range plan.Reservations(0) {
		switch w.others.Reservations[u.Index].ID {
		case "arn:g":
			if u.Covered.String() != "802" || u.UnusedUnits.String() != "0" || u.UnusedRecurring.String() != "0" {
				t.Errorf("use %+v", u)
			}
		case "r":
			if u.Covered.String() != "1" || u.UnusedUnits.String() != "743" {
				t.Errorf("use %+v", u)
			}
		}
	}
}

// Figures as measured on real reservations.
func TestFiguresOfReservations(t *testing.T) {
	for _, c := range []struct {
		size, upfront, hourly string
		count                 int64
		start                 string
		used                  string // in the first hour, of names that are given
		units, fee, amortized string
		unused, unusedFee     string
		unusedUpfront         string
		line                  [3]string // up-front part, effective cost of one unit, list cost
	}{
		{"large", "263", "0.03", 1, "2026-04-24T00:34:01Z", "0", "744", "22.32", "22.3369863", "744", "22.32", "22.3369863", [3]string{"0.03002283", "0.06002283", "0.1"}},
		{"large", "446", "0.026", 2, "2026-04-03T01:21:13Z", "1488", "1488", "38.688", "37.87945205", "0", "0", "0", [3]string{"0.02545662", "0.05145662", "0.1"}},
		{"large", "0", "0.0118", 1, "2026-10-09T21:40:47Z", "195", "530.320278", "6.257779", "0", "335.320278", "3.9567791", "0", [3]string{"0", "0.0118", "0.1"}},
		{"large", "0", "0.0083", 1, "2026-08-13T18:14:02Z", "698.000556", "744", "6.1752", "0", "45.999444", "0.38179539", "0", [3]string{"0", "0.0083", "0.1"}},
		{"large", "90", "0.0034", 3, "2026-04-03T01:21:13Z", "0", "2232", "7.5888", "7.64383562", "2232", "7.5888", "7.64383562", [3]string{"0.00342466", "0.00682466", "0.1"}},
	} {
		t.Run(c.upfront+" "+c.start, func(t *testing.T) {
			r := reserve("r", "a", c.size, c.count)
			var err error
			r.Start, err = time.Parse(time.RFC3339, c.start)
			check(t, err)
			r.End, r.Upfront, r.Hourly, r.Given = r.Start.AddDate(1, 0, 0), costOf(c.upfront), rateOf(c.hourly), true
			w := fleet()
			w.others.Reservations = []offer.Reservation{r}
			named := machine("a", "large", 400, c.used)
			named.commitment = "r"
			_, _, plan := w.planned(t, []usage{named})
			u := plan.Reservations(0)[0]
			got := []string{u.Units.String(), u.Fee.String(), u.Amortized.String(), u.UnusedUnits.String(), u.UnusedRecurring.String(), u.UnusedUpfront.String()}
			if want := []string{c.units, c.fee, c.amortized, c.unused, c.unusedFee, c.unusedUpfront}; !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if u.Begins != (c.start > "2026-10") || u.Begins && u.Hour.Time().Hour() != 21 || !u.Begins && u.Hour.Time() != october {
				t.Errorf("fee in %s, begins %t", u.Hour.Time(), u.Begins)
			}
			named.amount = "1"
			line := w.mustRate(t, named)[0]
			if got := [3]string{line.upfront.String(), line.effective.String(), line.list.String()}; got != c.line || line.paid != (money.Cost{}) || line.net != line.paid {
				t.Errorf("line %v, want %v; paid %s, net %s", got, c.line, line.paid, line.net)
			}
		})
	}
}

func TestOrderOfPlans(t *testing.T) {
	alone := []schema.Sharing{{Reservations: true, Credits: true}}
	instance := plan("i", "a", "0.05")
	instance.Type, instance.Region, instance.Family = offer.InstancePlan, "r1", "m5"
	elsewhere := instance
	elsewhere.ID, elsewhere.Region = "e", "r2"
	rates := plan("c", "a", "1")
	rates.Rates = []offer.PlanRate{{Select: offer.Selector{ServiceCode: "S", UsageType: "BoxUsage:m5.large"}, Rate: rateOf("0.09")},
		{Select: offer.Selector{ServiceCode: "S", UsageType: "*small"}, Rate: rateOf("0.01")}, {Select: offer.Selector{ServiceCode: "S"}, Rate: rateOf("0.2")}}
	shares := plan("c", "a", "0.06")
	shares.Rates = []offer.PlanRate{{Select: offer.Selector{UsageType: "*small"}, Rate: rateOf("0.04")}, {Select: offer.Selector{UsageType: "*xlarge"}, Rate: rateOf("0.06")}}
	dear := plan("c", "a", "0.03333333")
	dear.Rates[0].Factor = rateOf("0.65") // a rate of 0.07: 5 x 10^-12 are left
	for _, c := range []struct {
		name    string
		offers  []offer.SavingsPlan
		sharing map[string][]schema.Sharing
		records []usage
		want    []string
	}{
		{"owner first", []offer.SavingsPlan{plan("c", "b", "0.15")}, nil,
			[]usage{machine("a", "large", 5, "2"), machine("b", "large", 5, "2")},
			[]string{"a:large 1@c", "a:large 1@L.0.0", "b:large 2@c"}},
		{"not shared", []offer.SavingsPlan{plan("c", "b", "0.15")}, map[string][]schema.Sharing{"a": alone},
			[]usage{machine("a", "large", 5, "2"), machine("b", "large", 5, "2")},
			[]string{"a:large 2@L.0.0", "b:large 2@c"}},
		{"instance plan first, even others'", []offer.SavingsPlan{plan("c", "b", "0.05"), instance, elsewhere}, nil,
			[]usage{machine("b", "large", 5, "3")}, []string{"b:large 1@i", "b:large 1@c", "b:large 1@L.0.0"}},
		{"highest saving first; not below the list covers nothing", []offer.SavingsPlan{rates}, nil,
			[]usage{machine("a", "large", 5, "20"), machine("a", "small", 5, "10"), machine("a", "xlarge", 5, "1")},
			[]string{"a:large 10@c", "a:large 10@L.0.0", "a:small 10@c", "a:xlarge 1@M.0.0"}},
		{"highest saving first, though its rate is higher", []offer.SavingsPlan{shares}, nil,
			[]usage{machine("a", "small", 5, "1"), machine("a", "xlarge", 5, "1")},
			[]string{"a:small 1@S.0.0", "a:xlarge 1@c"}},
		{"equal shares: lowest rate first, then plan id", []offer.SavingsPlan{plan("d", "a", "0.075"), plan("c", "a", "0.025")}, nil,
			[]usage{machine("a", "large", 5, "1"), machine("a", "small", 5, "2"), machine("a", "xlarge", 5, "1")},
			[]string{"a:large 1@d", "a:small 1@c", "a:small 1@d", "a:xlarge 1@M.0.0"}},
		{"cut to 10 decimals", []offer.SavingsPlan{plan("c", "a", "0.01666")}, nil,
			[]usage{machine("a", "large", 5, "1"), machine("a", "small", 6, "0.333333333333333333")},
			[]string{"a:large 0.3332@c", "a:large 0.6668@L.0.0", "a:small 0.333333333333333333@c"}},
		{"less than the last decimal is left", []offer.SavingsPlan{dear}, nil,
			[]usage{machine("a", "xlarge", 5, "1"), machine("b", "xlarge", 5, "0.00000000001")},
			[]string{"a:xlarge 0.4761904285@c", "a:xlarge 0.5238095715@M.0.0", "b:xlarge 0.00000000001@M.0.0"}},
		{"selector", []offer.SavingsPlan{plan("c", "a", "5")}, nil,
			[]usage{func() usage { u := use("a", "transfer", 5, "1"); u.region = "r1"; return u }()}, []string{"a: 1@T.0.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := fleet()
			w.others.SavingsPlans, w.sharing = c.offers, c.sharing
			if got := parts(w.mustRate(t, c.records...)); !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

// The saving share and the list rate are those of the hour.
func TestPlansFollowThePrice(t *testing.T) {
	w := fleet()
	w.skus[0].versions = []version{{0, []tier{flat("0.1")}}, {october.Add(10 * time.Hour).Unix(), []tier{flat("0.04")}}}
	p := plan("c", "a", "0.05")
	p.Rates[0].Factor, p.Rates[0].Rate = money.Rate{}, rateOf("0.05")
	w.others.SavingsPlans = []offer.SavingsPlan{p}
	got := parts(w.mustRate(t, machine("a", "large", 9, "1"), machine("a", "large", 10, "1")))
	if want := []string{"a:large 1@c", "a:large 1@L.1.0"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestFiguresOfPlans(t *testing.T) {
	w := fleet()
	p := plan("c", "a", "0.1")
	p.Payment, p.Start, p.End = offer.PartialUpfront, october.Add(3*time.Hour), october.Add(6*time.Hour)
	w.others.SavingsPlans = []offer.SavingsPlan{p}
	list, _, plan := w.planned(t, []usage{machine("a", "large", 5, "1.2345678915"), machine("a", "large", 2, "1"), machine("a", "large", 6, "1")})
	if got, want := parts(list), []string{"a:large 1@L.0.0", "a:large 1.2345678915@c", "a:large 1@L.0.0"}; !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	c := list[1]
	if c.paid.String() != "0.1234567892" || c.net != c.paid || c.list != c.paid || c.effective.String() != "0.06172839" || c.upfront.String() != "0.0308642" {
		t.Errorf("line %+v", c)
	}
	want := batch.Commitment{Kind: batch.SavingsPlan, ID: "c", Lease: "1yr", Payment: "Partial Upfront", Offering: offer.ComputePlan,
		Start: "2026-10-01T03:00:00.000Z", End: "2026-10-01T05:59:59.000Z", Rate: rateOf("0.05")}
	if c.terms != (batch.Terms{Commitment: want}) || c.tail.LineItemType != "SavingsPlanCoveredUsage" || c.price.Rate.String() != "0.1" {
		t.Errorf("terms %+v", c.terms)
	}
	uses := plan.SavingsPlans(0)
	if first := schema.HourOf(october.UnixNano()); len(uses) != 1 || !slices.Equal(uses[0].Hours, []schema.Hour{first + 3, first + 4, first + 5}) || len(plan.SavingsPlans(1)) != 0 {
		t.Errorf("uses %+v", uses)
	}
}

// What commitments cover is gone before pools and tiers, and counts in the
// blended rate: a reservation's units at nothing, a plan's at the list rate.
func TestCommitmentsComeBeforePoolsAndTiers(t *testing.T) {
	w := fleet()
	w.skus[0] = sku{id: "L", usageType: "BoxUsage:m5.large", region: "r1", unit: "GB", versions: []version{{0, []tier{{"5", "0.1"}, flat("0.04")}}}}
	w.pools = []pool{{"free", "2", []string{"BoxUsage:m5.large"}}}
	w.others.Reservations = []offer.Reservation{reserve("r", "a", "large", 1)}
	w.others.SavingsPlans = []offer.SavingsPlan{plan("c", "a", "0.05")}
	list := w.mustRate(t, machine("a", "large", 5, "6"), machine("b", "large", 6, "6"))
	got := parts(list)
	want := []string{"a:large 1@r", "a:large 1@c", "a:large 2@L.FREETIER.FREE", "a:large 2@L.0.0", "b:large 1@r", "b:large 1@c", "b:large 1@L.0.0", "b:large 3@L.0.1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, c := range list { // (2 x 0.1 + 3 x 0.1 + 3 x 0.04) / 12
		if c.price.BlendedRate.String() != "0.0516666667" {
			t.Errorf("blended rate %s", c.price.BlendedRate)
		}
	}
	if c := list[0]; c.price.Term != "Reserved" || c.price.Rate != (money.Rate{}) || c.price.PublicRate.String() != "0.1" || c.list.String() != "0.1" ||
		c.price.Description != "BoxUsage:m5.large reservation applied" || c.price.RateCode != "L.RESERVED" {
		t.Errorf("price %+v", c.price)
	}
}

// Usage that brings its cost, or is no plain usage, is in no cell.
func TestWhatIsNotOrdinary(t *testing.T) {
	w := fleet()
	w.others.Reservations = []offer.Reservation{reserve("r", "a", "large", 9)}
	priced, spot := machine("a", "large", 5, "1"), machine("a", "large", 6, "1")
	priced.cost, priced.currency, spot.kind = "3", "USD", "Other"
	for _, c := range w.mustRate(t, priced, spot) {
		if c.terms != (batch.Terms{}) || c.tail.LineItemType == "DiscountedUsage" {
			t.Errorf("line %+v", c)
		}
	}
}

// Charges are encoded beside the rating, over the same dictionaries.
func TestRatingAddsNothingToTheDictionaries(t *testing.T) {
	w := fleet()
	w.others.Reservations = []offer.Reservation{reserve("r", "a", "large", 1)}
	w.others.SavingsPlans = []offer.SavingsPlan{plan("c", "a", "0.05")}
	in := w.input(t)
	u := batch.NewUsage()
	blank := machine("a", "large", 5, "3")
	blank.unit = ""
	u.Append(w.record(t, blank))
	places, totals := rate.NewClassifier(in, u.Dims), rate.NewTotals(in, u.Dims)
	p := places.Classify(u.Head[0], u.Tail[0], u.Start[0], u.End[0])
	check(t, totals.Add(p.Payer, p.SKU, u.Head[0], u.Tail[0], u.Hour(0), u.Amount[0]))
	tail := u.Dims.Tails.Value(u.Tail[0])
	tail.Unit = "GB"
	filled := u.Dims.Tails.Code(tail)
	plan, err := rate.NewPlan(totals)
	check(t, err)
	dims, ranking := u.Dims.Sorted()
	before := dims.Tails.Len()
	out := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
	lines := sortedLines(map[batch.Key]*batch.Row{batch.LineKey(u.Head[0], u.Resource[0], u.Hour(0), filled): {Amount: u.Amount[0]}}, ranking)
	check(t, rate.NewRater(plan, 0, out).Rate(lines))
	if out.Len() != 3 || dims.Tails.Len() != before {
		t.Errorf("%d charges, %d tails before and %d after", out.Len(), before, dims.Tails.Len())
	}
	for i := 1; i < out.Len(); i++ {
		if out.At(i-1).Key.Compare(out.At(i).Key) >= 0 {
			t.Errorf("charge %d is not in canonical order", i)
		}
	}
}
