package column

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Settings are what a report decides for all its rows.
type Settings struct {
	InvoiceID string // blank until the invoice is issued

	// Resources fills line_item_resource_id. Without it the column is null;
	// rows are not merged.
	Resources bool
}

// Tables are the dictionaries that the codes of charges refer to. They may
// grow from load to load, but a code never changes its value.
type Tables struct {
	Heads     []batch.Head
	Resources []string
	Tails     []batch.Tail
	Prices    []batch.Price
	Terms     []batch.Terms
}

// TablesOf returns the dictionaries of a batch as they are now. The result may
// be read while values are added to the dictionaries.
func TablesOf(c *batch.Charges) Tables {
	return Tables{c.Dims.Heads.Values(), c.Dims.Resources.Values(), c.Dims.Tails.Values(), c.Prices.Values(), c.Terms.Values()}
}

// View is where columns look at a batch of charges. It remembers what was made
// of each distinct tuple, so one view should serve all batches of an export; it
// must not be used concurrently.
type View struct {
	settings Settings
	owner    *batch.Owner
	tables   Tables
	rows     *batch.Charges

	caches []cache
	hours  hours
	ids    ids
	terms  underTerms
	normal normal

	discounts map[uint32][]batch.Discount // by code of terms
}

// NewView returns a view for charges of one owner.
func NewView(owner *batch.Owner, s Settings) *View {
	return &View{owner: owner, settings: s, tables: Tables{}, caches: make([]cache, len(All())), discounts: map[uint32][]batch.Discount{}}
}

// Load makes rows the batch that columns are filled from. Its codes refer to
// tables; what rows.Dims, rows.Prices and rows.Terms hold is not looked at.
func (v *View) Load(tables Tables, rows *batch.Charges) {
	v.tables, v.rows = tables, rows
	v.hours.load(rows.Hour)
	v.terms.load(&v.tables, rows)
	v.ids.loaded, v.normal.loaded = false, false
}

// Len returns the number of rows loaded.
func (v *View) Len() int { return v.rows.Len() }

// cache is what a view remembers of one column.
type cache struct {
	texts  []string
	byText map[string]uint32
	maps   [][]schema.Tag
	times  []int64

	codes  []uint32 // by tuple code: 1 + code of the value, 0 when not yet known
	second []uint32 // the same for a second tuple
	out    []uint32 // by row

	some   []uint32 // rows with an amount
	costs  []money.Cost
	usages []money.Usage
}

// code returns the code of a text, adding it when it is new.
func (c *cache) code(text string) uint32 {
	if code, ok := c.byText[text]; ok {
		return code
	}
	if c.byText == nil {
		c.byText = map[string]uint32{}
	}
	code := uint32(len(c.texts))
	c.byText[text] = code
	c.texts = append(c.texts, text)
	return code
}

// stretch lengthens known to n entries.
func stretch(known []uint32, n int) []uint32 {
	if n <= len(known) {
		return known
	}
	return append(known, make([]uint32, n-len(known))...)
}

// room returns the row buffer of the cache for n rows.
func (c *cache) room(n int) []uint32 {
	if cap(c.out) < n {
		c.out = make([]uint32, n)
	}
	c.out = c.out[:n]
	return c.out
}

// same returns the row buffer with one code in all of n rows.
func (c *cache) same(n int, code uint32) []uint32 {
	out := c.room(n)
	for i := range out {
		out[i] = code
	}
	return out
}

// gather sets the code of every row from the code of its tuple; make is asked
// once per tuple.
func (c *cache) gather(rows []uint32, tuples int, make func(tuple uint32) uint32) []uint32 {
	c.codes = stretch(c.codes, tuples)
	out := c.room(len(rows))
	for i, t := range rows {
		known := c.codes[t]
		if known == 0 {
			known = 1 + make(t)
			c.codes[t] = known
		}
		out[i] = known - 1
	}
	return out
}
