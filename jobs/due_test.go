package jobs

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the host

	"pgregory.net/rapid"

	"github.com/monthend/monthend/jobs/calendar"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
)

// tester is a test, or a property that is being checked.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// machine is a program over logs that are kept in memory: each tick does what is
// due and the logs say so afterwards.
type machine struct {
	s       Schedule
	issuers []*books
	done    map[string]bool
	ran     []string // every task but the ones that come again, with its instant
}

// books are the logs of one issuer.
type books struct {
	id                        string
	zone                      *time.Location
	first                     schema.Period
	closed, issued, published map[string]bool
	publishedAt               map[string]time.Time
	silent                    []string
	waits                     []string
}

func newMachine(t tester, first string, zones ...string) *machine {
	t.Helper()
	m := &machine{done: map[string]bool{}, s: Schedule{Ingest: cadence(t, "1h"), Report: cadence(t, "8h"), Collect: cadence(t, "24h"),
		BusinessDay: 3, Latest: 7, Risk: 24 * time.Hour, Calendars: map[string]*calendar.Calendar{}}}
	for i, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		b := &books{id: string(rune('a' + i)), zone: zone, closed: map[string]bool{}, issued: map[string]bool{}, published: map[string]bool{}, publishedAt: map[string]time.Time{}}
		if b.first, err = schema.ParsePeriod(first, zone); err != nil {
			t.Fatal(err)
		}
		if m.s.Calendars[b.id], err = calendar.New("", nil, zone); err != nil {
			t.Fatal(err)
		}
		m.issuers = append(m.issuers, b)
	}
	return m
}

const testWait = 6 * time.Hour

func (m *machine) state(now time.Time) State {
	st := State{Done: m.done}
	for _, b := range m.issuers {
		issuer := Issuer{ID: b.id}
		for p := b.first; !p.Start.After(now); p = p.Next(b.zone) {
			s := pipeline.Status{Issuer: b.id, Period: p.Name, Start: p.Start, End: p.End, Used: true, CloseFrom: p.End.Add(testWait),
				State: bill.Open, Published: b.published[p.Name], PublishedAt: b.publishedAt[p.Name]}
			switch {
			case b.issued[p.Name]:
				s.State = bill.Invoiced
			case b.closed[p.Name]:
				s.State = bill.Closed
			case !now.Before(p.End):
				s.State, s.Silent, s.Waits = bill.Closing, b.silent, b.waits
			}
			issuer.Months = append(issuer.Months, s)
		}
		st.Issuers = append(st.Issuers, issuer)
	}
	return st
}

// tick does what is due and returns it, closes and what follows them only.
func (m *machine) tick(t tester, now time.Time) []string {
	t.Helper()
	var did []string
	for round := 0; ; round++ {
		tasks := Due(m.s, m.state(now), now)
		if len(tasks) == 0 {
			break
		}
		if round > 3 {
			t.Fatalf("at %s it never comes to rest: %v", now, tasks)
		}
		for _, task := range tasks {
			m.do(t, task, now)
			if task.Job == Close || task.Job == Issue || task.Job == Publish {
				did = append(did, task.String())
			}
		}
	}
	m.ran = append(m.ran, did...)
	return did
}

func (m *machine) do(t tester, task Task, now time.Time) {
	t.Helper()
	i := slices.IndexFunc(m.issuers, func(b *books) bool { return b.id == task.Issuer })
	if task.Job != Close && task.Job != Issue && task.Job != Publish {
		if m.done[task.doneKey()] {
			t.Fatalf("at %s %s was done before", now, task)
		}
		m.done[task.doneKey()] = true
		return
	}
	b := m.issuers[i]
	p, err := schema.ParsePeriod(task.Period, b.zone)
	if err != nil {
		t.Fatal(err)
	}
	switch task.Job {
	case Close:
		if b.closed[p.Name] || now.Before(p.End.Add(testWait)) {
			t.Fatalf("%s at %s: twice, or before %s", task, now, p.End.Add(testWait))
		}
		if before := p.Previous(b.zone); !b.closed[before.Name] && !before.Start.Before(b.first.Start) {
			t.Fatalf("%s comes before %s", task, before.Name)
		}
		b.closed[p.Name] = true
	case Issue:
		if b.issued[p.Name] || !b.closed[p.Name] {
			t.Fatalf("%s twice, or before its close", task)
		}
		b.issued[p.Name] = true
	case Publish:
		if b.published[p.Name] || !b.issued[p.Name] {
			t.Fatalf("%s twice, or before its numbers", task)
		}
		b.published[p.Name], b.publishedAt[p.Name] = true, now
	}
}

