package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// ErrUnknownFigure says that a line or invoice was looked for and is not there.
var ErrUnknownFigure = errors.New("is not there")

// Question names a figure: the line item id of a charge as reports have it, or
// the number of an invoice.
type Question struct {
	What   string
	Issuer string    // id; blank: the only one
	Period string    // blank: the newest that has a run, or that of the invoice
	At     time.Time // an instant of the line's hour; zero: all hours of the line
	All    bool      // of an invoice: name every charge, not the largest alone
}

// Explanation is the way of a figure, read from the run that made it: Line, or
// Hours where a line stands in several hours and none was asked for, or
// Invoice.
type Explanation struct {
	Issuer   string            `json:"issuer"`
	Period   string            `json:"period"`
	Run      string            `json:"run_id"`
	State    string            `json:"state"` // estimated, or final once the month is closed
	Currency money.Currency    `json:"currency"`
	Payer    string            `json:"payer_account_id"`
	Line     *LineExplained    `json:"line,omitempty"`
	Hours    []HourOfLine      `json:"hours,omitempty"`
	Invoice  *InvoiceExplained `json:"invoice,omitempty"`
}

// HourOfLine is what a line comes to in one hour.
type HourOfLine struct {
	Payer     string      `json:"payer_account_id"`
	Hour      time.Time   `json:"hour"` // its start, UTC
	Amount    money.Usage `json:"usage_amount"`
	Unblended money.Cost  `json:"unblended_cost"`
	Net       money.Cost  `json:"net_unblended_cost"`
}

// Explain tells how a figure came about. It reads and computes nothing anew but
// the arithmetic that it shows. ErrUnknownFigure when there is no such figure.
func (p *Pipeline) Explain(ctx context.Context, q Question) (*Explanation, error) {
	if !isLineID(q.What) {
		return p.explainInvoice(ctx, q)
	}
	name, err := p.periodOfLine(ctx, q)
	if err != nil {
		return nil, err
	}
	at, err := p.at(ctx, q.Issuer, name)
	if err != nil {
		return nil, err
	}
	e, err := p.explained(ctx, at)
	if err != nil {
		return nil, err
	}
	return e.line(q)
}

// lineIDLength is the length of an identity_line_item_id.
const lineIDLength = 52

func isLineID(text string) bool {
	return len(text) == lineIDLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// periodOfLine is the period asked for, or the newest that has a run.
func (p *Pipeline) periodOfLine(ctx context.Context, q Question) (string, error) {
	if q.Period != "" {
		return q.Period, nil
	}
	issuer, _, periods, err := p.periodsOf(ctx, q.Issuer)
	if err != nil {
		return "", err
	}
	for _, per := range slices.Backward(periods) {
		m, err := p.month(ctx, issuer.ID, per)
		if err != nil {
			return "", err
		}
		if newestRun(m) != nil {
			return per.Name, nil
		}
	}
	return "", fmt.Errorf("line %s of issuer %s %w: no month has been rated yet; run report first", q.What, issuer.ID, ErrUnknownFigure)
}

// explaining is a run that is being explained, and what was pinned with it.
type explaining struct {
	p      *Pipeline
	ctx    context.Context
	at     *place
	run    period.Run
	org    *schema.Organization
	offers *offer.Offers
	owner  ownerFunc
	out    *Explanation
}

func (p *Pipeline) explained(ctx context.Context, at *place) (*explaining, error) {
	run := newestRun(at.month)
	if run == nil {
		return nil, fmt.Errorf("%w: period %s of issuer %s has not been rated; run report first", ErrNotDue, at.period.Name, at.issuer.ID)
	}
	e := &explaining{p: p, ctx: ctx, at: at, run: *run, org: &schema.Organization{}, offers: &offer.Offers{}}
	for name, into := range map[string]any{"organization.json": e.org, "offers.json": e.offers} {
		if err := p.pinnedInput(ctx, *run, name, into); err != nil {
			return nil, err
		}
	}
	issuer, err := issuerOfRun(e.org, *run)
	if err != nil {
		return nil, err
	}
	e.owner = owners(e.org, e.offers, issuer, run.Period)
	state := "estimated"
	if at.month.Close != nil {
		state = "final"
	}
	e.out = &Explanation{Issuer: issuer.ID, Period: run.Period.Name, Run: run.ID, State: state, Currency: issuer.Currency}
	return e, nil
}

// pinnedInput reads one of the inputs of a run: price lists are large, and most
// questions need none.
func (p *Pipeline) pinnedInput(ctx context.Context, run period.Run, name string, into any) error {
	for _, o := range run.Inputs {
		if o.Key != store.RunInput(run.ID, name) {
			continue
		}
		data, err := p.readInput(ctx, o)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return fmt.Errorf("%s: %v", o.Key, err)
		}
		return nil
	}
	return fmt.Errorf("run %s names no input %s; run verify", run.ID, name)
}

// usageAt is the state of the usage log that a run covers.
func (p *Pipeline) usageAt(ctx context.Context, slot int64) (*period.Usage, error) {
	if slot < 0 {
		return &period.Usage{Slot: -1}, nil
	}
	return p.usageState(ctx, slot)
}
