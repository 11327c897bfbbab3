package schema

import (
	"fmt"
	"sort"
	"time"

	"github.com/monthend/monthend/schema/money"
)

// Organization is everything that says who pays for whom: issuers, payers and
// the dated membership of usage accounts.
type Organization struct {
	Issuers []Issuer `json:"issuers"`
	Payers  []Payer  `json:"payers"`
}

// Issuer is a legal entity that sends invoices. It has one time zone, in which
// its months begin and end, and one currency.
type Issuer struct {
	ID               string         `json:"id"` // lower-case letters, digits and dashes: part of object keys
	Name             string         `json:"name"`
	Address          []string       `json:"address,omitempty"`
	TaxID            string         `json:"tax_id,omitempty"`
	TimeZone         string         `json:"time_zone"` // IANA name; UTC when the file says nothing
	Currency         money.Currency `json:"currency"`
	InvoicePrefix    string         `json:"invoice_prefix"`     // put before the invoice number
	InvoiceDigits    int            `json:"invoice_digits"`     // number is zero-padded to this many digits
	PaymentTermsDays int            `json:"payment_terms_days"` // due date = invoice date + this
	Calendar         string         `json:"calendar,omitempty"` // of public holidays: US, DE-BY, KR, ...; blank: none but weekends
	Weekend          []string       `json:"weekend,omitempty"`  // Mon to Sun; empty: Sat and Sun
}

// Payer is an organization's management account and its member accounts.
type Payer struct {
	AccountID string    `json:"account_id"`
	Name      string    `json:"name"`
	Issuer    string    `json:"issuer"` // Issuer.ID
	Address   []string  `json:"address,omitempty"`
	TaxID     string    `json:"tax_id,omitempty"`
	Country   string    `json:"country,omitempty"` // ISO 3166-1, two capital letters: where tax is due
	Region    string    `json:"region,omitempty"`  // state or province, as tax rules name it
	Since     Date      `json:"since,omitzero"`    // first day as a customer: free tiers of the first months count from it
	Email     string    `json:"email,omitempty"`   // account holder
	Billing   []string  `json:"billing,omitempty"` // billing contact
	Accounts  []Account `json:"accounts"`          // members; the payer's own account is listed too
}

// Account is the membership of one usage account in an organization, for a
// half-open stretch of time.
type Account struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	From  time.Time `json:"from,omitzero"`  // zero: since ever
	Until time.Time `json:"until,omitzero"` // exclusive; zero: for ever

	Sharing []Sharing `json:"sharing,omitempty"` // sorted by From; empty: everything is shared
}

// Sharing says what an account shares with its organization, both ways, from an
// instant on. Bills go by what holds at the last instant of the month.
type Sharing struct {
	From         time.Time `json:"from,omitzero"` // zero: since ever
	Reservations bool      `json:"reservations"`
	SavingsPlans bool      `json:"savings_plans"`
	Credits      bool      `json:"credits"`
}

// SharingAt returns what an account shares at an instant.
func (a Account) SharingAt(at time.Time) Sharing {
	s := Sharing{Reservations: true, SavingsPlans: true, Credits: true}
	for _, next := range a.Sharing {
		if !next.From.After(at) {
			s = next
		}
	}
	return s
}

// Location loads the issuer's time zone.
func (i Issuer) Location() (*time.Location, error) {
	loc, err := time.LoadLocation(i.TimeZone)
	if err != nil || i.TimeZone == "Local" { // Local would be whatever the host is set to
		return nil, fmt.Errorf("issuer %s: time zone %q is not known; use an IANA name such as Asia/Seoul", i.ID, i.TimeZone)
	}
	return loc, nil
}

// Issuer returns the issuer with the given id.
func (o *Organization) Issuer(id string) (Issuer, bool) {
	for _, i := range o.Issuers {
		if i.ID == id {
			return i, true
		}
	}
	return Issuer{}, false
}

// PayersOf returns the payers of one issuer, sorted by account id.
func (o *Organization) PayersOf(issuer string) []Payer {
	var ps []Payer
	for _, p := range o.Payers {
		if p.Issuer == issuer {
			ps = append(ps, p)
		}
	}
	sort.Slice(ps, func(a, b int) bool { return ps[a].AccountID < ps[b].AccountID })
	return ps
}

