package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// billColumns is the header of the monthly bill.
var billColumns = []string{"InvoiceID", "PayerAccountId", "LinkedAccountId", "RecordType", "RecordID",
	"BillingPeriodStartDate", "BillingPeriodEndDate", "InvoiceDate", "PayerAccountName", "LinkedAccountName",
	"TaxationAddress", "PayerPONumber", "ProductCode", "ProductName", "SellerOfRecord", "UsageType", "Operation",
	"RateId", "ItemDescription", "UsageStartDate", "UsageEndDate", "UsageQuantity", "BlendedRate", "CurrencyCode",
	"CostBeforeTax", "Credits", "TaxAmount", "TaxType", "TotalCost"}

// billPlaces is how many decimals the costs of the monthly bill have.
const billPlaces = 6

const billTime = "2006/01/02 15:04:05"

// Statement is a monthly bill as people download it.
type Statement struct {
	Bill        bill.Bill
	Account     string      // a member, for its own part; blank for the payer's whole bill
	InvoiceID   string      // blank while the bill is estimated
	InvoiceDate schema.Date // zero while the bill is estimated
	Through     time.Time   // usage up to this instant is in an estimated bill; zero when not known
}

// WriteBillCSV writes a monthly bill: one record per line of the bill, then the
// rounding difference and the totals. Every field is quoted; a text that a
// spreadsheet would take for a formula gets an apostrophe in front. The payer's
// total is in minor units like the invoice's, and the lines with the Rounding
// record add up to it, in every column: cost before tax, credits, tax and total.
// A credit stands in Credits and a tax in TaxAmount, and neither in CostBeforeTax.
func WriteBillCSV(w io.Writer, s Statement) error {
	b := &billWriter{out: bufio.NewWriter(w), Statement: s}
	b.record(headerFields())
	sum := newTally()
	for _, l := range s.Bill.Lines {
		if s.Account != "" && l.Account != s.Account {
			continue
		}
		p, err := partsOf(l)
		if err == nil {
			err = sum.add(l.Account, p)
		}
		if err != nil {
			return fmt.Errorf("bill of %s: %s %s: %w", s.Bill.Payer.AccountID, l.Service, l.UsageType, err)
		}
		b.line(l, p)
	}
	if err := b.totals(sum); err != nil {
		return fmt.Errorf("bill of %s: %w", s.Bill.Payer.AccountID, err)
	}
	if b.err != nil {
		return b.err
	}
	if err := b.out.Flush(); err != nil {
		return fmt.Errorf("write bill: %v", err)
	}
	return nil
}

// billWriter writes records; the first error stays.
type billWriter struct {
	out *bufio.Writer
	Statement
	shared fields // of every record
	err    error
}

// field is a cell. A number is written as it is, a text is made safe.
type field struct {
	text   string
	number bool
}

// fields is a record, by column name; what is not set is blank.
type fields map[string]field

func (f fields) text(name, value string)   { f[name] = field{text: value} }
func (f fields) number(name, value string) { f[name] = field{value, true} }

func headerFields() fields {
	f := fields{}
	for _, name := range billColumns {
		f.text(name, name)
	}
	return f
}

func (b *billWriter) record(f fields) {
	for i, name := range billColumns {
		if i > 0 {
			b.out.WriteByte(',')
		}
		v := f[name].text
		if !f[name].number {
			v = safe(v)
		}
		b.out.WriteByte('"')
		b.out.WriteString(strings.ReplaceAll(v, `"`, `""`))
		b.out.WriteByte('"')
	}
	// The writer keeps its error until Flush.
	b.out.WriteString("\r\n")
}

// safe makes a text harmless to a spreadsheet, and keeps it on one line.
func safe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		s = "'" + s
	}
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
}

// common are the fields of every record.
func (b *billWriter) common(recordType string) fields {
	if b.shared == nil {
		b.shared = b.sharedFields()
	}
	f := maps.Clone(b.shared)
	f.text("RecordType", recordType)
	return f
}

func (b *billWriter) sharedFields() fields {
	f := fields{}
	f.text("InvoiceID", b.invoice())
	f.text("PayerAccountId", b.Bill.Payer.AccountID)
	f.text("PayerAccountName", b.Bill.Payer.Name)
	f.text("BillingPeriodStartDate", b.Bill.Period.Start.UTC().Format(billTime))
	f.text("BillingPeriodEndDate", b.lastSecond())
	f.text("TaxationAddress", strings.Join(b.Bill.Payer.Address, ", "))
	f.text("SellerOfRecord", b.Bill.Issuer.Name)
	f.text("CurrencyCode", string(b.Bill.Currency))
	if !b.InvoiceDate.IsZero() {
		f.text("InvoiceDate", strings.ReplaceAll(b.InvoiceDate.String(), "-", "/")+" 00:00:00")
	}
	return f
}

// lastSecond is the end of the period, which is inclusive in this format.
func (b *billWriter) lastSecond() string {
	return b.Bill.Period.End.UTC().Add(-time.Second).Format(billTime)
}

func (b *billWriter) invoice() string {
	if b.InvoiceID == "" {
		return "Estimated"
	}
	return b.InvoiceID
}

