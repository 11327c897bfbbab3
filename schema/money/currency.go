package money

import (
	"fmt"
	"strings"
)

// Currency is a code of ISO 4217, three upper-case letters. The zero value is
// no currency; other values come from ParseCurrency.
type Currency string

// CurrencyTableVersion names the state of ISO 4217 the table holds. A bill
// records it, because minor units decide how it was rounded.
const CurrencyTableVersion = "ISO 4217 amendment 180"

// Codes in use, funds included, by the number of decimals of their minor unit.
// Codes without one (metals, XDR, XTS, XXX) are left out: nothing can be
// billed in them.
const (
	codes0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	codes2 = "AED AFN ALL AMD AOA ARS AUD AWG AZN " +
		"BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK " +
		"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
		"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT " +
		"LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN " +
		"NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
		"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL " +
		"THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES " +
		"WST XAD XCD XCG YER ZAR ZMW ZWG"
	codes3 = "BHD IQD JOD KWD LYD OMR TND"
	codes4 = "CLF UYW"
)

// minorUnits holds the decimals of every known code.
var minorUnits = currencyTable()

func currencyTable() map[Currency]int {
	table := map[Currency]int{}
	for places, codes := range map[int]string{0: codes0, 2: codes2, 3: codes3, 4: codes4} {
		for code := range strings.FieldsSeq(codes) {
			table[Currency(code)] = places
		}
	}
	return table
}

// ParseCurrency returns s as a currency if it is a code in use, spelled in
// upper case; otherwise a *ParseError.
func ParseCurrency(s string) (Currency, error) {
	if _, known := minorUnits[Currency(s)]; known {
		return Currency(s), nil
	}
	reason := "not a currency code, write three upper-case letters such as USD"
	if len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		reason = fmt.Sprintf("not an active currency with a minor unit in %s", CurrencyTableVersion)
	}
	return "", &ParseError{cut(s), reason}
}

// UnmarshalText sets c as ParseCurrency does, and leaves it alone on an error.
func (c *Currency) UnmarshalText(b []byte) error {
	v, err := ParseCurrency(string(b))
	if err == nil {
		*c = v
	}
	return err
}

// MinorUnits returns the decimals of the smallest unit c is billed in: 2 for
// USD, 0 for JPY, 4 at most. It panics if c is not from ParseCurrency, since
// any number would round a bill wrongly.
func (c Currency) MinorUnits() int {
	places, known := minorUnits[c]
	if !known {
		panic(fmt.Sprintf("money: minor units of unknown currency %q", string(c)))
	}
	return places
}
