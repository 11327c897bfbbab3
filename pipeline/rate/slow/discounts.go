package slow

import (
	"math/big"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema/offer"
)

// discounts lowers the net cost of the lines that have a rate and a cost, and
// writes a row for each sum taken off.
func (p *pass) discounts() {
	type group struct {
		discount                                   int
		account, service, usage, operation, region string
	}
	at := map[group]int{}
	for _, c := range p.charges {
		r := p.rows[c.row]
		if r.Type != "Usage" || c.rate == nil || r.Unblended.Sign() <= 0 {
			continue
		}
		left := r.Unblended
		var texts []string
		for i := range p.Offers.Discounts {
			d := &p.Offers.Discounts[i]
			if !p.discounted(d, c) {
				continue
			}
			off, text := takeOff(d, c, left)
			if text == "" {
				continue
			}
			texts = append(texts, d.ID+" "+d.Type+" "+text)
			left = sub(left, off)
			if off.Sign() == 0 {
				continue
			}
			g := group{i, c.account, c.service, c.usageType, c.operation, c.region}
			n, ok := at[g]
			if !ok {
				n = len(p.rows)
				at[g] = n
				p.rows = append(p.rows, Row{Account: c.account, Service: c.service, UsageType: c.usageType, Operation: c.operation,
					Region: c.region, Hour: p.firstHour(), Type: d.Type, Discounts: d.ID + " " + d.Type + " 0",
					Amount: zero(), List: zero(), Unblended: zero(), Blended: zero(), Net: zero(), Upfront: zero()})
			}
			p.rows[n].Unblended = sub(p.rows[n].Unblended, off)
			p.rows[n].Effective = p.rows[n].Unblended
		}
		p.rows[c.row].Net, p.rows[c.row].Discounts = left, strings.Join(texts, ";")
	}
}

// takeOff is what a discount takes of what others have left of a line's cost;
// the text is blank where it is none for this price.
func takeOff(d *offer.Discount, c *charge, left *big.Rat) (off *big.Rat, text string) {
	if d.Private {
		per := sub(c.rate, dec(d.Rate.String()))
		if per.Sign() <= 0 {
			return nil, ""
		}
		return least(left, round(mul(per, c.amount), 10)), Text(per) + "/unit"
	}
	f := dec(d.Factor.String())
	if f.Sign() == 0 {
		return nil, ""
	}
	return least(left, round(mul(f, left), 10)), Text(f)
}

// discounted tells whether a discount picks a line.
func (p *pass) discounted(d *offer.Discount, c *charge) bool {
	if !oneOf(d.Payers, p.payer.AccountID) || !oneOf(d.Accounts, c.account) || !p.holds(d.From, d.Until, p.instant(c.hour)) {
		return false
	}
	picked := len(d.Select)+len(d.SKUs) == 0 || slices.Contains(d.SKUs, c.sku.ID)
	for _, s := range d.Select {
		picked = picked || c.sku.picks(s)
	}
	if !picked {
		return false
	}
	for k, v := range d.Tags {
		if !slices.Contains(strings.Split(c.tags, "\x1e"), k+"\x1f"+v) {
			return false
		}
	}
	return true
}

// oneOf tells whether a list that means all when empty holds a text.
func oneOf(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
