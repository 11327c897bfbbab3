package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"github.com/monthend/monthend/pipeline/pages"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
)

func TestMain(m *testing.M) {
	pages.UsePortableSnappy() // as the program does
	os.Exit(m.Run())
}

var update = flag.Bool("update", false, "rewrite the expected files of testdata/months")

// TestMonth walks the month of a folder from usage to invoice and compares
// everything in the store with the folder's want/, byte for byte.
func TestMonth(t *testing.T) {
	for _, m := range []struct{ name, month, refreshed, closed, issued string }{
		{"october", "2026-10", "2026-10-20T12:00:00Z", "2026-11-01T00:00:00Z", "2026-11-04T09:00:00Z"},
		{"november", "2026-11", "2026-11-20T12:00:00Z", "2026-12-01T00:00:00Z", "2026-12-03T09:00:00Z"},
	} {
		t.Run(m.name, func(t *testing.T) {
			w := monthOf(t, m.name)
			w.at(m.refreshed)
			w.ingest(source(), folder(t, m.name+"/usage")...)
			w.refresh(m.month)
			w.at(m.closed)
			w.close(m.month)
			w.at(m.issued)
			w.finish(m.month)
			compareFolder(t, filepath.Join(months, m.name, "want"), readable(t, objects(t, w.Store)))
		})
	}
}

// TestFigures holds the October month against figures worked out by hand, so
// that rewriting the expected files cannot make a wrong sum right.
func TestFigures(t *testing.T) {
	w := october(t)
	w.ingest(source(), folder(t, "october/usage")...)
	run := w.close("2026-10").Run
	for payer, want := range map[string]string{
		// m5.large: (1+0.5+1+1+1)*0.096 + (0.75+1+1)*0.0912 = 0.6828; volumes: 39.75 of which 30 free. The dearer gp2
		// takes 12.5, gp3 the next 17.5 of the first 20, so 2.5+7.25 gp3 cost 0.78; storage: 50*0.023 + 450*0.022 +
		// 170.625000001*0.021 = 14.633125000021; puts: 733 of 2733 cost 0.003665; refund -1.25.
		"100000000001": "14.849590000021",
		// volumes 1*0.1; storage 3*0.023; puts free; functions 1234567*0.0000002; marketplace 12.345.
		"200000000001": "12.7609134",
	} {
		found := false
		for _, b := range run.Bills {
			if found = b.Payer == payer; found {
				if b.Total.String() != round10(want) {
					t.Errorf("payer %s pays %s, want %s", payer, b.Total, round10(want))
				}
				break
			}
		}
		if !found {
			t.Errorf("payer %s has no bill", payer)
		}
	}
}

// round10 cuts a worked-out figure to the ten decimals of a charge; the figures
// above round down.
func round10(s string) string {
	whole, decimals, _ := strings.Cut(s, ".")
	return strings.TrimRight(whole+"."+decimals[:min(len(decimals), 10)], "0")
}

// readable turns objects into text that a person can compare: reports are
// unpacked, Parquet and PDF shown by hash, and everything that is named by a
// hash is listed in one file.
func readable(t *testing.T, all map[string][]byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	var list strings.Builder
	for _, key := range sortedKeys(all) {
		data := all[key]
		sum := sha256.Sum256(data)
		fmt.Fprintf(&list, "%s %d %s\n", key, len(data), hex.EncodeToString(sum[:]))
		switch ext := filepath.Ext(key); {
		case ext == ".gz":
			files[strings.TrimSuffix(key, ".gz")] = gunzip(t, data)
		case strings.HasPrefix(key, "reports/") && ext == ".parquet":
			files[key+".txt"] = reportText(t, key, data)
		case strings.HasPrefix(key, "run/"), strings.HasPrefix(key, "usage/"), ext == ".pdf", ext == ".parquet":
		case strings.HasPrefix(key, "log/"), strings.HasPrefix(key, "series/"):
			files[key+".json"] = append(data, '\n')
		default:
			files[key] = data
		}
	}
	files["objects.txt"] = []byte(list.String())
	return files
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reportText renders the rows of a report, one line each, as a reader of Cost
// and Usage Reports sees them.
func reportText(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	err := ingest.ReadCURPrices(ctx(), file(name, data), ingest.Options{Format: ingest.CUR}, func(p *ingest.CURPrice) error {
		fmt.Fprintf(&out, "%s %s | %s %s %s %s | %s %s at %s | %s %s\n", schema.HourOf(p.Start).Time().Format("2006-01-02T15"), p.LineItemType,
			p.ServiceCode, p.UsageType, p.Operation, p.Region, p.Amount, p.Unit, p.Rate, p.Cost, p.Currency)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out.Bytes()
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// compareFolder compares files with those of a folder, or rewrites the folder.
func compareFolder(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if *update {
		rewrite(t, dir, files)
		return
	}
	want := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			want[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v; run go test ./pipeline -run TestMonth -update", err)
	}
	for _, name := range differences(want, files, nothing) {
		t.Errorf("%s is not as in %s:\n%s", name, dir, firstDifference(want[name], files[name]))
	}
}

// firstDifference shows the surroundings of the first byte that differs.
func firstDifference(want, got []byte) string {
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	around := func(data []byte) string { return string(data[min(max(at-60, 0), len(data)):min(at+60, len(data))]) }
	return fmt.Sprintf("byte %d of %d and %d\nwant %q\ngot  %q", at, len(want), len(got), around(want), around(got))
}

func rewrite(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
