package rate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// commitments are the reservations and plans that hold in some hour of a month
// and what each of them may cover.
type commitments struct {
	reservations []int32          // indices into Offers, given coverage left out
	plans        []int32          // indices into Offers
	given        map[string]int32 // index by id of reservations whose coverage is given
	reserved     []bool           // by SKU: a reservation may cover it
	planned      []bool           // by SKU: a plan may cover it
}

// commitmentsOf returns nil where nothing can be covered.
func commitmentsOf(in Input) *commitments {
	c := &commitments{given: map[string]int32{}, reserved: make([]bool, len(in.Catalog.SKUs)), planned: make([]bool, len(in.Catalog.SKUs))}
	for i := range in.Offers.Reservations {
		r := &in.Offers.Reservations[i]
		switch holds := r.Start.Before(in.Period.End) && r.End.After(in.Period.Start); {
		case r.Given:
			c.given[r.ID] = int32(i)
		case holds:
			c.reservations = append(c.reservations, int32(i))
			markEach(c.reserved, in.Catalog, func(s *price.SKU) bool { return reserves(r, s) })
		}
	}
	for i := range in.Offers.SavingsPlans {
		p := &in.Offers.SavingsPlans[i]
		if p.Start.Before(in.Period.End) && p.End.After(in.Period.Start) {
			c.plans = append(c.plans, int32(i))
			markEach(c.planned, in.Catalog, func(s *price.SKU) bool { return plansFor(p, s) })
		}
	}
	if len(c.reservations)+len(c.plans)+len(c.given) == 0 {
		return nil
	}
	return c
}

func markEach(marks []bool, catalog *price.Catalog, picked func(*price.SKU) bool) {
	for i := range marks {
		marks[i] = marks[i] || picked(&catalog.SKUs[i])
	}
}

// reserves tells whether a reservation is for a SKU, whatever the zone.
func reserves(r *offer.Reservation, sku *price.SKU) bool {
	return slices.ContainsFunc(sku.Keys(), func(k price.Key) bool {
		return r.Covers(k.ServiceCode, k.UsageType, k.Operation, k.Region, r.Zone)
	})
}

// plansFor tells whether a plan may cover a SKU at the price of some date.
func plansFor(p *offer.SavingsPlan, sku *price.SKU) bool {
	return slices.ContainsFunc(sku.Versions, func(v price.Version) bool {
		_, ok := p.RateFor(sku, dearest(&v).Rate)
		return ok
	})
}

// covers tells whether anything may cover a SKU. Given coverage may be of any.
func (c *commitments) covers(sku int32) bool {
	return c != nil && (c.reserved[sku] || c.planned[sku] || len(c.given) > 0)
}

// cellKey names usage that is dealt with as one: a payer's account, SKU and
// zone, and apart from it what names a reservation whose coverage is given.
type cellKey struct {
	payer, sku    int32
	account, zone string
	given         int32 // index of that reservation, -1 for none
}

// cellOf returns the cell of usage, or false where it is in none: its cost came
// with it, or it is no plain usage.
func (c *commitments) cellOf(payer, sku int32, h batch.Head, t batch.Tail) (cellKey, bool) {
	if !c.covers(sku) || t.Priced || t.LineItemType != schema.LineItemUsage {
		return cellKey{}, false
	}
	key := cellKey{payer: payer, sku: sku, account: h.Account, zone: t.Zone, given: -1}
	if given, ok := c.given[t.Commitment]; ok {
		key.given = given
		return key, true
	}
	return key, c.reserved[sku] || c.planned[sku]
}

// coveredTail is the tail of the covered part of a line.
func coveredTail(t batch.Tail, lineItemType string) batch.Tail {
	t.LineItemType = lineItemType
	return t
}

// pair is where a record's cell is found without asking by value again.
type pair struct {
	payer      int32
	head, tail uint32
}

// addToCell counts a record in its cell, if it has one.
func (t *Totals) addToCell(payer, sku int32, head, tail uint32, hour int, amount money.Usage) error {
	key := pair{payer, head, tail}
	sums, known := t.pairs[key]
	if !known {
		sums = t.cellSums(payer, sku, head, tail)
		t.pairs[key] = sums
	}
	if sums == nil {
		return nil
	}
	sum, err := money.Add(sums[hour], amount)
	if err != nil {
		return fmt.Errorf("usage of SKU %s in one hour: %w", t.in.Catalog.SKUs[sku].ID, err)
	}
	sums[hour] = sum
	return nil
}

// cellSums returns the sums of the cell of a pair of codes, nil where it has
// none, and sees to it that the covered parts of its lines have tails: none can
// be added once the dictionaries are sorted.
func (t *Totals) cellSums(payer, sku int32, head, tail uint32) []money.Usage {
	value := t.dims.Tails.Value(tail)
	key, ok := t.commitments.cellOf(payer, sku, t.dims.Heads.Value(head), value)
	if !ok {
		return nil
	}
	for _, v := range t.in.Catalog.SKUs[sku].Versions {
		value.Unit = v.Unit
		if key.given >= 0 || t.commitments.reserved[sku] {
			t.dims.Tails.Code(coveredTail(value, schema.LineItemDiscountedUsage))
		}
		if key.given < 0 && t.commitments.planned[sku] {
			t.dims.Tails.Code(coveredTail(value, schema.LineItemSavingsPlanCoveredUsage))
		}
	}
	if t.cells[key] == nil {
		t.cells[key] = make([]money.Usage, t.hours)
	}
	return t.cells[key]
}

// sortedCells returns the keys of all cells: by payer, then in the order in
// which a reservation goes through cells of one size.
func (t *Totals) sortedCells() []cellKey {
	keys := make([]cellKey, 0, len(t.cells))
	for key := range t.cells {
		keys = append(keys, key)
	}
	skus := t.in.Catalog.SKUs
	slices.SortFunc(keys, func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.payer, b.payer), compareSKUs(&skus[a.sku], &skus[b.sku]),
			strings.Compare(a.account, b.account), strings.Compare(a.zone, b.zone), cmp.Compare(a.given, b.given))
	})
	return keys
}

// compareSKUs orders SKUs by usage type, operation, region and id.
func compareSKUs(a, b *price.SKU) int {
	return cmp.Or(strings.Compare(a.UsageType, b.UsageType), strings.Compare(a.Operation, b.Operation),
		strings.Compare(a.Region, b.Region), strings.Compare(a.ID, b.ID))
}
