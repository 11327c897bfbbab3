package offer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/price"
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

func TestPoolIndex(t *testing.T) {
	c, err := price.NewCatalog([]price.SKU{flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", ""), flat("C", "US-Time", "", "")})
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

func TestStretch(t *testing.T) {
	seoul := time.FixedZone("KST", 9*3600)
	d := func(y int, m time.Month, day int) schema.Date { return schema.Date{Year: y, Month: m, Day: day} }
	for _, c := range []struct {
		name        string
		p           Pool
		since       schema.Date
		from, until schema.Date // zero: no limit
		ok          bool
	}{
		{"always", Pool{}, schema.Date{}, schema.Date{}, schema.Date{}, true},
		{"dated", Pool{From: d(2026, 1, 1), Until: d(2026, 3, 1)}, d(2026, 2, 2), d(2026, 1, 1), d(2026, 3, 1), true},
		{"twelve months", Pool{Months: 12}, d(2025, 3, 15), d(2025, 3, 15), d(2026, 3, 15), true},
		{"a month into a short one", Pool{Months: 1}, d(2026, 1, 31), d(2026, 1, 31), d(2026, 2, 28), true},
		{"twelve months from a leap day", Pool{Months: 12}, d(2024, 2, 29), d(2024, 2, 29), d(2025, 2, 28), true},
		{"over the turn of the year", Pool{Months: 3}, d(2025, 11, 30), d(2025, 11, 30), d(2026, 2, 28), true},
		{"trial", Pool{Days: 30}, d(2026, 2, 10), d(2026, 2, 10), d(2026, 3, 12), true},
		{"months without since", Pool{Months: 12}, schema.Date{}, schema.Date{}, schema.Date{}, false},
		{"trial without since", Pool{Days: 30, From: d(2026, 1, 1)}, schema.Date{}, schema.Date{}, schema.Date{}, false},
		{"pool begins later", Pool{Months: 2, From: d(2026, 3, 1)}, d(2026, 2, 15), d(2026, 3, 1), d(2026, 4, 15), true},
		{"pool ends before", Pool{Months: 2, Until: d(2026, 3, 1)}, d(2026, 2, 15), d(2026, 2, 15), d(2026, 3, 1), true},
		{"never both", Pool{Months: 2, Until: d(2026, 2, 1)}, d(2026, 2, 15), schema.Date{}, schema.Date{}, false},
	} {
		from, until, ok := c.p.Stretch(c.since, seoul)
		if ok != c.ok {
			t.Errorf("%s: got %t", c.name, ok)
		}
		for _, x := range []struct {
			got  time.Time
			want schema.Date
		}{{from, c.from}, {until, c.until}} {
			if ok && (x.want.IsZero() != x.got.IsZero() || !x.want.IsZero() && !x.got.Equal(x.want.In(seoul))) {
				t.Errorf("%s: got %s, want %s", c.name, x.got, x.want)
			}
		}
	}
}

func TestDiscountPicks(t *testing.T) {
	sku, other := flat("A", "EU-Bytes", "", ""), flat("B", "US-Bytes", "", "")
	tags := func(key string) (string, bool) {
		value, ok := map[string]string{"team": "blue", "blank": ""}[key]
		return value, ok
	}
	for _, c := range []struct {
		name string
		d    Discount
		sku  *price.SKU
		want bool
	}{
		{"all", Discount{}, &sku, true},
		{"all without a sku", Discount{}, nil, true},
		{"payer", Discount{Payers: []string{"x", "p"}}, &sku, true},
		{"other payer", Discount{Payers: []string{"a"}}, &sku, false},
		{"account", Discount{Accounts: []string{"a"}}, &sku, true},
		{"other account", Discount{Accounts: []string{"p"}}, &sku, false},
		{"selector", Discount{Select: []Selector{{Region: "x"}, {UsageType: "EU-*"}}}, &sku, true},
		{"other selector", Discount{Select: []Selector{{UsageType: "EU-*"}}}, &other, false},
		{"id", Discount{SKUs: []string{"A"}}, &sku, true},
		{"other id", Discount{SKUs: []string{"A"}}, &other, false},
		{"id beside a selector", Discount{Select: []Selector{{UsageType: "EU-*"}}, SKUs: []string{"B"}}, &other, true},
		{"id without a sku", Discount{SKUs: []string{"A"}}, nil, false},
		{"tag", Discount{Tags: map[string]string{"team": "blue"}}, &sku, true},
		{"blank tag", Discount{Tags: map[string]string{"blank": ""}}, &sku, true},
		{"other value", Discount{Tags: map[string]string{"team": "red"}}, &sku, false},
		{"all tags", Discount{Tags: map[string]string{"team": "blue", "stage": "x"}}, &sku, false},
	} {
		if got := c.d.Picks("p", "a", c.sku, tags); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

func TestHoldsAt(t *testing.T) {
	zone := time.FixedZone("east", 9*3600)
	from, until := schema.Date{Year: 2026, Month: 10, Day: 5}, schema.Date{Year: 2026, Month: 10, Day: 7}
	first, end := time.Date(2026, 10, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 6, 15, 0, 0, 0, time.UTC)
	kinds := map[string]func(time.Time, *time.Location) bool{
		"discount": (&Discount{From: from, Until: until}).HoldsAt, "fee": (&Fee{From: from, Until: until}).HoldsAt,
		"support": (&Support{From: from, Until: until}).HoldsAt, "minimum": (&Minimum{From: from, Until: until}).HoldsAt,
		"tax": (&Tax{From: from, Until: until}).HoldsAt,
	}
	for name, at := range kinds {
		for _, c := range []struct {
			at   time.Time
			want bool
		}{{first.Add(-1), false}, {first, true}, {end.Add(-1), true}, {end, false}} {
			if got := at(c.at, zone); got != c.want {
				t.Errorf("%s at %s: got %t", name, c.at, got)
			}
		}
	}
	if !(&Discount{}).HoldsAt(first, zone) || (&Fee{Date: from}).HoldsAt(first, zone) {
		t.Error("without dates a discount always holds, and a one-time fee does not recur")
	}
}
