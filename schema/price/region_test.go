package price

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monthend/monthend/schema/money"
)

// priceLine is a row of the database dump of a whole region: product,
// currency, unit, price, start of the range.
var priceLine = regexp.MustCompile(`^INSERT INTO .pricing_product_prices. VALUES \(\d+,(\d+),'\w+','(\w+)','([^']*)',([\d.]+),'\{\\"TermType\\": \\"OnDemand\\", \\"StartingRange\\": \\"([\d.]+)\\"`)

// regionList writes the OnDemand prices of the dump as a price list. The dump
// has no operations, so the product number stands in for one.
func regionList(t *testing.T) string {
	f, err := os.Open("../../../shared/data/pricelist/2023-02-23-pricing.sql.gz")
	if err != nil {
		t.Skip("the price list of a whole region is not here:", err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	type tier struct {
		start                      money.Usage
		currency, unit, rate, text string
	}
	tiers := map[string][]tier{}
	var order []string
	for in := bufio.NewScanner(unzipped); in.Scan(); {
		m := priceLine.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		if tiers[m[1]] == nil {
			order = append(order, m[1])
		}
		tiers[m[1]] = append(tiers[m[1]], tier{usage(m[5]), m[2], m[3], m[4], m[5]})
	}
	var list strings.Builder
	list.WriteString(slim)
	for _, product := range order {
		ts := tiers[product]
		slices.SortFunc(ts, func(a, b tier) int { return money.Cmp(a.start, b.start) })
		for i, tier := range ts {
			end := "Inf"
			if i+1 < len(ts) {
				end = ts[i+1].text
			}
			fmt.Fprintf(&list, "S%s,S%s.%d,OnDemand,,2023-02-23,%s,%s,%s,%s,%s,AWS,eu-west-1,Usage,%s\n",
				product, product, i, tier.text, end, tier.unit, tier.rate, tier.currency, product)
		}
	}
	return list.String()
}

// Every on-demand price of a region loads, its real tiers among them.
func TestReadRegion(t *testing.T) {
	c := read(t, regionList(t))
	shapes := map[string]int{}
	for _, s := range c.SKUs {
		var shape []string
		for _, tier := range s.Versions[0].Tiers {
			shape = append(shape, tier.Begin.String()+"/"+tier.Rate.String())
		}
		shapes[strings.Join(shape, " ")]++
	}
	for _, want := range []string{ // CloudWatch metrics, vended logs, an idle address
		"0/0.3 10000/0.1 250000/0.05 1000000/0.02",
		"0/0.57 10240/0.285 30720/0.114 51200/0.057",
		"0/0 1/0.005",
	} {
		if shapes[want] == 0 {
			t.Errorf("no SKU has the tiers %s", want)
		}
	}
	t.Logf("%d prices of %d SKUs", c.Prices, len(c.SKUs))
	if c.Prices < 50_000 {
		t.Errorf("only %d prices", c.Prices)
	}
}

// At each bound of each real tiered price, one smallest unit below it, on it and
// above it, the month costs what plain rational arithmetic says.
func TestRegionBounds(t *testing.T) {
	c := read(t, regionList(t))
	skus, totals := 0, 0
	for i := range c.SKUs {
		v := &c.SKUs[i].Versions[0]
		if len(v.Tiers) > 1 {
			skus++
		}
		for _, tier := range v.Tiers[:len(v.Tiers)-1] {
			for d := int64(-1); d <= 1; d++ {
				total, err := money.Add(tier.End, money.Usage(money.Int128FromInt(d)))
				if err != nil {
					t.Fatal(err)
				}
				totals++
				checkTotal(t, c.SKUs[i].ID, v, total)
			}
		}
	}
	t.Logf("%d totals of %d SKUs", totals, skus)
	if skus < 6 {
		t.Errorf("only %d SKUs have tiers", skus)
	}
}

func checkTotal(t *testing.T, id string, v *Version, total money.Usage) {
	t.Helper()
	parts, err := v.Portions(nil, money.Usage{}, total)
	if err != nil {
		t.Fatal(err)
	}
	exact := new(big.Rat)
	var rounded money.Cost
	for _, p := range parts {
		exact.Add(exact, new(big.Rat).Mul(ratOf(v.Tiers[p.Tier].Rate.String()), ratOf(p.Amount.String())))
		cost, err := money.Product(v.Tiers[p.Tier].Rate, p.Amount, money.HalfAwayFromZero)
		if err == nil {
			rounded, err = money.Add(rounded, cost)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	graduated, roundedWant, volume := slowCost(v, ratOf(total.String()))
	if exact.Cmp(graduated) != 0 || ratOf(rounded.String()).Cmp(roundedWant) != 0 {
		t.Errorf("%s: %s units cost %s, rounded by tier %s, want %s and %s", id, total, exact.RatString(), rounded, graduated.RatString(), roundedWant.RatString())
	}
	if got := ratOf(v.Tiers[v.TierOfTotal(total)].Rate.String()); got.Cmp(volume) != 0 {
		t.Errorf("%s: the last of %s units costs %s, want %s", id, total, got.RatString(), volume.RatString())
	}
}

func ratOf(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

// slowCost adds up what lies inside each tier, exactly and rounded to 10
// decimals by tier, and finds the rate of the last unit.
func slowCost(v *Version, total *big.Rat) (sum, rounded, last *big.Rat) {
	sum, rounded = new(big.Rat), new(big.Rat)
	last = ratOf(v.Tiers[0].Rate.String())
	for _, tier := range v.Tiers {
		inside := new(big.Rat).Sub(total, ratOf(tier.Begin.String()))
		if width := new(big.Rat).Sub(ratOf(tier.End.String()), ratOf(tier.Begin.String())); !tier.Open && inside.Cmp(width) > 0 {
			inside = width
		}
		if inside.Sign() <= 0 {
			break
		}
		last = ratOf(tier.Rate.String())
		cost := inside.Mul(inside, last)
		sum.Add(sum, cost)
		// FloatString rounds halves away from zero.
		rounded.Add(rounded, ratOf(cost.FloatString(10)))
	}
	return sum, rounded, last
}
