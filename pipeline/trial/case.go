package trial

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// AnyPayer is the account of the payer of a case that names none.
const AnyPayer = "000000000000"

// World is what cases are tried against.
type World struct {
	Catalog      *price.Catalog
	Offers       *offer.Offers
	Organization *schema.Organization // nil: none, and cases name no payer
}

// Run tries a case and returns in what the outcome differs from what the case
// expects: nothing when it holds. The error is for a case that cannot be tried.
func (w World) Run(c price.Case) (differs []string, err error) {
	in, err := w.input(c)
	if err != nil {
		return nil, err
	}
	payer := c.Payer
	if payer == "" {
		payer = AnyPayer
	}
	records, origin := recordsOf(c, payer, in.Period)
	result, err := Rate(in, records, nil)
	if err != nil {
		return nil, err
	}
	if differs = refused(result.Verdicts, origin); len(differs) > 0 {
		return differs, nil
	}
	return compare(c, payerOf(result, in, payer))
}

func (w World) input(c price.Case) (rate.Input, error) {
	org := w.Organization
	if c.Payer == "" {
		org = w.invented(c)
	} else if org == nil {
		return rate.Input{}, fmt.Errorf("names payer %s, and there is no organization; give the configuration with --config, or leave payer out", c.Payer)
	}
	in := rate.Input{Organization: org, Catalog: w.Catalog, Offers: w.Offers}
	for _, p := range org.Payers {
		if c.Payer == "" || p.AccountID == c.Payer {
			in.Issuer, _ = org.Issuer(p.Issuer)
		}
	}
	if in.Issuer.ID == "" {
		return in, fmt.Errorf("payer %s is not in the organization; correct it, or leave payer out", c.Payer)
	}
	zone, err := in.Issuer.Location()
	if err != nil {
		return in, err
	}
	if c.Month == "" {
		in.Period = monthOfAllPrices(w.Catalog, zone)
		return in, nil
	}
	in.Period, err = schema.ParsePeriod(c.Month, zone)
	return in, err
}

// monthOfAllPrices is the first month that begins when the newest version of
// every price holds: what a case means that says no month.
func monthOfAllPrices(c *price.Catalog, zone *time.Location) schema.Period {
	newest := int64(0)
	for _, s := range c.SKUs {
		newest = max(newest, s.Versions[len(s.Versions)-1].Effective)
	}
	p := schema.PeriodAt(time.Unix(newest, 0), zone)
	if p.Start.Unix() < newest {
		p = p.Next(zone)
	}
	return p
}

// invented is an organization of one payer with all accounts of a case, billed
// in the currency of the first usage's price, by UTC.
func (w World) invented(c price.Case) *schema.Organization {
	issuer := schema.Issuer{ID: "trial", Name: "trial", TimeZone: "UTC", Currency: w.Catalog.SKUs[0].Currency}
	payer := schema.Payer{AccountID: AnyPayer, Name: AnyPayer, Issuer: issuer.ID}
	known := map[string]bool{AnyPayer: true}
	for i, u := range c.Usage {
		if sku, ok := w.Catalog.Match(u.ServiceCode, u.UsageType, u.Operation, u.Region); ok && i == 0 {
			issuer.Currency = w.Catalog.SKUs[sku].Currency
		}
		known[u.Account] = true
	}
	delete(known, "")
	for _, id := range slices.Sorted(maps.Keys(known)) {
		payer.Accounts = append(payer.Accounts, schema.Account{ID: id, Name: id})
	}
	return &schema.Organization{Issuers: []schema.Issuer{issuer}, Payers: []schema.Payer{payer}}
}

// recordsOf spells the usage of a case out, hour by hour. origin says which usage
// a record is of.
func recordsOf(c price.Case, payer string, p schema.Period) (records []Record, origin []int) {
	for i, u := range c.Usage {
		r := Record{Head: batch.Head{Account: u.Account, Service: u.ServiceCode, UsageType: u.UsageType, Operation: u.Operation},
			Resource: u.Resource, Amount: u.Amount,
			Tail: batch.Tail{Region: u.Region, Zone: u.Zone, Unit: u.Unit, LineItemType: schema.LineItemUsage}}
		if u.Account == "" {
			r.Head.Account = payer
		}
		start := u.At
		if start.IsZero() {
			start = p.Start
		}
		for hour := range max(1, u.Hours) {
			at := start.Add(time.Duration(hour) * time.Hour)
			r.Start, r.End = at.UnixNano(), at.Add(time.Hour).UnixNano()
			if at.Before(p.End) {
				r.End = min(r.End, p.End.UnixNano())
			}
			records, origin = append(records, r), append(origin, i)
		}
	}
	return records, origin
}

// refused says which usage has no price, once for each.
func refused(verdicts []rate.Verdict, origin []int) []string {
	var list []string
	last := -1
	for i, v := range verdicts {
		if v == rate.Charge || origin[i] == last {
			continue
		}
		last = origin[i]
		if v == rate.Foreign {
			list = append(list, fmt.Sprintf("usage[%d]: lies outside the month, or its account belongs to another issuer", last))
			continue
		}
		list = append(list, fmt.Sprintf("usage[%d]: %s; %s", last, v.Reason(), v.Hint()))
	}
	return list
}
