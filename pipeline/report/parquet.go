package report

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

// createdBy stands in every Parquet file. Readers parse it as name and version
// to find writers with known faults; it is not the version of the program, so
// that bytes do not change from build to build.
const createdBy = "monthend version 1.0.0 (build report)"

func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithCreatedBy(createdBy),
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithPageIndexEnabled(true),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithRootName("monthend"),
	)
}

// node returns the Parquet type of a column.
func node(c column.Column) schema.Node {
	optional := parquet.Repetitions.Optional
	switch c.Kind {
	case column.Text:
		return text(c.Name, optional)
	case column.Timestamp:
		// The old type name is written beside the new one for old readers.
		millis := schema.NewTimestampLogicalTypeForce(false, schema.TimeUnitMillis)
		return schema.Must(schema.NewPrimitiveNodeLogical(c.Name, optional, millis, parquet.Types.Int64, -1, -1))
	case column.Double:
		return schema.NewFloat64Node(c.Name, optional, -1)
	case column.TextMap:
		return schema.MustGroup(schema.MapOf(c.Name, text("key", parquet.Repetitions.Required), text("value", optional), optional, -1))
	case column.DoubleMap:
		return schema.MustGroup(schema.MapOf(c.Name, text("key", parquet.Repetitions.Required),
			schema.NewFloat64Node("value", optional, -1), optional, -1))
	}
	panic(fmt.Sprintf("report: column %s has no Parquet type", c.Name))
}

func text(name string, repetition parquet.Repetition) schema.Node {
	return schema.Must(schema.NewPrimitiveNodeLogical(name, repetition, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))
}

func fileSchema() *schema.GroupNode {
	var fields schema.FieldList
	for _, c := range column.All() {
		fields = append(fields, node(c))
	}
	return schema.MustGroup(schema.NewGroupNode("monthend", parquet.Repetitions.Required, fields, -1))
}

// writeParquet writes the rows as one file. Each row group is written column by
// column, so that only one column is in memory beside the charges.
func writeParquet(out io.Writer, view *column.View, tables column.Tables, rows *batch.Charges, groupRows int) (err error) {
	defer func() {
		// The library panics on faults of its caller and on some of the sink.
		if r := recover(); r != nil {
			err = fmt.Errorf("encode Parquet: %v", r)
		}
	}()
	w := pages.New(fileSchema(), properties())
	if err := w.Begin(out); err != nil {
		return fmt.Errorf("encode Parquet: %v", err)
	}
	e := &encoder{view: view, out: w}
	for from := 0; from < rows.Len(); from += groupRows {
		view.Load(tables, rows.Slice(from, min(from+groupRows, rows.Len())))
		if err := e.rowGroup(); err != nil {
			return fmt.Errorf("encode Parquet: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("encode Parquet: %v", err)
	}
	return nil
}
