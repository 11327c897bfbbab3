package rate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// credits are the rows of step 8. It keeps the credits' balances.
func (m *Month) credits(all ledger) ([]Item, error) {
	left, err := all.byHolder(func(spot) bool { return true })
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, c := range m.creditOrder() {
		more, err := m.credit(c, left)
		if err != nil {
			return nil, fmt.Errorf("credit %s: %w", c.ID, err)
		}
		items = append(items, more...)
	}
	return items, nil
}

// creditOrder returns the credits of the payer's accounts in the order in which
// they pay.
func (m *Month) creditOrder() []*offer.Credit {
	var list []*offer.Credit
	for i := range m.in.Offers.Credits {
		if c := &m.in.Offers.Credits[i]; m.has(c.Account, m.lastInstant()) {
			list = append(list, c)
		}
	}
	services := func(c *offer.Credit) int {
		if len(c.Services) == 0 {
			return math.MaxInt // all
		}
		return len(c.Services)
	}
	slices.SortFunc(list, func(a, b *offer.Credit) int {
		return cmp.Or(compareDates(a.Until, b.Until), cmp.Compare(services(a), services(b)),
			compareDates(a.From, b.From), strings.Compare(a.ID, b.ID))
	})
	return list
}

// credit pays what it can of what is left, and keeps the balance.
func (m *Month) credit(c *offer.Credit, left map[holder]money.Cost) ([]Item, error) {
	b, known := m.open(bill.CreditBalance, c.ID)
	alive := m.in.Period.Start.Before(c.Until.In(m.plan.zone))
	if !known && alive && c.From.In(m.plan.zone).Before(m.in.Period.End) {
		// Also one of an earlier day: the first month that knows of it grants it.
		b.Granted = c.Amount
	}
	if !known && money.Sign(b.Granted) == 0 {
		return nil, nil
	}
	rest, err := money.Add(b.Opening, b.Granted)
	if err != nil {
		return nil, err
	}
	var items []Item
	if alive {
		if items, rest, err = m.spend(c, rest, left); err != nil {
			return nil, err
		}
	}
	if b.Applied, err = sumOf(items); err != nil {
		return nil, err
	}
	b.Applied = money.Neg(b.Applied)
	if c.Until.In(m.plan.zone).After(m.in.Period.End) {
		b.Closing = rest // kept at 0 too, so that no later month grants it again
	} else {
		b.Expired = rest // no later month begins before its end
	}
	m.balances = append(m.balances, b)
	return items, nil
}

func sumOf(items []Item) (money.Cost, error) {
	var sum money.Cost
	for i := range items {
		var err error
		if sum, err = money.Add(sum, items[i].Unblended); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// spend pays the charges in their order until the credit is used up, and
// returns what is left of it.
func (m *Month) spend(c *offer.Credit, rest money.Cost, left map[holder]money.Cost) ([]Item, money.Cost, error) {
	charges, err := m.payable(c, left)
	if err != nil {
		return nil, rest, err
	}
	var items []Item
	for _, at := range charges {
		part := money.Min(rest, left[at])
		if money.Sign(part) <= 0 {
			break
		}
		if left[at], err = money.Sub(left[at], part); err != nil {
			return nil, rest, err
		}
		if rest, err = money.Sub(rest, part); err != nil {
			return nil, rest, err
		}
		it := newItem(schema.LineItemCredit, offerHead(at.account, at.service, c.ID), m.firstHour(), describe(c.Description, "Credit", c.ID))
		it.costs(money.Neg(part), money.Neg(part))
		it.Blended = money.Cost{}
		items = append(items, it)
	}
	return items, rest, nil
}

// payable returns the charges that a credit may pay, in its order: the owner's
// first, then account by account by what is left of them.
func (m *Month) payable(c *offer.Credit, left map[holder]money.Cost) ([]holder, error) {
	alone := c.Private || !m.plan.sharing(m.payer, c.Account).Credits
	var list []holder
	sums := map[string]money.Cost{}
	for at, cost := range left {
		if money.Sign(cost) <= 0 || !offer.Listed(c.Services, at.service) || !offer.Listed(c.Accounts, at.account) {
			continue
		}
		if at.account != c.Account && (alone || !m.plan.sharing(m.payer, at.account).Credits) {
			continue
		}
		sum, err := money.Add(sums[at.account], cost)
		if err != nil {
			return nil, fmt.Errorf("cost of account %s: %w", at.account, err)
		}
		sums[at.account] = sum
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b holder) int {
		return cmp.Or(compareTrueFirst(a.account == c.Account, b.account == c.Account),
			money.Cmp(sums[b.account], sums[a.account]), strings.Compare(a.account, b.account),
			money.Cmp(left[b], left[a]), strings.Compare(a.service, b.service))
	})
	return list, nil
}

func compareTrueFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
