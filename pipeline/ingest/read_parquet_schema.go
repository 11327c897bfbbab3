package ingest

import (
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// leaf is a column of values in a Parquet file.
type leaf struct {
	index          int    // among all leaves
	name           string // of the top-level column
	maxDef, maxRep int
	elem           *format.SchemaElement
	holds          holding
	unit           int64 // nanoseconds per tick of a timestamp
	scale          int   // of a decimal
}

// holding is how the values of a leaf are to be taken.
type holding uint8

const (
	holdsText holding = iota
	holdsDouble
	holdsInt
	holdsUint32
	holdsDecimal
	holdsTimestamp
	holdsInt96
	holdsOther
)

// top is a column as a user sees it: one leaf, a map of two, or something else.
type top struct {
	name       string
	leaf       *leaf
	key, value *leaf
}

// schemaWalk turns the flat schema of the file into its top-level columns.
type schemaWalk struct {
	elems []format.SchemaElement
	at    int
	leafs int
}

func topColumns(elems []format.SchemaElement) ([]top, error) {
	w := schemaWalk{elems: elems, at: 1}
	n := int(elems[0].NumChildren.V)
	if n < 0 || n > len(elems) {
		return nil, damaged("a schema of %d columns", n)
	}
	tops := make([]top, 0, n)
	for range n {
		t, err := w.top()
		if err != nil {
			return nil, err
		}
		tops = append(tops, t)
	}
	return tops, nil
}

// top reads one column with all that is below it.
func (w *schemaWalk) top() (top, error) {
	if w.at >= len(w.elems) {
		return top{}, damaged("a schema that ends too early")
	}
	name := w.elems[w.at].Name
	begin := w.at
	leaves, err := w.walk(name, 0, 0, 0)
	if err != nil {
		return top{}, err
	}
	t := top{name: name}
	switch {
	case w.elems[begin].Type.Valid && len(leaves) == 1:
		t.leaf = leaves[0]
	case isMap(&w.elems[begin]) && w.at == begin+4 && len(leaves) == 2 && leaves[0].maxRep == 1:
		t.key, t.value = leaves[0], leaves[1]
	}
	return t, nil
}

func isMap(e *format.SchemaElement) bool {
	_, logical := e.LogicalType.Value.(*format.MapType)
	return logical || e.ConvertedType.Valid && (e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue)
}

func (w *schemaWalk) walk(name string, def, rep, depth int) ([]*leaf, error) {
	if w.at >= len(w.elems) || depth > maxThriftDepth {
		return nil, damaged("a schema that ends too early or is nested too deep")
	}
	e := &w.elems[w.at]
	w.at++
	switch e.RepetitionType.V {
	case format.Optional:
		def++
	case format.Repeated:
		def, rep = def+1, rep+1
	}
	if e.Type.Valid {
		l := &leaf{index: w.leafs, name: name, maxDef: def, maxRep: rep, elem: e}
		l.classify()
		w.leafs++
		return []*leaf{l}, nil
	}
	var all []*leaf
	for range max(e.NumChildren.V, 0) {
		below, err := w.walk(name, def, rep, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// classify finds how the values are to be taken.
func (l *leaf) classify() {
	e := l.elem
	l.holds = holdsOther
	switch logical := e.LogicalType.Value.(type) {
	case *format.TimestampType:
		l.timestamp(logical)
		return
	case *format.DecimalType:
		l.decimal(int(logical.Scale))
		return
	case *format.IntType:
		l.integer(logical.IsSigned)
		return
	case *format.StringType, *format.EnumType, *format.JsonType:
		if e.Type.V == format.ByteArray {
			l.holds = holdsText
		}
		return
	case nil:
	default:
		return
	}
	if e.ConvertedType.Valid {
		l.converted(e.ConvertedType.V)
		return
	}
	switch e.Type.V {
	case format.ByteArray:
		l.holds = holdsText
	case format.Double:
		l.holds = holdsDouble
	case format.Int96:
		l.holds = holdsInt96
	case format.Int32, format.Int64:
		l.holds = holdsInt
	}
}

// converted reads the older way to name a type.
func (l *leaf) converted(c deprecated.ConvertedType) {
	switch c {
	case deprecated.UTF8, deprecated.Enum, deprecated.Json:
		if l.elem.Type.V == format.ByteArray {
			l.holds = holdsText
		}
	case deprecated.Decimal:
		l.decimal(int(l.elem.Scale.V))
	case deprecated.TimestampMillis:
		l.ticks(1e6)
	case deprecated.TimestampMicros:
		l.ticks(1e3)
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		l.integer(true)
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		l.integer(false)
	}
}

func (l *leaf) timestamp(t *format.TimestampType) {
	switch t.Unit.Value.(type) {
	case *format.MilliSeconds:
		l.ticks(1e6)
	case *format.MicroSeconds:
		l.ticks(1e3)
	case *format.NanoSeconds:
		l.ticks(1)
	}
}

func (l *leaf) ticks(unit int64) {
	if l.elem.Type.V == format.Int64 {
		l.holds, l.unit = holdsTimestamp, unit
	}
}

// local tells whether a timestamp is a wall clock of no known zone.
func (l *leaf) local() bool {
	t, ok := l.elem.LogicalType.Value.(*format.TimestampType)
	return ok && !t.IsAdjustedToUTC
}

func (l *leaf) decimal(scale int) {
	kind := l.elem.Type.V
	fits := kind == format.Int32 || kind == format.Int64 || kind == format.ByteArray ||
		kind == format.FixedLenByteArray && l.elem.TypeLength.V > 0 && l.elem.TypeLength.V <= 16
	if fits && scale >= 0 && scale <= 18 {
		l.holds, l.scale = holdsDecimal, scale
	}
}

func (l *leaf) integer(signed bool) {
	switch {
	case signed && (l.elem.Type.V == format.Int32 || l.elem.Type.V == format.Int64):
		l.holds = holdsInt
	case l.elem.Type.V == format.Int32:
		l.holds = holdsUint32
	}
}

// describe names the type as people know it.
func (l *leaf) describe() string {
	e := l.elem
	name := e.Type.V.String()
	switch {
	case e.LogicalType.Value != nil:
		name += " " + e.LogicalType.String()
	case e.ConvertedType.Valid:
		name += fmt.Sprintf(" (converted type %d)", e.ConvertedType.V)
	}
	if l.local() {
		name += ", not adjusted to UTC"
	}
	return name
}

// isText tells whether a leaf holds one text per row.
func (l *leaf) isText() bool { return l != nil && l.holds == holdsText && l.maxRep == 0 }

// fits tells whether a leaf can hold a field, or why not and what would.
func (l *leaf) fits(f field, cur bool) *fault {
	if l.maxRep > 0 {
		return &fault{reason: "is a list", hint: "one value per row is wanted"}
	}
	var wants string
	switch f {
	case fAmount, fCost:
		switch l.holds {
		case holdsText, holdsInt, holdsUint32, holdsDecimal:
			return nil
		case holdsDouble:
			if cur {
				return nil
			}
			return &fault{reason: "is DOUBLE, which is not exact", hint: "write it as DECIMAL with at most 18 decimals, as an integer or as text"}
		}
		wants = "DECIMAL with at most 18 decimals, an integer or text"
	case fUpfront:
		if l.holds == holdsText || l.holds == holdsDouble {
			return nil
		}
		wants = "DOUBLE or text"
	case fStart, fEnd, fPeriodStart, fPeriodEnd:
		switch {
		case l.holds == holdsText, l.holds == holdsTimestamp && (cur || !l.local()), l.holds == holdsInt96 && cur:
			return nil
		}
		wants = "TIMESTAMP adjusted to UTC, or text with an offset"
	default:
		if l.holds == holdsText {
			return nil
		}
		wants = "text (BYTE_ARRAY, STRING)"
	}
	return &fault{reason: "is " + l.describe(), hint: "write it as " + wants}
}

// int96 turns Julian day and nanoseconds of the day into an instant.
func int96Nanos(v deprecated.Int96) (int64, string) {
	ofDay := int64(v[1])<<32 | int64(v[0])
	days := int64(v[2]) - 2440588 // the Julian day of 1970-01-01
	if ofDay < 0 || ofDay >= day || days < 0 || days > math.MaxInt64/day {
		return 0, outOfYears
	}
	if at := days*day + ofDay; inYears(at) {
		return at, ""
	}
	return 0, outOfYears
}
