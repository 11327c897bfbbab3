package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

// world is what a run is about: a few tiny months of a few accounts.
type world struct {
	organization *schema.Organization
	prices       pipeline.Prices
	offers       *offer.Offers
	exports      []pipeline.Export
	source       ingest.Source
	records      []record
	files        []ingest.Input
	faults       faults
	mystery      bool // some record has no price and must be waived
}

// record is one usage record; its resource is its id, so that every record is a
// line of its own in the charges.
type record struct {
	id, account string
	month       time.Time
	start       time.Time
	amount      int
	mystery     bool
	flat        bool // of a price that does not depend on the month
}

const (
	flatTo  = 50 // units of a payer's month at 1.00, the rest at 0.50
	mystery = "Disk:Mystery"
	disk    = "Disk:GB"
	flat    = "Disk:Flat" // 2.00 a unit
	header  = "record_id,usage_account_id,service_code,usage_type,operation,region_code,resource_id,usage_start,usage_end,usage_amount,unit"
)

const priceList = `SKU,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,serviceCode,Region Code,usageType,operation
DISK,DISK.OD.1,OnDemand,"GB of disk, the first 50",2025-01-01,0,50,GB,1.0000000000,USD,Disk,eu-west-1,Disk:GB,
DISK,DISK.OD.2,OnDemand,"GB of disk, from 50 on",2025-01-01,50,Inf,GB,0.5000000000,USD,Disk,eu-west-1,Disk:GB,
FLAT,FLAT.OD.1,OnDemand,"GB of disk at one price",2025-01-01,0,Inf,GB,2.0000000000,USD,Disk,eu-west-1,Disk:Flat,
`

// months are those of the runs; the first is there in a few only.
var months = []time.Time{month(8), month(9), month(10), month(11)}

func month(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }

func newWorld(rng *rand.Rand) *world {
	w := &world{offers: &offer.Offers{}, source: ingest.Source{Name: "meter"}}
	var err error
	if w.prices, err = pipeline.ParsePrices([]pipeline.PriceFile{{Name: "prices.csv", Data: []byte(priceList)}}); err != nil {
		panic(err)
	}
	w.organize(rng)
	w.mystery = rng.IntN(4) == 0
	w.meter(rng)
	w.deliver(rng)
	w.faults = faults{refused: 10, conflict: 8, denied: 2, lost: 20, lands: 20, truncated: 8, short: 8, kill: 5, pause: 20}
	if rng.IntN(8) == 0 {
		w.faults.torn = 4
	}
	switch rng.IntN(10) {
	case 0:
		w.exports = []pipeline.Export{{Name: "cur2", Format: report.Parquet, ChunkRows: 3, Resources: true}}
	case 1, 2:
		w.exports = []pipeline.Export{{Name: "csv", Format: report.CSV, ChunkRows: 4, Members: true, Resources: true}}
	}
	return w
}

func (w *world) organize(rng *rand.Rand) {
	org := &schema.Organization{Issuers: []schema.Issuer{{ID: "acme", Name: "Acme", TimeZone: "UTC", Currency: "USD", InvoicePrefix: "AC-", InvoiceDigits: 4}}}
	payer := func(issuer, id string, members ...string) {
		p := schema.Payer{AccountID: id, Name: "Payer " + id, Issuer: issuer}
		for _, m := range append(members, id) {
			p.Accounts = append(p.Accounts, schema.Account{ID: m, Name: "Account " + m})
		}
		org.Payers = append(org.Payers, p)
	}
	payer("acme", "p1", "m1")
	payer("acme", "p2")
	if rng.IntN(4) == 0 {
		org.Issuers = append(org.Issuers, schema.Issuer{ID: "seoul", Name: "Seoul", TimeZone: "Asia/Seoul", Currency: "USD", InvoicePrefix: "SE-"})
		payer("seoul", "p3")
	}
	w.organization = org
}

