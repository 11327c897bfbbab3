package batch

import (
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Coded is a text column as codes into a list of values of its own.
type Coded struct {
	Codes  []uint32
	Values []string
}

// Group is a run of usage records that came column by column, as a columnar
// file has them. All columns have the same length; none brings a cost of its own.
type Group struct {
	Account, Service, UsageType, Operation Coded
	Resource, Region, Zone, Unit, Source   Coded
	Tags                                   Coded // values in canonical form
	IDs                                    Text
	Start, End                             []int64 // nanoseconds since 1970
	Amount                                 []money.Usage
	File                                   uint32
	FirstLine                              int64 // line of the first record; the others follow
}

// Len returns the number of records.
func (g *Group) Len() int { return len(g.Start) }

// AppendGroup adds the records of a group. A text is hashed once per group; a
// tuple of texts that was met before costs one look at a table of integers.
func (u *Usage) AppendGroup(g *Group) {
	n := g.Len()
	u.Reserve(n)
	u.Head = appendTuples(u.Head, &u.Dims.byHead, u.Dims.Heads, [4]*Coded{&g.Account, &g.Service, &g.UsageType, &g.Operation},
		func(v [4]string) Head { return Head{v[0], v[1], v[2], v[3]} })
	u.Tail = appendTuples(u.Tail, &u.Dims.byTail, u.Dims.Tails, [4]*Coded{&g.Region, &g.Zone, &g.Tags, &g.Unit},
		func(v [4]string) Tail {
			return Tail{Region: v[0], Zone: v[1], Tags: v[2], Unit: v[3], LineItemType: schema.LineItemUsage}
		})
	u.Resource = appendCodes(u.Resource, newTranslation(u.Dims.Resources, &g.Resource))
	u.Source = appendCodes(u.Source, newTranslation(u.Sources, &g.Source))
	u.Start = append(u.Start, g.Start...)
	u.End = append(u.End, g.End...)
	u.Amount = append(u.Amount, g.Amount...)
	u.Cost = append(u.Cost, make([]money.Cost, n)...)
	u.IDs.appendAll(g.IDs)
	for i := range n {
		u.File = append(u.File, g.File)
		u.Line = append(u.Line, g.FirstLine+int64(i))
	}
}

// translation gives the codes of a group those of a table.
type translation struct {
	*Coded
	table *Table[string]
	codes []uint32 // 1 + code, 0 when not met
}

func newTranslation(table *Table[string], c *Coded) translation {
	return translation{c, table, make([]uint32, len(c.Values))}
}

func (t *translation) code(row int) uint32 {
	local := t.Codes[row]
	if t.codes[local] == 0 {
		t.codes[local] = 1 + codeClone(t.table, t.Values[local])
	}
	return t.codes[local] - 1
}

// codeClone is Code for a text that may be a part of a much longer one.
func codeClone(t *Table[string], v string) uint32 {
	if c, ok := t.codes[v]; ok {
		return c
	}
	return t.Code(t.keep(v))
}

func appendCodes(dst []uint32, t translation) []uint32 {
	for row := range t.Codes {
		dst = append(dst, t.code(row))
	}
	return dst
}

// tuples finds the code of a tuple by the codes of its four texts, packed into
// one integer.
type tuples struct {
	texts [4]*Table[string]
	keys  []uint64 // a hash table: 1 + packed tuple, 0 where there is none
	codes []uint32
	used  int
}

// maxField is the number of texts of a field up to which tuples are packed.
const maxField = 1<<16 - 1

func (t *tuples) init() {
	if t.keys == nil {
		t.keys, t.codes = make([]uint64, 1<<10), make([]uint32, 1<<10)
		for f := range t.texts {
			t.texts[f] = NewTable[string]()
		}
	}
}

// place returns where a key is, or where it would go.
func (t *tuples) place(key uint64) int {
	mask := len(t.keys) - 1
	at := int(key*0x9e3779b97f4a7c15>>32) & mask
	for t.keys[at] != 0 && t.keys[at] != key {
		at = (at + 1) & mask
	}
	return at
}

// pack packs the codes of four texts, or returns false when they are too many.
func (t *tuples) pack(a, b, c, d []byte) (key uint64, ok bool) {
	t.init()
	ok = true
	for f, text := range [...][]byte{a, b, c, d} {
		code := codeBytes(t.texts[f], text)
		ok = ok && code < maxField
		key = key<<16 | uint64(code)
	}
	return key + 1, ok
}

func (t *tuples) find(key uint64) (code uint32, ok bool) {
	at := t.place(key)
	return t.codes[at], t.keys[at] != 0
}

func (t *tuples) add(key uint64, code uint32) {
	if t.used++; 2*t.used > len(t.keys) {
		keys, codes := t.keys, t.codes
		t.keys, t.codes = make([]uint64, 4*len(keys)), make([]uint32, 4*len(keys))
		for i, k := range keys {
			if k != 0 {
				at := t.place(k)
				t.keys[at], t.codes[at] = k, codes[i]
			}
		}
	}
	at := t.place(key)
	t.keys[at], t.codes[at] = key, code
}

// appendTuples turns four columns of codes into one of the codes of a table.
func appendTuples[T comparable](dst []uint32, known *tuples, table *Table[T], columns [4]*Coded, tuple func([4]string) T) []uint32 {
	known.init()
	var fields [4]translation
	for f, c := range columns {
		fields[f] = newTranslation(known.texts[f], c)
	}
	last, code := uint64(0), uint32(0)
	for row := range columns[0].Codes {
		key, packed := uint64(0), true
		for f := range fields {
			c := fields[f].code(row)
			packed = packed && c < maxField
			key = key<<16 | uint64(c)
		}
		if key++; key == last && packed {
			dst = append(dst, code)
			continue
		}
		last = key
		if at := known.place(key); packed && known.keys[at] != 0 {
			code = known.codes[at]
		} else {
			var texts [4]string
			for f := range fields {
				texts[f] = known.texts[f].Value(fields[f].code(row))
			}
			code = table.Code(tuple(texts))
			if packed {
				known.add(key, code)
			}
		}
		dst = append(dst, code)
	}
	return dst
}

func (t *Text) appendAll(o Text) {
	base := int32(len(t.data))
	t.data = append(t.data, o.data...)
	t.ends = slices.Grow(t.ends, len(o.ends))
	for _, end := range o.ends {
		t.ends = append(t.ends, base+end)
	}
}

// AppendBlock adds the values that lie in data one behind the other; each ends
// at its offset, counted from where data begins.
func (t *Text) AppendBlock(data []byte, ends []uint32, begin uint32) {
	base := int32(len(t.data)) - int32(begin)
	t.data = append(t.data, data...)
	t.ends = slices.Grow(t.ends, len(ends))
	for _, end := range ends {
		t.ends = append(t.ends, base+int32(end))
	}
}

// Reset empties the column and keeps its memory.
func (t *Text) Reset() { t.ends, t.data = t.ends[:0], t.data[:0] }
