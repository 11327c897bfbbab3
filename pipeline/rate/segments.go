package rate

import (
	"slices"
	"sort"

	"github.com/monthend/monthend/schema"
)

// segments cut a month where offers begin or end: the same ones hold throughout
// a segment.
type segments struct {
	first  schema.Hour
	starts []int64 // first second of each segment; the first is the month's
	at     []int   // by hour of the month
}

// segmentsAt cuts the month at those of the dates that lie inside it.
func (p *Plan) segmentsAt(dates []schema.Date) segments {
	begin, end := p.in.Period.Start, p.in.Period.End
	s := segments{first: p.first, starts: []int64{begin.Unix()}}
	for _, date := range dates {
		if cut := date.In(p.zone); !date.IsZero() && cut.After(begin) && cut.Before(end) {
			s.starts = append(s.starts, cut.Unix())
		}
	}
	slices.Sort(s.starts)
	s.starts = slices.Compact(s.starts)
	for i := range p.hours {
		second := p.in.priceTime(p.first + schema.Hour(i))
		s.at = append(s.at, sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > second })-1)
	}
	return s
}

// of returns the segment of an hour. An hour before the month, of late usage,
// counts in the first.
func (s *segments) of(h schema.Hour) int {
	return s.at[min(max(int(h)-int(s.first), 0), len(s.at)-1)]
}
