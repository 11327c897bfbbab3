package rate

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// planDeal is a savings plan as it is dealt out to one payer's cells.
type planDeal struct {
	index    int32
	of       *offer.SavingsPlan
	payers   []int32  // by hour: who has its account
	from, to int      // hours in which it holds
	whole    *big.Int // the commitment of an hour, in units of 10^-36
	left     big.Int  // of the hour that is dealt: rate x usage has as many decimals
}

// offering is a plan and a cell that it may cover.
type offering struct {
	plan       *planDeal
	cell       *cell
	rank       int // of the cell, in the order of ties
	list, rate money.Rate
	saved      money.Rate // list - rate
}

func (d *dealing) planDeals(c *commitments) []*planDeal {
	var list []*planDeal
	for _, index := range c.plans {
		of := &d.plan.in.Offers.SavingsPlans[index]
		deal := &planDeal{index: index, of: of, payers: d.plan.payersOf(of.Account), whole: new(big.Int).Exp(big.NewInt(10), big.NewInt(26), nil)}
		deal.whole.Mul(deal.whole, integer(of.Commitment.Int128()))
		deal.from, deal.to = d.plan.activeHours(of.Start, of.End)
		if slices.Contains(deal.payers, d.payer) {
			list = append(list, deal)
		}
	}
	return list
}

// dealPlans deals one hour: instance plans to their own accounts and to others,
// then compute plans likewise.
func (d *dealing) dealPlans(hour int) error {
	if len(d.plans) == 0 {
		return nil
	}
	if d.changes[hour] {
		if err := d.findOfferings(hour); err != nil {
			return err
		}
	}
	for _, p := range d.plans {
		p.left.SetInt64(0)
		if hour >= p.from && hour < p.to && p.payers[hour] == d.payer {
			p.left.Set(p.whole)
		}
	}
	for _, round := range d.rounds {
		for i := range round {
			if err := d.consume(&round[i], hour); err != nil {
				return fmt.Errorf("savings plan %s: %w", round[i].plan.of.ID, err)
			}
		}
	}
	return nil
}

// consume covers what is left of a cell with what is left of a plan's hour.
func (d *dealing) consume(o *offering, hour int) error {
	units := o.cell.left[hour]
	if o.plan.left.Sign() <= 0 || money.Sign(units) <= 0 {
		return nil
	}
	rate, most, tens := integer(o.rate.Int128()), new(big.Int), big.NewInt(1e8)
	most.Quo(&o.plan.left, rate).Quo(most, tens).Mul(most, tens) // cut from 18 decimals to 10
	if most.Cmp(integer(units.Int128())) < 0 {
		units = money.Usage(int128(most))
	}
	o.plan.left.Sub(&o.plan.left, rate.Mul(rate, integer(units.Int128())))
	return d.cover(o.cell, hour, commitment(^o.plan.index), units, o.list)
}

// findOfferings lists what each plan may cover at the prices of an hour, round
// by round, the highest saving first.
func (d *dealing) findOfferings(hour int) error {
	d.rounds = [4][]offering{}
	for _, p := range d.plans {
		shared := d.plan.sharing(d.payer, p.of.Account).SavingsPlans
		round := 0
		if p.of.Type != offer.InstancePlan {
			round = 2
		}
		for rank, c := range d.cells {
			own := c.account == p.of.Account
			if !own && !(shared && d.plan.sharing(d.payer, c.account).SavingsPlans) {
				continue
			}
			o, ok, err := d.offer(p, c, rank, hour)
			if err != nil {
				return err
			}
			if ok && own {
				d.rounds[round] = append(d.rounds[round], o)
			} else if ok {
				d.rounds[round+1] = append(d.rounds[round+1], o)
			}
		}
	}
	for _, round := range d.rounds {
		slices.SortFunc(round, compareOfferings)
	}
	return nil
}

// offer pairs a plan with a cell at the prices of an hour, if it covers it.
func (d *dealing) offer(p *planDeal, c *cell, rank, hour int) (offering, bool, error) {
	sku := &d.plan.in.Catalog.SKUs[c.sku]
	version, ok := sku.At(d.plan.in.priceTime(d.plan.first + schema.Hour(hour)))
	if !ok {
		return offering{}, false, nil
	}
	list := dearest(&sku.Versions[version]).Rate
	rate, ok := p.of.RateFor(sku, list)
	saved, err := money.Sub(list, rate)
	return offering{plan: p, cell: c, rank: rank, list: list, rate: rate, saved: saved}, ok, err
}

// compareOfferings orders by the share of the list rate that is saved, highest
// first, then by rate, lowest first, then by cell and by plan.
func compareOfferings(a, b offering) int {
	return cmp.Or(money.CmpProducts(b.saved.Int128(), a.list.Int128(), a.saved.Int128(), b.list.Int128()),
		money.Cmp(a.rate, b.rate), cmp.Compare(a.rank, b.rank), strings.Compare(a.plan.of.ID, b.plan.of.ID))
}

// PlanUse is a savings plan and the hours in which a payer has it.
type PlanUse struct {
	Index int32         // in Offers.SavingsPlans
	Hours []schema.Hour // ascending, in the month
}

// SavingsPlans returns the plans that belong to a payer in some hour of the
// month, in the order of the offers. A plan is the payer's that has its account
// when the hour begins.
func (p *Plan) SavingsPlans(payer int32) []PlanUse {
	var list []PlanUse
	for i := range p.in.Offers.SavingsPlans {
		of := &p.in.Offers.SavingsPlans[i]
		from, to := p.activeHours(of.Start, of.End)
		if from >= to {
			continue
		}
		use := PlanUse{Index: int32(i)}
		for hour := from; hour < to; hour++ {
			if bearer, ok := p.bearer(of.Account, p.instant(hour)); ok && bearer == payer {
				use.Hours = append(use.Hours, p.first+schema.Hour(hour))
			}
		}
		if len(use.Hours) > 0 {
			list = append(list, use)
		}
	}
	return list
}
