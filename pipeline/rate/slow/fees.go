package slow

import (
	"math/big"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

// feeRow is a charge of its own.
func feeRow(id, account, service string, hour int64, cost *big.Rat) Row {
	return Row{Account: account, Service: service, UsageType: id, Hour: hour, Type: "Fee", Amount: num(1), List: zero(), Upfront: zero(),
		Unblended: cost, Blended: cost, Net: cost, Effective: cost}
}

// offerFees writes one-time and recurring fees.
func (p *pass) offerFees() {
	for i := range p.Offers.Fees {
		f := &p.Offers.Fees[i]
		at, cost := p.day(f.Date), dec(f.Amount.String())
		if f.Date.IsZero() {
			at, cost = p.recurring(f)
		}
		if cost == nil || !p.in(at) || p.bearer(f.Account, at) != p.payer.AccountID {
			continue
		}
		p.fees = append(p.fees, len(p.rows))
		p.rows = append(p.rows, feeRow(f.ID, f.Account, f.Service, hourOf(at), cost))
	}
}

// recurring is the first instant of a fee in the month and what it costs, nil
// where it holds no day of it.
func (p *pass) recurring(f *offer.Fee) (first time.Time, cost *big.Rat) {
	held, days := int64(0), int64(0)
	for d := schema.DateOf(p.Period.Start.In(p.zone)); p.day(d).Before(p.Period.End); d = d.AddDays(1) {
		days++
		if !(f.From.IsZero() || !p.day(d).Before(p.day(f.From))) || !(f.Until.IsZero() || p.day(d).Before(p.day(f.Until))) {
			continue
		}
		if held++; held == 1 {
			first = p.day(d)
		}
	}
	switch {
	case held == 0:
		return first, nil
	case f.Prorate:
		return first, round(quo(mul(dec(f.Amount.String()), num(held)), num(days)), 6)
	}
	return first, dec(f.Amount.String())
}

// support charges a share of what the rows before base come to.
func (p *pass) support(base int) {
	lastDay := schema.DateOf(p.last().In(p.zone))
	for i := range p.Offers.Support {
		s := &p.Offers.Support[i]
		if s.Payer != p.payer.AccountID || !p.holds(s.From, s.Until, p.day(lastDay)) {
			continue
		}
		if !s.PerAccount {
			p.supportFee(s, p.payer.AccountID, p.sum(base, s.Accounts))
			continue
		}
		for _, a := range p.members(base) {
			if oneOf(s.Accounts, a) {
				p.supportFee(s, a, p.sum(base, []string{a}))
			}
		}
	}
}

// members are the accounts that the payer has at the end of the month, or that
// have charges that count in its base, once each.
func (p *pass) members(base int) []string {
	var out []string
	for _, a := range p.payer.Accounts {
		if p.payerOf(a.ID, p.last()) == p.payer.AccountID && !has(out, a.ID) {
			out = append(out, a.ID)
		}
	}
	for _, r := range p.rows[:base] {
		if r.Type != "Tax" && !has(out, r.Account) {
			out = append(out, r.Account)
		}
	}
	return out
}

func has(list []string, s string) bool { return len(list) > 0 && oneOf(list, s) }

// sum adds the unblended costs of the rows before base of some accounts, or of all.
func (p *pass) sum(base int, accounts []string) *big.Rat {
	total := zero()
	for _, r := range p.rows[:base] {
		if r.Type != "Tax" && oneOf(accounts, r.Account) {
			total.Add(total, r.Unblended)
		}
	}
	return total
}

func (p *pass) supportFee(s *offer.Support, account string, base *big.Rat) {
	cost, begin := zero(), zero()
	for _, t := range s.Tiers {
		part := sub(base, begin)
		if to := dec(t.To.String()); to.Sign() > 0 {
			part = sub(least(base, to), begin)
			begin = to
		}
		if part.Sign() > 0 {
			cost = add(cost, round(mul(dec(t.Factor.String()), part), 10))
		}
	}
	cost = most(round(cost, 6), dec(s.Minimum.String()))
	p.rows = append(p.rows, feeRow(s.ID, account, s.Service, p.lastHour(), cost))
}

// opening is what an offer brings along, and whether anything is known of it.
func (p *pass) opening(kind, id string) (*big.Rat, bool) {
	for _, o := range p.Opening[p.payer.AccountID] {
		if o.Kind == kind && o.ID == id {
			return dec(o.Amount), true
		}
	}
	return zero(), false
}

// minimums charges what is missing to what was agreed.
func (p *pass) minimums() {
	base := p.sum(len(p.rows), nil)
	for i := range p.Offers.Minimums {
		m := &p.Offers.Minimums[i]
		if m.Payer != p.payer.AccountID || !p.holds(m.From, m.Until, p.Period.Start) {
			continue
		}
		missing := sub(dec(m.Amount.String()), base)
		if m.Term {
			missing = p.term(m, base)
		}
		if missing.Sign() > 0 {
			p.rows = append(p.rows, feeRow(m.ID, p.payer.AccountID, m.Service, p.lastHour(), missing))
		}
	}
}

// term carries a whole-term minimum along and returns what is missing in its last month.
func (p *pass) term(m *offer.Minimum, base *big.Rat) *big.Rat {
	b := Balance{Kind: minimum, ID: m.ID, Granted: zero(), Expired: zero()}
	var known bool
	if b.Opening, known = p.opening(minimum, m.ID); !known {
		b.Granted = dec(m.Amount.String())
	}
	whole := add(b.Opening, b.Granted)
	b.Applied = least(base, whole)
	b.Closing = sub(whole, b.Applied)
	missing := zero()
	if !p.Period.End.Before(p.day(m.Until)) {
		missing = b.Closing
		b.Applied, b.Closing = whole, zero()
	}
	p.balances = append(p.balances, b)
	return missing
}

// refunds gives money back.
func (p *pass) refunds() {
	for i := range p.Offers.Refunds {
		f := &p.Offers.Refunds[i]
		at := p.day(f.Date)
		if !p.in(at) || p.bearer(f.Account, at) != p.payer.AccountID {
			continue
		}
		row := feeRow(f.ID, f.Account, f.Service, hourOf(at), neg(dec(f.Amount.String())))
		row.Type, row.Amount = "Refund", zero()
		p.rows = append(p.rows, row)
	}
}
