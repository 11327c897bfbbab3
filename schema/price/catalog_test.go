package price

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema/money"
)

func usage(s string) money.Usage {
	u, err := money.ParseUsage(s)
	if err != nil {
		panic(err)
	}
	return u
}

// flat returns a SKU of the service Store with one rate.
func flat(id, usageType, operation, region string) SKU {
	return SKU{ID: id, ServiceCode: "Store", UsageType: usageType, Operation: operation, Region: region, Currency: "USD",
		Versions: []Version{{Unit: "GB", Term: "OnDemand", Tiers: []Tier{{Open: true, Rate: money.RateFromInt(1)}}}}}
}

func TestCase_D32_ExactFieldBeatsBlank(t *testing.T) {
	all := []SKU{flat("both", "U", "Put", "r"), flat("op", "U", "Put", ""), flat("region", "U", "", "r"), flat("none", "U", "", "")}
	for _, c := range []struct {
		leave, op, region, want string
	}{
		{"", "Put", "r", "both"},
		{"both", "Put", "r", "op"}, // operation before region
		{"both op", "Put", "r", "region"},
		{"both op region", "Put", "r", "none"},
		{"both op region none", "Put", "r", ""},
		{"", "Put", "other", "op"},
		{"", "Get", "r", "region"},
		{"", "Get", "other", "none"},
		{"", "", "", "none"},
		{"", "", "r", "region"},
		{"", "put", "r", "region"}, // case counts
	} {
		var skus []SKU
		for _, s := range all {
			if !slices.Contains(strings.Fields(c.leave), s.ID) {
				skus = append(skus, s)
			}
		}
		cat, err := NewCatalog(skus)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if i, ok := cat.Match("Store", "U", c.op, c.region); ok {
			got = cat.SKUs[i].ID
		}
		if got != c.want {
			t.Errorf("operation %q, region %q without %q: got %q, want %q", c.op, c.region, c.leave, got, c.want)
		}
	}
}

func TestAt(t *testing.T) {
	s := SKU{Versions: []Version{{Effective: 100}, {Effective: 200}, {Effective: 300}}}
	for _, c := range []struct {
		at   int64
		want int
	}{{99, -1}, {100, 0}, {101, 0}, {199, 0}, {200, 1}, {299, 1}, {300, 2}, {1 << 40, 2}} {
		got, ok := s.At(c.at)
		if got != c.want || ok != (c.want >= 0) {
			t.Errorf("at %d: got %d %t, want %d", c.at, got, ok, c.want)
		}
	}
}

