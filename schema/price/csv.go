package price

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Limits of a price list. What is over a limit is refused, never cut.
const (
	MaxProblems    = 1000      // faults reported in one run; one more says that there are others
	MaxRecordBytes = 1 << 20   // one row, quotes and line ends included
	MaxColumns     = 1000      // columns of one file
	MaxPrices      = 2_000_000 // OnDemand rows of all files together
	MaxAttributes  = schema.MaxTags
)

// ReadCSV reads one price list and returns its catalog, or every fault found.
// file names it in messages. The form is the CSV of the AWS Price List, with
// or without the rows before its header, or any CSV with the columns
//
//	SKU, RateCode, TermType, PriceDescription, EffectiveDate, StartingRange,
//	EndingRange, Unit, PricePerUnit, Currency, serviceCode, Region Code,
//	usageType, operation
//
// in any order. PricingModel and PackageSize may follow, for prices that are not
// graduated. Other columns become product attributes.
func ReadCSV(file string, r io.Reader) (*Catalog, schema.Problems) {
	b := NewBuilder()
	b.ReadCSV(file, r)
	return b.Catalog()
}

// source is one file while it is read.
type source struct {
	file string
	cols columns
}

// csvReader reads the rows of one file into a builder.
type csvReader struct {
	b     *Builder
	file  int // index in b.sources
	csv   *csv.Reader
	guard *guard
	row   []string
	line  int // of the present row
}

// ReadCSV reads one more price list. Faults are kept until Catalog is called,
// so that one run shows those of all files.
func (b *Builder) ReadCSV(file string, r io.Reader) {
	b.sources = append(b.sources, source{file: file})
	buffered := bufio.NewReader(r)
	if reason := encodingFault(buffered); reason != "" {
		b.fault(schema.Problem{File: file, Reason: reason, Hint: "save the file as UTF-8"})
		return
	}
	g := &guard{r: buffered}
	in := &csvReader{b: b, file: len(b.sources) - 1, csv: csv.NewReader(g), guard: g}
	in.csv.ReuseRecord = true
	in.csv.FieldsPerRecord = -1 // counted here, to name line and hint
	if in.header() {
		for in.next() {
			in.price()
		}
	}
}

// encodingFault skips the byte order mark of UTF-8 and refuses that of UTF-16.
func encodingFault(r *bufio.Reader) string {
	start, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		r.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return "is text in UTF-16"
	case bytes.IndexByte(start, 0) >= 0:
		return "holds a zero byte: it is no text, or text in UTF-16"
	}
	return ""
}

var errRecordTooLong = fmt.Errorf("is longer than %d bytes", MaxRecordBytes)

// guard stops a row that has no end before it fills the memory.
type guard struct {
	r           io.Reader
	read, start int64 // bytes given out, and where the present row began
}

func (g *guard) Read(p []byte) (int, error) {
	if g.read-g.start > MaxRecordBytes {
		return 0, errRecordTooLong
	}
	n, err := g.r.Read(p)
	g.read += int64(n)
	return n, err
}

// next reads a row into in.row, and reports and skips rows that are no CSV. It
// is false at the end of the file and when nothing more can be read.
func (in *csvReader) next() bool {
	for !in.b.full() {
		in.guard.start = in.csv.InputOffset()
		row, err := in.csv.Read()
		if err == nil {
			in.row = row
			in.line, _ = in.csv.FieldPos(0)
			return true
		}
		if err == io.EOF {
			return false
		}
		p := schema.Problem{File: in.b.sources[in.file].file, Reason: "cannot be read: " + err.Error()}
		parse := new(csv.ParseError)
		switch {
		case errors.As(err, &parse):
			p.Line, p.Reason = int64(parse.Line), "is not CSV: "+parse.Err.Error()
			p.Hint = "put a field that holds quotes, commas or line ends in quotes, and double the quotes inside"
		case errors.Is(err, errRecordTooLong):
			p.Reason, p.Hint = fmt.Sprintf("the row after line %d %s", in.line, err), "look for a quote that is never closed"
		}
		in.b.fault(p)
		if !errors.As(err, &parse) {
			return false
		}
	}
	return false
}

