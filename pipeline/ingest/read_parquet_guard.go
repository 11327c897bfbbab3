package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// damaged is the fault of a Parquet file that contradicts itself.
func damaged(format string, args ...any) *fault {
	return &fault{reason: "is damaged Parquet: " + fmt.Sprintf(format, args...), hint: "write the file again and check it with another reader"}
}

// checkFooter reads the end of the file and checks that the metadata can be
// decoded in bounded memory.
func checkFooter(r io.ReaderAt, size int64, lim Limits) error {
	if size < 12 {
		return damaged("%d bytes are too few", size)
	}
	var tail [8]byte
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return err
	}
	if string(tail[4:]) != "PAR1" {
		return damaged("it does not end with PAR1, so it was cut off or is still being written")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-12 || n > lim.MaxFooterBytes {
		return damaged("metadata of %d bytes in a file of %d, at most %d", n, size, lim.MaxFooterBytes)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil && err != io.EOF {
		return err
	}
	if err := footerFits(footer); err != nil {
		return damaged("%v", err)
	}
	return nil
}

// checkChunks checks sizes and counts of every row group.
func checkChunks(meta *format.FileMetaData, size int64) error {
	total := int64(0)
	for i := range meta.RowGroups {
		g := &meta.RowGroups[i]
		if g.NumRows < 0 {
			return damaged("row group %d has %d rows", i+1, g.NumRows)
		}
		if total += g.NumRows; total < 0 {
			return damaged("more rows than can be counted")
		}
		for j := range g.Columns {
			m := &g.Columns[j].MetaData
			from := chunkStart(m)
			if m.NumValues < 0 || from < 4 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size-from || from > size {
				return damaged("column chunk %d of row group %d lies outside the file", j+1, i+1)
			}
		}
	}
	if total != meta.NumRows {
		return damaged("its row groups hold %d rows, it says %d", total, meta.NumRows)
	}
	return nil
}

func chunkStart(m *format.ColumnMetaData) int64 {
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < m.DataPageOffset {
		return m.DictionaryPageOffset
	}
	return m.DataPageOffset
}

// pageGuard walks the pages of one column chunk before the library decodes
// them: the library allocates what a page claims to hold.
type pageGuard struct {
	r     io.ReaderAt
	lim   Limits
	leaf  *leaf
	codec format.CompressionCodec
	head  []byte // where headers are read
	body  []byte
	plain []byte
	gzip  *gzip.Reader
	zstd  *zstd.Decoder
}

// maxPageHeader is how many bytes the header of a page may have.
const maxPageHeader = 64 << 10

// check walks a column chunk that should hold the given number of rows.
func (g *pageGuard) check(m *format.ColumnMetaData, rows int64) error {
	at, end := chunkStart(m), chunkStart(m)+m.TotalCompressedSize
	g.codec = m.Codec
	values := int64(0)
	g.head = grow(g.head, int(min(maxPageHeader, end-at)))
	head := g.head
	for at < end {
		n, err := g.r.ReadAt(head[:min(int64(len(head)), end-at)], at)
		if err != nil && err != io.EOF {
			return err
		}
		h, used, err := scanPageHeader(head[:n])
		if err != nil || h.packed > end-at-int64(used) {
			return damaged("column %s has a page with %v", g.leaf.name, errThrift)
		}
		if h.expanded > g.lim.MaxPageBytes || h.packed > g.lim.MaxPageBytes || h.values > g.lim.MaxPageValues {
			return &fault{reason: fmt.Sprintf("column %s has a page of %d bytes and %d values, at most %d and %d", g.leaf.name, h.expanded, h.values, g.lim.MaxPageBytes, g.lim.MaxPageValues), hint: "write smaller pages"}
		}
		if err := g.page(h, at+int64(used)); err != nil {
			return err
		}
		if h.kind != pageDictionary {
			values += h.values
		}
		at += int64(used) + h.packed
	}
	if values != m.NumValues || g.leaf.maxRep == 0 && values != rows {
		return damaged("column %s has %d values for %d rows", g.leaf.name, values, rows)
	}
	return nil
}

// Kinds of pages and encodings, as the format numbers them.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3

	encPlain       = 0
	encPlainDict   = 2
	encRLE         = 3
	encDeltaPacked = 5
	encDeltaLength = 6
	encRLEDict     = 8
	encSplit       = 9
)

func (g *pageGuard) page(h pageHeader, at int64) error {
	if h.values < 0 || h.kind != pageData && h.kind != pageDictionary && h.kind != pageDataV2 {
		return damaged("column %s has a page of kind %d", g.leaf.name, h.kind)
	}
	g.body = grow(g.body, int(h.packed))
	if _, err := g.r.ReadAt(g.body, at); err != nil && err != io.EOF {
		return err
	}
	body := g.body
	if h.kind == pageDataV2 {
		if h.repBytes < 0 || h.defBytes < 0 || h.repBytes+h.defBytes > int64(len(body)) {
			return damaged("column %s has levels longer than their page", g.leaf.name)
		}
		rep, def := body[:h.repBytes], body[h.repBytes:h.repBytes+h.defBytes]
		if !runsFit(rep, bits.Len(uint(g.leaf.maxRep)), h.values) || !runsFit(def, bits.Len(uint(g.leaf.maxDef)), h.values) {
			return damaged("column %s has more levels than values", g.leaf.name)
		}
		body = body[h.repBytes+h.defBytes:]
		h.expanded -= h.repBytes + h.defBytes
	}
	values, err := g.expand(h, body)
	if err != nil {
		return err
	}
	if h.kind == pageData {
		if values, err = g.levelsV1(h, values); err != nil {
			return err
		}
	}
	return g.values(h, values)
}

