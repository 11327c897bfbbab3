package schema_test

import (
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
)

// February has 29 days in 2024 and 2000, and 28 in 2100.
func TestCase_T06_LeapYears(t *testing.T) {
	for name, days := range map[string]int{"2024-02": 29, "2000-02": 29, "2100-02": 28, "2026-02": 28} {
		p, err := schema.ParsePeriod(name, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.End.Sub(p.Start); got != time.Duration(days)*24*time.Hour {
			t.Errorf("%s has %s, want %d days", name, got, days)
		}
	}
	if _, err := schema.ParseDate("2100-02-29"); err == nil {
		t.Error("29 February 2100 was taken")
	}
}
