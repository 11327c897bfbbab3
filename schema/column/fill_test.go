package column

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func owner() *batch.Owner {
	return &batch.Owner{
		Issuer: "example", IssuerName: "Example, Inc.", Payer: "111111111111", PayerName: "Main",
		PricingCurrency: "USD", BillingCurrency: "EUR",
		Period: schema.Period{Name: "2026-10",
			Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		AccountNames: map[string]string{"222222222222": "Two"},
	}
}

func mustRate(t testing.TB, s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// charges has a rated charge in two hours and one whose cost came with it.
func charges(t testing.TB) *batch.Charges {
	c := batch.NewCharges(owner(), batch.NewDims(), batch.NewTable[batch.Price]())
	first := schema.HourOf(c.Owner.Period.Start.UnixNano())
	head := c.Dims.Heads.Code(batch.Head{Account: "222222222222", Service: "Compute", UsageType: "Box", Operation: "Run"})
	tail := c.Dims.Tails.Code(batch.Tail{Region: "us-east-1", Zone: "us-east-1a", Unit: "Hours", LineItemType: "Usage",
		Tags: string(schema.EncodeTags(nil, []schema.Tag{{Key: "A b", Value: "1"}, {Key: "a.b", Value: "2"}, {Key: "aws:x", Value: "3"}}))})
	price := c.Prices.Code(batch.Price{SKU: "SKU1", RateCode: "SKU1.T.R", Term: "OnDemand", Description: "first", Unit: "Hrs",
		Rated: true, Rate: mustRate(t, "0.5"), PublicRate: mustRate(t, "0.75"), BlendedRate: mustRate(t, "0.123456789012"), Begin: "0", End: "Inf",
		Attributes: string(schema.EncodeTags(nil, []schema.Tag{{Key: "instanceType", Value: "m5"}, {Key: "regionCode", Value: "eu-west-1"},
			{Key: "vcpu", Value: "2"}, {Key: "operatingSystem", Value: "Linux"}, {Key: "Product Family", Value: "Instance"}, {Key: "gpu", Value: ""}}))})
	for hour := range 2 {
		c.Append(batch.Row{Key: batch.LineKey(head, c.Dims.Resources.Code("i-1"), first+schema.Hour(hour), tail), Price: price,
			Amount: money.UsageFromInt(2), List: money.CostFromInt(3), Unblended: money.CostFromInt(1), Blended: money.CostFromInt(4)})
	}
	spot := c.Dims.Tails.Code(batch.Tail{Region: "us-west-2", Unit: "GB", LineItemType: "Usage", Priced: true, Currency: "USD"})
	other := c.Dims.Heads.Code(batch.Head{Account: "333333333333", Service: "Store"})
	c.Append(batch.Row{Key: batch.LineKey(other, c.Dims.Resources.Code(""), first, spot), Price: c.Prices.Code(batch.Price{Description: "spot"}),
		Amount: money.UsageFromInt(1), Unblended: money.CostFromInt(5), Blended: money.CostFromInt(5)})
	return c
}

// text renders a cell of any shape.
func text(v Values, row int) string {
	switch v.Shape {
	case Texts:
		return v.Texts[v.Code(row)]
	case Times:
		return time.UnixMilli(v.Times[v.Code(row)]).UTC().Format(time.RFC3339)
	case Maps:
		var b strings.Builder
		for _, t := range v.Maps[v.Code(row)] {
			fmt.Fprintf(&b, "%s=%s;", t.Key, t.Value)
		}
		return "{" + b.String() + "}"
	case Costs:
		if at, ok := amountAt(v, row); ok {
			return v.Costs[at].String()
		}
	case Usages:
		if at, ok := amountAt(v, row); ok {
			return v.Usages[at].String()
		}
	}
	return ""
}

// amountAt finds the amount of a row.
func amountAt(v Values, row int) (int, bool) {
	if v.Rows == nil {
		return row, true
	}
	return slices.BinarySearch(v.Rows, uint32(row))
}

// TestFilled pins every filled cell of three charges.
func TestFilled(t *testing.T) {
	c := charges(t)
	v := NewView(c.Owner, Settings{Resources: true})
	v.Load(TablesOf(c), c)
	var b strings.Builder
	for _, col := range All() {
		values := col.Fill(v)
		if values.Shape == Null {
			continue
		}
		b.WriteString(col.Name)
		for row := range c.Len() {
			b.WriteString(" | " + text(values, row))
		}
		b.WriteByte('\n')
	}
	if *update {
		if err := os.WriteFile("testdata/filled.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/filled.txt")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("filled columns differ from testdata/filled.txt:\n%s", b.String())
	}
}

func TestInvoiceAndResourceSettings(t *testing.T) {
	c := charges(t)
	for _, s := range []Settings{{}, {InvoiceID: "N-1", Resources: true}} {
		v := NewView(c.Owner, s)
		v.Load(TablesOf(c), c)
		for _, col := range All() {
			values := col.Fill(v)
			switch col.Name {
			case "bill_invoice_id":
				if text(values, 1) != s.InvoiceID {
					t.Errorf("invoice id %q, want %q", text(values, 1), s.InvoiceID)
				}
			case "line_item_resource_id":
				if (text(values, 0) == "i-1") != s.Resources {
					t.Errorf("resource id %q with %+v", text(values, 0), s)
				}
			}
		}
	}
}

// TestViewIsReusable loads slices in any order and compares with a fresh view.
func TestViewIsReusable(t *testing.T) {
	c := charges(t)
	used := NewView(c.Owner, Settings{})
	for _, cut := range [][2]int{{2, 3}, {0, 1}, {0, 3}, {1, 2}} {
		part := c.Slice(cut[0], cut[1])
		fresh := NewView(c.Owner, Settings{})
		fresh.Load(TablesOf(c), part)
		used.Load(TablesOf(c), part)
		for _, col := range All() {
			a, b := col.Fill(fresh), col.Fill(used)
			for row := range part.Len() {
				if text(a, row) != text(b, row) {
					t.Errorf("%v %s: %q fresh, %q used", cut, col.Name, text(a, row), text(b, row))
				}
			}
		}
	}
}

// TestLineItemIDs draws rows from few tuples: two rows have one id if and only
// if they differ in nothing but the hour.
func TestLineItemIDs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := batch.NewCharges(owner(), batch.NewDims(), batch.NewTable[batch.Price]())
		short := rapid.SampledFrom([]string{"", "a", "b", "ab"})
		for range rapid.IntRange(1, 30).Draw(r, "rows") {
			head := batch.Head{Account: short.Draw(r, "account"), Service: short.Draw(r, "service")}
			tail := batch.Tail{Region: short.Draw(r, "region"), Zone: short.Draw(r, "zone")}
			price := batch.Price{SKU: short.Draw(r, "sku"), RateCode: short.Draw(r, "rate")}
			c.Append(batch.Row{Price: c.Prices.Code(price), Key: batch.LineKey(c.Dims.Heads.Code(head),
				c.Dims.Resources.Code(short.Draw(r, "resource")), 5, c.Dims.Tails.Code(tail))})
		}
		v := NewView(c.Owner, Settings{})
		v.Load(TablesOf(c), c)
		ids := lineItemID(v, nil)
		byID := map[string][4]uint32{}
		byTuple := map[[4]uint32]string{}
		for i := range c.Len() {
			id := text(ids, i)
			tuple := [4]uint32{c.Head[i], c.Resource[i], c.Tail[i], c.Price[i]}
			if known, ok := byID[id]; ok && known != tuple {
				r.Fatalf("%v and %v have one id", known, tuple)
			}
			if known, ok := byTuple[tuple]; ok && known != id {
				r.Fatalf("%v has two ids", tuple)
			}
			byID[id], byTuple[tuple] = tuple, id
			if len(id) != 52 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
				r.Fatalf("id %q", id)
			}
		}
	})
}

