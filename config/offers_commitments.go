package config

import (
	"github.com/monthend/monthend/schema/offer"
)

// payments are the ways of payment as files spell them.
var payments = map[string]offer.Payment{
	"no_upfront": offer.NoUpfront, "partial_upfront": offer.PartialUpfront, "all_upfront": offer.AllUpfront,
}

// plans are the kinds of savings plan as files spell them.
var plans = map[string]string{"compute": offer.ComputePlan, "instance": offer.InstancePlan}

func (r *reader) payment(p *offer.Payment) take {
	return word(r, p, payments, "no_upfront", "partial_upfront", "all_upfront")
}

func (r *reader) reservation(v *offer.Reservation) take {
	return r.block(keys{
		"id":                r.text(&v.ID),
		"subscription_id":   r.text(&v.Subscription),
		"account_id":        r.text(&v.Account),
		"select":            r.selector(&v.Select, "service_code", "usage_type"),
		"availability_zone": r.text(&v.Zone),
		"size_flexible":     r.boolean(&v.SizeFlexible),
		"count":             r.count(&v.Count),
		"start":             r.instant(&v.Start),
		"end":               r.instant(&v.End),
		"years":             r.integer(&v.Years, 1, 3),
		"offering_class":    r.oneOf(&v.Class, "standard", "convertible"),
		"payment":           r.payment(&v.Payment),
		"upfront":           r.money(&v.Upfront),
		"hourly":            r.rate(&v.Hourly),
		"coverage_given":    r.boolean(&v.Given),
		"description":       r.text(&v.Description),
	}, "id", "account_id", "select", "count", "start", "end", "years", "payment")
}

func (r *reader) savingsPlan(p *offer.SavingsPlan) take {
	return r.block(keys{
		"id":              r.text(&p.ID),
		"account_id":      r.text(&p.Account),
		"type":            word(r, &p.Type, plans, "compute", "instance"),
		"region_code":     r.text(&p.Region),
		"instance_family": r.text(&p.Family),
		"commitment":      r.money(&p.Commitment),
		"payment":         r.payment(&p.Payment),
		"start":           r.instant(&p.Start),
		"end":             r.instant(&p.End),
		"years":           r.integer(&p.Years, 1, 3),
		"rates":           listOfAll(r, &p.Rates, r.planRate),
	}, "id", "account_id", "type", "commitment", "payment", "start", "end", "years", "rates")
}

func (r *reader) planRate(v *offer.PlanRate) take {
	return r.block(keys{
		"select":  r.anySelector(&v.Select),
		"rate":    r.rate(&v.Rate),
		"percent": r.percent(&v.Factor),
	}, "select")
}
