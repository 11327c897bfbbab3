package batch

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// textRanks is Ranks of a table of texts. Texts that are many have long beginnings
// in common; those are looked at once, and then words of eight bytes are compared.
func textRanks(t *Table[string]) []uint32 {
	order := make([]wordOf, len(t.values))
	for i := range order {
		order[i].code = uint32(i)
	}
	sortTexts(t.values, order, 0)
	ranks := make([]uint32, len(order))
	for rank, o := range order {
		ranks[o.code] = uint32(rank)
	}
	return ranks
}

// wordOf is a word of a text that has the code.
type wordOf struct {
	word uint64
	code uint32
}

// fewTexts are sorted by comparing them whole.
const fewTexts = 16

// sortTexts sorts codes by their texts, whose first bytes, so many, are equal.
func sortTexts(texts []string, order []wordOf, equal int) {
	whole := func(a, b wordOf) int { return strings.Compare(texts[a.code], texts[b.code]) }
	if len(order) <= fewTexts {
		slices.SortFunc(order, whole)
		return
	}
	equal = commonBytes(texts, order, equal)
	shortest := len(texts[order[0].code])
	for i, o := range order {
		text := texts[o.code]
		shortest = min(shortest, len(text))
		order[i].word = wordAt(text, equal)
	}
	if shortest < equal+8 { // the word does not tell where a text ends
		slices.SortFunc(order, whole)
		return
	}
	slices.SortFunc(order, func(a, b wordOf) int { return cmp.Compare(a.word, b.word) })
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].word == order[from].word {
			to++
		}
		if to > from+1 {
			sortTexts(texts, order[from:to], equal+8)
		}
		from = to
	}
}

// commonBytes counts the first bytes that all the texts have in common, from a
// number on that is known.
func commonBytes(texts []string, order []wordOf, known int) int {
	first := texts[order[0].code]
	n := len(first)
	for _, o := range order[1:] {
		text := texts[o.code]
		n = min(n, len(text))
		for i := known; i < n; i++ {
			if text[i] != first[i] {
				n = i
			}
		}
	}
	return n
}

func wordAt(text string, at int) uint64 {
	if len(text) < at+8 {
		return 0
	}
	var word [8]byte
	copy(word[:], text[at:])
	return binary.BigEndian.Uint64(word[:])
}
