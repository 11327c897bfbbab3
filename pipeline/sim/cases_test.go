package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

// stage is a world to which nothing happens but what the test plans.
func stage(t *testing.T) *sim {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 11))
	s := &sim{seed: 11, rng: rng, world: newWorld(rng), tempDir: t.TempDir(), objects: map[string]object{}, counters: map[string]int64{},
		skews: time.Hour, now: time.Date(2026, 12, 2, 6, 0, 0, 0, time.UTC), yield: make(chan struct{}), direct: true}
	s.world.faults = faults{}
	s.world.exports = nil
	for i := range s.world.records {
		s.world.records[i].mystery = false
	}
	s.world.mystery = false
	s.world.files = nil
	s.world.deliver(rng)
	return s
}

// end recovers, lets everything land and asks that all invariants hold.
func (s *sim) end(t *testing.T) {
	t.Helper()
	s.recover()
	s.land()
	s.check()
	s.tick()
	s.verify()
	for _, v := range s.violations {
		t.Error(v)
	}
}

// life plays the usual path and returns the process.
func (s *sim) life() *proc {
	p := s.process("life")
	s.path(p)
	return p
}

// made are the objects whose bytes no clock decides.
func (s *sim) made() map[string]string {
	all := map[string]string{}
	for _, key := range s.keys("") {
		if isData(key) && !strings.HasSuffix(key, ".json") && !strings.Contains(key, "/documents/") {
			all[key] = hashOf(s.objects[key].data)
		}
	}
	return all
}

