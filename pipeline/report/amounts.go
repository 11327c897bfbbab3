package report

import (
	"math"

	"github.com/monthend/monthend/pipeline/pages"
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
func writeAmounts[T amount](e *encoder, to *pages.Column, values []T, rows []uint32) error {
	e.levels = nil
	if rows != nil && len(rows) < e.rows {
		e.markRows(rows)
	}
	if len(values) == 0 {
		return e.empty(to, nullLevel)
	}
	if !collect(&e.amount, values) {
		return plainAmounts(e, to, values)
	}
	a := &e.amount
	a.doubles = a.doubles[:0]
	for _, word := range a.words {
		a.doubles = append(a.doubles, T(word).Float64())
	}
	a.mergeEqual()
	e.bytes = e.bytes[:0]
	for _, d := range a.doubles {
		e.bytes = appendDouble(e.bytes, d)
	}
	if err := to.Dictionary(e.bytes, len(a.doubles)); err != nil {
		return err
	}
	return e.coded(to, a.codes, len(a.doubles), func(p *pages.Page, distinct []uint32) {
		p.Low, p.High = bounds(extremes(distinct, func(code uint32) float64 { return a.doubles[code] }))
	})
}

func appendDouble(dst []byte, d float64) []byte { return appendWord(dst, math.Float64bits(d)) }

// bounds encodes the least and the greatest of some doubles. The format wants a
// least zero to be the negative one.
func bounds(low, high float64) (l, h []byte) {
	if low == 0 {
		low = math.Copysign(0, -1)
	}
	return appendDouble(nil, low), appendDouble(nil, high)
}

// markRows makes the levels of the rows that have an amount.
func (e *encoder) markRows(rows []uint32) {
	e.room = append(e.room[:0], make([]uint8, e.rows)...)
	e.levels = e.room
	for _, row := range rows {
		e.levels[row] = 1
	}
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
func plainAmounts[T amount](e *encoder, to *pages.Column, values []T) error {
	a := &e.amount
	return e.eachPage(func(p pages.Page, before int) error {
		a.doubles = a.doubles[:0]
		for _, v := range values[before : before+p.Values] {
			a.doubles = append(a.doubles, v.Float64())
		}
		return e.doublePage(to, p, a.doubles)
	})
}

// doublePage writes a page of doubles without a dictionary.
func (e *encoder) doublePage(to *pages.Column, p pages.Page, doubles []float64) error {
	e.bytes = e.bytes[:0]
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range doubles {
		low, high = min(low, d), max(high, d)
		e.bytes = appendDouble(e.bytes, d)
	}
	p.Low, p.High = bounds(low, high)
	return to.Plain(p, e.bytes)
}
