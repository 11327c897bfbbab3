package rate

import (
	"cmp"
	"fmt"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// fees are the rows of step 5.
func (m *Month) fees() ([]Item, error) {
	var items []Item
	for i := range m.in.Offers.Fees {
		f := &m.in.Offers.Fees[i]
		at, amount, err := m.fee(f)
		if err != nil {
			return nil, fmt.Errorf("fee %s: %w", f.ID, err)
		}
		if at.IsZero() || !m.bears(f.Account, at) {
			continue
		}
		it := newItem(schema.LineItemFee, offerHead(f.Account, f.Service, f.ID), schema.HourOf(at.UnixNano()), describe(f.Description, "Fee", f.ID))
		it.Amount = oneUnit()
		it.costs(amount, amount)
		items = append(items, it)
	}
	return items, nil
}

// fee returns the instant at which a fee falls due in the period, and what of
// it. The zero instant: it does not.
func (m *Month) fee(f *offer.Fee) (time.Time, money.Cost, error) {
	if !f.Date.IsZero() {
		at := f.Date.In(m.plan.zone)
		if !m.inPeriod(at) {
			return time.Time{}, money.Cost{}, nil
		}
		return at, f.Amount, nil
	}
	from, until := schema.DateOf(m.in.Period.Start.In(m.plan.zone)), schema.DateOf(m.in.Period.End.In(m.plan.zone))
	days := daysBetween(from, until)
	if compareDates(f.From, from) > 0 {
		from = f.From
	}
	if !f.Until.IsZero() && compareDates(f.Until, until) < 0 {
		until = f.Until
	}
	held := daysBetween(from, until)
	if held <= 0 {
		return time.Time{}, money.Cost{}, nil
	}
	if !f.Prorate || held == days {
		return from.In(m.plan.zone), f.Amount, nil
	}
	part, err := money.Share(f.Amount, money.Int128FromInt(int64(held)), money.Int128FromInt(int64(days)), 6, money.HalfAwayFromZero)
	return from.In(m.plan.zone), part, err
}

// daysBetween returns the days from one date to another.
func daysBetween(from, until schema.Date) int {
	return int(until.In(time.UTC).Sub(from.In(time.UTC)) / (24 * time.Hour))
}

func compareDates(a, b schema.Date) int {
	return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day))
}
