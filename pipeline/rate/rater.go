package rate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Rater prices the lines of one payer, which come in the canonical order.
type Rater struct {
	plan   *Plan
	payer  int32
	places *Classifier
	out    *batch.Charges

	prices   memo[priceKey, *pricing]
	passed   map[uint32]uint32       // price codes of what was priced elsewhere, by tail
	crossing map[hourKey]money.Usage // count so far inside an hour that crosses a bound
	whole    map[hourKey]portion     // hours that lie on one side of every bound
	scratch  []portion

	cells map[uint64]*filling // by head and tail code; nil: in no cell
	fills map[cellKey]*filling
	terms map[coveredKey]*coveredPrice
	cuts  map[discountCodes]discounting
}

type priceKey struct{ sku, version, tier int32 }

// freeTier stands for the tier of free usage.
const freeTier = -1

// pricing is what of a price makes the figures of a line.
type pricing struct {
	code                  uint32
	rate, public, blended money.Rate
}

type hourKey struct {
	sku  int32
	hour schema.Hour
}

var errUnplaced = errors.New("has no price, though it was placed: the price list changed during the run; start it again")

// NewRater returns a rater that appends to out. Dims must be those of out,
// sorted.
func NewRater(plan *Plan, payer int32, out *batch.Charges) *Rater {
	return &Rater{
		plan: plan, payer: payer, places: NewClassifier(plan.in, out.Dims), out: out,
		prices: newMemo[priceKey, *pricing](), passed: map[uint32]uint32{}, crossing: map[hourKey]money.Usage{}, whole: map[hourKey]portion{},
		cells: map[uint64]*filling{}, fills: map[cellKey]*filling{}, terms: map[coveredKey]*coveredPrice{},
		cuts: map[discountCodes]discounting{},
	}
}

// Rate appends the charges of the lines to the output batch.
func (r *Rater) Rate(lines *batch.Lines) error {
	for i := range lines.Key {
		if err := r.line(lines.Key[i], lines.Amount[i], lines.Cost[i]); err != nil {
			return r.locate(lines.Key[i], err)
		}
	}
	return nil
}

func (r *Rater) locate(k batch.Key, err error) error {
	h := r.out.Dims.Heads.Value(k.Head())
	return fmt.Errorf("account %s, service %s, usage type %s, resource %q, hour %s: %w", h.Account, h.Service,
		h.UsageType, r.out.Dims.Resources.Value(k.Resource()), k.Hour().Time().Format("2006-01-02T15"), err)
}

