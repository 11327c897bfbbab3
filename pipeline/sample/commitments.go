package sample

import (
	"bufio"
	"fmt"
	"math/rand/v2"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// The sizes of the family that is reserved, in quarters of a small one.
const (
	microQuarters  = 2
	mediumQuarters = 8
)

const hoursPerYear = 365 * 24

// reservation is what the first payer has bought of the t3 family.
type reservation struct {
	sku     *sku
	count   int64
	upfront money.Cost // for all of count
	hourly  money.Cost // of one
}

// writeCommitments writes the reservation of the first payer, and a savings plan
// each for it and for the payers in KRW.
func (w *world) writeCommitments(b *bufio.Writer, rng *rand.Rand) error {
	hours := w.machineHours(0)
	r, err := w.reserve(hours)
	if err != nil {
		return err
	}
	w.writeReservation(b, rng, r)
	for s := range hours {
		if quarters(s) > 0 && s.place == r.sku.place {
			delete(hours, s) // what is reserved needs no plan
		}
	}
	b.WriteString("\nsavings_plans:\n")
	for i := range w.payers {
		p := &w.payers[i]
		if p.won {
			hours = w.machineHours(i)
		} else if i > 0 {
			continue
		}
		commitment, err := commitment(p, hours)
		if err != nil {
			return err
		}
		w.writePlan(b, rng, p, commitment)
	}
	return nil
}

// machineHours counts the hours that a payer's machines run, by SKU.
func (w *world) machineHours(payer int) map[*sku]int64 {
	hours := map[*sku]int64{}
	for i := range w.meters {
		m := &w.meters[i]
		if m.account.payer == &w.payers[payer] && m.sku.product.os != "" {
			hours[m.sku] += int64(m.count())
		}
	}
	return hours
}

// quarters is the size of a machine of the reserved family in quarters of a
// small one; 0 for others.
func quarters(s *sku) int64 {
	switch s.product.instance {
	case "t3.micro":
		return microQuarters
	case "t3.medium":
		return mediumQuarters
	}
	return 0
}

// reserve buys two thirds of the t3 that runs on the mean over the month, in the
// region where most runs, and one micro if that is nothing. Of the on-demand
// rate three tenths are paid up front for a year, and three hour by hour.
func (w *world) reserve(hours map[*sku]int64) (reservation, error) {
	place, run := &regions[0], map[*region]int64{}
	for s, n := range hours {
		run[s.place] += n * quarters(s)
	}
	for i := range regions {
		if run[&regions[i]] > run[place] {
			place = &regions[i]
		}
	}
	wanted := run[place] * 2 / 3 / w.payers[0].monthHours()
	size, count := "micro", max(1, wanted/microQuarters)
	if wanted >= mediumQuarters {
		size, count = "medium", wanted/mediumQuarters
	}
	r := reservation{sku: w.catalog.find("AmazonEC2/BoxUsage:t3."+size, place), count: count}
	rate, err := r.sku.onDemand()
	if err != nil {
		return r, err
	}
	year, err := money.MulInt(rate, hoursPerYear*count)
	if err != nil {
		return r, err
	}
	if r.upfront, err = shareOf(year, 3, 10, 0); err != nil {
		return r, err
	}
	r.hourly, err = shareOf(rate, 3, 10, 5)
	return r, err
}

// commitment returns what a payer commits to per hour: three fifths of what
// these machine hours cost at plan rates, on the mean over the month.
func commitment(p *payer, hours map[*sku]int64) (money.Cost, error) {
	var sum money.Cost
	for s, n := range hours { // exact sums, so that the order is nothing
		rate, err := s.onDemand()
		if err != nil {
			return sum, err
		}
		cost, err := money.MulInt(rate, n)
		if err != nil {
			return sum, err
		}
		if sum, err = money.Add(sum, cost); err != nil {
			return sum, err
		}
	}
	places, least := 2, "0.01" // a plan that nobody needs is small
	if p.won {
		places, least = 0, "10"
	}
	mean, err := shareOf(sum, 60*(100-machinesOff), 100*100*p.monthHours(), places)
	if err != nil {
		return mean, err
	}
	floor, err := money.ParseCost(least)
	return money.Max(mean, floor), err
}

// machinesOff is the percentage that a savings plan takes off machines.
const machinesOff = 27

// onDemand returns the rate of the first tier at the start of the month.
func (s *sku) onDemand() (money.Cost, error) { return money.ParseCost(s.listRates()[0]) }

// shareOf returns num / den of an amount, rounded to so many decimals.
func shareOf(total money.Cost, num, den int64, places int) (money.Cost, error) {
	return money.Share(total, money.Int128FromInt(num), money.Int128FromInt(den), places, money.HalfAwayFromZero)
}

// writeReservation lets it begin in the month, so that the bill has the up-front
// fee. Its owner is the busiest account; the others share.
func (w *world) writeReservation(b *bufio.Writer, rng *rand.Rand, r reservation) {
	owner, start := w.payers[0].accounts[1].id, w.period.Start.AddDate(0, 0, 1+rng.IntN(8))
	fmt.Fprintf(b, "\nreservations:\n  - id: arn:aws:ec2:%s:%s:reserved-instances/%016x\n    account_id: %q\n    select:\n",
		r.sku.region, owner, rng.Uint64(), owner)
	fmt.Fprintf(b, "      {service_code: AmazonEC2, usage_type: %q, region_code: %s}\n", r.sku.usageType, r.sku.region)
	fmt.Fprintf(b, "    size_flexible: true\n    count: %d\n    start: %s\n    end: %s\n    years: 1\n    payment: partial_upfront\n",
		r.count, schema.DateOf(start).String()+midnight, schema.DateOf(start.AddDate(1, 0, 0)).String()+midnight)
	fmt.Fprintf(b, "    upfront: %s\n    hourly: %s\n    offering_class: standard\n    description: Small machines\n", r.upfront, r.hourly)
}

const midnight = "T00:00:00Z"

// writePlan writes a compute savings plan that began some months ago.
func (w *world) writePlan(b *bufio.Writer, rng *rand.Rand, p *payer, commitment money.Cost) {
	start := w.period.Start.AddDate(0, -1-rng.IntN(9), 0)
	fmt.Fprintf(b, "  - id: arn:aws:savingsplans::%s:savingsplan/%016x\n    account_id: %q\n    type: compute\n    commitment: %s\n    payment: no_upfront\n",
		p.id(), rng.Uint64(), p.id(), commitment)
	fmt.Fprintf(b, "    start: %s\n    end: %s\n    years: 1\n    rates:\n",
		schema.DateOf(start).String()+midnight, schema.DateOf(start.AddDate(1, 0, 0)).String()+midnight)
	fmt.Fprintf(b, "      - {select: {service_code: AmazonEC2, usage_type: \"*BoxUsage:*\"}, percent: %d}\n", machinesOff)
	b.WriteString("      - {select: {service_code: AWSLambda, usage_type: \"*Lambda-GB-Second\"}, percent: 12}\n")
}
