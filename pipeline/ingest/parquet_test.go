package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// parquetRow is a usage record as a careful writer writes it.
type parquetRow struct {
	RecordID  string            `parquet:"record_id,dict"`
	Account   string            `parquet:"usage_account_id,dict"`
	Service   string            `parquet:"service_code,dict"`
	UsageType string            `parquet:"usage_type,dict"`
	Operation *string           `parquet:"operation,optional,dict"`
	Region    string            `parquet:"region_code,plain"`
	Zone      string            `parquet:"availability_zone"`
	Resource  string            `parquet:"resource_id"`
	Start     time.Time         `parquet:"usage_start,timestamp(microsecond)"`
	End       time.Time         `parquet:"usage_end,timestamp(nanosecond)"`
	Amount    int64             `parquet:"usage_amount,decimal(3:18)"`
	Unit      *string           `parquet:"unit,optional"`
	Tags      map[string]string `parquet:"tags,optional"`
}

func goodParquetRow() parquetRow {
	op, unit := "Run", "Hrs"
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	return parquetRow{RecordID: "id-1", Account: "111122223333", Service: "compute", UsageType: "vm.small", Operation: &op, Region: "kr-1", Zone: "kr-1a",
		Resource: "vm-7", Start: start, End: start.Add(time.Hour), Amount: 1500, Unit: &unit}
}

func parquetFileOf[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquetReadsAsCSV(t *testing.T) {
	want := accepted(t, csvFile("", "")).records[0]
	want.Line = 1
	for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Uncompressed), parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip), parquet.Compression(&parquet.Zstd)} {
		for version := 1; version <= 2; version++ {
			data := parquetFileOf(t, []parquetRow{goodParquetRow()}, codec, parquet.DataPageVersion(version))
			r := accepted(t, string(data))
			if len(r.records) != 1 || r.records[0] != want || r.sum.Format != Parquet {
				t.Errorf("got %+v\nwant %+v", r.records, want)
			}
		}
	}
}

// Many rows over several row groups and small pages, with maps that cross them.
func TestParquetManyPages(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []parquetRow
	for i := range 5000 {
		r := goodParquetRow()
		r.RecordID = fmt.Sprintf("id-%d", i)
		r.Amount = int64(i)
		if n := rng.IntN(5); n > 0 {
			r.Tags = map[string]string{}
			for j := range n {
				r.Tags[fmt.Sprintf("k%d", j)] = fmt.Sprintf("v%d", i)
			}
		}
		if i%3 == 0 {
			r.Operation, r.Unit = nil, nil
		}
		rows = append(rows, r)
	}
	for version := 1; version <= 2; version++ {
		data := parquetFileOf(t, rows, parquet.PageBufferSize(700), parquet.MaxRowsPerRowGroup(1700), parquet.DataPageVersion(version), parquet.Compression(&parquet.Snappy))
		r := accepted(t, string(data))
		if len(r.records) != len(rows) {
			t.Fatalf("%d rows", len(r.records))
		}
		for i, got := range r.records {
			if got.ID != rows[i].RecordID || got.Line != int64(i+1) || strings.Count(got.Tags, "\x1f") != len(rows[i].Tags) || got.Unit == "" != (i%3 == 0) {
				t.Fatalf("row %d: %+v", i, got)
			}
		}
	}
}

type amountRow[A any] struct {
	RecordID  string    `parquet:"record_id"`
	Account   string    `parquet:"usage_account_id"`
	Service   string    `parquet:"service_code"`
	UsageType string    `parquet:"usage_type"`
	Start     time.Time `parquet:"usage_start,timestamp(millisecond)"`
	End       time.Time `parquet:"usage_end,timestamp(millisecond)"`
	Amount    A         `parquet:"usage_amount"`
}

func withAmount[A any](t testing.TB, a A) []byte {
	g := goodParquetRow()
	return parquetFileOf(t, []amountRow[A]{{RecordID: "id", Account: "1", Service: "s", UsageType: "u", Start: g.Start, End: g.End, Amount: a}})
}

