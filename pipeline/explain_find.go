package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

// charge is a charge by value, with the id under which reports show it.
type charge struct {
	id       string
	payer    string
	head     batch.Head
	resource string
	tail     batch.Tail
	price    batch.Price
	terms    batch.Terms
	batch.Row
}

func (c *charge) hour() schema.Hour { return c.Key.Hour() }

// chargeReader reads charges of one payer and gives them their ids.
type chargeReader struct {
	view *column.View
	ids  column.Column
	rows *batch.Charges // of the batch
	of   column.Values
}

func newChargeReader(owner *batch.Owner) *chargeReader {
	r := &chargeReader{view: column.NewView(owner, column.Settings{})}
	for _, c := range column.All() {
		if c.Name == "identity_line_item_id" {
			r.ids = c
		}
	}
	return r
}

func (r *chargeReader) load(b *batch.Charges) {
	r.rows = b
	r.view.Load(column.TablesOf(b), b)
	r.of = r.ids.Fill(r.view)
}

func (r *chargeReader) id(i int) string { return r.of.Texts[r.of.Code(i)] }

func (r *chargeReader) at(i int) charge {
	c := r.bare(i)
	c.id = r.id(i)
	return c
}

// eachPayer runs fn for every payer of a run, some at a time, and returns the
// first error in the order of payers.
func (p *Pipeline) eachPayer(run period.Run, fn func(payer string) error) error {
	var payers []string
	for _, c := range run.Charges {
		if !slices.Contains(payers, c.Payer) {
			payers = append(payers, c.Payer)
		}
	}
	return store.InParallel(p.workers(), len(payers), func(i int) error { return fn(payers[i]) })
}

// scan reads a payer's charges in the canonical order until fn says that it has
// seen enough. The figures are not summed: a file that was changed is found by
// its hash.
func (e *explaining) scan(ctx context.Context, run period.Run, payer string, fn func(*batch.Charges) (enough bool, err error)) error {
	err := e.p.readCharges(ctx, run, e.owner(payer), func(b *batch.Charges) error {
		enough, err := fn(b)
		if err == nil && enough {
			err = errStopped
		}
		return err
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// find returns the charges of the head and resource that a line id stands for,
// of all payers, in their order; none where no charge has the id. An account
// may have changed its payer, so every payer is looked through.
func (e *explaining) find(id string) ([]charge, error) {
	var mu sync.Mutex
	byPayer := map[string][]charge{}
	err := e.p.eachPayer(e.run, func(payer string) error {
		f := &finder{id: id, reader: newChargeReader(e.owner(payer))}
		err := e.scan(e.ctx, e.run, payer, f.look)
		mu.Lock()
		byPayer[payer] = f.found
		mu.Unlock()
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []charge
	for _, payer := range slices.Sorted(maps.Keys(byPayer)) {
		all = append(all, byPayer[payer]...)
	}
	return all, nil
}

// finder looks for an id and keeps what has the same head and resource. Those
// lie together in the canonical order, perhaps over the border of batches.
type finder struct {
	id     string
	reader *chargeReader
	held   []charge // of the head and resource that the batch before ended with
	found  []charge
}

func (f *finder) look(b *batch.Charges) (bool, error) {
	f.reader.load(b)
	from := 0
	if f.found == nil {
		at := f.first(b)
		if at < 0 {
			f.hold(b)
			return false, nil
		}
		for from = at; from > 0 && alike(b, from-1, at); from-- {
		}
		if from == 0 && len(f.held) > 0 && f.continues(f.held[0], b) {
			f.found = f.held
		}
	} else if !f.continues(f.found[0], b) {
		return true, nil
	}
	to := from
	for to < b.Len() && alike(b, from, to) {
		f.found = append(f.found, f.reader.at(to))
		to++
	}
	return to < b.Len(), nil
}

// first returns the first row that has the id, or -1.
func (f *finder) first(b *batch.Charges) int {
	if !slices.Contains(f.reader.of.Texts, f.id) {
		return -1
	}
	for i := range b.Len() {
		if f.reader.id(i) == f.id {
			return i
		}
	}
	return -1
}

func alike(b *batch.Charges, i, j int) bool {
	return b.Head[i] == b.Head[j] && b.Resource[i] == b.Resource[j]
}

func (f *finder) continues(c charge, b *batch.Charges) bool {
	return b.Len() > 0 && b.Dims.Heads.Value(b.Head[0]) == c.head && b.Dims.Resources.Value(b.Resource[0]) == c.resource
}

// hold keeps the rows that may belong to the first rows of the next batch.
func (f *finder) hold(b *batch.Charges) {
	last := b.Len() - 1
	from := last
	for from > 0 && alike(b, from-1, last) {
		from--
	}
	if from > 0 || len(f.held) == 0 || !f.continues(f.held[0], b) {
		f.held = f.held[:0]
	}
	for i := max(from, 0); i <= last; i++ {
		f.held = append(f.held, f.reader.at(i))
	}
}

// bare is a charge without its id.
func (r *chargeReader) bare(i int) charge {
	b := r.rows
	return charge{payer: b.Owner.Payer, head: b.Dims.Heads.Value(b.Head[i]), resource: b.Dims.Resources.Value(b.Resource[i]),
		tail: b.Dims.Tails.Value(b.Tail[i]), price: b.Prices.Value(b.Price[i]), terms: b.Terms.Value(b.Term[i]), Row: b.At(i)}
}
