package schema

import (
	"fmt"
	"strings"
)

// Problem is one fault in data that a person gave us: where it is, what was
// read, why it cannot be taken, and what to do next.
type Problem struct {
	File   string `json:"file"`
	Line   int64  `json:"line,omitzero"`   // 1-based physical line or Parquet row; 0 when the whole file is meant
	Column int    `json:"column,omitzero"` // 1-based field number, or byte column in JSON and YAML; 0 when unknown
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"` // as read, shortened to MaxProblemValue bytes
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// MaxProblemValue is how many bytes of a faulty value a Problem keeps.
const MaxProblemValue = 80

// Error renders the problem on one line: file:line:column: field "value": reason (hint).
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + " ")
		if p.Value != "" {
			fmt.Fprintf(&b, "%q ", Shorten(p.Value))
		}
	}
	b.WriteString(strings.TrimSpace(p.Reason))
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Shorten cuts a value to MaxProblemValue bytes, so that a 10 MB field does not
// end up in a message.
func Shorten(value string) string {
	if len(value) <= MaxProblemValue {
		return value
	}
	return strings.ToValidUTF8(value[:MaxProblemValue], "") + "..."
}

// Problems is a list of faults that is an error when it is not empty.
type Problems []Problem

// Error renders every problem on a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error, or nil when it is empty.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
