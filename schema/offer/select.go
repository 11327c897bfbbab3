package offer

import (
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/price"
)

// Matches tells whether the selector picks a SKU: one of its keys fits.
func (s Selector) Matches(sku *price.SKU) bool {
	if s.matches(sku.Key()) {
		return true
	}
	return slices.ContainsFunc(sku.More, s.matches)
}

func (s Selector) matches(k price.Key) bool {
	return (s.ServiceCode == "" || s.ServiceCode == k.ServiceCode) &&
		fits(s.UsageType, k.UsageType) && fits(s.Operation, k.Operation) && fits(s.Region, k.Region)
}

// fits compares a text with a pattern in which * stands for any run of
// characters, none included. A blank pattern fits everything.
func fits(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	star, mark := -1, 0 // the last star, and where the text it swallows ends
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Picks tells whether one of the pool's selectors matches a SKU.
func (p *Pool) Picks(sku *price.SKU) bool {
	return slices.ContainsFunc(p.Select, func(s Selector) bool { return s.Matches(sku) })
}

// Holds tells whether the pool gives its allowance in the month [start, end):
// it does if the middle of the month is inside its dates. The dates are firsts
// of months, so they name the same months in every time zone.
func (p *Pool) Holds(start, end time.Time) bool {
	middle := start.Add(end.Sub(start) / 2)
	return (p.From.IsZero() || !middle.Before(p.From.In(time.UTC))) &&
		(p.Until.IsZero() || middle.Before(p.Until.In(time.UTC)))
}

// PoolIndex returns for every SKU of the catalog the index in FreeTier of the
// pool that holds in the month [start, end), or -1. The offers must have passed
// Check with this catalog.
func (o *Offers) PoolIndex(c *price.Catalog, start, end time.Time) []int {
	pools := make([]int, len(c.SKUs))
	for i := range pools {
		pools[i] = -1
	}
	for n := range o.FreeTier {
		pool := &o.FreeTier[n]
		if !pool.Holds(start, end) {
			continue
		}
		for i := range c.SKUs {
			if pools[i] < 0 && pool.Picks(&c.SKUs[i]) {
				pools[i] = n
			}
		}
	}
	return pools
}

// Stretch returns the half-open stretch of instants in which the pool serves a
// payer that is a customer since a day, in the zone of its issuer; a zero until
// is no limit, as a zero from is. It is false for no instant at all: a pool of
// the first months or of a trial serves no payer whose first day is unknown.
func (p *Pool) Stretch(since schema.Date, zone *time.Location) (from, until time.Time, ok bool) {
	if !p.From.IsZero() {
		from = p.From.In(zone)
	}
	if !p.Until.IsZero() {
		until = p.Until.In(zone)
	}
	if p.Months == 0 && p.Days == 0 {
		return from, until, true
	}
	if since.IsZero() {
		return time.Time{}, time.Time{}, false
	}
	last := since.AddDays(p.Days)
	if p.Months > 0 {
		last = monthsAfter(since, p.Months)
	}
	if first := since.In(zone); first.After(from) {
		from = first
	}
	if end := last.In(zone); until.IsZero() || end.Before(until) {
		until = end
	}
	return from, until, from.Before(until)
}

// monthsAfter returns the same day n months later, or the last day of that
// month where it is shorter.
func monthsAfter(d schema.Date, n int) schema.Date {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return schema.Date{Year: first.Year(), Month: first.Month(), Day: min(d.Day, last)}
}

// Picks tells whether the discount is for usage of an account that a payer pays
// for: of a SKU, nil where none is known, and with tags, whose values tags finds
// by key. With selectors and SKU ids it is enough that one of them fits.
func (d *Discount) Picks(payer, account string, sku *price.SKU, tags func(key string) (value string, ok bool)) bool {
	if !Listed(d.Payers, payer) || !Listed(d.Accounts, account) || !d.PicksSKU(sku) {
		return false
	}
	for key, want := range d.Tags {
		if value, ok := tags(key); !ok || value != want {
			return false
		}
	}
	return true
}

// PicksSKU tells whether the discount is for a SKU, which may be nil.
func (d *Discount) PicksSKU(sku *price.SKU) bool {
	if len(d.Select) == 0 && len(d.SKUs) == 0 {
		return true
	}
	return sku != nil && (slices.Contains(d.SKUs, sku.ID) ||
		slices.ContainsFunc(d.Select, func(s Selector) bool { return s.Matches(sku) }))
}

// Listed tells whether a list holds a value; an empty list holds all.
func Listed(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// holds tells whether an instant lies in the days from up to until, in a zone.
func holds(from, until schema.Date, instant time.Time, zone *time.Location) bool {
	return (from.IsZero() || !instant.Before(from.In(zone))) && (until.IsZero() || instant.Before(until.In(zone)))
}

// HoldsAt tells whether the discount holds at an instant; zone is the issuer's.
func (d *Discount) HoldsAt(instant time.Time, zone *time.Location) bool {
	return holds(d.From, d.Until, instant, zone)
}

// HoldsAt tells whether a recurring fee is due for an instant; zone is the
// issuer's. A one-time fee holds at none.
func (f *Fee) HoldsAt(instant time.Time, zone *time.Location) bool {
	return f.Date.IsZero() && holds(f.From, f.Until, instant, zone)
}

// HoldsAt tells whether the support plan holds at an instant; zone is the
// issuer's.
func (s *Support) HoldsAt(instant time.Time, zone *time.Location) bool {
	return holds(s.From, s.Until, instant, zone)
}

// HoldsAt tells whether the commitment is for the month that holds an instant;
// zone is the issuer's.
func (m *Minimum) HoldsAt(instant time.Time, zone *time.Location) bool {
	return holds(m.From, m.Until, instant, zone)
}

// HoldsAt tells whether the tax is due at an instant; zone is the issuer's.
func (t *Tax) HoldsAt(instant time.Time, zone *time.Location) bool {
	return holds(t.From, t.Until, instant, zone)
}
