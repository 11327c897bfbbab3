package column

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// cur2Page is the page of the columns, made from the table by
// go test ./schema/column -run TestDocs -update
const cur2Page = "../../docs/cur2.md"

// TestDocs holds the page to the table, so that it cannot go stale.
func TestDocs(t *testing.T) {
	got := page()
	if *update {
		if err := os.WriteFile(cur2Page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(cur2Page)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from the table; run: go test ./schema/column -run TestDocs -update", cur2Page)
	}
}

// page renders the table for people, the groups of the report in the order of
// their names.
func page() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# The columns of COST_AND_USAGE_REPORT

Every report has these %d columns, in this order. Names and types are those of
CUR 2.0 (AWS Data Exports). This page is made from the table in schema/column.

In Parquet a string is BYTE_ARRAY (STRING), a timestamp is INT64 in milliseconds
(not adjusted to UTC; the value is UTC), a double is DOUBLE, and a map is a MAP
whose keys are sorted. In CSV a timestamp is written 2026-10-01T00:00:00.000Z, a
map is a JSON object, null is an empty cell, and an amount is the exact decimal
of which the Parquet cell is the nearest double.

| Column | Type | Meaning | Null |
|---|---|---|---|
`, len(All()))
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, c := range All() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", c.Name, c.Kind, cell.Replace(c.Doc), cell.Replace(c.Null))
	}
	return b.String()
}
