// Package price holds the price catalog: SKUs with dated, tiered prices as the
// AWS Price List has them. It reads the price list CSV, checks that no two prices can apply to one record, and finds
// the SKU and version for a record. It rates nothing.
package price

import (
	"github.com/monthend/monthend/schema/money"
)

// SKU is one thing that has a price.
type SKU struct {
	ID          string // SKU column
	ServiceCode string
	UsageType   string
	Operation   string // blank: any operation
	Region      string // region code; blank: any region
	Family      string // Product Family
	Currency    money.Currency
	Attributes  string    // product attributes, in the form of schema.EncodeTags; keys in CUR spelling
	More        []Key     // further combinations that count and cost as this SKU, sorted; mostly none
	Versions    []Version // sorted by Effective
}

// Key is what a record is matched by. A blank operation or region stands for
// any. A SKU has one key in its own fields and may have more: data transfer,
// for one, is a single SKU under several services.
type Key struct{ ServiceCode, UsageType, Operation, Region string }

// Version is the price of a SKU from a date on, until the next version.
type Version struct {
	Effective int64 // seconds since 1970, UTC
	Unit      string
	Term      string // TermType, OnDemand
	Model     Model
	Tiers     []Tier // sorted, without gap or overlap, the first from 0, the last to Inf

	PackageSize money.Usage // units that one package holds, above 0 with Package; 0 with other models
}

// Tier is one range of a version, in units of the version, counted from the
// start of the month over the whole organization.
type Tier struct {
	Begin       money.Usage
	End         money.Usage // exclusive; ignored when Open
	Open        bool        // EndingRange is Inf
	Rate        money.Rate
	RateCode    string
	Description string
}
