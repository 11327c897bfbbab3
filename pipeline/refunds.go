package pipeline

import (
	"context"
	"fmt"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// refunded is what refunds refer to: an account's service in a past month.
type refunded struct{ account, service, period string }

// checkRefunds refuses to close a month with refunds of more than was billed:
// all refunds so far of one account, service and past month together.
func (p *Pipeline) checkRefunds(ctx context.Context, at *place, closed []period.Run) error {
	zone, err := at.issuer.Location()
	if err != nil {
		return err
	}
	sums := map[refunded]money.Cost{}
	for _, r := range p.Offers.Refunds {
		month := schema.PeriodAt(r.Date.In(zone), zone)
		if month.Start.After(at.period.Start) || !p.billedBy(at.issuer.ID, r.Account) {
			continue
		}
		key := refunded{r.Account, r.Service, r.Period}
		if sums[key], err = money.Add(sums[key], r.Amount); err != nil {
			return fmt.Errorf("refund %s: %w", r.ID, err)
		}
		if month.Name != at.period.Name {
			continue
		}
		bills, err := p.refundedBills(ctx, closed, r)
		if err != nil {
			return err
		}
		billed, err := billedTo(bills, key)
		if err != nil {
			return err
		}
		if money.Cmp(sums[key], billed) > 0 {
			return fmt.Errorf("%w: refund %s brings the refunds of account %s, service %s, month %s to %s, but %s was billed; correct the offers file",
				ErrBlocked, r.ID, r.Account, r.Service, r.Period, sums[key], billed)
		}
	}
	return nil
}

// billedBy tells whether an issuer bills an account at some time.
func (p *Pipeline) billedBy(issuer, account string) bool {
	for _, m := range p.Organization.Memberships()[account] {
		if p.Organization.Payers[m.Payer].Issuer == issuer {
			return true
		}
	}
	return false
}

func (p *Pipeline) refundedBills(ctx context.Context, closed []period.Run, r offer.Refund) ([]bill.Bill, error) {
	for _, run := range closed {
		if run.Period.Name == r.Period {
			return p.bills(ctx, run)
		}
	}
	return nil, fmt.Errorf("%w: refund %s is of %s, which is not closed here; correct its of_period", ErrBlocked, r.ID, r.Period)
}

// billedTo is what an account's service came to, taxes and refunds aside.
func billedTo(bills []bill.Bill, key refunded) (money.Cost, error) {
	var sum money.Cost
	var err error
	for _, b := range bills {
		for _, l := range b.Lines {
			if l.Account != key.account || l.Service != key.service || l.Type == schema.LineItemTax || l.Type == schema.LineItemRefund {
				continue
			}
			if sum, err = money.Add(sum, l.Cost); err != nil {
				return sum, fmt.Errorf("billed to account %s, service %s: %w", key.account, key.service, err)
			}
		}
	}
	return sum, nil
}
