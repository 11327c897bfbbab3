package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema/offer"
)

// snapshotSource reads Cost and Usage Reports of another bill.
func snapshotSource() ingest.Source {
	return ingest.Source{Name: "aws", Format: ingest.CUR, Snapshot: true}
}

// curLine is a row of a small report.
type curLine struct {
	id, account, invoice, start, amount string
}

const curHeader = "identity_line_item_id,identity_time_interval,bill_invoice_id,bill_billing_period_start_date,bill_billing_period_end_date," +
	"line_item_usage_account_id,line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,line_item_product_code," +
	"line_item_usage_type,line_item_operation,product_region_code,line_item_usage_amount,pricing_unit,line_item_unblended_cost," +
	"line_item_currency_code,line_item_unblended_rate"

// curFile is a report of October 2026: hours of machines at 0.096.
func curFile(name string, lines ...curLine) ingest.Input {
	rows := []string{curHeader}
	for _, l := range lines {
		rows = append(rows, strings.Join([]string{l.id, l.start + "/" + l.start, l.invoice, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z",
			l.account, "Usage", l.start, l.start, "AmazonEC2", "BoxUsage:m5.large", "RunInstances", "us-east-1", l.amount, "Hrs", "0.096", "USD", "0.096"}, ","))
	}
	return file(name, []byte(strings.Join(rows, "\n")+"\n"))
}

func hour(id, amount, invoice string) curLine {
	return curLine{id: id, account: "100000000002", invoice: invoice, start: "2026-10-03T04:00:00Z", amount: amount}
}

func snapshots(t *testing.T) *world {
	w := october(t)
	w.Sources = []ingest.Source{{Name: meter}, snapshotSource()}
	return w
}

func (w *world) wantRefreshed(what, want string) {
	w.t.Helper()
	if got := total(w.t, *w.refresh("2026-10")); got.String() != want {
		w.t.Errorf("%s: the month costs %s, want %s", what, got, want)
	}
}

// TestSnapshotReplaces delivers a report again and again; the newest delivery
// alone counts.
func TestSnapshotReplaces(t *testing.T) {
	w := snapshots(t)
	one, two := curFile("1.csv", hour("a", "1", "")), curFile("2.csv", hour("b", "2", ""))
	w.ingest(snapshotSource(), one, two)
	w.wantRefreshed("first", "0.288")
	w.ingest(snapshotSource(), one, two)
	w.wantRefreshed("again", "0.288")
	// One chunk changes, the other is as before, byte for byte.
	w.ingest(snapshotSource(), one, curFile("2.csv", hour("b", "3", "")))
	w.wantRefreshed("a changed chunk", "0.384")
	w.ingest(snapshotSource(), one)
	w.wantRefreshed("a chunk less", "0.096")
	w.ingest(snapshotSource(), one, two)
	w.wantRefreshed("an earlier state", "0.288")
	before := objects(t, w.Store)
	if out := w.ingest(snapshotSource(), one, two); len(out.Known) != 2 || len(out.Slots) != 0 {
		t.Errorf("again: %+v, want both files known", out)
	}
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("again changed %q", d)
	}
}

