package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// ErrAlarm says that all that was due is done, and that a person must look all
// the same: a publish deadline is near or was missed.
var ErrAlarm = errors.New("an alarm stands")

// Runner does what is due.
type Runner struct {
	Pipeline *pipeline.Pipeline
	Schedule Schedule

	// Ready is asked once before the first task of a start, to see that the store
	// keeps its promises; nil: it is not asked.
	Ready func(context.Context) error
	// Ingest takes in what the sources have, Collect deletes what no record
	// names. A nil function is never due.
	Ingest, Collect func(context.Context) (Figures, error)
	// Tell sends an alarm to people; nil: alarms are logged only.
	Tell func(context.Context, Alarm) error

	ready bool
}

// Outcome is what one look at the schedule came to.
type Outcome struct {
	Records  []Record `json:"records"`  // one for each task that was run
	Alarms   []Alarm  `json:"alarms"`   // what a person must hear of
	Upcoming []Task   `json:"upcoming"` // what comes next
	State    State    `json:"-"`
}

// maxRounds bounds how often a tick looks for what has become due by what it
// did itself: usage shows months, a close lets its invoices be issued.
const maxRounds = 8

// Tick does once all that is due. What fails does not hold up another issuer.
// The error joins those of the tasks; ErrAlarm when there is none and an alarm
// stands. When the context ends, Tick stops before the next step and another
// start goes on.
func (r *Runner) Tick(ctx context.Context) (*Outcome, error) {
	out := &Outcome{}
	so := soFar{map[string]bool{}, map[string]string{}}
	var failures []error
	for range maxRounds {
		st, err := r.survey(ctx)
		if err != nil {
			return out, err
		}
		out.State = st
		if err := r.noteMissed(ctx, st, out); err != nil {
			failures = append(failures, err)
		}
		todo := r.untried(st, so)
		if len(todo) == 0 {
			break
		}
		if err := r.getReady(ctx, out); err != nil {
			return out, err
		}
		failures = append(failures, r.round(ctx, todo, so, out)...)
		if err := ctx.Err(); err != nil {
			return out, errors.Join(append(failures, err)...)
		}
	}
	now := r.Pipeline.Now()
	out.Upcoming = Upcoming(r.Schedule, out.State, now)
	for _, a := range Alarms(r.Schedule, out.State, now) {
		if !slices.ContainsFunc(out.Alarms, func(b Alarm) bool { return a.ID == b.ID }) {
			out.Alarms = append(out.Alarms, a)
		}
		if a.Kind == CloseBlocked || a.Kind == NoCalendar {
			failures = append(failures, fmt.Errorf("%w: %s", pipeline.ErrBlocked, a.Text))
		}
	}
	r.tellAll(ctx, out.Alarms)
	if err := errors.Join(failures...); err != nil || len(out.Alarms) == 0 {
		return out, err
	}
	return out, fmt.Errorf("%w: %s", ErrAlarm, out.Alarms[0].Text)
}

// soFar is what a tick has tried.
type soFar struct {
	tried  map[string]bool   // tasks, by key
	failed map[string]string // issuer to the oldest month of which a step failed
}

// holdsUp tells whether a task rests on a step that failed.
func (so soFar) holdsUp(t Task) bool {
	since, ok := so.failed[t.Issuer]
	return ok && t.Issuer != "" && t.Period >= since && t.Job != Report
}

func (r *Runner) survey(ctx context.Context) (State, error) {
	s := r.Schedule
	if r.Ingest == nil {
		s.Ingest = Cadence{}
	}
	if r.Collect == nil {
		s.Collect = Cadence{}
	}
	r.Schedule = s
	return Survey(ctx, r.Pipeline, s, r.Pipeline.Now())
}

// untried lists what is due and was not run in this tick. Usage comes first and
// alone, since it decides what else is due.
func (r *Runner) untried(st State, so soFar) []Task {
	var list []Task
	for _, t := range Due(r.Schedule, st, r.Pipeline.Now()) {
		if so.tried[t.doneKey()] {
			continue
		}
		if so.holdsUp(t) {
			continue
		}
		if t.Job == Ingest {
			return []Task{t}
		}
		list = append(list, t)
	}
	return list
}

