// Package money owns exact decimal amounts, their one set of rounding modes,
// the splitting of an amount into shares, and the table of currencies.
//
// An amount is a signed 128-bit integer with a scale fixed by its type: Usage
// and Rate have 18 decimals, Cost has 10. Every amount has at most 38 digits,
// so that it is a decimal(38,s) of Arrow and Parquet bit for bit, and storing
// it never changes it. Adding, subtracting and comparing are exact; rounding
// happens only in functions that take or document a rounding mode, and once in
// each. Whatever does not fit is ErrOverflow, never a wrapped or capped value.
//
// The package does not own units of usage, prices, exchange rates or tax
// rules, nor the decision where a bill rounds. It knows no binary floating
// point except Float64, which serves report columns that are doubles.
package money

import (
	"errors"
	"math"
	"math/bits"
)

// Int128 is a signed 128-bit two's complement integer, the raw word of every
// amount. Lo comes first, so on a little-endian machine a []Int128 has the
// layout of an Arrow decimal128 buffer. Of its range, amounts use only the
// values of at most 38 digits; see InRange.
type Int128 struct {
	Lo uint64
	Hi int64
}

// Usage is a metered quantity, in units of 10^-18 of its pricing unit.
type Usage struct {
	Lo uint64
	Hi int64
}

// Rate is a price for one pricing unit, or a plain factor such as a tax rate
// or an exchange rate, in units of 10^-18.
type Rate struct {
	Lo uint64
	Hi int64
}

// Cost is an amount of some currency, in units of 10^-10 of its major unit.
type Cost struct {
	Lo uint64
	Hi int64
}

// Decimals of each kind of amount.
const (
	UsageScale = 18
	RateScale  = 18
	CostScale  = 10
)

// MaxDigits is the number of decimal digits every amount fits in, before and
// after the point together.
const MaxDigits = 38

// ErrOverflow reports a result of more than MaxDigits digits. The operands
// are left as they were; the caller names the record they came from.
var ErrOverflow = errors.New("amount exceeds 38 digits")

// amount is the set of types the exact operations work on. All have the
// layout of Int128, so the compiler makes one body for the four of them.
type amount interface {
	Int128 | Usage | Rate | Cost
}

// The words of 10^38, the first magnitude that is too large.
const (
	limitHi = 0x4b3b4ca85a86c47a
	limitLo = 0x098a224000000000
)

// InRange reports whether a has at most 38 digits. Words copied from a foreign
// buffer should be checked with it once; all functions here return only
// amounts in range.
func InRange[T amount](a T) bool {
	x := Int128(a)
	if x.Hi >= -limitHi && x.Hi < limitHi {
		return true
	}
	return x.abs().fits()
}

// Add returns a + b, or ErrOverflow.
func Add[T amount](a, b T) (T, error) {
	x, y := Int128(a), Int128(b)
	lo, carry := bits.Add64(x.Lo, y.Lo, 0)
	hi := x.Hi + y.Hi + int64(carry)
	return checked(T(Int128{lo, hi}), (hi^x.Hi)&(hi^y.Hi))
}

// Sub returns a - b, or ErrOverflow.
func Sub[T amount](a, b T) (T, error) {
	x, y := Int128(a), Int128(b)
	lo, borrow := bits.Sub64(x.Lo, y.Lo, 0)
	hi := x.Hi - y.Hi - int64(borrow)
	return checked(T(Int128{lo, hi}), (x.Hi^y.Hi)&(hi^x.Hi))
}

// checked returns v unless it wrapped, told by a negative sign, or is out of
// range. The high word decides all but a sliver of the cases.
func checked[T amount](v T, wrapped int64) (T, error) {
	if hi := Int128(v).Hi; wrapped >= 0 && hi >= -limitHi && hi < limitHi {
		return v, nil
	}
	if wrapped >= 0 && InRange(v) {
		return v, nil
	}
	return T{}, ErrOverflow
}

