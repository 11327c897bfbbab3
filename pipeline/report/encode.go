package report

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema/column"
)

// encoder writes row groups. Dictionaries and codes go into the file as they
// are, and pages are cut at the same rows in every column.
type encoder struct {
	view *column.View
	out  *pages.Writer
	rows int

	remap  []uint32 // by code of the column: 1 + code in the row group, 0 when not met, null
	met    []uint32 // codes of the column that the row group has
	used   []uint32 // those that are values, in order of first sight
	codes  []uint32 // by value, codes of the row group
	levels []uint8  // by row, 0 where it is null; nil when no row is
	room   []uint8  // memory of the levels
	bytes  []byte
	page   codePage

	ones   []uint8
	maps   mapRows
	amount amounts
}

// null marks in remap a code that stands for no value.
const null = ^uint32(0)

// rowGroup writes the rows that the view holds.
func (e *encoder) rowGroup() error {
	e.rows = e.view.Len()
	for len(e.ones) < e.rows {
		e.ones = append(e.ones, 1)
	}
	if err := e.out.RowGroup(e.rows); err != nil {
		return err
	}
	for _, c := range column.All() {
		if err := e.column(c); err != nil {
			return fmt.Errorf("column %s: %v", c.Name, err)
		}
	}
	return nil
}

func (e *encoder) column(c column.Column) error {
	values := c.Fill(e.view)
	if values.Shape == column.Maps {
		return e.mapColumn(c, values)
	}
	to, err := e.out.Next()
	if err != nil {
		return err
	}
	switch values.Shape {
	case column.Texts:
		return e.texts(to, values)
	case column.Times:
		return e.times(to, values)
	case column.Costs:
		return writeAmounts(e, to, values.Costs, values.Rows)
	case column.Usages:
		return writeAmounts(e, to, values.Usages, values.Rows)
	}
	return e.empty(to, nullLevel)
}

// nullLevel is the definition level of a null.
const nullLevel = 0

// empty writes a column without a value, all at one level: one page, no
// dictionary.
func (e *encoder) empty(to *pages.Column, level uint8) error {
	return to.Plain(pages.Page{Rows: e.rows, Cells: e.rows, Definition: pages.Levels{Same: level}}, nil)
}

// eachPage cuts the rows into pages and gives each its levels and the number of
// values before it.
func (e *encoder) eachPage(write func(p pages.Page, before int) error) error {
	before := 0
	for from := 0; from < e.rows; from += pageRows {
		n := min(pageRows, e.rows-from)
		p := pages.Page{Rows: n, Cells: n, Values: n, Definition: pages.Levels{Same: 1}}
		if e.levels != nil {
			p.Definition.Each = e.levels[from : from+n]
			p.Values = count(p.Definition.Each)
		}
		if err := write(p, before); err != nil {
			return err
		}
		before += p.Values
	}
	return nil
}

func count(levels []uint8) int {
	n := 0
	for _, l := range levels {
		n += int(l)
	}
	return n
}

// compact gives the codes that the row group uses new codes, dense and in order
// of first sight, so that the bytes do not depend on what else the dictionary
// of the run holds.
func (e *encoder) compact(codes []uint32, dictionary int, isNull func(code uint32) bool) {
	if len(e.remap) < dictionary {
		e.remap = make([]uint32, dictionary)
	}
	e.met, e.used, e.codes, e.levels = e.met[:0], e.used[:0], e.codes[:0], nil
	for row, code := range codes {
		local := e.remap[code]
		if local == 0 {
			local = e.meet(code, isNull(code))
		}
		if local == null {
			e.nullRow(row)
			continue
		}
		e.codes = append(e.codes, local-1)
	}
	for _, code := range e.met {
		e.remap[code] = 0
	}
}

func (e *encoder) meet(code uint32, isNull bool) uint32 {
	e.met = append(e.met, code)
	e.remap[code] = null
	if !isNull {
		e.used = append(e.used, code)
		e.remap[code] = uint32(len(e.used))
	}
	return e.remap[code]
}

func (e *encoder) nullRow(row int) {
	if e.levels == nil {
		e.room = append(e.room[:0], e.ones[:e.rows]...)
		e.levels = e.room
	}
	e.levels[row] = 0
}

// texts writes a text column.
func (e *encoder) texts(to *pages.Column, v column.Values) error {
	if (v.Codes == nil || len(v.Texts) == 1) && v.Texts[0] == "" { // no row can have a text
		return e.empty(to, nullLevel)
	}
	if v.Codes == nil {
		e.bytes = pages.AppendText(e.bytes[:0], v.Texts[0])
		return e.same(to, e.bytes, []byte(v.Texts[0]))
	}
	e.compact(v.Codes, len(v.Texts), func(code uint32) bool { return v.Texts[code] == "" })
	if len(e.used) == 0 {
		return e.empty(to, nullLevel)
	}
	if len(e.used) > plainFrom(len(e.codes)) || bytesIn(e.used, v.Texts) > dictionaryBytes {
		return e.plainTexts(to, v.Texts)
	}
	e.bytes = e.bytes[:0]
	for _, code := range e.used {
		e.bytes = pages.AppendText(e.bytes, v.Texts[code])
	}
	if err := to.Dictionary(e.bytes, len(e.used)); err != nil {
		return err
	}
	return e.coded(to, e.codes, len(e.used), func(p *pages.Page, distinct []uint32) {
		low, high := extremes(distinct, func(code uint32) string { return v.Texts[e.used[code]] })
		p.Low, p.High = []byte(low), []byte(high)
	})
}

