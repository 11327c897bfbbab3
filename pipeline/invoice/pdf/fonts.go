package pdf

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/binary"
	"fmt"
	"io"
)

//go:embed fonts/*.ttf.gz
var fontFiles embed.FS

// face is one font file, under the name and style the PDF library knows it by.
type face struct {
	family, style string
	file          string
}

var (
	notoRegular = face{"noto", "", "NotoSans-Regular.ttf"}
	notoBold    = face{"noto", "B", "NotoSans-Bold.ttf"}
	fallback    = face{"droid", "", "DroidSansFallback.ttf"}
)

// read unpacks the font file.
func (f face) read() ([]byte, error) {
	packed, err := fontFiles.ReadFile("fonts/" + f.file + ".gz")
	if err != nil {
		return nil, fmt.Errorf("font %s: %v", f.file, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("font %s: %v", f.file, err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("font %s: %v", f.file, err)
	}
	return data, nil
}

// coverage holds the characters up to U+FFFF that a font has a glyph for.
type coverage [1 << 16 / 64]uint64

func (c *coverage) has(r rune) bool { return r >= 0 && r < 1<<16 && c[r/64]>>(r%64)&1 == 1 }

func (c *coverage) add(r uint16) { c[r/64] |= 1 << (r % 64) }

// readCoverage reads the table "cmap" of a TrueType font. The library draws a
// box for a character the font lacks, or nothing, and does not tell.
func readCoverage(font []byte) (*coverage, error) {
	sub := unicodeTable(font)
	if sub == nil {
		return nil, fmt.Errorf("font has no character map of format 4")
	}
	// Format 4: arrays of segments, each 2 bytes a segment, between a head of
	// 14 bytes and the glyph array; a pad of 2 bytes follows the ends.
	size := u16(sub, 6)
	ends, starts := 14, 16+size
	deltas, offsets := starts+size, starts+2*size
	var c coverage
	for i := 0; i < size; i += 2 {
		start, end := u16(sub, starts+i), u16(sub, ends+i)
		delta, offset := u16(sub, deltas+i), u16(sub, offsets+i)
		for ch := start; ch <= end && ch < 0xffff; ch++ {
			glyph := ch
			if offset != 0 {
				// The offset counts from its own place in the table.
				glyph = u16(sub, offsets+i+offset+2*(ch-start))
			}
			if (offset == 0 || glyph != 0) && uint16(glyph+delta) != 0 {
				c.add(uint16(ch))
			}
		}
	}
	return &c, nil
}

// unicodeTable returns the character map that the PDF library reads too, from
// its beginning on.
func unicodeTable(font []byte) []byte {
	cmap := table(font, "cmap")
	for i := range u16(cmap, 2) {
		entry := 4 + 8*i
		platform, encoding, at := u16(cmap, entry), u16(cmap, entry+2), u32(cmap, entry+4)
		unicode := platform == 3 && encoding == 1 || platform == 0
		if unicode && u16(cmap, at) == 4 {
			return cmap[at:]
		}
	}
	return nil
}

// table returns the font from the named table on, or nil.
func table(font []byte, name string) []byte {
	for i := range u16(font, 4) {
		entry := 12 + 16*i
		if entry+16 <= len(font) && string(font[entry:entry+4]) == name {
			if at := u32(font, entry+8); at < len(font) {
				return font[at:]
			}
		}
	}
	return nil
}

// u16 and u32 read a number of a font, 0 past the end.
func u16(b []byte, at int) int {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return int(binary.BigEndian.Uint16(b[at:]))
}

func u32(b []byte, at int) int {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int(binary.BigEndian.Uint32(b[at:]))
}
