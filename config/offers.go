package config

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

// LoadOffers reads an offers file that has been read into data, and checks it
// as far as that can be done without the price catalog and the organization;
// offer.Offers.Check and CheckOrganization do the rest. Amounts are read as
// text, exactly.
func LoadOffers(file string, data []byte) (offer.Offers, schema.Problems) {
	r := &reader{file: file}
	var o offer.Offers
	r.read(data, keys{
		"free_tier":           listOfAll(r, &o.FreeTier, r.pool),
		"discounts":           listOfAll(r, &o.Discounts, r.discount),
		"reservations":        listOfAll(r, &o.Reservations, r.reservation),
		"savings_plans":       listOfAll(r, &o.SavingsPlans, r.savingsPlan),
		"fees":                listOfAll(r, &o.Fees, r.fee),
		"support":             listOfAll(r, &o.Support, r.support),
		"minimum_commitments": listOfAll(r, &o.Minimums, r.minimum),
		"credits":             listOfAll(r, &o.Credits, r.credit),
		"refunds":             listOfAll(r, &o.Refunds, r.refund),
		"taxes":               listOfAll(r, &o.Taxes, r.tax),
		"cases":               skip, // LoadOffersCases reads them
	})
	for _, p := range o.Check(file, nil) {
		r.add(schema.Problems{r.asWritten(p)})
	}
	return o, r.problems
}

// listOfAll reads a list whose entries one reads.
func listOfAll[T any](r *reader, list *[]T, one func(*T) take) take {
	return r.list(func(path string, n *yaml.Node) { one(grow(list))(path, n) })
}

// asWritten names a value as the file does: a factor is a percentage there, and
// a tier ends with upto.
func (r *reader) asWritten(p schema.Problem) schema.Problem {
	if path, ok := strings.CutSuffix(p.Field, ".to"); ok {
		p.Field = path + ".upto"
	}
	if path, ok := strings.CutSuffix(p.Field, ".factor"); ok {
		p.Field = path + ".percent"
		if at := r.exactly(p.Field); at != nil {
			p.Value = schema.Shorten(at.value)
		}
	}
	return p
}

const idHint = "use 1 to 64 letters, digits, dashes and underscores"

func (r *reader) pool(p *offer.Pool) take {
	return r.block(keys{
		"id":           r.matching(&p.ID, nameForm, "an id", idHint),
		"allowance":    r.usage(&p.Allowance),
		"unit":         r.text(&p.Unit),
		"select":       listOfAll(r, &p.Select, r.serviceSelector),
		"from":         r.date(&p.From),
		"until":        r.date(&p.Until),
		"first_months": r.integer(&p.Months, 1, 120),
		"trial_days":   r.integer(&p.Days, 1, 3660),
	}, "id", "allowance", "unit", "select")
}

// serviceSelector reads a selector that must name a service.
func (r *reader) serviceSelector(s *offer.Selector) take { return r.selector(s, "service_code") }

// anySelector reads a selector that may leave out what it likes.
func (r *reader) anySelector(s *offer.Selector) take { return r.selector(s) }

func (r *reader) selector(s *offer.Selector, need ...string) take {
	return r.block(keys{
		"service_code": r.text(&s.ServiceCode),
		"usage_type":   r.text(&s.UsageType),
		"operation":    r.text(&s.Operation),
		"region_code":  r.text(&s.Region),
	}, need...)
}

func (r *reader) discount(d *offer.Discount) take {
	d.Type = "Discount"
	return r.block(keys{
		"id":          r.text(&d.ID),
		"type":        r.text(&d.Type),
		"description": r.text(&d.Description),
		"payers":      r.texts(&d.Payers),
		"accounts":    r.texts(&d.Accounts),
		"select":      listOfAll(r, &d.Select, r.anySelector),
		"skus":        r.texts(&d.SKUs),
		"tags":        r.tags(&d.Tags),
		"percent":     r.percent(&d.Factor),
		"rate": func(path string, n *yaml.Node) {
			d.Private = true // also when it is 0
			r.rate(&d.Rate)(path, n)
		},
		"from":  r.date(&d.From),
		"until": r.date(&d.Until),
	}, "id")
}
