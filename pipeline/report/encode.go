package report

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/monthend/monthend/schema/column"
)

// encoder writes row groups through the column writers of the library. It
// gives them dictionaries and codes as they are, and cuts pages itself, at the
// same rows in every column.
type encoder struct {
	view *column.View
	rows int

	remap  []uint32 // by code of the column: 1 + code in the row group, 0 when not met
	used   []uint32 // codes of the column that the row group uses, in order of first sight
	codes  []uint32 // by row, codes of the row group
	valid  []byte   // bitmap of rows that are not null, when there are nulls
	levels []int16  // definition levels when there are nulls
	seen   []int32  // by code of the row group: page that met it last, counted from 1
	bytes  []parquet.ByteArray

	zeros  []uint32
	ones   []int16
	none   []int16 // zero levels
	maps   mapRows
	amount amounts
}

// pages is what the library's column writers can do beside their interface.
type pages interface {
	file.ColumnChunkWriter
	FlushCurrentPage() error
}

type dictionary interface {
	PutDictionary(arrow.Array) error
	NumEntries() int
}

// rowGroup writes the rows that the view holds.
func (e *encoder) rowGroup(group file.SerialRowGroupWriter) error {
	e.rows = e.view.Len()
	e.zeros = filled(e.zeros, e.rows, 0)
	e.ones = filled(e.ones, e.rows, 1)
	e.none = filled(e.none, e.rows, 0)
	for _, c := range column.All() {
		if err := e.column(group, c); err != nil {
			return fmt.Errorf("column %s: %v", c.Name, err)
		}
	}
	return group.Close()
}

func filled[T uint32 | int16](s []T, n int, v T) []T {
	for len(s) < n {
		s = append(s, v)
	}
	return s
}

func (e *encoder) column(group file.SerialRowGroupWriter, c column.Column) error {
	values := c.Fill(e.view)
	if values.Shape == column.Maps {
		return e.mapColumn(group, c, values)
	}
	next, err := group.NextColumn()
	if err != nil {
		return err
	}
	w := next.(pages)
	switch values.Shape {
	case column.Texts:
		return e.texts(w, values)
	case column.Times:
		return e.times(w.(*file.Int64ColumnChunkWriter), values)
	case column.Costs:
		return writeAmounts(e, w.(*file.Float64ColumnChunkWriter), values.Costs, values.Rows)
	case column.Usages:
		return writeAmounts(e, w.(*file.Float64ColumnChunkWriter), values.Usages, values.Rows)
	}
	return nullCells(w, e.none[:e.rows], nil)
}

// nullCells writes cells without a value: one page, no dictionary.
func nullCells(w file.ColumnChunkWriter, definition, repetition []int16) error {
	w.FallbackToPlain()
	var err error
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(nil, definition, repetition)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(nil, definition, repetition)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(nil, definition, repetition)
	default:
		err = fmt.Errorf("no such type: %T", w)
	}
	return err
}

// compact gives the codes that the row group uses new codes, dense and in order
// of first sight, so that the bytes do not depend on what else the dictionary
// of the run holds. It returns the codes by row and the number of nulls.
func (e *encoder) compact(codes []uint32, dictionary int, isNull func(code uint32) bool) ([]uint32, int) {
	e.used = e.used[:0]
	if codes == nil {
		e.used = append(e.used, 0)
		return e.zeros[:e.rows], 0
	}
	if len(e.remap) < dictionary {
		e.remap = make([]uint32, dictionary)
	}
	e.codes = e.codes[:0]
	nulls := 0
	const null = ^uint32(0)
	nullCode := null
	for _, code := range codes {
		local := e.remap[code]
		if local == 0 {
			if code == nullCode || isNull(code) {
				nullCode = code
				nulls++
				e.codes = append(e.codes, null)
				continue
			}
			e.used = append(e.used, code)
			local = uint32(len(e.used))
			e.remap[code] = local
		}
		e.codes = append(e.codes, local-1)
	}
	for _, code := range e.used {
		e.remap[code] = 0
	}
	if nulls > 0 {
		e.markNulls(null)
	}
	return e.codes, nulls
}

// markNulls makes levels and bitmap from the codes; a null row keeps code 0.
func (e *encoder) markNulls(null uint32) {
	n := len(e.codes)
	e.levels = append(e.levels[:0], e.ones[:n]...)
	e.valid = append(e.valid[:0], make([]byte, (n+7)/8)...)
	for i, code := range e.codes {
		if code == null {
			e.codes[i], e.levels[i] = 0, 0
		} else {
			e.valid[i/8] |= 1 << (i % 8)
		}
	}
}

// texts writes a text column.
func (e *encoder) texts(w pages, v column.Values) error {
	if len(v.Texts) == 1 && v.Texts[0] == "" { // no row can have a text
		return nullCells(w, e.none[:e.rows], nil)
	}
	codes, nulls := e.compact(v.Codes, len(v.Texts), func(code uint32) bool { return v.Texts[code] == "" })
	if nulls == e.rows {
		return nullCells(w, e.none[:e.rows], nil)
	}
	if len(e.used) > plainFrom(e.rows-nulls) || bytesIn(e.used, v.Texts) > dictionaryBytes {
		return e.plainTexts(w.(*file.ByteArrayColumnChunkWriter), codes, nulls, v.Texts)
	}
	d := w.CurrentEncoder().(dictionary)
	if err := d.PutDictionary(textArray(e.used, v.Texts)); err != nil {
		return err
	}
	if d.NumEntries() != len(e.used) { // two codes of one text
		return e.plainTexts(w.(*file.ByteArrayColumnChunkWriter), codes, nulls, v.Texts)
	}
	stats := w.PageStatistics().(*metadata.ByteArrayStatistics)
	return e.coded(w, codes, nulls, func(distinct []uint32) {
		low, high := v.Texts[e.used[distinct[0]]], v.Texts[e.used[distinct[0]]]
		for _, code := range distinct[1:] {
			text := v.Texts[e.used[code]]
			low, high = min(low, text), max(high, text)
		}
		stats.SetMinMax(bytesOf(low), bytesOf(high))
	})
}

