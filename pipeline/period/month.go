package period

import (
	"fmt"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

// Kinds of records in the log of a period, and of a series.
const (
	KindRefresh = "REFRESH"
	KindClose   = "CLOSE"
	KindPublish = "PUBLISH"
	KindIssue   = "ISSUE"
	KindCollect = "GC"
	KindNote    = "NOTE"
)

// Object is an object of the bucket as a record pins it.
type Object struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Charges is one file of a payer's charges. Files of one payer and day follow
// each other in the canonical order; those of several days are merged to be read
// in it.
type Charges struct {
	Object
	Payer     string      `json:"payer"`
	Day       schema.Date `json:"day,omitzero"` // of a segment: the day in UTC of all its charges; else zero
	Rows      int64       `json:"rows"`
	List      money.Cost  `json:"list_cost"`
	Unblended money.Cost  `json:"unblended_cost"`
	Blended   money.Cost  `json:"blended_cost"`
}

// Run is what one computation of a period read and made.
type Run struct {
	ID        string        `json:"run_id"`
	Rules     int           `json:"rules_version"`
	Issuer    string        `json:"issuer"`
	Period    schema.Period `json:"period"`
	UsageSlot int64         `json:"usage_slot"` // last slot of the usage log that it covers, -1 for none
	UsageHash string        `json:"usage_hash"` // of the usage log's record in that slot: pins all before it
	Inputs    []Object      `json:"inputs"`     // price list, offers, organization
	Charges   []Charges     `json:"charges"`    // by payer, day and chunk
	Bills     []BillTotal   `json:"bills"`      // by payer; payers without charges are left out
	Records   Records       `json:"records"`

	// Segmented tells that charges whose price does not depend on the month lie
	// in files of their day, so that the next run can go on from this one. Such
	// files, and bills, may be those of an earlier run, below its run-id.
	Segmented bool `json:"segmented,omitzero"`

	// Balances are what credits and minimum commitments come to, by payer: the
	// next month opens with what closes here.
	Balances []PayerBalances `json:"balances,omitempty"`
}

// PayerBalances are one payer's.
type PayerBalances struct {
	Payer    string         `json:"payer"`
	Balances []bill.Balance `json:"balances"`
}

// Records is where the usage records of the period went:
// Accepted = Charged + Suspense + Waived.
type Records struct {
	Accepted int64 `json:"accepted"`
	Charged  int64 `json:"charged"`
	Suspense int64 `json:"suspense"`
	Waived   int64 `json:"waived"`
	Late     int64 `json:"late"` // of Charged: of earlier periods, charged here as corrections
}

// BillTotal is one payer's total.
type BillTotal struct {
	Payer string     `json:"payer"`
	Rows  int64      `json:"rows"`
	Total money.Cost `json:"total"` // exact
	Bill  Object     `json:"bill"`  // the bill.Bill, as JSON
}

// Refresh is the body of a REFRESH record: a computation of a month that is
// still open.
type Refresh struct {
	Run      Run       `json:"run"`
	Executed time.Time `json:"executed"`
}

// Close is the body of the CLOSE record of a period.
type Close struct {
	Run Run `json:"run"`
}

// Issue is the body of an ISSUE record in the series log: numbers for all
// invoices of one close.
type Issue struct {
	Issuer      string      `json:"issuer"`
	Period      string      `json:"period"`
	Close       string      `json:"close"`  // hash of the CLOSE record
	First       int64       `json:"first"`  // first number of this record
	Payers      []string    `json:"payers"` // sorted; payer i has number First + i
	InvoiceDate schema.Date `json:"invoice_date"`
	Prefix      string      `json:"prefix"` // of these numbers: no later prefix may write one of them again
}

// Publish is the body of the PUBLISH record: what was put where people look.
type Publish struct {
	Issue     string    `json:"issue"` // hash of the ISSUE record
	Invoices  []Invoice `json:"invoices"`
	Documents []Object  `json:"documents"`
	Published time.Time `json:"published"`
}

// Invoice is one published invoice.
type Invoice struct {
	Number string     `json:"invoice_id"`
	Payer  string     `json:"payer"`
	Total  money.Cost `json:"total"`
}

// Collect is the body of a GC record: what nothing names and is about to be
// deleted. Each GC record raises the generation of its log. The generation
// enters the names of what is written afterwards, so a name that was condemned
// is never used again, however late its deletion or a lost write lands.
type Collect struct {
	Runs []string `json:"runs,omitempty"` // of this period, by run-id
	Keys []string `json:"keys,omitempty"` // below usage/, or of runs of which other objects stay
}

// Note is the body of a NOTE record: what a person decided, or what went wrong,
// beside the steps of the month. A subject of one source or of the month is
// noted once.
type Note struct {
	Subject string `json:"subject"` // see the constants below
	Source  string `json:"source,omitempty"`
	Text    string `json:"text"`
	By      string `json:"by,omitempty"`
}

// Subjects of notes.
const (
	NoteWithoutMark    = "without mark"    // the close need not wait for the source
	NoteDeadlineMissed = "deadline missed" // the month was not published in time
)

// Noted tells whether the month has a note on a subject.
func (m *Month) Noted(subject, source string) bool {
	return slices.ContainsFunc(m.Notes, func(n Note) bool { return n.Subject == subject && n.Source == source })
}

// Month is the state that follows from the log of one period.
type Month struct {
	Entries    []Entry
	Generation int64 // number of GC records
	Refresh    *Refresh
	RefreshGen int64 // the generation that Refresh was computed in
	Close      *Close
	CloseAt    Entry
	Publish    *Publish
	Notes      []Note
}

// FoldMonth computes the state of a period's log.
func FoldMonth(entries []Entry) (*Month, error) {
	m := &Month{Entries: entries}
	for _, e := range entries {
		var err error
		switch e.Kind {
		case KindCollect:
			m.Generation++
		case KindRefresh:
			m.Refresh, m.RefreshGen = &Refresh{}, m.Generation
			err = e.Decode(m.Refresh)
		case KindClose:
			if m.Close != nil {
				return nil, fmt.Errorf("the log holds a second CLOSE in slot %d; it was changed by hand", e.Slot)
			}
			m.Close, m.CloseAt = &Close{}, e
			err = e.Decode(m.Close)
		case KindPublish:
			m.Publish = &Publish{}
			err = e.Decode(m.Publish)
		case KindNote:
			var note Note
			err = e.Decode(&note)
			m.Notes = append(m.Notes, note)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// FindIssue looks for the ISSUE record of a period in a series log and returns
// it with the next free number.
func FindIssue(entries []Entry, issuer, period string) (issue *Issue, at Entry, next int64, err error) {
	next = 1
	for _, e := range entries {
		if e.Kind != KindIssue {
			continue
		}
		var body Issue
		if err := e.Decode(&body); err != nil {
			return nil, e, 0, err
		}
		if body.First != next {
			return nil, e, 0, fmt.Errorf("the series has a gap: slot %d begins at %d, expected %d", e.Slot, body.First, next)
		}
		next = body.First + int64(len(body.Payers))
		if body.Issuer == issuer && body.Period == period {
			issue, at = &body, e
		}
	}
	return issue, at, next, nil
}

// State tells where the period stands at an instant.
func (m *Month) State(p schema.Period, issued bool, now time.Time) bill.State {
	state := bill.Open
	for _, step := range []struct {
		on   bill.Event
		seen bool
	}{
		{bill.EndPassed, !now.Before(p.End) || m.Close != nil},
		{bill.Close, m.Close != nil},
		{bill.Issue, issued},
		{bill.Publish, m.Publish != nil},
	} {
		if !step.seen {
			break
		}
		next, err := bill.Next(state, step.on)
		if err != nil {
			break
		}
		state = next
	}
	return state
}
