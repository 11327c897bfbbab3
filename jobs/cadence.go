package jobs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cadence is how often a job is due. Its instants do not depend on when the
// program was started, so every host counts the same ones. The zero Cadence
// has none: the job is never due.
type Cadence struct {
	every time.Duration // multiples of it, counted in UTC
	spec  cron.Schedule // or the instants of a cron expression, in UTC
}

// The limits of a cadence.
const (
	minEvery   = time.Minute
	maxEvery   = 31 * 24 * time.Hour
	maxSpecLen = 200
)

// ParseCadence reads a length of time such as 8h, which means the multiples of
// it since midnight UTC, a cron expression of five fields in UTC, @hourly,
// @daily, @weekly or @monthly, or "never".
func ParseCadence(text string) (Cadence, error) {
	if text == "never" {
		return Cadence{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d < minEvery || d > maxEvery {
			return Cadence{}, fmt.Errorf("is not a length of time from %s to %s", minEvery, maxEvery)
		}
		return Cadence{every: d}, nil
	}
	switch {
	case len(text) > maxSpecLen:
		return Cadence{}, fmt.Errorf("is longer than %d bytes", maxSpecLen)
	case strings.Contains(text, "TZ="):
		return Cadence{}, errors.New("names a time zone; schedules are in UTC, where no hour is missing and none comes twice")
	case strings.HasPrefix(text, "@every"):
		return Cadence{}, errors.New("counts from the start of the program; write the length of time alone, such as 8h")
	}
	spec, err := parseSpec(text)
	if err != nil {
		return Cadence{}, err
	}
	if spec.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cadence{}, errors.New("never comes; no month has that day")
	}
	return Cadence{spec: spec}, nil
}

// parseSpec guards the cron parser, which panics on some texts.
func parseSpec(text string) (spec cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("is no cron expression; write a length of time such as 8h, or five fields such as 30 2 * * *")
		}
	}()
	spec, err = cron.ParseStandard("CRON_TZ=UTC " + text)
	if err != nil {
		return nil, fmt.Errorf("is no cron expression: %v; write a length of time such as 8h, or five fields such as 30 2 * * *", err)
	}
	return spec, nil
}

// IsZero tells whether the job is never due.
func (c Cadence) IsZero() bool { return c.every == 0 && c.spec == nil }

// Newest returns the last instant that is not after now; zero when there is
// none.
func (c Cadence) Newest(now time.Time) time.Time {
	now = now.UTC()
	switch {
	case c.every > 0:
		return now.Truncate(c.every)
	case c.spec == nil:
		return time.Time{}
	}
	const farthest = 5 * 366 * 24 * time.Hour // cron looks no further
	for back := time.Hour; ; back = min(4*back, farthest) {
		at := c.spec.Next(now.Add(-back))
		if !at.IsZero() && !at.After(now) {
			return c.lastFrom(at, now)
		}
		if back == farthest {
			return time.Time{}
		}
	}
}

// lastFrom goes on from an instant to the last that is not after now.
func (c Cadence) lastFrom(at, now time.Time) time.Time {
	for {
		next := c.spec.Next(at)
		if next.IsZero() || next.After(now) {
			return at
		}
		at = next
	}
}

// Next returns the first instant after now; zero when there is none.
func (c Cadence) Next(now time.Time) time.Time {
	now = now.UTC()
	switch {
	case c.every > 0:
		return now.Truncate(c.every).Add(c.every)
	case c.spec == nil:
		return time.Time{}
	}
	return c.spec.Next(now)
}
