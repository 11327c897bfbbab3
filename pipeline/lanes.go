package pipeline

import (
	"math"
	"slices"
	"time"

	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/schema"
)

// A payer's usage lies in lanes that are rated one by one. A month that is kept
// in segments has a lane for each day in UTC, with the usage whose price does not
// depend on the month, and the lane of the month with all other usage. Any other
// month has the lane of the month alone.

// monthLane is the lane of the month.
const monthLane int32 = math.MinInt32

// dayLane is the lane of an hour's day: the number of days since 1970.
func dayLane(hour schema.Hour) int32 {
	day := int32(hour) / 24
	if int32(hour)%24 < 0 {
		day--
	}
	return day
}

// laneDay is the day of a lane; the lane of the month has none.
func laneDay(lane int32) schema.Date {
	if lane == monthLane {
		return schema.Date{}
	}
	return schema.DateOf(time.Unix(int64(lane)*86400, 0).UTC())
}

// heldRows is how many rows lanes hold before they go to the spill files: enough
// for a run of some rows in each lane.
const heldRows = 1 << 17

// lanes tells rows of one batch apart by payer and lane. A run of a spill file is
// of one lane, so rows are held until there are enough of them.
type lanes struct {
	rows  []rollup.Row
	of    []int32 // by row: index into known
	known []payerLane
	index map[payerLane]int32
}

type payerLane struct{ payer, lane int32 }

func newLanes() *lanes { return &lanes{index: map[payerLane]int32{}} }

// add takes a row in and tells whether the lanes are full.
func (l *lanes) add(payer, lane int32, row rollup.Row) (full bool) {
	key := payerLane{payer, lane}
	at, known := l.index[key]
	if !known {
		at = int32(len(l.known))
		l.known = append(l.known, key)
		l.index[key] = at
	}
	l.rows, l.of = append(l.rows, row), append(l.of, at)
	return len(l.rows) >= heldRows
}

// empty appends the rows to the spill files of their payers, a run for each lane.
// Inside a lane rows keep their order, which is that of a batch.
func (l *lanes) empty(spills map[int32]*spillFile) error {
	order := make([]int32, len(l.rows))
	ends := make([]int32, len(l.known)+1)
	for _, at := range l.of {
		ends[at+1]++
	}
	for i := range l.known {
		ends[i+1] += ends[i]
	}
	next := slices.Clone(ends)
	for row, at := range l.of {
		order[next[at]] = int32(row)
		next[at]++
	}
	for at, key := range l.known {
		runs := spills[key.payer].runs
		for _, row := range order[ends[at]:ends[at+1]] {
			if err := runs.Append(l.rows[row]); err != nil {
				return err
			}
		}
		if err := runs.EndRun(key.lane); err != nil {
			return err
		}
	}
	l.rows, l.of = l.rows[:0], l.of[:0]
	return nil
}
