package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/invoice"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// InvoiceExplained is the way of an invoice: the bill that it was made from,
// and the charges that the bill sums.
type InvoiceExplained struct {
	Number     string              `json:"invoice_id"`
	Date       schema.Date         `json:"invoice_date"`
	Services   []ServiceExplained  `json:"services"`
	ExactTotal money.Cost          `json:"exact_total"`
	Rounding   money.Cost          `json:"rounding"`
	Total      money.Cost          `json:"total"` // in minor units
	Charges    int64               `json:"charges"`
	Taxes      []bill.Tax          `json:"taxes,omitempty"`
	TaxLines   []BillLineExplained `json:"tax_lines,omitempty"`
	Balances   []bill.Balance      `json:"balances,omitempty"`
}

// ServiceExplained is one line of an invoice and the bill lines that it sums.
type ServiceExplained struct {
	bill.InvoiceLine `json:",inline"`
	Lines            []BillLineExplained `json:"lines"`
}

// BillLineExplained is a line of a bill and the charges that it sums, those
// with the largest costs first.
type BillLineExplained struct {
	bill.Line `json:",inline"`
	Charges   int64       `json:"charges"`
	Largest   []ChargeRef `json:"largest"`
}

// ChargeRef names a charge as Question does.
type ChargeRef struct {
	ID     string      `json:"identity_line_item_id"`
	Hour   time.Time   `json:"hour"`
	Amount money.Usage `json:"usage_amount"`
	Cost   money.Cost  `json:"unblended_cost"`
}

// largestCharges is how many charges of a bill line are named, unless all are asked for.
const largestCharges = 5

// numbered is an invoice number found in the series.
type numbered struct {
	period, payer string
	date          schema.Date
}

// explainInvoice explains the invoice of a number.
func (p *Pipeline) explainInvoice(ctx context.Context, q Question) (*Explanation, error) {
	issuer, err := p.issuer(q.Issuer)
	if err != nil {
		return nil, err
	}
	candidates, err := p.numbersLike(ctx, issuer, q.What)
	if err != nil {
		return nil, err
	}
	for _, n := range candidates {
		at, err := p.at(ctx, issuer.ID, n.period)
		if err != nil {
			return nil, err
		}
		e, err := p.explained(ctx, at)
		if err != nil {
			return nil, err
		}
		numbers, err := p.issued(ctx, at)
		if err != nil || numbers == nil {
			return nil, cmp.Or(err, fmt.Errorf("the numbers of %s are not those of its close; run verify", n.period))
		}
		pinned, err := issuerOfRun(e.org, e.run)
		if err != nil {
			return nil, err
		}
		if numbersOf(pinned, numbers.Issue, "").byPayer[n.payer] != q.What {
			continue
		}
		if q.Period != "" && q.Period != n.period {
			return nil, fmt.Errorf("invoice %s %w in %s: it is of %s; leave --period out", q.What, ErrUnknownFigure, q.Period, n.period)
		}
		most := largestCharges
		if q.All {
			most = math.MaxInt
		}
		return e.invoice(q.What, n, most)
	}
	return nil, fmt.Errorf("%q %w: it is no invoice of issuer %s, and no line item id, which has %d letters and digits; "+
		"`monthend status` lists the months, and their reports the ids", schema.Shorten(q.What), ErrUnknownFigure, issuer.ID, lineIDLength)
}

// numbersLike lists the numbers of a series whose digits end a text.
func (p *Pipeline) numbersLike(ctx context.Context, issuer schema.Issuer, text string) ([]numbered, error) {
	entries, err := p.seriesLog(issuer.ID).Read(ctx)
	if err != nil {
		return nil, err
	}
	var list []numbered
	for _, entry := range entries {
		if entry.Kind != period.KindIssue {
			continue
		}
		var body period.Issue
		if err := entry.Decode(&body); err != nil {
			return nil, err
		}
		for i, payer := range body.Payers {
			if strings.HasSuffix(text, strconv.FormatInt(body.First+int64(i), 10)) {
				list = append(list, numbered{body.Period, payer, body.InvoiceDate})
			}
		}
	}
	return list, nil
}

