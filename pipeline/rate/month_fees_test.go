package rate_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

func TestFees(t *testing.T) {
	moving := schema.Payer{Accounts: []schema.Account{{ID: "P"}, {ID: "A"}, {ID: "B", Until: october.Add(10 * 24 * time.Hour)}}}
	for _, c := range []struct {
		name string
		fee  offer.Fee
		want string // hour and cost; blank: no row
	}{
		{"once on the first", offer.Fee{Account: "A", Date: day("2026-10-01")}, "0 31"},
		{"once on the last", offer.Fee{Account: "A", Date: day("2026-10-31")}, "720 31"},
		{"once, the day after", offer.Fee{Account: "A", Date: day("2026-11-01")}, ""},
		{"once, the day before", offer.Fee{Account: "A", Date: day("2026-09-30")}, ""},
		{"once, while a member", offer.Fee{Account: "B", Date: day("2026-10-10")}, "216 31"},
		{"once, no longer a member of any", offer.Fee{Account: "B", Date: day("2026-10-11")}, "240 31"},
		{"monthly", offer.Fee{Account: "A", From: day("2020-01-01")}, "0 31"},
		{"monthly from a day on, whole", offer.Fee{Account: "A", From: day("2026-10-31")}, "720 31"},
		{"monthly from a day on, prorated", offer.Fee{Account: "A", From: day("2026-10-31"), Prorate: true}, "720 1"},
		{"monthly until a day, prorated", offer.Fee{Account: "A", From: day("2020-01-01"), Until: day("2026-10-03"), Prorate: true}, "0 2"},
		{"monthly, prorated, all of the month", offer.Fee{Account: "A", From: day("2026-10-01"), Until: day("2026-11-01"), Prorate: true}, "0 31"},
		{"monthly, ended", offer.Fee{Account: "A", From: day("2020-01-01"), Until: day("2026-10-01")}, ""},
		{"monthly, later", offer.Fee{Account: "A", From: day("2026-11-01")}, ""},
		{"monthly of one who leaves", offer.Fee{Account: "B", From: day("2020-01-01")}, "0 31"},
		{"of a stranger", offer.Fee{Account: "X", From: day("2020-01-01")}, ""},
	} {
		b := &bills{payer: moving}
		c.fee.ID, c.fee.Service, c.fee.Amount = "f", "S", costText(t, "31")
		b.offers.Fees = []offer.Fee{c.fee}
		var want []string
		if c.want != "" {
			want = []string{"Fee " + c.fee.Account + " S f " + c.want}
		}
		t.Run(c.name, func(t *testing.T) { wantRows(t, b.settle(t, nil).fees, want...) })
	}
}

// A month begins where its zone says; the hour is the one that holds midnight.
func TestFeeHourInAZoneOfHalfHours(t *testing.T) {
	b := &bills{zone: "Asia/Kolkata"} // October begins at 18:30 UTC of September 30
	b.offers.Fees = []offer.Fee{{ID: "f", Account: "A", Service: "S", Amount: costText(t, "1"), From: day("2026-10-02")}}
	wantRows(t, b.settle(t, nil).fees, "Fee A S f 18 1")
	b.offers.Fees[0].From = day("2026-10-01")
	wantRows(t, b.settle(t, nil).fees, "Fee A S f -6 1")
}

// The parts of a split month sum to the whole, within half of 1e-6 each.
func TestCase_M26_PartsOfAMonthSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		split := schema.Date{Year: 2026, Month: 10, Day: rapid.IntRange(2, 31).Draw(t, "day")}
		amount, err := money.ParseCostExp(drawCents(t, "amount", 1, 1_000_000))
		must(t, err)
		fee := offer.Fee{Account: "A", Service: "S", Amount: amount, Prorate: true}
		before, after := fee, fee
		before.ID, before.From, before.Until = "before", day("2020-01-01"), split
		after.ID, after.From = "after", split
		b := &bills{}
		b.offers.Fees = []offer.Fee{before, after}
		fees := b.settle(t, nil).fees
		if len(fees) != 2 {
			t.Fatalf("%d rows", len(fees))
		}
		off, err := money.Sub(plus(t, fees[0].Unblended, fees[1].Unblended), amount)
		must(t, err)
		if money.Cmp(money.Abs(off), costText(t, "0.000001")) > 0 {
			t.Errorf("parts of %s are %s and %s", amount, fees[0].Unblended, fees[1].Unblended)
		}
	})
}

// 10 % up to 10,000, 7 % to 80,000, 5 % above, at least 100.
func support(t tester) offer.Support {
	return offer.Support{ID: "care", Payer: "P", Service: "Support", Minimum: costText(t, "100"), Tiers: []offer.SupportTier{
		{To: costText(t, "10000"), Factor: rateText(t, "0.1")}, {To: costText(t, "80000"), Factor: rateText(t, "0.07")}, {Factor: rateText(t, "0.05")}}}
}

func TestSupport(t *testing.T) {
	for _, c := range []struct{ base, want string }{
		{"0", "100"}, {"-500", "100"}, {"999.99", "100"}, {"1000.01", "100.001"}, {"10000", "1000"}, {"10000.01", "1000.0007"},
		{"80000", "5900"}, {"85000", "6150"}, {"2000.000005", "200.000001"}, {"2000.000004", "200"},
	} {
		b := &bills{}
		b.offers.Support = []offer.Support{support(t)}
		s := b.settle(t, []rated{{account: "A", service: "S", cost: c.base}})
		wantRows(t, s.fees, "Fee P Support care 743 "+c.want)
	}
}

