package sample_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// readOffers reads offers and organization as the program does, with every
// check that it has.
func readOffers(t *testing.T, d *folder) (offer.Offers, schema.Organization) {
	t.Helper()
	o, problems := config.LoadOffers(sample.OffersFile, d.files[sample.OffersFile].Bytes())
	org, more := config.LoadOrganization(sample.OrganizationFile, d.files[sample.OrganizationFile].Bytes())
	c := readPrices(t, d)
	for _, ps := range []schema.Problems{problems, more, o.Check(sample.OffersFile, c), o.Unused(sample.OffersFile, c),
		o.CheckOrganization(sample.OffersFile, &org), org.Check(sample.OrganizationFile)} {
		if err := ps.Err(); err != nil {
			t.Fatalf("%v\n%s", err, d.files[sample.OffersFile])
		}
	}
	return o, org
}

// TestFirstPayerHasEveryOffer counts what makes lines on the first payer's bill.
func TestFirstPayerHasEveryOffer(t *testing.T) {
	for _, tc := range []struct {
		organizations, plans, support, taxes int
	}{{1, 1, 1, 1}, {2, 1, 2, 2}, {3, 2, 2, 3}, {7, 3, 3, 3}} {
		opt := small(t)
		opt.Organizations, opt.Records = tc.organizations, 2000
		d, _ := generate(t, opt)
		o, org := readOffers(t, d)
		got := fmt.Sprint(len(o.Discounts), len(o.Reservations), len(o.SavingsPlans), len(o.Fees), len(o.Support), len(o.Credits), len(o.Taxes))
		if want := fmt.Sprint(1, 1, tc.plans, 1, tc.support, 1, tc.taxes); got != want {
			t.Errorf("%d organizations: discounts, reservations, plans, fees, support, credits, taxes %s, want %s", tc.organizations, got, want)
		}
		first := org.Payers[0]
		r := o.Reservations[0]
		for what, id := range map[string]string{"discount": o.Discounts[0].Payers[0], "plan": o.SavingsPlans[0].Account,
			"fee": o.Fees[0].Account, "support": o.Support[0].Payer, "credit": o.Credits[0].Account} {
			if id != first.AccountID {
				t.Errorf("the first %s is for %s, not %s", what, id, first.AccountID)
			}
		}
		if r.Account != first.Accounts[1].ID || !r.SizeFlexible || money.Sign(r.Upfront) <= 0 || money.Sign(r.Hourly) <= 0 {
			t.Errorf("reservation %+v", r)
		}
	}
}

// TestReservationCostsLess compares what a reserved hour costs, up-front payment
// and all, with the price list: 55 to 65 percent.
func TestReservationCostsLess(t *testing.T) {
	for seed := range uint64(10) {
		opt := small(t)
		opt.Seed, opt.Records = seed, 3000*(1+int(seed))
		d, _ := generate(t, opt)
		o, _ := readOffers(t, d)
		r, c := o.Reservations[0], readPrices(t, d)
		n, ok := c.Match(r.Select.ServiceCode, r.Select.UsageType, "RunInstances", r.Select.Region)
		if !ok {
			t.Fatalf("no price for %+v", r.Select)
		}
		list := c.SKUs[n].Versions[0].Tiers[0].Rate
		perUnit, err := money.Ratio(r.Upfront, money.UsageFromInt(r.Count*365*24))
		if err != nil {
			t.Fatal(err)
		}
		all, _ := money.Add(perUnit, r.Hourly)
		hundredfold, _ := money.MulInt(all, 100)
		low, _ := money.MulInt(list, 55)
		high, _ := money.MulInt(list, 65)
		if money.Cmp(hundredfold, low) < 0 || money.Cmp(hundredfold, high) > 0 {
			t.Errorf("seed %d: %s an hour reserved, %s on demand", seed, all, list)
		}
	}
}

func TestSimpleOffers(t *testing.T) {
	opt := small(t)
	opt.Simple = true
	d, _ := generate(t, opt)
	if o, _ := readOffers(t, d); o.MonthWide() || len(o.FreeTier) != 12 {
		t.Errorf("%d pools, and more than pools: %v", len(o.FreeTier), o.MonthWide())
	}
}

// TestMonthCloses takes a month and its late records through the pipeline: the
// month and the next one close with nothing in suspense, and who has a bill has
// something to pay.
func TestMonthCloses(t *testing.T) {
	for _, tc := range []struct {
		name                             string
		organizations, accounts, records int
		period, next                     string
	}{
		{"demo in small", 3, 30, 3000, "2026-10", "2026-11"},
		{"one organization, one record", 1, 2, 1, "2028-02", "2028-03"},
		{"fewer records than accounts", 7, 60, 40, "2026-12", "2027-01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := small(t)
			opt.Organizations, opt.Accounts, opt.Records, opt.Period = tc.organizations, tc.accounts, tc.records, month(t, tc.period)
			opt.Late, opt.Duplicates, opt.Formats = 0.1, 0, []string{"csv"}
			d, s := generate(t, opt)
			p := newPipeline(t, d)
			deliver(t, p, d, s, sample.UsageFolder)
			closeMonth(t, p, tc.period, tc.records > tc.accounts)
			deliver(t, p, d, s, sample.LateFolder)
			closeMonth(t, p, tc.next, false)
		})
	}
}

// newPipeline is a pipeline over an empty store with the sample's files.
func newPipeline(t *testing.T, d *folder) *pipeline.Pipeline {
	t.Helper()
	offers, org := readOffers(t, d)
	files := []pipeline.PriceFile{{Name: sample.PricesFile, Data: d.files[sample.PricesFile].Bytes()}}
	if f := d.files[sample.WonPricesFile]; f != nil {
		files = append(files, pipeline.PriceFile{Name: sample.WonPricesFile, Data: f.Bytes()})
	}
	prices, err := pipeline.ParsePrices(files)
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline.Pipeline{Store: store.NewMemory(), TempDir: t.TempDir(), Attempt: "test", Log: slog.New(slog.DiscardHandler),
		Limits: ingest.DefaultLimits(), Organization: &org, Offers: &offers, Prices: prices,
		Now: func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }}
}

// deliver takes in the usage files of a folder.
func deliver(t *testing.T, p *pipeline.Pipeline, d *folder, s sample.Summary, from string) {
	t.Helper()
	var files []ingest.Input
	for _, f := range s.Files {
		if data := d.files[f.Name].Bytes(); strings.HasPrefix(f.Name, from+"/") {
			files = append(files, ingest.Input{Name: f.Name, Size: int64(len(data)),
				Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
		}
	}
	if _, err := p.Ingest(context.Background(), ingest.Source{Name: sample.Source}, files); err != nil {
		t.Fatal(err)
	}
}

// closeMonth closes a month of every issuer.
func closeMonth(t *testing.T, p *pipeline.Pipeline, name string, everybody bool) {
	t.Helper()
	bills := 0
	for _, issuer := range p.Organization.Issuers {
		c, err := p.Close(context.Background(), issuer.ID, name)
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Run.Records; r.Charged != r.Accepted {
			t.Errorf("%s of %s: records %+v", name, issuer.ID, r)
		}
		for _, b := range c.Run.Bills {
			if bills++; money.Sign(b.Total) < 0 || everybody && money.Sign(b.Total) == 0 {
				t.Errorf("%s: payer %s owes %s", name, b.Payer, b.Total)
			}
		}
	}
	if everybody && bills != len(p.Organization.Payers) {
		t.Errorf("%s: %d bills of %d payers", name, bills, len(p.Organization.Payers))
	}
}
