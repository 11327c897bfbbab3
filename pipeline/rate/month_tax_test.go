package rate_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

func vat(t tester, factor string) offer.Tax {
	return offer.Tax{ID: "vat", Type: "VAT", Description: "Value added tax", Factor: rateText(t, factor)}
}

func wantTaxes(t tester, list []bill.Tax, want ...string) {
	t.Helper()
	var got []string
	for _, x := range list {
		got = append(got, fmt.Sprintf("%s %s %s", x.ID, x.Base, x.Amount))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("taxes are %q, want %q", got, want)
	}
}

// 100.00 over three equal charges.
func TestCase_M05_TaxOverThree(t *testing.T) {
	b := &bills{}
	b.offers.Taxes = []offer.Tax{vat(t, "0.1")}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "333.3333333333"}, {account: "B", service: "S", cost: "333.3333333333"}, {account: "B", service: "T", cost: "333.3333333333"}})
	wantRows(t, s.rows, "Tax A S vat 0 33.34", "Tax B S vat 0 33.33", "Tax B T vat 0 33.33")
	wantTaxes(t, s.taxes, "vat 999.9999999999 100")
	if got := s.rows[0]; got.Price.TaxType != "VAT" || got.Price.Description != "Value added tax" || got.Amount != money.UsageFromInt(1) ||
		got.Net != got.Unblended || got.Blended != got.Unblended || got.Effective != got.Unblended || got.List != (money.Cost{}) {
		t.Errorf("row is %+v", got)
	}
}

// The tax is rounded once, on the whole base: a hundred lines of 0.049 are 4.90,
// their tax 0.93, not a hundred times 0.01 or nothing.
func TestCase_M09_TaxIsRoundedOnceOnTheBase(t *testing.T) {
	b := &bills{}
	b.offers.Taxes = []offer.Tax{vat(t, "0.19")}
	var lines []rated
	for i := range 100 {
		lines = append(lines, rated{account: "A", service: "S", cost: "0.049", hour: i})
	}
	wantTaxes(t, b.settle(t, lines).taxes, "vat 4.9 0.93")
}

// A rate that changes in mid-month is split by the hour of the usage.
func TestCase_M09_RateChangesInMidMonth(t *testing.T) {
	b := &bills{}
	old, new := vat(t, "0.19"), vat(t, "0.16")
	old.Until, new.From, new.ID = day("2026-10-16"), day("2026-10-16"), "vat2"
	b.offers.Taxes = []offer.Tax{new, old}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "100", hour: 359}, {account: "A", service: "S", cost: "200", hour: 360}})
	wantRows(t, s.rows, "Tax A S vat 0 19", "Tax A S vat2 0 32")
	wantTaxes(t, s.taxes, "vat 100 19", "vat2 200 32")

	b.zone = "Asia/Kolkata" // the 16th begins at 18:30 UTC: the hour that began at 18 is of the old rate
	s = b.settle(t, []rated{{account: "A", service: "S", cost: "40", hour: -6}, {account: "A", service: "S", cost: "60", hour: 354}, {account: "A", service: "S", cost: "200", hour: 355}})
	wantTaxes(t, s.taxes, "vat 100 19", "vat2 200 32")
}

func TestCase_M10_NoTaxHasARow(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*offer.Tax)
		want string
	}{
		{"exempt", func(r *offer.Tax) { r.Exempt = []string{"P"} }, "Value added tax (exempt)"},
		{"zero", func(r *offer.Tax) { r.Factor = money.Rate{} }, "Value added tax"},
	} {
		b := &bills{}
		rule := vat(t, "0.19")
		c.edit(&rule)
		b.offers.Taxes = []offer.Tax{rule}
		s := b.settle(t, []rated{{account: "B", service: "T", cost: "100"}, {account: "C", service: "S", cost: "10"}})
		wantRows(t, s.rows, "Tax P S vat 0 0")
		wantTaxes(t, s.taxes, "vat 110 0")
		if got := s.rows[0].Price.Description; got != c.want {
			t.Errorf("%s: description is %q", c.name, got)
		}
	}
}

func TestCase_M11_TaxInMinorUnits(t *testing.T) {
	for currency, want := range map[money.Currency]string{"USD": "1.01", "JPY": "1", "KWD": "1.005", "CLF": "1.005"} {
		b := &bills{currency: currency}
		b.offers.Taxes = []offer.Tax{vat(t, "0.1")}
		wantTaxes(t, b.settle(t, []rated{{account: "A", service: "S", cost: "10.05"}}).taxes, "vat 10.05 "+want)
	}
}

