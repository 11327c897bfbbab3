package rate

import (
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// discountSegments are cut where a discount begins or ends.
func (p *Plan) discountSegments() segments {
	var dates []schema.Date
	for i := range p.in.Offers.Discounts {
		dates = append(dates, p.in.Offers.Discounts[i].From, p.in.Offers.Discounts[i].Until)
	}
	return p.segmentsAt(dates)
}

// discountCodes is what lines share to which the same discounts apply.
type discountCodes struct {
	head, tail, price uint32
	segment           int
}

// discounting is what lowers the net cost of such lines.
type discounting struct {
	list []batch.Discount
	term uint32
}

// discount lowers the net cost of a line of usage that has a rate and a cost.
func (r *Rater) discount(row *batch.Row, rate money.Rate, sku int32) error {
	if money.Sign(rate) <= 0 || money.Sign(row.Unblended) <= 0 {
		return nil
	}
	hour := row.Key.Hour()
	key := discountCodes{row.Key.Head(), row.Key.Tail(), row.Price, r.plan.discounts.of(hour)}
	d, known := r.cuts[key]
	if !known {
		d.list = r.applied(key, rate, sku, time.Unix(r.plan.in.priceTime(hour), 0))
		d.term = r.out.Terms.Code(batch.Terms{Discounts: batch.EncodeDiscounts(d.list)})
		r.cuts[key] = d
	}
	if len(d.list) == 0 {
		return nil
	}
	amounts, err := batch.DiscountAmounts(d.list, row.Unblended, row.Amount)
	if err != nil {
		return err
	}
	row.Term, row.Net, row.Effective = d.term, row.Unblended, row.Unblended
	for _, off := range amounts {
		if row.Net, err = money.Sub(row.Net, off); err != nil {
			return err
		}
	}
	return nil
}

// applied lists the discounts of lines at a rate, in file order.
func (r *Rater) applied(key discountCodes, rate money.Rate, sku int32, at time.Time) []batch.Discount {
	tail := r.out.Dims.Tails.Value(key.tail)
	if tail.LineItemType != schema.LineItemUsage {
		return nil
	}
	tags := map[string]string{}
	for _, t := range schema.DecodeTags(tail.Tags) {
		tags[t.Key] = t.Value
	}
	value := func(tag string) (string, bool) { v, ok := tags[tag]; return v, ok }
	payer, account := r.plan.in.Organization.Payers[r.payer].AccountID, r.out.Dims.Heads.Value(key.head).Account
	var list []batch.Discount
	for i := range r.plan.in.Offers.Discounts {
		d := &r.plan.in.Offers.Discounts[i]
		if !d.HoldsAt(at, r.plan.zone) || !d.Picks(payer, account, &r.plan.in.Catalog.SKUs[sku], value) {
			continue
		}
		a := batch.Discount{ID: d.ID, Type: d.Type, Factor: d.Factor}
		if d.Private {
			per, err := money.Sub(rate, d.Rate)
			if err != nil || money.Sign(per) <= 0 {
				continue
			}
			a.Factor, a.PerUnit = money.Rate{}, per
		}
		if a.Factor != (money.Rate{}) || a.PerUnit != (money.Rate{}) {
			list = append(list, a)
		}
	}
	return list
}
