package spool

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/monthend/monthend/schema/batch"
)

// WriteUsage is UsageWriter.Write of a writer that is used once.
func WriteUsage(w io.Writer, u *batch.Usage, rows []uint32) error {
	return new(UsageWriter).Write(w, u, rows)
}

// UsageWriter writes files of accepted usage. It keeps its memory, and what it
// made of the dictionaries, from file to file.
type UsageWriter struct {
	encoder
	u   *batch.Usage
	ids []parquet.ByteArray

	sources, resources tupleTexts[string]
	heads              tupleTexts[batch.Head]
	tails              tupleTexts[batch.Tail]
}

// Write writes rows of a batch, in the given order; accepted usage is in the
// canonical one (see batch.Sorter). Equal rows in equal order give equal bytes,
// whatever else the batch and its dictionaries hold.
func (e *UsageWriter) Write(w io.Writer, u *batch.Usage, rows []uint32) (err error) {
	defer rescue(&err)
	out, err := openFile(w, usageSchema())
	if err != nil {
		return err
	}
	e.u = u
	e.sources.extend(sources(), u.Sources)
	e.heads.extend(heads(), u.Dims.Heads)
	e.resources.extend(resources(), u.Dims.Resources)
	e.tails.extend(tails(), u.Dims.Tails)
	for from := 0; from < len(rows); from += RowGroup {
		e.rows = rows[from:min(from+RowGroup, len(rows))]
		if e.group, err = out.AppendRowGroupChecked(); err == nil {
			err = e.rowGroup()
		}
		if err != nil {
			return fmt.Errorf("write Parquet row group: %v", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %v", err)
	}
	return nil
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
		func() error { return decimalColumn(&e.encoder, u.Amount) },
		func() error { return decimalColumn(&e.encoder, u.Cost) },
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

func (e *UsageWriter) recordIDs() error {
	w, err := next[*file.ByteArrayColumnChunkWriter](&e.encoder)
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

func (e *UsageWriter) fileColumn() error {
	w, err := next[*file.Int32ColumnChunkWriter](&e.encoder)
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
	w, err := next[*file.Int64ColumnChunkWriter](&e.encoder)
	if err != nil {
		return err
	}
	return e.plainLongs(w, e.u.Line)
}
