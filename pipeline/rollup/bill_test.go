package rollup_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

func newCharges() *batch.Charges {
	return batch.NewCharges(&batch.Owner{}, batch.NewDims(), batch.NewTable[batch.Price]())
}

func add(c *batch.Charges, h batch.Head, tail batch.Tail, p batch.Price, usage, cost int64) {
	key := batch.LineKey(c.Dims.Heads.Code(h), c.Dims.Resources.Code(""), schema.Hour(c.Len()), c.Dims.Tails.Code(tail))
	c.Append(batch.Row{Key: key, Price: c.Prices.Code(p), Amount: money.UsageFromInt(usage), Unblended: money.CostFromInt(cost),
		List: money.CostFromInt(1000), Blended: money.CostFromInt(2000)})
}

func closed(t rapid.TB, b *rollup.Bill) bill.Bill {
	payer := schema.Payer{AccountID: "p", Name: "Payer", Accounts: []schema.Account{{ID: "a", Name: "Alpha"}, {ID: "b", Name: "Beta"}}}
	got, err := b.Close(schema.Issuer{ID: "acme", Currency: "USD"}, payer, schema.Period{Name: "2026-10"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Payer.Accounts != nil || got.Payer.Name != "Payer" || got.Currency != "USD" || got.Period.Name != "2026-10" {
		t.Fatalf("the bill's head is %+v", got)
	}
	return got
}

// Lines, services and accounts of a bill are the brute sums over its charges,
// and all three come to its total, however the charges are batched.
func TestBillSumsItsCharges(t *testing.T) {
	pick := func(t *rapid.T, name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
	rapid.Check(t, func(t *rapid.T) {
		c := newCharges()
		type group struct{ account, service, usageType, region, itemType, rateCode string }
		usage, cost, services, accounts, total := map[group]int64{}, map[group]int64{}, map[string]int64{}, map[string]int64{}, int64(0)
		for range rapid.IntRange(0, 40).Draw(t, "charges") {
			g := group{pick(t, "account", "a", "b", "c"), pick(t, "service", "S", "T"), pick(t, "usage type", "u", "v"),
				pick(t, "region", "r1", "r2"), pick(t, "type", "Usage", "Tax"), pick(t, "rate code", "K.1", "K.2")}
			tail := batch.Tail{Region: g.region, LineItemType: g.itemType, Tags: pick(t, "tags", "", "k\x1fv"), Zone: pick(t, "zone", "", "z")}
			n, money := rapid.Int64Range(0, 1000).Draw(t, "usage"), rapid.Int64Range(-1000, 1000).Draw(t, "cost")
			add(c, batch.Head{Account: g.account, Service: g.service, UsageType: g.usageType}, tail, batch.Price{RateCode: g.rateCode}, n, money)
			usage[g] += n
			cost[g] += money
			services[g.service] += money
			accounts[g.account] += money
			total += money
		}
		b, whole := rollup.NewBill(), rollup.NewBill()
		for from := 0; from < c.Len(); {
			to := rapid.IntRange(from+1, c.Len()).Draw(t, "batch")
			if err := b.Add(c.Slice(from, to)); err != nil {
				t.Fatal(err)
			}
			from = to
		}
		if err := whole.Add(c); err != nil {
			t.Fatal(err)
		}
		got := closed(t, b)
		if other := closed(t, whole); !slices.Equal(other.Lines, got.Lines) || other.Total != got.Total {
			t.Fatal("the bill depends on how its charges are batched")
		}
		if len(got.Lines) != len(usage) || got.Charges != int64(c.Len()) {
			t.Fatalf("%d lines of %d charges, want %d of %d", len(got.Lines), got.Charges, len(usage), c.Len())
		}
		for _, l := range got.Lines {
			g := group{l.Account, l.Service, l.UsageType, l.Region, l.Type, l.RateCode}
			if l.Usage != money.UsageFromInt(usage[g]) || l.Cost != money.CostFromInt(cost[g]) {
				t.Fatalf("line %+v, want usage %d, cost %d", l, usage[g], cost[g])
			}
			if want := map[string]string{"a": "Alpha", "b": "Beta"}[l.Account]; l.AccountName != want {
				t.Fatalf("account %s is named %q", l.Account, l.AccountName)
			}
		}
		checkSubtotals(t, got.Services, services)
		checkSubtotals(t, got.Accounts, accounts)
		if got.Total != money.CostFromInt(total) {
			t.Fatalf("total %s, want %d", got.Total, total)
		}
		if !slices.IsSortedFunc(got.Lines, func(a, b bill.Line) int {
			return slices.Compare([]string{a.Account, a.Service, a.UsageType}, []string{b.Account, b.Service, b.UsageType})
		}) {
			t.Fatal("lines are not sorted by account, service, usage type")
		}
	})
}

func checkSubtotals(t *rapid.T, got []bill.Subtotal, want map[string]int64) {
	if len(got) != len(want) || !slices.IsSortedFunc(got, func(a, b bill.Subtotal) int { return strings.Compare(a.Key, b.Key) }) {
		t.Fatalf("subtotals %v, want %v", got, want)
	}
	for _, s := range got {
		if s.Cost != money.CostFromInt(want[s.Key]) {
			t.Fatalf("subtotal %v, want %d", s, want[s.Key])
		}
	}
}

func TestBillLineHoldsItsPrice(t *testing.T) {
	c := newCharges()
	rate, err := money.ParseRate("0.25")
	if err != nil {
		t.Fatal(err)
	}
	add(c, batch.Head{Account: "a", Service: "S", UsageType: "u", Operation: "run"}, batch.Tail{Region: "r", LineItemType: "Usage", Unit: "GB"},
		batch.Price{RateCode: "K.1", Description: "text", Unit: "GB", Rated: true, Rate: rate, BlendedRate: rate, Reason: "late"}, 4, 1)
	add(c, batch.Head{Account: "b", Service: "S", UsageType: "tax"}, batch.Tail{LineItemType: "Tax"}, batch.Price{Description: "tax"}, 1, -2)
	b := rollup.NewBill()
	if err := b.Add(c); err != nil {
		t.Fatal(err)
	}
	want := []bill.Line{
		{Account: "a", AccountName: "Alpha", Service: "S", UsageType: "u", Operation: "run", Region: "r", RateCode: "K.1", Type: "Usage",
			Description: "text", Unit: "GB", Usage: money.UsageFromInt(4), Rate: "0.2500000000", BlendedRate: "0.2500000000", Cost: money.CostFromInt(1), Reason: "late"},
		{Account: "b", AccountName: "Beta", Service: "S", UsageType: "tax", Type: "Tax", Description: "tax", Usage: money.UsageFromInt(1), Cost: money.CostFromInt(-2)},
	}
	if got := closed(t, b).Lines; !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Tax that a rule made stands beside the services; credits and tax that came
// with the usage stand in them.
func TestBillTellsTaxesAndCredits(t *testing.T) {
	c := newCharges()
	add(c, batch.Head{Account: "a", Service: "S"}, batch.Tail{LineItemType: "Usage"}, batch.Price{}, 1, 100)
	add(c, batch.Head{Account: "a", Service: "S"}, batch.Tail{LineItemType: "Credit"}, batch.Price{}, 1, -30)
	add(c, batch.Head{Account: "a", Service: "S"}, batch.Tail{LineItemType: "Tax", Priced: true}, batch.Price{}, 1, 2)
	add(c, batch.Head{Account: "a", Service: "S"}, batch.Tail{LineItemType: "Tax"}, batch.Price{TaxType: "VAT"}, 1, 7)
	add(c, batch.Head{Account: "b", Service: "T"}, batch.Tail{LineItemType: "Tax"}, batch.Price{TaxType: "VAT"}, 1, 1)
	b := rollup.NewBill()
	if err := b.Add(c); err != nil {
		t.Fatal(err)
	}
	got := closed(t, b)
	services := []bill.Subtotal{{Key: "S", Cost: money.CostFromInt(72)}}
	accounts := []bill.Subtotal{{Key: "a", Name: "Alpha", Cost: money.CostFromInt(79)}, {Key: "b", Name: "Beta", Cost: money.CostFromInt(1)}}
	if !slices.Equal(got.Services, services) || !slices.Equal(got.Accounts, accounts) {
		t.Errorf("services %v, accounts %v", got.Services, got.Accounts)
	}
	if got.Total != money.CostFromInt(80) || got.TaxTotal != money.CostFromInt(8) || got.CreditTotal != money.CostFromInt(-30) {
		t.Errorf("total %s, tax %s, credits %s", got.Total, got.TaxTotal, got.CreditTotal)
	}
	if got.Lines[1].Type != "Tax" || got.Lines[len(got.Lines)-1].TaxType != "VAT" {
		t.Errorf("lines %+v", got.Lines)
	}
}

// Lines that differ in anything have one order, whatever the order of a map.
func TestBillHasOneOrder(t *testing.T) {
	var first []bill.Line
	for try := range 30 {
		c := newCharges()
		for n := range 8 {
			rate := money.RateFromInt(int64(n))
			add(c, batch.Head{Account: "a"}, batch.Tail{}, batch.Price{Rated: true, BlendedRate: rate}, 1, 1)
		}
		b := rollup.NewBill()
		if err := b.Add(c); err != nil {
			t.Fatal(err)
		}
		got := closed(t, b).Lines
		if try == 0 {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Fatalf("try %d gives another order", try)
		}
	}
}

func TestBillOfNothing(t *testing.T) {
	got := closed(t, rollup.NewBill())
	if len(got.Lines)+len(got.Services)+len(got.Accounts) != 0 || got.Charges != 0 || got.Total != (money.Cost{}) {
		t.Errorf("got %+v", got)
	}
}

func TestBillOverflowNamesTheLine(t *testing.T) {
	huge := money.Int128{Hi: 1 << 62}
	for name, row := range map[string]batch.Row{"usage of account a, usage type u": {Amount: money.Usage(huge)}, "cost of account a, usage type u": {Unblended: money.Cost(huge)}} {
		c := newCharges()
		c.Dims.Heads.Code(batch.Head{Account: "a", UsageType: "u"})
		c.Dims.Resources.Code("")
		c.Dims.Tails.Code(batch.Tail{})
		c.Prices.Code(batch.Price{})
		c.Append(row)
		c.Append(row)
		if err := rollup.NewBill().Add(c); !errors.Is(err, money.ErrOverflow) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Two lines that fit one by one.
	c := newCharges()
	for _, account := range []string{"a", "b"} {
		add(c, batch.Head{Account: account, Service: "S"}, batch.Tail{}, batch.Price{}, 0, 0)
		c.Unblended[c.Len()-1] = money.Cost(huge)
	}
	b := rollup.NewBill()
	if err := b.Add(c); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Close(schema.Issuer{}, schema.Payer{AccountID: "p"}, schema.Period{}); !errors.Is(err, money.ErrOverflow) || !strings.Contains(fmt.Sprint(err), "S") {
		t.Errorf("the total: %v", err)
	}
}

// A bill that is revised is the bill of all charges: whatever part of them is
// made anew, and whether lines go as a whole or gain and lose.
func TestRevisedBillIsTheBillOfAll(t *testing.T) {
	type charge struct {
		account, kind string
		usage, cost   int64
	}
	any := rapid.Custom(func(t *rapid.T) charge {
		return charge{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"), rapid.SampledFrom([]string{"u", "v", "w"}).Draw(t, "kind"),
			rapid.Int64Range(0, 9).Draw(t, "usage"), rapid.Int64Range(-9, 9).Draw(t, "cost")}
	})
	// Charges of kind w have one price each, and lines that differ in their sums alone.
	sum := func(t rapid.TB, parts ...[]charge) *rollup.Bill {
		c, b := newCharges(), rollup.NewBill()
		for _, part := range parts {
			for _, x := range part {
				p := batch.Price{RateCode: x.kind}
				if x.kind == "w" {
					p.Effective = x.cost
				}
				add(c, batch.Head{Account: x.account, UsageType: x.kind}, batch.Tail{}, p, x.usage, x.cost)
			}
		}
		if err := b.Add(c); err != nil {
			t.Fatal(err)
		}
		return b
	}
	payer := schema.Payer{AccountID: "p"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, month bool, least int) []charge {
			list := rapid.SliceOfN(any, least, 12).Draw(t, name)
			return slices.DeleteFunc(list, func(c charge) bool { return (c.kind == "w") != month })
		}
		kept, taken, more := draw("kept", false, 0), draw("taken", false, 0), draw("more", false, 0)
		month, added := draw("month", true, 0), draw("added", true, 0)
		got, err := rollup.Revise(sum(t, kept, taken, month).Lines(payer), rollup.Revision{
			Dropped: sum(t, month).Lines(payer), Added: sum(t, month, added).Lines(payer),
			Less: sum(t, taken).Lines(payer), More: sum(t, taken, more).Lines(payer)})
		if err != nil {
			t.Fatal(err)
		}
		if want := sum(t, kept, taken, more, month, added).Lines(payer); !slices.Equal(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
		other := append(sum(t, month).Lines(payer), bill.Line{Account: "z"})
		if _, err := rollup.Revise(sum(t, kept, month).Lines(payer), rollup.Revision{Dropped: other}); err == nil {
			t.Fatal("a line was dropped that the bill does not hold")
		}
	})
}
