package ingest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// csvRows splits a stream into rows and fields by RFC 4180, without decoding
// texts: bytes inside quotes stay as they are, CR LF included. It never holds
// more than one row, nor more of it than the limit.
type csvRows struct {
	r       *bufio.Reader
	max     int    // bytes of one row
	line    int64  // physical lines read
	start   int64  // first line of the row, 1-based
	raw     []byte // the row as it stands, without its line end
	fields  [][]byte
	own     []byte // backs raw where the reader's buffer cannot
	scratch []byte // backs fields that held doubled quotes
	spans   []span
	quotes  int  // seen in a row that is too long
	midLine bool // such a row was given up inside a physical line
	long    bool // the row was too long and is skipped
}

type span struct {
	from, to int
	scratch  bool
}

// csvFault is a broken structure: where fields and rows begin is not known.
type csvFault struct {
	line   int64
	column int
	reason string
	hint   string
}

func (f *csvFault) Error() string { return f.reason }

// next reads the next row that is not blank, or returns io.EOF. A row over the
// limit sets long; raw then holds its beginning and fields nothing.
func (c *csvRows) next() error {
	for {
		c.own, c.long, c.quotes = c.own[:0], false, 0
		c.start = c.line + 1
		line, err := c.physical()
		if err != nil {
			return err
		}
		if c.long {
			return c.skip()
		}
		body := trimEnd(line)
		if len(body) == 0 {
			continue
		}
		if bytes.IndexByte(body, '"') < 0 {
			c.raw = body
			c.fields = splitPlain(c.fields[:0], body)
			return nil
		}
		return c.quoted(line)
	}
}

// physical reads up to and with the next line feed. The result is a view of
// the reader's buffer, or of own when the line is longer than that.
func (c *csvRows) physical() ([]byte, error) {
	from := len(c.own)
	for {
		part, err := c.r.ReadSlice('\n')
		switch {
		case err == nil || err == io.EOF && len(part) > 0:
			c.line++
			if len(c.own)+len(part) > c.max {
				c.giveUp(part)
				return nil, nil
			}
			if len(c.own) == 0 {
				return part, nil
			}
			c.own = append(c.own, part...)
			return c.own[from:], nil
		case err == io.EOF && len(c.own) > from:
			c.line++
			return c.own[from:], nil
		case err != bufio.ErrBufferFull:
			return nil, err
		case len(c.own)+len(part) > c.max:
			c.giveUp(part)
			return nil, nil
		}
		c.own = append(c.own, part...)
	}
}

// giveUp marks the row as too long, and counts quotes to find its end.
func (c *csvRows) giveUp(part []byte) {
	c.long = true
	c.quotes = bytes.Count(c.own, []byte{'"'}) + bytes.Count(part, []byte{'"'})
	if len(c.own) == 0 {
		c.own = append(c.own, part[:min(len(part), c.max)]...)
	}
	if c.midLine = part[len(part)-1] != '\n'; c.midLine {
		c.line++ // skip reads the rest of it
	}
}

// skip reads to the end of a row that is too long, holding nothing of it.
func (c *csvRows) skip() error {
	c.raw, c.fields = c.own, c.fields[:0]
	inLine, quotes := c.midLine, c.quotes
	for inLine || quotes%2 == 1 {
		part, err := c.r.ReadSlice('\n')
		quotes += bytes.Count(part, []byte{'"'})
		if !inLine && len(part) > 0 {
			c.line++
		}
		inLine = err == bufio.ErrBufferFull
		switch {
		case err == io.EOF && quotes%2 == 1:
			return c.fault(0, "opens a quote that is never closed")
		case err == io.EOF:
			return nil
		case err != nil && !inLine:
			return err
		}
	}
	return nil
}

func (c *csvRows) fault(column int, reason string) error {
	return &csvFault{line: c.start, column: column, reason: reason, hint: "put a field with commas, quotes or line breaks in quotes, and double the quotes inside"}
}

// splitPlain splits a row that has no quotes.
func splitPlain(dst [][]byte, row []byte) [][]byte {
	for {
		i := bytes.IndexByte(row, ',')
		if i < 0 {
			return append(dst, row)
		}
		dst = append(dst, row[:i])
		row = row[i+1:]
	}
}

