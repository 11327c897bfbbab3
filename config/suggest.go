package config

import (
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
)

// suggest returns the known key that an unknown one was most likely meant to
// be, as a question, or the list of the known ones.
func suggest(word string, known keys) string {
	best, fewest := "", 1+min(2, len(word)/3)
	for _, k := range sorted(known) {
		d := schema.EditDistance(plainWord(word), plainWord(k))
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
