package spool

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema/money"
)

// encoder writes the columns of a row group, texts as dictionaries and codes:
// neither a copy of the batch nor a hash of every cell is made. It keeps its
// memory from row group to row group.
type encoder struct {
	out  *pages.Writer
	rows []uint32 // of the batch, that are in the row group

	tuples codeSet
	fields codeSet
	codes  []uint32 // by row: place of the tuple among those of the row group
	cells  []uint32 // by row: place of the text in the dictionary
	bytes  []byte
	times  timeCodes
}

// fileNode is the Parquet form of Arrow columns.
func fileNode(columns *arrow.Schema) *schema.GroupNode {
	s, err := pqarrow.ToParquet(columns, properties(), pqarrow.NewArrowWriterProperties())
	if err != nil {
		panic(fmt.Sprintf("spool: the schema of its own files has no Parquet form: %v", err))
	}
	return s.Root()
}

// createdBy stands in every file instead of a build stamp, so that equal data
// gives equal bytes.
const createdBy = "monthend"

// properties leave out statistics, for which the only reader, this package, has
// no use.
func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(parquet.WithCreatedBy(createdBy), parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithStats(false), parquet.WithVersion(parquet.V2_6))
}

// begin begins a file; all files of an encoder have the same columns.
func (e *encoder) begin(to io.Writer, columns func() *arrow.Schema) error {
	if e.out == nil {
		e.out = pages.New(fileNode(columns()), properties())
	}
	if err := e.out.Begin(to); err != nil {
		return fmt.Errorf("open Parquet file: %w", err)
	}
	return nil
}

// rescue turns a panic of the library into an error: it panics on faults of its
// caller and on some of the sink.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("encode Parquet: %v", p)
	}
}

// pageRows is the number of rows of a page.
const pageRows = 1 << 15

// eachPage cuts the rows of the row group into pages.
func (e *encoder) eachPage(write func(p pages.Page, from, to int) error) error {
	for from := 0; from < len(e.rows); from += pageRows {
		to := min(from+pageRows, len(e.rows))
		if err := write(pages.Page{Rows: to - from, Cells: to - from, Values: to - from}, from, to); err != nil {
			return err
		}
	}
	return nil
}

// tupleColumns writes one column per field of a table of tuples.
func (e *encoder) tupleColumns(columns []textColumn, tuples []uint32) error {
	e.tuples.reset(columns[0].size())
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
func (e *encoder) textColumn(c textColumn) error {
	used := e.tuples.used
	if c.tuples != nil {
		used = e.fieldsOf(c)
	}
	e.bytes = e.bytes[:0]
	for _, code := range used {
		e.bytes = pages.AppendText(e.bytes, c.texts[code])
	}
	switch {
	case len(used) == 1:
		return e.same(e.bytes)
	case c.tuples == nil:
		return e.coded(e.bytes, len(used), e.codes)
	}
	return e.coded(e.bytes, len(used), e.cells)
}

// fieldsOf makes the cells of a field of the tuples, and returns the texts that
// occur.
func (e *encoder) fieldsOf(c textColumn) []uint32 {
	e.fields.reset(len(c.texts))
	places := make([]uint32, len(e.tuples.used))
	for i, t := range e.tuples.used {
		places[i] = e.fields.place(c.tuples[t])
	}
	e.cells = e.cells[:0]
	for _, code := range e.codes {
		e.cells = append(e.cells, places[code])
	}
	return e.fields.used
}

// constant writes a text that all rows share.
func (e *encoder) constant(text string) error {
	e.bytes = pages.AppendText(e.bytes[:0], text)
	return e.same(e.bytes)
}

// same writes a column of one value, given in plain encoding.
func (e *encoder) same(value []byte) error {
	to, err := e.out.Next()
	if err != nil {
		return err
	}
	if err := to.Dictionary(value, 1); err != nil {
		return err
	}
	return e.eachPage(func(p pages.Page, _, _ int) error { return to.Same(p, 0) })
}

// coded writes a column of entries of a dictionary, given in plain encoding.
func (e *encoder) coded(dictionary []byte, entries int, codes []uint32) error {
	to, err := e.out.Next()
	if err != nil {
		return err
	}
	if err := to.Dictionary(dictionary, entries); err != nil {
		return err
	}
	return e.eachPage(func(p pages.Page, from, end int) error { return to.Codes(p, codes[from:end]) })
}

// plain writes a column without a dictionary; value appends that of a row in
// plain encoding.
func (e *encoder) plain(value func(dst []byte, row uint32) []byte) error {
	to, err := e.out.Next()
	if err != nil {
		return err
	}
	return e.eachPage(func(p pages.Page, from, end int) error {
		e.bytes = e.bytes[:0]
		for _, row := range e.rows[from:end] {
			e.bytes = value(e.bytes, row)
		}
		return to.Plain(p, e.bytes)
	})
}

// timeColumn writes instants: as codes where they are few, else as they are.
func (e *encoder) timeColumn(times []int64) error {
	e.times.reset()
	e.codes = e.codes[:0]
	for _, row := range e.rows {
		code, ok := e.times.code(times[row])
		if !ok {
			return e.longs(times)
		}
		e.codes = append(e.codes, code)
	}
	e.bytes = e.bytes[:0]
	for _, at := range e.times.values {
		e.bytes = binary.LittleEndian.AppendUint64(e.bytes, uint64(at))
	}
	return e.coded(e.bytes, len(e.times.values), e.codes)
}

func (e *encoder) longs(values []int64) error {
	return e.plain(func(dst []byte, row uint32) []byte {
		return binary.LittleEndian.AppendUint64(dst, uint64(values[row]))
	})
}

// decimalBytes is the size of a decimal in the file.
const decimalBytes = 16

// decimalColumn writes exact numbers, big end first.
func decimalColumn[T decimal](e *encoder, values []T) error {
	if onlyZero(values, e.rows) {
		return e.same(make([]byte, decimalBytes))
	}
	return e.plain(func(dst []byte, row uint32) []byte { return appendDecimal(dst, values[row]) })
}

func appendDecimal[T decimal](dst []byte, value T) []byte {
	v := money.Int128(value)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.Hi)), v.Lo)
}

func onlyZero[T decimal](values []T, rows []uint32) bool {
	for _, row := range rows {
		if money.Int128(values[row]) != (money.Int128{}) {
			return false
		}
	}
	return true
}
