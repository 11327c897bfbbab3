package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// OfferRow is the way of a charge that no usage made: the offer behind it as it
// was pinned with the run, the figures that the charge and the bill hold, and
// the lines that it follows from.
type OfferRow struct {
	Kind        string       `json:"kind"` // key of the offers file
	ID          string       `json:"id"`
	Description string       `json:"description"`
	Terms       []Figure     `json:"terms"`
	Figures     []Figure     `json:"figures"`
	Lines       []SumOfLines `json:"lines,omitempty"`
	Sums        []Sum        `json:"sums,omitempty"`
}

// Figure is a name and what it comes to, as text.
type Figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SumOfLines is a sum over charges of the same payer.
type SumOfLines struct {
	What    string     `json:"what"`
	Charges int64      `json:"charges"`
	Total   money.Cost `json:"total"`
}

// figures lists names and values in turn; what is blank or nothing is left out.
func figures(pairs ...any) []Figure {
	var list []Figure
	for i := 0; i+1 < len(pairs); i += 2 {
		text := fmt.Sprint(pairs[i+1])
		if text != "" && text != "0" && text != "[]" && text != "false" {
			list = append(list, Figure{pairs[i].(string), text})
		}
	}
	return list
}

// offerOf finds the offer behind a charge. Blank kind: it is not among those
// that were pinned.
func (e *explaining) offerOf(c charge) OfferRow {
	o := OfferRow{ID: rowID(c), Description: c.price.Description}
	for _, kind := range []func(*OfferRow){e.commitmentTerms, e.discountTerms, e.feeTerms, e.supportTerms, e.minimumTerms, e.creditTerms, e.refundTerms, e.taxTerms} {
		found := o
		if kind(&found); found.Kind != "" && kindFits(found.Kind, c) {
			return found
		}
	}
	return o
}

// rowID is the id of the offer of a charge: of its commitment or discount, else
// its usage type.
func rowID(c charge) string {
	if c.terms.Commitment.ID != "" {
		return c.terms.Commitment.ID
	}
	if list, err := batch.DecodeDiscounts(c.terms.Discounts); err == nil && len(list) == 1 {
		return list[0].ID
	}
	return c.head.UsageType
}

// kindFits tells whether a charge may come from a kind of offer; ids are unique
// within a kind alone.
func kindFits(kind string, c charge) bool {
	switch c.tail.LineItemType {
	case schema.LineItemRIFee, schema.LineItemSavingsPlanRecurringFee, schema.LineItemSavingsPlanUpfrontFee, schema.LineItemSavingsPlanNegation:
		return kind == keyReservations || kind == keyPlans
	case schema.LineItemFee:
		if c.terms.Commitment.ID != "" {
			return kind == keyReservations || kind == keyPlans
		}
		return kind == keyFees || kind == keySupport || kind == keyMinimums
	case schema.LineItemCredit:
		return kind == keyCredits
	case schema.LineItemRefund:
		return kind == keyRefunds
	case schema.LineItemTax:
		return kind == keyTaxes
	}
	return kind == keyDiscounts
}

// Keys of the offers file.
const (
	keyReservations = "reservations"
	keyPlans        = "savings_plans"
	keyDiscounts    = "discounts"
	keyFees         = "fees"
	keySupport      = "support"
	keyMinimums     = "minimum_commitments"
	keyCredits      = "credits"
	keyRefunds      = "refunds"
	keyTaxes        = "taxes"
)

func (e *explaining) commitmentTerms(o *OfferRow) {
	for _, r := range e.offers.Reservations {
		if r.ID == o.ID {
			o.Kind = keyReservations
			o.Terms = figures("owner", r.Account, "count", r.Count, "covers", selectorText(r.Select), "zone", r.Zone, "size flexible", r.SizeFlexible,
				"coverage given by the records", r.Given, "from", hourText(r.Start), "until", hourText(r.End), "years", r.Years,
				"payment", r.Payment, "up-front price", r.Upfront, "hourly rate", r.Hourly)
		}
	}
	for _, s := range e.offers.SavingsPlans {
		if s.ID == o.ID {
			o.Kind = keyPlans
			o.Terms = figures("owner", s.Account, "type", s.Type, "region", s.Region, "instance family", s.Family, "commitment per hour", s.Commitment,
				"payment", s.Payment, "from", hourText(s.Start), "until", hourText(s.End), "years", s.Years, "rates", len(s.Rates))
		}
	}
}

