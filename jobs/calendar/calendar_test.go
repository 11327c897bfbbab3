package calendar

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the host

	"github.com/monthend/monthend/schema"
)

func in(t *testing.T, name, zone string, weekend ...string) *Calendar {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(name, weekend, loc)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The seventh business day, by calendars that a person can check.
func TestCase_T25_SeventhBusinessDay(t *testing.T) {
	for _, c := range []struct {
		name, month string
		n           int
		want        string
	}{
		{"", "2026-11", 7, "2026-11-10"},
		{"none", "2026-11", 1, "2026-11-02"},
		{"US", "2026-11", 8, "2026-11-12"}, // Veterans Day on the 11th
		{"US", "2026-07", 7, "2026-07-10"}, // 4 July is a Saturday, observed on Friday
		{"US", "2026-07", 3, "2026-07-06"},
		{"US", "2022-01", 1, "2022-01-03"}, // New Year's Day observed on 31 December
		{"US", "2021-12", 22, "2022-01-03"},
		{"DE", "2027-01", 7, "2027-01-12"},
		{"DE-BY", "2027-01", 7, "2027-01-13"}, // Epiphany
		{"GB", "2026-12", 19, "2026-12-29"},   // Boxing Day is a Saturday, its substitute is Monday
		{"JP", "2026-05", 3, "2026-05-08"},    // Golden Week
		{"KR", "2024-10", 3, "2024-10-07"},    // a temporary holiday on the 1st
		{"KR", "2025-10", 3, "2025-10-10"},    // Chuseok and its substitute, 3 to 9 October
		{"KR", "2025-10", 7, "2025-10-16"},
		{"KR", "2025-06", 7, "2025-06-12"}, // presidential election, Memorial Day
		{"KR", "2026-10", 7, "2026-10-13"}, // substitute on the 5th, Hangul Day
		{"KR", "2027-02", 7, "2027-02-11"}, // Seollal on a Sunday
		{"KR", "2027-05", 3, "2027-05-07"}, // Labour Day's substitute, Children's Day
	} {
		y, err := time.Parse("2006-01", c.month)
		if err != nil {
			t.Fatal(err)
		}
		got, err := in(t, c.name, "UTC").BusinessDay(c.n, y.Year(), y.Month())
		if err != nil || got.String() != c.want {
			t.Errorf("%s %s, business day %d: got %s %v, want %s", c.name, c.month, c.n, got, err, c.want)
		}
	}
}

func TestCase_T25_UnknownCalendarIsRefused(t *testing.T) {
	for name, want := range map[string]string{"XX": `calendar "XX" is not known`, "us": "is not known", "US-": "is not known"} {
		if _, err := New(name, nil, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	// Nor is a year guessed that the file does not hold.
	if _, err := in(t, "KR", "Asia/Seoul").BusinessDay(1, 2028, time.January); err == nil || !strings.Contains(err.Error(), "holds the years 2024 to 2027, not 2028") {
		t.Errorf("got %v", err)
	}
}

func TestCase_T26_Weekends(t *testing.T) {
	for want, weekend := range map[string][]string{
		"2026-11-10": nil,            // Saturday and Sunday
		"2026-11-09": {"Fri", "Sat"}, // begins on Sunday the 1st
		"2026-11-07": {"Sun", "Fri"},
	} {
		n := 7
		if len(weekend) == 2 && weekend[0] == "Sun" {
			n = 5 // 2, 3, 4, 5, 7
		}
		if got, err := in(t, "", "UTC", weekend...).BusinessDay(n, 2026, time.November); err != nil || got.String() != want {
			t.Errorf("weekend %v: got %s %v, want %s", weekend, got, err, want)
		}
	}
	if got, err := in(t, "", "UTC", "Sun").BusinessDay(7, 2026, time.November); err != nil || got.String() != "2026-11-09" {
		t.Errorf("weekend of Sunday alone: got %s %v", got, err)
	}
	for _, bad := range [][]string{{"Friday"}, {""}, weekdays()} {
		if _, err := New("", bad, time.UTC); err == nil {
			t.Errorf("weekend %q was taken", bad)
		}
	}
}

// Samoa went from 29 to 31 December 2011: the 30th, a Friday, was no business
// day, and a deadline at the end of the 29th is where the 31st begins.
func TestCase_T15_SamoasMissingDay(t *testing.T) {
	c := in(t, "", "Pacific/Apia")
	if got, err := c.BusinessDay(21, 2011, time.December); err != nil || got.String() != "2011-12-29" {
		t.Errorf("21st business day: got %s %v, want 2011-12-29", got, err)
	}
	if got, err := c.BusinessDay(22, 2011, time.December); err != nil || got.String() != "2012-01-02" {
		t.Errorf("22nd business day: got %s %v, want 2012-01-02", got, err)
	}
	nov, err := schema.ParsePeriod("2011-11", c.zone)
	if err != nil {
		t.Fatal(err)
	}
	_, until, err := c.After(nov, 21)
	if err != nil || until.Format(time.RFC3339) != "2011-12-30T10:00:00Z" {
		t.Errorf("21st business day ends at %s %v", until.Format(time.RFC3339), err)
	}
}

// A deadline is an instant: the end of a day of 23, 24 or 25 hours.
func TestCase_T28_DeadlineOnClockChangeDay(t *testing.T) {
	for _, c := range []struct {
		zone, period string
		weekend      []string
		n            int
		from, until  string
	}{
		{"America/New_York", "2026-10", []string{"Sat"}, 1, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"}, // 25 hours
		{"America/New_York", "2026-02", []string{"Sat"}, 7, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}, // 23 hours
		{"America/Santiago", "2026-08", []string{"Sat"}, 5, "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}, // no midnight
		{"Asia/Kathmandu", "2026-10", nil, 7, "2026-11-09T18:15:00Z", "2026-11-10T18:15:00Z"},
		{"America/St_Johns", "2026-12", nil, 7, "2027-01-11T03:30:00Z", "2027-01-12T03:30:00Z"},
		{"Pacific/Kiritimati", "2026-10", nil, 7, "2026-11-09T10:00:00Z", "2026-11-10T10:00:00Z"},
	} {
		cal := in(t, "", c.zone, c.weekend...)
		p, err := schema.ParsePeriod(c.period, cal.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, until, err := cal.After(p, c.n)
		if err != nil || from.Format(time.RFC3339) != c.from || until.Format(time.RFC3339) != c.until {
			t.Errorf("%s %s: got %s to %s %v, want %s to %s", c.zone, c.period, from.Format(time.RFC3339), until.Format(time.RFC3339), err, c.from, c.until)
		}
	}
}

func TestFiles(t *testing.T) {
	c, err := New("IN", nil, time.UTC, File{"IN", "years 2026-2026 # whole\n\n2026-11-09 Diwali\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	if works, err := c.Works(schema.Date{Year: 2026, Month: 11, Day: 9}); works || err != nil {
		t.Errorf("a holiday of the file works: %v", err)
	}
	// A file goes before the library and what is shipped.
	own, err := New("KR", nil, time.UTC, File{"KR", "years 2030-2030\n"})
	if err != nil {
		t.Fatal(err)
	}
	if works, err := own.Works(schema.Date{Year: 2030, Month: 1, Day: 1}); !works || err != nil {
		t.Errorf("the file given does not count: %v", err)
	}
	for text, want := range map[string]string{
		"":                                  "no line says for which years",
		"2026-01-01 x":                      "lies outside the years",
		"years 2026":                        "does not say the years",
		"years 2027-2026":                   "does not say the years",
		"years 2026-2026\nyears 2026-2026":  "line 2",
		"years 2026-2026\n2027-01-01 x":     "line 2: 2027-01-01 lies outside",
		"years 2026-2026\n1 January":        "line 2: date",
		strings.Repeat("#", MaxFileBytes+1): "is larger than",
	} {
		if _, err := New("IN", nil, time.UTC, File{"IN", text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: got %v, want %s", text, err, want)
		}
	}
}

// Every calendar that is offered has holidays, and none of Korea's falls twice.
func TestNames(t *testing.T) {
	if n := len(Names()); n < 60 {
		t.Errorf("%d calendars", n)
	}
	for _, name := range Names() {
		c := in(t, name, "UTC")
		off := 0
		for d := (schema.Date{Year: 2026, Month: 1, Day: 1}); d.Year == 2026; d = d.AddDays(1) {
			works, err := c.Works(d)
			if err != nil {
				t.Fatal(err)
			}
			if !works {
				off++
			}
		}
		if off < 104+3 || off > 104+25 {
			t.Errorf("%s: %d days off in 2026", name, off)
		}
	}
}

// A library year is asked for once per day counted; a month must stay cheap.
func BenchmarkSeventhBusinessDay(b *testing.B) {
	c, err := New("US", nil, time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.BusinessDay(7, 2026, time.November); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add(korea)
	f.Add("years 2026-2026\n2026-01-01 x")
	f.Add("years -")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := New("XX", nil, time.UTC, File{"XX", text})
		if err != nil {
			return
		}
		if _, err := c.Works(schema.Date{Year: c.years[0], Month: 1, Day: 1}); err != nil {
			t.Error(err)
		}
	})
}
