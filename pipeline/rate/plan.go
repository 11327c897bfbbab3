package rate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Totals are the hourly sums of usage per payer and SKU, kept only for SKUs
// whose price depends on the month's count.
type Totals struct {
	in    Input
	first schema.Hour
	hours int
	pools []int  // by SKU: index into Offers.FreeTier, or -1
	needs []bool // by SKU
	sums  map[payerSKU][]money.Usage
}

type payerSKU struct{ payer, sku int32 }

// NewTotals returns empty totals for a run.
func NewTotals(in Input) *Totals {
	first, last := schema.HourOf(in.Period.Start.UnixNano()), schema.HourOf(in.Period.End.UnixNano()-1)
	t := &Totals{in: in, first: first, hours: int(last-first) + 1, sums: map[payerSKU][]money.Usage{}}
	t.pools = in.Offers.PoolIndex(in.Catalog, in.Period.Start, in.Period.End)
	t.needs = make([]bool, len(in.Catalog.SKUs))
	for i := range t.needs {
		t.needs[i] = t.pools[i] >= 0 || dependsOnCount(&in.Catalog.SKUs[i])
	}
	return t
}

// dependsOnCount tells whether a SKU's price, or its average price, needs the
// month's count: tiers do, and so do several versions.
func dependsOnCount(sku *price.SKU) bool {
	return len(sku.Versions) > 1 || len(sku.Versions) == 1 && len(sku.Versions[0].Tiers) > 1
}

// Add counts a record's usage.
func (t *Totals) Add(payer, sku int32, hour schema.Hour, amount money.Usage) error {
	if sku < 0 || !t.needs[sku] {
		return nil
	}
	key := payerSKU{payer, sku}
	sums := t.sums[key]
	if sums == nil {
		sums = make([]money.Usage, t.hours)
		t.sums[key] = sums
	}
	i := hour - t.first
	sum, err := money.Add(sums[i], amount)
	if err != nil {
		return fmt.Errorf("usage of SKU %s in one hour: %w", t.in.Catalog.SKUs[sku].ID, err)
	}
	sums[i] = sum
	return nil
}

// Plan says where every SKU of every payer stands in the month's count, hour
// by hour, and how much of it is free.
type Plan struct {
	in    Input
	first schema.Hour
	skus  map[payerSKU]*skuPlan
}

type skuPlan struct {
	before  []money.Usage // count before each hour; one more than hours, the last is the month's total
	free    money.Usage   // the first so many units of the month are free
	pool    string        // id of the pool that makes them so
	blended money.Rate
}

