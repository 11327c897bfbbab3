package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/money"
)

// Figures are what a job read and made. Rows in are rows out, and money in is
// money out, or the job fails.
type Figures struct {
	Inputs   []string `json:"inputs,omitempty"`  // keys of the bucket, or files
	Outputs  []string `json:"outputs,omitempty"` // keys, or prefixes of keys
	RowsIn   int64    `json:"rows_in"`
	RowsOut  int64    `json:"rows_out"`
	Refused  int64    `json:"refused,omitzero"` // of RowsOut: rows that a person must look at
	Currency string   `json:"currency,omitzero"`
	// Money is exact. Rounding is what invoices differ by from the charges that
	// they are made of: in + rounding = out.
	MoneyIn  money.Cost `json:"money_in,omitzero"`
	MoneyOut money.Cost `json:"money_out,omitzero"`
	Rounding money.Cost `json:"rounding,omitzero"`
}

// check proves that nothing was lost or made up on the way.
func (f Figures) check() error {
	if f.RowsIn != f.RowsOut {
		return fmt.Errorf("%d rows went in and %d came out: they must be equal; run verify", f.RowsIn, f.RowsOut)
	}
	sum, err := money.Add(f.MoneyIn, f.Rounding)
	if err != nil {
		return err
	}
	if sum != f.MoneyOut {
		return fmt.Errorf("%s and a rounding of %s went in and %s came out: they must be equal; run verify", f.MoneyIn, f.Rounding, f.MoneyOut)
	}
	return nil
}

// How a run of a job came out.
const (
	Done    = "done"
	NotDue  = "not due" // another writer was faster, or the clock was set back
	Blocked = "blocked"
	Stopped = "stopped"
	Failed  = "failed"
)

// Record is what is kept of one run of a job.
type Record struct {
	Task
	Attempt string    `json:"attempt"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // by the clock that is never set
	Outcome string    `json:"outcome"`
	Error   string    `json:"error,omitempty"`
	Figures
}

// outcomeOf names how a run came out.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return Done
	case errors.Is(err, context.Canceled):
		return Stopped
	case errors.Is(err, pipeline.ErrBlocked):
		return Blocked
	case errors.Is(err, pipeline.ErrNotDue):
		return NotDue
	}
	return Failed
}

// keep writes a record. Of runs that did the same, or failed in the same way,
// the first is kept.
func keep(ctx context.Context, st store.Store, r Record) error {
	key := store.JobDone(r.Job, r.What())
	switch r.Outcome {
	case Done:
	case NotDue, Stopped:
		return nil
	default:
		sum := sha256.Sum256([]byte(r.Outcome + r.Error))
		key = store.JobFailed(r.Job, r.What(), hex.EncodeToString(sum[:6]))
	}
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("run record of %s: %v", r.Task, err)
	}
	err = store.Repeat(ctx, st, func() error { return st.Create(ctx, key, store.BytesBody(data)) })
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// figuresOfRun sums what a computation of a month read and made.
func figuresOfRun(log string, run period.Run) (Figures, error) {
	rec := run.Records
	f := Figures{RowsIn: rec.Accepted, RowsOut: rec.Charged + rec.Suspense + rec.Waived, Refused: rec.Suspense, Outputs: []string{log, "run/" + run.ID}}
	if run.UsageSlot >= 0 {
		f.Inputs = append(f.Inputs, store.Slot(store.UsageLog(), run.UsageSlot))
	}
	for _, in := range run.Inputs {
		f.Inputs = append(f.Inputs, in.Key)
	}
	var err error
	for _, c := range run.Charges {
		if f.MoneyIn, err = money.Add(f.MoneyIn, c.Unblended); err != nil {
			return f, err
		}
	}
	f.MoneyOut, err = totalOf(run)
	return f, err
}

func totalOf(run period.Run) (sum money.Cost, err error) {
	for _, b := range run.Bills {
		if sum, err = money.Add(sum, b.Total); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// figuresOfPublish compares the invoices with the bills of the close. Each may
// differ from its bill by less than one minor unit, for rounding.
func figuresOfPublish(run period.Run, done *period.Publish, currency money.Currency) (Figures, error) {
	f := Figures{RowsOut: int64(len(done.Invoices)), Currency: string(currency), Inputs: []string{"run/" + run.ID}}
	bills := map[string]money.Cost{}
	for _, b := range run.Bills {
		bills[b.Payer] = b.Total
	}
	for _, i := range done.Invoices {
		exact, ok := bills[i.Payer]
		if !ok {
			return f, fmt.Errorf("invoice %s is of payer %s, of whom the close has no bill; run verify", i.Number, i.Payer)
		}
		f.RowsIn++
		f.Outputs = append(f.Outputs, i.Number)
		if err := f.invoiced(exact, i.Total, currency); err != nil {
			return f, fmt.Errorf("invoice %s: %w", i.Number, err)
		}
	}
	return f, nil
}

func (f *Figures) invoiced(exact, total money.Cost, currency money.Currency) error {
	rounding, err := money.Sub(total, exact)
	if err != nil {
		return err
	}
	minor := int64(1)
	for range currency.MinorUnits() {
		minor *= 10
	}
	units, err := money.MulInt(money.Abs(rounding), minor)
	if err != nil || money.Cmp(units, money.CostFromInt(1)) >= 0 {
		return fmt.Errorf("is %s and its bill %s: they must agree but for rounding; run verify", total, exact)
	}
	for _, sum := range []struct {
		to   *money.Cost
		part money.Cost
	}{{&f.MoneyIn, exact}, {&f.MoneyOut, total}, {&f.Rounding, rounding}} {
		if *sum.to, err = money.Add(*sum.to, sum.part); err != nil {
			return err
		}
	}
	return nil
}

// keepAlarm remembers that an alarm was sent.
func (r *Runner) keepAlarm(ctx context.Context, a Alarm) error {
	data, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("alarm %s: %v", a.ID, err)
	}
	st := r.Pipeline.Store
	err = store.Repeat(ctx, st, func() error { return st.Create(ctx, store.JobAlarm(a.ID), store.BytesBody(data)) })
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}
