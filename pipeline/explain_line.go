package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// LineExplained is one line in one hour: what was used, the records that say
// so, and how its portions were priced.
type LineExplained struct {
	ID          string            `json:"identity_line_item_id"`
	Account     string            `json:"usage_account_id"`
	AccountName string            `json:"usage_account_name,omitempty"`
	Service     string            `json:"service_code"`
	UsageType   string            `json:"usage_type"`
	Operation   string            `json:"operation"`
	Region      string            `json:"region_code"`
	Zone        string            `json:"availability_zone"`
	Resource    string            `json:"resource_id"`
	Tags        map[string]string `json:"tags,omitempty"`
	Unit        string            `json:"unit"`
	Type        string            `json:"line_item_type"`
	Hour        time.Time         `json:"hour"`             // its start, UTC
	Reason      string            `json:"reason,omitempty"` // why it stands in a later bill than its usage

	Portions []Portion `json:"portions"` // all charges of the line in the hour, in their order
	Usage    *Usage    `json:"usage,omitempty"`
	Offer    *OfferRow `json:"offer,omitempty"` // of a charge that no usage made
	Steps    []string  `json:"steps"`           // sections of docs/rating.md, in order
}

// Portion is one charge of a line: a part of its amount that has one price.
type Portion struct {
	ID          string     `json:"identity_line_item_id"`
	Type        string     `json:"line_item_type"`
	Kind        string     `json:"kind"` // on demand, free tier, reservation, savings plan, priced by its source, or no usage
	SKU         string     `json:"sku,omitempty"`
	RateCode    string     `json:"rate_code,omitempty"`
	Term        string     `json:"term,omitempty"`
	Description string     `json:"description"`
	Effective   *time.Time `json:"price_effective,omitempty"` // start of the price version
	TierBegin   string     `json:"tier_begin,omitempty"`
	TierEnd     string     `json:"tier_end,omitempty"`
	Pool        string     `json:"free_tier_pool,omitempty"`
	Commitment  string     `json:"commitment,omitempty"`
	Model       string     `json:"pricing_model,omitempty"` // where no rate is shown: Package or Flat

	Amount    money.Usage `json:"usage_amount"`
	Unit      string      `json:"unit"`
	List      money.Cost  `json:"list_cost"`
	Unblended money.Cost  `json:"unblended_cost"`
	Blended   money.Cost  `json:"blended_cost"`
	Net       money.Cost  `json:"net_unblended_cost"`
	Effect    money.Cost  `json:"effective_cost"`

	Sums      []Sum          `json:"sums"`
	Discounts []DiscountStep `json:"discounts,omitempty"`
}

// line explains the charges that a line id stands for.
func (e *explaining) line(q Question) (*Explanation, error) {
	all, err := e.find(q.What)
	if err != nil {
		return nil, err
	}
	asked := slices.DeleteFunc(slices.Clone(all), func(c charge) bool { return c.id != q.What })
	if len(asked) == 0 {
		return nil, fmt.Errorf("line %s %w: looked through %s of issuer %s, run %s; an id stays the same while its month is rated again, "+
			"and changes with its price from month to month: name the month of the report with --period",
			q.What, ErrUnknownFigure, e.run.Period.Name, e.run.Issuer, e.run.ID)
	}
	hours := hoursOf(asked)
	if !q.At.IsZero() {
		hour := schema.HourOf(q.At.UnixNano())
		asked = slices.DeleteFunc(asked, func(c charge) bool { return c.hour() != hour })
		if len(asked) == 0 {
			return nil, fmt.Errorf("line %s %w in the hour %s of run %s; its hours are from %s to %s: leave --at out to list them", q.What,
				ErrUnknownFigure, hourText(hour.Time()), e.run.ID, hourText(hours[0].Hour), hourText(hours[len(hours)-1].Hour))
		}
	}
	e.out.Payer = asked[0].payer
	if len(asked) > 1 {
		e.out.Hours = hours
		return e.out, nil
	}
	e.out.Line, err = e.explainCharge(asked[0], all)
	return e.out, err
}