func (r *Runner) getReady(ctx context.Context, out *Outcome) error {
	if r.ready || r.Ready == nil {
		return nil
	}
	if err := r.Ready(ctx); err != nil {
		a := newAlarm(ProbeFailed, "", "", err.Error(), r.Pipeline.Now())
		out.Alarms = append(out.Alarms, a)
		r.log().Error("alarm", "kind", a.Kind, "text", a.Text)
		if r.Tell != nil {
			r.tell(ctx, a)
		}
		return err
	}
	r.ready = true
	return nil
}

// round runs tasks in order. One that rests on a task that failed is left for
// the next tick: a close on the closes before it, an invoice on its close.
func (r *Runner) round(ctx context.Context, todo []Task, so soFar, out *Outcome) []error {
	var failures []error
	for _, t := range todo {
		if ctx.Err() != nil {
			return failures
		}
		if so.holdsUp(t) {
			continue
		}
		so.tried[t.doneKey()] = true
		rec, err := r.run(ctx, t)
		out.Records = append(out.Records, rec)
		if err == nil {
			continue
		}
		if t.Issuer != "" && so.failed[t.Issuer] == "" && t.Job != Report {
			so.failed[t.Issuer] = t.Period
		}
		if rec.Outcome == NotDue {
			continue
		}
		failures = append(failures, fmt.Errorf("%s: %w", t, err))
		out.Alarms = append(out.Alarms, r.alarmOf(t, rec)...)
	}
	return failures
}

// alarmOf makes an alarm of a task that failed. A blocked month is seen from its
// log, and a stop is nobody's concern.
func (r *Runner) alarmOf(t Task, rec Record) []Alarm {
	if rec.Outcome != Failed {
		return nil
	}
	a := newAlarm(JobFailed, t.Issuer, t.Period, fmt.Sprintf("%s: %s", t, rec.Error), r.Pipeline.Now())
	a.ID = strings.Replace(a.ID, JobFailed, JobFailed+"-"+t.Job, 1)
	return []Alarm{a}
}

// run does one task and keeps a record of it.
func (r *Runner) run(ctx context.Context, t Task) (Record, error) {
	p := r.Pipeline
	start := p.Now()
	log := r.log().With("job", t.Job)
	if t.Period != "" {
		log = log.With("issuer", t.Issuer, "period", t.Period)
	}
	log.Info("job begins", "due", t.Due)
	f, err := r.do(ctx, t)
	if err == nil {
		err = f.check()
	}
	if t.Job == Close && errors.Is(err, pipeline.ErrBlocked) {
		// What blocks it becomes known to the log, so that it is not tried in vain
		// until something changes.
		if _, e := p.Refresh(ctx, t.Issuer, t.Period); e != nil {
			err = errors.Join(err, e)
		}
	}
	rec := Record{Task: t, Attempt: p.Attempt, Started: start.UTC(), Outcome: outcomeOf(err), Figures: f,
		Seconds: max(0, p.Now().Sub(start)).Seconds()}
	if err != nil {
		rec.Error = err.Error()
	}
	r.logEnd(log, rec)
	if e := keep(ctx, p.Store, rec); e != nil {
		err = errors.Join(err, fmt.Errorf("run record: %w", e))
	}
	return rec, err
}

func (r *Runner) logEnd(log *slog.Logger, rec Record) {
	level := slog.LevelInfo
	if rec.Outcome == Failed || rec.Outcome == Blocked {
		level = slog.LevelError
	}
	attrs := []any{"outcome", rec.Outcome, "rows_in", rec.RowsIn, "rows_out", rec.RowsOut, "seconds", rec.Seconds}
	if rec.Currency != "" {
		attrs = append(attrs, "money_in", rec.MoneyIn.String(), "money_out", rec.MoneyOut.String(), "currency", rec.Currency)
	}
	if rec.Error != "" {
		attrs = append(attrs, "error", rec.Error)
	}
	log.Log(context.Background(), level, "job ends", attrs...)
}

