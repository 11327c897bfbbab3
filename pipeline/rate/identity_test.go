package rate_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

// drawFleet draws commitments of every kind for a fleet, and usage in few hours.
func drawFleet(t *rapid.T) (world, []usage) {
	w := fleet()
	w.skus[1].versions = append(w.skus[1].versions, version{october.Add(6 * time.Hour).Unix(), []tier{{"7", "0.3"}, flat("0.17")}})
	w.accounts = append(w.accounts, account{id: "m", payer: "p", until: october.Add(6 * time.Hour).Unix()}, account{id: "m", payer: "q", from: october.Add(6 * time.Hour).Unix()})
	w.sharing = map[string][]schema.Sharing{}
	for _, id := range []string{"a", "b", "m"} {
		if rapid.IntRange(0, 3).Draw(t, "private") == 0 {
			w.sharing[id] = []schema.Sharing{{Reservations: rapid.Bool().Draw(t, "shares")}}
		}
	}
	account := rapid.SampledFrom([]string{"a", "a", "b", "m", "q"})
	size := rapid.SampledFrom([]string{"small", "large", "xlarge"})
	payment := rapid.SampledFrom([]offer.Payment{offer.NoUpfront, offer.PartialUpfront, offer.AllUpfront})
	start := rapid.SampledFrom([]time.Time{october.AddDate(0, -2, 0), october.Add(2*time.Hour + 17*time.Second), october.Add(6 * time.Hour)})
	for i := range rapid.IntRange(0, 4).Draw(t, "reservations") {
		r := reserve(fmt.Sprintf("r%d", i), account.Draw(t, "owner"), size.Draw(t, "size"), rapid.Int64Range(1, 3).Draw(t, "count"))
		r.Start, r.Payment, r.Upfront, r.Hourly = start.Draw(t, "start"), payment.Draw(t, "payment"), costOf(decimal(t, "upfront", 0, 900)[:1]), rateOf(fmt.Sprintf("0.%04d", rapid.Int64Range(0, 999).Draw(t, "hourly")))
		if r.Zone = rapid.SampledFrom([]string{"", "", "z"}).Draw(t, "zone"); r.Zone == "" {
			r.SizeFlexible = rapid.Bool().Draw(t, "flexible")
		}
		w.others.Reservations = append(w.others.Reservations, r)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "plans") {
		p := plan(fmt.Sprintf("c%d", i), account.Draw(t, "owner"), fmt.Sprintf("%d.%04d", rapid.IntRange(0, 1).Draw(t, "commitment"), rapid.IntRange(1, 9999).Draw(t, "cents")))
		if rapid.Bool().Draw(t, "instance") {
			p.Type, p.Region, p.Family = offer.InstancePlan, "r1", "m5"
		}
		p.Payment, p.Rates[0].Factor = payment.Draw(t, "payment"), rateOf(fmt.Sprintf("0.%03d", rapid.IntRange(1, 999).Draw(t, "factor")))
		w.others.SavingsPlans = append(w.others.SavingsPlans, p)
	}
	records := make([]usage, rapid.IntRange(1, 20).Draw(t, "records"))
	for i := range records {
		u := machine(account.Draw(t, "account"), size.Draw(t, "size"), float64(rapid.SampledFrom([]int{1, 2, 3, 6}).Draw(t, "hour")), decimal(t, "amount", 0, 3))
		u.zone, u.resource = rapid.SampledFrom([]string{"", "y", "z"}).Draw(t, "zone"), rapid.SampledFrom([]string{"i-1", "i-2"}).Draw(t, "resource")
		u.unit = rapid.SampledFrom([]string{"", "GB"}).Draw(t, "unit")
		records[i] = u
	}
	return w, records
}

// What was reserved is used or unused, what is covered stays inside what was
// committed, nothing is lost of any line, and neither the order of records nor
// how they are split changes a charge.
func TestIdentitiesOfCommitments(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, records := drawFleet(rt)
		list, _, plan := w.planned(t, records)
		checkNothingLost(rt, list, records)
		for payer := range int32(2) {
			for _, u := range plan.Reservations(payer) {
				checkUse(rt, u, &w.others.Reservations[u.Index], list)
			}
		}
		checkHours(rt, w, list)
		var halves []usage
		for _, r := range rapid.Permutation(records).Draw(rt, "order") {
			amount := usageOf(t, r.amount)
			first := r
			r.amount, first.amount = "0", amount.String()
			if rapid.Bool().Draw(rt, "split") && len(r.amount) > 0 {
				half := new(big.Rat).Quo(frac(amount.String()), big.NewRat(2, 1))
				first.amount = half.FloatString(18)
				r.amount = new(big.Rat).Sub(frac(amount.String()), frac(first.amount)).FloatString(18)
			}
			halves = append(halves, first, r)
		}
		if again, _ := w.rated(t, halves); !slices.Equal(again, list) {
			rt.Fatalf("split and shuffled: got\n%v\nwant\n%v", parts(again), parts(list))
		}
	})
}

