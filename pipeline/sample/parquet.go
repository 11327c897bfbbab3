package sample

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// groupRows is how many records make a row group: what is held in memory.
const groupRows = 32 << 10

// createdBy stands in the Parquet files instead of the library's version, so
// that it does not change their bytes.
const createdBy = "monthend sample"

// parquetRows writes records into a Parquet file, row group by row group.
type parquetRows struct {
	name  string
	file  io.Closer
	out   *pqarrow.FileWriter
	build *array.RecordBuilder
	rows  int
}

// usageSchema has the same columns, in the same order, as the texts. The
// writer turns repeated strings into Parquet dictionaries.
func usageSchema() *arrow.Schema {
	columns := make([]arrow.Field, len(fields))
	for i, name := range fields {
		columns[i] = arrow.Field{Name: name, Type: arrow.BinaryTypes.String}
		switch name {
		case schema.FieldUsageStart, schema.FieldUsageEnd:
			columns[i].Type = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
		case schema.FieldUsageAmount:
			columns[i].Type = &arrow.Decimal128Type{Precision: money.MaxDigits, Scale: money.UsageScale}
		case schema.FieldTags:
			columns[i].Type = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
		}
	}
	return arrow.NewSchema(columns, nil)
}

// writeOnly hides the Close of a file from the Parquet writer, so that there is
// one place that closes it.
type writeOnly struct{ io.Writer }

func newParquetRows(name string, f io.WriteCloser) (*parquetRows, error) {
	s := usageSchema()
	out, err := pqarrow.NewFileWriter(s, writeOnly{f}, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithCreatedBy(createdBy),
		parquet.WithDictionaryDefault(true), parquet.WithDictionaryFor(schema.FieldRecordID, false),
	), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	return &parquetRows{name: name, file: f, out: out, build: array.NewRecordBuilder(memory.DefaultAllocator, s)}, nil
}

func (p *parquetRows) write(r *row) error {
	m := r.meter
	p.build.Field(0).(*array.StringBuilder).BinaryBuilder.Append(r.id)
	for i, text := range [...]string{Source, m.account.id, m.sku.product.service, m.sku.usageType, m.operation,
		m.sku.place.code, m.zone, m.resource} {
		p.build.Field(1 + i).(*array.StringBuilder).Append(text)
	}
	p.build.Field(9).(*array.TimestampBuilder).Append(millis(r.hour))
	p.build.Field(10).(*array.TimestampBuilder).Append(millis(r.hour + m.hours()))
	amount := exact(r.amount)
	p.build.Field(11).(*array.Decimal128Builder).Append(decimal128.New(amount.Hi, amount.Lo))
	p.build.Field(12).(*array.StringBuilder).Append(m.sku.product.unit)
	tags := p.build.Field(13).(*array.MapBuilder)
	tags.Append(true)
	for _, t := range m.tags.tags {
		tags.KeyBuilder().(*array.StringBuilder).Append(t.Key)
		tags.ItemBuilder().(*array.StringBuilder).Append(t.Value)
	}
	if p.rows++; p.rows == groupRows {
		return p.flush()
	}
	return nil
}

func millis(h schema.Hour) arrow.Timestamp { return arrow.Timestamp(int64(h) * 3_600_000) }

// flush writes the records so far as a row group.
func (p *parquetRows) flush() error {
	if p.rows == 0 {
		return nil
	}
	batch := p.build.NewRecordBatch()
	defer batch.Release()
	p.rows = 0
	if err := p.out.Write(batch); err != nil {
		return fmt.Errorf("sample %s: %v", p.name, err)
	}
	return nil
}

func (p *parquetRows) close() error {
	err := errors.Join(p.flush(), p.out.Close(), p.file.Close())
	p.build.Release()
	if err != nil {
		return fmt.Errorf("sample %s: %v", p.name, err)
	}
	return nil
}
