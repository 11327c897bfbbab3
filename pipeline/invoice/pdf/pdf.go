package pdf

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Write draws an invoice on A4 pages and writes the PDF. It is an error if a
// text has a character that cannot be drawn, if an amount is not in minor
// units of the currency, or if there is no invoice date; nothing is written
// then.
func Write(w io.Writer, inv bill.Invoice) error {
	doc, err := draw(inv)
	if err != nil {
		return fmt.Errorf("draw invoice %s: %w", short(inv.Number), err)
	}
	if _, err := w.Write(doc); err != nil {
		return fmt.Errorf("write invoice %s as pdf: %w", short(inv.Number), err)
	}
	return nil
}

func draw(inv bill.Invoice) ([]byte, error) {
	if inv.InvoiceDate.IsZero() {
		// The library would put the time of day into the file.
		return nil, fmt.Errorf("no invoice date; set it before drawing")
	}
	if _, err := money.ParseCurrency(string(inv.Currency)); err != nil {
		return nil, fmt.Errorf("currency: %w", err)
	}
	doc := newDocument(inv)
	s := &sheet{setter: newSetter(doc)}
	s.newPage()
	s.head(inv)
	s.payer(inv)
	s.amountDue(inv)
	s.services(inv)
	s.included(inv)
	s.accounts(inv)
	s.footers(inv)
	if s.err != nil {
		return nil, s.err
	}
	var b bytes.Buffer
	if err := doc.Output(&b); err != nil {
		return nil, fmt.Errorf("pdf library: %v", err)
	}
	return b.Bytes(), nil
}

// newDocument returns an empty document whose settings make its bytes depend
// on the invoice alone.
func newDocument(inv bill.Invoice) *fpdf.Fpdf {
	doc := fpdf.New("P", "mm", "A4", "")
	doc.SetCatalogSort(true)
	doc.SetCreationDate(inv.InvoiceDate.In(time.UTC))
	doc.SetModificationDate(inv.InvoiceDate.In(time.UTC))
	doc.SetProducer("monthend", true)
	doc.SetTitle("Invoice "+visible(inv.Number), true)
	doc.SetAuthor(visible(inv.Issuer.Name), true)
	doc.SetLang("en")
	doc.SetAutoPageBreak(false, 0)
	return doc
}

// amount prints a cost in minor units with thousands separated.
func (s *sheet) amount(what string, c money.Cost, places int) string {
	text, err := c.Fixed(places)
	if err != nil {
		s.fail(fmt.Errorf("%s: %w", what, err))
	}
	return separated(text)
}

// separated puts commas between the thousands of a decimal text.
func separated(text string) string {
	start, end := 0, 0
	if start < len(text) && text[start] == '-' {
		start++
	}
	for end = start; end < len(text) && text[end] != '.'; end++ {
	}
	var b bytes.Buffer
	b.WriteString(text[:start])
	for i := start; i < end; i++ {
		if i > start && (end-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(text[i])
	}
	b.WriteString(text[end:])
	return b.String()
}
