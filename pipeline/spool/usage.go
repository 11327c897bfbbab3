package spool

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

const (
	columnFile = "file"
	columnLine = "line"
)

func sources() tuple[string] {
	t := resources()
	t.names = []string{schema.FieldSource}
	return t
}

func usageSchema() *arrow.Schema {
	fields := []arrow.Field{{Name: schema.FieldRecordID, Type: arrow.BinaryTypes.String}}
	fields = append(fields, sources().arrowFields()...)
	fields = append(fields, heads().arrowFields()...)
	fields = append(fields, resources().arrowFields()...)
	fields = append(fields,
		arrow.Field{Name: schema.FieldUsageStart, Type: nanosType()},
		arrow.Field{Name: schema.FieldUsageEnd, Type: nanosType()})
	fields = append(fields, tails().arrowFields()...)
	return arrow.NewSchema(append(fields,
		arrow.Field{Name: schema.FieldUsageAmount, Type: usageType()},
		arrow.Field{Name: schema.FieldCost, Type: costType()},
		arrow.Field{Name: columnFile, Type: arrow.PrimitiveTypes.Uint32},
		arrow.Field{Name: columnLine, Type: arrow.PrimitiveTypes.Int64}), nil)
}

// ReadUsage reads the columns that rating needs, batch by batch, over the given
// dictionaries, which grow. The batch is valid during the call only; its
// sources, ids, files and lines are left empty unless trace is set.
func ReadUsage(ctx context.Context, r parquet.ReaderAtSeeker, dims *batch.Dims, trace bool, fn func(*batch.Usage) error) error {
	rd := usageReader{dims: dims, tails: tails(), trace: trace, usage: &batch.Usage{Dims: dims, Sources: batch.NewTable[string]()}}
	return eachRecord(ctx, r, rd.columns(), rd.read, func() error { return fn(rd.usage) })
}

type usageReader struct {
	dims  *batch.Dims
	tails tuple[batch.Tail]
	trace bool
	usage *batch.Usage
}

func (r *usageReader) columns() []string {
	names := append(heads().names, resources().names...)
	names = append(append(names, tails().names...), schema.FieldUsageStart, schema.FieldUsageEnd, schema.FieldUsageAmount, schema.FieldCost)
	if r.trace {
		names = append(names, schema.FieldRecordID, schema.FieldSource, columnFile, columnLine)
	}
	return names
}

func (r *usageReader) read(record arrow.RecordBatch) error {
	u := r.usage
	var err error
	if u.Head, err = readTuple(u.Head[:0], heads(), r.dims.Heads, record); err != nil {
		return err
	}
	if u.Resource, err = readTuple(u.Resource[:0], resources(), r.dims.Resources, record); err != nil {
		return err
	}
	if u.Tail, err = readTuple(u.Tail[:0], r.tails, r.dims.Tails, record); err != nil {
		return err
	}
	c := columnsOf(record)
	u.Start = readColumn(c, schema.FieldUsageStart, u.Start[:0], appendInt64s)
	u.End = readColumn(c, schema.FieldUsageEnd, u.End[:0], appendInt64s)
	u.Amount = readColumn(c, schema.FieldUsageAmount, u.Amount[:0], appendDecimals)
	u.Cost = readColumn(c, schema.FieldCost, u.Cost[:0], appendDecimals)
	if r.trace {
		u.Line = readColumn(c, columnLine, u.Line[:0], appendInt64s)
		u.File = readColumn(c, columnFile, u.File[:0], appendUint32s)
		u.IDs = readColumn(c, schema.FieldRecordID, batch.Text{}, appendTexts)
		if u.Source, err = readTuple(u.Source[:0], sources(), u.Sources, record); err != nil {
			return err
		}
	}
	return c.err
}

func readTuple[T comparable](dst []uint32, t tuple[T], table *batch.Table[T], record arrow.RecordBatch) ([]uint32, error) {
	in, err := newInterner(t, table, record.Schema())
	if err != nil {
		return nil, err
	}
	return in.codes(dst, record)
}

// recordColumns reads columns by name and keeps the first error.
type recordColumns struct {
	record arrow.RecordBatch
	err    error
}

func columnsOf(record arrow.RecordBatch) *recordColumns { return &recordColumns{record: record} }

func readColumn[T any](c *recordColumns, name string, dst T, read func(T, arrow.Array) (T, error)) T {
	at := c.record.Schema().FieldIndices(name)
	if len(at) != 1 {
		c.err = fmt.Errorf("column %s is missing", name)
	}
	if c.err != nil {
		return dst
	}
	dst, err := read(dst, c.record.Column(at[0]))
	if err != nil {
		c.err = fmt.Errorf("column %s: %w", name, err)
	}
	return dst
}

func appendUint32s(dst []uint32, a arrow.Array) ([]uint32, error) {
	v, ok := a.(*array.Uint32)
	if !ok {
		return dst, fmt.Errorf("is %s, not a 32-bit integer", a.DataType())
	}
	return append(dst, v.Uint32Values()...), nil
}

func appendTexts(dst batch.Text, a arrow.Array) (batch.Text, error) {
	v, ok := a.(*array.String)
	if !ok {
		return dst, fmt.Errorf("is %s, not text", a.DataType())
	}
	for i := range v.Len() {
		dst.Append([]byte(v.Value(i)))
	}
	return dst, nil
}
