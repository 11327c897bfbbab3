package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func owner() *batch.Owner {
	return &batch.Owner{Issuer: "acme", Payer: "111111111111", PricingCurrency: "USD", BillingCurrency: "USD", Period: schema.Period{Name: "2026-10"}}
}

// somePrices are one of each kind: rated, with many decimals, free, priced
// elsewhere, late.
func somePrices(t testing.TB) []batch.Price {
	t.Helper()
	rate := func(text string) money.Rate {
		r, err := money.ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	attributes := string(schema.EncodeTags(nil, []schema.Tag{{Key: "memory", Value: `8 "GiB" ü<>&`}, {Key: "vcpu", Value: ""}}))
	return []batch.Price{
		{SKU: "K", RateCode: "K.1", Term: "OnDemand", Description: "first tier", Unit: "Hrs", Rated: true, Rate: rate("0.1"), PublicRate: rate("0.1"),
			BlendedRate: rate("0.0707368421"), Effective: 1_790_000_000, Begin: "0", End: "10", Attributes: attributes},
		{SKU: "L", Rated: true, Rate: rate("0.123456789012345678"), PublicRate: rate("99999999999999999999"), BlendedRate: rate("0"), End: "Inf", Effective: -1},
		{SKU: "K", RateCode: "K.FREETIER.F", Unit: "Hrs", Rated: true, PublicRate: rate("0.1"), Pool: "f"},
		{Unit: "x", Description: "Tax priced by its source"},
		{Description: "Tax priced by its source", Reason: "late: 2026-09"},
		{Description: "VAT 19 %", TaxType: "VAT"},
		{Rated: true},
	}
}

func someCharges(t testing.TB, rows int, seed uint64) *batch.Charges {
	rng := rand.New(rand.NewPCG(seed, 7))
	c := batch.NewCharges(owner(), batch.NewDims(), batch.NewTable[batch.Price]())
	prices := somePrices(t)
	for i := range rows {
		tail := batch.Tail{Region: "us-east-1", LineItemType: schema.LineItemUsage, Unit: []string{"", "Hrs"}[rng.IntN(2)],
			Tags: string(schema.EncodeTags(nil, []schema.Tag{{Key: "k", Value: fmt.Sprint(rng.IntN(4))}}))}
		if rng.IntN(3) == 0 {
			tail = batch.Tail{LineItemType: "Tax", Priced: true, Currency: "USD"}
		}
		key := batch.LineKey(c.Dims.Heads.Code(batch.Head{Account: fmt.Sprint(rng.IntN(3)), Service: "S", UsageType: fmt.Sprint(rng.IntN(9))}),
			c.Dims.Resources.Code(fmt.Sprint("i-", i/3)), schema.Hour(490_000+i), c.Dims.Tails.Code(tail))
		c.Append(batch.Row{Key: key, Price: c.Prices.Code(prices[rng.IntN(len(prices))]),
			Amount: money.Usage{Lo: rng.Uint64(), Hi: rng.Int64N(1 << 60)}, List: money.Cost{Lo: rng.Uint64()},
			Unblended: money.Neg(money.Cost{Lo: rng.Uint64(), Hi: rng.Int64N(1 << 60)}), Blended: money.Cost{Lo: uint64(i)}})
	}
	return c
}

// write writes charges in batches of the given size.
func write(t testing.TB, c *batch.Charges, size int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := &ChargesWriter{}
	if err := w.Begin(&buf); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < c.Len(); from += size {
		if err := w.Write(c.Slice(from, min(from+size, c.Len()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Rows() != int64(c.Len()) {
		t.Fatalf("%d rows were written, the writer says %d", c.Len(), w.Rows())
	}
	return buf.Bytes()
}

// value is a row without codes.
type value struct {
	head     batch.Head
	resource string
	tail     batch.Tail
	price    batch.Price
	row      batch.Row
}

func valueAt(c *batch.Charges, i int) value {
	r := c.At(i)
	r.Key, r.Price = batch.LineKey(0, 0, r.Key.Hour(), 0), 0
	return value{c.Dims.Heads.Value(c.Head[i]), c.Dims.Resources.Value(c.Resource[i]), c.Dims.Tails.Value(c.Tail[i]), c.Prices.Value(c.Price[i]), r}
}

func readBack(data []byte, fn func(*batch.Charges) error) error {
	return ReadCharges(context.Background(), bytes.NewReader(data), owner(), batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms(), fn)
}

func TestChargesSurviveTheFile(t *testing.T) {
	for _, rows := range []int{0, 1, 5000, RowGroup + 1} {
		want := someCharges(t, rows, 1)
		row := 0
		err := readBack(write(t, want, 10_000), func(got *batch.Charges) error {
			for i := range got.Len() {
				if g, w := valueAt(got, i), valueAt(want, row); g != w {
					t.Fatalf("row %d is\n%+v, want\n%+v", row, g, w)
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

// A writer that begins anew writes the file that a new writer writes, also over
// other dictionaries.
func TestWriterBeginsAnew(t *testing.T) {
	w := &ChargesWriter{}
	whole, other := someCharges(t, 3000, 4), someCharges(t, 100, 5)
	for i, c := range []*batch.Charges{whole.Slice(0, 1000), whole.Slice(1000, 3000), other, whole} {
		var out bytes.Buffer
		if err := errors.Join(w.Begin(&out), w.Write(c), w.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), write(t, c, c.Len())) || w.Rows() != int64(c.Len()) {
			t.Errorf("file %d has other bytes, or %d rows", i, w.Rows())
		}
	}
}

// The bytes depend on the charges alone, not on how they were batched or in
// which order their values were first met.
func TestBytesDependOnTheChargesAlone(t *testing.T) {
	c := someCharges(t, RowGroup+2000, 2)
	want := write(t, c, c.Len())
	for _, size := range []int{8191, RowGroup + 1} {
		if !bytes.Equal(write(t, c, size), want) {
			t.Errorf("batches of %d rows give other bytes", size)
		}
	}
	other := batch.NewCharges(owner(), batch.NewDims(), batch.NewTable[batch.Price]())
	for i := c.Len() - 1; i >= 0; i-- { // codes in another order
		other.Dims.Heads.Code(c.Dims.Heads.Value(c.Head[i]))
		other.Dims.Resources.Code(c.Dims.Resources.Value(c.Resource[i]))
		other.Dims.Tails.Code(c.Dims.Tails.Value(c.Tail[i]))
		other.Prices.Code(c.Prices.Value(c.Price[i]))
	}
	for i := range c.Len() {
		r := c.At(i)
		r.Key = batch.LineKey(other.Dims.Heads.Code(c.Dims.Heads.Value(c.Head[i])), other.Dims.Resources.Code(c.Dims.Resources.Value(c.Resource[i])),
			c.Hour[i], other.Dims.Tails.Code(c.Dims.Tails.Value(c.Tail[i])))
		r.Price = other.Prices.Code(c.Prices.Value(c.Price[i]))
		other.Append(r)
	}
	if !bytes.Equal(write(t, other, 5000), want) {
		t.Error("other codes of the same values give other bytes")
	}
}

// The file means the same to a reader that shares no code with the writer.
func TestChargesAsASecondReaderSeesThem(t *testing.T) {
	want := someCharges(t, 500, 3)
	data := write(t, want, 100)
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	place := map[string]int{}
	for i, path := range f.Schema().Columns() {
		place[strings.Join(path, ".")] = i
	}
	rows := make([]parquet.Row, want.Len())
	read := 0
	for _, g := range f.RowGroups() {
		r := g.Rows()
		for {
			n, err := r.ReadRows(rows[read:])
			read += n
			if n == 0 || err != nil {
				break
			}
		}
		r.Close()
	}
	if read != want.Len() {
		t.Fatalf("%d of %d rows", read, want.Len())
	}
	for i, row := range rows {
		p, h, tail := want.Prices.Value(want.Price[i]), want.Dims.Heads.Value(want.Head[i]), want.Dims.Tails.Value(want.Tail[i])
		rate := ""
		if p.Rated {
			rate = p.Rate.Text10()
		}
		for column, text := range map[string]string{"issuer": "acme", "payer_account_id": "111111111111", "billing_period": "2026-10",
			schema.FieldUsageAccountID: h.Account, schema.FieldUsageType: h.UsageType, schema.FieldRegionCode: tail.Region,
			"unblended_rate": rate, "reason": p.Reason, "priced_by_source": fmt.Sprint(tail.Priced)} {
			at, ok := place[column]
			if !ok || row[at].String() != text {
				t.Fatalf("row %d, column %s: %q, want %q", i, column, row[at], text)
			}
		}
		if got := row[place[schema.FieldUsageStart]].Int64(); got != int64(want.Hour[i])*3_600_000 {
			t.Fatalf("row %d starts at %d ms", i, got)
		}
		if got := decimalOf(row[place[columnUnblended]].ByteArray()); got != money.Int128(want.Unblended[i]) {
			t.Fatalf("row %d costs %v, want %s", i, got, want.Unblended[i])
		}
	}
}

// decimalOf reads a big-endian two's complement number.
func decimalOf(b []byte) money.Int128 {
	var x money.Int128
	for i, c := range b {
		if i == 0 && c >= 0x80 {
			x = money.Int128{Lo: ^uint64(0), Hi: -1}
		}
		x = money.Int128{Lo: x.Lo<<8 | uint64(c), Hi: x.Hi<<8 | int64(x.Lo>>56)}
	}
	return x
}

// A changed byte is an error or, where nothing guards it, other values; it is
// never a panic and never more rows than were written.
func TestFlippedBytesNeverPanic(t *testing.T) {
	charges, usage := write(t, someCharges(t, 300, 4), 300), bytes.Buffer{}
	if err := WriteUsage(&usage, someUsage(300, 4), allRows(300)); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	faults := 0
	for range 150 {
		damage := func(data []byte) []byte {
			d := bytes.Clone(data)
			d[rng.IntN(len(d))] ^= byte(1 + rng.IntN(255))
			return d
		}
		if err := readBack(damage(charges), func(*batch.Charges) error { return nil }); err != nil {
			faults++
		}
		err := ReadUsage(context.Background(), bytes.NewReader(damage(usage.Bytes())), batch.NewDims(), true, func(*batch.Usage) error { return nil })
		if err != nil {
			faults++
		}
	}
	if faults == 0 {
		t.Error("no damage was noticed at all")
	}
}

func TestCutChargesAreAnError(t *testing.T) {
	data := write(t, someCharges(t, 300, 5), 300)
	for cut := 0; cut < len(data); cut += 1 + len(data)/200 {
		if err := readBack(data[:cut], func(*batch.Charges) error { return nil }); err == nil {
			t.Errorf("a file cut to %d of %d bytes was read", cut, len(data))
		}
	}
}

func TestFileOfAnotherKindIsAnError(t *testing.T) {
	var usage bytes.Buffer
	if err := WriteUsage(&usage, someUsage(10, 6), allRows(10)); err != nil {
		t.Fatal(err)
	}
	if err := readBack(usage.Bytes(), func(*batch.Charges) error { return nil }); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("usage read as charges: %v", err)
	}
}

// What goes wrong in the caller is not blamed on the file.
func TestCallersFaultsAreItsOwn(t *testing.T) {
	data := write(t, someCharges(t, 10, 7), 10)
	stop := errors.New("stop")
	if err := readBack(data, func(*batch.Charges) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error became %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("the caller's panic was swallowed")
		}
	}()
	err := readBack(data, func(*batch.Charges) error { panic("a mistake of the program") })
	t.Errorf("the caller's panic became the error %v", err)
}

func TestWriterReportsAFullDisk(t *testing.T) {
	full := errors.New("disk full")
	w := &ChargesWriter{}
	err := w.Begin(failing{full})
	if err == nil {
		if err = w.Write(someCharges(t, 10, 8)); err == nil {
			err = w.Close()
		}
	}
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func BenchmarkWriteCharges(b *testing.B) {
	const rows = RowGroup
	c := someCharges(b, rows, 1)
	for b.Loop() {
		w := &ChargesWriter{}
		err := w.Begin(io.Discard)
		if err == nil {
			err = w.Write(c)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
