package money

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func ratOf(x Int128) *big.Rat {
	n, _ := new(big.Int).SetString(x.String(), 10)
	return new(big.Rat).SetInt(n)
}

// slowRound rounds a fraction of a scale to places decimals, half away from zero.
func slowRound(x *big.Rat, drop int64) string {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(drop), nil))
	y := new(big.Rat).Quo(x, unit)
	num := new(big.Int).Mul(new(big.Int).Abs(y.Num()), big.NewInt(2))
	num.Add(num, y.Denom())
	q := new(big.Int).Quo(num, new(big.Int).Mul(y.Denom(), big.NewInt(2)))
	if y.Sign() < 0 {
		q.Neg(q)
	}
	return q.Mul(q, new(big.Int).Exp(big.NewInt(10), big.NewInt(drop), nil)).String()
}

func TestShareAgainstFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := Cost(Int128FromInt(rapid.Int64().Draw(t, "total")))
		part := Int128FromInt(rapid.Int64Range(0, 1<<62).Draw(t, "part"))
		whole := Int128FromInt(rapid.Int64Range(1, 1<<62).Draw(t, "whole"))
		places := rapid.IntRange(0, 10).Draw(t, "places")
		got, err := Share(total, part, whole, places, HalfAwayFromZero)
		exact := new(big.Rat).Mul(ratOf(Int128(total)), new(big.Rat).Quo(ratOf(part), ratOf(whole)))
		want := slowRound(exact, int64(CostScale-places))
		if err != nil || Int128(got).String() != want {
			t.Fatalf("got %s (%v), want %s", Int128(got), err, want)
		}
	})
}

func TestFraction(t *testing.T) {
	for _, c := range []struct {
		usage    string
		num, den int64
		want     string
	}{{"1", 1, 3, "0.3333333333"}, {"2", 320, 4, "160"}, {"0.12345678901", 1, 1, "0.123456789"}, {"7", 4, 320, "0.0875"}} {
		u, _ := ParseUsage(c.usage)
		if got, err := Fraction(u, c.num, c.den); err != nil || got.String() != c.want {
			t.Errorf("%s x %d/%d is %s (%v), want %s", c.usage, c.num, c.den, got, err, c.want)
		}
	}
	if _, err := Share(Cost{}, Int128{}, Int128{}, 8, HalfAwayFromZero); err == nil {
		t.Error("a share of nothing has no error")
	}
}

func TestCmpProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v [4]Int128
		for i := range v {
			v[i] = Int128FromInt(rapid.Int64Range(0, 1<<62).Draw(t, "v"))
		}
		want := new(big.Rat).Mul(ratOf(v[0]), ratOf(v[1])).Cmp(new(big.Rat).Mul(ratOf(v[2]), ratOf(v[3])))
		if got := CmpProducts(v[0], v[1], v[2], v[3]); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}
