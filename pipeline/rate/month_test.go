package rate_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// bills is a world of one payer, P with the accounts P, A, B and C, whose lines
// are given as they are rated.
type bills struct {
	offers   offer.Offers
	zone     string
	currency money.Currency // USD when blank
	payer    schema.Payer   // its accounts come with it
	more     []schema.Payer
	opening  []bill.Balance
}

// rated is a line as the rater leaves it. Net and effective cost are the cost
// unless they are given.
type rated struct {
	account, service string
	hour             int // from the start of October
	cost             string
	kind             string // Usage when blank
	usageType        string
	region, zone     string
	amount           string // 1 when blank
	net, effective   string
	terms            batch.Terms
}

// settled is what a month comes to.
type settled struct {
	fees, rows []rate.Item
	balances   []bill.Balance
	taxes      []bill.Tax
}

// tester is a test or a case of a property.
type tester interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unitsOf(t tester, text string) money.Usage {
	t.Helper()
	u, err := money.ParseUsage(text)
	must(t, err)
	return u
}

func costText(t tester, text string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(text)
	must(t, err)
	return c
}

func rateText(t tester, text string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(text)
	must(t, err)
	return r
}

func day(text string) schema.Date {
	if text == "" {
		return schema.Date{}
	}
	d, err := schema.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func (b *bills) input(t tester) rate.Input {
	t.Helper()
	loc, err := time.LoadLocation(b.zone)
	must(t, err)
	p, err := schema.ParsePeriod(month, loc)
	must(t, err)
	catalog, err := price.NewCatalog(nil)
	must(t, err)
	issuer := schema.Issuer{ID: "acme", TimeZone: b.zone, Currency: cmp.Or(b.currency, "USD")}
	payer := b.payer
	payer.AccountID, payer.Issuer = "P", "acme"
	if payer.Accounts == nil {
		payer.Accounts = []schema.Account{{ID: "P"}, {ID: "A"}, {ID: "B"}, {ID: "C"}}
	}
	org := &schema.Organization{Issuers: []schema.Issuer{issuer}, Payers: append([]schema.Payer{payer}, b.more...)}
	return rate.Input{Issuer: issuer, Period: p, Organization: org, Catalog: catalog, Offers: &b.offers}
}

func (b *bills) month(t tester, payer int32) *rate.Month {
	t.Helper()
	plan, err := rate.NewPlan(rate.NewTotals(b.input(t), batch.NewDims()))
	must(t, err)
	return rate.NewMonth(plan, payer, b.opening)
}

// settle runs the payer's month over lines, and late rows that stand beside.
func (b *bills) settle(t tester, lines []rated, late ...rate.Item) settled {
	t.Helper()
	m := b.month(t, 0)
	must(t, m.Add(batchOf(t, lines)))
	return finish(t, m, late)
}

func finish(t tester, m *rate.Month, late []rate.Item) settled {
	t.Helper()
	var s settled
	var err error
	s.fees, err = m.Fees()
	must(t, err)
	must(t, m.AddItems(late))
	s.rows, s.balances, s.taxes, err = m.Settle()
	must(t, err)
	return s
}

func batchOf(t tester, lines []rated) *batch.Charges {
	t.Helper()
	c := batch.NewCharges(&batch.Owner{}, batch.NewDims(), batch.NewTable[batch.Price]())
	for _, l := range lines {
		appendLine(t, c, l)
	}
	return c
}

func appendLine(t tester, c *batch.Charges, l rated) {
	t.Helper()
	start, _ := at(float64(l.hour))
	head := c.Dims.Heads.Code(batch.Head{Account: l.account, Service: l.service, UsageType: l.usageType})
	tail := c.Dims.Tails.Code(batch.Tail{Region: l.region, Zone: l.zone, LineItemType: cmp.Or(l.kind, "Usage")})
	cost := costText(t, l.cost)
	c.Append(batch.Row{Key: batch.LineKey(head, c.Dims.Resources.Code(""), schema.HourOf(start), tail),
		Price: c.Prices.Code(batch.Price{}), Term: c.Terms.Code(l.terms), Amount: unitsOf(t, cmp.Or(l.amount, "1")),
		Unblended: cost, Blended: cost, Net: costText(t, cmp.Or(l.net, l.cost)), Effective: costText(t, cmp.Or(l.effective, l.cost))})
}

// text writes rows as: type account service usage-type hour unblended.
func text(items []rate.Item) []string {
	list := []string{}
	first, _ := at(0)
	for _, it := range items {
		list = append(list, fmt.Sprintf("%s %s %s %s %d %s", it.Tail.LineItemType, it.Head.Account, it.Head.Service,
			it.Head.UsageType, it.Hour-schema.HourOf(first), it.Unblended))
	}
	return list
}

func wantRows(t tester, items []rate.Item, want ...string) {
	t.Helper()
	got := text(items)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("rows are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func plus(t tester, costs ...money.Cost) money.Cost {
	t.Helper()
	var sum money.Cost
	must(t, money.Sum(&sum, costs))
	return sum
}

func TestMonthWithoutOffersHasNoRows(t *testing.T) {
	b := &bills{}
	s := b.settle(t, []rated{{account: "A", service: "S", cost: "5"}})
	if len(s.fees)+len(s.rows)+len(s.balances)+len(s.taxes) > 0 {
		t.Errorf("a month without offers has %+v", s)
	}
}

// The rows of a discount: the sum over its lines, by head and region.
func TestDiscountRows(t *testing.T) {
	discounts := batch.EncodeDiscounts([]batch.Discount{
		{ID: "edp", Type: "EdpDiscount", Factor: rateText(t, "0.1")}, {ID: "deal", Type: "PrivateRateDiscount", PerUnit: rateText(t, "2")}})
	terms := batch.Terms{Discounts: discounts}
	b := &bills{}
	b.offers.Discounts = []offer.Discount{{ID: "edp", Description: "Ten percent"}, {ID: "deal"}}
	s := b.settle(t, []rated{
		{account: "A", service: "S", usageType: "U", region: "r", hour: 5, cost: "100", net: "84", amount: "3", terms: terms}, // 10, then 6
		{account: "A", service: "S", usageType: "U", region: "r", zone: "z", hour: 9, cost: "10", net: "7", terms: terms},     // 1, then 2
		{account: "A", service: "S", usageType: "U", region: "q", hour: 9, cost: "1", net: "0", terms: terms},                 // 0.1, then what is left
		{account: "B", service: "S", usageType: "U", region: "q", hour: 9, cost: "1"},
	})
	wantRows(t, s.fees, "EdpDiscount A S U 0 -11", "PrivateRateDiscount A S U 0 -8", "EdpDiscount A S U 0 -0.1", "PrivateRateDiscount A S U 0 -0.9")
	for _, it := range s.fees {
		if it.Net != (money.Cost{}) || it.Blended != (money.Cost{}) || it.List != (money.Cost{}) || it.Effective != it.Unblended || it.Terms.Discounts == "" {
			t.Errorf("row %+v: only unblended and effective cost are not zero, under the discount's own terms", it)
		}
	}
	if got := s.fees[0]; got.Price.Description != "Ten percent" || got.Tail.Region != "q" {
		t.Errorf("first row is %+v", got)
	}
}

// Whatever the discounts, net and unblended cost have one sum, and the rows
// stand at what was taken off.
func TestCase_M25_NetAndUnblendedCostHaveOneSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &bills{}
		list := []batch.Discount{{ID: "a", Type: "EdpDiscount", Factor: drawRate(t, "a", 100)}, {ID: "b", Type: "Discount", Factor: drawRate(t, "b", 100)}, {ID: "c", Type: "Discount", PerUnit: drawRate(t, "c", 300)}}
		list = list[:rapid.IntRange(0, 3).Draw(t, "discounts")]
		var lines []rated
		var unblended, net money.Cost
		for range rapid.IntRange(1, 20).Draw(t, "lines") {
			l := drawLine(t)
			l.terms.Discounts = batch.EncodeDiscounts(list)
			cost := costText(t, l.cost)
			off, err := batch.DiscountAmounts(list, cost, unitsOf(t, "1"))
			must(t, err)
			left, err := money.Sub(cost, plus(t, off...))
			must(t, err)
			if money.Sign(left) < 0 {
				t.Fatalf("%s is left of %s", left, cost)
			}
			l.net = left.String()
			unblended, net = plus(t, unblended, cost), plus(t, net, left)
			lines = append(lines, l)
		}
		for _, it := range b.settle(t, lines).fees {
			unblended, net = plus(t, unblended, it.Unblended), plus(t, net, it.Net)
		}
		if unblended != net {
			t.Errorf("unblended cost %s, net cost %s", unblended, net)
		}
	})
}