// NewPlan deals the pools out and sums the counts.
func NewPlan(t *Totals) (*Plan, error) {
	p := &Plan{in: t.in, first: t.first, skus: map[payerSKU]*skuPlan{}}
	for key, sums := range t.sums {
		before, err := runningCount(sums)
		if err != nil {
			return nil, fmt.Errorf("usage of SKU %s in the month: %w", t.in.Catalog.SKUs[key.sku].ID, err)
		}
		p.skus[key] = &skuPlan{before: before}
	}
	if err := p.dealPools(t.pools); err != nil {
		return nil, err
	}
	for key, plan := range p.skus {
		var err error
		if plan.blended, err = p.blendedRate(key.sku, plan); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func runningCount(sums []money.Usage) ([]money.Usage, error) {
	before := make([]money.Usage, len(sums)+1)
	for i, s := range sums {
		var err error
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
		plan := p.skus[key]
		plan.pool = pool.ID
		plan.free = money.Min(left, plan.before[len(plan.before)-1])
		var err error
		if left, err = money.Sub(left, plan.free); err != nil {
			return fmt.Errorf("pool %s: %w", pool.ID, err)
		}
	}
	return nil
}

func (p *Plan) comparePoolOrder(a, b int32) int {
	x, y := &p.in.Catalog.SKUs[a], &p.in.Catalog.SKUs[b]
	return cmp.Or(money.Cmp(p.listPrice(y), p.listPrice(x)), strings.Compare(x.UsageType, y.UsageType),
		strings.Compare(x.Operation, y.Operation), strings.Compare(x.Region, y.Region), cmp.Compare(a, b))
}

// listPrice is the dearest tier of the version in force when the period ends.
func (p *Plan) listPrice(sku *price.SKU) money.Rate {
	version, ok := sku.At(p.in.Period.End.Unix() - 1)
	if !ok {
		return money.Rate{}
	}
	return dearest(&sku.Versions[version])
}

func dearest(v *price.Version) money.Rate {
	var top money.Rate
	for _, t := range v.Tiers {
		top = money.Max(top, t.Rate)
	}
	return top
}

// blendedRate is the month's cost of a SKU over its usage, to 10 decimals: the
// average that the organization pays. Units are summed by rate before anything
// is rounded; where all have one rate, that is the average.
func (p *Plan) blendedRate(sku int32, plan *skuPlan) (money.Rate, error) {
	s := &p.in.Catalog.SKUs[sku]
	sums, err := p.unitsByRate(s, plan)
	if err != nil {
		return money.Rate{}, fmt.Errorf("blended rate of SKU %s: %w", s.ID, err)
	}
	switch len(sums) {
	case 0:
		return money.Rate{}, nil
	case 1:
		return sums[0].rate, nil
	}
	cost, err := sums.cost()
	if err != nil {
		return money.Rate{}, fmt.Errorf("blended rate of SKU %s: %w", s.ID, err)
	}
	return money.Ratio(cost, plan.before[len(plan.before)-1])
}

// rateSums are the units of a month by their rate, in order of first sight.
type rateSums []rateSum

type rateSum struct {
	rate  money.Rate
	units money.Usage
}

// unitsByRate leaves out what has no units.
func (p *Plan) unitsByRate(s *price.SKU, plan *skuPlan) (rateSums, error) {
	var sums rateSums
	var scratch []portion
	for i := range len(plan.before) - 1 {
		amount, err := money.Sub(plan.before[i+1], plan.before[i])
		if err != nil {
			return nil, err
		}
		version, ok := s.At(p.in.priceTime(p.first + schema.Hour(i)))
		if !ok || money.Sign(amount) == 0 {
			continue
		}
		v := &s.Versions[version]
		if scratch, err = plan.portions(scratch[:0], v, plan.before[i], amount); err != nil {
			return nil, err
		}
		for _, part := range scratch {
			var rate money.Rate
			if !part.free {
				rate = v.Tiers[part.tier].Rate
			}
			if sums, err = sums.add(rate, part.amount); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

func (s rateSums) add(rate money.Rate, units money.Usage) (rateSums, error) {
	for i := range s {
		if s[i].rate == rate {
			var err error
			s[i].units, err = money.Add(s[i].units, units)
			return s, err
		}
	}
	return append(s, rateSum{rate, units}), nil
}

func (s rateSums) cost() (money.Cost, error) {
	var total money.Cost
	for _, sum := range s {
		cost, err := money.Product(sum.rate, sum.units, money.HalfAwayFromZero)
		if err == nil {
			total, err = money.Add(total, cost)
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// portion is a part of an amount that has one price.
type portion struct {
	tier   int
	free   bool
	amount money.Usage
}

// portions splits an amount that begins at a count: the units below the free
// limit are free, and count towards the tiers like all others.
func (s *skuPlan) portions(dst []portion, v *price.Version, before, amount money.Usage) ([]portion, error) {
	freeLeft, err := money.Sub(s.free, before)
	if err != nil {
		return dst, err
	}
	free := money.Min(money.Max(freeLeft, money.Usage{}), amount)
	if money.Sign(freeLeft) > 0 {
		// On free units the tier only tells which price they are spared.
		dst = append(dst, portion{free: true, amount: free})
	}
	paid, err := money.Sub(amount, free)
	if err != nil || money.Sign(paid) == 0 && money.Sign(freeLeft) > 0 {
		return dst, err
	}
	start, err := money.Add(before, free)
	if err != nil {
		return dst, err
	}
	var parts [8]price.Portion
	tiers, err := v.Portions(parts[:0], start, paid)
	for _, t := range tiers {
		dst = append(dst, portion{tier: t.Tier, amount: t.Amount})
	}
	return dst, err
}
