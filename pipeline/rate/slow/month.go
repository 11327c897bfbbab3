package slow

import (
	"fmt"
	"math/big"
	"sort"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// month is a world made ready for questions.
type month struct {
	World
	zone   *time.Location
	issuer schema.Issuer
	payers []schema.Payer // of the issuer, by account id
	skus   []*sku
	keys   map[price.Key]*sku
	given  map[string]*offer.Reservation
}

// sku is a SKU with its figures as rationals.
type sku struct {
	price.SKU
	versions []*version
	picked   map[offer.Selector]bool
}

type version struct {
	price.Version
	list  *big.Rat // the dearest tier
	size  *big.Rat
	tiers []tier
}

type tier struct {
	begin, end *big.Rat // end nil: without
	rate       *big.Rat
	code       string
}

func newMonth(w World) (*month, error) {
	m := &month{World: w, keys: map[price.Key]*sku{}, given: map[string]*offer.Reservation{}}
	issuer, ok := w.Organization.Issuer(w.Issuer)
	if !ok {
		return nil, fmt.Errorf("issuer %q is not in the organization; name one of its issuers", w.Issuer)
	}
	var err error
	if m.issuer = issuer; issuer.TimeZone == "" {
		m.zone = time.UTC
	} else if m.zone, err = time.LoadLocation(issuer.TimeZone); err != nil {
		return nil, fmt.Errorf("issuer %q: time zone %q is not known; use an IANA name", w.Issuer, issuer.TimeZone)
	}
	for _, p := range w.Organization.Payers {
		if p.Issuer == w.Issuer {
			m.payers = append(m.payers, p)
		}
	}
	sort.Slice(m.payers, func(a, b int) bool { return m.payers[a].AccountID < m.payers[b].AccountID })
	for i := range w.SKUs {
		m.addSKU(w.SKUs[i])
	}
	for i := range w.Offers.Reservations {
		if r := &w.Offers.Reservations[i]; r.Given {
			m.given[r.ID] = r
		}
	}
	return m, nil
}

func (m *month) addSKU(s price.SKU) {
	k := &sku{SKU: s, picked: map[offer.Selector]bool{}}
	for _, v := range s.Versions {
		k.versions = append(k.versions, newVersion(v))
	}
	m.skus = append(m.skus, k)
	m.keys[price.Key{ServiceCode: s.ServiceCode, UsageType: s.UsageType, Operation: s.Operation, Region: s.Region}] = k
	for _, more := range s.More {
		m.keys[more] = k
	}
}

func newVersion(v price.Version) *version {
	n := &version{Version: v, list: zero(), size: dec(v.PackageSize.String())}
	for i, t := range v.Tiers {
		u := tier{begin: dec(t.Begin.String()), rate: dec(t.Rate.String()), code: t.RateCode}
		if !t.Open {
			u.end = dec(t.End.String())
		}
		if i == 0 || u.rate.Cmp(n.list) > 0 {
			n.list = u.rate
		}
		n.tiers = append(n.tiers, u)
	}
	return n
}

// match finds the SKU of a record: exact beats blank, operation before region.
func (m *month) match(service, usageType, operation, region string) *sku {
	for _, k := range []price.Key{
		{ServiceCode: service, UsageType: usageType, Operation: operation, Region: region},
		{ServiceCode: service, UsageType: usageType, Operation: operation},
		{ServiceCode: service, UsageType: usageType, Region: region},
		{ServiceCode: service, UsageType: usageType},
	} {
		if s := m.keys[k]; s != nil {
			return s
		}
	}
	return nil
}

// at is the version in force, or nil.
func (s *sku) at(instant time.Time) *version {
	var found *version
	for _, v := range s.versions {
		if v.Effective <= instant.Unix() {
			found = v
		}
	}
	return found
}

// before tells whether a stands before b in SKU order.
func before(a, b *sku) int {
	return firstOf(strings.Compare(a.UsageType, b.UsageType), strings.Compare(a.Operation, b.Operation),
		strings.Compare(a.Region, b.Region), strings.Compare(a.ID, b.ID))
}

func firstOf(orders ...int) int {
	for _, o := range orders {
		if o != 0 {
			return o
		}
	}
	return 0
}

// picks tells whether a selector picks a SKU under any of its keys.
func (s *sku) picks(sel offer.Selector) bool {
	if answer, known := s.picked[sel]; known {
		return answer
	}
	keys := append([]price.Key{{ServiceCode: s.ServiceCode, UsageType: s.UsageType, Operation: s.Operation, Region: s.Region}}, s.More...)
	answer := false
	for _, k := range keys {
		answer = answer || (sel.ServiceCode == "" || sel.ServiceCode == k.ServiceCode) &&
			like(sel.UsageType, k.UsageType) && like(sel.Operation, k.Operation) && like(sel.Region, k.Region)
	}
	s.picked[sel] = answer
	return answer
}

// like tells whether a text is of a pattern, of which a blank one is any.
func like(pattern, text string) bool { return pattern == "" || wild(pattern, text) }

func wild(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] != '*' {
		return text != "" && text[0] == pattern[0] && wild(pattern[1:], text[1:])
	}
	for i := 0; i <= len(text); i++ {
		if wild(pattern[1:], text[i:]) {
			return true
		}
	}
	return false
}

