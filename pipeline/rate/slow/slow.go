// Package slow rates a month a second time, for tests only: with rationals,
// line by line and without regard to speed, from docs/rating.md alone. It shares
// no arithmetic, matching or ordering with the product, so that a fault would
// have to be made twice to stay unseen. It owns random worlds, too, and the
// shrinking of those on which two raters differ. It reads and writes nothing.
package slow

import (
	"math/big"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// Record is one usage record. Numbers are decimal text.
type Record struct {
	Account, Service, UsageType, Operation string
	Region, Zone, Resource                 string
	Commitment, Unit                       string
	Tags                                   string // canonical form: key US value RS key ..., sorted by key
	Start                                  time.Time
	Amount                                 string
	Priced                                 bool
	Cost                                   string // where Priced
	LineItemType                           string // blank: Usage
}

// Opening is what an offer brings from the months before.
type Opening struct{ Kind, ID, Amount string }

// The kinds of balances.
const (
	credit  = "credit"
	minimum = "minimum_commitment"
)

// World is everything that a month is rated from, but for its records.
type World struct {
	Issuer       string
	Period       schema.Period
	Organization schema.Organization
	SKUs         []price.SKU
	Offers       offer.Offers
	Opening      map[string][]Opening // by payer account id
}

// Row is one charge of a bill. Hour counts from 1970; absent texts are blank.
type Row struct {
	Account, Service, UsageType, Operation, Resource string
	Hour                                             int64
	Region, Zone, Tags, Type, Unit                   string
	SKU, RateCode, Pool, Commitment, Discounts       string
	TaxType                                          string

	Amount, List, Unblended, Blended, Net, Effective, Upfront *big.Rat
}

// Tax is what one rule comes to on a bill.
type Tax struct {
	ID           string
	Base, Amount *big.Rat
}

// Balance is what an offer carries to the next month:
// opening + granted - expired - applied = closing.
type Balance struct {
	Kind, ID                                    string
	Opening, Granted, Applied, Expired, Closing *big.Rat
}

// Bill is one payer's month.
type Bill struct {
	Rows     []Row
	Taxes    []Tax
	Balances []Balance
}

// Result is the month of an issuer, with the records that could not be rated
// counted by reason.
type Result struct {
	Payers    map[string]*Bill
	Suspended map[string]int
}

// Why a record is not rated.
const (
	NoPayer   = "no payer"
	NoPrice   = "no price"
	OtherUnit = "other unit"
)

// Rate rates the month of a world. It fails where a number is no decimal or the
// issuer is not known.
func Rate(w World, records []Record) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			bad, ok := p.(notDecimal)
			if !ok {
				panic(p)
			}
			err = bad
		}
	}()
	m, err := newMonth(w)
	if err != nil {
		return Result{}, err
	}
	res = Result{Payers: map[string]*Bill{}, Suspended: map[string]int{}}
	byPayer := m.lines(records, res.Suspended)
	covered := map[string]*big.Rat{} // of all payers, before any fee is made
	var passes []*pass
	for _, payer := range m.payers {
		p := &pass{month: m, payer: payer, lines: byPayer[payer.AccountID], covered: covered}
		p.given()
		p.cover()
		passes = append(passes, p)
	}
	for _, p := range passes {
		res.Payers[p.payer.AccountID] = p.run()
	}
	return res, nil
}

// pass is the month of one payer while it is rated.
type pass struct {
	*month
	payer    schema.Payer
	lines    []*line // in canonical order
	charges  []*charge
	rows     []Row
	covered  map[string]*big.Rat // units by reservation, shared by all passes
	fees     []int               // rows of one-time and recurring fees, which support leaves out
	taxes    []Tax
	balances []Balance
}

func (p *pass) run() *Bill {
	p.tiers()
	p.blend()
	p.write()
	p.reservationFees()
	p.planRows()
	p.discounts()
	base := len(p.rows)
	p.offerFees()
	p.support(base)
	p.minimums()
	paid := len(p.rows)
	p.refunds()
	p.credits(paid)
	p.tax()
	return &Bill{Rows: p.rows, Taxes: p.taxes, Balances: p.balances}
}
