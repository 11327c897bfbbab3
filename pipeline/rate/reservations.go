package rate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// reservationDeal is a reservation as it is dealt out to one payer's cells.
// Units are counted in quarters of a normalized unit where sizes are flexible,
// so that no factor is a fraction; else in units.
type reservationDeal struct {
	index    int32
	of       *offer.Reservation
	payers   []int32     // by hour: who has its account
	from, to int         // hours in which it holds
	own      []candidate // cells of its account
	others   []candidate // cells of other accounts, if both sides share
	left     money.Usage // of the hour that is dealt
}

// candidate is a cell that a reservation may cover.
type candidate struct {
	cell   *cell
	factor int64 // quarters that one unit of it takes
}

// factorOf returns how many quarters one unit of a usage type takes of a
// reservation, and how many one of its own units has.
func factorOf(r *offer.Reservation, usageType string) (takes, has int64) {
	_, has, ok := schema.InstanceSize(r.Select.UsageType)
	if !r.SizeFlexible || !ok {
		return 1, 1
	}
	if _, takes, ok = schema.InstanceSize(usageType); !ok {
		takes = has // given coverage may be of anything
	}
	return takes, has
}

// reservationDeals lists the reservations in the order in which they cover.
func (d *dealing) reservationDeals(c *commitments) []*reservationDeal {
	var list []*reservationDeal
	for _, index := range c.reservations {
		r := &d.plan.in.Offers.Reservations[index]
		deal := &reservationDeal{index: index, of: r, payers: d.plan.payersOf(r.Account)}
		deal.from, deal.to = d.plan.activeHours(r.Start, r.End)
		if slices.Contains(deal.payers, d.payer) {
			list = append(list, deal)
		}
	}
	slices.SortFunc(list, func(a, b *reservationDeal) int {
		return cmp.Or(cmp.Compare(breadth(a.of), breadth(b.of)), strings.Compare(a.of.ID, b.of.ID))
	})
	for _, deal := range list {
		d.findCandidates(deal)
	}
	return list
}

// breadth orders reservations: those that fit less usage come first.
func breadth(r *offer.Reservation) int {
	switch {
	case r.Zone != "":
		return 0
	case !r.SizeFlexible:
		return 1
	}
	return 2
}

// findCandidates lists the cells that a reservation covers, the smallest size
// first.
func (d *dealing) findCandidates(deal *reservationDeal) {
	shared := d.plan.sharing(d.payer, deal.of.Account).Reservations
	for _, c := range d.cells {
		sku := &d.plan.in.Catalog.SKUs[c.sku]
		if deal.of.Zone != "" && deal.of.Zone != c.zone || !reserves(deal.of, sku) {
			continue
		}
		takes, _ := factorOf(deal.of, sku.UsageType)
		switch {
		case c.account == deal.of.Account:
			deal.own = append(deal.own, candidate{c, takes})
		case shared && d.plan.sharing(d.payer, c.account).Reservations:
			deal.others = append(deal.others, candidate{c, takes})
		}
	}
	smallest := func(a, b candidate) int { return cmp.Compare(a.factor, b.factor) }
	slices.SortStableFunc(deal.own, smallest)
	slices.SortStableFunc(deal.others, smallest)
}

// dealGiven covers usage that names its reservation, all of it: its cells have
// nothing left for others.
func (d *dealing) dealGiven(hour int) error {
	for _, c := range d.cells {
		if c.given < 0 {
			continue
		}
		r := &d.plan.in.Offers.Reservations[c.given]
		takes, _ := factorOf(r, d.plan.in.Catalog.SKUs[c.sku].UsageType)
		if err := d.reserve(c, hour, c.given, takes, c.left[hour]); err != nil {
			return fmt.Errorf("reservation %s: %w", r.ID, err)
		}
	}
	return nil
}

// dealReservations deals one hour in two rounds: to the owners, then to others.
func (d *dealing) dealReservations(hour int) error {
	for _, r := range d.reservations {
		r.left = money.Usage{}
		if hour >= r.from && hour < r.to && r.payers[hour] == d.payer {
			var err error
			_, has := factorOf(r.of, r.of.Select.UsageType)
			if r.left, err = money.MulInt(money.UsageFromInt(r.of.Count), has); err != nil {
				return err
			}
		}
		if err := d.serve(r, r.own, hour); err != nil {
			return err
		}
	}
	for _, r := range d.reservations {
		if err := d.serve(r, r.others, hour); err != nil {
			return err
		}
	}
	return nil
}

// serve covers cells with what is left of a reservation's hour.
func (d *dealing) serve(r *reservationDeal, cells []candidate, hour int) error {
	for _, c := range cells {
		if money.Sign(r.left) <= 0 {
			return nil
		}
		if money.Sign(c.cell.left[hour]) <= 0 {
			continue
		}
		units, err := money.Fraction(r.left, 1, c.factor)
		units = money.Min(units, c.cell.left[hour])
		var takes money.Usage
		if err == nil {
			takes, err = money.MulInt(units, c.factor)
		}
		if err == nil {
			r.left, err = money.Sub(r.left, takes)
		}
		if err == nil {
			err = d.reserve(c.cell, hour, r.index, c.factor, units)
		}
		if err != nil {
			return fmt.Errorf("reservation %s: %w", r.of.ID, err)
		}
	}
	return nil
}