// instant is the point at which a line of an hour asks for prices, offers and
// members: the hour's start, or the period's where the month begins inside.
func (m *month) instant(hour int64) time.Time {
	t := time.Unix(hour*3600, 0)
	if t.Before(m.Period.Start) {
		return m.Period.Start
	}
	return t
}

func hourOf(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		return -((-s + 3599) / 3600)
	}
	return s / 3600
}

func (m *month) firstHour() int64    { return hourOf(m.Period.Start) }
func (m *month) lastHour() int64     { return hourOf(m.last()) }
func (m *month) last() time.Time     { return m.Period.End.Add(-time.Nanosecond) }
func (m *month) in(t time.Time) bool { return !t.Before(m.Period.Start) && t.Before(m.Period.End) }

// day is the first instant of a day in the issuer's zone.
func (m *month) day(d schema.Date) time.Time { return d.In(m.zone) }

// holds tells whether a stretch of days holds an instant.
func (m *month) holds(from, until schema.Date, t time.Time) bool {
	return (from.IsZero() || !t.Before(m.day(from))) && (until.IsZero() || t.Before(m.day(until)))
}

// payerOf is the payer of the issuer that has an account at an instant, or blank.
func (m *month) payerOf(account string, t time.Time) string { return owner(m.payers, account, t) }

// bearer is the payer, of whatever issuer, that owes what an account owes at an
// instant: the one that has it, else the last before, else the first after.
func (m *month) bearer(account string, t time.Time) string {
	if now := owner(m.Organization.Payers, account, t); now != "" {
		return now
	}
	before, after := "", ""
	var ended, begins time.Time
	for _, p := range m.Organization.Payers {
		for _, a := range p.Accounts {
			switch {
			case a.ID != account:
			case a.From.After(t):
				if after == "" || a.From.Before(begins) {
					after, begins = p.AccountID, a.From
				}
			case before == "" || a.Until.After(ended):
				before, ended = p.AccountID, a.Until
			}
		}
	}
	if before != "" {
		return before
	}
	return after
}

// foreign tells whether another issuer bills an account at an instant.
func (m *month) foreign(account string, t time.Time) bool {
	return owner(m.Organization.Payers, account, t) != ""
}

func owner(payers []schema.Payer, account string, t time.Time) string {
	for _, p := range payers {
		for _, a := range p.Accounts {
			if a.ID == account && !t.Before(a.From) && (a.Until.IsZero() || t.Before(a.Until)) {
				return p.AccountID
			}
		}
	}
	return ""
}

// sharing is what an account shares with a payer in this month.
func (p *pass) sharing(account string) schema.Sharing {
	s := schema.Sharing{Reservations: true, SavingsPlans: true, Credits: true}
	var begun time.Time
	for _, a := range p.payer.Accounts {
		if a.ID != account || !a.From.Before(p.Period.End) || a.From.Before(begun) {
			continue
		}
		begun = a.From
		s = schema.Sharing{Reservations: true, SavingsPlans: true, Credits: true}
		for _, next := range a.Sharing {
			if !next.From.After(p.last()) {
				s = next
			}
		}
	}
	return s
}
