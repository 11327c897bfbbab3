package pipeline

import (
	"context"
	"fmt"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Status is where one period of one issuer stands.
type Status struct {
	Issuer   string           `json:"issuer"`
	Period   string           `json:"period"`
	State    bill.State       `json:"state"`
	Currency money.Currency   `json:"currency"`
	Records  period.Records   `json:"records"`
	Charges  int64            `json:"charges"`
	Total    money.Cost       `json:"total"` // exact, of the newest computation
	Rejects  int              `json:"rejects"`
	Invoices []period.Invoice `json:"invoices,omitempty"`
	Run      string           `json:"run_id,omitempty"`
	Next     string           `json:"next"` // what comes next, for a person
}

// Status lists every period of an issuer from its first usage to now.
func (p *Pipeline) Status(ctx context.Context, issuerID string) ([]Status, error) {
	issuer, err := p.issuer(issuerID)
	if err != nil {
		return nil, err
	}
	usage, err := p.usageState(ctx, -1)
	if err != nil {
		return nil, err
	}
	periods, err := p.usedPeriods(ctx, issuer, usage)
	if err != nil {
		return nil, err
	}
	var list []Status
	for _, per := range periods {
		s, err := p.statusOf(ctx, issuer, per, usage)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (p *Pipeline) statusOf(ctx context.Context, issuer schema.Issuer, per schema.Period, usage *period.Usage) (Status, error) {
	s := Status{Issuer: issuer.ID, Period: per.Name, Currency: issuer.Currency}
	m, err := p.month(ctx, issuer.ID, per)
	if err != nil {
		return s, err
	}
	at := &place{issuer: issuer, period: per, month: m, usage: usage}
	issued, err := p.issued(ctx, at)
	if err != nil {
		return s, err
	}
	s.State = m.State(per, issued != nil, p.Now())
	if run := newestRun(m); run != nil {
		s.Run, s.Records = run.ID, run.Records
		for _, b := range run.Bills {
			s.Charges += b.Rows
			if s.Total, err = money.Add(s.Total, b.Total); err != nil {
				return s, fmt.Errorf("total of %s: %w", per.Name, err)
			}
		}
	}
	if m.Close == nil {
		s.Rejects = len(at.rejects())
	}
	if m.Publish != nil {
		s.Invoices = m.Publish.Invoices
	}
	s.Next = nextStep(s, m, per.End.Add(p.CloseWait).Format("2006-01-02T15:04Z07:00"))
	return s, nil
}

func newestRun(m *period.Month) *period.Run {
	switch {
	case m.Close != nil:
		return &m.Close.Run
	case m.Refresh != nil:
		return &m.Refresh.Run
	}
	return nil
}

func nextStep(s Status, m *period.Month, due string) string {
	switch {
	case m.Publish != nil:
		return "nothing"
	case s.State == bill.Invoiced:
		return "publish"
	case s.State == bill.Closed:
		return "invoice"
	case s.Rejects > 0 || s.Records.Suspense > 0:
		return "resolve what `monthend pending list` names"
	case s.State == bill.Closing:
		return "close, from " + due + " on"
	}
	return "report again as usage comes; close from " + due + " on"
}
