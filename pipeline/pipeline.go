// Package pipeline is the month, step by step: ingest, refresh, close, issue,
// publish. Each verb is one method, decides from the logs alone and may be run
// any number of times. It owns the order of the steps; the rooms below it do
// the work and do not know each other.
package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// Pipeline is everything that the verbs need. The clock, the store and the log
// are given to it.
type Pipeline struct {
	Store    store.Store
	TempDir  string           // for files that do not outlive a verb
	Now      func() time.Time // the only clock
	Attempt  string           // unique per start of the program; stands in log records
	Log      *slog.Logger
	Progress func(what string, done, total int64) // may be nil
	Paper    func(io.Writer, bill.Invoice) error  // draws an invoice on paper, as PDF; nil for the usual one

	Organization *schema.Organization
	Prices       Prices
	Offers       *offer.Offers
	Exports      []Export
	Sources      []ingest.Source // declared sources; a snapshot source must be final before a close
	Base         string          // full address of the store's root in manifests, such as s3://bucket/; blank: keys alone
	Declaring    []string        // of Sources: those that declare completeness by marks
	CloseWait    time.Duration   // after the period's end, before it may be closed, for the sources that do not
	CloseAlarm   time.Duration   // after the period's end, when a person must decide about silent sources
	// StoreNow asks the store for its time; nil: it is not asked. A month whose
	// end lies ahead of it is not closed, whatever the clock of this host says.
	StoreNow func(ctx context.Context) (time.Time, error)
	Limits   ingest.Limits

	Workers int   // what is worked on at a time; 0: as many as there are processors. No byte depends on it
	Memory  int64 // bytes that ingest makes do with; 0: 1 GiB
}

// workers is how many things may be worked on at a time.
func (p *Pipeline) workers() int {
	if p.Workers > 0 {
		return p.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// maxEncoders bounds how many files of one report are encoded at a time: each
// holds its rows in memory.
const maxEncoders = 4

// encoders leaves a worker to the charges.
func (p *Pipeline) encoders() int { return max(1, min(p.workers()-1, maxEncoders)) }

// Prices is the price list as text, which is pinned, and as a catalog.
type Prices struct {
	Files   []PriceFile
	Catalog *price.Catalog
}

// PriceFile is one price list file.
type PriceFile struct {
	Name string
	Data []byte
}

// ParsePrices reads price list files, as they come from disk or from a pinned
// input of a run.
func ParsePrices(files []PriceFile) (Prices, error) {
	b := price.NewBuilder()
	for _, f := range files {
		b.ReadCSV(f.Name, bytes.NewReader(f.Data))
	}
	catalog, problems := b.Catalog()
	return Prices{Files: files, Catalog: catalog}, problems.Err()
}

// Export is one export definition of the configuration.
type Export struct {
	Name      string
	Format    report.Format
	Members   bool // one more export per member account, under its own prefix
	ChunkRows int
	Resources bool
}

func (p *Pipeline) stamp() period.Stamp { return period.Stamp{Attempt: p.Attempt, At: p.Now()} }

func (p *Pipeline) progress(what string, done, total int64) {
	if p.Progress != nil {
		p.Progress(what, done, total)
	}
}

func (p *Pipeline) usageLog() period.Log {
	return period.Log{Store: p.Store, Name: store.UsageLog()}
}

func (p *Pipeline) periodLog(issuer string, per schema.Period) period.Log {
	return period.Log{Store: p.Store, Name: store.PeriodLog(issuer, per.Name)}
}

func (p *Pipeline) seriesLog(issuer string) period.Log {
	return period.Log{Store: p.Store, Name: store.Series(issuer, invoiceSeries)}
}

const invoiceSeries = "invoice"

// issuer finds an issuer by id; a blank id means the only one.
func (p *Pipeline) issuer(id string) (schema.Issuer, error) {
	if id == "" && len(p.Organization.Issuers) == 1 {
		return p.Organization.Issuers[0], nil
	}
	i, ok := p.Organization.Issuer(id)
	if !ok {
		return i, fmt.Errorf("issuer %q is not in the organization file", id)
	}
	return i, nil
}

// Issuers returns the ids of all issuers, or the one asked for.
func (p *Pipeline) Issuers(id string) ([]string, error) {
	if id != "" {
		_, err := p.issuer(id)
		return []string{id}, err
	}
	var ids []string
	for _, i := range p.Organization.Issuers {
		ids = append(ids, i.ID)
	}
	return ids, nil
}

// periodOf reads a period name in the issuer's zone.
func periodOf(issuer schema.Issuer, name string) (schema.Period, error) {
	zone, err := issuer.Location()
	if err != nil {
		return schema.Period{}, err
	}
	return schema.ParsePeriod(name, zone)
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readUsage reads the usage log and the state that follows from its records up
// to a slot; a negative slot means all.
func (p *Pipeline) readUsage(ctx context.Context, upTo int64) ([]period.Entry, *period.Usage, error) {
	entries, err := p.usageLog().Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	state, err := period.FoldUsage(entries, upTo)
	return entries, state, err
}

// usageState is readUsage for those who append nothing.
func (p *Pipeline) usageState(ctx context.Context, upTo int64) (*period.Usage, error) {
	_, state, err := p.readUsage(ctx, upTo)
	return state, err
}

// month reads the log of one period.
func (p *Pipeline) month(ctx context.Context, issuer string, per schema.Period) (*period.Month, error) {
	entries, err := p.periodLog(issuer, per).Read(ctx)
	if err != nil {
		return nil, err
	}
	return period.FoldMonth(entries)
}
