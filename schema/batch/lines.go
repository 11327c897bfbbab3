package batch

import "github.com/monthend/monthend/schema/money"

// Lines is a batch of usage summed into lines, in the canonical order, before
// it is rated. All slices have the same length.
type Lines struct {
	Key     []Key
	Amount  []money.Usage // exact sum of the line's records
	Cost    []money.Cost  // exact sum of the costs that came with them
	Records []int64       // how many records the line sums
}

// Len returns the number of lines.
func (l *Lines) Len() int { return len(l.Key) }

// Reset empties the batch and keeps its memory.
func (l *Lines) Reset() {
	l.Key, l.Amount, l.Cost, l.Records = l.Key[:0], l.Amount[:0], l.Cost[:0], l.Records[:0]
}
