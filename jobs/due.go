package jobs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/jobs/calendar"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/bill"
)

// The jobs.
const (
	Ingest  = "ingest"  // take in what the sources have
	Close   = "close"   // seal a month
	Issue   = "issue"   // number the invoices of a sealed month
	Publish = "publish" // put invoices and final reports where people look
	Report  = "report"  // bring the reports of a month up to date
	Collect = "collect" // delete what no record names
)

// Schedule says when jobs are due.
type Schedule struct {
	Ingest, Report, Collect Cadence

	BusinessDay int           // of the month after: from its beginning on, invoices are issued and published
	Latest      int           // business day by whose end they must be
	Risk        time.Duration // before that, when an unpublished month is an alarm

	Calendars map[string]*calendar.Calendar // of the issuers, by id
}

// State is what the logs say.
type State struct {
	Issuers []Issuer        // in the order of the organization file
	Done    map[string]bool // keys of store.JobDone that exist, of the newest instants
}

// Issuer is one issuer's months, oldest first and without a gap from the first
// that has usage to the current one.
type Issuer struct {
	ID     string
	Months []pipeline.Status
}

// Task is one job to be done.
type Task struct {
	Job    string    `json:"job"`
	Issuer string    `json:"issuer,omitempty"` // blank where the job is for all
	Period string    `json:"period,omitempty"`
	Due    time.Time `json:"due"` // since when
}

// String names the task for people.
func (t Task) String() string {
	return strings.Join(strings.Fields(t.Job+" "+t.Issuer+" "+t.Period), " ")
}

// What is the subject of the task as its run records name it: the month for
// what is done once, the instant for what comes again.
func (t Task) What() string {
	month := strings.Trim(t.Issuer+"-"+t.Period, "-")
	switch t.Job {
	case Close, Issue, Publish:
		return month
	}
	return strings.Trim(month+"-"+t.Due.UTC().Format("20060102T150405Z"), "-")
}

func (t Task) doneKey() string { return store.JobDone(t.Job, t.What()) }

// Due lists what is due, in the order in which it is to be done: usage first,
// then closes, the oldest month first, then invoices, reports and the collector.
// A task may rest on one before it. It reads nothing but its arguments, so a
// run that was missed is found again however long ago it was, and a second start
// finds nothing.
func Due(s Schedule, st State, now time.Time) []Task {
	var list []Task
	if t := (Task{Job: Ingest, Due: s.Ingest.Newest(now)}); !t.Due.IsZero() && !st.Done[t.doneKey()] {
		list = append(list, t)
	}
	closes := dueCloses(st, now)
	list = append(list, closes...)
	list = append(list, s.dueInvoices(st, closes, now)...)
	list = append(list, s.dueReports(st, closes, now)...)
	if t := (Task{Job: Collect, Due: s.Collect.Newest(now)}); !t.Due.IsZero() && !st.Done[t.doneKey()] {
		list = append(list, t)
	}
	return list
}

// dueCloses lists the months to be sealed. Closes of an issuer run in order, so
// the first that cannot be closed holds up the later ones. One that waits for a
// person is not tried again and again.
func dueCloses(st State, now time.Time) []Task {
	var list []Task
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			if sealed(m) || !m.Used && !begun(issuer, m) {
				continue
			}
			if now.Before(m.CloseFrom) || now.Before(m.End) || len(m.Silent) > 0 || len(m.Waits) > 0 {
				break
			}
			list = append(list, Task{Close, issuer.ID, m.Period, m.CloseFrom})
		}
	}
	oldestFirst(list)
	return list
}

// begun tells whether an issuer has usage or a close before a month: from then
// on empty months are closed too, since closes run in order.
func begun(issuer Issuer, m pipeline.Status) bool {
	return slices.ContainsFunc(issuer.Months, func(o pipeline.Status) bool { return o.Period < m.Period && (o.Used || sealed(o)) })
}

func sealed(m pipeline.Status) bool { return m.State == bill.Closed || m.State == bill.Invoiced }

// oldestFirst orders tasks by month; where months are equal the order of the
// issuers stays.
func oldestFirst(list []Task) {
	slices.SortStableFunc(list, func(a, b Task) int { return cmp.Compare(a.Period, b.Period) })
}

func (s Schedule) dueInvoices(st State, closes []Task, now time.Time) []Task {
	var list []Task
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			if m.Published || !sealed(m) && !holds(closes, issuer.ID, m.Period) {
				continue
			}
			from, _, err := s.InvoiceDay(m, s.BusinessDay)
			if err != nil || now.Before(from) {
				continue
			}
			if m.State != bill.Invoiced {
				list = append(list, Task{Issue, issuer.ID, m.Period, from})
			}
			list = append(list, Task{Publish, issuer.ID, m.Period, from})
		}
	}
	oldestFirst(list)
	return list
}

// InvoiceDay returns when the n-th business day after a month begins and ends.
func (s Schedule) InvoiceDay(m pipeline.Status, n int) (from, until time.Time, err error) {
	c := s.Calendars[m.Issuer]
	if c == nil {
		return from, until, fmt.Errorf("issuer %s has no calendar", m.Issuer)
	}
	return c.After(m.PeriodOf(), n)
}

func holds(list []Task, issuer, period string) bool {
	return slices.ContainsFunc(list, func(t Task) bool { return t.Issuer == issuer && t.Period == period })
}

// dueReports lists the open months with usage, and of the sealed ones those
// whose copies may still lack something: the unpublished and the newest
// published.
func (s Schedule) dueReports(st State, closes []Task, now time.Time) []Task {
	at := s.Report.Newest(now)
	if at.IsZero() {
		return nil
	}
	var list []Task
	for _, issuer := range st.Issuers {
		newest := ""
		for _, m := range issuer.Months {
			if m.Published {
				newest = m.Period
			}
		}
		for _, m := range issuer.Months {
			t := Task{Report, issuer.ID, m.Period, at}
			wanted := !sealed(m) && m.Used || sealed(m) && !m.Published || m.Period == newest
			if wanted && !st.Done[t.doneKey()] && !holds(closes, issuer.ID, m.Period) {
				list = append(list, t)
			}
		}
	}
	oldestFirst(list)
	return list
}

// Upcoming lists what will be due after now, the soonest first: each job that
// comes again once, and the next step of each month.
func Upcoming(s Schedule, st State, now time.Time) []Task {
	var list []Task
	for job, c := range map[string]Cadence{Ingest: s.Ingest, Report: s.Report, Collect: s.Collect} {
		if at := c.Next(now); !at.IsZero() {
			list = append(list, Task{Job: job, Due: at})
		}
	}
	for _, issuer := range st.Issuers {
		for _, m := range issuer.Months {
			if !sealed(m) && m.CloseFrom.After(now) && (m.Used || begun(issuer, m)) {
				list = append(list, Task{Close, issuer.ID, m.Period, m.CloseFrom})
			}
			from, _, err := s.InvoiceDay(m, s.BusinessDay)
			if err == nil && !m.Published && from.After(now) && (m.Used || begun(issuer, m)) {
				list = append(list, Task{Publish, issuer.ID, m.Period, from})
			}
		}
	}
	slices.SortFunc(list, func(a, b Task) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Period, b.Period), cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Job, b.Job))
	})
	return list
}
