package sample_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// folder keeps what was generated, in the order of creation.
type folder struct {
	names []string
	files map[string]*file
}

type file struct {
	bytes.Buffer
	closed int
}

func (f *file) Close() error { f.closed++; return nil }

func (d *folder) create(name string) (io.WriteCloser, error) {
	if d.files[name] != nil {
		return nil, fmt.Errorf("%s is created twice", name)
	}
	f := &file{}
	d.names, d.files[name] = append(d.names, name), f
	return f, nil
}

func month(t *testing.T, name string) schema.Period {
	t.Helper()
	p, err := schema.ParsePeriod(name, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generate(t *testing.T, opt sample.Options) (*folder, sample.Summary) {
	t.Helper()
	d := &folder{files: map[string]*file{}}
	s, err := sample.Generate(d.create, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range d.names {
		if d.files[name].closed != 1 {
			t.Errorf("%s was closed %d times", name, d.files[name].closed)
		}
	}
	return d, s
}

func small(t *testing.T) sample.Options {
	opt := sample.Demo(month(t, "2026-10"))
	opt.Records, opt.Accounts, opt.Late, opt.Duplicates = 20_000, 90, 0.01, 0.02
	return opt
}

func TestSameOptionsSameBytes(t *testing.T) {
	hash := func(opt sample.Options) string {
		d, _ := generate(t, opt)
		h := sha256.New()
		for _, name := range d.names {
			fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(d.files[name].Bytes()))
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	opt := small(t)
	want := hash(opt)
	if got := hash(opt); got != want {
		t.Error("the same seed gave other bytes")
	}
	opt.Seed++
	if hash(opt) == want {
		t.Error("another seed gave the same bytes")
	}
}

func TestCounts(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*sample.Options)
	}{
		{"demo", func(*sample.Options) {}},
		{"one file", func(o *sample.Options) { o.Files = 1 }},
		{"two files", func(o *sample.Options) { o.Files, o.Duplicates, o.Conflicts = 2, 0.25, 0.25 }},
		{"conflicts", func(o *sample.Options) { o.Conflicts = 0.01 }},
		{"one organization", func(o *sample.Options) { o.Organizations, o.Accounts = 1, 2 }},
		{"one record", func(o *sample.Options) { o.Records, o.Files = 1, 700 }},
		{"fewer records than accounts", func(o *sample.Options) { o.Records = 50 }},
		{"many organizations", func(o *sample.Options) { o.Organizations, o.Accounts = 30, 60 }},
		{"February", func(o *sample.Options) { o.Period = month(t, "2027-02") }},
		{"every format", func(o *sample.Options) {
			o.Formats = []string{"jsonl", "csv.zst", "parquet", "jsonl.gz", "csv"}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := small(t)
			tc.edit(&opt)
			d, s := generate(t, opt)
			checkCounts(t, opt, s, readUsage(t, d, s))
			readOffers(t, d)
		})
	}
}

// checkCounts compares the summary with the options, and both with the files.
func checkCounts(t *testing.T, opt sample.Options, s sample.Summary, records []record) {
	t.Helper()
	first, late, duplicates, conflicts := map[string]record{}, 0, 0, 0
	sums := map[string]money.Usage{}
	for _, r := range records {
		was, seen := first[r.id()]
		switch {
		case !seen:
			first[r.id()] = r
			sums[r.fields[schema.FieldUnit]], _ = money.Add(sums[r.fields[schema.FieldUnit]], r.amount(t))
			if strings.HasPrefix(r.file, sample.LateFolder+"/") {
				late++
			}
			continue
		case was.content() == r.content():
			duplicates++
		default:
			conflicts++
		}
		if opt.Files > 1 && r.file <= was.file {
			t.Errorf("%s comes again in %s, not after %s", r.id(), r.file, was.file)
		}
	}
	want := []int64{int64(opt.Records), s.Late, s.Duplicates, s.Conflicts}
	got := []int64{int64(len(first)), int64(late), int64(duplicates), int64(conflicts)}
	if !slices.Equal(got, want) {
		t.Errorf("records, late, duplicates, conflicts in the files %v, want %v", got, want)
	}
	if s.Records != int64(opt.Records) || s.Accounts != opt.Accounts || s.Organizations != opt.Organizations {
		t.Errorf("summary %+v does not tell the options", s)
	}
	if len(sums) != len(s.Usage) {
		t.Errorf("%d units in the summary, %d in the files", len(s.Usage), len(sums))
	}
	for _, total := range s.Usage {
		if total.Amount != sums[total.Unit] {
			t.Errorf("%s %s in the summary, %s in the files", total.Amount, total.Unit, sums[total.Unit])
		}
	}
}

func TestSharesAreExact(t *testing.T) {
	opt := small(t)
	opt.Conflicts = 0.005
	_, s := generate(t, opt)
	if s.Late != 200 || s.Duplicates != 400 || s.Conflicts != 100 {
		t.Errorf("late %d, duplicates %d, conflicts %d of 20000; want 200, 400, 100", s.Late, s.Duplicates, s.Conflicts)
	}
}

// TestAnyOptions lets chance pick the options.
func TestAnyOptions(t *testing.T) {
	p := month(t, "2028-02")
	rapid.Check(t, func(r *rapid.T) {
		opt := sample.Options{Period: p, Formats: []string{"csv"}}
		opt.Seed = rapid.Uint64().Draw(r, "seed")
		opt.Organizations = rapid.IntRange(1, 7).Draw(r, "organizations")
		opt.Accounts = 2*opt.Organizations + rapid.IntRange(0, 40).Draw(r, "accounts")
		opt.Records = rapid.IntRange(1, 3000).Draw(r, "records")
		opt.Files = rapid.IntRange(1, 20).Draw(r, "files")
		share := rapid.Float64Range(0, sample.MaxShare)
		opt.Late, opt.Duplicates, opt.Conflicts = share.Draw(r, "late"), share.Draw(r, "duplicates"), share.Draw(r, "conflicts")
		d, s := generate(t, opt)
		checkCounts(t, opt, s, readUsage(t, d, s))
		readOffers(t, d)
		if t.Failed() {
			r.Fatalf("%+v", opt)
		}
	})
}

func TestRefusedOptions(t *testing.T) {
	for want, edit := range map[string]func(*sample.Options){
		"sample organizations: 0 is not between 1 and 100":     func(o *sample.Options) { o.Organizations = 0 },
		"sample accounts: 5 is not between 6 and 100000":       func(o *sample.Options) { o.Accounts = 5 },
		"sample records: 0 is not between 1 and 1000000000":    func(o *sample.Options) { o.Records = 0 },
		"sample files: 701 is not between 1 and 700":           func(o *sample.Options) { o.Files = 701 },
		"sample late: share 0.3 is not between 0 and 0.25":     func(o *sample.Options) { o.Late = 0.3 },
		"sample conflicts: share -1 is not between 0 and 0.25": func(o *sample.Options) { o.Conflicts = -1 },
		"sample formats: none given":                           func(o *sample.Options) { o.Formats = nil },
		`sample formats: "parquet.gz" is none of`:              func(o *sample.Options) { o.Formats = []string{"parquet.gz"} },
		`period "October" is not a month`:                      func(o *sample.Options) { o.Period.Name = "October" },
	} {
		opt := small(t)
		edit(&opt)
		d := &folder{files: map[string]*file{}}
		if _, err := sample.Generate(d.create, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if len(d.names) > 0 {
			t.Errorf("%q: wrote %v", want, d.names)
		}
	}
}

// TestBrokenDisk fails the n-th write or creation: there must be an error, and
// every file that was opened is closed.
func TestBrokenDisk(t *testing.T) {
	opt := small(t)
	opt.Records, opt.Files = 500, 4
	for n := 0; ; n++ {
		b := &broken{left: n}
		_, err := sample.Generate(b.create, opt)
		if b.open != 0 {
			t.Fatalf("failure %d: %d files stay open", n, b.open)
		}
		if b.left >= 0 {
			if err != nil || n < 20 {
				t.Fatalf("after %d operations: %v", n, err)
			}
			return
		}
		if err == nil {
			t.Fatalf("failure %d was not reported", n)
		}
	}
}

// broken is a disk that fails at its operation number left, and from then on.
type broken struct{ left, open int }

func (b *broken) step() error {
	if b.left--; b.left < 0 {
		return fmt.Errorf("disk full")
	}
	return nil
}

func (b *broken) create(string) (io.WriteCloser, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	b.open++
	return brokenFile{b}, nil
}

type brokenFile struct{ disk *broken }

func (f brokenFile) Write(p []byte) (int, error) { return len(p), f.disk.step() }

func (f brokenFile) Close() error { f.disk.open--; return nil }

func BenchmarkGenerate(b *testing.B) {
	p, err := schema.ParsePeriod("2026-10", time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	opt := sample.Demo(p)
	opt.Records = 1_000_000
	for b.Loop() {
		if _, err := sample.Generate(func(string) (io.WriteCloser, error) { return discard{io.Discard}, nil }, opt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(opt.Records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }
