package slow

import (
	"math/big"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/monthend/monthend/schema/offer"
)

// cell is what a payer's account used of a SKU in a zone and an hour.
type cell struct {
	account, zone string
	hour          int64
	sku           *sku
	list          *big.Rat
	left          *big.Rat
	lines         []*line
	parts         []part
}

// part is what a commitment covers of a cell.
type part struct {
	amount      *big.Rat
	reservation *offer.Reservation
	plan        *offer.SavingsPlan
	rate        *big.Rat // of the plan
}

// factors are normalized units by size; a number before xlarge multiplies.
var factors = map[string]string{"nano": "0.25", "micro": "0.5", "small": "1", "medium": "2", "large": "4", "xlarge": "8"}

// size takes a usage type apart behind its last dot; factor is nil where the
// size has none.
func size(usageType string) (family string, factor *big.Rat) {
	i := strings.LastIndexByte(usageType, '.')
	if i < 0 {
		return usageType, nil
	}
	family, name, times := usageType[:i], usageType[i+1:], int64(1)
	if number, large := strings.CutSuffix(name, "xlarge"); large && number != "" {
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n < 1 {
			return family, nil
		}
		name, times = "xlarge", n
	}
	if strings.Contains(family, "Multi-AZUsage") {
		times *= 2
	}
	if f, ok := factors[name]; ok {
		return family, mul(dec(f), num(times))
	}
	return family, nil
}

// weights are the normalized units of one unit of the usage and of the
// reservation: equal where size does not count.
func weights(r *offer.Reservation, usageType string) (usage, own *big.Rat) {
	_, u := size(usageType)
	_, o := size(r.Select.UsageType)
	if !r.SizeFlexible || u == nil || o == nil {
		return num(1), num(1)
	}
	return u, o
}

// given marks lines that name a reservation which takes what names it.
func (p *pass) given() {
	for _, l := range p.lines {
		r := p.month.given[l.commitment]
		if r == nil || l.kind != "Usage" || l.priced {
			continue
		}
		p.reserve(l, r, l.amount)
		l.left, l.done = zero(), true
	}
}

// reserve makes the charge of an amount under a reservation.
func (p *pass) reserve(l *line, r *offer.Reservation, amount *big.Rat) {
	w, own := weights(r, l.sku.UsageType)
	p.cover1(r.ID, quo(mul(amount, w), own))
	f := p.feesOf(r)
	share := zero()
	if f.units.Sign() != 0 {
		share = quo(mul(amount, w), mul(f.units, own))
	}
	upfront := round(mul(f.upfront, share), 8)
	p.charges = append(p.charges, &charge{line: l, portion: reserved, amount: amount, rate: zero(), by: r.ID,
		effective: add(upfront, round(mul(f.recurring, share), 8)), upfront: upfront})
}

func (p *pass) cover1(id string, units *big.Rat) {
	if p.covered[id] == nil {
		p.covered[id] = zero()
	}
	p.covered[id].Add(p.covered[id], units)
}

// cover deals reservations and plans to the cells of every hour.
func (p *pass) cover() {
	if len(p.Offers.Reservations)+len(p.Offers.SavingsPlans) == 0 {
		return
	}
	hours, order := p.cells()
	for _, h := range order {
		if h*3600 < p.Period.Start.Unix() { // the month before has this hour's commitments
			continue
		}
		p.dealReservations(h, hours[h])
		p.dealPlans(h, hours[h])
		for _, c := range hours[h] {
			p.fill(c)
		}
	}
}

func (p *pass) cells() (map[int64][]*cell, []int64) {
	type where struct {
		account, zone string
		sku           *sku
		hour          int64
	}
	all := map[where]*cell{}
	hours := map[int64][]*cell{}
	for _, l := range p.lines {
		if l.priced || l.kind != "Usage" || l.done {
			continue
		}
		at := where{l.account, l.zone, l.sku, l.hour}
		c := all[at]
		if c == nil {
			c = &cell{account: l.account, zone: l.zone, sku: l.sku, hour: l.hour, list: l.version.list, left: zero()}
			all[at] = c
			hours[l.hour] = append(hours[l.hour], c)
		}
		c.lines = append(c.lines, l)
		c.left = add(c.left, l.amount)
	}
	var order []int64
	for h := range hours {
		order = append(order, h)
	}
	sort.Slice(order, func(a, b int) bool { return order[a] < order[b] })
	return hours, order
}

// dealReservations gives an hour's units: own accounts first, then others.
func (p *pass) dealReservations(hour int64, cells []*cell) {
	var rs []*offer.Reservation
	start := time.Unix(hour*3600, 0)
	for i := range p.Offers.Reservations {
		r := &p.Offers.Reservations[i]
		if !r.Given && !start.Before(r.Start) && !start.Add(time.Hour).After(r.End) &&
			p.payerOf(r.Account, p.instant(hour)) == p.payer.AccountID {
			rs = append(rs, r)
		}
	}
	kind := func(r *offer.Reservation) int {
		switch {
		case r.Zone != "":
			return 0
		case !r.SizeFlexible:
			return 1
		}
		return 2
	}
	sort.Slice(rs, func(a, b int) bool {
		if x, y := kind(rs[a]), kind(rs[b]); x != y {
			return x < y
		}
		return rs[a].ID < rs[b].ID
	})
	left := map[*offer.Reservation]*big.Rat{}
	for _, r := range rs {
		left[r] = num(r.Count)
	}
	for _, own := range []bool{true, false} {
		for _, r := range rs {
			p.dealReservation(r, own, left, cells)
		}
	}
}

