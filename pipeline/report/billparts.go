package report

import (
	"slices"
	"strings"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// parts are the amounts of a record of the monthly bill, each with the decimals
// of the format: cost, credits and tax are the total.
type parts struct {
	cost, credits, tax, total money.Cost
	taxTypes                  []string // sorted, each once
}

// partsOf puts the cost of a line where it belongs.
func partsOf(l bill.Line) (parts, error) {
	amount, err := l.Cost.Round(billPlaces, money.HalfAwayFromZero)
	p := parts{total: amount}
	switch {
	case l.IsTax():
		p.tax, p.taxTypes = amount, []string{l.TaxType}
	case l.IsCredit():
		p.credits = amount
	default:
		p.cost = amount
	}
	return p, err
}

// add sums another record up.
func (p *parts) add(o parts) error {
	for _, s := range []struct {
		sum *money.Cost
		add money.Cost
	}{{&p.cost, o.cost}, {&p.credits, o.credits}, {&p.tax, o.tax}, {&p.total, o.total}} {
		sum, err := money.Add(*s.sum, s.add)
		if err != nil {
			return err
		}
		*s.sum = sum
	}
	for _, t := range o.taxTypes {
		if at, found := slices.BinarySearch(p.taxTypes, t); !found {
			p.taxTypes = slices.Insert(p.taxTypes, at, t)
		}
	}
	return nil
}

// of returns the parts of a total that differs from that of the lines by their
// rounding: all of it stands in the cost.
func (p parts) of(total money.Cost) (parts, error) {
	more, err := money.Sub(total, p.total)
	if err == nil {
		err = p.add(parts{cost: more, total: more})
	}
	return p, err
}

// taxText names the kinds of tax.
func (p parts) taxText() string {
	if len(p.taxTypes) == 0 {
		return "None"
	}
	return strings.Join(p.taxTypes, "+")
}

// tally sums the lines of a bill, as they are printed, whole and by account.
type tally struct {
	all      parts
	accounts map[string]*parts
}

func newTally() *tally { return &tally{accounts: map[string]*parts{}} }

func (t *tally) add(account string, p parts) error {
	if t.accounts[account] == nil {
		t.accounts[account] = &parts{}
	}
	if err := t.accounts[account].add(p); err != nil {
		return err
	}
	return t.all.add(p)
}

// of returns the sum of an account.
func (t *tally) of(account string) parts {
	if p := t.accounts[account]; p != nil {
		return *p
	}
	return parts{}
}