func checkNothingLost(t *rapid.T, list []charge, records []usage) {
	sum := new(big.Rat)
	for _, r := range records {
		sum.Add(sum, frac(r.amount))
	}
	for _, c := range list {
		sum.Sub(sum, frac(c.amount.String()))
	}
	if sum.Sign() != 0 {
		t.Fatalf("%s units are lost", sum.FloatString(18))
	}
}

// checkUse compares the fees of a month with the sum of their parts.
func checkUse(t *rapid.T, u rate.ReservationUse, r *offer.Reservation, list []charge) {
	upfront, recurring, units := frac(u.UnusedUpfront.String()), frac(u.UnusedRecurring.String()), frac(u.UnusedUnits.String())
	lines := int64(1)
	for _, c := range list {
		if c.terms.Commitment.ID != r.ID {
			continue
		}
		lines++
		upfront.Add(upfront, frac(c.upfront.String()))
		recurring.Add(recurring, new(big.Rat).Sub(frac(c.effective.String()), frac(c.upfront.String())))
		units.Add(units, quarters(r, c))
	}
	most := new(big.Rat).Mul(frac("0.000000005"), big.NewRat(lines, 1))
	for _, pair := range [][2]*big.Rat{{upfront, frac(u.Amortized.String())}, {recurring, frac(u.Fee.String())}} {
		if diff := new(big.Rat).Sub(pair[0], pair[1]); diff.Abs(diff).Cmp(most) > 0 {
			t.Fatalf("reservation %s: %s of %s in %d lines", r.ID, pair[0].FloatString(10), pair[1].FloatString(10), lines)
		}
	}
	if diff := new(big.Rat).Sub(units, frac(u.Units.String())); diff.Abs(diff).Cmp(frac("0.0000000001")) > 0 {
		t.Fatalf("reservation %s: %s units of %s", r.ID, units.FloatString(18), u.Units)
	}
}

// quarters returns what a charge takes of a reservation, in its units.
func quarters(r *offer.Reservation, c charge) *big.Rat {
	units := frac(c.amount.String())
	if r.SizeFlexible {
		_, takes, _ := schema.InstanceSize(c.head.UsageType)
		_, has, _ := schema.InstanceSize(r.Select.UsageType)
		units.Mul(units, big.NewRat(takes, has))
	}
	return units
}

// checkHours sums what each commitment covers hour by hour. Where one has
// something left, its own account has nothing left that it would cover.
func checkHours(t *rapid.T, w world, list []charge) {
	type key struct {
		id   string
		hour schema.Hour
	}
	used := map[key]*big.Rat{}
	for _, c := range list {
		k := key{c.terms.Commitment.ID, c.hour}
		if used[k] == nil {
			used[k] = new(big.Rat)
		}
		for i := range w.others.Reservations {
			if r := &w.others.Reservations[i]; r.ID == k.id {
				used[k].Add(used[k], quarters(r, c))
			}
		}
		if c.tail.LineItemType == "SavingsPlanCoveredUsage" {
			used[k].Add(used[k], new(big.Rat).Mul(frac(c.terms.Commitment.Rate.String()), frac(c.amount.String())))
		}
	}
	for k, sum := range used {
		for i := range w.others.Reservations {
			if r := &w.others.Reservations[i]; r.ID == k.id && sum.Cmp(big.NewRat(r.Count, 1)) > 0 {
				t.Fatalf("reservation %s covers %s of %d", r.ID, sum.FloatString(18), r.Count)
			}
		}
		for _, p := range w.others.SavingsPlans {
			if p.ID == k.id && sum.Cmp(frac(p.Commitment.String())) > 0 {
				t.Fatalf("plan %s covers %s of %s", p.ID, sum.FloatString(18), p.Commitment)
			}
		}
	}
	for _, c := range list {
		if c.terms.Commitment.ID != "" || frac(c.amount.String()).Cmp(frac("0.000001")) < 0 {
			continue
		}
		for i := range w.others.Reservations {
			r := &w.others.Reservations[i]
			hour := c.hour.Time()
			if r.Account != c.head.Account || hour.Before(r.Start) || r.Zone != "" && r.Zone != c.tail.Zone || !r.Covers("S", c.head.UsageType, "", "r1", c.tail.Zone) {
				continue
			}
			sum := used[key{r.ID, c.hour}]
			if sum == nil || new(big.Rat).Sub(big.NewRat(r.Count, 1), sum).Cmp(frac("0.000000001")) > 0 {
				t.Fatalf("reservation %s has units left in hour %s, where %s of its own are not covered", r.ID, hour, c.amount)
			}
		}
	}
}