func selectorText(s offer.Selector) string {
	return strings.Join(slices.DeleteFunc([]string{s.ServiceCode, s.UsageType, s.Operation, s.Region}, func(t string) bool { return t == "" }), " ")
}

func (e *explaining) discountTerms(o *OfferRow) {
	for _, d := range e.offers.Discounts {
		if d.ID == o.ID {
			o.Kind = keyDiscounts
			private := ""
			if d.Private {
				private = d.Rate.String()
			}
			o.Terms = figures("type", d.Type, "share taken off", d.Factor, "private rate", private, "payers", d.Payers, "accounts", d.Accounts,
				"selectors", len(d.Select), "skus", d.SKUs, "tags", len(d.Tags), "from", d.From, "until", d.Until)
		}
	}
}

func (e *explaining) feeTerms(o *OfferRow) {
	for _, f := range e.offers.Fees {
		if f.ID == o.ID {
			o.Kind = keyFees
			o.Terms = figures("account", f.Account, "service", f.Service, "amount", f.Amount, "date", f.Date, "from", f.From, "until", f.Until, "prorated by days", f.Prorate)
		}
	}
}

func (e *explaining) supportTerms(o *OfferRow) {
	for _, s := range e.offers.Support {
		if s.ID != o.ID {
			continue
		}
		o.Kind = keySupport
		o.Terms = figures("payer", s.Payer, "accounts", s.Accounts, "per account", s.PerAccount, "minimum", s.Minimum, "from", s.From, "until", s.Until)
		for _, t := range s.Tiers {
			to := "the part above"
			if money.Sign(t.To) != 0 {
				to = "the part up to " + t.To.String()
			}
			o.Terms = append(o.Terms, Figure{to, "x " + t.Factor.String()})
		}
	}
}

func (e *explaining) minimumTerms(o *OfferRow) {
	for _, m := range e.offers.Minimums {
		if m.ID == o.ID {
			o.Kind = keyMinimums
			o.Terms = figures("payer", m.Payer, "amount", m.Amount, "for the whole term", m.Term, "from", m.From, "until", m.Until)
		}
	}
}

func (e *explaining) creditTerms(o *OfferRow) {
	for _, c := range e.offers.Credits {
		if c.ID == o.ID {
			o.Kind = keyCredits
			o.Terms = figures("owner", c.Account, "amount", c.Amount, "services", c.Services, "accounts", c.Accounts, "from", c.From, "until", c.Until, "owner only", c.Private)
		}
	}
}

func (e *explaining) refundTerms(o *OfferRow) {
	for _, r := range e.offers.Refunds {
		if r.ID == o.ID {
			o.Kind = keyRefunds
			o.Terms = figures("account", r.Account, "service", r.Service, "amount", r.Amount, "date", r.Date, "of period", r.Period)
		}
	}
}

func (e *explaining) taxTerms(o *OfferRow) {
	for _, t := range e.offers.Taxes {
		if t.ID == o.ID {
			o.Kind = keyTaxes
			o.Terms = figures("type", t.Type, "factor", t.Factor, "issuers", t.Issuers, "countries", t.Countries, "regions", t.Regions,
				"services", t.Services, "exempt", t.Exempt, "inclusive", t.Inclusive, "from", t.From, "until", t.Until)
		}
	}
}