func (in *csvReader) header() bool {
	before := len(in.b.problems)
	for in.next() {
		if isMetadata(in.row) {
			continue
		}
		if len(in.row) > MaxColumns {
			in.fault(0, "header", "", fmt.Sprintf("has %d columns, more than %d", len(in.row), MaxColumns), "is this a price list?")
			return false
		}
		cols := readHeader(in.row, func(column int, name, reason, hint string) {
			in.fault(column, "column", name, reason, hint)
		})
		in.b.sources[in.file].cols = cols
		if len(in.b.problems) > before {
			return false
		}
		if cols.at[fieldRegion] < 0 {
			in.b.warn(schema.Problem{File: in.b.sources[in.file].file, Reason: "has no column Region Code: its prices hold for every region"})
		}
		return true
	}
	if len(in.b.problems) == before {
		in.b.fault(schema.Problem{File: in.b.sources[in.file].file, Reason: "has no header", Hint: "the first row must name the columns, SKU among them"})
	}
	return false
}

// fault reports a problem of the present row. column is 1-based, 0 for the row.
func (in *csvReader) fault(column int, name, value, reason, hint string) {
	line, _ := in.csv.FieldPos(max(0, min(column, len(in.row))-1))
	in.b.fault(schema.Problem{File: in.b.sources[in.file].file, Line: int64(line), Column: column,
		Field: name, Value: schema.Shorten(value), Reason: reason, Hint: hint})
}

// price takes one row into the builder, unless it is faulty or no price of
// usage.
func (in *csvReader) price() {
	cols := &in.b.sources[in.file].cols
	if len(in.row) != cols.width {
		in.fault(0, "row", "", fmt.Sprintf("has %d fields, the header has %d", len(in.row), cols.width), "count the commas; quote fields that hold one")
		return
	}
	before := len(in.b.problems)
	in.checkText()
	switch term := in.get(fieldTermType); term {
	case "OnDemand":
	case "Reserved":
		in.b.reserved++
		return
	default:
		in.faultAt(fieldTermType, "is not a term type", "write OnDemand or Reserved")
	}
	in.b.prices++
	key := Key{in.need(fieldService), in.need(fieldUsageType), in.keep(fieldOperation), in.keep(fieldRegion)}
	r := priceRow{effective: in.date(), unit: in.need(fieldUnit), tier: in.tier(), where: position{in.file, int64(in.line)}}
	r.model, r.size = in.model()
	p := product{family: in.keep(fieldFamily), currency: in.currency(), attributes: in.attributes()}
	id := in.need(fieldSKU)
	if len(in.b.problems) == before {
		in.b.add(id, key, p, r)
	}
}

// checkText refuses what no field may hold.
func (in *csvReader) checkText() {
	for i, s := range in.row {
		name := fmt.Sprintf("field %d", i+1)
		switch {
		case len(s) > schema.MaxFieldBytes:
			in.fault(i+1, name, s, fmt.Sprintf("is longer than %d bytes", schema.MaxFieldBytes), "shorten it")
		case !utf8.ValidString(s):
			in.fault(i+1, name, strings.ToValidUTF8(s, "?"), "is not UTF-8", "save the file as UTF-8")
		case strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }):
			in.fault(i+1, name, s, "holds a control character", "take line ends, tabs and other control characters out")
		}
	}
}

// get returns a field without the spaces around it. The text is that of the
// row and is lost with the next one.
func (in *csvReader) get(f field) string {
	if at := in.b.sources[in.file].cols.at[f]; at >= 0 {
		return strings.TrimSpace(in.row[at])
	}
	return ""
}

// keep returns a field as a text of its own, one copy for equal ones.
func (in *csvReader) keep(f field) string { return in.b.intern(in.get(f)) }

// need is keep for a field that must not be blank.
func (in *csvReader) need(f field) string {
	s := in.keep(f)
	if s == "" {
		in.faultAt(f, "is blank", "every price needs it")
	}
	return s
}

func (in *csvReader) faultAt(f field, reason, hint string) {
	in.fault(in.b.sources[in.file].cols.at[f]+1, fieldNames[f], in.get(f), reason, hint)
}

// date reads EffectiveDate as seconds since 1970: a day, which begins at
// midnight UTC, or an instant in RFC 3339.
func (in *csvReader) date() int64 {
	s := in.get(fieldEffective)
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil || t.Nanosecond() != 0 || t.Year() < 1970 || t.Year() > 2200 {
		in.faultAt(fieldEffective, "is not a date", "write 2026-10-01, or 2026-10-01T00:00:00Z with whole seconds")
		return 0
	}
	return t.Unix()
}