// reserve covers units of a cell and counts the quarters that they take.
func (d *dealing) reserve(c *cell, hour int, index int32, factor int64, units money.Usage) error {
	takes, err := money.MulInt(units, factor)
	if err != nil {
		return err
	}
	used := &d.plan.reserved[index]
	if *used, err = money.Add(*used, takes); err != nil {
		return err
	}
	return d.cover(c, hour, commitment(index), units, money.Rate{})
}

// ReservationUse is what a month makes of one reservation: the figures of its
// fee line.
type ReservationUse struct {
	Index   int32       // in Offers.Reservations
	Payer   int32       // index in Organization.Payers; it has the account when the fee falls due
	Hour    schema.Hour // of the fee lines: it holds the later of start and the period's start
	Begins  bool        // start lies in this month: the up-front price is due
	Seconds int64       // of its time that lie in the month, above zero
	Hours   money.Usage // those seconds in hours, 6 decimals
	Units   money.Usage // reserved: count x Hours
	Covered money.Usage // units of its own that usage consumed

	Fee             money.Cost // recurring, 6 decimals
	Amortized       money.Cost // part of the up-front price, 8 decimals
	UnusedUnits     money.Usage
	UnusedUpfront   money.Cost // part of Amortized that no usage consumed, 8 decimals
	UnusedRecurring money.Cost // part of Fee that no usage consumed, 8 decimals

	quarters money.Usage // Units, counted as usage takes them
}

// Reservations returns the reservations whose fee lines are a payer's, in the
// order of the offers.
func (p *Plan) Reservations(payer int32) []ReservationUse {
	var list []ReservationUse
	for _, u := range p.uses {
		if u.Seconds > 0 && u.Payer == payer {
			list = append(list, u)
		}
	}
	return list
}

// sumReservations computes the figures of every reservation; those that do not
// hold in the month have none.
func (p *Plan) sumReservations() error {
	p.uses = make([]ReservationUse, len(p.in.Offers.Reservations))
	for i := range p.uses {
		r := &p.in.Offers.Reservations[i]
		p.uses[i] = ReservationUse{Index: int32(i), Payer: -1}
		start, end := later(r.Start, p.in.Period.Start), p.in.Period.End
		if r.End.Before(end) {
			end = r.End
		}
		if !start.Before(end) {
			continue
		}
		if err := p.sumReservation(&p.uses[i], r, start, end); err != nil {
			return fmt.Errorf("reservation %s: %w", r.ID, err)
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *Plan) sumReservation(u *ReservationUse, r *offer.Reservation, start, end time.Time) error {
	u.Hour, u.Begins = schema.HourOf(start.UnixNano()), !r.Start.Before(p.in.Period.Start)
	u.Seconds = int64(end.Sub(start) / time.Second)
	if payer, ok := p.bearer(r.Account, start); ok {
		u.Payer = payer
	}
	if err := u.reserve(r); err != nil {
		return err
	}
	return u.sumUnused(r, p.reserved[u.Index])
}

// reserve sets the units and fees of the month.
func (u *ReservationUse) reserve(r *offer.Reservation) error {
	micros := (u.Seconds*1_000_000 + 1_800) / 3_600 // of an hour, rounded half up
	var err error
	if u.Hours, err = money.MulInt(money.Usage{Lo: 1e12}, micros); err != nil {
		return err
	}
	if u.Units, err = money.MulInt(u.Hours, r.Count); err != nil {
		return err
	}
	_, has := factorOf(r, r.Select.UsageType)
	if u.quarters, err = money.MulInt(u.Units, has); err != nil {
		return err
	}
	// Units have 6 decimals, so they fit a cost, whose product is rounded once.
	units, err := money.MulInt(money.Cost{Lo: 1e4}, micros)
	if err == nil {
		units, err = money.MulInt(units, r.Count)
	}
	if err != nil {
		return err
	}
	if u.Fee, err = units.Times(r.Hourly, 6, money.HalfAwayFromZero); err != nil {
		return err
	}
	term := int64(r.Years) * 365 * 86_400
	u.Amortized, err = money.Share(r.Upfront, money.Int128FromInt(u.Seconds), money.Int128FromInt(term), 8, money.HalfAwayFromZero)
	return err
}

// sumUnused sets what usage consumed and what it left.
func (u *ReservationUse) sumUnused(r *offer.Reservation, quarters money.Usage) error {
	_, has := factorOf(r, r.Select.UsageType)
	unused, err := money.Sub(u.quarters, quarters)
	if err != nil {
		return err
	}
	unused = money.Max(unused, money.Usage{}) // given coverage may exceed what is reserved
	if u.Covered, err = divided(quarters, has); err != nil {
		return err
	}
	if u.UnusedUnits, err = divided(unused, has); err != nil {
		return err
	}
	if u.UnusedUpfront, err = u.share(u.Amortized, unused); err != nil {
		return err
	}
	u.UnusedRecurring, err = u.share(u.Fee, unused)
	return err
}

// divided returns units / n, exactly for 1, else cut to 10 decimals.
func divided(units money.Usage, n int64) (money.Usage, error) {
	if n == 1 {
		return units, nil
	}
	return money.Fraction(units, 1, n)
}

// share returns the part of a fee that falls on so many quarters of a
// reservation, rounded to 8 decimals. One that has no units in the month has no
// fee either.
func (u *ReservationUse) share(fee money.Cost, quarters money.Usage) (money.Cost, error) {
	if money.Sign(u.quarters) == 0 {
		return money.Cost{}, nil
	}
	return money.Share(fee, quarters.Int128(), u.quarters.Int128(), 8, money.HalfAwayFromZero)
}
