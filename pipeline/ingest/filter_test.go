package ingest

import (
	"encoding/binary"
	"fmt"
	"testing"
)

func someID(i int) *idHash {
	h := hashOf(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	return &h
}

// TestFilter adds more ids than the first part is made for: none is ever
// forgotten, and few others are taken for known while there is room.
func TestFilter(t *testing.T) {
	for _, c := range []struct {
		memory, ids int
		most        float64
	}{
		{64 << 20, 1_500_000, 0.005},
		{1 << 20, 400_000, 0.002},
		{1 << 20, 1_500_000, 0.2}, // no room: it goes on, and gets worse
		{0, 1000, 1},
	} {
		f := newFilter(int64(c.memory))
		for i := range c.ids {
			f.add(someID(i))
		}
		size := 0
		for _, p := range f.parts {
			size += len(p) * blockBytes
		}
		if size > max(c.memory, blockBytes) {
			t.Errorf("%d bytes allowed, %d used", c.memory, size)
		}
		wrong := 0
		const others = 100_000
		for i := range others {
			if !f.has(someID(i * c.ids / others)) {
				t.Fatalf("id %d of %d is forgotten", i, c.ids)
			}
			if f.has(someID(c.ids + i)) {
				wrong++
			}
		}
		if rate := float64(wrong) / others; rate > c.most {
			t.Errorf("%d ids in %d bytes: %.4f of the others are doubtful, want at most %.4f", c.ids, c.memory, rate, c.most)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	for _, n := range []int{1 << 20, 1 << 23} {
		f := newFilter(1 << 30)
		ids := make([]idHash, 0, n)
		for i := range n {
			ids = append(ids, *someID(i))
			f.add(&ids[i])
		}
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				f.has(&ids[i])
				i = (i + 1) % n
			}
		})
	}
}
