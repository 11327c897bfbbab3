package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// A commitment is a text like others in every format.
func TestCommitment(t *testing.T) {
	csv := strings.Replace(csvFile("", ""), "unit\n", "unit,commitment_id\n", 1)
	csv = strings.TrimSuffix(csv, "\n")
	json := strings.TrimSuffix(goodJSON, "}")
	type row struct {
		parquetRow
		Commitment *string `parquet:"commitment_id,optional,dict"`
	}
	columns := func(v string) string {
		return string(parquetFileOf(t, []row{{goodParquetRow(), &v}}))
	}
	for format, with := range map[string]func(string) string{
		"csv":     func(v string) string { return csv + "," + v + "\n" },
		"jsonl":   func(v string) string { return fmt.Sprintf(`%s,"commitment_id":"%s"}`, json, v) },
		"parquet": columns,
	} {
		for _, v := range []string{"", "ri-1", "예약"} {
			if got := accepted(t, with(v)).records; len(got) != 1 || got[0].Commitment != v {
				t.Errorf("%s: got %+v, want commitment %q", format, got, v)
			}
		}
		reasons := map[string]string{strings.Repeat("r", 70_000): "more than 65536", "a\x7fb": "control character 0x7f"}
		if format == "parquet" { // whose writer repeats long values in page headers
			delete(reasons, strings.Repeat("r", 70_000))
		}
		for v, reason := range reasons {
			if x := mustReject(t, with(v), reason); x.Problem.Field != schema.FieldCommitment {
				t.Errorf("%s: problem in %s", format, x.Problem.Field)
			}
		}
		if format != "jsonl" { // where the decoder refuses the line
			mustReject(t, with("a\xff"), "is not UTF-8")
		}
	}
}

type committedRow struct {
	RecordID   string    `parquet:"record_id"`
	Account    string    `parquet:"usage_account_id,dict"`
	Service    string    `parquet:"service_code,dict"`
	UsageType  string    `parquet:"usage_type,dict"`
	Start      time.Time `parquet:"usage_start,timestamp(millisecond)"`
	End        time.Time `parquet:"usage_end,timestamp(millisecond)"`
	Amount     int64     `parquet:"usage_amount,decimal(3:18)"`
	Commitment *string   `parquet:"commitment_id,optional,dict"`
}

// By columns and row by row a file gives the same records: a row group that
// names a commitment is read row by row, one whose column is empty is not.
func TestCommitmentByColumns(t *testing.T) {
	g, ri := goodParquetRow(), "ri-1"
	for _, tt := range []struct {
		name   string
		named  *string
		groups int
	}{{"named", &ri, 1}, {"empty", nil, 2}} {
		var rows []committedRow
		for i := range 6 {
			r := committedRow{RecordID: fmt.Sprint("id-", i), Account: g.Account, Service: g.Service, UsageType: g.UsageType, Start: g.Start, End: g.End, Amount: 7}
			if i%2 == 1 && i < 3 {
				r.Commitment = tt.named
			}
			rows = append(rows, r)
		}
		data := parquetFileOf(t, rows, parquet.MaxRowsPerRowGroup(3))
		got, groups := batch.NewUsage(), 0
		_, err := ReadGroups(context.Background(), input(data), Options{Source: "s"},
			func(r *schema.Record) error { got.Append(r); return nil },
			func(g *batch.Group) error { groups++; got.AppendGroup(g); return nil },
			func(x Rejected) error { return &x.Problem })
		if err != nil || got.Len() != len(rows) || groups != tt.groups {
			t.Errorf("%s: %d records, %d groups, error %v; want %d groups", tt.name, got.Len(), groups, err, tt.groups)
		}
		for i, r := range rows {
			want := ""
			if r.Commitment != nil {
				want = *r.Commitment
			}
			if c := got.Dims.Tails.Value(got.Tail[i]).Commitment; c != want {
				t.Errorf("%s: record %d names %q, want %q", tt.name, i, c, want)
			}
		}
	}
}
