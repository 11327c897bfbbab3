package offer

import (
	"fmt"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// maxCount bounds the units of a reservation, so that its units of a month fit.
const maxCount = 10_000_000

func (k *check) reservation(path string, r *Reservation) {
	k.account(path+".account_id", r.Account)
	k.reserved(path, r)
	if r.Count < 1 || r.Count > maxCount {
		k.fault(path+".count", fmt.Sprint(r.Count), fmt.Sprintf("is not a number of units from 1 to %d", maxCount), "give the units that are reserved in every hour")
	}
	k.term(path, r.Start, r.End, r.Years, time.Second, "second")
	if r.Class != "" && r.Class != "standard" && r.Class != "convertible" {
		k.fault(path+".offering_class", r.Class, "is not known", "write standard or convertible")
	}
	k.payment(path, r.Payment)
	k.natural(path+".upfront", r.Upfront, money.CostScale)
	if money.Sign(r.Hourly) < 0 {
		k.fault(path+".hourly", r.Hourly.String(), "is negative", "give a positive amount, or take it away")
	}
	if r.Payment == NoUpfront && r.Upfront != (money.Cost{}) {
		k.fault(path+".upfront", r.Upfront.String(), "stands beside No Upfront", "take it away, or change payment")
	}
	if r.Payment == AllUpfront && r.Hourly != (money.Rate{}) {
		k.fault(path+".hourly", r.Hourly.String(), "stands beside All Upfront", "take it away, or change payment")
	}
}

// reserved checks what a reservation covers.
func (k *check) reserved(path string, r *Reservation) {
	for _, f := range []struct {
		key, value string
		needed     bool
	}{
		{"service_code", r.Select.ServiceCode, true}, {"usage_type", r.Select.UsageType, true},
		{"operation", r.Select.Operation, false}, {"region_code", r.Select.Region, false},
	} {
		if f.needed {
			k.needed(path+".select."+f.key, f.value)
		}
		k.noStar(path+".select."+f.key, f.value)
	}
	k.noStar(path+".availability_zone", r.Zone)
	if !r.SizeFlexible {
		return
	}
	if r.Zone != "" {
		k.fault(path+".size_flexible", "true", "stands beside an availability zone", "a reservation is zonal or size flexible, not both")
	}
	if _, _, ok := schema.InstanceSize(r.Select.UsageType); !ok && r.Select.UsageType != "" {
		k.fault(path+".size_flexible", "true", fmt.Sprintf("needs a usage type that ends in a size, and %s does not", r.Select.UsageType), "write one such as BoxUsage:t2.micro, or take size_flexible away")
	}
}

// term checks the stretch of a commitment; its ends are multiples of unit.
func (k *check) term(path string, start, end time.Time, years int, unit time.Duration, word string) {
	whole := true
	for _, t := range []struct {
		key string
		at  time.Time
	}{{"start", start}, {"end", end}} {
		switch {
		case t.at.IsZero():
			k.fault(path+"."+t.key, "", "is missing", "write an instant such as 2026-01-01T00:00:00Z")
			whole = false
		case !t.at.Equal(t.at.Truncate(unit)):
			k.fault(path+"."+t.key, t.at.Format(time.RFC3339Nano), "is not on the "+word, "a commitment begins and ends on a whole "+word)
		}
	}
	if whole && !start.Before(end) {
		k.fault(path+".end", end.Format(time.RFC3339), "is not after start", "end is the first "+word+" no longer")
	}
	switch {
	case years != 1 && years != 3:
		k.fault(path+".years", fmt.Sprint(years), "is not the length of a term", "write 1 or 3")
	case whole && end.After(start.AddDate(years, 0, 1)):
		k.fault(path+".end", end.Format(time.RFC3339), "is later than start and years allow", "a commitment ends with its term; list the next one beside it")
	}
}

func (k *check) payment(path string, p Payment) {
	if p != NoUpfront && p != PartialUpfront && p != AllUpfront {
		k.fault(path+".payment", string(p), "is not a way of payment", "write no_upfront, partial_upfront or all_upfront")
	}
}

func (k *check) plan(path string, p *SavingsPlan) {
	k.account(path+".account_id", p.Account)
	switch p.Type {
	case InstancePlan:
		k.needed(path+".region_code", p.Region)
		k.needed(path+".instance_family", p.Family)
		k.noStar(path+".region_code", p.Region)
		k.noStar(path+".instance_family", p.Family)
		if strings.ContainsAny(p.Family, ".:") {
			k.fault(path+".instance_family", p.Family, "is not a family of instances", "write what stands before the size, such as m5")
		}
	case ComputePlan:
		for _, f := range [][2]string{{"region_code", p.Region}, {"instance_family", p.Family}} {
			if f[1] != "" {
				k.fault(path+"."+f[0], f[1], "stands in a compute plan, which is for all", "take it away, or make it an instance plan")
			}
		}
	default:
		k.fault(path+".type", p.Type, "is not a kind of savings plan", "write compute or instance")
	}
	k.positive(path+".commitment", p.Commitment, planScale)
	k.payment(path, p.Payment)
	k.term(path, p.Start, p.End, p.Years, time.Hour, "hour")
	k.payable(path, p)
	if len(p.Rates) == 0 {
		k.fault(path+".rates", "", "is empty, so that the plan covers nothing", "list at least one rate")
	}
	for i := range p.Rates {
		k.planRate(fmt.Sprintf("%s.rates[%d]", path, i), &p.Rates[i])
	}
}

// payable checks that the up-front payment is an amount at all.
func (k *check) payable(path string, p *SavingsPlan) {
	if _, err := money.MulInt(p.Commitment, 3*hoursPerYear); err != nil {
		k.fault(path+".commitment", p.Commitment.String(), "is too large", "give the money per hour")
	}
}

func (k *check) planRate(path string, r *PlanRate) {
	k.selector(path+".select", r.Select)
	share, rate := r.Factor != (money.Rate{}), r.Rate != (money.Rate{})
	switch {
	case share && rate:
		k.fault(path+".rate", r.Rate.String(), "stands beside a percentage", "keep one of the two")
	case !share && !rate:
		k.fault(path+".factor", "", "is not above zero, and no rate is given", "give one of the two")
	case money.Sign(r.Rate) < 0:
		k.fault(path+".rate", r.Rate.String(), "is negative", "give what the plan charges for a unit")
	}
	if k.share(path+".factor", r.Factor); r.Factor == money.RateFromInt(1) {
		k.fault(path+".factor", r.Factor.String(), "is the whole, so that usage would cost nothing", "give a share below all of it")
	}
}
