package rate

import (
	"errors"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// filling is how far a payer's lines have filled what covers their cell.
type filling struct {
	*cell
	next  []int32       // by hour: the first segment with room
	taken []money.Usage // by segment: what lines have taken of it
}

func newFilling(c *cell) *filling {
	return &filling{cell: c, next: append([]int32(nil), c.from[:len(c.from)-1]...), taken: make([]money.Usage, len(c.segments))}
}

// coveredKey is what covered parts of lines share.
type coveredKey struct {
	by      commitment
	sku     int32
	version int
	tail    uint32
}

// coveredPrice is what makes the figures of a covered part.
type coveredPrice struct {
	tail, price, term uint32
	list, blended     money.Rate
	rate              money.Rate // of a plan
	plan              bool
	use               *ReservationUse // of a reservation
	factor            int64           // quarters of it that a unit takes
	upfront, whole    money.Cost      // part of a plan's hour that was paid up front, and the hour
}

var errNoTail = errors.New("has no entry for its covered part: it was not counted before the plan was made")

// covered appends the parts of a line that commitments cover and returns what
// they leave. Done tells that there is nothing more to charge. A line of nothing
// fills nothing, unless its coverage is given.
func (r *Rater) covered(k batch.Key, sku int32, version int, amount money.Usage) (rest money.Usage, done bool, err error) {
	f := r.filling(k, sku)
	if f == nil {
		return amount, false, nil
	}
	if f.given >= 0 {
		return money.Usage{}, true, r.appendCovered(k, coveredKey{commitment(f.given), sku, version, k.Tail()}, amount)
	}
	if money.Sign(amount) == 0 {
		return amount, false, nil
	}
	hour := int(k.Hour() - r.plan.first)
	for f.next[hour] < f.from[hour+1] && money.Sign(amount) > 0 {
		n := f.next[hour]
		part, full, err := f.take(n, amount)
		if err == nil {
			amount, err = money.Sub(amount, part)
		}
		if err == nil {
			err = r.appendCovered(k, coveredKey{f.segments[n].by, sku, version, k.Tail()}, part)
		}
		if err != nil {
			return amount, false, err
		}
		if full {
			f.next[hour]++
		}
	}
	return amount, money.Sign(amount) == 0, nil
}

// take fills a segment with an amount, as far as it has room.
func (f *filling) take(n int32, amount money.Usage) (part money.Usage, full bool, err error) {
	room, err := money.Sub(f.segments[n].units, f.taken[n])
	if err != nil {
		return part, false, err
	}
	part = money.Min(room, amount)
	f.taken[n], err = money.Add(f.taken[n], part)
	return part, part == room, err
}

// filling finds the cell of a line, nil if it has none.
func (r *Rater) filling(k batch.Key, sku int32) *filling {
	pair := uint64(k.Head())<<32 | uint64(k.Tail())
	f, known := r.cells[pair]
	if known {
		return f
	}
	key, ok := r.plan.commitments.cellOf(r.payer, sku, r.out.Dims.Heads.Value(k.Head()), r.out.Dims.Tails.Value(k.Tail()))
	if c := r.plan.cells[key]; ok && c != nil {
		if f = r.fills[key]; f == nil {
			f = newFilling(c)
			r.fills[key] = f
		}
	}
	r.cells[pair] = f
	return f
}

func (r *Rater) appendCovered(k batch.Key, key coveredKey, amount money.Usage) error {
	p := r.terms[key]
	if p == nil {
		var err error
		if p, err = r.coveredPrice(key); err != nil {
			return err
		}
		r.terms[key] = p
	}
	row := batch.Row{Key: batch.LineKey(k.Head(), k.Resource(), k.Hour(), p.tail), Price: p.price, Term: p.term, Amount: amount}
	var err error
	if row.List, err = money.Product(p.list, amount, money.HalfAwayFromZero); err != nil {
		return err
	}
	if row.Blended, err = money.Product(p.blended, amount, money.HalfAwayFromZero); err != nil {
		return err
	}
	if p.plan {
		err = p.consumePlan(&row)
	} else {
		err = p.consumeReservation(&row)
	}
	r.out.Append(row)
	return err
}

// consumePlan shows the on-demand cost and hides the plan's in the effective one.
func (p *coveredPrice) consumePlan(row *batch.Row) error {
	row.Unblended, row.Net = row.List, row.List
	var err error
	if row.Effective, err = product8(p.rate, row.Amount); err != nil {
		return err
	}
	row.Upfront, err = money.Share(row.Effective, p.upfront.Int128(), p.whole.Int128(), 8, money.HalfAwayFromZero)
	return err
}

// product8 returns rate x amount, rounded once to 8 decimals.
func product8(rate money.Rate, amount money.Usage) (money.Cost, error) {
	// The words of both have 36 decimals together: of those of a cost with 8
	// decimals, 10^26 are one.
	one := money.CostFromInt(1e16).Int128()
	return money.Share(money.Cost(rate), amount.Int128(), one, 8, money.HalfAwayFromZero)
}

// consumeReservation shares the fees of the month.
func (p *coveredPrice) consumeReservation(row *batch.Row) error {
	quarters, err := money.MulInt(row.Amount, p.factor)
	if err != nil {
		return err
	}
	if row.Upfront, err = p.use.share(p.use.Amortized, quarters); err != nil {
		return err
	}
	recurring, err := p.use.share(p.use.Fee, quarters)
	if err != nil {
		return err
	}
	row.Effective, err = money.Add(row.Upfront, recurring)
	return err
}

// coveredPrice makes price and terms of what one commitment covers of a SKU.
func (r *Rater) coveredPrice(key coveredKey) (*coveredPrice, error) {
	sku := &r.plan.in.Catalog.SKUs[key.sku]
	v := &sku.Versions[key.version]
	c := &coveredPrice{list: dearest(v).Rate, blended: r.plan.skus[payerSKU{r.payer, key.sku}].blended}
	p := batch.Price{SKU: sku.ID, Unit: v.Unit, Rated: true, PublicRate: c.list, BlendedRate: c.blended, Effective: v.Effective, Attributes: sku.Attributes}
	terms, kind := batch.Terms{}, schema.LineItemDiscountedUsage
	if index, ok := key.by.plan(); ok {
		terms.Commitment, kind = c.underPlan(&p, &r.plan.in.Offers.SavingsPlans[index], sku, v), schema.LineItemSavingsPlanCoveredUsage
	} else {
		c.use = &r.plan.uses[key.by]
		terms.Commitment = c.underReservation(&p, &r.plan.in.Offers.Reservations[key.by], sku)
	}
	tail, ok := r.out.Dims.Tails.Find(coveredTail(r.out.Dims.Tails.Value(key.tail), kind))
	if !ok {
		return nil, errNoTail
	}
	c.tail, c.price, c.term = tail, r.out.Prices.Code(p), r.out.Terms.Code(terms)
	return c, nil
}

// underPlan shows the on-demand price.
func (c *coveredPrice) underPlan(p *batch.Price, of *offer.SavingsPlan, sku *price.SKU, v *price.Version) batch.Commitment {
	c.plan, c.upfront, c.whole = true, of.AmortizedPerHour(), of.Commitment
	c.rate, _ = of.RateFor(sku, c.list)
	p.RateCode, p.Term, p.Rate, p.Description = dearest(v).RateCode, v.Term, c.list, dearest(v).Description
	commitment := planCommitment(of)
	commitment.Rate = c.rate
	return commitment
}

func (c *coveredPrice) underReservation(p *batch.Price, of *offer.Reservation, sku *price.SKU) batch.Commitment {
	c.factor, _ = factorOf(of, sku.UsageType)
	p.RateCode, p.Term, p.Description = sku.ID+".RESERVED", "Reserved", of.Description
	if p.Description == "" {
		p.Description = sku.UsageType + " reservation applied"
	}
	return reservationCommitment(of)
}
