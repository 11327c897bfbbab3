package pipeline_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// A run-id depends on how usage was batched. The runs that count here are those
// of CLOSE records, without the segments of a refresh of the same run-id.
var (
	runKeys   = regexp.MustCompile(`^run/([^/]+)/`)
	segment   = regexp.MustCompile(`/charges/[0-9]+/(month|[0-9]{4}-[0-9]{2}-[0-9]{2})-`)
	closedRun = regexp.MustCompile(`"kind":"CLOSE".*"run_id":"([^"]+)"`)
)

// results are the objects that depend on what the usage says, and on nothing
// else: charges, bills, data files of reports, invoices. The run-id is taken out
// of the keys.
func results(t testing.TB, st store.Store) map[string][]byte {
	t.Helper()
	all, found, closed := objects(t, st), map[string][]byte{}, map[string]bool{}
	for key, data := range all {
		if m := closedRun.FindSubmatch(data); strings.HasPrefix(key, "log/") && m != nil {
			closed[string(m[1])] = true
		}
	}
	for key, data := range all {
		run := runKeys.FindStringSubmatch(key)
		switch {
		case strings.HasPrefix(key, "log/"), strings.HasPrefix(key, "usage/"), strings.HasPrefix(key, "series/"),
			strings.Contains(key, "/metadata/"):
		case run != nil && closed[run[1]] && !segment.MatchString(key):
			found[runKeys.ReplaceAllString(key, "run/")] = data
		case run != nil:
		default:
			found[key] = data
		}
	}
	return found
}

func sameResults(t *testing.T, what string, want, got map[string][]byte) {
	t.Helper()
	if len(want) == 0 {
		t.Fatalf("%s: there is nothing to compare", what)
	}
	if d := differences(want, got, nothing); len(d) > 0 {
		t.Errorf("%s: %d of %d objects differ, such as %s", what, len(d), len(want), d[0])
	}
}

// wholeMonth delivers each part by itself and goes to the invoice.
func wholeMonth(w *world, parts ...[]ingest.Input) map[string][]byte {
	w.t.Helper()
	for _, files := range parts {
		w.ingest(source(), files...)
	}
	w.close("2026-10")
	w.at("2026-11-04T09:00:00Z")
	w.finish("2026-10")
	return results(w.t, w.Store)
}

// TestSameBytes delivers one month in many ways. Nothing conflicts, so all of
// them give the same charges, bills, reports and invoices.
func TestSameBytes(t *testing.T) {
	files := folder(t, "october/usage")
	want := wholeMonth(october(t), files)
	ways := map[string][][]ingest.Input{
		"again":                   {files},
		"Case_D07_backwards":      {{files[2], files[1], files[0]}},
		"file by file":            {files[2:], files[:1], files[1:2]},
		"redelivered":             {files, files[1:], files},
		"under other names":       {files, {renamed(files[0], "copy.csv"), files[1]}},
		"line by line":            {splitLines(t, files, 1)},
		"as JSON":                 {{asJSON(t, files[0], nil), asJSON(t, files[1], nil)}, files[2:]},
		"as JSON and CSV":         {{asJSON(t, files[0], nil)}, files, {asJSON(t, files[1], nil)}},
		"Case_D07_lines shuffled": {{asJSON(t, files[0], rand.New(rand.NewPCG(1, 2))), asJSON(t, files[1], rand.New(rand.NewPCG(3, 4)))}, files[2:]},
	}
	for name, parts := range ways {
		t.Run(name, func(t *testing.T) { sameResults(t, name, want, wholeMonth(october(t), parts...)) })
	}
	t.Run("with reports in between", func(t *testing.T) {
		w := october(t)
		for _, f := range files {
			w.ingest(source(), f)
			w.refresh("2026-10")
		}
		sameResults(t, "with reports in between", want, wholeMonth(w, files))
	})
}

