package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"
)

// Run looks at the schedule at once and then whenever something may be due,
// until the context ends; it returns when the running task has come to a stop,
// and says whether one was interrupted. A tick that fails, or panics, is tried
// again at the next waking.
func (r *Runner) Run(ctx context.Context, after func(*Outcome, error)) (interrupted bool) {
	log := cronLog{r.log()}
	tick := cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log)).Then(cron.FuncJob(func() {
		out, err := r.Tick(ctx)
		interrupted = interrupted || ctx.Err() != nil && err != nil
		after(out, err)
	}))
	tick.Run()
	c := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(log))
	c.Schedule(waking{r.Schedule}, tick)
	if ctx.Err() == nil {
		c.Start()
		<-ctx.Done()
	}
	<-c.Stop().Done()
	return interrupted
}

// waking is when the daemon looks: at the instants of every cadence, and not
// later than Sleep after the last time.
type waking struct{ Schedule }

// Next implements cron.Schedule.
func (w waking) Next(t time.Time) time.Time {
	next := Cadence{every: Sleep}.Next(t)
	for _, c := range []Cadence{w.Ingest, w.Report, w.Collect} {
		if at := c.Next(t); !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next
}

// cronLog gives what cron has to say to the log of the program.
type cronLog struct{ log *slog.Logger }

// Info implements cron.Logger.
func (l cronLog) Info(msg string, kv ...any) { l.log.Debug("cron: "+msg, kv...) }

// Error implements cron.Logger.
func (l cronLog) Error(err error, msg string, kv ...any) {
	l.log.Error("cron: "+msg, append(kv, "error", err)...)
}
