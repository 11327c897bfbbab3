package rate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// support is the rows of step 6, over sums by account.
func (m *Month) support(base map[string]money.Cost) ([]Item, error) {
	var items []Item
	for i := range m.in.Offers.Support {
		s := &m.in.Offers.Support[i]
		if s.Payer != m.account || !s.HoldsAt(m.lastInstant(), m.plan.zone) {
			continue
		}
		more, err := m.supportPlan(s, base)
		if err != nil {
			return nil, fmt.Errorf("support plan %s: %w", s.ID, err)
		}
		items = append(items, more...)
	}
	return items, nil
}

func (m *Month) supportPlan(s *offer.Support, base map[string]money.Cost) ([]Item, error) {
	accounts := m.enrolled(s, base)
	if !s.PerAccount {
		var sum money.Cost
		for _, a := range accounts {
			var err error
			if sum, err = money.Add(sum, base[a]); err != nil {
				return nil, err
			}
		}
		it, err := m.supportFee(s, m.account, sum)
		return []Item{it}, err
	}
	var items []Item
	for _, a := range accounts {
		it, err := m.supportFee(s, a, base[a])
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", a, err)
		}
		items = append(items, it)
	}
	return items, nil
}

// enrolled are the plan's accounts that the payer has at the month's end or
// bills for a part of it, sorted.
func (m *Month) enrolled(s *offer.Support, base map[string]money.Cost) []string {
	set := map[string]bool{}
	for a := range base {
		set[a] = true
	}
	for a := range m.plan.memberships {
		if m.has(a, m.lastInstant()) {
			set[a] = true
		}
	}
	maps.DeleteFunc(set, func(a string, _ bool) bool { return !offer.Listed(s.Accounts, a) })
	return slices.Sorted(maps.Keys(set))
}

func (m *Month) supportFee(s *offer.Support, account string, base money.Cost) (Item, error) {
	it := newItem(schema.LineItemFee, offerHead(account, s.Service, s.ID), m.lastHour(), describe(s.Description, "Support", s.ID))
	it.Amount = oneUnit()
	fee, err := tieredShare(s.Tiers, base)
	if err != nil {
		return it, err
	}
	fee = money.Max(fee, s.Minimum)
	it.costs(fee, fee)
	return it, nil
}

// tieredShare sums what each tier takes of its part of the base, to 6 decimals.
func tieredShare(tiers []offer.SupportTier, base money.Cost) (money.Cost, error) {
	var fee, below money.Cost // below: where the tier begins
	for _, t := range tiers {
		if money.Cmp(base, below) <= 0 {
			break
		}
		top := base
		if money.Sign(t.To) != 0 {
			top = money.Min(base, t.To)
		}
		part, err := money.Sub(top, below)
		if err == nil {
			part, err = part.Times(t.Factor, money.CostScale, money.HalfAwayFromZero)
		}
		if err == nil {
			fee, err = money.Add(fee, part)
		}
		if err != nil {
			return fee, err
		}
		below = top
	}
	return fee.Round(6, money.HalfAwayFromZero)
}
