package money

import "testing"

// The operands are those of real lines: 12 decimals of usage, 10 of rate.
var (
	benchUsages = []Usage{mustUsage("744"), mustUsage("0.000277777778"), mustUsage("1234.567890123456"), mustUsage("0.5")}
	benchRates  = []Rate{mustRate("0.0116"), mustRate("0.0000166667"), mustRate("0.023"), mustRate("0.0000004")}
	benchTexts  = [][]byte{[]byte("744.0000000000"), []byte("0.000277777778"), []byte("1234.567890123456"), []byte("0.5")}
)

func mustUsage(s string) Usage { return must(ParseUsage(s)) }
func mustRate(s string) Rate   { return must(ParseRate(s)) }
func mustCost(s string) Cost   { return must(ParseCost(s)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func BenchmarkAdd(b *testing.B) {
	var acc Usage
	for i := 0; b.Loop(); i++ {
		acc, _ = Add(acc, benchUsages[i%4])
	}
}

func BenchmarkSum1024(b *testing.B) {
	xs := make([]Usage, 1024)
	for i := range xs {
		xs[i] = benchUsages[i%4]
	}
	for b.Loop() {
		var acc Usage
		if err := Sum(&acc, xs); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		_, _ = Product(benchRates[i%4], benchUsages[i%4], HalfAwayFromZero)
	}
}

func BenchmarkRatio(b *testing.B) {
	c := mustCost("8.6304")
	for i := 0; b.Loop(); i++ {
		_, _ = Ratio(c, benchUsages[i%4])
	}
}

func BenchmarkRoundToCents(b *testing.B) {
	c := mustCost("8.6350000001")
	for b.Loop() {
		_, _ = c.Round(2, HalfEven)
	}
}

func BenchmarkParseUsageBytes(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		_, _ = ParseUsageBytes(benchTexts[i%4])
	}
}

func BenchmarkParseCostExp(b *testing.B) {
	for b.Loop() {
		_, _ = ParseCostExp("9.984E-7")
	}
}

func BenchmarkAppendText(b *testing.B) {
	room := make([]byte, 0, 64)
	for i := 0; b.Loop(); i++ {
		room = benchUsages[i%4].AppendText(room[:0])
	}
}

func BenchmarkFloat64(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		_ = benchUsages[i%4].Float64()
	}
}

func BenchmarkAllocate8(b *testing.B) {
	weights := make([]Int128, 8)
	for i := range weights {
		weights[i] = Int128FromInt(int64(i*i + 1))
	}
	total := mustCost("100")
	for b.Loop() {
		_, _ = Allocate(total, weights, 2)
	}
}
