package price

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

const slim = "SKU,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,serviceCode,Region Code,usageType,operation\n"

// row returns a row of the slim form: one tier of sku from day on.
func row(sku, day, start, end, rate, usageType, operation, region string) string {
	return fmt.Sprintf("%s,%s.A.B,OnDemand,words,%s,%s,%s,GB,%s,USD,Store,%s,%s,%s\n", sku, sku, day, start, end, rate, region, usageType, operation)
}

func read(t testing.TB, text string) *Catalog {
	t.Helper()
	c, ps := ReadCSV("prices.csv", strings.NewReader(text))
	if ps != nil {
		t.Fatal(ps)
	}
	return c
}

func TestReadRealList(t *testing.T) {
	f, err := os.Open("../../../shared/data/pricelist/AmazonEC2_eu-west-3.csv")
	if err != nil {
		t.Skip("the real price list is not here:", err)
	}
	defer f.Close()
	c, ps := ReadCSV("AmazonEC2_eu-west-3.csv", f)
	if ps != nil {
		t.Fatal(ps)
	}
	if len(c.SKUs) != 5 || c.Prices != 5 || c.Reserved != 0 {
		t.Fatalf("got %d SKUs, %d prices, %d reserved", len(c.SKUs), c.Prices, c.Reserved)
	}
	i, ok := c.Match("AmazonEC2-test", "EUW3-EBS:VolumeUsage.gp2", "CreateVolume", "eu-west-3")
	if !ok {
		t.Fatal("gp2 has no SKU")
	}
	s := c.SKUs[i]
	v := s.Versions[0]
	if s.ID != "ESSUD2HPZGKYTEST" || s.Family != "Storage" || s.Currency != "USD" || v.Unit != "GB-Mo" ||
		v.Effective != time.Date(2020, 10, 1, 0, 0, 0, 0, time.UTC).Unix() || v.Tiers[0].Rate.Text10() != "0.1160000000" || !v.Tiers[0].Open {
		t.Errorf("got %+v", s)
	}
	tags := schema.DecodeTags(s.Attributes)
	want := []schema.Tag{{Key: "location", Value: "EU (Paris)"}, {Key: "location_type", Value: "AWS Region"},
		{Key: "max_iops_burst_performance", Value: "3000 for volumes <= 1 TiB"}}
	for i, w := range want {
		if tags[i] != w {
			t.Errorf("attribute %d: got %v, want %v", i, tags[i], w)
		}
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Reason, "Region Code") {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestAttributeKey(t *testing.T) {
	for name, want := range map[string]string{
		"Instance Type": "instance_type", "vCPU": "vcpu", "Max IOPS/volume": "max_iopsvolume",
		"Pre Installed S/W": "pre_installed_sw", "Instance Capacity - 10xlarge": "instance_capacity_10xlarge",
		"instance_type": "instance_type", "CapacityStatus": "capacitystatus", " - ": "",
	} {
		if got := attributeKey(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestReadForms(t *testing.T) {
	body := row("A", "2026-10-01", "0", "Inf", "0.5", "Bytes", "Put", "x-1")
	for name, text := range map[string]string{
		"plain":           slim + body,
		"mark":            "\ufeff" + slim + body,
		"crlf":            strings.ReplaceAll(slim+body, "\n", "\r\n"),
		"no last newline": strings.TrimSuffix(slim+body, "\n"),
		"metadata":        "FormatVersion,v1.0\n\"Publication Date\",2026\nOfferCode,Store\n" + slim + body,
		"blank lines":     slim + "\n\n" + body + "\n",
		"spelling":        strings.ReplaceAll(strings.ToUpper(slim), "REGION CODE", "region_code") + body,
		"spaces":          slim + strings.ReplaceAll(body, ",Store,", ", Store ,"),
		"lower inf":       slim + strings.ReplaceAll(body, ",Inf,", ",inf,"),
		"instant":         slim + strings.ReplaceAll(body, "2026-10-01", "2026-10-01T09:00:00+09:00"),
		"reserved":        slim + body + strings.Replace(body, "OnDemand", "Reserved", 1),
		"other order":     "operation,usageType,Region Code,serviceCode,Currency,PricePerUnit,Unit,EndingRange,StartingRange,EffectiveDate,PriceDescription,TermType,RateCode,SKU\nPut,Bytes,x-1,Store,USD,0.50,GB,Inf,0,2026-10-01,words,OnDemand,A.A.B,A\n",
	} {
		c := read(t, text)
		s := c.SKUs[0]
		v := s.Versions[0]
		if len(c.SKUs) != 1 || s.ID != "A" || s.Key() != (Key{"Store", "Bytes", "Put", "x-1"}) || s.Currency != "USD" || s.Attributes != "" ||
			v.Effective != time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Unix() || v.Unit != "GB" || v.Term != "OnDemand" || len(v.Tiers) != 1 {
			t.Errorf("%s: got %+v", name, s)
		}
		tier := v.Tiers[0]
		if !tier.Open || tier.Rate.String() != "0.5" || tier.RateCode != "A.A.B" || tier.Description != "words" {
			t.Errorf("%s: got %+v", name, tier)
		}
		if name == "reserved" && (c.Reserved != 1 || len(c.Warnings) != 1) {
			t.Errorf("reserved rows: %d, warnings %v", c.Reserved, c.Warnings)
		}
	}
}

func TestFaults(t *testing.T) {
	a := row("A", "2026-10-01", "0", "Inf", "0.5", "Bytes", "Put", "x-1")
	change := func(old, new string) string { return slim + strings.Replace(a, old, new, 1) }
	for _, c := range []struct {
		name, text string
		want       string // start of the message after the file, or part of it
	}{
		{"empty", "", ": has no header"},
		{"header only", slim, ": holds no OnDemand price"},
		{"column missing", strings.Replace(slim, "Unit,", "", 1), `:1: column "Unit" is missing`},
		{"column twice", strings.Replace(slim, "operation", "operation,Usage Type", 1), `:1:15: column "Usage Type" is the same column as field 13`},
		{"column blank", strings.Replace(slim, "operation", "operation,", 1), `:1:15: column is not a column name`},
		{"utf-16", "\xff\xfeS\x00K\x00U\x00", ": is text in UTF-16"},
		{"utf-16 without mark", "S\x00K\x00", ": holds a zero byte"},
		{"zero byte", change("words", "wo\x00rds"), `:2:4: field 4 "wo\x00rds" holds a control character`},
		{"not utf-8", change("words", "wo\xffrds"), `:2:4: field 4 "wo?rds" is not UTF-8`},
		{"ragged", change("words,", ""), ":2: row has 13 fields, the header has 14"},
		{"bare quote", change("words", "wo\"rds"), ":2: is not CSV: bare \" in non-quoted-field"},
		{"term", change("OnDemand", "Spot"), `:2:3: TermType "Spot" is not a term type`},
		{"sku blank", change("A,", ","), ":2:1: SKU is blank"},
		{"rate code blank", change("A.A.B", ""), ":2:2: RateCode is blank"},
		{"unit blank", change(",GB,", ",,"), ":2:8: Unit is blank"},
		{"service blank", change("Store", " "), ":2:11: serviceCode is blank"},
		{"usage type blank", change("Bytes", ""), ":2:13: usageType is blank"},
		{"date", change("2026-10-01", "1 Oct 2026"), `:2:5: EffectiveDate "1 Oct 2026" is not a date`},
		{"date parts of a second", change("2026-10-01", "2026-10-01T00:00:00.5Z"), `is not a date`},
		{"start", change(",0,", ",zero,"), `:2:6: StartingRange "zero" is not a number`},
		{"start negative", change(",0,", ",-1,"), `:2:6: StartingRange "-1" is negative`},
		{"end", change("Inf", "infinite"), `:2:7: EndingRange "infinite" is not a number`},
		{"end blank", change("Inf", ""), `:2:7: EndingRange is not a number`},
		{"end exponent", change("Inf", "1e9"), `:2:7: EndingRange "1e9" is not a number`},
		{"end not above start", slim + row("A", "2026-10-01", "5", "5", "1", "Bytes", "", ""), `:2:7: EndingRange "5" is not above the start of the range, 5`},
		{"rate", change(",0.5,", ",half,"), `:2:9: PricePerUnit "half" is not a rate`},
		{"rate negative", change(",0.5,", ",-0.5,"), `:2:9: PricePerUnit "-0.5" is negative`},
		{"rate decimals", change(",0.5,", ",0.1234567890123456789,"), `:2:9: PricePerUnit "0.1234567890123456789" is not a rate`},
		{"currency", change("USD", "usd"), `:2:10: Currency "usd" is not a currency`},
		{"not from zero", slim + row("A", "2026-10-01", "1", "Inf", "1", "Bytes", "", ""), `:2:6: StartingRange "1" no price from 0 to 1`},
		{"not to inf", slim + row("A", "2026-10-01", "0", "10", "1", "Bytes", "", ""), `:2:6: StartingRange "0" no price from 10 up`},
		{"gap", slim + row("A", "2026-10-01", "0", "10", "2", "Bytes", "", "") + row("A", "2026-10-01", "11", "Inf", "1", "Bytes", "", ""),
			`:3:6: StartingRange "11" no price from 10 to 11; the price begins at prices.csv:2`},
		{"Case_D17_overlap", slim + row("A", "2026-10-01", "0", "10", "2", "Bytes", "", "") + row("A", "2026-10-01", "9", "Inf", "1", "Bytes", "", ""),
			`:3:6: StartingRange "9" the range from 9 overlaps the one that ends at 10`},
		{"Case_D17_overlap after inf", slim + row("A", "2026-10-01", "0", "Inf", "2", "Bytes", "", "") + row("A", "2026-10-01", "9", "Inf", "1", "Bytes", "", ""),
			`:3:6: StartingRange "9" the range from 9 overlaps the one from 0 to Inf`},
		{"Case_D33_twice", slim + a + a, `:3:6: StartingRange "0" the range from 0 stands twice`},
		{"two units", slim + row("A", "2026-10-01", "0", "10", "2", "Bytes", "", "") + strings.Replace(row("A", "2026-10-01", "10", "Inf", "1", "Bytes", "", ""), ",GB,", ",TB,", 1),
			`:3:8: Unit "TB" is not "GB", the unit of the same price at prices.csv:2`},
		{"two currencies", slim + a + strings.Replace(row("A", "2026-11-01", "0", "Inf", "1", "Bytes", "Put", "x-1"), "USD", "EUR", 1), `:3:10: Currency "EUR" is not USD`},
		{"Case_D33_equal match", slim + a + row("B", "2026-10-01", "0", "Inf", "1", "Bytes", "Put", "x-1"), `:3:1: SKU "B" matches the same records as the SKU at prices.csv:2`},
		{"Case_D33_equal match of blanks", slim + row("A", "2026-10-01", "0", "Inf", "1", "Bytes", "", "") + row("B", "2026-11-01", "0", "Inf", "1", "Bytes", "", ""), `:3:1: SKU "B" matches the same records`},
		{"one sku, two prices", slim + a + row("A", "2026-10-01", "0", "Inf", "0.6", "Bytes", "Get", "x-1"), `:2:1: SKU "A" has another price here than at prices.csv:3`},
		{"attributes differ", strings.Replace(slim, "\n", ",Colour\n", 1) + strings.Replace(row("A", "2026-10-01", "0", "10", "1", "Bytes", "", ""), "\n", ",red\n", 1) +
			strings.Replace(row("A", "2026-10-01", "10", "Inf", "1", "Bytes", "", ""), "\n", ",blue\n", 1), `:3:1: SKU "A" has other product attributes`},
		{"attribute columns differ", strings.Replace(slim, "\n", ",A Colour,a_colour\n", 1) + strings.Replace(a, "\n", ",red,blue\n", 1), `:2:16: a_colour "blue" is "red" in another column`},
		{"record too long", slim + `"` + strings.Repeat("x\n", MaxRecordBytes), "the row after line 1 is longer than 1048576 bytes"},
		{"field too long", change("words", strings.Repeat("x", schema.MaxFieldBytes+1)), ":2:4: field 4 "},
		{"columns", strings.Repeat("x,", MaxColumns) + "x\n", ":1: header has 1001 columns"},
	} {
		got, ps := ReadCSV("prices.csv", strings.NewReader(c.text))
		if got != nil || len(ps) == 0 {
			t.Errorf("%s: was read", c.name)
			continue
		}
		if !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%s: got %s\nwant %s", c.name, ps, c.want)
		}
	}
}

// One run reports every fault, those of the rows and those between them, and
// in all files.
func TestAllFaultsAtOnce(t *testing.T) {
	b := NewBuilder()
	b.ReadCSV("one.csv", strings.NewReader(slim+strings.Replace(row("A", "yesterday", "x", "Inf", "-1", "Bytes", "", ""), "USD", "?", 1)))
	b.ReadCSV("two.csv", strings.NewReader("SKU\n"))
	b.ReadCSV("three.csv", strings.NewReader(slim+row("B", "2026-10-01", "5", "Inf", "1", "Bytes", "", "")))
	_, ps := b.Catalog()
	count := map[string]int{}
	for _, p := range ps {
		count[p.File]++
	}
	if count["one.csv"] != 4 || count["two.csv"] != 12 || count["three.csv"] != 1 {
		t.Errorf("got %v\n%s", count, ps)
	}
}

func TestProblemLimit(t *testing.T) {
	_, ps := ReadCSV("prices.csv", strings.NewReader(slim+strings.Repeat("x\n", 3*MaxProblems)))
	if len(ps) != MaxProblems+1 || !strings.Contains(ps[MaxProblems].Reason, "more than 1000 problems") {
		t.Errorf("got %d problems, the last %s", len(ps), ps[len(ps)-1])
	}
}

// Versions of a SKU may come from several files; a price change adds a file
// instead of editing one.
func TestVersionsOverFiles(t *testing.T) {
	b := NewBuilder()
	b.ReadCSV("new.csv", strings.NewReader(slim+row("A", "2026-11-15", "0", "Inf", "2", "Bytes", "", "")))
	b.ReadCSV("old.csv", strings.NewReader(slim+row("A", "2026-10-01", "0", "Inf", "1", "Bytes", "", "")+row("B", "2026-11-01", "0", "Inf", "1", "Time", "", "")))
	c, ps := b.Catalog()
	if ps != nil {
		t.Fatal(ps)
	}
	if got := c.SKUs[0].Versions; len(got) != 2 || got[0].Tiers[0].Rate.String() != "1" || got[1].Tiers[0].Rate.String() != "2" {
		t.Errorf("got %+v", got)
	}
}

// A SKU whose first price begins later than the list is a warning; usage before
// that date waits.
func TestCase_D18_PriceBeginsLate(t *testing.T) {
	c := read(t, slim+row("A", "2026-10-01", "0", "Inf", "1", "Bytes", "", "")+row("B", "2026-11-01", "0", "Inf", "1", "Time", "", ""))
	if len(c.Warnings) != 1 || c.Warnings[0].File != "prices.csv" || c.Warnings[0].Line != 3 || c.Warnings[0].Value != "2026-11-01" {
		t.Errorf("late start: %v", c.Warnings)
	}
	i, _ := c.Match("Store", "Time", "", "")
	if _, ok := c.SKUs[i].At(time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC).Unix()); ok {
		t.Error("there is a price before the first one")
	}
}

// One SKU may price several keys: one count, one price.
func TestSeveralKeys(t *testing.T) {
	text := slim
	for _, op := range []string{"Put", "Get", "Copy"} {
		text += row("A", "2026-10-01", "0", "100", "2", "Bytes", op, "x-1") + row("A", "2026-10-01", "100", "Inf", "1", "Bytes", op, "x-1")
	}
	c := read(t, text)
	if len(c.SKUs) != 1 || c.SKUs[0].Operation != "Copy" || len(c.SKUs[0].More) != 2 || len(c.SKUs[0].Versions[0].Tiers) != 2 {
		t.Fatalf("got %+v", c.SKUs)
	}
	for _, op := range []string{"Put", "Get", "Copy"} {
		if i, ok := c.Match("Store", "Bytes", op, "x-1"); !ok || i != 0 {
			t.Errorf("%s does not match", op)
		}
	}
	if _, ok := c.Match("Store", "Bytes", "List", "x-1"); ok {
		t.Error("an operation of no key matches")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadError(t *testing.T) {
	_, ps := ReadCSV("prices.csv", io.MultiReader(strings.NewReader(slim), broken{}))
	if len(ps) != 1 || !strings.Contains(ps[0].Reason, "cannot be read") {
		t.Errorf("got %v", ps)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(slim + row("A", "2026-10-01", "0", "10", "0.5", "Bytes", "Put", "x-1") + row("A", "2026-10-01", "10", "Inf", "0.5", "Bytes", "Put", "x-1"))
	f.Add("FormatVersion,v1.0\n" + slim + row("A", "2026-10-01", "0", "Inf", "0.5", "Bytes", "", ""))
	f.Add(modelled(modelRow("0", "Inf", "Package", "1000")))
	f.Add(modelled(modelRow("0", "10", "Volume", ""), modelRow("10", "Inf", "Volume", "")))
	f.Add("\ufeff\"SKU\",\"\n")
	f.Add("FormatVersion,1\n,\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, ps := ReadCSV("f", strings.NewReader(text))
		if (c == nil) == (len(ps) == 0) {
			t.Fatalf("catalog %v with problems %v", c, ps)
		}
		if c == nil {
			return
		}
		for i := range c.SKUs {
			s := &c.SKUs[i]
			for _, k := range s.Keys() {
				if got, ok := c.Match(k.ServiceCode, k.UsageType, k.Operation, k.Region); !ok || got != i {
					t.Fatalf("%v does not match its own SKU", k)
				}
			}
			for _, v := range s.Versions {
				if _, reason := v.check(); reason != "" {
					t.Fatal(reason)
				}
				if _, err := v.Portions(nil, money.Usage{}, money.UsageFromInt(1000)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
