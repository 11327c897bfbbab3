// Package rate turns summed lines of usage into charges. It is pure: prices,
// offers, organization and period come in as values, charges go out, and the
// order of its steps stands in this file.
//
// A record's SKU is found by service, usage type, operation and region
// (Classifier). What cannot be rated is suspense, never price 0. Hourly totals
// are summed per payer and SKU, and per account and zone where a commitment may
// cover a SKU (Totals). Then, in this order, payer by payer; docs/rating.md has
// the rules of each step under the same number:
//
//  1. Reservations cover usage, hour by hour (Plan, reservations.go).
//  2. Savings plans cover what these leave (Plan, plans.go).
//  3. Each free tier pool is dealt out over what is left, dearest list price
//     first, and every line is priced at its place in the month's count (Plan,
//     count.go, and Rater): hours before a crossing lie wholly on one side;
//     inside the crossing hour lines fill in the canonical order and exactly one
//     line splits. Free units count towards the price tiers.
//  4. Contract discounts lower the net cost of lines (Rater, discounts.go); their
//     rows are sums over the lines (Month).
//  5. One-time and recurring fees.
//  6. Support plans.
//  7. Minimum commitments.
//  8. Credits.
//  9. Refunds.
//  10. Tax.
//
// Steps 5 to 10, and the rows of the commitments' fees and negations, need the
// whole month of a payer and are made by Month. Cost = rate x usage, rounded half
// away from zero to 10 decimals, line by line; section 11 lists all roundings.
package rate

import (
	"slices"
	"strings"

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

// Payers returns the indices of the issuer's payers in Organization.Payers, by
// account id.
func (in *Input) Payers() []int32 {
	var list []int32
	for i, p := range in.Organization.Payers {
		if p.Issuer == in.Issuer.ID {
			list = append(list, int32(i))
		}
	}
	slices.SortFunc(list, func(a, b int32) int {
		return strings.Compare(in.Organization.Payers[a].AccountID, in.Organization.Payers[b].AccountID)
	})
	return list
}

// priceTime is the instant, in seconds since 1970, at which usage of an hour is
// priced: the start of the hour, or that of the period where a month begins
// inside an hour of UTC, so that a price which begins with the month holds for
// all of it.
func (in *Input) priceTime(hour schema.Hour) int64 {
	return max(int64(hour)*3600, in.Period.Start.Unix())
}
