package slow

import (
	"math/big"
	"sort"
	"strings"
	"time"

	"github.com/monthend/monthend/schema/offer"
)

const (
	instancePlan = "EC2InstanceSavingsPlans"
	computePlan  = "ComputeSavingsPlans"
)

// planRate is what a plan charges for a unit of a SKU, or nil where it does not cover it.
func planRate(pl *offer.SavingsPlan, s *sku, list *big.Rat) *big.Rat {
	if pl.Type == instancePlan && (s.Region == "" || s.Region != pl.Region || familyOf(s.UsageType) != pl.Family) {
		return nil
	}
	for _, r := range pl.Rates {
		if !s.picks(r.Select) {
			continue
		}
		rate := dec(r.Rate.String())
		if f := dec(r.Factor.String()); f.Sign() != 0 {
			rate = round(mul(list, sub(num(1), f)), 10)
		}
		if rate.Cmp(list) >= 0 || rate.Sign() == 0 {
			return nil
		}
		return rate
	}
	return nil
}

// familyOf is m5 of BoxUsage:m5.large.
func familyOf(usageType string) string {
	i := strings.IndexByte(usageType, ':')
	if i < 0 {
		return ""
	}
	family, _, found := strings.Cut(usageType[i+1:], ".")
	if !found {
		return ""
	}
	return family
}

type pair struct {
	plan        *offer.SavingsPlan
	cell        *cell
	rate, share *big.Rat
}

// dealPlans gives what an hour's commitments pay for.
func (p *pass) dealPlans(hour int64, cells []*cell) {
	left := map[*offer.SavingsPlan]*big.Rat{}
	for _, kind := range []string{instancePlan, computePlan} {
		for _, own := range []bool{true, false} {
			for _, pr := range p.pairs(hour, cells, kind, own) {
				if left[pr.plan] == nil {
					left[pr.plan] = dec(pr.plan.Commitment.String())
				}
				pr.take(left)
			}
		}
	}
}

func (pr pair) take(left map[*offer.SavingsPlan]*big.Rat) {
	amount := pr.cell.left
	if pr.rate.Sign() > 0 {
		amount = least(amount, cut(quo(left[pr.plan], pr.rate), 10))
	}
	if amount.Sign() <= 0 {
		return
	}
	left[pr.plan] = sub(left[pr.plan], mul(pr.rate, amount))
	pr.cell.left = sub(pr.cell.left, amount)
	pr.cell.parts = append(pr.cell.parts, part{amount: amount, plan: pr.plan, rate: pr.rate})
}

// pairs are the plans and cells of one round, in their order.
func (p *pass) pairs(hour int64, cells []*cell, kind string, own bool) []pair {
	var out []pair
	for i := range p.Offers.SavingsPlans {
		pl := &p.Offers.SavingsPlans[i]
		if pl.Type != kind || !p.holdsPlan(pl, hour) {
			continue
		}
		for _, c := range cells {
			if (c.account == pl.Account) != own ||
				!own && !(p.sharing(pl.Account).SavingsPlans && p.sharing(c.account).SavingsPlans) {
				continue
			}
			if rate := planRate(pl, c.sku, c.list); rate != nil {
				out = append(out, pair{pl, c, rate, quo(sub(c.list, rate), c.list)})
			}
		}
	}
	sort.Slice(out, func(a, b int) bool {
		x, y := out[a], out[b]
		return firstOf(y.share.Cmp(x.share), x.rate.Cmp(y.rate), before(x.cell.sku, y.cell.sku),
			strings.Compare(x.cell.account, y.cell.account), strings.Compare(x.cell.zone, y.cell.zone),
			strings.Compare(x.plan.ID, y.plan.ID)) < 0
	})
	return out
}

// holdsPlan tells whether a plan runs in an hour and is the payer's then.
func (p *pass) holdsPlan(pl *offer.SavingsPlan, hour int64) bool {
	return runs(pl, hour) && p.payerOf(pl.Account, p.instant(hour)) == p.payer.AccountID
}

// owesPlan tells whether a plan runs in an hour and the payer owes its fee.
func (p *pass) owesPlan(pl *offer.SavingsPlan, hour int64) bool {
	return runs(pl, hour) && p.bearer(pl.Account, p.instant(hour)) == p.payer.AccountID
}

