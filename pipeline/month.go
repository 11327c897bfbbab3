package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/invoice"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Kinds of refusal that a caller may tell apart.
var (
	// ErrNotDue: the verb comes too early; nothing is wrong.
	ErrNotDue = errors.New("not due yet")
	// ErrBlocked: a person is needed before the verb can go on.
	ErrBlocked = errors.New("blocked")
	// errMoved: the log moved on while reports were being written.
	errMoved = errors.New("the log moved on")
)

// Refresh rates an open month as far as usage has come and writes its reports,
// marked estimated. Suspense and rejects are counted, not charged.
func (p *Pipeline) Refresh(ctx context.Context, issuerID, name string) (run *period.Run, err error) {
	err = p.settle(ctx, issuerID, name, func(at *place) error {
		run, err = p.refresh(ctx, at)
		return err
	})
	return run, err
}

func (p *Pipeline) refresh(ctx context.Context, at *place) (*period.Run, error) {
	if at.month.Close != nil {
		return &at.month.Close.Run, p.republish(ctx, at)
	}
	if p.Now().Before(at.period.Start) {
		return nil, fmt.Errorf("%w: period %s of issuer %s has not begun", ErrNotDue, at.period.Name, at.issuer.ID)
	}
	before, err := p.history(ctx, at)
	if err != nil && !errors.Is(err, ErrBlocked) {
		return nil, err
	}
	r, err := p.compute(ctx, at, before, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := p.commitRefresh(ctx, at, r); err != nil {
		return nil, err
	}
	return &r.run, p.publishRun(ctx, at, r)
}

// publishRun puts the reports of a run where people look, unless somebody
// committed a newer run: then that one's reports are its own task.
func (p *Pipeline) publishRun(ctx context.Context, at *place, r *result) error {
	_, err := r.publish(ctx, p.Store, p.still(ctx, at, r.run.ID))
	if errors.Is(err, errMoved) {
		return p.mend(ctx, at)
	}
	return err
}

// mend writes the copies of a closed month again where one that was overtaken
// may have written older ones over them.
func (p *Pipeline) mend(ctx context.Context, at *place) error {
	fresh, err := p.at(ctx, at.issuer.ID, at.period.Name)
	if err != nil || fresh.month.Close == nil {
		return err
	}
	return p.republish(ctx, fresh)
}

// Close seals a month: one record names the last usage it covers, its inputs,
// every charges file and the totals. It refuses while anything is unresolved or
// any two figures disagree.
func (p *Pipeline) Close(ctx context.Context, issuerID, name string) (closed *period.Close, err error) {
	err = p.settle(ctx, issuerID, name, func(at *place) error {
		closed, err = p.close(ctx, at)
		return err
	})
	return closed, err
}

func (p *Pipeline) close(ctx context.Context, at *place) (*period.Close, error) {
	if at.month.Close != nil {
		return at.month.Close, nil
	}
	if err := p.ripe(ctx, at); err != nil {
		return nil, err
	}
	before, err := p.history(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := at.unresolved(p.Sources); err != nil {
		return nil, err
	}
	if err := p.checkRefunds(ctx, at, before.closed); err != nil {
		return nil, fmt.Errorf("close refused: %w", err)
	}
	r, err := p.compute(ctx, at, before, true)
	if err != nil {
		return nil, fmt.Errorf("close refused: %w", err)
	}
	defer r.close()
	if err := checkRun(r); err != nil {
		return nil, err
	}
	if err := p.checkPrefix(ctx, at.issuer); err != nil {
		return nil, fmt.Errorf("close refused: %w", err)
	}
	if err := p.checkInvoices(at, r.bills); err != nil {
		return nil, fmt.Errorf("close refused: %w", err)
	}
	closed, err := p.commitClose(ctx, at, r.run)
	if err != nil || closed.Run.ID != r.run.ID || at.month.Publish != nil {
		return closed, err // another closer was first, perhaps a publisher too; its word counts
	}
	return closed, p.publishRun(ctx, at, r)
}

// Issue numbers all invoices of a closed month in one record of the series:
// gapless, unique, sorted by payer.
func (p *Pipeline) Issue(ctx context.Context, issuerID, name string) (*period.Issue, error) {
	at, err := p.at(ctx, issuerID, name)
	if err != nil {
		return nil, err
	}
	if at.month.Close == nil {
		return nil, fmt.Errorf("%w: period %s of issuer %s is not closed; run close first", ErrBlocked, name, at.issuer.ID)
	}
	bills, err := p.bills(ctx, at.month.Close.Run)
	if err != nil {
		return nil, err
	}
	var payers []string
	prefix := ""
	for _, b := range bills {
		prefix = b.Issuer.InvoicePrefix
		if invoice.Due(b) {
			payers = append(payers, b.Payer.AccountID)
		}
	}
	zone, err := at.issuer.Location()
	if err != nil {
		return nil, err
	}
	today := schema.DateOf(p.Now().In(zone))
	entries, err := p.seriesLog(at.issuer.ID).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		issue, _, next, err := period.FindIssue(entries, at.issuer.ID, name)
		if err != nil || issue != nil {
			return "", nil, err
		}
		date, err := notBefore(today, entries)
		return period.KindIssue, period.Issue{Issuer: at.issuer.ID, Period: name, Close: at.month.CloseAt.Hash,
			First: next, Payers: payers, InvoiceDate: date, Prefix: prefix}, err
	})
	if err != nil {
		return nil, err
	}
	issue, _, _, err := period.FindIssue(entries, at.issuer.ID, name)
	return issue, err
}

