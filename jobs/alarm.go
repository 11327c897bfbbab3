package jobs

import (
	"fmt"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
)

// Kinds of alarms.
const (
	DeadlineAtRisk = "deadline-at-risk" // a month is not published and its deadline is near
	DeadlineMissed = "deadline-missed"  // a month was not published in time
	CloseBlocked   = "close-blocked"    // a month cannot be closed before a person decides
	NoCalendar     = "no-calendar"      // business days are not known for the month
	UsageAhead     = "usage-ahead"      // usage lies in a month that has not begun
	JobFailed      = "job-failed"       // a job gave up
	ProbeFailed    = "probe-failed"     // the store did not keep its promises
)

// Alarm is something that a person must hear of.
type Alarm struct {
	Kind   string    `json:"kind"`
	Issuer string    `json:"issuer,omitempty"`
	Period string    `json:"period,omitempty"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
	ID     string    `json:"id"` // the same for every report of one alarm on one day, so that a receiver can tell repeats
}

func newAlarm(kind, issuer, period, text string, now time.Time) Alarm {
	a := Alarm{Kind: kind, Issuer: issuer, Period: period, Text: text, At: now.UTC()}
	a.ID = strings.Join(strings.Fields(kind+" "+issuer+" "+period+" "+now.UTC().Format("20060102")), "-")
	return a
}

// Deadline returns the instant by which a month must be published: the end of
// the latest business day, in the issuer's zone.
func (s Schedule) Deadline(m pipeline.Status) (time.Time, error) {
	_, until, err := s.InvoiceDay(m, s.Latest)
	return until, err
}

// aheadBy is how far the clock of a meter may be ahead before it is told.
const aheadBy = 24 * time.Hour

// Alarms lists what a person must hear of now. It reads nothing but its
// arguments.
func Alarms(s Schedule, st State, now time.Time) []Alarm {
	var list []Alarm
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			if m.Used && m.Start.After(now.Add(aheadBy)) {
				list = append(list, newAlarm(UsageAhead, m.Issuer, m.Period, fmt.Sprintf("issuer %s has usage of %s, which has not begun; see whether the clock of a meter is wrong", m.Issuer, m.Period), now))
			}
			if now.Before(m.End) || !m.Used && !sealed(m) && !begun(issuer, m) {
				continue
			}
			list = append(list, s.alarmsOf(m, now)...)
		}
	}
	return list
}

func (s Schedule) alarmsOf(m pipeline.Status, now time.Time) []Alarm {
	var list []Alarm
	raise := func(kind, format string, args ...any) {
		list = append(list, newAlarm(kind, m.Issuer, m.Period, fmt.Sprintf(format, args...), now))
	}
	if len(m.Waits) > 0 && !sealed(m) && !now.Before(m.CloseFrom) {
		raise(CloseBlocked, "period %s of issuer %s waits for a person: %s", m.Period, m.Issuer, strings.Join(m.Waits, "; "))
	}
	deadline, err := s.Deadline(m)
	switch {
	case err != nil:
		if !m.Published {
			raise(NoCalendar, "period %s of issuer %s: %v", m.Period, m.Issuer, err)
		}
	case s.missed(m, deadline, now):
		raise(DeadlineMissed, "period %s of issuer %s was to be published before %s", m.Period, m.Issuer, deadline.Format(time.RFC3339))
	case !m.Published && !now.Before(deadline.Add(-s.Risk)):
		raise(DeadlineAtRisk, "period %s of issuer %s must be published before %s and is %s", m.Period, m.Issuer, deadline.Format(time.RFC3339), m.State)
	}
	return list
}

// missed tells whether a month is late, or was published late and the log does
// not say so yet.
func (s Schedule) missed(m pipeline.Status, deadline, now time.Time) bool {
	if m.Published {
		return !m.Missed && !m.PublishedAt.Before(deadline)
	}
	return !now.Before(deadline)
}
