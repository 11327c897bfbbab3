// Package offer holds what changes a price or stands beside usage on a bill:
// free tier pools, contract discounts, reservations, savings plans, fees,
// support plans, minimum commitments, credits, refunds and taxes. It owns their
// fields, their contradictions and what each of them picks; it rates nothing.
//
// Days are calendar days in the zone of the issuer; a stretch runs from the
// first instant of its first day to the first instant of its until day, which
// is the first day no longer. Amounts are in the currency of the issuer that
// bills the account or payer named.
package offer

import (
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Offers is everything of one offers file.
type Offers struct {
	FreeTier     []Pool        `json:"free_tier,omitempty"`
	Discounts    []Discount    `json:"discounts,omitempty"`
	Reservations []Reservation `json:"reservations,omitempty"`
	SavingsPlans []SavingsPlan `json:"savings_plans,omitempty"`
	Fees         []Fee         `json:"fees,omitempty"`
	Support      []Support     `json:"support,omitempty"`
	Minimums     []Minimum     `json:"minimum_commitments,omitempty"`
	Credits      []Credit      `json:"credits,omitempty"`
	Refunds      []Refund      `json:"refunds,omitempty"`
	Taxes        []Tax         `json:"taxes,omitempty"`
}

// Count returns how many offers there are of all kinds.
func (o *Offers) Count() int {
	return len(o.FreeTier) + len(o.Discounts) + len(o.Reservations) + len(o.SavingsPlans) + len(o.Fees) + len(o.Support) +
		len(o.Minimums) + len(o.Credits) + len(o.Refunds) + len(o.Taxes)
}

// MonthWide tells whether any offer needs the whole month before the first line
// can be written.
func (o *Offers) MonthWide() bool {
	return o.Count() > len(o.FreeTier)
}

// Discounted tells whether a discount may lower the charges of a payer, in any
// month.
func (o *Offers) Discounted(payer string) bool {
	return slices.ContainsFunc(o.Discounts, func(d Discount) bool { return Listed(d.Payers, payer) })
}

// Selector picks SKUs. A blank field means any; usage_type, operation and
// region may hold * for any run of characters.
type Selector struct {
	ServiceCode string `json:"service_code"`
	UsageType   string `json:"usage_type,omitempty"`
	Operation   string `json:"operation,omitempty"`
	Region      string `json:"region_code,omitempty"`
}

// Pool is one monthly allowance, free of charge, over one or several SKUs,
// shared by the whole organization.
type Pool struct {
	ID        string      `json:"id"`
	Allowance money.Usage `json:"allowance"` // units of the SKUs' prices, per month
	Unit      string      `json:"unit"`      // must be the unit of every SKU selected
	Select    []Selector  `json:"select"`
	From      schema.Date `json:"from,omitzero"`          // first of a month; zero: since ever
	Until     schema.Date `json:"until,omitzero"`         // first of a month; zero: for ever
	Months    int         `json:"first_months,omitempty"` // only the first so many months after Payer.Since; 0: always
	Days      int         `json:"trial_days,omitempty"`   // only the first so many days after Payer.Since; 0: always
}

// Discount lowers the cost of the usage lines that it picks, by a percentage or
// to a fixed rate. Discounts apply one after the other, in file order.
type Discount struct {
	ID          string            `json:"id"`
	Type        string            `json:"type"` // line item type of its rows: Discount, EdpDiscount, PrivateRateDiscount, SppDiscount, BundledDiscount
	Description string            `json:"description,omitempty"`
	Payers      []string          `json:"payers,omitempty"`   // payer account ids; none: all
	Accounts    []string          `json:"accounts,omitempty"` // usage account ids; none: all
	Select      []Selector        `json:"select,omitempty"`   // none: every SKU
	SKUs        []string          `json:"skus,omitempty"`     // none: every SKU
	Tags        map[string]string `json:"tags,omitempty"`     // all of them must stand on the line
	Factor      money.Rate        `json:"factor,omitzero"`    // share taken off, 0 to 1; zero where Private
	Private     bool              `json:"private,omitempty"`  // Rate holds instead of the price's
	Rate        money.Rate        `json:"rate,omitzero"`      // per unit of the price
	From        schema.Date       `json:"from,omitzero"`
	Until       schema.Date       `json:"until,omitzero"`
}

// Payment says how much of a commitment is paid when it is bought.
type Payment string

// The payment options, as CUR spells them.
const (
	NoUpfront      Payment = "No Upfront"
	PartialUpfront Payment = "Partial Upfront"
	AllUpfront     Payment = "All Upfront"
)

// Reservation is an amount of one SKU's usage per hour, bought for a term.
type Reservation struct {
	ID           string     `json:"id"` // stands in reservation_reservation_a_r_n
	Subscription string     `json:"subscription_id,omitempty"`
	Account      string     `json:"account_id"`                  // owner
	Select       Selector   `json:"select"`                      // service, usage type of the size bought, operation, region; no stars
	Zone         string     `json:"availability_zone,omitempty"` // zonal when not blank
	SizeFlexible bool       `json:"size_flexible,omitempty"`     // covers other sizes of the family by normalization factor; regional only
	Count        int64      `json:"count"`
	Start        time.Time  `json:"start"`                    // to the second
	End          time.Time  `json:"end"`                      // first second no longer
	Years        int        `json:"years"`                    // 1 or 3
	Class        string     `json:"offering_class,omitempty"` // standard or convertible
	Payment      Payment    `json:"payment"`
	Upfront      money.Cost `json:"upfront,omitzero"`         // for all of Count
	Hourly       money.Rate `json:"hourly,omitzero"`          // recurring, per unit and hour
	Given        bool       `json:"coverage_given,omitempty"` // covers exactly the records that name it
	Description  string     `json:"description,omitempty"`
}

// SavingsPlan is money per hour, committed for a term.
type SavingsPlan struct {
	ID         string     `json:"id"`                        // stands in savings_plan_savings_plan_a_r_n
	Account    string     `json:"account_id"`                // owner
	Type       string     `json:"type"`                      // ComputeSavingsPlans or EC2InstanceSavingsPlans
	Region     string     `json:"region_code,omitempty"`     // of an instance plan
	Family     string     `json:"instance_family,omitempty"` // of an instance plan
	Commitment money.Cost `json:"commitment"`                // per hour, up-front share included, at most 8 decimals
	Payment    Payment    `json:"payment"`
	Start      time.Time  `json:"start"` // on the hour
	End        time.Time  `json:"end"`   // first hour no longer
	Years      int        `json:"years"` // 1 or 3
	Rates      []PlanRate `json:"rates"`
}

// PlanRate is what a plan charges for the SKUs picked: a rate, or a share off
// the on-demand rate. The first of a plan's rates that picks a SKU holds.
type PlanRate struct {
	Select Selector   `json:"select"`
	Rate   money.Rate `json:"rate,omitzero"`   // per unit of the price; zero where Factor is given
	Factor money.Rate `json:"factor,omitzero"` // share taken off, above 0 and below 1
}

// Fee is a charge of its own: once, or every month.
type Fee struct {
	ID          string      `json:"id"`
	Account     string      `json:"account_id"`
	Service     string      `json:"service_code"`
	Description string      `json:"description"`
	Amount      money.Cost  `json:"amount"`            // once, or per month; at most 6 decimals
	Date        schema.Date `json:"date,omitzero"`     // of a one-time fee
	From        schema.Date `json:"from,omitzero"`     // of a recurring fee
	Until       schema.Date `json:"until,omitzero"`    // of a recurring fee; zero: for ever
	Prorate     bool        `json:"prorate,omitempty"` // a month in part costs its share of the days
}

// Support is a plan whose price is a share of what the month costs.
type Support struct {
	ID          string        `json:"id"`
	Payer       string        `json:"payer_account_id"`
	Accounts    []string      `json:"accounts,omitempty"`    // enrolled; none: all of the payer
	PerAccount  bool          `json:"per_account,omitempty"` // tiers and minimum per account, else over all of them
	Service     string        `json:"service_code"`
	Description string        `json:"description,omitempty"`
	Tiers       []SupportTier `json:"tiers"` // sorted; the last without end
	Minimum     money.Cost    `json:"minimum,omitzero"`
	From        schema.Date   `json:"from,omitzero"`
	Until       schema.Date   `json:"until,omitzero"`
}

// SupportTier is a share of the part of the cost below To.
type SupportTier struct {
	To     money.Cost `json:"to,omitzero"` // exclusive; zero: without end
	Factor money.Rate `json:"factor"`
}

// Minimum is an amount that a payer has agreed to spend; what is missing is
// charged when the stretch ends.
type Minimum struct {
	ID          string      `json:"id"`
	Payer       string      `json:"payer_account_id"`
	Service     string      `json:"service_code"` // of the true-up line
	Description string      `json:"description,omitempty"`
	Amount      money.Cost  `json:"amount"` // per month, or for the whole term
	Term        bool        `json:"whole_term,omitempty"`
	From        schema.Date `json:"from,omitzero"` // firsts of months; both required with Term
	Until       schema.Date `json:"until,omitzero"`
}

// Credit is money given, used up by charges until it ends.
type Credit struct {
	ID          string      `json:"id"`
	Account     string      `json:"account_id"` // owner; its payer's organization may share it
	Description string      `json:"description,omitempty"`
	Amount      money.Cost  `json:"amount"`
	Services    []string    `json:"services,omitempty"` // service codes; none: all
	Accounts    []string    `json:"accounts,omitempty"` // none: all
	From        schema.Date `json:"from"`               // granted on this day
	Until       schema.Date `json:"until"`              // charges of months that begin before it
	Private     bool        `json:"owner_only,omitempty"`
}

// Refund is money back for something charged before.
type Refund struct {
	ID          string      `json:"id"`
	Account     string      `json:"account_id"`
	Service     string      `json:"service_code"`
	Description string      `json:"description"`
	Amount      money.Cost  `json:"amount"` // positive
	Date        schema.Date `json:"date"`
	Period      string      `json:"of_period"` // YYYY-MM in which it was charged
}

// Tax is a rule about the charges of a seller to customers of a place.
type Tax struct {
	ID          string      `json:"id"`
	Type        string      `json:"tax_type"` // such as VAT
	Description string      `json:"description,omitempty"`
	Issuers     []string    `json:"issuers,omitempty"`   // sellers, by id; none: all
	Countries   []string    `json:"countries,omitempty"` // Payer.Country; none: any
	Regions     []string    `json:"regions,omitempty"`   // Payer.Region; none: any
	Services    []string    `json:"services,omitempty"`  // service codes; none: all
	Exempt      []string    `json:"exempt,omitempty"`    // payer account ids
	Factor      money.Rate  `json:"factor"`              // 0 to 1
	Inclusive   bool        `json:"inclusive,omitempty"` // prices hold it already
	From        schema.Date `json:"from,omitzero"`
	Until       schema.Date `json:"until,omitzero"`
}
