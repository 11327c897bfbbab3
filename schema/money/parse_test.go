package money

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func zeros(n int) string { return strings.Repeat("0", n) }
func nines(n int) string { return strings.Repeat("9", n) }

func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"0", "0"}, {"-0", "0"}, {"-0.000", "0"}, {"0.0000000000", "0"},
		{"1", "1"}, {"-1", "-1"}, {"007", "7"}, {"744.0000000000", "744"},
		{"0.0000000001", "0.0000000001"}, {"-0.0000000001", "-0.0000000001"},
		{"3914.7077525379", "3914.7077525379"},
		{"0.1" + zeros(60), "0.1"},
		{zeros(90) + "1.5", "1.5"},
		{nines(28) + "." + nines(10), nines(28) + "." + nines(10)},
		{"-" + nines(28) + "." + nines(10), "-" + nines(28) + "." + nines(10)},
		{"1" + zeros(27), "1" + zeros(27)},
		{"1844674407.3709551615", "1844674407.3709551615"},
		{"1844674407.3709551616", "1844674407.3709551616"},
	} {
		got, err := ParseCost(tt.in)
		if err != nil || got.String() != tt.want {
			t.Errorf("%q: got %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestParseRejects(t *testing.T) {
	const (
		syntax = "not a decimal number"
		expo   = "exponents are not accepted here"
	)
	for _, tt := range []struct{ in, reason string }{
		{"", "empty"},
		{"-", syntax}, {"--1", syntax}, {"+1", syntax}, {"1-", syntax}, {"-+1", syntax},
		{".", syntax}, {".5", syntax}, {"5.", syntax}, {"-.5", syntax}, {"1..2", syntax}, {"1.2.3", syntax}, {"1.-2", syntax},
		{" 1", syntax}, {"1 ", syntax}, {"1 000", syntax}, {"\t1", syntax}, {"1\n", syntax}, {"1\x00", syntax},
		{"1_000", syntax}, {"1,5", syntax}, {"1,000.00", syntax}, {"'1", syntax}, {"$1", syntax}, {"1%", syntax},
		{"0x10", syntax}, {"0b1", syntax}, {"ff", syntax}, {"1f", syntax},
		{"NaN", syntax}, {"nan", syntax}, {"Inf", syntax}, {"-Infinity", syntax}, {"null", syntax}, {"true", syntax},
		{"１", syntax}, {"1２", syntax}, {"٣", syntax}, {"−1", syntax}, {"1·5", syntax}, {"\ufeff1", syntax}, {"1\xff", syntax},
		{"1e5", expo}, {"1E5", expo}, {"9.984E-7", expo}, {"1e+0", expo},
		{"1e", syntax}, {"e5", syntax}, {"1e5.5", syntax}, {"1e--5", syntax}, {"1ee5", syntax}, {"1.e5", syntax}, {".e5", syntax},
		{"0.00000000001", "more than 10 decimals"},
		{"0.12345678901", "more than 10 decimals"},
		{"1" + zeros(28), "more than 28 digits before the point"},
		{"-1" + zeros(28), "more than 28 digits before the point"},
		{"1" + zeros(50) + ".5", "more than 28 digits before the point"},
		{nines(39), "more than 28 digits before the point"},
		{nines(128), "more than 28 digits before the point"},
		{zeros(129), "text too long"},
		{strings.Repeat("x", 1<<20), "text too long"},
	} {
		got, err := ParseCost(tt.in)
		var bad *ParseError
		if !errors.As(err, &bad) {
			t.Errorf("%.50q: got %s, %v, want a parse error", tt.in, got, err)
			continue
		}
		if !strings.HasPrefix(bad.Reason, tt.reason) || got != (Cost{}) {
			t.Errorf("%.50q: reason %q, want %q", tt.in, bad.Reason, tt.reason)
		}
		if !strings.HasPrefix(tt.in, bad.Value) {
			t.Errorf("%.50q: value %q", tt.in, bad.Value)
		}
	}
}

func TestParseErrorText(t *testing.T) {
	for _, tt := range []struct{ in, value string }{
		{"1,5", "1,5"},
		{strings.Repeat("é", 41), strings.Repeat("é", 40)},
		{strings.Repeat("x", 40), strings.Repeat("x", 40)},
	} {
		_, err := ParseUsage(tt.in)
		var bad *ParseError
		if !errors.As(err, &bad) || bad.Value != tt.value {
			t.Errorf("%q: %v, want value %q", tt.in, err, tt.value)
		}
	}
	_, err := ParseRate("1e3")
	if want := `bad value "1e3": exponents are not accepted here, write all digits`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEachKindHasItsScale(t *testing.T) {
	d18, d19 := "0."+zeros(17)+"1", "0."+zeros(18)+"1"
	for name, f := range map[string]func(string) (Int128, error){
		"usage":       func(s string) (Int128, error) { v, err := ParseUsage(s); return Int128(v), err },
		"rate":        func(s string) (Int128, error) { v, err := ParseRate(s); return Int128(v), err },
		"usage bytes": func(s string) (Int128, error) { v, err := ParseUsageBytes([]byte(s)); return Int128(v), err },
		"rate bytes":  func(s string) (Int128, error) { v, err := ParseRateBytes([]byte(s)); return Int128(v), err },
		"usage exp":   func(s string) (Int128, error) { v, err := ParseUsageExp(s); return Int128(v), err },
		"rate exp":    func(s string) (Int128, error) { v, err := ParseRateExp(s); return Int128(v), err },
	} {
		if got, err := f(d18); err != nil || got != one {
			t.Errorf("%s of %s: %s, %v", name, d18, got, err)
		}
		if got, err := f(d19); err == nil {
			t.Errorf("%s of %s: %s, no error", name, d19, got)
		}
		if got, err := f("1" + zeros(20)); err == nil || !strings.Contains(err.Error(), "more than 20 digits before") {
			t.Errorf("%s of 10^20: %s, %v", name, got, err)
		}
	}
	if got, err := ParseCostBytes([]byte("0.0000000001")); err != nil || Int128(got) != one {
		t.Errorf("cost bytes: %s, %v", got, err)
	}
}

func TestParseExponents(t *testing.T) {
	for _, tt := range []struct{ in, want, reason string }{
		{"9.984E-7", "0.0000009984", ""},
		{"-9.984E-7", "-0.0000009984", ""},
		{"1.3E-9", "0.0000000013", ""},
		{"1e-10", "0.0000000001", ""},
		{"1e-11", "", "more than 10 decimals"},
		{"1.5e-10", "", "more than 10 decimals"},
		{"10e-11", "0.0000000001", ""},
		{"1" + zeros(30) + "e-40", "0.0000000001", ""},
		{"1" + zeros(45) + "e-40", "100000", ""},
		{"0e-40", "0", ""}, {"0e40", "0", ""}, {"-0.000E+40", "0", ""}, {"00e-5", "0", ""},
		{"1e27", "1" + zeros(27), ""}, {"1E+27", "1" + zeros(27), ""},
		{"1e28", "", "more than 28 digits"}, {"1e40", "", "more than 28 digits"},
		{"0." + zeros(39) + "1e40", "1", ""},
		{"1e41", "", "exponent beyond 40"}, {"1e-41", "", "exponent beyond 40"},
		{"1e99999999999999999999", "", "exponent beyond 40"},
		{"1e0000000000000000001", "10", ""},
		{"12.5", "12.5", ""}, {"-0", "0", ""},
		{zeros(65), "", "text too long"},
		{"1e", "", "not a decimal"}, {"1e+", "", "not a decimal"}, {"1e 5", "", "not a decimal"}, {"1e5x", "", "not a decimal"},
		{"e5", "", "not a decimal"}, {".5e1", "", "not a decimal"}, {"1e1.5", "", "not a decimal"}, {"1e+-5", "", "not a decimal"},
		{"NaN", "", "not a decimal"}, {"0x1p4", "", "not a decimal"},
	} {
		got, err := ParseCostExp(tt.in)
		if tt.reason != "" {
			var bad *ParseError
			if !errors.As(err, &bad) || !strings.HasPrefix(bad.Reason, tt.reason) {
				t.Errorf("%q: got %s, %v, want %s", tt.in, got, err, tt.reason)
			}
			continue
		}
		if err != nil || got.String() != tt.want {
			t.Errorf("%q: got %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

var grammar = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// parseBig reads s by the grammar and rational arithmetic; ok is false for
// text that must be rejected.
func parseBig(s string, scale int, exp bool) (word *big.Int, ok bool) {
	limit := MaxTextLen
	if exp {
		limit = MaxExpTextLen
	}
	if len(s) > limit || !grammar.MatchString(s) {
		return nil, false
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, valid := new(big.Int).SetString(strings.TrimPrefix(s[i+1:], "+"), 10)
		if !exp || !valid || e.CmpAbs(big.NewInt(MaxExponent)) > 0 {
			return nil, false
		}
	}
	v, _ := new(big.Rat).SetString(s)
	v.Mul(v, new(big.Rat).SetInt(bigPow10(scale)))
	return v.Num(), v.IsInt() && inBigRange(v.Num())
}

func compareParse(t interface{ Fatalf(string, ...any) }, s string) {
	for _, scale := range []int{UsageScale, CostScale} {
		for _, exp := range []bool{false, true} {
			want, ok := parseBig(s, scale, exp)
			got, err := parse[Int128](s, scale, exp)
			if (err == nil) != ok || ok && toBig(got).Cmp(want) != 0 {
				t.Fatalf("%q, scale %d, exponents %v: got %s, %v, want %s, %v", s, scale, exp, got, err, want, ok)
			}
			bytes, bytesErr := parse[Int128]([]byte(s), scale, exp)
			if bytes != got || (bytesErr == nil) != ok {
				t.Fatalf("%q: bytes give %s, %v, string gives %s, %v", s, bytes, bytesErr, got, err)
			}
			var bad *ParseError
			if errors.As(err, &bad) && (utf8.RuneCountInString(bad.Value) > maxQuoted || bad.Reason == "") {
				t.Fatalf("%q: error %+v", s, bad)
			}
		}
	}
}

func TestParseAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compareParse(t, rapid.StringMatching(`-?[0-9]{1,22}(\.[0-9]{1,19}0{0,5})?`).Draw(t, "plain"))
		compareParse(t, rapid.StringMatching(`-?[0-9]{1,12}0{0,30}(\.0{0,20}[0-9]{1,9})?([eE][-+]?[0-4]?[0-9])?`).Draw(t, "exp"))
		compareParse(t, rapid.StringMatching(`[-+]?[0-9_,. ]{0,4}\.?[0-9xeE]{0,3}`).Draw(t, "odd"))
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"0", "-0", "744.0000000000", "9.984E-7", "1e40", "1e-40", "0.1" + zeros(60), nines(38), "1" + zeros(45) + "e-40",
		"", ".", "+1", "1_0", "NaN", "0x1", "１", "1\xff", "1e999999999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		compareParse(t, s)
		if c, err := ParseCost(s); err == nil {
			if again, err := ParseCost(c.String()); err != nil || again != c {
				t.Fatalf("%q prints as %s, which reads as %s, %v", s, c, again, err)
			}
		}
	})
}
