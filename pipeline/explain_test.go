package pipeline

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

func explainUsage(t testing.TB, s string) money.Usage {
	t.Helper()
	u, err := money.ParseUsage(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func explainRate(t testing.TB, s string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func explainCost(t testing.TB, s string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The sections that an explanation names are those of the page.
func TestRatingStepsStandInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/rating.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(line, "## "); ok && name[0] >= '0' && name[0] <= '9' {
			sections = append(sections, strings.TrimSpace(name))
		}
	}
	if !slices.Equal(sections, RatingSteps()) {
		t.Errorf("explanations name %q, docs/rating.md has %q", RatingSteps(), sections)
	}
}

func TestProductIsWrittenOut(t *testing.T) {
	for _, c := range []struct{ rate, amount, charged, exact, rounded string }{
		{"0.3", "453.2258064516", "135.9677419355", "135.96774193548", "135.9677419355"},
		{"0.00000000005", "1", "0.0000000001", "0.00000000005", "0.0000000001"}, // half, away from zero
		{"0.00000000005", "-1", "-0.0000000001", "-0.00000000005", "-0.0000000001"},
		{"0.096", "0", "0", "0", "0"},
		{"0.000000000000000001", "0.000000000000000001", "0", "0.000000000000000000000000000000000001", "0"},
	} {
		s, err := product("unblended", explainRate(t, c.rate), explainUsage(t, c.amount), money.CostScale, explainCost(t, c.charged))
		if err != nil || !s.Agrees || s.Exact != c.exact || s.Rounded.String() != c.rounded {
			t.Errorf("%s x %s: %+v, %v, want exact %s, rounded %s", c.rate, c.amount, s, err, c.exact, c.rounded)
		}
		if wrong, err := product("unblended", explainRate(t, c.rate), explainUsage(t, c.amount), money.CostScale, explainCost(t, "7")); err != nil || wrong.Agrees {
			t.Errorf("%s x %s: a charge of 7 is said to agree", c.rate, c.amount)
		}
	}
	// Rounding to 8 decimals goes from the exact product, not by way of 10.
	s, err := product("effective", explainRate(t, "0.00000000499999"), explainUsage(t, "1"), 8, money.Cost{})
	if err != nil || !s.Agrees {
		t.Errorf("0.00000000499999 to 8 decimals: %+v, %v", s, err)
	}
}

// A month of 4 reservations, 200 up front for a year and 0.0075 an hour, has
// 2,976 units, of which a line consumes 2.
func TestReservationShares(t *testing.T) {
	for _, c := range []struct {
		usageType, upfront, effective, formula string
	}{
		// 16.98630137 x 2 / 2976 = 0.01141552..., 22.32 x 2 / 2976 = 0.015
		{"BoxUsage:t2.small", "0.01141553", "0.02641553", "amortized fee of the period 16.98630137 x 2 / 2976 units"},
		// half of it for a size of half the factor
		{"BoxUsage:t2.micro", "0.00570776", "0.01320776", "amortized fee of the period 16.98630137 x 2 x factor 0.5 / (2976 units x factor 1)"},
	} {
		fee := charge{payer: "1", head: batch.Head{UsageType: "HeavyUsage:t2.small"}, Row: batch.Row{Amount: explainUsage(t, "2976"), Unblended: explainCost(t, "22.32")},
			terms: batch.Terms{Commitment: batch.Commitment{Kind: batch.Reservation, ID: "r", AmortizedFee: explainCost(t, "16.98630137")}}}
		one := charge{head: batch.Head{UsageType: c.usageType}, tail: batch.Tail{LineItemType: schema.LineItemDiscountedUsage}, price: batch.Price{SKU: "S", Rated: true},
			terms: batch.Terms{Commitment: batch.Commitment{Kind: batch.Reservation, ID: "r"}},
			Row:   batch.Row{Amount: explainUsage(t, "2"), Effective: explainCost(t, c.effective), Upfront: explainCost(t, c.upfront)}}
		sums, err := sumsOf(one, fee)
		if err != nil || len(sums) != 5 {
			t.Fatalf("%s: %+v, %v", c.usageType, sums, err)
		}
		for _, s := range sums {
			if !s.Agrees {
				t.Errorf("%s: %+v must agree", c.usageType, s)
			}
		}
		if sums[3].Formula != c.formula {
			t.Errorf("formula %q, want %q", sums[3].Formula, c.formula)
		}
	}
}

func TestDiscountsOneAfterTheOther(t *testing.T) {
	applied := []batch.Discount{{ID: "a", Type: "EdpDiscount", Factor: explainRate(t, "0.1")}, {ID: "b", Type: "PrivateRateDiscount", PerUnit: explainRate(t, "0.02")}}
	c := charge{tail: batch.Tail{LineItemType: schema.LineItemUsage}, price: batch.Price{SKU: "S"},
		Row: batch.Row{Amount: explainUsage(t, "10"), Unblended: explainCost(t, "1")}, terms: batch.Terms{Discounts: batch.EncodeDiscounts(applied)}}
	steps, err := discountSteps(c)
	if err != nil || len(steps) != 2 {
		t.Fatalf("%+v, %v", steps, err)
	}
	if a, b := steps[0], steps[1]; a.Off.String() != "0.1" || a.Left.String() != "0.9" || a.Factor != "0.1" || b.Off.String() != "0.2" || b.Left.String() != "0.7" || b.PerUnit != "0.02" {
		t.Errorf("got %+v", steps)
	}
}

// month of charges that usage and offers made, as they lie in a store.
func explainedMonth(t *testing.T) *explaining {
	t.Helper()
	per := schema.Period{Name: "2026-10", Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	owner := &batch.Owner{Issuer: "acme", Payer: "100000000001", PricingCurrency: "USD", BillingCurrency: "USD", Period: per, AccountNames: map[string]string{"100000000001": "Shop"}}
	c := batch.NewCharges(owner, batch.NewDims(), batch.NewTable[batch.Price]())
	first := schema.HourOf(per.Start.UnixNano())
	add := func(usageType, kind string, hour schema.Hour, p batch.Price, terms batch.Terms, row batch.Row) {
		tail := batch.Tail{Region: "eu", LineItemType: kind}
		row.Key = batch.LineKey(c.Dims.Heads.Code(batch.Head{Account: "100000000001", Service: "EC2", UsageType: usageType}), c.Dims.Resources.Code(""), first+hour, c.Dims.Tails.Code(tail))
		row.Price, row.Term = c.Prices.Code(p), c.Terms.Code(terms)
		c.Append(row)
	}
	cost := func(s string) money.Cost { return explainCost(t, s) }
	amount := func(s string) money.Usage { return explainUsage(t, s) }
	reserved := batch.Terms{Commitment: batch.Commitment{Kind: batch.Reservation, ID: "web"}}
	fee := reserved
	fee.Commitment.AmortizedFee, fee.Commitment.UnusedUnits = cost("7.44"), amount("742")
	plan := batch.Terms{Commitment: batch.Commitment{Kind: batch.SavingsPlan, ID: "sp", Rate: explainRate(t, "0.06")}}
	discounts := batch.Terms{Discounts: batch.EncodeDiscounts([]batch.Discount{{ID: "edp", Type: "EdpDiscount", Factor: explainRate(t, "0.25")}})}
	m5 := batch.Price{SKU: "M5", RateCode: "M5.OD.1", Rated: true, Rate: explainRate(t, "0.1"), PublicRate: explainRate(t, "0.1"), BlendedRate: explainRate(t, "0.1"), Begin: "0", End: "Inf"}
	free := m5
	free.Rate, free.BlendedRate, free.Term = money.Rate{}, money.Rate{}, "Reserved"
	// One line of 5 units: 2 reserved, 1 under the plan, 2 on demand.
	add("Box:t2.small", schema.LineItemDiscountedUsage, 3, free, reserved, batch.Row{Amount: amount("2"), List: cost("0.2"), Upfront: cost("0.02"), Effective: cost("0.03")})
	add("Box:t2.small", schema.LineItemSavingsPlanCoveredUsage, 3, m5, plan, batch.Row{Amount: amount("1"), List: cost("0.1"), Unblended: cost("0.1"), Blended: cost("0.1"), Net: cost("0.1"), Effective: cost("0.06")})
	add("Box:t2.small", schema.LineItemUsage, 3, m5, discounts, batch.Row{Amount: amount("2"), List: cost("0.2"), Unblended: cost("0.2"), Blended: cost("0.2"), Net: cost("0.15"), Effective: cost("0.15")})
	add("Box:t2.small", schema.LineItemUsage, 4, m5, discounts, batch.Row{Amount: amount("1"), List: cost("0.1"), Unblended: cost("0.1"), Blended: cost("0.1"), Net: cost("0.075"), Effective: cost("0.075")})
	add("Box:t2.small", "EdpDiscount", 0, batch.Price{Description: "Agreement"},
		batch.Terms{Discounts: batch.EncodeDiscounts([]batch.Discount{{ID: "edp", Type: "EdpDiscount"}})}, batch.Row{Unblended: cost("-0.075"), Effective: cost("-0.075")})
	add("Box:t2.small", schema.LineItemSavingsPlanNegation, 3, batch.Price{Description: "Covered"}, batch.Terms{Commitment: batch.Commitment{Kind: batch.SavingsPlan, ID: "sp"}},
		batch.Row{Amount: amount("1"), Unblended: cost("-0.1"), Blended: cost("-0.1"), Net: cost("-0.1")})
	add("ComputeSP:1yrNoUpfront", schema.LineItemSavingsPlanRecurringFee, 3, batch.Price{Description: "Plan"}, batch.Terms{Commitment: batch.Commitment{Kind: batch.SavingsPlan, ID: "sp", Recurring: cost("0.1")}},
		batch.Row{Amount: amount("1"), Unblended: cost("0.1"), Blended: cost("0.1"), Net: cost("0.1"), Effective: cost("0.04")})
	add("HeavyUsage:t2.small", schema.LineItemRIFee, 0, batch.Price{Description: "Web", Rated: true, Rate: explainRate(t, "0.005")}, fee,
		batch.Row{Amount: amount("744"), Unblended: cost("3.72"), Blended: cost("3.72"), Net: cost("3.72"), Effective: cost("11.13")})
	for _, row := range []struct{ id, kind, cost string }{
		{"setup", schema.LineItemFee, "10"}, {"gold", schema.LineItemFee, "1"}, {"floor", schema.LineItemFee, "3"}, {"gift", schema.LineItemCredit, "-5"}, {"sorry", schema.LineItemRefund, "-1"}, {"vat", schema.LineItemTax, "2"},
	} {
		add(row.id, row.kind, 0, batch.Price{Description: "words of " + row.id}, batch.Terms{}, batch.Row{Amount: amount("1"), Unblended: cost(row.cost), Blended: cost(row.cost)})
	}
	return storeExplained(t, c)
}

func storeExplained(t *testing.T, c *batch.Charges) *explaining {
	t.Helper()
	st := store.NewMemory()
	p := &Pipeline{Store: st, TempDir: t.TempDir()}
	put := func(key string, data []byte) period.Object {
		if err := st.Create(context.Background(), key, store.BytesBody(data)); err != nil {
			t.Fatal(err)
		}
		return period.Object{Key: key, Bytes: int64(len(data)), SHA256: hexSum(data)}
	}
	var buf bytes.Buffer
	w := &spool.ChargesWriter{}
	err := w.Begin(&buf)
	if err == nil {
		err = w.Write(c)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	b := bill.Bill{Issuer: schema.Issuer{ID: "acme", Currency: "USD"}, Currency: "USD", Payer: schema.Payer{AccountID: c.Owner.Payer},
		Taxes:    []bill.Tax{{ID: "vat", Type: "VAT", Factor: explainRate(t, "0.2"), Base: explainCost(t, "10"), Amount: explainCost(t, "2")}},
		Balances: []bill.Balance{{Kind: bill.CreditBalance, ID: "gift", Granted: explainCost(t, "8"), Applied: explainCost(t, "5"), Closing: explainCost(t, "3")}}}
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	run := period.Run{ID: "run", Issuer: "acme", Period: c.Owner.Period, UsageSlot: -1,
		Charges: []period.Charges{{Object: put("charges", buf.Bytes()), Payer: c.Owner.Payer, Rows: int64(c.Len())}},
		Bills:   []period.BillTotal{{Payer: c.Owner.Payer, Bill: put("bill", data)}}}
	day := schema.Date{Year: 2026, Month: 10, Day: 1}
	e := &explaining{p: p, ctx: context.Background(), run: run, out: &Explanation{}, owner: func(string) *batch.Owner { return c.Owner }}
	e.org = &schema.Organization{Issuers: []schema.Issuer{{ID: "acme", TimeZone: "UTC"}}}
	e.offers = &offer.Offers{
		Discounts:    []offer.Discount{{ID: "edp", Type: "EdpDiscount", Factor: explainRate(t, "0.25")}},
		Reservations: []offer.Reservation{{ID: "web", Count: 1, Upfront: explainCost(t, "87.6"), Hourly: explainRate(t, "0.005")}},
		SavingsPlans: []offer.SavingsPlan{{ID: "sp", Commitment: explainCost(t, "0.1")}},
		Fees:         []offer.Fee{{ID: "setup", Amount: explainCost(t, "10"), Date: day}},
		Support:      []offer.Support{{ID: "gold", Tiers: []offer.SupportTier{{Factor: explainRate(t, "0.1")}}}},
		Minimums:     []offer.Minimum{{ID: "floor", Amount: explainCost(t, "20")}},
		Credits:      []offer.Credit{{ID: "gift", Amount: explainCost(t, "8")}},
		Refunds:      []offer.Refund{{ID: "sorry", Amount: explainCost(t, "1"), Period: "2026-09"}},
		Taxes:        []offer.Tax{{ID: "vat", Type: "VAT", Factor: explainRate(t, "0.2")}},
	}
	return e
}

// idsOf returns the ids of all charges by usage type, type and hour of October.
func idsOf(t *testing.T, e *explaining) map[string]string {
	t.Helper()
	ids := map[string]string{}
	r := newChargeReader(e.owner(""))
	err := e.scan(e.ctx, e.run, e.run.Charges[0].Payer, func(b *batch.Charges) (bool, error) {
		r.load(b)
		for i := range b.Len() {
			c := r.at(i)
			ids[c.head.UsageType+" "+c.tail.LineItemType+" "+c.hour().Time().Format("15")] = c.id
		}
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestPortionsOfACoveredLine(t *testing.T) {
	e := explainedMonth(t)
	at := time.Date(2026, 10, 1, 3, 59, 0, 0, time.UTC)
	x, err := e.line(Question{What: idsOf(t, e)["Box:t2.small Usage 03"], At: at})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, p := range x.Line.Portions {
		kinds = append(kinds, p.Kind+" "+p.Amount.String()+" net "+p.Net.String())
		for _, s := range p.Sums {
			if !s.Agrees {
				t.Errorf("%s: %+v must agree", p.Kind, s)
			}
		}
	}
	if want := []string{"reservation 2 net 0", "savings plan 1 net 0.1", "on demand 2 net 0.15"}; !slices.Equal(kinds, want) {
		t.Errorf("portions %q, want %q", kinds, want)
	}
	if d := x.Line.Portions[2].Discounts; len(d) != 1 || d[0].Left.String() != "0.15" {
		t.Errorf("discounts %+v", d)
	}
	want := []string{stepGround, stepReservations, stepPlans, stepTiers, stepDiscounts, stepRounding}
	if !slices.Equal(x.Line.Steps, want) {
		t.Errorf("steps %q, want %q", x.Line.Steps, want)
	}
	if u := x.Line.Usage; u.Portions.String() != "5" || u.Agrees {
		t.Errorf("5 units without a record are said to agree: %+v", u)
	}
}

func TestChargesThatNoUsageMade(t *testing.T) {
	for _, c := range []struct{ which, kind, step, figure, value, sum string }{
		{"Box:t2.small EdpDiscount 00", keyDiscounts, stepDiscounts, "", "", "0.075 in 2"},
		{"Box:t2.small SavingsPlanNegation 03", keyPlans, stepPlans, "", "", "0.1 in 1"},
		{"ComputeSP:1yrNoUpfront SavingsPlanRecurringFee 03", keyPlans, stepPlans, "recurring part of the hour", "0.1", "0.06 in 1"},
		{"HeavyUsage:t2.small RIFee 00", keyReservations, stepReservations, "unused units", "742", ""},
		{"setup Fee 00", keyFees, stepFees, "charged", "10", ""},
		{"gold Fee 00", keySupport, stepSupport, "charged", "1", "4.045 in 8"}, // 0.4 - 0.075 - 0.1 + 0.1 + 3.72
		{"floor Fee 00", keyMinimums, stepMinimum, "charged", "3", ""},
		{"gift Credit 00", keyCredits, stepCredits, "closing", "3", ""},
		{"sorry Refund 00", keyRefunds, stepRefunds, "", "", ""},
		{"vat Tax 00", keyTaxes, stepTax, "base of the payer", "10", "12.045 in 13"},
	} {
		e := explainedMonth(t)
		x, err := e.line(Question{What: idsOf(t, e)[c.which]})
		if err != nil {
			t.Fatalf("%s: %v", c.which, err)
		}
		l := x.Line
		if l.Offer == nil || l.Offer.Kind != c.kind || !slices.Equal(l.Steps, []string{stepGround, c.step, stepRounding}) || len(l.Portions) != 1 {
			t.Errorf("%s: %+v, steps %q, want %s and %s", c.which, l.Offer, l.Steps, c.kind, c.step)
			continue
		}
		if c.figure != "" && !slices.Contains(l.Offer.Figures, Figure{c.figure, c.value}) {
			t.Errorf("%s: figures %v, want %s %s", c.which, l.Offer.Figures, c.figure, c.value)
		}
		for _, s := range l.Offer.Sums {
			if s.Agrees != (c.kind != keySupport) { // the fee of 1 is not a tenth of 4.045
				t.Errorf("%s: %+v", c.which, s)
			}
		}
		if got := sumText(l.Offer.Lines); got != c.sum {
			t.Errorf("%s: lines %q, want %q", c.which, got, c.sum)
		}
	}
}

func sumText(list []SumOfLines) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].Total.String() + " in " + money.Int128FromInt(list[0].Charges).String()
}

func TestModelText(t *testing.T) {
	v := price.Version{Unit: "Requests", Model: price.Package, PackageSize: explainUsage(t, "1000"), Tiers: []price.Tier{{Rate: explainRate(t, "0.4")}}}
	if got := modelText(v); !strings.Contains(got, "Package: every started 1000 Requests of the month costs 0.4") {
		t.Error(got)
	}
	v.Model = price.Flat
	if got := modelText(v); !strings.Contains(got, "Flat: 0.4 once a month") {
		t.Error(got)
	}
}

// However the charges are cut into batches, the line that is found is the same.
func TestFinderOverBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := batch.NewCharges(&batch.Owner{Payer: "1"}, batch.NewDims(), batch.NewTable[batch.Price]())
		for h := range rapid.IntRange(1, 3).Draw(t, "heads") {
			for r := range rapid.IntRange(1, 3).Draw(t, "resources") {
				for hour := range rapid.IntRange(1, 4).Draw(t, "hours") {
					head, resource := c.Dims.Heads.Code(batch.Head{Account: string(rune('a' + h))}), c.Dims.Resources.Code(string(rune('a'+r)))
					c.Append(batch.Row{Key: batch.LineKey(head, resource, schema.Hour(hour), c.Dims.Tails.Code(batch.Tail{Zone: string(rune('a' + hour))})),
						Price: c.Prices.Code(batch.Price{SKU: "S"}), Amount: money.UsageFromInt(int64(hour))})
				}
			}
		}
		whole := newChargeReader(c.Owner)
		whole.load(c)
		at := rapid.IntRange(0, c.Len()-1).Draw(t, "at")
		f := &finder{id: whole.id(at), reader: newChargeReader(c.Owner)}
		for from := 0; from < c.Len(); {
			to := min(c.Len(), from+rapid.IntRange(1, 4).Draw(t, "size"))
			enough, err := f.look(c.Slice(from, to))
			if err != nil {
				t.Fatal(err)
			}
			if enough {
				break
			}
			from = to
		}
		var want []charge
		for i := range c.Len() {
			if alike(c, i, at) {
				want = append(want, whole.at(i))
			}
		}
		if !slices.Equal(f.found, want) {
			t.Fatalf("found %v, want %v", f.found, want)
		}
	})
}

func TestCountedRecords(t *testing.T) {
	var list []TracedRecord
	for state, amount := range map[string]string{RecordCharged: "1", RecordLate: "10", RecordBefore: "100", RecordReplaced: "1000"} {
		list = append(list, TracedRecord{State: state, Amount: explainUsage(t, amount)})
	}
	if sum, err := counted(list); err != nil || sum.String() != "-989" {
		t.Errorf("got %s, %v, want 1 + 10 - 1000", sum, err)
	}
}

// A correction and a charge of the same line and hour, as a month that begins
// inside an hour may have them, are explained apart.
func TestPortionsKeepCorrectionsApart(t *testing.T) {
	plain := charge{id: "a", tail: batch.Tail{LineItemType: schema.LineItemUsage}, price: batch.Price{SKU: "S"}}
	late := plain
	late.id, late.price.Reason = "b", lateReason+"2026-09"
	if got := portionsOf(late, []charge{plain, late}); !slices.Equal(got, []charge{late}) {
		t.Errorf("portions %v", got)
	}
}

// The records of a line may lie on both sides of a batch's border; behind its
// head nothing is read.
func TestTracerStopsBehindTheHead(t *testing.T) {
	line := charge{head: batch.Head{Account: "b"}, tail: batch.Tail{LineItemType: schema.LineItemUsage, Unit: "Hrs"}}
	tr := newTracer(line, period.SlotBatch{Files: []schema.DeliveredFile{{Name: "f.csv"}}}, RecordCharged)
	tr.counts = func(int64, int64) bool { return true }
	for i, accounts := range []string{"ab", "b", "bc"} {
		u := batch.NewUsage()
		u.Dims = tr.dims
		for _, a := range accounts {
			u.Append(&schema.Record{RecordID: []byte{byte('0' + i)}, UsageAccountID: []byte(string(a)), Unit: []byte("Hrs"), LineItemType: []byte(schema.LineItemUsage)})
		}
		if err := tr.look(u); (err != nil) != (i == 2) {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	var ids string
	for _, r := range tr.found {
		ids += r.ID
	}
	if ids != "012" {
		t.Errorf("found records %s, want 012", ids)
	}
}
