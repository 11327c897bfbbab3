package invoice

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Kinds of row in the CSV: one per service, the rounding, one per tax, the total,
// and what the charges hold already, with no amount of its own.
const (
	RowService         = "service"
	RowRounding        = "rounding"
	RowTax             = "tax"
	RowTotal           = "total"
	RowTaxIncluded     = "tax_included"
	RowCreditsIncluded = "credits_included"
)

// Columns returns the header of the CSV. The amounts of all rows but the total
// sum to the amount of the total, exactly. A tax has its kind, its rate and its
// description in the column of the service.
func Columns() []string {
	return []string{
		"invoice_id", "invoice_date", "due_date", "billing_period",
		"issuer_id", "issuer_name", "payer_account_id", "payer_name",
		"row_type", "service", "exact_amount", "amount", "currency",
	}
}

// WriteCSV writes an invoice by RFC 4180: a header, a row per service, the
// rounding, a row per tax, the total, and for information taxes and credits that
// the charges include. Amounts are in minor units, exact amounts in 10
// decimals. A text that a spreadsheet would run as a formula gets an
// apostrophe in front; a negative amount stays a number.
func WriteCSV(w io.Writer, inv bill.Invoice) error {
	rows, err := csvRows(inv)
	if err != nil {
		return fmt.Errorf("invoice %s as csv: %w", inv.Number, err)
	}
	var b strings.Builder
	writeRow(&b, Columns())
	for _, row := range rows {
		writeRow(&b, row)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write invoice %s as csv: %w", inv.Number, err)
	}
	return nil
}

func csvRows(inv bill.Invoice) ([][]string, error) {
	if _, err := money.ParseCurrency(string(inv.Currency)); err != nil {
		return nil, fmt.Errorf("currency: %w", err)
	}
	var rows [][]string
	row := func(kind, service, exact, printed string) {
		rows = append(rows, []string{
			harmless(inv.Number), inv.InvoiceDate.String(), inv.DueDate.String(), harmless(inv.Period.Name),
			harmless(inv.Issuer.ID), harmless(inv.Issuer.Name), harmless(inv.Payer.AccountID), harmless(inv.Payer.Name),
			kind, harmless(service), exact, printed, string(inv.Currency),
		})
	}
	add := func(kind, service, exact string, amount money.Cost) error {
		printed, err := amount.Fixed(inv.Currency.MinorUnits())
		row(kind, service, exact, printed)
		return err
	}
	for _, l := range inv.Lines {
		if err := add(RowService, l.Service, exactText(l.Exact), l.Amount); err != nil {
			return nil, fmt.Errorf("service %q: %w", l.Service, err)
		}
	}
	if err := add(RowRounding, "", "", inv.Rounding); err != nil {
		return nil, fmt.Errorf("rounding: %w", err)
	}
	for _, t := range inv.Taxes {
		if t.Inclusive {
			continue
		}
		if err := add(RowTax, t.Text(), exactText(t.Amount), t.Amount); err != nil {
			return nil, fmt.Errorf("tax %q: %w", t.ID, err)
		}
	}
	if err := add(RowTotal, "", exactText(inv.ExactTotal), inv.Total); err != nil {
		return nil, fmt.Errorf("total: %w", err)
	}
	for _, t := range inv.Taxes {
		if t.Inclusive {
			row(RowTaxIncluded, t.Text(), exactText(t.Amount), "")
		}
	}
	if money.Sign(inv.Credits) != 0 {
		row(RowCreditsIncluded, "", exactText(inv.Credits), "")
	}
	return rows, nil
}

// exactText prints all 10 decimals, which no cost has more of.
func exactText(c money.Cost) string {
	s, err := c.Fixed(money.CostScale)
	if err != nil {
		panic("invoice: " + err.Error())
	}
	return s
}

// formulaStarts are the first characters with which spreadsheets take a text
// for a formula, or skip to find one; the last four are full-width forms.
const formulaStarts = "=+-@\t\r\n\x00＝＋－＠"

// harmless returns a text that no spreadsheet runs.
func harmless(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if s != "" && strings.ContainsRune(formulaStarts, first) {
		return "'" + s
	}
	return s
}

// writeRow keeps line breaks within a field as they are, which the standard
// library's writer does not.
func writeRow(b *strings.Builder, fields []string) {
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.ContainsAny(f, ",\"\r\n") {
			f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
		b.WriteString(f)
	}
	b.WriteString("\r\n")
}
