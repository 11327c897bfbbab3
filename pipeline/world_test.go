package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/money"
)

// months holds whole months as files.
const months = "../testdata/months"

// meter is the source of events in these tests.
const meter = "meter"

// world is a pipeline over a store of its own with the prices, offers and
// organization of a month's folder.
type world struct {
	*pipeline.Pipeline
	t     testing.TB
	clock time.Time
}

// newWorld is a world over a given store, a day after October 2026 has ended.
func newWorld(t testing.TB, st store.Store) *world {
	t.Helper()
	w := &world{t: t}
	w.Pipeline = &pipeline.Pipeline{
		Store: st, TempDir: t.TempDir(), Now: func() time.Time { return w.clock }, Attempt: "test",
		Log: slog.New(slog.DiscardHandler), Limits: ingest.DefaultLimits(),
		Exports: []pipeline.Export{
			{Name: "cur2", Format: report.Parquet, ChunkRows: 1000, Resources: true},
			{Name: "cur2csv", Format: report.CSV, ChunkRows: 1000, Resources: true, Members: true},
		},
	}
	w.at("2026-11-02T09:00:00Z")
	w.folder("october")
	return w
}

// folder takes organization, prices and offers from a month's folder.
func (w *world) folder(name string) {
	w.t.Helper()
	w.organization(text(w.t, name+"/organization.yaml"))
	w.prices(text(w.t, name+"/prices.csv"))
	w.offers(text(w.t, name+"/offers.yaml"))
}

// monthOf is a world with the organization, prices and offers of a folder.
func monthOf(t testing.TB, name string) *world {
	w := october(t)
	w.folder(name)
	return w
}

func october(t testing.TB) *world { return newWorld(t, store.NewMemory()) }

// again is another process over the same store and configuration.
func (w *world) over(st store.Store) *world {
	p := *w.Pipeline
	n := &world{Pipeline: &p, t: w.t, clock: w.clock}
	p.Store, p.Now = st, func() time.Time { return n.clock }
	return n
}

func text(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(months, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (w *world) at(instant string) {
	w.t.Helper()
	at, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock = at
}

func (w *world) organization(yaml string) {
	w.t.Helper()
	org, problems := config.LoadOrganization("organization.yaml", []byte(yaml))
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	w.Organization = &org
}

func (w *world) offers(yaml string) {
	w.t.Helper()
	offers, problems := config.LoadOffers("offers.yaml", []byte(yaml))
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	w.Offers = &offers
}

func (w *world) prices(csv string) {
	w.t.Helper()
	prices, err := pipeline.ParsePrices([]pipeline.PriceFile{{Name: "prices.csv", Data: []byte(csv)}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Prices = prices
}

// source is the usual source of events: a faulty file is refused whole.
func source() ingest.Source { return ingest.Source{Name: meter} }

func rowsSource() ingest.Source { return ingest.Source{Name: meter, RowRejects: true} }

func (w *world) ingest(s ingest.Source, files ...ingest.Input) *pipeline.Ingested {
	w.t.Helper()
	out, err := w.Ingest(ctx(), s, files)
	if err != nil {
		w.t.Fatalf("ingest: %v", err)
	}
	read, accepted, duplicate, rejected := out.Totals()
	if read != accepted+duplicate+rejected {
		w.t.Fatalf("read %d = accepted %d + duplicate %d + rejected %d does not hold", read, accepted, duplicate, rejected)
	}
	return out
}

func (w *world) refresh(name string) *period.Run {
	w.t.Helper()
	run, err := w.Refresh(ctx(), "", name)
	if err != nil {
		w.t.Fatalf("refresh %s: %v", name, err)
	}
	return run
}

func (w *world) close(name string) *period.Close {
	w.t.Helper()
	c, err := w.Close(ctx(), "", name)
	if err != nil {
		w.t.Fatalf("close %s: %v", name, err)
	}
	if rec := c.Run.Records; rec.Accepted != rec.Charged+rec.Waived || rec.Suspense != 0 {
		w.t.Fatalf("closed %s with records %+v: accepted must be charged or waived", name, rec)
	}
	return c
}

func (w *world) finish(name string) *period.Publish {
	w.t.Helper()
	if _, err := w.Issue(ctx(), "", name); err != nil {
		w.t.Fatalf("issue %s: %v", name, err)
	}
	done, err := w.Publish(ctx(), "", name)
	if err != nil {
		w.t.Fatalf("publish %s: %v", name, err)
	}
	return done
}

func ctx() context.Context { return context.Background() }

// file is a delivered file.
func file(name string, data []byte) ingest.Input {
	return ingest.Input{Name: name, Size: int64(len(data)),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		OpenAt: func() (ingest.ReaderAtCloser, error) { return readerAt{bytes.NewReader(data)}, nil }}
}

func inputs(files ...ingest.Input) []ingest.Input { return files }

type readerAt struct{ *bytes.Reader }

func (readerAt) Close() error { return nil }

// folder returns the usage files of a month's folder, sorted by name.
func folder(t testing.TB, dir string) []ingest.Input {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(months, dir, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s holds no files (%v)", dir, err)
	}
	var files []ingest.Input
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file(filepath.Base(path), data))
	}
	return files
}

// usage is a record as a line of CSV.
type usage struct {
	id, account, service, kind, operation, region string
	resource, start, end, amount, unit            string
	cost, currency                                string
}

const usageHeader = "record_id,usage_account_id,service_code,usage_type,operation,region_code,resource_id,usage_start,usage_end,usage_amount,unit,cost,currency"

func (u usage) line() string {
	return strings.Join([]string{u.id, u.account, u.service, u.kind, u.operation, u.region, u.resource, u.start, u.end,
		u.amount, u.unit, u.cost, u.currency}, ",")
}

// instance is an hour of a virtual machine, a good record to be spoilt.
func instance(id, start string) usage {
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		panic(err)
	}
	return usage{id: id, account: "100000000002", service: "AmazonEC2", kind: "BoxUsage:m5.large", operation: "RunInstances",
		region: "us-east-1", resource: "i-1", start: start, end: at.Add(time.Hour).Format(time.RFC3339), amount: "1", unit: "Hrs"}
}

func csvFile(name string, records ...usage) ingest.Input {
	lines := []string{usageHeader}
	for _, r := range records {
		lines = append(lines, r.line())
	}
	return file(name, []byte(strings.Join(lines, "\n")+"\n"))
}

// objects reads every object of a store.
func objects(t testing.TB, st store.Store) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := st.List(ctx(), "", func(i store.Info) error {
		data, err := store.ReadAll(ctx(), st, i.Key, i.Size)
		all[i.Key] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// differences names the keys in which two stores differ, those that ignore
// picks apart.
func differences(a, b map[string][]byte, ignore func(key string) bool) []string {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if x, inA := a[k]; !ignore(k) && (!bytes.Equal(x, b[k]) || inA != has(b, k)) {
			list = append(list, k)
		}
	}
	return list
}

func has[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}

func nothing(string) bool { return false }

// total sums the bills of a run.
func total(t testing.TB, run period.Run) money.Cost {
	t.Helper()
	var sum money.Cost
	for _, b := range run.Bills {
		var err error
		if sum, err = money.Add(sum, b.Total); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

// wantError fails unless err says each of the given things.
func wantError(t testing.TB, err error, says ...string) {
	t.Helper()
	for _, s := range says {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Fatalf("error %v, want one that says %q", err, s)
		}
	}
}