func (p *pass) dealReservation(r *offer.Reservation, own bool, left map[*offer.Reservation]*big.Rat, cells []*cell) {
	var fit []*cell
	for _, c := range cells {
		if fits(r, c) && (c.account == r.Account) == own &&
			(own || p.sharing(r.Account).Reservations && p.sharing(c.account).Reservations) {
			fit = append(fit, c)
		}
	}
	sort.Slice(fit, func(a, b int) bool {
		x, _ := weights(r, fit[a].sku.UsageType)
		y, _ := weights(r, fit[b].sku.UsageType)
		return firstOf(x.Cmp(y), before(fit[a].sku, fit[b].sku), strings.Compare(fit[a].account, fit[b].account),
			strings.Compare(fit[a].zone, fit[b].zone)) < 0
	})
	for _, c := range fit {
		w, unit := weights(r, c.sku.UsageType)
		take := least(c.left, cut(quo(mul(left[r], unit), w), 10))
		if take.Sign() <= 0 {
			continue
		}
		left[r] = sub(left[r], quo(mul(take, w), unit))
		c.left = sub(c.left, take)
		c.parts = append(c.parts, part{amount: take, reservation: r})
	}
}

// fits tells whether a reservation may cover a cell.
func fits(r *offer.Reservation, c *cell) bool {
	s := r.Select
	if s.ServiceCode != c.sku.ServiceCode || s.Operation != "" && s.Operation != c.sku.Operation ||
		s.Region != "" && s.Region != c.sku.Region || r.Zone != "" && r.Zone != c.zone {
		return false
	}
	if s.UsageType == c.sku.UsageType {
		return true
	}
	ownFamily, own := size(s.UsageType)
	family, f := size(c.sku.UsageType)
	return r.SizeFlexible && own != nil && f != nil && family == ownFamily
}

// fill puts the lines of a cell under its parts, in the order in which they
// were dealt. A line of nothing fills nothing and stays as it is.
func (p *pass) fill(c *cell) {
	at := 0
	for _, pt := range c.parts {
		for left := pt.amount; left.Sign() > 0; {
			l := c.lines[at]
			take := least(left, l.left)
			if take.Sign() > 0 {
				p.part(l, pt, take)
				l.left, left = sub(l.left, take), sub(left, take)
			}
			if l.left.Sign() == 0 {
				l.done = l.amount.Sign() > 0
				at++
			}
		}
	}
}

func (p *pass) part(l *line, pt part, amount *big.Rat) {
	if pt.reservation != nil {
		p.reserve(l, pt.reservation, amount)
		return
	}
	effective, amortized := round(mul(pt.rate, amount), 8), sub(dec(pt.plan.Commitment.String()), recurringOf(pt.plan))
	p.charges = append(p.charges, &charge{line: l, portion: planned, amount: amount, rate: l.version.list, by: pt.plan.ID,
		planRate: pt.rate, effective: effective, upfront: round(quo(mul(effective, amortized), dec(pt.plan.Commitment.String())), 8)})
}

// fee is what a reservation costs in the month.
type fee struct {
	seconds                   int64
	units, recurring, upfront *big.Rat
}

func (p *pass) feesOf(r *offer.Reservation) fee {
	from, until := r.Start, r.End
	if from.Before(p.Period.Start) {
		from = p.Period.Start
	}
	if until.After(p.Period.End) {
		until = p.Period.End
	}
	f := fee{seconds: max(0, until.Unix()-from.Unix())}
	f.units = mul(num(r.Count), round(quo(num(f.seconds), num(3600)), 6))
	f.recurring = round(mul(dec(r.Hourly.String()), f.units), 6)
	f.upfront = round(quo(mul(dec(r.Upfront.String()), num(f.seconds)), num(int64(r.Years)*365*86400)), 8)
	return f
}

// reservationFees writes the fee rows of the payer's reservations.
func (p *pass) reservationFees() {
	for i := range p.Offers.Reservations {
		r := &p.Offers.Reservations[i]
		f := p.feesOf(r)
		at := r.Start
		if at.Before(p.Period.Start) {
			at = p.Period.Start
		}
		if f.seconds == 0 || p.bearer(r.Account, at) != p.payer.AccountID {
			continue
		}
		usageType := "HeavyUsage:" + r.Select.UsageType
		if strings.Contains(r.Select.UsageType, "BoxUsage") {
			usageType = strings.Replace(r.Select.UsageType, "BoxUsage", "HeavyUsage", 1)
		}
		row := Row{Account: r.Account, Service: r.Select.ServiceCode, UsageType: usageType, Operation: r.Select.Operation,
			Region: r.Select.Region, Zone: r.Zone, Hour: hourOf(at), Commitment: r.ID, Type: "RIFee", Unit: "Hrs", Amount: f.units}
		unused := sub(f.units, p.coveredBy(r.ID))
		if unused.Sign() < 0 {
			unused = zero()
		}
		row.Upfront = round(quo(mul(f.upfront, unused), f.units), 8)
		row.Effective = add(row.Upfront, round(quo(mul(f.recurring, unused), f.units), 8))
		row.List, row.Unblended, row.Blended, row.Net = zero(), f.recurring, f.recurring, f.recurring
		p.rows = append(p.rows, row)
		if upfront := dec(r.Upfront.String()); upfront.Sign() > 0 && p.in(r.Start) {
			row.Type, row.Amount = "Fee", num(r.Count)
			row.Unblended, row.Blended, row.Net, row.Effective, row.Upfront = upfront, upfront, upfront, zero(), zero()
			p.rows = append(p.rows, row)
		}
	}
}

func (p *pass) coveredBy(id string) *big.Rat {
	if c := p.covered[id]; c != nil {
		return c
	}
	return zero()
}
