package slow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// gen makes one random world. Its choices lean towards edges: bounds of tiers,
// hours at the ends of months, memberships and versions.
type gen struct {
	*rand.Rand
	w        World
	zone     *time.Location
	accounts []string // all usage accounts
	hours    []int64  // hours in which much happens
	all      bool     // every kind of offer
}

// RandomWorld makes a world and about size records of it. The same source of
// random numbers makes the same world. Few kinds of offers stand in most
// worlds, and all of them in some.
func RandomWorld(rng *rand.Rand, size int) (World, []Record) {
	g := &gen{Rand: rng, all: rng.IntN(8) == 0}
	g.organization()
	g.prices()
	g.offers()
	return g.w, g.records(size)
}

func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *gen, list ...T) T { return list[g.IntN(len(list))] }

// some picks up to n of a list, without repeats.
func some[T comparable](g *gen, n int, list []T) []T {
	var out []T
	for range n {
		if v := pick(g, list...); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (g *gen) organization() {
	zone := "UTC"
	if g.chance(30) {
		zone = pick(g, "Europe/Berlin", "Asia/Seoul", "America/New_York", "Asia/Kolkata")
	}
	issuer := schema.Issuer{ID: "i", TimeZone: zone, Currency: pick(g, money.Currency("USD"), "USD", "USD", "JPY", "KWD")}
	var err error
	if g.zone, err = issuer.Location(); err == nil {
		name := fmt.Sprintf("%d-%02d", 2025+g.IntN(2), 1+g.IntN(12))
		g.w.Period, err = schema.ParsePeriod(name, g.zone)
	}
	if err != nil {
		panic(err) // the zones and the name above are sound
	}
	g.w.Issuer = "i"
	g.w.Organization.Issuers = []schema.Issuer{issuer, {ID: "j", TimeZone: "UTC", Currency: "EUR"}}
	for range 4 + g.IntN(8) {
		g.hours = append(g.hours, g.anyHour())
	}
	g.hours = append(g.hours, hourOf(g.w.Period.Start), hourOf(g.w.Period.End.Add(-1)))
	for i := range 2 + g.IntN(2) {
		id := fmt.Sprintf("p%d", i)
		p := schema.Payer{AccountID: id, Issuer: "i", Country: pick(g, "DE", "US", "", "US"), Region: pick(g, "", "WA", "NY"),
			Accounts: []schema.Account{{ID: id, Sharing: g.shared()}}}
		if g.chance(70) {
			p.Since = g.since()
		}
		g.accounts = append(g.accounts, id)
		g.w.Organization.Payers = append(g.w.Organization.Payers, p)
	}
	if g.chance(20) { // its bills are another issuer's
		g.accounts = append(g.accounts, "q")
		g.w.Organization.Payers = append(g.w.Organization.Payers, schema.Payer{AccountID: "q", Issuer: "j", Accounts: []schema.Account{{ID: "q"}}})
	}
	for i := range 2 + g.IntN(4) {
		g.member(fmt.Sprintf("m%d", i))
	}
}

// since is a day from which pools of the first months or days end near the month.
func (g *gen) since() schema.Date {
	start := schema.DateOf(g.w.Period.Start.In(g.zone))
	if g.chance(20) { // the last day of a month, which the next one may not have
		return start.AddDays(-1)
	}
	d := start.AddDays(g.IntN(40) - 35)
	if g.chance(50) {
		d.Year -= pick(g, 1, 1, 2)
	}
	return d
}

func (g *gen) anyHour() int64 {
	first, last := hourOf(g.w.Period.Start), hourOf(g.w.Period.End.Add(-1))
	return first + g.Int64N(last-first+1)
}

// anInstant is mostly a full hour in the month, at which much happens.
func (g *gen) anInstant() time.Time {
	t := time.Unix(pick(g, g.hours...)*3600, 0).UTC()
	if g.chance(30) {
		t = time.Unix(g.anyHour()*3600, 0).UTC()
	}
	if t.Before(g.w.Period.Start) {
		return g.w.Period.Start
	}
	return t
}

// member puts an account under one payer, or under several after each other.
func (g *gen) member(id string) {
	g.accounts = append(g.accounts, id)
	payers := g.w.Organization.Payers
	i := g.IntN(len(payers))
	a := schema.Account{ID: id, Sharing: g.shared()}
	put := func() { payers[i].Accounts = append(payers[i].Accounts, a) }
	switch g.IntN(8) {
	case 0: // joins
		a.From = g.anInstant()
		put()
	case 1: // leaves
		a.Until = g.anInstant()
		put()
	case 2, 3: // changes its payer, perhaps twice
		a.Until = g.anInstant()
		put()
		for range 1 + g.IntN(3) {
			i = (i + 1) % len(payers)
			a.From, a.Until, a.Sharing = a.Until, time.Time{}, g.shared()
			if g.chance(50) {
				a.Until = a.From.Add(time.Duration(1+g.IntN(80)) * 15 * time.Minute)
			}
			put()
			if a.Until.IsZero() {
				return
			}
		}
	default:
		put()
	}
}

func (g *gen) shared() []schema.Sharing {
	var out []schema.Sharing
	if !g.chance(35) {
		return nil
	}
	from := g.w.Period.Start.AddDate(0, -1, 0)
	for range 1 + g.IntN(2) {
		out = append(out, schema.Sharing{From: from, Reservations: g.chance(50), SavingsPlans: g.chance(50), Credits: g.chance(50)})
		from = pick(g, g.anInstant(), g.w.Period.End, g.w.Period.End.Add(-time.Second))
	}
	return out
}

// things are what has a price: service, usage type and unit.
var things = [][3]string{
	{"EC2", "BoxUsage:m5.large", "Hrs"}, {"EC2", "BoxUsage:m5.xlarge", "Hrs"}, {"EC2", "BoxUsage:m5.4xlarge", "Hrs"},
	{"EC2", "BoxUsage:m5.metal", "Hrs"}, {"EC2", "BoxUsage:c5.large", "Hrs"}, {"EC2", "EU-BoxUsage:m5.large", "Hrs"},
	{"EC2", "EBS:VolumeUsage", "GB"}, {"S3", "TimedStorage", "GB"}, {"S3", "Requests", "Count"}, {"Lambda", "GB-Second", "s"},
	{"EC2", "BoxUsage:m5.24xlarge", "Hrs"}, {"RDS", "InstanceUsage:db.small", "Hrs"}, {"RDS", "Multi-AZUsage:db.small", "Hrs"}, {"RDS", "Multi-AZUsage:db.2xlarge", "Hrs"},
}

func (g *gen) prices() {
	for _, thing := range some(g, 2+g.IntN(7), things) {
		places := [][2]string{{"", ""}}
		if g.chance(50) {
			places = some(g, 3, [][2]string{{"", ""}, {"Run", ""}, {"", "us"}, {"Run", "us"}, {"Run", "eu"}})
		}
		for _, at := range places {
			s := price.SKU{ID: fmt.Sprintf("SKU%02d", len(g.w.SKUs)), ServiceCode: thing[0], UsageType: thing[1], Operation: at[0], Region: at[1],
				Currency: g.w.Organization.Issuers[0].Currency}
			if g.chance(5) && at == [2]string{"", ""} {
				s.More = []price.Key{{ServiceCode: thing[0] + "Other", UsageType: thing[1]}}
			}
			g.versions(&s, thing[2])
			g.w.SKUs = append(g.w.SKUs, s)
		}
	}
}

func (g *gen) versions(s *price.SKU, unit string) {
	model := pick(g, price.Graduated, price.Graduated, price.Graduated, price.Volume, price.Package, price.Flat)
	at := g.w.Period.Start.AddDate(-1, 0, 0)
	if g.chance(2) {
		at = g.anInstant() // what is before has no price
	}
	for range pick(g, 1, 1, 1, 2, 3) {
		if g.chance(6) {
			model = pick(g, price.Graduated, price.Volume, price.Package)
		}
		v := price.Version{Effective: at.Unix(), Unit: unit, Term: "OnDemand", Model: model, Tiers: g.tiers(s.ID, len(s.Versions), model)}
		if model == price.Package {
			v.PackageSize = usageOf(pick(g, "1", "10", "2.5", "1000", "0.000001"))
		}
		s.Versions = append(s.Versions, v)
		next := g.anInstant().Add(time.Duration(g.IntN(3)-1) * time.Hour)
		if !next.After(at) {
			return
		}
		at = next
	}
}

// bounds are ends of tiers, close enough for a random month to meet them.
var bounds = []string{"1", "5", "10", "10.5", "50", "100", "100.000000000000000001", "744", "1000", "50000", "0.1"}

func (g *gen) tiers(id string, version int, model price.Model) []price.Tier {
	n := pick(g, 1, 1, 2, 2, 3, 4, 5)
	if model == price.Package || model == price.Flat {
		n = 1
	}
	var ends []money.Usage
	for _, b := range some(g, n-1, bounds) {
		ends = append(ends, usageOf(b))
	}
	slices.SortFunc(ends, money.Cmp[money.Usage])
	var tiers []price.Tier
	var begin money.Usage
	for i := range len(ends) + 1 {
		t := price.Tier{Begin: begin, Open: i == len(ends), Rate: rateOf(g.rate()), RateCode: fmt.Sprintf("%s.%d.%d", id, version, i)}
		if !t.Open {
			begin = ends[i]
			t.End = begin
		}
		tiers = append(tiers, t)
	}
	return tiers
}

// rate is a price of a unit, often one with exact ties to round.
func (g *gen) rate() string {
	switch g.IntN(12) {
	case 0:
		return "0"
	case 1:
		return "0.0000000001"
	case 2:
		return g.digits(1, 18)
	case 3, 4:
		return g.digits(2, 2)
	case 5:
		return "0.00000000005"
	default:
		return pick(g, "0.1", "0.0132", "0.0116", "0.023", "0.0000166667", "0.2", "0.17", "0.5", "1", "0.085")
	}
}

// digits is a random decimal with up to so many digits before and behind the point.
func (g *gen) digits(whole, part int) string {
	var b strings.Builder
	b.WriteByte('0' + byte(g.IntN(10)))
	for range g.IntN(whole) {
		b.WriteByte('0' + byte(g.IntN(10)))
	}
	if n := g.IntN(part + 1); n > 0 {
		b.WriteByte('.')
		for range n {
			b.WriteByte('0' + byte(g.IntN(10)))
		}
	}
	s := strings.TrimLeft(b.String(), "0")
	if s == "" || s[0] == '.' {
		s = "0" + s
	}
	return s
}

func usageOf(s string) money.Usage { return parsed(money.ParseUsage(s)) }
func rateOf(s string) money.Rate   { return parsed(money.ParseRate(s)) }
func costOf(s string) money.Cost   { return parsed(money.ParseCost(s)) }

// parsed is for numbers that this package wrote.
func parsed[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// records makes usage of a few resources, mostly in the hours in which much happens.
func (g *gen) records(size int) []Record {
	out := make([]Record, 0, size)
	for len(out) < size {
		s := g.w.SKUs[g.IntN(len(g.w.SKUs))]
		r := Record{Account: pick(g, g.accounts...), Service: s.ServiceCode, UsageType: s.UsageType, Operation: s.Operation, Region: s.Region,
			Zone: pick(g, "", "z1", "z2"), Resource: pick(g, "", "r1", "r2"), Amount: g.amount(s)}
		if s.Operation == "" {
			r.Operation = pick(g, "", "Run", "Stop")
		}
		if s.Region == "" {
			r.Region = pick(g, "", "us", "eu")
		}
		if len(s.More) > 0 && g.chance(50) {
			r.Service = s.More[0].ServiceCode
		}
		hour := pick(g, g.hours...)
		if g.chance(40) {
			hour = g.anyHour()
		}
		r.Start = time.Unix(hour*3600+pick(g, int64(0), 0, 0, 1800, 3599), 0).UTC()
		if r.Start.Before(g.w.Period.Start) || !r.Start.Before(g.w.Period.End) {
			r.Start = g.w.Period.Start
		}
		g.rarely(&r, s)
		out = append(out, r)
	}
	return out
}

// rarely changes what most records do not have.
func (g *gen) rarely(r *Record, s price.SKU) {
	if g.chance(20) {
		r.Tags = pick(g, "team\x1fweb", "env\x1fprod\x1eteam\x1fweb", "team\x1fdata", "team\x1f")
	}
	if g.chance(20) {
		r.Unit = s.Versions[0].Unit
	}
	if g.chance(3) {
		r.Priced, r.Cost = true, pick(g, "", "-")+g.digits(3, 10)
		r.LineItemType = pick(g, "", "Fee", "Credit", "Refund", "Discount", "Tax")
		if r.Cost == "-0" {
			r.Cost = "0"
		}
	}
	if g.chance(4) && len(g.w.Offers.Reservations) > 0 {
		r.Commitment = pick(g, g.w.Offers.Reservations...).ID
	} else if g.chance(1) {
		r.Commitment = "unknown"
	}
	switch g.IntN(500) {
	case 0:
		r.Account = "stranger"
	case 1:
		r.UsageType += "x"
	case 2:
		r.Unit = "other"
	}
}

func (g *gen) amount(s price.SKU) string {
	switch g.IntN(12) {
	case 0:
		return "0"
	case 1:
		return pick(g, "0.000000000000000001", "0.00000000005", "0.0000000001", "0.000000000099999999")
	case 2:
		return g.digits(1, 18)
	case 3:
		return g.digits(4, 3)
	case 4:
		t := pick(g, s.Versions...).Tiers
		return pick(g, t...).Begin.String()
	case 5:
		if g.chance(5) {
			return pick(g, "1000000", "123456789.123456789")
		}
		return "0.5"
	default:
		return pick(g, "1", "1", "1", "2", "0.25", "0.988611", "0.016667", "0.0107526882", "4")
	}
}
