package rate

import (
	"fmt"
	"strconv"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// reservationFees are the fees of step 1: monthly, even if it is 0, and once
// what is paid up front.
func (m *Month) reservationFees() ([]Item, error) {
	var items []Item
	for _, u := range m.plan.Reservations(m.payer) {
		r := &m.in.Offers.Reservations[u.Index]
		monthly, err := reservationMonthly(r, &u)
		if err != nil {
			return nil, fmt.Errorf("reservation %s: %w", r.ID, err)
		}
		items = append(items, monthly)
		if u.Begins && money.Sign(r.Upfront) != 0 {
			items = append(items, reservationUpfront(r, &u))
		}
	}
	return items, nil
}

func reservationMonthly(r *offer.Reservation, u *ReservationUse) (Item, error) {
	it := reservationItem(schema.LineItemRIFee, r, u)
	it.Amount = u.Units
	it.Price.Rated, it.Price.Rate, it.Price.BlendedRate = true, r.Hourly, r.Hourly
	if err := reservationFigures(&it.Terms.Commitment, r, u); err != nil {
		return it, err
	}
	unused, err := money.Add(u.UnusedUpfront, u.UnusedRecurring)
	it.costs(u.Fee, unused)
	it.Upfront = u.UnusedUpfront
	return it, err
}

func reservationUpfront(r *offer.Reservation, u *ReservationUse) Item {
	it := reservationItem(schema.LineItemFee, r, u)
	it.Amount = money.UsageFromInt(r.Count)
	it.Terms.Commitment.Count, it.Terms.Commitment.Upfront = strconv.FormatInt(r.Count, 10), r.Upfront
	it.costs(r.Upfront, money.Cost{})
	return it
}

// reservationItem is a fee row of a reservation, of its owner.
func reservationItem(kind string, r *offer.Reservation, u *ReservationUse) Item {
	s := r.Select
	head := batch.Head{Account: r.Account, Service: s.ServiceCode, UsageType: offer.FeeUsageType(s.UsageType), Operation: s.Operation}
	it := newItem(kind, head, u.Hour, describe(r.Description, "Reservation", r.ID))
	it.Tail.Region, it.Tail.Zone, it.Tail.Unit = s.Region, r.Zone, hoursUnit
	it.Price.Unit, it.Price.Term = hoursUnit, "Reserved"
	it.Terms.Commitment = reservationCommitment(r)
	return it
}

// reservationCommitment is what every row of a reservation shows of it.
func reservationCommitment(r *offer.Reservation) batch.Commitment {
	return batch.Commitment{Kind: batch.Reservation, ID: r.ID, Subscription: r.Subscription, Lease: fmt.Sprintf("%dyr", r.Years),
		Class: r.Class, Payment: string(r.Payment), Zone: r.Zone, Start: stamp(r.Start), End: stamp(r.End.Add(-time.Second))}
}

// reservationFigures fills in what the monthly fee alone shows. Sizes with a
// factor count in normalized units, too.
func reservationFigures(c *batch.Commitment, r *offer.Reservation, u *ReservationUse) error {
	c.Count = strconv.FormatInt(r.Count, 10)
	c.Upfront, c.AmortizedFee = r.Upfront, u.Amortized
	c.UnusedUpfront, c.UnusedRecurring, c.UnusedUnits = u.UnusedUpfront, u.UnusedRecurring, u.UnusedUnits
	var err error
	if c.UnitsPer, err = u.Hours.Fixed(10); err != nil {
		return err
	}
	if c.Units, err = u.Units.Fixed(10); err != nil {
		return err
	}
	_, quarters, ok := schema.InstanceSize(r.Select.UsageType)
	if !ok {
		return nil
	}
	if c.NormalizedPer, err = normalized(u.Hours, quarters); err != nil {
		return err
	}
	if c.Normalized, err = normalized(u.Units, quarters); err != nil {
		return err
	}
	c.UnusedNormal, err = money.Fraction(u.UnusedUnits, quarters, 4)
	return err
}

// normalized prints units times their factor with 11 decimals, as CUR does.
func normalized(units money.Usage, quarters int64) (string, error) {
	n, err := money.Fraction(units, quarters, 4)
	if err != nil {
		return "", err
	}
	return n.Fixed(11)
}