func (e *explaining) invoice(number string, n numbered, most int) (*Explanation, error) {
	b, err := e.billOf(n.payer)
	if err != nil {
		return nil, err
	}
	inv, err := invoice.New(b, number, n.date)
	if err != nil {
		return nil, err
	}
	lines, err := e.billLines(b, most)
	if err != nil {
		return nil, err
	}
	x := &InvoiceExplained{Number: number, Date: n.date, ExactTotal: inv.ExactTotal, Rounding: inv.Rounding, Total: inv.Total,
		Charges: b.Charges, Taxes: b.Taxes, Balances: b.Balances}
	for _, l := range inv.Lines {
		s := ServiceExplained{InvoiceLine: l}
		for _, one := range lines {
			if one.Service == l.Service && !one.IsTax() {
				s.Lines = append(s.Lines, *one)
			}
		}
		x.Services = append(x.Services, s)
	}
	for _, one := range lines {
		if one.IsTax() {
			x.TaxLines = append(x.TaxLines, *one)
		}
	}
	e.out.Payer, e.out.Invoice = n.payer, x
	return e.out, nil
}

// billKey is what makes a line of a bill, as far as the bill shows it.
type billKey struct {
	batch.Head
	region, kind, rateCode, description, reason, rate, blended, unit string
}

func keyOfLine(l bill.Line) billKey {
	return billKey{batch.Head{Account: l.Account, Service: l.Service, UsageType: l.UsageType, Operation: l.Operation},
		l.Region, l.Type, l.RateCode, l.Description, l.Reason, l.Rate, l.BlendedRate, l.Unit}
}

func keyOfCharge(c *batch.Charges, codes [3]uint32) billKey {
	p, t := c.Prices.Value(codes[1]), c.Dims.Tails.Value(codes[2])
	k := billKey{Head: c.Dims.Heads.Value(codes[0]), region: t.Region, kind: t.LineItemType, rateCode: p.RateCode,
		description: p.Description, reason: p.Reason, unit: p.Unit}
	if p.Rated {
		k.rate, k.blended = p.Rate.Text10(), p.BlendedRate.Text10()
	}
	return k
}

// billLines reads the charges of a bill and hands each to its line. Lines that
// a reader cannot tell apart are one.
func (e *explaining) billLines(b bill.Bill, most int) ([]*BillLineExplained, error) {
	byKey := map[billKey]*BillLineExplained{}
	var lines []*BillLineExplained
	for _, l := range b.Lines {
		line := byKey[keyOfLine(l)]
		if line == nil {
			line = &BillLineExplained{Line: l}
			byKey[keyOfLine(l)] = line
			lines = append(lines, line)
			continue
		}
		var err error
		if line.Usage, err = money.Add(line.Usage, l.Usage); err != nil {
			return nil, err
		}
		if line.Cost, err = money.Add(line.Cost, l.Cost); err != nil {
			return nil, err
		}
	}
	known := map[[3]uint32]*BillLineExplained{}
	reader := newChargeReader(e.owner(b.Payer.AccountID))
	err := e.scan(e.ctx, e.run, b.Payer.AccountID, func(c *batch.Charges) (bool, error) {
		reader.load(c)
		for i := range c.Len() {
			codes := [3]uint32{c.Head[i], c.Price[i], c.Tail[i]}
			line, ok := known[codes]
			if !ok {
				line = byKey[keyOfCharge(c, codes)]
				known[codes] = line
			}
			if line == nil {
				return false, fmt.Errorf("charge %s of account %s is on no line of the bill; run verify", reader.id(i), c.Dims.Heads.Value(c.Head[i]).Account)
			}
			line.add(reader, i, most)
		}
		return false, nil
	})
	for _, line := range lines {
		line.order()
	}
	return lines, err
}

// add counts a charge and keeps it when it is among the largest; of equal ones
// the first in the canonical order.
func (l *BillLineExplained) add(r *chargeReader, i, most int) {
	l.Charges++
	cost := r.rows.Unblended[i]
	if n := len(l.Largest); n == most && money.Cmp(money.Abs(cost), money.Abs(l.Largest[n-1].Cost)) <= 0 {
		return
	}
	l.Largest = append(l.Largest, ChargeRef{ID: r.id(i), Hour: r.rows.Hour[i].Time(), Amount: r.rows.Amount[i], Cost: cost})
	if most < math.MaxInt {
		l.order()
		l.Largest = l.Largest[:min(len(l.Largest), most)]
	}
}

func (l *BillLineExplained) order() {
	slices.SortStableFunc(l.Largest, func(a, b ChargeRef) int { return money.Cmp(money.Abs(b.Cost), money.Abs(a.Cost)) })
}
