package batch

import (
	"math/bits"
	"slices"

	"github.com/monthend/monthend/schema"
)

// Sorter puts rows in order. It keeps its memory from batch to batch, and the
// ranks of dictionaries that did not grow in between.
type Sorter struct {
	heads           ranks[Head]
	resources       ranks[string]
	tails           ranks[Tail]
	keys, spareKeys []uint64
	rows, spareRows []uint32
}

// Order returns the rows of a batch in the canonical line order, ties in the
// order of arrival. The result holds until the Sorter is used again.
//
// Ranks and hours nearly always fit into 64 bits together; those are sorted by
// radix, digit by digit, which takes no comparison.
func (s *Sorter) Order(u *Usage) []uint32 {
	n := u.Len()
	s.reserve(n)
	for i := range n {
		s.rows[i] = uint32(i)
	}
	heads := s.heads.of(u.Dims.Heads, func(t *Table[Head]) []uint32 { return t.Ranks(CompareHeads) })
	resources := s.resources.of(u.Dims.Resources, textRanks)
	tails := s.tails.of(u.Dims.Tails, func(t *Table[Tail]) []uint32 { return t.Ranks(CompareTails) })
	first, last := u.hours()
	byResource, byHour, byTail := bits.Len(uint(len(resources))), bits.Len32(uint32(last-first)), bits.Len(uint(len(tails)))
	width := bits.Len(uint(len(heads))) + byResource + byHour + byTail
	if width > 64 {
		slices.SortStableFunc(s.rows, func(a, b uint32) int {
			key := func(i uint32) Key {
				return LineKey(heads[u.Head[i]], resources[u.Resource[i]], u.Hour(int(i)), tails[u.Tail[i]])
			}
			return key(a).Compare(key(b))
		})
		return s.rows
	}
	for i := range n {
		key := uint64(heads[u.Head[i]])<<byResource | uint64(resources[u.Resource[i]])
		key = key<<byHour | uint64(u.Hour(i)-first)
		s.keys[i] = key<<byTail | uint64(tails[u.Tail[i]])
	}
	return s.radix(width)
}

// ranks remembers those of one table.
type ranks[T comparable] struct {
	table *Table[T]
	list  []uint32
}

func (r *ranks[T]) of(t *Table[T], make func(*Table[T]) []uint32) []uint32 {
	if !t.Shares(r.table) || t.Len() != len(r.list) {
		r.table, r.list = t, make(t)
	}
	return r.list
}

// OrderBy returns 0 to n-1 in the order of the lowest width bits of their keys,
// ties as they stand. The result holds until the Sorter is used again.
func (s *Sorter) OrderBy(n, width int, key func(i int) uint64) []uint32 {
	s.reserve(n)
	for i := range n {
		s.keys[i], s.rows[i] = key(i), uint32(i)
	}
	return s.radix(width)
}

func (s *Sorter) reserve(n int) {
	if cap(s.keys) < n {
		s.keys, s.spareKeys = make([]uint64, n), make([]uint64, n)
		s.rows, s.spareRows = make([]uint32, n), make([]uint32, n)
	}
	s.keys, s.spareKeys, s.rows, s.spareRows = s.keys[:n], s.spareKeys[:n], s.rows[:n], s.spareRows[:n]
}

func (s *Sorter) radix(width int) []uint32 {
	s.keys, s.rows, s.spareKeys, s.spareRows = radixSort(s.keys, s.rows, s.spareKeys, s.spareRows, width)
	return s.rows
}

// hours returns the first and the last hour of the batch.
func (u *Usage) hours() (first, last schema.Hour) {
	for i := range u.Start {
		h := u.Hour(i)
		if i == 0 {
			first, last = h, h
		}
		first, last = min(first, h), max(last, h)
	}
	return first, last
}

// digitBits is the width of one radix pass: its counters stay in the first
// level cache.
const digitBits = 11

// radixSort orders rows by their keys, of which the lowest width bits are
// looked at, stably. It works between two pairs of slices and returns the sorted
// pair first.
func radixSort(keys []uint64, rows []uint32, toKeys []uint64, toRows []uint32, width int) ([]uint64, []uint32, []uint64, []uint32) {
	for shift := 0; shift < width; shift += digitBits {
		var at [1 << digitBits]uint32
		for _, k := range keys {
			at[k>>shift&(1<<digitBits-1)]++
		}
		sum := uint32(0)
		for d, n := range at {
			at[d] = sum
			sum += n
		}
		for i, k := range keys {
			d := k >> shift & (1<<digitBits - 1)
			to := at[d]
			at[d]++
			toKeys[to], toRows[to] = k, rows[i]
		}
		keys, toKeys = toKeys, keys
		rows, toRows = toRows, rows
	}
	return keys, rows, toKeys, toRows
}
