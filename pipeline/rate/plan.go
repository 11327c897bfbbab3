package rate

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// Totals are the hourly sums of usage: per payer and SKU where the price depends
// on the month's count or a commitment may cover it, and per cell where one may.
type Totals struct {
	in    Input
	dims  *batch.Dims
	first schema.Hour
	hours int
	pools []int  // by SKU: index into Offers.FreeTier, or -1
	needs []bool // by SKU
	sums  map[payerSKU][]money.Usage

	commitments *commitments // nil: none holds in the month
	cells       map[cellKey][]money.Usage
	pairs       map[pair][]money.Usage // sums of its cell, nil where it is in none
}

type payerSKU struct{ payer, sku int32 }

// NewTotals returns empty totals for a run over dictionaries that may still
// grow. Adding usage that a commitment may cover adds the tails of its covered
// parts to them.
func NewTotals(in Input, dims *batch.Dims) *Totals {
	first, last := schema.HourOf(in.Period.Start.UnixNano()), schema.HourOf(in.Period.End.UnixNano()-1)
	t := &Totals{in: in, dims: dims, first: first, hours: int(last-first) + 1, sums: map[payerSKU][]money.Usage{},
		commitments: commitmentsOf(in), cells: map[cellKey][]money.Usage{}, pairs: map[pair][]money.Usage{}}
	t.pools = in.Offers.PoolIndex(in.Catalog, in.Period.Start, in.Period.End)
	t.needs = make([]bool, len(in.Catalog.SKUs))
	for i := range t.needs {
		t.needs[i] = t.pools[i] >= 0 || dependsOnCount(&in.Catalog.SKUs[i]) || t.commitments.covers(int32(i))
	}
	return t
}

// dependsOnCount tells whether a SKU's price, or its average price, needs the
// month's count: tiers, packages and monthly prices do, and so do several
// versions.
func dependsOnCount(sku *price.SKU) bool {
	if len(sku.Versions) != 1 {
		return len(sku.Versions) > 1
	}
	v := &sku.Versions[0]
	return len(v.Tiers) > 1 || v.Model == price.Package || v.Model == price.Flat
}

// Add counts a record's usage, given its place and its codes.
func (t *Totals) Add(payer, sku int32, head, tail uint32, hour schema.Hour, amount money.Usage) error {
	if sku < 0 || !t.needs[sku] {
		return nil
	}
	key := payerSKU{payer, sku}
	sums := t.sums[key]
	if sums == nil {
		sums = make([]money.Usage, t.hours)
		t.sums[key] = sums
	}
	i := int(hour - t.first)
	sum, err := money.Add(sums[i], amount)
	if err != nil {
		return fmt.Errorf("usage of SKU %s in one hour: %w", t.in.Catalog.SKUs[sku].ID, err)
	}
	sums[i] = sum
	if t.commitments.covers(sku) {
		return t.addToCell(payer, sku, head, tail, i, amount)
	}
	return nil
}

// Plan says what commitments cover, and where the rest of every SKU of every
// payer stands in the month's count, hour by hour, and how much of it is free.
type Plan struct {
	in          Input
	zone        *time.Location // of the issuer
	first       schema.Hour
	hours       int
	memberships map[string][]schema.Membership
	skus        map[payerSKU]*skuPlan

	commitments *commitments
	cells       map[cellKey]*cell
	covered     map[payerSKU]*covered
	reserved    []money.Usage    // by reservation: quarters that usage consumed
	uses        []ReservationUse // by reservation
	discounts   segments
}

// skuPlan is the count of a payer's SKU without what commitments cover.
type skuPlan struct {
	before   []money.Usage // count before each hour; one more than hours, the last is the month's total
	freeFrom money.Usage   // units from this count on
	freeTo   money.Usage   // to that one are free
	pool     string        // id of the pool that makes them so
	blended  money.Rate

	lotStarts map[*price.Version]lotStart // of versions that price packages or months
}

func (s *skuPlan) total() money.Usage { return s.before[len(s.before)-1] }

