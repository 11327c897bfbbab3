package money

import (
	"errors"
	"strings"
	"testing"
)

func TestParseCurrency(t *testing.T) {
	for code, want := range map[string]int{
		"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "CNY": 2, "INR": 2, "BRL": 2, "XCG": 2, "ZWG": 2, "SLE": 2, "VED": 2, "XAD": 2,
		"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "UGX": 0, "XAF": 0, "XOF": 0, "XPF": 0, "UYI": 0,
		"KWD": 3, "BHD": 3, "TND": 3, "OMR": 3, "IQD": 3, "JOD": 3, "LYD": 3,
		"CLF": 4, "UYW": 4,
	} {
		c, err := ParseCurrency(code)
		if err != nil || string(c) != code {
			t.Errorf("%s: %q, %v", code, c, err)
			continue
		}
		if got := c.MinorUnits(); got != want {
			t.Errorf("%s has %d minor units, want %d", code, got, want)
		}
	}
}

func TestParseCurrencyRejects(t *testing.T) {
	const form, inactive = "not a currency code", "not an active currency"
	for code, reason := range map[string]string{
		"": form, "US": form, "usd": form, "Usd": form, "USDX": form, " USD": form, "USD ": form, "U$D": form, "ＵＳＤ": form, "840": form, "$": form,
		"DEM": inactive, "HRK": inactive, "ANG": inactive, "BGN": inactive, "ZWL": inactive, "CUC": inactive, "SLL": inactive,
		"XXX": inactive, "XTS": inactive, "XAU": inactive, "XDR": inactive, "ABC": inactive,
		strings.Repeat("A", 1000): form,
	} {
		c, err := ParseCurrency(code)
		var bad *ParseError
		if c != "" || !errors.As(err, &bad) || !strings.HasPrefix(bad.Reason, reason) || len(bad.Value) > maxQuoted {
			t.Errorf("%.20q: %q, %v, want %s", code, c, err, reason)
		}
	}
}

func TestCurrencyTableIsWellFormed(t *testing.T) {
	listed := strings.Fields(strings.Join([]string{codes0, codes2, codes3, codes4}, " "))
	if len(listed) != len(minorUnits) {
		t.Errorf("%d codes listed, %d in the table: some are twice", len(listed), len(minorUnits))
	}
	if want := 165; len(minorUnits) != want { // 178 codes less 13 without a minor unit
		t.Errorf("%d codes, want %d", len(minorUnits), want)
	}
	for c, places := range minorUnits {
		if len(c) != 3 || strings.ToUpper(string(c)) != string(c) || places < 0 || places > CostScale {
			t.Errorf("%q: %d", c, places)
		}
	}
}

// Every list is in order, so that a new code has one place to go.
func TestCurrencyCodesAreSorted(t *testing.T) {
	for _, list := range []string{codes0, codes2, codes3, codes4} {
		codes := strings.Fields(list)
		for i := 1; i < len(codes); i++ {
			if codes[i-1] >= codes[i] {
				t.Errorf("%s comes before %s", codes[i-1], codes[i])
			}
		}
	}
}

func TestMinorUnitsPanicsOnUnknown(t *testing.T) {
	for _, c := range []Currency{"", "usd", "DEM"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no panic", c)
				}
			}()
			c.MinorUnits()
		}()
	}
}
