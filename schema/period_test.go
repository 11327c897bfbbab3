package schema_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the host

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestPeriodsBeginWhenTheIssuersMonthDoes(t *testing.T) {
	for _, c := range []struct{ zone, name, start, end string }{
		{"UTC", "2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"},
		{"UTC", "2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"UTC", "2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"Asia/Seoul", "2026-10", "2026-09-30T15:00:00Z", "2026-10-31T15:00:00Z"},
		{"Asia/Kathmandu", "2026-10", "2026-09-30T18:15:00Z", "2026-10-31T18:15:00Z"},
		{"Pacific/Chatham", "2026-10", "2026-09-30T10:15:00Z", "2026-10-31T10:15:00Z"},
		{"Pacific/Chatham", "2026-04", "2026-03-31T10:15:00Z", "2026-04-30T11:15:00Z"}, // summer time ends in it
		{"America/St_Johns", "2026-01", "2026-01-01T03:30:00Z", "2026-02-01T03:30:00Z"},
		{"Pacific/Kiritimati", "2026-10", "2026-09-30T10:00:00Z", "2026-10-31T10:00:00Z"},
		{"Etc/GMT+12", "2026-10", "2026-10-01T12:00:00Z", "2026-11-01T12:00:00Z"},
		{"Europe/Berlin", "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"}, // 743 hours
		{"Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"}, // 745 hours
		{"Pacific/Apia", "2011-12", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"},  // without the 30th
		// Midnight of the first is skipped: the month begins at the change.
		{"America/Asuncion", "2023-10", "2023-10-01T04:00:00Z", "2023-11-01T03:00:00Z"},
		{"Europe/Moscow", "1982-04", "1982-03-31T21:00:00Z", "1982-04-30T20:00:00Z"},
		// Midnight of the first comes twice: the month begins at the first one.
		{"America/Havana", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"},
		{"America/St_Johns", "2009-11", "2009-11-01T02:30:00Z", "2009-12-01T03:30:00Z"},
	} {
		t.Run(c.zone+" "+c.name, func(t *testing.T) {
			p, err := schema.ParsePeriod(c.name, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Start.Format(time.RFC3339Nano); got != c.start {
				t.Errorf("begins at %s, want %s", got, c.start)
			}
			if got := p.End.Format(time.RFC3339Nano); got != c.end {
				t.Errorf("ends at %s, want %s", got, c.end)
			}
			if p.Name != c.name {
				t.Errorf("is named %s", p.Name)
			}
		})
	}
}

// Where the clock goes back across midnight, the last day of a month comes
// again; the new month, once begun, goes on.
func TestMonthGoesOnWhenItsFirstMidnightIsTakenBack(t *testing.T) {
	loc := zone(t, "America/St_Johns")
	at := time.Date(2009, 11, 1, 2, 45, 0, 0, time.UTC)
	if local := at.In(loc).Format("2006-01-02T15:04"); local != "2009-10-31T23:15" {
		t.Fatalf("the zone shows %s; the case tests nothing", local)
	}
	if p := schema.PeriodAt(at, loc); p.Name != "2009-11" || !p.Contains(at.UnixNano()) {
		t.Errorf("the instant lies in %v", p)
	}
}

// Every instant lies in exactly one period, and the periods follow each other
// without gap or overlap, in zones with every kind of change.
func TestPeriodsTileTime(t *testing.T) {
	zones := []string{"UTC", "Asia/Seoul", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Pacific/Kiritimati",
		"Etc/GMT+12", "Europe/Berlin", "Pacific/Apia", "America/Asuncion", "Europe/Moscow", "America/Havana", "Asia/Dhaka",
		"Africa/Cairo", "Asia/Beirut", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		month := schema.Date{Year: rapid.IntRange(1972, 2199).Draw(t, "year"), Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Day: 1}
		near := time.Duration(rapid.Int64Range(int64(-40*time.Hour), int64(40*time.Hour)).Draw(t, "near"))
		at := time.Date(month.Year, month.Month, 1, 0, 0, 0, 0, time.UTC).Add(near)
		p := schema.PeriodAt(at, loc)
		if !p.Contains(at.UnixNano()) {
			t.Fatalf("%s in %s is said to lie in %s, which is [%s, %s)", at, loc, p.Name, p.Start, p.End)
		}
		if p.Contains(p.End.UnixNano()) || p.Contains(p.Start.UnixNano()-1) || !p.Contains(p.End.UnixNano()-1) || !p.Contains(p.Start.UnixNano()) {
			t.Fatalf("%s is not half-open", p.Name)
		}
		next, back := p.Next(loc), p.Previous(loc)
		if !next.Start.Equal(p.End) || !back.End.Equal(p.Start) {
			t.Fatalf("neighbours of %s in %s leave a gap or overlap: %v %v %v", p.Name, loc, back, p, next)
		}
		if next.Previous(loc) != p || back.Next(loc) != p {
			t.Fatalf("there and back from %s in %s is another period", p.Name, loc)
		}
		if same, err := schema.ParsePeriod(p.Name, loc); err != nil || same != p {
			t.Fatalf("%s in %s reads back as %v (%v)", p.Name, loc, same, err)
		}
		if hours := p.End.Sub(p.Start).Hours(); hours < 27*24 || hours > 32*24 {
			t.Fatalf("%s in %s has %v hours", p.Name, loc, hours)
		}
	})
}

func TestParsePeriodRefuses(t *testing.T) {
	for _, name := range []string{"", "2026", "2026-1", "2026-13", "2026-00", "1970-12", "2201-01", "2026-10-01", " 2026-10", "２０２６-10"} {
		if p, err := schema.ParsePeriod(name, time.UTC); err == nil {
			t.Errorf("%q was read as %v", name, p)
		}
	}
}

func TestHourOfRoundsDown(t *testing.T) {
	hour := int64(time.Hour)
	for _, c := range []struct {
		nanos int64
		want  schema.Hour
	}{{0, 0}, {hour - 1, 0}, {hour, 1}, {-1, -1}, {-hour, -1}, {-hour - 1, -2}, {497_222 * hour, 497_222}} {
		got := schema.HourOf(c.nanos)
		if got != c.want {
			t.Errorf("%d ns lies in hour %d, want %d", c.nanos, got, c.want)
		}
		if start := got.Time().UnixNano(); start > c.nanos || c.nanos-start >= hour {
			t.Errorf("hour %d begins at %d, %d ns is not inside", got, start, c.nanos)
		}
	}
}
