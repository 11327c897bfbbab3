package config

import (
	"errors"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// LoadOrganization reads an organization file that has been read into data,
// and checks it as schema.Organization.Check does. The payer's own account is
// added to its accounts where the file leaves it out.
func LoadOrganization(file string, data []byte) (schema.Organization, schema.Problems) {
	r := &reader{file: file}
	o := &organizationReader{reader: r}
	r.read(data, keys{
		"issuers": r.list(func(path string, n *yaml.Node) { o.issuer(grow(&o.org.Issuers))(path, n) }),
		"payers":  r.list(func(path string, n *yaml.Node) { o.payer(path, n) }),
	}, "issuers", "payers")
	o.resolveTimes()
	o.addPayers()
	for _, p := range o.org.Check(file) {
		if p.Value != "" { // a blank one has been reported as missing
			r.add(schema.Problems{p})
		}
	}
	return o.org, r.problems
}

type organizationReader struct {
	*reader
	org   schema.Organization
	times []dated
}

// edge says what an instant is the beginning or the end of.
type edge int

const (
	memberFrom edge = iota
	memberUntil
	sharingFrom
)

// dated is a from or until that waits for the time zone of its issuer, which
// may stand further down in the file.
type dated struct {
	payer, account, sharing int
	which                   edge
	path                    string
	node                    *yaml.Node
}

var numberPrefix = regexp.MustCompile(`^[A-Za-z0-9/._-]{1,32}$`)

// weekdays are the days of the week as they are written in files.
var weekdays = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func (o *organizationReader) issuer(i *schema.Issuer) take {
	i.TimeZone, i.InvoiceDigits, i.PaymentTermsDays = "UTC", 9, 30
	return o.block(keys{
		"id":      o.text(&i.ID), // its form is checked with the organization
		"name":    o.text(&i.Name),
		"address": o.lines(&i.Address),
		"tax_id":  o.text(&i.TaxID),
		"time_zone": o.scalar(func(s string) error {
			i.TimeZone = s
			if s == "" || s == "Local" {
				return errors.New("is not a time zone; use an IANA name such as Asia/Seoul")
			}
			return nil
		}),
		"currency": o.scalar(func(s string) error {
			c, err := money.ParseCurrency(s)
			if err != nil {
				return errors.New("is not a currency; write three capital letters such as USD")
			}
			i.Currency = c
			return nil
		}),
		"invoice_prefix":     o.matching(&i.InvoicePrefix, numberPrefix, "a prefix of invoice numbers", "use 1 to 32 letters, digits, dots, dashes, slashes and underscores"),
		"invoice_digits":     o.integer(&i.InvoiceDigits, 1, 18),
		"payment_terms_days": o.integer(&i.PaymentTermsDays, 0, 365),
		"calendar":           o.matching(&i.Calendar, nameForm, "the name of a calendar", "write a country such as US or KR, or none"),
		"weekend":            o.list(func(path string, n *yaml.Node) { o.oneOf(grow(&i.Weekend), weekdays...)(path, n) }),
	}, "id", "name", "currency")
}

func (o *organizationReader) payer(path string, n *yaml.Node) {
	index := len(o.org.Payers)
	p := grow(&o.org.Payers)
	o.block(keys{
		"account_id": o.text(&p.AccountID),
		"name":       o.text(&p.Name),
		"issuer":     o.text(&p.Issuer),
		"address":    o.lines(&p.Address),
		"tax_id":     o.text(&p.TaxID),
		"country":    o.text(&p.Country), // its form is checked with the organization
		"region":     o.text(&p.Region),
		"since":      o.date(&p.Since),
		"email":      o.email(&p.Email),
		"billing":    o.emails(&p.Billing),
		"accounts":   o.list(func(path string, n *yaml.Node) { o.account(index, p)(path, n) }),
	}, "account_id", "name", "issuer")(path, n)
}

func (o *organizationReader) account(payer int, p *schema.Payer) take {
	index := len(p.Accounts)
	a := grow(&p.Accounts)
	at := func(which edge, sharing int) take {
		return func(path string, n *yaml.Node) {
			o.times = append(o.times, dated{payer, index, sharing, which, path, n})
		}
	}
	return o.block(keys{
		"id":    o.text(&a.ID),
		"name":  o.text(&a.Name),
		"from":  at(memberFrom, 0),
		"until": at(memberUntil, 0),
		"sharing": func(path string, n *yaml.Node) {
			if n.Kind == yaml.MappingNode {
				o.sharing(grow(&a.Sharing), nil)(path, n)
				return
			}
			o.list(func(path string, n *yaml.Node) {
				o.sharing(grow(&a.Sharing), at(sharingFrom, len(a.Sharing)-1))(path, n)
			})(path, n)
		},
	}, "id")
}

// sharing reads what an account shares from a time on, or, where none can be
// given, since ever.
func (o *organizationReader) sharing(s *schema.Sharing, from take) take {
	*s = schema.Sharing{Reservations: true, SavingsPlans: true, Credits: true}
	known := keys{
		"reservations":  o.boolean(&s.Reservations),
		"savings_plans": o.boolean(&s.SavingsPlans),
		"credits":       o.boolean(&s.Credits),
	}
	if from != nil {
		known["from"] = from
	}
	return o.block(known)
}

// lines reads one text or a list of them: an address.
func (o *organizationReader) lines(v *[]string) take {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			o.text(grow(v))(path, n)
			return
		}
		o.list(func(path string, n *yaml.Node) { o.text(grow(v))(path, n) })(path, n)
	}
}

