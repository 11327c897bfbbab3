package config

import (
	"errors"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// LoadCases reads a file of cases that has been read into data: it has the one
// key cases.
func LoadCases(file string, data []byte) ([]price.Case, schema.Problems) {
	return loadCases(file, data, keys{})
}

// LoadOffersCases reads the cases of an offers file, which need not have any.
// What else stands in the file is for LoadOffers.
func LoadOffersCases(file string, data []byte) ([]price.Case, schema.Problems) {
	others := topKeys(data)
	if others != nil && others["cases"] == nil {
		return nil, nil
	}
	return loadCases(file, data, others)
}

// topKeys are the keys of the file's top block, all of them to be skipped. It is
// nil for a file that cannot be read, which is then reported by reading it.
func topKeys(data []byte) keys {
	var doc yaml.Node
	if unreadable(data) != "" || loadYAML(data, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	known := keys{}
	for i := 0; i < len(doc.Content[0].Content); i += 2 {
		known[doc.Content[0].Content[i].Value] = skip
	}
	return known
}

// skip leaves a value to another reader.
func skip(string, *yaml.Node) {}

func loadCases(file string, data []byte, known keys) ([]price.Case, schema.Problems) {
	r := &reader{file: file}
	var cases []price.Case
	names := map[string]string{}
	if known == nil {
		known = keys{}
	}
	known["cases"] = r.list(func(path string, n *yaml.Node) {
		c := grow(&cases)
		c.File, c.Line = file, int64(n.Line)
		r.trialCase(c, names)(path, n)
	})
	r.read(data, known, "cases")
	return cases, r.problems
}

var monthForm = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)

func (r *reader) trialCase(c *price.Case, names map[string]string) take {
	block := r.block(keys{
		"name":  r.unique(&c.Name, names),
		"month": r.matching(&c.Month, monthForm, "a month", "write YYYY-MM, such as 2026-10"),
		"payer": r.text(&c.Payer),
		"usage": listOfAll(r, &c.Usage, r.use),
		"costs": r.cost(&c.Costs),
		"lines": listOfAll(r, &c.Lines, r.caseLine),
	}, "name", "usage")
	return func(path string, n *yaml.Node) {
		before := len(r.problems)
		if block(path, n); len(r.problems) == before && c.Costs == nil && len(c.Lines) == 0 {
			r.fault(path, n, "expects nothing", "give costs, or lines, or both")
		}
	}
}

// unique is text that no other value has.
func (r *reader) unique(v *string, taken map[string]string) take {
	text := r.text(v)
	return func(path string, n *yaml.Node) {
		text(path, n)
		if first, twice := taken[*v]; twice && *v != "" {
			r.fault(path, n, "stands twice, first at "+first, "give each a name of its own")
			return
		}
		taken[*v] = path
	}
}

func (r *reader) use(u *price.CaseUsage) take {
	return r.block(keys{
		"usage_account_id":  r.text(&u.Account),
		"service_code":      r.text(&u.ServiceCode),
		"usage_type":        r.text(&u.UsageType),
		"operation":         r.text(&u.Operation),
		"region_code":       r.text(&u.Region),
		"availability_zone": r.text(&u.Zone),
		"resource_id":       r.text(&u.Resource),
		"at":                r.scalar(func(s string) (err error) { u.At, err = minute(s); return err }),
		"amount": r.scalar(func(s string) (err error) {
			if u.Amount, err = usageAmount(s); err == nil && money.Sign(u.Amount) < 0 {
				err = errors.New("is negative; usage is 0 or above")
			}
			return err
		}),
		"unit":         r.text(&u.Unit),
		"repeat_hours": r.integer(&u.Hours, 1, 31*24),
	}, "service_code", "usage_type", "amount")
}

func (r *reader) caseLine(l *price.CaseLine) take {
	block := r.block(keys{
		"line_item_type": r.text(&l.LineItemType),
		"usage_type":     r.text(&l.UsageType),
		"amount": r.scalar(func(s string) error {
			u, err := usageAmount(s)
			l.Amount = &u
			return err
		}),
		"cost": r.cost(&l.Cost),
	})
	return func(path string, n *yaml.Node) {
		before := len(r.problems)
		if block(path, n); len(r.problems) == before && l.Amount == nil && l.Cost == nil {
			r.fault(path, n, "expects nothing", "give amount, or cost, or both")
		}
	}
}

func (r *reader) cost(v **money.Cost) take {
	return r.scalar(func(s string) error {
		c, err := money.ParseCost(s)
		if err != nil {
			return errors.New("is not an amount of money; write a plain decimal such as 12.50")
		}
		*v = &c
		return nil
	})
}

func usageAmount(s string) (money.Usage, error) {
	u, err := money.ParseUsage(s)
	if err != nil {
		return u, errors.New("is not a number; write plain decimals such as 30 or 0.5")
	}
	return u, nil
}

// minute reads an instant with or without seconds. Its offset must stand there.
func minute(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04Z07:00", s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil || t.Year() < 1971 || t.Year() > 2200 {
		return time.Time{}, errors.New("is not a time; write 2026-10-05T03:00Z, or +09:00 instead of the Z")
	}
	return t.UTC(), nil
}
