package rate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Month makes the rows that need a payer's whole month: Add takes all rated
// lines, Fees makes the rows before the credits, AddItems takes what stands on
// the bill beside, and Settle makes credits, refunds and taxes. They are called
// in this order, Fees and Settle once each. Lines of type Tax, which come with
// their cost, count nowhere.
type Month struct {
	plan    *Plan
	in      Input
	payer   int32
	account string // of the payer itself
	opening map[balanceKey]bill.Balance

	segments segments
	places   *batch.Table[place]
	codes    *codeSums // since the last fold; nil: none
	own      ledger    // lines, and the rows of Fees
	beside   ledger    // what AddItems took

	discounts map[discountKey]money.Cost
	covered   map[coverKey]*cover
	balances  []bill.Balance
}

type balanceKey struct{ kind, id string }

// NewMonth returns the empty month of a payer, an index into
// Organization.Payers. Opening are the balances of the issuer's bills of the
// month before, of all its payers: an account that moves takes its credits
// along.
func NewMonth(plan *Plan, payer int32, opening []bill.Balance) *Month {
	m := &Month{plan: plan, in: plan.in, payer: payer, account: plan.in.Organization.Payers[payer].AccountID,
		opening: map[balanceKey]bill.Balance{}, segments: plan.taxSegments(), places: batch.NewTable[place](), own: ledger{}, beside: ledger{},
		discounts: map[discountKey]money.Cost{}, covered: map[coverKey]*cover{}}
	for _, b := range opening {
		m.opening[balanceKey{b.Kind, b.ID}] = b
	}
	return m
}

// Add counts rated lines. Batches may share their tables or not. Sums that grow
// past 38 digits are an error that names account and service.
func (m *Month) Add(c *batch.Charges) error {
	if m.codes != nil && (m.codes.dims != c.Dims || m.codes.terms != c.Terms) {
		if err := m.fold(); err != nil {
			return err
		}
	}
	if m.codes == nil {
		m.codes = newCodeSums(c)
	}
	return m.add(c)
}

// Fees returns the rows of steps 1, 2 and 4 to 7 of docs/rating.md, sorted, and
// counts them.
func (m *Month) Fees() ([]Item, error) {
	if err := m.fold(); err != nil {
		return nil, err
	}
	items, err := m.run(nil, m.discountRows, m.reservationFees, m.planFees, m.negations)
	if err != nil {
		return nil, err
	}
	base, err := m.own.byAccount() // before the fees, which carry no support
	if err != nil {
		return nil, err
	}
	support := func() ([]Item, error) { return m.support(base) }
	if items, err = m.run(items, m.fees, support, m.minimums); err != nil {
		return nil, err
	}
	slices.SortFunc(items, CompareItems)
	return items, nil
}

// run counts the rows of each step before the next begins.
func (m *Month) run(items []Item, steps ...func() ([]Item, error)) ([]Item, error) {
	for _, step := range steps {
		more, err := step()
		if err == nil {
			err = m.own.addItems(more, &m.segments)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}

// AddItems counts rows that stand on the bill beside the month's own, such as
// the corrections of late usage: credits pay them and taxes hold for them.
func (m *Month) AddItems(items []Item) error { return m.beside.addItems(items, &m.segments) }

// Settle returns the rows of steps 8 to 10, sorted, with the balances that the
// bill keeps, by kind and id, and its taxes by rule id.
func (m *Month) Settle() (items []Item, balances []bill.Balance, taxes []bill.Tax, err error) {
	all := maps.Clone(m.own)
	for at, cost := range m.beside {
		if err := all.add(at, cost); err != nil {
			return nil, nil, nil, err
		}
	}
	if items, err = m.credits(all); err != nil {
		return nil, nil, nil, err
	}
	items = append(items, m.refunds()...)
	if err := all.addItems(items, &m.segments); err != nil {
		return nil, nil, nil, err
	}
	rows, taxes, err := m.taxes(all)
	if err != nil {
		return nil, nil, nil, err
	}
	items = append(items, rows...)
	slices.SortFunc(items, CompareItems)
	slices.SortFunc(m.balances, func(a, b bill.Balance) int {
		return strings.Compare(a.Kind+" "+a.ID, b.Kind+" "+b.ID)
	})
	return items, m.balances, taxes, nil
}

// byAccount sums over services and segments.
func (l ledger) byAccount() (map[string]money.Cost, error) {
	sums := map[string]money.Cost{}
	for at, cost := range l {
		sum, err := money.Add(sums[at.account], cost)
		if err != nil {
			return nil, fmt.Errorf("cost of account %s: %w", at.account, err)
		}
		sums[at.account] = sum
	}
	return sums, nil
}

// byHolder sums over the segments that are wanted.
func (l ledger) byHolder(wanted func(spot) bool) (map[holder]money.Cost, error) {
	sums := map[holder]money.Cost{}
	for at, cost := range l {
		if !wanted(at) {
			continue
		}
		key := holder{at.account, at.service}
		sum, err := money.Add(sums[key], cost)
		if err != nil {
			return nil, fmt.Errorf("cost of account %s, service %s: %w", at.account, at.service, err)
		}
		sums[key] = sum
	}
	return sums, nil
}

// firstHour and lastHour hold the first and the last instant of the period.
func (m *Month) firstHour() schema.Hour { return schema.HourOf(m.in.Period.Start.UnixNano()) }

func (m *Month) lastHour() schema.Hour { return schema.HourOf(m.lastInstant().UnixNano()) }

func (m *Month) lastInstant() time.Time { return m.in.Period.End.Add(-time.Nanosecond) }

// inPeriod tells whether an instant lies in the period.
func (m *Month) inPeriod(at time.Time) bool {
	return !at.Before(m.in.Period.Start) && at.Before(m.in.Period.End)
}

// bears tells whether the payer owes what an account owes at an instant.
func (m *Month) bears(account string, at time.Time) bool {
	payer, ok := m.plan.bearer(account, at)
	return ok && payer == m.payer
}

// has tells whether the account is the payer's at an instant.
func (m *Month) has(account string, at time.Time) bool {
	member, ok := schema.MemberAt(m.plan.memberships[account], at)
	return ok && int32(member.Payer) == m.payer
}

// newItem returns a row without cost.
func newItem(kind string, head batch.Head, hour schema.Hour, description string) Item {
	return Item{Head: head, Hour: hour, Tail: batch.Tail{LineItemType: kind}, Price: batch.Price{Description: description}}
}

// offerHead is the place of a row that an offer makes by itself: its usage type
// is the offer's id, so that rows of two offers never look the same.
func offerHead(account, service, id string) batch.Head {
	return batch.Head{Account: account, Service: service, UsageType: id}
}

// costs sets what the account incurs and what it consumes.
func (it *Item) costs(paid, effective money.Cost) {
	it.Unblended, it.Blended, it.Net, it.Effective = paid, paid, paid, effective
}

// describe returns the description, or else words for it.
func describe(description, words, id string) string {
	if description != "" {
		return description
	}
	return words + " " + id
}

func oneUnit() money.Usage { return money.UsageFromInt(1) }