// quoted splits a row that begins with the given line and has quotes.
func (c *csvRows) quoted(line []byte) error {
	c.spans, c.scratch = c.spans[:0], c.scratch[:0]
	row, at := line, 0
	for {
		var end int
		var err error
		if at < len(row) && row[at] == '"' {
			row, end, err = c.quotedField(row, at+1)
			if err != nil || c.long {
				return err
			}
		} else {
			if end = bytes.IndexByte(row[at:], ','); end < 0 {
				end = len(trimEnd(row[at:]))
			}
			end += at
			if bytes.IndexByte(row[at:end], '"') >= 0 {
				return c.fault(len(c.spans)+1, "has a quote inside a field without quotes")
			}
			c.spans = append(c.spans, span{at, end, false})
		}
		if end >= len(row) || row[end] != ',' {
			c.raw = trimEnd(row)
			c.resolve(row)
			return nil
		}
		at = end + 1
	}
}

// quotedField reads a field behind its opening quote, over further lines when
// it must. It returns the row, which may have grown, and the place behind the
// closing quote.
func (c *csvRows) quotedField(row []byte, from int) ([]byte, int, error) {
	at, begin, doubled := from, len(c.scratch), false
	for {
		i := bytes.IndexByte(row[at:], '"')
		if i < 0 {
			at = len(row)
			var err error
			if row, err = c.more(row); err != nil || c.long {
				return row, 0, err
			}
			continue
		}
		at += i
		if at+1 < len(row) && row[at+1] == '"' {
			c.scratch = append(c.scratch, row[from:at+1]...)
			at += 2
			from, doubled = at, true
			continue
		}
		break
	}
	if rest := row[at+1:]; len(rest) > 0 && rest[0] != ',' && len(trimEnd(rest)) > 0 {
		return row, 0, c.fault(len(c.spans)+1, "has text behind a closing quote")
	}
	if doubled {
		c.scratch = append(c.scratch, row[from:at]...)
		c.spans = append(c.spans, span{begin, len(c.scratch), true})
	} else {
		c.spans = append(c.spans, span{from, at, false})
	}
	return row, at + 1, nil
}

// more adds the next physical line to the row.
func (c *csvRows) more(row []byte) ([]byte, error) {
	if len(c.own) == 0 {
		c.own = append(c.own, row...)
	}
	_, err := c.physical()
	switch {
	case err == io.EOF:
		return row, c.fault(len(c.spans)+1, "opens a quote that is never closed")
	case err != nil:
		return row, err
	case c.long:
		return row, c.skip()
	}
	return c.own, nil
}

// resolve turns spans into fields, now that nothing moves any more.
func (c *csvRows) resolve(row []byte) {
	c.fields = c.fields[:0]
	for _, s := range c.spans {
		if s.scratch {
			c.fields = append(c.fields, c.scratch[s.from:s.to])
		} else {
			c.fields = append(c.fields, row[s.from:s.to])
		}
	}
}

// trimEnd drops the line end.
func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

// printable tells whether every byte is printable ASCII, eight bytes at a time.
func printable(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		// A byte is refused when it has its top bit, when adding 1 sets it (0x7f),
		// or when subtracting 0x20 borrows.
		if (w|(w+ones)|(w-0x20*ones))&tops != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// readText reads a file that is CSV or JSON lines, once expanded.
func (s *session) readText(d *delivery) error {
	expanded, err := d.expand(s.lim)
	if err != nil {
		return err
	}
	if d.in.Size >= smallFile {
		ahead := newStream(expanded)
		defer ahead.close()
		expanded = ahead
	}
	r, ok := expanded.(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(expanded, 256<<10)
	}
	head, err := r.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	format, bom, err := s.textFormat(head, d.pack)
	if err != nil {
		return err
	}
	if _, err := r.Discard(bom); err != nil {
		return err
	}
	s.sum.Format = format
	if format == JSONL {
		return s.readJSONL(r)
	}
	return s.readCSV(r)
}

// textFormat tells what a text is by its beginning, and how long its byte order
// mark is.
func (s *session) textFormat(head []byte, pack packing) (Format, int, error) {
	if pack != packedNot {
		if inner, err := sniff(head); err != nil || inner != packedNot {
			return Auto, 0, &fault{reason: "is packed inside " + pack.String(), hint: "pack it once; Parquet is delivered as it is"}
		}
	}
	bom := 0
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		bom = 3
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) || len(head) > 1 && (head[0] == 0) != (head[1] == 0) {
		return Auto, 0, &fault{reason: "is UTF-16 text", hint: "write the file in UTF-8"}
	}
	start := bytes.TrimLeft(head[bom:], " \t\r\n")
	switch {
	case s.opt.Format == Parquet:
		return Auto, 0, &fault{reason: "is not Parquet", hint: "a Parquet file begins and ends with PAR1"}
	case s.opt.Format != Auto:
		return s.opt.Format, bom, nil
	case bytes.HasPrefix(start, []byte("{")):
		return JSONL, bom, nil
	case bytes.HasPrefix(start, []byte("[")):
		return Auto, 0, &fault{reason: "is a JSON array", hint: "write one JSON object on each line"}
	}
	return CSV, bom, nil
}

