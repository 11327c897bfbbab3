package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/offer"
)

// ChargeRows is how many charges one file of them holds at most.
const ChargeRows = 4 << 20

// emitRows is how many charges are handed on at a time.
const emitRows = 1 << 16

// result is a finished computation of a period. Its charges and inputs are in
// the store; its bills are in memory, one per payer, by payer id.
type result struct {
	run      period.Run
	bills    []bill.Bill
	suspense []Suspense
	written  int64 // charges so far, for the progress
	sealing  bool  // stop before rating when anything is in suspense
	lost     error // late usage of a payer that is not there any more

	// The reports are written while the charges pass by.
	*reports
	spec reportSpec
}

// inputsOf serializes what a run depends on beside the usage. Equal inputs give
// equal bytes, whatever comments the files had.
func (p *Pipeline) inputsOf() ([]namedInput, error) {
	var inputs []namedInput
	for i, f := range p.Prices.Files {
		inputs = append(inputs, namedInput{fmt.Sprintf("prices-%d.csv", i+1), f.Data})
	}
	for _, in := range []struct {
		name  string
		value any
	}{{"offers.json", p.Offers}, {"organization.json", p.Organization}} {
		data, err := json.Marshal(in.value, json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("%s: %v", in.name, err)
		}
		inputs = append(inputs, namedInput{in.name, data})
	}
	return inputs, nil
}

type namedInput struct {
	name string
	data []byte
}

// runKey is everything that decides the content of a run; its hash is the
// run-id.
type runKey struct {
	Rules      int
	Generation int64 // of the period's log: a collector may have condemned the files of an earlier one
	Issuer     string
	Period     schema.Period
	Inputs     [][2]string // name, SHA-256
	Batches    []string
	Waived     map[string]int64
	Late       []lateKey
	Opening    []period.PayerBalances
}

func runID(key runKey) (string, error) {
	data, err := json.Marshal(key, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("run id: %v", err)
	}
	return store.RunID(key.Issuer, key.Period.Name, hexSum(data)), nil
}

