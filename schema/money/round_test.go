package money

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestProductAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, u, mode := drawRate(t, "r"), drawUsage(t, "u"), drawMode(t)
		got, err := Product(r, u, mode)
		want := bigRound(new(big.Int).Mul(toBig(r), toBig(u)), bigPow10(26), mode)
		agree(t, "r*u", got, err, want)
	})
}

// Ties are too rare in random products to rely on, so they are made here:
// the rate is an odd number of half steps at some decimal, usage the rest.
func TestProductTiesAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		half := 2*rapid.Int64Range(-1e9, 1e9).Draw(t, "n") + 1 // half steps of 5e-11
		split := rapid.IntRange(0, 10).Draw(t, "split")
		r := Rate(fromBig(new(big.Int).Mul(big.NewInt(5*half), bigPow10(18-split))))
		u := Usage(fromBig(bigPow10(18 - 11 + split)))
		mode := drawMode(t)
		got, err := Product(r, u, mode)
		n := new(big.Int).Mul(toBig(r), toBig(u))
		if rem := new(big.Int).Rem(n, bigPow10(26)); rem.CmpAbs(new(big.Int).Mul(big.NewInt(5), bigPow10(25))) != 0 {
			t.Fatalf("not a tie: %s", n)
		}
		agree(t, "tie", got, err, bigRound(n, bigPow10(26), mode))
	})
}

func TestProductExamples(t *testing.T) {
	tests := []struct{ rate, usage, away, even, down string }{
		{"0.0116", "744", "8.6304", "8.6304", "8.6304"},
		{"0.00000000005", "1", "0.0000000001", "0", "0"},
		{"0.00000000015", "1", "0.0000000002", "0.0000000002", "0.0000000001"},
		{"0.00000000025", "1", "0.0000000003", "0.0000000002", "0.0000000002"},
		{"-0.00000000005", "1", "-0.0000000001", "0", "0"},
		{"0.00000000025", "-1", "-0.0000000003", "-0.0000000002", "-0.0000000002"},
		{"0.000000000049999999", "1", "0", "0", "0"},
		{"0.000000000050000001", "1", "0.0000000001", "0.0000000001", "0"},
		{"0.000000000000000001", "0.000000000000000001", "0", "0", "0"},
		{"0", "99999999999999999999", "0", "0", "0"},
		{"1", "99999999999999999999", "99999999999999999999", "99999999999999999999", "99999999999999999999"},
		{"99999999999999", "99999999999999", "9999999999999800000000000001", "9999999999999800000000000001", "9999999999999800000000000001"},
	}
	for _, tt := range tests {
		for mode, want := range map[Rounding]string{HalfAwayFromZero: tt.away, HalfEven: tt.even, TowardZero: tt.down} {
			got, err := Product(mustRate(tt.rate), mustUsage(tt.usage), mode)
			if err != nil || got.String() != want {
				t.Errorf("%s * %s %s: got %s, %v, want %s", tt.rate, tt.usage, mode, got, err, want)
			}
		}
	}
}

func TestCase_D13_ProductOverflows(t *testing.T) {
	big20 := "99999999999999999999"
	for _, tt := range [][2]string{{big20, big20}, {"100000000000000", "100000000000000"}, {"-" + big20, big20}} {
		if got, err := Product(mustRate(tt[0]), mustUsage(tt[1]), HalfEven); !errors.Is(err, ErrOverflow) {
			t.Errorf("%s * %s: got %s, %v", tt[0], tt[1], got, err)
		}
	}
}

func TestRatioAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, u := drawCost(t, "c"), drawUsage(t, "u")
		got, err := Ratio(c, u)
		if Sign(u) == 0 {
			if !errors.Is(err, ErrZeroUsage) {
				t.Fatalf("zero usage: %s, %v", got, err)
			}
			return
		}
		want := bigRound(new(big.Int).Mul(toBig(c), bigPow10(18)), toBig(u), HalfAwayFromZero)
		agree(t, "c/u", got, err, want.Mul(want, bigPow10(8)))
	})
}

