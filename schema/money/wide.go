package money

import "math/bits"

// uint128 is the magnitude of an Int128, or a divisor or remainder.
type uint128 struct{ lo, hi uint64 }

// uint256 is the product of two magnitudes, least significant word first.
type uint256 struct{ w0, w1, w2, w3 uint64 }

// pow10 holds 10^0 to 10^38.
var pow10 = tens()

// pow5 holds 5^0 to 5^27, the last power of five in one word.
var pow5 = fives()

const maxPow5 = 27

func tens() (table [MaxDigits + 1]uint128) {
	table[0].lo = 1
	for i := 1; i < len(table); i++ {
		p := mul128(table[i-1], uint128{lo: 10})
		table[i] = uint128{p.w0, p.w1}
	}
	return table
}

func fives() (table [maxPow5 + 1]uint64) {
	table[0] = 1
	for i := 1; i < len(table); i++ {
		table[i] = 5 * table[i-1]
	}
	return table
}

// abs returns the magnitude of x, 2^127 at most.
func (x Int128) abs() uint128 {
	sign := uint64(x.Hi >> 63)
	lo, borrow := bits.Sub64(x.Lo^sign, sign, 0)
	hi, _ := bits.Sub64(uint64(x.Hi)^sign, sign, borrow)
	return uint128{lo, hi}
}

// fits reports whether m has at most 38 digits.
func (m uint128) fits() bool {
	return m.hi < limitHi || m.hi == limitHi && m.lo < limitLo
}

// cmp orders two magnitudes.
func (m uint128) cmp(n uint128) int {
	switch {
	case m == n:
		return 0
	case m.hi < n.hi || m.hi == n.hi && m.lo < n.lo:
		return -1
	}
	return 1
}

// div64 returns quotient and remainder of m / d.
func (m uint128) div64(d uint64) (uint128, uint64) {
	hi, r := m.hi/d, m.hi%d
	lo, r := bits.Div64(r, m.lo, d)
	return uint128{lo, hi}, r
}

// signed returns the magnitude p with a sign, or ErrOverflow.
func signed(p uint256, negative bool) (Int128, error) {
	m := uint128{p.w0, p.w1}
	if p.w2|p.w3 != 0 || !m.fits() {
		return Int128{}, ErrOverflow
	}
	x := Int128{m.lo, int64(m.hi)}
	if negative {
		return Neg(x), nil
	}
	return x, nil
}

// mul128 returns the whole product a * b.
func mul128(a, b uint128) (p uint256) {
	p.w1, p.w0 = bits.Mul64(a.lo, b.lo)
	if a.hi|b.hi == 0 {
		return p
	}
	h1, l1 := bits.Mul64(a.hi, b.lo)
	h2, l2 := bits.Mul64(a.lo, b.hi)
	h3, l3 := bits.Mul64(a.hi, b.hi)
	var c1, c2 uint64
	p.w1, c1 = bits.Add64(p.w1, l1, 0)
	p.w2, c1 = bits.Add64(h1, l3, c1)
	p.w3 = h3 + c1
	p.w1, c2 = bits.Add64(p.w1, l2, 0)
	p.w2, c2 = bits.Add64(p.w2, h2, c2)
	p.w3 += c2
	return p
}

// divPow10 returns quotient and remainder of p / 10^k, for k up to 38.
func (p uint256) divPow10(k int) (uint256, uint128) {
	if k == 0 || k > maxPow5 {
		return p.div128(pow10[k])
	}
	// 10^k = 2^k * 5^k: after a shift the divisor is one word, and the bits
	// shifted out are the low bits of the remainder.
	right, left := uint(k)&63, uint(64-k)&63 // masks spare the checks for long shifts
	low := p.w0 & (1<<right - 1)
	p.w0 = p.w0>>right | p.w1<<left
	p.w1 = p.w1>>right | p.w2<<left
	p.w2 = p.w2>>right | p.w3<<left
	p.w3 >>= right
	q, r := p.div64(pow5[k])
	return q, uint128{r<<right | low, r >> left}
}

// div64 returns quotient and remainder of p / d.
func (p uint256) div64(d uint64) (q uint256, r uint64) {
	if p.w2|p.w3 != 0 { // rare: amounts of everyday size have short products
		q.w3, r = p.w3/d, p.w3%d
		q.w2, r = bits.Div64(r, p.w2, d)
	}
	if r == 0 && p.w1 < d {
		r = p.w1
	} else {
		q.w1, r = bits.Div64(r, p.w1, d)
	}
	q.w0, r = bits.Div64(r, p.w0, d)
	return q, r
}

// div128 returns quotient and remainder of p / d, by long division in words
// (Knuth's algorithm D). d is not zero.
func (p uint256) div128(d uint128) (q uint256, rem uint128) {
	if d.hi == 0 {
		q, rem.lo = p.div64(d.lo)
		return q, rem
	}
	// With the top bit of d set, a quotient word guessed from the leading
	// words is too large by two at most.
	s := bits.LeadingZeros64(d.hi)
	d = uint128{d.lo << s, d.hi<<s | d.lo>>(64-s)}
	n := [5]uint64{
		p.w0 << s,
		p.w1<<s | p.w0>>(64-s),
		p.w2<<s | p.w1>>(64-s),
		p.w3<<s | p.w2>>(64-s),
		p.w3 >> (64 - s),
	}
	q.w2 = divStep((*[3]uint64)(n[2:]), d)
	q.w1 = divStep((*[3]uint64)(n[1:]), d)
	q.w0 = divStep((*[3]uint64)(n[:]), d)
	return q, uint128{n[0]>>s | n[1]<<(64-s), n[1] >> s}
}

// divStep returns the word n / d and leaves the remainder in n. The top bit of
// d is set, and the upper two words of n are below d.
func divStep(n *[3]uint64, d uint128) uint64 {
	q := ^uint64(0)
	if n[2] < d.hi {
		q, _ = bits.Div64(n[2], n[1], d.hi)
	}
	h0, l0 := bits.Mul64(q, d.lo)
	h1, l1 := bits.Mul64(q, d.hi)
	mid, c := bits.Add64(h0, l1, 0)
	var b uint64
	n[0], b = bits.Sub64(n[0], l0, 0)
	n[1], b = bits.Sub64(n[1], mid, b)
	n[2], b = bits.Sub64(n[2], h1+c, b)
	for b != 0 {
		q--
		n[0], c = bits.Add64(n[0], d.lo, 0)
		n[1], c = bits.Add64(n[1], d.hi, c)
		n[2], c = bits.Add64(n[2], 0, c)
		b -= c
	}
	return q
}

// sub128 returns a - b, for b up to a.
func sub128(a, b uint128) uint128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return uint128{lo, a.hi - b.hi - borrow}
}