// TestParquetSlices reads a row group that is longer than a slice: by columns
// up to the slice with a bad row, and from there on row by row.
func TestParquetSlices(t *testing.T) {
	rows := make([]parquetRow, sliceRows+5000)
	for i := range rows {
		rows[i] = goodParquetRow()
		rows[i].RecordID = fmt.Sprintf("id-%d", i+1)
		rows[i].Tags = map[string]string{"n": fmt.Sprint(i % 1000)}
		if i%3 == 0 {
			rows[i].Tags = nil
		}
		rows[i].Amount = int64(i % 1000)
	}
	for _, bad := range []int{-1, sliceRows + 2000} {
		if bad >= 0 {
			rows[bad].Account = "no account"
		}
		byColumn, slices := batch.NewUsage(), 0
		var rejected []Rejected
		_, err := ReadGroups(context.Background(), input(parquetFileOf(t, rows, parquet.Compression(&parquet.Snappy))), Options{Source: "s"},
			func(r *schema.Record) error { byColumn.Append(r); return nil },
			func(g *batch.Group) error { slices++; byColumn.AppendGroup(g); return nil },
			func(r Rejected) error { rejected = append(rejected, r); return nil })
		want := map[bool][3]int{true: {1, len(rows) - 1, 1}, false: {2, len(rows), 0}}[bad >= 0]
		if got := [3]int{slices, byColumn.Len(), len(rejected)}; err != nil || got != want {
			t.Fatalf("slices, rows and rejects are %v, want %v: %v", got, want, err)
		}
		if bad >= 0 && rejected[0].Problem.Line != int64(bad+1) {
			t.Errorf("rejected line %d, want %d", rejected[0].Problem.Line, bad+1)
		}
		for i := range byColumn.Len() {
			r := byColumn.Record(i)
			row := int(r.Line - 1)
			if string(r.RecordID) != rows[row].RecordID || string(tagValue(r.Tags, "n")) != rows[row].Tags["n"] || r.UsageAmount.String() != amountText(rows[row].Amount) {
				t.Fatalf("row %d is %+v, want %+v", row, keep(&r), rows[row])
			}
		}
	}
}

func amountText(thousandths int64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000), "0"), ".")
}

func TestParquetAmounts(t *testing.T) {
	good := func(data []byte, want string) {
		t.Helper()
		if got := accepted(t, string(data)).records[0].Amount; got != want {
			t.Errorf("amount %s, want %s", got, want)
		}
	}
	good(withAmount(t, int64(7)), "7")
	good(withAmount(t, int32(7)), "7")
	good(withAmount(t, "7.25"), "7.25")
	refused(t, withAmount(t, 7.25), Options{}, "usage_amount is DOUBLE, which is not exact")
	refused(t, withAmount(t, float32(7.25)), Options{}, "usage_amount is FLOAT")
	refused(t, withAmount(t, uint64(7)), Options{}, "usage_amount is INT64")
	refused(t, withAmount(t, true), Options{}, "usage_amount is BOOLEAN")
	refused(t, withAmount(t, []string{"7"}), Options{}, "usage_amount is a list")
	mustReject(t, string(withAmount(t, int64(-7))), "is negative")
	mustReject(t, string(withAmount(t, "NaN")), "not a decimal number")
	decimals := func(scale, precision, length int, value parquet.Value) []byte {
		base := parquet.Int64Type
		switch {
		case length == 0 && value.Kind() == parquet.ByteArray:
			base = parquet.ByteArrayType
		case length > 0:
			base = parquet.FixedLenByteArrayType(length)
		}
		return decimalFile(t, parquet.Decimal(scale, precision, base), value)
	}
	be := func(hi, lo uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, hi), lo)
	}
	good(decimals(18, 38, 16, parquet.FixedLenByteArrayValue(be(0, 1))), "0.000000000000000001")
	good(decimals(0, 38, 16, parquet.FixedLenByteArrayValue(be(0, 12))), "12")
	good(decimals(2, 38, 9, parquet.FixedLenByteArrayValue([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0})), "2.56")
	mustReject(t, string(decimals(2, 38, 16, parquet.FixedLenByteArrayValue(be(1<<64-1, 1<<64-1)))), "is negative")
	mustReject(t, string(decimals(0, 38, 16, parquet.FixedLenByteArrayValue(be(1<<63-1, 0)))), "38 digits")
	mustReject(t, string(decimals(0, 38, 16, parquet.FixedLenByteArrayValue(be(1<<40, 0)))), "more digits than fit")
	refused(t, decimals(19, 38, 16, parquet.FixedLenByteArrayValue(be(0, 1))), Options{}, "usage_amount is FIXED_LEN_BYTE_ARRAY DECIMAL")
}

