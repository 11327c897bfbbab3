package ingest

import (
	"errors"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// pageColumn walks the pages of a column chunk, some rows at a time.
type pageColumn struct {
	leaf  *leaf
	pages parquet.Pages

	page                   parquet.Page
	definition, repetition []byte
	level, levels          int // of the page: place, and how many
	value                  int // of the page: place among the values that are there
	count                  int // values that are there

	dictionary parquet.Dictionary
	indexes    []int32 // into the dictionary
	kind       parquet.Kind
	ints       []int32
	longs      []int64
	bytes      []byte
	offsets    []uint32 // of texts
	size       int      // of texts of one length
}

// next goes to the next page; io.EOF ends the column.
func (c *pageColumn) next() error {
	c.release()
	page, err := c.pages.ReadPage()
	if err != nil {
		return err
	}
	c.page = page
	c.level, c.levels, c.value = 0, int(page.NumValues()), 0
	c.definition, c.repetition = page.DefinitionLevels(), page.RepetitionLevels()
	if c.leaf.maxDef > 0 && len(c.definition) != c.levels || c.leaf.maxRep > 0 && len(c.repetition) != c.levels {
		return errRowByRow
	}
	data := page.Data()
	if c.dictionary = page.Dictionary(); c.dictionary != nil {
		c.indexes = data.Int32()
		c.count = len(c.indexes)
		return nil
	}
	c.kind = page.Type().Kind()
	switch c.kind {
	case parquet.Int32:
		c.ints = data.Int32()
		c.count = len(c.ints)
	case parquet.Int64:
		c.longs = data.Int64()
		c.count = len(c.longs)
	case parquet.ByteArray:
		c.bytes, c.offsets = data.ByteArray()
		c.count = max(len(c.offsets)-1, 0)
	case parquet.FixedLenByteArray:
		c.bytes, c.size = data.FixedLenByteArray()
		c.count = len(c.bytes) / max(c.size, 1)
	default:
		return errRowByRow
	}
	return nil
}

func (c *pageColumn) release() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	*c = pageColumn{leaf: c.leaf, pages: c.pages}
}

// at returns value i of the page as a view.
func (c *pageColumn) at(i int) (parquet.Value, error) {
	switch {
	case i >= c.count:
		return parquet.Value{}, damaged("column %s has fewer values than it says", c.leaf.name)
	case c.dictionary != nil:
		index := c.indexes[i]
		if index < 0 || int(index) >= c.dictionary.Len() {
			return parquet.Value{}, damaged("column %s has a value outside its dictionary", c.leaf.name)
		}
		return c.dictionary.Index(index), nil
	case c.kind == parquet.Int32:
		return parquet.Int32Value(c.ints[i]), nil
	case c.kind == parquet.Int64:
		return parquet.Int64Value(c.longs[i]), nil
	case c.kind == parquet.ByteArray:
		return parquet.ByteArrayValue(c.bytes[c.offsets[i]:c.offsets[i+1]]), nil
	}
	return parquet.FixedLenByteArrayValue(c.bytes[i*c.size : (i+1)*c.size]), nil
}

// eachPart gives the next rows of a column that is not repeated and may have no
// nulls, as places among the values of a page.
func (c *pageColumn) eachPart(rows int, fn func(from, to int) error) error {
	for rows > 0 {
		if c.level == c.levels {
			if err := c.next(); errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			} else if err != nil {
				return err
			}
			if c.count != c.levels || c.leaf.maxRep > 0 {
				return errRowByRow
			}
		}
		n := min(rows, c.levels-c.level)
		if err := fn(c.level, c.level+n); err != nil {
			return err
		}
		c.level += n
		rows -= n
	}
	return nil
}

// memo turns the values of a column into others, each entry of a dictionary
// once.
type memo[T any] struct {
	known []bool
	made  []T
}

func (m *memo[T]) reset() { clear(m.known) }

// read appends the next rows of a column. Values that make has no answer for
// send the rows down the row by row road.
func (m *memo[T]) read(dst []T, c *pageColumn, rows int, make func(parquet.Value) (T, bool)) ([]T, error) {
	err := c.eachPart(rows, func(from, to int) error {
		for i := from; i < to; i++ {
			if c.dictionary != nil {
				if index := c.indexes[i]; index >= 0 && int(index) < len(m.known) && m.known[index] {
					dst = append(dst, m.made[index])
					continue
				}
			}
			v, err := c.at(i)
			if err != nil {
				return err
			}
			made, ok := make(v)
			if !ok {
				return errRowByRow
			}
			dst = append(dst, made)
			if c.dictionary != nil {
				m.keep(c.indexes[i], c.dictionary.Len(), made)
			}
		}
		return nil
	})
	return dst, err
}

func (m *memo[T]) keep(index int32, size int, v T) {
	if n := size - len(m.known); n > 0 {
		m.known, m.made = append(m.known, make([]bool, n)...), append(m.made, make([]T, n)...)
	}
	m.known[index], m.made[index] = true, v
}

