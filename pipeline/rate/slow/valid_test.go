package slow_test

import (
	"math/rand/v2"
	"testing"

	"github.com/monthend/monthend/pipeline/rate/slow"
)

// A world that the product refuses would prove nothing.
func TestRandomWorldsAreTaken(t *testing.T) {
	for seed := range uint64(400) {
		w, _ := slow.RandomWorld(rand.New(rand.NewPCG(seed, 1)), 10)
		for _, p := range check(w) {
			t.Errorf("seed %d: %s", seed, p)
		}
	}
}
