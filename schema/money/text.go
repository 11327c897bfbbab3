package money

import (
	"fmt"
	"strconv"
)

// ratePlaces is how many decimals rates are printed with, at least.
const ratePlaces = 10

// String returns the shortest exact decimal text: no exponent, no zeros at
// the end, "0" for zero. Parsing it gives u again.
func (u Usage) String() string { return string(u.AppendText(nil)) }

// String returns the shortest exact decimal text; see Usage.String.
func (r Rate) String() string { return string(r.AppendText(nil)) }

// String returns the shortest exact decimal text; see Usage.String.
func (c Cost) String() string { return string(c.AppendText(nil)) }

// String returns the raw word in decimal.
func (x Int128) String() string { return string(appendDecimal(nil, x, 0, 0)) }

// AppendText appends the text of String to dst and returns the longer slice.
func (u Usage) AppendText(dst []byte) []byte { return appendDecimal(dst, Int128(u), UsageScale, 0) }

// AppendText appends the text of String to dst and returns the longer slice.
func (r Rate) AppendText(dst []byte) []byte { return appendDecimal(dst, Int128(r), RateScale, 0) }

// AppendText appends the text of String to dst and returns the longer slice.
func (c Cost) AppendText(dst []byte) []byte { return appendDecimal(dst, Int128(c), CostScale, 0) }

// Fixed returns u with exactly places decimals, 0 to 38, or an error if that
// would drop digits other than zeros.
func (u Usage) Fixed(places int) (string, error) { return fixed(Int128(u), UsageScale, places) }

// Fixed returns r with exactly places decimals; see Usage.Fixed.
func (r Rate) Fixed(places int) (string, error) { return fixed(Int128(r), RateScale, places) }

// Fixed returns c with exactly places decimals; see Usage.Fixed. Amounts of a
// currency are printed with its MinorUnits.
func (c Cost) Fixed(places int) (string, error) { return fixed(Int128(c), CostScale, places) }

// Text10 returns r with 10 decimals, the form of rates in a Cost and Usage
// Report, or with more if r has more.
func (r Rate) Text10() string { return string(r.AppendText10(nil)) }

// AppendText10 appends the text of Text10 to dst.
func (r Rate) AppendText10(dst []byte) []byte {
	return appendDecimal(dst, Int128(r), RateScale, ratePlaces)
}

// MarshalText returns the text of String, so that JSON carries an exact
// decimal in quotes. The error is always nil.
func (u Usage) MarshalText() ([]byte, error) { return u.AppendText(nil), nil }

// MarshalText returns the text of String; see Usage.MarshalText.
func (r Rate) MarshalText() ([]byte, error) { return r.AppendText(nil), nil }

// MarshalText returns the text of String; see Usage.MarshalText.
func (c Cost) MarshalText() ([]byte, error) { return c.AppendText(nil), nil }

// UnmarshalText sets u as ParseUsage does, and leaves it alone on an error.
func (u *Usage) UnmarshalText(b []byte) error { return unmarshal(u, b, UsageScale) }

// UnmarshalText sets r as ParseRate does, and leaves it alone on an error.
func (r *Rate) UnmarshalText(b []byte) error { return unmarshal(r, b, RateScale) }

// UnmarshalText sets c as ParseCost does, and leaves it alone on an error.
func (c *Cost) UnmarshalText(b []byte) error { return unmarshal(c, b, CostScale) }

// Float64 returns the double nearest to u, a tie going to the even one.
func (u Usage) Float64() float64 { return toFloat(Int128(u), UsageScale) }

// Float64 returns the double nearest to r, a tie going to the even one.
func (r Rate) Float64() float64 { return toFloat(Int128(r), RateScale) }

// Float64 returns the double nearest to c, a tie going to the even one.
func (c Cost) Float64() float64 { return toFloat(Int128(c), CostScale) }

func unmarshal[T amount](dst *T, b []byte, scale int) error {
	v, err := parse[T](b, scale, false)
	if err == nil {
		*dst = v
	}
	return err
}

func fixed(x Int128, scale, places int) (string, error) {
	if places < 0 || places > MaxDigits {
		return "", fmt.Errorf("cannot print %d decimals, choose 0 to %d", places, MaxDigits)
	}
	b := appendDecimal(nil, x, scale, places)
	point := len(b)
	for point > 0 && b[point-1] != '.' {
		point--
	}
	if point > 0 && len(b)-point > places {
		return "", fmt.Errorf("%s has more than %d decimals, round it first", b, places)
	}
	return string(b), nil
}

// maxText is the room for the digits of 2^127.
const maxText = 39

// appendDecimal appends x / 10^scale with as few decimals as are exact, but
// not fewer than places.
func appendDecimal(dst []byte, x Int128, scale, places int) []byte {
	var room [maxText]byte
	digits := appendDigits(&room, x.abs(), scale+1)
	if x.Hi < 0 {
		dst = append(dst, '-')
	}
	whole, decimals := digits[:len(digits)-scale], digits[len(digits)-scale:]
	for len(decimals) > places && decimals[len(decimals)-1] == '0' {
		decimals = decimals[:len(decimals)-1]
	}
	dst = append(dst, whole...)
	if len(decimals) == 0 && places == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = append(dst, decimals...)
	for range places - len(decimals) {
		dst = append(dst, '0')
	}
	return dst
}

// appendDigits writes m at the end of room with at least least digits, and
// returns that part.
func appendDigits(room *[maxText]byte, m uint128, least int) []byte {
	i := len(room)
	for m.hi != 0 {
		var word uint64
		m, word = m.div64(pow10[chunk].lo)
		for range chunk {
			i--
			room[i] = byte('0' + word%10)
			word /= 10
		}
	}
	for word := m.lo; word != 0; word /= 10 {
		i--
		room[i] = byte('0' + word%10)
	}
	for len(room)-i < least {
		i--
		room[i] = '0'
	}
	return room[i:]
}

// exactBits is the width of the integers that are all doubles.
const exactBits = 53

// toFloat returns the double nearest to x / 10^scale. When numerator and
// denominator are doubles themselves, as every power of ten up to 10^22 is,
// one division rounds correctly; otherwise the text is converted.
func toFloat(x Int128, scale int) float64 {
	m, left := x.abs(), scale
	if m.hi != 0 || m.lo >= 1<<exactBits {
		m, left = trim(m, scale)
	}
	if m.hi == 0 && m.lo < 1<<exactBits {
		f := float64(m.lo) / float64(pow10[left].lo)
		if x.Hi < 0 {
			return -f
		}
		return f
	}
	var room [maxText + 2]byte // and a sign and a point
	f, err := strconv.ParseFloat(string(appendDecimal(room[:0], x, scale, 0)), 64)
	if err != nil {
		panic("money: own text is not a number: " + err.Error())
	}
	return f
}

// trim drops zeros at the end of m / 10^scale as far as is cheap: all of them
// if m then fits in a word.
func trim(m uint128, scale int) (uint128, int) {
	const step, factor = 9, 1e9
	for m.hi != 0 && scale >= step {
		q, r := m.div64(factor)
		if r != 0 {
			return m, scale
		}
		m, scale = q, scale-step
	}
	if m.hi != 0 || m.lo == 0 {
		return m, scale
	}
	for k := 16; k > 0; k /= 2 {
		for scale >= k && m.lo%pow10[k].lo == 0 {
			m.lo, scale = m.lo/pow10[k].lo, scale-k
		}
	}
	return m, scale
}
