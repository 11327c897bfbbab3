package spool

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

const (
	columnList      = "list_cost"
	columnUnblended = "unblended_cost"
	columnBlended   = "blended_cost"
	columnNet       = "net_unblended_cost"
	columnEffective = "effective_cost"
	columnUpfront   = "amortized_upfront_cost"
)

// owners are constant over a file, and stand on every row of it.
func owners() tuple[string] {
	return tuple[string]{names: []string{"issuer", "payer_account_id", "pricing_currency", "billing_currency", "billing_period"}}
}

func ownerFields(o *batch.Owner) []string {
	return []string{o.Issuer, o.Payer, string(o.PricingCurrency), string(o.BillingCurrency), o.Period.Name}
}

func millisType() *arrow.TimestampType {
	return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
}

func chargesSchema() *arrow.Schema {
	fields := owners().arrowFields()
	fields = append(fields, heads().arrowFields()...)
	fields = append(fields, resources().arrowFields()...)
	fields = append(fields, arrow.Field{Name: schema.FieldUsageStart, Type: millisType()})
	fields = append(fields, tails().arrowFields()...)
	fields = append(fields, prices().arrowFields()...)
	fields = append(fields, terms().arrowFields()...)
	fields = append(fields, arrow.Field{Name: schema.FieldUsageAmount, Type: usageType()})
	for _, n := range []string{columnList, columnUnblended, columnBlended} {
		fields = append(fields, arrow.Field{Name: n, Type: costType()})
	}
	// Null where the charge stands under no terms: net and effective are then
	// what the unblended cost is.
	for _, n := range []string{columnNet, columnEffective, columnUpfront} {
		fields = append(fields, arrow.Field{Name: n, Type: costType(), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

// ChargesWriter writes files of charges. Rows come in the canonical order. What
// was made of dictionaries is kept from file to file, so files of one payer cost
// little more than one of all.
type ChargesWriter struct {
	encoder
	pending *batch.Charges
	count   int64
	all     []uint32 // 0, 1, 2, ...

	heads     tupleTexts[batch.Head]
	resources tupleTexts[string]
	tails     tupleTexts[batch.Tail]
	prices    tupleTexts[batch.Price]
	terms     tupleTexts[batch.Terms]
	levels    []uint8
}

// Begin starts a file. Another one may be begun when it is closed.
func (w *ChargesWriter) Begin(to io.Writer) error {
	w.count, w.pending = 0, nil
	return w.begin(to, chargesSchema)
}

// Write appends charges; row groups are cut by count alone, so that the bytes
// do not depend on how the rows were batched.
func (w *ChargesWriter) Write(c *batch.Charges) error {
	if w.pending == nil {
		w.pending = c.Like()
	}
	w.pending.Prices, w.pending.Terms = c.Prices, c.Terms // the same codes, perhaps more of them
	for from := 0; from < c.Len(); {
		to := min(c.Len(), from+RowGroup-w.pending.Len())
		w.pending.AppendAll(c.Slice(from, to))
		from = to
		if w.pending.Len() == RowGroup {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *ChargesWriter) flush() (err error) {
	c := w.pending
	if c == nil || c.Len() == 0 {
		return nil
	}
	defer rescue(&err)
	for len(w.all) < c.Len() {
		w.all = append(w.all, uint32(len(w.all)))
	}
	w.rows = w.all[:c.Len()]
	if err := w.rowGroup(c); err != nil {
		return fmt.Errorf("write Parquet row group: %w", err)
	}
	w.count += int64(c.Len())
	c.Reset()
	return nil
}

// rowGroup writes the columns in the order of chargesSchema.
func (w *ChargesWriter) rowGroup(c *batch.Charges) error {
	w.heads.extend(heads(), c.Dims.Heads)
	w.resources.extend(resources(), c.Dims.Resources)
	w.tails.extend(tails(), c.Dims.Tails)
	w.prices.extend(prices(), c.Prices)
	w.terms.extend(terms(), c.Terms)
	if err := w.out.RowGroup(c.Len()); err != nil {
		return err
	}
	for _, text := range ownerFields(c.Owner) {
		if err := w.constant(text); err != nil {
			return err
		}
	}
	steps := []func() error{
		func() error { return w.tupleColumns(w.heads.columns, c.Head) },
		func() error { return w.tupleColumns(w.resources.columns, c.Resource) },
		func() error { return w.timeColumn(hourTimes(c.Hour)) },
		func() error { return w.tupleColumns(w.tails.columns, c.Tail) },
		func() error { return w.tupleColumns(w.prices.columns, c.Price) },
		func() error { return w.tupleColumns(w.terms.columns, c.Term) },
		func() error { return decimalColumn(&w.encoder, c.Amount) },
		func() error { return decimalColumn(&w.encoder, c.List) },
		func() error { return decimalColumn(&w.encoder, c.Unblended) },
		func() error { return decimalColumn(&w.encoder, c.Blended) },
		func() error { return w.underTerms(c.Net, c.Term) },
		func() error { return w.underTerms(c.Effective, c.Term) },
		func() error { return w.underTerms(c.Upfront, c.Term) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// underTerms writes costs that are null where a charge stands under no terms.
func (w *ChargesWriter) underTerms(values []money.Cost, terms []uint32) error {
	to, err := w.out.Next()
	if err != nil {
		return err
	}
	return w.eachPage(func(p pages.Page, from, end int) error {
		w.levels, w.bytes, p.Values = w.levels[:0], w.bytes[:0], 0
		for i := from; i < end; i++ {
			level := uint8(0)
			if terms[i] != 0 {
				level = 1
				p.Values++
				w.bytes = appendDecimal(w.bytes, values[i])
			}
			w.levels = append(w.levels, level)
		}
		p.Definition.Each = w.levels
		return to.Plain(p, w.bytes)
	})
}

// Close finishes the file.
func (w *ChargesWriter) Close() (err error) {
	if err := w.flush(); err != nil {
		return err
	}
	defer rescue(&err)
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %w", err)
	}
	return nil
}

// Rows returns how many rows were flushed; all of them after Close.
func (w *ChargesWriter) Rows() int64 { return w.count }

// ReadCharges reads a file of charges batch by batch. Codes refer to dims and
// prices, which grow; the batch is valid during the call only. Owner is what
// the CLOSE or REFRESH record says of the file.
func ReadCharges(ctx context.Context, r parquet.ReaderAtSeeker, owner *batch.Owner, dims *batch.Dims,
	table *batch.Table[batch.Price], held *batch.Table[batch.Terms], fn func(*batch.Charges) error) error {
	g, err := openGroups(r)
	if err != nil {
		return err
	}
	c, known := batch.NewCharges(owner, dims, table), tails()
	for {
		more, err := g.read(ctx, func() error { return readCharges(g, c, known) })
		if err != nil || !more {
			return err
		}
		c.Recode(dims, table, held)
		if err := fn(c); err != nil {
			return err
		}
	}
}

// readCharges makes c the charges of the current row group, over tables that hold
// their values alone.
func readCharges(g *groups, c *batch.Charges, known tuple[batch.Tail]) (err error) {
	c.Reset()
	c.Dims = &batch.Dims{}
	if c.Head, c.Dims.Heads, err = tuples(g, c.Head, heads()); err != nil {
		return err
	}
	if c.Resource, c.Dims.Resources, err = tuples(g, c.Resource, resources()); err != nil {
		return err
	}
	if c.Tail, c.Dims.Tails, err = tuples(g, c.Tail, known); err != nil {
		return err
	}
	if c.Price, c.Prices, err = tuples(g, c.Price, prices()); err != nil {
		return err
	}
	if c.Term, c.Terms, err = tuples(g, c.Term, terms()); err != nil {
		return err
	}
	hour := func(b []byte) schema.Hour { return schema.HourOf(int64(binary.LittleEndian.Uint64(b)) * 1_000_000) }
	if c.Hour, err = fixed(g, c.Hour, schema.FieldUsageStart, parquet.Types.Int64, 8, hour); err != nil {
		return err
	}
	if c.Amount, err = decimals(g, c.Amount, schema.FieldUsageAmount); err != nil {
		return err
	}
	for _, column := range []struct {
		name string
		to   *[]money.Cost
	}{{columnList, &c.List}, {columnUnblended, &c.Unblended}, {columnBlended, &c.Blended}} {
		if *column.to, err = decimals(g, *column.to, column.name); err != nil {
			return err
		}
	}
	if c.Net, err = optional(g, c.Net, columnNet, c.Unblended); err != nil {
		return err
	}
	if c.Effective, err = optional(g, c.Effective, columnEffective, c.Unblended); err != nil {
		return err
	}
	c.Upfront, err = optional(g, c.Upfront, columnUpfront, nil)
	return err
}
