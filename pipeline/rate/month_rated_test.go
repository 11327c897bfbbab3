package rate_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// amounts of a bill by what they are.
type amounts struct{ unblended, net, effective money.Cost }

func (a *amounts) add(t tester, unblended, net, effective money.Cost) {
	a.unblended, a.net, a.effective = plus(t, a.unblended, unblended), plus(t, a.net, net), plus(t, a.effective, effective)
}

// reservedWorld has two sizes under a reservation, one type under a plan, and
// storage with a discount.
func reservedWorld(t tester) rate.Input {
	b := &bills{}
	r := c4(t)
	r.SizeFlexible, r.Select.ServiceCode = true, "S"
	p := instancePlan(t, offer.PartialUpfront)
	p.Start, p.Rates = october.Add(100*time.Hour), []offer.PlanRate{{Select: offer.Selector{ServiceCode: "S"}, Factor: rateText(t, "0.3")}}
	b.offers.Reservations, b.offers.SavingsPlans = []offer.Reservation{r}, []offer.SavingsPlan{p}
	b.offers.Discounts = []offer.Discount{{ID: "edp", Type: "EdpDiscount", Factor: rateText(t, "0.07")},
		{ID: "deal", Type: "PrivateRateDiscount", Private: true, Rate: rateText(t, "0.05"), Accounts: []string{"B"}}}
	in := b.input(t)
	var skus []price.SKU
	for _, usageType := range []string{"BoxUsage:c4.large", "BoxUsage:c4.xlarge", "BoxUsage:m5.large", "Storage"} {
		skus = append(skus, price.SKU{ID: usageType, ServiceCode: "S", UsageType: usageType, Operation: "RunInstances", Region: "us-east-1", Currency: "USD",
			Versions: []price.Version{{Unit: "Hrs", Term: "OnDemand", Tiers: []price.Tier{{Open: true, Rate: rateText(t, "0.0987654321"), RateCode: usageType}}}}})
	}
	var err error
	in.Catalog, err = price.NewCatalog(skus)
	must(t, err)
	return in
}

// rateAll rates records, sorted by line, each a line of its own.
func rateAll(t tester, in rate.Input, records []usage) (*rate.Plan, *batch.Charges) {
	u := batch.NewUsage()
	for _, r := range records {
		u.Append(&schema.Record{UsageAccountID: []byte(r.account), ServiceCode: []byte("S"), UsageType: []byte(r.usageType), Operation: []byte("RunInstances"),
			RegionCode: []byte("us-east-1"), ResourceID: []byte(r.resource), Unit: []byte("Hrs"), UsageStart: r.start, UsageEnd: r.end,
			UsageAmount: unitsOf(t, r.amount), LineItemType: []byte("Usage")})
	}
	places, totals := rate.NewClassifier(in, u.Dims), rate.NewTotals(in, u.Dims)
	for i := range u.Len() {
		p := places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
		must(t, totals.Add(p.Payer, p.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]))
	}
	made, err := rate.NewPlan(totals)
	must(t, err)
	dims, ranks := u.Dims.Sorted()
	var keys []batch.Key
	units := map[batch.Key]money.Usage{}
	for i := range u.Len() {
		k := batch.LineKey(ranks.Heads[u.Head[i]], ranks.Resources[u.Resource[i]], u.Hour(i), ranks.Tails[u.Tail[i]])
		sum, err := money.Add(units[k], u.Amount[i])
		must(t, err)
		if units[k] = sum; !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, batch.Key.Compare)
	lines := &batch.Lines{}
	for _, k := range keys {
		lines.Key, lines.Amount, lines.Cost = append(lines.Key, k), append(lines.Amount, units[k]), append(lines.Cost, money.Cost{})
		lines.Records = append(lines.Records, 1)
	}
	out := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
	must(t, rate.NewRater(made, 0, out).Rate(lines))
	return made, out
}

// Of a whole month with its fees: net and unblended cost have one sum; amortized
// cost is unblended cost without what was paid up front, and with the part of it
// that falls on the month; negations cancel what they negate.
func TestMonthOfRatedLines(t *testing.T) {
	in := reservedWorld(t)
	kinds := map[string]bool{} // of all the rows seen
	defer func() {
		for _, kind := range []string{"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanUpfrontFee",
			"SavingsPlanRecurringFee", "RIFee", "EdpDiscount", "PrivateRateDiscount"} {
			if !kinds[kind] {
				t.Errorf("no row of type %s was seen", kind)
			}
		}
	}()
	rapid.Check(t, func(t *rapid.T) {
		var records []usage
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
			start, end := at(float64(rapid.SampledFrom([]int{0, 1, 99, 100, 101, 743}).Draw(t, "hour")))
			records = append(records, usage{account: pick("account", "A", "B"), usageType: pick("usage type", "BoxUsage:c4.large", "BoxUsage:c4.xlarge", "BoxUsage:m5.large", "Storage"),
				resource: pick("resource", "i-1", "i-2"), start: start, end: end, amount: pick("amount", "0.3333333333", "1", "2.5")})
		}
		made, lines := rateAll(t, in, records)
		m := rate.NewMonth(made, 0, nil)
		must(t, m.Add(lines))
		s := finish(t, m, nil)
		var sum amounts
		negated := map[schema.Hour]money.Cost{}
		for i := range lines.Len() {
			row := lines.At(i)
			sum.add(t, row.Unblended, row.Net, row.Effective)
			kind := lines.Dims.Tails.Value(lines.Tail[i]).LineItemType
			kinds[kind] = true
			if kind == "SavingsPlanCoveredUsage" {
				negated[row.Key.Hour()] = plus(t, negated[row.Key.Hour()], row.Unblended)
			}
		}
		want := money.Cost{}
		for _, it := range s.fees {
			sum.add(t, it.Unblended, it.Net, it.Effective)
			kinds[it.Tail.LineItemType] = true
			switch it.Tail.LineItemType {
			case "Fee", "SavingsPlanUpfrontFee":
				want = plus(t, want, money.Neg(it.Unblended))
			case "RIFee", "SavingsPlanRecurringFee":
				want = plus(t, want, it.Terms.Commitment.AmortizedFee)
			case "SavingsPlanNegation":
				negated[it.Hour] = plus(t, negated[it.Hour], it.Unblended)
			}
		}
		if sum.unblended != sum.net {
			t.Errorf("unblended cost %s, net cost %s", sum.unblended, sum.net)
		}
		off := plus(t, sum.effective, money.Neg(sum.unblended), money.Neg(want))
		residue := money.Cost{Lo: uint64(100 * (lines.Len() + 2))} // 1e-8 per line
		if money.Cmp(money.Abs(off), residue) > 0 {
			t.Errorf("amortized cost %s is off by %s from unblended %s", sum.effective, off, sum.unblended)
		}
		for hour, rest := range negated {
			if rest != (money.Cost{}) {
				t.Errorf("%s is left of the hour %d", rest, hour)
			}
		}
	})
}