func TestSupportBase(t *testing.T) {
	lines := []rated{{account: "A", service: "S", cost: "3000"}, {account: "B", service: "S", cost: "5000"}, {account: "A", service: "S", cost: "700", kind: "Tax"}}
	fee := offer.Fee{ID: "f", Account: "A", Service: "S", Amount: costText(t, "900"), From: day("2026-10-01")}
	for _, c := range []struct {
		name string
		edit func(*offer.Support)
		want []string
	}{
		{"all", func(*offer.Support) {}, []string{"Fee P Support care 743 800"}},
		{"some", func(s *offer.Support) { s.Accounts = []string{"A", "X"} }, []string{"Fee P Support care 743 300"}},
		{"none of it used", func(s *offer.Support) { s.Accounts = []string{"C"} }, []string{"Fee P Support care 743 100"}},
		{"per account", func(s *offer.Support) { s.Accounts, s.PerAccount = []string{"A", "C", "X"}, true },
			[]string{"Fee A Support care 743 300", "Fee C Support care 743 100"}},
		{"of another payer", func(s *offer.Support) { s.Payer = "X" }, nil},
		{"held on the last day", func(s *offer.Support) { s.From = day("2026-10-31") }, []string{"Fee P Support care 743 800"}},
		{"ended on the last day", func(s *offer.Support) { s.Until = day("2026-10-31") }, nil},
	} {
		b := &bills{}
		s := support(t)
		c.edit(&s)
		b.offers.Support, b.offers.Fees = []offer.Support{s}, []offer.Fee{fee}
		t.Run(c.name, func(t *testing.T) {
			wantRows(t, b.settle(t, lines).fees, append(c.want, "Fee A S f 0 900")...)
		})
	}
}

func TestMinimumOfAMonth(t *testing.T) {
	for _, c := range []struct{ spent, want string }{{"0", "500"}, {"499.99", "0.01"}, {"500", ""}, {"500.01", ""}, {"-10", "510"}} {
		b := &bills{}
		b.offers.Minimums = []offer.Minimum{{ID: "least", Payer: "P", Service: "S", Amount: costText(t, "500")}}
		var want []string
		if c.want != "" {
			want = []string{"Fee P S least 743 " + c.want}
		}
		s := b.settle(t, []rated{{account: "A", service: "T", cost: c.spent}})
		wantRows(t, s.fees, want...)
		if len(s.balances) > 0 {
			t.Errorf("a monthly minimum has the balance %+v", s.balances)
		}
	}
}

// Fees and support count towards the minimum, credits do not.
func TestMinimumBase(t *testing.T) {
	b := fullBills(t)
	b.offers.SavingsPlans, b.offers.Taxes, b.offers.Refunds = nil, nil, nil
	// 1000 used, 12 setup, 100 support: 18,888 are missing.
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "1000"}})
	wantRows(t, s.fees, "Fee B S setup 48 12", "Fee P Support care 743 100", "Fee P S least 743 18888")
}

func TestMinimumOfAWholeTerm(t *testing.T) {
	for _, c := range []struct {
		name, from, until, opening, spent string
		want                              string // balance as opening granted applied expired closing
		fee                               string
	}{
		{"first month", "2026-10-01", "2027-10-01", "", "200", "0 1000 200 0 800", ""},
		{"first month, nothing spent", "2026-10-01", "2027-10-01", "", "0", "0 1000 0 0 1000", ""},
		{"middle", "2026-01-01", "2027-01-01", "800", "300", "800 0 300 0 500", ""},
		{"met", "2026-01-01", "2027-01-01", "100", "300", "100 0 100 0 0", ""},
		{"last month", "2026-01-01", "2026-11-01", "800", "300", "800 0 800 0 0", "500"},
		{"last month, met", "2026-01-01", "2026-11-01", "200", "300", "200 0 200 0 0", ""},
		{"one month", "2026-10-01", "2026-11-01", "", "300", "0 1000 1000 0 0", "700"},
	} {
		b := &bills{}
		if c.opening != "" {
			b.opening = []bill.Balance{{Kind: bill.MinimumBalance, ID: "least", Closing: costText(t, c.opening)},
				{Kind: bill.CreditBalance, ID: "least", Closing: costText(t, "1")}}
		}
		b.offers.Minimums = []offer.Minimum{{ID: "least", Payer: "P", Service: "S", Amount: costText(t, "1000"), Term: true, From: day(c.from), Until: day(c.until)}}
		t.Run(c.name, func(t *testing.T) {
			s := b.settle(t, []rated{{account: "A", service: "T", cost: c.spent}})
			var want []string
			if c.fee != "" {
				want = []string{"Fee P S least 743 " + c.fee}
			}
			wantRows(t, s.fees, want...)
			wantBalances(t, s.balances, "minimum_commitment least "+c.want)
		})
	}
}

func wantBalances(t tester, list []bill.Balance, want ...string) {
	t.Helper()
	var got []string
	for _, b := range list {
		got = append(got, fmt.Sprintf("%s %s %s %s %s %s %s", b.Kind, b.ID, b.Opening, b.Granted, b.Applied, b.Expired, b.Closing))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("balances are %q, want %q", got, want)
	}
}
