package money

import (
	"errors"
	"math"
	"math/big"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

var (
	largest38 = fromBig(new(big.Int).Sub(bigLimit, big.NewInt(1)))
	minWord   = Int128{0, math.MinInt64}
	maxWord   = Int128{math.MaxUint64, math.MaxInt64}
	one       = Int128{Lo: 1}
)

func TestLayoutIsThatOfDecimal128(t *testing.T) {
	for name, v := range map[string]Int128{"1": {1, 0}, "2^64": {0, 1}, "-1": {math.MaxUint64, -1}} {
		raw := *(*[2]uint64)(unsafe.Pointer(&v))
		if raw[0] != v.Lo || raw[1] != uint64(v.Hi) {
			t.Errorf("%s: words in memory are %x", name, raw)
		}
	}
	if unsafe.Sizeof(Usage{}) != 16 || unsafe.Sizeof(Rate{}) != 16 || unsafe.Sizeof(Cost{}) != 16 {
		t.Error("an amount is not 16 bytes")
	}
}

func TestAddSubAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawCost(t, "a"), drawCost(t, "b")
		sum, err := Add(a, b)
		agree(t, "a+b", sum, err, new(big.Int).Add(toBig(a), toBig(b)))
		diff, err := Sub(a, b)
		agree(t, "a-b", diff, err, new(big.Int).Sub(toBig(a), toBig(b)))
	})
}

// Foreign words may lie beyond 38 digits; even those must not wrap.
func TestAddSubNeverWrapAnyWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Int128{rapid.Uint64().Draw(t, "alo"), rapid.Int64().Draw(t, "ahi")}
		b := Int128{rapid.Uint64().Draw(t, "blo"), rapid.Int64().Draw(t, "bhi")}
		sum, err := Add(a, b)
		agree(t, "a+b", sum, err, new(big.Int).Add(toBig(a), toBig(b)))
		diff, err := Sub(a, b)
		agree(t, "a-b", diff, err, new(big.Int).Sub(toBig(a), toBig(b)))
		if got, want := InRange(a), inBigRange(toBig(a)); got != want {
			t.Fatalf("in range %v, want %v", got, want)
		}
	})
}

func TestAddSubAtTheEdges(t *testing.T) {
	tests := []struct {
		name     string
		op       func(a, b Int128) (Int128, error)
		a, b     Int128
		want     Int128
		overflow bool
	}{
		{"limit - 1 + 0", Add[Int128], largest38, Int128{}, largest38, false},
		{"limit - 1 + 1", Add[Int128], largest38, one, Int128{}, true},
		{"limit - 2 + 1", Add[Int128], must(Sub(largest38, one)), one, largest38, false},
		{"1 - limit - 1", Sub[Int128], Neg(largest38), one, Int128{}, true},
		{"1 - limit + 1", Add[Int128], Neg(largest38), one, Neg(must(Sub(largest38, one))), false},
		{"limit - 1 twice wraps 128 bits", Add[Int128], largest38, largest38, Int128{}, true},
		{"its negation twice", Sub[Int128], Neg(largest38), largest38, Int128{}, true},
		{"carry", Add[Int128], Int128{math.MaxUint64, 0}, one, Int128{0, 1}, false},
		{"borrow", Sub[Int128], Int128{}, one, Int128{math.MaxUint64, -1}, false},
		{"greatest word + 1", Add[Int128], maxWord, one, Int128{}, true},
		{"least word - 1", Sub[Int128], minWord, one, Int128{}, true},
		{"0 - least word", Sub[Int128], Int128{}, minWord, Int128{}, true},
		{"least word + greatest word", Add[Int128], minWord, maxWord, Int128{math.MaxUint64, -1}, false},
	}
	for _, tt := range tests {
		got, err := tt.op(tt.a, tt.b)
		if got != tt.want || errors.Is(err, ErrOverflow) != tt.overflow {
			t.Errorf("%s: got %s, %v, want %s, overflow %v", tt.name, got, err, tt.want, tt.overflow)
		}
	}
}

func TestInRangeAtTheEdges(t *testing.T) {
	limit := fromBig(bigLimit)
	for _, tt := range []struct {
		x    Int128
		want bool
	}{
		{Int128{}, true}, {largest38, true}, {limit, false}, {Neg(largest38), true}, {Neg(limit), false},
		{Int128{0, limitHi}, true}, {Int128{0, -limitHi}, true}, {Int128{0, -limitHi - 1}, false},
		{minWord, false}, {maxWord, false},
	} {
		if got := InRange(tt.x); got != tt.want {
			t.Errorf("%s in range: %v, want %v", tt.x, got, tt.want)
		}
	}
}

func TestSumAgainstBigInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(words(), 0, 12).Draw(t, "xs")
		start := words().Draw(t, "start")
		want := toBig(start)
		for _, x := range xs {
			want.Add(want, toBig(x))
		}
		acc := start
		err := Sum(&acc, xs)
		if !inBigRange(want) {
			if !errors.Is(err, ErrOverflow) || acc != start {
				t.Fatalf("got %s, %v, want overflow and %s kept", acc, err, start)
			}
			return
		}
		agree(t, "sum", acc, err, want)
		again := start
		if err := Sum(&again, rapid.Permutation(xs).Draw(t, "shuffled")); err != nil || again != acc {
			t.Fatalf("another order gives %s, %v, want %s", again, err, acc)
		}
	})
}

