package ingest

import (
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// cursor gives the values of a column one by one. A value is a view that holds
// until the next call.
type cursor struct {
	leaf   *leaf
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    []parquet.Value
	at, n  int
}

// cursorValues is how many values are taken from a page at a time.
const cursorValues = 256

// next returns the next value, or io.ErrUnexpectedEOF when there is none.
func (c *cursor) next() (parquet.Value, error) {
	v, err := c.peek()
	if err == io.EOF {
		return v, io.ErrUnexpectedEOF
	}
	c.at++
	return v, err
}

// peek returns the next value and leaves it there; io.EOF ends the column.
func (c *cursor) peek() (parquet.Value, error) {
	for c.at >= c.n {
		if err := c.refill(); err != nil {
			return parquet.Value{}, err
		}
	}
	return c.buf[c.at], nil
}

func (c *cursor) refill() error {
	c.at, c.n = 0, 0
	if c.buf == nil {
		c.buf = make([]parquet.Value, cursorValues)
	}
	if c.values != nil {
		n, err := c.values.ReadValues(c.buf)
		c.n = n
		if err != nil && err != io.EOF {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	if c.page != nil {
		parquet.Release(c.page)
		c.page, c.values = nil, nil
	}
	page, err := c.pages.ReadPage()
	if err != nil {
		return err
	}
	c.page, c.values = page, page.Values()
	return nil
}

func (c *cursor) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		c.pages.Close() // only buffers are given back
	}
	c.page, c.values, c.pages, c.at, c.n = nil, nil, nil, 0, 0
}

// nextMap reads the entries of one row. Texts are copied: the entries of a row
// may lie on two pages. One more than the limit is held, so that it shows; an
// entry without a value is none.
func (c *parquetColumn) nextMap(limit int) error {
	c.pairs = c.pairs[:0]
	c.texts.start()
	for first := true; ; first = false {
		k, err := c.cur.peek()
		if !first && (err == io.EOF || err == nil && k.RepetitionLevel() == 0) {
			return nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		c.cur.at++
		v, err := c.values.next()
		if err != nil {
			return err
		}
		if k.RepetitionLevel() != v.RepetitionLevel() || first && k.RepetitionLevel() != 0 {
			return damaged("column %s has keys without values", c.top.name)
		}
		if !k.IsNull() && !v.IsNull() && len(c.pairs) <= limit {
			key := c.texts.copied(k.ByteArray())
			c.pairs = append(c.pairs, tagPair{key, c.mapValue(v)})
		}
	}
}

func (c *parquetColumn) mapValue(v parquet.Value) []byte {
	if c.top.value.holds == holdsDouble {
		return c.texts.copied(strconv.AppendFloat(nil, v.Double(), 'g', -1, 64))
	}
	return c.texts.copied(v.ByteArray())
}
