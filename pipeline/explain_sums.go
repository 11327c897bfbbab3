package pipeline

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Sum is a figure of a charge written out: what is multiplied, the exact
// result, and what rounding half away from zero makes of it.
type Sum struct {
	Figure  string     `json:"figure"`
	Formula string     `json:"formula"`
	Exact   string     `json:"exact,omitempty"` // every decimal, or a fraction that has no end
	Places  int        `json:"places"`          // decimals kept
	Rounded money.Cost `json:"rounded"`
	Charged money.Cost `json:"charged"` // what the charge holds
	Agrees  bool       `json:"agrees"`
	Note    string     `json:"note,omitempty"` // why they differ, where that is right
}

// DiscountStep is one contract discount on a portion.
type DiscountStep struct {
	ID      string     `json:"id"`
	Type    string     `json:"line_item_type"`
	Factor  string     `json:"factor,omitempty"`   // share of what is left
	PerUnit string     `json:"per_unit,omitempty"` // or amount per unit
	Off     money.Cost `json:"taken_off"`
	Left    money.Cost `json:"left"`
}

// sumsOf writes the figures of a charge out. Fee is the fee row of the
// reservation that covers it.
func sumsOf(c, fee charge) ([]Sum, error) {
	switch kindOf(c) {
	case KindOffer:
		return nil, nil
	case KindSource:
		return []Sum{{Figure: "unblended", Formula: "the costs of the records, summed", Places: money.CostScale,
			Rounded: c.Unblended, Charged: c.Unblended, Agrees: true}}, nil
	}
	var list []Sum
	for _, f := range []struct {
		figure  string
		rate    money.Rate
		charged money.Cost
	}{{"unblended", c.price.Rate, c.Unblended}, {"list", c.price.PublicRate, c.List}, {"blended", c.price.BlendedRate, c.Blended}} {
		if !c.price.Rated {
			list = append(list, Sum{Figure: f.figure, Formula: "no rate per unit", Places: money.CostScale, Rounded: f.charged, Charged: f.charged, Agrees: true})
			continue
		}
		s, err := product(f.figure, f.rate, c.Amount, money.CostScale, f.charged)
		if err != nil {
			return nil, err
		}
		list = append(list, s.corrected(c))
	}
	covered, err := effectiveSums(c, fee)
	return append(list, covered...), err
}

// corrected says why the sum of a correction may differ.
func (s Sum) corrected(c charge) Sum {
	if !s.Agrees && c.price.Reason != "" {
		s.Note = "the difference of two sums, each rounded line by line"
	}
	return s
}

// product writes rate times amount out.
func product(figure string, rate money.Rate, amount money.Usage, places int, charged money.Cost) (Sum, error) {
	s := Sum{Figure: figure, Formula: fmt.Sprintf("%s x %s", rate, amount), Places: places, Charged: charged}
	s.Exact = decimal(new(big.Int).Mul(whole(rate.Int128()), whole(amount.Int128())), money.RateScale+money.UsageScale)
	var err error
	if s.Rounded, err = money.Product(rate, amount, money.HalfAwayFromZero); err != nil {
		return s, fmt.Errorf("%s cost: %w", figure, err)
	}
	if places < money.CostScale { // rounding twice could go past the half
		if s.Rounded, err = roundedTo(s.Exact, places); err != nil {
			return s, fmt.Errorf("%s cost: %w", figure, err)
		}
	}
	s.Agrees = s.Rounded == charged
	return s, nil
}

func whole(x money.Int128) *big.Int {
	n, ok := new(big.Int).SetString(x.String(), 10)
	if !ok {
		panic("a whole number is written in digits: " + x.String())
	}
	return n
}

// decimal writes n / 10^scale without trailing zeros.
func decimal(n *big.Int, scale int) string {
	digits := fmt.Sprintf("%0*d", scale+1, new(big.Int).Abs(n))
	text := digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}

// roundedTo rounds a decimal or a fraction of decimals, half away from zero.
func roundedTo(text string, places int) (money.Cost, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return money.Cost{}, fmt.Errorf("%q is not a number", text)
	}
	return money.ParseCost(r.FloatString(places)) // rounds half away from zero
}

// Places of the amounts of commitments.
const commitmentPlaces = 8

