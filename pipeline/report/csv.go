package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

const (
	csvBlock   = 8192 // rows filled at a time
	timeLayout = "2006-01-02T15:04:05.000Z"
)

// writeCSV writes the rows as one gzip member. A cell holds no line break, so
// a line is a row for readers that do not parse quotes. Amounts are exact
// decimals, not doubles.
func writeCSV(out io.Writer, view *column.View, tables column.Tables, rows *batch.Charges) (err error) {
	defer func() {
		// Columns panic on charges whose figures cannot have been rated.
		if r := recover(); r != nil {
			err = fmt.Errorf("encode CSV: %v", r)
		}
	}()
	z, err := gzip.NewWriterLevel(out, gzip.DefaultCompression)
	if err != nil {
		return fmt.Errorf("start gzip: %v", err)
	}
	c := &csvWriter{columns: column.All()}
	c.mapText = make([][]string, len(c.columns))
	c.timeText = make([][]string, len(c.columns))
	if _, err := z.Write(c.header()); err != nil {
		return fmt.Errorf("compress: %v", err)
	}
	for from := 0; from < rows.Len(); from += csvBlock {
		view.Load(tables, rows.Slice(from, min(from+csvBlock, rows.Len())))
		if _, err := z.Write(c.block(view)); err != nil {
			return fmt.Errorf("compress: %v", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress: %v", err)
	}
	return nil
}

// csvWriter makes the text of rows.
type csvWriter struct {
	columns  []column.Column
	values   []column.Values
	mapText  [][]string // by column and code of a map: its cell, blank when not yet made
	timeText [][]string // by column and code of a time: its cell
	next     []int      // by column: first amount that is not yet written, of columns with amounts in some rows
	line     []byte
}

func (c *csvWriter) header() []byte {
	names := make([]string, len(c.columns))
	for i, col := range c.columns {
		names[i] = col.Name
	}
	return []byte(strings.Join(names, ",") + "\n")
}

// block returns the lines of the rows that the view holds.
func (c *csvWriter) block(view *column.View) []byte {
	c.values = c.values[:0]
	for i, col := range c.columns {
		c.values = append(c.values, col.Fill(view))
		if col.Kind == column.DoubleMap { // its maps are those of the block
			c.mapText[i] = c.mapText[i][:0]
		}
	}
	c.next = append(c.next[:0], make([]int, len(c.columns))...)
	c.line = c.line[:0]
	for row := range view.Len() {
		for i := range c.values {
			if i > 0 {
				c.line = append(c.line, ',')
			}
			c.cell(i, &c.values[i], row)
		}
		c.line = append(c.line, '\n')
	}
	return c.line
}

func (c *csvWriter) cell(i int, v *column.Values, row int) {
	switch v.Shape {
	case column.Texts:
		c.line = appendCell(c.line, v.Texts[v.Code(row)])
	case column.Times:
		c.line = append(c.line, c.timeCell(i, v, v.Code(row))...)
	case column.Maps:
		c.line = append(c.line, c.mapCell(i, v, v.Code(row))...)
	case column.Costs:
		if at := c.amount(i, v, row); at >= 0 {
			c.line = v.Costs[at].AppendText(c.line)
		}
	case column.Usages:
		if at := c.amount(i, v, row); at >= 0 {
			c.line = v.Usages[at].AppendText(c.line)
		}
	}
}

// amount returns which amount of a column is that of a row, or -1. Rows of a
// block are asked for in order.
func (c *csvWriter) amount(i int, v *column.Values, row int) int {
	if v.Rows == nil {
		return row
	}
	at := c.next[i]
	if at == len(v.Rows) || v.Rows[at] != uint32(row) {
		return -1
	}
	c.next[i]++
	return at
}

func (c *csvWriter) timeCell(i int, v *column.Values, code uint32) string {
	for _, t := range v.Times[len(c.timeText[i]):] {
		c.timeText[i] = append(c.timeText[i], time.UnixMilli(t).UTC().Format(timeLayout))
	}
	return c.timeText[i][code]
}

func (c *csvWriter) mapCell(i int, v *column.Values, code uint32) string {
	for len(c.mapText[i]) <= int(code) {
		c.mapText[i] = append(c.mapText[i], "")
	}
	if c.mapText[i][code] == "" {
		c.mapText[i][code] = string(appendCell(nil, mapJSON(v.Maps[code], c.columns[i].Kind)))
	}
	return c.mapText[i][code]
}

// mapJSON returns a map as one JSON object, in the order of its keys. Decimals
// stand as numbers, with all their digits.
func mapJSON(m []schema.Tag, kind column.Kind) string {
	b := []byte{'{'}
	for i, t := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONText(b, t.Key)
		b = append(b, ':')
		if kind == column.DoubleMap {
			b = append(b, t.Value...)
		} else {
			b = appendJSONText(b, t.Value)
		}
	}
	return string(append(b, '}'))
}

func appendJSONText(b []byte, s string) []byte {
	// Only text that is not UTF-8 is refused, and none is left.
	b, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\ufffd"))
	return b
}

// appendCell appends a cell, in quotes where it needs them. Line breaks become
// blanks.
func appendCell(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		switch s[i] {
		case '"':
			b = append(b, '"', '"')
		case '\r', '\n':
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return append(b, '"')
}
