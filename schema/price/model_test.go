package price

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema/money"
)

// modelled is the slim header with the two columns, and one row under it.
func modelled(rows ...string) string {
	text := strings.Replace(slim, "\n", ",PricingModel,PackageSize\n", 1)
	return text + strings.Join(rows, "")
}

func modelRow(start, end, model, size string) string {
	return strings.Replace(row("A", "2026-10-01", start, end, "0.5", "Bytes", "Put", "x-1"), "\n", ","+model+","+size+"\n", 1)
}

func TestReadModels(t *testing.T) {
	for _, c := range []struct {
		name, text string
		model      Model
		size       string
	}{
		{"no columns", slim + row("A", "2026-10-01", "0", "Inf", "0.5", "Bytes", "Put", "x-1"), Graduated, "0"},
		{"blank", modelled(modelRow("0", "Inf", "", "")), Graduated, "0"},
		{"graduated", modelled(modelRow("0", "10", "Graduated", ""), modelRow("10", "Inf", "", "")), Graduated, "0"},
		{"volume", modelled(modelRow("0", "10", "Volume", ""), modelRow("10", "Inf", "Volume", "")), Volume, "0"},
		{"package", modelled(modelRow("0", "Inf", "Package", "1000")), Package, "1000"},
		{"small package", modelled(modelRow("0", "Inf", "Package", " 0.000000000000000001 ")), Package, "0.000000000000000001"},
		{"flat", modelled(modelRow("0", "Inf", "Flat", "")), Flat, "0"},
		{"spelling of columns", strings.Replace(modelled(modelRow("0", "Inf", "Package", "7")), "PricingModel,PackageSize", "pricing_model,Package Size", 1), Package, "7"},
	} {
		s := read(t, c.text).SKUs[0]
		if v := s.Versions[0]; v.Model != c.model || v.PackageSize.String() != c.size || s.Attributes != "" {
			t.Errorf("%s: got %s of %s, attributes %q", c.name, v.Model, v.PackageSize, s.Attributes)
		}
	}
}

func TestModelFaults(t *testing.T) {
	two := strings.Replace(modelRow("0", "Inf", "Flat", ""), "Put", "Get", 1)
	for _, c := range []struct{ name, text, want string }{
		{"case", modelled(modelRow("0", "Inf", "volume", "")), `prices.csv:2:15: PricingModel "volume" is not a pricing model (write Graduated, Volume, Package, Flat in this spelling`},
		{"unknown", modelled(modelRow("0", "Inf", "Stairstep", "")), `:2:15: PricingModel "Stairstep" is not a pricing model`},
		{"no size", modelled(modelRow("0", "Inf", "Package", "")), `:2:16: PackageSize is blank (PricingModel Package needs`},
		{"no size column", strings.Replace(slim, "\n", ",PricingModel\n", 1) + strings.Replace(modelRow("0", "Inf", "Package", ""), ",\n", "\n", 1), `:2: PackageSize is blank`},
		{"size 0", modelled(modelRow("0", "Inf", "Package", "0")), `:2:16: PackageSize "0" is not above 0 (write a plain decimal`},
		{"size negative", modelled(modelRow("0", "Inf", "Package", "-1")), `:2:16: PackageSize "-1" is not above 0`},
		{"size no number", modelled(modelRow("0", "Inf", "Package", "1e3")), `:2:16: PackageSize "1e3" is not a number`},
		{"size of volume", modelled(modelRow("0", "Inf", "Volume", "10")), `:2:16: PackageSize "10" has no meaning with PricingModel Volume`},
		{"size of none", modelled(modelRow("0", "Inf", "", "10")), `:2:16: PackageSize "10" has no meaning with PricingModel Graduated`},
		{"models differ", modelled(modelRow("0", "10", "", ""), modelRow("10", "Inf", "Volume", "")), `:3:15: PricingModel "Volume" is not "Graduated", the model of the same price at prices.csv:2`},
		{"sizes differ", modelled(modelRow("0", "10", "Package", "5"), modelRow("10", "Inf", "Package", "6")), `:3:16: PackageSize "6" is not "5", the package size of the same price at prices.csv:2`},
		{"package tiers", modelled(modelRow("0", "10", "Package", "5"), modelRow("10", "Inf", "Package", "5")), `:3:6: StartingRange "10" a Package price has one range, from 0 to Inf`},
		{"flat tiers", modelled(modelRow("0", "10", "Flat", ""), modelRow("10", "Inf", "Flat", "")), `:3:6: StartingRange "10" a Flat price has one range, from 0 to Inf`},
		{"keys differ", modelled(modelRow("0", "Inf", "", ""), two), `SKU "A" has another price here than at prices.csv:`},
		{"column twice", strings.Replace(slim, "\n", ",PricingModel,Pricing Model\n", 1), `:1:16: column "Pricing Model" is the same column as field 15`},
	} {
		got, ps := ReadCSV("prices.csv", strings.NewReader(c.text))
		if got != nil || !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s", c.name, ps, c.want)
		}
	}
}

