package jobs

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func cadence(t tester, text string) Cadence {
	t.Helper()
	c, err := ParseCadence(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func instant(t tester, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestCadence(t *testing.T) {
	for _, c := range []struct{ text, now, newest, next string }{
		{"8h", "2026-11-01T07:59:59Z", "2026-11-01T00:00:00Z", "2026-11-01T08:00:00Z"},
		{"8h", "2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z", "2026-11-01T16:00:00Z"},
		{"8h", "2026-11-01T09:00:00+09:00", "2026-11-01T00:00:00Z", "2026-11-01T08:00:00Z"},
		{"15m", "2026-11-01T00:14:00Z", "2026-11-01T00:00:00Z", "2026-11-01T00:15:00Z"},
		{"30 2 * * *", "2026-03-08T12:00:00Z", "2026-03-08T02:30:00Z", "2026-03-09T02:30:00Z"}, // in New York this hour is missing
		{"0 0 1 1 *", "2026-12-31T23:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"0 0 29 2 *", "2026-06-01T00:00:00Z", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"@daily", "2026-11-01T10:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"},
		{"*/15 * * * 1-5", "2026-11-01T10:00:00Z", "2026-10-30T23:45:00Z", "2026-11-02T00:00:00Z"}, // Sunday
	} {
		at := instant(t, c.now)
		got := cadence(t, c.text)
		if n := got.Newest(at).Format(time.RFC3339); n != c.newest {
			t.Errorf("%s at %s: newest %s, want %s", c.text, c.now, n, c.newest)
		}
		if n := got.Next(at).Format(time.RFC3339); n != c.next {
			t.Errorf("%s at %s: next %s, want %s", c.text, c.now, n, c.next)
		}
	}
	never := cadence(t, "never")
	if !never.IsZero() || !never.Newest(time.Now()).IsZero() || !never.Next(time.Now()).IsZero() {
		t.Error("never comes")
	}
}

// The texts on which the cron parser panics, or which it takes and should not.
func TestCadenceRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"TZ=Asia/Seoul":                "names a time zone",
		"CRON_TZ=":                     "names a time zone",
		"CRON_TZ=UTC 0 0 * * *":        "names a time zone",
		"@every 8h":                    "write the length of time alone",
		"0 0 30 2 *":                   "never comes",
		"0 0 * * 7":                    "is no cron expression",
		"0 0 L * *":                    "is no cron expression",
		"* * * *":                      "is no cron expression",
		"0 0 * * * *":                  "is no cron expression",
		"@reboot":                      "is no cron expression",
		"":                             "is no cron expression",
		" ":                            "is no cron expression",
		"30s":                          "is not a length of time from 1m0s",
		"-8h":                          "is not a length of time",
		"800h":                         "is not a length of time",
		"8":                            "is no cron expression",
		strings.Repeat("1,", 200):      "is longer than",
		"99999999999999999999 * * * *": "is no cron expression",
	} {
		if _, err := ParseCadence(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

// The newest instant is itself an instant, and no other lies between it and the
// next.
func TestCadenceProperties(t *testing.T) {
	texts := []string{"1m", "15m", "7h", "8h", "24h", "168h", "30 2 * * *", "0 0 1 * *", "*/7 3-5 * * 1", "0 12 29 2 *", "@weekly"}
	rapid.Check(t, func(t *rapid.T) {
		c, err := ParseCadence(rapid.SampledFrom(texts).Draw(t, "cadence"))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_400_000_000, 2_000_000_000).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		newest, next := c.Newest(at), c.Next(at)
		if newest.After(at) || !next.After(at) {
			t.Fatalf("%s lies not between %s and %s", at, newest, next)
		}
		if !c.Next(newest.Add(-time.Nanosecond)).Equal(newest) || !c.Next(newest).Equal(next) || !c.Newest(next).Equal(next) {
			t.Fatalf("%s and %s are not neighbours", newest, next)
		}
	})
}

func FuzzParseCadence(f *testing.F) {
	for _, s := range []string{"8h", "TZ=", "CRON_TZ=Asia/Seoul", "* * * * *", "@every 1s", "*/0 * * * *", "1-0 * * * *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCadence(s)
		if err != nil || c.IsZero() {
			return
		}
		at := time.Unix(1_800_000_000, 0)
		if c.Newest(at).After(at) || !c.Next(at).After(at) {
			t.Fatalf("%q: newest %s, next %s at %s", s, c.Newest(at), c.Next(at), at)
		}
	})
}