func TestSumPassesThroughOverflow(t *testing.T) {
	m := Cost(largest38)
	acc := m
	if err := Sum(&acc, []Cost{m, m, Neg(m), Neg(m)}); err != nil || acc != m {
		t.Errorf("got %s, %v, want %s", acc, err, m)
	}
	if err := Sum(&acc, []Cost{Cost(one)}); !errors.Is(err, ErrOverflow) || acc != m {
		t.Errorf("got %s, %v, want overflow", acc, err)
	}
}

func TestMulIntAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n := drawUsage(t, "a"), rapid.Int64().Draw(t, "n")
		got, err := MulInt(a, n)
		agree(t, "a*n", got, err, new(big.Int).Mul(toBig(a), big.NewInt(n)))
	})
	if got, err := MulInt(one, math.MinInt64); err != nil || got != Int128FromInt(math.MinInt64) {
		t.Errorf("1 * least int: %s, %v", got, err)
	}
}

func TestOrderAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRate(t, "a"), drawRate(t, "b")
		if rapid.Bool().Draw(t, "equal") {
			b = a
		}
		want := toBig(a).Cmp(toBig(b))
		if got := Cmp(a, b); got != want {
			t.Fatalf("cmp %d, want %d", got, want)
		}
		if got := Sign(a); got != toBig(a).Sign() {
			t.Fatalf("sign %d, want %d", got, toBig(a).Sign())
		}
		lo, hi := a, b
		if want > 0 {
			lo, hi = b, a
		}
		if Min(a, b) != lo || Max(a, b) != hi {
			t.Fatalf("min %s, max %s, want %s, %s", Min(a, b), Max(a, b), lo, hi)
		}
		if got := toBig(Neg(a)); got.Cmp(new(big.Int).Neg(toBig(a))) != 0 {
			t.Fatalf("neg %s", got)
		}
		if got := toBig(Abs(a)); got.Cmp(new(big.Int).Abs(toBig(a))) != 0 {
			t.Fatalf("abs %s", got)
		}
	})
}

func TestNegPanicsOnLeastWord(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Neg(minWord)
}

func TestFromInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		want := big.NewInt(n)
		agree(t, "word", Int128FromInt(n), nil, want)
		agree(t, "usage", UsageFromInt(n), nil, new(big.Int).Mul(want, bigPow10(UsageScale)))
		agree(t, "rate", RateFromInt(n), nil, new(big.Int).Mul(want, bigPow10(RateScale)))
		agree(t, "cost", CostFromInt(n), nil, new(big.Int).Mul(want, bigPow10(CostScale)))
	})
	for n, want := range map[int64]string{
		math.MinInt64: "-9223372036854775808", math.MaxInt64: "9223372036854775807", 0: "0", -1: "-1",
	} {
		if u, r, c := UsageFromInt(n), RateFromInt(n), CostFromInt(n); u.String() != want || r.String() != want || c.String() != want {
			t.Errorf("%d: %s, %s, %s", n, u, r, c)
		}
	}
}

func TestRawWordsGoBothWays(t *testing.T) {
	u, r, c := mustUsage("-1.5"), mustRate("0.0116"), mustCost("2.5")
	if Usage(u.Int128()) != u || Rate(r.Int128()) != r || Cost(c.Int128()) != c {
		t.Error("a raw word does not give its amount back")
	}
	if got := c.Int128().String(); got != "25000000000" {
		t.Errorf("word of 2.5 is %s", got)
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	u, r, c := mustUsage("744.123456789012345678"), mustRate("0.0116"), mustCost("-12345.6789")
	room, line := make([]byte, 0, 64), []byte("1234.567890123456")
	us := []Usage{u, u, u}
	for name, f := range map[string]func(){
		"add":         func() { must(Add(c, c)) },
		"sub":         func() { must(Sub(u, u)) },
		"sum":         func() { var acc Usage; must(0, Sum(&acc, us)) },
		"product":     func() { must(Product(r, u, HalfAwayFromZero)) },
		"times":       func() { must(c.Times(r, 2, HalfEven)) },
		"ratio":       func() { must(Ratio(c, u)) },
		"round":       func() { must(c.Round(2, HalfEven)) },
		"usage bytes": func() { must(ParseUsageBytes(line)) },
		"rate bytes":  func() { must(ParseRateBytes(line)) },
		"cost text":   func() { must(ParseCost("1234.5678901")) },
		"cost exp":    func() { must(ParseCostExp("9.984E-7")) },
		"unmarshal":   func() { var v Usage; must(0, v.UnmarshalText(line)) },
		"usage text":  func() { room = u.AppendText(room[:0]) },
		"rate text":   func() { room = r.AppendText10(room[:0]) },
		"float":       func() { _ = c.Float64() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
