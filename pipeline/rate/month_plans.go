package rate

import (
	"fmt"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

const (
	planService   = "ComputeSavingsPlans"
	hoursUnit     = "Hrs"
	planStampForm = "2006-01-02T15:04:05.000Z"
)

// coverKey is what one negation stands for.
type coverKey struct {
	plan string
	head batch.Head
	place
	hour schema.Hour
}

// planHour names an hour of a plan.
type planHour struct {
	plan string
	hour schema.Hour
}

// planFees are the fees of step 2: what was committed in each hour, and once
// what is paid up front.
func (m *Month) planFees() ([]Item, error) {
	used, err := m.usedCommitment()
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, use := range m.plan.SavingsPlans(m.payer) {
		p := &m.in.Offers.SavingsPlans[use.Index]
		for _, h := range use.Hours {
			it, err := planRecurring(p, h, used[planHour{p.ID, h}])
			if err != nil {
				return nil, fmt.Errorf("savings plan %s: %w", p.ID, err)
			}
			items = append(items, it)
		}
	}
	upfront, err := m.planUpfronts()
	return append(items, upfront...), err
}

// usedCommitment sums what covered lines consume of each hour.
func (m *Month) usedCommitment() (map[planHour]money.Cost, error) {
	used := map[planHour]money.Cost{}
	for key, c := range m.covered {
		at := planHour{key.plan, key.hour}
		sum, err := money.Add(used[at], c.effective)
		if err != nil {
			return nil, fmt.Errorf("account %s, service %s: what savings plan %s pays: %w", key.head.Account, key.head.Service, key.plan, err)
		}
		used[at] = sum
	}
	return used, nil
}

func planRecurring(p *offer.SavingsPlan, h schema.Hour, used money.Cost) (Item, error) {
	recurring := p.Recurring()
	it := planItem(schema.LineItemSavingsPlanRecurringFee, p, h)
	it.Terms.Commitment.AmortizedFee, it.Terms.Commitment.Recurring = p.AmortizedPerHour(), recurring
	rate, err := money.Ratio(recurring, oneUnit())
	if err != nil {
		return it, err
	}
	it.Price.Rated, it.Price.Rate, it.Price.BlendedRate = true, rate, rate
	unused, err := money.Sub(p.Commitment, used)
	it.costs(recurring, unused)
	return it, err
}

func (m *Month) planUpfronts() ([]Item, error) {
	var items []Item
	for i := range m.in.Offers.SavingsPlans {
		p := &m.in.Offers.SavingsPlans[i]
		if !m.inPeriod(p.Start) || !m.bears(p.Account, p.Start) {
			continue
		}
		price, err := p.UpfrontPayment()
		if err != nil {
			return nil, err
		}
		if money.Sign(price) == 0 {
			continue
		}
		it := planItem(schema.LineItemSavingsPlanUpfrontFee, p, schema.HourOf(p.Start.UnixNano()))
		it.Terms.Commitment.Upfront = price
		it.costs(price, money.Cost{})
		items = append(items, it)
	}
	return items, nil
}

// planItem is a fee row of a plan, of its owner.
func planItem(kind string, p *offer.SavingsPlan, h schema.Hour) Item {
	head := batch.Head{Account: p.Account, Service: planService, UsageType: p.UsageType()}
	what := "Compute Savings Plan"
	if p.Type == offer.InstancePlan {
		what = "EC2 Instance Savings Plan for " + p.Family + " in " + p.Region
	}
	it := newItem(kind, head, h, fmt.Sprintf("%d year %s %s", p.Years, p.Payment, what))
	it.Resource, it.Tail.Region, it.Tail.Unit, it.Price.Unit = p.ID, p.Region, hoursUnit, hoursUnit
	it.Amount = oneUnit()
	it.Terms.Commitment = planCommitment(p)
	return it
}

// planCommitment is what every row of a plan shows of it.
func planCommitment(p *offer.SavingsPlan) batch.Commitment {
	return batch.Commitment{Kind: batch.SavingsPlan, ID: p.ID, Lease: fmt.Sprintf("%dyr", p.Years), Payment: string(p.Payment),
		Region: p.Region, Family: p.Family, Offering: p.Type, Start: stamp(p.Start), End: stamp(p.End.Add(-time.Second))}
}

func stamp(at time.Time) string { return at.UTC().Format(planStampForm) }

// negations take the on-demand cost of covered lines back out.
func (m *Month) negations() ([]Item, error) {
	terms := map[string]batch.Commitment{}
	for i := range m.in.Offers.SavingsPlans {
		p := &m.in.Offers.SavingsPlans[i]
		terms[p.ID] = planCommitment(p)
	}
	var items []Item
	for key, c := range m.covered {
		it := newItem(schema.LineItemSavingsPlanNegation, key.head, key.hour, "Covered by savings plan "+key.plan)
		it.Tail.Region, it.Tail.Zone, it.Tail.Unit = key.region, key.zone, key.unit
		it.Price.Unit, it.Amount = key.unit, c.amount
		it.Terms.Commitment = terms[key.plan]
		it.Unblended, it.Blended = money.Neg(c.unblended), money.Neg(c.blended)
		it.Net = it.Unblended
		items = append(items, it)
	}
	return items, nil
}
