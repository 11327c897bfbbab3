package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	second "github.com/parquet-go/parquet-go"
)

func root() *schema.GroupNode {
	text := func(name string, r parquet.Repetition) schema.Node {
		return schema.Must(schema.NewPrimitiveNodeLogical(name, r, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))
	}
	return schema.MustGroup(schema.NewGroupNode("root", parquet.Repetitions.Required, schema.FieldList{
		text("code", parquet.Repetitions.Optional),
		schema.NewInt64Node("plain", parquet.Repetitions.Required, -1),
		schema.NewFloat64Node("double", parquet.Repetitions.Optional, -1),
		schema.MustGroup(schema.MapOf("tags", text("key", parquet.Repetitions.Required), text("value", parquet.Repetitions.Optional), parquet.Repetitions.Optional, -1)),
	}, -1))
}

func properties(index bool) *parquet.WriterProperties {
	return parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithPageIndexEnabled(index))
}

// table is what is written: a null is an empty text, or NaN.
type table struct {
	texts   []string
	plain   []int64
	doubles []float64
	tags    [][][2]string
}

func randomTable(rng *rand.Rand, rows int) table {
	var t table
	distinct, runs := 1+rng.IntN(300), 1+rng.IntN(40)
	for len(t.texts) < rows {
		text := fmt.Sprint("text-", rng.IntN(distinct))
		if rng.IntN(5) == 0 {
			text = ""
		}
		for range 1 + rng.IntN(runs) {
			t.texts = append(t.texts, text)
		}
	}
	t.texts = t.texts[:rows]
	for range rows {
		t.plain = append(t.plain, rng.Int64()-math.MaxInt64/2)
		d := math.NaN()
		if rng.IntN(3) > 0 {
			d = rng.NormFloat64()
		}
		t.doubles = append(t.doubles, d)
		var tags [][2]string
		for i := range rng.IntN(4) {
			tags = append(tags, [2]string{fmt.Sprint("key", i), fmt.Sprint(rng.IntN(9))})
		}
		t.tags = append(t.tags, tags)
	}
	return t
}

