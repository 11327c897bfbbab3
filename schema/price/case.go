package price

import (
	"time"

	"github.com/monthend/monthend/schema/money"
)

// Case is what the writer of a price list or of offers expects some usage of one
// payer to cost in one month.
type Case struct {
	Name  string
	File  string // where it stands
	Line  int64
	Month string // YYYY-MM; empty: the first month that begins when every price holds
	Payer string // account id; empty: a payer that is in no organization
	Usage []CaseUsage
	Costs *money.Cost // unblended sum of all the payer's rows, before the invoice is rounded
	Lines []CaseLine
}

// CaseUsage is some usage of a case.
type CaseUsage struct {
	Account     string // empty: the payer's own
	ServiceCode string
	UsageType   string
	Operation   string
	Region      string
	Zone        string
	Resource    string
	At          time.Time // zero: the start of the month
	Amount      money.Usage
	Unit        string // empty: that of the price
	Hours       int    // the same amount in so many consecutive hours; 0 is 1
}

// CaseLine is what is expected of the rows that have a line item type and a
// usage type, in sum. An empty type takes any row; a nil figure is not looked at.
type CaseLine struct {
	LineItemType string
	UsageType    string
	Amount       *money.Usage
	Cost         *money.Cost // unblended
}
