package batch

import (
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
	u.Head = appendTuples(u.Head, u.Dims.Heads, [...]*Coded{&g.Account, &g.Service, &g.UsageType, &g.Operation},
		func(v [4]string) Head { return Head{v[0], v[1], v[2], v[3]} })
	u.Tail = appendTuples(u.Tail, u.Dims.Tails, [...]*Coded{&g.Region, &g.Zone, &g.Tags, &g.Unit},
		func(v [4]string) Tail {
			return Tail{Region: v[0], Zone: v[1], Tags: v[2], Unit: v[3], LineItemType: schema.LineItemUsage}
		})
	u.Resource = appendCodes(u.Resource, u.Dims.Resources, g.Resource)
	u.Source = appendCodes(u.Source, u.Sources, g.Source)
	u.Start = append(u.Start, g.Start...)
	u.End = append(u.End, g.End...)
	u.Amount = append(u.Amount, g.Amount...)
	u.Cost = append(u.Cost, make([]money.Cost, g.Len())...)
	u.IDs.appendAll(g.IDs)
	for i := range g.Len() {
		u.File = append(u.File, g.File)
		u.Line = append(u.Line, g.FirstLine+int64(i))
	}
}

func appendCodes(dst []uint32, table *Table[string], c Coded) []uint32 {
	const unmet = ^uint32(0)
	codes := make([]uint32, len(c.Values))
	for i := range codes {
		codes[i] = unmet
	}
	for _, local := range c.Codes {
		if codes[local] == unmet {
			codes[local] = table.Code(c.Values[local])
		}
		dst = append(dst, codes[local])
	}
	return dst
}

func appendTuples[T comparable](dst []uint32, table *Table[T], columns [4]*Coded, tuple func([4]string) T) []uint32 {
	seen := map[[4]uint32]uint32{}
	var key, last [4]uint32
	var code uint32
	for i := range columns[0].Codes {
		for f, c := range columns {
			key[f] = c.Codes[i]
		}
		if i == 0 || key != last {
			var ok bool
			if code, ok = seen[key]; !ok {
				var values [4]string
				for f, c := range columns {
					values[f] = c.Values[key[f]]
				}
				code = table.Code(tuple(values))
				seen[key] = code
			}
			last = key
		}
		dst = append(dst, code)
	}
	return dst
}

func (t *Text) appendAll(o Text) {
	base := int32(len(t.data))
	t.data = append(t.data, o.data...)
	for _, end := range o.ends {
		t.ends = append(t.ends, base+end)
	}
}
