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
