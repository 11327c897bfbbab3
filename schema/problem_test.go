package schema_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/monthend/monthend/schema"
)

func TestProblemSaysWhereWhatAndWhatNext(t *testing.T) {
	for _, c := range []struct {
		problem schema.Problem
		want    string
	}{
		{schema.Problem{File: "u.csv", Line: 7, Column: 3, Field: "usage_amount", Value: "1,5", Reason: "is not a number", Hint: "write 1.5"},
			`u.csv:7:3: usage_amount "1,5" is not a number (write 1.5)`},
		{schema.Problem{File: "u.csv", Line: 7, Field: "unit", Reason: "is blank"}, "u.csv:7: unit is blank"},
		{schema.Problem{File: "u.parquet", Column: 3, Reason: "is damaged"}, "u.parquet: is damaged"},
		{schema.Problem{File: "u.csv", Line: 1, Field: "tags", Value: "a\nb", Reason: "is bad"}, `u.csv:1: tags "a\nb" is bad`},
	} {
		if got := c.problem.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestProblemsAreAnErrorWhenThereAreAny(t *testing.T) {
	var none schema.Problems
	if err := none.Err(); err != nil {
		t.Errorf("no problem is the error %v", err)
	}
	two := schema.Problems{{File: "a", Reason: "x"}, {File: "b", Reason: "y"}}
	err := two.Err()
	var back schema.Problems
	if err == nil || err.Error() != "a: x\nb: y" || !errors.As(err, &back) || len(back) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestShortenCutsAtWholeCharacters(t *testing.T) {
	for _, value := range []string{"", "short", strings.Repeat("x", schema.MaxProblemValue)} {
		if got := schema.Shorten(value); got != value {
			t.Errorf("%q was cut to %q", value, got)
		}
	}
	for pad := range 4 {
		got := schema.Shorten(strings.Repeat("x", pad) + strings.Repeat("語", 1000))
		if !utf8.ValidString(got) || !strings.HasSuffix(got, "語...") || len(got) > schema.MaxProblemValue+3 {
			t.Errorf("cut to %q", got)
		}
	}
}
