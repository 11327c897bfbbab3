package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
)

func day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// acme has one issuer, two payers, and an account that moves between them.
func acme() schema.Organization {
	return schema.Organization{
		Issuers: []schema.Issuer{{ID: "acme", Name: "Acme", TimeZone: "Asia/Seoul", Currency: "USD"}},
		Payers: []schema.Payer{
			{AccountID: "p2", Issuer: "acme", Accounts: []schema.Account{{ID: "p2"}, {ID: "moves", From: day(2026, 10, 15)}}},
			{AccountID: "p1", Issuer: "acme", Accounts: []schema.Account{{ID: "p1"}, {ID: "moves", Until: day(2026, 10, 10)}}},
		},
	}
}

func TestMembershipHoldsFromAndUntil(t *testing.T) {
	org := acme()
	list := org.Memberships()["moves"]
	for _, c := range []struct {
		at    time.Time
		payer string // "" for none
	}{
		{day(1971, 1, 1), "p1"},
		{day(2026, 10, 10).Add(-1), "p1"},
		{day(2026, 10, 10), ""},
		{day(2026, 10, 15).Add(-1), ""},
		{day(2026, 10, 15), "p2"},
		{day(2200, 1, 1), "p2"},
	} {
		m, ok := schema.MemberAt(list, c.at)
		got := ""
		if ok {
			got = org.Payers[m.Payer].AccountID
		}
		if got != c.payer {
			t.Errorf("at %s the payer is %q, want %q", c.at, got, c.payer)
		}
	}
	if _, ok := schema.MemberAt(org.Memberships()["nobody"], day(2026, 1, 1)); ok {
		t.Error("an account that is not listed has a payer")
	}
}

func TestOrganizationFindsByID(t *testing.T) {
	org := acme()
	if i, ok := org.Issuer("acme"); !ok || i.Name != "Acme" {
		t.Errorf("issuer acme: %v %t", i, ok)
	}
	if _, ok := org.Issuer("other"); ok {
		t.Error("found an issuer that is not there")
	}
	ps := org.PayersOf("acme")
	if len(ps) != 2 || ps[0].AccountID != "p1" || ps[1].AccountID != "p2" {
		t.Errorf("payers are not sorted: %v", ps)
	}
	if len(org.PayersOf("other")) != 0 {
		t.Error("another issuer has payers")
	}
}

func TestOrganizationWithoutContradiction(t *testing.T) {
	org := acme()
	org.Payers[0].Accounts[1].From = day(2026, 10, 10) // touches, does not overlap
	if ps := org.Check("org.yaml"); len(ps) != 0 {
		t.Errorf("found %v", ps)
	}
}

func TestOrganizationContradictions(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(*schema.Organization)
		want  string
	}{
		{"issuer id", func(o *schema.Organization) { o.Issuers[0].ID = "Acme/1" }, "is not an issuer id"},
		{"issuer twice", func(o *schema.Organization) { o.Issuers = append(o.Issuers, o.Issuers[0]) }, "stands twice"},
		{"zone", func(o *schema.Organization) { o.Issuers[0].TimeZone = "Asia/Nowhere" }, "is not known"},
		{"unknown issuer", func(o *schema.Organization) { o.Payers[0].Issuer = "x" }, "names no issuer"},
		{"payer twice", func(o *schema.Organization) { o.Payers[0].AccountID = "p1" }, "stands twice"},
		{"payer id", func(o *schema.Organization) { o.Payers[0].AccountID = "../p" }, "is not an account id"},
		{"account id", func(o *schema.Organization) { o.Payers[0].Accounts[0].ID = "a b" }, "is not an account id"},
		{"Case_D27_overlap", func(o *schema.Organization) { o.Payers[0].Accounts[1].From = day(2026, 10, 10).Add(-1) }, "two payers at one instant"},
		{"Case_D27_never ends", func(o *schema.Organization) { o.Payers[1].Accounts[1].Until = time.Time{} }, "two payers at one instant"},
		{"country", func(o *schema.Organization) { o.Payers[0].Country = "de" }, "is not a country"},
		{"country in three letters", func(o *schema.Organization) { o.Payers[0].Country = "DEU" }, "is not a country"},
		{"sharing out of order", func(o *schema.Organization) {
			o.Payers[0].Accounts[0].Sharing = []schema.Sharing{{From: day(2026, 10, 2)}, {From: day(2026, 10, 1)}}
		}, "has sharing that is not in the order of time"},
		{"sharing twice", func(o *schema.Organization) { o.Payers[0].Accounts[0].Sharing = []schema.Sharing{{}, {}} }, "has sharing that is not in the order of time"},
		{"ends before it begins", func(o *schema.Organization) { o.Payers[0].Accounts[1].Until = day(2026, 10, 15) }, "ends before it begins"},
	} {
		t.Run(c.name, func(t *testing.T) {
			org := acme()
			c.fault(&org)
			ps := org.Check("org.yaml")
			if len(ps) == 0 || !strings.Contains(ps.Error(), c.want) || ps[0].File != "org.yaml" || ps[0].Hint == "" {
				t.Errorf("found %q, want %q", ps.Error(), c.want)
			}
		})
	}
}

func TestIDsThatMayStandInKeys(t *testing.T) {
	for id, want := range map[string]bool{"123456789012": true, "Team_a-1": true, "": false, "a/b": false, "..": false,
		"ä": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if got := schema.ValidAccountID(id); got != want {
			t.Errorf("account id %q: valid is %t", id, got)
		}
	}
	for id, want := range map[string]bool{"acme-kr1": true, "": false, "Acme": false, "a_b": false, "a/b": false,
		strings.Repeat("a", 32): true, strings.Repeat("a", 33): false} {
		if got := schema.ValidIssuerID(id); got != want {
			t.Errorf("issuer id %q: valid is %t", id, got)
		}
	}
}

func TestLocationDoesNotDependOnTheHost(t *testing.T) {
	for _, name := range []string{"Nowhere/City", "Local"} {
		if _, err := (schema.Issuer{ID: "a", TimeZone: name}).Location(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if loc, err := (schema.Issuer{ID: "a"}).Location(); err != nil || loc != time.UTC {
		t.Errorf("without a zone: %v, %v", loc, err)
	}
}

func TestSharingHoldsFromAnInstant(t *testing.T) {
	all := schema.Sharing{Reservations: true, SavingsPlans: true, Credits: true}
	none, credits := schema.Sharing{From: day(2026, 10, 1)}, schema.Sharing{From: day(2026, 11, 1), Credits: true}
	a := schema.Account{ID: "a", Sharing: []schema.Sharing{none, credits}}
	for _, c := range []struct {
		at   time.Time
		want schema.Sharing
	}{{day(2026, 10, 1).Add(-1), all}, {day(2026, 10, 1), none}, {day(2026, 11, 1).Add(-1), none}, {day(2026, 11, 1), credits}} {
		if got := a.SharingAt(c.at); got != c.want {
			t.Errorf("at %s: got %+v, want %+v", c.at, got, c.want)
		}
	}
}
