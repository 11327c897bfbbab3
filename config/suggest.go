package config

import (
	"slices"
	"strings"
)

// suggest returns the known key that an unknown one was most likely meant to
// be, as a question, or the list of the known ones.
func suggest(word string, known keys) string {
	best, fewest := "", 1+min(2, len(word)/3)
	for _, k := range sorted(known) {
		d := distance(plainWord(word), plainWord(k))
		if len(word) > 2 && strings.HasPrefix(k, plainWord(word)) {
			d = min(d, 1)
		}
		if d < fewest {
			best, fewest = k, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "the keys here are " + listOf(known)
}

func plainWord(s string) string {
	if len(s) > 64 { // no key is longer, and distance is quadratic
		s = s[:64]
	}
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

func sorted(known keys) []string {
	words := make([]string, 0, len(known))
	for k := range known {
		words = append(words, k)
	}
	slices.Sort(words)
	return words
}

func listOf(known keys) string { return strings.Join(sorted(known), ", ") }

// distance is how many letters must be put in, taken out or changed to make
// one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
