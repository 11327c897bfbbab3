package rate

import (
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// discountKey is what one discount row stands for.
type discountKey struct {
	head             batch.Head
	region, id, kind string
}

// discountRows are those of step 4: what each discount took off the lines, as
// one row per account, service, usage type, operation and region. Net cost is
// not in them, the lines have it already.
func (m *Month) discountRows() ([]Item, error) {
	words := map[string]string{}
	for _, d := range m.in.Offers.Discounts {
		words[d.ID] = d.Description
	}
	var items []Item
	for key, sum := range m.discounts {
		if money.Sign(sum) == 0 {
			continue
		}
		it := newItem(key.kind, key.head, m.firstHour(), describe(words[key.id], key.kind, key.id))
		it.Tail.Region = key.region
		// The id alone: a private rate takes another amount off each tier.
		it.Terms.Discounts = batch.EncodeDiscounts([]batch.Discount{{ID: key.id, Type: key.kind}})
		it.Unblended = money.Neg(sum)
		it.Effective = it.Unblended
		items = append(items, it)
	}
	return items, nil
}
