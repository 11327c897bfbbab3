package spool

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// WriteUsage is UsageWriter.Write of a writer that is used once.
func WriteUsage(w io.Writer, u *batch.Usage, rows []uint32) error {
	return new(UsageWriter).Write(w, u, rows)
}

// UsageWriter writes files of accepted usage. It keeps its memory, and what it
// made of the dictionaries, from file to file.
//
// Columns go to the column writers of the library, texts as dictionaries and
// codes: neither a copy of the batch nor a hash of every cell is made.
type UsageWriter struct {
	u     *batch.Usage
	rows  []uint32 // of the row group
	group file.SerialRowGroupWriter

	sources, resources tupleTexts[string]
	heads              tupleTexts[batch.Head]
	tails              tupleTexts[batch.Tail]

	tuples codeSet
	fields codeSet
	codes  []uint32 // by row: place of the tuple among those of the row group
	cells  []uint32 // by row: place of the text in the dictionary
	ids    []parquet.ByteArray
	fixed  []parquet.FixedLenByteArray
	bytes  []byte
	longs  []int64
	times  timeCodes
}

// Write writes rows of a batch, in the given order; accepted usage is in the
// canonical one (see batch.Sorter). Equal rows in equal order give equal bytes,
// whatever else the batch and its dictionaries hold.
func (e *UsageWriter) Write(w io.Writer, u *batch.Usage, rows []uint32) (err error) {
	defer func() {
		// The library panics on faults of its caller and on some of the sink.
		if p := recover(); p != nil {
			err = fmt.Errorf("encode Parquet: %v", p)
		}
	}()
	columns, err := pqarrow.ToParquet(usageSchema(), usageProperties(), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return fmt.Errorf("open Parquet writer: %v", err)
	}
	out, err := file.NewParquetWriterWithError(w, columns.Root(), file.WithWriterProps(usageProperties()))
	if err != nil {
		return fmt.Errorf("open Parquet writer: %v", err)
	}
	e.u = u
	e.sources.extend(sources(), u.Sources)
	e.heads.extend(heads(), u.Dims.Heads)
	e.resources.extend(resources(), u.Dims.Resources)
	e.tails.extend(tails(), u.Dims.Tails)
	for from := 0; from < len(rows); from += RowGroup {
		e.rows = rows[from:min(from+RowGroup, len(rows))]
		e.group = out.AppendRowGroup()
		if err := e.rowGroup(); err != nil {
			return fmt.Errorf("write Parquet row group: %v", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %v", err)
	}
	return nil
}

// usageProperties are those of all files; whether a column has a dictionary is
// decided here for each row group.
func usageProperties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(parquet.WithCreatedBy(createdBy), parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryPageSizeLimit(1<<30), parquet.WithMaxRowGroupLength(RowGroup),
		parquet.WithStats(false), parquet.WithVersion(parquet.V2_6), parquet.WithBatchSize(1<<14),
		parquet.WithDictionaryFor(schema.FieldRecordID, false), parquet.WithDictionaryFor(columnLine, false))
}

// tupleTexts is a table of tuples, field by field.
type tupleTexts[T comparable] struct {
	table   *batch.Table[T]
	columns []textColumn
}

// textColumn is one field of a table of tuples: its distinct texts, and which
// of them each tuple has.
type textColumn struct {
	texts  []string
	tuples []uint32
	known  map[string]uint32
}

// extend takes in what the table has got since the last time, or all of another.
func (x *tupleTexts[T]) extend(t tuple[T], table *batch.Table[T]) {
	if !table.Shares(x.table) || table.Len() < len(x.columns[0].tuples) {
		x.columns = make([]textColumn, len(t.names))
		for i := range x.columns {
			x.columns[i].known = map[string]uint32{}
		}
	}
	x.table = table
	for _, v := range table.Values()[len(x.columns[0].tuples):] {
		for i, text := range t.fields(v) {
			x.columns[i].add(text)
		}
	}
}

func (c *textColumn) add(text string) {
	code := uint32(0)
	if n := len(c.tuples); n > 0 && c.texts[c.tuples[n-1]] == text {
		code = c.tuples[n-1]
	} else if known, ok := c.known[text]; ok {
		code = known
	} else {
		code = uint32(len(c.texts))
		c.known[text] = code
		c.texts = append(c.texts, text)
	}
	c.tuples = append(c.tuples, code)
}

// rowGroup writes the columns in the order of usageSchema.
func (e *UsageWriter) rowGroup() error {
	u := e.u
	steps := []func() error{
		e.recordIDs,
		func() error { return e.tupleColumns(e.sources.columns, u.Source) },
		func() error { return e.tupleColumns(e.heads.columns, u.Head) },
		func() error { return e.tupleColumns(e.resources.columns, u.Resource) },
		func() error { return e.timeColumn(u.Start) },
		func() error { return e.timeColumn(u.End) },
		func() error { return e.tupleColumns(e.tails.columns, u.Tail) },
		func() error { return decimalColumn(e, u.Amount) },
		func() error { return decimalColumn(e, u.Cost) },
		e.fileColumn,
		e.lineColumn,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return e.group.Close()
}

func next[W file.ColumnChunkWriter](e *UsageWriter) (W, error) {
	w, err := e.group.NextColumn()
	if err != nil {
		var none W
		return none, err
	}
	return w.(W), nil
}

func (e *UsageWriter) recordIDs() error {
	w, err := next[*file.ByteArrayColumnChunkWriter](e)
	if err != nil {
		return err
	}
	e.ids = e.ids[:0]
	for _, row := range e.rows {
		e.ids = append(e.ids, e.u.IDs.At(int(row)))
	}
	if _, err = w.WriteBatch(e.ids, nil, nil); err != nil {
		return err
	}
	return w.Close()
}

// tupleColumns writes one column per field of a table of tuples.
func (e *UsageWriter) tupleColumns(columns []textColumn, tuples []uint32) error {
	e.tuples.reset(len(columns[0].tuples))
	e.codes = e.codes[:0]
	for _, row := range e.rows {
		e.codes = append(e.codes, e.tuples.place(tuples[row]))
	}
	for _, c := range columns {
		if err := e.textColumn(c); err != nil {
			return err
		}
	}
	return nil
}

// textColumn writes the field of the tuples of the row group. Only texts that
// occur in it go into its dictionary, in order of first sight.
func (e *UsageWriter) textColumn(c textColumn) error {
	w, err := next[*file.ByteArrayColumnChunkWriter](e)
	if err != nil {
		return err
	}
	e.fields.reset(len(c.texts))
	places := make([]uint32, len(e.tuples.used))
	for i, t := range e.tuples.used {
		places[i] = e.fields.place(c.tuples[t])
	}
	if err := putDictionary(w, textArray(e.fields.used, c.texts)); err != nil {
		return err
	}
	if len(e.fields.used) == 1 {
		return e.writeCodes(w, func(int) uint32 { return 0 })
	}
	return e.writeCodes(w, func(i int) uint32 { return places[e.codes[i]] })
}

func putDictionary(w file.ColumnChunkWriter, values arrow.Array) error {
	return w.CurrentEncoder().(interface{ PutDictionary(arrow.Array) error }).PutDictionary(values)
}

// codedWriter is what the library's column writers can do beside their interface.
type codedWriter interface {
	file.ColumnChunkWriter
	WriteDictIndices(indices arrow.Array, definition, repetition []int16) error
}

func (e *UsageWriter) writeCodes(w codedWriter, code func(i int) uint32) error {
	e.cells = e.cells[:0]
	for i := range e.rows {
		e.cells = append(e.cells, code(i))
	}
	if err := w.WriteDictIndices(uint32Array(e.cells), nil, nil); err != nil {
		return err
	}
	return w.Close()
}

// timeColumn writes instants: as codes where they are few, else as they are.
func (e *UsageWriter) timeColumn(times []int64) error {
	w, err := next[*file.Int64ColumnChunkWriter](e)
	if err != nil {
		return err
	}
	e.times.reset()
	e.codes = e.codes[:0]
	for _, row := range e.rows {
		code, ok := e.times.code(times[row])
		if !ok {
			return e.plainLongs(w, times)
		}
		e.codes = append(e.codes, code)
	}
	if err := putDictionary(w, int64Array(arrow.PrimitiveTypes.Int64, e.times.values)); err != nil {
		return err
	}
	return e.writeCodes(w, func(i int) uint32 { return e.codes[i] })
}

func (e *UsageWriter) plainLongs(w *file.Int64ColumnChunkWriter, values []int64) error {
	e.longs = e.longs[:0]
	for _, row := range e.rows {
		e.longs = append(e.longs, values[row])
	}
	w.FallbackToPlain()
	if _, err := w.WriteBatch(e.longs, nil, nil); err != nil {
		return err
	}
	return w.Close()
}

// decimalBytes is the size of a decimal in the file.
const decimalBytes = 16

// decimalColumn writes exact numbers, big end first.
func decimalColumn[T decimal](e *UsageWriter, values []T) error {
	w, err := next[*file.FixedLenByteArrayColumnChunkWriter](e)
	if err != nil {
		return err
	}
	if onlyZero(values, e.rows) {
		return e.zeros(w)
	}
	w.FallbackToPlain()
	e.bytes = e.bytes[:0]
	for _, row := range e.rows {
		v := money.Int128(values[row])
		e.bytes = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(e.bytes, uint64(v.Hi)), v.Lo)
	}
	e.fixed = e.fixed[:0]
	for at := 0; at < len(e.bytes); at += decimalBytes {
		e.fixed = append(e.fixed, e.bytes[at:at+decimalBytes])
	}
	if _, err := w.WriteBatch(e.fixed, nil, nil); err != nil {
		return err
	}
	return w.Close()
}

func onlyZero[T decimal](values []T, rows []uint32) bool {
	for _, row := range rows {
		if money.Int128(values[row]) != (money.Int128{}) {
			return false
		}
	}
	return true
}

// zeros writes a column of decimals that are all zero.
func (e *UsageWriter) zeros(w *file.FixedLenByteArrayColumnChunkWriter) error {
	zero := array.NewFixedSizeBinaryData(array.NewData(&arrow.FixedSizeBinaryType{ByteWidth: decimalBytes}, 1,
		[]*memory.Buffer{nil, memory.NewBufferBytes(make([]byte, decimalBytes))}, nil, 0, 0))
	if err := putDictionary(w, zero); err != nil {
		return err
	}
	return e.writeCodes(w, func(int) uint32 { return 0 })
}

func (e *UsageWriter) fileColumn() error {
	w, err := next[*file.Int32ColumnChunkWriter](e)
	if err != nil {
		return err
	}
	most := uint32(0)
	for _, row := range e.rows {
		most = max(most, e.u.File[row])
	}
	e.fields.reset(int(most) + 1)
	e.codes = e.codes[:0]
	for _, row := range e.rows {
		e.codes = append(e.codes, e.fields.place(e.u.File[row]))
	}
	files := make([]int32, len(e.fields.used))
	for i, f := range e.fields.used {
		files[i] = int32(f)
	}
	if err := putDictionary(w, int32Array(files)); err != nil {
		return err
	}
	return e.writeCodes(w, func(i int) uint32 { return e.codes[i] })
}

func (e *UsageWriter) lineColumn() error {
	w, err := next[*file.Int64ColumnChunkWriter](e)
	if err != nil {
		return err
	}
	return e.plainLongs(w, e.u.Line)
}

// codeSet numbers codes 0, 1, 2, ... in order of first sight.
type codeSet struct {
	places []uint32 // 1 + number, 0 when not met
	used   []uint32 // the codes met
}

func (s *codeSet) reset(codes int) {
	for _, c := range s.used {
		s.places[c] = 0
	}
	s.used = s.used[:0]
	if len(s.places) < codes {
		s.places = make([]uint32, codes)
	}
}

func (s *codeSet) place(code uint32) uint32 {
	if s.places[code] == 0 {
		s.used = append(s.used, code)
		s.places[code] = uint32(len(s.used))
	}
	return s.places[code] - 1
}

// timeCodes numbers instants, as long as they are few.
type timeCodes struct {
	values []int64
	slots  [timeSlots]uint32 // 1 + number, 0 when empty
}

const (
	timeSlots = 1 << 13
	maxTimes  = timeSlots / 2
)

func (t *timeCodes) reset() {
	t.values = t.values[:0]
	clear(t.slots[:])
}

func (t *timeCodes) code(at int64) (uint32, bool) {
	slot := uint64(at) * 0x9e3779b97f4a7c15 >> 51
	for ; t.slots[slot] != 0; slot = (slot + 1) % timeSlots {
		if n := t.slots[slot] - 1; t.values[n] == at {
			return n, true
		}
	}
	if len(t.values) == maxTimes {
		return 0, false
	}
	t.values = append(t.values, at)
	t.slots[slot] = uint32(len(t.values))
	return t.slots[slot] - 1, true
}

// textArray returns the used texts as an Arrow array.
func textArray(used []uint32, texts []string) arrow.Array {
	offsets := make([]int32, 1, len(used)+1)
	size := 0
	for _, code := range used {
		size += len(texts[code])
	}
	data := make([]byte, 0, size)
	for _, code := range used {
		data = append(data, texts[code]...)
		offsets = append(offsets, int32(len(data)))
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)}
	return array.NewStringData(array.NewData(arrow.BinaryTypes.String, len(used), buffers, nil, 0, 0))
}

func int32Array(values []int32) arrow.Array {
	return array.NewInt32Data(array.NewData(arrow.PrimitiveTypes.Int32, len(values),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(values))}, nil, 0, 0))
}