// offerRow explains a charge that no usage made.
func (e *explaining) offerRow(c charge) (*OfferRow, error) {
	o := e.offerOf(c)
	k := c.terms.Commitment
	switch c.tail.LineItemType {
	case schema.LineItemRIFee:
		o.Figures = figures("units of the period", c.Amount, "recurring fee", c.Unblended, "amortized up-front fee", k.AmortizedFee,
			"unused units", k.UnusedUnits, "unused up-front part", k.UnusedUpfront, "unused recurring part", k.UnusedRecurring,
			"effective cost: what no usage consumed", c.Effective)
	case schema.LineItemSavingsPlanRecurringFee:
		o.Figures = figures("recurring part of the hour", k.Recurring, "up-front part of the hour", k.AmortizedFee, "effective cost: what no usage consumed", c.Effective)
	case schema.LineItemFee, schema.LineItemSavingsPlanUpfrontFee:
		o.Figures = figures("amount", c.Amount, "charged", c.Unblended)
	}
	b, err := e.billOf(c.payer)
	if err != nil {
		return nil, err
	}
	for _, t := range b.Taxes {
		if o.Kind == keyTaxes && t.ID == o.ID {
			o.Figures = append(o.Figures, figures("base of the payer", t.Base, "factor", t.Factor, "tax of the payer, in minor units", t.Amount,
				"inclusive", t.Inclusive, "share of this account and service", c.Unblended)...)
		}
	}
	for _, l := range b.Balances {
		if l.ID == o.ID && (o.Kind == keyCredits && l.Kind == bill.CreditBalance || o.Kind == keyMinimums && l.Kind == bill.MinimumBalance) {
			o.Figures = append(o.Figures, Figure{"opening", l.Opening.String()}, Figure{"granted", l.Granted.String()}, Figure{"expired", l.Expired.String()},
				Figure{"applied", l.Applied.String()}, Figure{"closing", l.Closing.String()})
		}
	}
	if o.Lines, err = e.linesBehind(c, o); err != nil {
		return nil, err
	}
	o.Sums, err = e.offerSums(c, o, b)
	return &o, err
}

// billOf reads the bill of one payer.
func (e *explaining) billOf(payer string) (bill.Bill, error) {
	at := slices.IndexFunc(e.run.Bills, func(t period.BillTotal) bool { return t.Payer == payer })
	if at < 0 {
		return bill.Bill{}, fmt.Errorf("payer %s %w on run %s: it has no bill", payer, ErrUnknownFigure, e.run.ID)
	}
	return e.p.billOf(e.ctx, e.run.Bills[at])
}

// behind says which charges a charge follows from, and which of their figures.
type behind struct {
	what string
	of   func(b *batch.Charges, i int) (money.Cost, bool, error)
}

// linesBehind sums the charges that a charge follows from.
func (e *explaining) linesBehind(c charge, o OfferRow) ([]SumOfLines, error) {
	list := e.behind(c, o)
	sums := make([]SumOfLines, len(list))
	for i := range list {
		sums[i].What = list[i].what
	}
	if len(list) == 0 {
		return nil, nil
	}
	err := e.scan(e.ctx, e.run, c.payer, func(b *batch.Charges) (bool, error) {
		for k, of := range list {
			for i := range b.Len() {
				cost, counts, err := of.of(b, i)
				if err != nil {
					return false, err
				}
				if !counts {
					continue
				}
				sums[k].Charges++
				if sums[k].Total, err = money.Add(sums[k].Total, cost); err != nil {
					return false, fmt.Errorf("%s: %w", of.what, err)
				}
			}
		}
		return false, nil
	})
	return sums, err
}

func (e *explaining) behind(c charge, o OfferRow) []behind {
	switch {
	case o.Kind == keyDiscounts:
		return []behind{{"taken off the lines of this account, service, usage type, operation and region", func(b *batch.Charges, i int) (money.Cost, bool, error) {
			if b.Term[i] == 0 || !sameHead(b, i, c) || b.Dims.Tails.Value(b.Tail[i]).Region != c.tail.Region || b.Prices.Values()[b.Price[i]].Reason != c.price.Reason {
				return money.Cost{}, false, nil
			}
			return discountOf(b, i, o.ID)
		}}}
	case c.tail.LineItemType == schema.LineItemSavingsPlanRecurringFee:
		return []behind{{"effective cost of the hour's covered lines", func(b *batch.Charges, i int) (money.Cost, bool, error) {
			counts := b.Term[i] != 0 && b.Hour[i] == c.hour() && b.Terms.Values()[b.Term[i]].Commitment.ID == o.ID &&
				b.Dims.Tails.Values()[b.Tail[i]].LineItemType == schema.LineItemSavingsPlanCoveredUsage
			return b.Effective[i], counts, nil
		}}}
	case c.tail.LineItemType == schema.LineItemSavingsPlanNegation:
		return []behind{{"unblended cost of the covered lines of this account, service, usage type, operation, region, zone and hour", func(b *batch.Charges, i int) (money.Cost, bool, error) {
			if b.Term[i] == 0 || b.Hour[i] != c.hour() || !sameHead(b, i, c) {
				return money.Cost{}, false, nil
			}
			t := b.Dims.Tails.Values()[b.Tail[i]]
			counts := t.LineItemType == schema.LineItemSavingsPlanCoveredUsage && t.Region == c.tail.Region && t.Zone == c.tail.Zone && b.Terms.Values()[b.Term[i]].Commitment.ID == o.ID
			return b.Unblended[i], counts, nil
		}}}
	case o.Kind == keyTaxes:
		return []behind{{"unblended cost of this account and service that the rule taxes", e.taxed(c, o.ID)}}
	case o.Kind == keySupport:
		return []behind{{"unblended cost of the enrolled accounts, reservations, plans and discounts included, without fees, credits, refunds, taxes and late usage", e.supported(c, o.ID)}}
	}
	return nil
}

