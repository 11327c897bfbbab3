package month

import (
	"errors"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// groupRows is the row group that DuckDB itself would write.
const groupRows = 122_880

var texts = []string{"record_id", "source", "usage_account_id", "service_code", "usage_type", "operation", "region_code",
	"availability_zone", "resource_id", "unit"}

// parquetRows writes records as Parquet: texts, UTC milliseconds, a decimal in
// 64 bits, and the tags as a map.
type parquetRows struct {
	file  *os.File
	out   *pqarrow.FileWriter
	build *array.RecordBuilder
	rows  int
}

func usageSchema() *arrow.Schema {
	var fields []arrow.Field
	for _, name := range texts {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
	}
	millis := &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	return arrow.NewSchema(append(fields,
		arrow.Field{Name: "usage_start", Type: millis}, arrow.Field{Name: "usage_end", Type: millis},
		arrow.Field{Name: "usage_amount", Type: &arrow.Decimal128Type{Precision: 18, Scale: 6}},
		arrow.Field{Name: "tags", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)}), nil)
}

// writeOnly hides Close, so that the file is closed in one place.
type writeOnly struct{ *os.File }

func (writeOnly) Close() error { return nil }

func newParquetRows(f *os.File) (*parquetRows, error) {
	out, err := pqarrow.NewFileWriter(usageSchema(), writeOnly{f}, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryFor("record_id", false),
		parquet.WithMaxRowGroupLength(groupRows), parquet.WithStoreDecimalAsInteger(true)), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	return &parquetRows{file: f, out: out, build: array.NewRecordBuilder(memory.DefaultAllocator, usageSchema())}, nil
}

func (p *parquetRows) write(r *Record) error {
	k := r.Resource.SKU
	for i, text := range [...]string{r.ID, Source, r.Resource.Account, k.Service, k.UsageType, k.Operation, k.Region,
		r.Resource.Zone, r.Resource.ID, k.Unit} {
		p.build.Field(i).(*array.StringBuilder).Append(text)
	}
	n := len(texts)
	p.build.Field(n).(*array.TimestampBuilder).Append(arrow.Timestamp(r.Start))
	p.build.Field(n + 1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.End))
	p.build.Field(n + 2).(*array.Decimal128Builder).Append(decimal128.FromI64(r.Micros))
	tags := p.build.Field(n + 3).(*array.MapBuilder)
	tags.Append(true)
	for _, t := range r.Resource.Tags {
		tags.KeyBuilder().(*array.StringBuilder).Append(t.Key)
		tags.ItemBuilder().(*array.StringBuilder).Append(t.Value)
	}
	if p.rows++; p.rows == groupRows {
		return p.flush()
	}
	return nil
}

func (p *parquetRows) flush() error {
	if p.rows == 0 {
		return nil
	}
	batch := p.build.NewRecordBatch()
	defer batch.Release()
	p.rows = 0
	return p.out.Write(batch)
}

func (p *parquetRows) close() error {
	err := errors.Join(p.flush(), p.out.Close(), p.file.Close())
	p.build.Release()
	return err
}
