package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/jobs"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// The exit codes are a contract with schedulers and scripts.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitData    = 3
	exitBlocked = 4
	exitNotDue  = 5
	exitStore   = 6
	exitStopped = 7
	exitAlarm   = 8
	exitDamaged = 9
)

const exitCodeHelp = `Exit codes:
  0  done, or nothing was left to do
  1  failed
  2  wrong command line or configuration
  3  some data was refused or set aside; the rest was taken
  4  blocked: a person must decide (see "monthend pending list")
  5  not due yet
  6  the store did not answer or refused; run the same command again
  7  stopped by a signal; run the same command again
  8  done, and an alarm stands: a publish deadline is near or was missed
  9  verify found damage`

// usageError is a mistake on the command line or in a configuration file.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errData says that data was refused; what and why is printed already.
var errData = errors.New("some data was not taken")

// report prints an error and returns the exit code for it.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "monthend: " + line
		}
		p.say("%s", line)
	}
	var usage usageError
	var problems schema.Problems
	switch {
	case errors.Is(err, errDamaged):
		return exitDamaged
	case errors.Is(err, errData):
		return exitData
	case errors.As(err, &usage), errors.As(err, &problems):
		return exitUsage
	case errors.Is(err, pipeline.ErrBlocked):
		return exitBlocked
	case errors.Is(err, pipeline.ErrNotDue):
		return exitNotDue
	case errors.Is(err, context.Canceled):
		return exitStopped
	case errors.Is(err, jobs.ErrAlarm):
		return exitAlarm
	case errors.Is(err, store.ErrUnsettled), errors.Is(err, store.ErrDenied), errors.Is(err, store.ErrGone):
		return exitStore
	case strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "required flag"),
		strings.Contains(err.Error(), "arg(s)"): // cobra has no kinds of error
		return exitUsage
	}
	return exitFailed
}

// say prints a line for people, on stderr. Control characters in data must not
// reach the terminal.
func (p *program) say(format string, args ...any) {
	fmt.Fprintln(p.stderr, printable(fmt.Sprintf(format, args...)))
}

// result prints a line of the result, on stdout.
func (p *program) result(format string, args ...any) {
	fmt.Fprintln(p.stdout, printable(fmt.Sprintf(format, args...)))
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\ufffd'
		}
		return r
	}, s)
}

// resultJSON prints the result for scripts.
func (p *program) resultJSON(v any) error {
	data, err := json.Marshal(v, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return fmt.Errorf("print as JSON: %v", err)
	}
	p.result("%s", data)
	return nil
}

// table prints rows in columns on stdout.
func (p *program) table(header string, rows [][]string) {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, printable(strings.Join(r, "\t")))
	}
	w.Flush()
}

// problems prints faults on stderr, one a line, up to a limit.
func (p *program) problems(list schema.Problems) {
	const most = 20
	for i, problem := range list {
		if i == most {
			p.say("  ... and %d more", len(list)-most)
			return
		}
		p.say("  %s", problem.Error())
	}
}

// several renders a number and its noun, in the plural unless it is one.
func several(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(int64(n)) + " " + noun
}

// count renders a number with thousands separators.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
