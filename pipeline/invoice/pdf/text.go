package pdf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
)

// font is what a piece of text is set in: size in points and weight.
type font struct {
	size float64
	bold bool
}

// setter sets text in the faces that have its characters.
type setter struct {
	pdf      *fpdf.Fpdf
	faces    map[face]*coverage // those in the document so far
	advances map[glyph]int      // in thousandths of the font size
	err      error              // the first fault; later calls do nothing
}

type glyph struct {
	face face
	char rune
}

// run is a stretch of text in one face.
type run struct {
	face face
	text string
}

func newSetter(pdf *fpdf.Fpdf) *setter {
	return &setter{pdf: pdf, faces: map[face]*coverage{}, advances: map[glyph]int{}}
}

// load returns the coverage of a face, and puts the face into the document the
// first time.
func (s *setter) load(f face) *coverage {
	if c := s.faces[f]; c != nil {
		return c
	}
	data, err := f.read()
	if err == nil {
		s.faces[f], err = readCoverage(data)
	}
	if err != nil {
		s.fail(err)
		return &coverage{}
	}
	s.pdf.AddUTF8FontFromBytes(f.family, f.style, data)
	return s.faces[f]
}

func (s *setter) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// faceOf returns the face that draws a character.
func (s *setter) faceOf(r rune, bold bool) (face, bool) {
	first := notoRegular
	if bold {
		first = notoBold
	}
	for _, f := range []face{first, fallback} {
		if s.load(f).has(r) {
			return f, true
		}
	}
	return face{}, false
}

// runs splits a text, which visible has gone over, by face.
func (s *setter) runs(text string, bold bool) []run {
	var list []run
	for _, r := range text {
		f, ok := s.faceOf(r, bold)
		if !ok || !plainScript(r) {
			s.fail(fmt.Errorf("text %q has the character %U (%c), which the fonts of the invoice cannot draw; "+
				"write it in Latin, Greek, Cyrillic, Korean, Japanese or Chinese letters", short(text), r, r))
			return nil
		}
		if n := len(list); n > 0 && list[n-1].face == f {
			list[n-1].text += string(r)
			continue
		}
		list = append(list, run{f, string(r)})
	}
	return list
}

// width returns how wide a text is, in millimetres.
func (s *setter) width(text string, f font) float64 {
	sum := 0
	for _, r := range s.runs(text, f.bold) {
		for _, c := range r.text {
			sum += s.advance(glyph{r.face, c})
		}
	}
	return float64(sum) * f.size / 1000 * mmPerPoint
}

func (s *setter) advance(g glyph) int {
	n, known := s.advances[g]
	if !known {
		s.pdf.SetFont(g.face.family, g.face.style, 1)
		n = s.pdf.GetStringSymbolWidth(string(g.char))
		s.advances[g] = n
	}
	return n
}

// draw sets a text with its baseline at y and its left end at x.
func (s *setter) draw(x, y float64, text string, f font) {
	for _, r := range s.runs(text, f.bold) {
		s.pdf.SetFont(r.face.family, r.face.style, f.size)
		s.pdf.Text(x, y, r.text)
		x += s.width(r.text, f)
	}
}

// drawRight sets a text with its right end at x.
func (s *setter) drawRight(x, y float64, text string, f font) {
	s.draw(x-s.width(text, f), y, text, f)
}

// wrap breaks a text into lines of at most width millimetres, after a blank
// where there is one, else between any two characters.
func (s *setter) wrap(text string, f font, width float64) []string {
	var lines []string
	for rest := text; rest != ""; {
		n := s.fit(rest, f, width)
		lines = append(lines, strings.TrimRight(rest[:n], " "))
		rest = strings.TrimLeft(rest[n:], " ")
	}
	return lines
}

// fit returns how many bytes of a text go on one line, at least one character.
func (s *setter) fit(text string, f font, width float64) int {
	used, blank := 0.0, 0
	for i, r := range text {
		used += s.width(string(r), f)
		if used > width && i > 0 {
			if blank > 0 {
				return blank
			}
			return i
		}
		if r == ' ' {
			blank = i + 1
		}
	}
	return len(text)
}

// visible replaces what would not show, or would change how its neighbours
// show, by its code, and trims blanks at the ends.
func visible(text string) string {
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<0x%02X>", text[i])
		case hidden(r):
			fmt.Fprintf(&b, "<%U>", r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// hidden tells of characters without a shape of their own: controls, formats
// such as direction marks, line separators, fillers and variation selectors.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// plainScript tells whether a character is drawn right by putting glyphs side
// by side from left to right. Korean letters apart from their syllable are
// not: they would stand in a row.
func plainScript(r rune) bool {
	if r >= 0x1100 && r <= 0x11ff {
		return false
	}
	return unicode.In(r, unicode.Common, unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic,
		unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo)
}

// short cuts a text for a message.
func short(text string) string {
	const most = 80
	n := 0
	for i := range text {
		if n++; n > most {
			return text[:i] + "..."
		}
	}
	return text
}
