package money

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ints(ns ...int64) []Int128 {
	ws := make([]Int128, len(ns))
	for i, n := range ns {
		ws[i] = Int128FromInt(n)
	}
	return ws
}

func TestAllocateExamples(t *testing.T) {
	for _, tt := range []struct {
		total   string
		weights []Int128
		places  int
		want    string
	}{
		{"100", ints(1, 1, 1), 2, "33.34 33.33 33.33"},
		{"-100", ints(1, 1, 1), 2, "-33.34 -33.33 -33.33"},
		{"0.05", ints(3, 7), 2, "0.02 0.03"},
		{"0.05", ints(7, 3), 2, "0.04 0.01"},
		{"0.01", ints(0, 1, 1, 0), 2, "0 0.01 0 0"},
		{"0.02", ints(1, 1, 1, 1), 2, "0.01 0.01 0 0"},
		{"10", ints(6, 3, 1), 0, "6 3 1"},
		{"1000", ints(1, 2, 4), 0, "143 286 571"},
		{"1", ints(1, 2), 10, "0.3333333333 0.6666666667"},
		{"1", ints(5), 2, "1"},
		{"0", ints(1, 2), 2, "0 0"},
		{"-0.01", ints(1, 1), 2, "-0.01 0"},
		{"1.5", []Int128{largest38}, 2, "1.5"},
	} {
		got, err := Allocate(mustCost(tt.total), tt.weights, tt.places)
		var texts []string
		for _, c := range got {
			texts = append(texts, c.String())
		}
		if err != nil || strings.Join(texts, " ") != tt.want {
			t.Errorf("%s by %v: got %v, %v, want %s", tt.total, tt.weights, texts, err, tt.want)
		}
	}
}

func TestAllocateRejects(t *testing.T) {
	for _, tt := range []struct {
		total   string
		weights []Int128
		places  int
		reason  string
	}{
		{"1", nil, 2, "all of 0 weights are zero"},
		{"0", ints(), 2, "all of 0 weights are zero"},
		{"1", ints(0, 0), 2, "all of 2 weights are zero"},
		{"1", ints(5, -1), 2, "weight 1 is negative: -1"},
		{"1.005", ints(1), 2, "cannot split 1.005 into steps of 2 decimals"},
		{"-0.5", ints(1), 0, "cannot split -0.5 into steps of 0 decimals"},
	} {
		got, err := Allocate(mustCost(tt.total), tt.weights, tt.places)
		if got != nil || err == nil || !strings.HasPrefix(err.Error(), tt.reason) {
			t.Errorf("%s by %v: got %v, %v, want %s", tt.total, tt.weights, got, err, tt.reason)
		}
	}
	if _, err := Allocate(CostFromInt(1), []Int128{largest38, one}, 2); !errors.Is(err, ErrOverflow) {
		t.Errorf("weights beyond 38 digits: %v", err)
	}
}

// drawSplit draws a total on the grid of some decimals, and usable weights.
func drawSplit(t *rapid.T) (Cost, []Int128, int) {
	places := rapid.IntRange(0, CostScale).Draw(t, "places")
	total, err := drawCost(t, "total").Round(places, TowardZero)
	if err != nil {
		t.Fatal(err)
	}
	small := rapid.Custom(func(t *rapid.T) Int128 { return Int128FromInt(rapid.Int64Range(0, 9).Draw(t, "w")) })
	large := rapid.Custom(func(t *rapid.T) Int128 {
		w, _ := words().Draw(t, "w").abs().div64(16) // so that twelve of them fit
		return Int128{w.lo, int64(w.hi)}
	})
	weights := rapid.SliceOfN(rapid.OneOf(small, large), 1, 12).Draw(t, "weights")
	if slices.Max(toStrings(weights)) == "0" {
		weights[0] = one
	}
	return total, weights, places
}

func toStrings(xs []Int128) []string {
	var texts []string
	for _, x := range xs {
		texts = append(texts, x.String())
	}
	return texts
}

func TestAllocateConservesAndIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, weights, places := drawSplit(t)
		shares, err := Allocate(total, weights, places)
		if err != nil {
			t.Fatal(err)
		}
		sum, weight := new(big.Int), new(big.Int)
		for i := range shares {
			sum.Add(sum, toBig(shares[i]))
			weight.Add(weight, toBig(weights[i]))
		}
		if sum.Cmp(toBig(total)) != 0 {
			t.Fatalf("shares %v sum to %s, want %s", shares, sum, toBig(total))
		}
		step := bigPow10(CostScale - places)
		for i, s := range shares {
			// |share * weight - total * w| < step * weight
			off := new(big.Int).Mul(toBig(s), weight)
			off.Sub(off, new(big.Int).Mul(toBig(total), toBig(weights[i])))
			if off.CmpAbs(new(big.Int).Mul(step, weight)) >= 0 {
				t.Fatalf("share %d of %v is a step or more off its proportion", i, shares)
			}
			if Sign(s)*Sign(total) < 0 || Sign(weights[i]) == 0 && Sign(s) != 0 {
				t.Fatalf("share %d is %s of %s for weight %s", i, s, total, weights[i])
			}
			if new(big.Int).Rem(toBig(s), step).Sign() != 0 {
				t.Fatalf("share %s is off the grid of %d decimals", s, places)
			}
		}
	})
}

func TestAllocateOrderAndSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, weights, places := drawSplit(t)
		shares := must(Allocate(total, weights, places))
		for i, n := range must(Allocate(Neg(total), weights, places)) {
			if n != Neg(shares[i]) {
				t.Fatalf("share %d is %s, of the negative total %s", i, shares[i], n)
			}
		}
		for i := range shares {
			for j := range shares[:i] {
				a, b := Abs(shares[j]), Abs(shares[i])
				switch w := Cmp(weights[j], weights[i]); {
				case w == 0 && Cmp(a, b) < 0:
					t.Fatalf("a tie favours %d over %d: %v", i, j, shares)
				case w > 0 && Cmp(a, b) < 0 || w < 0 && Cmp(a, b) > 0:
					t.Fatalf("the smaller weight of %d and %d has more: %v", j, i, shares)
				}
			}
		}
	})
}

// The largest remainder method, written with a plain search in rationals.
func TestAllocateAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, weights, places := drawSplit(t)
		step := bigPow10(CostScale - places)
		sum := new(big.Int)
		for _, w := range weights {
			sum.Add(sum, toBig(w))
		}
		left := new(big.Int).Quo(toBig(Abs(total)), step)
		whole := new(big.Int).Set(left)
		want, rest := make([]*big.Int, len(weights)), make([]*big.Int, len(weights))
		for i, w := range weights {
			want[i], rest[i] = new(big.Int).QuoRem(new(big.Int).Mul(whole, toBig(w)), sum, new(big.Int))
			left.Sub(left, want[i])
		}
		for ; left.Sign() > 0; left.Sub(left, big.NewInt(1)) {
			best := 0
			for i := range rest {
				if rest[i].Cmp(rest[best]) > 0 {
					best = i
				}
			}
			want[best].Add(want[best], big.NewInt(1))
			rest[best] = big.NewInt(-1)
		}
		for i, s := range must(Allocate(Abs(total), weights, places)) {
			if toBig(s).Cmp(want[i].Mul(want[i], step)) != 0 {
				t.Fatalf("share %d is %s, want %s of 10^-10", i, s, want[i])
			}
		}
	})
}
