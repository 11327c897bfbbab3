package report

import (
	"fmt"
	"slices"
	"sort"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// Amounts are exact sums of some charges. Usage is not among them, because it
// has many units.
type Amounts struct {
	Rows      int64      `json:"rows"`
	Unblended money.Cost `json:"unblended_cost"`
	Blended   money.Cost `json:"blended_cost"`
	List      money.Cost `json:"public_on_demand_cost"`
	Net       money.Cost `json:"net_unblended_cost"` // where a charge has none, its unblended cost
	Effective money.Cost `json:"effective_cost"`     // amortized
}

// Total is the sum of one account or of one line item type.
type Total struct {
	Key string `json:"key"`
	Amounts
}

// Totals are the sums of a file or of an export, sorted by key.
type Totals struct {
	All      Amounts `json:"all"`
	Accounts []Total `json:"accounts"`
	Types    []Total `json:"line_item_types"`
}

// Add sums other amounts up; an error when a sum is beyond the limits of money.
func (a *Amounts) Add(b Amounts) error {
	a.Rows += b.Rows
	for _, s := range []struct {
		sum *money.Cost
		add money.Cost
	}{{&a.Unblended, b.Unblended}, {&a.Blended, b.Blended}, {&a.List, b.List}, {&a.Net, b.Net}, {&a.Effective, b.Effective}} {
		sum, err := money.Add(*s.sum, s.add)
		if err != nil {
			return fmt.Errorf("totals of a report: %w", err)
		}
		*s.sum = sum
	}
	return nil
}

// sums collects amounts by key.
type sums map[string]*Amounts

func (s sums) add(key string, a Amounts) error {
	if s[key] == nil {
		s[key] = &Amounts{}
	}
	return s[key].Add(a)
}

func (s sums) sorted() []Total {
	list := make([]Total, 0, len(s))
	for key, a := range s {
		list = append(list, Total{key, *a})
	}
	sort.Slice(list, func(a, b int) bool { return list[a].Key < list[b].Key })
	return list
}

// totalsOf sums the charges of a chunk. Charges of one head lie together, so
// accounts are summed by runs; types change from row to row.
func totalsOf(tables column.Tables, c *batch.Charges) (Totals, error) {
	accounts, types := sums{}, sums{}
	var all Amounts
	for from := 0; from < c.Len(); {
		to := from + 1
		for to < c.Len() && c.Head[to] == c.Head[from] && c.Tail[to] == c.Tail[from] {
			to++
		}
		a, err := amountsOf(c, from, to)
		if err == nil {
			err = accounts.add(tables.Heads[c.Head[from]].Account, a)
		}
		if err == nil {
			err = types.add(tables.Tails[c.Tail[from]].LineItemType, a)
		}
		if err == nil {
			err = all.Add(a)
		}
		if err != nil {
			return Totals{}, err
		}
		from = to
	}
	return Totals{All: all, Accounts: accounts.sorted(), Types: types.sorted()}, nil
}

// AmountsOf sums a batch of charges.
func AmountsOf(c *batch.Charges) (Amounts, error) {
	if c.Len() == 0 {
		return Amounts{}, nil
	}
	return amountsOf(c, 0, c.Len())
}

func amountsOf(c *batch.Charges, from, to int) (Amounts, error) {
	a := Amounts{Rows: int64(to - from), Unblended: c.Unblended[from], Blended: c.Blended[from], List: c.List[from],
		Net: c.Net[from], Effective: c.Effective[from]}
	if to == from+1 {
		return a, nil
	}
	costs := []struct {
		sum  *money.Cost
		list []money.Cost
	}{{&a.Unblended, c.Unblended}, {&a.Blended, c.Blended}, {&a.List, c.List}, {&a.Net, c.Net}, {&a.Effective, c.Effective}}
	terms := slices.ContainsFunc(c.Term[from:to], func(code uint32) bool { return code != 0 })
	if !terms { // net and effective cost are the unblended
		costs = costs[:3]
	}
	for _, s := range costs {
		if err := money.Sum(s.sum, s.list[from+1:to]); err != nil {
			return a, fmt.Errorf("totals of a report: %w", err)
		}
	}
	if !terms {
		a.Net, a.Effective = a.Unblended, a.Unblended
	}
	return a, nil
}

// TotalsOf adds up the totals of files.
func TotalsOf(files []File) (Totals, error) {
	accounts, types := sums{}, sums{}
	var all Amounts
	for _, f := range files {
		if err := all.Add(f.Totals.All); err != nil {
			return Totals{}, err
		}
		for _, t := range f.Totals.Accounts {
			if err := accounts.add(t.Key, t.Amounts); err != nil {
				return Totals{}, err
			}
		}
		for _, t := range f.Totals.Types {
			if err := types.add(t.Key, t.Amounts); err != nil {
				return Totals{}, err
			}
		}
	}
	return Totals{All: all, Accounts: accounts.sorted(), Types: types.sorted()}, nil
}
