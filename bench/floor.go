package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/monthend/monthend/bench/month"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

// floor decodes the delivered usage and encodes both outputs, charges and
// report, on both cores, and does nothing of what lies between. The charges
// are those of a closed month; fetching them is not counted.
func (j *job) floor() error {
	p, err := j.open()
	if err != nil {
		return err
	}
	defer os.RemoveAll(j.temp)
	closed, err := p.Close(j.ctx, "bench", month.Period) // was closed before: only the record is read
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(math.MaxInt64) // the charges are all in memory, which is not to count
	c := clock{time.Now()}
	if err := j.decode(); err != nil {
		return err
	}
	j.lap(&c, "decode usage")
	owner := ownerOf(p, closed.Run)
	charges, err := j.charges(p, closed.Run, owner)
	if err != nil {
		return err
	}
	c.last = time.Now()
	if err := j.encode(owner, charges); err != nil {
		return err
	}
	j.lap(&c, "encode charges and report")
	return j.sum(closed.Run.Charges)
}

// decode reads every delivered file, two at a time.
func (j *job) decode() error {
	files, err := j.inputs()
	if err != nil {
		return err
	}
	return store.InParallel(2, len(files), func(i int) error {
		_, err := ingest.ReadGroups(j.ctx, files[i], ingest.Options{Source: month.Source, Limits: ingest.DefaultLimits()},
			func(*schema.Record) error { return nil }, func(*batch.Group) error { return nil },
			func(r ingest.Rejected) error { return r.Problem })
		return err
	})
}

func ownerOf(p *pipeline.Pipeline, run period.Run) *batch.Owner {
	payer := p.Organization.Payers[0]
	o := &batch.Owner{Issuer: run.Issuer, IssuerName: p.Organization.Issuers[0].Name, Payer: payer.AccountID, PayerName: payer.Name,
		PricingCurrency: "USD", BillingCurrency: "USD", Period: run.Period, AccountNames: map[string]string{}}
	for _, a := range payer.Accounts {
		o.AccountNames[a.ID] = a.Name
	}
	return o
}

func (j *job) charges(p *pipeline.Pipeline, run period.Run, owner *batch.Owner) ([]*batch.Charges, error) {
	dims, prices, terms := batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms()
	var all []*batch.Charges
	for _, o := range run.Charges {
		f, err := store.Fetch(j.ctx, p.Store, o.Key, j.temp)
		if err != nil {
			return nil, err
		}
		err = spool.ReadCharges(j.ctx, f, owner, dims, prices, terms, func(c *batch.Charges) error {
			kept := batch.NewCharges(owner, dims, prices)
			kept.Terms = terms
			kept.AppendAll(c)
			all = append(all, kept)
			return nil
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// encode writes charges and report side by side.
func (j *job) encode(owner *batch.Owner, charges []*batch.Charges) error {
	var group sync.WaitGroup
	var first, second error
	group.Go(func() { first = j.encodeCharges(charges) })
	group.Go(func() { second = j.encodeReport(owner, charges) })
	group.Wait()
	return errors.Join(first, second)
}

func (j *job) encodeCharges(charges []*batch.Charges) error {
	f, err := os.Create(filepath.Join(j.temp, "charges.parquet"))
	if err != nil {
		return err
	}
	w := &spool.ChargesWriter{}
	if err := w.Begin(struct{ io.Writer }{f}); err != nil {
		return err
	}
	for _, c := range charges {
		if err := w.Write(c); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), f.Close())
}

func (j *job) encodeReport(owner *batch.Owner, charges []*batch.Charges) error {
	w, err := report.NewWriter(context.WithoutCancel(j.ctx), report.Spec{Owner: owner, Dir: j.temp, Name: "cur2", Workers: 2,
		Settings: column.Settings{Resources: true}})
	if err != nil {
		return err
	}
	for _, c := range charges {
		if err := w.Write(c); err != nil {
			break
		}
	}
	_, err = w.Close()
	return err
}
