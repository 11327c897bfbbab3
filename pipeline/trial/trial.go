// Package trial rates a month that lies in memory: a handful of records or a
// million of them. It places and sums records and runs the steps of
// pipeline/rate in the order in which a run does, and it checks cases, in which
// a user has written down what some usage must cost. It reads and writes no
// files, and has no rule of rating of its own.
package trial

import (
	"fmt"
	"iter"
	"slices"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Record is one usage record by value.
type Record struct {
	Head       batch.Head
	Resource   string
	Tail       batch.Tail // LineItemType is set; a blank unit takes that of the price
	Start, End int64      // nanoseconds since 1970, End exclusive
	Amount     money.Usage
	Cost       money.Cost // counts where the tail is Priced
}

// Result is a rated month.
type Result struct {
	Payers   []Payer        // those that have any row or balance, by account id
	Verdicts []rate.Verdict // of the records, in their order; only those of rate.Charge are in Payers
}

// Payer is the month of one payer.
type Payer struct {
	Index    int32          // into Organization.Payers
	Charges  *batch.Charges // rated lines of usage, in the canonical order
	Items    []rate.Item    // rows of the month-wide steps, in the canonical order
	Balances []bill.Balance // what the next month opens with
	Taxes    []bill.Tax
}

// Rate rates records, in any order, of the issuer and period of in. The same
// records in another order give the same rows. Opening are the balances of the
// month before, of all payers; nil for none.
func Rate(in rate.Input, records []Record, opening []bill.Balance) (*Result, error) {
	s := newSums(in)
	for i := range records {
		if err := s.add(&records[i]); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	plan, err := rate.NewPlan(s.totals)
	if err != nil {
		return nil, err
	}
	dims, ranking := s.dims.Sorted()
	result := &Result{Verdicts: s.verdicts}
	for _, payer := range in.Payers() {
		lines, err := sumLines(s.lines[payer], ranking)
		if err != nil {
			return nil, err
		}
		p, err := ratePayer(in, plan, payer, lines, dims, opening)
		if err != nil {
			return nil, fmt.Errorf("payer %s: %w", in.Organization.Payers[payer].AccountID, err)
		}
		if p.Charges.Len()+len(p.Items)+len(p.Balances) > 0 {
			result.Payers = append(result.Payers, p)
		}
	}
	return result, nil
}

// ratePayer rates the lines of a payer and makes its month-wide rows.
func ratePayer(in rate.Input, plan *rate.Plan, payer int32, lines *batch.Lines, dims *batch.Dims, opening []bill.Balance) (Payer, error) {
	owner := &batch.Owner{Issuer: in.Issuer.ID, Payer: in.Organization.Payers[payer].AccountID, Period: in.Period,
		PricingCurrency: in.Issuer.Currency, BillingCurrency: in.Issuer.Currency}
	p := Payer{Index: payer, Charges: batch.NewCharges(owner, dims, batch.NewTable[batch.Price]())}
	if err := rate.NewRater(plan, payer, p.Charges).Rate(lines); err != nil {
		return p, err
	}
	month := rate.NewMonth(plan, payer, opening)
	if err := month.Add(p.Charges); err != nil {
		return p, err
	}
	fees, err := month.Fees()
	if err != nil {
		return p, err
	}
	settled, balances, taxes, err := month.Settle()
	p.Items, p.Balances, p.Taxes = append(fees, settled...), balances, taxes
	slices.SortStableFunc(p.Items, rate.CompareItems)
	return p, err
}

// All yields every row of the payer by value, in the canonical order: an item
// stands before the lines that are equal in everything the order looks at.
func (p Payer) All() iter.Seq[rate.Item] {
	return func(yield func(rate.Item) bool) {
		items := p.Items
		for i := range p.Charges.Len() {
			row := rate.ItemOf(p.Charges.At(i), p.Charges)
			for len(items) > 0 && rate.ComparePlaces(items[0], row) <= 0 {
				if !yield(items[0]) {
					return
				}
				items = items[1:]
			}
			if !yield(row) {
				return
			}
		}
		for _, item := range items {
			if !yield(item) {
				return
			}
		}
	}
}

// sums are records that have been placed, and are not yet lines.
type sums struct {
	in       rate.Input
	dims     *batch.Dims
	places   *rate.Classifier
	totals   *rate.Totals
	lines    map[int32][]part
	verdicts []rate.Verdict
}

// part is what one record adds to its line.
type part struct {
	key    batch.Key
	amount money.Usage
	cost   money.Cost
}

func newSums(in rate.Input) *sums {
	dims := batch.NewDims()
	return &sums{in: in, dims: dims, places: rate.NewClassifier(in, dims), totals: rate.NewTotals(in, dims),
		lines: map[int32][]part{}}
}

func (s *sums) add(r *Record) error {
	head, tail := s.dims.Heads.Code(r.Head), s.dims.Tails.Code(r.Tail)
	at := s.places.Classify(head, tail, r.Start, r.End)
	s.verdicts = append(s.verdicts, at.Verdict)
	if at.Verdict != rate.Charge {
		return nil
	}
	hour := schema.HourOf(r.Start)
	if err := s.totals.Add(at.Payer, at.SKU, head, tail, hour, r.Amount); err != nil {
		return err
	}
	key := batch.LineKey(head, s.dims.Resources.Code(r.Resource), hour, s.places.WithUnit(tail, at))
	s.lines[at.Payer] = append(s.lines[at.Payer], part{key, r.Amount, r.Cost})
	return nil
}

// sumLines sums the parts of each line. It renames and sorts parts in place.
func sumLines(parts []part, r batch.Ranking) (*batch.Lines, error) {
	for i := range parts {
		k := parts[i].key
		parts[i].key = batch.LineKey(r.Heads[k.Head()], r.Resources[k.Resource()], k.Hour(), r.Tails[k.Tail()])
	}
	slices.SortFunc(parts, func(a, b part) int { return a.key.Compare(b.key) })
	lines := &batch.Lines{}
	for _, p := range parts {
		last := lines.Len() - 1
		if last < 0 || lines.Key[last] != p.key {
			lines.Key, lines.Records = append(lines.Key, p.key), append(lines.Records, 1)
			lines.Amount, lines.Cost = append(lines.Amount, p.amount), append(lines.Cost, p.cost)
			continue
		}
		lines.Records[last]++
		var err error
		if lines.Amount[last], err = money.Add(lines.Amount[last], p.amount); err != nil {
			return nil, fmt.Errorf("amount of one line: %w", err)
		}
		if lines.Cost[last], err = money.Add(lines.Cost[last], p.cost); err != nil {
			return nil, fmt.Errorf("cost of one line: %w", err)
		}
	}
	return lines, nil
}
