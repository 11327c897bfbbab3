package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

const benchRows = 20_000

func benchmarkRead(b *testing.B, data []byte) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	in := input(data)
	rows := int64(0)
	for b.Loop() {
		sum, err := Read(context.Background(), in, Options{Source: "s"},
			func(*schema.Record) error { return nil }, func(x Rejected) error { return &x.Problem })
		if err != nil {
			b.Fatal(err)
		}
		rows += sum.Read
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func benchCSV(tags bool) []byte {
	var b strings.Builder
	b.WriteString(header)
	if tags {
		b.Reset()
		b.WriteString(strings.Replace(header, "unit", "unit,tags", 1))
	}
	for i := range benchRows {
		row := csvRow("record_id", fmt.Sprintf("2026-10-01-%010d", i))
		if tags {
			row = strings.TrimSpace(row) + fmt.Sprintf(`,"{""team"":""t%d"",""env"":""prod""}"`, i%50) + "\n"
		}
		b.WriteString(row)
	}
	return []byte(b.String())
}

func BenchmarkCSV(b *testing.B)     { benchmarkRead(b, benchCSV(false)) }
func BenchmarkCSVTags(b *testing.B) { benchmarkRead(b, benchCSV(true)) }
func BenchmarkCSVGzip(b *testing.B) { benchmarkRead(b, gzipped(benchCSV(false))) }

func BenchmarkJSONL(b *testing.B) {
	var s strings.Builder
	for i := range benchRows {
		s.WriteString(strings.Replace(goodJSON, "id-1", fmt.Sprintf("2026-10-01-%010d", i), 1) + "\n")
	}
	benchmarkRead(b, []byte(s.String()))
}

func BenchmarkParquet(b *testing.B) {
	rows := make([]parquetRow, benchRows)
	for i := range rows {
		rows[i] = goodParquetRow()
		rows[i].RecordID = fmt.Sprintf("2026-10-01-%010d", i)
	}
	benchmarkRead(b, parquetFileOf(b, rows, parquet.Compression(&parquet.Snappy)))
}

// BenchmarkParquetColumns is the short way, into a batch.
func BenchmarkParquetColumns(b *testing.B) {
	rows := make([]parquetRow, benchRows)
	for i := range rows {
		rows[i] = goodParquetRow()
		rows[i].RecordID = fmt.Sprintf("2026-10-01-%010d", i)
		rows[i].Resource = fmt.Sprintf("vm-%d", i%5000)
		rows[i].Tags = map[string]string{"team": fmt.Sprint(i % 100), "env": "prod"}
	}
	data := parquetFileOf(b, rows, parquet.Compression(&parquet.Snappy))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	u := batch.NewUsage()
	for b.Loop() {
		u.Reset(u.Dims, u.Sources)
		_, err := ReadGroups(context.Background(), input(data), Options{Source: "s"}, nil,
			func(g *batch.Group) error { u.AppendGroup(g); return nil }, func(x Rejected) error { return &x.Problem })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkCURParquet(b *testing.B) {
	in := fileInput(b, realData+"cur-2018/Oct2018-WorkshopCUR-00001.snappy.parquet")
	rows := int64(0)
	for b.Loop() {
		sum, err := Read(context.Background(), in, Options{Source: "s"}, func(*schema.Record) error { return nil }, nil)
		if err != nil {
			b.Fatal(err)
		}
		rows += sum.Read
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
