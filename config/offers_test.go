package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

func TestPool(t *testing.T) {
	o, ps := LoadOffers("f.yaml", []byte(`
free_tier:
  - {id: storage, allowance: 0.10, unit: GB-Mo, from: 2026-10-01, until: 2027-01-01,
     select: [{service_code: S, usage_type: "*x", operation: Put, region_code: eu-*}, {service_code: T}]}
`))
	if ps != nil {
		t.Fatal(ps)
	}
	allowance, _ := money.ParseUsage("0.1")
	want := offer.Offers{FreeTier: []offer.Pool{{ID: "storage", Allowance: allowance, Unit: "GB-Mo",
		From: schema.Date{Year: 2026, Month: 10, Day: 1}, Until: schema.Date{Year: 2027, Month: 1, Day: 1},
		Select: []offer.Selector{{ServiceCode: "S", UsageType: "*x", Operation: "Put", Region: "eu-*"}, {ServiceCode: "T"}}}}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, want %+v", o, want)
	}
}

func TestPoolFaults(t *testing.T) {
	pool := func(old, new string) string {
		return strings.Replace("free_tier: [{id: a, allowance: 1, unit: GB, select: [{service_code: S}]}]", old, new, 1)
	}
	for _, c := range []struct{ text, want string }{
		{pool("id: a, ", ""), "f.yaml:1:13: free_tier[0].id is missing"},
		{pool("allowance: 1, ", ""), "f.yaml:1:13: free_tier[0].allowance is missing"},
		{pool("unit: GB, ", ""), "f.yaml:1:13: free_tier[0].unit is missing"},
		{pool(", select: [{service_code: S}]", ""), "f.yaml:1:13: free_tier[0].select is missing"},
		{pool("service_code: S", "usage_type: S"), "f.yaml:1:54: free_tier[0].select[0].service_code is missing"},
		{pool("{service_code: S}", ""), "f.yaml:1:53: free_tier[0].select is an empty list"},
		{pool("id: a", "id: a b"), `f.yaml:1:18: free_tier[0].id "a b" is not an id`},
		{pool(": 1,", ": many,"), `f.yaml:1:32: free_tier[0].allowance "many" is not a number`},
		{pool(": 1,", ": 1e3,"), `f.yaml:1:32: free_tier[0].allowance "1e3" is not a number`},
		{pool(": 1,", ": 0,"), `f.yaml:1:32: free_tier[0].allowance "0" is not above zero`},
		{pool("unit:", "from: today, unit:"), `f.yaml:1:41: free_tier[0].from "today" is not a day`},
		{pool("unit:", "from: 2026-10-05, unit:"), `f.yaml:1:41: free_tier[0].from "2026-10-05" is not the first of a month`},
		{pool("unit:", "until: 2026-10-01, from: 2026-10-01, unit:"), `f.yaml:1:42: free_tier[0].until "2026-10-01" is not after from`},
		{pool("}]}]", "}]}, {id: a, allowance: 1, unit: GB, select: [{service_code: S}]}]"), `f.yaml:1:80: free_tier[1].id "a" stands twice`},
		{pool("region", "region"), ""},
		{pool("service_code: S", "service_code: S, region: x"), "did you mean region_code?"},
	} {
		_, ps := LoadOffers("f.yaml", []byte(c.text))
		if !strings.Contains(ps.Error(), c.want) || c.want == "" && ps != nil {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, ps, c.want)
		}
		if want := c.want; want != "" && !strings.Contains(want, "did you") && len(ps) != 1 {
			t.Errorf("%s: more than one fault:\n%s", c.text, ps)
		}
	}
}

func FuzzLoadOffers(f *testing.F) {
	f.Add([]byte(ExampleOffers()))
	f.Add([]byte("free_tier: [{id: a, allowance: 1, unit: GB, select: [{service_code: S}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, ps := LoadOffers("f.yaml", data)
		checkProblems(t, ps)
		if ps == nil && len(o.Check("", nil)) > 0 {
			t.Fatal(o.Check("", nil))
		}
	})
}