// Sum adds xs to *acc. Partial sums may exceed 38 digits: only the final one
// must fit, so the outcome does not depend on the order of xs. On ErrOverflow
// *acc is unchanged.
func Sum[T amount](acc *T, xs []T) error {
	start := Int128(*acc)
	lo, mid := start.Lo, uint64(start.Hi)
	top := uint64(start.Hi >> 63)
	for _, v := range xs {
		x := Int128(v)
		var carry uint64
		lo, carry = bits.Add64(lo, x.Lo, 0)
		mid, carry = bits.Add64(mid, uint64(x.Hi), carry)
		top, _ = bits.Add64(top, uint64(x.Hi>>63), carry)
	}
	sum := Int128{lo, int64(mid)}
	if top != uint64(sum.Hi>>63) || !InRange(sum) {
		return ErrOverflow
	}
	*acc = T(sum)
	return nil
}

// MulInt returns a times n, or ErrOverflow.
func MulInt[T amount](a T, n int64) (T, error) {
	x := Int128(a)
	p := mul128(x.abs(), Int128FromInt(n).abs())
	r, err := signed(p, x.Hi < 0 != (n < 0))
	return T(r), err
}

// Neg returns -a. It panics on -2^127, which no function here returns.
func Neg[T amount](a T) T {
	x := Int128(a)
	if x.Lo == 0 && x.Hi == math.MinInt64 {
		panic("money: negating an amount out of range")
	}
	lo, borrow := bits.Sub64(0, x.Lo, 0)
	return T(Int128{lo, -x.Hi - int64(borrow)})
}

// Abs returns a without its sign. It panics where Neg does.
func Abs[T amount](a T) T {
	if Sign(a) < 0 {
		return Neg(a)
	}
	return a
}

// Cmp returns -1, 0 or +1 as a is below, equal to or above b. For equality
// alone, a == b does as well.
func Cmp[T amount](a, b T) int {
	x, y := Int128(a), Int128(b)
	switch {
	case x == y:
		return 0
	case x.Hi < y.Hi || x.Hi == y.Hi && x.Lo < y.Lo:
		return -1
	}
	return 1
}

// Sign returns -1, 0 or +1 as a is negative, zero or positive.
func Sign[T amount](a T) int {
	x := Int128(a)
	switch {
	case x.Hi < 0:
		return -1
	case x.Hi == 0 && x.Lo == 0:
		return 0
	}
	return 1
}

// Min returns the smaller of a and b.
func Min[T amount](a, b T) T {
	if Cmp(b, a) < 0 {
		return b
	}
	return a
}

// Max returns the larger of a and b.
func Max[T amount](a, b T) T {
	if Cmp(b, a) > 0 {
		return b
	}
	return a
}

// Int128FromInt returns n as a raw word.
func Int128FromInt(n int64) Int128 { return Int128{uint64(n), n >> 63} }

// UsageFromInt returns n whole units. Every int64 fits.
func UsageFromInt(n int64) Usage { return Usage(times(n, pow10[UsageScale].lo)) }

// RateFromInt returns a rate of n. Every int64 fits.
func RateFromInt(n int64) Rate { return Rate(times(n, pow10[RateScale].lo)) }

// CostFromInt returns n major units of currency. Every int64 fits.
func CostFromInt(n int64) Cost { return Cost(times(n, pow10[CostScale].lo)) }

// times returns n * f for a factor of at most 10^18, which cannot overflow.
func times(n int64, f uint64) Int128 {
	hi, lo := bits.Mul64(Int128FromInt(n).abs().lo, f)
	x := Int128{lo, int64(hi)}
	if n < 0 {
		return Neg(x)
	}
	return x
}

// Int128 returns the raw word of u, in units of 10^-18; Usage(x) goes back.
func (u Usage) Int128() Int128 { return Int128(u) }

// Int128 returns the raw word of r, in units of 10^-18; Rate(x) goes back.
func (r Rate) Int128() Int128 { return Int128(r) }

// Int128 returns the raw word of c, in units of 10^-10; Cost(x) goes back.
func (c Cost) Int128() Int128 { return Int128(c) }
