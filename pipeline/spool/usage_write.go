package spool

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/monthend/monthend/pipeline/pages"
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
	u *batch.Usage

	sources, resources tupleTexts[string]
	heads              tupleTexts[batch.Head]
	tails              tupleTexts[batch.Tail]
}

// Write writes rows of a batch, in the given order; accepted usage is in the
// canonical one (see batch.Sorter). Equal rows in equal order give equal bytes,
// whatever else the batch and its dictionaries hold.
func (e *UsageWriter) Write(w io.Writer, u *batch.Usage, rows []uint32) (err error) {
	defer rescue(&err)
	if err := e.begin(w, usageSchema); err != nil {
		return err
	}
	e.u = u
	e.sources.extend(sources(), u.Sources)
	e.heads.extend(heads(), u.Dims.Heads)
	e.resources.extend(resources(), u.Dims.Resources)
	e.tails.extend(tails(), u.Dims.Tails)
	for from := 0; from < len(rows); from += RowGroup {
		e.rows = rows[from:min(from+RowGroup, len(rows))]
		if err := e.rowGroup(); err != nil {
			return fmt.Errorf("write Parquet row group: %w", err)
		}
	}
	if err := e.out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %w", err)
	}
	return nil
}

// rowGroup writes the columns in the order of usageSchema.
func (e *UsageWriter) rowGroup() error {
	u := e.u
	steps := []func() error{
		func() error { return e.out.RowGroup(len(e.rows)) },
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
		func() error { return e.longs(u.Line) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (e *UsageWriter) recordIDs() error {
	return e.plain(func(dst []byte, row uint32) []byte { return pages.AppendText(dst, e.u.IDs.At(int(row))) })
}

func (e *UsageWriter) fileColumn() error {
	most := uint32(0)
	for _, row := range e.rows {
		most = max(most, e.u.File[row])
	}
	e.fields.reset(int(most) + 1)
	e.codes = e.codes[:0]
	for _, row := range e.rows {
		e.codes = append(e.codes, e.fields.place(e.u.File[row]))
	}
	e.bytes = e.bytes[:0]
	for _, f := range e.fields.used {
		e.bytes = binary.LittleEndian.AppendUint32(e.bytes, f)
	}
	return e.coded(e.bytes, len(e.fields.used), e.codes)
}
