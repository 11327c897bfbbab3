package rate_test

import (
	"fmt"
	"testing"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema/batch"
)

// benchMonth is a payer's month of lines: two accounts, 40 resources each, over
// SKUs of one rate, of tiers and in a pool.
func benchMonth(b *testing.B, w world) (*batch.Usage, *batch.Dims, *batch.Lines) {
	w.accounts = acme().accounts
	w.skus = []sku{one("flat", "u0", flat("0.1")), one("tiers", "u1", tier{"1000", "0.1"}, tier{"20000", "0.05"}, flat("0.02")),
		one("pooled", "u2", flat("0.116"))}
	w.pools = []pool{{"free", "750", []string{"u2"}}}
	u := batch.NewUsage()
	sums := map[batch.Key]*batch.Row{}
	for hour := range 744 {
		for resource := range 40 {
			for n, account := range []string{"a", "b"} {
				r := use(account, fmt.Sprintf("u%d", (resource+n)%3), float64(hour), "1.0107526882")
				r.resource = fmt.Sprintf("i-%d", resource)
				u.Append(w.record(b, r))
				i := u.Len() - 1
				sums[batch.LineKey(u.Head[i], u.Resource[i], u.Hour(i), u.Tail[i])] = &batch.Row{Amount: u.Amount[i]}
			}
		}
	}
	dims, ranking := u.Dims.Sorted()
	return u, dims, sortedLines(sums, ranking)
}

// BenchmarkTotals counts records into the sums that a plan is made of.
func BenchmarkTotals(b *testing.B) {
	w := acme()
	u, _, _ := benchMonth(b, w)
	w.skus = []sku{one("flat", "u0", flat("0.1")), one("tiers", "u1", tier{"1000", "0.1"}, tier{"20000", "0.05"}, flat("0.02")), one("pooled", "u2", flat("0.116"))}
	in := w.input(b)
	places := rate.NewClassifier(in, u.Dims)
	totals := rate.NewTotals(in, u.Dims)
	for b.Loop() {
		for i := range u.Len() {
			p := places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
			check(b, totals.Add(p.Payer, p.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]))
		}
	}
	b.ReportMetric(float64(b.N)*float64(u.Len())/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRate prices the lines of a month.
func BenchmarkRate(b *testing.B) {
	w := acme()
	u, dims, lines := benchMonth(b, w)
	w.skus = []sku{one("flat", "u0", flat("0.1")), one("tiers", "u1", tier{"1000", "0.1"}, tier{"20000", "0.05"}, flat("0.02")), one("pooled", "u2", flat("0.116"))}
	w.pools = []pool{{"free", "750", []string{"u2"}}}
	in := w.input(b)
	places, totals := rate.NewClassifier(in, u.Dims), rate.NewTotals(in, u.Dims)
	for i := range u.Len() {
		p := places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
		check(b, totals.Add(p.Payer, p.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]))
	}
	plan, err := rate.NewPlan(totals)
	check(b, err)
	out := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
	for b.Loop() {
		out.Reset()
		check(b, rate.NewRater(plan, 0, out).Rate(lines))
	}
	b.ReportMetric(float64(b.N)*float64(lines.Len())/b.Elapsed().Seconds(), "lines/s")
}