func hourText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func hoursOf(charges []charge) []HourOfLine {
	var list []HourOfLine
	for _, c := range charges {
		list = append(list, HourOfLine{Payer: c.payer, Hour: c.hour().Time(), Amount: c.Amount, Unblended: c.Unblended, Net: c.Net})
	}
	slices.SortStableFunc(list, func(a, b HourOfLine) int { return a.Hour.Compare(b.Hour) })
	return list
}

func (e *explaining) explainCharge(c charge, all []charge) (*LineExplained, error) {
	l := &LineExplained{ID: c.id, Account: c.head.Account, AccountName: e.owner(c.payer).AccountNames[c.head.Account],
		Service: c.head.Service, UsageType: c.head.UsageType, Operation: c.head.Operation, Region: c.tail.Region, Zone: c.tail.Zone,
		Resource: c.resource, Unit: cmp.Or(c.price.Unit, c.tail.Unit), Type: c.tail.LineItemType, Hour: c.hour().Time(), Reason: c.price.Reason}
	for _, t := range schema.DecodeTags(c.tail.Tags) {
		if l.Tags == nil {
			l.Tags = map[string]string{}
		}
		l.Tags[t.Key] = t.Value
	}
	line := portionsOf(c, all)
	fees, err := e.reservationFees(line)
	if err != nil {
		return nil, err
	}
	for _, one := range line {
		portion, err := e.portion(one, fees)
		if err != nil {
			return nil, err
		}
		l.Portions = append(l.Portions, portion)
	}
	if madeByUsage(c) {
		l.Usage, err = e.usage(c, line)
	} else {
		l.Offer, err = e.offerRow(c)
	}
	l.Steps = e.stepsOf(line)
	return l, err
}

// portionsOf returns the charges of a charge's line: same dimensions and hour,
// whatever covers them.
func portionsOf(c charge, all []charge) []charge {
	if !madeByUsage(c) {
		return []charge{c}
	}
	var list []charge
	for _, other := range all {
		if other.payer == c.payer && other.hour() == c.hour() && madeByUsage(other) && other.price.Reason == c.price.Reason &&
			usageTail(other.tail) == usageTail(c.tail) {
			list = append(list, other)
		}
	}
	return list
}

// usageTail is the tail that the records of a line have: covered parts are of a
// type of their own.
func usageTail(t batch.Tail) batch.Tail {
	if !t.Priced && (t.LineItemType == schema.LineItemDiscountedUsage || t.LineItemType == schema.LineItemSavingsPlanCoveredUsage) {
		t.LineItemType = schema.LineItemUsage
	}
	return t
}

// madeByUsage tells whether records made a charge: those of offers name no SKU
// and did not bring their cost.
func madeByUsage(c charge) bool {
	if c.tail.Priced || c.price.SKU != "" {
		return true
	}
	switch c.tail.LineItemType {
	case schema.LineItemRIFee, schema.LineItemSavingsPlanRecurringFee, schema.LineItemSavingsPlanUpfrontFee, schema.LineItemSavingsPlanNegation, schema.LineItemFee, schema.LineItemCredit, schema.LineItemRefund, schema.LineItemTax:
		return false
	}
	return !strings.HasSuffix(c.tail.LineItemType, "Discount")
}

// The kinds of portions.
const (
	KindOnDemand    = "on demand"
	KindFree        = "free tier"
	KindReservation = "reservation"
	KindPlan        = "savings plan"
	KindSource      = "priced by its source"
	KindOffer       = "no usage"
)

func kindOf(c charge) string {
	switch {
	case !madeByUsage(c):
		return KindOffer
	case c.tail.Priced:
		return KindSource
	case c.terms.Commitment.Kind == batch.Reservation:
		return KindReservation
	case c.terms.Commitment.Kind == batch.SavingsPlan:
		return KindPlan
	case c.price.Pool != "":
		return KindFree
	}
	return KindOnDemand
}

