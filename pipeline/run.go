package pipeline

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/pipeline/spool"
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
	healed   bool  // the files of the newest refresh could not be read
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
// new. A month that is not sealed is kept in segments where its offers allow it.
func (p *Pipeline) compute(ctx context.Context, at *place, before history, sealing bool) (*result, error) {
	inputs, err := p.inputsOf()
	if err != nil {
		return nil, err
	}
	key := p.runKey(at, before, inputs)
	if !sealing && len(before.late) == 0 && !p.Offers.MonthWide() {
		return p.computeSegments(ctx, at, key, inputs)
	}
	r, err := p.newResult(ctx, at, key, inputs)
	if err != nil {
		return nil, err
	}
	r.sealing = sealing
	if r.reports, err = p.newReports(); err != nil {
		return nil, err
	}
	r.spec = at.reportSpec(r.run, owners(p.Organization, p.Offers, at.issuer, at.period))
	err = p.rateInto(ctx, r, p.rateInput(at.issuer, at.period), at.usage, batchesOf(at.usage, at.period, -1), before)
	if err == nil {
		err = p.addEmpty(ctx, at, r.reports, r.spec, p.Organization)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (p *Pipeline) runKey(at *place, before history, inputs []namedInput) runKey {
	key := runKey{Rules: rate.RulesVersion, Generation: at.month.Generation, Issuer: at.issuer.ID, Period: at.period, Waived: at.usage.Waived,
		Opening: before.balances(), Batches: hashesOf(batchesOf(at.usage, at.period, -1))}
	for _, in := range inputs {
		key.Inputs = append(key.Inputs, [2]string{in.name, hexSum(in.data)})
	}
	for _, l := range before.late {
		key.Late = append(key.Late, l.key())
	}
	return key
}

func hashesOf(batches []period.SlotBatch) []string {
	var list []string
	for _, b := range batches {
		list = append(list, b.SHA256)
	}
	return list
}

// newResult begins a run and pins its inputs.
func (p *Pipeline) newResult(ctx context.Context, at *place, key runKey, inputs []namedInput) (*result, error) {
	id, err := runID(key)
	if err != nil {
		return nil, err
	}
	r := &result{run: period.Run{ID: id, Rules: rate.RulesVersion, Issuer: at.issuer.ID, Period: at.period, UsageSlot: at.usage.Slot, UsageHash: at.usage.Hash}}
	return r, p.pinInputs(ctx, r, inputs)
}

func (p *Pipeline) rateInput(issuer schema.Issuer, per schema.Period) rate.Input {
	return rate.Input{Issuer: issuer, Period: per, Organization: p.Organization, Catalog: p.Prices.Catalog, Offers: p.Offers}
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
	dims.Release()
	has := func(number int32, account string) bool {
		return g.spills[number] != nil || in.Offers.MonthWide() ||
			slices.ContainsFunc(corrections, func(c *correction) bool { return c.has(account) })
	}
	for _, payer := range payersIn(in, has) {
		m := p.newPayerMonth(ctx, r, dir, in.Organization.Payers[payer])
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

// payersIn lists the payers of the issuer that have something to be charged, by
// account id.
func payersIn(in rate.Input, has func(number int32, account string) bool) []int32 {
	return slices.DeleteFunc(in.Payers(), func(number int32) bool { return !has(number, in.Organization.Payers[number].AccountID) })
}

// chargeSource hands batches of charges to a function, in the canonical order.
type chargeSource func(emit func(*batch.Charges) error) error

// chargesOf rates one payer's usage in the lane of the month into out, batch by
// batch.
func chargesOf(g rated, payer int32, ranking batch.Ranking, out *batch.Charges) chargeSource {
	return func(emit func(*batch.Charges) error) error {
		s := g.spills[payer]
		if s == nil {
			return nil
		}
		return s.charges(monthLane, rate.NewRater(g.plan, payer, out), ranking, out)(emit)
	}
}

// charges rates the usage of a lane with a rater that appends to out.
func (s *spillFile) charges(lane int32, rater *rate.Rater, ranking batch.Ranking, out *batch.Charges) chargeSource {
	return func(emit func(*batch.Charges) error) error {
		err := s.merged(lane, ranking, func(lines *batch.Lines) error {
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

// merged hands the lines of a lane on, merged and summed, while the next ones are
// being merged beside.
func (s *spillFile) merged(lane int32, ranking batch.Ranking, fn func(*batch.Lines) error) error {
	full, free := make(chan *batch.Lines), make(chan *batch.Lines, 2)
	for range cap(free) {
		free <- &batch.Lines{}
	}
	stop := make(chan struct{})
	var failed error // to be read after full is closed
	go func() {
		defer close(full)
		failed = s.runs.Merge(s.file, lane, ranking, func(lines *batch.Lines) error {
			select {
			case to := <-free:
				*to, *lines = *lines, *to
				full <- to
				return nil
			case <-stop:
				return errStopped
			}
		})
	}()
	var err error
	for lines := range full {
		if err != nil {
			continue // until the merging has ended
		}
		if err = fn(lines); err != nil {
			close(stop)
			continue
		}
		lines.Reset()
		free <- lines
	}
	return cmp.Or(err, failed)
}

// payerMonth stores the charges of one payer and sums its bill.
type payerMonth struct {
	chargeFiles
	bill *rollup.Bill

	taxes    []bill.Tax
	balances []bill.Balance

	exports *exportWriters
	sums    report.Amounts // of all files
}

func (p *Pipeline) newPayerMonth(ctx context.Context, r *result, dir string, payer schema.Payer) *payerMonth {
	m := &payerMonth{bill: rollup.NewBill()}
	m.chargeFiles = chargeFiles{p: p, ctx: ctx, r: r, dir: dir, payer: payer, encoder: &spool.ChargesWriter{},
		key: func(chunk int) string { return store.RunCharges(r.run.ID, payer.AccountID, chunk) }}
	return m
}

func (m *payerMonth) write(in rate.Input, source chargeSource) error {
	err := m.store(source, m.see)
	if closeErr := m.exports.close(); err == nil {
		err = closeErr
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
	return m.p.storeBill(m.ctx, m.r, b)
}

// see has charges as they pass by into a file.
func (m *payerMonth) see(c *batch.Charges, amounts report.Amounts) error {
	if err := m.bill.Add(c); err != nil {
		return err
	}
	if err := m.exports.write(c, amounts); err != nil {
		return err
	}
	return m.sums.Add(amounts)
}

// storeBill keeps a bill beside the charges, so that what is printed later is
// what was closed.
func (p *Pipeline) storeBill(ctx context.Context, r *result, b bill.Bill) error {
	data, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("bill: %v", err)
	}
	payer := b.Payer.AccountID
	o := period.Object{Key: store.RunDocument(r.run.ID, payer, "bill.json"), Bytes: int64(len(data)), SHA256: hexSum(data)}
	r.bills = append(r.bills, b)
	r.run.Bills = append(r.run.Bills, period.BillTotal{Payer: payer, Rows: b.Charges, Total: b.Total, Bill: o})
	return p.createChecked(ctx, o, store.BytesBody(data))
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
		data, err := p.readInput(ctx, o)
		if err != nil {
			return nil, nil, Prices{}, err
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
