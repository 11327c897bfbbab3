package price

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/csv"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Observation is what usage rows of a Cost and Usage Report say of one price:
// the rows that agree in everything but the hours, counted.
type Observation struct {
	ServiceCode, UsageType, Operation, Region string
	SKU                                       string
	Family                                    string // product family
	RateID                                    string // of a legacy report
	RateCode                                  string // blank where the report has none
	Description                               string
	Unit                                      string // blank on free rows of some months
	Rate                                      string // what was paid for a unit, decimal text
	PublicRate                                string // public on-demand rate, decimal text; may be blank
	Covered                                   bool   // by a commitment: only PublicRate is a price, not what was paid
	Currency                                  string
	FirstHour, LastHour                       schema.Hour // hours of the first and the last row
	Rows                                      int64
	Attributes                                string // product attributes, in the form of schema.EncodeTags
}

func (o *Observation) key() Key { return Key{o.ServiceCode, o.UsageType, o.Operation, o.Region} }

// codeOnDemand and codeHourly are the fixed second and third part of the rate
// code of an AWS on-demand price.
const (
	codeOnDemand = "JRTCKXETXF"
	codeHourly   = "6YS6EN2CT7"
)

// Derive writes the price list that a report implies, as CSV that ReadCSV
// takes, and notes on everything that the report does not say and was chosen:
// one note a line, sorted. It invents no tier bounds. The first version of each
// price is effective at start, the start of the month. The order of obs does
// not matter.
func Derive(start time.Time, obs []Observation) (list []byte, notes []string) {
	d := deriver{start: start}
	bySKU := map[string][]Observation{}
	d.all = d.prepare(obs)
	for _, o := range d.all {
		bySKU[o.SKU] = append(bySKU[o.SKU], o)
	}
	var prices []derived
	for _, id := range slices.Sorted(maps.Keys(bySKU)) {
		prices = append(prices, d.sku(id, bySKU[id])...)
	}
	slices.SortStableFunc(prices, func(a, b derived) int {
		return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(a.effective, b.effective))
	})
	slices.Sort(d.notes)
	return writeList(prices), slices.Compact(d.notes)
}

// derived is one row of the list.
type derived struct {
	key                 Key
	sku, rateCode, unit string
	family, description string
	currency, rate      string
	effective           int64
	attributes          []schema.Tag
}

type deriver struct {
	start time.Time
	all   []Observation
	notes []string
}

func (d *deriver) note(k Key, format string, args ...any) {
	d.notes = append(d.notes, k.String()+": "+fmt.Sprintf(format, args...))
}

// prepare sorts the observations and gives every key exactly one SKU.
func (d *deriver) prepare(obs []Observation) []Observation {
	obs = slices.Clone(obs)
	slices.SortFunc(obs, compareObservations)
	var kept []Observation
	for rest := obs; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].key() == rest[0].key() {
			n++
		}
		kept = append(kept, d.oneSKU(rest[:n])...)
		rest = rest[n:]
	}
	return kept
}

func compareObservations(a, b Observation) int {
	return cmp.Or(compareKeys(a.key(), b.key()), cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.FirstHour, b.FirstHour),
		cmp.Compare(a.LastHour, b.LastHour), cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.PublicRate, b.PublicRate),
		cmp.Compare(a.RateCode, b.RateCode), cmp.Compare(a.RateID, b.RateID), cmp.Compare(a.Unit, b.Unit),
		cmp.Compare(a.Description, b.Description), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Rows, b.Rows),
		cmp.Compare(a.Family, b.Family), cmp.Compare(a.Attributes, b.Attributes),
		cmp.Compare(fmt.Sprint(a.Covered), fmt.Sprint(b.Covered)))
}

// oneSKU keeps the SKU with most rows of one key, and makes one up where the
// report has none.
func (d *deriver) oneSKU(obs []Observation) []Observation {
	k := obs[0].key()
	if k.ServiceCode == "" || k.UsageType == "" {
		d.note(k, "left out: a price needs a service code and a usage type")
		return nil
	}
	id := most(obs, func(o *Observation) string { return o.SKU })
	if id == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%q", k))
		id = base32.StdEncoding.EncodeToString(sum[:])[:16]
		d.note(k, "the report has no SKU, %s is made up", id)
	}
	kept := obs[:0]
	for _, o := range obs {
		if o.SKU != "" && o.SKU != id {
			d.note(k, "SKU %s is left out: %s has more rows of the same key", o.SKU, id)
			continue
		}
		o.SKU = id
		kept = append(kept, o)
	}
	return kept
}

