package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

// path is a whole life of two months, verb by verb, by one process at a time.
func (s *sim) path(p *proc) {
	w := s.world
	again := func(verb func() error) {
		for range 30 {
			if err := verb(); !errors.Is(err, errKilled) && !errors.Is(err, store.ErrUnsettled) {
				return
			}
		}
	}
	again(func() error { return p.ingest(w.files[:2]...) })
	again(func() error { return p.refresh("acme", "2026-09") })
	again(func() error { return p.ingest(w.files[2]) })
	again(func() error { return p.refresh("acme", "2026-09") })
	again(func() error { return p.collect() })
	for _, m := range p.openMonths("acme") {
		if m > "2026-10" {
			break
		}
		again(func() error { return p.waive("acme", m) })
		again(func() error { return p.close("acme", m) })
		again(func() error { return p.issue("acme", m) })
		again(func() error { return p.publish("acme", m) })
		again(func() error { return p.ingest(w.files...) })
	}
	again(func() error { return p.collect() })
	again(func() error { return p.refresh("acme", "2026-09") })
}

// kill plays the path and kills the process at call n (0 for never), with an
// outcome of that call; twice kills it again at the same distance. Then it
// recovers, and what was under way lands, before the recovery or after it.
func kill(n int, o outcome, twice, early bool, dir string) *sim {
	rng := rand.New(rand.NewPCG(5, 5))
	s := &sim{seed: uint64(n), rng: rng, world: newWorld(rng), tempDir: dir, objects: map[string]object{}, counters: map[string]int64{},
		skews: time.Hour, now: time.Date(2026, 12, 2, 6, 0, 0, 0, time.UTC), yield: make(chan struct{}), direct: true}
	s.world.faults = faults{}
	withExports(s)
	s.plan = func(_ *proc, _, _ string) outcome {
		if n > 0 && (s.steps == n || twice && s.steps == 2*n) {
			return o
		}
		return fine
	}
	s.path(s.process("path"))
	calls := s.steps
	if early {
		s.land()
	}
	s.recover()
	s.land()
	s.check()
	s.tick()
	s.verify()
	s.steps = calls
	return s
}

// TestKillEverywhere kills at every storage call of the path, with three
// outcomes each; KILLS=n tries every n-th call, KILLS=all every one.
func TestKillEverywhere(t *testing.T) {
	whole := kill(0, fine, false, false, t.TempDir())
	for _, v := range whole.violations {
		t.Errorf("without a kill: %s", v)
	}
	every := envInt("KILLS", whole.steps)
	if os.Getenv("KILLS") == "all" {
		every = 1
	}
	type job struct {
		n            int
		o            outcome
		twice, early bool
	}
	jobs := make(chan job)
	var all sync.WaitGroup
	var mu sync.Mutex
	runs := 0
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		all.Go(func() {
			for j := range jobs {
				s := kill(j.n, j.o, j.twice, j.early, dir)
				mu.Lock()
				runs++
				for _, v := range s.violations {
					t.Errorf("call %d of %d, %s, twice %t, landing early %t: %s", j.n, whole.steps, j.o, j.twice, j.early, v)
				}
				mu.Unlock()
			}
		})
	}
	for n := 1; n <= whole.steps; n += every {
		for _, o := range []outcome{killBefore, killAfter, killLands} {
			jobs <- job{n, o, n%2 == 0, n%3 == 0}
		}
	}
	close(jobs)
	all.Wait()
	t.Logf("kill: %d storage calls in the path, %d runs, every %s call x 3 outcomes", whole.steps, runs, fmt.Sprint(every))
}
