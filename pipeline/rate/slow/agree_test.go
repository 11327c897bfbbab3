package slow_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/rate/slow"
	"github.com/monthend/monthend/pipeline/trial"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// TestBothRatersAgree rates random months twice and compares every row and every
// amount to the last digit. RATE_RECORDS asks for more records than the usual
// ones, RATE_SEED for other worlds.
func TestBothRatersAgree(t *testing.T) {
	total, first := number(t, "RATE_RECORDS", 100_000), number(t, "RATE_SEED", 1)
	done, worlds := 0, 0
	for seed := uint64(first); done < total; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0))
		w, records := slow.RandomWorld(rng, min(50+rng.IntN(1950), total-done))
		done, worlds = done+len(records), worlds+1
		if problems := check(w); len(problems) > 0 {
			t.Fatalf("seed %d makes a world that is refused: %v", seed, problems)
		}
		what := differ(w, records)
		if what == "" {
			continue
		}
		fails := func(w slow.World, rs []slow.Record) bool { return len(check(w)) == 0 && differ(w, rs) != "" }
		w, records = slow.Shrink(w, records, fails)
		t.Fatalf("seed %d: the raters differ after %d records:\n%s\n%s", seed, done, differ(w, records), slow.Print(w, records))
	}
	t.Logf("%d records in %d worlds agree", done, worlds)
}

// A world that the product refuses would prove nothing.
func TestRandomWorldsAreTaken(t *testing.T) {
	for seed := range uint64(400) {
		w, _ := slow.RandomWorld(rand.New(rand.NewPCG(seed, 1)), 10)
		for _, p := range check(w) {
			t.Errorf("seed %d: %s", seed, p)
		}
	}
}

