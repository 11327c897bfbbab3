package offer

import (
	"testing"

	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

func TestFeeUsageType(t *testing.T) {
	for in, want := range map[string]string{"EUW2-BoxUsage:t2.micro": "EUW2-HeavyUsage:t2.micro", "BoxUsage": "HeavyUsage", "disk": "HeavyUsage:disk"} {
		if got := FeeUsageType(in); got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func TestReservationCovers(t *testing.T) {
	plain := Reservation{Select: Selector{ServiceCode: "EC2", UsageType: "BoxUsage:t2.micro"}}
	named, zonal, flexible, odd := plain, plain, plain, plain
	named.Select.Operation, named.Select.Region = "Run", "eu"
	zonal.Zone = "eu-a"
	flexible.SizeFlexible = true
	odd.Select.UsageType, odd.SizeFlexible = "BoxUsage:t2.metal", true
	for _, c := range []struct {
		name                                        string
		r                                           *Reservation
		service, usageType, operation, region, zone string
		want                                        bool
	}{
		{"equal", &plain, "EC2", "BoxUsage:t2.micro", "Run", "eu", "eu-a", true},
		{"service", &plain, "RDS", "BoxUsage:t2.micro", "Run", "eu", "", false},
		{"size", &plain, "EC2", "BoxUsage:t2.small", "Run", "eu", "", false},
		{"named", &named, "EC2", "BoxUsage:t2.micro", "Run", "eu", "", true},
		{"operation", &named, "EC2", "BoxUsage:t2.micro", "Run:2", "eu", "", false},
		{"region", &named, "EC2", "BoxUsage:t2.micro", "Run", "us", "", false},
		{"zone", &zonal, "EC2", "BoxUsage:t2.micro", "Run", "eu", "eu-a", true},
		{"other zone", &zonal, "EC2", "BoxUsage:t2.micro", "Run", "eu", "eu-b", false},
		{"no zone", &zonal, "EC2", "BoxUsage:t2.micro", "Run", "eu", "", false},
		{"flexible, its own size", &flexible, "EC2", "BoxUsage:t2.micro", "", "", "", true},
		{"flexible, another size", &flexible, "EC2", "BoxUsage:t2.2xlarge", "", "", "", true},
		{"flexible, size unknown", &flexible, "EC2", "BoxUsage:t2.metal", "", "", "", false},
		{"flexible, another family", &flexible, "EC2", "BoxUsage:t3.micro", "", "", "", false},
		{"flexible, another usage", &flexible, "EC2", "SpotUsage:t2.micro", "", "", "", false},
		{"size without a factor, equal", &odd, "EC2", "BoxUsage:t2.metal", "", "", "", true},
		{"size without a factor, other", &odd, "EC2", "BoxUsage:t2.micro", "", "", "", false},
	} {
		if got := c.r.Covers(c.service, c.usageType, c.operation, c.region, c.zone); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

func rate(s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

func cost(s string) money.Cost {
	c, err := money.ParseCost(s)
	if err != nil {
		panic(err)
	}
	return c
}

func TestRateFor(t *testing.T) {
	m5, c5 := flat("m5", "BoxUsage:m5.large", "", "eu"), flat("c5", "BoxUsage:c5.large", "", "eu")
	disk, second := flat("d", "disk", "", "eu"), flat("s", "other", "", "eu")
	second.More = []price.Key{{ServiceCode: "Store", UsageType: "BoxUsage:m5.large", Region: "eu"}}
	compute := SavingsPlan{Type: ComputePlan, Rates: []PlanRate{
		{Select: Selector{UsageType: "BoxUsage:m5.*"}, Rate: rate("0.07")},
		{Select: Selector{UsageType: "BoxUsage:*"}, Factor: rate("0.3")},
	}}
	instance := SavingsPlan{Type: InstancePlan, Region: "eu", Family: "m5", Rates: []PlanRate{{Select: Selector{ServiceCode: "Store"}, Factor: rate("0.5")}}}
	abroad := instance
	abroad.Region = "us"
	for _, c := range []struct {
		name       string
		p          *SavingsPlan
		sku        *price.SKU
		list, want string // want "": not covered
	}{
		{"first rate that picks", &compute, &m5, "0.1", "0.07"},
		{"share", &compute, &c5, "0.1", "0.07"},
		{"share is rounded to 10 decimals, half up", &compute, &c5, "0.0000000015", "0.0000000011"},
		{"by another key", &compute, &second, "0.1", "0.07"},
		{"nothing picks", &compute, &disk, "0.1", ""},
		{"not below the list", &compute, &m5, "0.07", ""},
		{"rounded up to the list", &compute, &c5, "0.0000000001", ""},
		{"rounded to nothing", &instance, &m5, "0.00000000001", ""},
		{"free", &compute, &c5, "0", ""},
		{"instance", &instance, &m5, "0.1", "0.05"},
		{"instance by another key", &instance, &second, "0.1", "0.05"},
		{"other family", &instance, &c5, "0.1", ""},
		{"other region", &abroad, &m5, "0.1", ""},
	} {
		got, ok := c.p.RateFor(c.sku, rate(c.list))
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s: got %s %t, want %q", c.name, got, ok, c.want)
		}
	}
}

func TestPlanMoney(t *testing.T) {
	for _, c := range []struct {
		payment                         Payment
		kind                            string
		years                           int
		commitment                      string
		share, hourly, amortized, front string
		usage                           string
	}{
		{NoUpfront, ComputePlan, 1, "0.1", "0", "0.1", "0", "0", "ComputeSP:1yrNoUpfront"},
		{PartialUpfront, ComputePlan, 3, "0.1", "0.5", "0.05", "0.05", "1314", "ComputeSP:3yrPartialUpfront"},
		{PartialUpfront, InstancePlan, 1, "0.00000001", "0.5", "0.00000001", "0", "0", "EC2SP:m5.1yrPartialUpfront"},
		{PartialUpfront, InstancePlan, 1, "0.00000003", "0.5", "0.00000002", "0.00000001", "0.0000876", "EC2SP:m5.1yrPartialUpfront"},
		{AllUpfront, InstancePlan, 3, "2", "1", "0", "2", "52560", "EC2SP:m5.3yrAllUpfront"},
	} {
		p := SavingsPlan{Type: c.kind, Family: "m5", Years: c.years, Payment: c.payment, Commitment: cost(c.commitment)}
		front, err := p.UpfrontPayment()
		if err != nil || p.UpfrontShare() != rate(c.share) || p.Recurring() != cost(c.hourly) || p.AmortizedPerHour() != cost(c.amortized) || front != cost(c.front) || p.UsageType() != c.usage {
			t.Errorf("%+v: got %s %s %s %s %s %v", c, p.UpfrontShare(), p.Recurring(), p.AmortizedPerHour(), front, p.UsageType(), err)
		}
	}
}
