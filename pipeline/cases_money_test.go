package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/invoice"
)

// invoices closes a month of an issuer, issues and publishes it, and returns its
// invoices as "number payer total".
func (w *world) invoices(issuer, month string) []string {
	w.t.Helper()
	if _, err := w.Close(ctx(), issuer, month); err != nil {
		w.t.Fatalf("close %s of %s: %v", month, issuer, err)
	}
	if _, err := w.Issue(ctx(), issuer, month); err != nil {
		w.t.Fatalf("issue %s of %s: %v", month, issuer, err)
	}
	done, err := w.Publish(ctx(), issuer, month)
	if err != nil {
		w.t.Fatalf("publish %s of %s: %v", month, issuer, err)
	}
	var list []string
	for _, i := range done.Invoices {
		list = append(list, i.Number+" "+i.Payer+" "+i.Total.String())
	}
	return list
}

// hours are n hours of a machine of an account in a month.
func hours(account, month string, n int) ingest.Input {
	var list []usage
	for i := range n {
		u := instance(fmt.Sprintf("%s-%s-%d", account, month, i), fmt.Sprintf("%s-%02dT%02d:00:00Z", month, 1+i/24, i%24))
		u.account = account
		list = append(list, u)
	}
	return csvFile(account+"-"+month+".csv", list...)
}

// A bill below zero is no invoice: the close says so and writes none.
func TestCase_M06_BillBelowZero(t *testing.T) {
	w := plain(t)
	refunded := instance("refund", "2026-10-03T00:00:00Z")
	refunded.cost, refunded.currency = "-5", "USD"
	w.ingest(source(), csvFile("a.csv", refunded))
	_, err := w.Close(ctx(), "", "2026-10")
	wantError(t, err, "100000000001", "credit note")
	if month, err := w.Refresh(ctx(), "", "2026-10"); err != nil || total(t, *month).String() != "-5" {
		t.Errorf("the open month shows %+v (%v), want -5", month, err)
	}
}

// A refund of a closed month is a row of the next one, and nothing that was
// written for the closed month changes.
func TestCase_M15_RefundAfterTheClose(t *testing.T) {
	w := october(t)
	w.ingest(source(), hours("100000000002", "2026-10", 100), hours("100000000002", "2026-11", 200))
	w.at("2026-11-04T09:00:00Z")
	if got, want := w.invoices("acme", "2026-10"), []string{"AC-000001 100000000001 9.6"}; !slices.Equal(got, want) {
		t.Errorf("October has %q, want %q", got, want)
	}
	before := objects(t, w.Store)
	w.offers(`refunds:
  - {id: outage, account_id: "100000000002", service_code: AmazonEC2, description: Outage, amount: 2.5, date: 2026-11-20, of_period: 2026-10}`)
	w.at("2026-12-04T09:00:00Z")
	if got, want := w.invoices("acme", "2026-11"), []string{"AC-000002 100000000001 15.74"}; !slices.Equal(got, want) { // 200 x 0.0912 - 2.5
		t.Errorf("November has %q, want %q", got, want)
	}
	created := func(key string) bool { return !has(before, key) }
	if d := differences(before, objects(t, w.Store), created); len(d) > 0 {
		t.Errorf("the refund changed %q", d)
	}
}

// Two legal entities number their invoices each for itself.
func TestCase_M20_TwoIssuers(t *testing.T) {
	w := plain(t)
	w.organization(`issuers:
  - {id: north, name: North Ltd., currency: USD, invoice_prefix: N-, invoice_digits: 4}
  - {id: south, name: South Ltd., currency: USD, invoice_prefix: S-, invoice_digits: 4}
payers:
  - {account_id: "1", name: One, issuer: south}
  - {account_id: "2", name: Two, issuer: north}
  - {account_id: "3", name: Three, issuer: south}`)
	for _, account := range []string{"1", "2", "3"} {
		w.ingest(source(), hours(account, "2026-10", 10))
	}
	for issuer, want := range map[string][]string{"south": {"S-0001 1 0.96", "S-0002 3 0.96"}, "north": {"N-0001 2 0.96"}} {
		if got := w.invoices(issuer, "2026-10"); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", issuer, got, want)
		}
	}
}

