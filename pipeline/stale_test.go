package pipeline_test

import (
	"strings"
	"testing"
)

// reported counts the rows of the CSV reports of October, by owner and payer.
func reported(t *testing.T, w *world) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for key, data := range objects(t, w.Store) {
		if part := strings.Split(key, "/"); strings.HasPrefix(key, "reports/") && strings.HasSuffix(key, ".csv.gz") {
			rows[part[1]+" of "+part[2]] += strings.Count(string(gunzip(t, data)), "\n") - 1
		}
	}
	return rows
}

// TestReportsFollow takes usage away between a report and the next: a payer and
// a member that have nothing left are left with empty reports and bills, not
// with yesterday's.
func TestReportsFollow(t *testing.T) {
	member, other := hour("b", "2", ""), hour("c", "4", "")
	member.account, other.account = "100000000003", "200000000002"
	member.start = "2026-10-20T00:00:00Z"
	stay := hour("a", "1", "77")
	wantRows := func(w *world, when string) {
		t.Helper()
		for owner, n := range reported(t, w) {
			want := 0
			if owner == "100000000001 of 100000000001" || owner == "100000000002 of 100000000001" {
				want = 1
			}
			if n != want {
				t.Errorf("%s: the reports of %s hold %d rows, want %d", when, owner, n, want)
			}
		}
		for key, data := range objects(t, w.Store) {
			if strings.HasPrefix(key, "bills/200000000001/") && strings.Contains(string(data), "AmazonEC2") {
				t.Errorf("%s: %s still has the usage of the day before", when, key)
			}
		}
	}
	start := func() *world {
		w := snapshots(t)
		w.at("2026-10-25T00:00:00Z")
		w.ingest(snapshotSource(), curFile("1.csv", stay, member, other))
		w.refresh("2026-10")
		if n := len(reported(t, w)); n != 5 {
			t.Fatalf("%d owners have reports, want 5", n)
		}
		w.ingest(snapshotSource(), inputs(curFile("1.csv", stay))...)
		return w
	}
	t.Run("refresh", func(t *testing.T) {
		w := start()
		w.refresh("2026-10")
		wantRows(w, "refreshed")
		w.refresh("2026-10")
		wantRows(w, "refreshed again")
	})
	t.Run("close", func(t *testing.T) {
		w := start()
		w.at("2026-11-01T00:00:00Z")
		w.close("2026-10")
		wantRows(w, "closed")
		w.finish("2026-10")
		wantRows(w, "published")
	})
	t.Run("moved account", func(t *testing.T) {
		w := october(t)
		w.ingest(source(), csvFile("a.csv", good(1)...))
		w.refresh("2026-10")
		org := text(t, "october/organization.yaml")
		const account = `      - {id: "100000000002", name: shop-production}` + "\n"
		w.organization(strings.Replace(strings.Replace(org, account, "", 1), "    accounts:\n      - {id: \"200000000002\"", "    accounts:\n"+account+"      - {id: \"200000000002\"", 1))
		w.close("2026-10")
		for owner, n := range reported(t, w) {
			if want := map[string]int{"200000000001 of 200000000001": 1, "100000000002 of 200000000001": 1}[owner]; n != want {
				t.Errorf("the reports of %s hold %d rows, want %d", owner, n, want)
			}
		}
	})
}
