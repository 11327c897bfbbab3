package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

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

	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`                // exclusive
	Used        bool      `json:"used"`               // has usage of the issuer
	CloseFrom   time.Time `json:"close_from"`         // earliest instant of the close, when every mark is there
	Silent      []string  `json:"silent,omitempty"`   // sources that have not declared the period complete
	SilentAt    time.Time `json:"silent_at,omitzero"` // from then on their silence is a person's concern; zero: nobody is silent
	Published   bool      `json:"published"`
	PublishedAt time.Time `json:"published_at,omitzero"`
	Missed      bool      `json:"missed,omitzero"` // the log notes that the publish deadline was missed
	Waits       []string  `json:"waits,omitempty"` // what a person must do before the period can go on
}

// PeriodOf returns the period that the status is of.
func (s Status) PeriodOf() schema.Period {
	return schema.Period{Name: s.Period, Start: s.Start, End: s.End}
}

// Status lists every period of an issuer from its first usage to now.
func (p *Pipeline) Status(ctx context.Context, issuerID string) ([]Status, error) {
	issuer, usage, periods, err := p.periodsOf(ctx, issuerID)
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
		s.Invoices, s.PublishedAt = m.Publish.Invoices, m.Publish.Published
	}
	if err := p.timing(ctx, &s, at); err != nil {
		return s, err
	}
	s.Next = nextStep(s, m, s.CloseFrom.Format("2006-01-02T15:04Z07:00"))
	return s, nil
}

// timing fills in what the schedule decides from.
func (p *Pipeline) timing(ctx context.Context, s *Status, at *place) error {
	s.Start, s.End, s.CloseFrom = at.period.Start, at.period.End, p.closeFrom(at.period)
	s.Published, s.Missed = at.month.Publish != nil, at.month.Noted(period.NoteDeadlineMissed, "")
	s.Used = newestRun(at.month) != nil
	if at.month.Close != nil {
		return nil
	}
	if s.Silent = p.silent(at); len(s.Silent) > 0 {
		s.SilentAt = at.period.End.Add(p.CloseAlarm)
	}
	s.Waits = p.waits(*s, at)
	if s.Used {
		return nil
	}
	var err error
	s.Used, err = p.hasUsage(ctx, at.issuer, at.period, at.usage)
	return err
}

// waits says what a person must do before the period can be closed. What a
// snapshot source or a mark lacks is no concern of anybody while the month runs.
func (p *Pipeline) waits(s Status, at *place) []string {
	var list []string
	ended := !p.Now().Before(at.period.End)
	switch {
	case ended:
		list = at.reasons(p.Sources)
	case s.Rejects > 0:
		list = at.reasons(nil)
	}
	// What was in suspense is known as of the newest computation; when the log
	// went on since, a close must find out.
	if run := newestRun(at.month); s.Records.Suspense > 0 && run.UsageSlot == at.usage.Slot {
		list = append(list, fmt.Sprintf("%d records are in suspense; see `monthend pending list`", s.Records.Suspense))
	}
	if len(s.Silent) > 0 && !p.Now().Before(s.SilentAt) {
		list = append(list, fmt.Sprintf("%s did not declare usage complete; run `monthend mark`, or close with --without-marks", strings.Join(s.Silent, ", ")))
	}
	return list
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