// sameAs asks that a plan of faults leaves the bucket that no fault leaves.
func sameAs(t *testing.T, plan func(n int, op, key string) outcome) {
	t.Helper()
	calm, s := stage(t), stage(t)
	calm.life()
	calm.end(t)
	n := 0
	s.plan = func(_ *proc, op, key string) outcome {
		n++
		return plan(n, op, key)
	}
	s.life()
	s.end(t)
	want, got := calm.made(), s.made()
	for key, hash := range want {
		if got[key] != hash {
			t.Errorf("%s is another object than without faults", key)
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d objects, without faults %d", len(got), len(want))
	}
}

func isPut(op string) bool { return op == "create" || op == "replace" || op == "delete" }

func TestCase_S01_ErrorAtEachCall(t *testing.T) {
	sameAs(t, func(n int, _, _ string) outcome { return []outcome{refused, fine}[n%2] })
}

func TestCase_S02_LongOutage(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	s.plan = func(*proc, string, string) outcome { return refused }
	if err := p.ingest(s.world.files...); !errors.Is(err, store.ErrUnsettled) {
		t.Errorf("an outage ends in %v, want that no definite answer came", err)
	}
	if s.steps > 64 {
		t.Errorf("%d calls against a store that is down", s.steps)
	}
	s.end(t)
}

func TestCase_S03_AnswerLost(t *testing.T) {
	sameAs(t, func(n int, op, _ string) outcome {
		if isPut(op) && n%2 == 0 {
			return lost
		}
		return fine
	})
}

func TestCase_S04_LandsAfterGivingUp(t *testing.T) {
	for _, taken := range []bool{true, false} {
		s := stage(t)
		a, b := s.process("a"), s.process("b")
		tries := 0
		s.plan = func(_ *proc, op, key string) outcome {
			if op != "create" || !strings.HasPrefix(key, "log/") {
				return fine
			}
			if tries++; tries == 1 {
				return lands
			}
			return refused
		}
		if err := a.ingest(s.world.files[0]); !errors.Is(err, store.ErrUnsettled) {
			t.Fatalf("unsettled writes end in %v", err)
		}
		s.plan = nil
		if taken {
			_ = b.ingest(s.world.files[1])
		}
		s.land()
		log := s.log("log/usage")
		if len(log) != 1 || strings.HasPrefix(log[0].Attempt, "b") != taken {
			t.Errorf("slot taken %t: the log holds %d records", taken, len(log))
		}
		s.end(t)
	}
}

func TestCase_S05_BodyResetLeavesNothing(t *testing.T) {
	sameAs(t, func(n int, op, key string) outcome {
		if op == "create" && isData(key) && n%3 != 0 {
			return refused
		}
		return fine
	})
}

func TestCase_S06_ShortBody(t *testing.T) {
	sameAs(t, func(n int, op, _ string) outcome {
		if op == "open" {
			return []outcome{short, fine, truncated, fine}[n%4]
		}
		return fine
	})
}

func TestCase_S08_TakenMeansLook(t *testing.T) {
	s := stage(t)
	a, b := s.process("a"), s.process("b")
	interrupt(s, a, func(op, key string) bool { return op == "create" && strings.HasPrefix(key, "log/usage") }, func() { _ = b.ingest(s.world.files[1]) })
	_ = a.ingest(s.world.files[0])
	s.end(t)
}

func TestCase_S09_ConflictRepeated(t *testing.T) {
	sameAs(t, func(n int, op, _ string) outcome {
		if isPut(op) && n%2 == 0 {
			return conflict
		}
		return fine
	})
}

// dishonest finds the store with a fault among those that the probe must refuse.
func dishonest(t *testing.T, fault string) {
	t.Helper()
	for _, st := range storetest.Dishonest(store.NewMemory()) {
		if strings.Contains(st.Name(), fault) {
			if err := store.Probe(ctx(), st, "nonce"); !errors.Is(err, store.ErrUnsupported) {
				t.Errorf("%s: the probe says %v", st.Name(), err)
			}
			return
		}
	}
	t.Errorf("no store that %s", fault)
}

func TestCase_S13_ConditionIgnored(t *testing.T)  { dishonest(t, "ignores the condition") }
func TestCase_S14_RacyTogether(t *testing.T)      { dishonest(t, "checks, then writes") }
func TestCase_S17_ConditionInverted(t *testing.T) { dishonest(t, "inverts the condition") }

func TestCase_S15_RacyOverEndpoints(t *testing.T) {
	if err := store.Probe(ctx(), store.NewMemory(), "nonce", store.NewMemory()); !errors.Is(err, store.ErrUnsupported) {
		t.Errorf("two endpoints that do not know each other: the probe says %v", err)
	}
}

func TestCase_S16_ConditionDroppedForAWhile(t *testing.T) {
	s := stage(t)
	a := s.process("a")
	_ = a.ingest(s.world.files[0])
	_ = a.ingest(s.world.files[1])
	s.rewrite("log/usage", 0, 0, func(e *entry) { e.Attempt = "the other winner" })
	damagedLog(t, s, a)
}

// damagedLog asks that a changed usage log stops a writer before it writes.
func damagedLog(t *testing.T, s *sim, p *proc) {
	t.Helper()
	s.violations = nil
	before := len(s.keys("log/"))
	err := p.ingest(s.world.files...)
	if !errors.Is(err, period.ErrDamaged) {
		t.Errorf("a changed log leads to %v", err)
	}
	if after := len(s.keys("log/")); after != before {
		t.Errorf("%d records were written to a changed log", after-before)
	}
}

// listing is a store whose listings are wrong.
type listing struct {
	store.Store
	s      *sim
	change func(keys []string) []string
}

func (l listing) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (l listing) List(_ context.Context, prefix string, fn func(store.Info) error) error {
	for _, key := range l.change(l.s.keys(prefix)) {
		if err := fn(store.Info{Key: key, Size: int64(len(l.s.objects[key].data))}); err != nil {
			return err
		}
	}
	return nil
}

func wrongListing(t *testing.T, change func(keys []string) []string) {
	t.Helper()
	s := stage(t)
	withExports(s)
	s.mutant = mutant{wrap: func(p *proc, inner store.Store) store.Store { return listing{inner, s, change} }}
	s.life()
	s.mutant = mutant{}
	s.end(t)
}

func TestCase_S19_ListingLacksKeys(t *testing.T) {
	wrongListing(t, func(keys []string) []string { return keys[:len(keys)/2] })
}

func TestCase_S20_ListingDoublesAndInvents(t *testing.T) {
	wrongListing(t, func(keys []string) []string {
		var list []string
		for _, key := range keys {
			list = append(list, key, key)
			if isData(key) {
				list = append(list, key+"-gone")
			}
		}
		return list
	})
}

func TestCase_S21_CacheServesOldLog(t *testing.T) {
	s := stage(t)
	seen := map[string]bool{}
	s.mutant = plant("", func(h *hook) {
		h.open = func(key string) ([]byte, bool) {
			stale := isLog(key) && !seen[key]
			seen[key] = seen[key] || s.objects[key].data != nil
			return nil, stale
		}
	})
	s.life()
	s.mutant = mutant{}
	s.end(t)
}

func TestCase_S27_BucketDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bucket")
	st, err := store.InitFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s := stage(t)
	p := s.process("p")
	p.Store = st
	if err := p.ingest(s.world.files...); !errors.Is(err, store.ErrGone) {
		t.Errorf("a bucket that is gone leads to %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the bucket was made again")
	}
}

