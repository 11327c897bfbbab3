package rate

import (
	"cmp"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Item is a charge by value: a row of a month-wide step, such as a fee, a credit
// or a tax, which no usage record made.
type Item struct {
	Head     batch.Head
	Resource string
	Hour     schema.Hour
	Tail     batch.Tail
	Price    batch.Price
	Terms    batch.Terms
	Amount   money.Usage

	List, Unblended, Blended, Net, Effective, Upfront money.Cost
}

// ItemOf is a row of charges by value.
func ItemOf(row batch.Row, c *batch.Charges) Item {
	k := row.Key
	return Item{Head: c.Dims.Heads.Value(k.Head()), Resource: c.Dims.Resources.Value(k.Resource()), Hour: k.Hour(),
		Tail: c.Dims.Tails.Value(k.Tail()), Price: c.Prices.Value(row.Price), Terms: c.Terms.Value(row.Term), Amount: row.Amount,
		List: row.List, Unblended: row.Unblended, Blended: row.Blended, Net: row.Net, Effective: row.Effective, Upfront: row.Upfront}
}

// ComparePlaces orders items in the canonical order.
func ComparePlaces(a, b Item) int {
	return cmp.Or(batch.CompareHeads(a.Head, b.Head), strings.Compare(a.Resource, b.Resource), cmp.Compare(a.Hour, b.Hour),
		batch.CompareTails(a.Tail, b.Tail))
}

// CompareItems orders items in the canonical order, then by price and terms, so
// that the order does not depend on how they were made.
func CompareItems(a, b Item) int {
	return cmp.Or(ComparePlaces(a, b), strings.Compare(a.Price.SKU, b.Price.SKU),
		strings.Compare(a.Price.RateCode, b.Price.RateCode), strings.Compare(a.Price.Description, b.Price.Description),
		strings.Compare(a.Price.Reason, b.Price.Reason), strings.Compare(a.Terms.Commitment.ID, b.Terms.Commitment.ID),
		strings.Compare(a.Terms.Discounts, b.Terms.Discounts), money.Cmp(a.Unblended, b.Unblended))
}
