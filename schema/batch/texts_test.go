package batch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestTextRanks sorts texts of many shapes: alike at the beginning, short, ending
// inside each other, with bytes of nothing in them.
func TestTextRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 2))
	shapes := []func() string{
		func() string { return fmt.Sprintf("arn:aws:ec2:us-east-1:123456789012:instance/i-%016x", rng.Uint64()) },
		func() string {
			return fmt.Sprintf("arn:aws:%s:%s:%d/%x", []string{"ec2", "s3", "lambda"}[rng.IntN(3)], "eu-west-1", rng.IntN(5), rng.Uint32())
		},
		func() string { return strings.Repeat("a", rng.IntN(40)) },
		func() string { return strings.Repeat("ab\x00", rng.IntN(9)) + strings.Repeat("\x00", rng.IntN(5)) },
		func() string { return fmt.Sprint(rng.IntN(1000)) },
	}
	for round := range 40 {
		table := NewTable[string]()
		for range 1 + rng.IntN(3000) {
			table.Code(shapes[rng.IntN(1+round%len(shapes))]())
		}
		if got, want := textRanks(table), table.Ranks(strings.Compare); !slices.Equal(got, want) {
			t.Fatalf("round %d: %d texts are in another order", round, table.Len())
		}
	}
	if len(textRanks(NewTable[string]())) > 0 {
		t.Error("no texts have ranks")
	}
}

func BenchmarkTextRanks(b *testing.B) {
	table := NewTable[string]()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		table.Code(fmt.Sprintf("arn:aws:ec2:us-east-1:%012d:instance/i-%016x", rng.IntN(500), rng.Uint64()))
	}
	b.Run("words", func(b *testing.B) {
		for b.Loop() {
			textRanks(table)
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			table.Ranks(strings.Compare)
		}
	})
}
