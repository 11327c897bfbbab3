package batch

import (
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema/money"
)

// Discount is one discount as it applies to a price: by a share, or by an amount
// per unit.
type Discount struct {
	ID      string
	Type    string     // line item type of its rows
	Factor  money.Rate // share taken off what is left of the cost
	PerUnit money.Rate // taken off each unit; zero where Factor is given
}

// EncodeDiscounts writes discounts as one text, in order; none is the empty text.
// Neither ids nor types hold spaces or semicolons.
func EncodeDiscounts(list []Discount) string {
	var b strings.Builder
	for i, a := range list {
		if i > 0 {
			b.WriteByte(';')
		}
		what := a.Factor.String()
		if a.PerUnit != (money.Rate{}) {
			what = a.PerUnit.String() + "/unit"
		}
		b.WriteString(a.ID + " " + a.Type + " " + what)
	}
	return b.String()
}

// DecodeDiscounts reads what EncodeDiscounts wrote.
func DecodeDiscounts(text string) ([]Discount, error) {
	if text == "" {
		return nil, nil
	}
	var list []Discount
	for _, part := range strings.Split(text, ";") {
		f := strings.Split(part, " ")
		if len(f) != 3 {
			return nil, fmt.Errorf("discount %q is not an id, a type and a number", part)
		}
		number, perUnit := strings.CutSuffix(f[2], "/unit")
		rate, err := money.ParseRate(number)
		if err != nil {
			return nil, fmt.Errorf("discount %q: %w", part, err)
		}
		a := Discount{ID: f[0], Type: f[1]}
		if perUnit {
			a.PerUnit = rate
		} else {
			a.Factor = rate
		}
		list = append(list, a)
	}
	return list, nil
}

// DiscountAmounts returns what each discount takes off a line's cost, rounded half away
// from zero to 10 decimals. A share is of what the discounts before it have
// left; no discount takes more than is left.
func DiscountAmounts(list []Discount, unblended money.Cost, amount money.Usage) ([]money.Cost, error) {
	out := make([]money.Cost, len(list))
	left := unblended
	for i, a := range list {
		var off money.Cost
		var err error
		if a.PerUnit != (money.Rate{}) {
			off, err = money.Product(a.PerUnit, amount, money.HalfAwayFromZero)
		} else {
			off, err = left.Times(a.Factor, money.CostScale, money.HalfAwayFromZero)
		}
		if err == nil {
			off = money.Min(off, left)
			out[i] = off
			left, err = money.Sub(left, off)
		}
		if err != nil {
			return nil, fmt.Errorf("discount %s: %w", a.ID, err)
		}
	}
	return out, nil
}
