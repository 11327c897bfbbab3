package report

import (
	"fmt"
	"io"
	"testing"

	"github.com/monthend/monthend/schema/column"
)

func BenchmarkParquet(b *testing.B) {
	c := sample(b, 400_000, 1)
	view := column.NewView(c.Owner, column.Settings{Resources: true})
	var size counter
	b.ResetTimer()
	for b.Loop() {
		size = 0
		if err := writeParquet(&size, view, column.TablesOf(c), c, DefaultGroupRows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Len())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/float64(c.Len()), "bytes/row")
}

// BenchmarkParquetDistinct has a resource of its own in every row, the worst
// case for dictionaries and line item ids.
func BenchmarkParquetDistinct(b *testing.B) {
	c := sample(b, 400_000, 1)
	for i := range c.Resource {
		c.Resource[i] = c.Dims.Resources.Code(fmt.Sprintf("arn:aws:ec2:us-east-1:111111111111:volume/vol-%016x", i*7919))
	}
	view := column.NewView(c.Owner, column.Settings{Resources: true})
	var size counter
	b.ResetTimer()
	for b.Loop() {
		size = 0
		if err := writeParquet(&size, view, column.TablesOf(c), c, DefaultGroupRows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Len())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/float64(c.Len()), "bytes/row")
}

// BenchmarkWriter is the whole way: copy, check, totals, encode, hash, disk.
func BenchmarkWriter(b *testing.B) {
	c := sample(b, 800_000, 1)
	dir := b.TempDir()
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			for b.Loop() {
				write(b, Spec{Dir: dir, Workers: workers, ChunkRows: 200_000}, c, 8192)
			}
			b.ReportMetric(float64(c.Len())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	c := sample(b, 400_000, 1)
	f := write(b, Spec{Dir: b.TempDir()}, c, 400_000)[0]
	b.ResetTimer()
	for b.Loop() {
		if err := Verify(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Len())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkCSV(b *testing.B) {
	c := sample(b, 100_000, 1)
	view := column.NewView(c.Owner, column.Settings{Resources: true})
	b.ResetTimer()
	for b.Loop() {
		if err := writeCSV(io.Discard, view, column.TablesOf(c), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Len())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
