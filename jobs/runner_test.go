package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/jobs/calendar"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
)

// host is one process: a runner over a store that others may share.
type host struct {
	*Runner
	t     *testing.T
	mu    sync.Mutex
	clock time.Time
	usage map[string]string // files that the source has, by name
	told  []string
	log   bytes.Buffer
}

const source = "meter"

func newHost(t *testing.T, st store.Store, at string) *host {
	t.Helper()
	h := &host{t: t, clock: instant(t, at), usage: map[string]string{}}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("../testdata/months/october", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	org, problems := config.LoadOrganization("organization.yaml", read("organization.yaml"))
	offers, more := config.LoadOffers("offers.yaml", read("offers.yaml"))
	if len(problems)+len(more) > 0 {
		t.Fatal(problems, more)
	}
	prices, err := pipeline.ParsePrices([]pipeline.PriceFile{{Name: "prices.csv", Data: read("prices.csv")}})
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.New("", nil, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline.Pipeline{Store: st, TempDir: t.TempDir(), Now: h.now, Attempt: fmt.Sprintf("host-%p", h), Log: slog.New(slog.NewJSONHandler(&h.log, nil)),
		Organization: &org, Prices: prices, Offers: &offers, Limits: ingest.DefaultLimits(), Sources: []ingest.Source{{Name: source}},
		CloseWait: testWait, CloseAlarm: 72 * time.Hour,
		Exports: []pipeline.Export{{Name: "cur2csv", Format: report.CSV, ChunkRows: 1000, Resources: true}}}
	h.Runner = &Runner{Pipeline: p, Ingest: h.ingest,
		Schedule: Schedule{Ingest: cadence(t, "1h"), Report: cadence(t, "8h"), Collect: cadence(t, "24h"), BusinessDay: 3, Latest: 7, Risk: 24 * time.Hour,
			Calendars: map[string]*calendar.Calendar{"acme": cal}},
		Tell: func(_ context.Context, a Alarm) error { h.told = append(h.told, a.ID); return nil }}
	return h
}

func (h *host) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *host) at(text string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = instant(h.t, text)
	return h
}

// has lets the source deliver an hour of a machine for each of the instants.
func (h *host) has(starts ...string) *host {
	for _, s := range starts {
		at := instant(h.t, s)
		h.usage[s] = "record_id,usage_account_id,service_code,usage_type,operation,region_code,resource_id,usage_start,usage_end,usage_amount,unit\n" +
			fmt.Sprintf("r-%s,100000000002,AmazonEC2,BoxUsage:m5.large,RunInstances,us-east-1,i-1,%s,%s,1,Hrs\n", s, s, at.Add(time.Hour).Format(time.RFC3339))
	}
	return h
}

func (h *host) ingest(ctx context.Context) (Figures, error) {
	var files []ingest.Input
	for _, name := range slices.Sorted(maps.Keys(h.usage)) {
		data := h.usage[name]
		files = append(files, ingest.Input{Name: strings.ReplaceAll(name, ":", "") + ".csv", Size: int64(len(data)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }})
	}
	done, err := h.Pipeline.Ingest(ctx, ingest.Source{Name: source}, files)
	if err != nil {
		return Figures{}, err
	}
	read, accepted, duplicate, rejected := done.Totals()
	return Figures{RowsIn: read, RowsOut: accepted + duplicate + rejected, Refused: rejected}, nil
}

// ticks runs a tick and returns what it did, with outcomes.
func (h *host) ticks(wantErr error) []string {
	h.t.Helper()
	out, err := h.Tick(h.t.Context())
	if !errors.Is(err, wantErr) || err != nil && wantErr == nil {
		h.t.Fatalf("tick: error %v, want %v\n%s", err, wantErr, h.log.String())
	}
	var list []string
	for _, r := range out.Records {
		if r.Job != Ingest && r.Job != Report {
			list = append(list, r.Task.String()+": "+r.Outcome)
		}
	}
	return list
}

func keysBelow(t *testing.T, st store.Store, prefix string) []string {
	t.Helper()
	var keys []string
	err := st.List(t.Context(), prefix, func(i store.Info) error { keys = append(keys, i.Key); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func logOf(t *testing.T, h *host, name string) *period.Month {
	t.Helper()
	entries, err := period.Log{Store: h.Pipeline.Store, Name: store.PeriodLog("acme", name)}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := period.FoldMonth(entries)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func record(t *testing.T, st store.Store, key string) Record {
	t.Helper()
	data, err := store.ReadAll(t.Context(), st, key, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Three months pass while nothing runs. The program comes back, finds usage of
// all of them, and closes them in order; each month has the prices of its time.
func TestCase_T22_ThreeMonthsOutageOverTheStore(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z").has("2026-08-10T00:00:00Z", "2026-10-10T00:00:00Z", "2026-10-20T00:00:00Z")
	expect(t, "the first tick", h.ticks(ErrAlarm), "close acme 2026-08: done", "close acme 2026-09: done", "close acme 2026-10: done",
		"issue acme 2026-08: done", "publish acme 2026-08: done", "issue acme 2026-09: done", "publish acme 2026-09: done",
		"issue acme 2026-10: done", "publish acme 2026-10: done")
	expect(t, "the second", h.ticks(nil))
	august, september, october := logOf(t, h, "2026-08"), logOf(t, h, "2026-09"), logOf(t, h, "2026-10")
	if got := august.Close.Run.Bills[0].Total.String(); got != "0.096" {
		t.Errorf("August: %s", got)
	}
	if got := october.Close.Run.Bills[0].Total.String(); got != "0.1872" { // the price fell on the 16th
		t.Errorf("October: %s", got)
	}
	if len(september.Close.Run.Bills) != 0 || len(september.Publish.Invoices) != 0 || september.Close.Run.Records != (period.Records{}) {
		t.Errorf("September had no usage: %+v", september.Close.Run)
	}
	if !august.Noted(period.NoteDeadlineMissed, "") || !september.Noted(period.NoteDeadlineMissed, "") || october.Noted(period.NoteDeadlineMissed, "") {
		t.Error("August and September were late, October was not; the logs say otherwise")
	}
	expect(t, "told", h.told, "deadline-missed-acme-2026-08-20261105", "deadline-missed-acme-2026-09-20261105")
	r := record(t, h.Pipeline.Store, store.JobDone(Close, "acme-2026-10"))
	if r.RowsIn != 2 || r.RowsOut != 2 || r.MoneyIn.String() != "0.1872" || r.MoneyOut != r.MoneyIn || r.Currency != "USD" || r.Outcome != Done || len(r.Inputs) == 0 || len(r.Outputs) == 0 {
		t.Errorf("record %+v", r)
	}
	if r = record(t, h.Pipeline.Store, store.JobDone(Publish, "acme-2026-10")); r.MoneyIn.String() != "0.1872" || r.MoneyOut.String() != "0.19" || r.Rounding.String() != "0.0028" {
		t.Errorf("record %+v", r)
	}
}

// A month without usage closes with zero totals and uses no number.
func TestCase_T35_MonthWithoutUsage(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z").has("2026-10-10T00:00:00Z")
	h.ticks(nil)
	h.at("2026-12-04T12:00:00Z")
	expect(t, "November", h.ticks(nil), "close acme 2026-11: done", "issue acme 2026-11: done", "publish acme 2026-11: done")
	m := logOf(t, h, "2026-11")
	if rec := m.Close.Run.Records; rec != (period.Records{}) || len(m.Publish.Invoices) != 0 {
		t.Errorf("November has %+v and %d invoices", rec, len(m.Publish.Invoices))
	}
	h.has("2026-12-10T00:00:00Z").at("2027-01-07T12:00:00Z")
	h.ticks(nil)
	if got := logOf(t, h, "2026-12").Publish.Invoices[0].Number; got != "AC-000002" {
		t.Errorf("December's invoice is %s, want the number after October's", got)
	}
}

// Two schedulers start at once, and others a little later: one CLOSE, one ISSUE,
// and nobody fails.
func TestCase_T19_SixWorkersAtOnce(t *testing.T) {
	st := store.NewMemory()
	newHost(t, st, "2026-10-15T00:00:00Z").has("2026-10-10T00:00:00Z").ticks(nil)
	var all sync.WaitGroup
	for range 6 {
		h := newHost(t, st, "2026-11-05T12:00:00Z")
		all.Go(func() {
			if _, err := h.Tick(t.Context()); err != nil {
				t.Errorf("tick: %v\n%s", err, h.log.String())
			}
		})
	}
	all.Wait()
	h := newHost(t, st, "2026-11-05T12:00:01Z")
	expect(t, "the next", h.ticks(nil))
	kinds := map[string]int{}
	for _, e := range logOf(t, h, "2026-10").Entries {
		kinds[e.Kind]++
	}
	if kinds[period.KindClose] != 1 || kinds[period.KindPublish] != 1 || len(keysBelow(t, st, store.Series("acme", "invoice"))) != 1 {
		t.Errorf("records %v, %q", kinds, keysBelow(t, st, "series/"))
	}
}

// Two schedulers ten minutes apart: the second finds the work done.
func TestCase_T18_TenMinutesApart(t *testing.T) {
	st := store.NewMemory()
	first := newHost(t, st, "2026-11-01T06:00:00Z").has("2026-10-10T00:00:00Z")
	expect(t, "first", first.ticks(nil), "close acme 2026-10: done")
	before := keysBelow(t, st, "")
	expect(t, "second", newHost(t, st, "2026-11-01T06:10:00Z").ticks(nil))
	expect(t, "objects", keysBelow(t, st, ""), before...)
}

// Two hosts whose clocks differ by half a second, at the instant at which the
// month may be closed: the log decides, not the clocks.
func TestCase_T09_HalfASecondApart(t *testing.T) {
	st := store.NewMemory()
	first := newHost(t, st, "2026-11-01T06:00:00Z").has("2026-10-10T00:00:00Z")
	second := newHost(t, st, "2026-11-01T05:59:59.5Z")
	expect(t, "first", first.ticks(nil), "close acme 2026-10: done")
	expect(t, "second", second.ticks(nil))
	expect(t, "second, when its clock has come as far", second.at("2026-11-01T06:00:00Z").ticks(nil))
}

// Usage of a month that has not begun is told, and holds nothing up.
func TestCase_T32_UsageAheadIsAnAlarm(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-02T12:00:00Z").has("2026-10-10T00:00:00Z", "2027-03-10T00:00:00Z")
	expect(t, "tick", h.ticks(ErrAlarm), "close acme 2026-10: done")
	expect(t, "told", h.told, "usage-ahead-acme-2027-03-20261102")
}

// The clock of the host ran a month ahead: the store knows better.
func TestCase_T17_ClockAMonthAhead(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z").has("2026-10-10T00:00:00Z")
	h.Pipeline.StoreNow = func(context.Context) (time.Time, error) { return instant(t, "2026-10-31T23:59:59Z"), nil }
	expect(t, "tick", h.ticks(pipeline.ErrBlocked), "close acme 2026-10: blocked")
	if !strings.Contains(h.log.String(), "the store's clock shows 2026-10-31T23:59:59Z") {
		t.Error(h.log.String())
	}
	h.Pipeline.StoreNow = func(context.Context) (time.Time, error) { return instant(t, "2026-11-01T00:00:00Z"), nil }
	expect(t, "when both agree", h.ticks(nil), "close acme 2026-10: done", "issue acme 2026-10: done", "publish acme 2026-10: done")
}

// The month ends while a tick runs: what is closed is what was due, not what the
// clock shows at the end.
func TestCase_T24_MidnightDuringTheRun(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-10-31T23:59:58Z").has("2026-10-10T00:00:00Z", "2026-10-31T23:00:00Z")
	h.Pipeline.CloseWait = 0
	inner := h.Runner.Ingest
	h.Runner.Ingest = func(ctx context.Context) (Figures, error) {
		f, err := inner(ctx)
		h.at("2026-11-01T00:00:03Z")
		return f, err
	}
	h.ticks(nil)
	if m := logOf(t, h, "2026-10"); m.Close == nil || m.Close.Run.Records.Charged != 2 || logOf(t, h, "2026-11").Close != nil {
		t.Errorf("October: %+v", m)
	}
}

// A source that declares completeness is waited for; its silence becomes an
// alarm, and a person decides.
func TestMarks(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-01T00:00:00Z").has("2026-10-10T00:00:00Z")
	p := h.Pipeline
	p.Declaring = []string{source}
	expect(t, "midnight", h.ticks(nil))
	if _, err := p.Mark(t.Context(), source, instant(t, "2026-10-31T00:00:00Z"), "ops"); err != nil {
		t.Fatal(err)
	}
	expect(t, "a mark short of the end", h.at("2026-11-03T23:59:59Z").ticks(nil))
	expect(t, "72 hours later", h.at("2026-11-04T00:00:00Z").ticks(pipeline.ErrBlocked))
	expect(t, "told", h.told, "close-blocked-acme-2026-10-20261104")
	h.ticks(pipeline.ErrBlocked)
	expect(t, "told once a day", h.told, "close-blocked-acme-2026-10-20261104")
	if _, err := p.Mark(t.Context(), source, instant(t, "2026-11-01T00:00:00Z"), "ops"); err != nil {
		t.Fatal(err)
	}
	expect(t, "declared", h.ticks(nil), "close acme 2026-10: done", "issue acme 2026-10: done", "publish acme 2026-10: done")

	h.has("2026-11-10T00:00:00Z").at("2026-12-04T12:00:00Z")
	expect(t, "November is silent", h.ticks(pipeline.ErrBlocked))
	if err := p.CloseWithoutMarks(t.Context(), "acme", "2026-11", []string{source}, "the meter was retired", "kim"); err != nil {
		t.Fatal(err)
	}
	expect(t, "excused", h.ticks(nil), "close acme 2026-11: done", "issue acme 2026-11: done", "publish acme 2026-11: done")
	if n := logOf(t, h, "2026-11").Notes; len(n) != 1 || n[0].Text != "the meter was retired" || n[0].By != "kim" || n[0].Source != source {
		t.Errorf("notes %+v", n)
	}
}

func TestMarkRefuses(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-01T00:00:00Z")
	p := h.Pipeline
	if _, err := p.Mark(t.Context(), source, h.clock, ""); err == nil || !strings.Contains(err.Error(), "does not declare completeness") {
		t.Error(err)
	}
	p.Declaring = []string{source}
	if _, err := p.Mark(t.Context(), source, h.clock.Add(2*time.Hour), ""); err == nil || !strings.Contains(err.Error(), "lies in the future") {
		t.Error(err)
	}
	for range 3 { // the same again is no new record
		if at, err := p.Mark(t.Context(), source, h.clock, ""); err != nil || !at.Equal(h.clock) {
			t.Error(at, err)
		}
	}
	if at, err := p.Mark(t.Context(), source, h.clock.Add(-time.Hour), ""); err != nil || !at.Equal(h.clock) {
		t.Errorf("a mark went back: %s %v", at, err)
	}
	if n := len(keysBelow(t, p.Store, store.UsageLog())); n != 1 {
		t.Errorf("%d records", n)
	}
}

// What blocks a close is found out once, told, and not tried in vain again until
// the log goes on.
func TestBlockedCloseIsNotTriedAgain(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-02T12:00:00Z").has("2026-10-10T00:00:00Z")
	h.usage["odd"] = strings.ReplaceAll(h.usage["2026-10-10T00:00:00Z"], "BoxUsage:m5.large", "BoxUsage:odd")
	h.usage["odd"] = strings.ReplaceAll(h.usage["odd"], "r-2026", "odd-2026")
	expect(t, "first", h.ticks(pipeline.ErrBlocked), "close acme 2026-10: blocked")
	expect(t, "again", h.ticks(pipeline.ErrBlocked))
	expect(t, "told", h.told, "close-blocked-acme-2026-10-20261102")
	if keys := keysBelow(t, h.Pipeline.Store, "jobs/close"); len(keys) != 1 || !strings.Contains(keys[0], "/failed-") {
		t.Errorf("records %q", keys)
	}
	pending, err := h.Pipeline.Pending(t.Context(), "acme", "2026-10")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Pipeline.Waive(t.Context(), pending, []string{pending.Suspense[0].ID}, "a test", "kim"); err != nil {
		t.Fatal(err)
	}
	expect(t, "waived", h.ticks(nil), "close acme 2026-10: done")
}

// A stop is honoured before the next step, and the next start goes on.
func TestCase_P04_StopsBeforeTheNextStep(t *testing.T) {
	st := store.NewMemory()
	h := newHost(t, st, "2026-11-05T12:00:00Z").has("2026-10-10T00:00:00Z")
	ctx, stop := context.WithCancel(t.Context())
	inner := h.Runner.Ingest
	h.Runner.Ingest = func(context.Context) (Figures, error) {
		defer stop()
		return inner(context.WithoutCancel(ctx))
	}
	out, err := h.Tick(ctx)
	if !errors.Is(err, context.Canceled) || len(out.Records) != 1 {
		t.Fatalf("records %v, error %v", out.Records, err)
	}
	expect(t, "the next start", newHost(t, st, "2026-11-05T12:00:00Z").ticks(nil),
		"close acme 2026-10: done", "issue acme 2026-10: done", "publish acme 2026-10: done")
}

// Nothing due means nothing written: a tick needs no right to write then.
func TestCase_P23_IdleTickWritesNothing(t *testing.T) {
	st := store.NewMemory()
	h := newHost(t, st, "2026-11-05T12:00:00Z").has("2026-10-10T00:00:00Z")
	h.ticks(nil)
	h.Pipeline.Store = readOnly{st}
	h.Ready = func(context.Context) error { return errors.New("asked") }
	expect(t, "idle", h.ticks(nil))
}

type readOnly struct{ store.Store }

func (readOnly) Create(context.Context, string, store.Body) error  { return store.ErrDenied }
func (readOnly) Replace(context.Context, string, store.Body) error { return store.ErrDenied }
func (readOnly) Delete(context.Context, string) error              { return store.ErrDenied }

func TestProbeFailureIsAnAlarm(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z")
	h.Ready = func(context.Context) error { return fmt.Errorf("%w: overwritten", store.ErrUnsupported) }
	expect(t, "nothing is done", h.ticks(store.ErrUnsupported))
	expect(t, "told", h.told, "probe-failed-20261105")
}

// One job's failure is told, and the others are done.
func TestFailureOfOneJob(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z")
	broken := errors.New("the meter's folder is gone")
	h.Runner.Ingest = func(context.Context) (Figures, error) { return Figures{}, broken }
	h.Runner.Collect = func(context.Context) (Figures, error) { return Figures{RowsIn: 2, RowsOut: 1}, nil }
	out, err := h.Tick(t.Context())
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "2 rows went in and 1 came out") || len(out.Records) != 2 {
		t.Errorf("records %v, error %v", out.Records, err)
	}
	expect(t, "told", h.told, "job-failed-ingest-20261105", "job-failed-collect-20261105")
}

// The daemon does at once what is due, and stops when it is told to.
func TestDaemon(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z").has("2026-10-10T00:00:00Z")
	ctx, stop := context.WithCancel(t.Context())
	ticks := 0
	interrupted := h.Run(ctx, func(_ *Outcome, err error) {
		if err != nil {
			t.Error(err)
		}
		ticks++
		stop()
	})
	if interrupted || ticks != 1 || logOf(t, h, "2026-10").Publish == nil {
		t.Errorf("%d ticks, interrupted %v", ticks, interrupted)
	}
}

// A panic in a job ends that tick, not the daemon.
func TestCase_P17_PanicDoesNotEndTheDaemon(t *testing.T) {
	h := newHost(t, store.NewMemory(), "2026-11-05T12:00:00Z")
	ctx, stop := context.WithCancel(t.Context())
	h.Runner.Ingest = func(context.Context) (Figures, error) { stop(); panic("a bug") }
	h.Run(ctx, func(*Outcome, error) { t.Error("a tick that panicked came to an end") })
	if !strings.Contains(h.log.String(), "a bug") {
		t.Error("the panic is not in the log")
	}
}

func TestWaking(t *testing.T) {
	w := waking{Schedule{Ingest: cadence(t, "1h"), Report: cadence(t, "7m")}}
	for at, want := range map[string]string{"2026-11-05T12:01:00Z": "2026-11-05T12:08:00Z", "2026-11-05T12:14:59Z": "2026-11-05T12:15:00Z"} {
		if got := w.Next(instant(t, at)); got.After(instant(t, want)) {
			t.Errorf("%s: %s, want %s at the latest", at, got, want)
		}
	}
}
