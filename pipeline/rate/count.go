package rate

import (
	"fmt"
	"math"
	"math/big"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// portion is a part of an amount that has one price.
type portion struct {
	amount money.Usage
	lots   int64 // packages started or monthly prices due, where these and not the units have a price
	tier   int32 // of what is not free
	free   bool
}

// inLots tells whether a version's rate is for a package or the month, and not
// for a unit.
func inLots(v *price.Version) bool { return v.Model == price.Package || v.Model == price.Flat }

// portions splits an amount that begins at a count: units inside the free
// stretch are free, and count towards the tiers like all others.
func (s *skuPlan) portions(dst []portion, v *price.Version, before, amount money.Usage) ([]portion, error) {
	for n, bound := range [2]money.Usage{s.freeFrom, s.freeTo} {
		if money.Cmp(before, bound) >= 0 {
			continue
		}
		room, err := money.Sub(bound, before)
		if err != nil {
			return dst, err
		}
		part := money.Min(room, amount)
		if n == 1 {
			// On free units the tier only tells which price they are spared.
			dst = append(dst, portion{free: true, amount: part})
		} else if dst, err = s.paid(dst, v, before, part); err != nil {
			return dst, err
		}
		if amount, err = money.Sub(amount, part); err != nil || money.Sign(amount) == 0 {
			return dst, err
		}
		before = bound
	}
	return s.paid(dst, v, before, amount)
}

// paid splits units that are not free by the model of their price.
func (s *skuPlan) paid(dst []portion, v *price.Version, before, amount money.Usage) ([]portion, error) {
	switch v.Model {
	case price.Volume:
		return append(dst, portion{tier: int32(v.TierOfTotal(s.total())), amount: amount}), nil
	case price.Package, price.Flat:
		lots, err := s.lots(v, before, amount)
		return append(dst, portion{amount: amount, lots: lots}), err
	}
	var parts [8]price.Portion
	tiers, err := v.Portions(parts[:0], before, amount)
	for _, t := range tiers {
		dst = append(dst, portion{tier: int32(t.Tier), amount: t.Amount})
	}
	return dst, err
}

// lotStart is where a version that prices packages or months begins: the month's
// count, and how many units earlier versions of its model were paid for.
type lotStart struct{ count, paid money.Usage }

// startLots notes where such versions begin.
func (p *Plan) startLots(index int32, plan *skuPlan) error {
	sku := &p.in.Catalog.SKUs[index]
	paid := map[price.Model]money.Usage{}
	for i := range len(plan.before) - 1 {
		at, ok := sku.At(p.in.priceTime(p.first + schema.Hour(i)))
		if !ok || !inLots(&sku.Versions[at]) {
			continue
		}
		v := &sku.Versions[at]
		if _, known := plan.lotStarts[v]; !known {
			if plan.lotStarts == nil {
				plan.lotStarts = map[*price.Version]lotStart{}
			}
			plan.lotStarts[v] = lotStart{plan.before[i], paid[v.Model]}
		}
		units, err := plan.paidBetween(plan.before[i], plan.before[i+1])
		if err == nil {
			paid[v.Model], err = money.Add(paid[v.Model], units)
		}
		if err != nil {
			return fmt.Errorf("usage of SKU %s in the month: %w", sku.ID, err)
		}
	}
	return nil
}

// paidBetween returns how many units between two counts are not free.
func (s *skuPlan) paidBetween(from, to money.Usage) (money.Usage, error) {
	units, err := money.Sub(to, from)
	if err != nil {
		return units, err
	}
	free, err := money.Sub(money.Min(to, s.freeTo), money.Max(from, s.freeFrom))
	if err != nil || money.Sign(free) <= 0 {
		return units, err
	}
	return money.Sub(units, free)
}

// lots counts the packages that units start, or the monthly price that the first
// of them owes. Units that are free, or were paid for by another model, do not
// count.
func (s *skuPlan) lots(v *price.Version, before, amount money.Usage) (int64, error) {
	start := s.lotStarts[v]
	paid, err := s.paidBetween(start.count, before)
	if err != nil {
		return 0, err
	}
	if before, err = money.Add(start.paid, paid); err != nil {
		return 0, err
	}
	if v.Model == price.Package {
		return v.Packages(before, amount)
	}
	if money.Sign(before) == 0 && money.Sign(amount) > 0 {
		return 1, nil
	}
	return 0, nil
}

// blendedRate is the month's cost of a SKU over its usage, to 10 decimals: the
// average that the organization pays. Units are summed by rate before anything
// is rounded; where all have one rate, that is the average.
func (p *Plan) blendedRate(key payerSKU, plan *skuPlan) (money.Rate, error) {
	s := &p.in.Catalog.SKUs[key.sku]
	rate, err := p.average(s, key, plan)
	if err != nil {
		return rate, fmt.Errorf("blended rate of SKU %s: %w", s.ID, err)
	}
	return rate, nil
}

func (p *Plan) average(s *price.SKU, key payerSKU, plan *skuPlan) (money.Rate, error) {
	sums, lots, err := p.unitsByRate(s, plan)
	if err != nil {
		return money.Rate{}, err
	}
	units := plan.total()
	if taken := p.covered[key]; taken != nil {
		for _, sum := range taken.rates {
			if sums, err = sums.add(sum.rate, sum.units); err != nil {
				return money.Rate{}, err
			}
			if units, err = money.Add(units, sum.units); err != nil {
				return money.Rate{}, err
			}
		}
	}
	switch {
	case money.Sign(units) == 0:
		return money.Rate{}, nil
	case len(sums) == 1 && !lots:
		return sums[0].rate, nil
	}
	return sums.average(units)
}

// rateSums are the units of a month by their rate, in order of first sight.
type rateSums []rateSum

type rateSum struct {
	rate  money.Rate
	units money.Usage
}

// unitsByRate leaves out what has no units. Where lots is true, some of the
// units are packages or months and not those of the usage.
func (p *Plan) unitsByRate(s *price.SKU, plan *skuPlan) (sums rateSums, lots bool, err error) {
	var scratch []portion
	for i := range len(plan.before) - 1 {
		amount, err := money.Sub(plan.before[i+1], plan.before[i])
		if err != nil {
			return nil, false, err
		}
		version, ok := s.At(p.in.priceTime(p.first + schema.Hour(i)))
		if !ok || money.Sign(amount) == 0 {
			continue
		}
		v := &s.Versions[version]
		lots = lots || inLots(v)
		if scratch, err = plan.portions(scratch[:0], v, plan.before[i], amount); err != nil {
			return nil, false, err
		}
		for _, part := range scratch {
			rate, units := part.priced(v)
			if sums, err = sums.add(rate, units); err != nil {
				return nil, false, err
			}
		}
	}
	return sums, lots, nil
}

// priced returns the rate of a portion and how many times it is due.
func (p portion) priced(v *price.Version) (money.Rate, money.Usage) {
	switch {
	case p.free:
		return money.Rate{}, p.amount
	case inLots(v):
		return v.Tiers[p.tier].Rate, money.UsageFromInt(p.lots)
	}
	return v.Tiers[p.tier].Rate, p.amount
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

// average returns the exact cost over units, rounded half away from zero to 10
// decimals.
func (s rateSums) average(units money.Usage) (money.Rate, error) {
	cost := new(big.Int) // of 36 decimals, twice
	for _, sum := range s {
		part := integer(sum.rate.Int128())
		cost.Add(cost, part.Mul(part, integer(sum.units.Int128())).Lsh(part, 1))
	}
	tens := big.NewInt(1e8) // from 18 decimals to 10
	div := new(big.Int).Mul(integer(units.Int128()), tens)
	cost.Add(cost, div).Quo(cost, div.Lsh(div, 1))
	if cost.Mul(cost, tens).BitLen() > 126 {
		return money.Rate{}, money.ErrOverflow
	}
	rate := money.Rate(int128(cost))
	if !money.InRange(rate) {
		return money.Rate{}, money.ErrOverflow
	}
	return rate, nil
}

// integer returns the word of an amount, int128 that of a positive number below
// 2^127.
func integer(x money.Int128) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(x.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(x.Lo))
}

func int128(n *big.Int) money.Int128 {
	low := new(big.Int).SetUint64(math.MaxUint64)
	return money.Int128{Lo: low.And(n, low).Uint64(), Hi: new(big.Int).Rsh(n, 64).Int64()}
}
