package schema

import (
	"fmt"
	"time"
)

// Hour is the number of whole hours since 1970-01-01T00:00:00Z. Usage counts in
// the hour in which it starts.
type Hour int32

// HourOf returns the hour that holds an instant given in nanoseconds since 1970.
func HourOf(nanos int64) Hour {
	h := nanos / int64(time.Hour)
	if nanos%int64(time.Hour) < 0 {
		h--
	}
	return Hour(h)
}

// Time returns the first instant of the hour, in UTC.
func (h Hour) Time() time.Time { return time.Unix(int64(h)*3600, 0).UTC() }

// Period is a billing period: a calendar month in the issuer's time zone, as a
// half-open pair of instants [Start, End) in UTC.
type Period struct {
	Name  string    `json:"name"` // YYYY-MM, the issuer's month
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// ParsePeriod reads a period name such as 2026-10 in the given zone.
func ParsePeriod(name string, zone *time.Location) (Period, error) {
	t, err := time.Parse("2006-01", name)
	if err != nil || t.Year() < 1971 || t.Year() > 2200 {
		return Period{}, fmt.Errorf("period %q is not a month; write it as YYYY-MM, for example 2026-10", Shorten(name))
	}
	return monthOf(t.Year(), t.Month(), zone), nil
}

// PeriodAt returns the period that holds an instant in the given zone.
func PeriodAt(t time.Time, zone *time.Location) Period {
	local := t.In(zone)
	p := monthOf(local.Year(), local.Month(), zone)
	if t.Before(p.End) {
		return p
	}
	// The clock went back across midnight: the new month had begun already.
	return monthOf(local.Year(), local.Month()+1, zone)
}

func monthOf(y int, m time.Month, zone *time.Location) Period {
	return Period{
		Name:  time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"),
		Start: Date{y, m, 1}.In(zone).UTC(),
		End:   Date{y, m + 1, 1}.In(zone).UTC(),
	}
}

// Next returns the period after p in the given zone.
func (p Period) Next(zone *time.Location) Period { return PeriodAt(p.End, zone) }

// Previous returns the period before p in the given zone.
func (p Period) Previous(zone *time.Location) Period {
	return PeriodAt(p.Start.Add(-time.Nanosecond), zone)
}

// Contains tells whether an instant, in nanoseconds since 1970, lies in the period.
func (p Period) Contains(nanos int64) bool {
	return nanos >= p.Start.UnixNano() && nanos < p.End.UnixNano()
}