// notBefore keeps invoice dates of a series from falling when a clock does.
func notBefore(today schema.Date, entries []period.Entry) (schema.Date, error) {
	for _, e := range entries {
		var body period.Issue
		if err := e.Decode(&body); err != nil {
			return today, err
		}
		if body.InvoiceDate.In(time.UTC).After(today.In(time.UTC)) {
			today = body.InvoiceDate
		}
	}
	return today, nil
}

// Publish makes the invoices and the final reports, which now carry the invoice
// ids, checks that they agree with the charges, and puts them where people look.
// After it has run once it only repairs copies that are missing or changed.
func (p *Pipeline) Publish(ctx context.Context, issuerID, name string) (done *period.Publish, err error) {
	err = p.settle(ctx, issuerID, name, func(at *place) error {
		done, err = p.publish(ctx, at)
		return err
	})
	return done, err
}

func (p *Pipeline) publish(ctx context.Context, at *place) (*period.Publish, error) {
	if at.month.Publish != nil {
		return at.month.Publish, p.republish(ctx, at)
	}
	issued, err := p.issued(ctx, at)
	if err != nil {
		return nil, err
	}
	if issued == nil {
		return nil, fmt.Errorf("%w: period %s of issuer %s has no invoice numbers; run invoice first", ErrBlocked, at.period.Name, at.issuer.ID)
	}
	final, err := p.prepareFinal(ctx, at, issued)
	if err != nil {
		return nil, fmt.Errorf("publish refused: %w", err)
	}
	defer final.close()
	documents, err := p.storeDocuments(ctx, at, issued, final)
	if err != nil {
		return nil, err
	}
	copies, err := p.copyOut(ctx, at, final)
	if err != nil {
		return nil, err
	}
	body := period.Publish{Issue: issued.hash, Documents: append(documents, copies...), Published: p.Now().UTC()}
	for _, inv := range final.invoices {
		body.Invoices = append(body.Invoices, period.Invoice{Number: inv.Number, Payer: inv.Payer.AccountID, Total: inv.Total})
	}
	return p.commitPublish(ctx, at, body)
}

// place is a period and everything its logs say of it.
type place struct {
	issuer schema.Issuer
	period schema.Period
	month  *period.Month
	usage  *period.Usage
}

func (p *Pipeline) at(ctx context.Context, issuerID, name string) (*place, error) {
	issuer, err := p.issuer(issuerID)
	if err != nil {
		return nil, err
	}
	per, err := periodOf(issuer, name)
	if err != nil {
		return nil, err
	}
	at := &place{issuer: issuer, period: per}
	if at.month, err = p.month(ctx, issuer.ID, per); err != nil {
		return nil, err
	}
	at.usage, err = p.usageState(ctx, -1)
	return at, err
}

func (at *place) reportSpec(run period.Run, owner ownerFunc) reportSpec {
	return reportSpec{run: run, owner: owner, state: report.Estimated,
		rejected: int64(len(at.rejects())), suspense: run.Records.Suspense}
}