// plainFrom is the number of distinct values from which on a dictionary is not
// worth its while: above half of the values, beyond a small number.
func plainFrom(values int) int { return max(values/2, 64) }

// Limits of one page and of one dictionary, in bytes; the library counts both
// in 32 bits.
const (
	plainPageBytes  = 8 << 20
	dictionaryBytes = 64 << 20
)

func bytesIn(used []uint32, texts []string) int {
	n := 0
	for _, code := range used {
		n += len(texts[code])
	}
	return n
}

// plainTexts writes a text column without a dictionary.
func (e *encoder) plainTexts(w *file.ByteArrayColumnChunkWriter, codes []uint32, nulls int, texts []string) error {
	w.FallbackToPlain()
	levels := e.ones[:e.rows]
	if nulls > 0 {
		levels = e.levels
	}
	for from := 0; from < e.rows; {
		e.bytes = e.bytes[:0]
		to, size := from, 0
		for ; to < min(from+pageRows, e.rows) && size < plainPageBytes; to++ {
			if levels[to] == 1 {
				text := texts[e.used[codes[to]]]
				size += len(text)
				e.bytes = append(e.bytes, bytesOf(text))
			}
		}
		if _, err := w.WriteBatch(e.bytes, levels[from:to], nil); err != nil {
			return err
		}
		if err := w.FlushCurrentPage(); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// times writes a timestamp column.
func (e *encoder) times(w *file.Int64ColumnChunkWriter, v column.Values) error {
	codes, _ := e.compact(v.Codes, len(v.Times), func(uint32) bool { return false })
	values := make([]int64, len(e.used))
	for i, code := range e.used {
		values[i] = v.Times[code]
	}
	d := w.CurrentEncoder().(dictionary)
	if err := d.PutDictionary(int64Array(values)); err != nil {
		return err
	}
	if d.NumEntries() != len(values) {
		return fmt.Errorf("a time stands twice in the dictionary")
	}
	stats := w.PageStatistics().(*metadata.Int64Statistics)
	return e.coded(w, codes, 0, func(distinct []uint32) {
		low, high := values[distinct[0]], values[distinct[0]]
		for _, code := range distinct[1:] {
			low, high = min(low, values[code]), max(high, values[code])
		}
		stats.SetMinMax(low, high)
	})
}

// coded writes rows as codes of the dictionary that the column has, page by
// page. MinMax is told the distinct codes of a page, at least one.
func (e *encoder) coded(w pages, codes []uint32, nulls int, minMax func(distinct []uint32)) error {
	e.seen = append(e.seen[:0], make([]int32, len(e.used))...)
	var distinct []uint32
	for from := 0; from < e.rows; from += pageRows {
		to := min(from+pageRows, e.rows)
		levels, bitmap, missing := e.ones[from:to], []byte(nil), 0
		if nulls > 0 {
			levels, bitmap = e.levels[from:to], e.valid
			missing = countNulls(levels)
		}
		distinct = e.distinct(distinct[:0], codes[from:to], levels, int32(from/pageRows+1))
		stats := w.PageStatistics()
		stats.IncNulls(int64(missing))
		stats.IncNumValues(int64(to - from - missing))
		if len(distinct) > 0 {
			minMax(distinct)
		}
		if err := w.WriteDictIndices(codeArray(codes, bitmap, from, to, missing), levels, nil); err != nil {
			return err
		}
		if err := w.FlushCurrentPage(); err != nil {
			return err
		}
	}
	return nil
}

// distinct appends the codes of a page that are not null, each once.
func (e *encoder) distinct(list, codes []uint32, levels []int16, page int32) []uint32 {
	last := ^uint32(0)
	for i, code := range codes {
		if code == last || levels[i] == 0 {
			continue
		}
		last = code
		if e.seen[code] != page {
			e.seen[code] = page
			list = append(list, code)
		}
	}
	return list
}

func countNulls(levels []int16) int {
	n := 0
	for _, l := range levels {
		n += 1 - int(l)
	}
	return n
}

// bytesOf views a text as bytes, which are not written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// codeArray views codes [from, to) as an Arrow array.
func codeArray(codes []uint32, bitmap []byte, from, to, nulls int) arrow.Array {
	var valid *memory.Buffer
	if nulls > 0 {
		valid = memory.NewBufferBytes(bitmap)
	}
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(codes))}
	return array.NewUint32Data(array.NewData(arrow.PrimitiveTypes.Uint32, to-from, buffers, nil, nulls, from))
}

// textArray returns the used texts as an Arrow array.
func textArray(used []uint32, texts []string) arrow.Array {
	offsets := make([]int32, 1, len(used)+1)
	var data []byte
	for _, code := range used {
		data = append(data, texts[code]...)
		offsets = append(offsets, int32(len(data)))
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)}
	return array.NewStringData(array.NewData(arrow.BinaryTypes.String, len(used), buffers, nil, 0, 0))
}

func int64Array(values []int64) arrow.Array {
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values))}
	return array.NewInt64Data(array.NewData(arrow.PrimitiveTypes.Int64, len(values), buffers, nil, 0, 0))
}

func float64Array(values []float64) arrow.Array {
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(values))}
	return array.NewFloat64Data(array.NewData(arrow.PrimitiveTypes.Float64, len(values), buffers, nil, 0, 0))
}
