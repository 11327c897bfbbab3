// Package rollup sums usage into lines: sorted runs of compact rows go in, one
// sorted stream of lines comes out, each line the exact sum of its records. Runs
// lie in lanes, and lanes are merged one by one. It also sums charges into a
// bill. It reads and writes only through what it is given and knows no prices.
package rollup

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// A row of a spill file, little-endian:
//
//	head 4 | resource 4 | hour 4 | tail 4 | amount 16 | cost 16
const rowBytes = 48

// bufferRows is how many rows a run buffers while it is written or read.
const bufferRows = 1024

// Row is one usage record reduced to what rating needs. Codes are those of the
// dictionaries of the run, before they are sorted.
type Row struct {
	Head, Resource uint32
	Hour           schema.Hour
	Tail           uint32
	Amount         money.Usage
	Cost           money.Cost
}

// Spill is a file of sorted runs, written once and then merged.
type Spill struct {
	file   io.Writer
	buffer []byte
	lanes  map[int32][]run
	rows   int64
	start  int64
}

type run struct{ start, end int64 } // in rows

// NewSpill writes runs to a file.
func NewSpill(file io.Writer) *Spill {
	return &Spill{file: file, buffer: make([]byte, 0, bufferRows*rowBytes), lanes: map[int32][]run{}}
}

// Append adds a row to the current run. Rows of a run must come in the
// canonical line order, by value.
func (s *Spill) Append(r Row) error {
	b := s.buffer
	b = binary.LittleEndian.AppendUint32(b, r.Head)
	b = binary.LittleEndian.AppendUint32(b, r.Resource)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Hour))
	b = binary.LittleEndian.AppendUint32(b, r.Tail)
	b = binary.LittleEndian.AppendUint64(b, r.Amount.Lo)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Amount.Hi))
	b = binary.LittleEndian.AppendUint64(b, r.Cost.Lo)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Cost.Hi))
	s.buffer = b
	s.rows++
	if len(b) < cap(b) {
		return nil
	}
	return s.flush()
}

// EndRun closes the current run and lays it in a lane; an empty one leaves no
// trace.
func (s *Spill) EndRun(lane int32) error {
	if s.rows > s.start {
		s.lanes[lane] = append(s.lanes[lane], run{s.start, s.rows})
		s.start = s.rows
	}
	return s.flush()
}

// Lanes returns the lanes that hold runs, ascending.
func (s *Spill) Lanes() []int32 { return slices.Sorted(maps.Keys(s.lanes)) }

// Rows returns how many rows were appended.
func (s *Spill) Rows() int64 { return s.rows }

func (s *Spill) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	if _, err := s.file.Write(s.buffer); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	s.buffer = s.buffer[:0]
	return nil
}

// cursor walks one run, its codes replaced by ranks. Rows of any size begin with
// head, resource, hour and tail.
type cursor struct {
	file    io.ReaderAt
	size    int // bytes of a row
	ranking *batch.Ranking
	next    int64 // row to read into the buffer next
	end     int64
	buffer  []byte
	at      int // byte position in buffer of the current row
	key     batch.Key
}

func newCursor(file io.ReaderAt, size int, r run, ranking *batch.Ranking) (*cursor, error) {
	c := &cursor{file: file, size: size, ranking: ranking, next: r.start, end: r.end}
	ok, err := c.advance()
	if err == nil && !ok {
		err = fmt.Errorf("spill run is empty")
	}
	return c, err
}

// advance moves to the next row and tells whether there is one.
func (c *cursor) advance() (bool, error) {
	c.at += c.size
	if c.at >= len(c.buffer) {
		if c.next >= c.end {
			return false, nil
		}
		if err := c.fill(); err != nil {
			return false, err
		}
	}
	b := c.buffer[c.at:]
	c.key = batch.LineKey(
		c.ranking.Heads[binary.LittleEndian.Uint32(b)],
		c.ranking.Resources[binary.LittleEndian.Uint32(b[4:])],
		schema.Hour(binary.LittleEndian.Uint32(b[8:])),
		c.ranking.Tails[binary.LittleEndian.Uint32(b[12:])])
	return true, nil
}

func (c *cursor) fill() error {
	n := min(c.end-c.next, bufferRows)
	if c.buffer == nil {
		c.buffer = make([]byte, int(n)*c.size)
	}
	c.buffer = c.buffer[:int(n)*c.size]
	// A reader may report the end of the file together with its last bytes.
	if read, err := c.file.ReadAt(c.buffer, c.next*int64(c.size)); read < len(c.buffer) {
		return fmt.Errorf("read spill file: %w", err)
	}
	c.next += n
	c.at = 0
	return nil
}

func (c *cursor) amount() money.Usage { return money.Usage(c.word(16)) }

func (c *cursor) cost() money.Cost { return money.Cost(c.word(32)) }

// word reads 128 bits from a place in the row.
func (c *cursor) word(at int) money.Int128 {
	b := c.buffer[c.at+at:]
	return money.Int128{Lo: binary.LittleEndian.Uint64(b), Hi: int64(binary.LittleEndian.Uint64(b[8:]))}
}