func (in *csvReader) currency() money.Currency {
	c, err := money.ParseCurrency(in.get(fieldCurrency))
	if err != nil {
		in.faultAt(fieldCurrency, "is not a currency", "write three capital letters such as USD")
	}
	return c
}

func (in *csvReader) tier() Tier {
	t := Tier{RateCode: in.need(fieldRateCode), Description: in.keep(fieldDescription)}
	t.Begin = in.bound(fieldStart, "the first range starts at 0")
	if t.Open = strings.EqualFold(in.get(fieldEnd), "inf"); !t.Open {
		t.End = in.bound(fieldEnd, "write Inf for a range without end")
		if money.Sign(t.End) > 0 && money.Cmp(t.End, t.Begin) <= 0 {
			in.faultAt(fieldEnd, fmt.Sprintf("is not above the start of the range, %s", t.Begin), "a range holds the counts from its start up to its end")
		}
	}
	rate, err := money.ParseRate(in.get(fieldPrice))
	if err != nil {
		in.faultAt(fieldPrice, "is not a rate: "+reasonOf(err), "write plain decimals such as 0.0520000000")
	}
	if t.Rate = rate; money.Sign(rate) < 0 {
		in.faultAt(fieldPrice, "is negative", "a price list holds no credits; give them as an offer")
	}
	return t
}

// model reads PricingModel, which is Graduated where it is blank, and the size
// of a package.
func (in *csvReader) model() (Model, money.Usage) {
	m, err := ParseModel(in.get(fieldModel))
	if err != nil {
		in.faultAt(fieldModel, "is not a pricing model", "write "+modelNames()+" in this spelling, or nothing, which is Graduated")
		return m, money.Usage{}
	}
	text := in.get(fieldPackageSize)
	switch {
	case m != Package && text != "":
		in.faultAt(fieldPackageSize, fmt.Sprintf("has no meaning with PricingModel %s", m), "take it out, or write Package under PricingModel")
		return m, money.Usage{}
	case m != Package:
		return m, money.Usage{}
	case text == "":
		in.faultAt(fieldPackageSize, "is blank", "PricingModel Package needs the units that one package holds")
		return m, money.Usage{}
	}
	const hint = "write a plain decimal above 0 such as 1000"
	size, err := money.ParseUsage(text)
	switch {
	case err != nil:
		in.faultAt(fieldPackageSize, "is not a number: "+reasonOf(err), hint)
	case money.Sign(size) <= 0:
		in.faultAt(fieldPackageSize, "is not above 0", hint)
	}
	return m, size
}

func (in *csvReader) bound(f field, hint string) money.Usage {
	u, err := money.ParseUsage(in.get(f))
	switch {
	case err != nil:
		in.faultAt(f, "is not a number: "+reasonOf(err), hint)
	case money.Sign(u) < 0:
		in.faultAt(f, "is negative", hint)
	}
	return u
}

// reasonOf returns what money says of a text, without the text itself.
func reasonOf(err error) string {
	if parse := new(money.ParseError); errors.As(err, &parse) {
		return parse.Reason
	}
	return err.Error()
}

// attributes encodes the further columns of the row, blanks left out. Two
// columns of one key may not differ.
func (in *csvReader) attributes() string {
	tags := in.b.tags[:0]
	for _, a := range in.b.sources[in.file].cols.attributes {
		value := strings.TrimSpace(in.row[a.column])
		if value == "" {
			continue
		}
		same := -1
		if a.again {
			same = slices.IndexFunc(tags, func(t schema.Tag) bool { return t.Key == a.key })
		}
		switch {
		case same < 0:
			tags = append(tags, schema.Tag{Key: a.key, Value: value})
		case tags[same].Value != value:
			in.fault(a.column+1, a.key, value, fmt.Sprintf("is %q in another column of this name", tags[same].Value), "keep one of the columns")
		}
	}
	if len(tags) > MaxAttributes {
		in.fault(0, "row", "", fmt.Sprintf("has %d product attributes, more than %d", len(tags), MaxAttributes), "take columns out")
	}
	in.b.tags = tags
	in.b.scratch = schema.EncodeTags(in.b.scratch[:0], tags)
	return in.b.intern(string(in.b.scratch))
}
