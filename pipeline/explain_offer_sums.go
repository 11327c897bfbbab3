package pipeline

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// Decimals that recurring fees and support keep.
const feePlaces = 6

// offerSums writes out how the figure of a charge without usage follows from
// its offer, the bill and the lines behind it.
func (e *explaining) offerSums(c charge, o OfferRow, b bill.Bill) ([]Sum, error) {
	var s Sum
	var err error
	switch {
	case o.Kind == "": // of an earlier month's offers
		return nil, nil
	case o.Kind == keyDiscounts, c.tail.LineItemType == schema.LineItemSavingsPlanNegation:
		s, err = difference("unblended", money.Cost{}, o.Lines, c.Unblended)
	case c.tail.LineItemType == schema.LineItemSavingsPlanRecurringFee:
		whole := e.offers.SavingsPlans[slices.IndexFunc(e.offers.SavingsPlans, func(p offer.SavingsPlan) bool { return p.ID == o.ID })].Commitment
		s, err = difference("effective", whole, o.Lines, c.Effective)
	case c.tail.LineItemType == schema.LineItemRIFee:
		s, err = product("recurring fee", c.price.Rate, c.Amount, feePlaces, c.Unblended)
	case o.Kind == keySupport:
		s, err = e.supportSum(c, o)
	case o.Kind == keyTaxes:
		at := slices.IndexFunc(b.Taxes, func(t bill.Tax) bool { return t.ID == o.ID })
		if at < 0 {
			return nil, nil
		}
		s, err = taxSum(b.Taxes[at], b.Currency)
	default:
		return nil, nil
	}
	return []Sum{s.corrected(c)}, err
}

// difference takes what lines sum to off a figure.
func difference(figure string, of money.Cost, lines []SumOfLines, charged money.Cost) (Sum, error) {
	s := Sum{Figure: figure, Places: money.CostScale, Charged: charged}
	if len(lines) == 0 {
		return s, nil
	}
	s.Formula = fmt.Sprintf("%s - %s", of, lines[0].Total)
	var err error
	s.Rounded, err = money.Sub(of, lines[0].Total)
	s.Agrees = s.Rounded == charged
	return s, err
}

// supportSum takes the base apart into the tiers of a support plan.
func (e *explaining) supportSum(c charge, o OfferRow) (Sum, error) {
	s := Sum{Figure: "fee", Places: feePlaces, Charged: c.Unblended}
	plan := e.offers.Support[slices.IndexFunc(e.offers.Support, func(s offer.Support) bool { return s.ID == o.ID })]
	var fee, below money.Cost
	var parts []string
	for _, t := range plan.Tiers {
		base := o.Lines[0].Total
		if money.Cmp(base, below) <= 0 {
			break
		}
		if money.Sign(t.To) != 0 {
			base = money.Min(base, t.To)
		}
		part, err := money.Sub(base, below)
		if err != nil {
			return s, err
		}
		parts = append(parts, fmt.Sprintf("%s x %s", t.Factor, part))
		if part, err = part.Times(t.Factor, money.CostScale, money.HalfAwayFromZero); err != nil {
			return s, err
		}
		if fee, err = money.Add(fee, part); err != nil {
			return s, err
		}
		below = base
	}
	s.Formula, s.Exact = strings.Join(parts, " + "), fee.String()
	if len(parts) == 0 {
		s.Formula = "no cost"
	}
	var err error
	if s.Rounded, err = fee.Round(feePlaces, money.HalfAwayFromZero); err != nil {
		return s, err
	}
	if money.Cmp(s.Rounded, plan.Minimum) < 0 {
		s.Formula += ", at least " + plan.Minimum.String()
		s.Exact, s.Rounded = "", plan.Minimum
	}
	s.Agrees = s.Rounded == s.Charged
	return s, nil
}

// taxSum writes out the tax of a rule over the whole bill.
func taxSum(t bill.Tax, currency money.Currency) (Sum, error) {
	s := Sum{Figure: "tax", Places: currency.MinorUnits(), Charged: t.Amount, Formula: fmt.Sprintf("%s x %s", t.Factor, t.Base)}
	base := whole(t.Base.Int128())
	switch {
	case money.Sign(t.Base) < 0:
		s.Formula = fmt.Sprintf("the base %s is negative: no tax", t.Base)
	case t.Inclusive:
		s.Formula = fmt.Sprintf("%s - %s / (1 + %s)", t.Base, t.Base, t.Factor)
		one := whole(money.RateFromInt(1).Int128())
		factor := whole(t.Factor.Int128())
		r := new(big.Rat).SetFrac(base.Mul(base, factor), new(big.Int).Mul(one.Add(one, factor), whole(money.CostFromInt(1).Int128())))
		s.Exact = r.FloatString(20) + "..."
		var err error
		if s.Rounded, err = money.ParseCost(r.FloatString(s.Places)); err != nil {
			return s, err
		}
	default:
		s.Exact = decimal(base.Mul(base, whole(t.Factor.Int128())), money.CostScale+money.RateScale)
		var err error
		if s.Rounded, err = roundedTo(s.Exact, s.Places); err != nil {
			return s, err
		}
	}
	s.Agrees = s.Rounded == t.Amount
	return s, nil
}