// effectiveSums writes out what a covered charge consumes of its commitment.
func effectiveSums(c, fee charge) ([]Sum, error) {
	switch kindOf(c) {
	case KindPlan:
		s, err := product("effective", c.terms.Commitment.Rate, c.Amount, commitmentPlaces, c.Effective)
		s.Formula = "plan rate " + s.Formula
		return []Sum{s.corrected(c)}, err
	case KindReservation:
	default:
		return nil, nil
	}
	recurring, err := money.Sub(c.Effective, c.Upfront)
	if err != nil || fee.payer == "" {
		return nil, err
	}
	var list []Sum
	for _, part := range []struct {
		figure, words string
		fee, charged  money.Cost
	}{{"up-front part", "amortized fee of the period", fee.terms.Commitment.AmortizedFee, c.Upfront},
		{"recurring part", "recurring fee of the period", fee.Unblended, recurring}} {
		s, err := shareOf(part.figure, part.words, part.fee, c, fee)
		if err != nil {
			return nil, err
		}
		s.Charged, s.Agrees = part.charged, s.Rounded == part.charged
		list = append(list, s.corrected(c))
	}
	return list, nil
}

// shareOf writes out the part of a fee that falls on a covered charge, by the
// normalization factors where the sizes differ.
func shareOf(figure, words string, cost money.Cost, c, fee charge) (Sum, error) {
	s := Sum{Figure: figure, Places: commitmentPlaces, Formula: fmt.Sprintf("%s %s x %s / %s units", words, cost, c.Amount, fee.Amount)}
	num := new(big.Int).Mul(whole(cost.Int128()), whole(c.Amount.Int128()))
	den := whole(fee.Amount.Int128())
	ours, theirs, err := factors(c, fee)
	if err != nil {
		return s, err
	}
	if ours != theirs {
		s.Formula = fmt.Sprintf("%s %s x %s x factor %s / (%s units x factor %s)", words, cost, c.Amount, quarterText(ours), fee.Amount, quarterText(theirs))
		num.Mul(num, big.NewInt(ours))
		den.Mul(den, big.NewInt(theirs))
	}
	if den.Sign() == 0 {
		s.Note = "the reservation has no units in the period"
		return s, nil
	}
	r := new(big.Rat).SetFrac(num, den.Mul(den, new(big.Int).Exp(big.NewInt(10), big.NewInt(money.CostScale), nil)))
	s.Exact = r.FloatString(20)
	if exact, ok := new(big.Rat).SetString(s.Exact); ok && exact.Cmp(r) == 0 {
		s.Exact = strings.TrimSuffix(strings.TrimRight(s.Exact, "0"), ".")
	} else {
		s.Exact += "..."
	}
	s.Rounded, err = money.ParseCost(r.FloatString(commitmentPlaces))
	return s, err
}

// factors returns the normalization factors of a covered charge and of its
// reservation, in quarters; both 1 where sizes play no part.
func factors(c, fee charge) (ours, theirs int64, err error) {
	_, ours, ok := schema.InstanceSize(c.head.UsageType)
	_, theirs, both := schema.InstanceSize(fee.head.UsageType)
	if !ok || !both {
		return 1, 1, nil
	}
	return ours, theirs, nil
}

func quarterText(n int64) string { return decimal(big.NewInt(n*25), 2) }

// discountSteps takes the discounts of a charge one after the other.
func discountSteps(c charge) ([]DiscountStep, error) {
	if c.terms.Discounts == "" || !madeByUsage(c) {
		return nil, nil
	}
	list, err := batch.DecodeDiscounts(c.terms.Discounts)
	if err != nil {
		return nil, err
	}
	taken, err := batch.DiscountAmounts(list, c.Unblended, c.Amount)
	if err != nil {
		return nil, err
	}
	var steps []DiscountStep
	left := c.Unblended
	for i, a := range list {
		if left, err = money.Sub(left, taken[i]); err != nil {
			return nil, err
		}
		s := DiscountStep{ID: a.ID, Type: a.Type, Off: taken[i], Left: left}
		if a.PerUnit != (money.Rate{}) {
			s.PerUnit = a.PerUnit.String()
		} else {
			s.Factor = a.Factor.String()
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// modelText names a price version's model with its figures.
func modelText(v price.Version) string {
	if len(v.Tiers) == 0 {
		return v.Model.String()
	}
	rate := v.Tiers[0].Rate
	if v.Model == price.Package {
		return fmt.Sprintf("%s: every started %s %s of the month costs %s; the line whose units start a package carries it", v.Model, v.PackageSize, v.Unit, rate)
	}
	return fmt.Sprintf("%s: %s once a month; the first line with usage carries it", v.Model, rate)
}
