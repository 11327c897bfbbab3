package slow

import (
	"math/big"
	"sort"
	"strings"

	"github.com/monthend/monthend/schema/offer"
)

// tax applies every rule to all rows so far.
func (p *pass) tax() {
	end := len(p.rows)
	for i := range p.Offers.Taxes {
		if t := &p.Offers.Taxes[i]; p.taxed(t) {
			p.rule(t, p.rows[:end])
		}
	}
}

// taxed tells whether a rule is of this issuer, place and month.
func (p *pass) taxed(t *offer.Tax) bool {
	return oneOf(t.Issuers, p.issuer.ID) && oneOf(t.Countries, p.payer.Country) && oneOf(t.Regions, p.payer.Region) &&
		(t.From.IsZero() || p.day(t.From).Before(p.Period.End)) && (t.Until.IsZero() || p.Period.Start.Before(p.day(t.Until)))
}

func (p *pass) rule(t *offer.Tax, rows []Row) {
	bases := p.taxBases(t, rows)
	base, places, factor := zero(), minorUnits(string(p.issuer.Currency)), dec(t.Factor.String())
	for _, b := range bases {
		base = add(base, b.left)
	}
	exempt := has(t.Exempt, p.payer.AccountID)
	amount := zero()
	switch {
	case base.Sign() <= 0 || exempt:
	case t.Inclusive:
		amount = round(quo(mul(base, factor), add(num(1), factor)), places)
	default:
		amount = round(mul(factor, base), places)
	}
	if len(bases) == 0 {
		return
	}
	p.taxes = append(p.taxes, Tax{ID: t.ID, Base: base, Amount: amount})
	if amount.Sign() == 0 {
		service := bases[0].service
		for _, b := range bases {
			service = min(service, b.service)
		}
		p.rows = append(p.rows, p.taxRow(t, p.payer.AccountID, service, zero()))
		return
	}
	for i, share := range shares(amount, bases, places) {
		if share.Sign() > 0 {
			if t.Inclusive { // the prices hold it
				share = zero()
			}
			p.rows = append(p.rows, p.taxRow(t, bases[i].account, bases[i].service, share))
		}
	}
}

func (p *pass) taxRow(t *offer.Tax, account, service string, cost *big.Rat) Row {
	row := feeRow(t.ID, account, service, p.firstHour(), cost)
	row.Type, row.TaxType = "Tax", t.Type
	return row
}

// taxBases sums the rows that a rule counts, by account and service, sorted.
func (p *pass) taxBases(t *offer.Tax, rows []Row) []*debt {
	at := map[[2]string]*debt{}
	var out []*debt
	for _, r := range rows {
		if r.Type == "Tax" || !oneOf(t.Services, r.Service) || !p.holds(t.From, t.Until, p.instant(r.Hour)) {
			continue
		}
		k := [2]string{r.Account, r.Service}
		if at[k] == nil {
			at[k] = &debt{r.Account, r.Service, zero()}
			out = append(out, at[k])
		}
		at[k].left.Add(at[k].left, r.Unblended)
	}
	sort.Slice(out, func(a, b int) bool {
		return firstOf(strings.Compare(out[a].account, out[b].account), strings.Compare(out[a].service, out[b].service)) < 0
	})
	return out
}

// shares deals an amount by largest remainder in minor units.
func shares(amount *big.Rat, bases []*debt, places int) []*big.Rat {
	out, rest := make([]*big.Rat, len(bases)), make([]*big.Rat, len(bases))
	whole := zero()
	for _, b := range bases {
		whole = add(whole, most(b.left, zero()))
	}
	left := amount
	order := make([]int, len(bases))
	for i, b := range bases {
		exact := quo(mul(amount, most(b.left, zero())), whole)
		out[i] = cut(exact, places)
		rest[i] = sub(exact, out[i])
		left = sub(left, out[i])
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return rest[order[a]].Cmp(rest[order[b]]) > 0 })
	unit := new(big.Rat).SetFrac(big.NewInt(1), ten(places))
	for _, i := range order {
		if left.Sign() > 0 {
			out[i], left = add(out[i], unit), sub(left, unit)
		}
	}
	return out
}

// minorUnits are the decimals of a currency, for those that random worlds use.
func minorUnits(currency string) int {
	switch currency {
	case "JPY", "KRW", "ISK":
		return 0
	case "KWD", "BHD", "JOD":
		return 3
	}
	return 2
}
