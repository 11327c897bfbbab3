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
	"github.com/monthend/monthend/schema/money"
)

// encoder writes the columns of a row group to the column writers of the
// library, texts as dictionaries and codes: neither a copy of the batch nor a
// hash of every cell is made. It keeps its memory from row group to row group.
type encoder struct {
	rows  []uint32 // of the batch, that are in the row group
	group file.SerialRowGroupWriter

	tuples codeSet
	fields codeSet
	codes  []uint32 // by row: place of the tuple among those of the row group
	cells  []uint32 // by row: place of the text in the dictionary
	fixed  []parquet.FixedLenByteArray
	bytes  []byte
	longs  []int64
	times  timeCodes
}

// openFile starts a Parquet file of the given columns.
func openFile(w io.Writer, columns *arrow.Schema) (*file.Writer, error) {
	root, err := pqarrow.ToParquet(columns, properties(), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("open Parquet writer: %v", err)
	}
	out, err := file.NewParquetWriterWithError(w, root.Root(), file.WithWriterProps(properties()))
	if err != nil {
		return nil, fmt.Errorf("open Parquet writer: %v", err)
	}
	return out, nil
}

// createdBy stands in every file instead of a build stamp, so that equal data
// gives equal bytes.
const createdBy = "monthend"

// properties leave out statistics, for which the only reader, this package, has
// no use; whether a column has a dictionary is decided for each row group.
func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(parquet.WithCreatedBy(createdBy), parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryPageSizeLimit(1<<30), parquet.WithMaxRowGroupLength(RowGroup),
		parquet.WithStats(false), parquet.WithVersion(parquet.V2_6), parquet.WithBatchSize(1<<14),
		parquet.WithDictionaryFor(schema.FieldRecordID, false), parquet.WithDictionaryFor(columnLine, false))
}

// rescue turns a panic of the library into an error: it panics on faults of its
// caller and on some of the sink.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("encode Parquet: %v", p)
	}
}

func next[W file.ColumnChunkWriter](e *encoder) (W, error) {
	w, err := e.group.NextColumn()
	if err != nil {
		var none W
		return none, err
	}
	return w.(W), nil
}

// tupleColumns writes one column per field of a table of tuples.
func (e *encoder) tupleColumns(columns []textColumn, tuples []uint32) error {
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

// constant writes a text that all rows share.
func (e *encoder) constant(text string) error {
	w, err := next[*file.ByteArrayColumnChunkWriter](e)
	if err != nil {
		return err
	}
	if err := putDictionary(w, textArray([]uint32{0}, []string{text})); err != nil {
		return err
	}
	return e.writeCodes(w, func(int) uint32 { return 0 })
}

// textColumn writes the field of the tuples of the row group. Only texts that
// occur in it go into its dictionary, in order of first sight.
func (e *encoder) textColumn(c textColumn) error {
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

// putIndices writes codes of the dictionary that was put before.
func putIndices(w file.ColumnChunkWriter, indices arrow.Array) error {
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		return w.WriteDictIndices(indices, nil, nil)
	case *file.Int64ColumnChunkWriter:
		return w.WriteDictIndices(indices, nil, nil)
	case *file.Int32ColumnChunkWriter:
		return w.WriteDictIndices(indices, nil, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		return w.WriteDictIndices(indices, nil, nil)
	}
	return fmt.Errorf("a column of %T has no dictionary", w)
}

func (e *encoder) writeCodes(w file.ColumnChunkWriter, code func(i int) uint32) error {
	e.cells = e.cells[:0]
	for i := range e.rows {
		e.cells = append(e.cells, code(i))
	}
	if err := putIndices(w, uint32Array(e.cells)); err != nil {
		return err
	}
	return w.Close()
}

// timeColumn writes instants: as codes where they are few, else as they are.
func (e *encoder) timeColumn(times []int64) error {
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

func (e *encoder) plainLongs(w *file.Int64ColumnChunkWriter, values []int64) error {
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
func decimalColumn[T decimal](e *encoder, values []T) error {
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
		e.bytes = appendDecimal(e.bytes, values[row])
	}
	if _, err := w.WriteBatch(e.decimals(), nil, nil); err != nil {
		return err
	}
	return w.Close()
}

func appendDecimal[T decimal](dst []byte, value T) []byte {
	v := money.Int128(value)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.Hi)), v.Lo)
}

// decimals are the numbers whose bytes were appended.
func (e *encoder) decimals() []parquet.FixedLenByteArray {
	e.fixed = e.fixed[:0]
	for at := 0; at < len(e.bytes); at += decimalBytes {
		e.fixed = append(e.fixed, e.bytes[at:at+decimalBytes])
	}
	return e.fixed
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
func (e *encoder) zeros(w *file.FixedLenByteArrayColumnChunkWriter) error {
	zero := array.NewFixedSizeBinaryData(array.NewData(&arrow.FixedSizeBinaryType{ByteWidth: decimalBytes}, 1,
		[]*memory.Buffer{nil, memory.NewBufferBytes(make([]byte, decimalBytes))}, nil, 0, 0))
	if err := putDictionary(w, zero); err != nil {
		return err
	}
	return e.writeCodes(w, func(int) uint32 { return 0 })
}
