package rate

import (
	"fmt"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// minimums are the rows of step 7.
func (m *Month) minimums() ([]Item, error) {
	base, err := m.total()
	if err != nil {
		return nil, err
	}
	var items []Item
	for i := range m.in.Offers.Minimums {
		c := &m.in.Offers.Minimums[i]
		if c.Payer != m.account || !c.HoldsAt(m.in.Period.Start, m.plan.zone) {
			continue
		}
		missing, err := m.missing(c, base)
		if err != nil {
			return nil, fmt.Errorf("minimum commitment %s: %w", c.ID, err)
		}
		if money.Sign(missing) <= 0 {
			continue
		}
		it := newItem(schema.LineItemFee, offerHead(m.account, c.Service, c.ID), m.lastHour(), describe(c.Description, "Minimum commitment", c.ID))
		it.Amount = oneUnit()
		it.costs(missing, missing)
		items = append(items, it)
	}
	return items, nil
}

func (m *Month) total() (money.Cost, error) {
	var sum money.Cost
	for _, cost := range m.own {
		var err error
		if sum, err = money.Add(sum, cost); err != nil {
			return sum, fmt.Errorf("cost of payer %s: %w", m.account, err)
		}
	}
	return sum, nil
}

// missing returns what is charged this month. The balance of a whole term says
// what is still to be spent in it; its last month pays for the rest.
func (m *Month) missing(c *offer.Minimum, base money.Cost) (money.Cost, error) {
	if !c.Term {
		return money.Sub(c.Amount, base)
	}
	b, known := m.open(bill.MinimumBalance, c.ID)
	if !known { // also in the middle of the term: the first month that knows of it
		b.Granted = c.Amount
	}
	left, err := money.Add(b.Opening, b.Granted)
	if err != nil {
		return money.Cost{}, err
	}
	b.Applied = money.Min(base, left)
	if b.Closing, err = money.Sub(left, b.Applied); err != nil {
		return money.Cost{}, err
	}
	var missing money.Cost
	if !c.Until.In(m.plan.zone).After(m.in.Period.End) {
		missing, b.Applied, b.Closing = b.Closing, left, money.Cost{}
	}
	m.balances = append(m.balances, b)
	return missing, nil
}

// open begins the balance of an offer with what the month before left of it.
func (m *Month) open(kind, id string) (b bill.Balance, known bool) {
	before, known := m.opening[balanceKey{kind, id}]
	return bill.Balance{Kind: kind, ID: id, Opening: before.Closing}, known
}
