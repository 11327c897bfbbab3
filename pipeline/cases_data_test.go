package pipeline_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
)

// The same record twice in a file is charged once, and counted.
func TestCase_D01_TwiceInOneFile(t *testing.T) {
	w := plain(t)
	out := w.ingest(source(), csvFile("a.csv", append(good(2), good(1)...)...))
	if _, accepted, duplicate, _ := out.Totals(); accepted != 2 || duplicate != 1 {
		t.Errorf("accepted %d, duplicate %d, want 2 and 1", accepted, duplicate)
	}
	w.wantTotal("0.192")
}

// A record that was charged in a closed month costs nothing when it comes again
// in another file, a month later.
func TestCase_D02_AgainAfterTheClose(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("a.csv", good(2)...))
	w.wantTotal("0.192")
	w.at("2026-12-02T09:00:00Z")
	out := w.ingest(source(), csvFile("b.csv", good(2)[1], instance("new", "2026-11-05T00:00:00Z")))
	if _, accepted, duplicate, _ := out.Totals(); accepted != 1 || duplicate != 1 {
		t.Errorf("accepted %d, duplicate %d, want 1 and 1", accepted, duplicate)
	}
	run := w.close("2026-11").Run
	if got := total(t, run).String(); run.Records.Late != 0 || got != "0.0912" {
		t.Errorf("November charged %+v, %s, want its own hour alone", run.Records, got)
	}
}

// Two ids are two records, however alike: nobody guesses.
func TestCase_D04_AlikeButForTheID(t *testing.T) {
	w := plain(t)
	other := good(1)[0]
	other.id = "vm-0-again"
	w.ingest(source(), csvFile("a.csv", good(1)[0], other))
	w.wantTotal("0.192")
}

// An identity has no end: a record is known as a duplicate seven years and forty
// deliveries later.
func TestCase_D66_DuplicateAfterYears(t *testing.T) {
	w := plain(t)
	w.ingest(source(), csvFile("first.csv", good(1)...))
	for i, r := range good(41)[1:] {
		w.ingest(source(), csvFile(fmt.Sprintf("%03d.csv", i), r))
	}
	later := w.over(w.Store)
	later.at("2033-10-02T09:00:00Z")
	out := later.ingest(source(), csvFile("again.csv", good(1)[0], instance("new", "2033-09-01T00:00:00Z")))
	if _, accepted, duplicate, _ := out.Totals(); accepted != 1 || duplicate != 1 {
		t.Errorf("accepted %d, duplicate %d, want 1 and 1", accepted, duplicate)
	}
}

// A name that is delivered again with other bytes is another file: what it adds
// is taken, and what it changes is a conflict in which the first stays.
func TestCase_D58_SameNameOtherBytes(t *testing.T) {
	changed := good(3)
	changed[0].amount = "2"
	w := plain(t)
	w.ingest(rowsSource(), csvFile("a.csv", good(2)...))
	out := w.ingest(rowsSource(), csvFile("a.csv", changed...))
	if _, accepted, duplicate, rejected := out.Totals(); accepted != 1 || duplicate != 1 || rejected != 1 {
		t.Errorf("accepted %d, duplicate %d, rejected %d, want 1 of each", accepted, duplicate, rejected)
	}
	w.waive(w.blocked(1)[0])
	w.wantTotal("0.288")
}

// moving is the organization of October with an account that changes its payer.
func (w *world) moving(ofShop, ofPress []string) {
	w.t.Helper()
	entries := func(stretches []string) (text string) {
		for _, s := range stretches {
			text += "\n      - {id: \"300000000001\", name: mover, " + s + "}"
		}
		return text
	}
	yaml := strings.Replace(text(w.t, "october/organization.yaml"), "name: shop-production}", "name: shop-production}"+entries(ofShop), 1)
	w.organization(strings.Replace(yaml, "name: press-site}", "name: press-site}"+entries(ofPress), 1))
}

// Usage goes to the payer of its hour; the parts sum to the usage.
func TestMovers(t *testing.T) {
	for _, c := range []struct {
		name            string
		ofShop, ofPress []string
		shop, press     string
	}{
		{"Case_D25_MovesInTheMonth", []string{"until: 2026-10-10T08:00:00Z"}, []string{"from: 2026-10-10T08:00:00Z"}, "0.768", "1.536"},
		{"Case_D26_ThereAndBackOnOneDay", []string{"until: 2026-10-10T08:00:00Z", "from: 2026-10-10T17:00:00Z"},
			[]string{"from: 2026-10-10T08:00:00Z, until: 2026-10-10T17:00:00Z"}, "1.44", "0.864"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := plain(t)
			w.moving(c.ofShop, c.ofPress)
			var day []usage
			for hour := range 24 {
				u := instance(fmt.Sprint(hour), fmt.Sprintf("2026-10-10T%02d:00:00Z", hour))
				u.account = "300000000001"
				day = append(day, u)
			}
			w.ingest(source(), csvFile("a.csv", day...))
			bills := w.close("2026-10").Run.Bills
			if len(bills) != 2 || bills[0].Total.String() != c.shop || bills[1].Total.String() != c.press {
				t.Errorf("bills %+v, want %s and %s of 2.304", bills, c.shop, c.press)
			}
		})
	}
}