// TestSnapshotFinal closes only on a report that is final: every row has an
// invoice id, or the operator says so.
func TestSnapshotFinal(t *testing.T) {
	w := snapshots(t)
	blocked := func(says string) {
		t.Helper()
		_, err := w.Close(ctx(), "", "2026-10")
		if !errors.Is(err, pipeline.ErrBlocked) {
			t.Fatalf("close: error %v, want ErrBlocked", err)
		}
		wantError(t, err, says)
	}
	blocked("delivered nothing for 2026-10")
	files := []ingest.Input{curFile("1.csv", hour("a", "1", "77")), curFile("2.csv", hour("b", "2", ""))}
	w.ingest(snapshotSource(), files...)
	blocked("not final")
	t.Run("said by the operator", func(t *testing.T) {
		said := snapshotSource()
		said.Final = true
		w := w.over(copyOf(t, w.Store))
		w.ingest(said, files...)
		if got := total(t, w.close("2026-10").Run); got.String() != "0.288" {
			t.Errorf("the month costs %s, want 0.288", got)
		}
	})
	w.ingest(snapshotSource(), curFile("1.csv", hour("a", "1", "77")), curFile("2.csv", hour("b", "2", "77")))
	if got := total(t, w.close("2026-10").Run); got.String() != "0.288" {
		t.Errorf("the month costs %s, want 0.288", got)
	}
	// After the close nothing changes, and what changed is not taken in.
	w.ingest(snapshotSource(), curFile("1.csv", hour("a", "1", "77")), curFile("2.csv", hour("b", "2", "77")))
	before := objects(t, w.Store)
	w.ingest(snapshotSource(), file("1.csv", []byte(strings.Replace(string(content(t, curFile("", hour("a", "1", "77")))), ",0.096\n", ",0.0960\n", 1))),
		curFile("2.csv", hour("b", "2", "77")))
	if d := differences(before, objects(t, w.Store), nothing); len(d) > 0 {
		t.Errorf("files that tell the same usage changed %q of a closed month", d)
	}
	_, err := w.Ingest(ctx(), snapshotSource(), []ingest.Input{curFile("1.csv", hour("a", "9", "77")), curFile("2.csv", hour("b", "2", "77"))})
	wantError(t, err, "2026-10", "closed")
}

// TestSnapshotRefused delivers a report of which one file is faulty; corrected,
// the whole report counts.
func TestSnapshotRefused(t *testing.T) {
	w := snapshots(t)
	one := curFile("1.csv", hour("a", "1", "77"))
	w.ingest(snapshotSource(), one, curFile("2.csv", hour("b", "-2", "77")))
	w.blocked(1)
	w.ingest(snapshotSource(), one, curFile("2.csv", hour("b", "2", "77")))
	w.wantTotal("0.288")
}

// TestSnapshotGrowing waits for a report of which one file is still being
// written: half a report must not stand for the month.
func TestSnapshotGrowing(t *testing.T) {
	w := snapshots(t)
	growing := curFile("2.csv", hour("b", "2", "77"))
	growing.Size--
	w.ingest(snapshotSource(), curFile("1.csv", hour("a", "1", "77")), growing)
	if _, err := w.Close(ctx(), "", "2026-10"); !errors.Is(err, pipeline.ErrBlocked) {
		t.Fatalf("close: error %v, want ErrBlocked", err)
	}
	w.ingest(snapshotSource(), curFile("1.csv", hour("a", "1", "77")), curFile("2.csv", hour("b", "2", "77")))
	w.wantTotal("0.288")
}

// TestSnapshotEmptyFile has a file without rows beside others, as reports leave
// behind when they shrink.
func TestSnapshotEmptyFile(t *testing.T) {
	w := snapshots(t)
	w.ingest(snapshotSource(), curFile("2.csv"))
	files := []ingest.Input{curFile("1.csv", hour("a", "1", "77")), curFile("2.csv")}
	w.ingest(snapshotSource(), files...)
	if out := w.ingest(snapshotSource(), files...); len(out.Known) != 2 || len(out.Slots) != 0 {
		t.Errorf("again: %+v, want both files known", out)
	}
	w.wantTotal("0.096")
}

// TestSnapshotTwice has two executions of one report in one folder: lines are
// not counted twice.
func TestSnapshotTwice(t *testing.T) {
	w := snapshots(t)
	a, b := hour("a", "1", "77"), hour("b", "2", "77")
	out := w.ingest(snapshotSource(), curFile("20261031/1.csv", a, b), curFile("20261101/1.csv", a, b, hour("c", "1", "77")))
	if _, accepted, duplicate, _ := out.Totals(); accepted != 3 || duplicate != 2 {
		t.Errorf("accepted %d, duplicate %d, want 3 and 2", accepted, duplicate)
	}
	w.wantTotal("0.384")
}

