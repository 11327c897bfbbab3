package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// Offers that are sound come back as they were, from JSON, in which they are
// pinned, and from the file that a person would write.
func TestOffersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawOffers(t)
		if ps := want.Check("", nil); ps != nil {
			t.Fatal(ps)
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var pinned offer.Offers
		if err := json.Unmarshal(data, &pinned); err != nil || !reflect.DeepEqual(pinned, want) {
			t.Fatalf("from JSON %s\ngot  %+v %v\nwant %+v", data, pinned, err, want)
		}
		var tree map[string]any
		if err := json.Unmarshal(data, &tree); err != nil {
			t.Fatal(err)
		}
		file, err := json.Marshal(asFile(tree)) // JSON is YAML
		if err != nil {
			t.Fatal(err)
		}
		if got, ps := LoadOffers("f.yaml", file); ps != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("from %s\ngot  %+v %v\nwant %+v", file, got, ps, want)
		}
	})
}

// asFile spells JSON of offers as a file does.
func asFile(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = asFile(v[i])
		}
	case map[string]any:
		if _, private := v["private"]; private && v["rate"] == nil {
			v["rate"] = "0"
		}
		delete(v, "private")
		for key, value := range v {
			switch key {
			case "factor":
				delete(v, key)
				v["percent"] = hundredfold(value.(string))
			case "to":
				delete(v, key)
				v["upto"] = value
			case "payment":
				v[key] = strings.ToLower(strings.ReplaceAll(value.(string), " ", "_"))
			case "type":
				v[key] = strings.NewReplacer("ComputeSavingsPlans", "compute", "EC2InstanceSavingsPlans", "instance").Replace(value.(string))
			case "service_code":
				if value == "" {
					delete(v, key)
				}
			default:
				v[key] = asFile(value)
			}
		}
	}
	return v
}

func hundredfold(share string) string {
	r, err := money.ParseRate(share)
	if err == nil {
		r, err = money.MulInt(r, 100)
	}
	if err != nil {
		panic(err)
	}
	return r.String()
}

// draw makes one sound offer of each kind at most.
type draw struct{ *rapid.T }

func drawOffers(t *rapid.T) offer.Offers {
	d := draw{t}
	var o offer.Offers
	maybe := func(name string, f func()) {
		if d.flag(name) {
			f()
		}
	}
	maybe("pool", func() {
		p := offer.Pool{ID: d.id(), Allowance: money.UsageFromInt(d.whole()), Unit: d.word(), Select: []offer.Selector{d.selector(true)}}
		p.From, p.Until = d.dates(true)
		if p.Months = rapid.IntRange(0, 120).Draw(t, "months"); p.Months == 0 {
			p.Days = rapid.IntRange(0, 3660).Draw(t, "days")
		}
		o.FreeTier = append(o.FreeTier, p)
	})
	maybe("discount", func() {
		v := offer.Discount{ID: d.id(), Type: rapid.SampledFrom([]string{"Discount", "EdpDiscount"}).Draw(t, "type"), Description: d.text(), Payers: d.list(), Accounts: d.list(), SKUs: d.list()}
		if d.flag("select") {
			v.Select = []offer.Selector{d.selector(false)}
		}
		if d.flag("tags") {
			v.Tags = map[string]string{d.word(): d.word()}
		}
		if v.Private = d.flag("private"); v.Private {
			v.Rate = money.RateFromInt(d.whole() - 1)
		} else {
			v.Factor = d.share()
		}
		v.From, v.Until = d.dates(false)
		o.Discounts = append(o.Discounts, v)
	})
	maybe("reservation", func() {
		v := offer.Reservation{ID: "arn:x/" + d.id(), Subscription: d.text(), Account: d.id(), Select: d.selector(true), Count: d.whole(), Class: rapid.SampledFrom([]string{"", "standard", "convertible"}).Draw(t, "class"),
			Payment: d.payment(), Given: d.flag("given"), Description: d.text()}
		v.Select.UsageType = "U:t2.micro"
		if v.SizeFlexible = d.flag("flexible"); !v.SizeFlexible {
			v.Zone = d.text()
		}
		v.Start, v.End, v.Years = d.term(time.Second)
		if v.Payment != offer.NoUpfront {
			v.Upfront = d.amount()
		}
		if v.Payment != offer.AllUpfront {
			v.Hourly = d.share()
		}
		o.Reservations = append(o.Reservations, v)
	})
	maybe("plan", func() {
		v := offer.SavingsPlan{ID: d.id(), Account: d.id(), Type: offer.ComputePlan, Commitment: d.amount(), Payment: d.payment()}
		if d.flag("instance") {
			v.Type, v.Region, v.Family = offer.InstancePlan, d.word(), d.id()
		}
		v.Start, v.End, v.Years = d.term(time.Hour)
		r := offer.PlanRate{Select: d.selector(false), Factor: d.share()}
		if d.flag("rate") {
			r = offer.PlanRate{Select: r.Select, Rate: money.RateFromInt(d.whole())}
		}
		v.Rates = []offer.PlanRate{r}
		o.SavingsPlans = append(o.SavingsPlans, v)
	})
	maybe("fee", func() {
		v := offer.Fee{ID: d.id(), Account: d.id(), Service: d.word(), Description: d.word(), Amount: d.amount()}
		if d.flag("once") {
			v.Date = d.day(false)
		} else {
			v.From, v.Prorate = d.day(false), d.flag("prorate")
		}
		o.Fees = append(o.Fees, v)
	})
	maybe("support", func() {
		v := offer.Support{ID: d.id(), Payer: d.id(), Accounts: d.list(), PerAccount: d.flag("per account"), Service: d.word(), Description: d.text(), Minimum: d.amount(),
			Tiers: []offer.SupportTier{{To: d.amount(), Factor: d.share()}, {Factor: d.share()}}}
		v.From, v.Until = d.dates(false)
		o.Support = append(o.Support, v)
	})
	maybe("minimum", func() {
		v := offer.Minimum{ID: d.id(), Payer: d.id(), Service: d.word(), Description: d.text(), Amount: d.amount()}
		v.From, v.Until = d.dates(true)
		v.Term = !v.From.IsZero() && !v.Until.IsZero()
		o.Minimums = append(o.Minimums, v)
	})
	maybe("credit", func() {
		from := d.day(false)
		o.Credits = append(o.Credits, offer.Credit{ID: d.id(), Account: d.id(), Description: d.text(), Amount: d.amount(), Services: d.list(), Accounts: d.list(), From: from, Until: from.AddDays(1), Private: d.flag("owner only")})
	})
	maybe("refund", func() {
		o.Refunds = append(o.Refunds, offer.Refund{ID: d.id(), Account: d.id(), Service: d.word(), Description: d.word(), Amount: d.amount(), Date: d.day(false), Period: "2000-12"})
	})
	maybe("tax", func() {
		v := offer.Tax{ID: d.id(), Type: d.word(), Description: d.text(), Regions: d.list(), Services: d.list(), Exempt: d.list(), Factor: d.share(), Inclusive: d.flag("inclusive")}
		if d.flag("places") {
			v.Issuers, v.Countries = []string{"acme"}, []string{"DE", "IE"}
		}
		v.From, v.Until = d.dates(false)
		o.Taxes = append(o.Taxes, v)
	})
	return o
}

