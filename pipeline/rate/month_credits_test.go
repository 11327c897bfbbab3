package rate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

func credit(t tester, id, account, amount, until string) offer.Credit {
	return offer.Credit{ID: id, Account: account, Amount: costText(t, amount), From: day("2026-10-10"), Until: day(until)}
}

// What a credit does not pay is carried, and paid out of later.
func TestCase_M07_CreditAboveTheCharge(t *testing.T) {
	b := &bills{}
	b.offers.Credits = []offer.Credit{credit(t, "c", "A", "100", "2027-01-01")}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "30.0000000001"}})
	wantRows(t, s.rows, "Credit A S c 0 -30.0000000001")
	wantBalances(t, s.balances, "credit c 0 100 30.0000000001 0 69.9999999999")
	if got := s.rows[0]; got.Net != got.Unblended || got.Effective != got.Unblended || got.Blended != (money.Cost{}) {
		t.Errorf("row is %+v", got)
	}
	b.offers.Credits[0].From = day("2026-09-10")
	b.opening = s.balances
	s = b.settle(t, []rated{{account: "A", service: "S", cost: "80"}})
	wantRows(t, s.rows, "Credit A S c 0 -69.9999999999")
	wantBalances(t, s.balances, "credit c 69.9999999999 0 69.9999999999 0 0")
	b.opening = s.balances
	s = b.settle(t, []rated{{account: "A", service: "S", cost: "80"}})
	wantRows(t, s.rows)
	wantBalances(t, s.balances, "credit c 0 0 0 0 0") // carried on, so that it is not granted again
}

func TestCase_M08_CreditsAtTheirEnd(t *testing.T) {
	for _, c := range []struct{ name, from, until, opening, want string }{
		{"ends in the month", "2026-10-01", "2026-10-20", "", "credit c 0 100 30 70 0"},
		{"ends with the month", "2026-10-01", "2026-11-01", "", "credit c 0 100 30 70 0"},
		{"ends a day later", "2026-10-01", "2026-11-02", "", "credit c 0 100 30 0 70"},
		{"granted on the last day", "2026-10-31", "2027-01-01", "", "credit c 0 100 30 0 70"},
		{"granted later", "2026-11-01", "2027-01-01", "", ""},
		{"of an earlier month, not known before", "2026-09-01", "2027-01-01", "", "credit c 0 100 30 0 70"},
		{"of an earlier month, used up", "2026-09-01", "2027-01-01", "0", "credit c 0 0 0 0 0"},
		{"used up and over", "2026-09-01", "2026-10-20", "0", "credit c 0 0 0 0 0"},
		{"over before it was known", "2026-09-01", "2026-10-01", "", ""},
		{"of an earlier month", "2026-09-01", "2027-01-01", "50", "credit c 50 0 30 0 20"},
		{"ended with the month before", "2026-09-01", "2026-10-01", "50", "credit c 50 0 0 50 0"},
	} {
		b := &bills{}
		b.offers.Credits = []offer.Credit{{ID: "c", Account: "A", Amount: costText(t, "100"), From: day(c.from), Until: day(c.until)}}
		if c.opening != "" {
			b.opening = []bill.Balance{{Kind: bill.CreditBalance, ID: "c", Closing: costText(t, c.opening)}}
		}
		t.Run(c.name, func(t *testing.T) {
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			wantBalances(t, b.settle(t, []rated{{account: "A", service: "S", cost: "30"}}).balances, want...)
		})
	}
}

