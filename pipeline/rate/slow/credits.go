package slow

import (
	"cmp"
	"math/big"
	"sort"
	"strings"

	"github.com/monthend/monthend/schema/offer"
)

// debt is what earlier credits have left of an account's service.
type debt struct {
	account, service string
	left             *big.Rat
}

// credits pays the rows before paid.
func (p *pass) credits(paid int) {
	debts := p.debts(paid)
	var cs []*offer.Credit
	for i := range p.Offers.Credits {
		if c := &p.Offers.Credits[i]; p.payerOf(c.Account, p.last()) == p.payer.AccountID {
			cs = append(cs, c)
		}
	}
	services := func(c *offer.Credit) int {
		if len(c.Services) == 0 {
			return 1 << 30
		}
		return len(c.Services)
	}
	sort.SliceStable(cs, func(a, b int) bool {
		x, y := cs[a], cs[b]
		return firstOf(p.day(x.Until).Compare(p.day(y.Until)), cmp.Compare(services(x), services(y)),
			p.day(x.From).Compare(p.day(y.From)), strings.Compare(x.ID, y.ID)) < 0
	})
	for _, c := range cs {
		p.credit(c, debts)
	}
}

func (p *pass) debts(paid int) []*debt {
	at := map[[2]string]*debt{}
	var out []*debt
	for _, r := range p.rows[:paid] {
		if r.Type == "Tax" {
			continue
		}
		k := [2]string{r.Account, r.Service}
		if at[k] == nil {
			at[k] = &debt{r.Account, r.Service, zero()}
			out = append(out, at[k])
		}
		at[k].left.Add(at[k].left, r.Unblended)
	}
	return out
}

func (p *pass) credit(c *offer.Credit, debts []*debt) {
	b := Balance{Kind: credit, ID: c.ID, Granted: zero(), Applied: zero(), Expired: zero()}
	var known bool
	b.Opening, known = p.opening(credit, c.ID)
	if !known {
		if !p.Period.End.After(p.day(c.From)) || !p.Period.Start.Before(p.day(c.Until)) {
			return
		}
		b.Granted = dec(c.Amount.String())
	}
	left := add(b.Opening, b.Granted)
	if p.Period.Start.Before(p.day(c.Until)) {
		for _, d := range p.payable(c, debts) {
			take := least(left, d.left)
			if take.Sign() <= 0 {
				continue
			}
			left, d.left, b.Applied = sub(left, take), sub(d.left, take), add(b.Applied, take)
			row := feeRow(c.ID, d.account, d.service, p.firstHour(), neg(take))
			row.Type, row.Amount, row.Blended = "Credit", zero(), zero()
			p.rows = append(p.rows, row)
		}
	}
	if !p.Period.End.Before(p.day(c.Until)) {
		b.Expired, left = left, zero()
	}
	b.Closing = left
	p.balances = append(p.balances, b)
}

// payable are the debts that a credit may pay, in the order in which it does.
func (p *pass) payable(c *offer.Credit, debts []*debt) []*debt {
	private := c.Private || !p.sharing(c.Account).Credits
	var out []*debt
	sums := map[string]*big.Rat{}
	for _, d := range debts {
		if d.left.Sign() <= 0 || !oneOf(c.Services, d.service) || !oneOf(c.Accounts, d.account) {
			continue
		}
		if d.account != c.Account && (private || !p.sharing(d.account).Credits) {
			continue
		}
		out = append(out, d)
		if sums[d.account] == nil {
			sums[d.account] = zero()
		}
		sums[d.account].Add(sums[d.account], d.left)
	}
	sort.Slice(out, func(a, b int) bool {
		x, y := out[a], out[b]
		if own := x.account == c.Account; own != (y.account == c.Account) {
			return own
		}
		if x.account != y.account {
			return firstOf(sums[y.account].Cmp(sums[x.account]), strings.Compare(x.account, y.account)) < 0
		}
		return firstOf(y.left.Cmp(x.left), strings.Compare(x.service, y.service)) < 0
	})
	return out
}