// TestSameKeys runs one month twice in stores of their own: every object is the
// same, logs included, since clock and attempt are given.
func TestSameKeys(t *testing.T) {
	var all [2]map[string][]byte
	for i := range all {
		old := runtime.GOMAXPROCS(i + 1)
		w := october(t)
		wholeMonth(w, folder(t, "october/usage"))
		all[i] = objects(t, w.Store)
		runtime.GOMAXPROCS(old)
	}
	if d := differences(all[0], all[1], nothing); len(d) > 0 {
		t.Errorf("two runs differ in %q", d)
	}
}

// TestSampleInEveryFormat rates a generated month of three payers and two
// issuers, delivered in other formats and in another number of files.
func TestSampleInEveryFormat(t *testing.T) {
	var want map[string][]byte
	for _, way := range []struct {
		files   int
		formats []string
	}{{3, []string{"csv"}}, {5, []string{"parquet"}}, {1, []string{"jsonl.zst"}}, {4, []string{"csv.gz", "parquet", "jsonl"}}} {
		name := fmt.Sprintf("%d files of %v", way.files, way.formats)
		w, files := sampleWorld(t, func(o *sample.Options) { o.Files, o.Formats = way.files, way.formats })
		w.ingest(source(), files...)
		for _, issuer := range w.Organization.Issuers {
			if _, err := w.Close(ctx(), issuer.ID, "2026-10"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got := results(t, w.Store)
		if want == nil {
			want = got
			continue
		}
		sameResults(t, name, want, got)
	}
}

// sampleWorld is a generated month and the files of its usage before the close.
func sampleWorld(t *testing.T, change func(*sample.Options)) (*world, []ingest.Input) {
	t.Helper()
	per, err := schema.ParsePeriod("2026-10", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	opt := sample.Demo(per)
	opt.Accounts, opt.Records, opt.Late, opt.Duplicates = 12, 1500, 0, 0
	change(&opt)
	made := map[string]*bytes.Buffer{}
	sum, err := sample.Generate(func(name string) (io.WriteCloser, error) {
		made[name] = &bytes.Buffer{}
		return nopCloser{made[name]}, nil
	}, opt)
	if err != nil {
		t.Fatal(err)
	}
	w := october(t)
	w.organization(made[sample.OrganizationFile].String())
	w.offers(made[sample.OffersFile].String())
	w.Prices, err = pipeline.ParsePrices([]pipeline.PriceFile{{Name: sample.PricesFile, Data: made[sample.PricesFile].Bytes()},
		{Name: sample.WonPricesFile, Data: made[sample.WonPricesFile].Bytes()}})
	if err != nil {
		t.Fatal(err)
	}
	var files []ingest.Input
	for _, f := range sum.Files {
		if strings.HasPrefix(f.Name, sample.UsageFolder) {
			files = append(files, file(f.Name, made[f.Name].Bytes()))
		}
	}
	return w, files
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func renamed(f ingest.Input, name string) ingest.Input {
	f.Name = name
	return f
}

func content(t testing.TB, f ingest.Input) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// splitLines cuts files into files of n records.
func splitLines(t testing.TB, files []ingest.Input, n int) []ingest.Input {
	t.Helper()
	var parts []ingest.Input
	for _, f := range files {
		lines := strings.SplitAfter(string(content(t, f)), "\n")
		header := ""
		if strings.HasSuffix(f.Name, ".csv") {
			header, lines = lines[0], lines[1:]
		}
		for from := 0; from < len(lines)-1; from += n {
			data := header + strings.Join(lines[from:min(from+n, len(lines))], "")
			parts = append(parts, file(fmt.Sprintf("%d-%s", from, f.Name), []byte(data)))
		}
	}
	return parts
}

// asJSON turns a CSV file into JSON lines, shuffled when order is given.
func asJSON(t testing.TB, f ingest.Input, order *rand.Rand) ingest.Input {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(content(t, f))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range rows[1:] {
		object := map[string]any{}
		for i, value := range row {
			switch name := rows[0][i]; {
			case value == "":
			case name == "tags":
				object[name] = json.RawMessage(value)
			default:
				object[name] = value
			}
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	if order != nil {
		order.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	return file(f.Name+".jsonl", []byte(strings.Join(lines, "\n")+"\n"))
}
