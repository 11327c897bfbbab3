package report

import (
	"os"
	"os/exec"
	"testing"

	"github.com/monthend/monthend/schema/money"
)

// readers is a script for other people's readers of the files.
const readers = `
import sys, importlib
path, total = sys.argv[1], sys.argv[2]
found = False
try:
    import pyarrow.parquet as pq
    table = pq.read_table(path)
    assert table.num_columns == 131, table.num_columns
    assert table.num_rows == 30000, table.num_rows
    assert str(table.schema.field("product").type).startswith("map<string, string"), table.schema.field("product").type
    assert str(table.schema.field("line_item_usage_start_date").type) == "timestamp[ms]"
    found = True
except ImportError:
    pass
try:
    import duckdb
    rows = duckdb.sql(f"""select count(*), sum(cast(line_item_unblended_cost as decimal(38,10)))::varchar,
        count(distinct identity_line_item_id || identity_time_interval),
        count(resource_tags['user_team']), count(*) filter (line_item_usage_start_date >= '2026-11-01')
        from '{path}'""").fetchall()[0]
    assert rows[0] == rows[2] == 30000 and rows[4] == 0 and rows[3] > 0, rows
    assert rows[1].rstrip("0") == total.rstrip("0"), (rows[1], total)
    mixed, discounts = sys.argv[3], sys.argv[4]
    rows = duckdb.sql(f"""select sum(cast(discount['edp'] as decimal(38,10)) + cast(discount_bundled_discount as decimal(38,10)))::varchar,
        sum(cast(discount_total_discount as decimal(38,10)))::varchar, count(*) filter (cardinality(discount) > 0) > 0 and count(line_item_net_unblended_cost) = count(*),
        count(reservation_upfront_value) from '{mixed}'""").fetchall()[0]
    assert rows[0] == rows[1] and rows[1].rstrip("0") == discounts.rstrip("0") and rows[2] and rows[3] == 30, rows
    assert duckdb.sql(f"select count(*) from '{path}' where line_item_usage_account_id = '222222222222'").fetchall()[0][0] > 0
    found = True
except ImportError:
    pass
sys.exit(0 if found else 77)
`

// TestOtherReaders asks DuckDB and pyarrow, where they are at hand. It runs
// only when MONTHEND_OTHER_READERS is set.
func TestOtherReaders(t *testing.T) {
	if os.Getenv("MONTHEND_OTHER_READERS") == "" {
		t.Skip("set MONTHEND_OTHER_READERS=1 to ask DuckDB and pyarrow")
	}
	f := write(t, Spec{}, sample(t, 30_000, 12), 30_000)[0]
	c := mixed(t, 30_000, 12)
	var discounts money.Cost
	for i := range c.Len() {
		if c.Terms.Value(c.Term[i]).Discounts != "" {
			off, err := money.Sub(c.Unblended[i], c.Net[i])
			if err == nil {
				discounts, err = money.Add(discounts, off)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	terms := write(t, Spec{GroupRows: 7_000}, c, 30_000)[0]
	out, err := exec.Command("python3", "-c", readers, f.Path, f.Check.Unblended.String(), terms.Path, discounts.String()).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 77 {
		t.Skip("neither DuckDB nor pyarrow is at hand")
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
