package sim

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

// run plays one seed from the first delivery to the last check.
func run(seed uint64, m mutant, tempDir string) *sim {
	rng := rand.New(rand.NewPCG(seed, 20261101))
	s := &sim{seed: seed, rng: rng, world: newWorld(rng), mutant: m, tempDir: tempDir,
		objects: map[string]object{}, counters: map[string]int64{}, skews: time.Hour, now: time.Date(2026, 12, 2, 6, 0, 0, 0, time.UTC), yield: make(chan struct{})}
	if m.setup != nil {
		m.setup(s)
	}
	s.plan = s.random
	s.cast()
	s.schedule()
	early := rng.IntN(2) == 0
	if early {
		s.land()
	}
	s.recover()
	s.land()
	s.check()
	s.tick()
	s.verify()
	return s
}

// cast gives every part to some processes.
func (s *sim) cast() {
	files := s.world.files
	for i := range 3 {
		mine := append(files[i:len(files):len(files)], files[:i]...)
		if i > 0 {
			mine = mine[:2+s.rng.IntN(len(mine)-2)]
		}
		s.start(fmt.Sprintf("ingester%d", i), func(p *proc) {
			p.sleep(s.rng.IntN(500))
			p.ingester(mine)
		})
	}
	part := func(name string, n int, script func(p *proc)) {
		for i := range n {
			s.start(fmt.Sprintf("%s%d", name, i), func(p *proc) {
				p.sleep(s.rng.IntN(300))
				script(p)
			})
		}
	}
	part("refresher", 1+s.rng.IntN(3)+s.refreshers, (*proc).refresher)
	part("closer", 2+s.rng.IntN(2), (*proc).closer)
	part("issuer", 2, (*proc).issuer)
	part("publisher", 2, (*proc).publisher)
	part("collector", 1+s.rng.IntN(2), (*proc).collector)
	if s.world.mystery {
		part("waiver", 1, (*proc).waiver)
	}
}

// mutant is a planted bug of the protocol.
type mutant struct {
	name    string
	wrap    func(p *proc, inner store.Store) store.Store
	setup   func(s *sim)
	issue   func(p *proc, issuer, month string) error
	publish func(p *proc, issuer, month string) error
}

func (s *sim) closes() (n int) {
	for _, i := range s.issuers() {
		n += len(s.closedMonths(i.ID))
	}
	return n
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// tally adds runs up.
type tally struct{ seeds, closes, calls, faults, violations int }

func (a *tally) add(s *sim) {
	a.seeds++
	a.closes += s.closes()
	a.calls += s.steps
	for o := fine + 1; o < outcomes; o++ {
		a.faults += s.counts[o]
	}
	a.violations += len(s.violations)
}

// play runs seeds side by side, one on each core, and hands each to use as it
// ends. It stops when use says so.
func play(t *testing.T, first, n int, m mutant, use func(*sim) bool) {
	t.Helper()
	seeds := make(chan uint64)
	ended := make(chan *sim)
	quit := make(chan struct{})
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		all.Go(func() {
			for seed := range seeds {
				ended <- run(seed, m, dir)
			}
		})
	}
	go func() {
		defer close(ended)
		defer all.Wait()
		defer close(seeds)
		for i := range n {
			select {
			case seeds <- uint64(first + i):
			case <-quit:
				return
			}
		}
	}()
	more := true
	for s := range ended {
		if more && !use(s) {
			more = false
			close(quit)
		}
	}
}

// TestSim is the attack. SEEDS=n plays n seeds, SEED=n the one that failed;
// CLOSES=n goes on until so many closes were made.
func TestSim(t *testing.T) {
	started := time.Now()
	first, n, closes := 1, envInt("SEEDS", 4), envInt("CLOSES", 0)
	if one := envInt("SEED", 0); one > 0 {
		first, n, closes = one, 1, 0
	}
	if closes > 0 {
		n = closes
	}
	var sum tally
	play(t, first, n, mutant{}, func(s *sim) bool {
		sum.add(s)
		for _, v := range s.violations {
			t.Errorf("SEED=%d: %s", s.seed, v)
		}
		return closes == 0 || sum.closes < closes
	})
	d := time.Since(started).Seconds()
	t.Logf("sim: %d closes in %d seeds, %d store calls, %d faults, %d violations; %.0f s, %.1f closes/s, %.0f faults/s",
		sum.closes, sum.seeds, sum.calls, sum.faults, sum.violations, d, float64(sum.closes)/d, float64(sum.faults)/d)
}

// TestReplay: a seed decides everything, to the last byte.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	for seed := uint64(1); seed <= uint64(envInt("REPLAYS", 1)); seed++ {
		a, b := run(seed, mutant{}, dir), run(seed, mutant{}, dir)
		if a.trace != b.trace || a.steps != b.steps {
			t.Errorf("seed %d: %d calls and %d calls, in another order: something beside the seed decides", seed, a.steps, b.steps)
		}
		if x, y := a.content(), b.content(); x != y {
			t.Errorf("seed %d: two buckets", seed)
		}
	}
}

// content is a hash over all keys and bytes.
func (s *sim) content() string {
	var all []byte
	for _, key := range s.keys("") {
		all = fmt.Appendf(all, "%s %s\n", key, hashOf(s.objects[key].data))
	}
	return hashOf(all)
}

// verify recomputes every closed month from the bucket alone.
func (s *sim) verify() {
	p := s.process("verify")
	for _, i := range s.issuers() {
		for _, m := range s.closedMonths(i.ID) {
			found, err := p.Verify(ctx(), i.ID, m)
			if err != nil {
				s.violate("verify %s %s: %v", i.ID, m, err)
				continue
			}
			for _, f := range found.Findings {
				s.violate("I39: verify %s %s: %s", i.ID, m, f)
			}
			if found.Recomputed != "bytes" {
				s.violate("I39: %s %s was not recomputed", i.ID, m)
			}
		}
	}
}
