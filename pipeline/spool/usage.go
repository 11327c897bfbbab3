package spool

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"

	"github.com/monthend/monthend/pipeline/pages"
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
	in, err := OpenUsage(r, trace)
	if err != nil {
		return err
	}
	u := batch.NewUsage()
	for {
		more, err := in.Read(ctx, u)
		if err != nil || !more {
			return err
		}
		u.Recode(dims)
		if err := fn(u); err != nil {
			return err
		}
	}
}

// UsageReader reads a file of accepted usage.
type UsageReader struct {
	groups
	tails tuple[batch.Tail]
	trace bool
}

// OpenUsage opens a file. With trace, sources, ids, files and lines are read too.
func OpenUsage(r parquet.ReaderAtSeeker, trace bool) (*UsageReader, error) {
	g, err := openGroups(r)
	if err != nil {
		return nil, err
	}
	return &UsageReader{groups: *g, tails: tails(), trace: trace}, nil
}

// Read makes u the next records, over dictionaries that hold their values alone
// and find none, and tells whether there were any.
func (r *UsageReader) Read(ctx context.Context, u *batch.Usage) (bool, error) {
	u.Reset(&batch.Dims{}, nil)
	return r.read(ctx, func() error {
		g := &r.groups
		var err error
		if u.Head, u.Dims.Heads, err = tuples(g, u.Head, heads()); err != nil {
			return err
		}
		if u.Resource, u.Dims.Resources, err = tuples(g, u.Resource, resources()); err != nil {
			return err
		}
		if u.Tail, u.Dims.Tails, err = tuples(g, u.Tail, r.tails); err != nil {
			return err
		}
		if u.Start, err = g.longs(u.Start, schema.FieldUsageStart); err != nil {
			return err
		}
		if u.End, err = g.longs(u.End, schema.FieldUsageEnd); err != nil {
			return err
		}
		if u.Amount, err = decimals(g, u.Amount, schema.FieldUsageAmount); err != nil {
			return err
		}
		if u.Cost, err = decimals(g, u.Cost, schema.FieldCost); err != nil || !r.trace {
			return err
		}
		return r.readTrace(u)
	})
}

func (r *UsageReader) readTrace(u *batch.Usage) (err error) {
	g := &r.groups
	if u.Source, u.Sources, err = tuples(g, u.Source, sources()); err != nil {
		return err
	}
	if u.File, err = g.ints(u.File, columnFile); err != nil {
		return err
	}
	if u.Line, err = g.longs(u.Line, columnLine); err != nil {
		return err
	}
	if err := g.column(schema.FieldRecordID, parquet.Types.ByteArray); err != nil {
		return err
	}
	plain := g.chunk.Plain
	if err := pages.EachText(plain, g.rows, func(from, to int) { u.IDs.Append(plain[from:to]) }); err != nil {
		return fmt.Errorf("column %s: %w", schema.FieldRecordID, err)
	}
	return nil
}
