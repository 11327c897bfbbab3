package report

import (
	"github.com/monthend/monthend/schema/batch"
)

// buffer gathers the charges of one chunk over one set of dictionaries. Batches
// that share the dictionaries of the first one are copied as they are; those of
// other dictionaries are translated, value by value.
type buffer struct {
	rows *batch.Charges
	own  bool // the dictionaries are a copy that may be added to
	from *batch.Charges
	maps [4][]uint32 // heads, resources, tails, prices: 1 + our code by their code

	ownTerms  bool // the terms are a copy that may be added to
	termsFrom *batch.Table[batch.Terms]
	termMap   []uint32
	free      chan *batch.Charges
}

func newBuffer(spec Spec) *buffer {
	return &buffer{rows: batch.NewCharges(spec.Owner, nil, nil), free: make(chan *batch.Charges, spec.Workers+1)}
}

// add appends rows.
func (b *buffer) add(c *batch.Charges) {
	if b.rows.Dims == nil {
		b.rows.Dims, b.rows.Prices, b.rows.Terms = c.Dims, c.Prices, c.Terms
	}
	r := b.rows
	term := b.terms(c)
	head, resource, tail, price := c.Head, c.Resource, c.Tail, c.Price
	if c.Dims != r.Dims || c.Prices != r.Prices {
		b.copyTables()
		if b.from == nil || b.from.Dims != c.Dims || b.from.Prices != c.Prices {
			b.from, b.maps = c, [4][]uint32{}
		}
		r = b.rows
		head = translate(&b.maps[0], c.Head, c.Dims.Heads, r.Dims.Heads)
		resource = translate(&b.maps[1], c.Resource, c.Dims.Resources, r.Dims.Resources)
		tail = translate(&b.maps[2], c.Tail, c.Dims.Tails, r.Dims.Tails)
		price = translate(&b.maps[3], c.Price, c.Prices, r.Prices)
	}
	r.Head = append(r.Head, head...)
	r.Resource = append(r.Resource, resource...)
	r.Tail = append(r.Tail, tail...)
	r.Price = append(r.Price, price...)
	r.Term = append(r.Term, term...)
	r.Hour = append(r.Hour, c.Hour...)
	r.Amount = append(r.Amount, c.Amount...)
	r.List = append(r.List, c.List...)
	r.Unblended = append(r.Unblended, c.Unblended...)
	r.Blended = append(r.Blended, c.Blended...)
	r.Net = append(r.Net, c.Net...)
	r.Effective = append(r.Effective, c.Effective...)
	r.Upfront = append(r.Upfront, c.Upfront...)
}

// terms returns the codes of the terms of c as ours. A table that holds nothing
// but the zero terms needs no translation: their code is 0 in every table.
func (b *buffer) terms(c *batch.Charges) []uint32 {
	if c.Terms == b.rows.Terms || c.Terms.Len() <= 1 {
		return c.Term
	}
	if !b.ownTerms {
		b.rows.Terms, b.ownTerms = cloneTable(b.rows.Terms), true
	}
	if b.termsFrom != c.Terms {
		b.termsFrom, b.termMap = c.Terms, nil
	}
	return translate(&b.termMap, c.Term, c.Terms, b.rows.Terms)
}

// take returns the rows and begins anew over the same dictionaries.
func (b *buffer) take() *batch.Charges {
	full := b.rows
	select {
	case b.rows = <-b.free:
		b.rows.Reset()
	default:
		b.rows = batch.NewCharges(full.Owner, nil, nil)
	}
	b.rows.Dims, b.rows.Prices, b.rows.Terms = full.Dims, full.Prices, full.Terms
	return full
}

// giveBack lets the memory of rows be used again.
func (b *buffer) giveBack(rows *batch.Charges) {
	select {
	case b.free <- rows:
	default:
	}
}

// copyTables makes the dictionaries ours, with the same codes.
func (b *buffer) copyTables() {
	if b.own {
		return
	}
	d := b.rows.Dims
	b.rows.Dims = &batch.Dims{Heads: cloneTable(d.Heads), Resources: cloneTable(d.Resources), Tails: cloneTable(d.Tails)}
	b.rows.Prices = cloneTable(b.rows.Prices)
	b.own = true // the terms have a copy of their own, see terms
}

func cloneTable[T comparable](t *batch.Table[T]) *batch.Table[T] {
	clone := batch.NewTable[T]()
	for _, v := range t.Values() {
		clone.Code(v)
	}
	return clone
}

// translate returns codes of one dictionary as codes of another.
func translate[T comparable](known *[]uint32, codes []uint32, from, to *batch.Table[T]) []uint32 {
	if n := from.Len(); n > len(*known) {
		*known = append(*known, make([]uint32, n-len(*known))...)
	}
	out := make([]uint32, len(codes))
	for i, code := range codes {
		c := (*known)[code]
		if c == 0 {
			c = 1 + to.Code(from.Value(code))
			(*known)[code] = c
		}
		out[i] = c - 1
	}
	return out
}
