package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/monthend/monthend/jobs"
	"github.com/monthend/monthend/jobs/notify"
	"github.com/monthend/monthend/pipeline"
)

func (p *program) tickCommand() *cobra.Command {
	return &cobra.Command{
		Use: "tick", Short: "Do once all that is due, for system cron or a Kubernetes CronJob", Args: cobra.NoArgs,
		Long: `Looks at the logs and does once all that is due: ingest, closes (the oldest
month first), invoices, publishing, reports, collecting. What was missed while
nothing ran is found again; a second start at the same time does nothing twice.
When nothing is due, nothing is written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			r := p.runner(s)
			out, err := r.Tick(cmd.Context())
			p.afterTick(cmd.Context(), s, out, err)
			if p.json {
				err = errors.Join(p.resultJSON(out), err)
			}
			return errors.Join(err, refusedRows(out))
		},
	}
}

func (p *program) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Stay and do what is due when it is due, until a signal comes", Args: cobra.NoArgs,
		Long: `Does at once what is due, and then sleeps until something may be. SIGTERM and
SIGINT stop it before the next step: exit code 0 when it was idle, 7 when work
was left, which the next start goes on with. What fails is told and tried again;
see "monthend tick" for what is done.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			s.Log.Info("run begins", "store", s.Store.Name())
			interrupted := p.runner(s).Run(cmd.Context(), func(out *jobs.Outcome, err error) {
				p.afterTick(context.WithoutCancel(cmd.Context()), s, out, err)
				if err != nil {
					s.Log.Error("not all is well", "error", err)
				}
			})
			if interrupted {
				return fmt.Errorf("stopped in the middle of a task; the next start goes on: %w", context.Canceled)
			}
			s.Log.Info("run ends")
			return nil
		},
	}
}

// refusedRows says that an ingest of the tick did not take all.
func refusedRows(out *jobs.Outcome) error {
	for _, r := range out.Records {
		if r.Job == jobs.Ingest && r.Refused > 0 {
			return errData
		}
	}
	return nil
}

// runner wires the jobs to the sources, the store and the people.
func (p *program) runner(s *session) *jobs.Runner {
	r := &jobs.Runner{Pipeline: s.Pipeline, Schedule: s.schedule}
	if !s.config.Store.SingleScheduler {
		r.Ready = func(ctx context.Context) error { return p.probe(ctx, s) }
	}
	r.Ingest = func(ctx context.Context) (jobs.Figures, error) { return p.ingestAll(ctx, s) }
	r.Collect = func(ctx context.Context) (jobs.Figures, error) {
		done, err := s.Collect(ctx, pipeline.DefaultGrace, false)
		if done == nil {
			return jobs.Figures{}, err
		}
		return jobs.Figures{RowsIn: done.Objects, RowsOut: done.Objects, Outputs: append(done.Runs, done.Keys...)}, err
	}
	if hook := s.config.Secrets.WebhookURL; !hook.IsZero() {
		client := notify.NewClient(s.config.Alarms.AllowLocal)
		r.Tell = func(ctx context.Context, a jobs.Alarm) error {
			data, err := json.Marshal(a, json.Deterministic(true))
			if err != nil {
				return fmt.Errorf("alarm %s: %v", a.ID, err)
			}
			return client.Post(ctx, hook.Reveal(), data)
		}
	}
	return r
}

// ingestAll takes in what every source with a path has. One that fails does not
// hold up the others.
func (p *program) ingestAll(ctx context.Context, s *session) (jobs.Figures, error) {
	var results []*pipeline.Ingested
	var all []error
	f := jobs.Figures{}
	for _, source := range s.config.Sources {
		if source.Path == "" {
			continue
		}
		result, err := s.take(ctx, source, []string{source.Path}, false)
		if err != nil {
			all = append(all, fmt.Errorf("source %s: %w", source.Name, err))
			continue
		}
		read, accepted, duplicate, rejected := result.Totals()
		f.RowsIn += read
		f.RowsOut += accepted + duplicate + rejected
		f.Refused += rejected
		f.Inputs = append(f.Inputs, source.Name)
		if len(result.Files)+len(result.Refused) > 0 {
			results = append(results, result)
		}
	}
	s.bar.finish()
	if !p.json {
		p.printIngested(results)
	}
	return f, errors.Join(all...)
}

