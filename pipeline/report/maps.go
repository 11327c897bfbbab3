package report

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// mapRows is a map column of a row group, flattened: one cell per entry, and
// one for a map without entries.
type mapRows struct {
	repetition []int16
	entry      []bool // cell holds an entry
	ends       []int  // by page: number of cells up to its end
	keys       side
	values     side
}

// side is the keys or the values of a map column.
type side struct {
	texts   []string
	byText  map[string]uint32
	codes   []uint32 // by entry
	starts  []int    // by page: number of entries before it
	seen    []int32
	level   int16 // definition level of an entry
	level16 []int16
}

func (s *side) reset(level int16) {
	s.texts, s.codes, s.starts, s.level = s.texts[:0], s.codes[:0], s.starts[:0], level
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

// mapColumn writes the two leaves of a map column.
func (e *encoder) mapColumn(group file.SerialRowGroupWriter, c column.Column, v column.Values) error {
	codes, _ := e.compact(v.Codes, len(v.Maps), func(uint32) bool { return false })
	m := &e.maps
	if m.empty(e.used, v.Maps) {
		return e.emptyMaps(group)
	}
	m.flatten(e.used, codes, v.Maps)
	next, err := group.NextColumn()
	if err != nil {
		return err
	}
	if err := m.write(next.(pages), &m.keys); err != nil {
		return err
	}
	if next, err = group.NextColumn(); err != nil {
		return err
	}
	if c.Kind == column.DoubleMap {
		return m.writeDoubles(next.(*file.Float64ColumnChunkWriter), &m.values)
	}
	return m.write(next.(pages), &m.values)
}

func (m *mapRows) empty(used []uint32, maps [][]schema.Tag) bool {
	for _, code := range used {
		if len(maps[code]) > 0 {
			return false
		}
	}
	return true
}

// emptyMaps writes a map without entries in every row.
func (e *encoder) emptyMaps(group file.SerialRowGroupWriter) error {
	for range 2 {
		next, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := nullCells(next, e.ones[:e.rows], e.none[:e.rows]); err != nil {
			return err
		}
	}
	return nil
}

// flatten lays out the rows. Each distinct map is looked up once.
func (m *mapRows) flatten(used, codes []uint32, maps [][]schema.Tag) {
	m.keys.reset(2)
	m.values.reset(3)
	type pair struct{ key, value uint32 }
	coded := make([][]pair, len(used))
	for i, code := range used {
		for _, t := range maps[code] {
			coded[i] = append(coded[i], pair{m.keys.code(t.Key), m.values.code(t.Value)})
		}
	}
	m.repetition, m.entry, m.ends = m.repetition[:0], m.entry[:0], m.ends[:0]
	for row, code := range codes {
		if row%pageRows == 0 {
			m.startPage(row)
		}
		if len(coded[code]) == 0 {
			m.repetition, m.entry = append(m.repetition, 0), append(m.entry, false)
			continue
		}
		again := int16(0)
		for _, p := range coded[code] {
			m.repetition, m.entry = append(m.repetition, again), append(m.entry, true)
			m.keys.codes = append(m.keys.codes, p.key)
			m.values.codes = append(m.values.codes, p.value)
			again = 1
		}
	}
	m.startPage(len(codes))
}

// startPage notes where a page begins, and where the one before it ends.
func (m *mapRows) startPage(row int) {
	m.keys.starts = append(m.keys.starts, len(m.keys.codes))
	m.values.starts = append(m.values.starts, len(m.values.codes))
	if row > 0 {
		m.ends = append(m.ends, len(m.repetition))
	}
}

// write writes one leaf, page by page.
func (m *mapRows) write(w pages, s *side) error {
	if size := bytesOfAll(s.texts); size > mapBytes {
		return fmt.Errorf("the distinct texts of a row group have %d bytes, at most %d; choose fewer rows per group", size, mapBytes)
	}
	all := make([]uint32, len(s.texts))
	for i := range all {
		all[i] = uint32(i)
	}
	if err := w.CurrentEncoder().(dictionary).PutDictionary(textArray(all, s.texts)); err != nil {
		return err
	}
	m.levels(s)
	s.seen = append(s.seen[:0], make([]int32, len(s.texts))...)
	start := 0
	for page, end := range m.ends {
		from, to := s.starts[page], s.starts[page+1]
		stats := w.PageStatistics().(*metadata.ByteArrayStatistics)
		stats.IncNulls(int64(end - start - (to - from)))
		stats.IncNumValues(int64(to - from))
		s.minMax(stats, s.codes[from:to], int32(page+1))
		indices := codeArray(s.codes, nil, from, to, 0)
		if err := w.WriteDictIndices(indices, s.level16[start:end], m.repetition[start:end]); err != nil {
			return err
		}
		if err := w.FlushCurrentPage(); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// levels sets the definition levels of a leaf.
func (m *mapRows) levels(s *side) {
	s.level16 = s.level16[:0]
	for _, entry := range m.entry {
		level := int16(1)
		if entry {
			level = s.level
		}
		s.level16 = append(s.level16, level)
	}
}

// writeDoubles writes a leaf of decimals as the doubles nearest to them, without
// a dictionary.
func (m *mapRows) writeDoubles(w *file.Float64ColumnChunkWriter, s *side) error {
	w.FallbackToPlain()
	m.levels(s)
	doubles := make([]float64, len(s.texts))
	for i, text := range s.texts {
		c, err := money.ParseCost(text)
		if err != nil {
			return err
		}
		doubles[i] = c.Float64()
	}
	var values []float64
	start := 0
	for page, end := range m.ends {
		values = values[:0]
		for _, code := range s.codes[s.starts[page]:s.starts[page+1]] {
			values = append(values, doubles[code])
		}
		if _, err := w.WriteBatch(values, s.level16[start:end], m.repetition[start:end]); err != nil {
			return err
		}
		if err := w.FlushCurrentPage(); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// mapBytes is how much distinct text the keys or values of one row group hold.
const mapBytes = 1 << 30

func bytesOfAll(texts []string) int {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	return n
}

func (s *side) minMax(stats *metadata.ByteArrayStatistics, codes []uint32, page int32) {
	first := true
	var low, high string
	for _, code := range codes {
		if s.seen[code] == page {
			continue
		}
		s.seen[code] = page
		text := s.texts[code]
		if first {
			low, high, first = text, text, false
			continue
		}
		low, high = min(low, text), max(high, text)
	}
	if !first {
		stats.SetMinMax(bytesOf(low), bytesOf(high))
	}
}
