package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// mostRecords is how many records of a line are printed unless all are asked for.
const mostRecords = 20

func (p *program) printExplanation(e *pipeline.Explanation, all bool) {
	p.result("%s of issuer %s, payer %s, %s: run %s", e.Period, e.Issuer, e.Payer, e.State, e.Run)
	switch {
	case e.Invoice != nil:
		p.printInvoiceWay(e)
	case e.Line != nil:
		p.printLineWay(e.Line, e.Currency, all)
	default:
		p.printHours(e)
	}
}

func hourOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// printHours lists the hours of a line, to choose from.
func (p *program) printHours(e *pipeline.Explanation) {
	p.result("the line stands in %s; name one with --at to see its records and arithmetic", several(len(e.Hours), "hour"))
	var rows [][]string
	for _, h := range e.Hours {
		rows = append(rows, []string{hourOf(h.Hour), h.Payer, h.Amount.String(), h.Unblended.String(), h.Net.String()})
	}
	p.table("AT PAYER USAGE UNBLENDED NET", rows)
}

func (p *program) printLineWay(l *pipeline.LineExplained, currency money.Currency, all bool) {
	p.result("")
	p.result("The charge, %s, hour %s", l.Type, hourOf(l.Hour))
	rows := [][]string{{"account", strings.TrimSpace(l.Account + " " + l.AccountName)}, {"service", l.Service}, {"usage type", l.UsageType},
		{"operation", l.Operation}, {"region", l.Region}, {"zone", l.Zone}, {"resource", l.Resource}, {"unit", l.Unit}, {"reason", l.Reason}}
	for _, key := range slices.Sorted(maps.Keys(l.Tags)) {
		rows = append(rows, []string{"tag " + key, l.Tags[key]})
	}
	p.facts(rows)
	if l.Usage != nil {
		p.printRecords(l.Usage, l.Unit, all)
	}
	for i := range l.Portions {
		p.printPortion(l, i, currency)
	}
	if l.Offer != nil {
		p.printOffer(l.Offer)
	}
	p.result("")
	p.result("Steps of docs/rating.md: %s", strings.Join(l.Steps, ", "))
}

// facts prints names and values, those that are blank left out.
func (p *program) facts(rows [][]string) {
	for _, r := range rows {
		if r[1] != "" {
			p.result("  %-14s %s", r[0], r[1])
		}
	}
}

func (p *program) printRecords(u *pipeline.Usage, unit string, all bool) {
	p.result("")
	p.result("Usage records of %s: %s", u.Period, several(len(u.Records), "record"))
	var rows [][]string
	for i, r := range u.Records {
		if i == mostRecords && !all {
			break
		}
		cost := ""
		if r.Cost != nil {
			cost = r.Cost.String()
		}
		rows = append(rows, []string{r.ID, r.Source, fmt.Sprintf("%s:%d", r.File, r.Line), hourOf(r.Start), r.Amount.String(), cost, r.State})
	}
	p.table("RECORD SOURCE FILE:LINE START USAGE COST STATE", rows)
	if n := len(u.Records) - len(rows); n > 0 {
		p.result("  ... and %s more; --all lists them", count(int64(n)))
	}
	if u.Agrees {
		p.result("  sum %s %s = the portions of the line", u.Amount, unit)
		return
	}
	p.result("  sum %s %s, and the portions of the line come to %s: they must agree; run `monthend verify`", u.Amount, unit, u.Portions)
}

func (p *program) printPortion(l *pipeline.LineExplained, i int, currency money.Currency) {
	c := &l.Portions[i]
	mark := ""
	if c.ID == l.ID && len(l.Portions) > 1 {
		mark = "  <- the line asked for"
	}
	p.result("")
	if l.Offer != nil {
		p.result("Made by no usage; amount %s", strings.TrimSpace(c.Amount.String()+" "+c.Unit))
	} else {
		p.result("Portion %d of %d, %s: %s %s%s", i+1, len(l.Portions), c.Kind, c.Amount, c.Unit, mark)
	}
	price, tier := "", ""
	if c.SKU != "" {
		price = strings.TrimSpace(fmt.Sprintf("SKU %s, rate code %s, in force from %s", c.SKU, c.RateCode, hourOf(*c.Effective)))
	}
	if c.TierEnd != "" {
		tier = fmt.Sprintf("from %s to %s units of the month", c.TierBegin, c.TierEnd)
	}
	p.facts([][]string{{"line item id", c.ID}, {"description", c.Description}, {"price", price}, {"tier", tier}, {"free tier pool", c.Pool},
		{"commitment", c.Commitment}, {"model", c.Model}})
	for _, s := range c.Sums {
		p.printSum(s)
	}
	for _, d := range c.Discounts {
		by := "share " + d.Factor
		if d.PerUnit != "" {
			by = d.PerUnit + " per unit"
		}
		p.result("  discount %s (%s), %s: - %s, left %s", d.ID, d.Type, by, d.Off, d.Left)
	}
	p.result("  unblended %s, list %s, blended %s, net %s, effective %s %s", c.Unblended, c.List, c.Blended, c.Net, c.Effect, currency)
}