// most returns the value that stands on most rows, blank ones apart, the
// smaller of two that stand on equally many.
func most(obs []Observation, value func(*Observation) string) string {
	rows := map[string]int64{}
	for i := range obs {
		if v := value(&obs[i]); v != "" {
			rows[v] += obs[i].Rows
		}
	}
	best := ""
	for v, n := range rows {
		if best == "" || n > rows[best] || n == rows[best] && v < best {
			best = v
		}
	}
	return best
}

// sku returns the rows of one SKU: every version for every key of it.
func (d *deriver) sku(id string, obs []Observation) []derived {
	k := obs[0].key()
	row := derived{sku: id,
		unit:     most(obs, func(o *Observation) string { return o.Unit }),
		currency: most(obs, func(o *Observation) string { return o.Currency }),
		family:   most(obs, func(o *Observation) string { return o.Family }),
	}
	row.attributes = schema.DecodeTags(most(obs, func(o *Observation) string { return o.Attributes }))
	if row.currency == "" {
		d.note(k, "left out: the report has no currency")
		return nil
	}
	versions := d.versions(k, obs)
	if row.unit == "" && len(versions) > 0 {
		row.unit = d.unitOfOthers(k)
	}
	var keys []Key
	for i := range obs {
		keys = append(keys, obs[i].key())
	}
	slices.SortFunc(keys, compareKeys)
	keys = slices.Compact(keys)
	var rows []derived
	for _, v := range versions {
		row.effective, row.rate, row.description, row.rateCode = v.effective, v.rate, v.description, v.rateCode
		for _, k := range keys {
			row.key = k
			rows = append(rows, row)
		}
	}
	return rows
}

// regionPrefix is what usage types outside us-east-1 begin with, as in
// EUW3-EBS:VolumeUsage.
var regionPrefix = regexp.MustCompile(`^(Global|[A-Z]{2,4}[0-9]?)-`)

// unitOfOthers returns the unit of the same usage type in other regions: free
// rows often have none.
func (d *deriver) unitOfOthers(k Key) string {
	kind := regionPrefix.ReplaceAllString(k.UsageType, "")
	unit := most(d.all, func(o *Observation) string {
		if o.ServiceCode != k.ServiceCode || regionPrefix.ReplaceAllString(o.UsageType, "") != kind {
			return ""
		}
		return o.Unit
	})
	if unit == "" {
		unit = "Units"
	}
	d.note(k, "the report has no unit, %s is made up", unit)
	return unit
}

// paid is one rate and the hours in which it was paid.
type paid struct {
	rate        money.Rate
	first, last schema.Hour
	obs         []Observation
}

// versions finds the rates of a SKU over time. Rates that follow each other
// are versions; rates side by side are tiers whose bounds nobody knows, or
// discounts, and give way to the public rate.
func (d *deriver) versions(k Key, obs []Observation) []derived {
	rates := d.paidRates(k, obs)
	if len(rates) == 0 {
		return d.unpaid(k, obs)
	}
	for i := 1; i < len(rates); i++ {
		if rates[i].first <= rates[i-1].last {
			return d.sideBySide(k, obs, rates)
		}
	}
	var vs []derived
	for i, p := range rates {
		v := d.describe(k, p.obs, p.rate)
		if v.effective = d.start.Unix(); i > 0 {
			v.effective = max(int64(p.first)*3600, d.start.Unix()+1)
			d.note(k, "the rate changes to %s at %s", p.rate.Text10(), p.first.Time().Format(time.RFC3339))
		}
		vs = append(vs, v)
	}
	return vs
}

// paidRates gathers the observations above zero by rate, in the order of
// their first hours. Rates that come again later count as side by side.
func (d *deriver) paidRates(k Key, obs []Observation) []paid {
	byRate := map[money.Rate]*paid{}
	for _, o := range obs {
		if o.Covered {
			continue
		}
		rate, err := money.ParseRate(o.Rate)
		if err != nil || money.Sign(rate) < 0 {
			d.note(k, "rate %q of %d rows is left out: it is not a price", schema.Shorten(o.Rate), o.Rows)
			continue
		}
		if money.Sign(rate) == 0 {
			continue
		}
		p := byRate[rate]
		if p == nil {
			p = &paid{rate: rate, first: o.FirstHour, last: o.LastHour}
			byRate[rate] = p
		}
		p.first, p.last = min(p.first, o.FirstHour), max(p.last, o.LastHour)
		p.obs = append(p.obs, o)
	}
	var rates []paid
	for _, p := range byRate {
		rates = append(rates, *p)
	}
	slices.SortFunc(rates, func(a, b paid) int { return cmp.Or(cmp.Compare(a.first, b.first), money.Cmp(a.rate, b.rate)) })
	return rates
}

