package report

import (
	"math"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/monthend/monthend/schema/money"
)

// amounts finds the distinct amounts of a row group. The same few amounts come
// again and again (an hour of the same thing costs the same), so most columns
// have a small dictionary, and only its entries are turned into doubles.
type amounts struct {
	slots   []uint32 // open addressing: 1 + index into words
	words   []money.Int128
	codes   []uint32
	doubles []float64
}

// Sizes of the table. A column with more distinct amounts is written plain.
const (
	amountSlots    = 1 << 16
	amountDistinct = amountSlots / 4
	amountProbe    = 4096 // after so many rows a column of mostly new amounts is given up
)

// amount is Cost or Usage.
type amount interface {
	money.Cost | money.Usage
	Float64() float64
}

// writeAmounts writes a column of doubles, each the nearest to its amount. The
// amounts are those of the given rows, ascending, and all other cells are null;
// no rows at all stand for every row.
func writeAmounts[T amount](e *encoder, w *file.Float64ColumnChunkWriter, values []T, rows []uint32) error {
	nulls := 0
	if rows != nil {
		nulls = e.rows - len(rows)
	}
	if nulls == e.rows {
		return nullCells(w, e.none[:e.rows], nil)
	}
	if nulls > 0 {
		e.markRows(rows)
	}
	if !collect(&e.amount, values) {
		return plainAmounts(e, w, values, nulls)
	}
	a := &e.amount
	a.doubles = a.doubles[:0]
	for _, word := range a.words {
		a.doubles = append(a.doubles, T(word).Float64())
	}
	a.mergeEqual()
	if err := w.CurrentEncoder().(dictionary).PutDictionary(float64Array(a.doubles)); err != nil {
		return err
	}
	e.used = e.used[:0]
	for i := range a.doubles {
		e.used = append(e.used, uint32(i))
	}
	codes := a.codes
	if nulls > 0 {
		codes = e.spread(rows, codes)
	}
	stats := w.PageStatistics().(*metadata.Float64Statistics)
	return e.coded(w, codes, nulls, func(distinct []uint32) {
		low, high := a.doubles[distinct[0]], a.doubles[distinct[0]]
		for _, code := range distinct[1:] {
			low, high = min(low, a.doubles[code]), max(high, a.doubles[code])
		}
		stats.SetMinMax(low, high)
	})
}

// markRows makes levels and bitmap of the rows that have an amount.
func (e *encoder) markRows(rows []uint32) {
	e.levels = append(e.levels[:0], e.none[:e.rows]...)
	e.valid = append(e.valid[:0], make([]byte, (e.rows+7)/8)...)
	for _, row := range rows {
		e.levels[row] = 1
		e.valid[row/8] |= 1 << (row % 8)
	}
}

// spread returns the codes of some rows as codes by row; a null row has code 0.
func (e *encoder) spread(rows, codes []uint32) []uint32 {
	e.codes = append(e.codes[:0], e.zeros[:e.rows]...)
	for i, row := range rows {
		e.codes[row] = codes[i]
	}
	return e.codes
}

// collect fills words and codes, or returns false when there are too many
// distinct amounts.
func collect[T amount](a *amounts, values []T) bool {
	if a.slots == nil {
		a.slots = make([]uint32, amountSlots)
	}
	clear(a.slots)
	a.words, a.codes = a.words[:0], a.codes[:0]
	var last money.Int128
	code := uint32(0)
	for i, v := range values {
		word := money.Int128(v)
		if i == 0 || word != last {
			last = word
			if code = a.find(word); code == uint32(len(a.words)) {
				a.words = append(a.words, word)
				if len(a.words) > amountDistinct || i > amountProbe && len(a.words) > i/2 {
					return false
				}
			}
		}
		a.codes = append(a.codes, code)
	}
	return true
}

// find returns the index of word, or the number of words after noting the next
// index for it.
func (a *amounts) find(word money.Int128) uint32 {
	h := (word.Lo ^ uint64(word.Hi)*0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15
	for slot := h >> 48 & (amountSlots - 1); ; slot = (slot + 1) & (amountSlots - 1) {
		at := a.slots[slot]
		if at == 0 {
			a.slots[slot] = uint32(len(a.words)) + 1
			return uint32(len(a.words))
		}
		if a.words[at-1] == word {
			return at - 1
		}
	}
}

// mergeEqual joins amounts that have the same nearest double: a dictionary
// holds no value twice.
func (a *amounts) mergeEqual() {
	first := make(map[uint64]uint32, len(a.doubles))
	merged := make([]uint32, len(a.doubles))
	kept := a.doubles[:0]
	for i, d := range a.doubles {
		code, ok := first[math.Float64bits(d)]
		if !ok {
			code = uint32(len(kept))
			first[math.Float64bits(d)] = code
			kept = append(kept, d)
		}
		merged[i] = code
	}
	if len(kept) == len(merged) {
		return
	}
	a.doubles = kept
	for i, code := range a.codes {
		a.codes[i] = merged[code]
	}
}

// plainAmounts writes a column of doubles without a dictionary.
func plainAmounts[T amount](e *encoder, w *file.Float64ColumnChunkWriter, values []T, nulls int) error {
	w.FallbackToPlain()
	levels := e.ones[:e.rows]
	if nulls > 0 {
		levels = e.levels
	}
	a := &e.amount
	next := 0 // value to write next
	for from := 0; from < e.rows; from += pageRows {
		to := min(from+pageRows, e.rows)
		count := to - from
		if nulls > 0 {
			count -= countNulls(levels[from:to])
		}
		a.doubles = a.doubles[:0]
		for _, v := range values[next : next+count] {
			a.doubles = append(a.doubles, v.Float64())
		}
		next += count
		if _, err := w.WriteBatch(a.doubles, levels[from:to], nil); err != nil {
			return err
		}
		if err := w.FlushCurrentPage(); err != nil {
			return err
		}
	}
	return nil
}
