package rollup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Bill sums a payer's charges into the lines and totals of a bill.
type Bill struct {
	lines   map[lineKey]*lineSum
	places  *batch.Table[place]
	byTail  []uint32 // place code by tail code
	last    lineKey
	lastSum *lineSum
	rows    int64
	dims    *batch.Dims
	prices  *batch.Table[batch.Price]
}

type place struct{ region, lineItemType string }

type lineKey struct{ head, price, place uint32 }

type lineSum struct {
	usage money.Usage
	cost  money.Cost
}

// NewBill returns an empty bill.
func NewBill() *Bill {
	return &Bill{lines: map[lineKey]*lineSum{}, places: batch.NewTable[place]()}
}

// Add sums a batch of charges. All batches share their dictionaries.
func (b *Bill) Add(c *batch.Charges) error {
	b.dims, b.prices = c.Dims, c.Prices
	for _, t := range c.Dims.Tails.Values()[len(b.byTail):] {
		b.byTail = append(b.byTail, b.places.Code(place{t.Region, t.LineItemType}))
	}
	for i := range c.Len() {
		if err := b.add(c, i); err != nil {
			return err
		}
	}
	b.rows += int64(c.Len())
	return nil
}

func (b *Bill) add(c *batch.Charges, i int) error {
	key := lineKey{c.Head[i], c.Price[i], b.byTail[c.Tail[i]]}
	sum := b.lastSum
	if sum == nil || key != b.last {
		if sum = b.lines[key]; sum == nil {
			sum = &lineSum{}
			b.lines[key] = sum
		}
		b.last, b.lastSum = key, sum
	}
	var err error
	if sum.usage, err = money.Add(sum.usage, c.Amount[i]); err != nil {
		return fmt.Errorf("usage of account %s, usage type %s: %w", c.Dims.Heads.Value(key.head).Account, c.Dims.Heads.Value(key.head).UsageType, err)
	}
	if sum.cost, err = money.Add(sum.cost, c.Unblended[i]); err != nil {
		return fmt.Errorf("cost of account %s, usage type %s: %w", c.Dims.Heads.Value(key.head).Account, c.Dims.Heads.Value(key.head).UsageType, err)
	}
	return nil
}

// Close returns the bill. Names of issuer, payer and accounts are copied into
// it: a closed bill does not change when they do.
func (b *Bill) Close(issuer schema.Issuer, payer schema.Payer, period schema.Period) (bill.Bill, error) {
	return Sum(issuer, payer, period, b.Lines(payer), b.rows)
}

// Lines returns what the charges come to so far, in the order of a bill.
func (b *Bill) Lines(payer schema.Payer) []bill.Line {
	names := map[string]string{}
	for _, a := range payer.Accounts {
		names[a.ID] = a.Name
	}
	var lines []bill.Line
	for key, sum := range b.lines {
		lines = append(lines, b.line(key, sum, names))
	}
	slices.SortFunc(lines, compareLines)
	return lines
}

// Sum makes a bill of its lines, which come in their order and stand for so many
// charges.
func Sum(issuer schema.Issuer, payer schema.Payer, period schema.Period, lines []bill.Line, charges int64) (bill.Bill, error) {
	payer.Accounts = nil
	out := bill.Bill{Issuer: issuer, Payer: payer, Period: period, Currency: issuer.Currency, Charges: charges, Lines: lines}
	err := total(&out)
	return out, err
}

// total sums the lines of a bill. Services have no tax in them: an invoice shows
// it apart.
func total(out *bill.Bill) error {
	var charges []bill.Line
	for _, l := range out.Lines {
		if !l.IsTax() {
			charges = append(charges, l)
		}
		var err error
		switch {
		case l.IsTax():
			out.TaxTotal, err = money.Add(out.TaxTotal, l.Cost)
		case l.IsCredit():
			out.CreditTotal, err = money.Add(out.CreditTotal, l.Cost)
		}
		if err != nil {
			return fmt.Errorf("taxes and credits of payer %s: %w", out.Payer.AccountID, err)
		}
	}
	var err error
	if out.Services, err = subtotals(charges, func(l bill.Line) (string, string) { return l.Service, "" }); err != nil {
		return err
	}
	if out.Accounts, err = subtotals(out.Lines, func(l bill.Line) (string, string) { return l.Account, l.AccountName }); err != nil {
		return err
	}
	for _, l := range out.Lines {
		if out.Total, err = money.Add(out.Total, l.Cost); err != nil {
			return fmt.Errorf("total of payer %s: %w", out.Payer.AccountID, err)
		}
	}
	return nil
}

func (b *Bill) line(key lineKey, sum *lineSum, names map[string]string) bill.Line {
	h, p, at := b.dims.Heads.Value(key.head), b.prices.Value(key.price), b.places.Value(key.place)
	l := bill.Line{Account: h.Account, AccountName: names[h.Account], Service: h.Service, UsageType: h.UsageType,
		Operation: h.Operation, Region: at.region, RateCode: p.RateCode, Type: at.lineItemType,
		Description: p.Description, Unit: p.Unit, Usage: sum.usage, Cost: sum.cost, TaxType: p.TaxType, Reason: p.Reason}
	if p.Rated {
		l.Rate, l.BlendedRate = p.Rate.Text10(), p.BlendedRate.Text10()
	}
	return l
}

func compareLines(a, b bill.Line) int {
	return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Service, b.Service),
		strings.Compare(a.UsageType, b.UsageType), strings.Compare(a.Operation, b.Operation),
		strings.Compare(a.Region, b.Region), strings.Compare(a.Type, b.Type), strings.Compare(a.RateCode, b.RateCode),
		strings.Compare(a.Description, b.Description), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Rate, b.Rate),
		strings.Compare(a.BlendedRate, b.BlendedRate), strings.Compare(a.Unit, b.Unit), strings.Compare(a.TaxType, b.TaxType), money.Cmp(a.Usage, b.Usage), money.Cmp(a.Cost, b.Cost))
}

func subtotals(lines []bill.Line, key func(bill.Line) (key, name string)) ([]bill.Subtotal, error) {
	sums := map[string]*bill.Subtotal{}
	var order []string
	for _, l := range lines {
		k, name := key(l)
		s := sums[k]
		if s == nil {
			s = &bill.Subtotal{Key: k, Name: name}
			sums[k] = s
			order = append(order, k)
		}
		var err error
		if s.Cost, err = money.Add(s.Cost, l.Cost); err != nil {
			return nil, fmt.Errorf("subtotal of %s: %w", k, err)
		}
	}
	slices.Sort(order)
	out := make([]bill.Subtotal, len(order))
	for i, k := range order {
		out[i] = *sums[k]
	}
	return out, nil
}