func TestNewCatalogRefuses(t *testing.T) {
	gap := flat("A", "U", "", "")
	gap.Versions[0].Tiers[0].Begin = usage("1")
	order := flat("A", "U", "", "")
	order.Versions = append(order.Versions, order.Versions[0])
	more := flat("A", "U", "", "")
	more.More = []Key{{"Store", "V", "", ""}}
	negative := flat("A", "U", "", "")
	negative.Versions[0].Tiers[0].Rate = money.RateFromInt(-1)
	for name, skus := range map[string][]SKU{
		"skus A and B match the same": {flat("A", "U", "Put", ""), flat("B", "U", "Put", "")},
		"match the same records":      {more, flat("B", "V", "", "")},
		"stands twice":                {flat("A", "U", "Put", ""), flat("A", "U", "Get", "")},
		"has no price":                {{ID: "A"}},
		"no price from 0 to 1":        {gap},
		"not in the order":            {order},
		"the version has no tier":     {{ID: "A", Versions: []Version{{}}}},
		"the rate -1 is negative":     {negative},
	} {
		if _, err := NewCatalog(skus); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}

var graduated = Version{Unit: "GB", Tiers: []Tier{
	{End: usage("10240")}, {Begin: usage("10240"), End: usage("30720")}, {Begin: usage("30720"), End: usage("51200")}, {Begin: usage("51200"), Open: true}}}

func show(ps []Portion) string {
	var parts []string
	for _, p := range ps {
		parts = append(parts, fmt.Sprintf("%d:%s", p.Tier, p.Amount))
	}
	return strings.Join(parts, " ")
}

func TestPortions(t *testing.T) {
	for _, c := range []struct{ before, amount, want string }{
		{"0", "0", "0:0"},
		{"10240", "0", "1:0"},
		{"10239.999999999999999999", "0", "0:0"},
		{"0", "10239.999999999999999999", "0:10239.999999999999999999"},
		{"0", "10240", "0:10240"},
		{"0", "10240.000000000000000001", "0:10240 1:0.000000000000000001"},
		{"10239.999999999999999999", "0.000000000000000001", "0:0.000000000000000001"},
		{"10239.999999999999999999", "0.000000000000000002", "0:0.000000000000000001 1:0.000000000000000001"},
		{"10240", "0.000000000000000001", "1:0.000000000000000001"},
		{"0", "60000", "0:10240 1:20480 2:20480 3:8800"},
		{"51200", "1", "3:1"},
		{"99999999999999999999", "0.5", "3:0.5"},
	} {
		got, err := graduated.Portions(nil, usage(c.before), usage(c.amount))
		if err != nil || show(got) != c.want {
			t.Errorf("%s after %s: got %s %v, want %s", c.amount, c.before, show(got), err, c.want)
		}
	}
	for _, c := range [][2]string{{"-1", "1"}, {"1", "-1"}, {"99999999999999999999", "99999999999999999999"}} {
		if got, err := graduated.Portions(nil, usage(c[0]), usage(c[1])); err == nil {
			t.Errorf("%s after %s: got %s, want an error", c[1], c[0], show(got))
		}
	}
}

func TestPortionsDoNotAllocate(t *testing.T) {
	room := make([]Portion, 0, 8)
	before, amount := usage("1"), usage("60000")
	if n := testing.AllocsPerRun(100, func() { room, _ = graduated.Portions(room[:0], before, amount) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// The brute force walks unit by unit, in the smallest unit, and asks for each
// one which tier holds it.
func TestPortionsAgainstBruteForce(t *testing.T) {
	tiny := func(n int) money.Usage { return money.Usage{Lo: uint64(n)} }
	rapid.Check(t, func(t *rapid.T) {
		bounds := []int{0}
		for range rapid.IntRange(0, 4).Draw(t, "bounds") {
			bounds = append(bounds, bounds[len(bounds)-1]+rapid.IntRange(1, 6).Draw(t, "width"))
		}
		var v Version
		for i, b := range bounds {
			tier := Tier{Begin: tiny(b), Open: i+1 == len(bounds)}
			if !tier.Open {
				tier.End = tiny(bounds[i+1])
			}
			v.Tiers = append(v.Tiers, tier)
		}
		if at, reason := checkTiers(v.Tiers); reason != "" {
			t.Fatal(at, reason)
		}
		before, amount := rapid.IntRange(0, 30).Draw(t, "before"), rapid.IntRange(0, 30).Draw(t, "amount")
		got, err := v.Portions(nil, tiny(before), tiny(amount))
		if err != nil {
			t.Fatal(err)
		}
		var want []Portion
		holder := func(n int) int {
			tier := 0
			for i, b := range bounds {
				if n >= b {
					tier = i
				}
			}
			return tier
		}
		for n := before; n < before+amount; n++ {
			tier := holder(n)
			if len(want) == 0 || want[len(want)-1].Tier != tier {
				want = append(want, Portion{Tier: tier})
			}
			want[len(want)-1].Amount.Lo++
		}
		if amount == 0 {
			want = []Portion{{Tier: holder(before)}}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d after %d over %v: got %s, want %s", amount, before, bounds, show(got), show(want))
		}
	})
}

// Splitting an amount into two calls gives the same tiers as one call.
func TestPortionsAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Int64Range(0, 60_000)
		before, a, b := draw.Draw(t, "before"), draw.Draw(t, "a"), draw.Draw(t, "b")
		sums := func(ps []Portion) (sum [4]money.Usage) {
			for _, p := range ps {
				sum[p.Tier], _ = money.Add(sum[p.Tier], p.Amount)
			}
			return sum
		}
		one, _ := graduated.Portions(nil, money.UsageFromInt(before), money.UsageFromInt(a+b))
		two, _ := graduated.Portions(nil, money.UsageFromInt(before), money.UsageFromInt(a))
		two, _ = graduated.Portions(two, money.UsageFromInt(before+a), money.UsageFromInt(b))
		if sums(one) != sums(two) {
			t.Fatalf("%s is not %s", show(one), show(two))
		}
	})
}
