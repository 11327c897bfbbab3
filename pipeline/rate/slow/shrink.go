package slow

import (
	"reflect"
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Shrink takes records, offers, SKUs, tiers, versions, sharing and optional
// fields out of a world for as long as it still fails, and returns the smallest
// one that it came to. fails must not change what it is given.
func Shrink(w World, records []Record, fails func(World, []Record) bool) (World, []Record) {
	for changed := true; changed; {
		changed = false
		records = without(records, func(rs []Record) bool { return fails(w, rs) }, &changed)
		for _, next := range reducers {
			changed = next(&w, records, fails) || changed
		}
		for i := range records {
			changed = simplify(&records, i, func() bool { return fails(w, records) }) || changed
		}
	}
	return w, records
}

// reducers each try to make one part of a world smaller.
var reducers = []func(*World, []Record, func(World, []Record) bool) bool{reduceOffers, reduceOfferFields, reduceSKUs, reducePrices, reducePayers}

// without drops stretches of a list, long ones first, for as long as fails.
func without[T any](list []T, fails func([]T) bool, changed *bool) []T {
	for n := max(1, len(list)/2); ; n /= 2 {
		for i := 0; i+n <= len(list); {
			if fewer := slices.Delete(slices.Clone(list), i, i+n); fails(fewer) {
				list, *changed = fewer, true
			} else {
				i += n
			}
		}
		if n <= 1 {
			return list
		}
		n = max(2, min(n, len(list)))
	}
}

// reduceOffers drops offers of every kind.
func reduceOffers(w *World, rs []Record, fails func(World, []Record) bool) (changed bool) {
	for i := range reflect.TypeOf(w.Offers).NumField() {
		for n := 0; n < reflect.ValueOf(w.Offers).Field(i).Len(); {
			try := *w
			kind := reflect.ValueOf(&try.Offers).Elem().Field(i)
			kind.Set(dropped(kind, n))
			if fails(try, rs) {
				*w, changed = try, true
			} else {
				n++
			}
		}
	}
	return changed
}

// dropped is a copy of a slice without element n.
func dropped(list reflect.Value, n int) reflect.Value {
	out := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		if i != n {
			out = reflect.Append(out, list.Index(i))
		}
	}
	return out
}

// optional are fields of offers that may be blank without making an offer senseless.
var optional = []string{"Payers", "Accounts", "SKUs", "Tags", "From", "Until", "Months", "Days", "Zone", "SizeFlexible", "Given", "Class",
	"Private", "PerAccount", "Minimum", "Services", "Issuers", "Countries", "Regions", "Exempt", "Inclusive", "Prorate", "Upfront"}

// reduceOfferFields blanks fields of offers. Dates that an offer needs stay.
func reduceOfferFields(w *World, rs []Record, fails func(World, []Record) bool) (changed bool) {
	all := reflect.TypeOf(w.Offers)
	for i := range all.NumField() {
		for n := range reflect.ValueOf(w.Offers).Field(i).Len() {
			for _, name := range optional {
				if needed[all.Field(i).Name+"."+name] {
					continue
				}
				try := *w
				kind := reflect.ValueOf(&try.Offers).Elem().Field(i)
				kind.Set(copied(kind))
				f := kind.Index(n).FieldByName(name)
				if !f.IsValid() || f.IsZero() {
					continue
				}
				if f.SetZero(); fails(try, rs) {
					*w, changed = try, true
				}
			}
		}
	}
	return changed
}

// needed are fields that stay: without them an offer would contradict itself.
var needed = map[string]bool{"Credits.From": true, "Credits.Until": true, "Minimums.From": true, "Minimums.Until": true,
	"Fees.From": true, "Reservations.Upfront": true, "Discounts.Private": true}

func copied(list reflect.Value) reflect.Value {
	return reflect.AppendSlice(reflect.MakeSlice(list.Type(), 0, list.Len()), list)
}

// reduceSKUs drops prices that nothing uses, with the records of those that some do.
func reduceSKUs(w *World, rs []Record, fails func(World, []Record) bool) (changed bool) {
	w.SKUs = without(w.SKUs, func(s []price.SKU) bool {
		try := *w
		try.SKUs = s
		return fails(try, rs)
	}, &changed)
	return changed
}

