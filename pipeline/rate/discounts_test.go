package rate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

func TestDiscounts(t *testing.T) {
	share := func(id, factor string, change ...func(*offer.Discount)) offer.Discount {
		d := offer.Discount{ID: id, Type: "EdpDiscount", Factor: rateOf(factor)}
		for _, f := range change {
			f(&d)
		}
		return d
	}
	private := func(id, rate string) offer.Discount {
		return offer.Discount{ID: id, Type: "PrivateRateDiscount", Private: true, Rate: rateOf(rate)}
	}
	first := use("a", "use", 5, "10")
	first.tags = string(schema.EncodeTags(nil, []schema.Tag{{Key: "env", Value: "test"}, {Key: "team", Value: "x"}}))
	for _, c := range []struct {
		name   string
		offers []offer.Discount
		use    usage
		terms  string
		net    string // of 1
	}{
		{"none", nil, first, "", "1"},
		{"a share", []offer.Discount{share("d", "0.1")}, first, "d EdpDiscount 0.1", "0.9"},
		{"of what is left", []offer.Discount{share("d", "0.1"), share("e", "0.5")}, first, "d EdpDiscount 0.1;e EdpDiscount 0.5", "0.45"},
		{"rounds to 10 decimals", []offer.Discount{share("d", "0.333333333333333333")}, first, "d EdpDiscount 0.333333333333333333", "0.6666666667"},
		{"a private rate", []offer.Discount{private("r", "0.07")}, first, "r PrivateRateDiscount 0.03/unit", "0.7"},
		{"a private rate takes no more than is left", []offer.Discount{share("d", "0.8"), private("r", "0.07")}, first,
			"d EdpDiscount 0.8;r PrivateRateDiscount 0.03/unit", "0"},
		{"a private rate above the price", []offer.Discount{private("r", "0.1")}, first, "", "1"},
		{"a share of nothing", []offer.Discount{share("d", "0")}, first, "", "1"},
		{"payer", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.Payers = []string{"q"} })}, first, "", "1"},
		{"account", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.Accounts = []string{"b"} }),
			share("e", "0.1", func(d *offer.Discount) { d.Accounts = []string{"a"} })}, first, "e EdpDiscount 0.1", "0.9"},
		{"SKU", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.SKUs = []string{"X"} }),
			share("e", "0.1", func(d *offer.Discount) { d.SKUs = []string{"K"} })}, first, "e EdpDiscount 0.1", "0.9"},
		{"selector", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.Select = []offer.Selector{{ServiceCode: "T"}} }),
			share("e", "0.1", func(d *offer.Discount) { d.Select = []offer.Selector{{UsageType: "u*"}} })}, first, "e EdpDiscount 0.1", "0.9"},
		{"tags", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.Tags = map[string]string{"env": "prod"} }),
			share("e", "0.1", func(d *offer.Discount) { d.Tags = map[string]string{"env": "test", "team": "x"} })}, first, "e EdpDiscount 0.1", "0.9"},
		{"dates", []offer.Discount{share("d", "0.1", func(d *offer.Discount) { d.From = schema.Date{Year: 2026, Month: 10, Day: 2} }),
			share("e", "0.1", func(d *offer.Discount) { d.Until = schema.Date{Year: 2026, Month: 10, Day: 2} })}, first, "e EdpDiscount 0.1", "0.9"},
		{"other types of lines", []offer.Discount{share("d", "0.1")}, func() usage { u := first; u.kind = "Other"; return u }(), "", "1"},
		{"cost that came along", []offer.Discount{share("d", "0.1")}, func() usage { u := first; u.cost, u.currency = "1", "USD"; return u }(), "", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := acme()
			w.others.Discounts = c.offers
			l := w.mustRate(t, c.use)[0]
			if l.terms.Discounts != c.terms || l.net.String() != c.net || l.paid.String() != "1" || l.effective != l.paid || l.upfront != (money.Cost{}) {
				t.Errorf("terms %q, net %s of %s, effective %s; want %q, %s", l.terms.Discounts, l.net, l.paid, l.effective, c.terms, c.net)
			}
		})
	}
}

// A line changes its discounts at midnight of the issuer's zone, and its
// private rate with the tier.
func TestDiscountsChangeWithDayAndTier(t *testing.T) {
	w := acme()
	w.zone = "Asia/Kathmandu"
	w.skus = []sku{one("K", "use", tier{"10", "1"}, flat("0.5"))}
	w.others.Discounts = []offer.Discount{{ID: "r", Type: "PrivateRateDiscount", Private: true, Rate: rateOf("0.4"), From: schema.Date{Year: 2026, Month: 10, Day: 3}}}
	midnight := w.period(t).Start.Add(48 * time.Hour).Truncate(time.Hour) // 15 minutes before it
	at := func(hours int, amount string) usage {
		u := use("a", "use", 0, amount)
		u.start = midnight.Add(time.Duration(hours) * time.Hour).UnixNano()
		u.end = u.start + 1
		return u
	}
	list := w.mustRate(t, at(0, "4"), at(1, "4"), at(2, "4"))
	var got []string
	for _, l := range list {
		got = append(got, l.amount.String()+" "+l.net.String()+" "+l.terms.Discounts)
	}
	want := []string{"4 4 ", "4 1.6 r PrivateRateDiscount 0.6/unit", "2 0.8 r PrivateRateDiscount 0.6/unit", "2 0.8 r PrivateRateDiscount 0.1/unit"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What is covered, free or has no rate is not discounted.
func TestNoDiscountOnWhatHasNoRate(t *testing.T) {
	w := fleet()
	w.skus = append(w.skus, one("P", "packs", flat("1")))
	w.models = map[string]model{"P": {price.Package, "10"}}
	w.pools = []pool{{"free", "1", []string{"BoxUsage:m5.large"}}}
	w.others = offer.Offers{Discounts: []offer.Discount{{ID: "d", Type: "EdpDiscount", Factor: rateOf("0.1")}},
		Reservations: []offer.Reservation{reserve("r", "a", "large", 1)}, SavingsPlans: []offer.SavingsPlan{plan("c", "a", "0.05")}}
	for i, l := range w.mustRate(t, machine("a", "large", 5, "4"), use("a", "packs", 5, "1")) {
		if discounted := l.terms.Discounts != ""; discounted != (i == 3) || discounted != (l.net != l.paid) {
			t.Errorf("charge %d: %s of %s, discounts %q", i, l.net, l.paid, l.terms.Discounts)
		}
	}
}
