package pages

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// Column is a column chunk that is being written.
type Column struct {
	w     *Writer
	open  bool
	meta  *metadata.ColumnChunkMetaDataBuilder
	descr *schema.Column
	path  string
	codec compress.Codec

	entries int // of the dictionary, which comes first; 0 when there is none
	width   int // bits of a code
	rows    int
	stats   metadata.EncodedStatistics
	values  bool // some page holds one

	page, packed []byte // kept from page to page
}

// Page says what a page holds beside its values.
type Page struct {
	Rows       int
	Cells      int    // one for each row, or of a repeated column one for each entry and each row without one
	Values     int    // cells that are not null
	Repetition Levels // of a repeated column
	Definition Levels // of a column that may be null
	Low, High  []byte // the least and the greatest value as in plain encoding, texts without length; not looked at when there is no value
}

// Levels are the levels of the cells of a page.
type Levels struct {
	Same uint8   // of all cells, when there is no list
	Each []uint8 // of each cell
}

func (c *Column) begin(w *Writer, meta *metadata.ColumnChunkMetaDataBuilder) {
	*c = Column{w: w, open: true, meta: meta, descr: meta.Descr(), path: meta.Descr().Path(), page: c.page, packed: c.packed}
	if w.props.StatisticsEnabledFor(c.path) {
		c.stats.HasNullCount = true
	}
}

// Dictionary writes the values that the codes of the pages stand for, at least
// one, in plain encoding. It comes before the pages.
func (c *Column) Dictionary(plain []byte, entries int) error {
	c.entries, c.width = entries, max(bits.Len(uint(entries-1)), 1)
	page := file.NewDictionaryPage(memory.NewBufferBytes(plain), int32(entries), c.w.props.DictionaryPageEncoding())
	_, err := c.w.pager.WriteDictionaryPage(page)
	return err
}

// Codes writes a page whose values are entries of the dictionary.
func (c *Column) Codes(p Page, codes []uint32) error {
	if len(codes) != p.Values {
		return fmt.Errorf("column %s: %d codes for %d values", c.path, len(codes), p.Values)
	}
	c.levels(p)
	c.page = appendHybrid(append(c.page, byte(c.width)), codes, c.width)
	return c.write(p, c.w.props.DictionaryIndexEncoding())
}

// Same writes a page whose values are all one entry of the dictionary.
func (c *Column) Same(p Page, code uint32) error {
	c.levels(p)
	c.page = appendRun(append(c.page, byte(c.width)), code, p.Values, c.width)
	return c.write(p, c.w.props.DictionaryIndexEncoding())
}

// Plain writes a page of values in plain encoding.
func (c *Column) Plain(p Page, values []byte) error {
	c.levels(p)
	c.page = append(c.page, values...)
	return c.write(p, parquet.Encodings.Plain)
}

// levels begins a page with the levels of its cells.
func (c *Column) levels(p Page) {
	c.page = c.page[:0]
	if most := c.descr.MaxRepetitionLevel(); most > 0 {
		c.page = appendLevels(c.page, p.Repetition, p.Cells, int(most))
	}
	if most := c.descr.MaxDefinitionLevel(); most > 0 {
		c.page = appendLevels(c.page, p.Definition, p.Cells, int(most))
	}
}

func appendLevels(dst []byte, l Levels, cells, most int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0) // their size
	width := bits.Len(uint(most))
	if l.Each == nil {
		dst = appendRun(dst, uint32(l.Same), cells, width)
	} else {
		dst = appendHybrid(dst, l.Each[:cells], width)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// maxPage is the most bytes of a page: the format counts them in 31 bits.
const maxPage = math.MaxInt32

func (c *Column) write(p Page, encoding parquet.Encoding) error {
	if len(c.page) > maxPage {
		return fmt.Errorf("column %s: a page of %d bytes, at most %d; write fewer rows per page", c.path, len(c.page), maxPage)
	}
	page := file.NewDataPageV1WithConfig(memory.NewBufferBytes(c.compressed()), parquet.Encodings.RLE, parquet.Encodings.RLE, file.DataPageConfig{
		Num: int32(p.Cells), Encoding: encoding, UncompressedSize: int32(len(c.page)), Stats: c.statistics(p), FirstRowIndex: int64(c.rows)})
	defer page.Release()
	c.rows += p.Rows
	_, err := c.w.pager.WriteDataPage(page)
	return err
}

func (c *Column) compressed() []byte {
	if !c.w.pager.HasCompressor() {
		return c.page
	}
	bound := int(c.codec.CompressBound(int64(len(c.page))))
	c.packed = slices.Grow(c.packed[:0], bound)[:bound]
	return c.codec.Encode(c.packed, c.page)
}

// statistics returns those of a page and adds them to the column's.
func (c *Column) statistics(p Page) metadata.EncodedStatistics {
	if !c.stats.HasNullCount {
		return metadata.EncodedStatistics{}
	}
	s := metadata.EncodedStatistics{Signed: c.descr.SortOrder() == schema.SortSIGNED, AllNullValue: p.Values == 0}
	s.SetNullCount(int64(p.Cells - p.Values))
	c.stats.NullCount += s.NullCount
	if p.Values == 0 {
		return s
	}
	s.SetMin(p.Low).SetMax(p.High)
	if !c.values || c.less(p.Low, c.stats.Min) {
		c.stats.SetMin(p.Low)
	}
	if !c.values || c.less(c.stats.Max, p.High) {
		c.stats.SetMax(p.High)
	}
	c.values = true
	s.ApplyStatSizeLimits(c.limit())
	return s
}

func (c *Column) limit() int { return int(c.w.props.MaxStatsSizeFor(c.path)) }

// less compares values in plain encoding.
func (c *Column) less(a, b []byte) bool {
	switch c.descr.PhysicalType() {
	case parquet.Types.Int64:
		return cmp.Less(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
	case parquet.Types.Double:
		return cmp.Less(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return bytes.Compare(a, b) < 0
}

// close ends the column, if one is open.
func (c *Column) close() error {
	if !c.open {
		return nil
	}
	c.open = false
	if c.rows != c.w.rows {
		return fmt.Errorf("column %s has %d rows, its row group %d", c.path, c.rows, c.w.rows)
	}
	if c.stats.HasNullCount {
		c.stats.Signed, c.stats.AllNullValue = c.descr.SortOrder() == schema.SortSIGNED, !c.values
		c.stats.ApplyStatSizeLimits(c.limit())
		c.meta.SetStats(c.stats)
	}
	return c.w.pager.Close(c.entries > 0, false)
}