// afterTick prints what was done, writes the metrics and pings. None of it can
// fail the work that is done.
func (p *program) afterTick(ctx context.Context, s *session, out *jobs.Outcome, err error) {
	s.bar.finish()
	if !p.json {
		p.printOutcome(out)
	}
	if path := s.config.MetricsFile; path != "" {
		if err := notify.WriteMetrics(path, metricsOf(s, out, err)); err != nil {
			s.Log.Error("metrics were not written", "error", err)
		}
	}
	if url := s.config.Secrets.PingURL; err == nil && !url.IsZero() {
		if err := notify.NewClient(s.config.Alarms.AllowLocal).Ping(ctx, url.Reveal()); err != nil {
			s.Log.Error("ping failed", "error", err)
		}
	}
}

func (p *program) printOutcome(out *jobs.Outcome) {
	for _, r := range out.Records {
		line := fmt.Sprintf("%s: %s", r.Task, r.Outcome)
		if r.RowsIn > 0 {
			line += fmt.Sprintf(", %s rows", count(r.RowsIn))
		}
		if r.Currency != "" && r.Outcome == jobs.Done {
			line += fmt.Sprintf(", %s %s", r.MoneyOut, r.Currency)
		}
		p.result("%s", line)
	}
	if len(out.Records) == 0 && len(out.Alarms) == 0 {
		p.result("nothing is due")
	}
	for _, a := range out.Alarms {
		p.result("alarm: %s: %s", a.Kind, a.Text)
	}
	if len(out.Upcoming) > 0 {
		p.result("next: %s at %s", out.Upcoming[0], out.Upcoming[0].Due.Format(statusTime))
	}
}

// metricsOf renders an outcome for Prometheus.
func metricsOf(s *session, out *jobs.Outcome, failed error) []notify.Metric {
	now := s.Now()
	unix := strconv.FormatInt(now.Unix(), 10)
	list := []notify.Metric{
		{Name: "monthend_tick_timestamp_seconds", Help: "when the schedule was looked at last", Value: unix},
		{Name: "monthend_tick_failed", Help: "1 when the last look did not go well", Value: bit(failed != nil)},
	}
	for _, r := range out.Records {
		labels := [][2]string{{"job", r.Job}, {"issuer", r.Issuer}}
		add := func(name, help, value string) {
			list = append(list, notify.Metric{Name: "monthend_job_" + name, Help: help, Labels: labels, Value: value, Sticky: true})
		}
		add("last_run_timestamp_seconds", "when the job began last", strconv.FormatInt(r.Started.Unix(), 10))
		add("last_failed", "1 when its last run did not go well", bit(r.Outcome != jobs.Done && r.Outcome != jobs.NotDue))
		add("duration_seconds", "how long its last run took", strconv.FormatFloat(r.Seconds, 'f', 3, 64))
		add("rows_in", "rows that its last run read", strconv.FormatInt(r.RowsIn, 10))
		add("rows_out", "rows that its last run made", strconv.FormatInt(r.RowsOut, 10))
		if r.Outcome == jobs.Done {
			add("last_success_timestamp_seconds", "when the job went well last", strconv.FormatInt(r.Started.Unix(), 10))
		}
	}
	for _, issuer := range out.State.Issuers {
		for _, m := range issuer.Months {
			v := viewOf(s.schedule, m, now)
			if v.MarginSeconds == nil {
				continue // published, or no deadline is known
			}
			labels := [][2]string{{"issuer", m.Issuer}, {"period", m.Period}, {"state", string(m.State)}}
			list = append(list,
				notify.Metric{Name: "monthend_period_deadline_timestamp_seconds", Help: "when an unpublished month must be published", Labels: labels, Value: strconv.FormatInt(v.Deadline.Unix(), 10)},
				notify.Metric{Name: "monthend_period_waits", Help: "things that wait for a person", Labels: labels, Value: strconv.Itoa(len(m.Waits))})
		}
	}
	for _, a := range out.Alarms {
		list = append(list, notify.Metric{Name: "monthend_alarm", Help: "1 for each alarm that stands", Value: "1",
			Labels: [][2]string{{"kind", a.Kind}, {"issuer", a.Issuer}, {"period", a.Period}}})
	}
	return list
}

func bit(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}
