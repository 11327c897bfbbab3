package price

import (
	"bufio"
	"compress/gzip"
	"fmt"
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
