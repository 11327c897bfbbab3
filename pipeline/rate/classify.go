package rate

import (
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Verdict says what is to become of a record in this run.
type Verdict uint8

// The verdicts. Those from UnknownAccount on are suspense: they block the close
// until prices, organization or data resolve them or a person waives them.
const (
	Charge         Verdict = iota // rate it
	Foreign                       // another period's or another issuer's
	UnknownAccount                // no payer for the account at that time
	CrossesPeriod                 // starts inside the period and ends after it
	UnknownSKU                    // no SKU for service, usage type, operation, region
	NoPrice                       // the SKU has no price on that date
	OtherUnit                     // the record's unit is not the price's
	OtherCurrency                 // priced in another currency than the bill's
)

// Reason names the verdict for people.
func (v Verdict) Reason() string {
	return [...]string{"", "", "unknown account", "crosses the end of its period", "unknown SKU",
		"no price on that date", "unit other than the price's", "currency other than the bill's"}[v]
}

// Hint says what to do about a suspended record.
func (v Verdict) Hint() string {
	return [...]string{"", "",
		"add the account to the organization file, or correct the record at its source",
		"split the record at the month's end at the meter and deliver the parts",
		"add the SKU to the price list, or correct the record at its source",
		"add a price version that is effective on that date",
		"deliver the usage in the price's unit, or correct the price list",
		"deliver the cost in the bill's currency"}[v]
}

// Classifier decides about records of one issuer and period. It answers a
// question about a pair of dictionary entries once and remembers it.
type Classifier struct {
	in          Input
	dims        *batch.Dims
	start, end  int64 // of the period, nanoseconds
	memberships map[string][]schema.Membership
	accounts    []account             // by head code
	matches     memo[uint64, match]   // by head and tail
	units       memo[unitKey, uint32] // tail with its unit filled in
}

type account struct {
	list  []schema.Membership
	fixed bool // one membership, ours, covers the whole period
	payer int32
}

type unitKey struct {
	tail uint32
	unit string
}

type match struct {
	verdict Verdict // Charge, or why not
	sku     int32   // -1 for what was priced elsewhere
}

// NewClassifier returns a classifier over dictionaries that may still grow.
func NewClassifier(in Input, dims *batch.Dims) *Classifier {
	return &Classifier{
		in: in, dims: dims, matches: newMemo[uint64, match](), units: newMemo[unitKey, uint32](),
		start: in.Period.Start.UnixNano(), end: in.Period.End.UnixNano(),
		memberships: in.Organization.Memberships(),
	}
}

// Placed is where a record belongs.
type Placed struct {
	Verdict Verdict
	Payer   int32 // index into Organization.Payers; valid for Charge
	SKU     int32 // index into Catalog.SKUs, -1 when priced elsewhere; valid for Charge
	Version int32 // index into the SKU's versions; valid for Charge with a SKU
}

// Classify places one record, given by its codes and times (nanoseconds).
func (c *Classifier) Classify(head, tail uint32, start, end int64) Placed {
	if start < c.start || start >= c.end {
		return Placed{Verdict: Foreign}
	}
	payer, verdict := c.payerAt(head, start)
	if verdict != Charge {
		return Placed{Verdict: verdict}
	}
	if end > c.end {
		return Placed{Verdict: CrossesPeriod}
	}
	m := c.match(head, tail)
	if m.verdict != Charge || m.sku < 0 {
		return Placed{Verdict: m.verdict, Payer: payer, SKU: m.sku}
	}
	return c.atVersion(payer, m, tail, start)
}

func (c *Classifier) atVersion(payer int32, m match, tail uint32, start int64) Placed {
	sku := &c.in.Catalog.SKUs[m.sku]
	version, ok := sku.At(c.in.priceTime(schema.HourOf(start)))
	if !ok {
		return Placed{Verdict: NoPrice}
	}
	// A blank unit, as CUR has it on free rows, takes the SKU's.
	if unit := c.dims.Tails.Value(tail).Unit; unit != "" && unit != sku.Versions[version].Unit {
		return Placed{Verdict: OtherUnit}
	}
	return Placed{Payer: payer, SKU: m.sku, Version: int32(version)}
}

// WithUnit fills the price's unit into the tail of a placed record that has none,
// so that records of one line with and without a unit are one line.
func (c *Classifier) WithUnit(tail uint32, at Placed) uint32 {
	if at.SKU < 0 {
		return tail
	}
	key := unitKey{tail, c.in.Catalog.SKUs[at.SKU].Versions[at.Version].Unit}
	code, known := c.units.find(key)
	if !known {
		t := c.dims.Tails.Value(tail)
		t.Unit = key.unit
		code = c.dims.Tails.Code(t)
		c.units.add(key, code)
	}
	return code
}

// SKUOf returns the SKU of a line that was placed before, given by its codes, as
// an index into Catalog.SKUs; -1 when it was priced elsewhere.
func (c *Classifier) SKUOf(head, tail uint32) int32 {
	if m := c.match(head, tail); m.verdict == Charge {
		return m.sku
	}
	return -1
}

func (c *Classifier) payerAt(head uint32, start int64) (int32, Verdict) {
	for int(head) >= len(c.accounts) {
		c.accounts = append(c.accounts, c.account(uint32(len(c.accounts))))
	}
	a := &c.accounts[head]
	if a.fixed {
		return a.payer, Charge
	}
	m, ok := schema.MemberAt(a.list, time.Unix(0, start))
	switch {
	case !ok:
		return 0, UnknownAccount
	case c.in.Organization.Payers[m.Payer].Issuer != c.in.Issuer.ID:
		return 0, Foreign
	}
	return int32(m.Payer), Charge
}

func (c *Classifier) account(head uint32) account {
	list := c.memberships[c.dims.Heads.Value(head).Account]
	a := account{list: list}
	for _, m := range list {
		covers := !c.in.Period.Start.Before(m.Account.From) && (m.Account.Until.IsZero() || !m.Account.Until.Before(c.in.Period.End))
		if covers && c.in.Organization.Payers[m.Payer].Issuer == c.in.Issuer.ID {
			a.fixed, a.payer = true, int32(m.Payer)
		}
	}
	return a
}

// match finds the SKU of a pair of dictionary entries.
func (c *Classifier) match(head, tail uint32) match {
	key := uint64(head)<<32 | uint64(tail)
	m, ok := c.matches.find(key)
	if !ok {
		m = c.find(c.dims.Heads.Value(head), c.dims.Tails.Value(tail))
		c.matches.add(key, m)
	}
	return m
}

func (c *Classifier) find(h batch.Head, t batch.Tail) match {
	if t.Priced {
		if money.Currency(t.Currency) != c.in.Issuer.Currency {
			return match{verdict: OtherCurrency}
		}
		return match{sku: -1}
	}
	sku, ok := c.in.Catalog.Match(h.Service, h.UsageType, h.Operation, t.Region)
	if !ok {
		return match{verdict: UnknownSKU}
	}
	if c.in.Catalog.SKUs[sku].Currency != c.in.Issuer.Currency {
		return match{verdict: OtherCurrency}
	}
	return match{sku: int32(sku)}
}
