package spool

import (
	"github.com/monthend/monthend/schema/batch"
)

// tupleTexts is a table of tuples, field by field.
type tupleTexts[T comparable] struct {
	table   *batch.Table[T]
	columns []textColumn
}

// textColumn is one field of a table of tuples: its distinct texts, and which
// of them each tuple has. Of a table of texts it is the table itself.
type textColumn struct {
	texts  []string
	tuples []uint32 // nil: the tuples are the texts
	known  map[string]uint32
}

// size is the number of tuples.
func (c *textColumn) size() int {
	if c.tuples == nil {
		return len(c.texts)
	}
	return len(c.tuples)
}

// extend takes in what the table has got since the last time, or all of another.
func (x *tupleTexts[T]) extend(t tuple[T], table *batch.Table[T]) {
	if texts, ok := any(table.Values()).([]string); ok {
		x.columns = []textColumn{{texts: texts}}
		return
	}
	if !table.Shares(x.table) || table.Len() < len(x.columns[0].tuples) {
		x.columns = make([]textColumn, len(t.names))
		for i := range x.columns {
			x.columns[i].known = map[string]uint32{}
		}
	}
	x.table = table
	for _, v := range table.Values()[len(x.columns[0].tuples):] {
		for i, text := range t.fields(v) {
			x.columns[i].add(text)
		}
	}
}

func (c *textColumn) add(text string) {
	code := uint32(0)
	if n := len(c.tuples); n > 0 && c.texts[c.tuples[n-1]] == text {
		code = c.tuples[n-1]
	} else if known, ok := c.known[text]; ok {
		code = known
	} else {
		code = uint32(len(c.texts))
		c.known[text] = code
		c.texts = append(c.texts, text)
	}
	c.tuples = append(c.tuples, code)
}

// codeSet numbers codes 0, 1, 2, ... in order of first sight.
type codeSet struct {
	places []uint32 // 1 + number, 0 when not met
	used   []uint32 // the codes met
}

func (s *codeSet) reset(codes int) {
	for _, c := range s.used {
		s.places[c] = 0
	}
	s.used = s.used[:0]
	if len(s.places) < codes {
		s.places = make([]uint32, codes)
	}
}

func (s *codeSet) place(code uint32) uint32 {
	if s.places[code] == 0 {
		s.used = append(s.used, code)
		s.places[code] = uint32(len(s.used))
	}
	return s.places[code] - 1
}

// timeCodes numbers instants, as long as they are few.
type timeCodes struct {
	values []int64
	slots  [timeSlots]uint32 // 1 + number, 0 when empty
}

const (
	timeSlots = 1 << 13
	maxTimes  = timeSlots / 2
)

func (t *timeCodes) reset() {
	t.values = t.values[:0]
	clear(t.slots[:])
}

func (t *timeCodes) code(at int64) (uint32, bool) {
	slot := uint64(at) * 0x9e3779b97f4a7c15 >> 51
	for ; t.slots[slot] != 0; slot = (slot + 1) % timeSlots {
		if n := t.slots[slot] - 1; t.values[n] == at {
			return n, true
		}
	}
	if len(t.values) == maxTimes {
		return 0, false
	}
	t.values = append(t.values, at)
	t.slots[slot] = uint32(len(t.values))
	return t.slots[slot] - 1, true
}
