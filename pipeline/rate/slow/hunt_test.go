package slow_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"testing"

	"github.com/monthend/monthend/pipeline/rate/slow"
)

func TestHunt(t *testing.T) {
	if os.Getenv("HUNT") == "" {
		t.Skip()
	}
	n, first := number(t, "HUNT", 10), number(t, "RATE_SEED", 1)
	shape := regexp.MustCompile(`[0-9.-]+`)
	kinds := map[string]bool{}
	same := 0
	for seed := uint64(first); seed < uint64(first+n); seed++ {
		rng := rand.New(rand.NewPCG(seed, 0))
		w, records := slow.RandomWorld(rng, 50+rng.IntN(1000))
		if differ(w, records) == "" {
			same++
			continue
		}
		w, records = slow.Shrink(w, records, func(w slow.World, rs []slow.Record) bool { return len(check(w)) == 0 && differ(w, rs) != "" })
		what := differ(w, records)
		key := shape.ReplaceAllString(what, "")
		if len(key) > 200 {
			key = key[:200]
		}
		if kinds[key] {
			continue
		}
		kinds[key] = true
		fmt.Printf("=== seed %d\n%s\n%s\n", seed, what, slow.Print(w, records))
	}
	fmt.Println(same, "of", n, "agree")
}