func TestTaxInclusive(t *testing.T) {
	b := &bills{}
	rule := vat(t, "0.19")
	rule.Inclusive = true
	b.offers.Taxes = []offer.Tax{rule}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "119"}, {account: "B", service: "S", cost: "11.9"}})
	wantRows(t, s.rows, "Tax A S vat 0 0", "Tax B S vat 0 0")
	wantTaxes(t, s.taxes, "vat 130.9 20.9")
	if !s.taxes[0].Inclusive || !strings.HasSuffix(s.rows[0].Price.Description, "included in the prices: 19") {
		t.Errorf("%+v, %+v", s.taxes[0], s.rows[0].Price)
	}
}

func TestTaxFits(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*offer.Tax)
		want []string
	}{
		{"seller", func(r *offer.Tax) { r.Issuers = []string{"acme"} }, []string{"vat 30 3"}},
		{"another seller", func(r *offer.Tax) { r.Issuers = []string{"other"} }, nil},
		{"country", func(r *offer.Tax) { r.Countries = []string{"FR", "DE"} }, []string{"vat 30 3"}},
		{"another country", func(r *offer.Tax) { r.Countries = []string{"FR"} }, nil},
		{"region", func(r *offer.Tax) { r.Regions = []string{"BY"} }, []string{"vat 30 3"}},
		{"another region", func(r *offer.Tax) { r.Regions = []string{"NW"} }, nil},
		{"service", func(r *offer.Tax) { r.Services = []string{"T"} }, []string{"vat 20 2"}},
		{"another service", func(r *offer.Tax) { r.Services = []string{"X"} }, nil},
		{"another time", func(r *offer.Tax) { r.From = day("2026-11-01") }, nil},
		{"an hour without usage", func(r *offer.Tax) { r.From = day("2026-10-20") }, nil},
	} {
		b := &bills{payer: schema.Payer{Country: "DE", Region: "BY"}}
		rule := vat(t, "0.1")
		c.edit(&rule)
		b.offers.Taxes = []offer.Tax{rule}
		t.Run(c.name, func(t *testing.T) {
			s := b.settle(t, []rated{{account: "A", service: "S", cost: "10"}, {account: "A", service: "T", cost: "20"}, {account: "A", service: "T", cost: "5", kind: "Tax"}})
			wantTaxes(t, s.taxes, c.want...)
		})
	}
}

// Two rules have the same base; credits and refunds lower it; below nothing
// there is no tax.
func TestTaxAfterCreditsAndRefunds(t *testing.T) {
	b := &bills{}
	second := vat(t, "0.02")
	second.ID = "city"
	b.offers.Taxes = []offer.Tax{vat(t, "0.1"), second}
	b.offers.Credits = []offer.Credit{credit(t, "c", "A", "30", "2027-01-01")}
	b.offers.Refunds = []offer.Refund{{ID: "r", Account: "B", Service: "S", Amount: costText(t, "50"), Date: day("2026-10-02")}}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "130"}, {account: "B", service: "S", cost: "10"}})
	wantTaxes(t, s.taxes, "city 60 1.2", "vat 60 6")
	wantRows(t, s.rows, "Credit A S c 0 -30", "Refund B S r 24 -50", "Tax A S city 0 1.2", "Tax A S vat 0 6")
	s = b.settle(t, []rated{{account: "A", service: "S", cost: "30"}})
	wantTaxes(t, s.taxes, "city -50 0", "vat -50 0")
	wantRows(t, s.rows, "Credit A S c 0 -30", "Refund B S r 24 -50", "Tax P S city 0 0", "Tax P S vat 0 0")
}

// The rows of a rule sum to its tax; the bases of rules that follow each other
// sum to the month.
func TestTaxRowsSumToTheTax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &bills{currency: rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD"}).Draw(t, "currency")}
		cut := schema.Date{Year: 2026, Month: 10, Day: rapid.IntRange(1, 31).Draw(t, "cut")}
		first, second := vat(t, "0.19"), vat(t, "0.0775")
		first.Until, second.From, second.ID = cut, cut, "vat2"
		b.offers.Taxes = []offer.Tax{first, second}
		var lines []rated
		var charged money.Cost
		for range rapid.IntRange(0, 12).Draw(t, "lines") {
			l := drawLine(t)
			if rapid.IntRange(0, 4).Draw(t, "negative") == 0 {
				l.cost = "-" + l.cost
			}
			lines, charged = append(lines, l), plus(t, charged, costText(t, l.cost))
		}
		s := b.settle(t, lines)
		rows := map[string]money.Cost{}
		for _, it := range s.rows {
			rows[it.Head.UsageType] = plus(t, rows[it.Head.UsageType], it.Unblended)
		}
		var base money.Cost
		for _, x := range s.taxes {
			base = plus(t, base, x.Base)
			if rows[x.ID] != x.Amount || money.Sign(x.Amount) < 0 {
				t.Errorf("rows of %s sum to %s, its tax is %s", x.ID, rows[x.ID], x.Amount)
			}
		}
		if base != charged {
			t.Errorf("bases are %s, charges %s", base, charged)
		}
	})
}
