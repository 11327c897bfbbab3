package schema_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
)

func TestDateReadsOnlyDays(t *testing.T) {
	for _, text := range []string{"2026-10-05", "2024-02-29", "0001-01-01", "9999-12-31"} {
		d, err := schema.ParseDate(text)
		if err != nil || d.String() != text {
			t.Errorf("%s was read as %s (%v)", text, d, err)
		}
	}
	for _, text := range []string{"", "2026-02-29", "2026-10-5", "2026-10", "10/05/2026", "2026-10-05T00:00:00Z", "2026-10-32"} {
		if d, err := schema.ParseDate(text); err == nil {
			t.Errorf("%q was read as %s", text, d)
		}
	}
}

func TestDateOfTakesTheZoneOfTheInstant(t *testing.T) {
	at := time.Date(2026, 9, 30, 15, 30, 0, 0, time.UTC)
	if got := schema.DateOf(at).String(); got != "2026-09-30" {
		t.Errorf("in UTC: %s", got)
	}
	if got := schema.DateOf(at.In(zone(t, "Asia/Seoul"))).String(); got != "2026-10-01" {
		t.Errorf("in Seoul: %s", got)
	}
}

func TestDayBeginsWhereMidnightIsSkipped(t *testing.T) {
	day := schema.Date{Year: 2018, Month: 11, Day: 4}
	at := day.In(zone(t, "America/Sao_Paulo"))
	if want := time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC); !at.Equal(want) {
		t.Errorf("the day begins at %s, want %s", at, want)
	}
	if got := schema.DateOf(at); got != day {
		t.Errorf("its first instant lies on %s", got)
	}
}

func TestAddDaysCrossesMonthsAndYears(t *testing.T) {
	for _, c := range []struct {
		from string
		days int
		want string
	}{{"2026-10-31", 1, "2026-11-01"}, {"2026-12-31", 1, "2027-01-01"}, {"2024-02-28", 1, "2024-02-29"},
		{"2026-03-01", -1, "2026-02-28"}, {"2026-10-05", 30, "2026-11-04"}, {"2026-10-05", 0, "2026-10-05"}} {
		d, err := schema.ParseDate(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.AddDays(c.days).String(); got != c.want {
			t.Errorf("%s and %d days is %s, want %s", c.from, c.days, got, c.want)
		}
	}
}

func TestDateSurvivesText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := schema.Date{Year: 2026, Month: 1, Day: 1}.AddDays(rapid.IntRange(-400_000, 400_000).Draw(t, "days"))
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			want = schema.Date{}
		}
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := schema.Date{Year: 1, Month: 1, Day: 1}
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%v became %q and then %v (%v)", want, text, got, err)
		}
	})
	kept := schema.Date{Year: 2026, Month: 10, Day: 5}
	if err := kept.UnmarshalText([]byte("tomorrow")); err == nil || kept.Day != 5 {
		t.Errorf("a bad text gave %v, error %v", kept, err)
	}
}