// compute rates a period as the usage log up to the state's slot has it, and
// stores the charges. Running it again finds its own files and writes nothing
// new.
func (p *Pipeline) compute(ctx context.Context, at *place, before history, sealing bool) (*result, error) {
	issuer, per, u := at.issuer, at.period, at.usage
	inputs, err := p.inputsOf()
	if err != nil {
		return nil, err
	}
	batches := batchesOf(u, per, -1)
	key := runKey{Rules: rate.RulesVersion, Generation: at.month.Generation, Issuer: issuer.ID, Period: per, Waived: u.Waived,
		Opening: before.balances()}
	for _, b := range batches {
		key.Batches = append(key.Batches, b.SHA256)
	}
	for _, in := range inputs {
		key.Inputs = append(key.Inputs, [2]string{in.name, hexSum(in.data)})
	}
	for _, l := range before.late {
		key.Late = append(key.Late, l.key())
	}
	id, err := runID(key)
	if err != nil {
		return nil, err
	}
	r := &result{sealing: sealing, run: period.Run{ID: id, Rules: rate.RulesVersion, Issuer: issuer.ID, Period: per, UsageSlot: u.Slot, UsageHash: u.Hash}}
	if err := p.pinInputs(ctx, r, inputs); err != nil {
		return nil, err
	}
	if r.reports, err = p.newReports(); err != nil {
		return nil, err
	}
	r.spec = at.reportSpec(r.run, owners(p.Organization, issuer, per))
	in := rate.Input{Issuer: issuer, Period: per, Organization: p.Organization, Catalog: p.Prices.Catalog, Offers: p.Offers}
	err = p.rateInto(ctx, r, in, u, batches, before)
	if err == nil {
		err = p.addEmpty(ctx, at, r.reports, r.spec, p.Organization)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (p *Pipeline) pinInputs(ctx context.Context, r *result, inputs []namedInput) error {
	for _, in := range inputs {
		o := period.Object{Key: store.RunInput(r.run.ID, in.name), Bytes: int64(len(in.data)), SHA256: hexSum(in.data)}
		if err := p.createChecked(ctx, o, store.BytesBody(in.data)); err != nil {
			return err
		}
		r.run.Inputs = append(r.run.Inputs, o)
	}
	return nil
}

func (p *Pipeline) rateInto(ctx context.Context, r *result, in rate.Input, u *period.Usage, batches []period.SlotBatch, before history) error {
	dir, err := os.MkdirTemp(p.TempDir, "run-*")
	if err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	dims := batch.NewDims()
	g, err := p.gatherRated(ctx, in, dims, u, batches, dir)
	if err != nil {
		return err
	}
	defer g.close()
	corrections, err := p.gatherLate(ctx, dims, before.late, dir)
	if err != nil {
		return err
	}
	r.run.Records, r.suspense = g.records, g.suspended()
	for _, c := range corrections {
		defer c.close()
		addLate(&r.run.Records, c.before.records, c.after.records)
		r.suspense = append(r.suspense, c.after.suspended()...)
	}
	sorted, ranking := dims.Sorted()
	if r.sealing && r.run.Records.Suspense > 0 {
		return nil // checkRun says why
	}
	r.spec.suspense = r.run.Records.Suspense
	if r.lost, err = lostPayers(in, corrections, sorted, ranking); err != nil {
		return err
	}
	for _, payer := range payersIn(in, g, corrections) {
		m := &payerMonth{p: p, ctx: ctx, r: r, dir: dir, bill: rollup.NewBill(), payer: in.Organization.Payers[payer]}
		m.exports = p.exportWriters(ctx, r.reports, r.spec, m.payer.AccountID)
		out := batch.NewCharges(m.exports.owner, sorted, batch.NewTable[batch.Price]())
		source, err := m.charges(g, payer, corrections, before, ranking, out)
		if err != nil {
			return fmt.Errorf("payer %s: %w", m.payer.AccountID, err)
		}
		if err := m.write(in, source); err != nil {
			return err
		}
	}
	return nil
}

// addLate counts what came late among the records of the close that charges it.
func addLate(r *period.Records, before, after period.Records) {
	r.Late += after.Charged - before.Charged
	r.Accepted += after.Accepted - before.Accepted
	r.Charged += after.Charged - before.Charged
	r.Suspense += after.Suspense - before.Suspense
	r.Waived += after.Waived - before.Waived
}

// payersIn lists the payers that have something to be charged, by account id.
func payersIn(in rate.Input, g rated, corrections []*correction) []int32 {
	var list []int32
	for _, payer := range in.Organization.PayersOf(in.Issuer.ID) {
		for i := range in.Organization.Payers {
			if in.Organization.Payers[i].AccountID != payer.AccountID {
				continue
			}
			has := g.spills[int32(i)] != nil || in.Offers.MonthWide()
			for _, c := range corrections {
				has = has || c.has(payer.AccountID)
			}
			if has {
				list = append(list, int32(i))
			}
		}
	}
	return list
}

// chargeSource hands batches of charges to a function, in the canonical order.
type chargeSource func(emit func(*batch.Charges) error) error

// chargesOf rates one payer's usage into out, batch by batch.
func chargesOf(g rated, payer int32, ranking batch.Ranking, out *batch.Charges) chargeSource {
	return func(emit func(*batch.Charges) error) error {
		s := g.spills[payer]
		if s == nil {
			return nil
		}
		rater := rate.NewRater(g.plan, payer, out)
		err := s.runs.Merge(s.file, ranking, func(lines *batch.Lines) error {
			if err := rater.Rate(lines); err != nil {
				return err
			}
			if out.Len() < emitRows {
				return nil
			}
			defer out.Reset()
			return emit(out)
		})
		if err != nil {
			return err
		}
		defer out.Reset()
		return emit(out)
	}
}

// payerMonth stores the charges of one payer and sums its bill.
type payerMonth struct {
	p     *Pipeline
	ctx   context.Context
	r     *result
	dir   string
	payer schema.Payer
	bill  *rollup.Bill

	taxes    []bill.Tax
	balances []bill.Balance

	exports *exportWriters
	sums    report.Amounts // of all files
	part    report.Amounts // of the current file
	file    *os.File
	hash    hash.Hash
	writer  *chargesWriter
	current period.Charges
	chunks  int
}

func (m *payerMonth) write(in rate.Input, source chargeSource) error {
	err := source(func(c *batch.Charges) error {
		for from := 0; from < c.Len(); {
			if err := m.open(); err != nil {
				return err
			}
			to := min(c.Len(), from+int(ChargeRows-m.current.Rows))
			if err := m.append(c.Slice(from, to)); err != nil {
				return err
			}
			from = to
		}
		return nil
	})
	if closeErr := m.exports.close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = m.finish()
	} else {
		m.abandon()
	}
	if err != nil {
		return fmt.Errorf("payer %s: %w", m.payer.AccountID, err)
	}
	b, err := m.bill.Close(in.Issuer, m.payer, in.Period)
	if err != nil {
		return err
	}
	if len(m.balances) > 0 {
		m.r.run.Balances = append(m.r.run.Balances, period.PayerBalances{Payer: m.payer.AccountID, Balances: m.balances})
	}
	if b.Charges == 0 {
		return nil
	}
	b.Taxes, b.Balances = m.taxes, m.balances
	if err := m.r.addPayer(m.r.spec, b, m.sums); err != nil {
		return fmt.Errorf("payer %s: %w", m.payer.AccountID, err)
	}
	m.r.bills = append(m.r.bills, b)
	return m.storeBill(b)
}

// storeBill keeps the bill beside the charges, so that what is printed later is
// what was closed.
func (m *payerMonth) storeBill(b bill.Bill) error {
	data, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("bill: %v", err)
	}
	o := period.Object{Key: store.RunDocument(m.r.run.ID, m.payer.AccountID, "bill.json"), Bytes: int64(len(data)), SHA256: hexSum(data)}
	m.r.run.Bills = append(m.r.run.Bills, period.BillTotal{Payer: m.payer.AccountID, Rows: b.Charges, Total: b.Total, Bill: o})
	return m.p.createChecked(m.ctx, o, store.BytesBody(data))
}

