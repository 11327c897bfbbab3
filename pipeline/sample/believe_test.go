package sample_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// readYAML reads a file into dst by way of JSON, with numbers as text.
func readYAML(t *testing.T, content []byte, dst any) {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(content, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, dst); err != nil {
		t.Fatal(err)
	}
}

func readPrices(t *testing.T, d *folder) *price.Catalog {
	t.Helper()
	b := price.NewBuilder()
	for _, name := range []string{sample.PricesFile, sample.WonPricesFile} {
		if f := d.files[name]; f != nil {
			b.ReadCSV(name, bytes.NewReader(f.Bytes()))
		}
	}
	c, problems := b.Catalog() // refuses tiers with gaps and overlaps
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPricesAndOffersAreSound(t *testing.T) {
	for _, organizations := range []int{1, 3} {
		opt := small(t)
		opt.Organizations = organizations
		d, s := generate(t, opt)
		c := readPrices(t, d)
		if len(c.SKUs) != s.SKUs || s.SKUs < 60 || s.SKUs > 140 {
			t.Errorf("%d SKUs, the summary tells %d", len(c.SKUs), s.SKUs)
		}
		readOffers(t, d)
		changed, graduated := 0, 0
		for _, sku := range c.SKUs {
			if len(sku.Versions) > 1 {
				changed++
			}
			if len(sku.Versions[0].Tiers) > 2 {
				graduated++
			}
		}
		if changed < 2 || graduated < 12 {
			t.Errorf("%d prices change, %d are graduated", changed, graduated)
		}
	}
}

// TestEveryRecordCanBeRated matches all records with prices and accounts.
func TestEveryRecordCanBeRated(t *testing.T) {
	opt := small(t)
	d, s := generate(t, opt)
	c := readPrices(t, d)
	var org schema.Organization
	readYAML(t, d.files[sample.OrganizationFile].Bytes(), &org)
	if err := org.Check(sample.OrganizationFile).Err(); err != nil {
		t.Fatal(err)
	}
	members, zones := org.Memberships(), map[string]*time.Location{}
	currency := map[string]money.Currency{}
	for _, i := range org.Issuers {
		zones[i.ID], _ = i.Location()
		currency[i.ID] = i.Currency
	}
	usedSKUs, usedAccounts := map[int]bool{}, map[string]bool{}
	for _, r := range readUsage(t, d, s) {
		f, start := r.fields, r.start(t)
		sku, ok := c.Match(f["service_code"], f["usage_type"], f["operation"], f["region_code"])
		if !ok {
			t.Fatalf("no price for %v", f)
		}
		version, ok := c.SKUs[sku].At(start.Unix())
		if !ok || c.SKUs[sku].Versions[version].Unit != f["unit"] {
			t.Fatalf("no price in %s at %s for %v", f["unit"], start, f)
		}
		m, ok := schema.MemberAt(members[f["usage_account_id"]], start)
		if !ok {
			t.Fatalf("%s is no member at %s", f["usage_account_id"], start)
		}
		issuer := org.Payers[m.Payer].Issuer
		if c.SKUs[sku].Currency != currency[issuer] {
			t.Fatalf("%s is priced in %s and billed in %s", f["usage_type"], c.SKUs[sku].Currency, currency[issuer])
		}
		p, err := schema.ParsePeriod(opt.Period.Name, zones[issuer])
		if err != nil {
			t.Fatal(err)
		}
		if start.Before(p.Start) || r.end(t).After(p.End) || !start.Before(r.end(t)) {
			t.Fatalf("%s to %s is not in the month of %s", start, r.end(t), issuer)
		}
		if money.Sign(r.amount(t)) <= 0 {
			t.Fatalf("amount %s in %v", f["usage_amount"], f)
		}
		usedSKUs[sku], usedAccounts[f["usage_account_id"]] = true, true
	}
	if len(usedSKUs) < len(c.SKUs)/2 || len(usedAccounts) != opt.Accounts {
		t.Errorf("%d of %d SKUs and %d of %d accounts have usage", len(usedSKUs), len(c.SKUs), len(usedAccounts), opt.Accounts)
	}
}

// TestUsageIsBelievable checks what a reader of the bill would look for.
func TestUsageIsBelievable(t *testing.T) {
	opt := sample.Demo(month(t, "2026-10"))
	d, s := generate(t, opt)
	sums, tagged, joined := map[string]money.Usage{}, map[int]int{}, 0
	byHour := map[int]money.Usage{}
	var org schema.Organization
	readYAML(t, d.files[sample.OrganizationFile].Bytes(), &org)
	payer := map[string]int{}
	for i, p := range org.Payers {
		for _, a := range p.Accounts {
			payer[a.ID] = i
			if !a.From.IsZero() {
				joined++
			}
		}
	}
	for _, r := range readUsage(t, d, s) {
		tagged[len(r.tags)]++
		usage := r.fields["usage_type"]
		key := fmt.Sprint(payer[r.fields["usage_account_id"]], " ", usage, " ", r.fields["region_code"])
		sums[key], _ = money.Add(sums[key], r.amount(t))
		if usage == "DataTransfer-Out-Bytes" {
			hour := r.start(t).Add(-5 * time.Hour).Hour()
			byHour[hour], _ = money.Add(byHour[hour], r.amount(t))
		}
	}
	beyond := 0
	for key, sum := range sums {
		for usage, bound := range map[string]int64{"TimedStorage-ByteHrs": 51200, "DataTransfer-Out-Bytes": 10240, "CW:MetricMonitorUsage": 10000} {
			if strings.Contains(key, usage) && money.Cmp(sum, money.UsageFromInt(bound)) > 0 {
				beyond++
			}
		}
	}
	if beyond < 6 {
		t.Errorf("only %d prices reach their second tier", beyond)
	}
	if money.Cmp(byHour[20], byHour[3]) <= 0 {
		t.Errorf("%s GB at 20 o'clock, %s at 3", byHour[20], byHour[3])
	}
	if tagged[0] == 0 || tagged[1]+tagged[2] > 0 || tagged[6] == 0 {
		t.Errorf("records by number of tags: %v", tagged)
	}
	if joined < 5 {
		t.Errorf("%d accounts join in the month", joined)
	}
}

// TestGolden shows the files of a tiny month. Run with -update to rewrite it.
func TestGolden(t *testing.T) {
	opt := sample.Options{Seed: 7, Period: month(t, "2026-10"), Organizations: 3, Accounts: 9, Records: 900, Late: 0.01,
		Duplicates: 0.01, Files: 2, Formats: []string{"csv", "jsonl"}}
	d, s := generate(t, opt)
	var b strings.Builder
	for _, name := range d.names {
		lines := strings.SplitAfter(d.files[name].String(), "\n")
		shown := min(len(lines)-1, map[bool]int{true: 250, false: 9}[strings.HasSuffix(name, ".yaml")])
		b.WriteString("-- " + name + " (" + strconv.Itoa(len(lines)-1) + " lines) --\n" + strings.Join(lines[:shown], ""))
	}
	b.WriteString("-- summary --\n")
	for _, total := range s.Usage {
		fmt.Fprintf(&b, "%s %s\n", total.Amount, total.Unit)
	}
	path := filepath.Join("testdata", "tiny.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the tiny month changed; if it should, run with -update and look at the difference:\n%s", b.String())
	}
}
