package schema

import (
	"fmt"
	"sort"
	"time"
)

// Date is a day of the calendar without time or zone, written YYYY-MM-DD. The
// zero Date means no date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q is not a day; write it as YYYY-MM-DD", Shorten(s))
	}
	return DateOf(t), nil
}

// DateOf returns the day of an instant in the zone that the instant carries.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// IsZero tells whether the date stands for no date.
func (d Date) IsZero() bool { return d == Date{} }

// In returns the first instant of the day in a zone. That is midnight, or, where
// the clock skips midnight, the instant at which it does. time.Date alone leaves
// open which instant it gives for a midnight that is skipped or comes twice.
func (d Date) In(zone *time.Location) time.Time {
	midnight := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix()
	offset := func(at int64) int64 {
		_, seconds := time.Unix(at, 0).In(zone).Zone()
		return int64(seconds)
	}
	// No zone is a day away from UTC, so the change, if any, lies between these.
	const day = 24 * 60 * 60
	before, after := offset(midnight-day), offset(midnight+day)
	old, new := midnight-before, midnight-after
	at := old
	switch {
	case offset(old) == before:
	case offset(new) == after:
		at = new
	default:
		at = new + int64(sort.Search(int(old-new), func(i int) bool { return offset(new+int64(i)) == after }))
	}
	return time.Unix(at, 0).In(zone)
}

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.In(time.UTC).AddDate(0, 0, n)) }

// String renders YYYY-MM-DD, or the empty string for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText renders the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err == nil {
		*d = v
	}
	return err
}
