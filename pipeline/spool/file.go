package spool

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"

	"github.com/monthend/monthend/pipeline/pages"
	"github.com/monthend/monthend/schema/money"
)

// RowGroup is the number of rows of a row group: what a reader holds at once.
const RowGroup = 131072

// groups reads the row groups of a file one by one.
type groups struct {
	file *pages.File
	next int // row group
	rows int // of the current one

	chunk pages.Chunk
	join  join
}

func openGroups(r parquet.ReaderAtSeeker) (*groups, error) {
	g := &groups{}
	err := guard(func() (err error) {
		if g.file, err = pages.Open(r); err != nil {
			return fmt.Errorf("open Parquet file: %w", err)
		}
		return nil
	})
	return g, err
}

// read has the columns of the next row group read, and tells whether there was
// one. A damaged file is an error, never a panic.
func (g *groups) read(ctx context.Context, columns func() error) (bool, error) {
	if g.next == g.file.RowGroups() {
		return false, nil
	}
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	err := guard(func() error {
		if g.rows = g.file.Rows(g.next); g.rows < 1 || g.rows > RowGroup {
			return fmt.Errorf("read Parquet file: a row group of %d rows, not 1 to %d", g.rows, RowGroup)
		}
		if err := columns(); err != nil {
			return fmt.Errorf("read Parquet file: %w", err)
		}
		return nil
	})
	g.next++
	return err == nil, err
}

// guard turns a panic over a damaged file into an error.
func guard(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Parquet file is damaged: %v", p)
		}
	}()
	return read()
}

// column reads a column of the current row group.
func (g *groups) column(name string, as parquet.Type) error {
	return g.file.Read(g.next, name, as, &g.chunk)
}

// fixed appends the values of a column without nulls, each of so many bytes.
func fixed[T any](g *groups, dst []T, name string, as parquet.Type, size int, value func([]byte) T) ([]T, error) {
	if err := g.column(name, as); err != nil {
		return dst, err
	}
	c := &g.chunk
	count := c.Entries
	plain := c.Dictionary
	if count == 0 {
		count, plain = g.rows, c.Plain
	}
	if c.Levels != nil || len(plain) != count*size {
		return dst, fmt.Errorf("column %s has %d bytes for %d values, or nulls", name, len(plain), count)
	}
	if c.Entries == 0 {
		for i := range count {
			dst = append(dst, value(plain[i*size:]))
		}
		return dst, nil
	}
	entries := make([]T, count)
	for i := range entries {
		entries[i] = value(plain[i*size:])
	}
	if c.Same {
		for range g.rows {
			dst = append(dst, entries[0])
		}
		return dst, nil
	}
	for _, code := range c.Codes {
		dst = append(dst, entries[code])
	}
	return dst, nil
}

func (g *groups) longs(dst []int64, name string) ([]int64, error) {
	return fixed(g, dst, name, parquet.Types.Int64, 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
}

func (g *groups) ints(dst []uint32, name string) ([]uint32, error) {
	return fixed(g, dst, name, parquet.Types.Int32, 4, binary.LittleEndian.Uint32)
}

func decimals[T decimal](g *groups, dst []T, name string) ([]T, error) {
	return fixed(g, dst, name, parquet.Types.FixedLenByteArray, decimalBytes, bigDecimal[T])
}

func bigDecimal[T decimal](b []byte) T {
	return T(money.Int128{Hi: int64(binary.BigEndian.Uint64(b)), Lo: binary.BigEndian.Uint64(b[8:])})
}

// optional appends decimals that may be null: a null is what the other slice has
// in its row, or zero without one.
func optional(g *groups, dst []money.Cost, name string, other []money.Cost) ([]money.Cost, error) {
	if err := g.column(name, parquet.Types.FixedLenByteArray); err != nil {
		return dst, err
	}
	plain := g.chunk.Plain
	for i := range g.rows {
		var v money.Cost
		switch {
		case g.chunk.Levels == nil || g.chunk.Levels[i] == 1:
			if len(plain) < decimalBytes {
				return dst, fmt.Errorf("column %s has fewer values than it says", name)
			}
			v, plain = bigDecimal[money.Cost](plain), plain[decimalBytes:]
		case other != nil:
			v = other[i]
		}
		dst = append(dst, v)
	}
	if len(plain) > 0 {
		return dst, fmt.Errorf("column %s has more values than it says", name)
	}
	return dst, nil
}
