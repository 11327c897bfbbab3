package rollup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Revision is how the lines of a bill change when some of its charges are made
// anew and all others stay. Every list is in the order of a bill.
type Revision struct {
	Dropped, Added []bill.Line // lines that go and come as a whole
	Less, More     []bill.Line // what other lines lose and gain; a line that is not there yet comes
}

var errOtherLines = errors.New("the bill does not hold the lines that its charges come to: it was changed")

// Revise returns the lines of the bill after the revision, equal to those of a
// bill that is summed from all charges. Lines that differ in their sums alone
// must be either Dropped and Added together, or one line.
func Revise(lines []bill.Line, r Revision) ([]bill.Line, error) {
	out := make([]bill.Line, 0, len(lines)+len(r.More)+len(r.Added))
	for _, l := range lines {
		if len(r.Dropped) > 0 && compareLines(l, r.Dropped[0]) == 0 {
			r.Dropped = r.Dropped[1:]
			continue
		}
		out = append(out, l)
	}
	if len(r.Dropped) > 0 {
		return nil, errOtherLines
	}
	changed, err := changes(r)
	if err != nil {
		return nil, err
	}
	for i := range out {
		name := nameOf(out[i])
		c, ok := changed[name]
		if !ok {
			continue
		}
		if err := addSums(&out[i], c); err != nil {
			return nil, err
		}
		delete(changed, name)
	}
	out = append(out, r.Added...)
	for _, l := range changed {
		out = append(out, l)
	}
	slices.SortFunc(out, compareLines)
	return out, nil
}

// nameOf is what a line is, whatever it comes to.
func nameOf(l bill.Line) bill.Line {
	l.Usage, l.Cost = money.Usage{}, money.Cost{}
	return l
}

// changes sums what lines gain and lose, by name.
func changes(r Revision) (map[bill.Line]bill.Line, error) {
	sums := map[bill.Line]bill.Line{}
	for _, l := range r.More {
		sums[nameOf(l)] = l
	}
	for _, l := range r.Less {
		name := nameOf(l)
		sum, ok := sums[name]
		if !ok {
			sum = name
		}
		l.Usage, l.Cost = money.Neg(l.Usage), money.Neg(l.Cost)
		if err := addSums(&sum, l); err != nil {
			return nil, err
		}
		sums[name] = sum
	}
	return sums, nil
}

func addSums(to *bill.Line, l bill.Line) error {
	var err error
	if to.Usage, err = money.Add(to.Usage, l.Usage); err == nil {
		to.Cost, err = money.Add(to.Cost, l.Cost)
	}
	if err != nil {
		return fmt.Errorf("line of account %s, usage type %s: %w", to.Account, to.UsageType, err)
	}
	return nil
}
