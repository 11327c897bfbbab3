package price

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"github.com/monthend/monthend/schema/money"
)

// Model says how a version's rates make a cost of the month's count.
type Model string

// The models. The zero Model is Graduated, which a price list may also spell out.
const (
	Graduated Model = ""        // each unit at the rate of the tier that it falls in
	Volume    Model = "Volume"  // all units at the rate of the tier that holds the last one
	Package   Model = "Package" // the rate for every package of PackageSize units that is started
	Flat      Model = "Flat"    // the rate once a month
)

// graduatedName is how a price list spells Graduated when it names it.
const graduatedName = "Graduated"

var models = []Model{Graduated, Volume, Package, Flat}

// String spells the model as a price list does.
func (m Model) String() string {
	if m == Graduated {
		return graduatedName
	}
	return string(m)
}

// ParseModel reads the exact spelling of a model; nothing is Graduated.
func ParseModel(s string) (Model, error) {
	switch m := Model(s); {
	case s == graduatedName:
		return Graduated, nil
	case slices.Contains(models, m):
		return m, nil
	}
	return Graduated, fmt.Errorf("%q is not a pricing model; write %s", s, modelNames())
}

func modelNames() string {
	var names []string
	for _, m := range models {
		names = append(names, m.String())
	}
	return strings.Join(names, ", ")
}

// check returns the index of the first tier that breaks the rules and the reason.
func (v *Version) check() (at int, reason string) {
	if at, reason := checkTiers(v.Tiers); reason != "" {
		return at, reason
	}
	switch {
	case !slices.Contains(models, v.Model):
		return 0, fmt.Sprintf("%q is not a pricing model", string(v.Model))
	case (v.Model == Package) != (money.Sign(v.PackageSize) > 0) || money.Sign(v.PackageSize) < 0:
		return 0, fmt.Sprintf("a %s price has packages of %s units", v.Model, v.PackageSize)
	case (v.Model == Package || v.Model == Flat) && len(v.Tiers) > 1:
		return 1, fmt.Sprintf("a %s price has one range, from 0 to Inf", v.Model)
	}
	return 0, ""
}

// TierOfTotal returns the index of the tier that holds the last unit of a month
// that counts total, which is the tier of all its units under Volume. A total
// exactly on a bound belongs to the tier below it; one of zero to the first.
func (v *Version) TierOfTotal(total money.Usage) int {
	return sort.Search(len(v.Tiers)-1, func(i int) bool { return money.Cmp(v.Tiers[i].End, total) >= 0 })
}

// Packages returns how many packages a stretch of the month's count starts: the
// stretch of amount units that begins when before units are counted. Stretches
// that follow each other start as many as one over both. before and amount must
// not be negative, their sum must fit in a Usage, and it is an error when there
// are more than 2^63-1 packages up to its end.
func (v *Version) Packages(before, amount money.Usage) (int64, error) {
	if money.Sign(before) < 0 || money.Sign(amount) < 0 {
		return 0, fmt.Errorf("packages count upwards: %s units after %s cannot be priced", amount, before)
	}
	if money.Sign(v.PackageSize) <= 0 {
		return 0, fmt.Errorf("packages of %s units cannot be counted", v.PackageSize)
	}
	end, err := money.Add(before, amount)
	if err != nil {
		return 0, fmt.Errorf("packages: %s units after %s: %w", amount, before, err)
	}
	all, ok := packagesOf(end, v.PackageSize)
	if !ok {
		return 0, fmt.Errorf("packages of %s units up to %s are more than can be counted; correct the usage or PackageSize", v.PackageSize, end)
	}
	started, _ := packagesOf(before, v.PackageSize) // no more than up to the end
	return all - started, nil
}

// packagesOf returns count / size, rounded up, for count from 0 and size above
// 0, and false where that is more than an int64 holds.
func packagesOf(count, size money.Usage) (int64, bool) {
	n, d := count.Int128(), size.Int128()
	q, whole, ok := divide(uint64(n.Hi), n.Lo, uint64(d.Hi), d.Lo)
	if ok && !whole && q <= math.MaxInt64 {
		q++
	}
	return int64(q), ok && q <= math.MaxInt64
}

// divide returns the quotient of two numbers of two words each, whether it is
// whole, and false where it needs more than one word.
func divide(nHi, nLo, dHi, dLo uint64) (q uint64, whole, ok bool) {
	if dHi == 0 {
		if nHi >= dLo {
			return 0, false, false
		}
		q, rest := bits.Div64(nHi, nLo, dLo)
		return q, rest == 0, true
	}
	// The leading word of the divisor, shifted to its top bit, makes a guess
	// that is right or one too large; one less is right or one too small.
	s := uint(bits.LeadingZeros64(dHi))
	top := dHi<<s | dLo>>1>>(63-s)
	q, _ = bits.Div64(nHi>>1, nHi<<63|nLo>>1, top)
	if q >>= 63 - s; q > 0 {
		q--
	}
	carry, low := bits.Mul64(q, dLo)
	restLo, borrow := bits.Sub64(nLo, low, 0)
	restHi, _ := bits.Sub64(nHi, q*dHi+carry, borrow)
	if restHi > dHi || restHi == dHi && restLo >= dLo {
		q++
		restLo, borrow = bits.Sub64(restLo, dLo, 0)
		restHi, _ = bits.Sub64(restHi, dHi, borrow)
	}
	return q, restHi|restLo == 0, true
}
