package batch

import (
	"math/bits"
	"slices"
)

// canonicalOrder returns the rows in the order of their keys, ties in the order
// of the rows. Keys of one batch nearly always fit into 64 bits once the bits
// that do not vary are left out; those are sorted by radix, digit by digit,
// which takes no comparison.
func canonicalOrder(keys []Key) []uint32 {
	order := make([]uint32, len(keys))
	for i := range order {
		order[i] = uint32(i)
	}
	packed, width := packKeys(keys)
	if packed == nil {
		slices.SortStableFunc(order, func(a, b uint32) int { return keys[a].Compare(keys[b]) })
		return order
	}
	return RadixSort(packed, order, width)
}

// packKeys squeezes keys into 64 bits each, keeping their order, or returns nil
// when they do not fit. Width is the number of bits used.
func packKeys(keys []Key) (packed []uint64, width int) {
	var high, low [4]uint32 // by field: greatest and least value
	for i, k := range keys {
		for f := range high {
			v := field(k, f)
			if i == 0 {
				high[f], low[f] = v, v
			}
			high[f], low[f] = max(high[f], v), min(low[f], v)
		}
	}
	var widths [4]int
	for f := range widths {
		widths[f] = bits.Len32(high[f] - low[f])
		width += widths[f]
	}
	if width > 64 {
		return nil, 0
	}
	packed = make([]uint64, len(keys))
	for i, k := range keys {
		var p uint64
		for f, w := range widths {
			p = p<<w | uint64(field(k, f)-low[f])
		}
		packed[i] = p
	}
	return packed, width
}

func field(k Key, f int) uint32 {
	switch f {
	case 0:
		return k.Head()
	case 1:
		return k.Resource()
	case 2:
		return uint32(k.Hour())
	}
	return k.Tail()
}

// digitBits is the width of one radix pass: its counters stay in the first
// level cache.
const digitBits = 11

// RadixSort orders rows by their keys, of which the lowest width bits are
// looked at, stably. Both slices are used up.
func RadixSort(keys []uint64, rows []uint32, width int) []uint32 {
	toKeys, toRows := make([]uint64, len(keys)), make([]uint32, len(rows))
	for shift := 0; shift < width; shift += digitBits {
		var counts [1 << digitBits]int
		for _, k := range keys {
			counts[k>>shift&(1<<digitBits-1)]++
		}
		at := 0
		for d, n := range counts {
			counts[d] = at
			at += n
		}
		for i, k := range keys {
			d := k >> shift & (1<<digitBits - 1)
			toKeys[counts[d]], toRows[counts[d]] = k, rows[i]
			counts[d]++
		}
		keys, toKeys = toKeys, keys
		rows, toRows = toRows, rows
	}
	return rows
}
