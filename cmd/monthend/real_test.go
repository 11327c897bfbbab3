package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// realData is where the real months are looked for: beside the checkout, never
// in it.
const realData = "../../../shared/data/cur-2018"

// realOffers is the free tier of these months.
const realOffers = "../../testdata/real/offers.yaml"

// realMonth is one month of a payer and one member account, as AWS billed it.
type realMonth struct {
	period  string
	file    string
	now     string // an instant after its end
	usage   int    // rows of type Usage
	total   string // their unblended cost
	covered int    // rows of type DiscountedUsage
	bill    string // unblended cost of all rows
	unmet   int    // rows that may differ: on the crossing day of a pool AWS's order is not known
	over    int    // rows of ours that may find none of AWS
	left    map[string]string
}

func realMonths() []realMonth {
	return []realMonth{
		{period: "2018-10", file: "Oct2018-WorkshopCUR-00001.snappy.parquet", now: "2018-11-04T09:00:00Z",
			usage: 110_953, total: "3914.7077525379", covered: 8_345, bill: "4064.4831315379",
			unmet: 253, over: 253, left: map[string]string{"RIFee": "9"}},
		{period: "2018-11", file: "Nov2018-WorkshopCUR-00001.snappy.parquet", now: "2018-12-04T09:00:00Z",
			usage: 117_129, total: "3357.9429681268", covered: 7_202, bill: "3505.3269681268",
			unmet: 218, over: 219, left: map[string]string{"RIFee": "9"}},
	}
}

// TestReal rates two real AWS months again, as a user would who comes from AWS:
// prices and reservations derived from the reports, the reports taken in as
// snapshots, the month closed. Then our report is compared with AWS's, row by
// row and column by column. Which usage a reservation covers is read from the
// reports: AWS's own choice does not follow from them. The money is computed.
func TestReal(t *testing.T) {
	if os.Getenv("MONTHEND_REAL") == "" {
		t.Skip("takes a minute: run it with make real, which sets MONTHEND_REAL=1")
	}
	months := realMonths()
	for _, m := range months {
		if _, err := os.Stat(filepath.Join(realData, m.file)); err != nil {
			t.Skipf("the real months are absent: %v; they lie beside the checkout, in ../shared/data/cur-2018", err)
		}
	}
	prices, offers := realPrices(t, months), derivedOffers(t, months)
	for _, m := range months {
		t.Run(m.period, func(t *testing.T) { m.test(t, prices, offers) })
	}
}

