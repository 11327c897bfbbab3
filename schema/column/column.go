package column

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Kind is the type of a column.
type Kind int

// The kinds of columns. A timestamp is in milliseconds since
// 1970-01-01T00:00:00, in UTC.
const (
	Text Kind = iota
	Timestamp
	Double
	TextMap   // text to text
	DoubleMap // text to double
)

// String returns the SQL type of the kind.
func (k Kind) String() string {
	return [...]string{"string", "timestamp", "double", "map<string,string>", "map<string,double>"}[k]
}

// Short returns the type as a manifest names it: string, timestamp, double or map.
func (k Kind) Short() string {
	return [...]string{"string", "timestamp", "double", "map", "map"}[k]
}

// Column is one column of the report.
type Column struct {
	Name string
	Kind Kind
	Doc  string // what it means, one or two sentences
	Null string // when it is null

	at   int // place in the table
	fill func(*View, *cache) Values
}

// Fill returns the column for the batch last loaded into v. The result is valid
// until the same column is filled again from the same view, and must not be
// changed.
func (c Column) Fill(v *View) Values {
	if c.fill == nil {
		return Values{}
	}
	return c.fill(v, &v.caches[c.at])
}

// Shape tells which fields of Values are in use.
type Shape int

// The shapes of a filled column.
const (
	Null   Shape = iota // every row is null
	Texts               // Codes point into Texts
	Times               // Codes point into Times
	Maps                // Codes point into Maps
	Costs               // Costs has one entry per row, or per entry of Rows
	Usages              // Usages has one entry per row, or per entry of Rows
)

// Values is a filled column: a dictionary and one code per row, or one amount
// per row, or nothing at all.
type Values struct {
	Shape  Shape
	Codes  []uint32       // per row; nil when every row is entry 0
	Texts  []string       // the empty text is null
	Times  []int64        // milliseconds since 1970, UTC
	Maps   [][]schema.Tag // each sorted by key; an empty map is not null. The values of a DoubleMap are decimals
	Rows   []uint32       // rows that have an amount, ascending; all others are null. Nil when every row has one
	Costs  []money.Cost
	Usages []money.Usage
}

// Code returns the code of row i.
func (v Values) Code(i int) uint32 {
	if v.Codes == nil {
		return 0
	}
	return v.Codes[i]
}
