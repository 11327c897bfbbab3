package offer

import (
	"fmt"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Check returns every contradiction in the offers and between them and the
// catalog; file names the offers in messages. Field is the path of the value,
// such as discounts[2].factor. Without a catalog only the offers themselves are
// checked.
func (o *Offers) Check(file string, c *price.Catalog) schema.Problems {
	k := &check{file: file}
	each(k, "free_tier", o.FreeTier, func(p *Pool) string { return p.ID }, k.shortID, k.pool)
	each(k, "discounts", o.Discounts, func(d *Discount) string { return d.ID }, k.shortID, k.discount)
	each(k, "reservations", o.Reservations, func(r *Reservation) string { return r.ID }, k.longID, k.reservation)
	each(k, "savings_plans", o.SavingsPlans, func(p *SavingsPlan) string { return p.ID }, k.longID, k.plan)
	each(k, "fees", o.Fees, func(f *Fee) string { return f.ID }, k.shortID, k.fee)
	each(k, "support", o.Support, func(s *Support) string { return s.ID }, k.shortID, k.support)
	each(k, "minimum_commitments", o.Minimums, func(m *Minimum) string { return m.ID }, k.shortID, k.minimum)
	each(k, "credits", o.Credits, func(c *Credit) string { return c.ID }, k.shortID, k.credit)
	each(k, "refunds", o.Refunds, func(r *Refund) string { return r.ID }, k.shortID, k.refund)
	each(k, "taxes", o.Taxes, func(t *Tax) string { return t.ID }, k.shortID, k.tax)
	if c != nil {
		k.members(o.FreeTier, c)
		k.prices(o.Discounts, c)
	}
	return k.problems
}

// check gathers the faults of offers. Its methods take the path of what they
// look at.
type check struct {
	file     string
	problems schema.Problems
}

func (k *check) fault(field, value, reason, hint string) {
	k.problems = append(k.problems, schema.Problem{File: k.file, Field: field, Value: schema.Shorten(value), Reason: reason, Hint: hint})
}

// each checks the entries of one kind, and that no two have one id.
func each[T any](k *check, kind string, list []T, idOf func(*T) string, form func(path, id string), one func(path string, entry *T)) {
	seen := map[string]int{}
	for i := range list {
		path, id := fmt.Sprintf("%s[%d]", kind, i), idOf(&list[i])
		first, twice := seen[id]
		switch {
		case id == "":
			k.fault(path+".id", "", "is blank", "give it an id; it stands on the charges that come of it")
		case twice:
			k.fault(path+".id", id, fmt.Sprintf("stands twice, first at %s[%d]", kind, first), "give each its own id")
		default:
			seen[id] = i
			form(path+".id", id)
		}
		one(path, &list[i])
	}
}

// maxLongID is how long the id of a commitment may be.
const maxLongID = 200

func (k *check) shortID(path, id string) {
	if !schema.ValidAccountID(id) { // the same form
		k.fault(path, id, "is not an id", "use 1 to 64 letters, digits, dashes and underscores")
	}
}

// longID checks the id of a commitment, which may be that of another seller.
func (k *check) longID(path, id string) {
	plain := strings.NewReplacer(":", "-", "/", "-").Replace(id)
	if rest := strings.Trim(plain, letters); rest != "" || len(id) > maxLongID {
		k.fault(path, id, "is not the id of a commitment", "use 1 to 200 letters, digits, dashes, underscores, colons and slashes")
	}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func (k *check) needed(path, value string) {
	if value == "" {
		k.fault(path, "", "is blank", "give a value")
	}
}

func (k *check) account(path, id string) {
	switch {
	case id == "":
		k.fault(path, "", "is blank", "name an account")
	case !schema.ValidAccountID(id):
		k.fault(path, id, "is not an account id", "use 1 to 64 letters, digits, dashes or underscores")
	}
}

func (k *check) accounts(path string, ids []string) {
	k.words(path, ids)
	for i, id := range ids {
		if id != "" {
			k.account(fmt.Sprintf("%s[%d]", path, i), id)
		}
	}
}

// words checks a list of exact values.
func (k *check) words(path string, list []string) {
	seen := map[string]bool{}
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case s == "":
			k.fault(at, "", "is blank", "give a value, or take the entry away")
		case strings.Contains(s, "*"):
			k.noStar(at, s)
		case seen[s]:
			k.fault(at, s, "stands twice", "keep one")
		}
		seen[s] = true
	}
}

func (k *check) noStar(path, value string) {
	if strings.Contains(value, "*") {
		k.fault(path, value, "holds a star, which stands for nothing here", "write the value out")
	}
}

func (k *check) selectors(path string, list []Selector) {
	for i, s := range list {
		k.selector(fmt.Sprintf("%s[%d]", path, i), s)
	}
}

func (k *check) selector(path string, s Selector) {
	if s == (Selector{}) {
		k.fault(path, "", "is blank and would pick every price", "name a service code at least")
	}
	k.noStar(path+".service_code", s.ServiceCode)
}

// dates checks the days of an offer, each of which may be left out.
func (k *check) dates(path string, from, until schema.Date) {
	if !until.IsZero() && !from.In(time.UTC).Before(until.In(time.UTC)) {
		k.fault(path+".until", until.String(), "is not after from", "until is the first day no longer")
	}
}

func (k *check) firsts(path string, from, until schema.Date) {
	for _, d := range []struct {
		field string
		date  schema.Date
	}{{"from", from}, {"until", until}} {
		if !d.date.IsZero() && d.date.Day != 1 {
			k.fault(path+"."+d.field, d.date.String(), "is not the first of a month", "it is given for whole months")
		}
	}
	k.dates(path, from, until)
}

// positive checks an amount above zero with at most so many decimals.
func (k *check) positive(path string, c money.Cost, places int) {
	if money.Sign(c) <= 0 {
		k.fault(path, c.String(), "is not above zero", "give a positive amount")
		return
	}
	k.decimals(path, c, places)
}

// natural checks an amount of zero or more.
func (k *check) natural(path string, c money.Cost, places int) {
	if money.Sign(c) < 0 {
		k.fault(path, c.String(), "is negative", "give a positive amount, or take it away")
		return
	}
	k.decimals(path, c, places)
}

func (k *check) decimals(path string, c money.Cost, places int) {
	if cut, err := c.Round(places, money.TowardZero); err != nil || cut != c {
		k.fault(path, c.String(), fmt.Sprintf("has more than %d decimals", places), "amounts of this kind are kept to that")
	}
}

// share checks a part of a whole, 0 to 1.
func (k *check) share(path string, f money.Rate) {
	switch {
	case money.Sign(f) < 0:
		k.fault(path, f.String(), "is negative", shareHint)
	case money.Cmp(f, money.RateFromInt(1)) > 0:
		k.fault(path, f.String(), "is more than the whole", shareHint)
	}
}

const shareHint = "a factor is 0 to 1, a percentage 0 to 100"
