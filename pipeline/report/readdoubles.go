package report

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema/money"
)

// readDoubles adds a column to a running hash of cells and to an exact sum.
func readDoubles(f *parquet.File, name string, nullable bool, cells *uint64, total *adder) error {
	leaf, ok := f.Schema().Lookup(name)
	if !ok {
		return fmt.Errorf("%w: not in the file", ErrDisagrees)
	}
	r := &doubles{values: make([]parquet.Value, 4096), nullable: nullable, cells: cells, total: total}
	for _, group := range f.RowGroups() {
		err := eachPage(group.ColumnChunks()[leaf.ColumnIndex], r.page)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrDisagrees, err)
		}
	}
	return total.flush()
}

// doubles reads a column page by page.
type doubles struct {
	values   []parquet.Value
	nullable bool
	row      int64
	cells    *uint64
	total    *adder
}

func (d *doubles) page(page parquet.Page) error {
	if d.nullable && page.NumNulls() == page.NumRows() {
		d.row += page.NumRows()
		return nil
	}
	add := d.addAll
	if d.nullable {
		add = d.addSome
	}
	reader := page.Values()
	for {
		n, err := reader.ReadValues(d.values)
		if err := add(d.values[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *doubles) addAll(values []parquet.Value) error {
	for _, v := range values {
		if v.IsNull() {
			return errors.New("an amount is null")
		}
		cell, decimal := doubleCell(v.Double())
		*d.cells = mix(*d.cells, cell)
		if err := d.total.addCell(cell, decimal); err != nil {
			return err
		}
	}
	return nil
}

func (d *doubles) addSome(values []parquet.Value) error {
	for _, v := range values {
		row := d.row
		d.row++
		if v.IsNull() {
			continue
		}
		cell, decimal := doubleCell(v.Double())
		*d.cells = mixRow(*d.cells, row, cell)
		if err := d.total.addCell(cell, decimal); err != nil {
			return err
		}
	}
	return nil
}

// adder sums costs in batches.
type adder struct {
	sum   *money.Cost // nil: nothing is summed
	batch []money.Cost
	lossy bool // a double did not tell its decimal and was left out
}

func (a *adder) addCell(cell uint64, decimal bool) error {
	if a.sum == nil {
		return nil
	}
	if !decimal {
		a.lossy = true
		return nil
	}
	return a.add(money.Cost{Lo: cell, Hi: int64(cell) >> 63})
}

func (a *adder) add(c money.Cost) error {
	a.batch = append(a.batch, c)
	if len(a.batch) < 4096 {
		return nil
	}
	return a.flush()
}

func (a *adder) flush() error {
	if a.sum == nil {
		return nil
	}
	err := money.Sum(a.sum, a.batch)
	a.batch = a.batch[:0]
	return err
}
