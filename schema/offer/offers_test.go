package offer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "x", true}, {"*", "", true}, {"*", "x", true}, {"x", "", false},
		{"a*", "abc", true}, {"a*", "ba", false}, {"*c", "abc", true}, {"*c", "abcd", false},
		{"a*c", "ac", true}, {"a*c", "abcbc", true}, {"a*c", "abcb", false}, {"a*b*c", "aXbYc", true},
		{"*EBS:VolumeUsage*", "EUW3-EBS:VolumeUsage.gp2", true}, {"EBS", "ebs", false}, {"a**b", "ab", true}, {"*a", "aaab", false},
	} {
		if got := fits(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: got %t", c.pattern, c.text, got)
		}
	}
}

// slowFits says the same by the definition.
func slowFits(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return slowFits(pattern[1:], text) || text != "" && slowFits(pattern, text[1:])
	}
	return text != "" && text[0] == pattern[0] && slowFits(pattern[1:], text[1:])
}

func TestFitsAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{1,7}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "text")
		if got, want := fits(pattern, text), slowFits(pattern, text); got != want {
			t.Fatalf("%q on %q: got %t", pattern, text, got)
		}
	})
}

func offers(pools ...Pool) *Offers { return &Offers{FreeTier: pools} }

func pool(id, usageType string) Pool {
	return Pool{ID: id, Allowance: money.UsageFromInt(10), Unit: "GB", Select: []Selector{{ServiceCode: "Store", UsageType: usageType}}}
}

func TestOffersCheck(t *testing.T) {
	euro := flat("E", "Euro", "", "")
	euro.Currency = "EUR"
	hours := flat("H", "Hours", "", "")
	hours.Versions = append(hours.Versions, hours.Versions[0])
	hours.Versions[0].Unit, hours.Versions[1].Effective = "Hrs", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Unix()
	c, err := NewCatalog([]SKU{flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", ""), euro, hours})
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

func TestPoolIndex(t *testing.T) {
	c, err := NewCatalog([]SKU{flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", ""), flat("C", "US-Time", "", "")})
	if err != nil {
		t.Fatal(err)
	}
	old, young := pool("old", "US-Bytes"), pool("new", "US-Bytes")
	old.Until, young.From = schema.Date{Year: 2026, Month: 10, Day: 1}, schema.Date{Year: 2026, Month: 10, Day: 1}
	o := offers(pool("eu", "EU-*"), old, young)
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)} {
		for month, want := range map[time.Month][]int{9: {0, 1, -1}, 10: {0, 2, -1}, 11: {0, 2, -1}} {
			start, end := time.Date(2026, month, 1, 0, 0, 0, 0, zone), time.Date(2026, month+1, 1, 0, 0, 0, 0, zone)
			if got := o.PoolIndex(c, start, end); !slices.Equal(got, want) {
				t.Errorf("month %d in zone %s: got %v, want %v", month, zone, got, want)
			}
		}
	}
}