func (d draw) flag(name string) bool { return rapid.Bool().Draw(d.T, name) }

func (d draw) id() string { return rapid.StringMatching(`[a-zA-Z0-9_-]{1,12}`).Draw(d.T, "id") }

// word is text that YAML could take for something else.
func (d draw) word() string {
	return rapid.SampledFrom([]string{"GB-Mo", "0012", "true", "null", "~", "é", "a: b", "1e3", "#x", "2026-10-01", "y", "[a]", "'"}).Draw(d.T, "word")
}

func (d draw) text() string {
	if d.flag("text") {
		return d.word()
	}
	return ""
}

func (d draw) list() []string {
	if d.flag("list") {
		return []string{"a", "0012"}
	}
	return nil
}

func (d draw) whole() int64 { return rapid.Int64Range(1, 1_000_000).Draw(d.T, "whole") }

func (d draw) amount() money.Cost { // at most 6 decimals
	return money.Cost(money.Int128FromInt(rapid.Int64Range(1, 1e12).Draw(d.T, "amount") * 10_000))
}

func (d draw) share() money.Rate { // above 0 and below 1, at most 16 decimals after a point of percent
	return money.Rate(money.Int128FromInt(rapid.Int64Range(1, 1e18-1).Draw(d.T, "share")))
}

func (d draw) selector(service bool) offer.Selector {
	s := offer.Selector{UsageType: rapid.SampledFrom([]string{"*", "EU-*", "U"}).Draw(d.T, "usage type"), Operation: d.text(), Region: d.text()}
	if service {
		s.ServiceCode = d.word()
	}
	return s
}

func (d draw) day(first bool) schema.Date {
	day := 1
	if !first {
		day = rapid.IntRange(1, 28).Draw(d.T, "day")
	}
	return schema.Date{Year: rapid.IntRange(2001, 2100).Draw(d.T, "year"), Month: time.Month(rapid.IntRange(1, 12).Draw(d.T, "month")), Day: day}
}

func (d draw) dates(firsts bool) (from, until schema.Date) {
	if d.flag("from") {
		from = d.day(firsts)
	}
	if d.flag("until") {
		until = d.day(firsts)
		until.Year += 100
	}
	return from, until
}

func (d draw) payment() offer.Payment {
	return rapid.SampledFrom([]offer.Payment{offer.NoUpfront, offer.PartialUpfront, offer.AllUpfront}).Draw(d.T, "payment")
}

func (d draw) term(unit time.Duration) (start, end time.Time, years int) {
	years = rapid.SampledFrom([]int{1, 3}).Draw(d.T, "years")
	start = d.day(false).In(time.UTC).Add(unit * time.Duration(rapid.IntRange(0, 20).Draw(d.T, "start")))
	return start, start.Add(unit * time.Duration(rapid.IntRange(1, 8760).Draw(d.T, "length"))), years
}
