package slow

import (
	"fmt"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// offers puts a few kinds of offers into the world, or all.
func (g *gen) offers() {
	g.w.Opening = map[string][]Opening{}
	for _, kind := range []func(){g.pools, g.discounts, g.reservations, g.plans, g.fees, g.support, g.minimums, g.credits, g.refunds, g.taxes} {
		if g.all || g.chance(30) {
			kind()
		}
	}
}

func (g *gen) payer() schema.Payer { return pick(g, g.w.Organization.Payers...) }

func (g *gen) payerIDs() []string {
	var ids []string
	for _, p := range g.w.Organization.Payers {
		ids = append(ids, p.AccountID)
	}
	return ids
}

// pools takes each kind of thing for one pool at most, so that none compete.
func (g *gen) pools() {
	byUnit := map[string][]offer.Selector{}
	var units []string
	for _, thing := range things {
		if !g.chance(50) || !slices.ContainsFunc(g.w.SKUs, g.isOf(thing)) {
			continue
		}
		if byUnit[thing[2]] == nil {
			units = append(units, thing[2])
		}
		sel := offer.Selector{ServiceCode: thing[0], UsageType: thing[1], Operation: pick(g, "", "", "R*n"), Region: pick(g, "", "", "*s")}
		if !slices.ContainsFunc(g.w.SKUs, func(s price.SKU) bool {
			return g.isOf(thing)(s) && like(sel.Operation, s.Operation) && like(sel.Region, s.Region)
		}) {
			sel.Operation, sel.Region = "", ""
		}
		byUnit[thing[2]] = append(byUnit[thing[2]], sel)
	}
	for _, u := range units {
		p := offer.Pool{ID: "pool-" + u, Allowance: usageOf(pick(g, "1", "10", "100", "750", "0.000000000000000001", "33.333333333333333333")), Unit: u, Select: byUnit[u]}
		first := schema.DateOf(g.w.Period.Start.In(g.zone))
		switch g.IntN(8) {
		case 0:
			p.From = first
		case 1:
			p.Until = first
		case 2:
			p.From, p.Until = first, schema.DateOf(g.w.Period.End.In(g.zone))
		}
		if g.chance(25) {
			p.Months = pick(g, 1, 12, 24)
		} else if g.chance(25) {
			p.Days = pick(g, 1, 14, 30)
		}
		g.w.Offers.FreeTier = append(g.w.Offers.FreeTier, p)
	}
}

// days are the stretches of offers: mostly open, else ending in the month.
func (g *gen) days() (from, until schema.Date) {
	if g.chance(60) {
		return
	}
	a, b := g.dayOfMonth(), g.dayOfMonth()
	switch g.IntN(3) {
	case 0:
		return a, schema.Date{}
	case 1:
		return schema.Date{}, a
	}
	if b.In(time.UTC).Before(a.In(time.UTC)) {
		a, b = b, a
	}
	return a, b.AddDays(1)
}

func (g *gen) dayOfMonth() schema.Date {
	return schema.DateOf(g.anInstant().In(g.zone))
}

// firsts are two firsts of months of which the period is the first, one between, or the last.
func (g *gen) firsts() (from, until schema.Date) {
	from, until = schema.DateOf(g.w.Period.Start.In(g.zone)), schema.DateOf(g.w.Period.End.In(g.zone))
	for range pick(g, 0, 0, 1, 5) {
		from = from.AddDays(-1)
		from.Day = 1
	}
	for range pick(g, 0, 0, 1, 5) {
		until = until.AddDays(31)
		until.Day = 1
	}
	return from, until
}

func (g *gen) selectors() []offer.Selector {
	var out []offer.Selector
	for range 1 + g.IntN(2) {
		s := pick(g, g.w.SKUs...)
		out = append(out, pick(g, offer.Selector{ServiceCode: s.ServiceCode}, offer.Selector{ServiceCode: s.ServiceCode, UsageType: s.UsageType},
			offer.Selector{ServiceCode: s.ServiceCode, UsageType: "*" + s.UsageType[len(s.UsageType)/2:]},
			offer.Selector{ServiceCode: s.ServiceCode, UsageType: "*a*e*", Region: "*"},
			offer.Selector{ServiceCode: s.ServiceCode, Operation: s.Operation, Region: s.Region}))
	}
	return out
}

func (g *gen) share() string {
	return pick(g, "0.1", "0.5", "0.033", "1", "0.07", "0.123456789", "0.9")
}

func (g *gen) discounts() {
	for i := range 1 + g.IntN(4) {
		d := offer.Discount{ID: fmt.Sprintf("d%d", i), Type: pick(g, "EdpDiscount", "Discount", "SppDiscount", "BundledDiscount"), Factor: rateOf(g.share())}
		perUnit := g.perUnit()
		if g.chance(30) && len(perUnit) > 0 {
			d.Type, d.Private, d.Factor, d.Rate = "PrivateRateDiscount", true, rateOf("0"), rateOf(pick(g, "0.01", "0", "0.05", "0.00001"))
		}
		if g.chance(30) {
			d.Payers = some(g, 1, g.payerIDs())
		}
		if g.chance(30) {
			d.Accounts = some(g, 3, g.accounts)
		}
		switch n := g.IntN(3); {
		case d.Private:
			d.SKUs = some(g, 3, perUnit)
		case n == 0:
			d.Select = g.selectors()
		case n == 1:
			if g.chance(20) {
				d.Select = g.selectors()
			}
			d.SKUs = []string{pick(g, g.w.SKUs...).ID, pick(g, g.w.SKUs...).ID}
			if d.SKUs[0] == d.SKUs[1] {
				d.SKUs = d.SKUs[:1]
			}
		}
		if g.chance(20) {
			d.Tags = map[string]string{"team": "web"}
		}
		d.From, d.Until = g.days()
		g.w.Offers.Discounts = append(g.w.Offers.Discounts, d)
	}
}

// perUnit are the SKUs that have a rate per unit.
func (g *gen) perUnit() []string {
	var ids []string
	for _, s := range g.w.SKUs {
		if !slices.ContainsFunc(s.Versions, func(v price.Version) bool { return v.Model == price.Package || v.Model == price.Flat }) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// term is a stretch of a commitment that mostly spans the month.
func (g *gen) term() (start, end time.Time, years int) {
	years = pick(g, 1, 3)
	start = g.w.Period.Start.AddDate(0, -1-g.IntN(10), 0)
	switch g.IntN(6) {
	case 0, 1:
		start = g.anInstant()
	case 2:
		start = g.anInstant().AddDate(-years, 0, 0)
	}
	return start, start.AddDate(years, 0, 0), years
}

func (g *gen) reservations() {
	for i := range 1 + g.IntN(4) {
		s := pick(g, g.w.SKUs...)
		r := offer.Reservation{ID: fmt.Sprintf("ri%d", i), Account: pick(g, g.accounts...), Count: int64(pick(g, 1, 1, 2, 3, 10)),
			Select: offer.Selector{ServiceCode: s.ServiceCode, UsageType: s.UsageType, Operation: s.Operation, Region: s.Region}, Class: "standard"}
		if g.chance(30) {
			r.Select.Operation = ""
		}
		if g.chance(30) {
			r.Select.Region = ""
		}
		r.Start, r.End, r.Years = g.term()
		if g.chance(50) {
			r.Start = r.Start.Add(time.Duration(g.IntN(3600)) * time.Second)
			r.End = r.End.Add(time.Duration(g.IntN(3600)) * time.Second)
		}
		r.Start, r.End = r.Start.Truncate(time.Second), r.End.Truncate(time.Second)
		switch g.IntN(4) {
		case 0:
			r.Zone = pick(g, "z1", "z2")
		case 1, 2:
			_, f := size(s.UsageType)
			r.SizeFlexible = f != nil
		}
		if r.Zone == "" && g.chance(25) {
			r.Given = true
		}
		hourly, upfront := g.digits(1, 10), g.digits(4, 2)
		if hourly == "0" {
			hourly = "0.05"
		}
		if upfront == "0" {
			upfront = "263"
		}
		switch r.Payment = pick(g, offer.NoUpfront, offer.PartialUpfront, offer.AllUpfront); r.Payment {
		case offer.NoUpfront:
			r.Hourly = rateOf(hourly)
		case offer.PartialUpfront:
			r.Hourly, r.Upfront = rateOf(hourly), costOf(upfront)
		default:
			r.Upfront = costOf(upfront)
		}
		g.w.Offers.Reservations = append(g.w.Offers.Reservations, r)
	}
}

func (g *gen) plans() {
	for i := range 1 + g.IntN(4) {
		p := offer.SavingsPlan{ID: fmt.Sprintf("sp%d", i), Account: pick(g, g.accounts...), Type: computePlan,
			Commitment: costOf(pick(g, "0.1", "1", "0.00000001", "0.33333333", "10", "2.5")),
			Payment:    pick(g, offer.NoUpfront, offer.PartialUpfront, offer.AllUpfront)}
		if s := pick(g, g.w.SKUs...); g.chance(60) && s.Region != "" && familyOf(s.UsageType) != "" {
			p.Type, p.Family, p.Region = instancePlan, familyOf(s.UsageType), s.Region
		}
		p.Start, p.End, p.Years = g.term()
		p.Start, p.End = p.Start.Truncate(time.Hour), p.End.Truncate(time.Hour)
		for range 1 + g.IntN(3) {
			r := offer.PlanRate{Select: pick(g, g.selectors()[0], offer.Selector{ServiceCode: "EC2"}), Factor: rateOf(pick(g, "0.3", "0.5", "0.275", "0.66"))}
			if g.chance(40) {
				r.Factor, r.Rate = rateOf("0"), rateOf(pick(g, "0.01", "0.05", "0.0000001", "0.007", "0.3"))
			}
			p.Rates = append(p.Rates, r)
		}
		g.w.Offers.SavingsPlans = append(g.w.Offers.SavingsPlans, p)
	}
}

func (g *gen) fees() {
	for i := range 1 + g.IntN(6) {
		f := offer.Fee{ID: fmt.Sprintf("f%d", i), Account: pick(g, g.accounts...), Service: pick(g, "EC2", "Setup"), Description: "fee",
			Amount: costOf(pick(g, "100", "100", "9.99", "0.000001", "33.333333", "33.333333"))}
		if g.chance(40) {
			f.Date = g.dayOfMonth()
		} else {
			f.From, f.Until = g.days()
			f.Prorate = g.chance(60)
			if f.From.IsZero() {
				f.From = schema.Date{Year: 2024, Month: 1, Day: 1}
			}
		}
		g.w.Offers.Fees = append(g.w.Offers.Fees, f)
	}
	if g.chance(30) { // equal bases, for ties of a tax
		each := offer.Fee{Service: "Each", Description: "each", Amount: costOf(pick(g, "1.1", "10", "33.333333")), Date: g.dayOfMonth()}
		for _, a := range g.accounts {
			each.ID, each.Account = "each-"+a, a
			g.w.Offers.Fees = append(g.w.Offers.Fees, each)
		}
		g.w.Offers.Taxes = append(g.w.Offers.Taxes, offer.Tax{ID: "even", Type: "VAT", Services: []string{"Each"}, Factor: rateOf(pick(g, "0.0825", "0.19", "0.033"))})
	}
}

func (g *gen) support() {
	for i := range 1 + g.IntN(2) {
		payer := g.payer()
		s := offer.Support{ID: fmt.Sprintf("s%d", i), Payer: payer.AccountID, Service: "Support", PerAccount: g.chance(40)}
		if g.chance(50) {
			var members []string
			for _, a := range payer.Accounts {
				members = append(members, a.ID)
			}
			s.Accounts = some(g, 3, members)
		}
		if g.chance(50) {
			s.Minimum = costOf(pick(g, "29", "100", "0.5"))
		}
		for _, to := range []string{"10", "100", "10000"}[g.IntN(4):] {
			s.Tiers = append(s.Tiers, offer.SupportTier{To: costOf(to), Factor: rateOf(g.share())})
		}
		s.Tiers = append(s.Tiers, offer.SupportTier{Factor: rateOf(pick(g, "0.03", "0.1"))})
		s.From, s.Until = g.days()
		g.w.Offers.Support = append(g.w.Offers.Support, s)
	}
}

func (g *gen) minimums() {
	for i := range 1 + g.IntN(2) {
		m := offer.Minimum{ID: fmt.Sprintf("min%d", i), Payer: g.payer().AccountID, Service: "Minimum", Amount: costOf(pick(g, "10", "1000", "100000"))}
		if m.Term = g.chance(60); m.Term {
			m.From, m.Until = g.firsts()
			if from := m.From.In(g.zone); from.Before(g.w.Period.Start) {
				g.open(m.Payer, Opening{minimum, m.ID, pick(g, m.Amount.String(), "0", "5.5")})
			}
		} else if g.chance(50) {
			m.From, m.Until = g.firsts()
		}
		g.w.Offers.Minimums = append(g.w.Offers.Minimums, m)
	}
}

func (g *gen) open(payer string, o Opening) { g.w.Opening[payer] = append(g.w.Opening[payer], o) }

func (g *gen) credits() {
	services := []string{"EC2", "S3", "Lambda", "RDS", "Support", "ComputeSavingsPlans"}
	for i := range 1 + g.IntN(7) {
		c := offer.Credit{ID: fmt.Sprintf("c%d", i), Account: pick(g, g.accounts...), Amount: costOf(pick(g, "1", "10", "50", "500", "0.0000000001", "100000", "33.33")), Private: g.chance(20)}
		if g.chance(50) {
			c.Services = some(g, 3, services)
		}
		if g.chance(25) {
			c.Accounts = some(g, 3, g.accounts)
		}
		c.From, c.Until = g.firsts()
		c.From = c.From.AddDays(pick(g, 0, 1, 14, 27))
		if c.Until = c.Until.AddDays(-pick(g, 0, 0, 1, 13, 27)); !c.From.In(time.UTC).Before(c.Until.In(time.UTC)) {
			c.Until = c.From.AddDays(1)
		}
		if g.chance(10) { // ended before the month
			c.Until = schema.DateOf(g.w.Period.Start.In(g.zone))
			c.From = c.Until.AddDays(-40)
		}
		if c.From.In(g.zone).Before(g.w.Period.Start) {
			if payer := g.payerAtEnd(c.Account); payer != "" {
				g.open(payer, Opening{credit, c.ID, pick(g, c.Amount.String(), "0.5", "0")})
			}
		}
		g.w.Offers.Credits = append(g.w.Offers.Credits, c)
	}
}

func (g *gen) payerAtEnd(account string) string {
	m := month{World: g.w, payers: g.w.Organization.Payers}
	return m.payerOf(account, m.last())
}

func (g *gen) refunds() {
	last := schema.DateOf(g.w.Period.Start.In(g.zone)).AddDays(-1)
	for i := range 1 + g.IntN(2) {
		g.w.Offers.Refunds = append(g.w.Offers.Refunds, offer.Refund{ID: fmt.Sprintf("r%d", i), Account: pick(g, g.accounts...), Service: pick(g, "EC2", "S3"),
			Description: "refund", Amount: costOf(pick(g, "1", "0.01", "12.3456")), Date: g.dayOfMonth(), Period: fmt.Sprintf("%04d-%02d", last.Year, last.Month)})
	}
}

func (g *gen) taxes() {
	for i := range 1 + g.IntN(3) {
		t := offer.Tax{ID: fmt.Sprintf("t%d", i), Type: pick(g, "VAT", "GST"), Factor: rateOf(pick(g, "0.19", "0.1", "0.07", "0", "0.0825")), Inclusive: g.chance(25)}
		if g.chance(30) {
			t.Countries = some(g, 1, []string{"DE", "US"})
		}
		if g.chance(15) {
			t.Regions = []string{"WA"}
		}
		if g.chance(30) {
			t.Services = some(g, 2, []string{"EC2", "S3", "Support", "Setup", "Setup", "ComputeSavingsPlans"})
		}
		if g.chance(15) {
			t.Exempt = some(g, 1, g.payerIDs())
		}
		if g.chance(10) {
			t.Issuers = []string{pick(g, "i", "j")}
		}
		t.From, t.Until = g.days()
		g.w.Offers.Taxes = append(g.w.Offers.Taxes, t)
	}
}

// isOf tells whether a SKU prices a thing.
func (g *gen) isOf(thing [3]string) func(s price.SKU) bool {
	return func(s price.SKU) bool { return s.ServiceCode == thing[0] && s.UsageType == thing[1] }
}