// readCSV reads a usage file, or a Cost and Usage Report, as CSV.
func (s *session) readCSV(r *bufio.Reader) error {
	rows := &csvRows{r: r, max: s.lim.MaxLineBytes}
	s.original = func() []byte { return rows.raw }
	err := rows.next()
	if err == io.EOF {
		return nil
	}
	if err == nil {
		err = s.header(rows)
	}
	if err != nil {
		return s.csvError(err)
	}
	header := bytes.Clone(rows.raw)
	width := len(rows.fields)
	for {
		if err := rows.next(); err != nil {
			return s.csvError(err)
		}
		s.row.reset(rows.start)
		switch {
		case rows.long:
			s.row.fault = &fault{field: fNone, reason: fmt.Sprintf("the row has more than %d bytes", s.lim.MaxLineBytes), hint: "no field may hold more than 65536 bytes"}
		case bytes.Equal(rows.raw, header):
			return s.csvError(&csvFault{line: rows.start, reason: "repeats the header", hint: "deliver joined files apart"})
		case len(rows.fields) != width:
			return s.csvError(&csvFault{line: rows.start, reason: fmt.Sprintf("has %d fields where the header has %d", len(rows.fields), width), hint: "put a field with commas in quotes; the file may be cut off"})
		default:
			s.fillCSV(rows)
		}
		if err := s.take(); err != nil {
			return err
		}
	}
}

// csvError turns the end of the rows into nil and a broken structure into a
// fault of the file.
func (s *session) csvError(err error) error {
	if err == io.EOF {
		return nil
	}
	f, ok := err.(*csvFault)
	if !ok {
		return err
	}
	p := s.fileFault(f.reason, f.hint)
	p.Line, p.Column = f.line, f.column
	return p
}

// header plans the columns.
func (s *session) header(rows *csvRows) error {
	s.row.line = rows.start
	if rows.long || len(rows.fields) > s.lim.MaxColumns {
		return &csvFault{line: rows.start, reason: fmt.Sprintf("has a header of more than %d columns or %d bytes", s.lim.MaxColumns, s.lim.MaxLineBytes)}
	}
	names := make([]string, len(rows.fields))
	for i, f := range rows.fields {
		if reason := tagTextReason(f, 4096); reason != "" {
			return &csvFault{line: rows.start, column: i + 1, reason: "the name of the column " + reason, hint: "is this a text file?"}
		}
		names[i] = string(f)
	}
	if s.isCUR(names) {
		return s.planCUR(names)
	}
	if s.derives() {
		return s.fileFault("is not a Cost and Usage Report", "prices and reservations are derived from a report, legacy or 2.0")
	}
	return s.planUsage(names)
}

// isCUR tells a Cost and Usage Report by its columns, unless the options do.
func (s *session) isCUR(names []string) bool {
	if s.opt.Format != Auto && s.opt.Format != Parquet {
		return s.opt.Format == CUR
	}
	for _, n := range names {
		if strings.HasPrefix(n, "lineItem/") || strings.HasPrefix(n, "line_item_") && n != lineItemTypeName {
			return true
		}
	}
	return false
}

const lineItemTypeName = "line_item_type" // also the name of a field of usage

// fillCSV puts the fields of a row into their places.
func (s *session) fillCSV(rows *csvRows) {
	r := &s.row
	r.clean = printable(rows.raw)
	for _, c := range s.plan.cells {
		r.text[c.field] = rows.fields[c.column]
	}
	if len(s.plan.tags) > 0 {
		r.tags, r.fault = s.tagColumns(rows.fields)
	} else if text := r.text[fTags]; len(text) > 0 {
		r.tags, r.fault = s.tags.fromJSON(text, s.sum.Kind == Snapshot)
	}
	if s.prices && r.fault == nil {
		s.fillAttributes(rows.fields)
	}
}

// tagColumns reads tags of a column each; a blank cell is no tag.
func (s *session) tagColumns(fields [][]byte) ([]byte, *fault) {
	s.tags.start()
	for _, t := range s.plan.tags {
		if v := fields[t.column]; len(v) > 0 {
			if f := s.tags.add(t.keyBytes, v); f != nil {
				return nil, f
			}
		}
	}
	return s.tags.end()
}
