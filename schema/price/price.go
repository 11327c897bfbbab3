// Package price holds the price catalog: SKUs with dated, tiered prices as the
// AWS Price List has them, and the offers that change a price. It reads the
// price list CSV, checks that no two prices can apply to one record, and finds
// the SKU and version for a record. It rates nothing.
package price

import (
	"github.com/monthend/monthend/schema"
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
	Tiers     []Tier // sorted, without gap or overlap, the first from 0, the last to Inf
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

// Offers is what changes a price. One kind for now: free tier pools.
type Offers struct {
	FreeTier []Pool `json:"free_tier,omitempty"`
}

// Pool is one monthly allowance, free of charge, over one or several SKUs,
// shared by the whole organization.
type Pool struct {
	ID        string      `json:"id"`
	Allowance money.Usage `json:"allowance"` // units of the SKUs' prices, per month
	Unit      string      `json:"unit"`      // must be the unit of every SKU selected
	Select    []Selector  `json:"select"`
	From      schema.Date `json:"from,omitzero"`  // first day, UTC; zero: since ever
	Until     schema.Date `json:"until,omitzero"` // first day no longer, UTC; zero: for ever
}

// Selector picks SKUs. A blank field means any; usage_type, operation and
// region may hold * for any run of characters.
type Selector struct {
	ServiceCode string `json:"service_code"`
	UsageType   string `json:"usage_type,omitempty"`
	Operation   string `json:"operation,omitempty"`
	Region      string `json:"region_code,omitempty"`
}
