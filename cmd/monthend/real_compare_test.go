package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// The columns that two reports are compared on. Those before the rate say which
// line a row is of; a line that crosses the limit of a pool has two rows, with
// different rates.
const (
	colAccount = iota
	colProduct
	colUsageType
	colOperation
	colRegion
	colZone
	colResource
	colHour
	colRate
	colAmount
	colCost
	colPublicCost
	numColumns
)

func columnNames() [numColumns]string {
	return [numColumns]string{"line_item_usage_account_id", "line_item_product_code", "line_item_usage_type", "line_item_operation",
		"product_region", "line_item_availability_zone", "line_item_resource_id", "line_item_usage_start_date",
		"line_item_unblended_rate", "line_item_usage_amount", "line_item_unblended_cost", "pricing_public_on_demand_cost"}
}

// curRow is a row of a report as text, numbers as the shortest decimal of their
// double, no value as "". A cost that is not there is 0: columns of the old
// reports cannot be null.
type curRow [numColumns]string

func (r curRow) line() string { return strings.Join(r[:colRate], "\x1f") }
func (r curRow) day() string  { return r[colHour][:len("2018-10-01")] }

// readUsageRows reads the rows of type Usage. region is the column that holds
// the region: the two forms of the report name it differently.
func readUsageRows(t *testing.T, path, region string) []curRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	names := columnNames()
	names[colRegion] = region
	rows := make([]curRow, file.NumRows())
	for c, name := range names {
		readColumn(t, file, name, func(i int, v parquet.Value) { rows[i][c] = valueText(c, v) })
	}
	usage := make([]bool, len(rows))
	readColumn(t, file, "line_item_line_item_type", func(i int, v parquet.Value) { usage[i] = string(v.ByteArray()) == schema.LineItemUsage })
	kept := rows[:0]
	for i, r := range rows {
		if usage[i] {
			kept = append(kept, r)
		}
	}
	return kept
}

// readColumn gives every value of a flat column.
func readColumn(t *testing.T, file *parquet.File, name string, each func(row int, v parquet.Value)) {
	t.Helper()
	leaf, ok := file.Schema().Lookup(name)
	if !ok {
		t.Fatalf("the report has no column %s", name)
	}
	row := 0
	buffer := make([]parquet.Value, 1024)
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("column %s: %v", name, err)
			}
			for values := page.Values(); ; {
				n, err := values.ReadValues(buffer)
				for _, v := range buffer[:n] {
					each(row, v)
					row++
				}
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("column %s: %v", name, err)
				}
			}
		}
		pages.Close()
	}
	if int64(row) != file.NumRows() {
		t.Fatalf("column %s has %d values, the report %d rows", name, row, file.NumRows())
	}
}

func valueText(column int, v parquet.Value) string {
	switch {
	case v.IsNull() && column > colRate:
		return "0"
	case v.IsNull():
		return ""
	case column == colHour:
		return time.UnixMilli(v.Int64()).UTC().Format(time.RFC3339)
	case v.Kind() == parquet.Double:
		return strconv.FormatFloat(v.Double(), 'f', -1, 64)
	}
	return string(v.ByteArray())
}

// comparison is what two reports have in common and what not.
type comparison struct {
	aws, ours      int
	unmet, over    []curRow // rows of AWS and of ours that have no equal in the other
	equal, unequal [numColumns]int
	alone          int // rows of AWS on whose line we have no row left
}

// compareRows pairs equal rows first, and then, to tell the columns apart, what
// is left on the same line, with the same rate if there is one.
func compareRows(aws, ours []curRow) *comparison {
	c := &comparison{aws: len(aws), ours: len(ours)}
	left := map[curRow]int{}
	for _, r := range ours {
		left[r]++
	}
	for _, r := range aws {
		if left[r] == 0 {
			c.unmet = append(c.unmet, r)
			continue
		}
		left[r]--
		for i := range c.equal {
			c.equal[i]++
		}
	}
	byLine := map[string][]curRow{}
	for _, r := range slices.SortedFunc(maps.Keys(left), compareRow) {
		for range left[r] {
			c.over = append(c.over, r)
			byLine[r.line()] = append(byLine[r.line()], r)
		}
	}
	c.pairLeftovers(byLine)
	return c
}

func compareRow(a, b curRow) int { return slices.Compare(a[:], b[:]) }

