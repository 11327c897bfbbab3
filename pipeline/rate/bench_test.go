package rate_test

import (
	"fmt"
	"testing"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/offer"
)

// benchWorld has SKUs of one rate, of tiers and in a pool.
func benchWorld() world {
	w := acme()
	w.skus = []sku{one("flat", "u0", flat("0.1")), one("tiers", "u1", tier{"1000", "0.1"}, tier{"20000", "0.05"}, flat("0.02")),
		one("pooled", "u2", flat("0.116"))}
	w.pools = []pool{{"free", "750", []string{"u2"}}}
	return w
}

// month is a payer's month of records and lines: two accounts with 40 resources
// each.
func (w world) month(b *testing.B) (*batch.Usage, map[batch.Key]*batch.Row) {
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
	return u, sums
}

func count(b *testing.B, u *batch.Usage, places *rate.Classifier, totals *rate.Totals) {
	for i := range u.Len() {
		p := places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
		check(b, totals.Add(p.Payer, p.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]))
	}
}

// BenchmarkTotals counts records into the sums that a plan is made of.
func BenchmarkTotals(b *testing.B) {
	w := benchWorld()
	u, _ := w.month(b)
	in := w.input(b)
	places, totals := rate.NewClassifier(in, u.Dims), rate.NewTotals(in, u.Dims)
	for b.Loop() {
		count(b, u, places, totals)
	}
	b.ReportMetric(float64(b.N)*float64(u.Len())/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRate prices the lines of a month without commitments.
func BenchmarkRate(b *testing.B) { benchmarkRate(b, benchWorld()) }

// BenchmarkRateCovered prices a month of which a third is under a reservation
// and a plan.
func BenchmarkRateCovered(b *testing.B) {
	w := benchWorld()
	r, p := reserve("r", "a", "large", 9), plan("c", "b", "0.2")
	r.Select = offer.Selector{ServiceCode: "S", UsageType: "u0"}
	p.Rates[0].Select.UsageType = "u0"
	w.others = offer.Offers{Reservations: []offer.Reservation{r}, SavingsPlans: []offer.SavingsPlan{p}}
	benchmarkRate(b, w)
}

func benchmarkRate(b *testing.B, w world) {
	u, sums := w.month(b)
	in := w.input(b)
	totals := rate.NewTotals(in, u.Dims)
	count(b, u, rate.NewClassifier(in, u.Dims), totals)
	plan, err := rate.NewPlan(totals)
	check(b, err)
	dims, ranking := u.Dims.Sorted()
	lines := sortedLines(sums, ranking)
	out := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
	for b.Loop() {
		out.Reset()
		check(b, rate.NewRater(plan, 0, out).Rate(lines))
	}
	b.ReportMetric(float64(b.N)*float64(lines.Len())/b.Elapsed().Seconds(), "lines/s")
}
