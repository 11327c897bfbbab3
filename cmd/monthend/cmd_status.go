package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/jobs"
	"github.com/monthend/monthend/pipeline"
)

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show where each month stands, what is due next and what waits for a person", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			return p.status(cmd.Context(), s)
		},
	}
	cmd.Flags().StringVar(&p.issuer, "issuer", "", "issuer id (default: every issuer)")
	return cmd
}

// periodView is one month for people and scripts.
type periodView struct {
	pipeline.Status
	PublishFrom   time.Time `json:"publish_from,omitzero"`
	Deadline      time.Time `json:"deadline,omitzero"`       // by then it must be published
	MarginSeconds *int64    `json:"margin_seconds,omitzero"` // until the deadline; negative: late by
}

// statusView is all that status tells.
type statusView struct {
	Now      time.Time    `json:"now"`
	Periods  []periodView `json:"periods"`
	Due      []jobs.Task  `json:"due"`      // now, in order
	Upcoming []jobs.Task  `json:"upcoming"` // next, the soonest first
	Alarms   []jobs.Alarm `json:"alarms"`
}

func (p *program) status(ctx context.Context, s *session) error {
	now := s.Now()
	ids, err := s.Issuers(p.issuer)
	if err != nil {
		return usageError{err}
	}
	st, err := jobs.Survey(ctx, s.Pipeline, s.schedule, now)
	if err != nil {
		return err
	}
	st.Issuers = keepIssuers(st.Issuers, ids)
	view := statusView{Now: now.UTC(), Due: jobs.Due(s.schedule, st, now), Upcoming: jobs.Upcoming(s.schedule, st, now), Alarms: jobs.Alarms(s.schedule, st, now)}
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			view.Periods = append(view.Periods, viewOf(s.schedule, m, now))
		}
	}
	if p.json {
		return p.resultJSON(view)
	}
	p.printStatus(view)
	return nil
}

func keepIssuers(all []jobs.Issuer, ids []string) []jobs.Issuer {
	var list []jobs.Issuer
	for _, i := range all {
		for _, id := range ids {
			if i.ID == id {
				list = append(list, i)
			}
		}
	}
	return list
}

func viewOf(s jobs.Schedule, m pipeline.Status, now time.Time) periodView {
	v := periodView{Status: m}
	v.PublishFrom, _, _ = s.InvoiceDay(m, s.BusinessDay) // an unknown day is an alarm
	if deadline, err := s.Deadline(m); err == nil {
		v.Deadline = deadline
		if !m.Published {
			left := int64(deadline.Sub(now) / time.Second)
			v.MarginSeconds = &left
		}
	}
	return v
}

const statusTime = "2006-01-02T15:04Z07:00"

func (p *program) printStatus(view statusView) {
	var rows [][]string
	for _, v := range view.Periods {
		deadline, margin := "-", "-"
		if !v.Deadline.IsZero() {
			deadline = v.Deadline.Format(statusTime)
		}
		if v.MarginSeconds != nil {
			margin = span(*v.MarginSeconds)
		}
		rows = append(rows, []string{v.Issuer, v.Period, string(v.State), count(v.Records.Charged), count(v.Charges),
			fmt.Sprintf("%s %s", v.Total, v.Currency), fmt.Sprint(v.Rejects), count(v.Records.Suspense), fmt.Sprint(len(v.Invoices)), deadline, margin, v.Next})
	}
	p.table("ISSUER PERIOD STATE RECORDS CHARGES TOTAL REJECTS SUSPENSE INVOICES DEADLINE MARGIN NEXT", rows)
	for _, v := range view.Periods {
		for _, w := range v.Waits {
			p.result("waits for a person: %s %s: %s", v.Issuer, v.Period, w)
		}
	}
	for _, a := range view.Alarms {
		p.result("alarm: %s: %s", a.Kind, a.Text)
	}
	if len(view.Due) > 0 {
		p.result("due now: %s", strings.Join(taskNames(view.Due, 6), ", "))
	}
	if len(view.Upcoming) > 0 {
		t := view.Upcoming[0]
		p.result("next: %s at %s", t, t.Due.Format(statusTime))
	}
}

// taskNames names tasks, at most a few of them.
func taskNames(tasks []jobs.Task, most int) []string {
	var names []string
	for i, t := range tasks {
		if i == most {
			return append(names, fmt.Sprintf("and %d more", len(tasks)-most))
		}
		names = append(names, t.String())
	}
	return names
}

// span renders a length of time roughly, as people speak of it.
func span(seconds int64) string {
	late := ""
	if seconds < 0 {
		seconds, late = -seconds, " late"
	}
	if days := seconds / 86400; days > 0 {
		return fmt.Sprintf("%dd%dh%s", days, seconds%86400/3600, late)
	}
	return fmt.Sprintf("%dh%02dm%s", seconds/3600, seconds%3600/60, late)
}
