// Package pages writes Parquet files page by page, from dictionaries and codes as
// they stand in memory. It makes levels, codes and pages itself, so that a column
// of one value costs a few bytes and no look at its rows; headers, page index and
// footer are arrow-go's. It knows nothing of what the columns mean.
package pages

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

var magic = []byte("PAR1")

// Writer writes files of one schema, one after the other, and keeps its memory
// from file to file.
type Writer struct {
	columns *schema.Schema
	props   *parquet.WriterProperties

	out   *counted
	meta  *metadata.FileMetaDataBuilder
	index *metadata.PageIndexBuilder // nil when the file is to have none
	pager file.PageWriter

	group  *metadata.RowGroupMetaDataBuilder // nil before the first
	groups int
	rows   int // of the row group
	next   int // column of the row group
	column Column
}

// New returns a writer for files of columns that the properties describe: their
// compression, statistics and page index count, and data pages are version 1.
func New(root *schema.GroupNode, props *parquet.WriterProperties) *Writer {
	return &Writer{columns: schema.NewSchema(root), props: props}
}

// Begin begins a file. It is not closed with it.
func (w *Writer) Begin(out io.Writer) error {
	w.out = &counted{to: out}
	w.meta = metadata.NewFileMetadataBuilder(w.columns, w.props, nil)
	w.index, w.group, w.pager, w.groups, w.column.open = nil, nil, nil, 0, false
	if w.props.PageIndexEnabled() {
		w.index = &metadata.PageIndexBuilder{Schema: w.columns}
	}
	_, err := w.out.Write(magic)
	return err
}

// RowGroup begins a row group of so many rows, and ends the one before.
func (w *Writer) RowGroup(rows int) error {
	if err := w.endGroup(); err != nil {
		return err
	}
	if w.index != nil {
		if err := w.index.AppendRowGroup(); err != nil {
			return err
		}
	}
	w.group = w.meta.AppendRowGroup()
	w.groups++
	w.rows, w.next = rows, 0
	return nil
}

// endGroup ends the row group; all its columns must have been written.
func (w *Writer) endGroup() error {
	if w.group == nil {
		return nil
	}
	if err := w.column.close(); err != nil {
		return err
	}
	w.group.SetNumRows(w.rows)
	return w.group.Finish(0, int16(w.groups-1))
}

// Next begins the next column of the row group, and ends the one before.
func (w *Writer) Next() (*Column, error) {
	if err := w.column.close(); err != nil {
		return nil, err
	}
	if w.next == w.columns.NumColumns() {
		return nil, fmt.Errorf("the row group has no more than %d columns", w.next)
	}
	c := &w.column
	c.begin(w, w.group.NextColumnChunk())
	if err := w.point(c); err != nil {
		return nil, err
	}
	w.next++
	return c, nil
}

// point makes the library's page writer write pages of a column.
func (w *Writer) point(c *Column) error {
	codec, level := w.props.CompressionFor(c.path), w.props.CompressionLevelFor(c.path)
	var err error
	if c.codec, err = compress.GetCodec(codec); err != nil {
		return err
	}
	group, column := int16(w.groups-1), int16(w.next)
	if w.pager == nil {
		w.pager, err = file.NewPageWriter(w.out, codec, level, c.meta, group, column, memory.DefaultAllocator, false, nil, nil)
	} else {
		err = w.pager.Reset(w.out, codec, level, c.meta, group, column, nil, nil)
	}
	if err != nil || w.index == nil {
		return err
	}
	values, err := w.index.GetColumnIndexBuilder(w.next)
	if err != nil {
		return err
	}
	offsets, err := w.index.GetOffsetIndexBuilder(w.next)
	if err != nil {
		return err
	}
	w.pager.SetIndexBuilders(values, offsets)
	return nil
}

// Close ends the file.
func (w *Writer) Close() error {
	if err := w.endGroup(); err != nil {
		return err
	}
	if w.index != nil {
		var at metadata.PageIndexLocation
		w.index.Finish()
		if err := w.index.WriteTo(w.out, &at); err != nil {
			return err
		}
		if err := w.meta.SetPageIndexLocation(at); err != nil {
			return err
		}
	}
	footer, err := w.meta.Finish()
	if err != nil {
		return err
	}
	size, err := footer.WriteTo(w.out, nil)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(size)), magic...))
	return err
}

// counted knows how many bytes went through it.
type counted struct {
	to io.Writer
	n  int64
}

// Write passes p on.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

// Tell is part of what the library wants of a sink.
func (c *counted) Tell() int64 { return c.n }