func (m *payerMonth) open() error {
	if m.writer != nil {
		return nil
	}
	f, err := os.CreateTemp(m.dir, "charges-*")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	m.file, m.hash = f, sha256.New()
	m.current, m.part = period.Charges{Payer: m.payer.AccountID}, report.Amounts{}
	m.writer, err = startCharges(io.MultiWriter(f, m.hash))
	return err
}

func (m *payerMonth) append(c *batch.Charges) error {
	m.writer.write(c)
	if err := m.bill.Add(c); err != nil {
		return err
	}
	if err := m.exports.write(c); err != nil {
		return err
	}
	amounts, err := report.AmountsOf(c)
	if err == nil {
		err = m.part.Add(amounts)
	}
	if err == nil {
		err = m.sums.Add(amounts)
	}
	if err != nil {
		return err
	}
	m.current.Rows += int64(c.Len())
	m.r.written += int64(c.Len())
	m.p.progress("write "+m.r.run.Period.Name, m.r.written, m.r.run.Records.Charged)
	if m.current.Rows == ChargeRows {
		return m.finish()
	}
	return nil
}

// abandon ends the current file after a failure; its folder is removed later.
func (m *payerMonth) abandon() {
	if m.writer != nil {
		m.writer.close()
		m.file.Close()
	}
}

// finish stores the current file and reads it back.
func (m *payerMonth) finish() error {
	if m.writer == nil {
		return nil
	}
	defer os.Remove(m.file.Name())
	defer m.file.Close()
	writer := m.writer
	m.writer = nil
	if err := writer.close(); err != nil {
		return err
	}
	m.chunks++
	m.current.List, m.current.Unblended, m.current.Blended = m.part.List, m.part.Unblended, m.part.Blended
	size, err := m.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	m.current.Object = period.Object{Key: store.RunCharges(m.r.run.ID, m.payer.AccountID, m.chunks), Bytes: size,
		SHA256: hex.EncodeToString(m.hash.Sum(nil))}
	if err := m.p.createChecked(m.ctx, m.current.Object, store.FileBody(m.file.Name(), size)); err != nil {
		return err
	}
	m.r.run.Charges = append(m.r.run.Charges, m.current)
	return nil
}

// createChecked writes an object of a run and reads it back by size and hash.
func (p *Pipeline) createChecked(ctx context.Context, o period.Object, body store.Body) error {
	if err := store.CreateSettled(ctx, p.Store, o.Key, body); err != nil {
		return err
	}
	return p.readBack(ctx, o)
}

func (p *Pipeline) readBack(ctx context.Context, o period.Object) error {
	size, sum, err := store.ReadBack(ctx, p.Store, o.Key)
	if err != nil {
		return err
	}
	if size != o.Bytes || hex.EncodeToString(sum[:]) != o.SHA256 {
		return fmt.Errorf("%s: reads back as %d bytes with hash %x, written were %d bytes with hash %s; check the store",
			o.Key, size, sum[:6], o.Bytes, o.SHA256[:12])
	}
	return nil
}

// pinned reads the inputs of a run back from the bucket.
func (p *Pipeline) pinned(ctx context.Context, run period.Run) (*schema.Organization, *offer.Offers, Prices, error) {
	org, offers := &schema.Organization{}, &offer.Offers{}
	var files []PriceFile
	for _, o := range run.Inputs {
		data, err := store.ReadAll(ctx, p.Store, o.Key, o.Bytes)
		if err != nil {
			return nil, nil, Prices{}, err
		}
		if hexSum(data) != o.SHA256 {
			return nil, nil, Prices{}, fmt.Errorf("%s: has other bytes than when the run was made", o.Key)
		}
		switch name := o.Key[len(store.RunInput(run.ID, "")):]; name {
		case "offers.json":
			err = json.Unmarshal(data, offers)
		case "organization.json":
			err = json.Unmarshal(data, org)
		default:
			files = append(files, PriceFile{name, data})
		}
		if err != nil {
			return nil, nil, Prices{}, fmt.Errorf("%s: %v", o.Key, err)
		}
	}
	prices, err := ParsePrices(files)
	return org, offers, prices, err
}
