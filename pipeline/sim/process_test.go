package sim

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/period"
)

// interrupt lets something happen in the middle of a process, right before its
// first call that fits.
func interrupt(s *sim, p *proc, fits func(op, key string) bool, happen func()) {
	done := false
	s.plan = func(who *proc, op, key string) outcome {
		if who == p && !done && fits(op, key) {
			done = true
			happen()
		}
		return fine
	}
}

// between lets something happen before each call of a verb in turn, each time
// in a new world, and asks that all invariants hold. Behind the dense first
// calls, in which logs are read, it takes only some.
func between(t *testing.T, dense int, prepare func(p *proc), verb, happen func(s *sim, p *proc)) {
	t.Helper()
	for n, more := 1, true; more; n++ {
		s := stage(t)
		a, b := s.process("a"), s.process("b")
		prepare(a)
		calls := 0
		more = false
		interrupt(s, a, func(string, string) bool {
			calls++
			more = more || calls == n
			return calls == n
		}, func() { happen(s, b) })
		verb(s, a)
		s.end(t)
		if t.Failed() {
			t.Fatalf("with the other before call %d", n)
		}
		if os.Getenv("KILLS") != "all" && n >= dense {
			n += 2*n + 5 // sparser as it goes on
		}
	}
}

func delivered(p *proc) { _ = p.ingest(p.s.world.files[:3]...) }

func closeFirst(_ *sim, p *proc) { _ = p.close("acme", p.openMonths("acme")[0]) }

func isCommit(op, key string) bool { return op == "create" && strings.HasPrefix(key, "log/acme/") }

func TestCase_P01_KillAtEveryCall(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []outcome{killBefore, killAfter, killLands} {
		for _, v := range kill(40, o, false, false, dir).violations {
			t.Errorf("%s: %s", o, v)
		}
	}
}

func TestCase_P02_KilledAgain(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []outcome{killBefore, killAfter, killLands} {
		for _, v := range kill(60, o, true, true, dir).violations {
			t.Errorf("%s: %s", o, v)
		}
	}
}

func TestCase_P05_PausedWhileOthersClose(t *testing.T) {
	s := stage(t)
	a, b := s.process("a"), s.process("b")
	delivered(a)
	month := a.openMonths("acme")[0]
	interrupt(s, a, isCommit, func() {
		_ = b.close("acme", month)
		_ = b.issue("acme", month)
		_ = b.publish("acme", month)
	})
	closed, err := a.Close(ctx(), "acme", month)
	if err != nil {
		t.Fatal(err)
	}
	log := s.monthLog("acme", month)
	if !strings.HasPrefix(log.entries[0].Attempt, "b") || closed.Run.ID != log.close.ID {
		t.Errorf("the one that was paused did not see that it lost")
	}
	s.end(t)
}

func TestCase_P06_ClonedWhileRunning(t *testing.T) {
	s := stage(t)
	a, b := s.process("a"), s.process("b")
	b.Attempt = a.Attempt // the clone has the memory of the other
	delivered(a)
	month := a.openMonths("acme")[0]
	interrupt(s, a, isCommit, func() { _ = b.close("acme", month) })
	_ = a.close("acme", month)
	s.acks = slices.DeleteFunc(s.acks, func(a ack) bool { return a.who == "b" && a.verb == "ingest" })
	s.end(t)
}

func TestCase_P07_TwoClosers(t *testing.T) { between(t, 0, delivered, closeFirst, closeFirst) }

func TestCase_P08_AllAtRandom(t *testing.T) {
	s := run(77, mutant{}, t.TempDir())
	for _, v := range s.violations {
		t.Error(v)
	}
}

func TestCase_P09_CollectorBetweenUploadAndCommit(t *testing.T) {
	s := stage(t)
	a, c := s.process("a"), s.process("c")
	delivered(a)
	month := a.openMonths("acme")[0]
	interrupt(s, a, isCommit, func() { _ = c.collect() })
	closed, err := a.Close(ctx(), "acme", month)
	if err != nil {
		t.Fatal(err)
	}
	log := s.monthLog("acme", month)
	if len(log.entries) < 2 || log.entries[0].Kind != "GC" || log.entries[1].Kind != "CLOSE" {
		t.Fatalf("the log holds %v", log.entries)
	}
	if strings.Contains(string(log.entries[0].Body), closed.Run.ID) {
		t.Error("the close names a run that was condemned")
	}
	s.end(t)
	between(t, 0, delivered, closeFirst, func(_ *sim, p *proc) { _ = p.collect() })
	between(t, 0, func(*proc) {}, func(_ *sim, p *proc) { delivered(p) }, func(_ *sim, p *proc) { _ = p.collect() })
}

