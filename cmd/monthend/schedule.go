package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/jobs"
	"github.com/monthend/monthend/jobs/calendar"
	"github.com/monthend/monthend/schema"
)

// loadSchedule makes the schedule and the calendar of each issuer. A calendar
// that is not known keeps the program from starting: a guess would move
// deadlines.
func (s *session) loadSchedule(configFile string) schema.Problems {
	var problems schema.Problems
	c := s.config
	s.schedule = jobs.Schedule{BusinessDay: c.Publish.BusinessDay, Latest: c.Publish.Latest, Risk: c.Publish.Risk, Calendars: map[string]*calendar.Calendar{}}
	for _, cadence := range []struct {
		key, text string
		to        *jobs.Cadence
	}{
		{"schedule.ingest", c.Schedule.Ingest, &s.schedule.Ingest},
		{"schedule.report", c.Schedule.Report, &s.schedule.Report},
		{"schedule.collect", c.Schedule.Collect, &s.schedule.Collect},
	} {
		var err error
		if *cadence.to, err = jobs.ParseCadence(cadence.text); err != nil {
			reason, hint, _ := strings.Cut(err.Error(), "; ")
			problems = append(problems, schema.Problem{File: configFile, Field: cadence.key, Value: schema.Shorten(cadence.text), Reason: reason, Hint: hint})
		}
	}
	if !slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.Path != "" }) {
		s.schedule.Ingest = jobs.Cadence{} // every source is named on the command line
	}
	files, faults := calendarFiles(c.Calendars)
	return append(append(problems, faults...), s.loadCalendars(files)...)
}

func (s *session) loadCalendars(files []calendar.File) schema.Problems {
	var problems schema.Problems
	for _, issuer := range s.Organization.Issuers {
		zone, err := issuer.Location()
		if err != nil {
			continue // a fault of the organization file, which names it
		}
		cal, err := calendar.New(issuer.Calendar, issuer.Weekend, zone, files...)
		if err != nil {
			reason, hint, _ := strings.Cut(err.Error(), "; ")
			problems = append(problems, schema.Problem{File: s.config.Organization, Field: "issuers.calendar", Value: issuer.Calendar,
				Reason: fmt.Sprintf("of issuer %s: %s", issuer.ID, reason), Hint: hint})
			continue
		}
		s.schedule.Calendars[issuer.ID] = cal
	}
	return problems
}

func calendarFiles(paths []string) ([]calendar.File, schema.Problems) {
	var files []calendar.File
	var problems schema.Problems
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.Size() > calendar.MaxFileBytes {
			err = errors.New("is too large for a list of holidays")
		}
		var data []byte
		if err == nil {
			data, err = os.ReadFile(path)
		}
		if err != nil {
			problems = append(problems, schema.Problem{File: path, Reason: "cannot be read: " + reason(err), Hint: "name the file under calendars"})
			continue
		}
		name := filepath.Base(path)
		files = append(files, calendar.File{Name: strings.TrimSuffix(name, filepath.Ext(name)), Text: string(data)})
	}
	return files, problems
}
