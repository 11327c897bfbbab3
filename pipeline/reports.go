package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/offer"
)

// reports are the files of one run for the people who read them, written to a
// folder and proven against the charges, but not yet put where people look.
type reports struct {
	dir      string
	workers  int
	exports  []preparedExport
	bills    []preparedBill
	invoices []bill.Invoice
}

type preparedExport struct {
	export report.Export
	files  []report.File
	proof  report.Proof
}

type preparedBill struct {
	key  string
	data []byte
}

// reportSpec says what the reports of a run are to tell.
type reportSpec struct {
	run      period.Run
	owner    ownerFunc
	invoices map[string]bill.Invoice // by payer; empty until issued
	state    string                  // report.Estimated or report.Final
	through  time.Time               // of an estimated bill: usage up to here is in it
	rejected int64
	suspense int64
}

func (r *reports) close() { os.RemoveAll(r.dir) }

// newReports makes the folder for the files.
func (p *Pipeline) newReports() (*reports, error) {
	dir, err := os.MkdirTemp(p.TempDir, "reports-*")
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	return &reports{dir: dir, workers: p.workers()}, nil
}

// prepareReports writes every export and bill of a stored run into a temporary
// folder and proves each against the charges: it returns an error when a
// report, the charges, a bill or an invoice disagree.
func (p *Pipeline) prepareReports(ctx context.Context, at *place, spec reportSpec, bills []bill.Bill, org *schema.Organization) (*reports, error) {
	r, err := p.newReports()
	if err != nil {
		return nil, err
	}
	for i, b := range bills {
		p.progress("report "+spec.run.Period.Name, int64(i), int64(len(bills)))
		w := p.exportWriters(ctx, r, spec, b.Payer.AccountID)
		sums, err := p.chargesInto(ctx, spec, w)
		if closeErr := w.close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = r.addPayer(spec, b, sums)
		}
		if err != nil {
			r.close()
			return nil, fmt.Errorf("payer %s: %w", b.Payer.AccountID, err)
		}
	}
	p.progress("report "+spec.run.Period.Name, int64(len(bills)), int64(len(bills)))
	if err := p.addEmpty(ctx, at, r, spec, org); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// addPayer proves a payer's figures equal and renders its bills.
func (r *reports) addPayer(spec reportSpec, b bill.Bill, charges report.Amounts) error {
	inv, issued := spec.invoices[b.Payer.AccountID]
	if charges.Rows != b.Charges || charges.Unblended != b.Total {
		return fmt.Errorf("the charges sum to %s in %d rows, the bill says %s in %d: they must agree", charges.Unblended, charges.Rows, b.Total, b.Charges)
	}
	if issued && inv.ExactTotal != b.Total {
		return fmt.Errorf("invoice %s is made from %s, the charges sum to %s: they must agree", inv.Number, inv.ExactTotal, b.Total)
	}
	return r.addBills(spec, b, inv)
}

// chargesInto reads a payer's charges into its exports and sums them. Segments of
// an open month are not read for the sums alone, which the run holds.
func (p *Pipeline) chargesInto(ctx context.Context, spec reportSpec, w *exportWriters) (report.Amounts, error) {
	var sums report.Amounts
	if !spec.run.Segmented || len(p.Exports) > 0 {
		err := p.readCharges(ctx, spec.run, w.owner, func(c *batch.Charges) error {
			amounts, err := report.AmountsOf(c)
			if err == nil {
				err = sums.Add(amounts)
			}
			if err == nil {
				err = w.write(c, amounts)
			}
			return err
		})
		return sums, err
	}
	for _, c := range spec.run.Charges {
		if c.Payer != w.owner.Payer {
			continue
		}
		if err := sums.Add(report.Amounts{Rows: c.Rows, List: c.List, Unblended: c.Unblended, Blended: c.Blended}); err != nil {
			return sums, err
		}
	}
	return sums, nil
}

// exportWriters feeds one payer's charges to all its exports in one pass.
type exportWriters struct {
	p       *Pipeline
	ctx     context.Context
	spec    reportSpec
	owner   *batch.Owner
	invoice string
	r       *reports

	payer   []*exportWriter
	members []*exportWriter // of the account whose charges are passing by
	member  string
}

type exportWriter struct {
	def     Export
	account string
	out     *report.Writer
	sums    report.Amounts
}

func (p *Pipeline) exportWriters(ctx context.Context, r *reports, spec reportSpec, payer string) *exportWriters {
	return &exportWriters{p: p, ctx: ctx, spec: spec, owner: spec.owner(payer), invoice: spec.invoices[payer].Number, r: r}
}

func (w *exportWriters) open(account string, members bool) ([]*exportWriter, error) {
	var list []*exportWriter
	for _, def := range w.p.Exports {
		if members && !def.Members {
			continue
		}
		dir := filepath.Join(w.r.dir, w.owner.Payer, account, def.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return list, fmt.Errorf("temporary folder: %w", err)
		}
		out, err := report.NewWriter(w.ctx, report.Spec{Format: def.Format, Owner: w.owner, Dir: dir, Name: def.Name, ChunkRows: def.ChunkRows,
			Workers:  w.p.encoders(), // charges are encoded beside
			Settings: column.Settings{InvoiceID: w.invoice, Resources: def.Resources}})
		if err != nil {
			return list, err
		}
		list = append(list, &exportWriter{def: def, account: account, out: out})
	}
	return list, nil
}