// NewPlan deals out reservations, then savings plans, then pools, and sums the
// counts.
func NewPlan(t *Totals) (*Plan, error) {
	zone, err := t.in.Issuer.Location()
	if err != nil {
		return nil, err
	}
	p := &Plan{in: t.in, zone: zone, first: t.first, hours: t.hours, memberships: t.in.Organization.Memberships(),
		skus: map[payerSKU]*skuPlan{}, commitments: t.commitments, cells: map[cellKey]*cell{},
		covered: map[payerSKU]*covered{}, reserved: make([]money.Usage, len(t.in.Offers.Reservations))}
	p.discounts = p.discountSegments()
	if err := p.dealCommitments(t); err != nil {
		return nil, err
	}
	if err := p.sumReservations(); err != nil {
		return nil, err
	}
	for key, sums := range t.sums {
		before, err := p.runningCount(key, sums)
		if err != nil {
			return nil, fmt.Errorf("usage of SKU %s in the month: %w", t.in.Catalog.SKUs[key.sku].ID, err)
		}
		p.skus[key] = &skuPlan{before: before}
	}
	if err := p.dealPools(t.pools); err != nil {
		return nil, err
	}
	for key, plan := range p.skus {
		if err := p.startLots(key.sku, plan); err != nil {
			return nil, err
		}
		if plan.blended, err = p.blendedRate(key, plan); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// runningCount sums the hours of a payer's SKU, without what is covered.
func (p *Plan) runningCount(key payerSKU, sums []money.Usage) ([]money.Usage, error) {
	before := make([]money.Usage, len(sums)+1)
	taken := p.covered[key]
	for i, s := range sums {
		var err error
		if taken != nil {
			if s, err = money.Sub(s, taken.hours[i]); err != nil {
				return nil, err
			}
		}
		if before[i+1], err = money.Add(before[i], s); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// dealPools gives each payer's share of every pool to its SKUs in turn: the
// dearest list price first, ties by usage type, then by the rest of the SKU's
// identity.
func (p *Plan) dealPools(pools []int) error {
	keys := make([]payerSKU, 0, len(p.skus))
	for key := range p.skus {
		if pools[key.sku] >= 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b payerSKU) int {
		return cmp.Or(cmp.Compare(a.payer, b.payer), cmp.Compare(pools[a.sku], pools[b.sku]),
			p.comparePoolOrder(a.sku, b.sku))
	})
	var left money.Usage
	for i, key := range keys {
		pool := &p.in.Offers.FreeTier[pools[key.sku]]
		if i == 0 || keys[i-1].payer != key.payer || pools[keys[i-1].sku] != pools[key.sku] {
			left = pool.Allowance
		}
		var err error
		if left, err = p.dealPool(pool, key, left); err != nil {
			return fmt.Errorf("pool %s: %w", pool.ID, err)
		}
	}
	return nil
}

// dealPool gives a SKU what it uses of a pool while that serves its payer, and
// returns what is left for the others.
func (p *Plan) dealPool(pool *offer.Pool, key payerSKU, left money.Usage) (money.Usage, error) {
	from, until, ok := pool.Stretch(p.in.Organization.Payers[key.payer].Since, p.zone)
	if !ok {
		return left, nil
	}
	plan := p.skus[key]
	plan.pool = pool.ID
	plan.freeFrom = plan.before[p.hourAt(from, 0)]
	used, err := money.Sub(plan.before[p.hourAt(until, p.hours)], plan.freeFrom)
	if err != nil {
		return left, err
	}
	used = money.Min(left, money.Max(used, money.Usage{}))
	if plan.freeTo, err = money.Add(plan.freeFrom, used); err != nil {
		return left, err
	}
	return money.Sub(left, used)
}

// hourAt returns the index of the first hour of the month that is priced at an
// instant or later, their number if there is none, and open for no instant.
func (p *Plan) hourAt(at time.Time, open int) int {
	if at.IsZero() {
		return open
	}
	return sort.Search(p.hours, func(i int) bool { return p.in.priceTime(p.first+schema.Hour(i)) >= at.Unix() })
}

func (p *Plan) comparePoolOrder(a, b int32) int {
	x, y := &p.in.Catalog.SKUs[a], &p.in.Catalog.SKUs[b]
	return cmp.Or(money.Cmp(p.listPrice(y), p.listPrice(x)), compareSKUs(x, y))
}

// listPrice is the dearest tier of the version in force when the period ends.
func (p *Plan) listPrice(sku *price.SKU) money.Rate {
	version, ok := sku.At(p.in.Period.End.Unix() - 1)
	if !ok {
		return money.Rate{}
	}
	return dearest(&sku.Versions[version]).Rate
}

// dearest returns the tier with the highest rate: the on-demand or list rate.
func dearest(v *price.Version) *price.Tier {
	top := &v.Tiers[0]
	for i := range v.Tiers {
		if money.Cmp(v.Tiers[i].Rate, top.Rate) > 0 {
			top = &v.Tiers[i]
		}
	}
	return top
}
