package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
)

// recorder notes the order of writes.
type recorder struct {
	store.Store
	keys []string
	stop int // number of writes after which all fail; 0 for never
}

func (r *recorder) Replace(ctx context.Context, key string, body store.Body) error {
	if r.stop > 0 && len(r.keys) == r.stop {
		return store.ErrDenied
	}
	r.keys = append(r.keys, key)
	return r.Store.Replace(ctx, key, body)
}

func testExport(c *batch.Charges, f Format) Export {
	return Export{Name: "daily", Account: c.Owner.Payer, Owner: c.Owner, Format: f, Run: "run1",
		State: Estimated, Pending: Pending{Rejected: 2, Suspended: 1}, Base: "s3://bucket/"}
}

func publishSample(t *testing.T, st store.Store, c *batch.Charges, spec Spec) error {
	t.Helper()
	files := write(t, spec, c, 50_000)
	totals, err := TotalsOf(files)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Prove(files, totals.All)
	if err != nil {
		return err
	}
	// One at a time, so that the order is one.
	_, err = Publish(context.Background(), st, 1, testExport(c, spec.Format), files, proof, func() error { return nil })
	return err
}

const exportRoot = "reports/111111111111/111111111111/daily/"

func TestPublishOrderAndShrinking(t *testing.T) {
	for _, format := range []Format{Parquet, CSV} {
		st := &recorder{Store: store.NewMemory()}
		if err := publishSample(t, st, sample(t, 5_000, 1), Spec{Format: format, ChunkRows: 2_000}); err != nil {
			t.Fatal(err)
		}
		want := "data/BILLING_PERIOD=2026-10/daily-00001.X data/BILLING_PERIOD=2026-10/daily-00002.X data/BILLING_PERIOD=2026-10/daily-00003.X" +
			" metadata/BILLING_PERIOD=2026-10/daily-Quality.json metadata/BILLING_PERIOD=2026-10/daily-Manifest.json"
		if got := order(st.keys, format); got != want {
			t.Errorf("first order:\n%s\nwant\n%s", got, want)
		}
		st.keys = nil
		if err := publishSample(t, st, sample(t, 1_500, 1), Spec{Format: format, ChunkRows: 2_000}); err != nil {
			t.Fatal(err)
		}
		if got := order(st.keys, format); got != want {
			t.Errorf("second order, one chunk and two emptied:\n%s\nwant\n%s", got, want)
		}
		checkEmptied(t, st, format)
	}
}

func order(keys []string, f Format) string {
	text := strings.ReplaceAll(strings.Join(keys, " "), exportRoot, "")
	return strings.ReplaceAll(text, f.Extension(), "X")
}

func read(t *testing.T, st store.Store, key string) []byte {
	t.Helper()
	text, err := store.ReadAll(context.Background(), st, key, 1<<26)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkEmptied(t *testing.T, st store.Store, format Format) {
	t.Helper()
	empty, err := emptyFile(testOwner(), format)
	if err != nil {
		t.Fatal(err)
	}
	last := read(t, st, exportRoot+"data/BILLING_PERIOD=2026-10/daily-00003."+format.Extension())
	if !bytes.Equal(last, empty) {
		t.Error("chunk 3 was not emptied")
	}
	var m manifest
	if err := json.Unmarshal(read(t, st, exportRoot+"metadata/BILLING_PERIOD=2026-10/daily-Manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.DataFiles) != 1 || m.DataFiles[0] != "s3://bucket/"+exportRoot+"data/BILLING_PERIOD=2026-10/daily-00001."+format.Extension() || len(m.Columns) != 131 {
		t.Errorf("manifest names %v and %d columns", m.DataFiles, len(m.Columns))
	}
	var q quality
	if err := json.Unmarshal(read(t, st, exportRoot+"metadata/BILLING_PERIOD=2026-10/daily-Quality.json"), &q); err != nil {
		t.Fatal(err)
	}
	if len(q.Emptied) != 2 || q.Totals.All.Rows != 1_500 || q.Pending.Rejected != 2 || q.State != Estimated {
		t.Errorf("quality file says %+v", q)
	}
}

// TestPublishAfterBreakingOff finds chunks that no manifest names.
func TestPublishAfterBreakingOff(t *testing.T) {
	st := &recorder{Store: store.NewMemory(), stop: 3}
	if err := publishSample(t, st, sample(t, 5_000, 1), Spec{ChunkRows: 2_000}); !errors.Is(err, store.ErrDenied) {
		t.Fatalf("the store's refusal was lost: %v", err)
	}
	st.stop = 0
	if err := publishSample(t, st, sample(t, 1_500, 1), Spec{ChunkRows: 2_000}); err != nil {
		t.Fatal(err)
	}
	checkEmptied(t, st, Parquet)
}

func TestPublishRefuses(t *testing.T) {
	st := &recorder{Store: store.NewMemory()}
	c := sample(t, 1_000, 1)
	files := write(t, Spec{}, c, 1_000)
	totals, err := TotalsOf(files)
	if err != nil {
		t.Fatal(err)
	}
	wrong := totals.All
	wrong.Blended.Lo++
	if _, err := Prove(files, wrong); !errors.Is(err, ErrDisagrees) {
		t.Errorf("other charges: %v", err)
	}
	if _, err := Prove(nil, Amounts{}); err == nil {
		t.Error("no files were published")
	}
	if len(st.keys) > 0 {
		t.Errorf("%v written before the proof", st.keys)
	}
	if err := publishSample(t, st, c, Spec{}); err != nil {
		t.Fatal(err)
	}
	if err := publishSample(t, st, c, Spec{Format: CSV}); err == nil || !strings.Contains(err.Error(), "one format") {
		t.Errorf("a second format: %v", err)
	}
}

func TestPublishTwiceSameBytes(t *testing.T) {
	first, second := &recorder{Store: store.NewMemory()}, &recorder{Store: store.NewMemory()}
	for _, st := range []*recorder{first, second} {
		if err := publishSample(t, st, sample(t, 3_000, 2), Spec{ChunkRows: 2_000, Workers: 2}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range first.keys {
		if !bytes.Equal(read(t, first, key), read(t, second, key)) {
			t.Errorf("%s differs", key)
		}
	}
}

// TestPublishStopsBeforeTheManifest leaves the old manifest when the report has
// been overtaken meanwhile.
func TestPublishStopsBeforeTheManifest(t *testing.T) {
	st := &recorder{Store: store.NewMemory()}
	c := sample(t, 1_000, 1)
	files := write(t, Spec{}, c, 1_000)
	totals, err := TotalsOf(files)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Prove(files, totals.All)
	if err != nil {
		t.Fatal(err)
	}
	overtaken := errors.New("overtaken")
	_, err = Publish(context.Background(), st, 1, testExport(c, Parquet), files, proof, func() error { return overtaken })
	if !errors.Is(err, overtaken) {
		t.Errorf("the objection was lost: %v", err)
	}
	for _, key := range st.keys {
		if strings.HasSuffix(key, "-Manifest.json") {
			t.Error("the manifest was written all the same")
		}
	}
}