// An account that has left its payer has none: usage after that waits until the
// organization says who pays.
func TestCase_D28_UsageAfterTheAccountLeft(t *testing.T) {
	w := plain(t)
	w.moving([]string{"until: 2026-10-20"}, nil)
	before, after := instance("before", "2026-10-19T23:00:00Z"), instance("bad", "2026-10-20T00:00:00Z")
	before.account, after.account = "300000000001", "300000000001"
	w.ingest(source(), csvFile("usage.csv", after, before))
	w.wantSuspense("unknown account", 1)
	w.moving([]string{"until: 2026-10-21"}, nil)
	w.wantTotal("0.1824")
}

// Prices that change once the month is closed change nothing of it, neither its
// documents nor usage that comes late: the close pins them by hash.
func TestCase_D19_D20_PricesChangeAfterTheClose(t *testing.T) {
	files := folder(t, "october/usage")
	want := wholeMonth(october(t), files)
	w := october(t)
	w.ingest(source(), files...)
	w.close("2026-10")
	w.prices(strings.ReplaceAll(text(t, "october/prices.csv"), "0.09", "0.5"))
	w.refresh("2026-10")
	w.at("2026-11-04T09:00:00Z")
	w.finish("2026-10")
	sameResults(t, "with other prices after the close", want, results(t, w.Store))
	w.ingest(source(), csvFile("late.csv", good(1)...))
	w.at("2026-12-02T09:00:00Z")
	run := w.close("2026-11").Run
	if got := total(t, run).String(); run.Records.Late != 1 || got != "0.096" {
		t.Errorf("the late hour costs %s, want 0.096 as on time", got)
	}
}

// made is a file that is written while it is read, so that a test may deliver
// many and hold none.
func made(i int) ingest.Input {
	data := func() []byte {
		u := instance(fmt.Sprint("vm-", i), fmt.Sprintf("2026-10-%02dT%02d:00:00Z", 1+i/24%28, i%24))
		u.resource = ""
		return []byte(usageHeader + "\n" + u.line() + "\n")
	}
	return ingest.Input{Name: fmt.Sprintf("%06d.csv", i), Size: int64(len(data())),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data())), nil },
		OpenAt: func() (ingest.ReaderAtCloser, error) { return readerAt{bytes.NewReader(data())}, nil }}
}

// Many small files are one delivery of few objects and few records of the log.
func TestCase_D64_ManySmallFiles(t *testing.T) {
	const n = 5000
	w := plain(t)
	var files []ingest.Input
	for i := range n {
		files = append(files, made(i))
	}
	if _, accepted, _, _ := w.ingest(source(), files...).Totals(); accepted != n {
		t.Errorf("accepted %d, want %d", accepted, n)
	}
	ingests, _ := w.logged()
	if all := objects(t, w.Store); len(all) > 60 || len(ingests) > 20 {
		t.Errorf("%d objects and %d INGEST records of %d files", len(all), len(ingests), n)
	}
	if rec := w.close("2026-10").Run.Records; rec.Charged != n {
		t.Errorf("charged %d records, want %d", rec.Charged, n)
	}
}

// A file is named in the log as it was delivered.
func TestCase_D65_NamesOfFiles(t *testing.T) {
	names := []string{"a b.csv", "a%2Fb.csv", "a+b.csv", "a//b.csv", "år/사용량.csv", "e\u0301.csv", "é.csv", strings.Repeat("n", 1020) + ".csv"}
	w := plain(t)
	var files []ingest.Input
	for i, name := range names {
		files = append(files, csvFile(name, good(len(names))[i]))
	}
	w.ingest(source(), files...)
	entries, err := period.Log{Store: w.Store, Name: "log/usage"}.Read(ctx())
	if err != nil {
		t.Fatal(err)
	}
	var got []schema.DeliveredFile
	for _, e := range entries {
		var body period.Ingest
		if err := e.Decode(&body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body.Files...)
	}
	if len(got) != len(names) {
		t.Fatalf("%d files in the log, want %d", len(got), len(names))
	}
	for i, f := range got {
		if f.Name != names[i] {
			t.Errorf("%q became %q", names[i], f.Name)
		}
	}
	w.close("2026-10")
}
