package price

import (
	"fmt"
	"sort"

	"github.com/monthend/monthend/schema/money"
)

// Portion is the part of an amount that falls into one tier.
type Portion struct {
	Tier   int // index in Version.Tiers
	Amount money.Usage
}

// Portions appends to dst the parts that a Graduated price makes of an amount that
// begins when the month already counts before, and returns the longer slice. The parts are in tier
// order and sum to amount exactly. A count that stands exactly on a boundary
// belongs to the next tier; an amount of zero gives one part of zero. before
// and amount must not be negative, and their sum must fit in a Usage.
func (v *Version) Portions(dst []Portion, before, amount money.Usage) ([]Portion, error) {
	if money.Sign(before) < 0 || money.Sign(amount) < 0 {
		return dst, fmt.Errorf("tiers count upwards: %s units after %s cannot be priced", amount, before)
	}
	end, err := money.Add(before, amount)
	if err != nil {
		return dst, fmt.Errorf("tiers: %s units after %s: %w", amount, before, err)
	}
	t := v.TierAt(before)
	for ; v.beyond(t, end); t++ {
		// Both operands lie between zero and end, so nothing can overflow.
		part, _ := money.Sub(v.Tiers[t].End, before)
		dst = append(dst, Portion{t, part})
		before = v.Tiers[t].End
	}
	rest, _ := money.Sub(end, before)
	if money.Sign(rest) > 0 || money.Sign(amount) == 0 {
		dst = append(dst, Portion{t, rest})
	}
	return dst, nil
}

// beyond tells whether a stretch that ends at end leaves tier t. A stretch
// that only touches the boundary fills the tier and has nothing left over, but
// then the last part of Portions is empty and not appended.
func (v *Version) beyond(t int, end money.Usage) bool {
	return !v.Tiers[t].Open && money.Cmp(v.Tiers[t].End, end) <= 0
}

// TierAt returns the index of the tier that holds a count of at least zero.
func (v *Version) TierAt(count money.Usage) int {
	return sort.Search(len(v.Tiers)-1, func(i int) bool { return money.Cmp(v.Tiers[i].End, count) > 0 })
}

// checkTiers returns the index of the first tier that breaks the rules and the
// reason: tiers, sorted by Begin, start at 0, touch, and end at Inf.
func checkTiers(tiers []Tier) (at int, reason string) {
	if len(tiers) == 0 {
		return 0, "the version has no tier"
	}
	for i, t := range tiers {
		if !t.Open && money.Cmp(t.End, t.Begin) <= 0 {
			return i, fmt.Sprintf("the range from %s ends at %s", t.Begin, t.End)
		}
		if money.Sign(t.Rate) < 0 {
			return i, fmt.Sprintf("the rate %s is negative", t.Rate)
		}
		if reason := joint(tiers[:i], t); reason != "" {
			return i, reason
		}
	}
	if last := tiers[len(tiers)-1]; !last.Open {
		return len(tiers) - 1, fmt.Sprintf("no price from %s up: the last range must end at Inf", last.End)
	}
	return 0, ""
}

// joint tells what is wrong where tier t follows the tiers before it.
func joint(before []Tier, t Tier) string {
	var edge money.Usage
	if len(before) > 0 {
		last := before[len(before)-1]
		if last.Begin == t.Begin && last.Open == t.Open && (t.Open || last.End == t.End) {
			return fmt.Sprintf("the range from %s stands twice", t.Begin)
		}
		if last.Open {
			return fmt.Sprintf("the range from %s overlaps the one from %s to Inf", t.Begin, last.Begin)
		}
		edge = last.End
	}
	switch money.Cmp(t.Begin, edge) {
	case -1:
		return fmt.Sprintf("the range from %s overlaps the one that ends at %s", t.Begin, edge)
	case 1:
		return fmt.Sprintf("no price from %s to %s", edge, t.Begin)
	}
	return ""
}
