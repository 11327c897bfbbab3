package rollup_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// shuffled is a ranking that reverses the codes, so that a merge which forgets
// to rank is seen.
func shuffled(n uint32) batch.Ranking {
	var r batch.Ranking
	for i := range n {
		r.Heads = append(r.Heads, n-1-i)
		r.Resources = append(r.Resources, n-1-i)
		r.Tails = append(r.Tails, n-1-i)
	}
	return r
}

func keyOf(r rollup.Row, ranking batch.Ranking) batch.Key {
	return batch.LineKey(ranking.Heads[r.Head], ranking.Resources[r.Resource], r.Hour, ranking.Tails[r.Tail])
}

func spilled(t rapid.TB, runs [][]rollup.Row) (*rollup.Spill, []byte) {
	var file bytes.Buffer
	s := rollup.NewSpill(&file)
	rows := int64(0)
	for _, run := range runs {
		for _, r := range run {
			if err := s.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		rows += int64(len(run))
		if err := s.EndRun(0); err != nil {
			t.Fatal(err)
		}
	}
	if s.Rows() != rows {
		t.Fatalf("%d rows were spilled, the spill says %d", rows, s.Rows())
	}
	return s, file.Bytes()
}

func merged(s *rollup.Spill, file io.ReaderAt, ranking batch.Ranking) (*batch.Lines, error) {
	all := &batch.Lines{}
	err := s.Merge(file, 0, ranking, func(l *batch.Lines) error {
		all.Key = append(all.Key, l.Key...)
		all.Amount = append(all.Amount, l.Amount...)
		all.Cost = append(all.Cost, l.Cost...)
		all.Records = append(all.Records, l.Records...)
		return nil
	})
	return all, err
}

// sums is the oracle: a map of sums, sorted.
func sums(runs [][]rollup.Row, ranking batch.Ranking) *batch.Lines {
	rows := map[batch.Key][]rollup.Row{}
	for _, run := range runs {
		for _, r := range run {
			k := keyOf(r, ranking)
			rows[k] = append(rows[k], r)
		}
	}
	l := &batch.Lines{}
	for k := range rows {
		l.Key = append(l.Key, k)
	}
	slices.SortFunc(l.Key, batch.Key.Compare)
	for _, k := range l.Key {
		var amount money.Usage
		var cost money.Cost
		for _, r := range rows[k] {
			amount, _ = money.Add(amount, r.Amount)
			cost, _ = money.Add(cost, r.Cost)
		}
		l.Amount, l.Cost, l.Records = append(l.Amount, amount), append(l.Cost, cost), append(l.Records, int64(len(rows[k])))
	}
	return l
}

func same(a, b *batch.Lines) bool {
	return slices.Equal(a.Key, b.Key) && slices.Equal(a.Amount, b.Amount) && slices.Equal(a.Cost, b.Cost) && slices.Equal(a.Records, b.Records)
}

func TestMergeSumsAsAMapDoes(t *testing.T) {
	const codes = 3
	ranking := shuffled(codes)
	code := rapid.Uint32Range(0, codes-1)
	row := rapid.Custom(func(t *rapid.T) rollup.Row {
		return rollup.Row{Head: code.Draw(t, "head"), Resource: code.Draw(t, "resource"), Tail: code.Draw(t, "tail"),
			Hour:   schema.Hour(rapid.Int32Range(497_000, 497_003).Draw(t, "hour")),
			Amount: money.Usage{Lo: rapid.Uint64().Draw(t, "amount"), Hi: rapid.Int64Range(0, 1<<40).Draw(t, "amount")},
			Cost:   money.Cost{Lo: rapid.Uint64().Draw(t, "cost"), Hi: rapid.Int64Range(-1<<40, 1<<40).Draw(t, "cost")}}
	})
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(rapid.SliceOfN(row, 0, 20), 0, 12).Draw(t, "runs")
		for _, run := range runs {
			slices.SortFunc(run, func(a, b rollup.Row) int { return keyOf(a, ranking).Compare(keyOf(b, ranking)) })
		}
		s, file := spilled(t, runs)
		got, err := merged(s, bytes.NewReader(file), ranking)
		if err != nil {
			t.Fatal(err)
		}
		if want := sums(runs, ranking); !same(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		s, file = spilled(t, rapid.Permutation(runs).Draw(t, "order"))
		if again, err := merged(s, bytes.NewReader(file), ranking); err != nil || !same(again, got) {
			t.Fatalf("another order of the runs gives %v (%v)", again, err)
		}
	})
}

// Runs that are longer than every buffer, of lengths around the buffer's.
func TestMergeOfLongRuns(t *testing.T) {
	ranking := shuffled(2)
	var runs [][]rollup.Row
	for n, length := range []int{1023, 1024, 1025, 2048, 9000, 1} {
		var run []rollup.Row
		for i := range length {
			run = append(run, rollup.Row{Hour: schema.Hour(400_000 + i*(n+1)/2), Amount: money.UsageFromInt(int64(i)), Cost: money.CostFromInt(-1)})
		}
		runs = append(runs, run)
	}
	s, file := spilled(t, runs)
	got, err := merged(s, bytes.NewReader(file), ranking)
	if err != nil || !same(got, sums(runs, ranking)) {
		t.Fatalf("%d lines, want %d (%v)", got.Len(), sums(runs, ranking).Len(), err)
	}
}

func TestMergeOfNothing(t *testing.T) {
	for _, runs := range [][][]rollup.Row{nil, {nil}, {nil, nil, nil}} {
		s, file := spilled(t, runs)
		if got, err := merged(s, bytes.NewReader(file), shuffled(1)); err != nil || got.Len() != 0 {
			t.Errorf("%d lines, %v", got.Len(), err)
		}
	}
}

