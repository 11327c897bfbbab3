package report

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema/column"
)

// compareRow compares a Parquet row with the CSV record of the same charge.
func compareRow(t *testing.T, row int, r parquet.Row, record []string) {
	t.Helper()
	leaf := 0
	cells := map[int][]parquet.Value{}
	for _, v := range r {
		cells[v.Column()] = append(cells[v.Column()], v)
	}
	for i, c := range column.All() {
		var got string
		if c.Kind == column.TextMap || c.Kind == column.DoubleMap {
			got = mapCellOf(c.Kind, cells[leaf], cells[leaf+1])
			leaf += 2
		} else {
			got = cellOf(t, c.Kind, cells[leaf])
			leaf++
		}
		if want := csvCell(t, c.Kind, record[i]); got != want {
			t.Errorf("row %d %s: Parquet %q, CSV %q", row, c.Name, got, want)
		}
	}
}

func cellOf(t *testing.T, kind column.Kind, values []parquet.Value) string {
	if len(values) != 1 {
		t.Fatalf("%d values in a flat column", len(values))
	}
	switch v := values[0]; {
	case v.IsNull():
		return ""
	case kind == column.Timestamp:
		return time.UnixMilli(v.Int64()).UTC().Format(timeLayout)
	case kind == column.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	default:
		return strings.ReplaceAll(string(v.ByteArray()), "\n", " ")
	}
}

func mapCellOf(kind column.Kind, keys, values []parquet.Value) string {
	m := map[string]any{}
	for i, k := range keys {
		switch {
		case k.IsNull():
		case kind == column.DoubleMap:
			m[string(k.ByteArray())] = values[i].Double()
		default:
			m[string(k.ByteArray())] = string(values[i].ByteArray())
		}
	}
	text, _ := json.Marshal(m)
	return string(text)
}

// csvCell brings a CSV cell to the form of cellOf.
func csvCell(t *testing.T, kind column.Kind, cell string) string {
	switch {
	case kind == column.Double && cell != "":
		x, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	case kind == column.TextMap || kind == column.DoubleMap:
		m := map[string]any{}
		if err := json.Unmarshal([]byte(cell), &m); err != nil {
			t.Fatalf("map cell %q: %v", cell, err)
		}
		text, _ := json.Marshal(m)
		return string(text)
	}
	return cell
}
