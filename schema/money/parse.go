package money

import (
	"fmt"
	"math/bits"
)

// Limits of the accepted text, checked before any other work.
const (
	MaxTextLen    = 128 // bytes of plain decimal text
	MaxExpTextLen = 64  // bytes of text that may have an exponent
	MaxExponent   = 40  // magnitude of an exponent
)

// maxQuoted is how many characters of a bad value an error repeats.
const maxQuoted = 40

// ParseError says which text is not an amount, and why.
type ParseError struct {
	Value  string // the text, cut to 40 characters
	Reason string // what is wrong and what would be right
}

// Error returns value and reason in one line.
func (e *ParseError) Error() string {
	return fmt.Sprintf("bad value %q: %s", e.Value, e.Reason)
}

// fault is a reason as a number, so that the hot path carries no text.
type fault int

const (
	fine fault = iota
	faultEmpty
	faultLong
	faultSyntax
	faultExponent
	faultExpRange
	faultDecimals
	faultDigits
)

// reason returns the fault in words, for a kind with scale decimals.
func (f fault) reason(scale int) string {
	switch f {
	case faultEmpty:
		return "empty, write a decimal number such as 0.25"
	case faultLong:
		return fmt.Sprintf("text too long, at most %d bytes, %d with an exponent", MaxTextLen, MaxExpTextLen)
	case faultExponent:
		return "exponents are not accepted here, write all digits"
	case faultExpRange:
		return fmt.Sprintf("exponent beyond %d", MaxExponent)
	case faultDecimals:
		return fmt.Sprintf("more than %d decimals, and nothing is rounded on reading", scale)
	case faultDigits:
		return fmt.Sprintf("more than %d digits before the point", MaxDigits-scale)
	}
	return "not a decimal number, write digits with at most a leading minus and one point between digits"
}

// text is what amounts are read from.
type text interface{ string | []byte }

// ParseUsage reads plain decimal text: an optional minus, digits, and an
// optional point followed by digits. Everything else is a *ParseError, as are
// more than 18 significant decimals or more than 38 digits. "-0" is zero.
func ParseUsage(s string) (Usage, error) { return parse[Usage](s, UsageScale, false) }

// ParseRate reads a rate by the rules of ParseUsage.
func ParseRate(s string) (Rate, error) { return parse[Rate](s, RateScale, false) }

// ParseCost reads a cost by the rules of ParseUsage, with 10 decimals.
func ParseCost(s string) (Cost, error) { return parse[Cost](s, CostScale, false) }

// ParseUsageBytes is ParseUsage without a string, and without allocating
// unless it fails.
func ParseUsageBytes(b []byte) (Usage, error) { return parse[Usage](b, UsageScale, false) }

// ParseRateBytes is ParseRate for bytes; see ParseUsageBytes.
func ParseRateBytes(b []byte) (Rate, error) { return parse[Rate](b, RateScale, false) }

// ParseCostBytes is ParseCost for bytes; see ParseUsageBytes.
func ParseCostBytes(b []byte) (Cost, error) { return parse[Cost](b, CostScale, false) }

// ParseUsageExp is ParseUsage that also takes an exponent of at most 40 either
// way, in text of at most 64 bytes: the form in which Cost and Usage Reports
// print small doubles, such as 9.984E-7. The value is read exactly.
func ParseUsageExp(s string) (Usage, error) { return parse[Usage](s, UsageScale, true) }

// ParseRateExp is ParseRate with exponents; see ParseUsageExp.
func ParseRateExp(s string) (Rate, error) { return parse[Rate](s, RateScale, true) }

// ParseCostExp is ParseCost with exponents; see ParseUsageExp.
func ParseCostExp(s string) (Cost, error) { return parse[Cost](s, CostScale, true) }

func parse[T amount, S text](s S, scale int, exp bool) (T, error) {
	x, f := scan(s, scale, exp)
	if f != fine {
		return T{}, &ParseError{cut(string(s)), f.reason(scale)}
	}
	return T(x), nil
}

// cut returns s as valid text of at most maxQuoted characters.
func cut(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxQuoted {
			return s[:i]
		}
	}
	return s
}

