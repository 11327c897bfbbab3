package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/invoice"
	"github.com/monthend/monthend/pipeline/invoice/pdf"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
)

// bills reads the bills of a sealed run back.
func (p *Pipeline) bills(ctx context.Context, run period.Run) ([]bill.Bill, error) {
	var list []bill.Bill
	for _, t := range run.Bills {
		b, err := p.billOf(ctx, t)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (p *Pipeline) billOf(ctx context.Context, t period.BillTotal) (bill.Bill, error) {
	var b bill.Bill
	data, err := store.ReadAll(ctx, p.Store, t.Bill.Key, t.Bill.Bytes)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(data, &b); err != nil || hexSum(data) != t.Bill.SHA256 || b.Total != t.Total {
		return b, fmt.Errorf("%s: is not the bill that the close names (%v); run verify", t.Bill.Key, err)
	}
	return b, nil
}

// numbers are the invoice numbers of a close.
type numbers struct {
	*period.Issue
	hash    string // of the ISSUE record
	byPayer map[string]string
}

// issued returns the numbers of a period, or nil when there are none yet.
func (p *Pipeline) issued(ctx context.Context, at *place) (*numbers, error) {
	if at.month.Close == nil {
		return nil, nil // whatever the series says by now, the period's log was read before
	}
	entries, err := p.seriesLog(at.issuer.ID).Read(ctx)
	if err != nil {
		return nil, err
	}
	issue, entry, _, err := period.FindIssue(entries, at.issuer.ID, at.period.Name)
	if err != nil || issue == nil {
		return nil, err
	}
	if issue.Close != at.month.CloseAt.Hash {
		return nil, fmt.Errorf("the numbers of %s were given to another close; run verify", at.period.Name)
	}
	return numbersOf(at.issuer, issue, entry.Hash), nil
}

func numbersOf(issuer schema.Issuer, issue *period.Issue, hash string) *numbers {
	n := &numbers{Issue: issue, hash: hash, byPayer: map[string]string{}}
	for i, payer := range issue.Payers {
		n.byPayer[payer] = invoice.Number(issuer.InvoicePrefix, issuer.InvoiceDigits, issue.First+int64(i))
	}
	return n
}

// drawUp makes an invoice and proves that it can be printed.
func (p *Pipeline) drawUp(b bill.Bill, number string, date schema.Date) (drawn, error) {
	inv, err := invoice.New(b, number, date)
	if err != nil {
		return drawn{}, err
	}
	if err := invoice.Check(inv); err != nil {
		return drawn{}, err
	}
	paper := p.Paper
	if paper == nil {
		paper = pdf.Write
	}
	d := drawn{invoice: inv, documents: map[string][]byte{}}
	for _, as := range []struct {
		extension string
		write     func(*bytes.Buffer) error
	}{
		{".pdf", func(w *bytes.Buffer) error { return paper(w, inv) }},
		{".csv", func(w *bytes.Buffer) error { return invoice.WriteCSV(w, inv) }},
		{".json", func(w *bytes.Buffer) error { return invoice.WriteJSON(w, inv) }},
	} {
		var buf bytes.Buffer
		if err := as.write(&buf); err != nil {
			return drawn{}, err
		}
		d.documents[number+as.extension] = buf.Bytes()
		d.names = append(d.names, number+as.extension)
	}
	return d, nil
}

// drawn is an invoice and its documents by name.
type drawn struct {
	invoice   bill.Invoice
	names     []string
	documents map[string][]byte
}

// final is everything that publishing puts where people look.
type final struct {
	*reports
	drawn []drawn
}

// prepareFinal draws the invoices and writes the final reports. The issuer and
// the names are those of the close, not of today's organization file.
func (p *Pipeline) prepareFinal(ctx context.Context, at *place, n *numbers) (*final, error) {
	run := at.month.Close.Run
	org, offers, _, err := p.pinned(ctx, run)
	if err != nil {
		return nil, err
	}
	issuer, err := issuerOfRun(org, run)
	if err != nil {
		return nil, err
	}
	bills, err := p.bills(ctx, run)
	if err != nil {
		return nil, err
	}
	n = numbersOf(issuer, n.Issue, n.hash)
	f := &final{}
	spec := reportSpec{run: run, owner: owners(org, offers, issuer, run.Period), state: report.Final, invoices: map[string]bill.Invoice{}}
	for _, b := range bills {
		number, ok := n.byPayer[b.Payer.AccountID]
		if !ok {
			continue
		}
		d, err := p.drawUp(b, number, n.InvoiceDate)
		if err != nil {
			return nil, fmt.Errorf("invoice %s: %w", number, err)
		}
		spec.invoices[b.Payer.AccountID] = d.invoice
		f.drawn = append(f.drawn, d)
	}
	if f.reports, err = p.prepareReports(ctx, at, spec, bills, org); err != nil {
		return nil, err
	}
	for _, d := range f.drawn {
		f.invoices = append(f.invoices, d.invoice)
	}
	return f, nil
}

func (p *Pipeline) publishID(at *place, n *numbers) string {
	hash := hexSum(fmt.Appendf(nil, "%s %s %d", at.month.CloseAt.Hash, n.hash, at.month.Generation))
	return store.RunID(at.issuer.ID, at.period.Name, hash)
}

// storeDocuments writes the documents of the publishing run, whose inputs are
// the CLOSE and the ISSUE record.
func (p *Pipeline) storeDocuments(ctx context.Context, at *place, n *numbers, f *final) ([]period.Object, error) {
	id := p.publishID(at, n)
	var objects []period.Object
	for _, d := range f.drawn {
		for _, name := range d.names {
			data := d.documents[name]
			o := period.Object{Key: store.RunDocument(id, d.invoice.Payer.AccountID, name), Bytes: int64(len(data)), SHA256: hexSum(data)}
			if err := p.createChecked(ctx, o, store.BytesBody(data)); err != nil {
				return nil, err
			}
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// copyOut puts invoices, bills and reports where people look.
func (p *Pipeline) copyOut(ctx context.Context, at *place, f *final) ([]period.Object, error) {
	var objects []period.Object
	for _, d := range f.drawn {
		for _, name := range d.names {
			data := d.documents[name]
			key := store.InvoiceDocument(d.invoice.Payer.AccountID, at.issuer.ID, at.period.Name, name)
			if err := store.ReplaceBytes(ctx, p.Store, key, data); err != nil {
				return nil, err
			}
			objects = append(objects, period.Object{Key: key, Bytes: int64(len(data)), SHA256: hexSum(data)})
		}
	}
	copies, err := f.publish(ctx, p.Store, func() error { return nil })
	return append(objects, copies...), err
}

// republish brings the copies of a closed or published month back to what the
// log says, where they are missing, changed or joined by strangers.
func (p *Pipeline) republish(ctx context.Context, at *place) error {
	if at.month.Publish == nil {
		return p.republishClosed(ctx, at)
	}
	if err := p.removeStrays(ctx, at.month.Publish.Documents); err != nil {
		return err
	}
	intact, err := p.copiesIntact(ctx, at.month.Publish.Documents)
	if err != nil || intact {
		return err
	}
	n, err := p.issued(ctx, at)
	if err != nil {
		return err
	}
	f, err := p.prepareFinal(ctx, at, n)
	if err != nil {
		return err
	}
	defer f.close()
	_, err = p.copyOut(ctx, at, f)
	return err
}

// copiesIntact tells whether every derived copy is as it was published.
func (p *Pipeline) copiesIntact(ctx context.Context, documents []period.Object) (bool, error) {
	for _, o := range documents {
		if store.IsTruth(o.Key) {
			continue
		}
		size, sum, err := store.ReadBack(ctx, p.Store, o.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		if err != nil || size != o.Bytes || fmt.Sprintf("%x", sum) != o.SHA256 {
			return false, nil
		}
	}
	return true, nil
}

// removeStrays deletes files that lie beside the published data of an export:
// readers take every file they find. A write of an early refresh that lands very
// late can leave one.
func (p *Pipeline) removeStrays(ctx context.Context, documents []period.Object) error {
	strays, err := p.strays(ctx, documents)
	if err != nil {
		return err
	}
	for _, key := range strays {
		if err := store.Repeat(ctx, p.Store, func() error { return p.Store.Delete(ctx, key) }); err != nil {
			return err
		}
	}
	return nil
}

// strays lists the keys in the data folders of exports that PUBLISH does not name.
func (p *Pipeline) strays(ctx context.Context, documents []period.Object) ([]string, error) {
	named, folders := map[string]bool{}, map[string]bool{}
	for _, o := range documents {
		named[o.Key] = true
		if store.IsExportData(o.Key) {
			folders[path.Dir(o.Key)+"/"] = true
		}
	}
	var strays []string
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		err := store.Repeat(ctx, p.Store, func() error {
			return p.Store.List(ctx, folder, func(i store.Info) error {
				if !named[i.Key] && !slices.Contains(strays, i.Key) {
					strays = append(strays, i.Key)
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return strays, nil
}

// republishClosed writes the reports of a month that is closed and not yet
// published.
func (p *Pipeline) republishClosed(ctx context.Context, at *place) error {
	run := at.month.Close.Run
	org, offers, _, err := p.pinned(ctx, run)
	if err != nil {
		return err
	}
	bills, err := p.bills(ctx, run)
	if err != nil {
		return err
	}
	issuer, err := issuerOfRun(org, run)
	if err != nil {
		return err
	}
	files, err := p.prepareReports(ctx, at, at.reportSpec(run, owners(org, offers, issuer, run.Period)), bills, org)
	if err != nil {
		return err
	}
	defer files.close()
	_, err = files.publish(ctx, p.Store, p.still(ctx, at, run.ID))
	if errors.Is(err, errMoved) {
		return p.mend(ctx, at)
	}
	return err
}