func TestCase_P10_CollectorKilledHalfWay(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files[:2]...)
	_ = p.refresh("acme", "2026-09")
	_ = p.ingest(s.world.files...)
	_ = p.refresh("acme", "2026-09")
	deletes := 0
	s.plan = func(_ *proc, op, _ string) outcome {
		if op == "delete" {
			if deletes++; deletes == 3 {
				return killAfter
			}
		}
		return fine
	}
	_ = p.collect()
	s.plan = nil
	log := len(s.keys("log/acme/2026-09/"))
	_ = p.collect()
	if again := len(s.keys("log/acme/2026-09/")); again != log {
		t.Errorf("what was condemned was condemned again: %d records, then %d", log, again)
	}
	if done, err := p.Collect(ctx(), 0, false); err != nil || done.Objects != 0 {
		t.Errorf("%d objects were left (%v)", done.Objects, err)
	}
	s.end(t)
}

// newerFormat puts a record of a newer program at the end of a log.
func newerFormat(t *testing.T) {
	t.Helper()
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files[0])
	s.set("log/usage/00000000000000000001", []byte(`{"format":2,"kind":"INGEST","slot":1}`))
	before := s.content()
	err := p.ingest(s.world.files...)
	if err == nil || !strings.Contains(err.Error(), "use the newer monthend") {
		t.Errorf("a record of a newer format leads to %v", err)
	}
	if s.content() != before {
		t.Error("something was written")
	}
}

func TestCase_P12_OlderProgramRefuses(t *testing.T) { newerFormat(t) }
func TestCase_P13_RolledBackRefuses(t *testing.T)   { newerFormat(t) }

func TestCase_P22_OperatorEditsAnObject(t *testing.T) {
	s := stage(t)
	s.life()
	s.recover()
	key := s.keys("invoices/")[0]
	s.set(key, []byte("paid"))
	findings, _ := s.look(t)
	if len(findings) != 1 || findings[0].Object != key {
		t.Errorf("found are %v", findings)
	}
}

func TestCase_P25_IngestDuringClose(t *testing.T) {
	between(t, 0, delivered, closeFirst, func(s *sim, p *proc) { _ = p.ingest(s.world.files[3:]...) })
}

func TestCase_M18_CrashAroundNumbering(t *testing.T) {
	for n := 1; ; n += 9 {
		for _, o := range []outcome{killBefore, killAfter, killLands} {
			s := stage(t)
			p := s.process("p")
			delivered(p)
			month := p.openMonths("acme")[0]
			_ = p.close("acme", month)
			calls := 0
			s.plan = func(*proc, string, string) outcome {
				if calls++; calls == n {
					return o
				}
				return fine
			}
			err := p.issue("acme", month)
			s.end(t)
			if err == nil || t.Failed() {
				return
			}
		}
	}
}

func TestCase_M19_TwoIssue(t *testing.T) {
	issueFirst := func(s *sim, p *proc) { _ = p.issue("acme", s.closedMonths("acme")[0]) }
	between(t, 0, func(p *proc) { delivered(p); closeFirst(p.s, p) }, issueFirst, issueFirst)
}

func TestCase_T19_SixWorkersAtOnce(t *testing.T) {
	s := stage(t)
	s.direct = false
	_ = s.process("first")
	for _, name := range []string{"w1", "w2", "w3", "w4", "w5", "w6"} {
		s.start(name, func(p *proc) {
			_ = p.ingest(s.world.files...)
			p.closer()
			p.issuer()
			p.publisher()
		})
	}
	s.schedule()
	s.end(t)
}

func TestCase_T35_MonthWithoutUsage(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(fileOf("only.csv", header+"\n"+record{id: "a", account: "p1", start: months[1].AddDate(0, 0, 3), amount: 2}.line()+"\n"))
	for _, m := range []string{"2026-09", "2026-10"} {
		if err := p.close("acme", m); err != nil {
			t.Fatal(err)
		}
		if err := p.issue("acme", m); err != nil {
			t.Fatal(err)
		}
	}
	log := s.log("series/acme/invoice")
	if empty := decode[period.Issue](log[1]); len(empty.Payers) != 0 || empty.First != 2 {
		t.Errorf("a month without usage took the numbers %+v", empty)
	}
}

func TestCase_T22_ThreeMonthOutage(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	_ = p.ingest(s.world.files...)
	if err := p.close("acme", "2026-11"); !errors.Is(err, errBlocked()) {
		t.Errorf("the newest month first leads to %v", err)
	}
	s.end(t) // closes in order
}

func errBlocked() error { return kindsAllowed()[1] }
