package pipeline_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// line is what makes a charge a line of its own, by value.
type line struct {
	payer    string
	head     batch.Head
	resource string
	hour     schema.Hour
	tail     batch.Tail
	rate     money.Rate
	begin    string // of the tier
	pool     string
}

type lineSum struct {
	amount          money.Usage
	list, unblended money.Cost
}

// chargeLines sums the charges of runs per line and price.
func chargeLines(t testing.TB, w *world, runs ...period.Run) map[line]lineSum {
	t.Helper()
	sums := map[line]lineSum{}
	for _, run := range runs {
		for _, c := range run.Charges {
			f, err := store.Fetch(ctx(), w.Store, c.Key, w.TempDir)
			if err != nil {
				t.Fatal(err)
			}
			owner := &batch.Owner{Payer: c.Payer, Period: run.Period}
			err = spool.ReadCharges(ctx(), f, owner, batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms(), func(b *batch.Charges) error {
				for i := range b.Len() {
					addLine(t, sums, c.Payer, b, i)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	maps.DeleteFunc(sums, func(_ line, s lineSum) bool { return s == lineSum{} })
	return sums
}

func addLine(t testing.TB, sums map[line]lineSum, payer string, b *batch.Charges, i int) {
	t.Helper()
	p := b.Prices.Value(b.Price[i])
	key := line{payer, b.Dims.Heads.Value(b.Head[i]), b.Dims.Resources.Value(b.Resource[i]), b.Hour[i], b.Dims.Tails.Value(b.Tail[i]), p.Rate, p.Begin, p.Pool}
	s := sums[key]
	var errs [3]error
	s.amount, errs[0] = money.Add(s.amount, b.Amount[i])
	s.list, errs[1] = money.Add(s.list, b.List[i])
	s.unblended, errs[2] = money.Add(s.unblended, b.Unblended[i])
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	sums[key] = s
}

// withoutTags sums lines that differ in their tags alone: a report spells the
// keys of tags in its own way.
func withoutTags(t testing.TB, lines map[line]lineSum) map[line]lineSum {
	t.Helper()
	sums := map[line]lineSum{}
	for k, s := range lines {
		k.tail.Tags = ""
		if has(sums, k) {
			t.Fatalf("two lines differ in their tags alone: %+v", k)
		}
		sums[k] = s
	}
	return sums
}

// failer is what a comparison needs of testing.T and rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

func sameLines(t failer, want, got map[line]lineSum) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("there are no lines to compare")
	}
	shown := 0
	for _, keys := range []map[line]lineSum{want, got} {
		for _, k := range slices.Collect(maps.Keys(keys)) {
			if want[k] != got[k] && shown < 3 {
				shown++
				t.Errorf("line %+v: got %s costing %s (list %s), want %s costing %s (list %s)", k,
					got[k].amount, got[k].unblended, got[k].list, want[k].amount, want[k].unblended, want[k].list)
			}
		}
	}
}

// copyOf is a memory store with the same objects.
func copyOf(t testing.TB, st store.Store) store.Store {
	t.Helper()
	other := store.NewMemory()
	for key, data := range objects(t, st) {
		if err := other.Create(ctx(), key, store.BytesBody(data)); err != nil {
			t.Fatal(err)
		}
	}
	return other
}