// drawCents draws a number in hundredths.
func drawCents(t *rapid.T, name string, least, most int64) string {
	return fmt.Sprintf("%de-2", rapid.Int64Range(least, most).Draw(t, name))
}

func drawRate(t *rapid.T, name string, most int64) money.Rate {
	r, err := money.ParseRateExp(drawCents(t, name, 1, most))
	must(t, err)
	return r
}

// drawCost draws a cost up to 10,000 with few or with all decimals.
func drawCost(t *rapid.T) string {
	return fmt.Sprintf("%d.%s", rapid.IntRange(0, 9999).Draw(t, "cost"),
		rapid.SampledFrom([]string{"0", "5", "005", "0000000001", "3333333333", "9999999999"}).Draw(t, "decimals"))
}

func drawLine(t *rapid.T) rated {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	return rated{account: pick("account", "P", "A", "B", "C"), service: pick("service", "S", "T"), usageType: pick("usage type", "U", "V"),
		region: pick("region", "q", "r"), hour: rapid.IntRange(0, 743).Draw(t, "hour"), cost: drawCost(t)}
}

// How lines come is of no matter: their order, their batches, whether these
// share tables.
func TestMonthDependsOnTheLinesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := fullBills(t)
		var lines []rated
		for range rapid.IntRange(0, 30).Draw(t, "lines") {
			l := drawLine(t)
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				l.terms.Discounts = batch.EncodeDiscounts([]batch.Discount{{ID: "edp", Type: "EdpDiscount", Factor: rateText(t, "0.07")}})
			case 1:
				l.kind, l.terms.Commitment, l.effective = "SavingsPlanCoveredUsage", batch.Commitment{Kind: batch.SavingsPlan, ID: "plan", Rate: rateText(t, "0.1")}, "0.01"
			case 2:
				l.kind = rapid.SampledFrom([]string{"Usage", "Tax"}).Draw(t, "type")
			}
			lines = append(lines, l)
		}
		want := b.settle(t, lines)
		if !slices.IsSortedFunc(want.fees, rate.CompareItems) || !slices.IsSortedFunc(want.rows, rate.CompareItems) {
			t.Errorf("rows are not in the canonical order: %v, %v", text(want.fees), text(want.rows))
		}
		m, dims := b.month(t, 0), batch.NewDims()
		terms := batch.NewTerms()
		for _, l := range rapid.Permutation(lines).Draw(t, "order") {
			c := batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]())
			if rapid.IntRange(0, 2).Draw(t, "other dimensions") == 0 {
				dims = batch.NewDims()
			}
			if rapid.IntRange(0, 2).Draw(t, "other terms") == 0 {
				terms = batch.NewTerms()
			}
			c.Dims, c.Terms = dims, terms
			appendLine(t, c, l)
			must(t, m.Add(c))
		}
		if got := finish(t, m, nil); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("month is\n%+v\nwant\n%+v", got, want)
		}
	})
}

