package spool

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

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

// ChargesWriter writes one file of charges. Rows come in the canonical order.
type ChargesWriter struct {
	encoder
	out     *file.Writer
	pending *batch.Charges
	count   int64
	all     []uint32 // 0, 1, 2, ...

	heads     tupleTexts[batch.Head]
	resources tupleTexts[string]
	tails     tupleTexts[batch.Tail]
	prices    tupleTexts[batch.Price]
	terms     tupleTexts[batch.Terms]
	levels    []int16
}

// NewChargesWriter starts a file.
func NewChargesWriter(w io.Writer) (*ChargesWriter, error) {
	out, err := openFile(w, chargesSchema())
	return &ChargesWriter{out: out}, err
}

// Begin starts another file when the one before is closed. What was made of
// dictionaries is kept, so files of one payer cost little more than one of all.
func (w *ChargesWriter) Begin(to io.Writer) error {
	out, err := openFile(to, chargesSchema())
	w.out, w.count, w.pending = out, 0, nil
	return err
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
	if w.group, err = w.out.AppendRowGroupChecked(); err == nil {
		err = w.rowGroup(c)
	}
	if err != nil {
		return fmt.Errorf("write Parquet row group: %v", err)
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
	return w.group.Close()
}

// underTerms writes costs that are null where a charge stands under no terms.
func (w *ChargesWriter) underTerms(values []money.Cost, terms []uint32) error {
	column, err := next[*file.FixedLenByteArrayColumnChunkWriter](&w.encoder)
	if err != nil {
		return err
	}
	column.FallbackToPlain()
	w.levels, w.bytes = w.levels[:0], w.bytes[:0]
	for i, t := range terms {
		if t == 0 {
			w.levels = append(w.levels, 0)
			continue
		}
		w.levels = append(w.levels, 1)
		w.bytes = appendDecimal(w.bytes, values[i])
	}
	if _, err := column.WriteBatch(w.decimals(), w.levels, nil); err != nil {
		return err
	}
	return column.Close()
}

// Close finishes the file.
func (w *ChargesWriter) Close() (err error) {
	if err := w.flush(); err != nil {
		return err
	}
	defer rescue(&err)
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("close Parquet file: %v", err)
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
	c := batch.NewCharges(owner, dims, table)
	c.Terms = held
	names := append(heads().names, resources().names...)
	names = append(append(append(names, tails().names...), prices().names...), terms().names...)
	names = append(names, schema.FieldUsageStart, schema.FieldUsageAmount, columnList, columnUnblended, columnBlended,
		columnNet, columnEffective, columnUpfront)
	known := tails()
	return eachRecord(ctx, r, names, func(record arrow.RecordBatch) error { return readCharges(c, known, record) }, func() error { return fn(c) })
}

func readCharges(c *batch.Charges, known tuple[batch.Tail], record arrow.RecordBatch) error {
	var err error
	if c.Head, err = readTuple(c.Head[:0], heads(), c.Dims.Heads, record); err != nil {
		return err
	}
	if c.Resource, err = readTuple(c.Resource[:0], resources(), c.Dims.Resources, record); err != nil {
		return err
	}
	if c.Tail, err = readTuple(c.Tail[:0], known, c.Dims.Tails, record); err != nil {
		return err
	}
	if c.Price, err = readTuple(c.Price[:0], prices(), c.Prices, record); err != nil {
		return err
	}
	if c.Term, err = readTuple(c.Term[:0], terms(), c.Terms, record); err != nil {
		return err
	}
	cols := columnsOf(record)
	c.Hour = readColumn(cols, schema.FieldUsageStart, c.Hour[:0], appendHours)
	c.Amount = readColumn(cols, schema.FieldUsageAmount, c.Amount[:0], appendDecimals[money.Usage])
	c.List = readColumn(cols, columnList, c.List[:0], appendDecimals[money.Cost])
	c.Unblended = readColumn(cols, columnUnblended, c.Unblended[:0], appendDecimals[money.Cost])
	c.Blended = readColumn(cols, columnBlended, c.Blended[:0], appendDecimals[money.Cost])
	c.Net = readColumn(cols, columnNet, c.Net[:0], orElse(c.Unblended))
	c.Effective = readColumn(cols, columnEffective, c.Effective[:0], orElse(c.Unblended))
	c.Upfront = readColumn(cols, columnUpfront, c.Upfront[:0], orElse(nil))
	return cols.err
}

func appendHours(dst []schema.Hour, a arrow.Array) ([]schema.Hour, error) {
	times, err := appendInt64s(nil, a)
	for _, t := range times {
		dst = append(dst, schema.HourOf(t*1_000_000))
	}
	return dst, err
}
