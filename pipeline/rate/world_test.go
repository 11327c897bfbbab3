package rate_test

import (
	"fmt"
	"slices"
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

// The world of a test in plain words. Amounts are decimal text and instants are
// seconds since 1970, so that the slow rater of slow_test.go can read it too.
type world struct {
	zone     string // UTC when blank
	skus     []sku
	pools    []pool
	accounts []account

	models  map[string]model            // by SKU
	limits  map[string]limit            // by pool
	since   map[string]schema.Date      // by payer
	sharing map[string][]schema.Sharing // by account
	others  offer.Offers                // but for the pools
}

// model is a pricing model and its package size.
type model struct {
	name price.Model
	size string
}

// limit ends a pool some time after the payer's first day.
type limit struct{ months, days int }

type sku struct {
	id, usageType, operation, region, unit, currency string
	versions                                         []version
}

type version struct {
	from  int64
	tiers []tier
}

type tier struct {
	end  string // blank: Inf
	rate string
}

type pool struct {
	id, allowance string
	usageTypes    []string
}

type account struct {
	id, payer   string
	issuer      string // acme when blank
	from, until int64  // 0: open
}

// usage is one record of service S.
type usage struct {
	account, usageType, operation, region, resource, unit string
	start, end                                            int64 // nanoseconds
	amount                                                string
	zone, commitment, tags, kind                          string
	cost, currency                                        string // priced elsewhere when there is a cost
}

// charge is one rated line by value.
type charge struct {
	payer    string
	head     batch.Head
	resource string
	hour     schema.Hour
	tail     batch.Tail
	price    batch.Price
	amount   money.Usage
	list     money.Cost
	paid     money.Cost
	blended  money.Cost

	terms                   batch.Terms
	net, effective, upfront money.Cost
}

const month = "2026-10"

var (
	october  = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

// at is a record's stretch of an hour, from hours after the start of October.
func at(hours float64) (start, end int64) {
	s := october.Add(time.Duration(hours * float64(time.Hour))).UnixNano()
	return s, s + int64(time.Hour)
}

func use(account, usageType string, hours float64, amount string) usage {
	start, end := at(hours)
	return usage{account: account, usageType: usageType, unit: "GB", start: start, end: end, amount: amount}
}

// one is a SKU with one version from long ago.
func one(id, usageType string, tiers ...tier) sku {
	return sku{id: id, usageType: usageType, unit: "GB", versions: []version{{0, tiers}}}
}

func flat(rate string) tier { return tier{"", rate} }

func (w world) period(t testing.TB) schema.Period {
	t.Helper()
	loc, err := time.LoadLocation(w.zone)
	check(t, err)
	p, err := schema.ParsePeriod(month, loc)
	check(t, err)
	return p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func usageOf(t testing.TB, text string) money.Usage {
	t.Helper()
	u, err := money.ParseUsage(text)
	check(t, err)
	return u
}

func (w world) input(t testing.TB) rate.Input {
	t.Helper()
	catalog, err := price.NewCatalog(w.catalog(t))
	check(t, err)
	issuer := schema.Issuer{ID: "acme", TimeZone: w.zone, Currency: "USD"}
	return rate.Input{Issuer: issuer, Period: w.period(t), Organization: w.organization(issuer), Catalog: catalog, Offers: w.offers(t)}
}

func (w world) catalog(t testing.TB) []price.SKU {
	var list []price.SKU
	for _, s := range w.skus {
		p := price.SKU{ID: s.id, ServiceCode: "S", UsageType: s.usageType, Operation: s.operation, Region: s.region, Currency: "USD"}
		if s.currency != "" {
			p.Currency = money.Currency(s.currency)
		}
		for n, v := range s.versions {
			p.Versions = append(p.Versions, price.Version{Effective: v.from, Unit: s.unit, Term: "OnDemand", Tiers: tiers(t, s.id, n, v.tiers)})
			if m, ok := w.models[s.id]; ok {
				p.Versions[n].Model = m.name
				if m.size != "" {
					p.Versions[n].PackageSize = usageOf(t, m.size)
				}
			}
		}
		list = append(list, p)
	}
	return list
}

// tiers names each tier SKU.version.tier in its rate code.
func tiers(t testing.TB, id string, version int, from []tier) []price.Tier {
	var list []price.Tier
	var begin money.Usage
	for n, f := range from {
		r, err := money.ParseRate(f.rate)
		check(t, err)
		p := price.Tier{Begin: begin, Open: f.end == "", Rate: r, RateCode: fmt.Sprintf("%s.%d.%d", id, version, n), Description: "tier"}
		if !p.Open {
			p.End = usageOf(t, f.end)
			begin = p.End
		}
		list = append(list, p)
	}
	return list
}

func (w world) offers(t testing.TB) *offer.Offers {
	o := w.others
	for _, p := range w.pools {
		pool := offer.Pool{ID: p.id, Allowance: usageOf(t, p.allowance), Unit: "GB", Months: w.limits[p.id].months, Days: w.limits[p.id].days}
		for _, u := range p.usageTypes {
			pool.Select = append(pool.Select, offer.Selector{ServiceCode: "S", UsageType: u})
		}
		o.FreeTier = append(o.FreeTier, pool)
	}
	return &o
}

func (w world) organization(issuer schema.Issuer) *schema.Organization {
	org := &schema.Organization{Issuers: []schema.Issuer{issuer, {ID: "other", Currency: "USD"}}}
	place := map[string]int{}
	for _, a := range w.accounts {
		i, ok := place[a.payer]
		if !ok {
			i = len(org.Payers)
			place[a.payer] = i
			org.Payers = append(org.Payers, schema.Payer{AccountID: a.payer, Issuer: "acme", Since: w.since[a.payer]})
		}
		if a.issuer != "" {
			org.Payers[i].Issuer = a.issuer
		}
		member := schema.Account{ID: a.id, Sharing: w.sharing[a.id]}
		if a.from != 0 {
			member.From = time.Unix(a.from, 0)
		}
		if a.until != 0 {
			member.Until = time.Unix(a.until, 0)
		}
		org.Payers[i].Accounts = append(org.Payers[i].Accounts, member)
	}
	return org
}

// rated places the records, sums them into lines and prices the lines, payer by
// payer, as a run does.
func (w world) rated(t testing.TB, records []usage) ([]charge, []rate.Verdict) {
	t.Helper()
	list, verdicts, _ := w.planned(t, records)
	return list, verdicts
}

func (w world) planned(t testing.TB, records []usage) ([]charge, []rate.Verdict, *rate.Plan) {
	t.Helper()
	in := w.input(t)
	u := batch.NewUsage()
	for _, r := range records {
		u.Append(w.record(t, r))
	}
	places, totals := rate.NewClassifier(in, u.Dims), rate.NewTotals(in, u.Dims)
	sums := map[int32]map[batch.Key]*batch.Row{}
	var verdicts []rate.Verdict
	for i := range u.Len() {
		p := places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
		verdicts = append(verdicts, p.Verdict)
		if p.Verdict != rate.Charge {
			continue
		}
		check(t, totals.Add(p.Payer, p.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]))
		tail := u.Tail[i]
		if p.SKU >= 0 {
			filled := u.Dims.Tails.Value(tail)
			filled.Unit = in.Catalog.SKUs[p.SKU].Versions[p.Version].Unit
			tail = u.Dims.Tails.Code(filled)
		}
		if sums[p.Payer] == nil {
			sums[p.Payer] = map[batch.Key]*batch.Row{}
		}
		key := batch.LineKey(u.Head[i], u.Resource[i], u.Hour(i), tail)
		sum := sums[p.Payer][key]
		if sum == nil {
			sum = &batch.Row{}
			sums[p.Payer][key] = sum
		}
		var err error
		sum.Amount, err = money.Add(sum.Amount, u.Amount[i])
		check(t, err)
		sum.Unblended, err = money.Add(sum.Unblended, u.Cost[i])
		check(t, err)
	}
	plan, err := rate.NewPlan(totals)
	check(t, err)
	dims, ranking := u.Dims.Sorted()
	var list []charge
	for payer := range int32(len(in.Organization.Payers)) {
		out := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
		check(t, rate.NewRater(plan, payer, out).Rate(sortedLines(sums[payer], ranking)))
		list = append(list, charges(in.Organization.Payers[payer].AccountID, out)...)
	}
	return list, verdicts, plan
}

func (w world) record(t testing.TB, r usage) *schema.Record {
	rec := &schema.Record{UsageAccountID: []byte(r.account), ServiceCode: []byte("S"), UsageType: []byte(r.usageType),
		Operation: []byte(r.operation), RegionCode: []byte(r.region), ResourceID: []byte(r.resource), Unit: []byte(r.unit),
		UsageStart: r.start, UsageEnd: r.end, UsageAmount: usageOf(t, r.amount), LineItemType: []byte("Usage"),
		AvailabilityZone: []byte(r.zone), Commitment: []byte(r.commitment), Tags: []byte(r.tags)}
	if r.kind != "" {
		rec.LineItemType = []byte(r.kind)
	}
	if r.cost != "" {
		var err error
		rec.Priced, rec.Currency = true, []byte(r.currency)
		rec.Cost, err = money.ParseCost(r.cost)
		check(t, err)
	}
	return rec
}

func sortedLines(sums map[batch.Key]*batch.Row, r batch.Ranking) *batch.Lines {
	byRank := map[batch.Key]*batch.Row{}
	var keys []batch.Key
	for k, sum := range sums {
		ranked := batch.LineKey(r.Heads[k.Head()], r.Resources[k.Resource()], k.Hour(), r.Tails[k.Tail()])
		byRank[ranked] = sum
		keys = append(keys, ranked)
	}
	slices.SortFunc(keys, batch.Key.Compare)
	lines := &batch.Lines{}
	for _, k := range keys {
		lines.Key = append(lines.Key, k)
		lines.Amount = append(lines.Amount, byRank[k].Amount)
		lines.Cost = append(lines.Cost, byRank[k].Unblended)
		lines.Records = append(lines.Records, 1)
	}
	return lines
}

func charges(payer string, c *batch.Charges) []charge {
	var list []charge
	for i := range c.Len() {
		r := c.At(i)
		list = append(list, charge{payer, c.Dims.Heads.Value(r.Key.Head()), c.Dims.Resources.Value(r.Key.Resource()), r.Key.Hour(),
			c.Dims.Tails.Value(r.Key.Tail()), c.Prices.Value(r.Price), r.Amount, r.List, r.Unblended, r.Blended, c.Terms.Value(r.Term), r.Net, r.Effective, r.Upfront})
	}
	return list
}

// mustRate fails the test when a record is not charged.
func (w world) mustRate(t testing.TB, records ...usage) []charge {
	t.Helper()
	list, verdicts := w.rated(t, records)
	for i, v := range verdicts {
		if v != rate.Charge {
			t.Fatalf("record %d: %s", i, v.Reason())
		}
	}
	return list
}

func total(t testing.TB, list []charge) string {
	t.Helper()
	var sum money.Cost
	for _, c := range list {
		var err error
		sum, err = money.Add(sum, c.paid)
		check(t, err)
	}
	return sum.String()
}

// portions writes each charge as amount@rate code or amount@free pool, in order.
func portions(list []charge) []string {
	var texts []string
	for _, c := range list {
		code := c.price.RateCode
		if c.price.Pool != "" {
			code = "free " + c.price.SKU
		}
		texts = append(texts, c.amount.String()+"@"+code)
	}
	return texts
}
