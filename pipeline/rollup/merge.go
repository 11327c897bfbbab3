package rollup

import (
	"fmt"
	"io"
	"time"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// batchLines is how many lines Merge hands over at a time.
const batchLines = 8192

// Merge reads the runs of a lane back, ranks their codes, and hands the summed
// lines to emit in the canonical order. The batch is valid during the call only.
// A sum beyond the limits of money, or a run that is not sorted, is an error.
func (s *Spill) Merge(file io.ReaderAt, lane int32, ranking batch.Ranking, emit func(*batch.Lines) error) error {
	tournament, err := newTournament(file, rowBytes, s.lanes[lane], &ranking)
	if err != nil || tournament == nil {
		return err
	}
	lines := &batch.Lines{}
	for c := tournament.winner(); c != nil; c = tournament.winner() {
		if err := addRow(lines, c, emit); err != nil {
			return err
		}
		if err := tournament.replay(); err != nil {
			return err
		}
	}
	return emit(lines)
}

func addRow(l *batch.Lines, c *cursor, emit func(*batch.Lines) error) error {
	last := len(l.Key) - 1
	if last >= 0 && l.Key[last] == c.key {
		return sumRow(l, last, c)
	}
	if last >= 0 && c.key.Compare(l.Key[last]) < 0 {
		return fmt.Errorf("a batch of usage is not in the canonical order: its object was changed; run verify")
	}
	if len(l.Key) == batchLines {
		if err := emit(l); err != nil {
			return err
		}
		l.Reset()
	}
	l.Key = append(l.Key, c.key)
	l.Amount = append(l.Amount, c.amount())
	l.Cost = append(l.Cost, c.cost())
	l.Records = append(l.Records, 1)
	return nil
}

func sumRow(l *batch.Lines, i int, c *cursor) error {
	amount, err := money.Add(l.Amount[i], c.amount())
	if err != nil {
		return fmt.Errorf("sum of usage of one line in the hour %s: %w", c.key.Hour().Time().Format(time.RFC3339), err)
	}
	cost, err := money.Add(l.Cost[i], c.cost())
	if err != nil {
		return fmt.Errorf("sum of cost of one line in the hour %s: %w", c.key.Hour().Time().Format(time.RFC3339), err)
	}
	l.Amount[i], l.Cost[i] = amount, cost
	l.Records[i]++
	return nil
}

// tournament is a loser tree over cursors: the smallest key wins, ties go to
// the lower run, so the order does not depend on timing.
type tournament struct {
	cursors []*cursor // nil when its run is used up
	losers  []int     // inner nodes; losers[0] is the winner
}

func newTournament(file io.ReaderAt, size int, runs []run, ranking *batch.Ranking) (*tournament, error) {
	if len(runs) == 0 {
		return nil, nil
	}
	t := &tournament{losers: make([]int, len(runs))}
	for _, r := range runs {
		c, err := newCursor(file, size, r, ranking)
		if err != nil {
			return nil, err
		}
		t.cursors = append(t.cursors, c)
	}
	t.losers[0] = t.build(1)
	return t, nil
}

// build plays the matches below a node and returns the winner. Leaves are the
// nodes from len(cursors) on.
func (t *tournament) build(node int) int {
	n := len(t.cursors)
	if node >= n {
		return node - n
	}
	a, b := t.build(2*node), t.build(2*node+1)
	if t.beats(b, a) {
		a, b = b, a
	}
	t.losers[node] = b
	return a
}

func (t *tournament) beats(a, b int) bool {
	ca, cb := t.cursors[a], t.cursors[b]
	if ca == nil || cb == nil {
		return cb == nil && ca != nil
	}
	if c := ca.key.Compare(cb.key); c != 0 {
		return c < 0
	}
	return a < b
}

func (t *tournament) winner() *cursor { return t.cursors[t.losers[0]] }

// replay advances the winner and plays its matches again.
func (t *tournament) replay() error {
	w := t.losers[0]
	more, err := t.cursors[w].advance()
	if err != nil {
		return err
	}
	if !more {
		t.cursors[w] = nil
	}
	for node := (w + len(t.cursors)) / 2; node > 0; node /= 2 {
		if t.beats(t.losers[node], w) {
			t.losers[node], w = w, t.losers[node]
		}
	}
	t.losers[0] = w
	return nil
}