// scan reads s with the given number of decimals.
func scan[S text](s S, scale int, exp bool) (Int128, fault) {
	limit := MaxTextLen
	if exp {
		limit = MaxExpTextLen
	}
	switch {
	case len(s) == 0:
		return Int128{}, faultEmpty
	case len(s) > limit:
		return Int128{}, faultLong
	}
	start := 0
	if s[0] == '-' {
		start = 1
	}
	point := digitsEnd(s, start)
	end, decimals := point, 0
	if end < len(s) && s[end] == '.' {
		end = digitsEnd(s, point+1)
		decimals = end - point - 1
	}
	if point == start || end > point && decimals == 0 {
		return Int128{}, faultSyntax
	}
	e, f := scanExponent(s, end, exp)
	if f != fine {
		return Int128{}, f
	}
	m, f := magnitude(s, start, point, point+1+decimals, scale+e)
	if f != fine {
		return Int128{}, f
	}
	x := Int128{m.lo, int64(m.hi)}
	if start == 1 {
		x = Neg(x)
	}
	return x, fine
}

// digitsEnd returns the index of the first byte from i on that is no digit.
func digitsEnd[S text](s S, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// scanExponent reads what follows the digits: nothing, or an exponent.
func scanExponent[S text](s S, i int, allowed bool) (int, fault) {
	if i == len(s) {
		return 0, fine
	}
	if s[i] != 'e' && s[i] != 'E' {
		return 0, faultSyntax
	}
	i++
	negative := i < len(s) && s[i] == '-'
	if negative || i < len(s) && s[i] == '+' {
		i++
	}
	end := digitsEnd(s, i)
	switch {
	case end == i || end < len(s):
		return 0, faultSyntax
	case !allowed:
		return 0, faultExponent
	}
	e := 0
	for ; i < end; i++ {
		if e = e*10 + int(s[i]-'0'); e > MaxExponent {
			return 0, faultExpRange
		}
	}
	if negative {
		e = -e
	}
	return e, fine
}

// magnitude returns the digits s[start:point] and s[point+1:end], taken as a
// decimal, times 10^power. The result must be whole and below 10^38.
func magnitude[S text](s S, start, point, end, power int) (uint128, fault) {
	for end > point+1 && s[end-1] == '0' {
		end--
	}
	if power -= end - point - 1; power < 0 {
		if end > point+1 {
			return uint128{}, faultDecimals
		}
		// Only a negative exponent comes here; whole zeros can pay for it.
		for point > start && s[point-1] == '0' {
			point--
			power++
		}
		if power < 0 && point > start {
			return uint128{}, faultDecimals
		}
		end = point + 1
	}
	m, ok := accumulate(s, start, point, uint128{})
	if ok {
		m, ok = accumulate(s, point+1, end, m)
	}
	if !ok {
		return uint128{}, faultDigits
	}
	if m == (uint128{}) || power == 0 {
		return m, fine
	}
	if power > MaxDigits {
		return uint128{}, faultDigits
	}
	if m, ok = mulAdd(m, pow10[power], 0); !ok {
		return uint128{}, faultDigits
	}
	return m, fine
}

// chunk is how many digits surely fit in one word.
const chunk = 19

// accumulate appends the digits s[i:end] to m, false if they exceed 38.
func accumulate[S text](s S, i, end int, m uint128) (uint128, bool) {
	for i < end {
		stop := min(i+chunk, end)
		n, word := stop-i, uint64(0)
		for ; i < stop; i++ {
			word = word*10 + uint64(s[i]-'0')
		}
		var ok bool
		if m, ok = mulAdd(m, pow10[n], word); !ok {
			return m, false
		}
	}
	return m, true
}

// mulAdd returns m*f + a, false if that is 10^38 or more.
func mulAdd(m, f uint128, a uint64) (uint128, bool) {
	p := mul128(m, f)
	lo, carry := bits.Add64(p.w0, a, 0)
	hi, carry := bits.Add64(p.w1, 0, carry)
	r := uint128{lo, hi}
	return r, carry|p.w2|p.w3 == 0 && r.fits()
}