func number(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

// check tells why the product would not take a world.
func check(w slow.World) []string {
	catalog, err := price.NewCatalog(slices.Clone(w.SKUs))
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	problems := append(w.Offers.Check("offers", catalog), w.Organization.Check("organization")...)
	for _, p := range append(problems, w.Offers.CheckOrganization("offers", &w.Organization)...) {
		out = append(out, fmt.Sprint(p))
	}
	return out
}

// differ tells in what the two raters differ, a few lines at most.
func differ(w slow.World, records []slow.Record) string {
	want, err := slow.Rate(w, records)
	if err != nil {
		return "slow: " + err.Error()
	}
	got, err := fast(w, records)
	if err != nil {
		return "fast: " + err.Error()
	}
	wanted := texts(w, want)
	if slices.Equal(got, wanted) {
		return ""
	}
	return strings.Join(append(only("fast", got, wanted), only("slow", wanted, got)...), "\n")
}

func only(name string, these, those []string) []string {
	count := map[string]int{}
	for _, s := range those {
		count[s]++
	}
	var out []string
	for _, s := range these {
		if count[s]--; count[s] < 0 {
			out = append(out, name+" only: "+s)
		}
	}
	return out[:min(len(out), 6)]
}

// texts writes a month of the slow rater, one line for each fact, sorted.
func texts(w slow.World, res slow.Result) []string {
	var out []string
	late := lateMonths(w)
	for payer, b := range res.Payers {
		if len(b.Rows) == 0 {
			continue // trial leaves such payers out
		}
		for _, r := range b.Rows {
			out = append(out, row{payer, r.Account, r.Service, r.UsageType, r.Operation, r.Resource, r.Hour, r.Region, r.Zone, r.Tags, r.Type, r.Unit,
				r.SKU, r.RateCode, r.Pool, r.Commitment, r.Discounts, r.TaxType,
				slow.Text(r.Amount), slow.Text(r.List), slow.Text(r.Unblended), slow.Text(r.Blended), slow.Text(r.Net), slow.Text(r.Effective), slow.Text(r.Upfront)}.loose(late).text())
		}
		for _, n := range b.Taxes {
			out = append(out, fmt.Sprint("tax of ", payer, ": ", n.ID, " base ", slow.Text(n.Base), " amount ", slow.Text(n.Amount)))
		}
		for _, n := range b.Balances {
			out = append(out, fmt.Sprint("balance of ", payer, ": ", n.Kind, " ", n.ID, " opening ", slow.Text(n.Opening), " granted ", slow.Text(n.Granted),
				" applied ", slow.Text(n.Applied), " expired ", slow.Text(n.Expired), " closing ", slow.Text(n.Closing)))
		}
	}
	for reason, n := range res.Suspended {
		out = append(out, fmt.Sprint(n, " records: ", reason))
	}
	sort.Strings(out)
	return out
}

// row is what is compared of a charge.
type row struct {
	payer, account, service, usageType, operation, resource   string
	hour                                                      int64
	region, zone, tags, kind, unit                            string
	sku, rateCode, pool, commitment, discounts, taxType       string
	amount, list, unblended, blended, net, effective, upfront string
}

func (r row) text() string { return strings.ReplaceAll(fmt.Sprintf("%+v", r), "\x1f", "=") }

// lateMonths tells whether a pool of a world may begin within the month. Before
// that the product lets such a pool stand on lines of amount 0.
func lateMonths(w slow.World) bool {
	return slices.ContainsFunc(w.Offers.FreeTier, func(p offer.Pool) bool { return p.Months+p.Days > 0 })
}

func (r row) loose(late bool) row {
	if late && r.amount == "0" && r.kind == "Usage" {
		r.pool, r.rateCode = "", ""
	}
	return r
}

// reasons are the slow rater's names of the product's verdicts.
var reasons = map[rate.Verdict]string{rate.UnknownAccount: slow.NoPayer, rate.UnknownSKU: slow.NoPrice, rate.NoPrice: slow.NoPrice, rate.OtherUnit: slow.OtherUnit}

// fast rates with the product and writes the month as texts does.
func fast(w slow.World, records []slow.Record) ([]string, error) {
	in, rs, err := input(w, records)
	if err != nil {
		return nil, err
	}
	res, err := trial.Rate(in, rs, opening(w))
	if err != nil {
		return nil, err
	}
	var out []string
	late := lateMonths(w)
	for _, p := range res.Payers {
		payer := w.Organization.Payers[p.Index].AccountID
		for it := range p.All() {
			out = append(out, rowOf(payer, it).loose(late).text())
		}
		for _, n := range p.Taxes {
			out = append(out, fmt.Sprint("tax of ", payer, ": ", n.ID, " base ", n.Base, " amount ", n.Amount))
		}
		for _, n := range p.Balances {
			out = append(out, fmt.Sprint("balance of ", payer, ": ", n.Kind, " ", n.ID, " opening ", n.Opening, " granted ", n.Granted,
				" applied ", n.Applied, " expired ", n.Expired, " closing ", n.Closing))
		}
	}
	counts := map[string]int{}
	for _, v := range res.Verdicts {
		if v != rate.Charge && v != rate.Foreign {
			counts[reasons[v]]++
		}
	}
	for reason, n := range counts {
		out = append(out, fmt.Sprint(n, " records: ", reason))
	}
	sort.Strings(out)
	return out, nil
}

// rowOf leaves out the rate code where the price list has none for the line.
func rowOf(payer string, it rate.Item) row {
	if it.Price.Pool != "" || it.Terms.Commitment.ID != "" {
		it.Price.RateCode = ""
	}
	return row{payer, it.Head.Account, it.Head.Service, it.Head.UsageType, it.Head.Operation, it.Resource, int64(it.Hour),
		it.Tail.Region, it.Tail.Zone, it.Tail.Tags, it.Tail.LineItemType, it.Tail.Unit,
		it.Price.SKU, it.Price.RateCode, it.Price.Pool, it.Terms.Commitment.ID, it.Terms.Discounts, it.Price.TaxType,
		it.Amount.String(), it.List.String(), it.Unblended.String(), it.Blended.String(), it.Net.String(), it.Effective.String(), it.Upfront.String()}
}

func opening(w slow.World) []bill.Balance {
	var out []bill.Balance
	for _, list := range w.Opening {
		for _, o := range list {
			out = append(out, bill.Balance{Kind: o.Kind, ID: o.ID, Closing: must(money.ParseCost(o.Amount))})
		}
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func input(w slow.World, records []slow.Record) (rate.Input, []trial.Record, error) {
	catalog, err := price.NewCatalog(slices.Clone(w.SKUs))
	if err != nil {
		return rate.Input{}, nil, err
	}
	issuer, _ := w.Organization.Issuer(w.Issuer)
	in := rate.Input{Issuer: issuer, Period: w.Period, Organization: &w.Organization, Catalog: catalog, Offers: &w.Offers}
	rs := make([]trial.Record, len(records))
	for i, r := range records {
		rs[i] = recordOf(r, string(issuer.Currency))
	}
	return in, rs, nil
}

func recordOf(r slow.Record, currency string) trial.Record {
	out := trial.Record{Head: batch.Head{Account: r.Account, Service: r.Service, UsageType: r.UsageType, Operation: r.Operation}, Resource: r.Resource,
		Tail:  batch.Tail{Region: r.Region, Zone: r.Zone, Tags: r.Tags, LineItemType: r.LineItemType, Commitment: r.Commitment, Unit: r.Unit},
		Start: r.Start.UnixNano(), End: r.Start.UnixNano(), Amount: must(money.ParseUsage(r.Amount))}
	if out.Tail.LineItemType == "" {
		out.Tail.LineItemType = schema.LineItemUsage
	}
	if r.Priced {
		out.Tail.Priced, out.Tail.Currency, out.Cost = true, currency, must(money.ParseCost(r.Cost))
	}
	return out
}
