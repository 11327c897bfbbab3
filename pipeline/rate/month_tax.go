package rate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// taxSegments are cut where a tax rule begins or ends.
func (p *Plan) taxSegments() segments {
	var dates []schema.Date
	for i := range p.in.Offers.Taxes {
		dates = append(dates, p.in.Offers.Taxes[i].From, p.in.Offers.Taxes[i].Until)
	}
	return p.segmentsAt(dates)
}

// taxes are the rows of step 10, and what each rule comes to, by rule id.
func (m *Month) taxes(all ledger) ([]Item, []bill.Tax, error) {
	var items []Item
	var sums []bill.Tax
	for i := range m.in.Offers.Taxes {
		t := &m.in.Offers.Taxes[i]
		if !m.taxed(t) {
			continue
		}
		rows, sum, err := m.tax(t, all)
		if err != nil {
			return nil, nil, fmt.Errorf("tax rule %s: %w", t.ID, err)
		}
		if len(rows) > 0 {
			items, sums = append(items, rows...), append(sums, sum)
		}
	}
	slices.SortFunc(sums, func(a, b bill.Tax) int { return strings.Compare(a.ID, b.ID) })
	return items, sums, nil
}

// taxed tells whether a rule fits seller and place.
func (m *Month) taxed(t *offer.Tax) bool {
	p := &m.in.Organization.Payers[m.payer]
	return offer.Listed(t.Issuers, m.in.Issuer.ID) && offer.Listed(t.Countries, p.Country) && offer.Listed(t.Regions, p.Region)
}

// tax returns the rows of one rule: none if it holds for no charge.
func (m *Month) tax(t *offer.Tax, all ledger) ([]Item, bill.Tax, error) {
	sum := bill.Tax{ID: t.ID, Type: t.Type, Description: describe(t.Description, t.Type, t.ID), Factor: t.Factor, Inclusive: t.Inclusive}
	bases, err := all.byHolder(func(at spot) bool {
		begin := time.Unix(m.segments.starts[at.segment], 0)
		return offer.Listed(t.Services, at.service) && t.HoldsAt(begin, m.plan.zone)
	})
	if err != nil || len(bases) == 0 {
		return nil, sum, err
	}
	holders := slices.SortedFunc(maps.Keys(bases), compareHolders)
	for _, h := range holders {
		if sum.Base, err = money.Add(sum.Base, bases[h]); err != nil {
			return nil, sum, err
		}
	}
	if slices.Contains(t.Exempt, m.account) {
		sum.Factor, sum.Description = money.Rate{}, sum.Description+" (exempt)"
	}
	if sum.Amount, err = m.taxAmount(sum); err != nil {
		return nil, sum, err
	}
	if money.Sign(sum.Amount) == 0 {
		return []Item{m.taxRow(sum, holder{m.account, firstService(holders)}, money.Cost{})}, sum, nil
	}
	rows, err := m.shareTax(sum, holders, bases)
	return rows, sum, err
}

func firstService(holders []holder) string {
	first := holders[0].service
	for _, h := range holders {
		first = min(first, h.service)
	}
	return first
}

// taxAmount rounds once, to the minor unit: the tax upon the base or, where the
// prices hold it, the part of the base that it is.
func (m *Month) taxAmount(t bill.Tax) (money.Cost, error) {
	minor := m.in.Issuer.Currency.MinorUnits()
	if money.Sign(t.Base) <= 0 || money.Sign(t.Factor) == 0 {
		return money.Cost{}, nil
	}
	if !t.Inclusive {
		return t.Base.Times(t.Factor, minor, money.HalfAwayFromZero)
	}
	whole, err := money.Add(money.RateFromInt(1), t.Factor)
	if err != nil {
		return money.Cost{}, err
	}
	return money.Share(t.Base, t.Factor.Int128(), whole.Int128(), minor, money.HalfAwayFromZero)
}

// shareTax deals a tax out over the charges.
func (m *Month) shareTax(t bill.Tax, holders []holder, bases map[holder]money.Cost) ([]Item, error) {
	weights := make([]money.Int128, len(holders))
	for i, h := range holders {
		weights[i] = money.Max(bases[h], money.Cost{}).Int128()
	}
	shares, err := money.Allocate(t.Amount, weights, m.in.Issuer.Currency.MinorUnits())
	if err != nil {
		return nil, err
	}
	var items []Item
	for i, h := range holders {
		if money.Sign(shares[i]) != 0 {
			items = append(items, m.taxRow(t, h, shares[i]))
		}
	}
	return items, nil
}

func (m *Month) taxRow(t bill.Tax, at holder, share money.Cost) Item {
	it := newItem(schema.LineItemTax, offerHead(at.account, at.service, t.ID), m.firstHour(), t.Description)
	it.Amount, it.Price.TaxType = oneUnit(), t.Type
	if t.Inclusive {
		it.Price.Description += ", included in the prices: " + share.String()
		share = money.Cost{}
	}
	it.costs(share, share)
	return it
}