// TestSnapshotTwoMonths keeps the reports of two months in one folder apart.
func TestSnapshotTwoMonths(t *testing.T) {
	w := snapshots(t)
	october := curFile("10.csv", hour("a", "1", "77"))
	november := file("11.csv", []byte(strings.NewReplacer("2026-11-01", "2026-12-01", "2026-10-01", "2026-11-01", "2026-10-03", "2026-11-03").
		Replace(string(content(t, curFile("", hour("a", "5", ""), hour("n", "1", "")))))))
	w.ingest(snapshotSource(), october, november)
	w.wantTotal("0.096")
	stranger := hour("s", "1", "")
	stranger.account = "300000000001"
	strange := file("11.csv", []byte(strings.NewReplacer("2026-11-01", "2026-12-01", "2026-10-01", "2026-11-01", "2026-10-03", "2026-11-03").
		Replace(string(content(t, curFile("", stranger))))))
	w.ingest(snapshotSource(), october, strange)
	list, err := w.Pending(ctx(), "", "2026-11")
	if err != nil || len(list.Suspense) != 1 || !strings.Contains(list.Suspense[0].Example, "11.csv:2") {
		t.Fatalf("pending %+v (%v), want line 2 of 11.csv", list, err)
	}
	// October is closed; a newer November beside it is taken in.
	newer := file("11.csv", []byte(strings.ReplaceAll(string(content(t, november)), ",5,", ",6,")))
	w.ingest(snapshotSource(), october, newer)
	if got := total(t, *w.refresh("2026-11")); got.String() != "0.6384" { // 7 hours at the price since mid-October
		t.Errorf("November costs %s, want 0.6384", got)
	}
}

// TestOwnReports feeds the reports of one month to another installation, which
// rates them with the prices that they imply: the costs are the same.
func TestOwnReports(t *testing.T) {
	w := october(t)
	files := folder(t, "october/usage")
	// No tiers: a report does not tell their bounds. The hours outweigh the refund.
	w.ingest(source(), files[0], files[2], csvFile("hours.csv", good(100)[50:]...))
	closed := w.close("2026-10")
	w.finish("2026-10")
	for _, export := range []string{"cur2", "cur2csv"} {
		t.Run(export, func(t *testing.T) {
			var reports []ingest.Input
			for key, data := range objects(t, w.Store) {
				for _, payer := range []string{"100000000001", "200000000001"} {
					if strings.HasPrefix(key, "reports/"+payer+"/"+payer+"/"+export+"/data/") {
						reports = append(reports, file(key, data))
					}
				}
			}
			again := snapshots(t)
			list, _, err := pipeline.DerivePrices(ctx(), reports, offer.Offers{}, ingest.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			again.prices(string(list))
			again.offers(strings.Split(text(t, "october/offers.yaml"), "  - id: volumes")[0] + "  - id: puts" + strings.Split(text(t, "october/offers.yaml"), "  - id: puts")[1])
			again.ingest(snapshotSource(), reports...)
			run := again.close("2026-10").Run
			for i, b := range run.Bills {
				if want := closed.Run.Bills[i]; b.Payer != want.Payer || b.Total != want.Total {
					t.Errorf("payer %s pays %s, want %s paying %s", b.Payer, b.Total, want.Payer, want.Total)
				}
			}
			if len(run.Bills) != len(closed.Run.Bills) {
				t.Errorf("%d bills, want %d", len(run.Bills), len(closed.Run.Bills))
			}
			sameLines(t, withoutTags(t, chargeLines(t, w, closed.Run)), withoutTags(t, chargeLines(t, again, run)))
		})
	}
}

// TestReportInASourceOfEvents refuses a report where each refresh of it would
// be charged on top of the one before, and a usage file among reports.
func TestReportInASourceOfEvents(t *testing.T) {
	w := october(t)
	out := w.ingest(ingest.Source{Name: meter}, curFile("1.csv", hour("a", "1", "x")))
	if len(out.Refused) != 1 || !strings.Contains(out.Refused[0].Problems.Error(), "kind: snapshot") {
		t.Errorf("a report among events: %+v, want it refused with the next step", out)
	}
	out = w.ingest(ingest.Source{Name: "aws", Snapshot: true}, csvFile("a.csv", good(1)...))
	if len(out.Refused) != 1 || !strings.Contains(out.Refused[0].Problems.Error(), "kind: events") {
		t.Errorf("usage among reports: %+v, want it refused with the next step", out)
	}
}