// write takes a batch and its sums.
func (w *exportWriters) write(c *batch.Charges, amounts report.Amounts) error {
	if w.payer == nil {
		var err error
		if w.payer, err = w.open(w.owner.Payer, false); err != nil {
			return err
		}
	}
	if err := writeAll(w.payer, c, amounts); err != nil {
		return err
	}
	for from := 0; from < c.Len(); {
		account := c.Dims.Heads.Value(c.Head[from]).Account
		to := from + 1
		for to < c.Len() && (c.Head[to] == c.Head[from] || c.Dims.Heads.Value(c.Head[to]).Account == account) {
			to++
		}
		if err := w.writeMember(account, c.Slice(from, to)); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// writeMember writes a run of one account's charges. Accounts lie together in
// the canonical order, so one set of writers is open at a time.
func (w *exportWriters) writeMember(account string, c *batch.Charges) error {
	if account != w.member {
		if err := w.finish(w.members); err != nil {
			return err
		}
		w.member, w.members = account, nil
		if account != w.owner.Payer {
			var err error
			if w.members, err = w.open(account, true); err != nil {
				return err
			}
		}
	}
	if len(w.members) == 0 {
		return nil
	}
	amounts, err := report.AmountsOf(c)
	if err != nil {
		return err
	}
	return writeAll(w.members, c, amounts)
}

func writeAll(writers []*exportWriter, c *batch.Charges, amounts report.Amounts) error {
	for _, e := range writers {
		if err := e.out.Write(c); err != nil {
			return err
		}
		if err := e.sums.Add(amounts); err != nil {
			return err
		}
	}
	return nil
}

// finish closes writers, proves their files and keeps them.
func (w *exportWriters) finish(writers []*exportWriter) error {
	var first error
	for _, e := range writers {
		files, err := e.out.Close()
		if err == nil && first == nil {
			err = w.keep(e, files)
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (w *exportWriters) keep(e *exportWriter, files []report.File) error {
	proof, err := report.Prove(files, e.sums)
	if err != nil {
		return fmt.Errorf("export %s: %w", e.def.Name, err)
	}
	w.r.exports = append(w.r.exports, preparedExport{files: files, proof: proof, export: report.Export{
		Name: e.def.Name, Account: e.account, Owner: w.owner, Format: e.def.Format, Run: w.spec.run.ID, Base: w.p.Base, State: w.spec.state,
		Pending: report.Pending{Rejected: w.spec.rejected, Suspended: w.spec.suspense}}})
	return nil
}

func (w *exportWriters) close() error {
	err := w.finish(w.members)
	if e := w.finish(w.payer); err == nil {
		err = e
	}
	return err
}

// addBills renders the payer's bill and each member's statement.
func (r *reports) addBills(spec reportSpec, b bill.Bill, inv bill.Invoice) error {
	members := []string{""} // the bill
	for _, a := range b.Accounts {
		if a.Key != b.Payer.AccountID {
			members = append(members, a.Key)
		}
	}
	bills := make([]preparedBill, len(members))
	err := store.InParallel(r.workers, len(members), func(i int) (err error) {
		bills[i], err = prepareBill(spec, b, inv, members[i])
		return err
	})
	r.bills = append(r.bills, bills...)
	return err
}

// prepareBill renders a bill, or the part of it that is one member's.
func prepareBill(spec reportSpec, b bill.Bill, inv bill.Invoice, member string) (preparedBill, error) {
	s := report.Statement{Bill: b, Account: member, InvoiceID: inv.Number, InvoiceDate: inv.InvoiceDate, Through: spec.through}
	var buf bytes.Buffer
	err := report.WriteBillCSV(&buf, s)
	return preparedBill{store.BillCSV(cmp.Or(member, b.Payer.AccountID), b.Payer.AccountID, b.Period.Name), buf.Bytes()}, err
}

// publish puts the prepared reports where people look. Before the first key and
// before each manifest it asks whether the log still says what it said, so that
// a slow refresher never writes over what a faster one made final.
func (r *reports) publish(ctx context.Context, st store.Store, still func() error) ([]period.Object, error) {
	var objects []period.Object
	if err := still(); err != nil {
		return nil, err
	}
	err := store.InParallel(r.workers, len(r.bills), func(i int) error {
		return store.ReplaceBytes(ctx, st, r.bills[i].key, r.bills[i].data)
	})
	if err != nil {
		return nil, err
	}
	for _, b := range r.bills {
		objects = append(objects, period.Object{Key: b.key, Bytes: int64(len(b.data)), SHA256: hexSum(b.data)})
	}
	for _, e := range r.exports {
		written, err := report.Publish(ctx, st, r.workers, e.export, e.files, e.proof, still)
		if err != nil {
			return nil, err
		}
		for _, w := range written {
			objects = append(objects, period.Object{Key: w.Key, Bytes: w.Bytes, SHA256: w.SHA256})
		}
	}
	return objects, nil
}

// owners returns the owner of each payer's charges, from the organization that
// the run was made with.
func owners(org *schema.Organization, offers *offer.Offers, issuer schema.Issuer, per schema.Period) func(string) *batch.Owner {
	return func(payer string) *batch.Owner {
		o := &batch.Owner{Issuer: issuer.ID, IssuerName: issuer.Name, Payer: payer, PricingCurrency: issuer.Currency,
			BillingCurrency: issuer.Currency, Period: per, AccountNames: map[string]string{}, Discounted: offers.Discounted(payer)}
		for _, p := range org.Payers {
			if p.AccountID != payer {
				continue
			}
			o.PayerName = p.Name
			for _, a := range p.Accounts {
				o.AccountNames[a.ID] = a.Name
			}
		}
		return o
	}
}
