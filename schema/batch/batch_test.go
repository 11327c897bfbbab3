package batch_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// short draws from few texts, so that values repeat and prefixes of each other
// occur.
func short() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "a", "ab", "b", "A", "ü", "a b", "\x00", "zz"})
}

func someHead(t *rapid.T) batch.Head {
	return batch.Head{Account: short().Draw(t, "account"), Service: short().Draw(t, "service"),
		UsageType: short().Draw(t, "usage type"), Operation: short().Draw(t, "operation")}
}

func someTail(t *rapid.T) batch.Tail {
	return batch.Tail{Region: short().Draw(t, "region"), Zone: short().Draw(t, "zone"), Tags: short().Draw(t, "tags"),
		LineItemType: short().Draw(t, "type"), Priced: rapid.Bool().Draw(t, "priced"),
		Currency: short().Draw(t, "currency"), Unit: short().Draw(t, "unit")}
}

func someRecord(t *rapid.T, n int) schema.Record {
	h, a := someHead(t), someTail(t)
	start := rapid.Int64Range(0, 5).Draw(t, "half hour") * 1800e9
	return schema.Record{
		RecordID: fmt.Appendf(nil, "%d", n), Source: []byte(short().Draw(t, "source")),
		UsageAccountID: []byte(h.Account), ServiceCode: []byte(h.Service), UsageType: []byte(h.UsageType), Operation: []byte(h.Operation),
		RegionCode: []byte(a.Region), AvailabilityZone: []byte(a.Zone), Tags: []byte(a.Tags), LineItemType: []byte(a.LineItemType),
		Priced: a.Priced, Currency: []byte(a.Currency), Unit: []byte(a.Unit),
		ResourceID: []byte(short().Draw(t, "resource")), UsageStart: start, UsageEnd: start + 1,
		UsageAmount: money.UsageFromInt(int64(n)), Cost: money.CostFromInt(int64(-n)), File: uint32(n % 3), Line: int64(n + 1),
	}
}

// line is a row of usage by value; it holds all that a row holds.
type line struct {
	head     batch.Head
	resource string
	hour     schema.Hour
	tail     batch.Tail
	rest     string
}

func rows(u *batch.Usage) []line {
	ls := make([]line, u.Len())
	for i := range ls {
		ls[i] = line{u.Dims.Heads.Value(u.Head[i]), u.Dims.Resources.Value(u.Resource[i]), u.Hour(i), u.Dims.Tails.Value(u.Tail[i]),
			fmt.Sprint(u.Start[i], u.End[i], u.Amount[i], u.Cost[i], u.Sources.Value(u.Source[i]), string(u.IDs.At(i)), u.File[i], u.Line[i])}
	}
	return ls
}

func compareByValue(a, b line) int {
	return cmp.Or(batch.CompareHeads(a.head, b.head), strings.Compare(a.resource, b.resource),
		cmp.Compare(a.hour, b.hour), batch.CompareTails(a.tail, b.tail))
}

