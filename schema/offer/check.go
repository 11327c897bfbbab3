package offer

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Matches tells whether the selector picks a SKU: one of its keys fits.
func (s Selector) Matches(sku *price.SKU) bool {
	if s.matches(sku.Key()) {
		return true
	}
	return slices.ContainsFunc(sku.More, s.matches)
}

func (s Selector) matches(k price.Key) bool {
	return (s.ServiceCode == "" || s.ServiceCode == k.ServiceCode) &&
		fits(s.UsageType, k.UsageType) && fits(s.Operation, k.Operation) && fits(s.Region, k.Region)
}

// fits compares a text with a pattern in which * stands for any run of
// characters, none included. A blank pattern fits everything.
func fits(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	star, mark := -1, 0 // the last star, and where the text it swallows ends
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Picks tells whether one of the pool's selectors matches a SKU.
func (p *Pool) Picks(sku *price.SKU) bool {
	return slices.ContainsFunc(p.Select, func(s Selector) bool { return s.Matches(sku) })
}

// Holds tells whether the pool gives its allowance in the month [start, end):
// it does if the middle of the month is inside its dates. The dates are firsts
// of months, so they name the same months in every time zone.
func (p *Pool) Holds(start, end time.Time) bool {
	middle := start.Add(end.Sub(start) / 2)
	return (p.From.IsZero() || !middle.Before(p.From.In(time.UTC))) &&
		(p.Until.IsZero() || middle.Before(p.Until.In(time.UTC)))
}

// PoolIndex returns for every SKU of the catalog the index in FreeTier of the
// pool that holds in the month [start, end), or -1. The offers must have passed
// Check with this catalog.
func (o *Offers) PoolIndex(c *price.Catalog, start, end time.Time) []int {
	pools := make([]int, len(c.SKUs))
	for i := range pools {
		pools[i] = -1
	}
	for n := range o.FreeTier {
		pool := &o.FreeTier[n]
		if !pool.Holds(start, end) {
			continue
		}
		for i := range c.SKUs {
			if pools[i] < 0 && pool.Picks(&c.SKUs[i]) {
				pools[i] = n
			}
		}
	}
	return pools
}

// Check returns every contradiction in the offers and between them and the
// catalog; file names the offers in messages. Field is the path of the value,
// such as free_tier[2].allowance. Without a catalog only the offers themselves
// are checked.
func (o *Offers) Check(file string, c *price.Catalog) schema.Problems {
	k := offerCheck{file: file}
	seen := map[string]int{}
	for i := range o.FreeTier {
		p := &o.FreeTier[i]
		if first, twice := seen[p.ID]; twice {
			k.fault(i, "id", p.ID, fmt.Sprintf("stands twice, first at free_tier[%d]", first), "give each pool its own id")
		}
		seen[p.ID] = i
		k.pool(i, p)
	}
	if c != nil {
		k.members(o.FreeTier, c)
	}
	return k.problems
}

type offerCheck struct {
	file     string
	problems schema.Problems
}

func (k *offerCheck) fault(pool int, field, value, reason, hint string) {
	k.problems = append(k.problems, schema.Problem{File: k.file, Field: fmt.Sprintf("free_tier[%d].%s", pool, field),
		Value: value, Reason: reason, Hint: hint})
}

// pool checks what can be told from one pool alone.
func (k *offerCheck) pool(i int, p *Pool) {
	if p.ID == "" {
		k.fault(i, "id", "", "is blank", "name the pool; its id stands on the charges that it makes free")
	}
	if money.Sign(p.Allowance) <= 0 {
		k.fault(i, "allowance", p.Allowance.String(), "is not above zero", "give the units that are free in a month")
	}
	if p.Unit == "" {
		k.fault(i, "unit", "", "is blank", "write the unit of the prices, such as GB-Mo")
	}
	if len(p.Select) == 0 {
		k.fault(i, "select", "", "picks nothing", "list at least one selector")
	}
	for n, s := range p.Select {
		if s == (Selector{}) {
			k.fault(i, fmt.Sprintf("select[%d]", n), "", "is blank and would pick every price", "name a service code at least")
		}
	}
	for _, d := range []struct {
		field string
		date  schema.Date
	}{{"from", p.From}, {"until", p.Until}} {
		if !d.date.IsZero() && d.date.Day != 1 {
			k.fault(i, d.field, d.date.String(), "is not the first of a month", "an allowance is given for whole months")
		}
	}
	if !p.Until.IsZero() && !p.From.In(time.UTC).Before(p.Until.In(time.UTC)) {
		k.fault(i, "until", p.Until.String(), "is not after from", "until is the first day no longer")
	}
}

// members checks the pools against the prices that they pick.
func (k *offerCheck) members(pools []Pool, c *price.Catalog) {
	held := make([][]int, len(c.SKUs)) // pools of each SKU
	clash := map[[2]int]bool{}
	for i := range pools {
		p := &pools[i]
		first := -1
		unitFault := false
		for s := range c.SKUs {
			sku := &c.SKUs[s]
			if !p.Picks(sku) {
				continue
			}
			if first < 0 {
				first = s
			} else if sku.Currency != c.SKUs[first].Currency {
				k.fault(i, "select", string(sku.Currency), fmt.Sprintf("is the currency of SKU %s, but %s has %s", sku.ID, c.SKUs[first].ID, c.SKUs[first].Currency), "a pool has one currency")
			}
			if unit, other := p.otherUnit(sku); other && !unitFault {
				unitFault = true
				k.fault(i, "unit", p.Unit, fmt.Sprintf("is not the unit of SKU %s, %s (%s)", sku.ID, unit, sku.UsageType), "a pool counts prices of one unit")
			}
			for _, other := range held[s] {
				pair := [2]int{other, i}
				if !clash[pair] && overlap(&pools[other], p) {
					clash[pair] = true
					k.fault(i, "select", p.ID, fmt.Sprintf("picks SKU %s (%s), as pool %s does at the same time", sku.ID, sku.UsageType, pools[other].ID), "a SKU is in one pool at a time")
				}
			}
			held[s] = append(held[s], i)
		}
		if first < 0 {
			k.fault(i, "select", p.ID, "picks no SKU of the price list", "compare service_code, usage_type, operation and region_code with the list")
		}
	}
}

// otherUnit returns the unit of a price that holds while the pool does and is
// not the pool's.
func (p *Pool) otherUnit(sku *price.SKU) (string, bool) {
	from, until := int64(math.MinInt64), int64(math.MaxInt64)
	if !p.From.IsZero() {
		from = p.From.In(time.UTC).Unix()
	}
	if !p.Until.IsZero() {
		until = p.Until.In(time.UTC).Unix()
	}
	for i, v := range sku.Versions {
		ended := i+1 < len(sku.Versions) && sku.Versions[i+1].Effective <= from
		if !ended && v.Effective < until && v.Unit != p.Unit {
			return v.Unit, true
		}
	}
	return "", false
}

func overlap(a, b *Pool) bool {
	before := func(x, y *Pool) bool { // x ends before y begins
		return !x.Until.IsZero() && !y.From.IsZero() && !y.From.In(time.UTC).Before(x.Until.In(time.UTC))
	}
	return !before(a, b) && !before(b, a)
}
