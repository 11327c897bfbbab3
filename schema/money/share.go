package money

// Share returns the part of total that part is of whole, rounded once to places
// decimals, 0 to 10. Part and whole are words of one scale, whatever it is;
// whole is above zero, else the error is ErrZeroUsage.
func Share(total Cost, part, whole Int128, places int, mode Rounding) (Cost, error) {
	if places < 0 || places > CostScale {
		return Cost{}, placesError(places, CostScale)
	}
	if Sign(whole) <= 0 {
		return Cost{}, ErrZeroUsage
	}
	// Dividing by whole x 10^k leaves the decimals that are asked for.
	wide := mul128(whole.abs(), pow10[CostScale-places])
	if wide.w2|wide.w3 != 0 {
		return Cost{}, ErrOverflow
	}
	div := uint128{wide.w0, wide.w1}
	q, rem := mul128(Int128(total).abs(), part.abs()).div128(div)
	x, err := rounded(q, rem, div, total.Hi < 0 != (part.Hi < 0), mode)
	if err != nil {
		return Cost{}, err
	}
	return scaled[Cost](x, CostScale-places)
}

// cutPlaces is how many decimals a computed quantity keeps.
const cutPlaces = 10

// Fraction returns u times num / den, cut to 10 decimals; num and den are above
// zero.
func Fraction(u Usage, num, den int64) (Usage, error) {
	wide, err := MulInt(Int128FromInt(den), int64(pow10[UsageScale-cutPlaces].lo))
	if err != nil {
		return Usage{}, err
	}
	q, _ := mul128(Int128(u).abs(), uint128{lo: uint64(num)}).div128(wide.abs())
	x, err := signed(q, u.Hi < 0)
	if err != nil {
		return Usage{}, err
	}
	return scaled[Usage](x, UsageScale-cutPlaces)
}

// CmpProducts orders a x b and c x d, none of which is below zero. It compares
// two ratios exactly: a/d with c/b.
func CmpProducts(a, b, c, d Int128) int {
	p, q := mul128(a.abs(), b.abs()), mul128(c.abs(), d.abs())
	for _, w := range [4][2]uint64{{p.w3, q.w3}, {p.w2, q.w2}, {p.w1, q.w1}, {p.w0, q.w0}} {
		if w[0] != w[1] {
			if w[0] < w[1] {
				return -1
			}
			return 1
		}
	}
	return 0
}