// code gives distinct texts codes, and returns them in plain encoding.
func code(texts []string) (plain []byte, list []string, codes []uint32) {
	known := map[string]uint32{}
	for _, text := range texts {
		c, ok := known[text]
		if !ok {
			c = uint32(len(known))
			known[text] = c
			list = append(list, text)
			plain = append(binary.LittleEndian.AppendUint32(plain, uint32(len(text))), text...)
		}
		codes = append(codes, c)
	}
	return plain, list, codes
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a table in row groups and pages of so many rows.
func write(t testing.TB, w *Writer, tab table, groupRows, pageRows int) []byte {
	t.Helper()
	var out bytes.Buffer
	must(t, w.Begin(&out))
	for from := 0; from < len(tab.texts); from += groupRows {
		to := min(from+groupRows, len(tab.texts))
		must(t, w.RowGroup(to-from))
		each := func(fn func(from, to int)) {
			for at := from; at < to; at += pageRows {
				fn(at, min(at+pageRows, to))
			}
		}
		c := next(t, w)
		writeTexts(t, c, tab.texts[from:to], pageRows)
		c = next(t, w)
		each(func(from, to int) {
			var values []byte
			for _, v := range tab.plain[from:to] {
				values = binary.LittleEndian.AppendUint64(values, uint64(v))
			}
			low, high := slices.Min(tab.plain[from:to]), slices.Max(tab.plain[from:to])
			must(t, c.Plain(Page{Rows: to - from, Cells: to - from, Values: to - from,
				Low: binary.LittleEndian.AppendUint64(nil, uint64(low)), High: binary.LittleEndian.AppendUint64(nil, uint64(high))}, values))
		})
		c = next(t, w)
		each(func(from, to int) { writeDoubles(t, c, tab.doubles[from:to]) })
		writeTags(t, w, tab.tags[from:to], pageRows)
	}
	must(t, w.Close())
	return out.Bytes()
}

func next(t testing.TB, w *Writer) *Column {
	t.Helper()
	c, err := w.Next()
	must(t, err)
	return c
}

func writeTexts(t testing.TB, c *Column, texts []string, pageRows int) {
	var there []string
	for _, text := range texts {
		if text != "" {
			there = append(there, text)
		}
	}
	plain, list, codes := code(there)
	if len(list) > 0 {
		must(t, c.Dictionary(plain, len(list)))
	}
	for at := 0; at < len(texts); at += pageRows {
		part := texts[at:min(at+pageRows, len(texts))]
		p := Page{Rows: len(part), Cells: len(part)}
		var low, high string
		for _, text := range part {
			level := uint8(0)
			if text != "" {
				if level = 1; p.Values == 0 {
					low, high = text, text
				}
				low, high = min(low, text), max(high, text)
				p.Values++
			}
			p.Definition.Each = append(p.Definition.Each, level)
		}
		p.Low, p.High = []byte(low), []byte(high)
		if len(list) == 0 {
			must(t, c.Plain(p, nil))
			continue
		}
		must(t, c.Codes(p, codes[:p.Values]))
		codes = codes[p.Values:]
	}
}

func writeDoubles(t testing.TB, c *Column, doubles []float64) {
	p := Page{Rows: len(doubles), Cells: len(doubles)}
	var values []byte
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range doubles {
		if math.IsNaN(d) {
			p.Definition.Each = append(p.Definition.Each, 0)
			continue
		}
		p.Values++
		p.Definition.Each = append(p.Definition.Each, 1)
		values = binary.LittleEndian.AppendUint64(values, math.Float64bits(d))
		low, high = min(low, d), max(high, d)
	}
	p.Low = binary.LittleEndian.AppendUint64(nil, math.Float64bits(low))
	p.High = binary.LittleEndian.AppendUint64(nil, math.Float64bits(high))
	must(t, c.Plain(p, values))
}

func writeTags(t testing.TB, w *Writer, rows [][][2]string, pageRows int) {
	for side := range 2 {
		c := next(t, w)
		var all []string
		for _, tags := range rows {
			for _, tag := range tags {
				all = append(all, tag[side])
			}
		}
		plain, list, codes := code(all)
		if len(list) > 0 {
			must(t, c.Dictionary(plain, len(list)))
		}
		for at := 0; at < len(rows); at += pageRows {
			part := rows[at:min(at+pageRows, len(rows))]
			p := Page{Rows: len(part)}
			for _, tags := range part {
				if len(tags) == 0 {
					p.Repetition.Each, p.Definition.Each = append(p.Repetition.Each, 0), append(p.Definition.Each, 1)
				}
				for i := range tags {
					p.Repetition.Each, p.Definition.Each = append(p.Repetition.Each, uint8(min(i, 1))), append(p.Definition.Each, uint8(2+side))
				}
				p.Values += len(tags)
			}
			p.Cells = len(p.Repetition.Each)
			if p.Values > 0 {
				of := func(c uint32) string { return list[c] }
				p.Low, p.High = []byte(least(codes[:p.Values], of)), []byte(most(codes[:p.Values], of))
			}
			if len(list) == 0 {
				must(t, c.Plain(p, nil))
				continue
			}
			must(t, c.Codes(p, codes[:p.Values]))
			codes = codes[p.Values:]
		}
	}
}

func least(codes []uint32, of func(uint32) string) string {
	return of(slices.MinFunc(codes, func(a, b uint32) int { return bytes.Compare([]byte(of(a)), []byte(of(b))) }))
}

func most(codes []uint32, of func(uint32) string) string {
	return of(slices.MaxFunc(codes, func(a, b uint32) int { return bytes.Compare([]byte(of(a)), []byte(of(b))) }))
}

// TestOtherReaders has two other implementations read what was written, over
// many shapes of columns, row groups and pages.
func TestOtherReaders(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		want := randomTable(rng, 1+rng.IntN(3000))
		groupRows := 1 + rng.IntN(2000)
		data := write(t, New(root(), properties(seed%2 == 0)), want, groupRows, 1+rng.IntN(groupRows))
		bySecond(t, data, want)
		byLibrary(t, data, want)
		byOurselves(t, data, want)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func bySecond(t *testing.T, data []byte, want table) {
	type row struct {
		Code   *string           `parquet:"code,optional"`
		Plain  int64             `parquet:"plain"`
		Double *float64          `parquet:"double,optional"`
		Tags   map[string]string `parquet:"tags,optional"`
	}
	r := second.NewGenericReader[row](bytes.NewReader(data))
	defer r.Close()
	rows := make([]row, len(want.texts)+1)
	n, err := r.Read(rows)
	if n != len(want.texts) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%d rows of %d: %v", n, len(want.texts), err)
	}
	for i, r := range rows[:n] {
		text, double := "", math.NaN()
		if r.Code != nil {
			text = *r.Code
		}
		if r.Double != nil {
			double = *r.Double
		}
		if text != want.texts[i] || r.Plain != want.plain[i] || math.Float64bits(double) != math.Float64bits(want.doubles[i]) || len(r.Tags) != len(want.tags[i]) {
			t.Fatalf("row %d: %q %d %v %v, want %q %d %v %v", i, text, r.Plain, double, r.Tags, want.texts[i], want.plain[i], want.doubles[i], want.tags[i])
		}
		for _, tag := range want.tags[i] {
			if r.Tags[tag[0]] != tag[1] {
				t.Fatalf("row %d: tags %v, want %v", i, r.Tags, want.tags[i])
			}
		}
	}
}

// byLibrary reads levels, statistics and the page index with arrow-go.
func byLibrary(t *testing.T, data []byte, want table) {
	f, err := file.NewParquetReader(bytes.NewReader(data))
	must(t, err)
	defer f.Close()
	row := 0
	for g := range f.NumRowGroups() {
		group := f.RowGroup(g)
		n := int(group.NumRows())
		meta, err := group.MetaData().ColumnChunk(1)
		must(t, err)
		stats, err := meta.Statistics()
		must(t, err)
		low, high := slices.Min(want.plain[row:row+n]), slices.Max(want.plain[row:row+n])
		if got := int64(binary.LittleEndian.Uint64(stats.EncodeMin())); got != low {
			t.Errorf("row group %d: minimum %d, want %d", g, got, low)
		}
		if got := int64(binary.LittleEndian.Uint64(stats.EncodeMax())); got != high {
			t.Errorf("row group %d: maximum %d, want %d", g, got, high)
		}
		column, err := group.Column(0)
		must(t, err)
		values, levels := make([]parquet.ByteArray, n), make([]int16, n)
		read := 0
		for read < n {
			total, there, err := column.(*file.ByteArrayColumnChunkReader).ReadBatch(int64(n-read), values, levels, nil)
			must(t, err)
			at := 0
			for i := range int(total) {
				text := ""
				if levels[i] == 1 {
					text = string(values[at])
					at++
				}
				if text != want.texts[row+read+i] {
					t.Fatalf("row %d: %q, want %q", row+read+i, text, want.texts[row+read+i])
				}
			}
			if at != there || total == 0 {
				t.Fatalf("%d levels say %d values, the page has %d", total, at, there)
			}
			read += int(total)
		}
		row += n
	}
	if row != len(want.texts) {
		t.Fatalf("%d rows, want %d", row, len(want.texts))
	}
}

func byOurselves(t *testing.T, data []byte, want table) {
	f, err := Open(bytes.NewReader(data))
	must(t, err)
	var texts, plain, doubles Chunk
	row := 0
	for g := range f.RowGroups() {
		must(t, f.Read(g, "code", parquet.Types.ByteArray, &texts))
		must(t, f.Read(g, "plain", parquet.Types.Int64, &plain))
		must(t, f.Read(g, "double", parquet.Types.Double, &doubles))
		list, err := Texts(texts.Dictionary, texts.Entries)
		must(t, err)
		nextText, nextDouble := 0, 0
		for i := range f.Rows(g) {
			text, double := "", math.NaN()
			if texts.Levels == nil || texts.Levels[i] == 1 {
				code := uint32(0)
				if !texts.Same {
					code = texts.Codes[nextText]
				}
				nextText++
				text = list[code]
			}
			if doubles.Levels == nil || doubles.Levels[i] == 1 {
				double = math.Float64frombits(binary.LittleEndian.Uint64(doubles.Plain[8*nextDouble:]))
				nextDouble++
			}
			long := int64(binary.LittleEndian.Uint64(plain.Plain[8*i:]))
			if text != want.texts[row] || long != want.plain[row] || math.Float64bits(double) != math.Float64bits(want.doubles[row]) {
				t.Fatalf("row %d: %q %d %v, want %q %d %v", row, text, long, double, want.texts[row], want.plain[row], want.doubles[row])
			}
			row++
		}
	}
	if row != len(want.texts) {
		t.Fatalf("%d rows, want %d", row, len(want.texts))
	}
	if err := f.Read(0, "plain", parquet.Types.Double, &plain); err == nil {
		t.Error("a column of another type is read")
	}
	if err := f.Read(0, "other", parquet.Types.Double, &plain); err == nil {
		t.Error("a column that is missing is read")
	}
}

func TestWriterIsUsedAgain(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := randomTable(rng, 900), randomTable(rng, 1200)
	w := New(root(), properties(true))
	first := write(t, w, a, 400, 100)
	write(t, w, b, 500, 70)
	if !bytes.Equal(first, write(t, w, a, 400, 100)) {
		t.Error("a file written before gives other bytes")
	}
}

func TestUnequalColumnsAreAnError(t *testing.T) {
	w := New(root(), properties(false))
	must(t, w.Begin(io.Discard))
	must(t, w.RowGroup(3))
	c := next(t, w)
	must(t, c.Plain(Page{Rows: 2, Cells: 2}, nil))
	if _, err := w.Next(); err == nil {
		t.Error("a column of 2 rows in a row group of 3 is taken")
	}
}

func TestColumnsThatAreMissingAreAnError(t *testing.T) {
	w := New(root(), properties(false))
	must(t, w.Begin(io.Discard))
	must(t, w.RowGroup(3))
	must(t, next(t, w).Plain(Page{Rows: 3, Cells: 3}, nil))
	if err := w.Close(); err == nil {
		t.Error("a row group of 1 column of 5 is taken")
	}
}

// FuzzHybrid reads what was encoded, with a plain decoder beside the fast one, and
// has the fast one read noise.
func FuzzHybrid(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 2, 3}, uint8(2))
	f.Add(bytes.Repeat([]byte{5}, 100), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		bits := int(width%32) + 1
		var values []uint32
		for i, b := range data {
			v := uint32(b) * 0x01010101 >> uint(i%7) & uint32(1<<bits-1)
			for range 1 + int(b%32) {
				values = append(values, v)
			}
		}
		if got := decodeHybrid(t, appendHybrid(nil, values, bits), bits, len(values)); !slices.Equal(got, values) {
			t.Fatalf("width %d: %v became %v", bits, values, got)
		}
		got, err := appendDecoded([]uint32{7}, appendHybrid(nil, values, bits), bits, len(values))
		if err != nil || !slices.Equal(got[1:], values) {
			t.Fatalf("width %d: %v was read as %v, %v", bits, values, got, err)
		}
		_, _ = appendDecoded([]uint32(nil), data, bits, 100) // must not panic
	})
}

