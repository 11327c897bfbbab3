package config

import (
	"github.com/monthend/monthend/schema/offer"
)

func (r *reader) fee(f *offer.Fee) take {
	return r.block(keys{
		"id":           r.text(&f.ID),
		"account_id":   r.text(&f.Account),
		"service_code": r.text(&f.Service),
		"description":  r.text(&f.Description),
		"amount":       r.money(&f.Amount),
		"date":         r.date(&f.Date),
		"from":         r.date(&f.From),
		"until":        r.date(&f.Until),
		"prorate":      r.boolean(&f.Prorate),
	}, "id", "account_id", "service_code", "description", "amount")
}

func (r *reader) support(s *offer.Support) take {
	return r.block(keys{
		"id":               r.text(&s.ID),
		"payer_account_id": r.text(&s.Payer),
		"accounts":         r.texts(&s.Accounts),
		"per_account":      r.boolean(&s.PerAccount),
		"service_code":     r.text(&s.Service),
		"description":      r.text(&s.Description),
		"tiers":            listOfAll(r, &s.Tiers, r.supportTier),
		"minimum":          r.money(&s.Minimum),
		"from":             r.date(&s.From),
		"until":            r.date(&s.Until),
	}, "id", "payer_account_id", "service_code", "tiers")
}

func (r *reader) supportTier(t *offer.SupportTier) take {
	return r.block(keys{"upto": r.money(&t.To), "percent": r.percent(&t.Factor)}, "percent")
}

func (r *reader) minimum(m *offer.Minimum) take {
	return r.block(keys{
		"id":               r.text(&m.ID),
		"payer_account_id": r.text(&m.Payer),
		"service_code":     r.text(&m.Service),
		"description":      r.text(&m.Description),
		"amount":           r.money(&m.Amount),
		"whole_term":       r.boolean(&m.Term),
		"from":             r.date(&m.From),
		"until":            r.date(&m.Until),
	}, "id", "payer_account_id", "service_code", "amount")
}

func (r *reader) credit(c *offer.Credit) take {
	return r.block(keys{
		"id":          r.text(&c.ID),
		"account_id":  r.text(&c.Account),
		"description": r.text(&c.Description),
		"amount":      r.money(&c.Amount),
		"services":    r.texts(&c.Services),
		"accounts":    r.texts(&c.Accounts),
		"from":        r.date(&c.From),
		"until":       r.date(&c.Until),
		"owner_only":  r.boolean(&c.Private),
	}, "id", "account_id", "amount", "from", "until")
}

func (r *reader) refund(v *offer.Refund) take {
	return r.block(keys{
		"id":           r.text(&v.ID),
		"account_id":   r.text(&v.Account),
		"service_code": r.text(&v.Service),
		"description":  r.text(&v.Description),
		"amount":       r.money(&v.Amount),
		"date":         r.date(&v.Date),
		"of_period":    r.text(&v.Period),
	}, "id", "account_id", "service_code", "description", "amount", "date", "of_period")
}

func (r *reader) tax(t *offer.Tax) take {
	return r.block(keys{
		"id":          r.text(&t.ID),
		"tax_type":    r.text(&t.Type),
		"description": r.text(&t.Description),
		"issuers":     r.texts(&t.Issuers),
		"countries":   r.texts(&t.Countries),
		"regions":     r.texts(&t.Regions),
		"services":    r.texts(&t.Services),
		"exempt":      r.texts(&t.Exempt),
		"percent":     r.percent(&t.Factor),
		"inclusive":   r.boolean(&t.Inclusive),
		"from":        r.date(&t.From),
		"until":       r.date(&t.Until),
	}, "id", "tax_type", "percent")
}