func (m *machine) alarms(now time.Time) []string {
	var list []string
	for _, a := range Alarms(m.s, m.state(now), now) {
		list = append(list, a.Kind+" "+a.Issuer+" "+a.Period)
	}
	return list
}

func expect(t tester, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// runs ticks from one instant to another, every quarter of an hour.
func (m *machine) runs(t tester, from, to string) {
	t.Helper()
	for at := instant(t, from); at.Before(instant(t, to)); at = at.Add(Sleep) {
		m.tick(t, at)
	}
}

func TestCase_T21_ThreeDaysOverMonthEnd(t *testing.T) {
	m := newMachine(t, "2026-10", "UTC", "Asia/Seoul")
	m.runs(t, "2026-10-28T00:00:00Z", "2026-10-31T12:00:00Z")
	expect(t, "before the outage", m.ran)
	back := instant(t, "2026-11-03T12:00:00Z") // the 2nd business day: nothing to publish yet
	expect(t, "afterwards", m.tick(t, back), "close a 2026-10", "close b 2026-10")
	expect(t, "alarms", m.alarms(back))
	expect(t, "the 3rd business day begins in Seoul", m.tick(t, instant(t, "2026-11-03T15:00:00Z")), "issue b 2026-10", "publish b 2026-10")
	expect(t, "and in UTC", m.tick(t, instant(t, "2026-11-04T00:00:00Z")), "issue a 2026-10", "publish a 2026-10")
}

// When the outage lasts beyond the deadline, the alarm says so, once it can.
func TestCase_T21_DeadlineAlarmOnlyWhenMissed(t *testing.T) {
	m := newMachine(t, "2026-10", "UTC")
	for at, want := range map[string][]string{
		"2026-11-09T23:59:59Z": nil,
		"2026-11-10T00:00:00Z": {"deadline-at-risk a 2026-10"},
		"2026-11-10T23:59:59Z": {"deadline-at-risk a 2026-10"},
		"2026-11-11T00:00:00Z": {"deadline-missed a 2026-10"},
	} {
		expect(t, at, m.alarms(instant(t, at)), want...)
	}
	m.tick(t, instant(t, "2026-11-10T23:59:59Z"))
	expect(t, "published in time", m.alarms(instant(t, "2026-11-20T00:00:00Z")))
	late := newMachine(t, "2026-10", "UTC")
	late.tick(t, instant(t, "2026-11-11T00:00:00Z"))
	expect(t, "published too late, and not noted yet", late.alarms(instant(t, "2026-11-20T00:00:00Z")), "deadline-missed a 2026-10")
}

func TestCase_T22_ThreeMonthsOutage(t *testing.T) {
	m := newMachine(t, "2026-07", "UTC")
	m.runs(t, "2026-07-30T00:00:00Z", "2026-08-05T12:00:00Z")
	expect(t, "before the outage", m.ran, "close a 2026-07", "issue a 2026-07", "publish a 2026-07")
	back := instant(t, "2026-11-05T12:00:00Z")
	expect(t, "alarms at the return", m.alarms(back), "deadline-missed a 2026-08", "deadline-missed a 2026-09")
	expect(t, "afterwards", m.tick(t, back), "close a 2026-08", "close a 2026-09", "close a 2026-10",
		"issue a 2026-08", "publish a 2026-08", "issue a 2026-09", "publish a 2026-09", "issue a 2026-10", "publish a 2026-10")
}

func TestCase_T20_TimerNeverFires(t *testing.T) {
	m := newMachine(t, "2026-01", "UTC")
	did := m.tick(t, instant(t, "2027-01-06T00:00:00Z"))
	if len(did) != 36 || did[0] != "close a 2026-01" || did[11] != "close a 2026-12" || did[35] != "publish a 2026-12" {
		t.Errorf("got %q", did)
	}
}

// A second start finds nothing, at the same instant or a moment later.
func TestCase_T23_SecondStartIsIdle(t *testing.T) {
	m := newMachine(t, "2026-10", "UTC", "Asia/Kathmandu")
	at := instant(t, "2026-11-06T00:00:00Z")
	m.tick(t, at)
	for _, later := range []time.Duration{0, time.Second, 14 * time.Minute} {
		if again := Due(m.s, m.state(at.Add(later)), at.Add(later)); len(again) > 0 {
			t.Errorf("%s later: %v", later, again)
		}
	}
}

// The clock steps back, over the close and over the month's end.
func TestCase_T16_ClockStepsBack(t *testing.T) {
	m := newMachine(t, "2026-10", "UTC")
	at := instant(t, "2026-11-04T00:30:00Z")
	m.tick(t, instant(t, "2026-11-01T06:10:00Z"))
	expect(t, "so far", m.ran, "close a 2026-10")
	for _, back := range []time.Duration{time.Hour, 7 * time.Hour, 40 * 24 * time.Hour} {
		expect(t, back.String()+" back", m.tick(t, instant(t, "2026-11-01T06:10:00Z").Add(-back)))
	}
	expect(t, "when the clock is right again", m.tick(t, at), "issue a 2026-10", "publish a 2026-10")
}

// The period is cut at the issuer's midnight, to the nanosecond, and the close
// is due the wait after it.
func TestCase_T12_ZonesCutTheMonth(t *testing.T) {
	for _, c := range []struct{ zone, period, end string }{
		{"Asia/Kathmandu", "2026-10", "2026-10-31T18:15:00Z"},
		{"America/St_Johns", "2026-12", "2027-01-01T03:30:00Z"},
		{"Pacific/Kiritimati", "2026-10", "2026-10-31T10:00:00Z"},
		{"Pacific/Chatham", "2026-10", "2026-10-31T10:15:00Z"},
		{"Etc/GMT+12", "2026-10", "2026-11-01T12:00:00Z"},
		{"America/Havana", "2026-10", "2026-11-01T04:00:00Z"},   // midnight comes twice
		{"America/Asuncion", "2023-09", "2023-10-01T04:00:00Z"}, // and not at all
		{"Pacific/Apia", "2011-12", "2011-12-31T10:00:00Z"},     // a month without its 30th
		{"America/New_York", "2026-03", "2026-04-01T04:00:00Z"},
	} {
		m := newMachine(t, c.period, c.zone)
		due := instant(t, c.end).Add(testWait)
		expect(t, c.zone+" a moment before", m.tick(t, due.Add(-time.Nanosecond)))
		expect(t, c.zone, m.tick(t, due), "close a "+c.period)
	}
}

// Samoa's December of 30 days closes once, and its invoices come on the third
// business day of January.
func TestCase_T15_SamoaClosesDecember2011(t *testing.T) {
	m := newMachine(t, "2011-11", "Pacific/Apia")
	m.runs(t, "2011-11-28T00:00:00Z", "2012-01-06T00:00:00Z")
	expect(t, "over the missing day", m.ran, "close a 2011-11", "issue a 2011-11", "publish a 2011-11", "close a 2011-12", "issue a 2011-12", "publish a 2011-12")
}

func TestCase_T27_YearTurns(t *testing.T) {
	m := newMachine(t, "2026-12", "UTC")
	m.runs(t, "2026-12-30T00:00:00Z", "2027-01-07T00:00:00Z")
	expect(t, "over the new year", m.ran, "close a 2026-12", "issue a 2026-12", "publish a 2026-12")
}

// A source that is silent, or a person who is waited for, holds the issuer's
// later months too, and nobody else's.
func TestBlockedMonths(t *testing.T) {
	for _, c := range []struct {
		silent, waits []string
		alarms        []string
	}{
		{silent: []string{"meter"}},
		{waits: []string{"2 rejects wait"}, alarms: []string{"close-blocked a 2026-09", "close-blocked a 2026-10"}},
	} {
		m := newMachine(t, "2026-09", "UTC", "UTC")
		m.issuers[0].silent, m.issuers[0].waits = c.silent, c.waits
		at := instant(t, "2026-11-01T12:00:00Z")
		expect(t, "while it waits", m.tick(t, at), "close b 2026-09", "close b 2026-10", "issue b 2026-09", "publish b 2026-09")
		expect(t, "alarms", slices.DeleteFunc(m.alarms(at), func(a string) bool { return strings.HasPrefix(a, "deadline") }), c.alarms...)
		m.issuers[0].silent, m.issuers[0].waits = nil, nil
		expect(t, "afterwards", m.tick(t, at), "close a 2026-09", "close a 2026-10", "issue a 2026-09", "publish a 2026-09")
	}
}

// However the outages lie, in whatever zones, the same steps are done, each
// once, in order, none too early, and none is left when the program is back.
func TestOutagesChangeNothing(t *testing.T) {
	zones := []string{"UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "America/New_York", "Pacific/Apia", "America/Havana"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		steady, broken := newMachine(t, "2026-08", zone), newMachine(t, "2026-08", zone)
		at := instant(t, "2026-08-20T00:00:00Z")
		end := instant(t, "2027-01-08T00:00:00Z")
		for at.Before(end) {
			steady.tick(t, at)
			at = at.Add(6 * time.Hour)
		}
		for at = instant(t, "2026-08-20T00:00:00Z"); at.Before(end); {
			broken.tick(t, at)
			step := rapid.Int64Range(-int64(2*time.Hour), int64(45*24*time.Hour)).Draw(t, "step")
			if rapid.Bool().Draw(t, "short") {
				step /= 60
			}
			at = at.Add(time.Duration(step) + 2*time.Hour + time.Minute)
		}
		broken.tick(t, end)
		steady.tick(t, end)
		slices.Sort(steady.ran) // one issuer: the machine has checked the order
		slices.Sort(broken.ran)
		if !slices.Equal(steady.ran, broken.ran) {
			t.Fatalf("steady %q\nbroken %q", steady.ran, broken.ran)
		}
		if len(Due(broken.s, broken.state(end), end)) > 0 {
			t.Fatal("something is left")
		}
	})
}

// What is due depends on nothing but the arguments.
func TestDueIsPure(t *testing.T) {
	m := newMachine(t, "2026-08", "UTC", "Asia/Seoul")
	at := instant(t, "2026-11-05T00:00:00Z")
	st := m.state(at)
	first := Due(m.s, st, at)
	for range 10 {
		if !slices.Equal(Due(m.s, st, at), first) {
			t.Fatal("the same arguments give another list")
		}
	}
}

func TestUpcoming(t *testing.T) {
	m := newMachine(t, "2026-10", "UTC")
	at := instant(t, "2026-10-31T22:30:00Z")
	var got []string
	for _, task := range Upcoming(m.s, m.state(at), at) {
		got = append(got, task.String()+" "+task.Due.Format(time.RFC3339))
	}
	expect(t, "upcoming", got, "ingest 2026-10-31T23:00:00Z", "collect 2026-11-01T00:00:00Z", "report 2026-11-01T00:00:00Z",
		"close a 2026-10 2026-11-01T06:00:00Z", "publish a 2026-10 2026-11-04T00:00:00Z")
}
