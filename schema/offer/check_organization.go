package offer

import (
	"fmt"

	"github.com/monthend/monthend/schema"
)

// CheckOrganization returns every account, payer and issuer that offers name
// and the organization does not have; file names the offers in messages.
func (o *Offers) CheckOrganization(file string, org *schema.Organization) schema.Problems {
	k := &membersCheck{check: check{file: file}, accounts: map[string]bool{}, payers: map[string]bool{}, issuers: map[string]bool{}}
	members := map[string]map[string]bool{} // accounts of each payer
	for _, i := range org.Issuers {
		k.issuers[i.ID] = true
	}
	for _, p := range org.Payers {
		k.payers[p.AccountID] = true
		members[p.AccountID] = map[string]bool{}
		for _, a := range p.Accounts {
			k.accounts[a.ID], members[p.AccountID][a.ID] = true, true
		}
	}
	for i, d := range o.Discounts {
		k.all(fmt.Sprintf("discounts[%d].payers", i), d.Payers, k.payers, "payer")
		k.all(fmt.Sprintf("discounts[%d].accounts", i), d.Accounts, k.accounts, "account")
	}
	for i, r := range o.Reservations {
		k.one(fmt.Sprintf("reservations[%d].account_id", i), r.Account, k.accounts, "account")
	}
	for i, p := range o.SavingsPlans {
		k.one(fmt.Sprintf("savings_plans[%d].account_id", i), p.Account, k.accounts, "account")
	}
	for i, f := range o.Fees {
		k.one(fmt.Sprintf("fees[%d].account_id", i), f.Account, k.accounts, "account")
	}
	for i, s := range o.Support {
		k.one(fmt.Sprintf("support[%d].payer_account_id", i), s.Payer, k.payers, "payer")
		if k.payers[s.Payer] {
			k.all(fmt.Sprintf("support[%d].accounts", i), s.Accounts, members[s.Payer], "account of payer "+s.Payer)
		}
	}
	for i, m := range o.Minimums {
		k.one(fmt.Sprintf("minimum_commitments[%d].payer_account_id", i), m.Payer, k.payers, "payer")
	}
	for i, c := range o.Credits {
		k.one(fmt.Sprintf("credits[%d].account_id", i), c.Account, k.accounts, "account")
		k.all(fmt.Sprintf("credits[%d].accounts", i), c.Accounts, k.accounts, "account")
	}
	for i, r := range o.Refunds {
		k.one(fmt.Sprintf("refunds[%d].account_id", i), r.Account, k.accounts, "account")
	}
	for i, t := range o.Taxes {
		k.all(fmt.Sprintf("taxes[%d].issuers", i), t.Issuers, k.issuers, "issuer")
		k.all(fmt.Sprintf("taxes[%d].exempt", i), t.Exempt, k.payers, "payer")
	}
	return k.problems
}

// membersCheck knows who is in an organization.
type membersCheck struct {
	check
	accounts, payers, issuers map[string]bool
}

func (k *membersCheck) one(path, id string, known map[string]bool, what string) {
	if !known[id] {
		k.fault(path, id, "is no "+what+" of the organization", "add it to the organization file, or correct the id")
	}
}

func (k *membersCheck) all(path string, ids []string, known map[string]bool, what string) {
	for i, id := range ids {
		k.one(fmt.Sprintf("%s[%d]", path, i), id, known, what)
	}
}