func (r *Rater) line(k batch.Key, amount money.Usage, cost money.Cost) error {
	m := r.places.match(k.Head(), k.Tail())
	if m.sku < 0 {
		r.out.Append(batch.Row{Key: k, Price: r.priceElsewhere(k.Tail()), Amount: amount, Unblended: cost, Blended: cost})
		return nil
	}
	if m.verdict != Charge {
		return errUnplaced
	}
	sku := &r.plan.in.Catalog.SKUs[m.sku]
	version, ok := sku.At(r.plan.in.priceTime(k.Hour()))
	if !ok {
		return errUnplaced
	}
	if r.plan.commitments.covers(m.sku) {
		rest, done, err := r.covered(k, m.sku, version, amount)
		if err != nil || done {
			return err
		}
		amount = rest
	}
	parts, err := r.portions(m.sku, &sku.Versions[version], k.Hour(), amount)
	if err != nil {
		return err
	}
	for _, part := range parts {
		key := priceKey{m.sku, int32(version), part.tier}
		if part.free {
			key.tier = freeTier
		}
		if err := r.charge(k, key, part); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rater) charge(k batch.Key, key priceKey, part portion) error {
	p := r.priced(key)
	row := batch.Row{Key: k, Price: p.code, Amount: part.amount}
	var err error
	if row.Unblended, err = money.Product(p.rate, part.amount, money.HalfAwayFromZero); err != nil {
		return err
	}
	if part.lots > 0 {
		rate, lots := part.priced(&r.plan.in.Catalog.SKUs[key.sku].Versions[key.version])
		if row.Unblended, err = money.Product(rate, lots, money.HalfAwayFromZero); err != nil {
			return err
		}
	}
	row.List, row.Blended = row.Unblended, row.Unblended
	if p.public != p.rate {
		if row.List, err = money.Product(p.public, part.amount, money.HalfAwayFromZero); err != nil {
			return err
		}
	}
	if p.blended != p.rate || part.lots > 0 {
		if row.Blended, err = money.Product(p.blended, part.amount, money.HalfAwayFromZero); err != nil {
			return err
		}
	}
	if len(r.plan.in.Offers.Discounts) > 0 {
		if err := r.discount(&row, p.rate, key.sku); err != nil {
			return err
		}
	}
	r.out.Append(row)
	return nil
}

// portions finds the part of the month's count that a line stands in.
func (r *Rater) portions(sku int32, v *price.Version, hour schema.Hour, amount money.Usage) ([]portion, error) {
	plan := r.plan.skus[payerSKU{r.payer, sku}]
	if plan == nil {
		r.scratch = append(r.scratch[:0], portion{amount: amount})
		return r.scratch, nil
	}
	key := hourKey{sku, hour}
	if whole, ok := r.whole[key]; ok {
		whole.amount = amount
		r.scratch = append(r.scratch[:0], whole)
		return r.scratch, nil
	}
	count, crossing := r.crossing[key]
	if !crossing {
		i := hour - r.plan.first
		count = plan.before[i]
		total, err := money.Sub(plan.before[i+1], count)
		if err != nil {
			return nil, err
		}
		if r.scratch, err = plan.portions(r.scratch[:0], v, count, total); err != nil {
			return nil, err
		}
		if len(r.scratch) == 1 && r.scratch[0].lots == 0 {
			r.whole[key] = r.scratch[0]
			r.scratch[0].amount = amount
			return r.scratch, nil
		}
	}
	after, err := money.Add(count, amount)
	if err != nil {
		return nil, err
	}
	r.crossing[key] = after
	r.scratch, err = plan.portions(r.scratch[:0], v, count, amount)
	return r.scratch, err
}

func (r *Rater) priced(key priceKey) *pricing {
	p, known := r.prices.find(key)
	if !known {
		value := r.price(key)
		p = &pricing{r.out.Prices.Code(value), value.Rate, value.PublicRate, value.BlendedRate}
		r.prices.add(key, p)
	}
	return p
}

func (r *Rater) price(key priceKey) batch.Price {
	sku := &r.plan.in.Catalog.SKUs[key.sku]
	v := &sku.Versions[key.version]
	tier := &v.Tiers[max(key.tier, 0)]
	p := batch.Price{
		SKU: sku.ID, RateCode: tier.RateCode, Term: v.Term, Description: tier.Description, Unit: v.Unit,
		Rated: true, Rate: tier.Rate, PublicRate: tier.Rate, BlendedRate: tier.Rate, Effective: v.Effective,
		Begin: tier.Begin.String(), End: "Inf", Attributes: sku.Attributes,
	}
	if !tier.Open {
		p.End = tier.End.String()
	}
	if plan := r.plan.skus[payerSKU{r.payer, key.sku}]; plan != nil {
		p.BlendedRate = plan.blended
		if key.tier == freeTier {
			free(&p, v, plan.pool)
		}
	}
	if inLots(v) { // no unit has a price
		p.Rated, p.Rate, p.PublicRate = false, money.Rate{}, money.Rate{}
	}
	return p
}

// free turns a price into that of free usage: the rate is nothing, the public
// rate stays the dearest tier's.
func free(p *batch.Price, v *price.Version, pool string) {
	p.Pool, p.Rate, p.PublicRate = pool, money.Rate{}, dearest(v).Rate
	p.RateCode = p.SKU + ".FREETIER." + strings.ToUpper(pool)
	p.Description = "Free tier " + pool + ": " + p.Description
	p.Begin, p.End = "", ""
}

func (r *Rater) priceElsewhere(tail uint32) uint32 {
	code, ok := r.passed[tail]
	if !ok {
		t := r.out.Dims.Tails.Value(tail)
		code = r.out.Prices.Code(batch.Price{Unit: t.Unit, Description: t.LineItemType + " priced by its source"})
		r.passed[tail] = code
	}
	return code
}