// One of each kind, with every key.
func TestEveryOffer(t *testing.T) {
	o, ps := LoadOffers("f.yaml", []byte(`
free_tier:
  - {id: new, allowance: 1, unit: GB, select: [{service_code: S}], first_months: 12}
  - {id: trial, allowance: 1, unit: GB, select: [{service_code: T}], trial_days: 30}
discounts:
  - {id: plain, percent: 12.5}
  - {id: deal, type: PrivateRateDiscount, description: D, payers: [p], accounts: [a, b], select: [{region_code: eu-*}], skus: [X], tags: {team: blue, "user:x": ""}, rate: 0, from: 2026-01-02, until: 2026-02-03}
reservations:
  - {id: "arn:x/1", subscription_id: 0012, account_id: 000000000012, select: {service_code: S, usage_type: "U:t2.micro", operation: Run, region_code: eu}, size_flexible: true,
     count: 3, start: 2026-01-01T00:00:01Z, end: 2026-12-31T19:00:00-05:00, years: 1, offering_class: convertible, payment: partial_upfront, upfront: 0.10, hourly: 0.000000000001, coverage_given: true, description: R}
  - {id: z, account_id: a, select: {service_code: S, usage_type: U}, availability_zone: eu-a, count: 1, start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z, years: 3, payment: all_upfront}
savings_plans:
  - {id: c, account_id: a, type: compute, commitment: 0.00000001, payment: no_upfront, start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z, years: 1, rates: [{select: {usage_type: "*"}, percent: 0.01}, {select: {service_code: S}, rate: 0.2}]}
  - {id: i, account_id: a, type: instance, region_code: eu, instance_family: m5, commitment: 1, payment: all_upfront, start: 2026-01-01T00:00:00Z, end: 2029-01-01T00:00:00Z, years: 3, rates: [{select: {service_code: S}, percent: 99.9}]}
fees:
  - {id: once, account_id: a, service_code: S, description: F, amount: 0.000001, date: 2026-01-05}
  - {id: again, account_id: a, service_code: S, description: F, amount: 5, from: 2026-01-05, until: 2026-02-05, prorate: true}
support:
  - {id: s, payer_account_id: p, accounts: [a], per_account: true, service_code: H, description: S, tiers: [{upto: 10.5, percent: 10}, {percent: 0}], minimum: 29, from: 2026-01-01, until: 2027-01-01}
minimum_commitments:
  - {id: m, payer_account_id: p, service_code: M, description: M, amount: 9, whole_term: true, from: 2026-01-01, until: 2027-01-01}
credits:
  - {id: c, account_id: a, description: C, amount: 9, services: [S], accounts: [a], from: 2026-01-05, until: 2027-01-01, owner_only: true}
refunds:
  - {id: r, account_id: a, service_code: S, description: R, amount: 9, date: 2026-02-01, of_period: 2026-01}
taxes:
  - {id: t, tax_type: VAT, description: T, issuers: [kr], countries: [DE], regions: [Bayern], services: [S], exempt: [p], percent: 19, inclusive: true, from: 2026-01-01, until: 2027-01-01}
`))
	if ps != nil {
		t.Fatal(ps)
	}
	day := func(y int, m time.Month, d int) schema.Date { return schema.Date{Year: y, Month: m, Day: d} }
	at := func(y int, m time.Month, d, s int) time.Time { return time.Date(y, m, d, 0, 0, s, 0, time.UTC) }
	one := money.UsageFromInt(1)
	want := offer.Offers{
		FreeTier: []offer.Pool{
			{ID: "new", Allowance: one, Unit: "GB", Select: []offer.Selector{{ServiceCode: "S"}}, Months: 12},
			{ID: "trial", Allowance: one, Unit: "GB", Select: []offer.Selector{{ServiceCode: "T"}}, Days: 30}},
		Discounts: []offer.Discount{
			{ID: "plain", Type: "Discount", Factor: rate(t, "0.125")},
			{ID: "deal", Type: "PrivateRateDiscount", Description: "D", Payers: []string{"p"}, Accounts: []string{"a", "b"}, Select: []offer.Selector{{Region: "eu-*"}}, SKUs: []string{"X"},
				Tags: map[string]string{"team": "blue", "user:x": ""}, Private: true, From: day(2026, 1, 2), Until: day(2026, 2, 3)}},
		Reservations: []offer.Reservation{
			{ID: "arn:x/1", Subscription: "0012", Account: "000000000012", Select: offer.Selector{ServiceCode: "S", UsageType: "U:t2.micro", Operation: "Run", Region: "eu"}, SizeFlexible: true, Count: 3,
				Start: at(2026, 1, 1, 1), End: at(2027, 1, 1, 0), Years: 1, Class: "convertible", Payment: offer.PartialUpfront, Upfront: cost(t, "0.1"), Hourly: rate(t, "0.000000000001"), Given: true, Description: "R"},
			{ID: "z", Account: "a", Select: offer.Selector{ServiceCode: "S", UsageType: "U"}, Zone: "eu-a", Count: 1, Start: at(2026, 1, 1, 0), End: at(2026, 1, 2, 0), Years: 3, Payment: offer.AllUpfront}},
		SavingsPlans: []offer.SavingsPlan{
			{ID: "c", Account: "a", Type: "ComputeSavingsPlans", Commitment: cost(t, "0.00000001"), Payment: offer.NoUpfront, Start: at(2026, 1, 1, 0), End: at(2027, 1, 1, 0), Years: 1,
				Rates: []offer.PlanRate{{Select: offer.Selector{UsageType: "*"}, Factor: rate(t, "0.0001")}, {Select: offer.Selector{ServiceCode: "S"}, Rate: rate(t, "0.2")}}},
			{ID: "i", Account: "a", Type: "EC2InstanceSavingsPlans", Region: "eu", Family: "m5", Commitment: cost(t, "1"), Payment: offer.AllUpfront, Start: at(2026, 1, 1, 0), End: at(2029, 1, 1, 0), Years: 3,
				Rates: []offer.PlanRate{{Select: offer.Selector{ServiceCode: "S"}, Factor: rate(t, "0.999")}}}},
		Fees: []offer.Fee{
			{ID: "once", Account: "a", Service: "S", Description: "F", Amount: cost(t, "0.000001"), Date: day(2026, 1, 5)},
			{ID: "again", Account: "a", Service: "S", Description: "F", Amount: cost(t, "5"), From: day(2026, 1, 5), Until: day(2026, 2, 5), Prorate: true}},
		Support: []offer.Support{{ID: "s", Payer: "p", Accounts: []string{"a"}, PerAccount: true, Service: "H", Description: "S",
			Tiers: []offer.SupportTier{{To: cost(t, "10.5"), Factor: rate(t, "0.1")}, {}}, Minimum: cost(t, "29"), From: day(2026, 1, 1), Until: day(2027, 1, 1)}},
		Minimums: []offer.Minimum{{ID: "m", Payer: "p", Service: "M", Description: "M", Amount: cost(t, "9"), Term: true, From: day(2026, 1, 1), Until: day(2027, 1, 1)}},
		Credits:  []offer.Credit{{ID: "c", Account: "a", Description: "C", Amount: cost(t, "9"), Services: []string{"S"}, Accounts: []string{"a"}, From: day(2026, 1, 5), Until: day(2027, 1, 1), Private: true}},
		Refunds:  []offer.Refund{{ID: "r", Account: "a", Service: "S", Description: "R", Amount: cost(t, "9"), Date: day(2026, 2, 1), Period: "2026-01"}},
		Taxes: []offer.Tax{{ID: "t", Type: "VAT", Description: "T", Issuers: []string{"kr"}, Countries: []string{"DE"}, Regions: []string{"Bayern"}, Services: []string{"S"}, Exempt: []string{"p"},
			Factor: rate(t, "0.19"), Inclusive: true, From: day(2026, 1, 1), Until: day(2027, 1, 1)}},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
}

func rate(t testing.TB, s string) money.Rate {
	t.Helper()
	v, err := money.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func cost(t testing.TB, s string) money.Cost {
	t.Helper()
	v, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The example shows every kind, and is sound for the example of an organization.
func TestExampleOffers(t *testing.T) {
	o, ps := LoadOffers("f.yaml", []byte(ExampleOffers()))
	if ps != nil {
		t.Fatal(ps)
	}
	kinds := reflect.ValueOf(o)
	for i := range kinds.NumField() {
		if kinds.Field(i).Len() == 0 {
			t.Errorf("the example lacks %s", kinds.Type().Field(i).Name)
		}
	}
	org, ps := LoadOrganization("o.yaml", []byte(ExampleOrganization()))
	if ps = append(ps, o.CheckOrganization("f.yaml", &org)...); ps != nil {
		t.Error(ps)
	}
}

func TestOfferFaults(t *testing.T) {
	const (
		discount    = "discounts: [{id: d, percent: 5}]"
		reservation = "reservations: [{id: r, account_id: a, select: {service_code: S, usage_type: U}, count: 1, start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z, years: 1, payment: no_upfront}]"
		plan        = "savings_plans: [{id: p, account_id: a, type: compute, commitment: 1, payment: no_upfront, start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z, years: 1, rates: [{select: {service_code: S}, percent: 5}]}]"
		fee         = "fees: [{id: f, account_id: a, service_code: S, description: F, amount: 5, date: 2026-01-01}]"
		support     = "support: [{id: s, payer_account_id: p, service_code: S, tiers: [{upto: 5, percent: 5}, {percent: 3}]}]"
		minimum     = "minimum_commitments: [{id: m, payer_account_id: p, service_code: S, amount: 5}]"
		credit      = "credits: [{id: c, account_id: a, amount: 5, from: 2026-01-01, until: 2027-01-01}]"
		refund      = "refunds: [{id: r, account_id: a, service_code: S, description: R, amount: 5, date: 2026-02-01, of_period: 2026-01}]"
		tax         = "taxes: [{id: t, tax_type: VAT, percent: 19}]"
	)
	for _, c := range []struct{ text, old, new, want string }{
		{discount, "id: d, ", "", "f.yaml:1:13: discounts[0].id is missing"},
		{discount, "id: d", "id: d:e", `f.yaml:1:18: discounts[0].id "d:e" is not an id`},
		{discount, ", percent: 5", "", "f.yaml:1:13: discounts[0].percent is not above zero, and no rate is given"},
		{discount, "percent: 5", "percent: 0", `f.yaml:1:30: discounts[0].percent "0" is not above zero`},
		{discount, "percent: 5", "percent: 100.1", `f.yaml:1:30: discounts[0].percent "100.1" is more than the whole (a factor is 0 to 1, a percentage 0 to 100)`},
		{discount, "percent: 5", "percent: -1", `discounts[0].percent "-1" is negative`},
		{discount, "percent: 5", "percent: 5%", `f.yaml:1:30: discounts[0].percent "5%" is not a percentage`},
		{discount, "percent: 5", "percent: 1e1", `discounts[0].percent "1e1" is not a percentage`},
		{discount, "percent: 5", "percent: 0.00000000000000001", `discounts[0].percent "0.00000000000000001" has too many digits`},
		{discount, "percent: 5", "percent: 5, rate: 1", `f.yaml:1:39: discounts[0].rate "1" stands beside a percentage`},
		{discount, "percent: 5", "rate: -1", `discounts[0].rate "-1" is negative`},
		{discount, "percent: 5", "rate: x", `discounts[0].rate "x" is not a number`},
		{discount, "percent: 5", "percent: 5, type: Credit", `f.yaml:1:39: discounts[0].type "Credit" is not a line item type of discounts`},
		{discount, "percent: 5", "percent: 5, select: [{}]", "f.yaml:1:42: discounts[0].select[0] is blank and would pick every price"},
		{discount, "percent: 5", "percent: 5, skus: [A, A]", `f.yaml:1:43: discounts[0].skus[1] "A" stands twice`},
		{discount, "percent: 5", "percent: 5, accounts: ['a b']", `discounts[0].accounts[0] "a b" is not an account id`},
		{discount, "percent: 5", "percent: 5, tags: team", `discounts[0].tags "team" is not a block of keys`},
		{discount, "percent: 5", "percent: 5, tags: {}", "discounts[0].tags is an empty block"},
		{discount, "percent: 5", "percent: 5, tags: {team: [x]}", "discounts[0].tags.team is not a single value"},
		{discount, "percent: 5", "percent: 5, tags: {team: x*}", `f.yaml:1:46: discounts[0].tags.team "x*" holds a star`},
		{discount, "percent: 5", "percent: 5, tags: {a: x, a: y}", "discounts[0].tags.a stands twice"},
		{discount, "percent: 5", "percent: 5, until: 2026-01-01, from: 2026-01-01", `discounts[0].until "2026-01-01" is not after from`},
		{discount, "percent", "percnt", "did you mean percent?"},
		{discount, "discounts", "discount", "did you mean discounts?"},
		{discount, "percent: 5", "factor: 0.5", "discounts[0].factor is not a key here"},

		{reservation, "id: r", "id: r s", `f.yaml:1:21: reservations[0].id "r s" is not the id of a commitment`},
		{reservation, ", count: 1", "", "reservations[0].count is missing"},
		{reservation, "count: 1", "count: 1.5", `reservations[0].count "1.5" is not a whole number`},
		{reservation, "count: 1", "count: 0", `reservations[0].count "0" is not a number of units`},
		{reservation, "usage_type: U", "usage_type: U*", `reservations[0].select.usage_type "U*" holds a star`},
		{reservation, ", usage_type: U", "", "reservations[0].select.usage_type is missing"},
		{reservation, "years: 1", "years: 2", `reservations[0].years "2" is not the length of a term`},
		{reservation, "years: 1", "years: 4", `reservations[0].years "4" is not a whole number from 1 to 3`},
		{reservation, "no_upfront", "later", `reservations[0].payment "later" is not known here (write no_upfront or partial_upfront or all_upfront)`},
		{reservation, "no_upfront", "no_upfront, upfront: 5", `reservations[0].upfront "5" stands beside No Upfront`},
		{reservation, "no_upfront", "all_upfront, hourly: 5", `reservations[0].hourly "5" stands beside All Upfront`},
		{reservation, "start: 2026-01-01T00:00:00Z", "start: 2026-01-01", `reservations[0].start "2026-01-01" is not an instant`},
		{reservation, "start: 2026-01-01T00:00:00Z", "start: 2026-01-01T00:00:00.5Z", "is not on the second"},
		{reservation, "start: 2026-01-01T00:00:00Z", "start: 2028-01-01T00:00:00Z", "reservations[0].end \"2027-01-01T00:00:00Z\" is not after start"},
		{reservation, "years: 1", "years: 1, size_flexible: true", "f.yaml:1:172: reservations[0].size_flexible \"true\" needs a usage type that ends in a size"},
		{reservation, "years: 1", "years: 1, offering_class: gold", `offering_class "gold" is not known here`},

		{plan, "compute", "ec2", `savings_plans[0].type "ec2" is not known here (write compute or instance)`},
		{plan, "compute", "instance, region_code: eu", "f.yaml:1:17: savings_plans[0].instance_family is blank"},
		{plan, "commitment: 1", "commitment: 0.000000001", "has more than 8 decimals"},
		{plan, "start: 2026-01-01T00:00:00Z", "start: 2026-01-01T00:00:01Z", "savings_plans[0].start \"2026-01-01T00:00:01Z\" is not on the hour"},
		{plan, "percent: 5", "percent: 100", `savings_plans[0].rates[0].percent "100" is the whole`},
		{plan, ", percent: 5", "", "savings_plans[0].rates[0].percent is not above zero, and no rate is given"},
		{plan, ", rates: [{select: {service_code: S}, percent: 5}]", "", "savings_plans[0].rates is missing"},

		{fee, ", date: 2026-01-01", "", "f.yaml:1:8: fees[0].date is missing, and so is from"},
		{fee, "date: 2026-01-01", "date: 2026-01-01, from: 2026-01-01", `fees[0].from "2026-01-01" stands beside date`},
		{fee, "amount: 5", "amount: 0.0000001", `fees[0].amount "0.0000001" has more than 6 decimals`},
		{fee, "amount: 5", "amount: -5", `fees[0].amount "-5" is not above zero`},
		{fee, "amount: 5", "amount: 5 EUR", `fees[0].amount "5 EUR" is not a number`},
		{fee, "description: F, ", "", "fees[0].description is missing"},

		{support, "{percent: 3}", "{upto: 9, percent: 3}", `support[0].tiers[1].upto "9" is the end of the last tier`},
		{support, "upto: 5, ", "", "f.yaml:1:65: support[0].tiers[0].upto is missing in a tier that is not the last"},
		{support, "upto: 5, percent: 5", "upto: 5, percent: 5}, {upto: 4, percent: 4", `f.yaml:1:95: support[0].tiers[1].upto "4" is not above the tier before`},
		{support, "percent: 3", "percent: 300", `support[0].tiers[1].percent "300" is more than the whole`},
		{support, "upto: 5, percent: 5", "upto: 5", "support[0].tiers[0].percent is missing"},

		{minimum, "amount: 5", "amount: 0", `minimum_commitments[0].amount "0" is not above zero`},
		{minimum, "amount: 5", "amount: 5, whole_term: true, until: 2027-01-01", "f.yaml:1:23: minimum_commitments[0].from is missing, and whole_term is set"},
		{minimum, "amount: 5", "amount: 5, from: 2026-01-02", `minimum_commitments[0].from "2026-01-02" is not the first of a month`},

		{credit, ", until: 2027-01-01", "", "credits[0].until is missing"},
		{credit, "until: 2027-01-01", "until: 2026-01-01", `credits[0].until "2026-01-01" is not after from`},
		{credit, "amount: 5", "amount: 0", `credits[0].amount "0" is not above zero`},

		{refund, "of_period: 2026-01", "of_period: 2026-02", `refunds[0].of_period "2026-02" is not over on the day of the refund`},
		{refund, "of_period: 2026-01", "of_period: January", `refunds[0].of_period "January" is not a month`},
		{refund, "amount: 5", "amount: -5", `refunds[0].amount "-5" is not above zero`},

		{tax, "percent: 19", "percent: 119", `taxes[0].percent "119" is more than the whole`},
		{tax, ", percent: 19", "", "taxes[0].percent is missing"},
		{tax, "tax_type: VAT", "tax_type: ''", "taxes[0].tax_type is blank"},
		{tax, "percent: 19", "percent: 19, countries: [DEU]", `taxes[0].countries[0] "DEU" is not a country`},
	} {
		if _, ps := LoadOffers("f.yaml", []byte(c.text)); ps != nil {
			t.Fatal(ps)
		}
		text := strings.Replace(c.text, c.old, c.new, 1)
		_, ps := LoadOffers("f.yaml", []byte(text))
		if !strings.Contains(ps.Error(), c.want) || !strings.HasPrefix(ps.Error(), "f.yaml:1:") {
			t.Errorf("%s\ngot  %s\nwant %s", text, ps, c.want)
		}
		if !strings.Contains(c.want, "did you") && !strings.Contains(c.want, "not a key") && len(ps) != 1 {
			t.Errorf("%s: not one fault:\n%s", text, ps)
		}
	}
}
