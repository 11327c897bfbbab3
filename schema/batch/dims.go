// Package batch holds the columnar batch of usage and of charges: dictionary
// codes for the dimensions, packed integer keys, exact amounts. It owns the
// canonical line order and nothing else: it neither reads nor writes files and
// knows no prices.
//
// The dimensions of a line fall into three dictionaries, in the canonical
// order: Head (account, service, usage type, operation), resource, and, after
// the hour, Tail (all other line columns). Head and Tail are tuples, so that a
// row holds three codes and an hour, 128 bits in all, whatever the number of
// columns; a question about a price is asked once per pair of tuples, not once
// per row.
package batch

import (
	"cmp"
	"strings"

	"github.com/monthend/monthend/schema"
)

// Head is the leading part of a line in the canonical order.
type Head struct {
	Account, Service, UsageType, Operation string
}

// Tail is the part of a line that stands behind resource and hour.
type Tail struct {
	Region, Zone string
	Tags         string // canonical form, see schema.EncodeTags
	LineItemType string // schema.LineItemUsage unless the record says otherwise
	Priced       bool   // the cost came with the record
	Currency     string // of that cost; empty unless Priced
	Commitment   string // reservation or savings plan that covers the usage, as its source says; mostly empty
	Unit         string // last, so that filling a blank unit in keeps sorted rows sorted
}

// CompareHeads orders heads by value, field by field.
func CompareHeads(a, b Head) int {
	switch {
	case a.Account != b.Account:
		return strings.Compare(a.Account, b.Account)
	case a.Service != b.Service:
		return strings.Compare(a.Service, b.Service)
	case a.UsageType != b.UsageType:
		return strings.Compare(a.UsageType, b.UsageType)
	}
	return strings.Compare(a.Operation, b.Operation)
}

// CompareTails orders tails by value, field by field.
func CompareTails(a, b Tail) int {
	switch {
	case a.Region != b.Region:
		return strings.Compare(a.Region, b.Region)
	case a.Zone != b.Zone:
		return strings.Compare(a.Zone, b.Zone)
	case a.Tags != b.Tags:
		return strings.Compare(a.Tags, b.Tags)
	}
	return cmp.Or(strings.Compare(a.LineItemType, b.LineItemType),
		compareBools(a.Priced, b.Priced), strings.Compare(a.Currency, b.Currency),
		strings.Compare(a.Commitment, b.Commitment), strings.Compare(a.Unit, b.Unit))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Dims are the dictionaries that the codes of a batch refer to. Many batches
// may share one Dims.
type Dims struct {
	Heads     *Table[Head]
	Resources *Table[string]
	Tails     *Table[Tail]

	byHead, byTail tuples // what AppendGroup finds codes by
}

// NewDims returns empty dictionaries.
func NewDims() *Dims {
	return &Dims{Heads: NewTable[Head](), Resources: NewTable[string](), Tails: NewTable[Tail]()}
}

// Snapshot returns the dictionaries as they are now, for reading while values are
// added to the dictionaries themselves.
func (d *Dims) Snapshot() *Dims {
	return &Dims{Heads: d.Heads.Snapshot(), Resources: d.Resources.Snapshot(), Tails: d.Tails.Snapshot()}
}

// Len returns the number of distinct values.
func (d *Dims) Len() int { return d.Heads.Len() + d.Resources.Len() + d.Tails.Len() }

// Release gives up the memory of dictionaries that nothing looks at any more.
func (d *Dims) Release() { *d = Dims{} }

// Key is the packed identity of a line: comparing two keys of sorted
// dictionaries compares the lines by value in the canonical order.
type Key struct{ Hi, Lo uint64 }

// LineKey packs the codes of a line.
func LineKey(head, resource uint32, hour schema.Hour, tail uint32) Key {
	return Key{uint64(head)<<32 | uint64(resource), uint64(uint32(hour))<<32 | uint64(tail)}
}

// Head, Resource, Hour and Tail take the key apart again.
func (k Key) Head() uint32 { return uint32(k.Hi >> 32) }

// Resource returns the resource code.
func (k Key) Resource() uint32 { return uint32(k.Hi) }

// Hour returns the hour.
func (k Key) Hour() schema.Hour { return schema.Hour(uint32(k.Lo >> 32)) }

// Tail returns the tail code.
func (k Key) Tail() uint32 { return uint32(k.Lo) }

// Compare orders keys.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Hi, o.Hi), cmp.Compare(k.Lo, o.Lo))
}

// Ranking maps the codes of unsorted dictionaries to codes of sorted ones.
type Ranking struct{ Heads, Resources, Tails []uint32 }

// Sorted returns dictionaries whose codes are ranks, and the map to them.
func (d *Dims) Sorted() (*Dims, Ranking) {
	var s Dims
	var r Ranking
	s.Heads, r.Heads = d.Heads.Sorted(CompareHeads)
	r.Resources = textRanks(d.Resources)
	s.Resources = d.Resources.sorted(r.Resources, strings.Compare)
	s.Tails, r.Tails = d.Tails.Sorted(CompareTails)
	return &s, r
}
