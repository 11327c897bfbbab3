package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
)

const issuerLine = "issuers: [{id: kr, name: K, currency: KRW, time_zone: Asia/Seoul}]\n"

func TestOrganization(t *testing.T) {
	o, ps := LoadOrganization("o.yaml", []byte(`
payers:
  - account_id: 000000000012
    name: P
    issuer: kr
    accounts:
      - {id: 0013, name: dev, from: 2026-10-01, until: 2026-11-01T00:00:00Z}
      - {id: "0013", from: 2026-12-01, sharing: {savings_plans: false}}
  - {account_id: q, name: Q, issuer: utc, billing: a@example.com, country: DE, region: Bayern, since: 2026-02-03,
     accounts: [{id: q, until: 2026-10-01, sharing: [{reservations: false}, {from: 2026-09-01, credits: false}]}]}
issuers:
  - {id: kr, name: K, currency: KRW, time_zone: Asia/Seoul, invoice_prefix: K-, invoice_digits: 6, payment_terms_days: 0}
  - {id: utc, name: U, currency: USD}
`))
	if ps != nil {
		t.Fatal(ps)
	}
	midnight := func(month time.Month, hour int) time.Time { return time.Date(2026, month, 1, hour, 0, 0, 0, time.UTC) }
	want := schema.Organization{
		Issuers: []schema.Issuer{
			{ID: "kr", Name: "K", Currency: "KRW", TimeZone: "Asia/Seoul", InvoicePrefix: "K-", InvoiceDigits: 6},
			{ID: "utc", Name: "U", Currency: "USD", TimeZone: "UTC", InvoiceDigits: 9, PaymentTermsDays: 30},
		},
		Payers: []schema.Payer{
			{AccountID: "000000000012", Name: "P", Issuer: "kr", Accounts: []schema.Account{
				{ID: "000000000012", Name: "P"},
				{ID: "0013", Name: "dev", From: midnight(10, -9), Until: midnight(11, 0)},
				{ID: "0013", Name: "0013", From: midnight(12, -9), Sharing: []schema.Sharing{{Reservations: true, Credits: true}}},
			}},
			{AccountID: "q", Name: "Q", Issuer: "utc", Billing: []string{"a@example.com"}, Country: "DE", Region: "Bayern", Since: schema.Date{Year: 2026, Month: 2, Day: 3},
				Accounts: []schema.Account{{ID: "q", Name: "q", Until: midnight(10, 0), Sharing: []schema.Sharing{
					{SavingsPlans: true, Credits: true}, {From: midnight(9, 0), Reservations: true, SavingsPlans: true}}}}},
		},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
}

func TestOrganizationFaults(t *testing.T) {
	payers := func(s string) string { return issuerLine + "payers: [" + s + "]\n" }
	issuers := func(s string) string { return "issuers: [" + s + "]\npayers: [{account_id: a, name: A, issuer: kr}]\n" }
	for _, c := range []struct{ text, want string }{
		{"payers: []", "o.yaml:1:1: issuers is missing"},
		{"payers: []", "o.yaml:1:9: payers is an empty list"},
		{issuers("{name: K, currency: KRW}"), "o.yaml:1:11: issuers[0].id is missing"},
		{issuers("{id: kr}"), "o.yaml:1:11: issuers[0].name is missing"},
		{issuers("{id: kr}"), "o.yaml:1:11: issuers[0].currency is missing"},
		{issuers("{id: KR, name: K, currency: KRW}"), `o.yaml:1:16: issuers.id "KR" is not an issuer id`},
		{issuers("{id: kr, name: K, currency: KRW}, {id: kr, name: K, currency: KRW}"), `o.yaml:1:50: issuers.id "kr" stands twice`},
		{issuers("{id: kr, name: K, currency: krw}"), `o.yaml:1:39: issuers[0].currency "krw" is not a currency`},
		{issuers("{id: kr, name: K, currency: KRW, time_zone: Soul}"), `o.yaml:1:55: issuers.time_zone "Soul" is not known`},
		{issuers("{id: kr, name: K, currency: KRW, time_zone: Local}"), `issuers[0].time_zone "Local" is not a time zone`},
		{issuers("{id: kr, name: K, currency: KRW, invoice_digits: 0}"), `issuers[0].invoice_digits "0" is not a whole number from 1 to 18`},
		{issuers("{id: kr, name: K, currency: KRW, payment_terms_days: 366}"), `issuers[0].payment_terms_days "366" is not a whole number`},
		{issuers("{id: kr, name: K, currency: KRW, invoice_prefix: 'a b'}"), `issuers[0].invoice_prefix "a b" is not a prefix`},
		{issuers("{id: kr, name: K, currency: KRW, timezone: UTC}"), "did you mean time_zone?"},
		{payers("{name: A, issuer: kr}"), "o.yaml:2:10: payers[0].account_id is missing"},
		{payers("{account_id: a, issuer: kr}"), "o.yaml:2:10: payers[0].name is missing"},
		{payers("{account_id: a, name: A}"), "o.yaml:2:10: payers[0].issuer is missing"},
		{payers("{account_id: a/b, name: A, issuer: kr}"), `o.yaml:2:23: payers.account_id "a/b" is not an account id`},
		{payers("{account_id: a, name: A, issuer: us}"), `o.yaml:2:43: payers.issuer "us" names no issuer`},
		{payers("{account_id: a, name: A, issuer: us}, {account_id: b, name: B, issuer: us}"), `o.yaml:2:81: payers.issuer "us" names no issuer`},
		{payers("{account_id: a, name: A, issuer: us}, {account_id: b, name: B, issuer: us}"), `o.yaml:2:43: payers.issuer "us" names no issuer`},
		{payers("{account_id: a, name: A, issuer: kr}, {account_id: a, name: B, issuer: kr}"), `o.yaml:2:61: payers.account_id "a" stands twice`},
		{payers("{account_id: a, name: A, issuer: kr, email: x}"), `payers[0].email "x" is not an e-mail address`},
		{payers("{account_id: a, name: A, issuer: kr, email: 'A <a@example.com>'}"), "is not an e-mail address"},
		{payers("{account_id: a, name: A, issuer: kr, billing: [a@example.com, b]}"), `payers[0].billing[1] "b" is not an e-mail address`},
		{payers("{account_id: a, name: A, issuer: kr, address: ['x', '']}"), "payers[0].address[1] is blank"},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{name: x}]}"), "o.yaml:2:58: payers[0].accounts[0].id is missing"},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: 'x y'}]}"), `o.yaml:2:63: accounts.id "x y" is not an account id`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, from: 2026-13-01}]}"), `payers[0].accounts[0].from "2026-13-01" is not a time`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, from: 2026-10-01T00:00:00}]}"), "is not a time"},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, from: 2026-10-01, until: 2026-10-01}]}"), `accounts[0].until "2026-10-01" is not after from`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, until: 2026-10-02}, {id: x, from: 2026-10-01}]}"), `o.yaml:2:91: accounts.id "x" has two payers at one instant`},
		{payers("{account_id: a, name: A, issuer: kr, country: Germany}"), `o.yaml:2:56: payers.country "Germany" is not a country`},
		{payers("{account_id: a, name: A, issuer: kr, since: now}"), `payers[0].since "now" is not a day`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: {from: 2026-10-01}}]}"), `payers[0].accounts[0].sharing.from is not a key here`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: {credits: maybe}}]}"), `sharing.credits "maybe" is neither true nor false`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: {reservation: true}}]}"), "did you mean reservations?"},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: all}]}"), `payers[0].accounts[0].sharing "all" is not a list`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: [{from: yesterday}]}]}"), `payers[0].accounts[0].sharing[0].from "yesterday" is not a time`},
		{payers("{account_id: a, name: A, issuer: kr, accounts: [{id: x, sharing: [{credits: true}, {credits: false}]}]}"), `o.yaml:2:63: accounts.id "x" has sharing that is not in the order of time`},
	} {
		_, ps := LoadOrganization("o.yaml", []byte(c.text))
		if !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, ps, c.want)
		}
	}
}

func TestExampleOrganization(t *testing.T) {
	o, ps := LoadOrganization("o.yaml", []byte(ExampleOrganization()))
	if ps != nil {
		t.Fatal(ps)
	}
	if len(o.Issuers) != 1 || len(o.Payers) != 1 || len(o.Payers[0].Accounts) != 3 {
		t.Errorf("got %+v", o)
	}
}

func FuzzLoadOrganization(f *testing.F) {
	f.Add([]byte(ExampleOrganization()))
	f.Add([]byte(issuerLine + "payers: [{account_id: a, name: A, issuer: kr, accounts: [{id: x, until: 2026-10-02}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, ps := LoadOrganization("o.yaml", data)
		checkProblems(t, ps)
		if ps == nil && len(o.Check("")) > 0 {
			t.Fatal(o.Check(""))
		}
	})
}
