package main

import (
	"fmt"
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
)

// What a row of a report is of, so that a row of AWS and one of ours are known
// to speak of the same thing.
var (
	usageKey = []string{"line_item_usage_account_id", "line_item_product_code", "line_item_usage_type", "line_item_operation",
		"product_region", "line_item_availability_zone", "line_item_resource_id", "line_item_usage_start_date"}
	coveredKey = []string{"line_item_usage_account_id", "line_item_usage_type", "line_item_operation", "line_item_availability_zone",
		"line_item_resource_id", "line_item_usage_start_date", "reservation_reservation_a_r_n"}
	feeKey = []string{"reservation_reservation_a_r_n"}
)

// The columns of money and quantities, and what stands beside them.
var (
	amountColumns = []string{"line_item_usage_amount", "line_item_normalization_factor", "line_item_normalized_usage_amount",
		"line_item_unblended_rate", "line_item_unblended_cost", "line_item_blended_rate", "line_item_blended_cost",
		"pricing_public_on_demand_rate", "pricing_public_on_demand_cost",
		"reservation_amortized_upfront_cost_for_usage", "reservation_recurring_fee_for_usage", "reservation_effective_cost",
		"reservation_amortized_upfront_fee_for_billing_period", "reservation_unused_amortized_upfront_fee_for_billing_period",
		"reservation_unused_recurring_fee", "reservation_unused_quantity", "reservation_unused_normalized_unit_quantity",
		"reservation_upfront_value", "reservation_number_of_reservations", "reservation_units_per_reservation",
		"reservation_total_reserved_units", "reservation_normalized_units_per_reservation", "reservation_total_reserved_normalized_units"}
	wordColumns = []string{"line_item_usage_account_id", "line_item_usage_type", "line_item_operation", "pricing_unit", "pricing_term",
		"pricing_lease_contract_length", "pricing_offering_class", "pricing_purchase_option",
		"reservation_subscription_id", "reservation_start_time", "reservation_end_time"}
)

// realTable is a report as texts, by column. An amount is its shortest decimal,
// and 0 where it has none: columns of the old reports cannot be null.
type realTable struct {
	rows    int
	columns map[string][]string
}

// readTable reads the columns of all files; renamed gives the names of columns
// that the files spell otherwise.
func readTable(t *testing.T, paths []string, columns []string, renamed map[string]string) *realTable {
	t.Helper()
	table := &realTable{columns: map[string][]string{}}
	for _, path := range paths {
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
		for _, name := range columns {
			own := name
			if other := renamed[name]; other != "" {
				own = other
			}
			amount := slices.Contains(amountColumns, name)
			readColumn(t, file, own, func(_ int, v parquet.Value) {
				table.columns[name] = append(table.columns[name], cellText(name, amount, v))
			})
		}
		table.rows += int(file.NumRows())
	}
	return table
}

func cellText(name string, amount bool, v parquet.Value) string {
	text := ""
	switch {
	case v.IsNull():
	case strings.HasSuffix(name, "_date"):
		text = time.UnixMilli(v.Int64()).UTC().Format(time.RFC3339)
	case v.Kind() == parquet.Double:
		text = strconv.FormatFloat(v.Double(), 'f', -1, 64)
	default:
		text = string(v.ByteArray())
	}
	if !amount {
		return text
	}
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if text == "" {
		return "0"
	}
	return text
}

const lineItemType = "line_item_line_item_type"