func (p *program) printSum(s pipeline.Sum) {
	text := s.Formula
	if s.Exact != "" && s.Exact != s.Rounded.String() {
		text += fmt.Sprintf(" = %s, to %d decimals", s.Exact, s.Places)
	}
	text = fmt.Sprintf("  %-14s %s = %s", s.Figure, text, s.Rounded)
	switch {
	case s.Note != "":
		text += fmt.Sprintf("; charged %s: %s", s.Charged, s.Note)
	case !s.Agrees:
		text += fmt.Sprintf("; charged %s: they must agree; run `monthend verify`", s.Charged)
	}
	p.result("%s", text)
}

func (p *program) printOffer(o *pipeline.OfferRow) {
	p.result("")
	if o.Kind == "" {
		p.result("No offer that the run was made with has the id %s", o.ID)
	} else {
		p.result("The offer, %s %s: %s", o.Kind, o.ID, o.Description)
	}
	for _, list := range [][]pipeline.Figure{o.Terms, o.Figures} {
		for _, f := range list {
			p.result("  %-38s %s", f.Name, f.Value)
		}
	}
	for _, s := range o.Lines {
		p.result("  %s: %s in %s", s.What, s.Total, several(int(s.Charges), "charge"))
	}
	for _, s := range o.Sums {
		p.printSum(s)
	}
}

func (p *program) printInvoiceWay(e *pipeline.Explanation) {
	x := e.Invoice
	p.result("")
	p.result("Invoice %s of %s: made from the payer's bill, which sums %s charges", x.Number, x.Date, count(x.Charges))
	var rows [][]string
	for _, s := range x.Services {
		rows = append(rows, []string{s.Service, s.Exact.String(), minor(s.Amount, e.Currency)})
	}
	rows = append(rows, []string{"rounding", "", minor(x.Rounding, e.Currency)})
	for _, t := range x.Taxes {
		if !t.Inclusive {
			rows = append(rows, []string{"tax " + t.ID, t.Amount.String(), minor(t.Amount, e.Currency)})
		}
	}
	rows = append(rows, []string{"total", x.ExactTotal.String(), minor(x.Total, e.Currency)})
	p.table("SERVICE EXACT PRINTED", rows)
	for _, t := range x.Taxes {
		how := "on"
		if t.Inclusive {
			how = "included in"
		}
		p.result("  tax %s (%s) %s: factor %s %s %s = %s", t.ID, t.Type, t.Description, t.Factor, how, t.Base, minor(t.Amount, e.Currency))
	}
	for _, b := range x.Balances {
		p.printBalance(b)
	}
	for _, s := range x.Services {
		p.printService(s, e.Period)
	}
	if len(x.TaxLines) > 0 {
		p.result("")
		p.result("Taxes, in %s", several(len(x.TaxLines), "line"))
		p.printBillLines(x.TaxLines, e.Period)
	}
}

func (p *program) printBalance(b bill.Balance) {
	p.result("  %s %s: opening %s + granted %s - expired %s - applied %s = closing %s", b.Kind, b.ID, b.Opening, b.Granted, b.Expired, b.Applied, b.Closing)
}

func (p *program) printService(s pipeline.ServiceExplained, period string) {
	p.result("")
	p.result("%s: %s in %s", s.Service, s.Exact, several(len(s.Lines), "line"))
	p.printBillLines(s.Lines, period)
}

func (p *program) printBillLines(lines []pipeline.BillLineExplained, period string) {
	for _, l := range lines {
		what := strings.TrimSpace(l.UsageType + " " + l.Operation)
		p.result("  account %s, %s, %s: %s; %s %s, cost %s", l.Account, l.Type, what, l.Description, l.Usage, l.Unit, l.Cost)
		for _, c := range l.Largest {
			p.result("    %s  monthend explain %s --period %s --at %s", c.Cost, c.ID, period, hourOf(c.Hour))
		}
		if n := l.Charges - int64(len(l.Largest)); n > 0 {
			p.result("    ... and %s smaller charges; --all lists them", count(n))
		}
	}
}
