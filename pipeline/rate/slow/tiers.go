package slow

import (
	"math/big"
	"sort"
	"time"

	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// tiers rates what commitments leave: pools first, then the models of the prices.
func (p *pass) tiers() {
	bySKU := map[*sku][]*line{}
	for _, l := range byTime(p.lines) {
		switch {
		case l.priced:
			p.charges = append(p.charges, &charge{line: l, portion: passed, amount: l.amount, cost: l.cost})
		case !l.done:
			bySKU[l.sku] = append(bySKU[l.sku], l)
		}
	}
	for i := range p.Offers.FreeTier {
		p.serve(&p.Offers.FreeTier[i], bySKU)
	}
	for _, s := range p.skus {
		p.rateSKU(bySKU[s])
	}
}

// serve gives a pool's allowance away.
func (p *pass) serve(pool *offer.Pool, bySKU map[*sku][]*line) {
	begin, end, ok := p.poolStretch(pool)
	if !ok || !p.holds(pool.From, pool.Until, p.Period.Start) {
		return
	}
	var skus []*sku
	for _, s := range p.skus {
		if len(bySKU[s]) > 0 && p.pooled(pool, s) {
			skus = append(skus, s)
		}
	}
	sort.Slice(skus, func(a, b int) bool {
		return firstOf(skus[b].at(p.last()).list.Cmp(skus[a].at(p.last()).list), before(skus[a], skus[b])) < 0
	})
	left := dec(pool.Allowance.String())
	for _, s := range skus {
		var ls []*line
		for _, l := range bySKU[s] {
			if at := p.instant(l.hour); l.pool == "" && !at.Before(begin) && (end.IsZero() || at.Before(end)) {
				ls = append(ls, l)
			}
		}
		given := least(left, hourEnds(ls))
		left = sub(left, given)
		free(pool.ID, given, ls)
	}
}

// free makes the first units of a SKU's lines free. A line of nothing is free
// where all units of its hour are, or where the next unit would be.
func free(pool string, given *big.Rat, ls []*line) {
	count, start := zero(), zero()
	for i, l := range ls {
		if i == 0 || l.hour != ls[i-1].hour {
			start = count
		}
		left := sub(given, count)
		if whole := l.left.Sign() == 0 && start.Cmp(given) < 0 && l.end.Cmp(given) <= 0; left.Sign() > 0 || whole {
			l.free, l.pool = least(left, l.left), pool
		}
		count = add(count, l.left)
	}
}

func (p *pass) pooled(pool *offer.Pool, s *sku) bool {
	for _, sel := range pool.Select {
		if s.picks(sel) {
			return true
		}
	}
	return false
}

// poolStretch is when a pool serves the payer, with a zero end for ever; not ok
// where it never does.
func (p *pass) poolStretch(pool *offer.Pool) (begin, end time.Time, ok bool) {
	if pool.Months == 0 && pool.Days == 0 {
		return begin, end, true
	}
	since := p.payer.Since
	if since.IsZero() {
		return begin, end, false
	}
	begin = p.day(since)
	if pool.Months > 0 {
		d := since
		d.Month += time.Month(pool.Months)
		for d.Month > 12 {
			d.Month, d.Year = d.Month-12, d.Year+1
		}
		for time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Day() != d.Day {
			d.Day--
		}
		end = p.day(d)
	}
	if pool.Days > 0 {
		if e := p.day(since.AddDays(pool.Days)); end.IsZero() || e.Before(end) {
			end = e
		}
	}
	return begin, end, true
}

// rateSKU rates the lines of one SKU in the order of time.
func (p *pass) rateSKU(ls []*line) {
	count, packed, total := zero(), zero(), hourEnds(ls)
	partlyFree(ls)
	flat, start := false, count
	for i, l := range ls {
		if i == 0 || l.hour != ls[i-1].hour {
			start = count
		}
		v, rest := l.version, sub(l.left, l.free)
		if l.pool != "" {
			p.charges = append(p.charges, &charge{line: l, portion: unpaid, amount: l.free, rate: zero()})
			count = add(count, l.free)
			if rest.Sign() == 0 {
				continue
			}
		}
		switch v.Model {
		case price.Volume:
			p.atRate(l, rest, v.tiers[v.volumeTier(total)])
		case price.Package:
			end := add(packed, rest)
			started := new(big.Int).Sub(ceil(quo(end, v.size)), ceil(quo(packed, v.size)))
			packed = end
			p.lump(l, rest, mul(v.tiers[0].rate, new(big.Rat).SetInt(started)))
		case price.Flat:
			cost := zero()
			if !flat && rest.Sign() > 0 {
				flat, cost = true, v.tiers[0].rate
			}
			p.lump(l, rest, cost)
		default:
			p.graduate(l, count, rest, start)
		}
		count = add(count, rest)
	}
}

// hourEnds tells each line what is counted when its hour ends, and returns the
// total of the month.
func hourEnds(ls []*line) *big.Rat {
	total := zero()
	for i := 0; i < len(ls); {
		end := i
		for ; end < len(ls) && ls[end].hour == ls[i].hour; end++ {
			total = add(total, ls[end].left)
		}
		for ; i < end; i++ {
			ls[i].end = total
		}
	}
	return total
}

// partlyFree marks the lines of hours in which a pool runs out or begins.
func partlyFree(ls []*line) {
	for i := 0; i < len(ls); {
		end, some, all := i, false, true
		for ; end < len(ls) && ls[end].hour == ls[i].hour; end++ {
			some = some || ls[end].free.Sign() > 0
			all = all && ls[end].free.Cmp(ls[end].left) == 0
		}
		for ; i < end; i++ {
			ls[i].part = some && !all
		}
	}
}

// graduate rates an amount that begins where the month counts so much already.
// A line of nothing stands in the tier of its hour's units where they have but
// one and are not partly free, else in that of the next unit.
func (p *pass) graduate(l *line, count, amount, start *big.Rat) {
	if t := l.version.tierAt(start); amount.Sign() == 0 && !l.part && (t.end == nil || l.end.Cmp(t.end) <= 0) {
		p.atRate(l, amount, t)
		return
	}
	for {
		t := l.version.tierAt(count)
		take := amount
		if t.end != nil {
			take = least(amount, sub(t.end, count))
		}
		p.atRate(l, take, t)
		if amount = sub(amount, take); amount.Sign() == 0 {
			return
		}
		count = add(count, take)
	}
}

// tierAt is the tier of the next unit after so many.
func (v *version) tierAt(count *big.Rat) tier {
	for _, t := range v.tiers {
		if t.end == nil || count.Cmp(t.end) < 0 {
			return t
		}
	}
	return v.tiers[len(v.tiers)-1]
}

// volumeTier is the tier of the last unit of so many.
func (v *version) volumeTier(total *big.Rat) int {
	for i, t := range v.tiers {
		if t.end == nil || total.Cmp(t.end) <= 0 {
			return i
		}
	}
	return len(v.tiers) - 1
}

func (p *pass) atRate(l *line, amount *big.Rat, t tier) {
	p.charges = append(p.charges, &charge{line: l, portion: tiered, amount: amount, rate: t.rate, code: t.code})
}

func (p *pass) lump(l *line, amount, cost *big.Rat) {
	p.charges = append(p.charges, &charge{line: l, portion: lump, amount: amount, cost: cost, code: l.version.tiers[0].code})
}

// blend finds each SKU's average rate: reservation units at 0, plan units at
// the list rate, the others at their own.
func (p *pass) blend() {
	type sums struct {
		cost, units, rate *big.Rat
		several           bool
	}
	all := map[*sku]*sums{}
	for _, c := range p.charges {
		if c.portion == passed || c.amount.Sign() == 0 {
			continue
		}
		s := all[c.sku]
		if s == nil {
			s = &sums{cost: zero(), units: zero(), rate: c.rate}
			all[c.sku] = s
		}
		if c.portion == lump {
			s.several = true
			s.cost.Add(s.cost, c.cost)
		} else {
			s.several = s.several || s.rate == nil || s.rate.Cmp(c.rate) != 0
			s.cost.Add(s.cost, mul(c.rate, c.amount))
		}
		s.units.Add(s.units, c.amount)
	}
	for _, s := range all {
		if s.several {
			s.rate = round(quo(s.cost, s.units), 10)
		}
	}
	for _, c := range p.charges {
		c.blended = zero()
		if s := all[c.sku]; c.portion != passed && s != nil {
			c.blended = s.rate
		}
	}
}

// write makes a row of every charge of a line.
func (p *pass) write() {
	for _, c := range p.charges {
		r := Row{Account: c.account, Service: c.service, UsageType: c.usageType, Operation: c.operation, Resource: c.resource,
			Hour: c.hour, Region: c.region, Zone: c.zone, Tags: c.tags, Type: c.kind, Unit: c.unit, Amount: c.amount, Upfront: zero()}
		if c.portion != passed {
			r.SKU, r.RateCode, r.Unit = c.sku.ID, c.code, c.version.Unit
			r.Blended = round(mul(c.blended, c.amount), 10)
			r.List = round(mul(c.version.list, c.amount), 10)
		}
		switch c.portion {
		case passed:
			r.Unblended, r.Blended, r.List = c.cost, c.cost, zero()
		case reserved:
			r.Type, r.Commitment, r.Unblended = "DiscountedUsage", c.by, zero()
		case planned:
			r.Type, r.Commitment, r.Unblended = "SavingsPlanCoveredUsage", c.by, r.List
		case unpaid:
			r.Pool, r.Unblended = c.pool, zero()
			if c.version.Model == price.Package || c.version.Model == price.Flat {
				r.List = zero()
			}
		case tiered:
			r.Unblended = round(mul(c.rate, c.amount), 10)
			r.List = r.Unblended
		case lump:
			r.Unblended = round(c.cost, 10)
			r.List = r.Unblended
		}
		r.Net, r.Effective = r.Unblended, r.Unblended
		if c.effective != nil {
			r.Effective, r.Upfront = c.effective, c.upfront
		}
		c.row = len(p.rows)
		p.rows = append(p.rows, r)
	}
}
