package spool

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"

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
	out     *writer
	pending *batch.Charges
	rows    int64
}

// NewChargesWriter starts a file.
func NewChargesWriter(w io.Writer) (*ChargesWriter, error) {
	out, err := newWriter(w, chargesSchema())
	return &ChargesWriter{out: out}, err
}

// Write appends charges; row groups are cut by count alone, so that the bytes
// do not depend on how the rows were batched.
func (w *ChargesWriter) Write(c *batch.Charges) error {
	if w.pending == nil {
		w.pending = batch.NewCharges(c.Owner, c.Dims, c.Prices)
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

func (w *ChargesWriter) flush() error {
	c := w.pending
	if c == nil || c.Len() == 0 {
		return nil
	}
	mem := w.out.mem
	zero := make([]int32, c.Len())
	var columns []arrow.Array
	for _, text := range ownerFields(c.Owner) {
		columns = append(columns, dictionaryArray(mem, zero, []string{text}))
	}
	columns = append(columns, heads().arrays(mem, c.Dims.Heads, c.Head)...)
	columns = append(columns, resources().arrays(mem, c.Dims.Resources, c.Resource)...)
	columns = append(columns, int64Array(millisType(), hourTimes(c.Hour)))
	columns = append(columns, tails().arrays(mem, c.Dims.Tails, c.Tail)...)
	columns = append(columns, prices().arrays(mem, c.Prices, c.Price)...)
	columns = append(columns, terms().arrays(mem, c.Terms, c.Term)...)
	columns = append(columns, decimalArray(usageType(), c.Amount), decimalArray(costType(), c.List),
		decimalArray(costType(), c.Unblended), decimalArray(costType(), c.Blended))
	for _, values := range [][]money.Cost{c.Net, c.Effective, c.Upfront} {
		columns = append(columns, nullableArray(costType(), values, c.Term))
	}
	w.rows += int64(c.Len())
	err := w.out.write(columns, c.Len())
	c.Reset()
	return err
}

// Close finishes the file.
func (w *ChargesWriter) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.out.close()
}

// Rows returns how many rows were flushed; all of them after Close.
func (w *ChargesWriter) Rows() int64 { return w.rows }

// ReadCharges reads a file of charges batch by batch. Codes refer to dims and
// prices, which grow; the batch is valid during the call only. Owner is what
// the CLOSE or REFRESH record says of the file.
func ReadCharges(ctx context.Context, r parquet.ReaderAtSeeker, owner *batch.Owner, dims *batch.Dims,
	table *batch.Table[batch.Price], held *batch.Table[batch.Terms], fn func(*batch.Charges) error) error {
	return ReadChargesBy(ctx, RowGroup, r, owner, dims, table, held, fn)
}

// ReadChargesBy is ReadCharges in batches of at most so many rows, for those who
// read many files at a time.
func ReadChargesBy(ctx context.Context, rows int, r parquet.ReaderAtSeeker, owner *batch.Owner, dims *batch.Dims,
	table *batch.Table[batch.Price], held *batch.Table[batch.Terms], fn func(*batch.Charges) error) error {
	c := batch.NewCharges(owner, dims, table)
	c.Terms = held
	names := append(heads().names, resources().names...)
	names = append(append(append(names, tails().names...), prices().names...), terms().names...)
	names = append(names, schema.FieldUsageStart, schema.FieldUsageAmount, columnList, columnUnblended, columnBlended,
		columnNet, columnEffective, columnUpfront)
	return eachRecordBy(ctx, rows, r, names, func(record arrow.RecordBatch) error { return readCharges(c, record) }, func() error { return fn(c) })
}

func readCharges(c *batch.Charges, record arrow.RecordBatch) error {
	var err error
	if c.Head, err = readTuple(c.Head[:0], heads(), c.Dims.Heads, record); err != nil {
		return err
	}
	if c.Resource, err = readTuple(c.Resource[:0], resources(), c.Dims.Resources, record); err != nil {
		return err
	}
	if c.Tail, err = readTuple(c.Tail[:0], tails(), c.Dims.Tails, record); err != nil {
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
