package ingest

import (
	"encoding/binary"
	"math/bits"
)

// idFilter tells ids that were never added from those that perhaps were. It is
// what makes the id check linear: a chunk asks the filter instead of walking
// every run before it, and the few rows that it cannot rule out wait for one
// pass at the end.
//
// It is a row of Bloom filters, each several times as large as the one before.
// A filter is cut into blocks of one cache line, and the leading bits of an id
// choose the block, so that sorted ids walk through it from end to end. When
// the memory is used up the last one goes on: more rows are doubtful then, and
// the work per row stays below twice.
type idFilter struct {
	parts  []filterPart
	room   int64 // bytes that may still be taken
	bounds int64 // ids that the last part is made for, what is left of them
}

type filterPart []filterBlock

type filterBlock [8]uint64

const (
	filterFirst  = 1 << 20 // ids of the first part
	filterGrowth = 4
	filterBits   = 16 // per id
	filterProbes = 6
	blockBytes   = 64
)

// newFilter returns an empty filter that takes at most so many bytes, and those
// of its first part, an eighth of a mebibyte, in any case.
func newFilter(memory int64) *idFilter {
	return &idFilter{room: memory}
}

func (f *idFilter) has(id *idHash) bool {
	for _, p := range f.parts {
		if p.block(id).has(id) {
			return true
		}
	}
	return false
}

func (f *idFilter) add(id *idHash) {
	if f.bounds == 0 {
		f.grow()
	}
	f.bounds--
	f.parts[len(f.parts)-1].block(id).add(id)
}

// grow adds a part, or goes on with the last one when there is no room.
func (f *idFilter) grow() {
	ids := int64(filterFirst)
	for range f.parts {
		ids *= filterGrowth
	}
	size := ids * filterBits / 8
	switch {
	case len(f.parts) == 0:
		size = max(min(size, f.room), 1<<17)
	case size > f.room && f.room < int64(len(f.parts[len(f.parts)-1]))*blockBytes:
		f.bounds = 1 << 62
		return
	}
	size = min(size, max(f.room, 1<<17))
	f.room -= size
	f.bounds = size * 8 / filterBits
	f.parts = append(f.parts, make(filterPart, size/blockBytes))
}

func (p filterPart) block(id *idHash) *filterBlock {
	at, _ := bits.Mul64(id.prefix(), uint64(len(p)))
	return &p[at]
}

// The bits of a block come from the half of the id that does not choose it.
func (b *filterBlock) has(id *idHash) bool {
	h := binary.LittleEndian.Uint64(id[8:])
	for range filterProbes {
		if b[h>>6&7]&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

func (b *filterBlock) add(id *idHash) {
	h := binary.LittleEndian.Uint64(id[8:])
	for range filterProbes {
		b[h>>6&7] |= 1 << (h & 63)
		h >>= 9
	}
}
