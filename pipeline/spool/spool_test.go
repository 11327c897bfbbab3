package spool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func someUsage(rows int, seed uint64) *batch.Usage {
	rng := rand.New(rand.NewPCG(seed, 1))
	u := batch.NewUsage()
	for i := range rows {
		var r schema.Record
		r.RecordID = fmt.Appendf(nil, "id-%d", i)
		r.Source = []byte("meter")
		r.UsageAccountID = fmt.Appendf(nil, "%012d", rng.IntN(7))
		r.ServiceCode = []byte("AmazonEC2")
		r.UsageType = fmt.Appendf(nil, "BoxUsage:%d", rng.IntN(5))
		r.ResourceID = fmt.Appendf(nil, "i-%d", rng.IntN(50))
		r.RegionCode = []byte("us-east-1")
		r.LineItemType = []byte(schema.LineItemUsage)
		r.Tags = schema.EncodeTags(nil, []schema.Tag{{Key: "env", Value: fmt.Sprint(rng.IntN(3))}, {Key: "a\"b", Value: "ü<>&"}})
		r.UsageStart = (1_790_000_000 + int64(rng.IntN(100))*1800) * 1e9
		r.UsageEnd = r.UsageStart + 1800*1e9
		r.UsageAmount = money.Usage{Lo: rng.Uint64()}
		if rng.IntN(4) == 0 {
			r.Priced, r.Cost, r.Currency = true, money.Cost{Lo: rng.Uint64(), Hi: 3}, []byte("USD")
		}
		r.File, r.Line = uint32(rng.IntN(3)*1000), int64(i+2)
		u.Append(&r)
	}
	return u
}

func allRows(n int) []uint32 {
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(i)
	}
	return rows
}

func TestUsageSurvivesTheFile(t *testing.T) {
	want := someUsage(300_000, 1)
	var sorter batch.Sorter
	order := sorter.Order(want)
	var buf bytes.Buffer
	if err := WriteUsage(&buf, want, order); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := WriteUsage(&again, want, order); err != nil || !bytes.Equal(buf.Bytes(), again.Bytes()) {
		t.Fatalf("the same batch gave other bytes (%v)", err)
	}
	dims := batch.NewDims()
	row := 0
	err := ReadUsage(context.Background(), bytes.NewReader(buf.Bytes()), dims, true, func(got *batch.Usage) error {
		for i := range got.Len() {
			row := order[row+i]
			if dims.Heads.Value(got.Head[i]) != want.Dims.Heads.Value(want.Head[row]) ||
				dims.Tails.Value(got.Tail[i]) != want.Dims.Tails.Value(want.Tail[row]) ||
				dims.Resources.Value(got.Resource[i]) != want.Dims.Resources.Value(want.Resource[row]) ||
				got.Start[i] != want.Start[row] || got.End[i] != want.End[row] || got.Amount[i] != want.Amount[row] ||
				got.Cost[i] != want.Cost[row] || got.Line[i] != want.Line[row] || string(got.IDs.At(i)) != string(want.IDs.At(int(row))) || got.File[i] != want.File[row] {
				t.Fatalf("row %d differs", row)
			}
		}
		row += got.Len()
		return nil
	})
	if err != nil || row != want.Len() {
		t.Fatalf("read %d of %d rows: %v", row, want.Len(), err)
	}
}

// TestUsageWriterIsUsedAgain writes batches over dictionaries that grow, and over
// others: each file is as if it had been written alone. Instants are too many
// for a dictionary in the last one.
func TestUsageWriterIsUsedAgain(t *testing.T) {
	var w UsageWriter
	dims, sources := batch.NewDims(), batch.NewTable[string]()
	for n, rows := range []int{100, 2000, 50, 20_000} {
		u := batch.NewUsage()
		if n%2 == 1 {
			u.Reset(dims, sources)
		}
		from := someUsage(rows, uint64(n))
		for i := range rows {
			r := from.Record(i)
			if n == 3 {
				r.UsageStart += int64(i)
			}
			u.Append(&r)
		}
		u.Freeze()
		var again, alone bytes.Buffer
		if err := w.Write(&again, u, allRows(rows)); err != nil {
			t.Fatal(err)
		}
		if err := WriteUsage(&alone, u, allRows(rows)); err != nil || !bytes.Equal(again.Bytes(), alone.Bytes()) {
			t.Errorf("file %d depends on the files before (%v)", n, err)
		}
		row := 0
		err := ReadUsage(context.Background(), bytes.NewReader(again.Bytes()), batch.NewDims(), true, func(got *batch.Usage) error {
			for i := range got.Len() {
				g, want := got.Record(i), u.Record(row)
				if fmt.Sprint(g) != fmt.Sprint(want) {
					t.Fatalf("row %d is %v, want %v", row, g, want)
				}
				row++
			}
			return nil
		})
		if err != nil || row != rows {
			t.Errorf("read %d of %d rows: %v", row, rows, err)
		}
	}
}

func TestDamagedFileIsAnError(t *testing.T) {
	var buf bytes.Buffer
	if err := WriteUsage(&buf, someUsage(1000, 2), allRows(1000)); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 3, 8, buf.Len() / 2, buf.Len() - 1} {
		err := ReadUsage(context.Background(), bytes.NewReader(buf.Bytes()[:cut]), batch.NewDims(), false, func(*batch.Usage) error { return nil })
		if err == nil {
			t.Errorf("a file cut to %d bytes was read", cut)
		}
	}
}

func BenchmarkWriteUsage(b *testing.B) {
	const rows = RowGroup
	u := someUsage(rows, 1)
	var sorter batch.Sorter
	order := sorter.Order(u)
	var w UsageWriter
	for b.Loop() {
		if err := w.Write(io.Discard, u, order); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
