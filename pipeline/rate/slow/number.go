package slow

import (
	"fmt"
	"math/big"
	"strings"
)

// notDecimal is a text that should have been a number.
type notDecimal string

func (e notDecimal) Error() string {
	return fmt.Sprintf("%q is not a decimal; write digits and at most one point", string(e))
}

// dec reads a decimal. It panics with notDecimal, which Rate returns as an error.
func dec(s string) *big.Rat {
	digits, negative := strings.CutPrefix(s, "-")
	whole, part, _ := strings.Cut(digits, ".")
	n, ok := new(big.Int).SetString(whole+part, 10)
	if !ok || whole+part == "" {
		panic(notDecimal(s))
	}
	if negative {
		n.Neg(n)
	}
	return new(big.Rat).SetFrac(n, ten(len(part)))
}

func ten(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func num(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

func zero() *big.Rat { return new(big.Rat) }

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func neg(a *big.Rat) *big.Rat    { return new(big.Rat).Neg(a) }

// quo is a / b, and 0 where b is 0.
func quo(a, b *big.Rat) *big.Rat {
	if b.Sign() == 0 {
		return zero()
	}
	return new(big.Rat).Quo(a, b)
}

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

func most(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// cut drops all digits after the given number of places.
func cut(x *big.Rat, places int) *big.Rat {
	n := new(big.Int).Mul(x.Num(), ten(places))
	n.Quo(n, x.Denom())
	return new(big.Rat).SetFrac(n, ten(places))
}

// round rounds half away from zero.
func round(x *big.Rat, places int) *big.Rat {
	n := new(big.Int).Abs(x.Num())
	n.Mul(n, ten(places))
	n.Lsh(n, 1).Add(n, x.Denom()) // floor(x + 1/2), doubled
	n.Quo(n, new(big.Int).Lsh(x.Denom(), 1))
	if x.Sign() < 0 {
		n.Neg(n)
	}
	return new(big.Rat).SetFrac(n, ten(places))
}

// floor and ceil give whole numbers.
func floor(x *big.Rat) *big.Int {
	q, _ := new(big.Int).DivMod(x.Num(), x.Denom(), new(big.Int))
	return q
}

func ceil(x *big.Rat) *big.Int { f := floor(neg(x)); return f.Neg(f) }

// Text writes a decimal without trailing zeros; 30 places suffice for every
// figure of a bill.
func Text(x *big.Rat) string {
	if x == nil {
		return ""
	}
	s := x.FloatString(30)
	s = strings.TrimRight(s, "0")
	return strings.TrimSuffix(s, ".")
}