func runs(pl *offer.SavingsPlan, hour int64) bool {
	return hour*3600 >= pl.Start.Unix() && hour*3600 < pl.End.Unix()
}

func upfrontShare(pay offer.Payment) *big.Rat {
	switch pay {
	case offer.AllUpfront:
		return num(1)
	case offer.PartialUpfront:
		return dec("0.5")
	}
	return zero()
}

// recurringOf is what an hour of a plan costs when it comes.
func recurringOf(pl *offer.SavingsPlan) *big.Rat {
	return round(mul(dec(pl.Commitment.String()), sub(num(1), upfrontShare(pl.Payment))), 8)
}

// planRows writes fees and negations.
func (p *pass) planRows() {
	covered := map[string]map[int64][]*charge{}
	for _, c := range p.charges {
		if c.portion == planned {
			if covered[c.by] == nil {
				covered[c.by] = map[int64][]*charge{}
			}
			covered[c.by][c.hour] = append(covered[c.by][c.hour], c)
		}
	}
	for i := range p.Offers.SavingsPlans {
		p.planFees(&p.Offers.SavingsPlans[i], covered[p.Offers.SavingsPlans[i].ID])
	}
}

func (p *pass) planFees(pl *offer.SavingsPlan, covered map[int64][]*charge) {
	commitment := dec(pl.Commitment.String())
	recurring := recurringOf(pl)
	fee := Row{Account: pl.Account, Service: computePlan, UsageType: planUsageType(pl), Region: pl.Region, Resource: pl.ID, Unit: "Hrs",
		Commitment: pl.ID, Amount: num(1), List: zero()}
	upfront := mul(sub(commitment, recurring), num(8760*int64(pl.Years)))
	if first := hourOf(pl.Start); p.in(pl.Start) && p.owesPlan(pl, first) && upfront.Sign() > 0 {
		row := fee
		row.Type, row.Hour, row.Upfront, row.Effective = "SavingsPlanUpfrontFee", first, zero(), zero()
		row.Unblended, row.Blended, row.Net = upfront, upfront, upfront
		p.rows = append(p.rows, row)
	}
	for h := hourOf(p.Period.Start.Add(time.Hour - 1)); h <= p.lastHour(); h++ {
		if !p.owesPlan(pl, h) {
			continue
		}
		row := fee
		row.Type, row.Hour, row.Upfront = "SavingsPlanRecurringFee", h, zero()
		row.Unblended, row.Blended, row.Net, row.Effective = recurring, recurring, recurring, commitment
		for _, c := range covered[h] {
			row.Effective = sub(row.Effective, c.effective)
		}
		p.rows = append(p.rows, row)
		p.negate(pl, h, covered[h])
	}
}

// negate takes back what the covered lines of an hour show.
func (p *pass) negate(pl *offer.SavingsPlan, hour int64, covered []*charge) {
	at := map[[7]string]int{}
	for _, c := range covered {
		k := [7]string{c.account, c.service, c.usageType, c.operation, c.region, c.zone, c.unit}
		i, ok := at[k]
		if !ok {
			i = len(p.rows)
			at[k] = i
			p.rows = append(p.rows, Row{Account: c.account, Service: c.service, UsageType: c.usageType, Operation: c.operation,
				Region: c.region, Zone: c.zone, Unit: c.unit, Hour: hour, Type: "SavingsPlanNegation", Commitment: pl.ID,
				Amount: zero(), List: zero(), Unblended: zero(), Blended: zero(), Net: zero(), Effective: zero(), Upfront: zero()})
		}
		r := &p.rows[i]
		r.Amount = add(r.Amount, c.amount)
		r.Unblended = sub(r.Unblended, p.rows[c.row].Unblended)
		r.Net = r.Unblended
		r.Blended = sub(r.Blended, p.rows[c.row].Blended)
	}
}

// planUsageType is such as ComputeSP:1yrNoUpfront or EC2SP:m5.3yrAllUpfront.
func planUsageType(pl *offer.SavingsPlan) string {
	years := "1yr"
	if pl.Years == 3 {
		years = "3yr"
	}
	term := years + strings.ReplaceAll(string(pl.Payment), " ", "")
	if pl.Type == instancePlan {
		return "EC2SP:" + pl.Family + "." + term
	}
	return "ComputeSP:" + term
}
