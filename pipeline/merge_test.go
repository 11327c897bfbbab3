package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// TestIndexIsMerged delivers a record at a time: the runs of the id index stay
// few, and none of their ids is forgotten.
func TestIndexIsMerged(t *testing.T) {
	w := october(t)
	const deliveries = 16*16 + 5
	all := good(deliveries)
	for i, r := range all {
		w.ingest(source(), csvFile(fmt.Sprintf("%03d.csv", i), r))
	}
	entries, err := period.Log{Store: w.Store, Name: store.UsageLog()}.Read(ctx())
	if err != nil {
		t.Fatal(err)
	}
	state, err := period.FoldUsage(entries, -1)
	if err != nil {
		t.Fatal(err)
	}
	if len(state.IDs) != 6 {
		t.Errorf("%d runs after %d deliveries, want one of the second level and 5 new ones", len(state.IDs), deliveries)
	}
	again := w.ingest(source(), csvFile("again.csv", all...))
	if _, accepted, duplicate, _ := again.Totals(); accepted != 0 || duplicate != deliveries {
		t.Errorf("delivered again: accepted %d, duplicate %d, want 0 and %d", accepted, duplicate, deliveries)
	}
	changed := good(1)
	changed[0].amount = "7"
	if out := w.ingest(source(), csvFile("changed.csv", changed...)); len(out.Refused) != 1 {
		t.Errorf("other content under a merged id: %+v, want it refused", out)
	}
}