// TestTagNames never loses a tag, however keys fall together.
func TestTagNames(t *testing.T) {
	for key, want := range map[string]string{"Team": "user_team", "user:Team": "user_team", "aws:createdBy": "aws_createdby",
		"a b.c-d": "user_a_b_c_d", "팀": "user__", "": "user_"} {
		if got := TagName(key); got != want {
			t.Errorf("TagName(%q) = %q, want %q", key, got, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[aA._2-]{0,4}`), func(s string) string { return s }).Draw(r, "keys")
		tags := make([]schema.Tag, len(keys))
		for i, k := range keys {
			tags[i] = schema.Tag{Key: k, Value: k}
		}
		got := tagMap(string(schema.EncodeTags(nil, tags)))
		seen, values := map[string]bool{}, map[string]bool{}
		for i, g := range got {
			seen[g.Key], values[g.Value] = true, true
			if i > 0 && g.Key < got[i-1].Key {
				r.Fatalf("%v is not sorted", got)
			}
		}
		// A single blank key has the canonical form of no tags with a separator.
		if len(seen) != len(keys) || len(values) != len(keys) {
			r.Fatalf("%v became %v", keys, got)
		}
	})
}

func TestAttributeNames(t *testing.T) {
	for name, want := range map[string]string{"instanceType": "instance_type", "instance_type": "instance_type",
		"Instance Type": "instance_type", "servicename": "servicename", "fromRegionCode": "from_region_code", "vCPU": "v_cpu"} {
		if got := attributeName(name); got != want {
			t.Errorf("attributeName(%q) = %q, want %q", name, got, want)
		}
		if flat(name) != strings.ReplaceAll(want, "_", "") {
			t.Errorf("flat(%q) = %q", name, flat(name))
		}
	}
}

func BenchmarkFill(b *testing.B) {
	const rows = 1 << 16
	c := batch.NewCharges(owner(), batch.NewDims(), batch.NewTable[batch.Price]())
	first := schema.HourOf(c.Owner.Period.Start.UnixNano())
	price := c.Prices.Code(batch.Price{SKU: "K", RateCode: "K.1", Unit: "Hrs", Rated: true})
	for i := range rows {
		key := batch.LineKey(c.Dims.Heads.Code(batch.Head{Account: "1", Service: "S", UsageType: fmt.Sprint("BoxUsage:m", i/5000, ".large")}),
			c.Dims.Resources.Code(fmt.Sprint("i-", i/100)), first+schema.Hour(i%100), c.Dims.Tails.Code(batch.Tail{LineItemType: "Usage", Unit: "Hrs"}))
		c.Append(batch.Row{Key: key, Price: price, Amount: money.UsageFromInt(int64(i))})
	}
	v := NewView(c.Owner, Settings{Resources: true})
	for b.Loop() {
		v.Load(TablesOf(c), c)
		for _, col := range All() {
			col.Fill(v)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
