// Package calendar counts business days: it knows weekends, the public holidays
// of the countries that the holiday library has, and dated files for others,
// of which it ships Korea's.
//
// It owns the names of calendars and the form of a dated file. It reads no
// clock and no disk, and knows nothing of what is due on a business day.
package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
)

// Calendar tells business days from others, in one time zone.
type Calendar struct {
	name    string
	zone    *time.Location
	weekend [7]bool
	days    map[schema.Date]bool                    // holidays of a dated file
	years   [2]int                                  // first and last year of a dated file
	library func(year int) map[schema.Date]struct{} // holidays of the library; nil: none
}

// New makes the calendar of an issuer. The name is a country such as US or DE,
// a part of one such as DE-BY, ECB, KR, or that of one of the files, which go
// before the others; blank or "none" has no holidays. Weekend holds days as
// Mon to Sun; empty means Sat and Sun. A name that is not known is an error.
func New(name string, weekend []string, zone *time.Location, files ...File) (*Calendar, error) {
	c := &Calendar{name: name, zone: zone}
	if err := c.setWeekend(weekend); err != nil {
		return nil, err
	}
	if name == "" || name == "none" {
		return c, nil
	}
	for _, f := range append(slices.Clone(files), shipped()...) {
		if f.Name == name {
			return c, f.into(c)
		}
	}
	if c.library = fromLibrary(name); c.library == nil {
		return nil, fmt.Errorf("calendar %q is not known; it may be %s, or the name of a dated file under calendars", schema.Shorten(name), strings.Join(Names(), ", "))
	}
	return c, nil
}

func (c *Calendar) setWeekend(days []string) error {
	if len(days) == 0 {
		days = []string{"Sat", "Sun"}
	}
	for _, name := range days {
		i := slices.Index(weekdays(), name)
		if i < 0 {
			return fmt.Errorf("%q is no day of the week; write %s", schema.Shorten(name), strings.Join(weekdays(), ", "))
		}
		c.weekend[i] = true
	}
	for _, off := range c.weekend {
		if !off {
			return nil
		}
	}
	return fmt.Errorf("the weekend has all seven days; leave one to work")
}

// weekdays are the names of the days, from Sunday as time.Weekday counts.
func weekdays() []string { return []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} }

// Works tells whether a day is a business day. It is an error to ask a dated
// file about a year that it does not hold: that would be a guess.
func (c *Calendar) Works(d schema.Date) (bool, error) {
	if c.days != nil && (d.Year < c.years[0] || d.Year > c.years[1]) {
		return false, fmt.Errorf("calendar %s holds the years %d to %d, not %d; give a newer dated file under calendars", c.name, c.years[0], c.years[1], d.Year)
	}
	if c.weekend[d.In(time.UTC).Weekday()] || c.days[d] || !exists(d, c.zone) {
		return false, nil
	}
	if c.library == nil {
		return true, nil
	}
	_, off := c.library(d.Year)[d]
	return !off, nil
}

// exists tells whether the zone has the day: Samoa had no 30 December 2011.
func exists(d schema.Date, zone *time.Location) bool { return schema.DateOf(d.In(zone)) == d }

// BusinessDay returns the n-th business day of a month, counted from 1. Where
// the month has fewer, the count goes on in the next.
func (c *Calendar) BusinessDay(n, year int, month time.Month) (schema.Date, error) {
	d := schema.Date{Year: year, Month: month, Day: 1}
	for {
		works, err := c.Works(d)
		if err != nil {
			return schema.Date{}, err
		}
		if works {
			n--
		}
		if n <= 0 {
			return d, nil
		}
		d = d.AddDays(1)
	}
}

// After returns when the n-th business day after a period begins and ends, in
// the calendar's zone: what is due on that day is late from the end on.
func (c *Calendar) After(p schema.Period, n int) (from, until time.Time, err error) {
	next := p.Next(c.zone)
	first, err := time.Parse("2006-01", next.Name)
	if err != nil {
		return from, until, fmt.Errorf("period %q is not a month", next.Name)
	}
	d, err := c.BusinessDay(n, first.Year(), first.Month())
	return d.In(c.zone).UTC(), d.AddDays(1).In(c.zone).UTC(), err
}