// Sorting orders rows by value, leaves equal lines in the order of arrival, and
// leaves the batch that is sorted alone. A Sorter may be used again.
func TestOrderIsAStablePermutation(t *testing.T) {
	var sorter batch.Sorter
	rapid.Check(t, func(t *rapid.T) {
		u := batch.NewUsage()
		for i := range rapid.IntRange(0, 40).Draw(t, "rows") {
			r := someRecord(t, i)
			u.Append(&r)
		}
		before := rows(u)
		want := slices.Clone(before)
		slices.SortStableFunc(want, compareByValue)
		got := make([]line, 0, len(before))
		for _, row := range sorter.Order(u) {
			got = append(got, before[row])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		if !slices.Equal(rows(u), before) {
			t.Fatal("the batch that was sorted changed")
		}
	})
}

// A record taken out of a batch and put into another is the same.
func TestRecordGivesTheRowBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, copied := batch.NewUsage(), batch.NewUsage()
		for i := range rapid.IntRange(0, 10).Draw(t, "rows") {
			r := someRecord(t, i)
			u.Append(&r)
			r = u.Record(i)
			copied.Append(&r)
		}
		if got, want := rows(copied), rows(u); !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

// Keys over sorted dictionaries compare as the lines do by value, and give
// their parts back.
func TestKeysCompareAsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := batch.NewDims()
		type codes struct {
			head, resource, tail uint32
			hour                 schema.Hour
		}
		list := make([]codes, rapid.IntRange(2, 12).Draw(t, "lines"))
		for i := range list {
			list[i] = codes{d.Heads.Code(someHead(t)), d.Resources.Code(short().Draw(t, "resource")), d.Tails.Code(someTail(t)),
				schema.Hour(rapid.Int32Range(0, 1<<31-1).Draw(t, "hour"))}
		}
		s, r := d.Sorted()
		value := func(c codes) line {
			return line{head: d.Heads.Value(c.head), resource: d.Resources.Value(c.resource), hour: c.hour, tail: d.Tails.Value(c.tail)}
		}
		packed := func(c codes) batch.Key {
			return batch.LineKey(r.Heads[c.head], r.Resources[c.resource], c.hour, r.Tails[c.tail])
		}
		for _, a := range list {
			k := packed(a)
			if s.Heads.Value(k.Head()) != d.Heads.Value(a.head) || s.Resources.Value(k.Resource()) != d.Resources.Value(a.resource) ||
				s.Tails.Value(k.Tail()) != d.Tails.Value(a.tail) || k.Hour() != a.hour {
				t.Fatalf("key %v lost its parts", k)
			}
			for _, b := range list {
				if got, want := k.Compare(packed(b)), compareByValue(value(a), value(b)); got != want {
					t.Fatalf("keys compare as %d, values as %d: %v %v", got, want, value(a), value(b))
				}
			}
		}
	})
}

func TestKeyHoldsTheLargestCodes(t *testing.T) {
	k := batch.LineKey(1<<32-1, 1<<32-2, 1<<31-1, 1<<32-3)
	if k.Head() != 1<<32-1 || k.Resource() != 1<<32-2 || k.Hour() != 1<<31-1 || k.Tail() != 1<<32-3 {
		t.Errorf("got %x %x %x %x", k.Head(), k.Resource(), k.Hour(), k.Tail())
	}
}

// Every field of a head and of a tail decides, in the order of the canonical
// line order.
func TestOrderOfFields(t *testing.T) {
	heads := []batch.Head{{Operation: "z"}, {UsageType: "z"}, {Service: "z"}, {Account: "z"}}
	tails := []batch.Tail{{Unit: "z"}, {Currency: "z"}, {Priced: true}, {LineItemType: "z"}, {Tags: "z"}, {Zone: "z"}, {Region: "z"}}
	checkOrder(t, append([]batch.Head{{}}, heads...), batch.CompareHeads)
	checkOrder(t, append([]batch.Tail{{}}, tails...), batch.CompareTails)
}

func checkOrder[T any](t *testing.T, ascending []T, compare func(a, b T) int) {
	t.Helper()
	for i, a := range ascending {
		for j, b := range ascending {
			if got := compare(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%v and %v compare as %d", a, b, got)
			}
		}
	}
}

func TestTableCountsInOrderOfFirstSight(t *testing.T) {
	table := batch.NewTable[string]()
	for i, v := range []string{"m", "c", "m", "z", "a", "c"} {
		if got, want := table.Code(v), []uint32{0, 1, 0, 2, 3, 1}[i]; got != want {
			t.Errorf("%s has code %d, want %d", v, got, want)
		}
	}
	if c, ok := table.Find("z"); !ok || c != 2 {
		t.Errorf("z is found at %d, %t", c, ok)
	}
	if _, ok := table.Find("y"); ok || table.Len() != 4 {
		t.Error("looking for a value added it")
	}
	if got := table.Ranks(strings.Compare); !slices.Equal(got, []uint32{2, 1, 3, 0}) {
		t.Errorf("ranks are %v", got)
	}
	sorted, ranks := table.Sorted(strings.Compare)
	if !slices.Equal(sorted.Values(), []string{"a", "c", "m", "z"}) || !slices.Equal(ranks, table.Ranks(strings.Compare)) {
		t.Errorf("sorted to %v by %v", sorted.Values(), ranks)
	}
	for _, v := range table.Values() {
		if c, ok := sorted.Find(v); !ok || sorted.Value(c) != v {
			t.Errorf("%s is lost in the sorted table", v)
		}
	}
	if sorted.Code("new") != 4 || table.Len() != 4 {
		t.Error("the sorted table does not grow on its own")
	}
}

func TestTextKeepsEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 20)).Draw(t, "values")
		var text batch.Text
		for _, v := range want {
			text.Append(v)
		}
		if text.Len() != len(want) {
			t.Fatalf("%d values, want %d", text.Len(), len(want))
		}
		for i, v := range want {
			if !bytes.Equal(text.At(i), v) {
				t.Fatalf("value %d is %q, want %q", i, text.At(i), v)
			}
		}
	})
}

func charge(n int) batch.Row {
	return batch.Row{Key: batch.LineKey(uint32(n), uint32(n+1), schema.Hour(n+2), uint32(n+3)), Price: uint32(n + 4),
		Amount: money.UsageFromInt(int64(n)), List: money.CostFromInt(int64(n + 1)), Unblended: money.CostFromInt(int64(n + 2)),
		Blended: money.CostFromInt(int64(n + 3)), Net: money.CostFromInt(int64(n + 2)), Effective: money.CostFromInt(int64(n + 2))}
}

func TestChargesGiveTheirRowsBack(t *testing.T) {
	c := batch.NewCharges(&batch.Owner{Payer: "p"}, batch.NewDims(), batch.NewTable[batch.Price]())
	for n := range 10 {
		c.Append(charge(n))
	}
	part := c.Slice(3, 7)
	copied := batch.NewCharges(c.Owner, c.Dims, c.Prices)
	copied.AppendAll(part)
	copied.AppendAll(c.Slice(0, 0))
	copied.AppendAll(c.Slice(9, 10))
	c.Reset()
	for n := range 10 {
		c.Append(charge(100 + n)) // overwrites what the view saw, not what was copied
	}
	for i, want := range []int{3, 4, 5, 6, 9} {
		if copied.At(i) != charge(want) {
			t.Errorf("row %d is %v, want %v", i, copied.At(i), charge(want))
		}
	}
	if copied.Len() != 5 || c.Len() != 10 || part.Len() != 4 || part.Owner != c.Owner || part.Dims != c.Dims || part.Prices != c.Prices {
		t.Errorf("lengths %d %d %d", copied.Len(), c.Len(), part.Len())
	}
}

func TestLinesReset(t *testing.T) {
	l := batch.Lines{Key: make([]batch.Key, 2), Amount: make([]money.Usage, 2), Cost: make([]money.Cost, 2), Records: make([]int64, 2)}
	if l.Len() != 2 {
		t.Errorf("%d lines", l.Len())
	}
	if l.Reset(); l.Len()+len(l.Amount)+len(l.Cost)+len(l.Records) != 0 || cap(l.Key) != 2 {
		t.Errorf("%d lines of capacity %d are left", l.Len(), cap(l.Key))
	}
}

func knownRecord() schema.Record {
	return schema.Record{RecordID: []byte("record-0000000001"), Source: []byte("meter"), UsageAccountID: []byte("111111111111"),
		ServiceCode: []byte("AmazonEC2"), UsageType: []byte("BoxUsage:t3.large"), Operation: []byte("RunInstances"),
		RegionCode: []byte("ap-northeast-2"), AvailabilityZone: []byte("ap-northeast-2a"), ResourceID: []byte("i-0123456789abcdef0"),
		Unit: []byte("Hrs"), Tags: []byte("env\x1fprod\x1eteam\x1fpayments"), LineItemType: []byte("Usage")}
}

// A record whose values are all known costs no allocation but the columns'
// growth, which is a few dozen in ten thousand rows.
func TestAppendOfKnownValuesAllocatesNothing(t *testing.T) {
	u := batch.NewUsage()
	r := knownRecord()
	u.Append(&r)
	if n := testing.AllocsPerRun(10_000, func() { u.Append(&r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkAppendKnown(b *testing.B) {
	u := batch.NewUsage()
	r := knownRecord()
	b.ReportAllocs()
	for b.Loop() {
		if u.Len() == 1<<20 {
			u = batch.NewUsage()
		}
		u.Append(&r)
	}
}