// allColumns are the columns that the months are compared on.
func allColumns() []string {
	names := append([]string{lineItemType}, amountColumns...)
	for _, list := range [][]string{usageKey, coveredKey, feeKey, wordColumns} {
		for _, name := range list {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// of returns the numbers of the rows of one type.
func (r *realTable) of(kind string) []int {
	var rows []int
	for i, k := range r.columns[lineItemType] {
		if k == kind {
			rows = append(rows, i)
		}
	}
	return rows
}

func (r *realTable) texts(row int, columns []string) []string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = r.columns[c][row]
	}
	return texts
}

// sum adds a column up exactly.
func (r *realTable) sum(t *testing.T, column string) *big.Rat {
	t.Helper()
	var sum money.Cost
	for _, text := range r.columns[column] {
		sum = exactly(t)(money.Add(sum, cost(t, text)))
	}
	return rat(t, sum.String())
}

func cost(t *testing.T, text string) money.Cost {
	t.Helper()
	c, err := money.ParseCostExp(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exactly(t *testing.T) func(money.Cost, error) money.Cost {
	return func(c money.Cost, err error) money.Cost {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// columnCounts says in how many rows of one type two reports agree, by column.
type columnCounts struct {
	kind           string
	columns        []string
	aws, ours      int // rows
	alone, over    int // rows of AWS and of ours that have no row opposite
	equal, unequal map[string]int
	first          map[string]string // the first inequality of each column
}

// countColumns pairs the rows of a type by what they are of, those that agree
// in most columns first, and counts the columns that agree.
func countColumns(aws, ours *realTable, kind string, key, columns []string) *columnCounts {
	c := &columnCounts{kind: kind, columns: columns, equal: map[string]int{}, unequal: map[string]int{}, first: map[string]string{}}
	left := map[string][][]string{}
	for _, row := range ours.of(kind) {
		k := strings.Join(ours.texts(row, key), "\x1f")
		left[k] = append(left[k], ours.texts(row, columns))
		c.ours++
	}
	for _, row := range aws.of(kind) {
		c.aws++
		k := strings.Join(aws.texts(row, key), "\x1f")
		if len(left[k]) == 0 {
			c.alone++
			continue
		}
		values := aws.texts(row, columns)
		best := nearest(values, left[k])
		for i, name := range columns {
			if values[i] == left[k][best][i] {
				c.equal[name]++
			} else if c.unequal[name]++; c.unequal[name] == 1 {
				c.first[name] = fmt.Sprintf("%s, ours %s, of %q", values[i], left[k][best][i], aws.texts(row, key))
			}
		}
		left[k] = slices.Delete(left[k], best, best+1)
	}
	for _, rest := range left {
		c.over += len(rest)
	}
	return c
}

// nearest returns which of the rows agrees in most columns.
func nearest(values []string, rows [][]string) int {
	best, most := 0, -1
	for i, row := range rows {
		n := 0
		for k := range row {
			if row[k] == values[k] {
				n++
			}
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// String renders the counts for people.
func (c *columnCounts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows of type %s: AWS %d, ours %d; without a row opposite: AWS %d, ours %d\n\n", c.kind, c.aws, c.ours, c.alone, c.over)
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "column\tequal\tunequal\tfirst unequal: AWS\n")
	for _, name := range c.columns {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", name, c.equal[name], c.unequal[name], c.first[name])
	}
	w.Flush()
	return b.String()
}

// all holds every row of AWS to an equal one of ours in some columns.
func (c *columnCounts) all(t *testing.T, rows int, columns ...string) {
	t.Helper()
	if c.aws != rows || c.ours != rows || c.alone+c.over > 0 {
		t.Errorf("rows of type %s: AWS %d, ours %d, alone %d and %d; want %d of both", c.kind, c.aws, c.ours, c.alone, c.over, rows)
	}
	for _, name := range columns {
		if c.equal[name] != rows {
			t.Errorf("%s of type %s is equal in %d of %d rows", name, c.kind, c.equal[name], rows)
		}
	}
}

// checkBlended computes the blended cost of every row but fees anew, from the
// blended rate that it prints. Rows without a rate have the cost that was paid.
func (r *realTable) checkBlended(t *testing.T, whose string) {
	t.Helper()
	computed, paid, wrong := 0, 0, 0
	for i, kind := range r.columns[lineItemType] {
		v := r.texts(i, []string{"line_item_blended_rate", "line_item_blended_cost", "line_item_usage_amount", "line_item_unblended_cost"})
		if kind == schema.LineItemRIFee {
			continue
		}
		got := cost(t, v[1])
		if v[0] == "0" && money.Sign(got) != 0 && got == cost(t, v[3]) { // spot has no rate
			paid++
			continue
		}
		rate, err := money.ParseRate(v[0])
		if err != nil {
			t.Fatal(err)
		}
		amount, err := money.ParseUsageExp(v[2])
		if err != nil {
			t.Fatal(err)
		}
		computed++
		if want := exactly(t)(money.Product(rate, amount, money.HalfAwayFromZero)); want != got {
			if wrong++; wrong == 1 {
				t.Errorf("%s: blended cost %s of row %d, rate %s x %s is %s", whose, got, i+1, rate, amount, want)
			}
		}
	}
	t.Logf("%s: blended cost is the printed rate x usage in %d of %d rows, and what was paid in %d without a rate", whose, computed-wrong, computed, paid)
}

// TestCountColumns plants differences, so that the counting is known to see
// them.
func TestCountColumns(t *testing.T) {
	table := func(rows ...string) *realTable {
		r := &realTable{columns: map[string][]string{}}
		for _, row := range rows {
			cells := strings.Fields(row)
			for i, name := range []string{lineItemType, "key", "a", "b"} {
				r.columns[name] = append(r.columns[name], cells[i])
			}
		}
		return r
	}
	aws := table("U x 1 1", "U x 2 2", "U y 1 1", "V x 1 1", "U z 1 1")
	ours := table("U x 2 2", "U x 1 3", "U y 1 1", "U w 1 1", "U y 9 9")
	c := countColumns(aws, ours, "U", []string{"key"}, []string{"a", "b"})
	if c.aws != 4 || c.ours != 5 || c.alone != 1 || c.over != 2 || c.equal["a"] != 3 || c.unequal["b"] != 1 || c.equal["b"] != 2 {
		t.Errorf("counts %+v", c)
	}
	if !strings.Contains(c.String(), `1, ours 3, of ["x"]`) {
		t.Error(c.String())
	}
}
