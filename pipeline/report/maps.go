package report

import (
	"fmt"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// mapRows is a map column of a row group, flattened: one cell per entry, and
// one for a map without entries.
type mapRows struct {
	repetition []uint8
	marks      []mark // where pages begin and the last one ends
	keys       side
	values     side
}

// mark is a place in the flattened rows.
type mark struct{ row, cell, entry int }

// side is the keys or the values of a map column.
type side struct {
	texts  []string
	byText map[string]uint32
	codes  []uint32 // by entry
	levels []uint8  // definition levels of the cells
}

func (s *side) reset() {
	s.texts, s.codes, s.levels = s.texts[:0], s.codes[:0], s.levels[:0]
	if s.byText == nil {
		s.byText = map[string]uint32{}
	}
	clear(s.byText)
}

func (s *side) code(text string) uint32 {
	if code, ok := s.byText[text]; ok {
		return code
	}
	code := uint32(len(s.texts))
	s.byText[text] = code
	s.texts = append(s.texts, text)
	return code
}

// Definition levels of a map: without entries, and of a key and a value.
const (
	emptyLevel = 1
	keyLevel   = 2
	valueLevel = 3
)

// mapColumn writes the two leaves of a map column.
func (e *encoder) mapColumn(c column.Column, v column.Values) error {
	if v.Codes == nil && len(v.Maps[0]) == 0 {
		return e.emptyMaps()
	}
	m := &e.maps
	m.flatten(e, v)
	if len(m.keys.codes) == 0 {
		return e.emptyMaps()
	}
	to, err := e.out.Next()
	if err != nil {
		return err
	}
	if err := e.mapTexts(to, &m.keys); err != nil {
		return err
	}
	if to, err = e.out.Next(); err != nil {
		return err
	}
	if c.Kind == column.DoubleMap {
		return e.mapDoubles(to, &m.values)
	}
	return e.mapTexts(to, &m.values)
}

// emptyMaps writes a map without entries in every row.
func (e *encoder) emptyMaps() error {
	for range 2 {
		to, err := e.out.Next()
		if err != nil {
			return err
		}
		if err := e.empty(to, emptyLevel); err != nil {
			return err
		}
	}
	return nil
}

// flatten lays out the rows. Each distinct map is laid out once.
func (m *mapRows) flatten(e *encoder, v column.Values) {
	codes := v.Codes
	if codes == nil {
		codes = make([]uint32, e.rows)
	}
	e.compact(codes, len(v.Maps), func(uint32) bool { return false })
	m.keys.reset()
	m.values.reset()
	flats := make([]flat, len(e.used))
	for i, code := range e.used {
		flats[i] = m.flat(v.Maps[code])
	}
	m.repetition, m.marks = m.repetition[:0], m.marks[:0]
	for row, code := range e.codes {
		if row%pageRows == 0 {
			m.mark(row)
		}
		l := &flats[code]
		m.repetition = append(m.repetition, l.repetition...)
		m.keys.add(l.keyLevels, l.keys)
		m.values.add(l.valueLevels, l.values)
	}
	m.mark(len(e.codes))
}

// flat is a map, flattened.
type flat struct {
	repetition, keyLevels, valueLevels []uint8
	keys, values                       []uint32
}

func (m *mapRows) flat(tags []schema.Tag) flat {
	if len(tags) == 0 {
		return flat{repetition: []uint8{0}, keyLevels: []uint8{emptyLevel}, valueLevels: []uint8{emptyLevel}}
	}
	var l flat
	for i, t := range tags {
		l.repetition = append(l.repetition, uint8(min(i, 1)))
		l.keyLevels = append(l.keyLevels, keyLevel)
		l.valueLevels = append(l.valueLevels, valueLevel)
		l.keys = append(l.keys, m.keys.code(t.Key))
		l.values = append(l.values, m.values.code(t.Value))
	}
	return l
}

func (s *side) add(levels []uint8, codes []uint32) {
	s.levels = append(s.levels, levels...)
	s.codes = append(s.codes, codes...)
}

func (m *mapRows) mark(row int) {
	m.marks = append(m.marks, mark{row, len(m.repetition), len(m.keys.codes)})
}

// eachPage gives the pages of a side and the codes in each.
func (m *mapRows) eachPage(s *side, write func(p pages.Page, codes []uint32) error) error {
	for i, end := range m.marks[1:] {
		begin := m.marks[i]
		p := pages.Page{Rows: end.row - begin.row, Cells: end.cell - begin.cell, Values: end.entry - begin.entry,
			Repetition: pages.Levels{Each: m.repetition[begin.cell:end.cell]}, Definition: pages.Levels{Each: s.levels[begin.cell:end.cell]}}
		if err := write(p, s.codes[begin.entry:end.entry]); err != nil {
			return err
		}
	}
	return nil
}

// mapBytes is how much distinct text the keys or values of one row group hold.
const mapBytes = 1 << 30

// mapTexts writes a leaf of texts.
func (e *encoder) mapTexts(to *pages.Column, s *side) error {
	e.bytes = e.bytes[:0]
	for _, text := range s.texts {
		if e.bytes = pages.AppendText(e.bytes, text); len(e.bytes) > mapBytes {
			return fmt.Errorf("the distinct texts of a row group have more than %d bytes; choose fewer rows per group", mapBytes)
		}
	}
	if err := to.Dictionary(e.bytes, len(s.texts)); err != nil {
		return err
	}
	e.page.begin(len(s.texts))
	return e.maps.eachPage(s, func(p pages.Page, codes []uint32) error {
		return e.page.write(to, p, codes, func(p *pages.Page, distinct []uint32) {
			low, high := extremes(distinct, func(code uint32) string { return s.texts[code] })
			p.Low, p.High = []byte(low), []byte(high)
		})
	})
}

// mapDoubles writes a leaf of decimals as the doubles nearest to them, without
// a dictionary.
func (e *encoder) mapDoubles(to *pages.Column, s *side) error {
	doubles := make([]float64, len(s.texts))
	for i, text := range s.texts {
		c, err := money.ParseCost(text)
		if err != nil {
			return err
		}
		doubles[i] = c.Float64()
	}
	var page []float64
	return e.maps.eachPage(s, func(p pages.Page, codes []uint32) error {
		page = page[:0]
		for _, code := range codes {
			page = append(page, doubles[code])
		}
		return e.doublePage(to, p, page)
	})
}
