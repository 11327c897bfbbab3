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
	bounds int64 // ids that may be added before the next part
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

// newFilter returns an empty filter that takes at most so many bytes, but one
// block in any case.
func newFilter(memory int64) *idFilter { return &idFilter{room: memory} }

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

// grow adds a part, or goes on with the last one when there is no room for one
// at least as large.
func (f *idFilter) grow() {
	ids := int64(filterFirst)
	for range f.parts {
		ids *= filterGrowth
	}
	blocks := min(ids*filterBits/8, f.room) / blockBytes
	if n := len(f.parts); n == 0 {
		blocks = max(blocks, 1)
	} else if blocks < int64(len(f.parts[n-1])) {
		f.bounds = 1 << 62
		return
	}
	f.room -= blocks * blockBytes
	f.bounds = blocks * blockBytes * 8 / filterBits
	f.parts = append(f.parts, make(filterPart, blocks))
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