// decimalFile writes one row whose amount has the given node.
func decimalFile(t testing.TB, amount parquet.Node, value parquet.Value) []byte {
	t.Helper()
	text := parquet.String()
	schema := parquet.NewSchema("usage", parquet.Group{
		"record_id": text, "usage_account_id": text, "service_code": text, "usage_type": text,
		"usage_start": text, "usage_end": text, "usage_amount": amount,
	})
	texts := map[string]string{"record_id": "id", "usage_account_id": "1", "service_code": "s", "usage_type": "u",
		"usage_start": "2026-10-01T00:00:00Z", "usage_end": "2026-10-01T00:00:00+00:00"}
	var row parquet.Row
	for i, path := range schema.Columns() {
		v := value
		if s, ok := texts[path[0]]; ok {
			v = parquet.ByteArrayValue([]byte(s))
		}
		row = append(row, v.Level(0, 0, i))
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, schema, parquet.SkipPageBounds("usage_amount"))
	if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type timeRow[T any] struct {
	RecordID  string `parquet:"record_id"`
	Account   string `parquet:"usage_account_id"`
	Service   string `parquet:"service_code"`
	UsageType string `parquet:"usage_type"`
	Start     T      `parquet:"usage_start"`
	End       string `parquet:"usage_end"`
	Amount    string `parquet:"usage_amount"`
}

func withStart[T any](t testing.TB, start T) []byte {
	return parquetFileOf(t, []timeRow[T]{{RecordID: "id", Account: "1", Service: "s", UsageType: "u", Start: start, End: "2026-10-02T00:00:00Z", Amount: "1"}})
}

func TestCase_D56_ParquetTimes(t *testing.T) {
	want := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	if got := accepted(t, string(withStart(t, "2026-10-01T09:00:00+09:00"))).records[0].Start; got != want.UnixNano() {
		t.Errorf("start %d", got)
	}
	mustReject(t, string(withStart(t, "2026-10-01T09:00:00")), "has no offset")
	refused(t, withStart(t, want.UnixMilli()), Options{}, "usage_start is INT64")
	refused(t, withStart(t, deprecated.Int96{1, 2, 3}), Options{}, "usage_start is INT96")
	for _, unit := range []parquet.TimeUnit{parquet.Millisecond, parquet.Microsecond, parquet.Nanosecond} {
		for _, utc := range []bool{true, false} {
			data := timestampFile(t, parquet.TimestampAdjusted(unit, utc), want.UnixNano()/int64(unit.Duration()))
			if !utc {
				refused(t, data, Options{}, "not adjusted to UTC")
				continue
			}
			if got := accepted(t, string(data)).records[0].Start; got != want.UnixNano() {
				t.Errorf("start %d", got)
			}
		}
	}
	// Seconds in a column of milliseconds, and microseconds in one.
	mustReject(t, string(timestampFile(t, parquet.Timestamp(parquet.Millisecond), want.Unix())), "outside the years")
	mustReject(t, string(timestampFile(t, parquet.Timestamp(parquet.Millisecond), want.UnixMicro())), "outside the years")
	mustReject(t, string(timestampFile(t, parquet.Timestamp(parquet.Microsecond), -1<<63)), "outside the years")
}

func timestampFile(t testing.TB, node parquet.Node, value int64) []byte {
	t.Helper()
	text := parquet.String()
	schema := parquet.NewSchema("usage", parquet.Group{
		"record_id": text, "usage_account_id": text, "service_code": text, "usage_type": text,
		"usage_start": node, "usage_end": text, "usage_amount": text,
	})
	texts := map[string]string{"record_id": "id", "usage_account_id": "1", "service_code": "s", "usage_type": "u",
		"usage_end": "2200-10-01T00:00:00Z", "usage_amount": "1"}
	var row parquet.Row
	for i, path := range schema.Columns() {
		v := parquet.Int64Value(value)
		if s, ok := texts[path[0]]; ok {
			v = parquet.ByteArrayValue([]byte(s))
		}
		row = append(row, v.Level(0, 0, i))
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, schema)
	if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCase_D55_ParquetSchema(t *testing.T) {
	type missing struct {
		RecordID string `parquet:"record_id"`
		Amout    int64  `parquet:"usage_amout"`
	}
	msg := refused(t, parquetFileOf(t, []missing{{"a", 1}}), Options{}, "did you mean usage_amount?")
	if !strings.Contains(msg, "has no column usage_account_id") || !strings.Contains(msg, "has no column usage_amount (did you mean usage_amout?)") {
		t.Errorf("message %s", msg)
	}
	type numbers struct {
		amountRow[int64]
		Unit int32          `parquet:"unit"`
		Tags map[string]int `parquet:"tags"`
	}
	msg = refused(t, parquetFileOf(t, []numbers{{}}), Options{}, "unit is INT32")
	if !strings.Contains(msg, "tags is a group of columns") {
		t.Errorf("message %s", msg)
	}
}

func TestParquetRejects(t *testing.T) {
	r := goodParquetRow()
	r.RecordID = "a\xffb"
	x := mustReject(t, string(parquetFileOf(t, []parquetRow{goodParquetRow(), r})), "is not UTF-8")
	if x.Problem.Line != 2 || !bytes.Contains(x.Original, []byte(`"usage_account_id":"111122223333"`)) || !bytes.Contains(x.Original, []byte(`"usage_amount":"1.5"`)) {
		t.Errorf("%+v %s", x.Problem, x.Original)
	}
	r = goodParquetRow()
	r.Tags = map[string]string{}
	for i := range 5000 {
		r.Tags[fmt.Sprint(i)] = "v"
	}
	mustReject(t, string(parquetFileOf(t, []parquetRow{goodParquetRow(), r})), "more than 200 tags")
	r.Tags = map[string]string{"a": "\x1e"}
	mustReject(t, string(parquetFileOf(t, []parquetRow{r})), "control character")
	r.Tags, r.Account = nil, "../x"
	mustReject(t, string(parquetFileOf(t, []parquetRow{r})), "is not an account id")
}

func TestCase_D54_DamagedParquet(t *testing.T) {
	var rows []parquetRow
	for i := range 300 {
		r := goodParquetRow()
		r.RecordID = fmt.Sprint(i)
		r.Tags = map[string]string{"a": fmt.Sprint(i)}
		rows = append(rows, r)
	}
	data := parquetFileOf(t, rows, parquet.Compression(&parquet.Snappy))
	for _, n := range []int{4, 8, 11, 12, len(data) / 2, len(data) - 4, len(data) - 1} {
		refused(t, data[:n], Options{}, "damaged Parquet")
	}
	huge := bytes.Clone(data)
	binary.LittleEndian.PutUint32(huge[len(huge)-8:], 1<<31)
	refused(t, huge, Options{}, "metadata of 2147483648 bytes")
	// Every byte of metadata and pages, changed: an error or other values, never
	// a crash or gigabytes.
	rng := rand.New(rand.NewPCG(3, 4))
	grown := heapPeak(func() {
		for range 3000 {
			broken := bytes.Clone(data)
			for range 1 + rng.IntN(3) {
				broken[rng.IntN(len(broken))] = byte(rng.Uint32())
			}
			if r := readAll(input(broken), Options{}); r.err == nil {
				checkCounts(t, r)
			}
		}
	})
	if grown > 256<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// lyingFooter is metadata whose schema list claims two billion elements.
func TestCase_D54_FooterClaimsGigabytes(t *testing.T) {
	for name, footer := range map[string][]byte{
		"List":   {0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07},
		"String": {0x15, 0x02, 0x19, 0x1c, 0x48, 0xff, 0xff, 0xff, 0xff, 0x07},
	} {
		data := append([]byte("PAR1"), footer...)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(footer)))
		data = append(data, "PAR1"...)
		grown := heapPeak(func() { refused(t, data, Options{}, "damaged Parquet") })
		if grown > 16<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
		}
	}
}

func TestCase_X16_RunClaimsGigabytes(t *testing.T) {
	run := binary.AppendUvarint(nil, 1<<31<<1) // an RLE run of 2^31 values
	if runsFit(append(run, 1), 8, 1000) {
		t.Error("a run of 2^31 values fits a page of 1000")
	}
	if !runsFit([]byte{3, 0xff}, 1, 5) { // one packed group of 8, 5 of them used
		t.Error("a padded group does not fit")
	}
	many := binary.AppendUvarint(nil, 100<<1|1)
	if runsFit(append(many, make([]byte, 100)...), 1, 8) {
		t.Error("a hundred packed groups fit 8 values")
	}
	if runsFit(bytes.Repeat([]byte{0x7e, 1}, 20), 1, 600) {
		t.Error("20 runs of 63 fit 600 values")
	}
	if deltaCount(binary.AppendUvarint([]byte{0x80, 1, 4}, 1<<40)) != 1<<40 {
		t.Error("the count of a delta run is not found")
	}
}