// Two credits: the soonest end pays first, then that for fewest services, then
// the oldest, then by id.
func TestCase_M08_TwoCreditsHaveAFixedOrder(t *testing.T) {
	first := credit(t, "z", "A", "60", "2027-01-01")
	for _, edit := range []func(*offer.Credit){
		func(c *offer.Credit) { c.Until = day("2027-01-02") },
		func(c *offer.Credit) { c.Services = []string{"S", "T"} },
		func(c *offer.Credit) { c.Services = nil },
		func(c *offer.Credit) { c.From = day("2026-10-11") },
		func(c *offer.Credit) { c.ID = "zz" },
	} {
		first.Services = []string{"S"}
		second := first
		second.ID = "a"
		edit(&second)
		b := &bills{}
		for _, list := range [][]offer.Credit{{first, second}, {second, first}} {
			b.offers.Credits = list
			s := b.settle(t, []rated{{account: "A", service: "S", cost: "100"}})
			wantRows(t, s.rows, "Credit A S z 0 -60", "Credit A S "+second.ID+" 0 -40")
		}
	}
}

func TestCreditGoesRound(t *testing.T) {
	lines := []rated{
		{account: "A", service: "S", cost: "10"}, {account: "A", service: "T", cost: "20"}, {account: "A", service: "N", cost: "-7"},
		{account: "B", service: "S", cost: "30"}, {account: "B", service: "T", cost: "30"},
		{account: "C", service: "S", cost: "50"}, {account: "C", service: "T", cost: "15", hour: 700},
	}
	for _, c := range []struct {
		name   string
		credit offer.Credit
		payer  schema.Payer
		want   []string
	}{
		{"owner, then the most costly", offer.Credit{}, schema.Payer{}, []string{"Credit A T c 0 -20", "Credit A S c 0 -10", "Credit C S c 0 -50", "Credit C T c 0 -15", "Credit B S c 0 -5"}},
		{"of services", offer.Credit{Services: []string{"S"}}, schema.Payer{}, []string{"Credit A S c 0 -10", "Credit C S c 0 -50", "Credit B S c 0 -30"}},
		{"for accounts", offer.Credit{Accounts: []string{"C", "B"}}, schema.Payer{}, []string{"Credit C S c 0 -50", "Credit C T c 0 -15", "Credit B S c 0 -30", "Credit B T c 0 -5"}},
		{"private", offer.Credit{Private: true}, schema.Payer{}, []string{"Credit A T c 0 -20", "Credit A S c 0 -10"}},
		{"a part of a charge", offer.Credit{Private: true, Amount: costText(t, "25")}, schema.Payer{}, []string{"Credit A T c 0 -20", "Credit A S c 0 -5"}},
		{"owner does not share", offer.Credit{}, sharing("A"), []string{"Credit A T c 0 -20", "Credit A S c 0 -10"}},
		{"another does not share", offer.Credit{}, sharing("B"), []string{"Credit A T c 0 -20", "Credit A S c 0 -10", "Credit C S c 0 -50", "Credit C T c 0 -15"}},
		{"owner has left", offer.Credit{}, left("A"), nil},
	} {
		b := &bills{payer: c.payer}
		c.credit.ID, c.credit.Account, c.credit.From, c.credit.Until = "c", "A", day("2026-10-01"), day("2027-01-01")
		if c.credit.Amount == (money.Cost{}) {
			c.credit.Amount = costText(t, "100")
		}
		b.offers.Credits = []offer.Credit{c.credit}
		t.Run(c.name, func(t *testing.T) { wantRows(t, b.settle(t, lines).rows, c.want...) })
	}
}

// sharing is a payer of which one account stops to share its credits on the
// last day of the month.
func sharing(not string) schema.Payer {
	p := schema.Payer{Accounts: []schema.Account{{ID: "P"}, {ID: "A"}, {ID: "B"}, {ID: "C"}}}
	for i := range p.Accounts {
		if p.Accounts[i].ID == not {
			p.Accounts[i].Sharing = []schema.Sharing{{From: november.Add(-time.Hour), Reservations: true, SavingsPlans: true}}
		}
	}
	return p
}

// left is a payer whom one account leaves on the last day of the month.
func left(id string) schema.Payer {
	p := sharing("")
	for i := range p.Accounts {
		if p.Accounts[i].ID == id {
			p.Accounts[i].Until = november.Add(-time.Hour)
		}
	}
	return p
}

