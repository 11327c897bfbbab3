package rollup_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Runs of charges come back as one, every figure as it was, portions of a line in
// their order.
func TestChargesAreMerged(t *testing.T) {
	dims := batch.NewDims()
	for _, name := range []string{"c", "a", "b"} { // the codes are not in order
		dims.Heads.Code(batch.Head{Account: name})
		dims.Resources.Code(name)
		dims.Tails.Code(batch.Tail{Zone: name})
	}
	sorted, ranking := dims.Sorted()
	small := rapid.Uint32Range(0, 2)
	amount := rapid.Custom(func(t *rapid.T) money.Int128 {
		return money.Int128{Lo: rapid.Uint64().Draw(t, "low"), Hi: rapid.Int64().Draw(t, "high")}
	})
	row := rapid.Custom(func(t *rapid.T) batch.Row {
		return batch.Row{Key: batch.LineKey(small.Draw(t, "head"), small.Draw(t, "resource"), schema.Hour(497_000+small.Draw(t, "hour")), small.Draw(t, "tail")),
			Price: small.Draw(t, "price"), Amount: money.Usage(amount.Draw(t, "amount")), List: money.Cost(amount.Draw(t, "list")),
			Unblended: money.Cost(amount.Draw(t, "unblended")), Blended: money.Cost(amount.Draw(t, "blended"))}
	})
	ranked := func(r batch.Row) batch.Key {
		return batch.LineKey(ranking.Heads[r.Key.Head()], ranking.Resources[r.Key.Resource()], r.Key.Hour(), ranking.Tails[r.Key.Tail()])
	}
	byValue := func(a, b batch.Row) int { return ranked(a).Compare(ranked(b)) }
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		spill := rollup.NewChargeSpill(&file)
		var want []batch.Row
		for _, run := range rapid.SliceOfN(rapid.SliceOfN(row, 0, 20), 0, 6).Draw(t, "runs") {
			slices.SortStableFunc(run, byValue)
			c := batch.NewCharges(nil, dims, nil)
			for _, r := range run {
				c.Append(r)
			}
			half := c.Len() / 2
			for _, part := range []*batch.Charges{c.Slice(0, half), c.Slice(half, c.Len())} {
				if err := spill.Append(part); err != nil {
					t.Fatal(err)
				}
			}
			spill.EndRun()
			want = append(want, run...)
		}
		slices.SortStableFunc(want, byValue)
		var got []batch.Row
		err := spill.Merge(bytes.NewReader(file.Bytes()), ranking, batch.NewCharges(nil, sorted, nil), func(c *batch.Charges) error {
			for i := range c.Len() {
				got = append(got, c.At(i))
			}
			return nil
		})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d of %d charges: %v", len(got), len(want), err)
		}
		for i, w := range want {
			w.Key, w.Net, w.Effective = ranked(w), w.Unblended, w.Unblended
			if got[i] != w {
				t.Fatalf("charge %d is %+v, want %+v", i, got[i], w)
			}
		}
	})
}

func TestChargesUnderTermsAreNotSpilled(t *testing.T) {
	c := batch.NewCharges(nil, batch.NewDims(), nil)
	c.Append(batch.Row{Term: 1})
	if err := rollup.NewChargeSpill(&bytes.Buffer{}).Append(c); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("a charge under terms: %v", err)
	}
}
