package pipeline

import (
	"fmt"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// charges returns everything that a payer is charged, in the canonical order:
// its rated lines, corrections for late usage, and the rows of the month-wide
// steps. A month without such steps is rated once. Else it is rated twice: the
// first time to know what it comes to.
func (m *payerMonth) charges(g rated, payer int32, corrections []*correction, before history, ranking batch.Ranking, out *batch.Charges) (chargeSource, error) {
	source := chargesOf(g, payer, ranking, out)
	late, items, err := correct(corrections, m.payer.AccountID, ranking, out)
	if err != nil {
		return nil, err
	}
	if g.in.Offers.MonthWide() {
		month := rate.NewMonth(g.plan, payer, openingOf(before.balances(), closing))
		own, err := m.settle(source, month, late, items, out)
		if err != nil {
			return nil, err
		}
		items = append(items, own...)
	}
	dims := sortedAs(out.Dims, ranking)
	list := make([]insertion, 0, len(late)+len(items))
	for _, row := range late {
		list = append(list, line(row))
	}
	for _, item := range items {
		list = append(list, dims.place(item, out))
	}
	if len(list) == 0 {
		return source, nil
	}
	return withInsertions(source, list, dims, out), nil
}

// settle takes the month-wide steps in their order: fees over this month's
// lines, then credits and taxes over these, the fees and what came late.
func (m *payerMonth) settle(source chargeSource, month *rate.Month, late []batch.Row, lateFees []rate.Item, out *batch.Charges) ([]rate.Item, error) {
	if err := source(month.Add); err != nil {
		return nil, err
	}
	items, err := month.Fees()
	if err != nil {
		return nil, err
	}
	for i := range late {
		if err := month.AddItems([]rate.Item{rate.ItemOf(late[i], out)}); err != nil {
			return nil, err
		}
	}
	if err := month.AddItems(lateFees); err != nil {
		return nil, err
	}
	settled, balances, taxes, err := month.Settle()
	if err != nil {
		return nil, err
	}
	m.balances, m.taxes = balances, taxes
	return append(items, settled...), nil
}

// openingOf lists what the offers of all payers open a month with.
func openingOf(list []period.PayerBalances, amount func(bill.Balance) money.Cost) []bill.Balance {
	var opening []bill.Balance
	for _, payer := range list {
		for _, b := range payer.Balances {
			opening = append(opening, bill.Balance{Kind: b.Kind, ID: b.ID, Closing: amount(b)})
		}
	}
	return opening
}

func closing(b bill.Balance) money.Cost { return b.Closing }

// correct returns the lines and the fees that late usage changed.
func correct(corrections []*correction, account string, ranking batch.Ranking, out *batch.Charges) (rows []batch.Row, items []rate.Item, err error) {
	for _, c := range corrections {
		lines, err := c.difference(account, ranking, out)
		if err != nil {
			return nil, nil, fmt.Errorf("late usage of %s: %w", c.in.Period.Name, err)
		}
		fees, err := c.feeDifference(account, ranking, out)
		if err != nil {
			return nil, nil, fmt.Errorf("late usage of %s: fees: %w", c.in.Period.Name, err)
		}
		rows, items = append(rows, lines...), append(items, fees...)
	}
	return rows, items, nil
}

// feeDifference takes the steps before credits with and without what came late
// and returns the rows that changed.
func (c *correction) feeDifference(account string, ranking batch.Ranking, out *batch.Charges) ([]rate.Item, error) {
	payer, ok := c.payer(account)
	if !ok || !c.in.Offers.MonthWide() {
		return nil, nil
	}
	opening := openingOf(c.run.Balances, func(b bill.Balance) money.Cost { return b.Opening })
	var sides [2][]rate.Item
	for i, g := range []rated{c.before, c.after} {
		month := rate.NewMonth(g.plan, payer, opening)
		err := chargesOf(g, payer, ranking, out.Like())(month.Add)
		if err == nil {
			sides[i], err = month.Fees()
		}
		if err != nil {
			return nil, err
		}
	}
	return differentItems(sides[0], sides[1], c.reason())
}

// differentItems returns what the rows of one side have more than those of the
// other, row by row.
func differentItems(before, after []rate.Item, reason string) ([]rate.Item, error) {
	slices.SortStableFunc(before, sameItem)
	slices.SortStableFunc(after, sameItem)
	var changed []rate.Item
	for len(before)+len(after) > 0 {
		order := 1
		switch {
		case len(after) == 0:
			order = -1
		case len(before) > 0:
			order = sameItem(before[0], after[0])
		}
		var diff rate.Item
		if order >= 0 {
			diff, after = after[0], after[1:]
		} else {
			diff = without(before[0])
		}
		if order <= 0 {
			if err := subtract(&diff, before[0]); err != nil {
				return nil, err
			}
			before = before[1:]
		}
		if diff != without(diff) {
			diff.Price.Reason = reason
			changed = append(changed, diff)
		}
	}
	return changed, nil
}

// without returns an item that comes to nothing.
func without(item rate.Item) rate.Item {
	return rate.Item{Head: item.Head, Resource: item.Resource, Hour: item.Hour, Tail: item.Tail, Price: item.Price, Terms: item.Terms}
}

func subtract(from *rate.Item, item rate.Item) error {
	var err error
	if from.Amount, err = money.Sub(from.Amount, item.Amount); err != nil {
		return err
	}
	for _, c := range []struct {
		to *money.Cost
		by money.Cost
	}{{&from.List, item.List}, {&from.Unblended, item.Unblended}, {&from.Blended, item.Blended},
		{&from.Net, item.Net}, {&from.Effective, item.Effective}, {&from.Upfront, item.Upfront}} {
		if *c.to, err = money.Sub(*c.to, c.by); err != nil {
			return err
		}
	}
	return nil
}
