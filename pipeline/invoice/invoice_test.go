package invoice

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func cost(t fataler, s string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

var issued = schema.Date{Year: 2026, Month: time.November, Day: 5}

// entry is a line of a test bill: account, service, cost.
type entry struct{ account, service, cost string }

// billOf sums the entries as a bill in dollars does.
func billOf(t fataler, entries ...entry) bill.Bill {
	t.Helper()
	b := bill.Bill{
		Issuer: schema.Issuer{
			ID: "acme", Name: "Example Cloud", TimeZone: "UTC", Currency: "USD", PaymentTermsDays: 30,
		},
		Payer: schema.Payer{AccountID: "111", Name: "Payer", Issuer: "acme", Accounts: []schema.Account{{ID: "111"}}},
		Period: schema.Period{
			Name:  "2026-10",
			Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
			End:   time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		},
		Currency: "USD",
		Charges:  int64(len(entries)),
	}
	services, accounts := map[string]money.Cost{}, map[string]money.Cost{}
	for _, e := range entries {
		c := cost(t, e.cost)
		b.Lines = append(b.Lines, bill.Line{Account: e.account, Service: e.service, Cost: c})
		services[e.service] = plus(t, services[e.service], c)
		accounts[e.account] = plus(t, accounts[e.account], c)
		b.Total = plus(t, b.Total, c)
	}
	b.Services, b.Accounts = subtotals(services), subtotals(accounts)
	return b
}

func plus(t fataler, a, b money.Cost) money.Cost {
	t.Helper()
	c, err := money.Add(a, b)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

func subtotals(sums map[string]money.Cost) []bill.Subtotal {
	var list []bill.Subtotal
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		list = append(list, bill.Subtotal{Key: key, Cost: sums[key]})
	}
	return list
}

func sampleBill(t fataler) bill.Bill {
	return billOf(t,
		entry{"111", "Compute", "10.004"}, entry{"222", "Compute", "0.001"},
		entry{"111", "Queue", "0.005"}, entry{"222", "Storage", "0.005"},
		entry{"222", "Support", "-1.005"})
}

func sampleInvoice(t fataler) bill.Invoice {
	t.Helper()
	inv, err := New(sampleBill(t), "INV-0007", issued)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return inv
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestNumber(t *testing.T) {
	tests := []struct {
		prefix string
		digits int
		n      int64
		want   string
	}{
		{"INV-", 6, 1, "INV-000001"},
		{"", 0, 42, "42"},
		{"A", 2, 12345, "A12345"},
		{"%d-", 3, 7, "%d-007"},
		{"", MaxDigits, 1<<63 - 1, "9223372036854775807"},
	}
	for _, test := range tests {
		if got := Number(test.prefix, test.digits, test.n); got != test.want {
			t.Errorf("Number(%q, %d, %d) = %q, want %q", test.prefix, test.digits, test.n, got, test.want)
		}
	}
	for _, bad := range []struct {
		digits int
		n      int64
	}{{6, 0}, {6, -1}, {-1, 1}, {MaxDigits + 1, 1}} {
		if !panics(func() { Number("", bad.digits, bad.n) }) {
			t.Errorf("Number of %d in %d digits did not panic", bad.n, bad.digits)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestDue(t *testing.T) {
	tests := []struct {
		cost string
		want bool
	}{
		{"0", false}, {"0.0049999999", false}, {"-0.0049999999", false},
		{"0.005", true}, {"1", true}, {"-0.005", true},
	}
	for _, test := range tests {
		if got := Due(billOf(t, entry{"1", "S", test.cost})); got != test.want {
			t.Errorf("Due of %s = %v, want %v", test.cost, got, test.want)
		}
	}
	if Due(billOf(t)) {
		t.Error("a bill without lines is due")
	}
	unknown := billOf(t)
	unknown.Currency = "ZZZ"
	if !Due(unknown) {
		t.Error("a bill in an unknown currency must reach New, which names the fault")
	}
}

func TestCase_M01_RoundingLine(t *testing.T) {
	inv := sampleInvoice(t)
	lines := []bill.InvoiceLine{
		{Service: "Compute", Exact: cost(t, "10.005"), Amount: cost(t, "10.01")},
		{Service: "Queue", Exact: cost(t, "0.005"), Amount: cost(t, "0.01")},
		{Service: "Storage", Exact: cost(t, "0.005"), Amount: cost(t, "0.01")},
		{Service: "Support", Exact: cost(t, "-1.005"), Amount: cost(t, "-1.01")},
	}
	if !reflect.DeepEqual(inv.Lines, lines) {
		t.Errorf("lines %v, want %v", inv.Lines, lines)
	}
	for _, f := range []struct{ name, got, want string }{
		{"exact total", inv.ExactTotal.String(), "9.01"},
		{"total", inv.Total.String(), "9.01"},
		{"rounding", inv.Rounding.String(), "-0.01"},
		{"due date", inv.DueDate.String(), "2026-12-05"},
		{"number", inv.Number, "INV-0007"},
		{"kind", inv.Kind, "invoice"},
	} {
		if f.got != f.want {
			t.Errorf("%s is %s, want %s", f.name, f.got, f.want)
		}
	}
	if inv.Payer.Accounts != nil {
		t.Error("the invoice carries the payer's member list")
	}
}

func TestCase_M11_OtherMinorUnits(t *testing.T) {
	for currency, want := range map[money.Currency]string{"JPY": "1235", "KRW": "1235", "USD": "1234.57", "KWD": "1234.568", "CLF": "1234.5675"} {
		b := billOf(t, entry{"1", "S", "1234.5675"})
		b.Currency, b.Issuer.Currency = currency, currency
		inv, err := New(b, "1", issued)
		if err != nil || inv.Total.String() != want {
			t.Errorf("total in %s is %s, %v; want %s", currency, inv.Total, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bill.Bill)
		want   string
	}{
		{"total", func(b *bill.Bill) { b.Total = cost(t, "9") }, "lines sum to 9.01"},
		{"service", func(b *bill.Bill) { b.Services[0].Cost = cost(t, "1") }, `service "Compute" sum to 10.005`},
		{"account", func(b *bill.Bill) { b.Accounts[1].Cost = cost(t, "1") }, `account "222"`},
		{"missing service", func(b *bill.Bill) { b.Services = b.Services[1:] }, "no subtotal"},
		{"doubled service", func(b *bill.Bill) { b.Services = append(b.Services, b.Services[3]) }, "twice"},
		{"unsorted", func(b *bill.Bill) { slices.Reverse(b.Accounts) }, "out of order"},
		{"lines gone", func(b *bill.Bill) { b.Lines = nil }, "lines sum to 0"},
		{"other issuer", func(b *bill.Bill) { b.Payer.Issuer = "other" }, "belongs to issuer"},
		{"other currency", func(b *bill.Bill) { b.Currency = "EUR" }, "issuer acme bills in"},
		{"no currency", func(b *bill.Bill) { b.Currency, b.Issuer.Currency = "", "" }, "currency"},
		{"no period", func(b *bill.Bill) { b.Period = schema.Period{} }, "period"},
		{"terms", func(b *bill.Bill) { b.Issuer.PaymentTermsDays = -1 }, "payment terms"},
		{"Case_M06_negative", func(b *bill.Bill) { *b = billOf(t, entry{"1", "S", "-5"}) }, "credit note"},
		{"zero", func(b *bill.Bill) { *b = billOf(t) }, "total is zero"},
		{"overflow", func(b *bill.Bill) {
			*b = billOf(t, entry{"1", "S", strings.Repeat("9", 28) + ".999"})
		}, "38 digits"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := sampleBill(t)
			test.change(&b)
			_, err := New(b, "INV-1", issued)
			wantError(t, err, test.want)
		})
	}
	_, err := New(sampleBill(t), "", issued)
	wantError(t, err, "no number")
	_, err = New(sampleBill(t), "INV-1", schema.Date{})
	wantError(t, err, "no invoice date")
}

func TestCheckFindsEveryChange(t *testing.T) {
	cent := cost(t, "0.01")
	tests := []struct {
		name   string
		change func(*bill.Invoice)
		want   string
	}{
		{"amount", func(i *bill.Invoice) { i.Lines[0].Amount = cent }, "rounds to 10.01"},
		{"exact", func(i *bill.Invoice) { i.Lines[0].Exact = cost(t, "10.006") }, "services sum to"},
		{"rounding", func(i *bill.Invoice) { i.Rounding = cent }, "printed lines and rounding"},
		{"total", func(i *bill.Invoice) { i.Total = cent }, "total is 0.01"},
		{"exact total", func(i *bill.Invoice) { i.ExactTotal = cent }, "services sum to"},
		{"account", func(i *bill.Invoice) { i.Accounts[0].Cost = cent }, "accounts sum to"},
		{"line gone", func(i *bill.Invoice) { i.Lines = i.Lines[1:] }, "services sum to"},
		{"line twice", func(i *bill.Invoice) { i.Lines[1].Service = "Compute" }, "twice"},
		{"accounts unsorted", func(i *bill.Invoice) { slices.Reverse(i.Accounts) }, "out of order"},
		{"due date", func(i *bill.Invoice) { i.DueDate = i.DueDate.AddDays(1) }, "due date"},
		{"kind", func(i *bill.Invoice) { i.Kind = "credit" }, "kind"},
		{"number", func(i *bill.Invoice) { i.Number = "" }, "no number"},
		{"currency", func(i *bill.Invoice) { i.Currency = "KRW" }, "bills in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inv := sampleInvoice(t)
			test.change(&inv)
			err := Check(inv)
			wantError(t, err, test.want)
			wantError(t, err, "of payer 111 for 2026-10")
		})
	}
}

// TestCase_M33_RoundingIsBounded draws bills and proves I1 and I15 in whole numbers of 10^-10,
// apart from the package's own arithmetic.
func TestCase_M33_RoundingIsBounded(t *testing.T) {
	const unit = 100_000_000 // one cent
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) entry {
			n := rapid.Int64Range(-3*unit, 50*unit).Draw(t, "cost")
			sign := ""
			if n < 0 {
				sign, n = "-", -n
			}
			return entry{
				account: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "account"),
				service: rapid.SampledFrom([]string{"A", "B", "C", "D", "E"}).Draw(t, "service"),
				cost:    fmt.Sprintf("%s%d.%010d", sign, n/1e10, n%1e10),
			}
		}), 0, 30).Draw(t, "entries")
		b := billOf(t, entries...)
		inv, err := New(b, "1", issued)
		if money.Sign(b.Total) <= 0 || !Due(b) {
			if err == nil {
				t.Fatalf("an invoice over %s", b.Total)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		printed := whole(inv.Rounding)
		for _, l := range inv.Lines {
			printed += whole(l.Amount)
			if whole(l.Amount)%unit != 0 || 2*abs(whole(l.Amount)-whole(l.Exact)) > unit {
				t.Fatalf("%s printed as %s", l.Exact, l.Amount)
			}
		}
		if printed != whole(inv.Total) || whole(inv.Total)%unit != 0 || whole(inv.Rounding)%unit != 0 {
			t.Fatalf("printed %d, total %s, rounding %s", printed, inv.Total, inv.Rounding)
		}
		if 2*abs(whole(inv.Total)-whole(b.Total)) > unit {
			t.Fatalf("total %s of exactly %s", inv.Total, b.Total)
		}
		if 2*abs(whole(inv.Rounding)) > unit*int64(len(inv.Lines)+1) {
			t.Fatalf("rounding %s over %d lines", inv.Rounding, len(inv.Lines))
		}
	})
}

func whole(c money.Cost) int64 { return int64(c.Lo) }

func abs(n int64) int64 { return max(n, -n) }

func TestNewLeavesTheBillAlone(t *testing.T) {
	b := sampleBill(t)
	if _, err := New(b, "1", issued); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(b, sampleBill(t)) {
		t.Error("New changed the bill it was given")
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	inv := sampleInvoice(t)
	if err := WriteCSV(brokenWriter{want}, inv); !errors.Is(err, want) {
		t.Errorf("csv: %v", err)
	}
	if err := WriteJSON(brokenWriter{want}, inv); !errors.Is(err, want) {
		t.Errorf("json: %v", err)
	}
	inv.Payer.Name = "bad\xff"
	if err := WriteJSON(&bytes.Buffer{}, inv); err == nil {
		t.Error("invalid UTF-8 went into the JSON")
	}
}
