package sample

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/monthend/monthend/schema"
)

// allowance is a free tier pool over one service.
type allowance struct {
	id, units, unit string
	service, usage  string // the usage type without its region prefix
}

var allowances = []allowance{
	{"ec2-t3-micro", "750", "Hrs", "AmazonEC2", "BoxUsage:t3.micro"},
	{"ebs-storage", "30", "GB-Mo", "AmazonEC2", "EBS:VolumeUsage*"},
	{"s3-put", "2000", "Requests", "AmazonS3", "Requests-Tier1"},
	{"s3-get", "20000", "Requests", "AmazonS3", "Requests-Tier2"},
	{"lambda-requests", "1000000", "Requests", "AWSLambda", "Request"},
	{"transfer-out", "100", "GB", "AWSDataTransfer", "DataTransfer-Out-Bytes"},
}

// writeOffers writes what is free for everybody, and what single payers have
// agreed: the first one has something of every kind, so that its bill shows
// every kind of line; of the others a few have a little.
func (w *world) writeOffers(out io.Writer) error {
	b := bufio.NewWriter(out)
	w.writePools(b)
	if w.opt.Simple {
		return b.Flush()
	}
	rng := rand.New(rand.NewPCG(w.opt.Seed, 4)) // 1 to 3 are the emitter's
	w.writeDiscount(b, rng)
	if err := w.writeCommitments(b, rng); err != nil {
		return fmt.Errorf("sample commitments: %w", err)
	}
	w.writeFee(b)
	w.writeSupport(b)
	w.writeCredit(b, rng)
	w.writeTaxes(b)
	return b.Flush()
}

// writePools writes every pool once for each currency: a pool has one, and so
// names the regions that it is good for.
func (w *world) writePools(b *bufio.Writer) {
	b.WriteString("free_tier:\n")
	for _, a := range allowances {
		writePool(b, a, a.id, regions[:seoul])
	}
	if w.won() {
		for _, a := range allowances {
			writePool(b, a, a.id+"-krw", regions[seoul:])
		}
	}
}

func writePool(b *bufio.Writer, a allowance, id string, places []region) {
	fmt.Fprintf(b, "  - id: %s\n    allowance: %s\n    unit: %s\n    select:\n", id, a.units, a.unit)
	for _, r := range places {
		fmt.Fprintf(b, "      - {service_code: %s, usage_type: %q, region_code: %s}\n", a.service, r.prefix+a.usage, r.code)
	}
}

// january returns the first day of a year, counted from that of the sample.
func (w *world) january(years int) schema.Date {
	return schema.Date{Year: w.period.Start.Year() + years, Month: 1, Day: 1}
}

func (w *world) writeDiscount(b *bufio.Writer, rng *rand.Rand) {
	percent := []string{"4", "5", "6.5", "8"}[rng.IntN(4)]
	fmt.Fprintf(b, "\ndiscounts:\n  - id: enterprise-agreement\n    type: EdpDiscount\n    description: Enterprise agreement, %s %%\n", percent)
	fmt.Fprintf(b, "    percent: %s\n    payers: [%q]\n    from: %s\n    until: %s\n",
		percent, w.payers[0].id(), w.january(-1), w.january(2))
}

// writeFee charges a line that is no cloud service, every month.
func (w *world) writeFee(b *bufio.Writer) {
	fmt.Fprintf(b, "\nfees:\n  - id: dedicated-line\n    account_id: %q\n    service_code: AWSDirectConnect\n", w.payers[0].id())
	fmt.Fprintf(b, "    description: Dedicated line of 1 Gbit/s, a month\n    amount: 310\n    from: %s\n", w.january(-1))
}

// supportPlan is a support plan in USD.
type supportPlan struct{ id, service, description, tiers, minimum string }

// support returns the plan of a payer, if it has one.
func (p *payer) support() (s supportPlan, ok bool) {
	switch {
	case p.index == 0:
		return supportPlan{"business", "AWSSupportBusiness", "Business support",
			"      - {upto: 10000, percent: 10}\n      - {upto: 80000, percent: 7}\n      - {percent: 5}\n", "100"}, true
	case p.index%wonEvery == 1:
		return supportPlan{"developer", "AWSSupportDeveloper", "Developer support", "      - {percent: 3}\n", "29"}, true
	}
	return supportPlan{}, false
}

func (w *world) writeSupport(b *bufio.Writer) {
	b.WriteString("\nsupport:\n")
	for i := range w.payers {
		p := &w.payers[i]
		if s, ok := p.support(); ok {
			fmt.Fprintf(b, "  - id: %s-%d\n    payer_account_id: %q\n    service_code: %s\n    description: %s\n    tiers:\n%s    minimum: %s\n",
				s.id, i+1, p.id(), s.service, s.description, s.tiers, s.minimum)
		}
	}
}

// writeCredit gives a credit for storage and databases: fees and support are
// left to pay in any case.
func (w *world) writeCredit(b *bufio.Writer, rng *rand.Rand) {
	granted := w.period.Start.AddDate(0, -1, 0)
	fmt.Fprintf(b, "\ncredits:\n  - id: migration\n    account_id: %q\n    description: Credit for moving in\n    amount: %d\n",
		w.payers[0].id(), 150+50*rng.IntN(6))
	fmt.Fprintf(b, "    from: %s\n    until: %s\n    services: [AmazonS3, AmazonRDS]\n",
		schema.DateOf(granted), schema.DateOf(granted.AddDate(1, 0, 0)))
}

// tax is what customers of a country owe.
type tax struct{ country, issuer, id, description, percent string }

// taxes has a rule for each country that payers come from.
func taxes() []tax {
	usd, won := usdIssuer().ID, wonIssuer().ID
	return []tax{
		{"IE", usd, "vat-ie", "Value added tax, Ireland", "23"},
		{"DE", usd, "vat-de", "Value added tax, Germany", "19"},
		{"KR", won, "vat-kr", "부가가치세", "10"},
	}
}

func (w *world) writeTaxes(b *bufio.Writer) {
	found := map[string]bool{}
	for _, p := range w.org.Payers {
		found[p.Country] = true
	}
	b.WriteString("\ntaxes:\n")
	for _, t := range taxes() {
		if found[t.country] {
			fmt.Fprintf(b, "  - id: %s\n    tax_type: VAT\n    description: %q\n    percent: %s\n    countries: [%s]\n    issuers: [%s]\n",
				t.id, t.description, t.percent, t.country, t.issuer)
		}
	}
}