func TestNewCatalogRefusesModels(t *testing.T) {
	with := func(change func(*Version)) []SKU {
		s := flat("A", "U", "", "")
		change(&s.Versions[0])
		return []SKU{s}
	}
	tiers := []Tier{{End: usage("1")}, {Begin: usage("1"), Open: true}}
	for _, c := range []struct {
		want string
		skus []SKU
	}{
		{`"Stairs" is not a pricing model`, with(func(v *Version) { v.Model = "Stairs" })},
		{`"Graduated" is not a pricing model`, with(func(v *Version) { v.Model = "Graduated" })}, // its value is the blank
		{"a Package price has packages of 0 units", with(func(v *Version) { v.Model = Package })},
		{"a Package price has packages of -1 units", with(func(v *Version) { v.Model, v.PackageSize = Package, usage("-1") })},
		{"a Volume price has packages of 1 units", with(func(v *Version) { v.Model, v.PackageSize = Volume, usage("1") })},
		{"a Graduated price has packages of -1 units", with(func(v *Version) { v.PackageSize = usage("-1") })},
		{"tier 1: a Flat price has one range", with(func(v *Version) { v.Model, v.Tiers = Flat, tiers })},
		{"tier 1: a Package price has one range", with(func(v *Version) { v.Model, v.PackageSize, v.Tiers = Package, usage("1"), tiers })},
	} {
		if _, err := NewCatalog(c.skus); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

// A report tells no model, so that a derived list has no columns of it.
func TestDerivedListHasNoModel(t *testing.T) {
	list, _ := Derive(october, []Observation{seen("U", "Put", "A", "0.5")})
	if header, _, _ := bytes.Cut(list, []byte("\n")); !bytes.HasSuffix(header, []byte(",Product Family")) {
		t.Errorf("header %s", header)
	}
}

func TestTierOfTotal(t *testing.T) {
	for _, c := range []struct {
		total string
		want  int
	}{
		{"0", 0}, {"0.000000000000000001", 0},
		{"10239.999999999999999999", 0}, {"10240", 0}, {"10240.000000000000000001", 1},
		{"30719.999999999999999999", 1}, {"30720", 1}, {"30720.000000000000000001", 2},
		{"51199.999999999999999999", 2}, {"51200", 2}, {"51200.000000000000000001", 3},
		{"99999999999999999999.999999999999999999", 3},
	} {
		if got := graduated.TierOfTotal(usage(c.total)); got != c.want {
			t.Errorf("%s: got tier %d, want %d", c.total, got, c.want)
		}
	}
}

func TestPackages(t *testing.T) {
	const tiny, less = "0.000000000000000001", "999.999999999999999999"
	for _, c := range []struct {
		size, before, amount string
		want                 int64
	}{
		{"1000", "0", "0", 0}, {"1000", "0", tiny, 1}, {"1000", tiny, tiny, 0}, {"1000", tiny, "0", 0},
		{"1000", "0", less, 1}, {"1000", "0", "1000", 1}, {"1000", "0", "1000.000000000000000001", 2},
		{"1000", less, tiny, 0}, {"1000", less, "0.000000000000000002", 1},
		{"1000", "1000", "0", 0}, {"1000", "1000", tiny, 1}, {"1000", "1000.000000000000000001", less, 0},
		{"1000", "1000.000000000000000001", "1000", 1}, {"1000", "0", "1000000", 1000},
		{tiny, "0", "9.223372036854775807", math.MaxInt64}, {tiny, "99", "0.000000000000000001", -1},
		{"0.000000000000000002", "0", "18.446744073709551614", math.MaxInt64},
		{"0.000000000000000002", "0", "18.446744073709551615", -1}, // 2^63 packages
		{"0.000000000000000002", "0", "36.893488147419103231", -1}, // 2^64 packages
		{"99999999999999999999", "0", "99999999999999999999.999999999999999999", 2},
		{"99999999999999999999.999999999999999999", "0", "99999999999999999999.999999999999999999", 1},
	} {
		v := Version{Model: Package, PackageSize: usage(c.size)}
		got, err := v.Packages(usage(c.before), usage(c.amount))
		if c.want < 0 != (err != nil) || err == nil && got != c.want {
			t.Errorf("%s after %s in packages of %s: got %d %v, want %d", c.amount, c.before, c.size, got, err, c.want)
		}
	}
	for _, c := range [][3]string{{"1", "-1", "1"}, {"1", "1", "-1"}, {"0", "1", "1"}, {"99999999999999999999", "99999999999999999999", "99999999999999999999"}} {
		v := Version{PackageSize: usage(c[0])}
		if got, err := v.Packages(usage(c[1]), usage(c[2])); err == nil {
			t.Errorf("%v: got %d, want an error", c, got)
		}
	}
}

// word draws a usage of every size, and those around the bounds of 64 bits.
func word(t *rapid.T, name string) money.Usage {
	bits := rapid.IntRange(0, 126).Draw(t, name+" bits")
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	switch rapid.IntRange(0, 3).Draw(t, name+" kind") {
	case 0:
		n.Sub(n, big.NewInt(1))
	case 1:
		n.Add(n, big.NewInt(rapid.Int64Range(0, 3).Draw(t, name+" more")))
	case 2:
		n.Add(n, new(big.Int).Mod(new(big.Int).SetUint64(rapid.Uint64().Draw(t, name+" low")), n))
	case 3:
		n.Mul(big.NewInt(rapid.Int64Range(0, 3000).Draw(t, name+" units")), big.NewInt(1e18))
	}
	n.Mod(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil))
	hi, lo := new(big.Int).Rsh(n, 64), new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64))
	return money.Usage{Lo: lo.Uint64(), Hi: hi.Int64()}
}

