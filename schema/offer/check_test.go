package offer

import (
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// flat returns a SKU of the service Store with one rate.
func flat(id, usageType, operation, region string) price.SKU {
	return price.SKU{ID: id, ServiceCode: "Store", UsageType: usageType, Operation: operation, Region: region, Currency: "USD",
		Versions: []price.Version{{Unit: "GB", Term: "OnDemand", Tiers: []price.Tier{{Open: true, Rate: money.RateFromInt(1)}}}}}
}

func offers(pools ...Pool) *Offers { return &Offers{FreeTier: pools} }

func pool(id, usageType string) Pool {
	return Pool{ID: id, Allowance: money.UsageFromInt(10), Unit: "GB", Select: []Selector{{ServiceCode: "Store", UsageType: usageType}}}
}

func TestPoolCheck(t *testing.T) {
	euro := flat("E", "Euro", "", "")
	euro.Currency = "EUR"
	hours := flat("H", "Hours", "", "")
	hours.Versions = append(hours.Versions, hours.Versions[0])
	hours.Versions[0].Unit, hours.Versions[1].Effective = "Hrs", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Unix()
	c, err := price.NewCatalog([]price.SKU{flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", ""), euro, hours})
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*Pool)) *Offers {
		p := pool("p", "*-Bytes")
		f(&p)
		return offers(p)
	}
	november := schema.Date{Year: 2026, Month: 11, Day: 1}
	ended, begun := pool("old", "*"), pool("new", "EU-Bytes")
	ended.Select[0].UsageType, ended.Until, begun.From = "EU-*", november, november
	for _, k := range []struct {
		name string
		o    *Offers
		want string // "" for none
	}{
		{"good", offers(pool("p", "*-Bytes")), ""},
		{"two pools", offers(pool("p", "EU-Bytes"), pool("q", "US-*")), ""},
		{"two pools one after the other", offers(ended, begun), ""},
		{"later unit only", change(func(p *Pool) { p.Select[0].UsageType, p.From = "Hours", november }), ""},
		{"id blank", change(func(p *Pool) { p.ID = "" }), "free_tier[0].id is blank"},
		{"id twice", offers(pool("p", "EU-Bytes"), pool("p", "US-Bytes")), `free_tier[1].id "p" stands twice, first at free_tier[0]`},
		{"allowance", change(func(p *Pool) { p.Allowance = money.Usage{} }), `free_tier[0].allowance "0" is not above zero`},
		{"allowance negative", change(func(p *Pool) { p.Allowance = money.UsageFromInt(-1) }), `free_tier[0].allowance "-1" is not above zero`},
		{"unit blank", change(func(p *Pool) { p.Unit = "" }), "free_tier[0].unit is blank"},
		{"unit", change(func(p *Pool) { p.Unit = "TB" }), `free_tier[0].unit "TB" is not the unit of SKU A, GB`},
		{"unit of one version", change(func(p *Pool) { p.Select[0].UsageType = "Hours" }), `free_tier[0].unit "GB" is not the unit of SKU H, Hrs`},
		{"no selector", change(func(p *Pool) { p.Select = nil }), "free_tier[0].select picks nothing"},
		{"blank selector", change(func(p *Pool) { p.Select[0] = Selector{} }), "free_tier[0].select[0] is blank"},
		{"picks no sku", change(func(p *Pool) { p.Select[0].UsageType = "bytes" }), `free_tier[0].select`},
		{"middle of a month", change(func(p *Pool) { p.From = schema.Date{Year: 2026, Month: 10, Day: 2} }), `free_tier[0].from "2026-10-02" is not the first of a month`},
		{"ends before", change(func(p *Pool) { p.From, p.Until = november, november }), `free_tier[0].until "2026-11-01" is not after from`},
		{"months and days", change(func(p *Pool) { p.Months, p.Days = 12, 30 }), `free_tier[0].trial_days "30" stands beside first_months`},
		{"months", change(func(p *Pool) { p.Months = -1 }), `free_tier[0].first_months "-1" is not a number of months from 1 to 120`},
		{"days", change(func(p *Pool) { p.Days = 5000 }), `free_tier[0].trial_days "5000" is not a number of days`},
		{"star in the service", change(func(p *Pool) { p.Select[0].ServiceCode = "St*" }), `free_tier[0].select[0].service_code "St*" holds a star`},
		{"sku in two pools", offers(pool("p", "*-Bytes"), pool("q", "EU-Bytes")), `free_tier[1].select "q" picks SKU A (EU-Bytes), as pool p does`},
		{"two currencies", change(func(p *Pool) { p.Select = append(p.Select, Selector{UsageType: "Euro"}) }), `free_tier[0].select "EUR" is the currency of SKU E, but A has USD`},
	} {
		got := k.o.Check("offers.yaml", c)
		if k.want == "" && got != nil || k.want != "" && !strings.Contains(got.Error(), "offers.yaml: "+k.want) {
			t.Errorf("%s: got %v, want %q", k.name, got, k.want)
		}
	}
	if got := offers(pool("p", "nothing")).Check("offers.yaml", nil); got != nil {
		t.Errorf("without a catalog: %v", got)
	}
}
