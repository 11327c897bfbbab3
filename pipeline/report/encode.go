package report

import (
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
	seen   []int32  // by code of the row group: page that met it last, counted from 1
	bytes  []byte

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
	return e.nulls(to)
}

// nulls writes a column without a value: one page, no dictionary.
func (e *encoder) nulls(to *pages.Column) error {
	return to.Plain(pages.Page{Rows: e.rows, Cells: e.rows}, nil)
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
	if v.Codes == nil {
		return e.constant(to, v.Texts[0])
	}
	if len(v.Texts) == 1 && v.Texts[0] == "" { // no row can have a text
		return e.nulls(to)
	}
	e.compact(v.Codes, len(v.Texts), func(code uint32) bool { return v.Texts[code] == "" })
	if len(e.used) == 0 {
		return e.nulls(to)
	}
	if len(e.used) > plainFrom(len(e.codes)) || bytesIn(e.used, v.Texts) > dictionaryBytes {
		return e.plainTexts(to, v.Texts)
	}
	e.bytes = e.bytes[:0]
	for _, code := range e.used {
		e.bytes = appendText(e.bytes, v.Texts[code])
	}
	if err := to.Dictionary(e.bytes, len(e.used)); err != nil {
		return err
	}
	return e.coded(to, func(p *pages.Page, distinct []uint32) {
		low := v.Texts[e.used[distinct[0]]]
		high := low
		for _, code := range distinct[1:] {
			text := v.Texts[e.used[code]]
			low, high = min(low, text), max(high, text)
		}
		p.Low, p.High = []byte(low), []byte(high)
	})
}

// constant writes a text that all rows have.
func (e *encoder) constant(to *pages.Column, text string) error {
	if text == "" {
		return e.nulls(to)
	}
	e.bytes = appendText(e.bytes[:0], text)
	if err := to.Dictionary(e.bytes, 1); err != nil {
		return err
	}
	e.levels = nil
	return e.eachPage(func(p pages.Page, _ int) error {
		p.Low, p.High = []byte(text), []byte(text)
		return to.Same(p, 0)
	})
}

func appendText(dst []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(text))), text...)
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
			e.bytes = appendText(e.bytes, text)
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
		return e.constantTime(to, v.Times[0])
	}
	e.compact(v.Codes, len(v.Times), func(uint32) bool { return false })
	e.bytes = e.bytes[:0]
	for _, code := range e.used {
		e.bytes = appendWord(e.bytes, uint64(v.Times[code]))
	}
	if err := to.Dictionary(e.bytes, len(e.used)); err != nil {
		return err
	}
	return e.coded(to, func(p *pages.Page, distinct []uint32) {
		low := v.Times[e.used[distinct[0]]]
		high := low
		for _, code := range distinct[1:] {
			at := v.Times[e.used[code]]
			low, high = min(low, at), max(high, at)
		}
		p.Low, p.High = appendWord(nil, uint64(low)), appendWord(nil, uint64(high))
	})
}

// constantTime writes an instant that all rows have.
func (e *encoder) constantTime(to *pages.Column, at int64) error {
	word := appendWord(nil, uint64(at))
	if err := to.Dictionary(word, 1); err != nil {
		return err
	}
	e.levels = nil
	return e.eachPage(func(p pages.Page, _ int) error {
		p.Low, p.High = word, word
		return to.Same(p, 0)
	})
}

func appendWord(dst []byte, word uint64) []byte { return binary.LittleEndian.AppendUint64(dst, word) }

// coded writes the values as codes of the dictionary that the column has, page by
// page. MinMax is told the distinct codes of a page, at least one.
func (e *encoder) coded(to *pages.Column, minMax func(p *pages.Page, distinct []uint32)) error {
	e.seen = append(e.seen[:0], make([]int32, len(e.used))...)
	var distinct []uint32
	page := int32(0)
	return e.eachPage(func(p pages.Page, before int) error {
		codes := e.codes[before : before+p.Values]
		page++
		if distinct = appendDistinct(distinct[:0], codes, e.seen, page); len(distinct) > 0 {
			minMax(&p, distinct)
		}
		return to.Codes(p, codes)
	})
}

// appendDistinct appends the codes of a page, each once. Seen tells by code the
// last page that had it.
func appendDistinct(list, codes []uint32, seen []int32, page int32) []uint32 {
	last := null
	for _, code := range codes {
		if code == last {
			continue
		}
		last = code
		if seen[code] != page {
			seen[code] = page
			list = append(list, code)
		}
	}
	return list
}
