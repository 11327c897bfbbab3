package batch

import (
	"math/bits"
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

// AppendGroup adds the records of a group. A tuple of codes that was met before
// costs one look at a table of integers; a text is hashed once per group.
func (u *Usage) AppendGroup(g *Group) {
	n := g.Len()
	u.Reserve(n)
	u.Head = appendTuples(u.Head, &u.tuples, u.Dims.Heads, [4]*Coded{&g.Account, &g.Service, &g.UsageType, &g.Operation},
		func(v [4]string) Head { return Head{v[0], v[1], v[2], v[3]} })
	u.Tail = appendTuples(u.Tail, &u.tuples, u.Dims.Tails, [4]*Coded{&g.Region, &g.Zone, &g.Tags, &g.Unit},
		func(v [4]string) Tail {
			return Tail{Region: v[0], Zone: v[1], Tags: v[2], Unit: v[3], LineItemType: schema.LineItemUsage}
		})
	u.Resource = appendCodes(u.Resource, u.Dims.Resources, g.Resource)
	u.Source = appendCodes(u.Source, u.Sources, g.Source)
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

// appendCodes turns the codes of a group into those of a table.
func appendCodes(dst []uint32, table *Table[string], c Coded) []uint32 {
	codes := make([]uint32, len(c.Values)) // 1 + code, 0 when not met
	for _, local := range c.Codes {
		if codes[local] == 0 {
			codes[local] = 1 + table.Code(c.Values[local])
		}
		dst = append(dst, codes[local]-1)
	}
	return dst
}

// tuples finds the code of a tuple by the codes of its columns, packed into one
// integer: a hash table that keeps its memory from group to group.
type tuples struct {
	keys  []uint64 // 1 + packed tuple, 0 where there is none
	codes []uint32
	used  int
}

func (t *tuples) reset() {
	if t.keys == nil {
		t.keys, t.codes = make([]uint64, 1<<10), make([]uint32, 1<<10)
	}
	clear(t.keys)
	t.used = 0
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

func (t *tuples) add(key uint64, code uint32) {
	if t.used++; 2*t.used > len(t.keys) {
		old := *t
		t.keys, t.codes = make([]uint64, 4*len(old.keys)), make([]uint32, 4*len(old.keys))
		for i, k := range old.keys {
			if k != 0 {
				at := t.place(k)
				t.keys[at], t.codes[at] = k, old.codes[i]
			}
		}
	}
	at := t.place(key)
	t.keys[at], t.codes[at] = key, code
}

// appendTuples turns four columns of codes into one of the codes of a table.
func appendTuples[T comparable](dst []uint32, known *tuples, table *Table[T], columns [4]*Coded, tuple func([4]string) T) []uint32 {
	a, b, c, d := columns[0].Codes, columns[1].Codes, columns[2].Codes, columns[3].Codes
	value := func(i int) T {
		return tuple([4]string{columns[0].Values[a[i]], columns[1].Values[b[i]], columns[2].Values[c[i]], columns[3].Values[d[i]]})
	}
	byB, byC, byD := codeBits(columns[1]), codeBits(columns[2]), codeBits(columns[3])
	if codeBits(columns[0])+byB+byC+byD > 63 {
		for i := range a {
			dst = append(dst, table.Code(value(i)))
		}
		return dst
	}
	known.reset()
	last, code := uint64(0), uint32(0)
	for i := range a {
		key := 1 + (((uint64(a[i])<<byB|uint64(b[i]))<<byC|uint64(c[i]))<<byD | uint64(d[i]))
		if key != last {
			last = key
			if at := known.place(key); known.keys[at] != 0 {
				code = known.codes[at]
			} else {
				code = table.Code(value(i))
				known.add(key, code)
			}
		}
		dst = append(dst, code)
	}
	return dst
}

func codeBits(c *Coded) int { return bits.Len(uint(len(c.Values))) }

func (t *Text) appendAll(o Text) {
	base := int32(len(t.data))
	t.data = append(t.data, o.data...)
	t.ends = slices.Grow(t.ends, len(o.ends))
	for _, end := range o.ends {
		t.ends = append(t.ends, base+end)
	}
}

// AppendBlock adds the values that lie in data one behind the other; each ends
// at its offset.
func (t *Text) AppendBlock(data []byte, ends []uint32) {
	base := int32(len(t.data))
	t.data = append(t.data, data...)
	t.ends = slices.Grow(t.ends, len(ends))
	for _, end := range ends {
		t.ends = append(t.ends, base+int32(end))
	}
}

// Reset empties the column and keeps its memory.
func (t *Text) Reset() { t.ends, t.data = t.ends[:0], t.data[:0] }
