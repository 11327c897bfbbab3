package offer

import (
	"fmt"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// feeScale is how many decimals fees and support are charged with.
const feeScale = 6

func (k *check) fee(path string, f *Fee) {
	k.account(path+".account_id", f.Account)
	k.service(path, f.Service)
	k.needed(path+".description", f.Description)
	k.positive(path+".amount", f.Amount, feeScale)
	switch once := !f.Date.IsZero(); {
	case once && !f.From.IsZero():
		k.fault(path+".from", f.From.String(), "stands beside date", "a fee is charged once, on date, or every month, from a day on")
	case once && !f.Until.IsZero():
		k.fault(path+".until", f.Until.String(), "stands beside date", "a fee that is charged once has no end")
	case !once && f.From.IsZero():
		k.fault(path+".date", "", "is missing, and so is from", "give date for a fee that is charged once, or from for one that recurs")
	case once && f.Prorate:
		k.fault(path+".prorate", "true", "stands beside date", "only a fee that recurs is charged in parts")
	default:
		k.dates(path, f.From, f.Until)
	}
}

// service checks the service of a row of our own.
func (k *check) service(path, code string) {
	k.needed(path+".service_code", code)
	k.noStar(path+".service_code", code)
}

func (k *check) support(path string, s *Support) {
	k.account(path+".payer_account_id", s.Payer)
	k.accounts(path+".accounts", s.Accounts)
	k.service(path, s.Service)
	k.natural(path+".minimum", s.Minimum, feeScale)
	k.dates(path, s.From, s.Until)
	if len(s.Tiers) == 0 {
		k.fault(path+".tiers", "", "is empty", "list at least one tier, of which the last has no end")
	}
	var edge money.Cost
	for i, t := range s.Tiers {
		at := fmt.Sprintf("%s.tiers[%d]", path, i)
		k.share(at+".factor", t.Factor)
		last, open := i == len(s.Tiers)-1, t.To == (money.Cost{})
		switch {
		case last && !open:
			k.fault(at+".to", t.To.String(), "is the end of the last tier", "the last tier has no end")
		case !last && open:
			k.fault(at+".to", "", "is missing in a tier that is not the last", "give the cost at which it ends")
		case !open && money.Cmp(t.To, edge) <= 0:
			k.fault(at+".to", t.To.String(), "is not above the tier before", "list the tiers in ascending order")
		}
		edge = t.To
	}
}

func (k *check) minimum(path string, m *Minimum) {
	k.account(path+".payer_account_id", m.Payer)
	k.service(path, m.Service)
	k.positive(path+".amount", m.Amount, money.CostScale)
	k.firsts(path, m.From, m.Until)
	if !m.Term {
		return
	}
	for _, d := range []struct {
		field string
		date  schema.Date
	}{{"from", m.From}, {"until", m.Until}} {
		if d.date.IsZero() {
			k.fault(path+"."+d.field, "", "is missing, and whole_term is set", "a term has a first and a last month")
		}
	}
}

func (k *check) credit(path string, c *Credit) {
	k.account(path+".account_id", c.Account)
	k.positive(path+".amount", c.Amount, money.CostScale)
	k.words(path+".services", c.Services)
	k.accounts(path+".accounts", c.Accounts)
	if c.From.IsZero() {
		k.fault(path+".from", "", "is missing", "give the day on which it is granted")
	}
	if c.Until.IsZero() {
		k.fault(path+".until", "", "is missing", "give the day from which on it pays nothing")
	}
	k.dates(path, c.From, c.Until)
}

func (k *check) refund(path string, r *Refund) {
	k.account(path+".account_id", r.Account)
	k.service(path, r.Service)
	k.needed(path+".description", r.Description)
	k.positive(path+".amount", r.Amount, money.CostScale)
	if r.Date.IsZero() {
		k.fault(path+".date", "", "is missing", "give the day of the refund")
	}
	p, err := schema.ParsePeriod(r.Period, time.UTC)
	switch {
	case err != nil:
		k.fault(path+".of_period", r.Period, "is not a month", "write YYYY-MM, the month in which it was charged")
	case !r.Date.IsZero() && r.Date.In(time.UTC).Before(p.End):
		k.fault(path+".of_period", r.Period, "is not over on the day of the refund", "a refund is of a month before its date")
	}
}

func (k *check) tax(path string, t *Tax) {
	k.needed(path+".tax_type", t.Type)
	for i, id := range t.Issuers {
		if id != "" && !schema.ValidIssuerID(id) {
			k.fault(fmt.Sprintf("%s.issuers[%d]", path, i), id, "is not an issuer id", "use lower-case letters, digits and dashes, at most 32")
		}
	}
	for i, c := range t.Countries {
		if c != "" && !schema.ValidCountry(c) {
			k.fault(fmt.Sprintf("%s.countries[%d]", path, i), c, "is not a country", "write the two capital letters of ISO 3166, such as DE")
		}
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"issuers", t.Issuers}, {"countries", t.Countries}, {"regions", t.Regions}, {"services", t.Services}} {
		k.words(path+"."+l.key, l.list)
	}
	k.accounts(path+".exempt", t.Exempt)
	k.share(path+".factor", t.Factor)
	k.dates(path, t.From, t.Until)
}
