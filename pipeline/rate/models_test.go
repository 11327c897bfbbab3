package rate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// priced writes each charge as amount@cost, in order.
func priced(list []charge) []string {
	var texts []string
	for _, c := range list {
		texts = append(texts, c.amount.String()+"@"+c.paid.String())
	}
	return texts
}

// The month's count stands one smallest unit before, on and after a bound.
func TestEdgesOfModels(t *testing.T) {
	tiers := []tier{{"10", "1"}, {"20", "0.5"}, flat("0.25")}
	for _, c := range []struct {
		name    string
		model   model
		tiers   []tier
		free    string
		amounts []string
		want    []string
	}{
		{"volume below", model{price.Volume, ""}, tiers, "", []string{"4", "5" + below}, []string{"4@4", "5" + below + "@6"}},
		{"volume on the bound", model{price.Volume, ""}, tiers, "", []string{"4", "6"}, []string{"4@4", "6@6"}},
		{"volume above", model{price.Volume, ""}, tiers, "", []string{"4", "6" + tiny[1:]}, []string{"4@2", "6" + tiny[1:] + "@3"}},
		{"volume on the last bound", model{price.Volume, ""}, tiers, "", []string{"20"}, []string{"20@10"}},
		{"volume in the last tier", model{price.Volume, ""}, tiers, "", []string{"20", "20"}, []string{"20@5", "20@5"}},
		{"volume of nothing", model{price.Volume, ""}, tiers, "", []string{"0"}, []string{"0@0"}},
		{"free units count for volume", model{price.Volume, ""}, tiers, "3", []string{"4", "7"}, []string{"3@0", "1@0.5", "7@3.5"}},
		{"package below", model{price.Package, "10"}, []tier{flat("2")}, "", []string{"9" + below}, []string{"9" + below + "@2"}},
		{"package full", model{price.Package, "10"}, []tier{flat("2")}, "", []string{"10", "0", tiny}, []string{"10@2", "0@0", tiny + "@2"}},
		{"package above", model{price.Package, "10"}, []tier{flat("2")}, "", []string{"10" + tiny[1:], "9" + below, tiny}, []string{"10" + tiny[1:] + "@4", "9" + below + "@0", tiny + "@2"}},
		{"packages over lines", model{price.Package, "10"}, []tier{flat("2")}, "", []string{"5", "5", "5", "25"}, []string{"5@2", "5@0", "5@2", "25@4"}},
		{"free units start no package", model{price.Package, "10"}, []tier{flat("2")}, "3", []string{"2", "2", "9", "1"}, []string{"2@0", "1@0", "1@2", "9@0", "1@2"}},
		{"flat", model{price.Flat, ""}, []tier{flat("7")}, "", []string{"0", tiny, "5"}, []string{"0@0", tiny + "@7", "5@0"}},
		{"flat of nothing", model{price.Flat, ""}, []tier{flat("7")}, "", []string{"0"}, []string{"0@0"}},
		{"flat after free units", model{price.Flat, ""}, []tier{flat("7")}, "3", []string{"3", "1", "1"}, []string{"3@0", "1@7", "1@0"}},
		{"free units owe no flat price", model{price.Flat, ""}, []tier{flat("7")}, "3", []string{"3"}, []string{"3@0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := acme()
			w.skus = []sku{one("K", "use", c.tiers...)}
			w.models = map[string]model{"K": c.model}
			if c.free != "" {
				w.pools = []pool{{"free", c.free, []string{"use"}}}
			}
			for _, oneHour := range []bool{false, true} {
				var records []usage
				for i, amount := range c.amounts {
					u := use("a", "use", float64(100*i), amount)
					if oneHour {
						u = use("a", "use", 5, amount)
					}
					u.resource = fmt.Sprint(i)
					records = append(records, u)
				}
				list := w.mustRate(t, records...)
				if got := priced(list); !slices.Equal(got, c.want) {
					t.Errorf("one hour %t: got  %v\nwant %v", oneHour, got, c.want)
				}
				for _, l := range list {
					if shown := l.price.Rated; shown != (c.model.name == price.Volume) || l.price.Pool == "" && l.list != l.paid {
						t.Errorf("rate shown %t, list cost %s of %s", shown, l.list, l.paid)
					}
				}
			}
		})
	}
}

