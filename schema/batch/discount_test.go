package batch_test

import (
	"slices"
	"testing"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func amountOf(t *testing.T, text string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func factor(t *testing.T, text string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDiscountsStack(t *testing.T) {
	list := []batch.Discount{
		{ID: "edp", Type: "EdpDiscount", Factor: factor(t, "0.1")},
		{ID: "deal", Type: "PrivateRateDiscount", PerUnit: factor(t, "0.02")},
		{ID: "rest", Type: "Discount", Factor: factor(t, "1")},
	}
	for _, c := range []struct {
		cost   string
		amount int64
		want   []string
	}{
		{"1", 10, []string{"0.1", "0.2", "0.7"}},
		{"0.0000000005", 0, []string{"0.0000000001", "0", "0.0000000004"}}, // half of the last digit goes up
		{"1", 100, []string{"0.1", "0.9", "0"}},                            // no discount takes more than is left
		{"0", 3, []string{"0", "0", "0"}},
	} {
		got, err := batch.DiscountAmounts(list, amountOf(t, c.cost), money.UsageFromInt(c.amount))
		var texts []string
		for _, a := range got {
			texts = append(texts, a.String())
		}
		if err != nil || !slices.Equal(texts, c.want) {
			t.Errorf("%d units of %s: %v (%v), want %v", c.amount, c.cost, texts, err, c.want)
		}
	}
	back, err := batch.DecodeDiscounts(batch.EncodeDiscounts(list))
	if err != nil || !slices.Equal(back, list) {
		t.Errorf("reads back as %+v (%v)", back, err)
	}
}

func TestSpoiltDiscountsAreAnError(t *testing.T) {
	for _, text := range []string{"a", "a b", "a b c d", "a b x", "a b 0.1;", "a b 0.1/unit/unit"} {
		if _, err := batch.DecodeDiscounts(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