func TestMergeRefusesARunThatIsNotSorted(t *testing.T) {
	hours := func(hs ...schema.Hour) (run []rollup.Row) {
		for _, h := range hs {
			run = append(run, rollup.Row{Hour: h})
		}
		return run
	}
	for _, runs := range [][][]rollup.Row{
		{hours(2, 1)}, {hours(1, 3, 2), hours(1, 2, 3, 4)}, {hours(1, 5, 4), nil, hours(2)}, {hours(7), hours(1, 9, 8)},
	} {
		s, file := spilled(t, runs)
		if _, err := merged(s, bytes.NewReader(file), shuffled(1)); err == nil || !strings.Contains(err.Error(), "canonical order") {
			t.Errorf("%v: %v", runs, err)
		}
	}
	// Also where a batch of lines was handed over in between.
	var long []rollup.Row
	for i := range 8192 {
		long = append(long, rollup.Row{Hour: schema.Hour(i)})
	}
	s, file := spilled(t, [][]rollup.Row{append(long, rollup.Row{Hour: 5})})
	if _, err := merged(s, bytes.NewReader(file), shuffled(1)); err == nil {
		t.Error("a row that falls behind a batch was taken")
	}
}

func TestSumsThatOverflowAreErrors(t *testing.T) {
	huge := money.Int128{Hi: 1 << 62}
	for what, r := range map[string]rollup.Row{"usage": {Amount: money.Usage(huge)}, "cost": {Cost: money.Cost(huge)}} {
		r.Hour = 497_664
		s, file := spilled(t, [][]rollup.Row{{r}, {r}})
		_, err := merged(s, bytes.NewReader(file), shuffled(1))
		if !errors.Is(err, money.ErrOverflow) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "2026-10-10T00:00:00Z") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// eager is a file whose last read says at once that it was the last, as a
// ReaderAt may.
type eager struct{ data []byte }

func (e eager) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, e.data[off:])
	if off+int64(n) == int64(len(e.data)) {
		return n, io.EOF
	}
	return n, nil
}

func TestReaderMayEndWithTheLastByte(t *testing.T) {
	s, file := spilled(t, [][]rollup.Row{{{Hour: 1}, {Hour: 2}}})
	if got, err := merged(s, eager{file}, shuffled(1)); err != nil || got.Len() != 2 {
		t.Errorf("%d lines, %v", got.Len(), err)
	}
}

func TestFaultsOfTheFileAreErrors(t *testing.T) {
	s, file := spilled(t, [][]rollup.Row{{{Hour: 1}, {Hour: 2}}, {{Hour: 3}}})
	for cut := range file {
		if _, err := merged(s, bytes.NewReader(file[:cut]), shuffled(1)); err == nil {
			t.Fatalf("a spill cut to %d of %d bytes was merged", cut, len(file))
		}
	}
	stop := errors.New("stop")
	if err := s.Merge(bytes.NewReader(file), 0, shuffled(1), func(*batch.Lines) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of emit became %v", err)
	}
	full := rollup.NewSpill(writerFunc(func([]byte) (int, error) { return 0, errors.New("disk full") }))
	if err := cmp.Or(full.Append(rollup.Row{}), full.EndRun(0)); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("a full disk: %v", err)
	}
}

// Lanes share a file and know nothing of each other.
func TestLanesAreMergedApart(t *testing.T) {
	var file bytes.Buffer
	s := rollup.NewSpill(&file)
	for i, lane := range []int32{7, -2, 7, 7, -2} {
		for hour := range 3 {
			if err := s.Append(rollup.Row{Hour: schema.Hour(hour), Amount: money.UsageFromInt(int64(i + 1))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.EndRun(lane); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Lanes(); !slices.Equal(got, []int32{-2, 7}) {
		t.Fatalf("lanes %v", got)
	}
	for lane, want := range map[int32]int64{7: 1 + 3 + 4, -2: 2 + 5, 0: 0} {
		err := s.Merge(bytes.NewReader(file.Bytes()), lane, shuffled(1), func(l *batch.Lines) error {
			if want == 0 || l.Len() != 3 || l.Amount[0] != money.UsageFromInt(want) {
				t.Errorf("lane %d: %+v, want 3 lines of %d", lane, l, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// BenchmarkMerge merges runs of a month whose records are nearly all lines of
// their own.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{1, 16, 128} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			const rows = 1 << 18
			random := rand.New(rand.NewPCG(1, uint64(n)))
			var file bytes.Buffer
			s := rollup.NewSpill(&file)
			for range n {
				run := make([]rollup.Row, rows/n)
				for i := range run {
					run[i] = rollup.Row{Head: random.Uint32N(1000), Resource: random.Uint32N(1000), Hour: schema.Hour(random.Uint32N(744)),
						Tail: random.Uint32N(1000), Amount: money.UsageFromInt(int64(i))}
				}
				slices.SortFunc(run, func(a, b rollup.Row) int {
					return batch.LineKey(a.Head, a.Resource, a.Hour, a.Tail).Compare(batch.LineKey(b.Head, b.Resource, b.Hour, b.Tail))
				})
				for _, r := range run {
					if err := s.Append(r); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.EndRun(0); err != nil {
					b.Fatal(err)
				}
			}
			same := batch.Ranking{Heads: identity(1000), Resources: identity(1000), Tails: identity(1000)}
			for b.Loop() {
				if err := s.Merge(bytes.NewReader(file.Bytes()), 0, same, func(*batch.Lines) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func identity(n uint32) []uint32 {
	codes := make([]uint32, n)
	for i := range codes {
		codes[i] = uint32(i)
	}
	return codes
}