func TestBlendedRateOfPackages(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", flat("3"))}
	w.models = map[string]model{"K": {price.Package, "10"}}
	for _, c := range w.mustRate(t, use("a", "use", 5, "4"), use("b", "use", 6, "8")) { // 2 packages over 12 units
		if want := []string{"2", "4"}[slices.Index([]string{"a", "b"}, c.head.Account)]; c.price.BlendedRate.String() != "0.5" || c.blended.String() != want {
			t.Errorf("blended rate %s, cost %s", c.price.BlendedRate, c.blended)
		}
	}
}

// An allowance of the first time serves what is used before its end, counted
// like all other usage.
func TestPoolsOfTheFirstTime(t *testing.T) {
	day := func(d int) schema.Date { return schema.Date{Year: 2026, Month: time.October, Day: d} }
	records := []usage{use("a", "use", 23, "4"), use("a", "use", 24, "4"), use("a", "use", 71, "4"), use("a", "use", 72, "4")}
	for _, c := range []struct {
		name  string
		limit limit
		since schema.Date
		want  []string
	}{
		{"no first day", limit{12, 0}, schema.Date{}, []string{"4@4", "4@4", "2@2", "2@1", "4@2"}},
		{"all of the month", limit{12, 0}, schema.Date{Year: 2025, Month: time.November, Day: 1}, []string{"4@0", "1@0", "3@3", "2@2", "2@1", "4@2"}},
		{"over", limit{12, 0}, schema.Date{Year: 2025, Month: time.October, Day: 1}, []string{"4@4", "4@4", "2@2", "2@1", "4@2"}},
		{"ends on the second day", limit{0, 30}, schema.Date{Year: 2026, Month: time.September, Day: 2}, []string{"4@0", "4@4", "2@2", "2@1", "4@2"}},
		{"begins on the second day", limit{0, 30}, day(2), []string{"4@4", "4@0", "1@0", "1@1", "2@1", "4@2"}},
		{"second and third day", limit{0, 2}, day(2), []string{"4@4", "4@0", "1@0", "1@1", "2@1", "4@2"}},
		{"one day", limit{0, 1}, day(2), []string{"4@4", "4@0", "2@2", "2@1", "4@2"}},
		{"begins later", limit{0, 1}, day(20), []string{"4@4", "4@4", "2@2", "2@1", "4@2"}},
	} {
		w := acme()
		w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5"))}
		w.pools = []pool{{"free", "5", []string{"use"}}}
		w.limits, w.since = map[string]limit{"free": c.limit}, map[string]schema.Date{"p": c.since}
		list := w.mustRate(t, records...)
		if got := priced(list); !slices.Equal(got, c.want) {
			t.Errorf("%s: got  %v\nwant %v", c.name, got, c.want)
		}
	}
}

// A new price in mid-month goes on with the month's count.
func TestVolumeAndPackagesWithTwoPrices(t *testing.T) {
	w := acme()
	change := october.Add(100 * time.Hour).Unix()
	w.skus = []sku{{id: "K", usageType: "use", unit: "GB", versions: []version{{0, []tier{{"10", "1"}, flat("0.5")}}, {change, []tier{{"12", "2"}, flat("1")}}}}}
	records := []usage{use("a", "use", 5, "6"), use("a", "use", 100, "6")}
	w.models = map[string]model{"K": {price.Volume, ""}}
	if got, want := priced(w.mustRate(t, records...)), []string{"6@3", "6@12"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	w.skus[0].versions = []version{{0, []tier{flat("1")}}, {change, []tier{flat("5")}}}
	w.models = map[string]model{"K": {price.Package, "10"}}
	if got, want := priced(w.mustRate(t, records...)), []string{"6@1", "6@5"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	w.models = map[string]model{"K": {price.Flat, ""}}
	if got, want := priced(w.mustRate(t, records[1], records[0])), []string{"6@1", "6@0"}; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Package prices do not make the cost of one line depend on another's rounding.
func TestPackageCostsSum(t *testing.T) {
	w := acme()
	w.skus = []sku{one("K", "use", flat("0.2"))}
	w.models = map[string]model{"K": {price.Package, "1000000"}}
	var records []usage
	for hour := range 744 {
		records = append(records, use("a", "use", float64(hour), "12345"))
	}
	list := w.mustRate(t, records...)
	if got := total(t, list); got != "2" { // 9,184,680 units are 10 packages
		t.Errorf("costs %s, want 2", got)
	}
	var blended money.Cost
	for _, c := range list {
		var err error
		blended, err = money.Add(blended, c.blended)
		check(t, err)
	}
	if diff, err := money.Sub(costOf("2"), blended); err != nil || money.Cmp(money.Abs(diff), costOf("0.001")) > 0 {
		t.Errorf("blended cost %s", blended)
	}
}
