package rate

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// refunds are the rows of step 9. That none is above what was billed is asked
// where the earlier bills are at hand.
func (m *Month) refunds() []Item {
	var items []Item
	for i := range m.in.Offers.Refunds {
		r := &m.in.Offers.Refunds[i]
		at := r.Date.In(m.plan.zone)
		if !m.inPeriod(at) || !m.bears(r.Account, at) {
			continue
		}
		it := newItem(schema.LineItemRefund, offerHead(r.Account, r.Service, r.ID), schema.HourOf(at.UnixNano()), describe(r.Description, "Refund", r.ID))
		it.costs(money.Neg(r.Amount), money.Neg(r.Amount))
		items = append(items, it)
	}
	return items
}
