package ingest

import (
	"encoding/binary"
	"errors"
	"math"
)

// thriftScan walks the compact Thrift encoding of Parquet metadata without
// building anything. The library allocates what a length field claims before it
// looks whether the bytes are there, so every length is checked here first.
type thriftScan struct {
	b       []byte
	at      int
	structs int // list elements that are structs still allowed
	values  int // other list elements still allowed
}

var errThrift = errors.New("lengths that its metadata does not have")

// Type codes of the compact protocol.
const (
	thriftTrue = 1 + iota
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

const maxThriftDepth = 24

func (t *thriftScan) byte() (byte, error) {
	if t.at >= len(t.b) {
		return 0, errThrift
	}
	t.at++
	return t.b[t.at-1], nil
}

func (t *thriftScan) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.b[t.at:])
	if n <= 0 {
		return 0, errThrift
	}
	t.at += n
	return v, nil
}

// varint reads a zigzag integer.
func (t *thriftScan) varint() (int64, error) {
	v, err := t.uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

func (t *thriftScan) pass(n uint64) error {
	if n > uint64(len(t.b)-t.at) {
		return errThrift
	}
	t.at += int(n)
	return nil
}

// fields walks a struct. Visit sees the path of field ids and the value of every
// integer field.
func (t *thriftScan) fields(depth int, path [2]int, visit func(path [2]int, value int64)) error {
	if depth > maxThriftDepth {
		return errThrift
	}
	id := int64(0)
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int64(head >> 4); delta != 0 {
			id += delta
		} else if id, err = t.varint(); err != nil {
			return err
		}
		if id < math.MinInt16 || id > math.MaxInt16 {
			return errThrift
		}
		next := path
		if depth < len(next) {
			next[depth] = int(id)
		}
		if err := t.value(depth, head&15, next, visit); err != nil {
			return err
		}
	}
}

func (t *thriftScan) value(depth int, kind byte, path [2]int, visit func([2]int, int64)) error {
	switch kind {
	case thriftTrue, thriftFalse:
		see(visit, depth, path, int64(2-kind))
		return nil
	case thriftByte:
		return t.pass(1)
	case thriftI16, thriftI32, thriftI64:
		v, err := t.varint()
		if err == nil {
			see(visit, depth, path, v)
		}
		return err
	case thriftDouble:
		return t.pass(8)
	case thriftBinary:
		n, err := t.uvarint()
		if err != nil {
			return err
		}
		return t.pass(n)
	case thriftList, thriftSet:
		return t.list(depth)
	case thriftStruct:
		return t.fields(depth+1, path, visit)
	}
	return errThrift // a map, which Parquet has none of, or no type at all
}

// see calls visit for the integers that are near the top.
func see(visit func([2]int, int64), depth int, path [2]int, v int64) {
	if visit != nil && depth < len(path) {
		visit(path, v)
	}
}

func (t *thriftScan) list(depth int) error {
	head, err := t.byte()
	if err != nil {
		return err
	}
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		if n, err = t.uvarint(); err != nil {
			return err
		}
	}
	budget := &t.values
	if kind == thriftStruct {
		budget = &t.structs
	}
	if n > uint64(max(*budget, 0)) {
		return errThrift
	}
	*budget -= int(n)
	for range n {
		if kind == thriftTrue || kind == thriftFalse {
			err = t.pass(1)
		} else {
			err = t.value(depth+1, kind, [2]int{}, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// footerFits checks the metadata of a whole file.
func footerFits(footer []byte) error {
	t := thriftScan{b: footer, structs: 100_000, values: 1_000_000}
	if err := t.fields(0, [2]int{}, nil); err != nil {
		return err
	}
	if t.at != len(footer) {
		return errThrift
	}
	return nil
}

// pageHeader is what a page says of itself.
type pageHeader struct {
	kind                     int64 // 0 data, 2 dictionary, 3 data of version 2
	expanded, packed, values int64
	encoding                 int64
	repBytes, defBytes       int64
	defEncoding, repEncoding int64
	plain                    bool // version 2: the values are not compressed
}

// scanPageHeader reads a header at the start of b and returns its length.
func scanPageHeader(b []byte) (h pageHeader, n int, err error) {
	t := thriftScan{b: b, structs: 100, values: 1000}
	h = pageHeader{kind: -1, expanded: -1, packed: -1, values: -1, encoding: -1}
	err = t.fields(0, [2]int{}, func(path [2]int, v int64) { h.set(path, v) })
	if err == nil && (h.expanded < 0 || h.packed < 0 || h.expanded > math.MaxInt32 || h.packed > math.MaxInt32) {
		err = errThrift
	}
	return h, t.at, err
}

func (h *pageHeader) set(path [2]int, v int64) {
	switch path {
	case [2]int{1, 0}:
		h.kind = v
	case [2]int{2, 0}:
		h.expanded = v
	case [2]int{3, 0}:
		h.packed = v
	case [2]int{5, 1}, [2]int{7, 1}, [2]int{8, 1}:
		h.values = v
	case [2]int{5, 2}, [2]int{7, 2}, [2]int{8, 4}:
		h.encoding = v
	case [2]int{5, 3}:
		h.defEncoding = v
	case [2]int{5, 4}:
		h.repEncoding = v
	case [2]int{8, 5}:
		h.defBytes = v
	case [2]int{8, 6}:
		h.repBytes = v
	case [2]int{8, 7}:
		h.plain = v == 0
	}
}
