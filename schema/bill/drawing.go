package bill

import (
	"fmt"
	"strings"
)

// Drawing renders the state table as text for the documentation: a state in a
// box, and below it an arrow for every event that leaves it. An event that
// leads back to its own state stands beside the box.
func Drawing() string {
	states := States()
	width := 0
	for _, s := range states {
		width = max(width, len(s))
	}
	edge := strings.Repeat("─", width+2)
	var b strings.Builder
	for _, s := range states {
		fmt.Fprintf(&b, "┌%s┐\n│ %-*s │%s\n└%s┘\n", edge, width, s, loops(s), edge)
		for _, t := range Transitions() {
			if t.From == s && t.To != s {
				fmt.Fprintf(&b, "%*s %s\n%*s %s\n", width/2+2, "│", t.On, width/2+2, "▼", t.To)
			}
		}
	}
	return b.String()
}

// loops lists the events after which a state stays what it is.
func loops(s State) string {
	var b strings.Builder
	for _, t := range Transitions() {
		if t.From == s && t.To == s {
			fmt.Fprintf(&b, " ◄─ %s", t.On)
		}
	}
	return b.String()
}

// States returns every state of the table once, in the order a period goes
// through them.
func States() []State {
	var list []State
	seen := map[State]bool{}
	for _, t := range Transitions() {
		for _, s := range []State{t.From, t.To} {
			if !seen[s] {
				seen[s] = true
				list = append(list, s)
			}
		}
	}
	return list
}