func (e *explaining) portion(c charge, fees map[string]charge) (Portion, error) {
	p := Portion{ID: c.id, Type: c.tail.LineItemType, Kind: kindOf(c), SKU: c.price.SKU, RateCode: c.price.RateCode, Term: c.price.Term,
		Description: c.price.Description, TierBegin: c.price.Begin, TierEnd: c.price.End, Pool: c.price.Pool, Commitment: c.terms.Commitment.ID,
		Amount: c.Amount, Unit: cmp.Or(c.price.Unit, c.tail.Unit), List: c.List, Unblended: c.Unblended, Blended: c.Blended, Net: c.Net, Effect: c.Effective}
	if c.price.SKU != "" {
		from := time.Unix(c.price.Effective, 0).UTC()
		p.Effective = &from
	}
	var err error
	if p.Kind == KindOnDemand && !c.price.Rated {
		if p.Model, err = e.model(c); err != nil {
			return p, err
		}
	}
	if p.Sums, err = sumsOf(c, fees[c.terms.Commitment.ID]); err != nil {
		return p, err
	}
	p.Discounts, err = discountSteps(c)
	return p, err
}

// model names the pricing model of a charge that shows no rate. It alone needs
// the price list of the run.
func (e *explaining) model(c charge) (string, error) {
	_, _, prices, err := e.p.pinned(e.ctx, e.run)
	if err != nil {
		return "", err
	}
	for _, sku := range prices.Catalog.SKUs {
		for _, v := range sku.Versions {
			if sku.ID != c.price.SKU || v.Effective != c.price.Effective {
				continue
			}
			return modelText(v), nil
		}
	}
	return "", nil
}

// reservationFees finds the fee rows of the reservations that cover a line:
// they hold what a month of the reservation costs.
func (e *explaining) reservationFees(line []charge) (map[string]charge, error) {
	fees := map[string]charge{}
	wanted := map[string]bool{}
	for _, c := range line {
		if c.terms.Commitment.Kind == batch.Reservation {
			wanted[c.terms.Commitment.ID] = true
		}
	}
	if len(wanted) == 0 {
		return fees, nil
	}
	reader := newChargeReader(e.owner(line[0].payer))
	err := e.scan(e.ctx, e.run, line[0].payer, func(b *batch.Charges) (bool, error) {
		reader.rows = b
		for i := range b.Len() {
			id := ""
			if b.Term[i] != 0 && b.Dims.Tails.Values()[b.Tail[i]].LineItemType == schema.LineItemRIFee {
				id = b.Terms.Value(b.Term[i]).Commitment.ID
			}
			if id != "" && wanted[id] {
				fees[id] = reader.bare(i)
				delete(wanted, id)
			}
		}
		return len(wanted) == 0, nil
	})
	return fees, err
}

// The sections of docs/rating.md, in their order.
const (
	stepGround       = "0. Ground"
	stepReservations = "1. Reservations"
	stepPlans        = "2. Savings plans"
	stepTiers        = "3. Free tier pools and tiers"
	stepDiscounts    = "4. Contract discounts"
	stepFees         = "5. Fees"
	stepSupport      = "6. Support"
	stepMinimum      = "7. Minimum commitment"
	stepCredits      = "8. Credits"
	stepRefunds      = "9. Refunds"
	stepTax          = "10. Tax"
	stepRounding     = "11. Rounding"
)

// RatingSteps returns the sections of docs/rating.md that an explanation may
// name, in their order.
func RatingSteps() []string {
	return []string{stepGround, stepReservations, stepPlans, stepTiers, stepDiscounts, stepFees, stepSupport, stepMinimum, stepCredits,
		stepRefunds, stepTax, stepRounding}
}

// stepsOf names the steps that made a line.
func (e *explaining) stepsOf(line []charge) []string {
	made := map[string]bool{stepGround: true, stepRounding: true}
	for _, c := range line {
		switch kindOf(c) {
		case KindReservation:
			made[stepReservations] = true
		case KindPlan:
			made[stepPlans] = true
		case KindOnDemand, KindFree:
			made[stepTiers] = true
		case KindOffer:
			made[e.stepOfRow(c)] = true
			continue
		}
		if c.terms.Discounts != "" {
			made[stepDiscounts] = true
		}
	}
	return slices.DeleteFunc(RatingSteps(), func(s string) bool { return !made[s] })
}
