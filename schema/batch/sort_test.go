package batch_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func TestRadixSortIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(0, 64).Draw(t, "width")
		mask := ^uint64(0)
		if width < 64 {
			mask = 1<<width - 1
		}
		keys := rapid.SliceOfN(rapid.Map(rapid.Uint64(), func(k uint64) uint64 { return k & mask }), 0, 60).Draw(t, "keys")
		keys = append(keys, keys[:len(keys)/2]...) // ties
		rows := make([]uint32, len(keys))
		for i := range rows {
			rows[i] = uint32(i)
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b uint32) int {
			switch {
			case keys[a] < keys[b]:
				return -1
			case keys[a] > keys[b]:
				return 1
			}
			return 0
		})
		var sorter batch.Sorter
		if got := sorter.OrderBy(len(keys), width, func(i int) uint64 { return keys[i] }); !slices.Equal(got, want) {
			t.Fatalf("keys %x: rows %v, want %v", keys, got, want)
		}
	})
}

// So many values that a key does not fit into 64 bits once packed.
func TestSortedBatchOfWideKeys(t *testing.T) {
	const rowsOf = 1 << 15
	u := batch.NewUsage()
	for i := range rowsOf {
		n := i * 40503 % rowsOf
		r := schema.Record{RecordID: fmt.Append(nil, i), UsageAccountID: fmt.Appendf(nil, "a%d", n), ResourceID: fmt.Appendf(nil, "i-%d", n*3%rowsOf),
			Unit: fmt.Appendf(nil, "u%d", n*5%rowsOf), UsageStart: int64(n) * 70 * 3600e9}
		u.Append(&r)
	}
	want := rows(u)
	slices.SortStableFunc(want, compareByValue)
	all := rows(u)
	var sorter batch.Sorter
	var got []line
	for _, row := range sorter.Order(u) {
		got = append(got, all[row])
	}
	if !slices.Equal(got, want) {
		t.Error("wide keys are not in the canonical order")
	}
}

// Records that come column by column are those that come one by one.
func TestAppendGroupIsAppend(t *testing.T) {
	texts := rapid.SliceOfN(short(), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		grouped, single := batch.NewUsage(), batch.NewUsage()
		for n := range rapid.IntRange(1, 3).Draw(t, "groups") {
			length := rapid.IntRange(0, 12).Draw(t, "length")
			g := batch.Group{File: uint32(n), FirstLine: int64(100*n + 2)}
			columns := []*batch.Coded{&g.Account, &g.Service, &g.UsageType, &g.Operation, &g.Resource, &g.Region, &g.Zone, &g.Unit, &g.Source, &g.Tags}
			for _, c := range columns {
				c.Values = texts.Draw(t, "values")
				c.Codes = rapid.SliceOfN(rapid.Uint32Range(0, uint32(len(c.Values)-1)), length, length).Draw(t, "codes")
			}
			text := func(c batch.Coded, i int) []byte { return []byte(c.Values[c.Codes[i]]) }
			for i := range length {
				g.IDs.Append(fmt.Append(nil, n, i))
				g.Start, g.End = append(g.Start, int64(i)), append(g.End, int64(i+1))
				g.Amount = append(g.Amount, money.UsageFromInt(int64(i)))
				r := schema.Record{UsageAccountID: text(g.Account, i), ServiceCode: text(g.Service, i), UsageType: text(g.UsageType, i),
					Operation: text(g.Operation, i), ResourceID: text(g.Resource, i), RegionCode: text(g.Region, i), AvailabilityZone: text(g.Zone, i),
					Unit: text(g.Unit, i), Source: text(g.Source, i), Tags: text(g.Tags, i), LineItemType: []byte(schema.LineItemUsage),
					RecordID: fmt.Append(nil, n, i), UsageStart: int64(i), UsageEnd: int64(i + 1), UsageAmount: g.Amount[i], File: g.File, Line: g.FirstLine + int64(i)}
				single.Append(&r)
			}
			grouped.AppendGroup(&g)
		}
		if got, want := rows(grouped), rows(single); !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}