// rejects lists the unresolved rejects that may belong to the period or before.
func (at *place) rejects() []period.SlotReject {
	var list []period.SlotReject
	for _, r := range at.usage.Rejects {
		if r.Start == 0 || r.Start < at.period.End.UnixNano() {
			list = append(list, r)
		}
	}
	return list
}

// unresolved returns what keeps the month open beside suspense. A snapshot
// source must have delivered a final report: after the close none is taken.
func (at *place) unresolved(sources []ingest.Source) error {
	reasons := at.reasons(sources)
	if len(reasons) == 0 {
		return nil
	}
	return fmt.Errorf("%w: period %s of issuer %s: %s", ErrBlocked, at.period.Name, at.issuer.ID, strings.Join(reasons, "; "))
}

func (at *place) reasons(sources []ingest.Source) []string {
	var reasons []string
	if n := len(at.rejects()); n > 0 {
		reasons = append(reasons, fmt.Sprintf("%d rejects wait; see `monthend pending list`, then deliver corrected data or waive them", n))
	}
	for _, s := range sources {
		if !s.Snapshot {
			continue
		}
		snapshot, ok := at.usage.Snapshots[period.FileKey(s.Name, at.period.Name)]
		switch {
		case !ok:
			reasons = append(reasons, fmt.Sprintf("snapshot source %s has delivered nothing for %s", s.Name, at.period.Name))
		case !snapshot.Final:
			reasons = append(reasons, fmt.Sprintf("snapshot source %s is not final for %s; deliver the final report, or ingest it with --final", s.Name, at.period.Name))
		}
	}
	return reasons
}

// checkRun proves a run complete before it is sealed.
func checkRun(r *result) error {
	rec := r.run.Records
	if rec.Suspense > 0 {
		return fmt.Errorf("%w: %d records in %d groups are in suspense, the first: %s for account %s, service %s, usage type %s; see `monthend pending list`",
			ErrBlocked, rec.Suspense, len(r.suspense), r.suspense[0].Reason, r.suspense[0].Account, r.suspense[0].Service, r.suspense[0].UsageType)
	}
	if rec.Accepted != rec.Charged+rec.Suspense+rec.Waived {
		return fmt.Errorf("close refused: of %d accepted records %d are charged, %d waived: they must add up", rec.Accepted, rec.Charged, rec.Waived)
	}
	if r.lost != nil {
		return r.lost
	}
	var charges, bills money.Cost
	var err error
	for _, c := range r.run.Charges {
		if charges, err = money.Add(charges, c.Unblended); err != nil {
			return err
		}
	}
	for _, b := range r.run.Bills {
		if bills, err = money.Add(bills, b.Total); err != nil {
			return err
		}
	}
	if charges != bills {
		return fmt.Errorf("close refused: charges sum to %s, bills to %s: they must agree", charges, bills)
	}
	return nil
}

// checkPrefix refuses a prefix under which a number could be written that was
// given out under another: AC-1 and AC- both write AC-11.
func (p *Pipeline) checkPrefix(ctx context.Context, issuer schema.Issuer) error {
	entries, err := p.seriesLog(issuer.ID).Read(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var body period.Issue
		if err := e.Decode(&body); err != nil {
			return err
		}
		if e.Kind == period.KindIssue && len(body.Payers) > 0 && invoice.MayRepeat(body.Prefix, issuer.InvoicePrefix) {
			return fmt.Errorf("%w: invoice_prefix %q of issuer %s could repeat numbers that %s has under %q; choose one that differs in more than digits at its end",
				ErrBlocked, issuer.InvoicePrefix, issuer.ID, body.Period, body.Prefix)
		}
	}
	return nil
}

// checkInvoices draws every invoice up, unnumbered, to see that it can be made.
func (p *Pipeline) checkInvoices(at *place, bills []bill.Bill) error {
	zone, err := at.issuer.Location()
	if err != nil {
		return err
	}
	for _, b := range bills {
		if !invoice.Due(b) {
			continue
		}
		if _, err := p.drawUp(b, "DRAFT", schema.DateOf(at.period.End.In(zone))); err != nil {
			return fmt.Errorf("invoice of payer %s: %w", b.Payer.AccountID, err)
		}
	}
	return nil
}