// unpaid takes the public rate where no rate was paid. Rows that have no rate at
// all, such as those of spot usage, are priced elsewhere and give no price.
func (d *deriver) unpaid(k Key, obs []Observation) []derived {
	free := slices.ContainsFunc(obs, func(o Observation) bool {
		r, err := money.ParseRate(o.Rate)
		return !o.Covered && err == nil && money.Sign(r) == 0
	})
	covered := slices.ContainsFunc(obs, func(o Observation) bool { return o.Covered })
	rate := d.publicRate(obs)
	switch public := money.Sign(rate) > 0; {
	case public && covered:
		d.note(k, "all rows are free or covered by commitments, the public rate %s is taken", rate.Text10())
	case public && free:
		d.note(k, "all rows are free, the public rate %s is taken", rate.Text10())
	case free:
		d.note(k, "all rows are free and the report has no public rate: the price is 0")
	case covered:
		d.note(k, "left out: all rows are covered by commitments and the report has no public rate")
		return nil
	default:
		d.note(k, "left out: no row has a rate")
		return nil
	}
	v := d.describe(k, obs, rate)
	v.effective = d.start.Unix()
	return []derived{v}
}

// sideBySide takes the public rate where several rates were paid at one time,
// and the rate of most rows where the report has no public one.
func (d *deriver) sideBySide(k Key, obs []Observation, rates []paid) []derived {
	text := ""
	for _, p := range rates {
		text += " " + p.rate.Text10()
	}
	rate := d.publicRate(obs)
	if money.Sign(rate) == 0 {
		rate, _ = money.ParseRate(most(paidOnly(rates), func(o *Observation) string { return o.Rate }))
	}
	d.note(k, "several rates were paid at the same time (%s ), %s is taken; write tiers by hand where they are tiers", text, rate.Text10())
	v := d.describe(k, obs, rate)
	v.effective = d.start.Unix()
	return []derived{v}
}

func paidOnly(rates []paid) []Observation {
	var obs []Observation
	for _, p := range rates {
		obs = append(obs, p.obs...)
	}
	return obs
}

// publicRate returns the public rate of most rows, zero where there is none.
func (d *deriver) publicRate(obs []Observation) money.Rate {
	rate, err := money.ParseRate(most(obs, func(o *Observation) string {
		if r, err := money.ParseRate(o.PublicRate); err != nil || money.Sign(r) <= 0 {
			return ""
		}
		return o.PublicRate
	}))
	if err != nil {
		return money.Rate{}
	}
	return rate
}

// describe fills rate, rate code and description of a version, preferring the
// observations that paid just this rate. Covered usage has rate codes and
// descriptions of its commitment.
func (d *deriver) describe(k Key, obs []Observation, rate money.Rate) derived {
	same := slices.DeleteFunc(slices.Clone(obs), func(o Observation) bool {
		r, err := money.ParseRate(o.Rate)
		return o.Covered || err != nil || r != rate
	})
	v := derived{rate: rate.Text10(),
		description: most(same, func(o *Observation) string { return o.Description }),
		rateCode:    most(same, func(o *Observation) string { return o.RateCode }),
	}
	if v.rateCode == "" {
		v.rateCode = obs[0].SKU + "." + codeOnDemand + "." + codeHourly
		if id := most(same, func(o *Observation) string { return o.RateID }); id != "" {
			v.rateCode = obs[0].SKU + "." + codeOnDemand + "." + id
		}
		d.note(k, "rate code %s is made up", v.rateCode)
	}
	return v
}

// writeList writes the rows under the slim header, the product family, and
// one column for each product attribute that any row has.
func writeList(rows []derived) []byte {
	keys := map[string]bool{}
	for _, r := range rows {
		for _, t := range r.attributes {
			if f := fold(t.Key); !isField(f) && !slices.Contains(termColumns, f) {
				keys[t.Key] = true
			}
		}
	}
	columns := slices.Sorted(maps.Keys(keys))
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Write(append(slices.Clone(fieldNames[:fieldModel]), columns...)) // what a report tells is no model
	for _, r := range rows {
		line := []string{r.sku, r.rateCode, "OnDemand", r.description, day(r.effective), "0", "Inf", r.unit, r.rate, r.currency,
			r.key.ServiceCode, r.key.Region, r.key.UsageType, r.key.Operation, r.family}
		for _, c := range columns {
			value := ""
			for _, t := range r.attributes {
				if t.Key == c {
					value = t.Value
				}
			}
			line = append(line, value)
		}
		w.Write(line)
	}
	w.Flush()
	return out.Bytes()
}
