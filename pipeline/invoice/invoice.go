package invoice

import (
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Kind is the kind of every document this package makes.
const Kind = "invoice"

// roundingMode is how amounts reach the minor unit.
const roundingMode = money.HalfAwayFromZero

// MaxDigits is the widest zero padding of a number: the digits of an int64.
const MaxDigits = 19

// MayRepeat tells whether two different prefixes may lead to one number text: one
// is the other and digits.
func MayRepeat(a, b string) bool {
	if a == b {
		return false
	}
	trim := func(s string) string { return strings.TrimRight(s, "0123456789") }
	return trim(a) == trim(b) && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// Number returns prefix and n, zero-padded to digits. A number with more
// digits is printed whole. It panics if n is below 1, since a series starts
// there, or if digits is not 0 to MaxDigits.
func Number(prefix string, digits int, n int64) string {
	if n < 1 || digits < 0 || digits > MaxDigits {
		panic(fmt.Sprintf("invoice: number %d in %d digits", n, digits))
	}
	return fmt.Sprintf("%s%0*d", prefix, digits, n)
}

// Due tells whether a bill takes an invoice number: whether its total, rounded
// to the minor unit, is other than zero. A bill it cannot judge counts as due,
// so that New names the fault.
func Due(b bill.Bill) bool {
	total, err := toMinor(b.Total, b.Currency)
	return err != nil || money.Sign(total) != 0
}

// New makes the invoice of a bill. The due date is invoiceDate, a day in the
// issuer's zone, plus the issuer's payment terms. It is an error if the sums
// of the bill do not agree with each other, if the bill is not Due, or if its
// total is negative, which needs a credit note.
func New(b bill.Bill, number string, invoiceDate schema.Date) (bill.Invoice, error) {
	if err := checkBill(b); err != nil {
		return bill.Invoice{}, fmt.Errorf("bill of payer %s for %s: %w", b.Payer.AccountID, b.Period.Name, err)
	}
	inv := bill.Invoice{
		Number:      number,
		Kind:        Kind,
		Issuer:      b.Issuer,
		Payer:       b.Payer,
		Period:      b.Period,
		InvoiceDate: invoiceDate,
		DueDate:     dueDate(invoiceDate, b.Issuer),
		Currency:    b.Currency,
		Accounts:    b.Accounts,
		ExactTotal:  b.Total,
		TaxTotal:    b.TaxTotal,
		Taxes:       b.Taxes,
		Credits:     b.CreditTotal,
	}
	inv.Payer.Accounts = nil // the invoice names accounts with their sums
	if err := addAmounts(&inv, b.Services); err != nil {
		return bill.Invoice{}, fmt.Errorf("invoice %s: %w", number, err)
	}
	if err := Check(inv); err != nil {
		return bill.Invoice{}, err
	}
	return inv, nil
}

// addAmounts sets the printed lines, the total and the rounding between them,
// which is what the lines and the taxes leave of the total.
func addAmounts(inv *bill.Invoice, services []bill.Subtotal) error {
	var err error
	inv.Lines = make([]bill.InvoiceLine, len(services))
	for i, s := range services {
		line := bill.InvoiceLine{Service: s.Key, Exact: s.Cost}
		if line.Amount, err = toMinor(s.Cost, inv.Currency); err != nil {
			return fmt.Errorf("service %q: %w", schema.Shorten(s.Key), err)
		}
		inv.Lines[i] = line
	}
	if inv.Total, err = toMinor(inv.ExactTotal, inv.Currency); err != nil {
		return fmt.Errorf("total: %w", err)
	}
	printed, err := sumAmounts(inv.Lines)
	if err == nil {
		printed, err = money.Add(printed, inv.TaxTotal)
	}
	if err != nil {
		return err
	}
	inv.Rounding, err = money.Sub(inv.Total, printed)
	return err
}

// toMinor rounds an exact cost to the minor unit of its currency.
func toMinor(c money.Cost, currency money.Currency) (money.Cost, error) {
	if _, err := money.ParseCurrency(string(currency)); err != nil {
		return money.Cost{}, fmt.Errorf("currency: %w", err)
	}
	return c.Round(currency.MinorUnits(), roundingMode)
}

func sumAmounts(lines []bill.InvoiceLine) (money.Cost, error) {
	costs := make([]money.Cost, len(lines))
	for i, l := range lines {
		costs[i] = l.Amount
	}
	return sum(costs)
}

func sum(costs []money.Cost) (money.Cost, error) {
	var total money.Cost
	err := money.Sum(&total, costs)
	return total, err
}

func dueDate(invoiceDate schema.Date, issuer schema.Issuer) schema.Date {
	return invoiceDate.AddDays(issuer.PaymentTermsDays)
}