func (r *Runner) do(ctx context.Context, t Task) (Figures, error) {
	switch t.Job {
	case Ingest:
		return r.Ingest(ctx)
	case Collect:
		return r.Collect(ctx)
	case Report:
		run, err := r.Pipeline.Refresh(ctx, t.Issuer, t.Period)
		if err != nil {
			return Figures{}, err
		}
		return r.ofRun(*run)
	case Close:
		c, err := r.Pipeline.Close(ctx, t.Issuer, t.Period)
		if err != nil {
			return Figures{}, err
		}
		return r.ofRun(c.Run)
	case Issue:
		return r.issue(ctx, t)
	case Publish:
		return r.publish(ctx, t)
	}
	return Figures{}, fmt.Errorf("%q is no job", t.Job)
}

func (r *Runner) ofRun(run period.Run) (Figures, error) {
	f, err := figuresOfRun(store.PeriodLog(run.Issuer, run.Period.Name), run)
	issuer, _ := r.Pipeline.Organization.Issuer(run.Issuer)
	f.Currency = string(issuer.Currency)
	return f, err
}

func (r *Runner) issue(ctx context.Context, t Task) (Figures, error) {
	i, err := r.Pipeline.Issue(ctx, t.Issuer, t.Period)
	if err != nil {
		return Figures{}, err
	}
	n := int64(len(i.Payers))
	return Figures{RowsIn: n, RowsOut: n, Inputs: []string{store.PeriodLog(t.Issuer, t.Period)}, Outputs: []string{store.Series(t.Issuer, "invoice")}}, nil
}

func (r *Runner) publish(ctx context.Context, t Task) (Figures, error) {
	closed, err := r.Pipeline.Close(ctx, t.Issuer, t.Period) // it is there; read it
	if err != nil {
		return Figures{}, err
	}
	done, err := r.Pipeline.Publish(ctx, t.Issuer, t.Period)
	if err != nil {
		return Figures{}, err
	}
	issuer, _ := r.Pipeline.Organization.Issuer(t.Issuer)
	return figuresOfPublish(closed.Run, done, issuer.Currency)
}

// noteMissed writes into the log of a month that its deadline was missed.
func (r *Runner) noteMissed(ctx context.Context, st State, out *Outcome) error {
	var all []error
	for _, a := range Alarms(r.Schedule, st, r.Pipeline.Now()) {
		if a.Kind != DeadlineMissed || st.noted(a) {
			continue
		}
		if err := r.getReady(ctx, out); err != nil {
			return err
		}
		note := period.Note{Subject: period.NoteDeadlineMissed, Text: a.Text}
		if err := r.Pipeline.Note(ctx, a.Issuer, a.Period, note); err != nil {
			all = append(all, err)
			continue
		}
		out.Alarms = append(out.Alarms, a)
		r.tellAll(ctx, []Alarm{a})
	}
	return errors.Join(all...)
}

func (st State) noted(a Alarm) bool {
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			if m.Issuer == a.Issuer && m.Period == a.Period {
				return m.Missed
			}
		}
	}
	return false
}

// tellAll logs alarms and sends each once a day.
func (r *Runner) tellAll(ctx context.Context, alarms []Alarm) {
	for _, a := range alarms {
		r.log().Error("alarm", "kind", a.Kind, "issuer", a.Issuer, "period", a.Period, "text", a.Text)
		if r.Tell == nil {
			continue
		}
		sent, err := exists(ctx, r.Pipeline.Store, store.JobAlarm(a.ID))
		if err == nil && sent {
			continue
		}
		if !r.tell(ctx, a) {
			continue
		}
		// Told first, kept then: better twice than never.
		if err := r.keepAlarm(ctx, a); err != nil {
			r.log().Error("alarm was sent and could not be kept", "id", a.ID, "error", err)
		}
	}
}

func (r *Runner) tell(ctx context.Context, a Alarm) bool {
	err := r.Tell(ctx, a)
	if err != nil {
		r.log().Error("alarm could not be sent", "id", a.ID, "error", err)
	}
	return err == nil
}

func (r *Runner) log() *slog.Logger {
	if r.Pipeline.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Pipeline.Log
}

// Sleep is how long the daemon sleeps at most: a month may become ready to close
// by what others write, such as a mark.
const Sleep = 15 * time.Minute
