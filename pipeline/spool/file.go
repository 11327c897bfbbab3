package spool

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// RowGroup is the number of rows of a row group: what a reader holds at once.
const RowGroup = 131072

// createdBy stands in every file instead of a build stamp, so that equal data
// gives equal bytes.
const createdBy = "monthend"

func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithCreatedBy(createdBy), parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryPageSizeLimit(64<<20), parquet.WithMaxRowGroupLength(RowGroup),
		parquet.WithPageIndexEnabled(true), parquet.WithVersion(parquet.V2_6),
		// Ids, lines and amounts are nearly all distinct: a dictionary of them only costs.
		parquet.WithDictionaryFor("record_id", false), parquet.WithDictionaryFor("line", false))
}

// writer appends record batches to a Parquet file, one row group each.
type writer struct {
	schema *arrow.Schema
	out    *pqarrow.FileWriter
	mem    memory.Allocator
}

func newWriter(w io.Writer, schema *arrow.Schema) (*writer, error) {
	out, err := pqarrow.NewFileWriter(schema, w, properties(), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("open Parquet writer: %v", err)
	}
	return &writer{schema: schema, out: out, mem: memory.DefaultAllocator}, nil
}

func (w *writer) write(columns []arrow.Array, rows int) error {
	record := array.NewRecordBatch(w.schema, columns, int64(rows))
	defer record.Release()
	if err := w.out.Write(record); err != nil {
		return fmt.Errorf("write Parquet row group: %v", err)
	}
	return nil
}

func (w *writer) close() error {
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %v", err)
	}
	return nil
}

// eachRecord reads the named columns of a Parquet file batch by batch, texts as
// dictionaries. A damaged file is an error, never a panic.
func eachRecord(ctx context.Context, r parquet.ReaderAtSeeker, columns []string, fn func(arrow.RecordBatch) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Parquet file is damaged: %v", p)
		}
	}()
	pf, err := file.NewParquetReader(r)
	if err != nil {
		return fmt.Errorf("open Parquet file: %v", err)
	}
	props := pqarrow.ArrowReadProperties{BatchSize: RowGroup}
	var indices []int
	for _, name := range columns {
		i := pf.MetaData().Schema.ColumnIndexByName(name)
		if i < 0 {
			return fmt.Errorf("column %s is missing", name)
		}
		indices = append(indices, i)
		if pf.MetaData().Schema.Column(i).PhysicalType() == parquet.Types.ByteArray && name != "record_id" {
			props.SetReadDict(i, true)
		}
	}
	reader, err := pqarrow.NewFileReader(pf, props, memory.DefaultAllocator)
	if err != nil {
		return fmt.Errorf("open Parquet file: %v", err)
	}
	records, err := reader.GetRecordReader(ctx, indices, nil)
	if err != nil {
		return fmt.Errorf("read Parquet file: %v", err)
	}
	defer records.Release()
	for {
		record, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read Parquet file: %v", err)
		}
		if err := fn(record); err != nil {
			return err
		}
	}
}
