package invoice

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"strings"
	"testing"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// taxedBill is the sample with a tax of two lines, an inclusive tax, a rule
// without tax, and a credit that Compute has in it.
func taxedBill(t fataler) bill.Bill {
	b := sampleBill(t)
	tax := func(account, service, kind, amount string) {
		c := cost(t, amount)
		b.Lines = append(b.Lines, bill.Line{Account: account, Service: service, Type: "Tax", TaxType: kind, Cost: c})
		for i := range b.Accounts {
			if b.Accounts[i].Key == account {
				b.Accounts[i].Cost = plus(t, b.Accounts[i].Cost, c)
			}
		}
		b.Total, b.TaxTotal = plus(t, b.Total, c), plus(t, b.TaxTotal, c)
	}
	tax("111", "Compute", "VAT", "0.89")
	tax("222", "Storage", "VAT", "0.01")
	tax("111", "Compute", "GST", "0")
	tax("111", "Compute", "Levy", "0")
	b.Taxes = []bill.Tax{
		{ID: "gst", Type: "GST", Factor: rate(t, "0.05"), Amount: cost(t, "0.43"), Inclusive: true},
		{ID: "levy", Type: "Levy", Description: "Levy"},
		{ID: "vat", Type: "VAT", Description: "Value added tax", Factor: rate(t, "0.1"), Base: cost(t, "9.01"), Amount: cost(t, "0.9")},
	}
	b.CreditTotal = cost(t, "-2.0000000001")
	return b
}

func rate(t fataler, s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return r
}

func taxedInvoice(t fataler) bill.Invoice {
	inv, err := New(taxedBill(t), "INV-0008", issued)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return inv
}

func TestTaxes(t *testing.T) {
	inv, plain := taxedInvoice(t), sampleInvoice(t)
	if !reflect.DeepEqual(inv.Lines, plain.Lines) || inv.Rounding != plain.Rounding {
		t.Errorf("tax changes lines %v or rounding %s", inv.Lines, inv.Rounding)
	}
	if inv.Total != cost(t, "9.91") || inv.TaxTotal != cost(t, "0.9") || len(inv.Taxes) != 3 || inv.Credits != cost(t, "-2.0000000001") {
		t.Errorf("total %s, tax %s of %v, credits %s", inv.Total, inv.TaxTotal, inv.Taxes, inv.Credits)
	}
}

func TestTaxesAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*bill.Bill)
		want   string
	}{
		{"sum", func(b *bill.Bill) { b.Taxes[2].Amount = cost(t, "0.91") }, "taxes sum to 0.91"},
		{"lines", func(b *bill.Bill) { b.TaxTotal = cost(t, "0.91") }, "tax lines sum to 0.9"},
		{"not inclusive", func(b *bill.Bill) { b.Taxes[0].Inclusive = false }, "taxes sum to 1.33"},
		{"no rules", func(b *bill.Bill) { b.Taxes = nil }, "taxes sum to 0"},
		{"fraction", func(b *bill.Bill) { b.Taxes[0].Amount = cost(t, "0.001") }, "minor units"},
		{"negative", func(b *bill.Bill) { b.Taxes[0].Amount = cost(t, "-1") }, "not negative"},
		{"twice", func(b *bill.Bill) { b.Taxes[0].ID = "vat" }, "twice"},
		{"in a service", func(b *bill.Bill) { b.Services[0].Cost = plus(t, b.Services[0].Cost, cost(t, "0.89")) }, "service"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := taxedBill(t)
			test.change(&b)
			_, err := New(b, "INV-1", issued)
			wantError(t, err, test.want)
		})
	}
	inv := taxedInvoice(t)
	inv.TaxTotal = cost(t, "0.8")
	wantError(t, Check(inv), "taxes sum to")
	inv = taxedInvoice(t)
	inv.Rounding = cost(t, "0.01")
	wantError(t, Check(inv), "printed lines and rounding")
}

func TestTaxesInCSV(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCSV(&b, taxedInvoice(t)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var sum, total money.Cost
	for _, row := range rows[1:] {
		got = append(got, strings.Join(row[8:12], "|"))
		switch {
		case row[8] == RowTotal:
			total = cost(t, row[11])
		case row[11] != "":
			sum = plus(t, sum, cost(t, row[11]))
		}
	}
	want := []string{"rounding|||-0.01", "tax|Levy 0%|0.0000000000|0.00", "tax|VAT 10% (Value added tax)|0.9000000000|0.90",
		"total||9.9100000000|9.91", "tax_included|GST 5%|0.4300000000|", "credits_included||-2.0000000001|"}
	if !reflect.DeepEqual(got[4:], want) || sum != total {
		t.Errorf("rows %q, sum %s of %s", got, sum, total)
	}
}

func TestTaxesInJSON(t *testing.T) {
	inv := taxedInvoice(t)
	var b bytes.Buffer
	if err := WriteJSON(&b, inv); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"tax_total": "0.9"`, `"credits": "-2.0000000001"`, `"tax_type": "VAT"`, `"inclusive": true`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("JSON lacks %s:\n%s", want, &b)
		}
	}
	got, err := ReadJSON(&b)
	got.Payer.Accounts = nil
	if err != nil || !reflect.DeepEqual(got, inv) {
		t.Errorf("read %+v, %v", got, err)
	}
	var plain bytes.Buffer
	if err := WriteJSON(&plain, sampleInvoice(t)); err != nil || strings.Contains(plain.String(), "tax_total") {
		t.Errorf("an invoice without tax names it: %s, %v", &plain, err)
	}
}
