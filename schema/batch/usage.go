package batch

import (
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Usage is a batch of usage records, column by column. All slices have the
// same length.
type Usage struct {
	Dims    *Dims
	Sources *Table[string]

	Head, Resource, Tail []uint32
	Start, End           []int64 // nanoseconds since 1970, UTC, end exclusive
	Amount               []money.Usage
	Cost                 []money.Cost // zero where the tail is not Priced
	Source               []uint32
	IDs                  Text
	File                 []uint32 // index of the file within the delivery
	Line                 []int64  // 1-based line or row within the file
}

// NewUsage returns an empty batch with dictionaries of its own.
func NewUsage() *Usage { return &Usage{Dims: NewDims(), Sources: NewTable[string]()} }

// Reset empties the batch and keeps its memory. It goes on over the given
// dictionaries.
func (u *Usage) Reset(dims *Dims, sources *Table[string]) {
	u.Dims, u.Sources = dims, sources
	u.Head, u.Resource, u.Tail = u.Head[:0], u.Resource[:0], u.Tail[:0]
	u.Start, u.End, u.Amount, u.Cost = u.Start[:0], u.End[:0], u.Amount[:0], u.Cost[:0]
	u.Source, u.File, u.Line = u.Source[:0], u.File[:0], u.Line[:0]
	u.IDs.Reset()
}

// Freeze leaves the dictionaries to others, who may add to them: the batch keeps
// them as they are now. No record can be added to it any more.
func (u *Usage) Freeze() { u.Dims, u.Sources = u.Dims.Snapshot(), u.Sources.Snapshot() }

// Reserve makes room for n more rows, and at least doubles what there is when
// it takes more memory, so that a growing batch is copied seldom.
func (u *Usage) Reserve(n int) {
	if u.Len()+n <= cap(u.Line) {
		return
	}
	n = max(n, u.Len())
	u.Head, u.Resource, u.Tail = slices.Grow(u.Head, n), slices.Grow(u.Resource, n), slices.Grow(u.Tail, n)
	u.Start, u.End, u.Amount, u.Cost = slices.Grow(u.Start, n), slices.Grow(u.End, n), slices.Grow(u.Amount, n), slices.Grow(u.Cost, n)
	u.Source, u.File, u.Line = slices.Grow(u.Source, n), slices.Grow(u.File, n), slices.Grow(u.Line, n)
	u.IDs.ends, u.IDs.data = slices.Grow(u.IDs.ends, n), slices.Grow(u.IDs.data, n*idBytes)
}

// idBytes is how long an id is expected to be.
const idBytes = 24

// Len returns the number of rows.
func (u *Usage) Len() int { return len(u.Head) }

// Hour returns the hour in which row i counts.
func (u *Usage) Hour(i int) schema.Hour { return schema.HourOf(u.Start[i]) }

// Append interns one record into the batch.
func (u *Usage) Append(r *schema.Record) {
	u.Head = append(u.Head, u.Dims.headCode(r))
	u.Resource = append(u.Resource, codeBytes(u.Dims.Resources, r.ResourceID))
	u.Tail = append(u.Tail, u.Dims.tailCode(r))
	u.Start = append(u.Start, r.UsageStart)
	u.End = append(u.End, r.UsageEnd)
	u.Amount = append(u.Amount, r.UsageAmount)
	u.Cost = append(u.Cost, r.Cost)
	u.Source = append(u.Source, codeBytes(u.Sources, r.Source))
	u.IDs.Append(r.RecordID)
	u.File = append(u.File, r.File)
	u.Line = append(u.Line, r.Line)
}

func (d *Dims) headCode(r *schema.Record) uint32 {
	t := &d.byHead
	key, packed := t.pack(r.UsageAccountID, r.ServiceCode, r.UsageType, r.Operation)
	if code, ok := t.find(key); ok && packed {
		return code
	}
	code := d.Heads.Code(Head{string(r.UsageAccountID), string(r.ServiceCode), string(r.UsageType), string(r.Operation)})
	if packed {
		t.add(key, code)
	}
	return code
}

func (d *Dims) tailCode(r *schema.Record) uint32 {
	if r.Priced || len(r.Currency)+len(r.Commitment) > 0 || string(r.LineItemType) != schema.LineItemUsage {
		return d.rareTailCode(r)
	}
	t := &d.byTail
	key, packed := t.pack(r.RegionCode, r.AvailabilityZone, r.Tags, r.Unit)
	if code, ok := t.find(key); ok && packed {
		return code
	}
	code := d.rareTailCode(r)
	if packed {
		t.add(key, code)
	}
	return code
}

func (d *Dims) rareTailCode(r *schema.Record) uint32 {
	// The compiler looks a composite key made of string conversions up without
	// allocating; only a new tail is copied.
	if c, ok := d.Tails.codes[Tail{string(r.RegionCode), string(r.AvailabilityZone), string(r.Tags),
		string(r.LineItemType), r.Priced, string(r.Currency), string(r.Commitment), string(r.Unit)}]; ok {
		return c
	}
	return d.Tails.Code(Tail{string(r.RegionCode), string(r.AvailabilityZone), string(r.Tags),
		string(r.LineItemType), r.Priced, string(r.Currency), string(r.Commitment), string(r.Unit)})
}

// Record returns row i as a view, which holds while the batch does.
func (u *Usage) Record(i int) schema.Record {
	head, tail := u.Dims.Heads.Value(u.Head[i]), u.Dims.Tails.Value(u.Tail[i])
	return schema.Record{
		RecordID: u.IDs.At(i), Source: []byte(u.Sources.Value(u.Source[i])),
		UsageAccountID: []byte(head.Account), ServiceCode: []byte(head.Service), UsageType: []byte(head.UsageType), Operation: []byte(head.Operation),
		RegionCode: []byte(tail.Region), AvailabilityZone: []byte(tail.Zone), ResourceID: []byte(u.Dims.Resources.Value(u.Resource[i])),
		UsageStart: u.Start[i], UsageEnd: u.End[i], UsageAmount: u.Amount[i], Unit: []byte(tail.Unit), Tags: []byte(tail.Tags),
		LineItemType: []byte(tail.LineItemType), Priced: tail.Priced, Cost: u.Cost[i], Currency: []byte(tail.Currency),
		Commitment: []byte(tail.Commitment), File: u.File[i], Line: u.Line[i],
	}
}

// Text is a column of short texts that are nearly all distinct, kept as one
// run of bytes with offsets, as Arrow keeps them.
type Text struct {
	ends []int32
	data []byte
}

// Append adds a value.
func (t *Text) Append(v []byte) {
	t.data = append(t.data, v...)
	t.ends = append(t.ends, int32(len(t.data)))
}

// At returns value i as a view.
func (t *Text) At(i int) []byte {
	start := int32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.data[start:t.ends[i]]
}

// Len returns the number of values.
func (t *Text) Len() int { return len(t.ends) }

// Recode gives the records the codes of other dictionaries, which grow by what
// they lack.
func (u *Usage) Recode(dims *Dims) {
	recode(u.Head, u.Dims.Heads, dims.Heads)
	recodeTexts(u.Resource, u.Dims.Resources, dims.Resources)
	recode(u.Tail, u.Dims.Tails, dims.Tails)
	u.Dims = dims
}

// Recode gives the charges the codes of other tables, which grow by what they
// lack.
func (c *Charges) Recode(dims *Dims, prices *Table[Price], terms *Table[Terms]) {
	recode(c.Head, c.Dims.Heads, dims.Heads)
	recodeTexts(c.Resource, c.Dims.Resources, dims.Resources)
	recode(c.Tail, c.Dims.Tails, dims.Tails)
	recode(c.Price, c.Prices, prices)
	recode(c.Term, c.Terms, terms)
	c.Dims, c.Prices, c.Terms = dims, prices, terms
}

func recode[T comparable](codes []uint32, from, to *Table[T]) {
	recodeBy(codes, from, to.Code)
}

// recodeTexts is recode for texts that may be parts of a much longer one, which
// the other table would keep in memory.
func recodeTexts(codes []uint32, from, to *Table[string]) {
	recodeBy(codes, from, func(v string) uint32 { return codeClone(to, v) })
}

func recodeBy[T comparable](codes []uint32, from *Table[T], code func(T) uint32) {
	known := make([]uint32, from.Len())
	for i, v := range from.Values() {
		known[i] = code(v)
	}
	for i, c := range codes {
		codes[i] = known[c]
	}
}
