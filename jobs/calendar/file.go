package calendar

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema"
)

//go:embed KR.txt
var korea string

// File is a dated file of public holidays: lines of a date and a name, remarks
// after #, and one line such as "years 2024-2027" that says for which years it
// is whole.
type File struct {
	Name string // of the calendar
	Text string
}

// MaxFileBytes bounds a dated file.
const MaxFileBytes = 1 << 20

// shipped are the dated files of countries that the library lacks.
func shipped() []File { return []File{{"KR", korea}} }

// into reads the file into a calendar.
func (f File) into(c *Calendar) error {
	if len(f.Text) > MaxFileBytes {
		return fmt.Errorf("calendar %s is larger than %d bytes", f.Name, MaxFileBytes)
	}
	c.days = map[schema.Date]bool{}
	for i, line := range strings.Split(f.Text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := f.line(c, line); err != nil {
			return fmt.Errorf("calendar %s: line %d: %w", f.Name, i+1, err)
		}
	}
	if c.years[0] == 0 {
		return fmt.Errorf("calendar %s: no line says for which years it is whole; write one such as: years 2026-2027", f.Name)
	}
	return nil
}

func (f File) line(c *Calendar, line string) error {
	if span, ok := strings.CutPrefix(line, "years "); ok {
		first, last, _ := strings.Cut(strings.TrimSpace(span), "-")
		from, err1 := schema.ParseDate(first + "-01-01")
		to, err2 := schema.ParseDate(last + "-01-01")
		if err1 != nil || err2 != nil || to.Year < from.Year || c.years[0] != 0 {
			return fmt.Errorf("%q does not say the years, or says them twice; write one line such as: years 2026-2027", schema.Shorten(line))
		}
		c.years = [2]int{from.Year, to.Year}
		return nil
	}
	date, _, _ := strings.Cut(line, " ")
	d, err := schema.ParseDate(date)
	if err != nil {
		return err
	}
	if c.years[0] == 0 || d.Year < c.years[0] || d.Year > c.years[1] {
		return fmt.Errorf("%s lies outside the years of the file; widen the years line, which stands before the dates", d)
	}
	c.days[d] = true
	return nil
}
