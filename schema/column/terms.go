package column

import (
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// kind is what a line item type is to the columns of commitments, discounts and
// bills.
type kind uint8

const (
	ordinary     kind = iota
	usageLine         // Usage
	coveredLine       // DiscountedUsage
	feeLine           // RIFee
	onceLine          // Fee
	planCovered       // SavingsPlanCoveredUsage
	planFee           // SavingsPlanRecurringFee
	planOnce          // SavingsPlanUpfrontFee
	planNegation      // SavingsPlanNegation
	discountLine      // Discount, BundledDiscount, EdpDiscount and so on
	refundLine        // Refund
	kinds
)

var kindsByType = map[string]kind{
	schema.LineItemUsage: usageLine, schema.LineItemDiscountedUsage: coveredLine, schema.LineItemRIFee: feeLine, schema.LineItemFee: onceLine,
	schema.LineItemSavingsPlanCoveredUsage: planCovered, schema.LineItemSavingsPlanRecurringFee: planFee,
	schema.LineItemSavingsPlanUpfrontFee: planOnce, schema.LineItemSavingsPlanNegation: planNegation, schema.LineItemRefund: refundLine,
}

func kindOf(lineItemType string) kind {
	if strings.HasSuffix(lineItemType, "Discount") {
		return discountLine
	}
	return kindsByType[lineItemType]
}

// underTerms are the rows loaded that stand under terms, so that a column of
// few rows looks at these alone, and one of no rows at none.
type underTerms struct {
	kinds   []kind // by tail code
	refunds bool   // a tail of the dictionary is a refund
	prices  int    // number of prices looked at
	taxes   bool   // one of them is of a tax

	of         [kinds][]uint32 // rows of each kind, ascending
	discounted []uint32        // rows under discounts, ascending
}

func (u *underTerms) load(tables *Tables, c *batch.Charges) {
	for k := range u.of {
		u.of[k] = u.of[k][:0]
	}
	u.discounted = u.discounted[:0]
	for _, t := range tables.Tails[len(u.kinds):] {
		k := kindOf(t.LineItemType)
		u.kinds = append(u.kinds, k)
		u.refunds = u.refunds || k == refundLine
	}
	for ; u.prices < len(tables.Prices); u.prices++ {
		u.taxes = u.taxes || tables.Prices[u.prices].TaxType != ""
	}
	if len(tables.Terms) <= 1 { // nothing but the zero terms
		return
	}
	for i, term := range c.Term {
		if term == 0 {
			continue
		}
		row, k := uint32(i), u.kinds[c.Tail[i]]
		u.of[k] = append(u.of[k], row)
		if k != discountLine && tables.Terms[term].Discounts != "" {
			u.discounted = append(u.discounted, row)
		}
	}
}

// termsOf returns the terms of a row.
func (v *View) termsOf(row uint32) *batch.Terms { return &v.tables.Terms[v.rows.Term[row]] }

// ofTerms is a text that the commitment of a row decides, on rows of some kinds
// and null on all others.
func ofTerms(text func(*batch.Commitment) string, in ...kind) filler {
	return func(v *View, c *cache) Values {
		var out []uint32
		c.codes = stretch(c.codes, len(v.tables.Terms))
		for _, k := range in {
			for _, row := range v.terms.of[k] {
				t := v.rows.Term[row]
				if c.codes[t] == 0 {
					c.codes[t] = 1 + c.code(text(&v.tables.Terms[t].Commitment))
				}
				code := c.codes[t] - 1
				if c.texts[code] == "" {
					continue
				}
				if out == nil {
					out = c.same(v.Len(), c.code(""))
				}
				out[row] = code
			}
		}
		if out == nil {
			return Values{}
		}
		return Values{Shape: Texts, Codes: out, Texts: c.texts}
	}
}

// ofReservation and ofPlan are texts of a commitment of their kind.
func ofReservation(text func(*batch.Commitment) string, in ...kind) filler {
	return ofCommitment(batch.Reservation, text, in)
}

func ofPlan(text func(*batch.Commitment) string) filler {
	return ofCommitment(batch.SavingsPlan, text, []kind{planCovered, planFee, planOnce, planNegation})
}

func ofCommitment(which string, text func(*batch.Commitment) string, in []kind) filler {
	return ofTerms(func(c *batch.Commitment) string {
		if c.Kind != which {
			return ""
		}
		return text(c)
	}, in...)
}

// costsOf is an amount of money on the rows of one kind, null on all others.
func costsOf(in kind, of func(v *View, row uint32) money.Cost) filler {
	return func(v *View, c *cache) Values {
		c.costs = c.costs[:0]
		for _, row := range v.terms.of[in] {
			c.costs = append(c.costs, of(v, row))
		}
		return sparse(Values{Shape: Costs, Rows: v.terms.of[in], Costs: c.costs})
	}
}

// figure is an amount of the commitment, on the rows of one kind.
func figure(in kind, of func(*batch.Commitment) money.Cost) filler {
	return costsOf(in, func(v *View, row uint32) money.Cost { return of(&v.termsOf(row).Commitment) })
}

// amountsOf is a number on the rows of one kind that have it.
func amountsOf(in kind, of func(*batch.Commitment) (money.Usage, bool)) filler {
	return func(v *View, c *cache) Values {
		c.some, c.usages = c.some[:0], c.usages[:0]
		for _, row := range v.terms.of[in] {
			if x, ok := of(&v.termsOf(row).Commitment); ok {
				c.some, c.usages = append(c.some, row), append(c.usages, x)
			}
		}
		return sparse(Values{Shape: Usages, Rows: c.some, Usages: c.usages})
	}
}

// sparse returns values of some rows; without rows all are null.
func sparse(v Values) Values {
	if len(v.Rows) == 0 {
		return Values{}
	}
	return v
}

// effective, upfront and recurring are the parts of a covered row's cost.
func effective(v *View, row uint32) money.Cost { return v.rows.Effective[row] }

func upfront(v *View, row uint32) money.Cost { return v.rows.Upfront[row] }

func recurring(v *View, row uint32) money.Cost {
	return exactly(money.Sub(v.rows.Effective[row], v.rows.Upfront[row]))
}

// hourCommitment is what a plan's hour comes to, usedCommitment the part of it
// that the hour's usage consumed: all but the effective cost of the fee.
func hourCommitment(v *View, row uint32) money.Cost {
	c := &v.termsOf(row).Commitment
	return exactly(money.Add(c.AmortizedFee, c.Recurring))
}

func usedCommitment(v *View, row uint32) money.Cost {
	return exactly(money.Sub(hourCommitment(v, row), v.rows.Effective[row]))
}

// exactly returns a sum of amounts whose sum was rated before. That it does not
// fit is a fault of the charges.
func exactly(c money.Cost, err error) money.Cost {
	if err != nil {
		panic("column: " + err.Error())
	}
	return c
}

// taxType is the kind of tax of a tax rule's rows.
func taxType() filler {
	fill := ofPrice(func(p *batch.Price) string { return p.TaxType })
	return func(v *View, c *cache) Values {
		if !v.terms.taxes {
			return Values{}
		}
		return fill(v, c)
	}
}

// billType tells purchases and refunds from all else.
func billType(v *View, c *cache) Values {
	if c.texts == nil {
		c.texts = []string{"Anniversary", "Purchase", "Refund"}
	}
	u := &v.terms
	if !u.refunds && len(u.of[onceLine])+len(u.of[planOnce]) == 0 {
		return Values{Shape: Texts, Texts: c.texts}
	}
	out := c.same(v.Len(), 0)
	for _, k := range []kind{onceLine, planOnce} {
		for _, row := range u.of[k] {
			if v.termsOf(row).Commitment.ID != "" {
				out[row] = 1
			}
		}
	}
	if u.refunds {
		for i, t := range v.rows.Tail {
			if u.kinds[t] == refundLine {
				out[i] = 2
			}
		}
	}
	return Values{Shape: Texts, Codes: out, Texts: c.texts}
}
