package pages

import (
	"encoding/binary"
	"slices"
)

// minRun is how many equal values make a run; fewer are packed bit by bit.
const minRun = 16

// appendHybrid appends values of some bits in the hybrid of runs and bit packing
// that Parquet has for levels and for codes of a dictionary.
func appendHybrid[T uint8 | uint32](dst []byte, values []T, width int) []byte {
	for len(values) > 0 {
		n := runLength(values)
		if n >= minRun || n == len(values) {
			dst = appendRun(dst, uint32(values[0]), n, width)
		} else {
			n = packedLength(values)
			dst = appendPacked(dst, values[:n], width)
		}
		values = values[n:]
	}
	return dst
}

// runLength is how many values are equal to the first.
func runLength[T comparable](values []T) int {
	first := values[0]
	for i, v := range values {
		if v != first {
			return i
		}
	}
	return len(values)
}

// packedLength is how many values there are before the next run. Packed values
// come by eights, but for the last of all.
func packedLength[T comparable](values []T) int {
	for n := 8; n < len(values); n += 8 {
		rest := values[n:min(n+minRun, len(values))]
		if rest[0] == rest[len(rest)-1] && runLength(rest) == len(rest) {
			return n
		}
	}
	return len(values)
}

func appendRun(dst []byte, value uint32, n, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for ; width > 0; width -= 8 {
		dst = append(dst, byte(value))
		value >>= 8
	}
	return dst
}

func appendPacked[T uint8 | uint32](dst []byte, values []T, width int) []byte {
	eights := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(eights)<<1|1)
	at := len(dst)
	dst = slices.Grow(dst, eights*width+8)[:at+eights*width+8]
	word, held := uint64(0), 0
	for _, v := range values {
		word |= uint64(v) << held
		if held += width; held >= 32 {
			binary.LittleEndian.PutUint32(dst[at:], uint32(word))
			at, word, held = at+4, word>>32, held-32
		}
	}
	end := len(dst) - 8
	binary.LittleEndian.PutUint64(dst[at:], word)
	clear(dst[min(at+8, end):end])
	return dst[:end]
}
