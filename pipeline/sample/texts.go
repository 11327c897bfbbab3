package sample

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
)

// writeTexts writes every file but the usage.
func (w *world) writeTexts(create Create) error {
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{ConfigFile, w.writeConfig},
		{OrganizationFile, w.writeOrganization},
		{OffersFile, w.writeOffers},
		{PricesFile, func(out io.Writer) error { return writePrices(out, w.catalog.skus, "USD", w.period) }},
		{WonPricesFile, func(out io.Writer) error { return writePrices(out, w.catalog.skus, "KRW", w.period) }},
	}
	for _, f := range files {
		if f.name == WonPricesFile && !w.won() {
			continue
		}
		if err := writeFile(create, f.name, f.write); err != nil {
			return err
		}
	}
	return nil
}

// won tells whether a payer is billed in KRW.
func (w *world) won() bool { return len(w.org.Issuers) > 1 }

func writeFile(create Create, name string, write func(io.Writer) error) error {
	f, err := create(name)
	if err != nil {
		return fmt.Errorf("sample %s: %w", name, err)
	}
	out := bufio.NewWriter(f)
	if err := errors.Join(write(out), out.Flush(), f.Close()); err != nil {
		return fmt.Errorf("sample %s: %w", name, err)
	}
	return nil
}

func (w *world) writeConfig(out io.Writer) error {
	prices := PricesFile
	if w.won() {
		prices += ", " + WonPricesFile
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# A sample folder: every file here is invented, from seed %d.
store:
  folder: store

organization: %s
prices: [%s]
offers: %s

sources:
  - name: %s
    kind: events
    path: %s
    # %s/ holds records that come after the close: move its files into %s/
    # once %s is closed, and ingest again.

exports:
`, w.opt.Seed, OrganizationFile, prices, OffersFile, Source, UsageFolder, LateFolder, UsageFolder, w.period.Name)
	for _, e := range []struct{ name, table, format string }{
		{"cur2", "COST_AND_USAGE_REPORT", "parquet"},
		{"cur2csv", "COST_AND_USAGE_REPORT", "csv"},
	} {
		fmt.Fprintf(&b, "  - name: %s\n    table: %s\n    format: %s\n", e.name, e.table, e.format)
	}
	b.WriteString("\nclose:\n  wait: 0s # the sample's month is complete\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// writeOrganization renders the organization file. Texts are quoted as Go does,
// which is YAML too for printable characters.
func (w *world) writeOrganization(out io.Writer) error {
	b := bufio.NewWriter(out)
	b.WriteString("issuers:\n")
	for _, i := range w.org.Issuers {
		fmt.Fprintf(b, "  - id: %s\n    name: %q\n    address: %s\n    tax_id: %q\n    time_zone: %s\n    currency: %s\n",
			i.ID, i.Name, quoteList(i.Address), i.TaxID, i.TimeZone, i.Currency)
		fmt.Fprintf(b, "    invoice_prefix: %q\n    invoice_digits: %d\n    payment_terms_days: %d\n",
			i.InvoicePrefix, i.InvoiceDigits, i.PaymentTermsDays)
	}
	b.WriteString("\npayers:\n")
	for _, p := range w.org.Payers {
		fmt.Fprintf(b, "  - account_id: %q\n    name: %q\n    issuer: %s\n    address: %s\n    country: %s\n    email: %s\n    billing: %s\n    accounts:\n",
			p.AccountID, p.Name, p.Issuer, quoteList(p.Address), p.Country, p.Email, quoteList(p.Billing))
		for _, a := range p.Accounts {
			writeMember(b, a)
		}
	}
	return b.Flush()
}

func writeMember(b *bufio.Writer, a schema.Account) {
	fmt.Fprintf(b, "      - {id: %q, name: %q", a.ID, a.Name)
	if !a.From.IsZero() {
		fmt.Fprintf(b, ", from: %s", a.From.Format(time.RFC3339))
	}
	b.WriteString("}\n")
}

func quoteList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = fmt.Sprintf("%q", t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