func sameHead(b *batch.Charges, i int, c charge) bool {
	return b.Dims.Heads.Values()[b.Head[i]] == c.head
}

func discountOf(b *batch.Charges, i int, id string) (money.Cost, bool, error) {
	list, err := batch.DecodeDiscounts(b.Terms.Value(b.Term[i]).Discounts)
	if err != nil || b.Prices.Value(b.Price[i]).SKU == "" {
		return money.Cost{}, false, err
	}
	at := slices.IndexFunc(list, func(a batch.Discount) bool { return a.ID == id })
	if at < 0 {
		return money.Cost{}, false, nil
	}
	off, err := batch.DiscountAmounts(list, b.Unblended[i], b.Amount[i])
	if err != nil {
		return money.Cost{}, false, err
	}
	return off[at], true, nil
}

func (e *explaining) taxed(c charge, id string) func(*batch.Charges, int) (money.Cost, bool, error) {
	rule := slices.IndexFunc(e.offers.Taxes, func(t offer.Tax) bool { return t.ID == id })
	issuer, err := issuerOfRun(e.org, e.run)
	zone := time.UTC
	if err == nil {
		zone, err = issuer.Location()
	}
	return func(b *batch.Charges, i int) (money.Cost, bool, error) {
		h := b.Dims.Heads.Values()[b.Head[i]]
		t := b.Dims.Tails.Values()[b.Tail[i]]
		if h.Account != c.head.Account || h.Service != c.head.Service || t.LineItemType == schema.LineItemTax && !t.Priced {
			return money.Cost{}, false, err
		}
		begin := b.Hour[i].Time()
		if begin.Before(e.run.Period.Start) {
			begin = e.run.Period.Start
		}
		return b.Unblended[i], e.offers.Taxes[rule].HoldsAt(begin, zone), err
	}
}

func (e *explaining) supported(c charge, id string) func(*batch.Charges, int) (money.Cost, bool, error) {
	s := e.offers.Support[slices.IndexFunc(e.offers.Support, func(s offer.Support) bool { return s.ID == id })]
	return func(b *batch.Charges, i int) (money.Cost, bool, error) {
		account := b.Dims.Heads.Values()[b.Head[i]].Account
		if s.PerAccount && account != c.head.Account || !offer.Listed(s.Accounts, account) || b.Prices.Values()[b.Price[i]].Reason != "" {
			return money.Cost{}, false, nil
		}
		t := b.Dims.Tails.Values()[b.Tail[i]]
		besides := t.LineItemType == schema.LineItemCredit || t.LineItemType == schema.LineItemRefund || t.LineItemType == schema.LineItemTax ||
			t.LineItemType == schema.LineItemFee && b.Terms.Values()[b.Term[i]].Commitment.ID == ""
		return b.Unblended[i], t.Priced || !besides, nil
	}
}

// stepOfRow names the section of docs/rating.md that makes a charge without usage.
func (e *explaining) stepOfRow(c charge) string {
	kind := e.offerOf(c).Kind
	for _, s := range []struct{ kind, step string }{{keyReservations, stepReservations}, {keyPlans, stepPlans}, {keyDiscounts, stepDiscounts}, {keyFees, stepFees},
		{keySupport, stepSupport}, {keyMinimums, stepMinimum}, {keyCredits, stepCredits}, {keyRefunds, stepRefunds}, {keyTaxes, stepTax}} {
		if s.kind == kind {
			return s.step
		}
	}
	return ""
}