// same writes a value that all rows have: as an entry of a dictionary, and as a
// bound of a page.
func (e *encoder) same(to *pages.Column, entry, bound []byte) error {
	if err := to.Dictionary(entry, 1); err != nil {
		return err
	}
	e.levels = nil
	return e.eachPage(func(p pages.Page, _ int) error {
		p.Low, p.High = bound, bound
		return to.Same(p, 0)
	})
}

// extremes returns the least and the greatest of the values of codes, at least one.
func extremes[T cmp.Ordered](codes []uint32, value func(code uint32) T) (low, high T) {
	low = value(codes[0])
	high = low
	for _, code := range codes[1:] {
		v := value(code)
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// plainFrom is the number of distinct values from which on a dictionary is not
// worth its while: above half of the values, beyond a small number.
func plainFrom(values int) int { return max(values/2, 64) }

// dictionaryBytes is the most that a dictionary of a text column holds.
const dictionaryBytes = 64 << 20

func bytesIn(used []uint32, texts []string) int {
	n := 0
	for _, code := range used {
		n += len(texts[code])
	}
	return n
}

// plainPageBytes bounds a page of texts without a dictionary; rows of long texts
// get pages of fewer rows.
const plainPageBytes = 8 << 20

// plainTexts writes a text column without a dictionary.
func (e *encoder) plainTexts(to *pages.Column, texts []string) error {
	next := 0
	for from := 0; from < e.rows; {
		p := pages.Page{Definition: pages.Levels{Same: 1}}
		var low, high string
		e.bytes = e.bytes[:0]
		row := from
		for ; row < min(from+pageRows, e.rows) && len(e.bytes) < plainPageBytes; row++ {
			if e.levels != nil && e.levels[row] == 0 {
				continue
			}
			text := texts[e.used[e.codes[next]]]
			if next++; p.Values == 0 {
				low, high = text, text
			}
			low, high = min(low, text), max(high, text)
			e.bytes = pages.AppendText(e.bytes, text)
			p.Values++
		}
		p.Rows, p.Cells, p.Low, p.High = row-from, row-from, []byte(low), []byte(high)
		if e.levels != nil {
			p.Definition.Each = e.levels[from:row]
		}
		if err := to.Plain(p, e.bytes); err != nil {
			return err
		}
		from = row
	}
	return nil
}

// times writes a timestamp column.
func (e *encoder) times(to *pages.Column, v column.Values) error {
	if v.Codes == nil {
		word := appendWord(nil, uint64(v.Times[0]))
		return e.same(to, word, word)
	}
	e.compact(v.Codes, len(v.Times), func(uint32) bool { return false })
	e.bytes = e.bytes[:0]
	for _, code := range e.used {
		e.bytes = appendWord(e.bytes, uint64(v.Times[code]))
	}
	if err := to.Dictionary(e.bytes, len(e.used)); err != nil {
		return err
	}
	return e.coded(to, e.codes, len(e.used), func(p *pages.Page, distinct []uint32) {
		low, high := extremes(distinct, func(code uint32) int64 { return v.Times[e.used[code]] })
		p.Low, p.High = appendWord(nil, uint64(low)), appendWord(nil, uint64(high))
	})
}

func appendWord(dst []byte, word uint64) []byte { return binary.LittleEndian.AppendUint64(dst, word) }

// coded writes the values as codes of the dictionary that the column has, page by
// page.
func (e *encoder) coded(to *pages.Column, codes []uint32, entries int, bounds boundsOf) error {
	e.page.begin(entries)
	return e.eachPage(func(p pages.Page, before int) error {
		return e.page.write(to, p, codes[before:before+p.Values], bounds)
	})
}

// boundsOf sets the bounds of a page by its distinct codes, at least one.
type boundsOf func(p *pages.Page, distinct []uint32)

// codePage writes pages of codes of one dictionary.
type codePage struct {
	seen     []int32 // by code: page that met it last, counted from 1
	page     int32
	distinct []uint32
}

func (c *codePage) begin(entries int) {
	c.seen = append(c.seen[:0], make([]int32, entries)...)
	c.page = 0
}

func (c *codePage) write(to *pages.Column, p pages.Page, codes []uint32, bounds boundsOf) error {
	c.page++
	c.findDistinct(codes)
	if len(c.distinct) > 0 {
		bounds(&p, c.distinct)
	}
	return to.Codes(p, codes)
}

func (c *codePage) findDistinct(codes []uint32) {
	c.distinct = c.distinct[:0]
	last := null
	for _, code := range codes {
		if code == last {
			continue
		}
		last = code
		if c.seen[code] != c.page {
			c.seen[code] = c.page
			c.distinct = append(c.distinct, code)
		}
	}
}