// money sets the amount fields.
func (b *billWriter) money(f fields, p parts) {
	credits := b.fixed(p.credits)
	if money.Sign(p.credits) == 0 {
		credits = "0.0"
	}
	f.number("CostBeforeTax", b.fixed(p.cost))
	f.number("Credits", credits)
	f.number("TaxAmount", b.fixed(p.tax))
	f.text("TaxType", p.taxText())
	f.number("TotalCost", b.fixed(p.total))
}

func (b *billWriter) fixed(c money.Cost) string {
	text, err := c.Fixed(billPlaces)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("bill of %s: %w", b.Bill.Payer.AccountID, err)
	}
	return text
}

func (b *billWriter) line(l bill.Line, p parts) {
	kind := "PayerLineItem"
	if l.Account != b.Bill.Payer.AccountID {
		kind = "LinkedLineItem"
	}
	f := b.common(kind)
	if kind == "LinkedLineItem" {
		f.text("LinkedAccountId", l.Account)
		f.text("LinkedAccountName", l.AccountName)
	}
	f.number("RecordID", recordID(b.Bill, l))
	f.text("ProductCode", l.Service)
	f.text("ProductName", serviceName(b.Bill, l.Service))
	f.text("UsageType", l.UsageType)
	f.text("Operation", l.Operation)
	f.number("RateId", column.RateID(l.RateCode))
	f.text("ItemDescription", description(l))
	f.text("UsageStartDate", b.Bill.Period.Start.UTC().Format(billTime))
	f.text("UsageEndDate", b.lastSecond())
	f.number("UsageQuantity", l.Usage.String())
	f.number("BlendedRate", l.BlendedRate)
	b.money(f, p)
	b.record(f)
}

func description(l bill.Line) string {
	if l.Reason == "" {
		return l.Description
	}
	return l.Description + " (" + l.Reason + ")"
}

func serviceName(b bill.Bill, service string) string {
	for _, s := range b.Services {
		if s.Key == service && s.Name != "" {
			return s.Name
		}
	}
	return service
}

// recordID is a number that stands for a line of the bill, the same in every
// version of it: 60 bits of a hash of what the line is about.
func recordID(b bill.Bill, l bill.Line) string {
	key := strings.Join([]string{b.Payer.AccountID, b.Period.Name, l.Account, l.Service, l.UsageType,
		l.Operation, l.Region, l.RateCode, l.Type, l.Description, l.Unit, l.Rate, l.Reason}, "\x00")
	sum := sha256.Sum256([]byte(key))
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])>>4, 10)
}

// totals writes the records after the lines.
func (b *billWriter) totals(sum *tally) error {
	total, err := b.total()
	if err != nil {
		return err
	}
	difference, err := money.Sub(total, sum.all.total)
	if err != nil {
		return err
	}
	if money.Sign(difference) != 0 {
		b.totalRecord("Rounding", "Rounding", "Difference between the total and the sum of the lines above",
			parts{cost: difference, total: difference})
	}
	whole, err := sum.all.of(total)
	if err != nil {
		return err
	}
	if b.Account == "" {
		b.totalRecord("InvoiceTotal", "InvoiceTotal:"+b.invoice(), "Total amount for invoice", whole)
	}
	for _, a := range b.Bill.Accounts {
		if b.Account != "" && a.Key != b.Account {
			continue
		}
		cost, err := a.Cost.Round(billPlaces, money.HalfAwayFromZero)
		if err != nil {
			return err
		}
		p, err := sum.of(a.Key).of(cost)
		if err != nil {
			return err
		}
		b.accountTotal(a, p)
	}
	b.totalRecord("StatementTotal", "StatementTotal", "Total statement amount for period "+
		b.Bill.Period.Start.UTC().Format(billTime)+" - "+b.lastSecond(), whole)
	if b.InvoiceID == "" {
		b.disclaimer()
	}
	return nil
}

// total is what the statement comes to: minor units for the payer, who gets the
// invoice, else the exact sum of the account to the decimals of the format.
func (b *billWriter) total() (money.Cost, error) {
	if b.Account == "" {
		return b.Bill.Total.Round(b.Bill.Currency.MinorUnits(), money.HalfAwayFromZero)
	}
	for _, a := range b.Bill.Accounts {
		if a.Key == b.Account {
			return a.Cost.Round(billPlaces, money.HalfAwayFromZero)
		}
	}
	return money.Cost{}, nil
}

func (b *billWriter) totalRecord(kind, id, description string, p parts) {
	f := b.common(kind)
	f.text("RecordID", id)
	f.text("ItemDescription", description)
	b.money(f, p)
	b.record(f)
}

func (b *billWriter) accountTotal(a bill.Subtotal, p parts) {
	f := b.common("AccountTotal")
	f.text("InvoiceID", "")
	f.text("LinkedAccountId", a.Key)
	f.text("LinkedAccountName", a.Name)
	f.text("RecordID", "AccountTotal:"+a.Key)
	f.text("ItemDescription", "Total for account "+a.Key+" ("+a.Name+")")
	b.money(f, p)
	b.record(f)
}

func (b *billWriter) disclaimer() {
	f := b.common("EstimatedDisclaimer")
	text := "This bill is an estimate and will change until the invoice is issued."
	if !b.Through.IsZero() {
		text = "This bill is an estimate. It holds usage up to about " + b.Through.UTC().Format(billTime) + " UTC and will change until the invoice is issued."
	}
	f.text("ItemDescription", text)
	b.record(f)
}