// Numbers are counted, not sorted as text: 10 comes after 9. A prefix is how a
// number is written; the count of the issuer goes on under another one.
func TestCase_M21_M22_NumbersGoOn(t *testing.T) {
	w := plain(t)
	shorter := strings.Replace(text(t, "october/organization.yaml"), "invoice_digits: 6", "invoice_digits: 1", 1)
	w.organization(shorter)
	var got []string
	for i, month := range []string{"2026-08", "2026-09", "2026-10", "2026-11", "2026-12", "2027-01"} {
		if month == "2027-01" {
			w.organization(strings.Replace(shorter, "invoice_prefix: AC-", "invoice_prefix: NEW-", 1))
		}
		w.at(fmt.Sprintf("%d-%02d-04T09:00:00Z", 2026+(i+8)/12, (i+8)%12+1))
		w.ingest(source(), hours("100000000002", month, 10), hours("200000000002", month, 10))
		for _, invoice := range w.invoices("acme", month) {
			got = append(got, strings.Fields(invoice)[0])
		}
	}
	want := []string{"AC-1", "AC-2", "AC-3", "AC-4", "AC-5", "AC-6", "AC-7", "AC-8", "AC-9", "AC-10", "NEW-11", "NEW-12"}
	if !slices.Equal(got, want) {
		t.Errorf("numbers %q, want %q", got, want)
	}
}

// TestCase_M21_PrefixThatCouldRepeatANumber is refused at the close, before the
// prefix is pinned.
func TestCase_M21_PrefixThatCouldRepeatANumber(t *testing.T) {
	w := plain(t)
	w.ingest(source(), hours("100000000002", "2026-10", 10), hours("100000000002", "2026-11", 10))
	w.invoices("acme", "2026-10") // AC-000001
	w.organization(strings.Replace(text(t, "october/organization.yaml"), "invoice_prefix: AC-", "invoice_prefix: AC-0", 1))
	w.at("2026-12-04T09:00:00Z")
	_, err := w.Close(ctx(), "acme", "2026-11")
	wantError(t, err, `invoice_prefix "AC-0"`, `2026-10 has under "AC-"`)
	for _, c := range []struct {
		a, b string
		want bool
	}{{"A-", "A-", false}, {"A-", "A-1", true}, {"A-12", "A-1", true}, {"A-1", "A-2", false}, {"A-", "B-", false}, {"", "7", true}, {"A", "A-", false}} {
		if invoice.MayRepeat(c.a, c.b) != c.want || invoice.MayRepeat(c.b, c.a) != c.want {
			t.Errorf("%q and %q: want %t", c.a, c.b, c.want)
		}
	}
}

// A month without lines has no invoice, nor has one whose lines sum to zero, run
// after run; no number is used up.
func TestCase_M23_NothingToPay(t *testing.T) {
	w := plain(t)
	none := w.invoices("acme", "2026-10")
	zero := instance("zero", "2026-11-03T00:00:00Z")
	back := zero
	back.id, back.cost, back.currency = "back", "-0.0912", "USD"
	w.at("2026-12-04T09:00:00Z")
	w.ingest(source(), csvFile("zero.csv", zero, back))
	none = append(none, w.invoices("acme", "2026-11")...)
	w.at("2027-01-04T09:00:00Z")
	w.ingest(source(), hours("100000000002", "2026-12", 10))
	if got, want := append(none, w.invoices("acme", "2026-12")...), []string{"AC-000001 100000000001 0.91"}; !slices.Equal(got, want) {
		t.Errorf("invoices %q, want %q", got, want)
	}
}

// The bill is made out to whom it was at the close, whatever the organization
// file says when it is published.
func TestCase_M30_BillToIsThatOfTheClose(t *testing.T) {
	files := folder(t, "october/usage")
	want := wholeMonth(october(t), files)
	w := october(t)
	w.ingest(source(), files...)
	w.close("2026-10")
	w.organization(strings.NewReplacer("Example Shop", "Another Shop", "5 Harbour Road", "6 Harbour Road", "AC-", "XX-", "IE1234567X", "IE7654321X").
		Replace(text(t, "october/organization.yaml")))
	w.at("2026-11-04T09:00:00Z")
	w.finish("2026-10")
	sameResults(t, "with another bill-to", want, results(t, w.Store))
}
