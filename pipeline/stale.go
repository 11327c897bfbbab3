package pipeline

import (
	"context"
	"maps"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
)

// Usage may leave a payer or a member again while the month is open: a snapshot
// is replaced, an account moves. Who had reports then gets empty ones, since
// readers take every file they find.

// addEmpty prepares reports and bills without a line for the payers and members
// that had some by an earlier computation of the month and have none now.
func (p *Pipeline) addEmpty(ctx context.Context, at *place, r *reports, spec reportSpec, org *schema.Organization) error {
	left, err := p.hadReports(ctx, at)
	if err != nil {
		return err
	}
	for _, e := range r.bills {
		delete(left, e.key)
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		if err := p.addEmptyOf(ctx, at, r, spec, org, left[key]); err != nil {
			return err
		}
	}
	return nil
}

// slice is the part of a month that one account's reports hold.
type slice struct{ account, payer string }

// hadReports lists the slices that refreshes wrote, by the key of their bill:
// all payers, and the members of the newest refresh.
func (p *Pipeline) hadReports(ctx context.Context, at *place) (map[string]slice, error) {
	had := map[string]slice{}
	add := func(account, payer string) {
		had[store.BillCSV(account, payer, at.period.Name)] = slice{account, payer}
	}
	for _, e := range at.month.Entries {
		if e.Kind != period.KindRefresh {
			continue
		}
		var body period.Refresh
		if err := e.Decode(&body); err != nil {
			return nil, err
		}
		for _, b := range body.Run.Bills {
			add(b.Payer, b.Payer)
		}
	}
	if at.month.Refresh == nil {
		return had, nil
	}
	bills, err := p.bills(ctx, at.month.Refresh.Run)
	if storeFailed(err) {
		return nil, err
	}
	// Bills of a refresh that were collected or damaged must not hold up the month.
	for _, b := range bills {
		for _, a := range b.Accounts {
			add(a.Key, b.Payer.AccountID)
		}
	}
	return had, nil
}

func (p *Pipeline) addEmptyOf(ctx context.Context, at *place, r *reports, spec reportSpec, org *schema.Organization, s slice) error {
	w := p.exportWriters(ctx, r, spec, s.payer)
	writers, err := w.open(s.account, s.account != s.payer)
	if finishErr := w.finish(writers); err == nil {
		err = finishErr
	}
	if err != nil {
		return err
	}
	payer := schema.Payer{AccountID: s.payer, Issuer: at.issuer.ID}
	for _, known := range org.Payers {
		if known.AccountID == s.payer {
			payer = known
		}
	}
	b, err := rollup.NewBill().Close(at.issuer, payer, at.period)
	if err != nil {
		return err
	}
	member := s.account
	if member == s.payer {
		member = ""
	}
	prepared, err := prepareBill(spec, b, bill.Invoice{}, member)
	r.bills = append(r.bills, prepared)
	return err
}
