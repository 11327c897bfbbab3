package pdf

import (
	"fmt"
	"slices"

	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// The page: A4, in millimetres from its upper left corner.
const (
	left, right = 20.0, 190.0
	top, bottom = 22.0, 274.0 // between them the baselines of the text
	footerLine  = 285.0
	middle      = 112.0 // the parties end before it, the facts start at it
	mmPerPoint  = 25.4 / 72
)

// The fonts, by what they are used for.
var (
	plain    = font{size: 9}
	strong   = font{size: 9, bold: true}
	small    = font{size: 8}
	name     = font{size: 11, bold: true}
	section  = font{size: 10.5, bold: true}
	headline = font{size: 22, bold: true}
	sum      = font{size: 14, bold: true}
)

// ink is a grey or a colour.
type ink [3]int

var (
	black  = ink{25, 25, 25}
	grey   = ink{105, 105, 105}
	accent = ink{28, 62, 102}
	hair   = ink{215, 215, 215}
	shade  = ink{241, 244, 248}
)

// sheet is the page being filled, downwards from y.
type sheet struct {
	*setter
	y float64 // the next baseline
}

func (s *sheet) newPage() {
	s.pdf.AddPage()
	s.y = top
}

func (s *sheet) ink(i ink) { s.pdf.SetTextColor(i[0], i[1], i[2]) }

// rule draws a line across the page, somewhat below baseline y.
func (s *sheet) rule(y float64, i ink, width float64) {
	s.pdf.SetDrawColor(i[0], i[1], i[2])
	s.pdf.SetLineWidth(width)
	s.pdf.Line(left, y, right, y)
}

// head draws the issuer at the left and the facts of the invoice at the right.
func (s *sheet) head(inv bill.Invoice) {
	s.ink(accent)
	s.drawRight(right, s.y+3, "Invoice", headline)
	s.y += 13
	issuer := inv.Issuer
	s.fact("Invoice number", inv.Number)
	s.fact("Invoice date", inv.InvoiceDate.String())
	s.fact("Due date", inv.DueDate.String())
	s.fact("Billing period", inv.Period.Name)
	s.fact("Time zone", issuer.TimeZone)
	s.fact("Currency", string(inv.Currency))

	ended, page := s.y, s.pdf.PageNo()
	if page == 1 {
		s.y = top
	}
	s.party(issuer.Name, append(slices.Clone(issuer.Address), taxLine(issuer.TaxID)...))
	if s.pdf.PageNo() == page {
		s.y = max(s.y, ended)
	}
	s.y += 6
}

func taxLine(id string) []string {
	if id == "" {
		return nil
	}
	return []string{"Tax ID " + id}
}

// party draws a name and the lines under it, at the left.
func (s *sheet) party(title string, lines []string) {
	s.ink(black)
	for _, l := range s.wrap(visible(title), name, middle-left-8) {
		s.line(left, l, name, 5)
	}
	for _, text := range lines {
		for _, l := range s.wrap(visible(text), plain, middle-left-8) {
			s.line(left, l, plain, 4.4)
		}
	}
}

// line draws one line of a party and goes down.
func (s *sheet) line(x float64, text string, f font, step float64) {
	s.room(step)
	s.draw(x, s.y, text, f)
	s.y += step
}

// room starts a page unless height is left on this one.
func (s *sheet) room(height float64) bool {
	if s.y+height <= bottom || s.y == top {
		return false
	}
	s.newPage()
	return true
}

// fact draws a label and its value, in the right half.
func (s *sheet) fact(label, value string) {
	const labelWidth = 28
	s.ink(grey)
	s.draw(middle, s.y, label, plain)
	s.ink(black)
	lines := s.wrap(visible(value), plain, right-middle-labelWidth)
	for _, l := range lines {
		s.room(4.8)
		s.drawRight(right, s.y, l, plain)
		s.y += 4.8
	}
	if len(lines) == 0 {
		s.y += 4.8
	}
}

// payer draws whom the invoice is for.
func (s *sheet) payer(inv bill.Invoice) {
	s.room(20)
	s.ink(grey)
	s.line(left, "Bill to", small, 5)
	p := inv.Payer
	lines := append(slices.Clone(p.Address), taxLine(p.TaxID)...)
	s.party(p.Name, append(lines, "Account "+p.AccountID))
	s.y += 5
}

// amountDue draws the band with the total.
func (s *sheet) amountDue(inv bill.Invoice) {
	const height = 14
	s.room(height + 6)
	s.pdf.SetFillColor(shade[0], shade[1], shade[2])
	s.pdf.Rect(left, s.y-4, right-left, height, "F")
	s.ink(black)
	s.draw(left+4, s.y+4.3, "Amount due by "+inv.DueDate.String(), strong)
	total := string(inv.Currency) + " " + s.amount("total", inv.Total, inv.Currency.MinorUnits())
	s.ink(accent)
	s.drawRight(right-4, s.y+5, total, sum)
	s.y += height + 8
}

// services draws the printed lines, the rounding, the taxes and the total.
func (s *sheet) services(inv bill.Invoice) {
	places := inv.Currency.MinorUnits()
	t := grid{
		title: "Charges by service",
		heads: []string{"Service", "Amount in " + string(inv.Currency)},
	}
	for _, l := range inv.Lines {
		t.rows = append(t.rows, []string{l.Service, s.amount(l.Service, l.Amount, places)})
	}
	t.rows = append(t.rows, []string{"Rounding", s.amount("rounding", inv.Rounding, places)})
	for _, tax := range inv.Taxes {
		if !tax.Inclusive {
			t.rows = append(t.rows, []string{tax.Text(), s.amount(tax.ID, tax.Amount, places)})
		}
	}
	t.total = []string{"Total", s.amount("total", inv.Total, places)}
	s.table(t)
}

// included draws what the charges hold already: inclusive taxes and credits.
func (s *sheet) included(inv bill.Invoice) {
	t := grid{
		title: "Included in the charges",
		heads: []string{"For information", "Amount in " + string(inv.Currency)},
	}
	for _, tax := range inv.Taxes {
		if tax.Inclusive {
			t.rows = append(t.rows, []string{tax.Text(), s.amount(tax.ID, tax.Amount, inv.Currency.MinorUnits())})
		}
	}
	if money.Sign(inv.Credits) != 0 {
		t.rows = append(t.rows, []string{"Credits, before rounding", s.amount("credits", inv.Credits, money.CostScale)})
	}
	if len(t.rows) == 0 {
		return
	}
	s.y += 8
	s.table(t)
}

// accounts draws the summary by account: exact costs, for information.
func (s *sheet) accounts(inv bill.Invoice) {
	if len(inv.Accounts) == 0 {
		return
	}
	t := grid{
		title: "Summary by account, before rounding",
		heads: []string{"Account", "Name", "Exact cost in " + string(inv.Currency)},
	}
	for _, a := range inv.Accounts {
		t.rows = append(t.rows, []string{a.Key, a.Name, s.amount(a.Key, a.Cost, money.CostScale)})
	}
	t.total = []string{"Exact total", "", s.amount("exact total", inv.ExactTotal, money.CostScale)}
	s.y += 8
	s.table(t)
}

// footers goes back over all pages, now that their number is known.
func (s *sheet) footers(inv bill.Invoice) {
	pages := s.pdf.PageCount()
	number := visible(inv.Number)
	for p := 1; p <= pages; p++ {
		s.pdf.SetPage(p)
		s.rule(footerLine-4.5, hair, 0.2)
		s.ink(grey)
		if lines := s.wrap(number, small, 120); len(lines) > 0 {
			s.draw(left, footerLine, lines[0], small)
		}
		s.drawRight(right, footerLine, fmt.Sprintf("page %d of %d", p, pages), small)
	}
}