// expand unpacks a page, to no more than it claims.
func (g *pageGuard) expand(h pageHeader, body []byte) ([]byte, error) {
	if h.kind == pageDataV2 && h.plain || g.codec == format.Uncompressed {
		return body, nil
	}
	g.plain = grow(g.plain, int(max(h.expanded, 0)))
	n, err := 0, error(nil)
	switch g.codec {
	case format.Snappy:
		if n, err = snappy.DecodedLen(body); err == nil && n == len(g.plain) {
			_, err = snappy.Decode(g.plain, body)
		}
	case format.Gzip:
		n, err = g.gunzip(body)
	case format.Zstd:
		n, err = g.unzstd(body)
	default:
		return nil, &fault{reason: fmt.Sprintf("column %s is packed with %v", g.leaf.name, g.codec), hint: "write Parquet with snappy, zstd, gzip or no compression"}
	}
	if err != nil || n != len(g.plain) {
		return nil, damaged("column %s has a page that does not unpack to %d bytes", g.leaf.name, h.expanded)
	}
	return g.plain, nil
}

func (g *pageGuard) gunzip(body []byte) (n int, err error) {
	if g.gzip == nil {
		g.gzip, err = gzip.NewReader(bytes.NewReader(body))
	} else {
		err = g.gzip.Reset(bytes.NewReader(body))
	}
	if err != nil {
		return 0, err
	}
	return fill(g.gzip, g.plain)
}

func (g *pageGuard) unzstd(body []byte) (n int, err error) {
	if g.zstd == nil {
		g.zstd, err = zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	} else {
		err = g.zstd.Reset(bytes.NewReader(body))
	}
	if err != nil {
		return 0, err
	}
	return fill(g.zstd, g.plain)
}

func (g *pageGuard) close() {
	if g.zstd != nil {
		g.zstd.Close()
	}
}

var errTooMuch = errors.New("more bytes than announced")

// fill reads exactly len(dst) bytes and finds that nothing follows.
func fill(r io.Reader, dst []byte) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err != nil && err != io.EOF {
		return n, err
	}
	var one [1]byte
	if m, err := io.ReadFull(r, one[:]); m > 0 || err != io.EOF {
		return n, errTooMuch
	}
	return n, nil
}

// levelsV1 checks the levels at the head of a data page and returns the rest.
func (g *pageGuard) levelsV1(h pageHeader, b []byte) ([]byte, error) {
	for _, level := range [...]struct{ max, encoding int64 }{{int64(g.leaf.maxRep), h.repEncoding}, {int64(g.leaf.maxDef), h.defEncoding}} {
		if level.max == 0 {
			continue
		}
		if level.encoding != encRLE || len(b) < 4 {
			return nil, damaged("column %s has levels in an encoding that is not read", g.leaf.name)
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if n > int64(len(b)-4) || !runsFit(b[4:4+n], bits.Len64(uint64(level.max)), h.values) {
			return nil, damaged("column %s has more levels than values", g.leaf.name)
		}
		b = b[4+n:]
	}
	return b, nil
}

// values checks what the encoding of the values claims.
func (g *pageGuard) values(h pageHeader, b []byte) error {
	ok := true
	switch h.encoding {
	case encPlain, encSplit:
	case encPlainDict, encRLEDict:
		if h.kind != pageDictionary && len(b) > 0 {
			ok = b[0] <= 32 && runsFit(b[1:], int(b[0]), h.values)
		}
	case encDeltaPacked, encDeltaLength:
		ok = deltaCount(b) <= uint64(h.values)
	default:
		return &fault{reason: fmt.Sprintf("column %s uses the encoding %v", g.leaf.name, format.Encoding(h.encoding)), hint: "write Parquet with dictionary and plain encodings"}
	}
	if !ok {
		return damaged("column %s has a page with more than its %d values", g.leaf.name, h.values)
	}
	return nil
}

// maxPadding is how many values writers add to fill the last packed run: 7 by
// the format, up to 255 seen.
const maxPadding = 512

// runsFit walks runs of the RLE and bit-packing hybrid and tells whether they
// hold no more than the given number of values, padding aside.
func runsFit(b []byte, width int, values int64) bool {
	count, limit := int64(0), values+maxPadding
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 || head>>1 > uint64(limit) {
			return false
		}
		b = b[n:]
		run, size := int64(head>>1), (width+7)/8
		if head&1 == 1 {
			size, run = int(run)*width, run*8
		}
		if run == 0 {
			continue // as the library does
		}
		if count += run; count > limit || size > len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}

// deltaCount returns how many values a delta encoded run claims.
func deltaCount(b []byte) uint64 {
	var v uint64
	for range 3 { // block size, mini-blocks, values
		u, n := binary.Uvarint(b)
		if n <= 0 {
			return 0 // the library finds the end of the data
		}
		v, b = u, b[n:]
	}
	return v
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// openParquet opens the file once its metadata is known to be harmless.
func openParquet(r io.ReaderAt, size int64, lim Limits) (*parquet.File, error) {
	if err := checkFooter(r, size, lim); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damaged("%v", err)
	}
	return f, checkChunks(f.Metadata(), size)
}
