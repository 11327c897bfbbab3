package money

import (
	"fmt"
	"slices"
)

// Allocate splits total into one share per weight, in steps of 10^-places
// (0 to 10), so that the shares sum to total exactly. Each share is the exact
// proportion cut toward zero; the steps left over go one each to the largest
// remainders, a tie to the lower index, so callers order the weights by a
// stable key. No share is a whole step off its proportion, and none has
// another sign than total.
//
// It is an error if total is not a multiple of the step, if a weight is
// negative, or if the weights are all zero or sum to more than 38 digits.
func Allocate(total Cost, weights []Int128, places int) ([]Cost, error) {
	if places < 0 || places > CostScale {
		return nil, placesError(places, CostScale)
	}
	size := Int128(total).abs()
	steps, odd := uint256{w0: size.lo, w1: size.hi}.divPow10(CostScale - places)
	if odd != (uint128{}) {
		return nil, fmt.Errorf("cannot split %s into steps of %d decimals, round it first", total, places)
	}
	sum, err := sumWeights(weights)
	if err != nil {
		return nil, err
	}
	shares, rems, left := proportions(uint128{steps.w0, steps.w1}, weights, sum)
	for _, i := range largest(rems)[:left] {
		if shares[i].lo++; shares[i].lo == 0 {
			shares[i].hi++
		}
	}
	costs := make([]Cost, len(shares))
	for i, s := range shares {
		c, err := signed(mul128(s, pow10[CostScale-places]), total.Hi < 0)
		if err != nil {
			return nil, err
		}
		costs[i] = Cost(c)
	}
	return costs, nil
}

// sumWeights checks the weights and returns their sum.
func sumWeights(weights []Int128) (uint128, error) {
	for i, w := range weights {
		if w.Hi < 0 {
			return uint128{}, fmt.Errorf("weight %d is negative: %s", i, w)
		}
	}
	var sum Int128
	if err := Sum(&sum, weights); err != nil {
		return uint128{}, fmt.Errorf("sum of %d weights: %w", len(weights), err)
	}
	if Sign(sum) == 0 {
		return uint128{}, fmt.Errorf("all of %d weights are zero, nothing to split by", len(weights))
	}
	return sum.abs(), nil
}

// proportions returns every share of steps cut to a whole, its remainder, and
// how many steps the cutting left over: fewer than there are remainders.
func proportions(steps uint128, weights []Int128, sum uint128) (shares, rems []uint128, left uint64) {
	shares, rems = make([]uint128, len(weights)), make([]uint128, len(weights))
	rest := steps
	for i, w := range weights {
		q, r := mul128(steps, w.abs()).div128(sum)
		shares[i], rems[i] = uint128{q.w0, q.w1}, r
		rest = sub128(rest, shares[i])
	}
	return shares, rems, rest.lo
}

// largest returns the indices of rems from the largest to the smallest, equal
// ones in their own order.
func largest(rems []uint128) []int {
	order := make([]int, len(rems))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return rems[j].cmp(rems[i]) })
	return order
}