// reducePrices drops versions and tiers of prices.
func reducePrices(w *World, rs []Record, fails func(World, []Record) bool) (changed bool) {
	for i := range w.SKUs {
		for n := 0; n < len(w.SKUs[i].Versions); n++ {
			try := w.withVersions(i)
			vs := &try.SKUs[i].Versions
			if len(*vs) > 1 {
				if *vs = slices.Delete(*vs, n, n+1); fails(try, rs) {
					*w, changed = try, true
					n--
					continue
				}
			}
			changed = reduceTiers(w, i, n, rs, fails) || changed
		}
	}
	return changed
}

func reduceTiers(w *World, sku, version int, rs []Record, fails func(World, []Record) bool) (changed bool) {
	for t := 0; t < len(w.SKUs[sku].Versions[version].Tiers) && len(w.SKUs[sku].Versions[version].Tiers) > 1; {
		try := w.withVersions(sku)
		v := &try.SKUs[sku].Versions[version]
		v.Tiers = slices.Delete(slices.Clone(v.Tiers), t, t+1)
		joinTiers(v.Tiers)
		if fails(try, rs) {
			*w, changed = try, true
		} else {
			t++
		}
	}
	return changed
}

// joinTiers closes the gap that a dropped tier left.
func joinTiers(tiers []price.Tier) {
	tiers[0].Begin = money.Usage{}
	for i := range tiers[1:] {
		tiers[i+1].Begin = tiers[i].End
	}
	last := &tiers[len(tiers)-1]
	last.Open, last.End = true, money.Usage{}
}

// withVersions is a copy of the world of which one SKU's versions may be changed.
func (w *World) withVersions(sku int) World {
	try := *w
	try.SKUs = slices.Clone(w.SKUs)
	try.SKUs[sku].Versions = slices.Clone(w.SKUs[sku].Versions)
	return try
}

// reducePayers drops payers, members, sharing and opening balances.
func reducePayers(w *World, rs []Record, fails func(World, []Record) bool) (changed bool) {
	set := func(change func(*World)) {
		try := *w
		try.Organization.Payers = slices.Clone(w.Organization.Payers)
		if change(&try); fails(try, rs) {
			*w, changed = try, true
		}
	}
	for i := len(w.Organization.Payers) - 1; i >= 0; i-- {
		if len(w.Organization.Payers) > 1 {
			set(func(t *World) { t.Organization.Payers = slices.Delete(t.Organization.Payers, i, i+1) })
		}
	}
	for i := range w.Organization.Payers {
		p := w.Organization.Payers[i]
		for n := len(p.Accounts) - 1; n > 0; n-- {
			set(func(t *World) {
				t.Organization.Payers[i].Accounts = slices.Delete(slices.Clone(t.Organization.Payers[i].Accounts), n, n+1)
			})
		}
		for n, a := range w.Organization.Payers[i].Accounts {
			if len(a.Sharing) > 0 {
				set(func(t *World) { t.share(i, n, nil) })
			}
		}
	}
	if len(w.Opening) > 0 {
		set(func(t *World) { t.Opening = nil })
	}
	return changed
}

func (w *World) share(payer, account int, s []schema.Sharing) {
	accounts := slices.Clone(w.Organization.Payers[payer].Accounts)
	accounts[account].Sharing = s
	w.Organization.Payers[payer].Accounts = accounts
}

// simplify blanks fields of one record and tries plain amounts.
func simplify(records *[]Record, i int, fails func() bool) (changed bool) {
	try := func(change func(*Record)) {
		before := *records
		*records = slices.Clone(before)
		if change(&(*records)[i]); (*records)[i] != before[i] && fails() {
			changed = true
			return
		}
		*records = before
	}
	try(func(r *Record) { r.Tags = "" })
	try(func(r *Record) { r.Resource = "" })
	try(func(r *Record) { r.Zone = "" })
	try(func(r *Record) { r.Unit = "" })
	try(func(r *Record) { r.Commitment = "" })
	if a := (*records)[i].Amount; a != "0" && a != "1" {
		try(func(r *Record) { r.Amount = "1" })
	}
	return changed
}