// Membership is one account's belonging to a payer, found by PayerAt.
type Membership struct {
	Payer   int // index into Organization.Payers
	Account Account
}

// Memberships indexes the organization by account id; the stretches of one
// account are sorted by time.
func (o *Organization) Memberships() map[string][]Membership {
	m := map[string][]Membership{}
	for i, p := range o.Payers {
		for _, a := range p.Accounts {
			m[a.ID] = append(m[a.ID], Membership{Payer: i, Account: a})
		}
	}
	for _, list := range m {
		sort.Slice(list, func(a, b int) bool { return list[a].Account.From.Before(list[b].Account.From) })
	}
	return m
}

// MemberAt returns the membership that holds at an instant, or false.
func MemberAt(list []Membership, at time.Time) (Membership, bool) {
	for _, m := range list {
		if !at.Before(m.Account.From) && (m.Account.Until.IsZero() || at.Before(m.Account.Until)) {
			return m, true
		}
	}
	return Membership{}, false
}

// Check returns every contradiction: unknown issuers, two payers at one
// instant, empty or repeated ids, accounts that cannot stand in an object key,
// countries that are none, and sharing out of order.
func (o *Organization) Check(file string) Problems {
	var ps Problems
	fault := func(field, value, reason, hint string) {
		ps = append(ps, Problem{File: file, Field: field, Value: value, Reason: reason, Hint: hint})
	}
	seen := map[string]bool{}
	for _, i := range o.Issuers {
		if !ValidIssuerID(i.ID) {
			fault("issuers.id", i.ID, "is not an issuer id", "use lower-case letters, digits and dashes, at most 32")
		}
		if seen[i.ID] {
			fault("issuers.id", i.ID, "stands twice", "give each issuer its own id")
		}
		seen[i.ID] = true
		if _, err := i.Location(); err != nil {
			fault("issuers.time_zone", i.TimeZone, "is not known", "use an IANA name such as Asia/Seoul")
		}
	}
	payers := map[string]bool{}
	for _, p := range o.Payers {
		if !seen[p.Issuer] {
			fault("payers.issuer", p.Issuer, "names no issuer of this file", "add it under issuers")
		}
		if payers[p.AccountID] {
			fault("payers.account_id", p.AccountID, "stands twice", "list each payer once")
		}
		payers[p.AccountID] = true
		if !ValidAccountID(p.AccountID) {
			fault("payers.account_id", p.AccountID, "is not an account id", "use 1 to 64 letters, digits, dashes or underscores")
		}
		if p.Country != "" && !ValidCountry(p.Country) {
			fault("payers.country", p.Country, "is not a country", "write the two capital letters of ISO 3166, such as DE")
		}
	}
	o.checkMemberships(fault)
	return ps
}

func (o *Organization) checkMemberships(fault func(field, value, reason, hint string)) {
	all := o.Memberships()
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		if !ValidAccountID(id) {
			fault("accounts.id", id, "is not an account id", "use 1 to 64 letters, digits, dashes or underscores")
		}
		list := all[id]
		for _, m := range list {
			if a := m.Account; !a.Until.IsZero() && !a.From.Before(a.Until) {
				fault("accounts.until", id, "ends before it begins", "until is the first instant no longer; put it after from")
			}
			for i := 1; i < len(m.Account.Sharing); i++ {
				if !m.Account.Sharing[i-1].From.Before(m.Account.Sharing[i].From) {
					fault("accounts.id", id, "has sharing that is not in the order of time", "list its stretches by from, each once")
				}
			}
		}
		for i := 1; i < len(list); i++ {
			prev := list[i-1].Account
			if prev.Until.IsZero() || list[i].Account.From.Before(prev.Until) {
				fault("accounts.id", id, "has two payers at one instant", "end one membership with until before the next begins")
			}
		}
	}
}

// ValidAccountID tells whether an id may name an account: 1 to 64 letters,
// digits, dashes or underscores. Account ids stand in object keys, so nothing
// else is let in.
func ValidAccountID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// ValidCountry tells whether a text has the form of a country: the two capital
// letters of ISO 3166-1.
func ValidCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// ValidIssuerID tells whether an id may name an issuer: 1 to 32 lower-case
// letters, digits or dashes.
func ValidIssuerID(id string) bool {
	if len(id) == 0 || len(id) > 32 {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