func (o *organizationReader) email(v *string) take {
	return o.scalar(func(s string) error {
		*v = s
		return checkEmail(s)
	})
}

// emails reads one address or a list of them.
func (o *organizationReader) emails(v *[]string) take {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			o.email(grow(v))(path, n)
			return
		}
		o.list(func(path string, n *yaml.Node) { o.email(grow(v))(path, n) })(path, n)
	}
}

// resolveTimes reads from and until, now that every issuer is known.
func (o *organizationReader) resolveTimes() {
	for _, d := range o.times {
		zone := time.UTC
		if i, ok := o.org.Issuer(o.org.Payers[d.payer].Issuer); ok {
			if loc, err := i.Location(); err == nil {
				zone = loc
			}
		}
		a := &o.org.Payers[d.payer].Accounts[d.account]
		o.scalar(func(s string) error {
			t, err := instant(s, zone)
			switch d.which {
			case memberFrom:
				a.From = t
			case memberUntil:
				a.Until = t
			case sharingFrom:
				a.Sharing[d.sharing].From = t
			}
			return err
		})(d.path, d.node)
		if d.which == memberUntil && !a.Until.IsZero() && !a.From.Before(a.Until) {
			o.fault(d.path, d.node, "is not after from", "until is the first instant no longer")
		}
	}
}

// instant reads a day, which begins at midnight in the zone, or an instant.
func instant(s string, zone *time.Location) (time.Time, error) {
	if d, err := schema.ParseDate(s); err == nil {
		return d.In(zone).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("is not a time; write a day such as 2026-10-01, or 2026-10-01T00:00:00Z")
	}
	return t.UTC(), nil
}

// addPayers lists each payer among its own accounts.
func (o *organizationReader) addPayers() {
	for i := range o.org.Payers {
		p := &o.org.Payers[i]
		listed := p.AccountID == ""
		for a := range p.Accounts {
			listed = listed || p.Accounts[a].ID == p.AccountID
			if p.Accounts[a].Name == "" {
				p.Accounts[a].Name = p.Accounts[a].ID
			}
		}
		if !listed {
			p.Accounts = append([]schema.Account{{ID: p.AccountID, Name: p.Name}}, p.Accounts...)
		}
	}
}
