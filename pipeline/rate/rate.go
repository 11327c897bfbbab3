// Package rate turns summed lines of usage into charges. It is pure: prices,
// offers, organization and period come in as values, charges go out, and the
// order of its steps stands in this file.
//
//  1. A record's SKU is found by service, usage type, operation and region
//     (Classifier). What cannot be rated is suspense, never price 0.
//  2. Hourly totals per payer and SKU are summed for SKUs with tiers, pools or
//     more than one price version (Totals).
//  3. Each free tier pool is dealt out over its SKUs, dearest list price first
//     (Plan). Free units count towards the price tiers.
//  4. Every line is priced at its place in the month's count (Rater): hours
//     before a crossing lie wholly on one side; inside the crossing hour lines
//     fill in the canonical order and exactly one line splits.
//  5. Cost = rate x usage, rounded half away from zero to 10 decimals, line by
//     line.
package rate

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// RulesVersion is part of every run-id: charges of equal inputs are equal bytes
// only under equal rules.
const RulesVersion = 1

// Input is everything that rating depends on beside the usage.
type Input struct {
	Issuer       schema.Issuer
	Period       schema.Period
	Organization *schema.Organization
	Catalog      *price.Catalog
	Offers       *offer.Offers
}

// priceTime is the instant, in seconds since 1970, at which usage of an hour is
// priced: the start of the hour, or that of the period where a month begins
// inside an hour of UTC, so that a price which begins with the month holds for
// all of it.
func (in *Input) priceTime(hour schema.Hour) int64 {
	return max(int64(hour)*3600, in.Period.Start.Unix())
}
