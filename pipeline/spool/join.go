package spool

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema/batch"
)

// join makes one column of codes out of the text columns of a tuple: column by
// column, each distinct pair of the tuple so far and the next text becomes a
// tuple. So a row costs a look at a table of integers per column, and a value is
// made of each distinct tuple only.
type join struct {
	codes []uint32 // by row: the tuple so far; nil while there is but one
	count int      // of tuples so far
	steps []step   // by column

	room  []uint32          // memory of the codes
	dense []uint32          // by tuple and text: 1 + tuple
	last  []lastPair        // by tuple: what it was paired with last
	pairs map[uint64]uint32 // by tuple and text
}

// step says of each tuple up to a column what it was made of.
type step struct {
	texts []string
	from  []uint32 // the tuple up to the column before
	text  []uint32
}

type lastPair struct{ text, tuple uint32 } // 1 + text

// maxDense bounds the pairs that are found by a table of all of them.
const maxDense = 1 << 20

func (j *join) begin() {
	j.codes, j.count, j.steps = nil, 1, j.steps[:0]
}

// add joins a column.
func (j *join) add(texts []string, codes []uint32, same bool) {
	s := step{texts: texts}
	switch {
	case same: // as many tuples as before
	case j.codes == nil:
		j.room = append(j.room[:0], codes...)
		j.codes = j.room
		for text := range texts {
			s.from, s.text = append(s.from, 0), append(s.text, uint32(text))
		}
		j.count = len(texts)
	case j.count*len(texts) <= maxDense:
		j.joinDense(&s, codes)
		j.count = len(s.from)
	default:
		j.joinSparse(&s, codes)
		j.count = len(s.from)
	}
	j.steps = append(j.steps, s)
}

func (j *join) joinDense(s *step, codes []uint32) {
	size := j.count * len(s.texts)
	if len(j.dense) < size {
		j.dense = make([]uint32, size)
	}
	clear(j.dense[:size])
	for row, text := range codes {
		from := j.codes[row]
		at := &j.dense[int(from)*len(s.texts)+int(text)]
		if *at == 0 {
			*at = 1 + s.add(from, text)
		}
		j.codes[row] = *at - 1
	}
}

// joinSparse looks first at the pair that the tuple had last: a text mostly
// follows from those before it.
func (j *join) joinSparse(s *step, codes []uint32) {
	if len(j.last) < j.count {
		j.last = make([]lastPair, j.count)
	}
	clear(j.last[:j.count])
	if j.pairs == nil {
		j.pairs = map[uint64]uint32{}
	}
	clear(j.pairs)
	for row, text := range codes {
		from := j.codes[row]
		last := &j.last[from]
		if last.text != text+1 {
			key := uint64(from)<<32 | uint64(text)
			tuple, ok := j.pairs[key]
			if !ok {
				tuple = s.add(from, text)
				j.pairs[key] = tuple
			}
			*last = lastPair{text + 1, tuple}
		}
		j.codes[row] = last.tuple
	}
}

func (s *step) add(from, text uint32) uint32 {
	s.from, s.text = append(s.from, from), append(s.text, text)
	return uint32(len(s.from) - 1)
}

// fields fills in the texts of a tuple.
func (j *join) fields(tuple uint32, to []string) {
	for i := len(j.steps) - 1; i >= 0; i-- {
		s := &j.steps[i]
		if s.from == nil {
			to[i] = s.texts[0]
			continue
		}
		to[i] = s.texts[s.text[tuple]]
		tuple = s.from[tuple]
	}
}

// tuples reads the columns of a tuple in the current row group: the code of each
// row, appended to dst, in a list of the distinct tuples.
func tuples[T comparable](g *groups, dst []uint32, t tuple[T]) ([]uint32, *batch.Table[T], error) {
	g.join.begin()
	for _, name := range t.names {
		if err := g.column(name, parquet.Types.ByteArray); err != nil {
			return dst, nil, err
		}
		texts, err := pages.Texts(g.chunk.Dictionary, g.chunk.Entries)
		if err != nil || len(texts) == 0 || g.chunk.Levels != nil {
			return dst, nil, fmt.Errorf("column %s is not dictionary text without nulls", name)
		}
		g.join.add(texts, g.chunk.Codes, g.chunk.Same)
	}
	values := make([]T, g.join.count)
	fields := make([]string, len(t.names))
	for i := range values {
		g.join.fields(uint32(i), fields)
		var err error
		if values[i], err = t.build(fields); err != nil {
			return dst, nil, err
		}
	}
	if g.join.codes == nil {
		return append(dst, make([]uint32, g.rows)...), batch.TableOf(values), nil
	}
	return append(dst, g.join.codes...), batch.TableOf(values), nil
}