// textCodes turns the texts of a column into codes. Code 0 stands for no value;
// an empty text is one only in a map. Each distinct text is taken out once where
// the file has a dictionary, else it is looked up.
type textCodes struct {
	inMap    bool
	values   []string // one text may have two codes
	interned map[string]uint32

	byIndex []uint32 // 1 + code of the entries of the dictionary that were met
	entries string   // of the dictionary, one behind the other
	ends    []uint32

	codes  []uint32 // of the rows read last
	starts []bool   // of a repeated column: the entry begins a row
}

// reset begins a column chunk.
func (t *textCodes) reset() {
	t.values = append(t.values[:0], "")
	clear(t.interned)
	t.byIndex, t.entries, t.ends = t.byIndex[:0], "", t.ends[:0]
}

// read reads the next rows.
func (t *textCodes) read(c *pageColumn, rows int) error {
	t.codes, t.starts = t.codes[:0], t.starts[:0]
	for begun := 0; ; {
		if c.level == c.levels {
			if begun == rows && c.leaf.maxRep == 0 {
				return nil
			}
			if err := c.next(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if c.dictionary != nil && len(t.byIndex) == 0 {
				t.open(c.dictionary)
			}
			continue
		}
		to := min(c.level+rows-begun, c.levels)
		if c.leaf.maxRep > 0 {
			to, begun = t.rowsIn(c, rows, begun)
		} else {
			begun += to - c.level
		}
		if err := t.take(c, to); err != nil {
			return err
		}
		if begun == rows && to < c.levels {
			return nil
		}
	}
}

// open takes in the texts of the dictionary of the column chunk.
func (t *textCodes) open(dictionary parquet.Dictionary) {
	t.byIndex = append(t.byIndex, make([]uint32, dictionary.Len())...)
	if dictionary.Type().Kind() == parquet.ByteArray {
		data := dictionary.Page().Data()
		bytes, offsets := data.ByteArray()
		if len(offsets) == len(t.byIndex)+1 {
			t.entries, t.ends = string(bytes), append(t.ends, offsets...)
		}
	}
}

// rowsIn finds where the rows of a repeated column end in this page, and counts
// those that begin in it.
func (t *textCodes) rowsIn(c *pageColumn, rows, begun int) (to, now int) {
	for to = c.level; to < c.levels; to++ {
		starts := c.repetition[to] == 0
		if starts {
			if begun == rows {
				break
			}
			begun++
		}
		t.starts = append(t.starts, starts)
	}
	return to, begun
}

// take takes the levels of the page up to a place.
func (t *textCodes) take(c *pageColumn, to int) error {
	t.codes = slices.Grow(t.codes, to-c.level)
	if c.dictionary != nil && c.count == c.levels {
		return t.takeIndexes(c, to)
	}
	full := byte(c.leaf.maxDef)
	for ; c.level < to; c.level++ {
		if full > 0 && c.definition[c.level] < full {
			t.codes = append(t.codes, 0)
			continue
		}
		code, err := t.code(c)
		if err != nil {
			return err
		}
		t.codes = append(t.codes, code)
		c.value++
	}
	return nil
}

// takeIndexes is take for a page without nulls over a dictionary.
func (t *textCodes) takeIndexes(c *pageColumn, to int) error {
	for _, index := range c.indexes[c.value : c.value+to-c.level] {
		if uint(index) >= uint(len(t.byIndex)) || t.byIndex[index] == 0 {
			if _, err := t.code(c); err != nil {
				return err
			}
		}
		t.codes = append(t.codes, t.byIndex[index]-1)
		c.value++
	}
	c.level = to
	return nil
}

// code returns the code of the next value of the page.
func (t *textCodes) code(c *pageColumn) (uint32, error) {
	if c.dictionary == nil {
		v, err := c.at(c.value)
		if err != nil {
			return 0, err
		}
		return t.intern(v.ByteArray()), nil
	}
	if c.value < c.count {
		if index := c.indexes[c.value]; index >= 0 && int(index) < len(t.byIndex) && t.byIndex[index] > 0 {
			return t.byIndex[index] - 1, nil
		}
	}
	v, err := c.at(c.value)
	if err != nil {
		return 0, err
	}
	index := c.indexes[c.value]
	if len(t.ends) > 0 {
		t.byIndex[index] = 1 + t.add(t.entries[t.ends[index]:t.ends[index+1]])
	} else {
		t.byIndex[index] = 1 + t.add(string(v.ByteArray()))
	}
	return t.byIndex[index] - 1, nil
}

func (t *textCodes) add(v string) uint32 {
	if v == "" && !t.inMap {
		return 0
	}
	t.values = append(t.values, v)
	return uint32(len(t.values) - 1)
}

func (t *textCodes) intern(v []byte) uint32 {
	code, ok := t.interned[string(v)]
	if !ok {
		if t.interned == nil {
			t.interned = map[string]uint32{}
		}
		code = t.add(string(v))
		t.interned[string(v)] = code
	}
	return code
}
