// Package sample owns the invention of a believable month: an organization,
// price lists, offers, a configuration and usage files in every format that is
// read, all following from one seed, so that somebody can try the whole program
// without data of their own.
//
// It does not own the formats themselves, reads nothing, and opens no files:
// the caller gives a function that creates them. Nothing in the data comes from
// a real account, person or company.
package sample

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Limits of Options.
const (
	MaxOrganizations = 100
	MaxAccounts      = 100_000
	MaxRecords       = 1_000_000_000
	MaxFiles         = 700  // no file is shorter than an hour of the month
	MaxShare         = 0.25 // of late, duplicate and conflicting records, each
)

// Names of the files beside the usage, and of the two folders of usage.
const (
	ConfigFile       = "monthend.yaml"
	OrganizationFile = "organization.yaml"
	PricesFile       = "prices.csv"
	WonPricesFile    = "prices-krw.csv" // only with three organizations or more
	OffersFile       = "offers.yaml"
	UsageFolder      = "usage" // delivered before the close
	LateFolder       = "late"  // to be moved into UsageFolder after the close
)

// Source is the name of the one source that all records belong to.
const Source = "meter"

// Create opens a new file by its name relative to the sample's folder, with
// slashes. Generate closes what it opened.
type Create func(name string) (io.WriteCloser, error)

// Options says what to make. The same options give the same bytes.
type Options struct {
	Seed          uint64
	Period        schema.Period // the month, by its name; each issuer bills it in its own zone
	Organizations int           // payers, 1 to MaxOrganizations; every third bills in KRW from Asia/Seoul
	Accounts      int           // over all payers and with them; at least two for each payer
	Records       int           // unique usage records, 1 to MaxRecords, late ones included
	Late          float64       // share of Records that comes after the close, 0 to MaxShare
	Duplicates    float64       // share of Records delivered once more, in a later file where there is one
	Conflicts     float64       // share of Records delivered once more with another amount: these become rejects
	Files         int           // usage files before the close, 1 to MaxFiles; each is a stretch of the month
	Simple        bool          // offers are free tier pools alone: no discounts, commitments, fees, credits and taxes
	Formats       []string      // in turn for the files: csv, jsonl or parquet, text also with .gz or .zst
}

// Demo returns the options of a demonstration that a small machine finishes in
// a few seconds: three organizations, one of them in Seoul, of 240 accounts.
func Demo(p schema.Period) Options {
	return Options{Seed: 1, Period: p, Organizations: 3, Accounts: 240, Records: 80_000, Late: 0.002,
		Duplicates: 0.005, Files: 8, Formats: []string{"parquet", "csv.gz", "jsonl.zst", "csv"}}
}

// Summary is what Generate made.
type Summary struct {
	Records       int64 // unique usage records, late ones included
	Late          int64 // of these, those in LateFolder
	Duplicates    int64 // rows delivered once more
	Conflicts     int64 // rows with the id of another record and another amount
	Organizations int
	Accounts      int
	SKUs          int     // in all price lists
	Files         []File  // of usage, in the order of delivery, late ones last
	Usage         []Total // of all unique records, sorted by unit
}

// File is one file of usage.
type File struct {
	Name string
	Rows int64 // with duplicates and conflicts
}

// Total is the exact usage metered in one unit.
type Total struct {
	Unit   string
	Amount money.Usage
}

// Generate makes a complete sample: configuration, organization, price lists,
// offers and usage. Memory depends on the number of metered resources (about
// one for every 300 records, 300 bytes each) and on one Parquet row group for
// each of the two files that are open, not on the length of the files.
func Generate(create Create, opt Options) (Summary, error) {
	if err := opt.check(); err != nil {
		return Summary{}, err
	}
	w, err := newWorld(opt)
	if err != nil {
		return Summary{}, err
	}
	if err := w.writeTexts(create); err != nil {
		return Summary{}, err
	}
	e := newEmitter(w, create)
	if err := e.run(); err != nil {
		return Summary{}, err
	}
	return w.summary(e), nil
}

func (o *Options) check() error {
	ranges := []struct {
		name           string
		value, lo, top int
	}{
		{"organizations", o.Organizations, 1, MaxOrganizations},
		{"accounts", o.Accounts, 2 * o.Organizations, MaxAccounts},
		{"records", o.Records, 1, MaxRecords},
		{"files", o.Files, 1, MaxFiles},
	}
	for _, r := range ranges {
		if r.value < r.lo || r.value > r.top {
			return fmt.Errorf("sample %s: %d is not between %d and %d", r.name, r.value, r.lo, r.top)
		}
	}
	shares := []struct {
		name  string
		value float64
	}{{"late", o.Late}, {"duplicates", o.Duplicates}, {"conflicts", o.Conflicts}}
	for _, s := range shares {
		if !(s.value >= 0 && s.value <= MaxShare) {
			return fmt.Errorf("sample %s: share %v is not between 0 and %v", s.name, s.value, MaxShare)
		}
	}
	if len(o.Formats) == 0 {
		return fmt.Errorf("sample formats: none given, name at least one of csv, jsonl and parquet")
	}
	for _, f := range o.Formats {
		if !knownFormat(f) {
			return fmt.Errorf("sample formats: %q is none of csv, jsonl and parquet, text also with .gz or .zst", schema.Shorten(f))
		}
	}
	return nil
}

// world is everything that is decided before the first usage record is written.
type world struct {
	opt      Options
	period   schema.Period // in UTC
	catalog  *catalog
	org      schema.Organization
	payers   []payer
	meters   []meter
	first    schema.Hour // of any issuer's month
	end      schema.Hour // exclusive
	rowsPerH []int64     // records per hour from first on
}

func newWorld(opt Options) (*world, error) {
	period, err := schema.ParsePeriod(opt.Period.Name, time.UTC)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	w := &world{opt: opt, period: period, catalog: newCatalog(seoul)}
	if opt.Organizations >= wonEvery {
		w.catalog = newCatalog(len(regions))
	}
	rng := rand.New(rand.NewPCG(opt.Seed, 0x6d6f6e7468656e64))
	if err := w.found(rng); err != nil {
		return nil, err
	}
	w.equip(rng)
	return w, nil
}

// summary tells what was decided and what e counted while writing.
func (w *world) summary(e *emitter) Summary {
	return Summary{
		Records: int64(w.opt.Records), Late: e.lateRows, Duplicates: e.duplicateRows, Conflicts: e.conflictRows,
		Organizations: w.opt.Organizations, Accounts: w.opt.Accounts, SKUs: len(w.catalog.skus),
		Files: e.files, Usage: e.totals.list(),
	}
}
