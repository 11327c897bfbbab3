package bill

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryPair spells the whole table out: a pair that is not among these
// must be refused, and leave the state as it was.
func TestEveryPair(t *testing.T) {
	allowed := map[State]map[Event]State{
		Open:     {EndPassed: Closing},
		Closing:  {Close: Closed},
		Closed:   {Issue: Invoiced},
		Invoiced: {Publish: Invoiced},
	}
	states := []State{Open, Closing, Closed, Invoiced, "", "void"}
	events := []Event{EndPassed, Close, Issue, Publish, "", "REOPEN"}
	for _, from := range states {
		for _, on := range events {
			got, err := Next(from, on)
			want, ok := allowed[from][on]
			if ok && (err != nil || got != want) {
				t.Errorf("%s on %s: %s, %v; want %s", from, on, got, err, want)
			}
			if !ok && (err == nil || got != from) {
				t.Errorf("%q on %q: %q, %v; want it refused", from, on, got, err)
			}
		}
	}
}

func TestRefusalNamesWhatIsMissing(t *testing.T) {
	tests := []struct {
		from State
		on   Event
		want string
	}{
		{Open, Close, "CLOSE needs a period that is closing, this one is open"},
		{Closing, Issue, "ISSUE needs a period that is closed, this one is closing"},
		{Closed, Publish, "PUBLISH needs a period that is invoiced, this one is closed"},
		{Invoiced, Close, "CLOSE needs a period that is closing, this one is invoiced"},
		{Open, "REOPEN", "REOPEN is no event of a period"},
	}
	for _, test := range tests {
		if _, err := Next(test.from, test.on); err == nil || err.Error() != test.want {
			t.Errorf("%s on %s: error %v, want %q", test.from, test.on, err, test.want)
		}
	}
}

// TestTable holds what the pipeline relies on: one outcome for each pair, no
// way back, and a way from open to invoiced.
func TestTable(t *testing.T) {
	states := States()
	if want := []State{Open, Closing, Closed, Invoiced}; !slices.Equal(states, want) {
		t.Fatalf("states %v, want %v", states, want)
	}
	type pair struct {
		from State
		on   Event
	}
	seen := map[pair]bool{}
	for _, row := range Transitions() {
		if p := (pair{row.From, row.On}); seen[p] {
			t.Errorf("%s on %s stands twice", row.From, row.On)
		} else {
			seen[p] = true
		}
		if slices.Index(states, row.To) < slices.Index(states, row.From) {
			t.Errorf("%s on %s goes back to %s", row.From, row.On, row.To)
		}
	}
	at := Open
	for _, on := range []Event{EndPassed, Close, Issue, Publish, Publish} {
		var err error
		if at, err = Next(at, on); err != nil {
			t.Fatal(err)
		}
	}
	if at != Invoiced {
		t.Errorf("the story of a period ends %s", at)
	}
}

func TestTransitionsIsACopy(t *testing.T) {
	Transitions()[0].To = Invoiced
	if got, _ := Next(Open, EndPassed); got != Closing {
		t.Errorf("a caller changed the table: open goes to %s", got)
	}
}

func TestDrawing(t *testing.T) {
	got := Drawing()
	const want = `
┌──────────┐
│ open     │
└──────────┘
     │ end passed
     ▼ closing
┌──────────┐
│ closing  │
└──────────┘
     │ CLOSE
     ▼ closed
┌──────────┐
│ closed   │
└──────────┘
     │ ISSUE
     ▼ invoiced
┌──────────┐
│ invoiced │ ◄─ PUBLISH
└──────────┘
`
	if got != strings.TrimPrefix(want, "\n") {
		t.Errorf("drawing\n%s\nwant\n%s", got, want)
	}
}