func decodeHybrid(t *testing.T, data []byte, width, n int) (values []uint32) {
	for len(values) < n {
		header, size := binary.Uvarint(data)
		if size <= 0 {
			t.Fatalf("the bytes end after %d of %d values", len(values), n)
		}
		data = data[size:]
		if header&1 == 0 {
			v := uint32(0)
			for i := range (width + 7) / 8 {
				v |= uint32(data[i]) << (8 * i)
			}
			data = data[(width+7)/8:]
			for range header >> 1 {
				values = append(values, v)
			}
			continue
		}
		for i := range int(header>>1) * 8 {
			v := uint32(0)
			for b := range width {
				bit := i*width + b
				v |= uint32(data[bit/8]>>(bit%8)&1) << b
			}
			values = append(values, v)
		}
		data = data[int(header>>1)*width:]
	}
	if len(data) > 0 {
		t.Fatalf("%d bytes too many", len(data))
	}
	return values[:n]
}

// BenchmarkCodes writes a column of codes, and BenchmarkLibraryCodes the same one
// with the column writer of the library.
func BenchmarkCodes(b *testing.B) {
	codes, plain, _ := benchCodes()
	w := New(benchRoot(), properties(false))
	for b.Loop() {
		must(b, w.Begin(io.Discard))
		must(b, w.RowGroup(len(codes)))
		c := next(b, w)
		must(b, c.Dictionary(plain, 1000))
		must(b, c.Codes(Page{Rows: len(codes), Cells: len(codes), Values: len(codes), Definition: Levels{Same: 1}}, codes))
		must(b, w.Close())
	}
	b.ReportMetric(float64(len(codes))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mvalues/s")
}

func BenchmarkLibraryCodes(b *testing.B) {
	codes, _, dictionary := benchCodes()
	ones := slices.Repeat([]int16{1}, len(codes))
	indices := array.NewUint32Data(array.NewData(arrow.PrimitiveTypes.Uint32, len(codes),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(codes))}, nil, 0, 0))
	for b.Loop() {
		w, err := file.NewParquetWriterWithError(struct{ io.Writer }{io.Discard}, benchRoot(), file.WithWriterProps(properties(false)))
		must(b, err)
		group, err := w.AppendRowGroupChecked()
		must(b, err)
		c, err := group.NextColumn()
		must(b, err)
		must(b, c.CurrentEncoder().(interface{ PutDictionary(arrow.Array) error }).PutDictionary(dictionary))
		must(b, c.(*file.ByteArrayColumnChunkWriter).WriteDictIndices(indices, ones, nil))
		must(b, group.Close())
		must(b, w.Close())
	}
	b.ReportMetric(float64(len(codes))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mvalues/s")
}

func benchRoot() *schema.GroupNode {
	return schema.MustGroup(schema.NewGroupNode("root", parquet.Repetitions.Required, schema.FieldList{
		schema.Must(schema.NewPrimitiveNodeLogical("code", parquet.Repetitions.Optional, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)),
	}, -1))
}

// benchCodes are codes of a thousand texts, half of them in runs.
func benchCodes() (codes []uint32, plain []byte, dictionary arrow.Array) {
	build := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range 1000 {
		text := fmt.Sprintf("value-%04d", i)
		build.Append(text)
		plain = append(binary.LittleEndian.AppendUint32(plain, uint32(len(text))), text...)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for len(codes) < 100_000 {
		v, n := uint32(rng.IntN(1000)), 1
		if len(codes)%2000 < 1000 {
			n = 100
		}
		codes = append(codes, slices.Repeat([]uint32{v}, n)...)
	}
	return codes, plain, build.NewStringArray()
}
