package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// File is a Parquet file that is read, row group by row group. It reads columns
// that are not repeated, in the encodings that Writer writes. Errors and, over a
// damaged file, panics are the library's; who reads files of strangers guards
// against both.
type File struct {
	file    *file.Reader
	columns map[string]int
}

// Open opens a file.
func Open(r parquet.ReaderAtSeeker) (*File, error) {
	f, err := file.NewParquetReader(r)
	if err != nil {
		return nil, err
	}
	columns := map[string]int{}
	for i := range f.MetaData().Schema.NumColumns() {
		columns[f.MetaData().Schema.Column(i).Path()] = i
	}
	return &File{f, columns}, nil
}

// RowGroups returns their number.
func (f *File) RowGroups() int { return f.file.NumRowGroups() }

// Rows returns the number of rows of a row group.
func (f *File) Rows(group int) int { return int(f.file.RowGroup(group).NumRows()) }

// Chunk is a column of a row group. Its memory is used again by the next Read.
type Chunk struct {
	Entries    int      // of the dictionary; 0 when the values are plain
	Dictionary []byte   // in plain encoding
	Codes      []uint32 // by value
	Plain      []byte   // values in plain encoding
	Levels     []uint8  // by row, 0 where it is null; nil when every row has a value
	Same       bool     // all codes are 0; there are none in Codes then

	levels []uint8
}

// Read reads a column of a row group. It must have the physical type given.
func (f *File) Read(group int, name string, as parquet.Type, c *Chunk) error {
	i, ok := f.columns[name]
	if !ok {
		return fmt.Errorf("column %s is missing", name)
	}
	descr := f.file.MetaData().Schema.Column(i)
	if got := descr.PhysicalType(); got != as || descr.MaxRepetitionLevel() > 0 || descr.MaxDefinitionLevel() > 1 {
		return fmt.Errorf("column %s is %s with levels %d and %d, not %s with at most one of definition", name, got,
			descr.MaxDefinitionLevel(), descr.MaxRepetitionLevel(), as)
	}
	if err := f.read(group, i, descr.MaxDefinitionLevel() > 0, c); err != nil {
		return fmt.Errorf("column %s: %w", name, err)
	}
	return nil
}

func (f *File) read(group, column int, optional bool, c *Chunk) error {
	in, err := f.file.RowGroup(group).GetColumnPageReader(column)
	if err != nil {
		return err
	}
	defer in.Close()
	*c = Chunk{Dictionary: c.Dictionary[:0], Codes: c.Codes[:0], Plain: c.Plain[:0], levels: c.levels[:0]}
	rows := 0
	for in.Next() {
		switch page := in.Page().(type) {
		case *file.DictionaryPage:
			c.Entries = int(page.NumValues())
			c.Dictionary = append(c.Dictionary, page.Data()...)
		case *file.DataPageV1:
			if err := c.page(page, optional); err != nil {
				return err
			}
			rows += int(page.NumValues())
		default:
			return errors.New("has a page of a kind that is not written here")
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	if want := f.Rows(group); rows != want {
		return fmt.Errorf("has %d rows, its row group %d", rows, want)
	}
	return c.finish()
}

// finish drops levels that say nothing, and codes when they are all 0.
func (c *Chunk) finish() error {
	if slices.Contains(c.levels, 0) {
		c.Levels = c.levels
	}
	if c.Entries == 0 && len(c.Codes) > 0 || c.Entries > 0 && len(c.Plain) > 0 {
		return errors.New("has pages with and without a dictionary")
	}
	for _, code := range c.Codes {
		if int(code) >= c.Entries {
			return fmt.Errorf("has the code %d in a dictionary of %d", code, c.Entries)
		}
	}
	c.Same = c.Entries == 1 && c.Levels == nil
	if c.Same {
		c.Codes = c.Codes[:0]
	}
	return nil
}

var errShort = errors.New("a page ends too early")

func (c *Chunk) page(p *file.DataPageV1, optional bool) error {
	data, values := p.Data(), int(p.NumValues())
	if optional {
		if len(data) < 4 {
			return errShort
		}
		size := int(binary.LittleEndian.Uint32(data))
		if data = data[4:]; size > len(data) {
			return errShort
		}
		begin := len(c.levels)
		var err error
		if c.levels, err = appendDecoded(c.levels, data[:size], 1, values); err != nil {
			return err
		}
		data = data[size:]
		values = 0
		for _, l := range c.levels[begin:] {
			values += int(l)
		}
	}
	switch parquet.Encoding(p.Encoding()) {
	case parquet.Encodings.Plain:
		c.Plain = append(c.Plain, data...)
		return nil
	case parquet.Encodings.PlainDict, parquet.Encodings.RLEDict:
		if len(data) == 0 || data[0] > 32 {
			return errShort
		}
		var err error
		c.Codes, err = appendDecoded(c.Codes, data[1:], int(data[0]), values)
		return err
	}
	return fmt.Errorf("has the encoding %s, which is not written here", parquet.Encoding(p.Encoding()))
}

// AppendText appends a text in plain encoding.
func AppendText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(text))), text...)
}

// EachText gives the places of n texts in plain encoding.
func EachText(plain []byte, n int, fn func(from, to int)) error {
	at := 0
	for range n {
		if len(plain)-at < 4 {
			return errShort
		}
		size := int(binary.LittleEndian.Uint32(plain[at:]))
		if at += 4; size > len(plain)-at {
			return errShort
		}
		fn(at, at+size)
		at += size
	}
	return nil
}

// Texts cuts n texts in plain encoding apart. They share one string.
func Texts(plain []byte, n int) ([]string, error) {
	all, list := string(plain), make([]string, 0, min(n, len(plain)/4))
	err := EachText(plain, n, func(from, to int) { list = append(list, all[from:to]) })
	return list, err
}

// appendDecoded appends n values of the hybrid of runs and bit packing.
func appendDecoded[T uint8 | uint32](dst []T, data []byte, width, n int) ([]T, error) {
	dst = slices.Grow(dst, n)
	for n > 0 {
		header, size := binary.Uvarint(data)
		if size <= 0 {
			return dst, errShort
		}
		data = data[size:]
		var used int
		if header&1 == 0 {
			used = (width + 7) / 8
			if len(data) < used || header>>1 > uint64(n) {
				return dst, errShort
			}
			v := T(word(data[:used]))
			for range header >> 1 {
				dst = append(dst, v)
			}
			n -= int(header >> 1)
		} else {
			if header>>1 > uint64(len(data)) || len(data) < int(header>>1)*width {
				return dst, errShort
			}
			used = int(header>>1) * width
			values := min(int(header>>1)*8, n)
			dst = unpack(dst, data[:used], width, values)
			n -= values
		}
		data = data[used:]
	}
	return dst, nil
}

// unpack appends n values of so many bits each; there is room for them.
func unpack[T uint8 | uint32](dst []T, data []byte, width, n int) []T {
	mask := uint64(1)<<width - 1
	begin := len(dst)
	dst = dst[:begin+n]
	for i := range n {
		bit := i * width
		at := bit / 8
		var w uint64
		if at+8 <= len(data) {
			w = binary.LittleEndian.Uint64(data[at:])
		} else {
			w = word(data[at:])
		}
		dst[begin+i] = T(w >> (bit % 8) & mask)
	}
	return dst
}

// word reads up to eight bytes, the least first.
func word(data []byte) uint64 {
	w := uint64(0)
	for i, b := range data[:min(len(data), 8)] {
		w |= uint64(b) << (8 * i)
	}
	return w
}