func TestCreditMovesWithItsAccount(t *testing.T) {
	b := &bills{payer: left("A"), more: []schema.Payer{{AccountID: "Q", Issuer: "acme", Accounts: []schema.Account{{ID: "A", From: november.Add(-time.Hour)}}}}}
	b.offers.Credits = []offer.Credit{{ID: "c", Account: "A", Amount: costText(t, "100"), From: day("2026-09-01"), Until: day("2027-01-01")}}
	b.opening = []bill.Balance{{Kind: bill.CreditBalance, ID: "c", Closing: costText(t, "40")}}
	lines := []rated{{account: "A", service: "S", cost: "30"}}
	if s := b.settle(t, lines); len(s.rows)+len(s.balances) > 0 {
		t.Errorf("the old payer has %+v", s)
	}
	m := b.month(t, 1)
	must(t, m.Add(batchOf(t, lines)))
	wantBalances(t, finish(t, m, nil).balances, "credit c 40 0 30 0 10")
}

func TestRefunds(t *testing.T) {
	b := &bills{payer: left("B")}
	for _, r := range []struct{ id, account, date string }{{"first", "A", "2026-10-01"}, {"last", "A", "2026-10-31"}, {"next", "A", "2026-11-01"},
		{"left", "B", "2026-10-31"}, {"stranger", "X", "2026-10-31"}, {"before", "A", "2026-09-30"}} {
		b.offers.Refunds = append(b.offers.Refunds, offer.Refund{ID: r.id, Account: r.account, Service: "S", Amount: costText(t, "2.5"), Date: day(r.date)})
	}
	// B leaves in the last hour of the month, after the refund's midnight.
	wantRows(t, b.settle(t, nil).rows, "Refund A S first 0 -2.5", "Refund A S last 720 -2.5", "Refund B S left 720 -2.5")
}

// No credit is lost or overdrawn, no charge is paid twice.
func TestCreditsBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &bills{}
		var granted money.Cost
		for _, id := range []string{"c1", "c2", "c3"} {
			c := credit(t, id, rapid.SampledFrom([]string{"A", "B"}).Draw(t, "owner"), drawCost(t), rapid.SampledFrom([]string{"2026-10-20", "2027-01-01"}).Draw(t, "until"))
			c.Services = rapid.SampledFrom([][]string{nil, {"S"}, {"S", "T"}}).Draw(t, "services")
			c.Private = rapid.Bool().Draw(t, "private")
			b.offers.Credits, granted = append(b.offers.Credits, c), plus(t, granted, c.Amount)
		}
		charged := map[string]money.Cost{}
		var lines []rated
		for range rapid.IntRange(0, 12).Draw(t, "lines") {
			l := drawLine(t)
			lines = append(lines, l)
			charged[l.account+l.service] = plus(t, charged[l.account+l.service], costText(t, l.cost))
		}
		s := b.settle(t, lines)
		applied := map[string]money.Cost{}
		for _, it := range s.rows {
			key := it.Head.Account + it.Head.Service
			applied[it.Head.UsageType] = plus(t, applied[it.Head.UsageType], money.Neg(it.Unblended))
			if charged[key] = plus(t, charged[key], it.Unblended); money.Sign(charged[key]) < 0 {
				t.Errorf("account and service %s are paid %s too much", key, charged[key])
			}
		}
		var out money.Cost
		for _, balance := range s.balances {
			sum := plus(t, balance.Applied, balance.Expired, balance.Closing)
			if sum != plus(t, balance.Opening, balance.Granted) || money.Sign(balance.Closing) < 0 || balance.Applied != applied[balance.ID] {
				t.Errorf("balance %+v does not add up, rows of it %s", balance, applied[balance.ID])
			}
			out = plus(t, out, sum)
		}
		if out != granted {
			t.Errorf("%s of %s is on the balances", out, granted)
		}
	})
}