func TestCase_S28_BucketRestoredToOlderState(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files[0])
	_ = p.ingest(s.world.files...)
	if err := p.close("acme", "2026-09"); err != nil {
		t.Fatal(err)
	}
	keys := s.keys("log/usage/")
	delete(s.objects, keys[len(keys)-1])
	s.violations = nil
	if err := p.close("acme", "2026-10"); err == nil || !strings.Contains(err.Error(), "lost records") {
		t.Errorf("a usage log that is shorter than a close knows leads to %v", err)
	}
}

func TestCase_S29_ReadOnly(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files[0])
	before := s.content()
	s.plan = func(_ *proc, op, _ string) outcome {
		if isPut(op) {
			return denied
		}
		return fine
	}
	for _, verb := range []func() error{
		func() error { return p.ingest(s.world.files...) },
		func() error { return p.refresh("acme", "2026-09") },
		func() error { return p.close("acme", "2026-09") },
	} {
		if err := verb(); !errors.Is(err, store.ErrDenied) {
			t.Errorf("a store that takes no writes leads to %v", err)
		}
	}
	if s.content() != before {
		t.Error("something was written")
	}
	s.end(t)
}

func TestCase_S31_HoleInLog(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	for _, f := range s.world.files[:3] {
		_ = p.ingest(f)
	}
	delete(s.objects, s.keys("log/usage/")[1])
	damagedLog(t, s, p)
}

func TestCase_S32_RecordReplaced(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files[0])
	key := s.keys("log/usage/")[0]
	s.set(key, []byte(strings.Replace(string(s.objects[key].data), `"read":`, `"read":1`, 1)))
	damagedLog(t, s, p)
}

func TestCase_S40_KeysStayShort(t *testing.T) {
	s := stage(t)
	withExports(s)
	s.life()
	for _, key := range s.keys("") {
		if err := store.CheckKey(key); err != nil {
			t.Error(err)
		}
	}
}

func TestCase_S45_CollectorLeavesReadersAlone(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	one := record{id: "a", account: "p1", start: months[1].AddDate(0, 0, 3), amount: 2}
	two := record{id: "b", account: "p1", start: months[1].AddDate(0, 0, 4), amount: 3}
	_ = p.ingest(fileOf("one.csv", header+"\n"+one.line()+"\n"))
	_ = p.refresh("acme", "2026-09")
	old := s.monthLog("acme", "2026-09").refreshed
	_ = p.ingest(fileOf("two.csv", header+"\n"+two.line()+"\n"))
	_ = p.refresh("acme", "2026-09")
	if s.monthLog("acme", "2026-09").refreshed.ID == old.ID {
		t.Fatal("the second refresh changed nothing: the test tests nothing")
	}
	there := func() bool { return len(s.keys("run/"+old.ID+"/")) > 0 }
	if _, err := p.Collect(ctx(), 7*24*time.Hour, false); err != nil || !there() {
		t.Errorf("a reader of the older refresh finds nothing within the grace time (%v)", err)
	}
	s.now = s.now.Add(8 * 24 * time.Hour)
	if done, err := p.Collect(ctx(), 7*24*time.Hour, true); err != nil || !there() || len(done.Runs) == 0 {
		t.Errorf("a dry run deleted, or told nothing (%v)", err)
	}
	if _, err := p.Collect(ctx(), 7*24*time.Hour, false); err != nil || there() {
		t.Errorf("the older refresh is still there after the grace time (%v)", err)
	}
}
