package offer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// FeeUsageType returns the usage type of the fee lines of a reservation of a
// usage type.
func FeeUsageType(usageType string) string {
	if strings.Contains(usageType, "BoxUsage") {
		return strings.Replace(usageType, "BoxUsage", "HeavyUsage", 1)
	}
	return "HeavyUsage:" + usageType
}

// Covers tells whether the reservation covers usage of these fields; zone is
// the availability zone. Who owns and shares it and when it runs is not asked.
func (r *Reservation) Covers(service, usageType, operation, region, zone string) bool {
	return r.Select.ServiceCode == service && (r.Zone == "" || r.Zone == zone) &&
		(r.Select.Operation == "" || r.Select.Operation == operation) &&
		(r.Select.Region == "" || r.Select.Region == region) && r.coversType(usageType)
}

func (r *Reservation) coversType(usageType string) bool {
	if r.Select.UsageType == usageType {
		return true
	}
	if !r.SizeFlexible {
		return false
	}
	ours, _, ok := schema.InstanceSize(r.Select.UsageType)
	theirs, _, both := schema.InstanceSize(usageType)
	return ok && both && ours == theirs
}

// The kinds of savings plan, as CUR spells them.
const (
	ComputePlan  = "ComputeSavingsPlans"
	InstancePlan = "EC2InstanceSavingsPlans"
)

// RateFor returns what the plan charges for a unit of a SKU whose on-demand rate
// is listRate. It is false where the plan does not cover the SKU: no rate picks
// it, it is not of an instance plan's family and region, or the plan's rate is
// zero or not below the on-demand rate.
func (p *SavingsPlan) RateFor(sku *price.SKU, listRate money.Rate) (rate money.Rate, ok bool) {
	if !p.inFamily(sku) {
		return money.Rate{}, false
	}
	i := slices.IndexFunc(p.Rates, func(r PlanRate) bool { return r.Select.Matches(sku) })
	if i < 0 {
		return money.Rate{}, false
	}
	rate = p.Rates[i].Rate
	if rate == (money.Rate{}) {
		if rate, ok = discounted(listRate, p.Rates[i].Factor); !ok {
			return money.Rate{}, false
		}
	}
	return rate, money.Sign(rate) > 0 && money.Cmp(rate, listRate) < 0
}

// inFamily tells whether an instance plan is for a SKU; every other plan is.
func (p *SavingsPlan) inFamily(sku *price.SKU) bool {
	if p.Type != InstancePlan {
		return true
	}
	fits := func(k price.Key) bool {
		family, ok := schema.InstanceFamily(k.UsageType)
		return ok && family == p.Family && k.Region == p.Region
	}
	return fits(sku.Key()) || slices.ContainsFunc(sku.More, fits)
}

// discounted returns list x (1 - factor), rounded half away from zero to 10
// decimals.
func discounted(list, factor money.Rate) (money.Rate, bool) {
	left, err := money.Sub(money.RateFromInt(1), factor)
	if err != nil {
		return money.Rate{}, false
	}
	cost, err := money.Product(list, money.Usage(left), money.HalfAwayFromZero)
	if err != nil {
		return money.Rate{}, false
	}
	rate, err := money.MulInt(money.Rate(cost), costToRate)
	return rate, err == nil
}

// costToRate turns the word of a cost into that of a rate.
const costToRate = 1e8

// planScale is how many decimals the amounts of a plan have.
const planScale = 8

// hoursPerYear are the hours of a year of a term.
const hoursPerYear = 365 * 24

// UpfrontShare returns the share of the commitment that is paid when the plan is
// bought: 0, 0.5 or 1.
func (p *SavingsPlan) UpfrontShare() money.Rate {
	switch p.Payment {
	case AllUpfront:
		return money.RateFromInt(1)
	case PartialUpfront:
		return money.Rate(money.Int128FromInt(5e17))
	}
	return money.Rate{}
}

// Recurring returns the part of the commitment that is charged hour by hour,
// rounded half away from zero to 8 decimals.
func (p *SavingsPlan) Recurring() money.Cost {
	rest, err := money.Sub(money.RateFromInt(1), p.UpfrontShare())
	var c money.Cost
	if err == nil {
		c, err = p.Commitment.Times(rest, planScale, money.HalfAwayFromZero)
	}
	if err != nil { // a share of an amount with 8 decimals is not longer than it
		panic(fmt.Sprintf("offer: commitment %s of plan %s was not checked: %v", p.Commitment, p.ID, err))
	}
	return c
}

// AmortizedPerHour returns the part of the commitment that was paid up front.
func (p *SavingsPlan) AmortizedPerHour() money.Cost {
	c, err := money.Sub(p.Commitment, p.Recurring())
	if err != nil {
		panic(fmt.Sprintf("offer: commitment %s of plan %s was not checked: %v", p.Commitment, p.ID, err))
	}
	return c
}

// UpfrontPayment returns what is paid when the plan is bought, or
// money.ErrOverflow.
func (p *SavingsPlan) UpfrontPayment() (money.Cost, error) {
	c, err := money.MulInt(p.AmortizedPerHour(), int64(p.Years)*hoursPerYear)
	if err != nil {
		return c, fmt.Errorf("up-front payment of plan %s: %w", p.ID, err)
	}
	return c, nil
}

// UsageType returns the usage type of the plan's lines, such as
// ComputeSP:1yrNoUpfront or EC2SP:m5.3yrAllUpfront.
func (p *SavingsPlan) UsageType() string {
	kind := "ComputeSP:"
	if p.Type == InstancePlan {
		kind = "EC2SP:" + p.Family + "."
	}
	return fmt.Sprintf("%s%dyr%s", kind, p.Years, strings.ReplaceAll(string(p.Payment), " ", ""))
}
