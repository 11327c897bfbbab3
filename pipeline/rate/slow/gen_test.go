package slow

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// The worlds must meet the branches that a fault could hide in.
func TestRandomWorldsMeetEverything(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(150) {
		w, records := RandomWorld(random(seed), 200)
		if again, same := RandomWorld(random(seed), 200); !reflect.DeepEqual(w, again) || !reflect.DeepEqual(records, same) {
			t.Fatalf("seed %d gives two worlds", seed)
		}
		res, err := Rate(w, records)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for reason := range res.Suspended {
			seen[reason]++
		}
		for _, b := range res.Payers {
			for _, r := range b.Rows {
				seen[r.Type]++
				if r.Pool != "" {
					seen["pool"]++
				}
			}
			for _, n := range b.Balances {
				seen[n.Kind]++
			}
		}
		checkSums(t, w, res)
	}
	for _, what := range []string{"Usage", "DiscountedUsage", "RIFee", "Fee", "SavingsPlanCoveredUsage", "SavingsPlanRecurringFee", "SavingsPlanNegation",
		"SavingsPlanUpfrontFee", "EdpDiscount", "PrivateRateDiscount", "Credit", "Refund", "Tax", "pool", credit, minimum, NoPayer, NoPrice, OtherUnit} {
		if seen[what] < 10 {
			t.Errorf("%s: met %d times in 150 worlds", what, seen[what])
		}
	}
}

// checkSums holds what is true of every month.
func checkSums(t *testing.T, w World, res Result) {
	t.Helper()
	for payer, b := range res.Payers {
		net, unblended := zero(), zero()
		for _, r := range b.Rows {
			if r.Type == "Refund" || r.Type == "Credit" || r.Type == "Tax" {
				continue
			}
			net, unblended = add(net, r.Net), add(unblended, r.Unblended)
		}
		if net.Cmp(unblended) != 0 {
			t.Errorf("payer %s: net %s, unblended %s\n%s", payer, Text(net), Text(unblended), Print(w, nil))
		}
		for _, n := range b.Balances {
			if n.Closing.Cmp(sub(sub(add(n.Opening, n.Granted), n.Expired), n.Applied)) != 0 {
				t.Errorf("payer %s: balance %s does not add up", payer, n.ID)
			}
		}
	}
}

func TestShrink(t *testing.T) {
	w, records := RandomWorld(random(3), 300)
	records[150].Tags = "here\x1fit is"
	records[20].UsageType = "wanted"
	fails := func(_ World, rs []Record) bool {
		tag, kind := false, false
		for _, r := range rs {
			tag = tag || strings.HasPrefix(r.Tags, "here")
			kind = kind || r.UsageType == "wanted"
		}
		return tag && kind
	}
	small, left := Shrink(w, records, fails)
	if len(left) != 2 || !fails(small, left) {
		t.Errorf("shrunk to %d records, want 2", len(left))
	}
	if text := Print(small, left); strings.Count(text, "\n") > 8 || !strings.Contains(text, "wanted") {
		t.Errorf("not small:\n%s", text)
	}
}

func BenchmarkRate(b *testing.B) {
	w, records := RandomWorld(random(1), 20000)
	for b.Loop() {
		if _, err := Rate(w, records); err != nil {
			b.Fatal(err)
		}
	}
}
