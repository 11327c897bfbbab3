package batch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

const benchRows = 1 << 17

// benchGroup has 40,000 resources, each of one account, SKU and tag set.
func benchGroup() *batch.Group {
	rng := rand.New(rand.NewPCG(1, 2))
	g := &batch.Group{}
	coded := func(c *batch.Coded, distinct int, resource func(int) int) {
		for i := range distinct {
			c.Values = append(c.Values, fmt.Sprintf("value-%08d", i))
		}
		c.Codes = make([]uint32, benchRows)
		for i := range c.Codes {
			c.Codes[i] = uint32(resource(i) % distinct)
		}
	}
	resources := make([]int, benchRows)
	for i := range resources {
		resources[i] = rng.IntN(40_000)
	}
	of := func(i int) int { return resources[i] }
	coded(&g.Account, 500, of)
	coded(&g.Service, 20, of)
	coded(&g.UsageType, 4000, of)
	coded(&g.Operation, 10, of)
	coded(&g.Resource, 40_000, of)
	coded(&g.Region, 15, of)
	coded(&g.Zone, 45, of)
	coded(&g.Unit, 5, of)
	coded(&g.Source, 1, of)
	coded(&g.Tags, 2000, of)
	for i := range benchRows {
		g.IDs.Append(fmt.Appendf(nil, "2026-10-01-%012d", i))
		start := int64(1_790_000_000+i/4000*3600) * 1e9
		g.Start, g.End = append(g.Start, start), append(g.End, start+3600e9)
		g.Amount = append(g.Amount, money.UsageFromInt(int64(i)))
	}
	return g
}

func perRow(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func BenchmarkAppendGroup(b *testing.B) {
	u, g := batch.NewUsage(), benchGroup()
	u.Reserve(benchRows)
	for b.Loop() {
		u.Reset(u.Dims, u.Sources)
		u.AppendGroup(g)
	}
	perRow(b)
}

// BenchmarkAppendGroupNew meets every value for the first time.
func BenchmarkAppendGroupNew(b *testing.B) {
	u, g := batch.NewUsage(), benchGroup()
	u.Reserve(benchRows)
	for b.Loop() {
		u.Reset(batch.NewDims(), batch.NewTable[string]())
		u.AppendGroup(g)
	}
	perRow(b)
}

// BenchmarkOrder sorts over dictionaries whose ranks are known, and over new ones.
func BenchmarkOrder(b *testing.B) {
	u := batch.NewUsage()
	u.AppendGroup(benchGroup())
	for _, known := range []bool{true, false} {
		b.Run(fmt.Sprintf("known=%t", known), func(b *testing.B) {
			var sorter batch.Sorter
			for b.Loop() {
				if !known {
					sorter = batch.Sorter{}
				}
				sorter.Order(u)
			}
			perRow(b)
		})
	}
}

func BenchmarkRadixSort(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([]uint64, benchRows)
	for i := range keys {
		keys[i] = rng.Uint64() & (1<<44 - 1)
	}
	var sorter batch.Sorter
	for b.Loop() {
		sorter.OrderBy(len(keys), 44, func(i int) uint64 { return keys[i] })
	}
	perRow(b)
}

func BenchmarkTable(b *testing.B) {
	values := make([]string, 40_000)
	table := batch.NewTable[string]()
	for i := range values {
		values[i] = fmt.Sprintf("i-%017x", i*7919)
		table.Code(values[i])
	}
	i := 0
	for b.Loop() {
		table.Code(values[i])
		i = (i + 1) % len(values)
	}
}
