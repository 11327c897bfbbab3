package rate

import (
	"fmt"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// commitment names a reservation, by its index in Offers.Reservations, or a
// savings plan, by the complement of its index in Offers.SavingsPlans.
type commitment int32

func (c commitment) plan() (index int32, ok bool) { return int32(^c), c < 0 }

// cell is the usage of one cell, hour by hour, and how commitments cover it.
type cell struct {
	cellKey
	left     []money.Usage // by hour: what no commitment has covered yet
	segments []segment     // in the order of hours, inside one in the order in which they were dealt
	from     []int32       // by hour: index of its first segment; one more than hours
}

// segment is a part of a cell's hour that one commitment covers.
type segment struct {
	by    commitment
	units money.Usage // above zero
}

// covered is what commitments cover of a payer's SKU.
type covered struct {
	hours []money.Usage // units by hour
	rates rateSums      // units by the rate at which they count for the blended rate
}

// dealing deals the commitments of one payer out over its cells.
type dealing struct {
	plan         *Plan
	payer        int32
	cells        []*cell // in the order of sortedCells
	reservations []*reservationDeal
	plans        []*planDeal
	rounds       [4][]offering // of plans: instance plans' own and other cells, compute plans' own and other
	changes      []bool        // by hour: a price of a cell changes
}

// dealCommitments covers usage, payer by payer and hour by hour.
func (p *Plan) dealCommitments(t *Totals) error {
	if t.commitments == nil {
		return nil
	}
	keys := t.sortedCells()
	for len(keys) > 0 {
		payer := keys[0].payer
		n := slices.IndexFunc(keys, func(k cellKey) bool { return k.payer != payer })
		if n < 0 {
			n = len(keys)
		}
		if err := p.newDealing(t, payer, keys[:n]).deal(); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (p *Plan) newDealing(t *Totals, payer int32, keys []cellKey) *dealing {
	d := &dealing{plan: p, payer: payer, changes: make([]bool, t.hours)}
	for _, key := range keys {
		c := &cell{cellKey: key, left: slices.Clone(t.cells[key]), from: make([]int32, 1, t.hours+1)}
		d.cells = append(d.cells, c)
		p.cells[key] = c
		p.markChanges(d.changes, key.sku)
	}
	d.reservations = d.reservationDeals(t.commitments)
	d.plans = d.planDeals(t.commitments)
	return d
}

// markChanges marks the first hour and those in which another price of a SKU begins.
func (p *Plan) markChanges(changes []bool, sku int32) {
	changes[0] = true
	for _, v := range p.in.Catalog.SKUs[sku].Versions {
		first := (v.Effective+3599)/3600 - int64(p.first)
		if first > 0 && first < int64(len(changes)) {
			changes[first] = true
		}
	}
}

func (d *dealing) deal() error {
	for hour := range d.plan.hours {
		err := d.dealGiven(hour)
		if err == nil {
			err = d.dealReservations(hour)
		}
		if err == nil {
			err = d.dealPlans(hour)
		}
		if err != nil {
			at := (d.plan.first + schema.Hour(hour)).Time()
			return fmt.Errorf("payer %s, commitments in the hour %s: %w", d.plan.in.Organization.Payers[d.payer].AccountID, at.Format("2006-01-02T15"), err)
		}
		for _, c := range d.cells {
			c.from = append(c.from, int32(len(c.segments)))
		}
	}
	return nil
}

// cover gives units of a cell's hour to a commitment. Rate is that at which they
// count for the blended rate.
func (d *dealing) cover(c *cell, hour int, by commitment, units money.Usage, rate money.Rate) error {
	if money.Sign(units) <= 0 {
		return nil
	}
	var err error
	if c.left[hour], err = money.Sub(c.left[hour], units); err != nil {
		return err
	}
	c.segments = append(c.segments, segment{by, units})
	key := payerSKU{c.payer, c.sku}
	sum := d.plan.covered[key]
	if sum == nil {
		sum = &covered{hours: make([]money.Usage, d.plan.hours)}
		d.plan.covered[key] = sum
	}
	if sum.hours[hour], err = money.Add(sum.hours[hour], units); err != nil {
		return err
	}
	sum.rates, err = sum.rates.add(rate, units)
	return err
}

// activeHours returns the hours of the month, as indices [from, to), that lie
// wholly within a commitment's time. An hour that two months share is of the
// month in which it begins.
func (p *Plan) activeHours(start, end time.Time) (from, to int) {
	if start.Before(p.in.Period.Start) {
		start = p.in.Period.Start
	}
	from = int(schema.HourOf(start.UnixNano()-1)+1) - int(p.first)
	to = min(int(schema.HourOf(end.UnixNano()))-int(p.first), p.hours)
	return min(from, p.hours), max(to, 0)
}

// instant is when an hour of the month begins.
func (p *Plan) instant(hour int) time.Time {
	return time.Unix(p.in.priceTime(p.first+schema.Hour(hour)), 0)
}

// payersOf returns for every hour of the month the index of the payer that has
// an account when the hour begins, -1 for none.
func (p *Plan) payersOf(account string) []int32 {
	payers := make([]int32, p.hours)
	for i := range payers {
		payers[i] = -1
		if m, ok := schema.MemberAt(p.memberships[account], p.instant(i)); ok {
			payers[i] = int32(m.Payer)
		}
	}
	return payers
}

// bearer returns the payer that owes what an account owes at an instant: the one
// that has it, else the last that had it, else the first that gets it.
func (p *Plan) bearer(account string, at time.Time) (payer int32, ok bool) {
	list := p.memberships[account] // by time
	if len(list) == 0 {
		return -1, false
	}
	last := list[0]
	for _, m := range list[1:] {
		if !m.Account.From.After(at) {
			last = m
		}
	}
	return int32(last.Payer), true
}

// sharing returns what an account shares with a payer's organization in this
// month: what the last membership begun there says at the month's last instant.
func (p *Plan) sharing(payer int32, account string) schema.Sharing {
	var member schema.Account
	for _, m := range p.memberships[account] {
		if int32(m.Payer) == payer && m.Account.From.Before(p.in.Period.End) {
			member = m.Account
		}
	}
	return member.SharingAt(p.in.Period.End.Add(-1))
}
