package report

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func testOwner() *batch.Owner {
	return &batch.Owner{
		Issuer: "example", IssuerName: "Example Cloud, Inc.", Payer: "111111111111", PayerName: "Payer",
		PricingCurrency: "USD", BillingCurrency: "USD",
		Period: schema.Period{Name: "2026-10",
			Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		AccountNames: map[string]string{"111111111111": "Payer", "222222222222": "Team \"two\", Seoul"},
	}
}

func mustRate(t testing.TB, s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sample makes n charges in the canonical order, about 744 hours per resource,
// with tags, zones and a few prices. The same seed gives the same charges.
func sample(t testing.TB, n int, seed uint64) *batch.Charges {
	random := rand.New(rand.NewPCG(seed, 1))
	dims, prices := batch.NewDims(), batch.NewTable[batch.Price]()
	c := batch.NewCharges(testOwner(), dims, prices)
	first := schema.HourOf(testOwner().Period.Start.UnixNano())
	for resource := 0; c.Len() < n; resource++ {
		account := []string{"111111111111", "222222222222", "333333333333"}[resource*3/(n/744+1)%3]
		kind := resource % 40
		head := dims.Heads.Code(batch.Head{Account: account, Service: fmt.Sprintf("Service%d", kind%9),
			UsageType: fmt.Sprintf("USE1-BoxUsage:m%d.large", kind), Operation: "RunInstances"})
		id := fmt.Sprintf("arn:aws:ec2:us-east-1:%s:instance/i-%016x", account, resource)
		if resource == 7 {
			id = ""
		}
		tags := ""
		if kind%3 > 0 {
			tags = string(schema.EncodeTags(nil, []schema.Tag{
				{Key: "Team", Value: fmt.Sprintf("team %d", kind)}, {Key: "aws:createdBy", Value: "root, \"x\"\n"}, {Key: "team", Value: "low"}}[:1+kind%3]))
		}
		tail := dims.Tails.Code(batch.Tail{Region: "us-east-1", Zone: []string{"", "us-east-1a"}[kind%2], Unit: "Hrs",
			Tags: tags, LineItemType: []string{"Usage", "Fee"}[kind%20/19], Priced: kind == 11, Currency: ""})
		rate := mustRate(t, fmt.Sprintf("0.0%d32", kind+10))
		price := batch.Price{SKU: fmt.Sprintf("SKU%013d", kind), RateCode: fmt.Sprintf("SKU%013d.JRTCKXETXF.6YS6EN2CT7", kind),
			Term: "OnDemand", Description: fmt.Sprintf("$%s per hour", rate.Text10()), Unit: "Hrs", Rated: true,
			Rate: rate, PublicRate: rate, BlendedRate: rate, Begin: "0", End: "Inf",
			Attributes: string(schema.EncodeTags(nil, []schema.Tag{
				{Key: "instanceType", Value: "m5.large"}, {Key: "operatingSystem", Value: "Linux"}, {Key: "regionCode", Value: "us-east-1"},
				{Key: "servicename", Value: "Compute"}, {Key: "vcpu", Value: "2"}}))}
		if kind == 11 {
			price = batch.Price{Description: "spot"}
		}
		code := prices.Code(price)
		for hour := 0; hour < 744 && c.Len() < n; hour++ {
			amount := money.UsageFromInt(1)
			if kind%4 == 0 {
				amount = money.Usage{Lo: random.Uint64N(1e12) * 1_000_000}
			}
			cost, err := money.Product(price.Rate, amount, money.HalfAwayFromZero)
			if err != nil {
				t.Fatal(err)
			}
			c.Append(batch.Row{Key: batch.LineKey(head, dims.Resources.Code(id), first+schema.Hour(hour), tail),
				Price: code, Amount: amount, List: cost, Unblended: cost, Blended: cost})
		}
	}
	return c
}

// mixed makes n charges of which some stand under discounts or commitments, in
// runs and alone, with many distinct amounts.
func mixed(t testing.TB, n int, seed uint64) *batch.Charges {
	plain := sample(t, n, seed)
	random := rand.New(rand.NewPCG(seed, 2))
	plain.Owner.Discounted = true
	c := batch.NewCharges(plain.Owner, plain.Dims, plain.Prices)
	for i := range n {
		r := plain.At(i)
		switch {
		case i%1000 == 999:
			asFee(t, c, &r)
		case i/500%3 == 1 || random.IntN(50) == 0:
			discount(t, c, &r, fmt.Sprintf("edp EdpDiscount 0.1;b%d BundledDiscount 0.%d", i%3, 1+i%7))
		case i/500%3 == 2:
			cover(c, &r, i)
		}
		c.Append(r)
	}
	return c
}

// retype gives a row another line item type.
func retype(c *batch.Charges, r *batch.Row, lineItemType string) {
	tail := c.Dims.Tails.Value(r.Key.Tail())
	tail.LineItemType = lineItemType
	r.Key = batch.LineKey(r.Key.Head(), r.Key.Resource(), r.Key.Hour(), c.Dims.Tails.Code(tail))
}

func discount(t testing.TB, c *batch.Charges, r *batch.Row, text string) {
	list, err := batch.DecodeDiscounts(text)
	if err != nil {
		t.Fatal(err)
	}
	amounts, err := batch.DiscountAmounts(list, r.Unblended, r.Amount)
	if err != nil {
		t.Fatal(err)
	}
	r.Net, r.Effective = r.Unblended, r.Unblended
	for _, a := range amounts {
		if r.Net, err = money.Sub(r.Net, a); err != nil {
			t.Fatal(err)
		}
	}
	r.Term = c.Terms.Code(batch.Terms{Discounts: text})
}

func cover(c *batch.Charges, r *batch.Row, i int) {
	r.Effective, r.Upfront = r.Unblended, money.Cost{Lo: uint64(i % 9)}
	terms := batch.Commitment{Kind: batch.Reservation, ID: fmt.Sprintf("arn:ri/%d", i%4), Subscription: "7", Lease: "1yr"}
	retype(c, r, "DiscountedUsage")
	if i%2 == 0 {
		terms = batch.Commitment{Kind: batch.SavingsPlan, ID: "arn:sp", Payment: "No Upfront"}
		retype(c, r, "SavingsPlanCoveredUsage")
	}
	r.Unblended = money.Cost{}
	r.Term = c.Terms.Code(batch.Terms{Commitment: terms})
}

func asFee(t testing.TB, c *batch.Charges, r *batch.Row) {
	r.Net, r.Effective = r.Unblended, mustCost(t, "0.25")
	retype(c, r, "RIFee")
	r.Term = c.Terms.Code(batch.Terms{Commitment: batch.Commitment{Kind: batch.Reservation, ID: "arn:ri/fee", Count: "2", Units: "1488.0000000000",
		Upfront: mustCost(t, "263"), AmortizedFee: mustCost(t, "22.3369863"), UnusedRecurring: mustCost(t, "0.25"), UnusedUnits: money.UsageFromInt(3)}})
}
