package report

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Check is what a written file must agree on with the charges it was made
// from: the number of rows, exact totals, and a hash over every cell of the
// amount columns in their order. Two checks compare with ==.
type Check struct {
	Rows      int64
	List      money.Cost
	Unblended money.Cost
	Blended   money.Cost
	Net       money.Cost // of the rows that have a cell of it
	Cells     [5]uint64  // usage, list, unblended, blended; net, by its cells and their rows
}

// CheckOf returns the check of charges, with their net costs where the report
// shows them. It looks at the amounts themselves, not at what a writer made of
// them.
func CheckOf(c *batch.Charges, net bool) (Check, error) {
	k := Check{Rows: int64(c.Len())}
	for _, u := range c.Amount {
		k.Cells[0] = mix(k.Cells[0], usageCell(u))
	}
	for i, column := range [][]money.Cost{c.List, c.Unblended, c.Blended} {
		h := uint64(0)
		for _, v := range column {
			h = mix(h, costCell(v))
		}
		k.Cells[i+1] = h
	}
	for _, s := range []struct {
		name string
		sum  *money.Cost
		list []money.Cost
	}{{"list", &k.List, c.List}, {"unblended", &k.Unblended, c.Unblended}, {"blended", &k.Blended, c.Blended}} {
		if err := money.Sum(s.sum, s.list); err != nil {
			return k, fmt.Errorf("total of %s costs: %w", s.name, err)
		}
	}
	if !net {
		return k, nil
	}
	return k, k.addNet(c)
}

// addNet adds the net costs.
func (k *Check) addNet(c *batch.Charges) error {
	for i, v := range c.Net {
		k.Cells[netCells] = mixRow(k.Cells[netCells], int64(i), costCell(v))
	}
	if err := money.Sum(&k.Net, c.Net); err != nil {
		return fmt.Errorf("total of net costs: %w", err)
	}
	return nil
}

// mixRow adds a cell of a column that not all rows have. The row is that of the
// file, counted from 0.
func mixRow(h uint64, row int64, cell uint64) uint64 { return mix(mix(h, uint64(row)), cell) }

// mix adds a cell to a running hash that depends on the order.
func mix(h, cell uint64) uint64 {
	return bits.RotateLeft64(h^cell, 29) * 0x9e3779b97f4a7c15
}

// A cell stands for an amount in a way that both the decimal and the double
// nearest to it lead to: the amount in units of 10^-10 where that is whole and
// small enough for a double to carry all its digits, else the bits of the
// double. So a column of doubles can be checked against decimals cell by cell,
// and its decimals can be summed exactly.

const (
	cellScale = 1e10
	cellLimit = 1 << 50
)

// doubleCell returns the cell of a double, and whether it is a decimal.
func doubleCell(x float64) (cell uint64, decimal bool) {
	scaled := math.RoundToEven(x * cellScale)
	if scaled > -cellLimit && scaled < cellLimit && scaled/cellScale == x {
		return uint64(int64(scaled)), true
	}
	return math.Float64bits(x), false
}

func costCell(c money.Cost) uint64 {
	if c.Hi == int64(c.Lo)>>63 && int64(c.Lo) > -cellLimit && int64(c.Lo) < cellLimit {
		return c.Lo
	}
	cell, _ := doubleCell(c.Float64())
	return cell
}

func usageCell(u money.Usage) uint64 {
	const step = 100_000_000 // from 18 decimals to 10
	if u.Hi == 0 && int64(u.Lo) >= 0 && u.Lo%step == 0 && u.Lo/step < cellLimit {
		return u.Lo / step
	}
	cell, _ := doubleCell(u.Float64())
	return cell
}
