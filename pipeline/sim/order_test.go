package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/period"
)

// closeNamed closes a month of acme.
func closeNamed(month string) func(*sim, *proc) {
	return func(_ *sim, p *proc) { _ = p.close("acme", month) }
}

// TestTwoMonthsCloseAtOnce: while October is being closed, more usage comes and
// September is closed with it. October then covers no less, so that nothing
// between the two is forgotten.
func TestTwoMonthsCloseAtOnce(t *testing.T) {
	between(t, 14, delivered, closeNamed("2026-10"), func(s *sim, p *proc) {
		_ = p.ingest(s.world.files...)
		_ = p.close("acme", "2026-09")
	})
	between(t, 6, func(*proc) {}, closeNamed("2026-10"), func(s *sim, p *proc) {
		_ = p.ingest(s.world.files...)
		_ = p.close("acme", "2026-09")
	})
}

// TestEmptyMonthBetween: late usage of September is charged once, though October
// has no usage when November is to be closed and gets some later.
func TestEmptyMonthBetween(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	s.world.records = nil
	deliver := func(id string, month time.Time, amount int) {
		r := record{id: id, account: "p1", month: month, start: month.AddDate(0, 0, 5), amount: amount}
		s.world.records = append(s.world.records, r)
		s.world.files = append(s.world.files, fileOf(id+".csv", header+"\n"+r.line()+"\n"))
		if err := p.ingest(s.world.files[len(s.world.files)-1]); err != nil {
			t.Fatal(err)
		}
	}
	s.world.files = nil
	deliver("on-time", months[1], 7)
	if err := p.close("acme", "2026-09"); err != nil {
		t.Fatal(err)
	}
	deliver("late", months[1], 60)
	deliver("november", months[3], 3)
	if err := p.close("acme", "2026-11"); !errors.Is(err, errBlocked()) {
		t.Fatalf("November closes before October: %v", err)
	}
	if err := p.close("acme", "2026-10"); err != nil {
		t.Fatal(err)
	}
	deliver("october", months[2], 2)
	s.end(t)
}

// TestOlderMonthComesLater: usage of a month before the first close is closed
// after it, and takes nothing that is another close's to charge.
func TestOlderMonthComesLater(t *testing.T) {
	s := stage(t)
	p := s.process("p")
	s.world.records, s.world.files = nil, nil
	for i, m := range []int{1, 0, 1, 0, 2, 3} {
		r := record{id: string(rune('a' + i)), account: "m1", month: months[m], start: months[m].AddDate(0, 0, 5), amount: 20 + i}
		s.world.records = append(s.world.records, r)
		s.world.files = append(s.world.files, fileOf(r.id+".csv", header+"\n"+r.line()+"\n"))
		if err := p.ingest(s.world.files[i]); err != nil {
			t.Fatal(err)
		}
		if err := p.close("acme", months[m].Format("2006-01")); err != nil {
			t.Fatal(err)
		}
	}
	s.end(t)
}

// TestPublisherSlowerThanClose: a publisher that read the month's log before the
// close, and the series after the numbers, is only early.
func TestPublisherSlowerThanClose(t *testing.T) {
	between(t, 18, delivered, func(_ *sim, p *proc) { _ = p.publish("acme", "2026-09") }, func(s *sim, p *proc) {
		for _, m := range p.openMonths("acme")[:1] {
			_ = p.close("acme", m)
			_ = p.issue("acme", m)
		}
	})
}

// TestStrayChunkIsRemoved: a chunk that a lost write of an early refresh leaves
// among published data is taken away by the next tick.
func TestStrayChunkIsRemoved(t *testing.T) {
	s := stage(t)
	withExports(s)
	s.life()
	s.recover()
	var folder string
	for _, o := range publishedData(s) {
		folder = o.Key
	}
	if folder == "" {
		t.Fatal("nothing was published")
	}
	stray := folder[:len(folder)-len("00001.csv.gz")] + "00042.csv.gz"
	s.set(stray, s.objects[folder].data)
	s.end(t)
	if s.objects[stray].data != nil {
		t.Errorf("%s is still there", stray)
	}
}

func publishedData(s *sim) []period.Object {
	var list []period.Object
	for _, m := range s.closedMonths("acme") {
		for _, o := range s.monthLog("acme", m).publish.Documents {
			if len(o.Key) > 12 && o.Key[len(o.Key)-12:] == "00001.csv.gz" {
				list = append(list, o)
			}
		}
	}
	return list
}
