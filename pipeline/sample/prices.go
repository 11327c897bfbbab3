package sample

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/monthend/monthend/schema"
)

// Codes of the price list that are the same for every SKU: the on-demand term
// and the rate of a price's first tier.
const (
	onDemandTerm = "JRTCKXETXF"
	firstRate    = "6YS6EN2CT7"
)

var priceHeader = []string{
	"SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange",
	"EndingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "serviceCode", "Location",
	"Location Type", "Instance Type", "Operating System", "Volume API Name", "Storage Class",
	"usageType", "operation", "Region Code",
}

// writePrices writes the SKUs of one currency in the form of an AWS price list:
// five rows about the list, the header, one row per price and tier.
func writePrices(w io.Writer, skus []sku, currency string, p schema.Period) error {
	start := schema.DateOf(p.Start)
	base := schema.Date{Year: start.Year - 1, Month: 1, Day: 1}
	out := csv.NewWriter(w)
	about := [][]string{
		{"FormatVersion", "v1.0"},
		{"Disclaimer", "Sample prices, not an offer"},
		{"Publication Date", base.String() + "T00:00:00Z"},
		{"Version", strings.ReplaceAll(base.String(), "-", "") + "000000"},
		{"OfferCode", "Sample"},
	}
	if err := out.WriteAll(append(about, priceHeader)); err != nil {
		return err
	}
	for i := range skus {
		s := &skus[i]
		if currencyOf(s) != currency {
			continue
		}
		if err := out.WriteAll(s.rows(base, currency, s.listRates())); err != nil {
			return err
		}
		if s.changed != nil {
			if err := out.WriteAll(s.rows(changeDay(p), currency, s.changed)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// changeDay is the day, in UTC, on which changed prices take effect.
func changeDay(p schema.Period) schema.Date {
	day := schema.DateOf(p.Start)
	day.Day = 16
	return day
}

func currencyOf(s *sku) string {
	if s.place.column == 2 {
		return "KRW"
	}
	return "USD"
}

func (s *sku) listRates() []string {
	rates := make([]string, len(s.product.steps))
	for i, t := range s.product.steps {
		rates[i] = t.rates[s.place.column]
	}
	return rates
}

// rows renders one version of a SKU's price, a row per tier.
func (s *sku) rows(effective schema.Date, currency string, rates []string) [][]string {
	p := s.product
	location, kind := s.place.name, "AWS Region"
	if p.global {
		location, kind = "Any", "Other"
	}
	var rows [][]string
	for i, t := range p.steps {
		end, rate := "Inf", firstRate
		if i+1 < len(p.steps) {
			end = p.steps[i+1].from
		}
		if i > 0 {
			rate = code(10, "rate", s.id, t.from)
		}
		rows = append(rows, []string{
			s.id, onDemandTerm, s.id + "." + onDemandTerm + "." + rate, "OnDemand",
			describe(p, i, currency, rates[i]), effective.String(), t.from, end, p.unit, tenDecimals(rates[i]), currency,
			p.family, p.service, location, kind, p.instance, p.os, p.volume, p.class,
			s.usageType, p.operation, s.region,
		})
	}
	return rows
}

func describe(p *product, tier int, currency, rate string) string {
	amount := rate + " " + currency
	if currency == "USD" {
		amount = "$" + rate
	}
	text := amount + " per " + p.what
	switch last := len(p.steps) - 1; {
	case last == 0:
		return text
	case tier == last:
		return text + " over " + p.steps[tier].from + " " + p.unit
	case tier == 0:
		return text + " for the first " + p.steps[1].from + " " + p.unit
	default:
		return text + " from " + p.steps[tier].from + " to " + p.steps[tier+1].from + " " + p.unit
	}
}

// tenDecimals pads a rate to the form of the price list.
func tenDecimals(rate string) string {
	whole, decimals, _ := strings.Cut(rate, ".")
	if n := 10 - len(decimals); n > 0 {
		decimals += strings.Repeat("0", n)
	}
	return whole + "." + decimals
}