func bigOf(u money.Usage) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(u.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(u.Lo))
}

func TestPackagesAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Version{PackageSize: word(t, "size")}
		before := word(t, "before")
		amount := word(t, "amount")
		if v.PackageSize == (money.Usage{}) {
			t.Skip("no size")
		}
		if rapid.Bool().Draw(t, "whole") { // ends that lie on or beside a bound
			if many, err := money.MulInt(v.PackageSize, rapid.Int64Range(0, 9).Draw(t, "many")); err == nil {
				amount = many
				before = money.Usage{Lo: rapid.Uint64Range(0, 2).Draw(t, "start")}
			}
		}
		ceil := func(n *big.Int) *big.Int {
			q, m := new(big.Int).DivMod(n, bigOf(v.PackageSize), new(big.Int))
			if m.Sign() > 0 {
				q.Add(q, big.NewInt(1))
			}
			return q
		}
		end, overflow := money.Add(before, amount)
		got, err := v.Packages(before, amount)
		if overflow != nil {
			if err == nil {
				t.Fatalf("got %d for a count that does not fit", got)
			}
			return
		}
		last := ceil(bigOf(end))
		want := new(big.Int).Sub(last, ceil(bigOf(before)))
		if last.IsInt64() != (err == nil) || err == nil && want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("%s after %s in packages of %s: got %d %v, want %s", amount, before, v.PackageSize, got, err, want)
		}
	})
}

// Stretches that follow each other start as many packages as one over all.
func TestPackagesAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Version{PackageSize: money.Usage{Lo: rapid.Uint64Range(1, 20).Draw(t, "size")}}
		var at money.Usage
		var sum int64
		for _, n := range rapid.SliceOf(rapid.Uint64Range(0, 50)).Draw(t, "amounts") {
			got, err := v.Packages(at, money.Usage{Lo: n})
			if err != nil {
				t.Fatal(err)
			}
			sum += got
			at.Lo += n
		}
		if all, err := v.Packages(money.Usage{}, at); err != nil || all != sum {
			t.Fatalf("got %d in parts and %d %v in one", sum, all, err)
		}
	})
}

// TierOfTotal against asking tier by tier who holds the last unit.
func TestTierOfTotalAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 40), 0, 6, rapid.ID).Draw(t, "bounds")
		slices.Sort(bounds)
		var v Version
		begin := money.Usage{}
		for _, b := range bounds {
			v.Tiers = append(v.Tiers, Tier{Begin: begin, End: money.Usage{Lo: b}})
			begin = money.Usage{Lo: b}
		}
		v.Tiers = append(v.Tiers, Tier{Begin: begin, Open: true})
		total := rapid.Uint64Range(0, 42).Draw(t, "total")
		want := 0
		for unit := range total { // unit number n lies from n to n+1
			for i, tier := range v.Tiers {
				if tier.Begin.Lo <= unit && (tier.Open || unit < tier.End.Lo) {
					want = i
				}
			}
		}
		if got := v.TierOfTotal(money.Usage{Lo: total}); got != want {
			t.Fatalf("%d over %v: got %d, want %d", total, bounds, got, want)
		}
	})
}

func ExampleVersion_Packages() {
	v := Version{Model: Package, PackageSize: money.UsageFromInt(1000)}
	first, _ := v.Packages(money.Usage{}, money.UsageFromInt(1000))
	second, _ := v.Packages(money.UsageFromInt(1000), money.UsageFromInt(1))
	third, _ := v.Packages(money.UsageFromInt(1001), money.UsageFromInt(999))
	fmt.Println(first, second, third)
	// Output: 1 1 0
}
