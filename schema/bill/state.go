package bill

import "fmt"

// State is where a billing period stands.
type State string

// The four states of a period.
const (
	Open     State = "open"     // usage may still start in it
	Closing  State = "closing"  // its end has passed, no CLOSE yet
	Closed   State = "closed"   // CLOSE is in the log
	Invoiced State = "invoiced" // ISSUE is in the log; published or about to be
)

// Event moves a period from one state to the next.
type Event string

// The events of a period.
const (
	EndPassed Event = "end passed"
	Close     Event = "CLOSE"
	Issue     Event = "ISSUE"
	Publish   Event = "PUBLISH"
)

// Transition is one row of the state table.
type Transition struct {
	From State
	On   Event
	To   State
}

// Transitions returns the whole state table. What is not in it cannot happen.
func Transitions() []Transition {
	return []Transition{
		{Open, EndPassed, Closing},
		{Closing, Close, Closed},
		{Closed, Issue, Invoiced},
		{Invoiced, Publish, Invoiced},
	}
}

// Next returns the state after an event, or an error that names what is
// missing before the event can happen.
func Next(from State, on Event) (State, error) {
	for _, t := range Transitions() {
		if t.From == from && t.On == on {
			return t.To, nil
		}
	}
	for _, t := range Transitions() {
		if t.On == on {
			return from, fmt.Errorf("%s needs a period that is %s, this one is %s", on, t.From, from)
		}
	}
	return from, fmt.Errorf("%s is no event of a period", on)
}