func (c *comparison) pairLeftovers(byLine map[string][]curRow) {
	for _, r := range c.unmet {
		rest := byLine[r.line()]
		if len(rest) == 0 {
			c.alone++
			continue
		}
		i := max(0, slices.IndexFunc(rest, func(o curRow) bool { return o[colRate] == r[colRate] }))
		for k := range r {
			if r[k] == rest[i][k] {
				c.equal[k]++
			} else {
				c.unequal[k]++
			}
		}
		byLine[r.line()] = slices.Delete(rest, i, i+1)
	}
}

// table renders the comparison for people.
func (c *comparison) table(offers offer.Offers) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows of type Usage: AWS %d, ours %d; equal %d, AWS without an equal %d, ours without an equal %d\n\n",
		c.aws, c.ours, c.aws-len(c.unmet), len(c.unmet), len(c.over))
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "column\tequal\tunequal\tno row left on the line\n")
	for i, name := range columnNames() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", name, c.equal[i], c.unequal[i], c.alone)
	}
	fmt.Fprintf(w, "\npool\tday\tAWS rows without an equal\tours\n")
	aws, ours := byPoolDay(c.unmet, offers), byPoolDay(c.over, offers)
	keys := maps.Clone(aws)
	maps.Copy(keys, ours)
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", k[0], k[1], aws[k], ours[k])
	}
	w.Flush()
	for i, r := range c.unmet {
		if poolName(r, offers) == "none" && i < 20 {
			fmt.Fprintf(&b, "AWS row in no pool: %q\n", r)
		}
	}
	return b.String()
}

func byPoolDay(rows []curRow, offers offer.Offers) map[[2]string]int {
	counts := map[[2]string]int{}
	for _, r := range rows {
		counts[[2]string{poolName(r, offers), r.day()}]++
	}
	return counts
}

func poolName(r curRow, offers offer.Offers) string {
	if p := poolOf(offers, &price.SKU{ServiceCode: r[colProduct], UsageType: r[colUsageType], Operation: r[colOperation], Region: r[colRegion]}); p != nil {
		return p.ID
	}
	return "none"
}

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is not a number", text)
	}
	return r
}

// sumCost sums the unblended costs exactly.
func sumCost(t *testing.T, rows []curRow) *big.Rat {
	t.Helper()
	var sum money.Cost
	for _, r := range rows {
		c, err := money.ParseCost(r[colCost])
		if err == nil {
			sum, err = money.Add(sum, c)
		}
		if err != nil {
			t.Fatalf("cost %q: %v", r[colCost], err)
		}
	}
	return rat(t, sum.String())
}

// TestCompareRows plants differences, so that the comparison is known to see
// them.
func TestCompareRows(t *testing.T) {
	row := func(resource, rate, amount string) curRow {
		return curRow{"1", "AmazonEC2", "BoxUsage:t2.micro", "RunInstances", "us-east-1", "us-east-1a", resource,
			"2018-10-01T02:00:00Z", rate, amount, "0.1", "0.1"}
	}
	aws := []curRow{row("a", "0.1", "1"), row("b", "0.1", "1"), row("b", "0.1", "1"), row("c", "0", "1"), row("d", "0", "0.4"), row("d", "0.1", "0.6")}
	ours := []curRow{row("d", "0.1", "0.5"), row("a", "0.1", "1"), row("b", "0.1", "1"), row("c", "0.1", "1"), row("d", "0", "0.5"), row("x", "0", "1")}
	c := compareRows(aws, ours)
	if len(c.unmet) != 4 || len(c.over) != 4 || c.alone != 1 {
		t.Errorf("unmet %d, over %d, alone %d, want 4, 4, 1", len(c.unmet), len(c.over), c.alone)
	}
	if c.equal[colRate] != 4 || c.unequal[colRate] != 1 || c.equal[colAmount] != 3 || c.unequal[colAmount] != 2 || c.unequal[colHour] != 0 {
		t.Errorf("equal %v, unequal %v", c.equal, c.unequal)
	}
	if got, want := c.table(readOffers(t)), "ec2-t2micro-linux  2018-10-01  4"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if same := compareRows(aws, slices.Clone(aws)); len(same.unmet)+len(same.over)+same.alone != 0 {
		t.Errorf("equal reports differ: %+v", same)
	}
}
