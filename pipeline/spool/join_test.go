package spool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestJoin joins columns of few and of many distinct texts, and looks at every
// row's fields.
func TestJoin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var j join
	for _, distinct := range [][]int{{1}, {1, 1, 3}, {7, 1, 300}, {3000, 2000, 1, 2}, {1, 5000, 4000, 9000}, {40, 40, 40, 40, 40}} {
		const rows = 20_000
		columns := make([][]uint32, len(distinct))
		texts := make([][]string, len(distinct))
		j.begin()
		for c, n := range distinct {
			for i := range n {
				texts[c] = append(texts[c], fmt.Sprintf("%d.%d", c, i))
			}
			for range rows {
				columns[c] = append(columns[c], uint32(rng.IntN(n)))
			}
			if c > 0 && n >= distinct[c-1] { // follows from the column before, mostly
				for i := range rows {
					if i%50 > 0 {
						columns[c][i] = columns[c-1][i]
					}
				}
			}
			j.add(texts[c], columns[c], n == 1)
		}
		seen := map[string]uint32{}
		for row := range rows {
			tuple := uint32(0)
			if j.codes != nil {
				tuple = j.codes[row]
			}
			got := make([]string, len(distinct))
			j.fields(tuple, got)
			var want []string
			for c := range distinct {
				want = append(want, texts[c][columns[c][row]])
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v distinct: row %d is %v, want %v", distinct, row, got, want)
			}
			key := strings.Join(want, " ")
			if known, ok := seen[key]; ok && known != tuple {
				t.Fatalf("%v distinct: %v is tuple %d and %d", distinct, want, known, tuple)
			}
			seen[key] = tuple
		}
		if j.count < len(seen) {
			t.Errorf("%v distinct: %d tuples for %d", distinct, j.count, len(seen))
		}
	}
}
