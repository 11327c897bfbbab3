// Package bill holds what a month comes to: the lines and totals of a payer's
// bill, the invoice made from it, and the states of a period. All figures are
// stored; drawing a document computes nothing.
package bill

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Bill is one payer's month, summed from its charges.
type Bill struct {
	Issuer   schema.Issuer  `json:"issuer"`
	Payer    schema.Payer   `json:"payer"` // without its member list
	Period   schema.Period  `json:"period"`
	Currency money.Currency `json:"currency"`
	Lines    []Line         `json:"lines"`    // sorted by account, service, usage type, operation, price
	Services []Subtotal     `json:"services"` // sorted by key: service code; lines of tax rules left out
	Accounts []Subtotal     `json:"accounts"` // sorted by key: usage account id
	Charges  int64          `json:"charges"`  // number of charge rows summed
	Total    money.Cost     `json:"total"`    // exact sum of all unblended costs, 10 decimals: services and TaxTotal

	TaxTotal    money.Cost `json:"tax_total,omitzero"`    // sum of the lines of tax rules, in minor units
	CreditTotal money.Cost `json:"credit_total,omitzero"` // sum of the Credit lines, which are in Services

	Taxes    []Tax     `json:"taxes,omitempty"`    // by rule id
	Balances []Balance `json:"balances,omitempty"` // of credits and whole-term minimums, by kind and id
}

// Tax is what one tax rule comes to on a bill.
type Tax struct {
	ID          string     `json:"id"`
	Type        string     `json:"tax_type"`
	Description string     `json:"description"`
	Factor      money.Rate `json:"factor"`
	Base        money.Cost `json:"base"`
	Amount      money.Cost `json:"amount"`              // in minor units
	Inclusive   bool       `json:"inclusive,omitempty"` // the prices hold it: it is not in the total a second time
}

// Text is the tax in words: kind, rate in percent, and the description unless
// that says no more.
func (t *Tax) Text() string {
	text := t.Type
	if percent, err := money.MulInt(t.Factor, 100); err == nil {
		text += " " + percent.String() + "%"
	}
	if t.Description != "" && t.Description != t.Type {
		text += " (" + t.Description + ")"
	}
	return text
}

// The kinds of balances.
const (
	CreditBalance  = "credit"
	MinimumBalance = "minimum_commitment"
)

// Balance carries an offer from one month to the next:
// opening + granted - expired - applied = closing. Of a minimum commitment,
// closing is what is still to be spent in its term.
type Balance struct {
	Kind    string     `json:"kind"`
	ID      string     `json:"id"`
	Opening money.Cost `json:"opening"`
	Granted money.Cost `json:"granted"`
	Applied money.Cost `json:"applied"`
	Expired money.Cost `json:"expired"`
	Closing money.Cost `json:"closing"`
}

// Line is the sum of the charges that share account, service, usage type,
// operation, zone and price.
type Line struct {
	Account     string      `json:"account"`
	AccountName string      `json:"account_name"`
	Service     string      `json:"service"`
	UsageType   string      `json:"usage_type"`
	Operation   string      `json:"operation"`
	Region      string      `json:"region"`
	RateCode    string      `json:"rate_code"`
	Type        string      `json:"line_item_type"`
	Description string      `json:"description"`
	Unit        string      `json:"unit"`
	Usage       money.Usage `json:"usage_quantity"`
	Rate        string      `json:"rate"`         // unblended rate as text, blank where the cost came with the records
	BlendedRate string      `json:"blended_rate"` // as text, blank like Rate
	Cost        money.Cost  `json:"cost"`         // exact sum of unblended costs
	TaxType     string      `json:"tax_type,omitempty"`
	Reason      string      `json:"reason,omitempty"`
}

// IsTax tells whether the line was made by a tax rule. Tax that came with the
// usage, as a record of type Tax, is a cost of its service.
func (l *Line) IsTax() bool { return l.Type == schema.LineItemTax && l.TaxType != "" }

// IsCredit tells whether the line is a credit.
func (l *Line) IsCredit() bool { return l.Type == schema.LineItemCredit }

// Subtotal is the exact sum of one service or one account.
type Subtotal struct {
	Key  string     `json:"key"`
	Name string     `json:"name,omitempty"`
	Cost money.Cost `json:"cost"`
}

// Invoice is the numbered document made from a bill. Printed amounts are
// rounded to the currency's minor unit; Rounding is the visible difference, so
// that the printed lines plus Rounding plus TaxTotal are exactly Total.
type Invoice struct {
	Number      string         `json:"invoice_id"`
	Kind        string         `json:"kind"` // invoice
	Issuer      schema.Issuer  `json:"issuer"`
	Payer       schema.Payer   `json:"payer"`
	Period      schema.Period  `json:"period"`
	InvoiceDate schema.Date    `json:"invoice_date"` // day of issue in the issuer's zone
	DueDate     schema.Date    `json:"due_date"`
	Currency    money.Currency `json:"currency"`
	Lines       []InvoiceLine  `json:"lines"`    // one per service, by service code
	Accounts    []Subtotal     `json:"accounts"` // for information, exact
	ExactTotal  money.Cost     `json:"exact_total"`
	Rounding    money.Cost     `json:"rounding"`
	Total       money.Cost     `json:"total"` // in minor units

	TaxTotal money.Cost `json:"tax_total,omitzero"` // sum of the taxes that are not inclusive, in minor units
	Taxes    []Tax      `json:"taxes,omitempty"`    // by rule id; the inclusive ones for information
	Credits  money.Cost `json:"credits,omitzero"`   // exact, for information: credits are in the lines
}

// InvoiceLine is one printed line.
type InvoiceLine struct {
	Service string     `json:"service"`
	Exact   money.Cost `json:"exact"`
	Amount  money.Cost `json:"amount"` // Exact rounded half away from zero to the minor unit
}
