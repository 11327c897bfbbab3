package invoice

import (
	"fmt"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Check proves an invoice again from its own figures and returns the first
// thing that does not hold:
//
//   - each amount is its exact cost, rounded half away from zero;
//   - the exact costs of the services and the tax, and those of the accounts,
//     sum to the exact total; the total is the exact total, rounded once;
//   - taxes are in minor units and not negative, and those that are not
//     inclusive sum to the tax of the invoice;
//   - the printed lines plus the rounding plus the tax are the total;
//   - services, accounts and taxes stand sorted, each once;
//   - it has a number, parties that belong together, one currency, dates that
//     follow from the terms, and a total above zero.
func Check(inv bill.Invoice) error {
	for _, check := range []func(bill.Invoice) error{checkHead, checkLines, checkTaxes, checkTotals} {
		if err := check(inv); err != nil {
			return fmt.Errorf("invoice %q of payer %s for %s: %w",
				schema.Shorten(inv.Number), inv.Payer.AccountID, inv.Period.Name, err)
		}
	}
	return nil
}

func checkHead(inv bill.Invoice) error {
	switch {
	case inv.Number == "":
		return fmt.Errorf("no number; take one from the issuer's series")
	case inv.Kind != Kind:
		return fmt.Errorf("kind is %q, want %q", schema.Shorten(inv.Kind), Kind)
	case inv.InvoiceDate.IsZero():
		return fmt.Errorf("no invoice date; give the day of issue in the issuer's zone")
	case inv.Issuer.PaymentTermsDays < 0:
		return fmt.Errorf("payment terms of %d days; use 0 or more", inv.Issuer.PaymentTermsDays)
	case inv.DueDate != dueDate(inv.InvoiceDate, inv.Issuer):
		return fmt.Errorf("due date %s is not invoice date %s plus %d days",
			inv.DueDate, inv.InvoiceDate, inv.Issuer.PaymentTermsDays)
	}
	return checkParties(inv.Issuer, inv.Payer, inv.Period, inv.Currency)
}

// checkParties holds for a bill as for its invoice.
func checkParties(issuer schema.Issuer, payer schema.Payer, period schema.Period, currency money.Currency) error {
	if payer.Issuer != issuer.ID {
		return fmt.Errorf("payer belongs to issuer %q, the issuer here is %q", payer.Issuer, issuer.ID)
	}
	if currency != issuer.Currency {
		return fmt.Errorf("currency is %q, issuer %s bills in %q", currency, issuer.ID, issuer.Currency)
	}
	if _, err := money.ParseCurrency(string(currency)); err != nil {
		return fmt.Errorf("currency: %w", err)
	}
	if period.Name == "" || !period.Start.Before(period.End) {
		return fmt.Errorf("period %q does not end after it starts", schema.Shorten(period.Name))
	}
	return nil
}

func checkLines(inv bill.Invoice) error {
	for i, l := range inv.Lines {
		if i > 0 && inv.Lines[i-1].Service >= l.Service {
			return fmt.Errorf("service %q stands twice or out of order", schema.Shorten(l.Service))
		}
		want, err := toMinor(l.Exact, inv.Currency)
		if err != nil {
			return fmt.Errorf("service %q: %w", schema.Shorten(l.Service), err)
		}
		if l.Amount != want {
			return fmt.Errorf("service %q prints %s, its exact cost %s rounds to %s",
				schema.Shorten(l.Service), l.Amount, l.Exact, want)
		}
	}
	return checkSorted("account", inv.Accounts)
}

func checkTaxes(inv bill.Invoice) error { return checkTaxSum(inv.Taxes, inv.TaxTotal, inv.Currency) }

// checkTaxSum holds for a bill as for its invoice.
func checkTaxSum(taxes []bill.Tax, want money.Cost, currency money.Currency) error {
	var added []money.Cost
	for i, t := range taxes {
		if i > 0 && taxes[i-1].ID >= t.ID {
			return fmt.Errorf("tax %q stands twice or out of order", schema.Shorten(t.ID))
		}
		minor, err := toMinor(t.Amount, currency)
		if err != nil {
			return fmt.Errorf("tax %q: %w", schema.Shorten(t.ID), err)
		}
		if minor != t.Amount || money.Sign(t.Amount) < 0 {
			return fmt.Errorf("tax %q is %s, want minor units of %s, not negative", schema.Shorten(t.ID), t.Amount, currency)
		}
		if !t.Inclusive {
			added = append(added, t.Amount)
		}
	}
	got, err := sum(added)
	if err != nil {
		return fmt.Errorf("sum of %d taxes: %w", len(added), err)
	}
	if got != want {
		return fmt.Errorf("taxes sum to %s, the tax lines to %s", got, want)
	}
	return nil
}

func checkTotals(inv bill.Invoice) error {
	exact := make([]money.Cost, len(inv.Lines), len(inv.Lines)+1)
	for i, l := range inv.Lines {
		exact[i] = l.Exact
	}
	exact = append(exact, inv.TaxTotal)
	if err := checkSum("exact costs of tax and services", exact, inv.ExactTotal); err != nil {
		return err
	}
	if err := checkSubtotals("accounts", inv.Accounts, inv.ExactTotal); err != nil {
		return err
	}
	total, err := toMinor(inv.ExactTotal, inv.Currency)
	if err != nil {
		return fmt.Errorf("total: %w", err)
	}
	if inv.Total != total {
		return fmt.Errorf("total is %s, the exact total %s rounds to %s", inv.Total, inv.ExactTotal, total)
	}
	if err := checkPrinted(inv); err != nil {
		return err
	}
	return checkPositive(inv.Total)
}

// checkPrinted proves that the figures a person sees add up.
func checkPrinted(inv bill.Invoice) error {
	printed, err := sumAmounts(inv.Lines)
	if err == nil {
		printed, err = sum([]money.Cost{printed, inv.Rounding, inv.TaxTotal})
	}
	if err != nil {
		return fmt.Errorf("sum of printed lines: %w", err)
	}
	if printed != inv.Total {
		return fmt.Errorf("printed lines and rounding and tax come to %s, the total is %s", printed, inv.Total)
	}
	return nil
}

func checkPositive(total money.Cost) error {
	switch money.Sign(total) {
	case -1:
		return fmt.Errorf("total %s is negative; it needs a credit note, not an invoice", total)
	case 0:
		return fmt.Errorf("total is zero; a bill of nothing gets no invoice")
	}
	return nil
}

func checkSorted(what string, list []bill.Subtotal) error {
	for i := 1; i < len(list); i++ {
		if list[i-1].Key >= list[i].Key {
			return fmt.Errorf("%s %q stands twice or out of order", what, schema.Shorten(list[i].Key))
		}
	}
	return nil
}

func checkSubtotals(what string, list []bill.Subtotal, want money.Cost) error {
	costs := make([]money.Cost, len(list))
	for i, s := range list {
		costs[i] = s.Cost
	}
	return checkSum(what, costs, want)
}

func checkSum(what string, costs []money.Cost, want money.Cost) error {
	got, err := sum(costs)
	if err != nil {
		return fmt.Errorf("sum of %d %s: %w", len(costs), what, err)
	}
	if got != want {
		return fmt.Errorf("%s sum to %s, the exact total is %s", what, got, want)
	}
	return nil
}

// checkBill proves that lines, services, accounts, taxes and total of a bill
// agree, group by group.
func checkBill(b bill.Bill) error {
	if err := checkParties(b.Issuer, b.Payer, b.Period, b.Currency); err != nil {
		return err
	}
	var all, taxes []money.Cost
	var charges []bill.Line
	for _, l := range b.Lines {
		all = append(all, l.Cost)
		if l.IsTax() {
			taxes = append(taxes, l.Cost)
		} else {
			charges = append(charges, l)
		}
	}
	if err := checkSum("lines", all, b.Total); err != nil {
		return err
	}
	lines, err := sum(taxes)
	if err == nil && lines != b.TaxTotal {
		err = fmt.Errorf("tax lines sum to %s, the tax of the bill is %s", lines, b.TaxTotal)
	}
	if err != nil {
		return err
	}
	if err := checkTaxSum(b.Taxes, b.TaxTotal, b.Currency); err != nil {
		return err
	}
	if err := checkGroups("service", b.Services, charges, func(l bill.Line) string { return l.Service }); err != nil {
		return err
	}
	return checkGroups("account", b.Accounts, b.Lines, func(l bill.Line) string { return l.Account })
}

// checkGroups proves that list holds the sum of the lines of every key, sorted
// and complete.
func checkGroups(what string, list []bill.Subtotal, lines []bill.Line, key func(bill.Line) string) error {
	if err := checkSorted(what, list); err != nil {
		return err
	}
	groups := map[string][]money.Cost{}
	for _, l := range lines {
		groups[key(l)] = append(groups[key(l)], l.Cost)
	}
	for _, s := range list {
		got, err := sum(groups[s.Key])
		if err != nil {
			return fmt.Errorf("%s %q: %w", what, schema.Shorten(s.Key), err)
		}
		if got != s.Cost {
			return fmt.Errorf("lines of %s %q sum to %s, its subtotal is %s", what, schema.Shorten(s.Key), got, s.Cost)
		}
		delete(groups, s.Key)
	}
	if len(groups) > 0 {
		return fmt.Errorf("lines name %d %s keys that have no subtotal", len(groups), what)
	}
	return nil
}
