package batch

import (
	"slices"
	"strings"
)

// Table gives each distinct value a code: 0, 1, 2, ... in order of first sight.
// A value is compared and hashed once; after that a row carries its code.
type Table[T comparable] struct {
	values []T
	codes  map[T]uint32
	grown  *Table[T]        // of a snapshot: the table that it was taken of
	block  *strings.Builder // of texts: where those that are kept lie one behind the other

	// Of a sorted table: the first so many values are in order and are found by
	// halving, not in codes, which would hold all of them a second time.
	ordered int
	compare func(a, b T) int
}

// NewTable returns an empty table.
func NewTable[T comparable]() *Table[T] { return &Table[T]{codes: map[T]uint32{}} }

// TableOf returns a table that holds values under their places and finds no codes.
func TableOf[T comparable](values []T) *Table[T] { return &Table[T]{values: values} }

// Code returns the code of v, adding it when it is new.
func (t *Table[T]) Code(v T) uint32 {
	if c, ok := t.Find(v); ok {
		return c
	}
	c := uint32(len(t.values))
	t.values = append(t.values, v)
	t.codes[v] = c
	return c
}

// Find returns the code of v, or false when the table does not hold it.
func (t *Table[T]) Find(v T) (uint32, bool) {
	if c, ok := t.codes[v]; ok || t.ordered == 0 {
		return c, ok
	}
	at, ok := slices.BinarySearchFunc(t.values[:t.ordered], v, t.compare)
	return uint32(at), ok
}

// Value returns the value of a code.
func (t *Table[T]) Value(code uint32) T { return t.values[code] }

// Values returns all values, indexed by code. The slice must not be changed.
func (t *Table[T]) Values() []T { return t.values }

// Len returns the number of distinct values.
func (t *Table[T]) Len() int { return len(t.values) }

// Snapshot returns the table as it is now, for reading while values are added
// to the table itself. It finds no codes.
func (t *Table[T]) Snapshot() *Table[T] {
	return &Table[T]{values: t.values[:len(t.values):len(t.values)], grown: t.origin()}
}

func (t *Table[T]) origin() *Table[T] {
	if t.grown != nil {
		return t.grown
	}
	return t
}

// Shares tells whether both are one table at two times, so that codes known to
// both mean the same.
func (t *Table[T]) Shares(o *Table[T]) bool { return o != nil && t.origin() == o.origin() }

// Ranks returns, for each code, the place of its value in the order of compare.
// Ranks compare as the values do, so sorting by rank is sorting by value.
func (t *Table[T]) Ranks(compare func(a, b T) int) []uint32 {
	order := make([]uint32, len(t.values))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return compare(t.values[a], t.values[b]) })
	ranks := make([]uint32, len(order))
	for rank, code := range order {
		ranks[code] = uint32(rank)
	}
	return ranks
}

// Sorted returns the table renumbered so that codes are ranks, and the map
// from old code to new.
func (t *Table[T]) Sorted(compare func(a, b T) int) (*Table[T], []uint32) {
	ranks := t.Ranks(compare)
	return t.sorted(ranks, compare), ranks
}

func (t *Table[T]) sorted(ranks []uint32, compare func(a, b T) int) *Table[T] {
	sorted := &Table[T]{values: make([]T, len(t.values)), codes: map[T]uint32{}, ordered: len(t.values), compare: compare}
	for code, v := range t.values {
		sorted.values[ranks[code]] = v
	}
	return sorted
}

// codeBytes is Code for a text table and a byte view; it allocates only for a
// value that is new.
func codeBytes(t *Table[string], v []byte) uint32 {
	if c, ok := t.codes[string(v)]; ok {
		return c
	}
	return t.Code(t.keep(string(v)))
}

// blockBytes is how much text lies in one piece of memory: millions of texts are
// not to be millions of pieces for the collector.
const blockBytes = 16 << 10

// keep copies a text into the memory of the table.
func (t *Table[T]) keep(v string) string {
	if len(v) > blockBytes/8 {
		return strings.Clone(v)
	}
	if t.block == nil || t.block.Len()+len(v) > blockBytes {
		t.block = &strings.Builder{}
		t.block.Grow(blockBytes)
	}
	from := t.block.Len()
	t.block.WriteString(v)
	return t.block.String()[from:]
}