// fullBills has an offer of every kind.
func fullBills(t tester) *bills {
	b := &bills{}
	b.offers = offer.Offers{
		SavingsPlans: []offer.SavingsPlan{{ID: "plan", Account: "A", Type: offer.ComputePlan, Commitment: costText(t, "0.5"), Payment: offer.PartialUpfront, Start: october.Add(740 * time.Hour), End: october.AddDate(1, 0, 0), Years: 1}},
		Fees:         []offer.Fee{{ID: "setup", Account: "B", Service: "S", Amount: costText(t, "12"), Date: day("2026-10-03")}},
		Support:      []offer.Support{{ID: "care", Payer: "P", Service: "Support", Tiers: []offer.SupportTier{{Factor: rateText(t, "0.1")}}}},
		Minimums:     []offer.Minimum{{ID: "least", Payer: "P", Service: "S", Amount: costText(t, "20000")}},
		Credits: []offer.Credit{{ID: "c1", Account: "A", Amount: costText(t, "1000"), From: day("2026-10-01"), Until: day("2026-12-01")},
			{ID: "c2", Account: "B", Amount: costText(t, "700"), Services: []string{"T"}, From: day("2026-10-01"), Until: day("2026-10-20")}},
		Refunds: []offer.Refund{{ID: "sorry", Account: "C", Service: "T", Amount: costText(t, "3.21"), Date: day("2026-10-05")}},
		Taxes: []offer.Tax{{ID: "vat", Type: "VAT", Factor: rateText(t, "0.19"), Until: day("2026-10-16")},
			{ID: "vat2", Type: "VAT", Factor: rateText(t, "0.16"), From: day("2026-10-16")}},
	}
	return b
}

// Late rows are paid by credits and taxed, but neither support nor a minimum
// counts them; hours before the month count at its start.
func TestLateRowsAreTaxedAndPaid(t *testing.T) {
	b := fullBills(t)
	b.offers.SavingsPlans, b.offers.Fees, b.offers.Minimums, b.offers.Refunds = nil, nil, nil, nil
	b.offers.Credits = b.offers.Credits[:1]
	start, _ := at(-50)
	late := rate.Item{Head: batch.Head{Account: "C", Service: "S"}, Hour: schema.HourOf(start), Tail: batch.Tail{LineItemType: "Usage"},
		Price: batch.Price{Reason: "late: 2026-09"}, Unblended: costText(t, "1500")}
	tax := late
	tax.Tail.LineItemType = "Tax"
	s := b.settle(t, nil, late, tax)
	wantRows(t, s.fees, "Fee P Support care 743 0")
	wantRows(t, s.rows, "Credit C S c1 0 -1000", "Tax C S vat 0 95", "Tax P Support vat2 0 0")
}

func TestCase_M29_SumsBeyond38DigitsNameAccountAndService(t *testing.T) {
	b := &bills{}
	m := b.month(t, 0)
	big := strings.Repeat("9", 28)
	err := m.Add(batchOf(t, []rated{{account: "A", service: "S", cost: big}, {account: "A", service: "S", cost: big}}))
	if err == nil || !strings.Contains(err.Error(), "account A, service S") {
		t.Errorf("error is %v", err)
	}
}
