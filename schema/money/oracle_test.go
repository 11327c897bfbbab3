package money

import (
	"errors"
	"flag"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The oracle computes in math/big everything the package computes in words.

var bigLimit = bigPow10(MaxDigits)

func bigPow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// toBig returns the raw word of a.
func toBig[T amount](a T) *big.Int {
	x := Int128(a)
	n := new(big.Int).Lsh(big.NewInt(x.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(x.Lo))
}

// fromBig returns n as a raw word; n must fit 128 bits.
func fromBig(n *big.Int) Int128 {
	lo := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0)))
	return Int128{lo.Uint64(), new(big.Int).Rsh(n, 64).Int64()}
}

func inBigRange(n *big.Int) bool { return n.CmpAbs(bigLimit) < 0 }

// bigRound returns n / d rounded, by doubling the remainder.
func bigRound(n, d *big.Int, mode Rounding) *big.Int {
	q, r := new(big.Int).QuoRem(n, d, new(big.Int))
	twice := new(big.Int).Mul(r, big.NewInt(2)).CmpAbs(d)
	away := mode == HalfAwayFromZero && twice >= 0 ||
		mode == HalfEven && (twice > 0 || twice == 0 && q.Bit(0) == 1)
	if !away {
		return q
	}
	return q.Add(q, big.NewInt(int64(n.Sign()*d.Sign())))
}

// agree fails unless got is want, or the error is ErrOverflow and want is too
// large.
func agree[T amount](t *rapid.T, what string, got T, err error, want *big.Int) {
	t.Helper()
	if !inBigRange(want) {
		if !errors.Is(err, ErrOverflow) || Sign(got) != 0 {
			t.Fatalf("%s: got %s, %v, want overflow by %s", what, Int128(got), err, want)
		}
		return
	}
	if err != nil || toBig(got).Cmp(want) != 0 {
		t.Fatalf("%s: got %s, %v, want %s", what, Int128(got), err, want)
	}
}

// words draws raw words of every size, with a liking for edges: runs of ones
// and zeros, powers of ten, and neighbours of the limit.
func words() *rapid.Generator[Int128] {
	return rapid.Custom(func(t *rapid.T) Int128 {
		n := new(big.Int)
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			n.SetUint64(rapid.Uint64().Draw(t, "lo"))
			n.Add(n, new(big.Int).Lsh(new(big.Int).SetUint64(rapid.Uint64().Draw(t, "hi")), 64))
		case 1:
			n.SetInt64(rapid.Int64().Draw(t, "small"))
		case 2:
			n.Mul(big.NewInt(rapid.Int64Range(1, 99999).Draw(t, "head")), bigPow10(rapid.IntRange(0, 33).Draw(t, "zeros")))
		case 3:
			n.Lsh(big.NewInt(1), uint(rapid.IntRange(0, 126).Draw(t, "bit")))
			n.Add(n, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "near")))
		case 4:
			n.Sub(bigLimit, big.NewInt(rapid.Int64Range(1, 3).Draw(t, "below")))
		}
		n.Rem(n, bigLimit)
		if rapid.Bool().Draw(t, "negative") {
			n.Neg(n)
		}
		return fromBig(n)
	})
}

func drawUsage(t *rapid.T, name string) Usage { return Usage(words().Draw(t, name)) }
func drawRate(t *rapid.T, name string) Rate   { return Rate(words().Draw(t, name)) }
func drawCost(t *rapid.T, name string) Cost   { return Cost(words().Draw(t, name)) }

func drawMode(t *rapid.T) Rounding {
	return rapid.SampledFrom([]Rounding{HalfAwayFromZero, HalfEven, TowardZero}).Draw(t, "mode")
}

// TestMain raises the number of draws; the flag of the same name still wins.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "5000"); err != nil {
		panic(err)
	}
	m.Run()
}
