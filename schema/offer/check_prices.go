package offer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Bounds of the stretch in which a pool serves a new customer.
const (
	maxMonths = 120
	maxDays   = 3660
)

// pool checks what can be told from one pool alone.
func (k *check) pool(path string, p *Pool) {
	if money.Sign(p.Allowance) <= 0 {
		k.fault(path+".allowance", p.Allowance.String(), "is not above zero", "give the units that are free in a month")
	}
	if p.Unit == "" {
		k.fault(path+".unit", "", "is blank", "write the unit of the prices, such as GB-Mo")
	}
	if len(p.Select) == 0 {
		k.fault(path+".select", "", "picks nothing", "list at least one selector")
	}
	k.selectors(path+".select", p.Select)
	k.firsts(path, p.From, p.Until)
	switch {
	case p.Months < 0 || p.Months > maxMonths:
		k.fault(path+".first_months", fmt.Sprint(p.Months), fmt.Sprintf("is not a number of months from 1 to %d", maxMonths), "take it away for a pool without end")
	case p.Days < 0 || p.Days > maxDays:
		k.fault(path+".trial_days", fmt.Sprint(p.Days), fmt.Sprintf("is not a number of days from 1 to %d", maxDays), "take it away for a pool without end")
	case p.Months > 0 && p.Days > 0:
		k.fault(path+".trial_days", fmt.Sprint(p.Days), "stands beside first_months", "keep one of the two")
	}
}

func (k *check) discount(path string, d *Discount) {
	if !discountType(d.Type) {
		k.fault(path+".type", d.Type, "is not a line item type of discounts", "write Discount, EdpDiscount, PrivateRateDiscount, SppDiscount, BundledDiscount or another word in Discount")
	}
	k.accounts(path+".payers", d.Payers)
	k.accounts(path+".accounts", d.Accounts)
	k.selectors(path+".select", d.Select)
	k.words(path+".skus", d.SKUs)
	for _, key := range slices.Sorted(maps.Keys(d.Tags)) {
		if key == "" {
			k.fault(path+".tags", "", "has a blank key", "name the tag")
		}
		k.noStar(path+".tags."+key, d.Tags[key])
	}
	k.reduction(path, d)
	k.dates(path, d.From, d.Until)
}

// reduction checks that a discount says once by how much.
func (k *check) reduction(path string, d *Discount) {
	share := d.Factor != (money.Rate{})
	switch {
	case share && d.Private:
		k.fault(path+".rate", d.Rate.String(), "stands beside a percentage", "keep one of the two")
	case !share && !d.Private && d.Rate == (money.Rate{}):
		k.fault(path+".factor", "", "is not above zero, and no rate is given", "give one of the two")
	case !d.Private && d.Rate != (money.Rate{}):
		k.fault(path+".private", "", "is not set, but a rate is given", "set it for a rate in place of the price's")
	case money.Sign(d.Rate) < 0:
		k.fault(path+".rate", d.Rate.String(), "is negative", "give the rate that is charged")
	}
	k.share(path+".factor", d.Factor)
}

// discountType tells whether a word is a line item type in which discounts are
// shown: Discount, or a word in front of it that begins with a capital letter.
func discountType(s string) bool {
	word, found := strings.CutSuffix(s, "Discount")
	return found && len(s) <= 64 && (word == "" || word[0] >= 'A' && word[0] <= 'Z' && strings.Trim(word, letters[:62]) == "")
}

// members checks the pools against the prices that they pick.
func (k *check) members(pools []Pool, c *price.Catalog) {
	held := make([][]int, len(c.SKUs)) // pools of each SKU
	clash := map[[2]int]bool{}
	for i := range pools {
		p := &pools[i]
		path := fmt.Sprintf("free_tier[%d]", i)
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
				k.fault(path+".select", string(sku.Currency), fmt.Sprintf("is the currency of SKU %s, but %s has %s", sku.ID, c.SKUs[first].ID, c.SKUs[first].Currency), "a pool has one currency")
			}
			if unit, other := p.otherUnit(sku); other && !unitFault {
				unitFault = true
				k.fault(path+".unit", p.Unit, fmt.Sprintf("is not the unit of SKU %s, %s (%s)", sku.ID, unit, sku.UsageType), "a pool counts prices of one unit")
			}
			for _, other := range held[s] {
				pair := [2]int{other, i}
				if !clash[pair] && overlap(&pools[other], p) {
					clash[pair] = true
					k.fault(path+".select", p.ID, fmt.Sprintf("picks SKU %s (%s), as pool %s does at the same time", sku.ID, sku.UsageType, pools[other].ID), "a SKU is in one pool at a time")
				}
			}
			held[s] = append(held[s], i)
		}
		if first < 0 {
			k.fault(path+".select", p.ID, "picks no SKU of the price list", "compare service_code, usage_type, operation and region_code with the list")
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

// prices checks the discounts against the prices that they are for.
func (k *check) prices(discounts []Discount, c *price.Catalog) {
	known := make(map[string]bool, len(c.SKUs))
	for i := range c.SKUs {
		known[c.SKUs[i].ID] = true
	}
	for i := range discounts {
		d, path := &discounts[i], fmt.Sprintf("discounts[%d]", i)
		for n, id := range d.SKUs {
			if !known[id] {
				k.fault(fmt.Sprintf("%s.skus[%d]", path, n), id, "is no SKU of the price list", "take it from the SKU column")
			}
		}
		if !d.Private || len(d.Select)+len(d.SKUs) == 0 {
			continue // one for every SKU takes what has a rate per unit
		}
		for s := range c.SKUs {
			if sku := &c.SKUs[s]; d.PicksSKU(sku) && perMonth(sku) {
				k.fault(path+".rate", d.Rate.String(), fmt.Sprintf("is for SKU %s (%s), which has no rate per unit", sku.ID, sku.UsageType), "pick prices that are neither packages nor flat")
				break
			}
		}
	}
}

// perMonth tells whether a price is of packages or flat, so that no unit of it
// has a rate.
func perMonth(sku *price.SKU) bool {
	return slices.ContainsFunc(sku.Versions, func(v price.Version) bool { return v.Model == price.Package || v.Model == price.Flat })
}
