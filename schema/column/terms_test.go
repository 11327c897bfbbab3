package column

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func mustCost(t testing.TB, s string) money.Cost {
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sampleRow is a charge of a month with everything in it.
type sampleRow struct {
	account, service, usageType, itemType string
	price                                 batch.Price
	terms                                 batch.Terms
	hour                                  int
	amount                                int64
	unblended, net, effective, upfront    string
}

// The commitments of the sample: two reservations of 5 units with 30 up front,
// 20 of them in this month, and a plan of 1 per hour, half of it up front.
var (
	reservation = batch.Commitment{Kind: batch.Reservation, ID: "arn:ri", Subscription: "77", Lease: "1yr", Class: "standard",
		Payment: "Partial Upfront", Start: "2026-09-01T00:00:00.000Z", End: "2027-08-31T23:59:59.000Z"}
	plan = batch.Commitment{Kind: batch.SavingsPlan, ID: "arn:sp", Lease: "3yr", Payment: "Partial Upfront", Region: "us-east-1", Family: "m5",
		Offering: "EC2InstanceSavingsPlans", Start: "2026-10-01T00:00:00.000Z", End: "2029-09-30T23:59:59.000Z"}
)

const twoDiscounts = "edp EdpDiscount 0.1;free BundledDiscount 0.5"

func sampleRows(t testing.TB) []sampleRow {
	rated := batch.Price{SKU: "SKU1", RateCode: "SKU1.T.R", Term: "OnDemand", Unit: "Hrs", Rated: true,
		Rate: mustRate(t, "2"), PublicRate: mustRate(t, "2"), BlendedRate: mustRate(t, "2")}
	reserved := batch.Price{SKU: "SKU1", RateCode: "SKU1.Reserved", Term: "Reserved", Unit: "Hrs", Rated: true, PublicRate: mustRate(t, "2")}
	fee := reservation
	fee.Count, fee.UnitsPer, fee.Units, fee.NormalizedPer, fee.Normalized = "2", "5", "10", "20", "40"
	fee.Upfront, fee.AmortizedFee = mustCost(t, "30"), mustCost(t, "20")
	fee.UnusedUpfront, fee.UnusedRecurring = mustCost(t, "8"), mustCost(t, "2")
	fee.UnusedUnits, fee.UnusedNormal = money.UsageFromInt(4), money.UsageFromInt(16)
	used := plan
	used.Rate = mustRate(t, "0.15")
	hour := plan
	hour.AmortizedFee, hour.Recurring = mustCost(t, "0.5"), mustCost(t, "0.5")
	item := func(text string) batch.Price { return batch.Price{Description: text} }
	return []sampleRow{
		{"1", "EC2", "BoxUsage:m5.large", "Usage", rated, batch.Terms{}, 0, 1, "2", "2", "2", "0"},
		{"1", "EC2", "BoxUsage:m5.large", "Usage", rated, batch.Terms{Discounts: twoDiscounts}, 1, 2, "4", "1.8", "4", "0"},
		{"1", "EC2", "BoxUsage:m5.micro", "DiscountedUsage", reserved, batch.Terms{Commitment: reservation}, 1, 3, "0", "0", "15", "12"},
		{"1", "EC2", "HeavyUsage:m5.large", "RIFee", item("hourly fee"), batch.Terms{Commitment: fee}, 0, 10, "5", "5", "10", "8"},
		{"1", "EC2", "HeavyUsage:m5.large", "Fee", item("up-front fee"), batch.Terms{Commitment: fee}, 0, 2, "30", "30", "0", "0"},
		{"1", "EC2", "BoxUsage:m5.xlarge", "SavingsPlanCoveredUsage", rated, batch.Terms{Commitment: used}, 2, 5, "10", "10", "0.75", "0"},
		{"1", "ComputeSavingsPlans", "EC2SP:m5.3yrPartialUpfront", "SavingsPlanRecurringFee", item("plan"), batch.Terms{Commitment: hour}, 2, 1, "0.5", "0.5", "0.25", "0"},
		{"1", "EC2", "BoxUsage:m5.xlarge", "SavingsPlanNegation", item("negation"), batch.Terms{Commitment: plan}, 2, 5, "-10", "-10", "0", "0"},
		{"1", "ComputeSavingsPlans", "EC2SP:m5.3yrPartialUpfront", "SavingsPlanUpfrontFee", item("plan up front"), batch.Terms{Commitment: hour}, 0, 1, "13140", "13140", "0", "0"},
		{"1", "EC2", "BoxUsage:m5.large", "EdpDiscount", item("edp"), batch.Terms{Discounts: "edp EdpDiscount 0.1"}, 0, 1, "-0.4", "0", "-0.4", "0"},
		{"1", "EC2", "BoxUsage:m5.large", "BundledDiscount", item("free"), batch.Terms{Discounts: "free BundledDiscount 0.5"}, 0, 1, "-1.8", "0", "-1.8", "0"},
		{"1", "Support", "Fee", "Fee", item("support"), batch.Terms{}, 3, 1, "100", "100", "100", "0"},
		{"1", "EC2", "", "Credit", item("welcome"), batch.Terms{}, 0, 1, "-7", "-7", "-7", "0"},
		{"1", "EC2", "", "Refund", item("sorry"), batch.Terms{}, 0, 1, "-3", "-3", "-3", "0"},
		{"1", "EC2", "", "Tax", batch.Price{Description: "VAT 10%", TaxType: "VAT"}, batch.Terms{}, 0, 1, "1.23", "1.23", "1.23", "0"},
	}
}

func month(t testing.TB, rows []sampleRow) *batch.Charges {
	who := owner()
	who.Discounted = true
	c := batch.NewCharges(who, batch.NewDims(), batch.NewTable[batch.Price]())
	first := schema.HourOf(c.Owner.Period.Start.UnixNano())
	for _, r := range rows {
		key := batch.LineKey(c.Dims.Heads.Code(batch.Head{Account: r.account, Service: r.service, UsageType: r.usageType}),
			c.Dims.Resources.Code(""), first+schema.Hour(r.hour), c.Dims.Tails.Code(batch.Tail{LineItemType: r.itemType}))
		c.Append(batch.Row{Key: key, Price: c.Prices.Code(r.price), Term: c.Terms.Code(r.terms), Amount: money.UsageFromInt(r.amount),
			Unblended: mustCost(t, r.unblended), Net: mustCost(t, r.net), Effective: mustCost(t, r.effective), Upfront: mustCost(t, r.upfront)})
	}
	return c
}

// TestFilledTerms pins the cells of the columns of commitments, discounts and
// bills, a line for each charge.
func TestFilledTerms(t *testing.T) {
	c := month(t, sampleRows(t))
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	var b strings.Builder
	for row := range c.Len() {
		fmt.Fprintf(&b, "%s\n", c.Dims.Tails.Value(c.Tail[row]).LineItemType)
		for _, col := range All() {
			if cell := text(col.Fill(v), row); cell != "" && cell != "{}" && ofInterest(col.Name) {
				fmt.Fprintf(&b, "  %s = %s\n", col.Name, cell)
			}
		}
	}
	if *update {
		if err := os.WriteFile("testdata/terms.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/terms.txt")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("filled columns differ from testdata/terms.txt:\n%s", b.String())
	}
}

func ofInterest(name string) bool {
	for _, p := range []string{"reservation_", "savings_plan_", "discount", "line_item_n", "line_item_tax", "line_item_usage_s",
		"line_item_usage_e", "bill_bill_type", "identity_", "pricing_l", "pricing_o", "pricing_pur", "pricing_term"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// cells reads a row by column name, as a reader of the report does.
type cells struct {
	t   testing.TB
	v   *View
	row int
}

func (c cells) text(name string) string {
	at := slices.IndexFunc(All(), func(col Column) bool { return col.Name == name })
	return text(All()[at].Fill(c.v), c.row)
}

func (c cells) cost(name string) money.Cost {
	if s := c.text(name); s != "" {
		return mustCost(c.t, s)
	}
	return money.Cost{}
}

// amortized is the amortized cost of a row by the rules of those who read the
// report, from its columns alone.
func (c cells) amortized(net string) money.Cost {
	switch kind := c.text("line_item_line_item_type"); {
	case kind == "SavingsPlanCoveredUsage":
		return c.cost("savings_plan_" + net + "savings_plan_effective_cost")
	case kind == "SavingsPlanRecurringFee":
		return exactly(money.Sub(c.cost("savings_plan_total_commitment_to_date"), c.cost("savings_plan_used_commitment")))
	case kind == "SavingsPlanNegation" || kind == "SavingsPlanUpfrontFee":
		return money.Cost{}
	case kind == "DiscountedUsage":
		return c.cost("reservation_" + net + "effective_cost")
	case kind == "RIFee":
		return exactly(money.Add(c.cost("reservation_"+net+"unused_amortized_upfront_fee_for_billing_period"),
			c.cost("reservation_"+net+"unused_recurring_fee")))
	case kind == "Fee" && c.text("reservation_reservation_a_r_n") != "":
		return money.Cost{}
	}
	if s := c.text("line_item_net_unblended_cost"); net != "" && s != "" {
		return mustCost(c.t, s)
	}
	return c.cost("line_item_unblended_cost")
}

// TestAmortized computes the amortized and the net amortized cost of every kind
// of charge from the columns. Discounts are charges of their own in the first,
// and lower the charges in the second; the sums are equal.
func TestAmortized(t *testing.T) {
	c := month(t, sampleRows(t))
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	var gross, net money.Cost
	for row := range c.Len() {
		at := cells{t, v, row}
		if got := at.amortized(""); got != c.Effective[row] {
			t.Errorf("%s: amortized cost %s, effective %s", at.text("line_item_line_item_type"), got, c.Effective[row])
		}
		want := c.Net[row]
		if c.Terms.Value(c.Term[row]).Commitment.ID != "" {
			want = c.Effective[row]
		}
		if got := at.amortized("net_"); got != want {
			t.Errorf("%s: net amortized cost %s, want %s", at.text("line_item_line_item_type"), got, want)
		}
		gross = exactly(money.Add(gross, at.amortized("")))
		net = exactly(money.Add(net, at.amortized("net_")))
	}
	if gross != net {
		t.Errorf("amortized cost %s, net amortized cost %s", gross, net)
	}
}

// TestPlanAndReservationAddUp holds the sums between columns.
func TestPlanAndReservationAddUp(t *testing.T) {
	c := month(t, sampleRows(t))
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	for row := range c.Len() {
		at := cells{t, v, row}
		for _, sum := range [][3]string{
			{"reservation_effective_cost", "reservation_amortized_upfront_cost_for_usage", "reservation_recurring_fee_for_usage"},
			{"savings_plan_total_commitment_to_date", "savings_plan_amortized_upfront_commitment_for_billing_period", "savings_plan_recurring_commitment_for_billing_period"},
		} {
			if got := exactly(money.Add(at.cost(sum[1]), at.cost(sum[2]))); got != at.cost(sum[0]) {
				t.Errorf("row %d: %s + %s is %s, %s is %s", row, sum[1], sum[2], got, sum[0], at.cost(sum[0]))
			}
		}
		if total := at.text("discount_total_discount"); total != "" {
			net := exactly(money.Sub(at.cost("line_item_unblended_cost"), at.cost("line_item_net_unblended_cost")))
			if mustCost(t, total) != net {
				t.Errorf("row %d: discounts of %s, net cost lower by %s", row, total, net)
			}
		}
	}
}

// TestWithoutTerms holds that a batch whose charges are under no terms has the
// columns of terms without a buffer, whatever the tables hold.
func TestWithoutTerms(t *testing.T) {
	c := month(t, sampleRows(t))
	c.Owner.Discounted = false
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	for _, col := range All() {
		col.Fill(v)
	}
	v.Load(TablesOf(c), c.Slice(0, 1))
	for _, col := range All() {
		named := strings.HasPrefix(col.Name, "reservation_") || strings.HasPrefix(col.Name, "savings_plan_") ||
			strings.HasPrefix(col.Name, "discount_") || strings.HasPrefix(col.Name, "line_item_net")
		if named && col.Fill(v).Shape != Null {
			t.Errorf("%s is not null", col.Name)
		}
	}
}

// TestSlicesOfTerms loads any slices of any rows and compares with a fresh view.
func TestSlicesOfTerms(t *testing.T) {
	rows := sampleRows(t)
	rapid.Check(t, func(r *rapid.T) {
		var drawn []sampleRow
		for range rapid.IntRange(1, 25).Draw(r, "rows") {
			row := rapid.SampledFrom(rows).Draw(r, "row")
			row.hour = rapid.IntRange(0, 4).Draw(r, "hour")
			drawn = append(drawn, row)
		}
		c := month(t, drawn)
		used := NewView(c.Owner, Settings{})
		for range 4 {
			from := rapid.IntRange(0, c.Len()-1).Draw(r, "from")
			part := c.Slice(from, rapid.IntRange(from+1, c.Len()).Draw(r, "to"))
			fresh := NewView(c.Owner, Settings{})
			fresh.Load(TablesOf(c), part)
			used.Load(TablesOf(c), part)
			for _, col := range All() {
				a, b := col.Fill(fresh), col.Fill(used)
				checkRows(r, col, b, part.Len())
				for row := range part.Len() {
					if text(a, row) != text(b, row) {
						r.Fatalf("%s row %d: %q fresh, %q used", col.Name, row, text(a, row), text(b, row))
					}
				}
			}
		}
	})
}

// checkRows holds what writers rely on.
func checkRows(r *rapid.T, col Column, v Values, rows int) {
	if v.Rows == nil {
		return
	}
	if len(v.Rows) == 0 || len(v.Rows) != len(v.Costs)+len(v.Usages) || !slices.IsSorted(v.Rows) || int(v.Rows[len(v.Rows)-1]) >= rows {
		r.Fatalf("%s: rows %v of %d, %d amounts", col.Name, v.Rows, rows, len(v.Costs)+len(v.Usages))
	}
}

// TestTermsInLineItemIDs holds that lines apart in commitment or discounts have
// ids apart, and that the figures of a commitment do not count.
func TestTermsInLineItemIDs(t *testing.T) {
	base := sampleRow{account: "1", service: "S", itemType: "Fee", unblended: "1", net: "1", effective: "1", upfront: "0"}
	other := func(change func(*sampleRow)) sampleRow {
		r := base
		change(&r)
		return r
	}
	c := month(t, []sampleRow{base,
		other(func(r *sampleRow) { r.terms.Commitment.ID = "a" }),
		other(func(r *sampleRow) { r.terms.Commitment.ID = "b" }),
		other(func(r *sampleRow) { r.terms.Discounts = twoDiscounts }),
		other(func(r *sampleRow) { r.terms.Commitment.ID, r.terms.Commitment.Count = "a", "3" }),
		other(func(r *sampleRow) { r.terms.Commitment.Count = "3" }),
	})
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	ids := lineItemID(v, nil)
	seen := map[string]int{}
	for row := range c.Len() {
		seen[text(ids, row)]++
	}
	if len(seen) != 4 || text(ids, 4) != text(ids, 1) || text(ids, 5) != text(ids, 0) {
		t.Errorf("ids %v", seen)
	}
}

// TestDiscountsOfARow compares the map with the amounts of the offer.
func TestDiscountsOfARow(t *testing.T) {
	c := month(t, sampleRows(t))
	v := NewView(c.Owner, Settings{})
	v.Load(TablesOf(c), c)
	at := cells{t, v, 1}
	if got := at.text("discount"); got != "{edp=0.4;free=1.8;}" {
		t.Errorf("discounts %s", got)
	}
	list, err := batch.DecodeDiscounts(twoDiscounts)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if got := at.text("discount_bundled_discount"); got != "1.8" {
		t.Errorf("bundled discount %s", got)
	}
}

func TestNormalized(t *testing.T) {
	for _, test := range []struct {
		usageType, unit, itemType string
		factor, amount            string
	}{
		{"USE1-BoxUsage:t2.nano", "Hrs", "Usage", "0.25", "0.75"},
		{"BoxUsage:c5.10xlarge", "hours", "Usage", "80", "240"},
		{"BoxUsage:c5.large", "GB-Mo", "Usage", "", ""},
		{"HeavyUsage:c5.large", "", "RIFee", "4", "12"},
		{"BoxUsage:c5.large", "Hrs", "Fee", "", ""},
		{"EBS:VolumeUsage.gp2", "Hrs", "Usage", "", ""},
	} {
		c := month(t, []sampleRow{{usageType: test.usageType, itemType: test.itemType, price: batch.Price{Unit: test.unit}, amount: 3,
			unblended: "0", net: "0", effective: "0", upfront: "0"}})
		v := NewView(c.Owner, Settings{})
		v.Load(TablesOf(c), c)
		at := cells{t, v, 0}
		if f, a := at.text("line_item_normalization_factor"), at.text("line_item_normalized_usage_amount"); f != test.factor || a != test.amount {
			t.Errorf("%+v: factor %q, amount %q", test, f, a)
		}
	}
}
