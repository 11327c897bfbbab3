package money_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/monthend/monthend/schema/money"
)

// A month of a small server: the line is rounded once, to ten decimals.
func ExampleProduct() {
	rate, _ := money.ParseRate("0.0116")
	usage, _ := money.ParseUsage("743.999999998")
	cost, err := money.Product(rate, usage, money.HalfAwayFromZero)
	if err != nil {
		fmt.Println(err)
		return
	}
	cents, _ := cost.Round(2, money.HalfAwayFromZero)
	text, _ := cents.Fixed(2)
	fmt.Println(rate.Text10(), cost, text)
	// Output: 0.0116000000 8.6304 8.63
}

// The organization of two accounts pays 16.56 for 2,880 hours.
func ExampleRatio() {
	rate, err := money.Ratio(must(money.ParseCost("16.56")), money.UsageFromInt(2880))
	fmt.Println(rate, err)
	_, err = money.Ratio(money.CostFromInt(1), money.Usage{})
	fmt.Println(err)
	// Output:
	// 0.00575 <nil>
	// ratio over zero usage has no value
}

// A credit of ten is spread over three lines of equal cost; the cent left over
// goes to the first.
func ExampleAllocate() {
	weights := []money.Int128{
		money.CostFromInt(7).Int128(),
		money.CostFromInt(7).Int128(),
		money.CostFromInt(7).Int128(),
	}
	shares, err := money.Allocate(money.CostFromInt(-10), weights, 2)
	fmt.Println(shares, err)
	// Output: [-3.34 -3.33 -3.33] <nil>
}

// Tax goes to the minor unit of the currency in one rounding.
func ExampleCost_Times() {
	yen := must(money.ParseCurrency("JPY"))
	tax, err := money.CostFromInt(1005).Times(must(money.ParseRate("0.10")), yen.MinorUnits(), money.TowardZero)
	fmt.Println(tax, yen, err)
	// Output: 100 JPY <nil>
}

// Nothing is guessed: the text is exactly a decimal, or an error says why not.
func ExampleParseUsage() {
	for _, s := range []string{"12.50", "1,250", "9.984E-7", "0.1234567890123456789"} {
		u, err := money.ParseUsage(s)
		var bad *money.ParseError
		if errors.As(err, &bad) {
			fmt.Printf("%s: %s\n", bad.Value, bad.Reason)
			continue
		}
		fmt.Println(u)
	}
	fmt.Println(money.ParseUsageExp("9.984E-7"))
	// Output:
	// 12.5
	// 1,250: not a decimal number, write digits with at most a leading minus and one point between digits
	// 9.984E-7: exponents are not accepted here, write all digits
	// 0.1234567890123456789: more than 18 decimals, and nothing is rounded on reading
	// 0.0000009984 <nil>
}

// Amounts travel through JSON as text, since numbers there become doubles.
func ExampleCost_MarshalText() {
	b, err := json.Marshal(map[string]money.Cost{"total": must(money.ParseCost("0.10"))})
	fmt.Println(string(b), err)
	// Output: {"total":"0.1"} <nil>
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
