package offer

import (
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

func date(y int, m time.Month, d int) schema.Date { return schema.Date{Year: y, Month: m, Day: d} }

// sound returns one offer of every kind, for the account a of the payer p.
func sound() *Offers {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &Offers{
		FreeTier:  []Pool{pool("pool", "EU-Bytes")},
		Discounts: []Discount{{ID: "deal", Type: "EdpDiscount", Payers: []string{"p"}, Accounts: []string{"a"}, Select: []Selector{{UsageType: "*-Bytes"}}, SKUs: []string{"A"}, Tags: map[string]string{"team": "blue"}, Factor: rate("0.1")}},
		Reservations: []Reservation{{ID: "arn:aws:ec2:eu:1:reserved-instances/x", Account: "a", Select: Selector{ServiceCode: "Store", UsageType: "BoxUsage:t2.micro"}, SizeFlexible: true,
			Count: 1, Start: start, End: start.AddDate(1, 0, 0), Years: 1, Class: "standard", Payment: PartialUpfront, Upfront: cost("10"), Hourly: rate("0.01")}},
		SavingsPlans: []SavingsPlan{{ID: "plan", Account: "a", Type: InstancePlan, Region: "eu", Family: "t2", Commitment: cost("0.1"), Payment: NoUpfront,
			Start: start, End: start.AddDate(3, 0, 0), Years: 3, Rates: []PlanRate{{Select: Selector{UsageType: "*"}, Factor: rate("0.2")}}}},
		Fees:     []Fee{{ID: "fee", Account: "a", Service: "Desk", Description: "Desk", Amount: cost("1.5"), From: date(2026, 1, 5)}},
		Support:  []Support{{ID: "support", Payer: "p", Accounts: []string{"a"}, Service: "Help", Tiers: []SupportTier{{To: cost("100"), Factor: rate("0.1")}, {Factor: rate("0.05")}}, Minimum: cost("29")}},
		Minimums: []Minimum{{ID: "minimum", Payer: "p", Service: "Deal", Amount: cost("100"), Term: true, From: date(2026, 1, 1), Until: date(2027, 1, 1)}},
		Credits:  []Credit{{ID: "credit", Account: "a", Amount: cost("50"), Services: []string{"Store"}, Accounts: []string{"a"}, From: date(2026, 1, 5), Until: date(2027, 1, 1)}},
		Refunds:  []Refund{{ID: "refund", Account: "a", Service: "Store", Description: "Outage", Amount: cost("5"), Date: date(2026, 2, 1), Period: "2026-01"}},
		Taxes:    []Tax{{ID: "tax", Type: "VAT", Issuers: []string{"acme"}, Countries: []string{"IE"}, Regions: []string{"Cork"}, Services: []string{"Store"}, Exempt: []string{"p"}, Factor: rate("0.23")}},
	}
}

func TestEveryKindIsSound(t *testing.T) {
	if ps := sound().Check("o.yaml", prices(t)); ps != nil {
		t.Error(ps)
	}
	if ps := sound().CheckOrganization("o.yaml", people()); ps != nil {
		t.Error(ps)
	}
	if ps := sound().Unused("o.yaml", prices(t)); ps != nil {
		t.Error(ps)
	}
}

func prices(t *testing.T) *price.Catalog {
	t.Helper()
	packs := flat("P", "Packs", "", "")
	packs.Versions[0].Model, packs.Versions[0].PackageSize = price.Package, money.UsageFromInt(10)
	c, err := price.NewCatalog([]price.SKU{flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", ""), flat("C", "BoxUsage:t2.small", "Run", "eu"), packs})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func people() *schema.Organization {
	return &schema.Organization{Issuers: []schema.Issuer{{ID: "acme"}}, Payers: []schema.Payer{
		{AccountID: "p", Issuer: "acme", Accounts: []schema.Account{{ID: "p"}, {ID: "a"}}},
		{AccountID: "q", Issuer: "acme", Accounts: []schema.Account{{ID: "q"}}},
	}}
}

// change is one fault put into sound offers, and what is said of it.
type change struct {
	want  string
	fault func(*Offers)
}

func checkChanges(t *testing.T, list []change, check func(*Offers) schema.Problems) {
	t.Helper()
	for _, c := range list {
		o := sound()
		c.fault(o)
		ps := check(o)
		if len(ps) != 1 || !strings.HasPrefix(ps.Error(), "o.yaml: "+c.want) || ps[0].Hint == "" {
			t.Errorf("got  %v\nwant %s", ps, c.want)
		}
	}
}

func TestDiscountAndIDCheck(t *testing.T) {
	d := func(f func(*Discount)) func(*Offers) { return func(o *Offers) { f(&o.Discounts[0]) } }
	c := prices(t)
	checkChanges(t, []change{
		{"discounts[0].id is blank", d(func(d *Discount) { d.ID = "" })},
		{`discounts[0].id "a:b" is not an id`, d(func(d *Discount) { d.ID = "a:b" })},
		{`discounts[1].id "deal" stands twice, first at discounts[0]`, func(o *Offers) { o.Discounts = append(o.Discounts, o.Discounts[0]) }},
		{`discounts[0].type "Rebate" is not a line item type`, d(func(d *Discount) { d.Type = "Rebate" })},
		{`discounts[0].type "edpDiscount" is not a line item type`, d(func(d *Discount) { d.Type = "edpDiscount" })},
		{`discounts[0].type "My Discount" is not a line item type`, d(func(d *Discount) { d.Type = "My Discount" })},
		{`discounts[0].payers[0] "p/q" is not an account id`, d(func(d *Discount) { d.Payers[0] = "p/q" })},
		{`discounts[0].accounts[0] is blank`, d(func(d *Discount) { d.Accounts[0] = "" })},
		{`discounts[0].accounts[1] "a" stands twice`, d(func(d *Discount) { d.Accounts = []string{"a", "a"} })},
		{`discounts[0].select[0] is blank and would pick every price`, d(func(d *Discount) { d.Select[0] = Selector{} })},
		{`discounts[0].select[0].service_code "S*" holds a star`, d(func(d *Discount) { d.Select[0].ServiceCode = "S*" })},
		{`discounts[0].skus[0] "*" holds a star`, func(o *Offers) { o.Discounts[0].SKUs[0] = "*"; c = nil }},
		{`discounts[0].tags has a blank key`, d(func(d *Discount) { d.Tags[""] = "x" })},
		{`discounts[0].tags.team "b*" holds a star`, d(func(d *Discount) { d.Tags["team"] = "b*" })},
		{`discounts[0].factor is not above zero, and no rate is given`, d(func(d *Discount) { d.Factor = money.Rate{} })},
		{`discounts[0].rate "0" stands beside a percentage`, d(func(d *Discount) { d.Private = true })},
		{`discounts[0].private is not set, but a rate is given`, d(func(d *Discount) { d.Rate = rate("1") })},
		{`discounts[0].rate "-1" is negative`, d(func(d *Discount) { d.Factor, d.Private, d.Rate = money.Rate{}, true, rate("-1") })},
		{`discounts[0].factor "1.01" is more than the whole`, d(func(d *Discount) { d.Factor = rate("1.01") })},
		{`discounts[0].factor "-0.1" is negative`, d(func(d *Discount) { d.Factor = rate("-0.1") })},
		{`discounts[0].until "2026-01-01" is not after from`, d(func(d *Discount) { d.From, d.Until = date(2026, 1, 1), date(2026, 1, 1) })},
	}, func(o *Offers) schema.Problems { return o.Check("o.yaml", c) })
	private := func(d *Discount) { d.Factor, d.Private, d.Rate = money.Rate{}, true, rate("0.5") }
	checkChanges(t, []change{
		{`discounts[0].skus[0] "Z" is no SKU of the price list`, d(func(d *Discount) { d.SKUs[0] = "Z" })},
		{`discounts[0].rate "0.5" is for SKU P (Packs), which has no rate per unit`, d(func(d *Discount) { private(d); d.SKUs[0] = "P" })},
	}, func(o *Offers) schema.Problems { return o.Check("o.yaml", prices(t)) })
	for _, good := range []func(*Discount){
		func(d *Discount) { d.Type = "Discount" },
		func(d *Discount) { d.Factor = rate("1") },
		private,
		func(d *Discount) { private(d); d.Rate = money.Rate{} },
		func(d *Discount) { private(d); d.Select, d.SKUs = nil, nil },
	} {
		o := sound()
		good(&o.Discounts[0])
		if ps := o.Check("o.yaml", prices(t)); ps != nil {
			t.Error(ps)
		}
	}
}

func TestCommitmentCheck(t *testing.T) {
	r := func(f func(*Reservation)) func(*Offers) { return func(o *Offers) { f(&o.Reservations[0]) } }
	p := func(f func(*SavingsPlan)) func(*Offers) { return func(o *Offers) { f(&o.SavingsPlans[0]) } }
	pr := func(f func(*PlanRate)) func(*Offers) { return func(o *Offers) { f(&o.SavingsPlans[0].Rates[0]) } }
	checkChanges(t, []change{
		{`reservations[0].id "a b" is not the id of a commitment`, r(func(r *Reservation) { r.ID = "a b" })},
		{`reservations[0].id "` + strings.Repeat("x", 80), r(func(r *Reservation) { r.ID = strings.Repeat("x", 201) })},
		{`reservations[0].account_id is blank`, r(func(r *Reservation) { r.Account = "" })},
		{`reservations[0].select.service_code is blank`, r(func(r *Reservation) { r.Select.ServiceCode = "" })},
		{`reservations[0].select.usage_type is blank`, r(func(r *Reservation) { r.Select.UsageType = "" })},
		{`reservations[0].select.usage_type "*t2.micro" holds a star`, r(func(r *Reservation) { r.Select.UsageType = "*t2.micro" })},
		{`reservations[0].select.operation "*" holds a star`, r(func(r *Reservation) { r.Select.Operation = "*" })},
		{`reservations[0].select.region_code "eu-*" holds a star`, r(func(r *Reservation) { r.Select.Region = "eu-*" })},
		{`reservations[0].availability_zone "eu-*" holds a star`, r(func(r *Reservation) { r.Zone, r.SizeFlexible = "eu-*", false })},
		{`reservations[0].size_flexible "true" stands beside an availability zone`, r(func(r *Reservation) { r.Zone = "eu-a" })},
		{`reservations[0].size_flexible "true" needs a usage type that ends in a size`, r(func(r *Reservation) { r.Select.UsageType = "BoxUsage:t2.metal" })},
		{`reservations[0].count "0" is not a number of units`, r(func(r *Reservation) { r.Count = 0 })},
		{`reservations[0].count "10000001" is not a number of units`, r(func(r *Reservation) { r.Count = 10_000_001 })},
		{`reservations[0].start is missing`, r(func(r *Reservation) { r.Start = time.Time{} })},
		{`reservations[0].start "2026-01-01T00:00:00.000000001Z" is not on the second`, r(func(r *Reservation) { r.Start = r.Start.Add(1) })},
		{`reservations[0].end "2026-01-01T00:00:00Z" is not after start`, r(func(r *Reservation) { r.End = r.Start })},
		{`reservations[0].end "2027-01-02T00:00:01Z" is later than start and years allow`, r(func(r *Reservation) { r.End = r.End.Add(24*time.Hour + time.Second) })},
		{`reservations[0].years "2" is not the length of a term`, r(func(r *Reservation) { r.Years = 2 })},
		{`reservations[0].offering_class "scheduled" is not known`, r(func(r *Reservation) { r.Class = "scheduled" })},
		{`reservations[0].payment "Later" is not a way of payment`, r(func(r *Reservation) { r.Payment = "Later" })},
		{`reservations[0].upfront "-1" is negative`, r(func(r *Reservation) { r.Upfront = cost("-1") })},
		{`reservations[0].hourly "-1" is negative`, r(func(r *Reservation) { r.Hourly = rate("-1") })},
		{`reservations[0].upfront "10" stands beside No Upfront`, r(func(r *Reservation) { r.Payment = NoUpfront })},
		{`reservations[0].hourly "0.01" stands beside All Upfront`, r(func(r *Reservation) { r.Payment = AllUpfront })},

		{`savings_plans[0].account_id "a b" is not an account id`, p(func(p *SavingsPlan) { p.Account = "a b" })},
		{`savings_plans[0].type "x" is not a kind of savings plan`, p(func(p *SavingsPlan) { p.Type = "x" })},
		{`savings_plans[0].region_code is blank`, p(func(p *SavingsPlan) { p.Region = "" })},
		{`savings_plans[0].instance_family is blank`, p(func(p *SavingsPlan) { p.Family = "" })},
		{`savings_plans[0].instance_family "*" holds a star`, p(func(p *SavingsPlan) { p.Family = "*" })},
		{`savings_plans[0].instance_family "t2.micro" is not a family`, p(func(p *SavingsPlan) { p.Family = "t2.micro" })},
		{`savings_plans[0].region_code "eu" stands in a compute plan`, p(func(p *SavingsPlan) { p.Type, p.Family = ComputePlan, "" })},
		{`savings_plans[0].commitment "0" is not above zero`, p(func(p *SavingsPlan) { p.Commitment = money.Cost{} })},
		{`savings_plans[0].commitment "0.123456789" has more than 8 decimals`, p(func(p *SavingsPlan) { p.Commitment = cost("0.123456789") })},
		{`savings_plans[0].commitment "9000000000000000000000000" is too large`, p(func(p *SavingsPlan) { p.Commitment = cost("9000000000000000000000000") })},
		{`savings_plans[0].payment is not a way of payment`, p(func(p *SavingsPlan) { p.Payment = "" })},
		{`savings_plans[0].start "2026-01-01T00:30:00Z" is not on the hour`, p(func(p *SavingsPlan) { p.Start = p.Start.Add(30 * time.Minute) })},
		{`savings_plans[0].end is missing`, p(func(p *SavingsPlan) { p.End = time.Time{} })},
		{`savings_plans[0].rates is empty`, p(func(p *SavingsPlan) { p.Rates = nil })},
		{`savings_plans[0].rates[0].select is blank`, pr(func(r *PlanRate) { r.Select = Selector{} })},
		{`savings_plans[0].rates[0].rate "1" stands beside a percentage`, pr(func(r *PlanRate) { r.Rate = rate("1") })},
		{`savings_plans[0].rates[0].factor is not above zero, and no rate is given`, pr(func(r *PlanRate) { r.Factor = money.Rate{} })},
		{`savings_plans[0].rates[0].rate "-1" is negative`, pr(func(r *PlanRate) { r.Factor, r.Rate = money.Rate{}, rate("-1") })},
		{`savings_plans[0].rates[0].factor "1" is the whole`, pr(func(r *PlanRate) { r.Factor = rate("1") })},
		{`savings_plans[0].rates[0].factor "1.5" is more than the whole`, pr(func(r *PlanRate) { r.Factor = rate("1.5") })},
	}, func(o *Offers) schema.Problems { return o.Check("o.yaml", nil) })
}

func TestChargeCheck(t *testing.T) {
	f := func(f func(*Fee)) func(*Offers) { return func(o *Offers) { f(&o.Fees[0]) } }
	s := func(f func(*Support)) func(*Offers) { return func(o *Offers) { f(&o.Support[0]) } }
	m := func(f func(*Minimum)) func(*Offers) { return func(o *Offers) { f(&o.Minimums[0]) } }
	c := func(f func(*Credit)) func(*Offers) { return func(o *Offers) { f(&o.Credits[0]) } }
	r := func(f func(*Refund)) func(*Offers) { return func(o *Offers) { f(&o.Refunds[0]) } }
	x := func(f func(*Tax)) func(*Offers) { return func(o *Offers) { f(&o.Taxes[0]) } }
	checkChanges(t, []change{
		{`fees[0].service_code is blank`, f(func(f *Fee) { f.Service = "" })},
		{`fees[0].service_code "*" holds a star`, f(func(f *Fee) { f.Service = "*" })},
		{`fees[0].description is blank`, f(func(f *Fee) { f.Description = "" })},
		{`fees[0].amount "0" is not above zero`, f(func(f *Fee) { f.Amount = money.Cost{} })},
		{`fees[0].amount "1.0000001" has more than 6 decimals`, f(func(f *Fee) { f.Amount = cost("1.0000001") })},
		{`fees[0].from "2026-01-05" stands beside date`, f(func(f *Fee) { f.Date = date(2026, 1, 1) })},
		{`fees[0].until "2026-02-01" stands beside date`, f(func(f *Fee) { f.Date, f.From, f.Until = f.From, schema.Date{}, date(2026, 2, 1) })},
		{`fees[0].prorate "true" stands beside date`, f(func(f *Fee) { f.Date, f.From, f.Prorate = f.From, schema.Date{}, true })},
		{`fees[0].date is missing, and so is from`, f(func(f *Fee) { f.From = schema.Date{} })},
		{`fees[0].until "2026-01-05" is not after from`, f(func(f *Fee) { f.Until = f.From })},

		{`support[0].payer_account_id is blank`, s(func(s *Support) { s.Payer = "" })},
		{`support[0].accounts[0] "a b" is not an account id`, s(func(s *Support) { s.Accounts[0] = "a b" })},
		{`support[0].service_code is blank`, s(func(s *Support) { s.Service = "" })},
		{`support[0].minimum "-1" is negative`, s(func(s *Support) { s.Minimum = cost("-1") })},
		{`support[0].minimum "0.1234567" has more than 6 decimals`, s(func(s *Support) { s.Minimum = cost("0.1234567") })},
		{`support[0].tiers is empty`, s(func(s *Support) { s.Tiers = nil })},
		{`support[0].tiers[1].to "200" is the end of the last tier`, s(func(s *Support) { s.Tiers[1].To = cost("200") })},
		{`support[0].tiers[0].to is missing in a tier that is not the last`, s(func(s *Support) { s.Tiers[0].To = money.Cost{} })},
		{`support[0].tiers[0].to "-5" is not above the tier before`, s(func(s *Support) { s.Tiers[0].To = cost("-5") })},
		{`support[0].tiers[1].to "100" is not above the tier before`, s(func(s *Support) { s.Tiers = append(s.Tiers[:1], s.Tiers...) })},
		{`support[0].tiers[1].factor "2" is more than the whole`, s(func(s *Support) { s.Tiers[1].Factor = rate("2") })},
		{`support[0].until "2026-01-01" is not after from`, s(func(s *Support) { s.From, s.Until = date(2026, 1, 2), date(2026, 1, 1) })},

		{`minimum_commitments[0].payer_account_id is blank`, m(func(m *Minimum) { m.Payer = "" })},
		{`minimum_commitments[0].service_code is blank`, m(func(m *Minimum) { m.Service = "" })},
		{`minimum_commitments[0].amount "-1" is not above zero`, m(func(m *Minimum) { m.Amount = cost("-1") })},
		{`minimum_commitments[0].from "2026-01-02" is not the first of a month`, m(func(m *Minimum) { m.From.Day = 2 })},
		{`minimum_commitments[0].until "2025-01-01" is not after from`, m(func(m *Minimum) { m.Until.Year = 2025 })},
		{`minimum_commitments[0].from is missing, and whole_term is set`, m(func(m *Minimum) { m.From = schema.Date{} })},
		{`minimum_commitments[0].until is missing, and whole_term is set`, m(func(m *Minimum) { m.Until = schema.Date{} })},

		{`credits[0].account_id is blank`, c(func(c *Credit) { c.Account = "" })},
		{`credits[0].amount "0" is not above zero`, c(func(c *Credit) { c.Amount = money.Cost{} })},
		{`credits[0].services[1] "Store" stands twice`, c(func(c *Credit) { c.Services = []string{"Store", "Store"} })},
		{`credits[0].accounts[0] "a b" is not an account id`, c(func(c *Credit) { c.Accounts[0] = "a b" })},
		{`credits[0].from is missing`, c(func(c *Credit) { c.From = schema.Date{} })},
		{`credits[0].until is missing`, c(func(c *Credit) { c.Until = schema.Date{} })},
		{`credits[0].until "2026-01-05" is not after from`, c(func(c *Credit) { c.Until = c.From })},

		{`refunds[0].account_id is blank`, r(func(r *Refund) { r.Account = "" })},
		{`refunds[0].service_code is blank`, r(func(r *Refund) { r.Service = "" })},
		{`refunds[0].description is blank`, r(func(r *Refund) { r.Description = "" })},
		{`refunds[0].amount "0" is not above zero`, r(func(r *Refund) { r.Amount = money.Cost{} })},
		{`refunds[0].date is missing`, r(func(r *Refund) { r.Date = schema.Date{} })},
		{`refunds[0].of_period "2026" is not a month`, r(func(r *Refund) { r.Period = "2026" })},
		{`refunds[0].of_period "2026-01" is not over on the day of the refund`, r(func(r *Refund) { r.Date = date(2026, 1, 31) })},

		{`taxes[0].tax_type is blank`, x(func(x *Tax) { x.Type = "" })},
		{`taxes[0].issuers[0] "Acme" is not an issuer id`, x(func(x *Tax) { x.Issuers[0] = "Acme" })},
		{`taxes[0].issuers[0] is blank`, x(func(x *Tax) { x.Issuers[0] = "" })},
		{`taxes[0].countries[0] "ie" is not a country`, x(func(x *Tax) { x.Countries[0] = "ie" })},
		{`taxes[0].regions[1] "Cork" stands twice`, x(func(x *Tax) { x.Regions = []string{"Cork", "Cork"} })},
		{`taxes[0].services[0] is blank`, x(func(x *Tax) { x.Services[0] = "" })},
		{`taxes[0].exempt[0] "p/" is not an account id`, x(func(x *Tax) { x.Exempt[0] = "p/" })},
		{`taxes[0].factor "23" is more than the whole`, x(func(x *Tax) { x.Factor = rate("23") })},
		{`taxes[0].until "2025-01-01" is not after from`, x(func(x *Tax) { x.From, x.Until = date(2026, 1, 1), date(2025, 1, 1) })},
	}, func(o *Offers) schema.Problems { return o.Check("o.yaml", nil) })
}

func TestAllFaultsAtOnce(t *testing.T) {
	o := sound()
	o.Discounts[0].Type, o.Reservations[0].Count, o.Taxes[0].Type, o.Fees[0].Amount = "", 0, "", money.Cost{}
	if ps := o.Check("o.yaml", prices(t)); len(ps) != 4 {
		t.Errorf("got %v", ps)
	}
}

func TestCheckOrganization(t *testing.T) {
	checkChanges(t, []change{
		{`discounts[0].payers[0] "a" is no payer of the organization`, func(o *Offers) { o.Discounts[0].Payers[0] = "a" }},
		{`discounts[0].accounts[0] "z" is no account of the organization`, func(o *Offers) { o.Discounts[0].Accounts[0] = "z" }},
		{`reservations[0].account_id "z" is no account`, func(o *Offers) { o.Reservations[0].Account = "z" }},
		{`savings_plans[0].account_id "z" is no account`, func(o *Offers) { o.SavingsPlans[0].Account = "z" }},
		{`fees[0].account_id "z" is no account`, func(o *Offers) { o.Fees[0].Account = "z" }},
		{`support[0].payer_account_id "a" is no payer`, func(o *Offers) { o.Support[0].Payer = "a" }},
		{`support[0].accounts[0] "q" is no account of payer p of the organization`, func(o *Offers) { o.Support[0].Accounts[0] = "q" }},
		{`minimum_commitments[0].payer_account_id "z" is no payer`, func(o *Offers) { o.Minimums[0].Payer = "z" }},
		{`credits[0].account_id "z" is no account`, func(o *Offers) { o.Credits[0].Account = "z" }},
		{`credits[0].accounts[0] "z" is no account`, func(o *Offers) { o.Credits[0].Accounts[0] = "z" }},
		{`refunds[0].account_id "z" is no account`, func(o *Offers) { o.Refunds[0].Account = "z" }},
		{`taxes[0].issuers[0] "other" is no issuer`, func(o *Offers) { o.Taxes[0].Issuers[0] = "other" }},
		{`taxes[0].exempt[0] "a" is no payer`, func(o *Offers) { o.Taxes[0].Exempt[0] = "a" }},
	}, func(o *Offers) schema.Problems { return o.CheckOrganization("o.yaml", people()) })
}

func TestUnused(t *testing.T) {
	none := Selector{ServiceCode: "Shop"}
	checkChanges(t, []change{
		{"free_tier[0].select[1] picks no SKU", func(o *Offers) { o.FreeTier[0].Select = append(o.FreeTier[0].Select, none) }},
		{"discounts[0].select[0] picks no SKU", func(o *Offers) { o.Discounts[0].Select[0] = none }},
		{"reservations[0].select picks no SKU", func(o *Offers) { o.Reservations[0].SizeFlexible = false }}, // only small has a price
		{"reservations[0].select picks no SKU", func(o *Offers) { o.Reservations[0].Select.Operation = "Walk" }},
		{"savings_plans[0].rates[0].select picks no SKU", func(o *Offers) { o.SavingsPlans[0].Rates[0].Select = none }},
		{"savings_plans[0].rates[0].select picks no SKU", func(o *Offers) { o.SavingsPlans[0].Family = "t3" }},
	}, func(o *Offers) schema.Problems { return o.Unused("o.yaml", prices(t)) })
	o := sound()
	o.Reservations[0].Select = Selector{ServiceCode: "Store", UsageType: "US-Bytes", Operation: "Put", Region: "eu"}
	if ps := o.Unused("o.yaml", prices(t)); ps != nil {
		t.Errorf("a price for any operation: %v", ps)
	}
}
