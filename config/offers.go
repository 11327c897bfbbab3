package config

import (
	"errors"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// LoadOffers reads an offers file that has been read into data, and checks it
// as far as that can be done without the price catalog; offer.Offers.Check does
// the rest. Amounts are read as text, exactly.
func LoadOffers(file string, data []byte) (offer.Offers, schema.Problems) {
	r := &reader{file: file}
	var o offer.Offers
	r.read(data, keys{
		"free_tier": r.list(func(path string, n *yaml.Node) { r.pool(grow(&o.FreeTier))(path, n) }),
	})
	r.add(o.Check(file, nil))
	return o, r.problems
}

func (r *reader) pool(p *offer.Pool) take {
	return r.block(keys{
		"id": r.matching(&p.ID, nameForm, "an id", "use 1 to 64 letters, digits, dashes and underscores"),
		"allowance": r.scalar(func(s string) error {
			u, err := money.ParseUsage(s)
			if err != nil {
				return errors.New("is not a number; write plain decimals such as 30 or 0.5")
			}
			p.Allowance = u
			return nil
		}),
		"unit":   r.text(&p.Unit),
		"select": r.list(func(path string, n *yaml.Node) { r.selector(grow(&p.Select))(path, n) }),
		"from":   r.date(&p.From),
		"until":  r.date(&p.Until),
	}, "id", "allowance", "unit", "select")
}

func (r *reader) selector(s *offer.Selector) take {
	return r.block(keys{
		"service_code": r.text(&s.ServiceCode),
		"usage_type":   r.text(&s.UsageType),
		"operation":    r.text(&s.Operation),
		"region_code":  r.text(&s.Region),
	}, "service_code")
}