func (w *world) accounts() []string {
	var ids []string
	for _, p := range w.organization.Payers {
		for _, a := range p.Accounts {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// meter makes the records.
func (w *world) meter(rng *rand.Rand) {
	accounts := w.accounts()
	old := rng.IntN(8) == 0
	for i := range 8 + rng.IntN(8) {
		m := 1 + rng.IntN(2)
		switch {
		case rng.IntN(8) == 0:
			m = 3
		case old && rng.IntN(6) == 0:
			m = 0
		}
		hours := int(months[m].AddDate(0, 1, 0).Sub(months[m]).Hours())
		r := record{id: fmt.Sprintf("r%02d", i), account: accounts[rng.IntN(len(accounts))], month: months[m], amount: 1 + rng.IntN(40)}
		r.start = months[m].Add(time.Duration(12+rng.IntN(hours-24)) * time.Hour)
		r.mystery = w.mystery && rng.IntN(8) == 0
		r.flat = i%3 == 1
		w.records = append(w.records, r)
	}
}

func (r record) line() string {
	kind := disk
	switch {
	case r.mystery:
		kind = mystery
	case r.flat:
		kind = flat
	}
	return fmt.Sprintf("%s,%s,Disk,%s,,eu-west-1,%s,%s,%s,%d,GB", r.id, r.account, kind, r.id,
		r.start.Format(time.RFC3339), r.start.Add(time.Hour).Format(time.RFC3339), r.amount)
}

// deliver puts every record into one file or two.
func (w *world) deliver(rng *rand.Rand) {
	lines := make([][]string, 4+rng.IntN(2))
	for _, r := range w.records {
		first := rng.IntN(len(lines))
		lines[first] = append(lines[first], r.line())
		if second := rng.IntN(len(lines)); second != first && rng.IntN(3) == 0 {
			lines[second] = append(lines[second], r.line())
		}
	}
	for i, part := range lines {
		w.files = append(w.files, fileOf(fmt.Sprintf("usage-%d.csv", i), header+"\n"+strings.Join(part, "\n")+"\n"))
	}
}

func fileOf(name, text string) ingest.Input {
	return ingest.Input{Name: name, Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		OpenAt: func() (ingest.ReaderAtCloser, error) {
			return struct {
				io.ReaderAt
				io.Closer
			}{bytes.NewReader([]byte(text)), io.NopCloser(nil)}, nil
		}}
}

func names(months []time.Time) []string {
	var list []string
	for _, m := range months {
		list = append(list, m.Format("2006-01"))
	}
	return list
}

// The processes of a run, each as a crontab would start it.

func (p *proc) ingester(files []ingest.Input) {
	for tries := 0; tries < 3; tries++ {
		left := files[:0:0]
		for _, f := range files {
			if err := p.ingest(f); err != nil {
				left = append(left, f)
			}
			p.sleep(p.s.rng.IntN(200))
		}
		files = left
	}
}

func (p *proc) ingest(files ...ingest.Input) error {
	return p.do("ingest", func() error {
		in, err := p.Ingest(ctx(), p.s.world.source, files)
		if err == nil {
			p.s.acks = append(p.s.acks, ack{p.name, "ingest", "", "", in})
		}
		return err
	})
}

func ctx() context.Context { return context.Background() }

func (p *proc) each(times int, fn func(issuer, month string)) {
	for range times {
		for _, i := range p.s.world.organization.Issuers {
			for _, m := range names(months[:3]) {
				fn(i.ID, m)
			}
		}
		p.sleep(p.s.rng.IntN(300))
	}
}

func (p *proc) refresher() {
	p.each(2, func(issuer, month string) { p.refresh(issuer, month) })
}

func (p *proc) refresh(issuer, month string) error {
	p.period = month
	return p.do("refresh", func() error {
		run, err := p.Refresh(ctx(), issuer, month)
		if err == nil {
			p.s.checkRefreshed(run)
		}
		return err
	})
}

// closer closes what is open, as a scheduler does.
func (p *proc) closer() {
	for range 3 {
		for _, i := range p.s.world.organization.Issuers {
			var open []string
			_ = p.do("open", func() (err error) {
				open, err = p.OpenPeriods(ctx(), i.ID)
				return err
			})
			for _, m := range open {
				if m < "2026-11" {
					_ = p.close(i.ID, m)
				}
			}
		}
		p.sleep(p.s.rng.IntN(300))
	}
}

func (p *proc) close(issuer, month string) error {
	p.period = month
	return p.do("close", func() error {
		closed, err := p.Close(ctx(), issuer, month)
		if err == nil {
			p.s.acks = append(p.s.acks, ack{p.name, "close", issuer, month, closed})
		}
		return err
	})
}

func (p *proc) issuer() {
	p.each(3, func(issuer, month string) { _ = p.issue(issuer, month) })
}

func (p *proc) issue(issuer, month string) error {
	p.period = month
	if p.s.mutant.issue != nil {
		return p.do("issue", func() error { return p.s.mutant.issue(p, issuer, month) })
	}
	return p.do("issue", func() error {
		issued, err := p.Issue(ctx(), issuer, month)
		if err == nil {
			p.s.acks = append(p.s.acks, ack{p.name, "issue", issuer, month, issued})
		}
		return err
	})
}

func (p *proc) publisher() {
	p.each(3, func(issuer, month string) { _ = p.publish(issuer, month) })
}

func (p *proc) publish(issuer, month string) error {
	p.period = month
	if p.s.mutant.publish != nil {
		return p.do("publish", func() error { return p.s.mutant.publish(p, issuer, month) })
	}
	return p.do("publish", func() error {
		done, err := p.Publish(ctx(), issuer, month)
		if err == nil {
			p.s.acks = append(p.s.acks, ack{p.name, "publish", issuer, month, done})
		}
		return err
	})
}

func (p *proc) collector() {
	for range 3 {
		p.sleep(p.s.rng.IntN(400))
		_ = p.collect()
	}
}

func (p *proc) collect() error {
	return p.do("collect", func() error {
		_, err := p.Collect(ctx(), 0, false)
		return err
	})
}

// waiver is a person who waives whatever waits.
func (p *proc) waiver() {
	p.each(2, func(issuer, month string) { _ = p.waive(issuer, month) })
}

func (p *proc) waive(issuer, month string) error {
	p.period = month
	return p.do("waive", func() error {
		pending, err := p.Pending(ctx(), issuer, month)
		if err != nil || len(pending.Suspense)+len(pending.Rejects) == 0 {
			return err
		}
		var ids []string
		for _, s := range pending.Suspense {
			ids = append(ids, s.ID)
		}
		return p.Waive(ctx(), pending, ids, "known fault of the meter", "tester")
	})
}

// recover runs every verb to its end, by one process that nothing disturbs.
func (s *sim) recover() {
	s.direct, s.plan = true, nil
	p := s.process("recovery")
	p.skew = 0
	must := func(what string, run func() error) {
		err := run()
		if err == nil {
			return
		}
		// What a store stored wrongly stays in the way until it is collected.
		if s.world.faults.torn > 0 && p.collect() == nil && run() == nil {
			return
		}
		s.violate("recovery: %s: %v", what, err)
	}
	must("ingest", func() error { return p.ingest(s.world.files...) })
	for _, i := range s.world.organization.Issuers {
		for _, m := range p.openMonths(i.ID) {
			must("waive", func() error { return p.waive(i.ID, m) })
			must("close "+m, func() error { return p.close(i.ID, m) })
		}
		for _, m := range s.closedMonths(i.ID) {
			must("issue "+m, func() error { return p.issue(i.ID, m) })
			must("publish "+m, func() error { return p.publish(i.ID, m) })
		}
	}
}

func (p *proc) openMonths(issuer string) []string {
	var open []string
	err := errKilled
	for err == errKilled {
		err = p.do("open", func() (err error) {
			open, err = p.OpenPeriods(ctx(), issuer)
			return err
		})
	}
	if err != nil {
		p.s.violate("recovery: open periods: %v", err)
	}
	if !slices.Contains(open, "2026-11") {
		open = append(open, "2026-11")
	}
	slices.Sort(open)
	return slices.DeleteFunc(open, func(m string) bool { return m > "2026-11" })
}

// tick is what any later tick does: it repairs derived copies.
func (s *sim) tick() {
	p := s.process("tick")
	for _, i := range s.world.organization.Issuers {
		for _, m := range s.closedMonths(i.ID) {
			if err := p.refresh(i.ID, m); err != nil {
				s.violate("tick: %s %s: %v", i.ID, m, err)
			}
		}
	}
}

// judgeError tells the errors that a process may end with from those that mean
// a broken bucket.
func (s *sim) judgeError(p *proc, verb string, err error) {
	for _, kind := range kindsAllowed() {
		if err == nil || errors.Is(err, kind) {
			return
		}
	}
	if s.world.faults.torn == 0 && p.name != "recovery" {
		s.violate("%s: %s: %v", p.name, verb, err)
	}
}
