package slow

import (
	"cmp"
	"math/big"
	"sort"
	"strings"
)

// key is what makes records one line, in the canonical order.
type key struct {
	account, service, usageType, operation, resource string
	hour                                             int64
	region, zone, tags, kind                         string
	priced                                           bool
	commitment, unit                                 string
}

func compareKeys(a, b key) int {
	priced := 0
	if a.priced != b.priced {
		if priced = -1; a.priced {
			priced = 1
		}
	}
	return firstOf(strings.Compare(a.account, b.account), strings.Compare(a.service, b.service),
		strings.Compare(a.usageType, b.usageType), strings.Compare(a.operation, b.operation),
		strings.Compare(a.resource, b.resource), cmp.Compare(a.hour, b.hour),
		strings.Compare(a.region, b.region), strings.Compare(a.zone, b.zone), strings.Compare(a.tags, b.tags),
		strings.Compare(a.kind, b.kind), priced, strings.Compare(a.commitment, b.commitment), strings.Compare(a.unit, b.unit))
}

// line is the sum of the records that share a key.
type line struct {
	key
	amount, cost *big.Rat
	sku          *sku
	version      *version

	left *big.Rat // of amount, not yet covered or free
	free *big.Rat // of amount, in a pool
	pool string
	end  *big.Rat // the SKU's count when the line's hour ends
	part bool     // of its hour's units some are free and some are not
	done bool     // covered whole, even if it is of nothing
}

// lines sums the records of each payer into lines in canonical order.
func (m *month) lines(records []Record, suspended map[string]int) map[string][]*line {
	type place struct {
		payer string
		key   key
	}
	all := map[place]*line{}
	for _, r := range records {
		payer := m.payerOf(r.Account, r.Start)
		k := key{r.Account, r.Service, r.UsageType, r.Operation, r.Resource, hourOf(r.Start),
			r.Region, r.Zone, r.Tags, r.LineItemType, r.Priced, r.Commitment, r.Unit}
		if k.kind == "" {
			k.kind = "Usage"
		}
		if payer == "" {
			if !m.foreign(r.Account, r.Start) {
				suspended[NoPayer]++
			}
			continue
		}
		l := &line{key: k, amount: zero(), cost: zero(), free: zero()}
		if !r.Priced {
			if reason := m.price(l); reason != "" {
				suspended[reason]++
				continue
			}
		}
		at := place{payer, l.key}
		if all[at] == nil {
			all[at] = l
		}
		l = all[at]
		l.amount = add(l.amount, dec(r.Amount))
		if r.Priced {
			l.cost = add(l.cost, dec(r.Cost))
		}
	}
	byPayer := map[string][]*line{}
	for at, l := range all {
		l.left = l.amount
		byPayer[at.payer] = append(byPayer[at.payer], l)
	}
	for _, ls := range byPayer {
		sort.Slice(ls, func(a, b int) bool { return compareKeys(ls[a].key, ls[b].key) < 0 })
	}
	return byPayer
}

// price finds what a line is rated by, or says why it is not.
func (m *month) price(l *line) string {
	l.sku = m.match(l.service, l.usageType, l.operation, l.region)
	if l.sku == nil {
		return NoPrice
	}
	if l.version = l.sku.at(m.instant(l.hour)); l.version == nil {
		return NoPrice
	}
	if l.unit != "" && l.unit != l.version.Unit {
		return OtherUnit
	}
	l.unit = l.version.Unit
	return ""
}

// What a charge of a line is.
type portion int

const (
	passed portion = iota // the cost came with the records
	reserved
	planned
	unpaid
	tiered // at a tier's rate
	lump   // of a package or flat price
)

// charge is a part of a line with its own price.
type charge struct {
	*line
	portion  portion
	amount   *big.Rat
	rate     *big.Rat // nil: none is shown
	cost     *big.Rat // of a lump, exact
	code     string
	by       string // commitment
	planRate *big.Rat
	blended  *big.Rat
	row      int

	effective, upfront *big.Rat
}

// time order, then the canonical order.
func byTime(ls []*line) []*line {
	out := append([]*line(nil), ls...)
	sort.SliceStable(out, func(a, b int) bool { return out[a].hour < out[b].hour })
	return out
}