func TestRatioExamples(t *testing.T) {
	for _, tt := range []struct{ cost, usage, want string }{
		{"16.56", "2880", "0.00575"},
		{"1", "3", "0.3333333333"},
		{"2", "3", "0.6666666667"},
		{"-2", "3", "-0.6666666667"},
		{"2", "-3", "-0.6666666667"},
		{"0.0000000001", "2", "0.0000000001"},
		{"-0.0000000001", "2", "-0.0000000001"},
		{"0.0000000001", "2.000000000000000001", "0"},
		{"0", "5", "0"},
	} {
		got, err := Ratio(mustCost(tt.cost), mustUsage(tt.usage))
		if err != nil || got.String() != tt.want {
			t.Errorf("%s / %s: got %s, %v, want %s", tt.cost, tt.usage, got, err, tt.want)
		}
	}
	if _, err := Ratio(CostFromInt(1000), mustUsage("0.000000000000000001")); !errors.Is(err, ErrOverflow) {
		t.Errorf("10^21 as a rate: %v", err)
	}
}

func TestRoundAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, places, mode := drawCost(t, "c"), rapid.IntRange(0, CostScale).Draw(t, "places"), drawMode(t)
		if rapid.Bool().Draw(t, "tie") { // an odd number of half steps
			step := bigPow10(CostScale - places)
			n := big.NewInt(2*rapid.Int64Range(-1e9, 1e9).Draw(t, "n") + 1)
			c = Cost(fromBig(n.Quo(n.Mul(n, step), big.NewInt(2))))
		}
		got, err := c.Round(places, mode)
		step := bigPow10(CostScale - places)
		agree(t, "round", got, err, new(big.Int).Mul(bigRound(toBig(c), step, mode), step))

		r, places := drawRate(t, "r"), rapid.IntRange(0, RateScale).Draw(t, "rate places")
		rounded, err := r.Round(places, mode)
		step = bigPow10(RateScale - places)
		agree(t, "round rate", rounded, err, new(big.Int).Mul(bigRound(toBig(r), step, mode), step))
	})
}

func TestRoundIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, places := drawCost(t, "c"), rapid.IntRange(0, CostScale).Draw(t, "places")
		once, err := c.Round(places, HalfEven)
		if err != nil {
			t.Skip("overflow")
		}
		if twice, err := once.Round(places, drawMode(t)); err != nil || twice != once {
			t.Fatalf("%s rounded again is %s, %v", once, twice, err)
		}
	})
}

func TestCase_M02_M03_RoundExamples(t *testing.T) {
	tests := []struct {
		value            string
		places           int
		away, even, down string
	}{
		{"0.005", 2, "0.01", "0", "0"},
		{"0.015", 2, "0.02", "0.02", "0.01"},
		{"1.005", 2, "1.01", "1", "1"},
		{"2.675", 2, "2.68", "2.68", "2.67"},
		{"0.125", 2, "0.13", "0.12", "0.12"},
		{"0.135", 2, "0.14", "0.14", "0.13"},
		{"-0.005", 2, "-0.01", "0", "0"},
		{"-1.005", 2, "-1.01", "-1", "-1"},
		{"-2.675", 2, "-2.68", "-2.68", "-2.67"},
		{"2.6749999999", 2, "2.67", "2.67", "2.67"},
		{"2.6750000001", 2, "2.68", "2.68", "2.67"},
		{"0.5", 0, "1", "0", "0"},
		{"1.5", 0, "2", "2", "1"},
		{"2.5", 0, "3", "2", "2"},
		{"-0.5", 0, "-1", "0", "0"},
		{"-2.5", 0, "-3", "-2", "-2"},
		{"1234.5675", 3, "1234.568", "1234.568", "1234.567"},
		{"0.0000000001", 10, "0.0000000001", "0.0000000001", "0.0000000001"},
		{"0", 2, "0", "0", "0"},
		{"999.995", 2, "1000", "1000", "999.99"},
	}
	for _, tt := range tests {
		for mode, want := range map[Rounding]string{HalfAwayFromZero: tt.away, HalfEven: tt.even, TowardZero: tt.down} {
			got, err := mustCost(tt.value).Round(tt.places, mode)
			if err != nil || got.String() != want {
				t.Errorf("%s to %d, %s: got %s, %v, want %s", tt.value, tt.places, mode, got, err, want)
			}
		}
	}
}

func TestRoundAtTheLimit(t *testing.T) {
	for _, top := range []Cost{Cost(largest38), Neg(Cost(largest38))} {
		for places := range CostScale {
			if got, err := top.Round(places, HalfEven); !errors.Is(err, ErrOverflow) {
				t.Errorf("%s to %d: got %s, %v", top, places, got, err)
			}
			if _, err := top.Round(places, TowardZero); err != nil {
				t.Errorf("%s cut to %d: %v", top, places, err)
			}
		}
		if got, err := top.Round(CostScale, HalfEven); err != nil || got != top {
			t.Errorf("%s to all decimals: %s, %v", top, got, err)
		}
	}
}

func TestTimesAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, f := drawCost(t, "c"), drawRate(t, "f")
		places, mode := rapid.IntRange(0, CostScale).Draw(t, "places"), drawMode(t)
		got, err := c.Times(f, places, mode)
		n := new(big.Int).Mul(toBig(c), toBig(f))
		want := bigRound(n, bigPow10(28-places), mode)
		agree(t, "c*f", got, err, want.Mul(want, bigPow10(CostScale-places)))
	})
}

// The third product is just below half a cent: rounded to ten decimals first,
// it would become a tie and then a cent.
func TestCase_M14_TimesRoundsOnce(t *testing.T) {
	for _, tt := range []struct {
		cost, factor string
		places       int
		want         string
	}{
		{"71.5", "0.07", 2, "5.01"},
		{"-71.5", "0.07", 2, "-5.01"},
		{"0.0000000001", "49999999.9999999999", 2, "0"},
		{"100", "0.19", 2, "19"},
		{"12.34", "151.237", 0, "1866"},
		{"1", "0.00000000005", 10, "0.0000000001"},
	} {
		got, err := mustCost(tt.cost).Times(mustRate(tt.factor), tt.places, HalfAwayFromZero)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s * %s to %d: got %s, %v, want %s", tt.cost, tt.factor, tt.places, got, err, tt.want)
		}
	}
}

func TestPlacesOutOfRange(t *testing.T) {
	c, r := CostFromInt(1), RateFromInt(1)
	for _, places := range []int{-1, CostScale + 1} {
		if _, err := c.Round(places, HalfEven); err == nil {
			t.Errorf("round to %d: no error", places)
		}
		if _, err := c.Times(r, places, HalfEven); err == nil {
			t.Errorf("times to %d: no error", places)
		}
		if _, err := Allocate(c, []Int128{one}, places); err == nil {
			t.Errorf("allocate at %d: no error", places)
		}
	}
	if _, err := r.Round(RateScale+1, HalfEven); err == nil {
		t.Error("round a rate to 19: no error")
	}
}

func TestUnknownModePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_, _ = mustCost("0.5").Round(0, Rounding(9))
}

func TestModeNames(t *testing.T) {
	for mode, want := range map[Rounding]string{
		HalfAwayFromZero: "half away from zero", HalfEven: "half even", TowardZero: "toward zero", 9: "rounding 9",
	} {
		if got := mode.String(); got != want {
			t.Errorf("%d: %q, want %q", int(mode), got, want)
		}
	}
}

// Words of all ones and zeros force the corrections of long division that
// random words hardly ever need.
func TestDivisionAgainstBig(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]uint64{0, 1, 1 << 63, 1<<63 - 1, 1<<64 - 1, 1<<64 - 2}), rapid.Uint64())
	toInt := func(ws ...uint64) *big.Int {
		n := new(big.Int)
		for _, w := range ws {
			n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(w))
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		p := uint256{word.Draw(t, "p0"), word.Draw(t, "p1"), word.Draw(t, "p2"), word.Draw(t, "p3")}
		d := uint128{word.Draw(t, "lo"), word.Draw(t, "hi")}
		n := toInt(p.w3, p.w2, p.w1, p.w0)
		if d != (uint128{}) {
			q, r := p.div128(d)
			wantQ, wantR := new(big.Int).QuoRem(n, toInt(d.hi, d.lo), new(big.Int))
			if toInt(q.w3, q.w2, q.w1, q.w0).Cmp(wantQ) != 0 || toInt(r.hi, r.lo).Cmp(wantR) != 0 {
				t.Fatalf("%x / %x: got %x, %x", p, d, q, r)
			}
		}
		k := rapid.IntRange(0, MaxDigits).Draw(t, "k")
		q, r := p.divPow10(k)
		wantQ, wantR := new(big.Int).QuoRem(n, bigPow10(k), new(big.Int))
		if toInt(q.w3, q.w2, q.w1, q.w0).Cmp(wantQ) != 0 || toInt(r.hi, r.lo).Cmp(wantR) != 0 {
			t.Fatalf("%x / 10^%d: got %x, %x", p, k, q, r)
		}
		m := uint128{p.w0, p.w1}
		prod := mul128(m, d)
		if want := new(big.Int).Mul(toInt(m.hi, m.lo), toInt(d.hi, d.lo)); toInt(prod.w3, prod.w2, prod.w1, prod.w0).Cmp(want) != 0 {
			t.Fatalf("%x * %x: got %x", m, d, prod)
		}
	})
}