// derivedOffers derives the reservations of all months, behind the pools.
func derivedOffers(t *testing.T, months []realMonth) []byte {
	out := filepath.Join(t.TempDir(), "offers.yaml")
	args := []string{"offers", "derive", "--offers", realOffers, "--out", out}
	for _, m := range months {
		args = append(args, filepath.Join(realData, m.file))
	}
	runCommand(t, args...)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// realPrices derives one price list from all months. The units that the reports
// do not have, on rows that were free all month, come from the pools.
func realPrices(t *testing.T, months []realMonth) []byte {
	out := filepath.Join(t.TempDir(), "prices.csv")
	args := []string{"prices", "derive", "--offers", realOffers, "--out", out}
	for _, m := range months {
		args = append(args, "--from-cur", filepath.Join(realData, m.file))
	}
	runCommand(t, args...)
	list, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func readOffers(t *testing.T) offer.Offers {
	data, err := os.ReadFile(realOffers)
	if err != nil {
		t.Fatal(err)
	}
	offers, problems := config.LoadOffers(realOffers, data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return offers
}

func poolOf(offers offer.Offers, s *price.SKU) *offer.Pool {
	for i := range offers.FreeTier {
		if offers.FreeTier[i].Picks(s) {
			return &offers.FreeTier[i]
		}
	}
	return nil
}

const realOrganization = `issuers:
  - {id: reseller, name: Reseller, currency: USD}
payers:
  - account_id: "836060457634"
    name: Payer
    issuer: reseller
    accounts:
      - {id: "011254002932", name: Member}
`

const realConfig = `store: {folder: store}
prices: [prices.csv]
offers: offers.yaml
organization: organization.yaml
sources:
  - {name: aws, kind: snapshot, format: cur}
exports:
  - {name: cur2, format: parquet}
close: {wait: 0s}
`

func (m realMonth) test(t *testing.T, prices, offers []byte) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"prices.csv": prices, "offers.yaml": offers,
		"organization.yaml": []byte(realOrganization), "monthend.yaml": []byte(realConfig)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	monthend := func(args ...string) string {
		return runCommand(t, append([]string{"--config", filepath.Join(dir, "monthend.yaml"), "--now", m.now}, args...)...)
	}
	monthend("config", "check")
	ingested := monthend("ingest", filepath.Join(realData, m.file))
	for kind, rows := range m.left {
		if !strings.Contains(ingested, fmt.Sprintf("left out %s rows of type %s", rows, kind)) {
			t.Errorf("ingest does not say that %s rows of type %s are left out", rows, kind)
		}
	}
	for _, verb := range []string{"report", "close", "invoice", "publish"} {
		monthend(verb, "--period", m.period)
	}
	m.compare(t, dir)
}

func (m realMonth) compare(t *testing.T, dir string) {
	pattern := filepath.Join(dir, "store", "reports", "*", "*", "cur2", "data", "BILLING_PERIOD="+m.period, "*.snappy.parquet")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no report at %s: %v", pattern, err)
	}
	m.compareColumns(t, files)
	var ours []curRow
	for _, f := range files {
		ours = append(ours, readUsageRows(t, f, "product_region_code")...)
	}
	aws := readUsageRows(t, filepath.Join(realData, m.file), "product_region")
	c := compareRows(aws, ours)
	t.Logf("%s against AWS\n%s", m.period, c.table(readOffers(t)))
	if len(aws) != m.usage {
		t.Errorf("%d rows of type Usage in AWS's report, want %d", len(aws), m.usage)
	}
	if len(c.unmet) > m.unmet {
		t.Errorf("%d rows of AWS find no equal row, at most %d may", len(c.unmet), m.unmet)
	}
	if len(c.over) > m.over {
		t.Errorf("%d rows of ours find no equal row of AWS, at most %d may", len(c.over), m.over)
	}
	if got := sumCost(t, aws); got.Cmp(rat(t, m.total)) != 0 {
		t.Errorf("AWS's report sums to %s, want %s", got.FloatString(10), m.total)
	}
	off := sumCost(t, ours)
	off.Sub(off, rat(t, m.total))
	t.Logf("month total off by %s", off.FloatString(10))
	if off.Abs(off).Cmp(rat(t, "0.0000002")) > 0 {
		t.Errorf("month total is off by %s, at most 0.0000002 may be", off.FloatString(10))
	}
}

// compareColumns holds all rows of our report against AWS's, type by type.
func (m realMonth) compareColumns(t *testing.T, files []string) {
	aws := readTable(t, []string{filepath.Join(realData, m.file)}, allColumns(), nil)
	ours := readTable(t, files, allColumns(), map[string]string{"product_region": "product_region_code"})
	columns := append(slices.Clone(amountColumns), wordColumns...)
	usage := countColumns(aws, ours, schema.LineItemUsage, usageKey, columns)
	covered := countColumns(aws, ours, schema.LineItemDiscountedUsage, coveredKey, columns)
	fees := countColumns(aws, ours, schema.LineItemRIFee, feeKey, columns)
	for _, c := range []*columnCounts{usage, covered, fees} {
		t.Logf("%s, column by column\n%s", m.period, c)
	}
	terms := []string{"pricing_lease_contract_length", "pricing_offering_class", "pricing_purchase_option", "reservation_subscription_id"}
	covered.all(t, m.covered, append(terms, without(amountColumns, "line_item_blended_rate", "line_item_blended_cost")...)...)
	fees.all(t, 9, append(without(amountColumns, "line_item_blended_rate"), "reservation_start_time", "reservation_end_time")...)
	aws.checkBlended(t, "AWS")
	ours.checkBlended(t, "ours")
	if sum := usage.ours + covered.ours + fees.ours; sum != ours.rows {
		t.Errorf("our report has %d rows, of which %d are usage or of reservations", ours.rows, sum)
	}
	if got := aws.sum(t, "line_item_unblended_cost"); got.Cmp(rat(t, m.bill)) != 0 {
		t.Errorf("AWS's report sums to %s, want %s", got.FloatString(10), m.bill)
	}
	off := ours.sum(t, "line_item_unblended_cost")
	off.Sub(off, rat(t, m.bill))
	t.Logf("all rows: month total off by %s", off.FloatString(10))
	if off.Abs(off).Cmp(rat(t, "0.0000002")) > 0 {
		t.Errorf("the total of all rows is off by %s, at most 0.0000002 may be", off.FloatString(10))
	}
}

func without(names []string, out ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(out, n) })
}

// runCommand runs a command line in this process, as a user would, and returns
// what it printed as its result. It must succeed.
func runCommand(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{stdout: &stdout, stderr: &stderr, clock: time.Now}
	begin := time.Now()
	code := p.run(context.Background(), args)
	t.Logf("$ monthend %s   (%.1fs)\n%s", strings.Join(args, " "), time.Since(begin).Seconds(), stdout.String())
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	return stdout.String()
}
