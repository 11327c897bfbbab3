package spool

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/monthend/monthend/schema"
)

// RowGroup is the number of rows of a row group: what a reader holds at once.
const RowGroup = 131072

// eachRecord reads the named columns of a Parquet file batch by batch, texts as
// dictionaries; read takes a batch in, then use has it. A damaged file is an
// error, never a panic; a panic in use is the caller's own.
func eachRecord(ctx context.Context, r parquet.ReaderAtSeeker, columns []string, read func(arrow.RecordBatch) error, use func() error) error {
	var records pqarrow.RecordReader
	err := guard(func() (err error) {
		records, err = openRecords(ctx, r, columns)
		return err
	})
	if err != nil {
		return err
	}
	defer records.Release()
	for {
		err := guard(func() error {
			record, err := records.Read()
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read Parquet file: %v", err)
			}
			if err != nil {
				return err
			}
			return read(record)
		})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(); err != nil {
			return err
		}
	}
}

// guard turns a panic over a damaged file into an error.
func guard(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Parquet file is damaged: %v", p)
		}
	}()
	return read()
}

func openRecords(ctx context.Context, r parquet.ReaderAtSeeker, columns []string) (pqarrow.RecordReader, error) {
	pf, err := file.NewParquetReader(r)
	if err != nil {
		return nil, fmt.Errorf("open Parquet file: %v", err)
	}
	props := pqarrow.ArrowReadProperties{BatchSize: RowGroup}
	var indices []int
	for _, name := range columns {
		i := pf.MetaData().Schema.ColumnIndexByName(name)
		if i < 0 {
			return nil, fmt.Errorf("column %s is missing", name)
		}
		indices = append(indices, i)
		if pf.MetaData().Schema.Column(i).PhysicalType() == parquet.Types.ByteArray && name != schema.FieldRecordID {
			props.SetReadDict(i, true)
		}
	}
	reader, err := pqarrow.NewFileReader(pf, props, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("open Parquet file: %v", err)
	}
	records, err := reader.GetRecordReader(ctx, indices, nil)
	if err != nil {
		return nil, fmt.Errorf("read Parquet file: %v", err)
	}
	return records, nil
}
