package sim

import (
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/bill"
)

// sim is one run: a bucket, a clock, and processes of which one moves at a time,
// from one store call to the next. Everything follows from the seed.
type sim struct {
	seed    uint64
	rng     *rand.Rand
	world   *world
	mutant  mutant
	tempDir string

	objects map[string]object
	zombies []func() // writes whose sender heard nothing; they may still land
	now     time.Time
	procs   []*proc
	yield   chan struct{}
	step    int
	skews   time.Duration // clocks are wrong by up to so much
	landing bool          // a write of the past lands
	direct  bool          // one process, no faults, no turns
	plan    func(p *proc, op, key string) outcome
	steps   int // store calls
	counts  [outcomes]int
	trace   uint64 // hash over the order of all calls

	refreshers int              // more than usual
	counters   map[string]int64 // of a planted bug
	acks       []ack
	violations []string
}

// proc is a process: a place in a crontab, started again after each kill.
type proc struct {
	name   string
	s      *sim
	resume chan struct{}
	done   bool
	asleep int // until this step
	killed bool
	starts int
	skew   time.Duration
	verb   string
	last   []call // of this verb
	period string

	// Of this verb, for planted bugs.
	kept  map[string][]byte
	ends  map[string]int
	known map[string]bool // id runs that the usage log named when it began

	*pipeline.Pipeline
}

type call struct {
	op, key string
	missing bool // there was nothing under the key
}

func (s *sim) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// start makes a process whose script runs when its turn comes.
func (s *sim) start(name string, script func(p *proc)) *proc {
	p := s.process(name)
	s.procs = append(s.procs, p)
	go func() {
		<-p.resume
		defer func() {
			if r := recover(); r != nil {
				s.violate("%s: panic: %v\n%s", p.name, r, debug.Stack())
			}
			p.done = true
			s.yield <- struct{}{}
		}()
		script(p)
	}()
	return p
}

func (s *sim) process(name string) *proc {
	p := &proc{name: name, s: s, resume: make(chan struct{})}
	p.skew = time.Duration(s.rng.Int64N(int64(2*s.skews))) - s.skews
	p.restart()
	return p
}

// restart gives the process a new attempt id, as each start of the program has.
func (p *proc) restart() {
	s := p.s
	p.starts++
	p.killed = false
	var st store.Store = &door{p}
	if s.mutant.wrap != nil {
		st = s.mutant.wrap(p, st)
	}
	p.Pipeline = &pipeline.Pipeline{
		Store: st, TempDir: s.tempDir, Now: func() time.Time { return s.now.Add(p.skew) },
		Attempt: fmt.Sprintf("%s-%d", p.name, p.starts), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Organization: s.world.organization, Prices: s.world.prices, Offers: s.world.offers, Exports: s.world.exports,
		Sources: []ingest.Source{s.world.source}, Limits: ingest.DefaultLimits(),
		Workers: 1, // a process has one call of the store under way at a time
		// A PDF takes longer than the rest of a tiny close.
		Paper: func(w io.Writer, inv bill.Invoice) error {
			_, err := fmt.Fprintln(w, inv.Number, inv.Total)
			return err
		},
	}
}

// do runs a verb. After a kill the process is started again a while later.
func (p *proc) do(verb string, fn func() error) error {
	p.verb, p.last = verb, p.last[:0]
	p.kept, p.ends, p.known = map[string][]byte{}, map[string]int{}, map[string]bool{}
	if p.s.mutant.wrap != nil && verb == "ingest" {
		for _, key := range p.s.keys("usage/ids/") {
			p.known[strings.TrimPrefix(key, "usage/ids/")] = true
		}
	}
	err := fn()
	if p.killed {
		p.restart()
		p.sleep(p.s.rng.IntN(60))
		return errKilled
	}
	p.s.judgeError(p, verb, err)
	return err
}

// sleep lets a number of steps pass.
func (p *proc) sleep(steps int) {
	if p.s.direct {
		return
	}
	p.asleep = p.s.step + steps
	p.s.yield <- struct{}{}
	<-p.resume
}

// turn waits until the process may make its call and says what befalls it.
func (p *proc) turn(op, key string) (outcome, error) {
	s := p.s
	if p.killed {
		return fine, errKilled
	}
	if !s.direct {
		pause := 0
		if s.plan != nil && s.world.faults.pause > 0 && s.rng.IntN(1000) < s.world.faults.pause {
			pause = 1 << s.rng.IntN(9)
		}
		p.sleep(pause)
	}
	s.steps++
	s.now = s.now.Add(time.Minute)
	p.last = append(p.last, call{op: op, key: key})
	o := fine
	if s.plan != nil {
		o = s.plan(p, op, key)
	}
	s.counts[o]++
	p.killed = o == killBefore || o == killAfter || o == killLands
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %s %s %s %d", s.trace, p.name, op, key, o)
	s.trace = h.Sum64()
	return o, nil
}

// schedule lets the processes move until all are done.
func (s *sim) schedule() {
	for {
		var ready []*proc
		next := -1
		for _, p := range s.procs {
			switch {
			case p.done:
			case p.asleep <= s.step:
				ready = append(ready, p)
			case next < 0 || p.asleep < next:
				next = p.asleep
			}
		}
		if len(ready) == 0 {
			if next < 0 {
				return
			}
			s.step = next
			continue
		}
		p := ready[s.rng.IntN(len(ready))]
		s.step++
		p.resume <- struct{}{}
		<-s.yield
		if n := len(s.zombies); n > 0 && s.rng.IntN(100) == 0 {
			i := s.rng.IntN(n)
			land := s.zombies[i]
			s.zombies = append(s.zombies[:i:i], s.zombies[i+1:]...)
			s.landing = true
			land()
			s.landing = false
		}
	}
}

// land lets all writes land that are still under way.
func (s *sim) land() {
	s.landing = true
	defer func() { s.landing = false }()
	for _, land := range s.zombies {
		land()
	}
	s.zombies = nil
}

// faults says how often what happens, in thousandths of the calls.
type faults struct {
	refused, conflict, denied, lost, lands, torn, truncated, short, kill, pause int
}

// random is the plan of a run with random faults.
func (s *sim) random(p *proc, op, key string) outcome {
	f, n := s.world.faults, s.rng.IntN(1000)
	type share struct {
		o  outcome
		of int
	}
	shares := []share{{refused, f.refused}, {denied, f.denied}, {killBefore, f.kill}}
	if op == "open" || op == "list" {
		shares = append(shares, share{truncated, f.truncated}, share{short, f.short})
	} else {
		shares = append(shares, share{conflict, f.conflict}, share{lost, f.lost}, share{lands, f.lands},
			share{killAfter, f.kill}, share{killLands, f.kill})
		if isData(key) {
			shares = append(shares, share{torn, f.torn})
		}
	}
	for _, sh := range shares {
		if n < sh.of {
			return sh.o
		}
		n -= sh.of
	}
	return fine
}
