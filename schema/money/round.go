package money

import (
	"errors"
	"fmt"
)

// Rounding names what happens to digits that are dropped.
type Rounding int

// The rounding modes. A bill uses HalfAwayFromZero at every named point; the
// others serve customers' rules and estimates.
const (
	HalfAwayFromZero Rounding = iota // to the nearest, a tie away from zero
	HalfEven                         // to the nearest, a tie to the even digit
	TowardZero                       // drop the digits
)

// String returns the mode in words.
func (m Rounding) String() string {
	switch m {
	case HalfAwayFromZero:
		return "half away from zero"
	case HalfEven:
		return "half even"
	case TowardZero:
		return "toward zero"
	}
	return fmt.Sprintf("rounding %d", int(m))
}

// up reports whether a magnitude whose last kept word is odd or even grows by
// one when rem of div is dropped. An unknown mode panics.
func (m Rounding) up(odd bool, rem, div uint128) bool {
	// rem >= div - rem asks for a half without doubling, which could overflow.
	half := rem.cmp(sub128(div, rem))
	switch m {
	case HalfAwayFromZero:
		return half >= 0
	case HalfEven:
		return half > 0 || half == 0 && odd
	case TowardZero:
		return false
	}
	panic("money: unknown " + m.String())
}

// ErrZeroUsage reports a ratio over no usage at all.
var ErrZeroUsage = errors.New("ratio over zero usage has no value")

// Product returns r times u, rounded once to the 10 decimals of a cost from
// the exact product of 36 decimals, or ErrOverflow.
func Product(r Rate, u Usage, mode Rounding) (Cost, error) {
	c, err := mulRound(Int128(r), Int128(u), RateScale+UsageScale-CostScale, mode)
	return Cost(c), err
}

// Times returns c times factor (a tax rate, a discount, an exchange rate),
// rounded once to places decimals, 0 to 10, from the exact product.
func (c Cost) Times(factor Rate, places int, mode Rounding) (Cost, error) {
	if places < 0 || places > CostScale {
		return Cost{}, placesError(places, CostScale)
	}
	x, err := mulRound(Int128(c), Int128(factor), CostScale+RateScale-places, mode)
	if err != nil {
		return Cost{}, err
	}
	return scaled[Cost](x, CostScale-places)
}

// ratioPlaces is how many decimals a blended rate keeps.
const ratioPlaces = 10

// Ratio returns c / u, the blended rate of some cost over its usage, rounded
// half away from zero to 10 decimals. Zero usage is ErrZeroUsage.
func Ratio(c Cost, u Usage) (Rate, error) {
	n, d := Int128(c), Int128(u)
	if Sign(d) == 0 {
		return Rate{}, ErrZeroUsage
	}
	// cost words are 10^-10 and usage words 10^-18 like the wanted quotient's
	// 10^-10, so the quotient of the words lacks a factor of 10^18.
	q, rem := mul128(n.abs(), pow10[UsageScale-CostScale+ratioPlaces]).div128(d.abs())
	x, err := rounded(q, rem, d.abs(), n.Hi < 0 != (d.Hi < 0), HalfAwayFromZero)
	if err != nil {
		return Rate{}, err
	}
	return scaled[Rate](x, RateScale-ratioPlaces)
}

// Round returns c rounded to places decimals: 2 for cents, 0 for yen. It is
// an error if places is not 0 to 10, or if rounding up overflows.
func (c Cost) Round(places int, mode Rounding) (Cost, error) {
	return round(c, CostScale, places, mode)
}

// Round returns r rounded to places decimals, 0 to 18; errors as Cost.Round.
// There is no such method on Usage: usage is never rounded.
func (r Rate) Round(places int, mode Rounding) (Rate, error) {
	return round(r, RateScale, places, mode)
}

func round[T amount](a T, scale, places int, mode Rounding) (T, error) {
	if places < 0 || places > scale {
		return T{}, placesError(places, scale)
	}
	x, err := mulRound(Int128(a), Int128{Lo: 1}, scale-places, mode)
	if err != nil {
		return T{}, err
	}
	return scaled[T](x, scale-places)
}

func placesError(places, most int) error {
	return fmt.Errorf("cannot round to %d decimals, choose 0 to %d", places, most)
}

// mulRound returns a * b / 10^drop, rounded once.
func mulRound(a, b Int128, drop int, mode Rounding) (Int128, error) {
	q, rem := mul128(a.abs(), b.abs()).divPow10(drop)
	return rounded(q, rem, pow10[drop], a.Hi < 0 != (b.Hi < 0), mode)
}

// rounded turns quotient and remainder of a division by div into an amount.
func rounded(q uint256, rem, div uint128, negative bool, mode Rounding) (Int128, error) {
	x, err := signed(q, negative)
	if err != nil || rem == (uint128{}) || !mode.up(q.w0&1 == 1, rem, div) {
		return x, err
	}
	if negative {
		return Sub(x, Int128{Lo: 1})
	}
	return Add(x, Int128{Lo: 1})
}

// scaled returns x * 10^k.
func scaled[T amount](x Int128, k int) (T, error) {
	r, err := signed(mul128(x.abs(), pow10[k]), x.Hi < 0)
	return T(r), err
}
