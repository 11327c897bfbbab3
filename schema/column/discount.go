package column

import (
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// applied returns the discounts of a row and what each takes off its cost, as
// they were rated.
func (v *View) applied(row uint32) ([]batch.Discount, []money.Cost) {
	term := v.rows.Term[row]
	list, ok := v.discounts[term]
	if !ok {
		var err error
		if list, err = batch.DecodeDiscounts(v.tables.Terms[term].Discounts); err != nil {
			panic("column: " + err.Error()) // the text was written by EncodeApplied
		}
		v.discounts[term] = list
	}
	amounts, err := batch.DiscountAmounts(list, v.rows.Unblended[row], v.rows.Amount[row])
	if err != nil {
		panic("column: " + err.Error()) // the same figures were rated before
	}
	return list, amounts
}

// netCosts are the costs after discounts, of all rows where a discount holds.
func netCosts(v *View, _ *cache) Values {
	if !v.owner.Discounted {
		return Values{}
	}
	return Values{Shape: Costs, Costs: v.rows.Net}
}

// totalDiscount is what all discounts take off a row.
func totalDiscount(v *View, c *cache) Values {
	c.costs = c.costs[:0]
	for _, row := range v.terms.discounted {
		c.costs = append(c.costs, exactly(money.Sub(v.rows.Unblended[row], v.rows.Net[row])))
	}
	return sparse(Values{Shape: Costs, Rows: v.terms.discounted, Costs: c.costs})
}

const bundled = "BundledDiscount"

// bundledDiscount is what the discounts of a bundle take off a row.
func bundledDiscount(v *View, c *cache) Values {
	c.some, c.costs = c.some[:0], c.costs[:0]
	for _, row := range v.terms.discounted {
		if !strings.Contains(v.termsOf(row).Discounts, bundled) {
			continue
		}
		list, amounts := v.applied(row)
		sum, found := money.Cost{}, false
		for i, a := range list {
			if a.Type == bundled {
				sum, found = exactly(money.Add(sum, amounts[i])), true
			}
		}
		if found {
			c.some, c.costs = append(c.some, row), append(c.costs, sum)
		}
	}
	return sparse(Values{Shape: Costs, Rows: c.some, Costs: c.costs})
}

// discountKey is all that the discounts of a row depend on.
type discountKey struct {
	term      uint32
	unblended money.Cost
	amount    money.Usage
}

// discountMap is what each discount takes off a row. Maps are made anew for
// every batch, because they are as many as there are amounts.
func discountMap(v *View, c *cache) Values {
	c.maps = append(c.maps[:0], nil)
	if len(v.terms.discounted) == 0 {
		return Values{Shape: Maps, Maps: c.maps}
	}
	known := map[discountKey]uint32{}
	out := c.same(v.Len(), 0)
	for _, row := range v.terms.discounted {
		key := discountKey{v.rows.Term[row], v.rows.Unblended[row], v.rows.Amount[row]}
		code, ok := known[key]
		if !ok {
			code = uint32(len(c.maps))
			known[key] = code
			c.maps = append(c.maps, v.discountsOf(row))
		}
		out[row] = code
	}
	return Values{Shape: Maps, Codes: out, Maps: c.maps}
}

func (v *View) discountsOf(row uint32) []schema.Tag {
	list, amounts := v.applied(row)
	tags := make([]schema.Tag, len(list))
	for i, a := range list {
		tags[i] = schema.Tag{Key: a.ID, Value: amounts[i].String()}
	}
	slices.SortFunc(tags, func(a, b schema.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags
}
