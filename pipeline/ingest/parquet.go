package ingest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// parquetFile is a Parquet file while it is read.
type parquetFile struct {
	s       *session
	r       io.ReaderAt
	file    *parquet.File
	tops    []top
	columns []*parquetColumn // that are read, in the order of the file
	tags    *parquetColumn   // a map, when the tags are one
	product *parquetColumn   // a map of product attributes
	tagged  []*parquetColumn // one tag each
	attrs   []*parquetColumn // one product attribute each, for price derivation
	scratch []byte           // texts made from numbers of the current row
	reader  *groupReader
}

// parquetColumn is a column that is read.
type parquetColumn struct {
	top    top
	field  field  // fNone for one tag or attribute
	key    []byte // of that
	cur    cursor
	values cursor // of a map: the values; cur has the keys
	now    parquet.Value
	pairs  []tagPair // of a map: what the current row holds
	texts  tagReader // backs the pairs
}

// readParquet reads usage or a report from Parquet.
func (s *session) readParquet(at io.ReaderAt, size int64) (err error) {
	// The library is known to panic on files that contradict themselves.
	defer func() {
		if p := recover(); p != nil {
			if s.calling {
				panic(p)
			}
			err = damaged("%v", p)
		}
	}()
	s.sum.Format = Parquet
	p := &parquetFile{s: s, r: at}
	if p.file, err = openParquet(at, size, s.lim); err != nil {
		return err
	}
	if err := p.open(); err != nil {
		return err
	}
	return p.rows()
}

// open compares the schema with what is wanted, before any row is read: a
// column that the file lacks would otherwise read as zeros.
func (p *parquetFile) open() (err error) {
	s := p.s
	if p.tops, err = topColumns(p.file.Metadata().Schema); err != nil {
		return err
	}
	if len(p.tops) > s.lim.MaxColumns {
		return &fault{reason: fmt.Sprintf("has %d columns, at most %d", len(p.tops), s.lim.MaxColumns)}
	}
	names := make([]string, len(p.tops))
	for i, t := range p.tops {
		names[i] = t.name
	}
	isCUR := s.isCUR(names)
	switch {
	case isCUR:
		err = s.planCUR(names)
	case s.derives():
		return s.fileFault("is not a Cost and Usage Report", "prices and reservations are derived from a report, legacy or 2.0")
	default:
		err = s.planUsage(names)
	}
	if err != nil {
		return err
	}
	s.original = p.original
	return p.choose(isCUR)
}

// choose takes the columns that the plan names and checks their types.
func (p *parquetFile) choose(isCUR bool) error {
	s := p.s
	var bad schema.Problems
	refuse := func(column int, f *fault) {
		q := *s.fileFault(f.reason, f.hint)
		q.Field, q.Column = p.tops[column].name, column+1
		bad = append(bad, q)
	}
	for _, c := range s.plan.cells {
		t := p.tops[c.column]
		col := &parquetColumn{top: t, field: c.field}
		switch {
		case t.key != nil && c.field == fTags && mapOfTexts(t, isCUR):
			p.tags = col
		case t.key != nil && c.field == fProduct && mapOfTexts(t, isCUR):
			p.product = col
		case t.leaf == nil:
			refuse(c.column, &fault{reason: "is a group of columns", hint: "tags are a MAP of text to text, or text that holds a JSON object"})
			continue
		default:
			if f := t.leaf.fits(c.field, isCUR); f != nil {
				refuse(c.column, f)
				continue
			}
		}
		p.columns = append(p.columns, col)
	}
	for _, c := range s.plan.tags {
		t := p.tops[c.column]
		if !t.leaf.isText() {
			refuse(c.column, &fault{reason: "is not text", hint: "write tags as text (BYTE_ARRAY, STRING)"})
			continue
		}
		p.tagged = append(p.tagged, &parquetColumn{top: t, field: fNone, key: c.keyBytes})
	}
	for _, c := range s.plan.attrs {
		if t := p.tops[c.column]; t.leaf.isText() {
			p.attrs = append(p.attrs, &parquetColumn{top: t, field: fNone, key: c.keyBytes})
		}
	}
	p.columns = append(append(p.columns, p.tagged...), p.attrs...)
	return bad.Err()
}

func mapOfTexts(t top, isCUR bool) bool {
	return t.key.holds == holdsText && (t.value.holds == holdsText || isCUR && t.value.holds == holdsDouble)
}

// rows reads row group by row group.
func (p *parquetFile) rows() error {
	line := int64(0)
	for i, group := range p.file.RowGroups() {
		n := p.file.Metadata().RowGroups[i].NumRows
		done, err := p.columnGroup(i, group, line+1)
		if err != nil {
			return err
		}
		if done == n {
			line += n
			continue
		}
		if err := p.openGroup(i, group); err != nil {
			return err
		}
		err = p.groupRows(done, n, &line)
		p.closeGroup()
		if err != nil {
			return err
		}
	}
	return nil
}

// openGroup checks the pages of the columns that are read, and opens them.
func (p *parquetFile) openGroup(i int, group parquet.RowGroup) error {
	meta := &p.file.Metadata().RowGroups[i]
	chunks := group.ColumnChunks()
	guard := &pageGuard{r: p.r, lim: p.s.lim}
	defer guard.close()
	open := func(c *cursor, l *leaf) error {
		if l.index >= len(chunks) || l.index >= len(meta.Columns) {
			return damaged("row group %d lacks column %s", i+1, l.name)
		}
		if err := p.s.ctx.Err(); err != nil {
			return err
		}
		guard.leaf = l
		if err := guard.check(&meta.Columns[l.index].MetaData, meta.NumRows); err != nil {
			return err
		}
		*c = cursor{leaf: l, pages: chunks[l.index].Pages(), buf: c.buf}
		return nil
	}
	for _, c := range p.columns {
		if c.top.leaf != nil {
			if err := open(&c.cur, c.top.leaf); err != nil {
				return err
			}
			continue
		}
		if err := open(&c.cur, c.top.key); err != nil {
			return err
		}
		if err := open(&c.values, c.top.value); err != nil {
			return err
		}
	}
	return nil
}

func (p *parquetFile) closeGroup() {
	for _, c := range p.columns {
		c.cur.close()
		c.values.close()
	}
}

// groupRows takes the rows of a group one by one, but for those in front that
// were taken by columns.
func (p *parquetFile) groupRows(done, n int64, line *int64) error {
	s := p.s
	for i := range n {
		*line++
		s.row.reset(*line)
		if err := p.fill(); err != nil {
			return err
		}
		if i < done {
			continue
		}
		if err := s.take(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads one row from all columns.
func (p *parquetFile) fill() error {
	s := p.s
	p.scratch = p.scratch[:0]
	for _, c := range p.columns {
		var err error
		if c.top.leaf == nil {
			err = c.nextMap(p.mapLimit(c))
		} else {
			c.now, err = c.cur.next()
		}
		if err != nil {
			return p.readError(c, err)
		}
		if c.top.leaf != nil && c.field != fNone && !c.now.IsNull() {
			p.set(c)
		}
	}
	if s.row.fault == nil {
		s.row.tags, s.row.fault = p.rowTags()
	}
	if s.row.fault == nil && s.prices {
		p.attributes()
	} else if s.row.fault == nil && p.product != nil {
		p.regionFromMap()
	}
	return nil
}

// mapLimit is how many entries of a map are looked at.
func (p *parquetFile) mapLimit(c *parquetColumn) int {
	if c.field == fTags {
		return p.s.lim.MaxTags
	}
	return p.s.lim.MaxColumns
}

func (p *parquetFile) readError(c *parquetColumn, err error) error {
	var f *fault
	if errors.As(err, &f) {
		return err
	}
	return damaged("column %s: %v", c.top.name, err)
}

// set puts a value into the row: texts and numbers that are not exact as text,
// the rest as what it is.
func (p *parquetFile) set(c *parquetColumn) {
	r, l, v := &p.s.row, c.top.leaf, c.now
	switch l.holds {
	case holdsText:
		r.text[c.field] = v.ByteArray()
	case holdsDouble:
		p.setDouble(c, v.Double())
	case holdsInt, holdsUint32, holdsDecimal:
		p.setDecimal(c)
	case holdsTimestamp:
		at, reason := unitNanos(v.Int64(), l.unit)
		p.setInstant(c, at, reason)
	case holdsInt96:
		at, reason := int96Nanos(v.Int96())
		p.setInstant(c, at, reason)
	}
}

func (p *parquetFile) setInstant(c *parquetColumn, at int64, reason string) {
	r := &p.s.row
	if reason != "" {
		p.fault(&fault{field: c.field, value: c.now.String(), reason: reason, hint: "is the unit of the timestamps right?"})
		return
	}
	r.nanos[c.field], r.typed[c.field] = at, true
}

func (p *parquetFile) fault(f *fault) {
	if p.s.row.fault == nil {
		p.s.row.fault = f
	}
}

// setDouble takes the shortest decimal text that reads back as the same double:
// that is the number the writer of a report meant.
func (p *parquetFile) setDouble(c *parquetColumn, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		p.fault(&fault{field: c.field, value: strconv.FormatFloat(v, 'g', -1, 64), reason: "is no number"})
		return
	}
	from := len(p.scratch)
	if math.Abs(v) > 1e40 {
		p.scratch = strconv.AppendFloat(p.scratch, v, 'e', -1, 64)
	} else {
		p.scratch = strconv.AppendFloat(p.scratch, v, 'f', -1, 64)
	}
	p.s.row.text[c.field] = p.scratch[from:len(p.scratch):len(p.scratch)]
}

// setDecimal takes an exact number as it is.
func (p *parquetFile) setDecimal(c *parquetColumn) {
	r := &p.s.row
	x, ok := c.integer()
	if !ok {
		p.fault(&fault{field: c.field, reason: "has more than 38 digits"})
		return
	}
	factor := int64(1)
	for range money.UsageScale - c.top.leaf.scale {
		factor *= 10
	}
	u, err := money.MulInt(money.Usage(x), factor)
	if err != nil {
		p.fault(&fault{field: c.field, value: x.String(), reason: "has more digits than fit with 18 decimals"})
		return
	}
	if c.field == fCost {
		r.cost = u
	} else {
		r.amount = u
	}
	r.typed[c.field] = true
}

// integer returns the unscaled number of the current value.
func (c *parquetColumn) integer() (money.Int128, bool) {
	l, v := c.top.leaf, c.now
	switch {
	case l.holds == holdsUint32:
		return money.Int128FromInt(int64(v.Uint32())), true
	case v.Kind() == parquet.Int32:
		return money.Int128FromInt(int64(v.Int32())), true
	case v.Kind() == parquet.Int64:
		return money.Int128FromInt(v.Int64()), true
	}
	b := v.ByteArray()
	if len(b) == 0 || len(b) > 16 {
		return money.Int128{}, false
	}
	// Big-endian two's complement, widened with its sign.
	x := money.Int128{}
	if b[0]&0x80 != 0 {
		x = money.Int128{Lo: math.MaxUint64, Hi: -1}
	}
	for _, octet := range b {
		x.Hi = x.Hi<<8 | int64(x.Lo>>56)
		x.Lo = x.Lo<<8 | uint64(octet)
	}
	return x, money.InRange(x)
}

// rowTags returns the tags of the row, from a map, from columns or from JSON.
// An empty value is a tag only where a map of a usage file has it.
func (p *parquetFile) rowTags() ([]byte, *fault) {
	s := p.s
	if text := s.row.text[fTags]; len(text) > 0 {
		return s.tags.fromJSON(text, s.sum.Kind == Snapshot)
	}
	s.tags.start()
	if p.tags != nil {
		if f := s.tags.addAll(p.tags.pairs, s.sum.Kind == Events); f != nil {
			return nil, f
		}
	}
	for _, c := range p.tagged {
		if c.now.IsNull() || len(c.now.ByteArray()) == 0 {
			continue
		}
		if f := s.tags.add(c.key, c.now.ByteArray()); f != nil {
			return nil, f
		}
	}
	return s.tags.end()
}

// attributes gathers product attributes for price derivation.
func (p *parquetFile) attributes() {
	s := p.s
	s.startAttributes()
	if p.product != nil && s.row.fault == nil {
		s.row.fault = s.attrs.addAll(p.product.pairs, false)
	}
	inMap := len(s.attrs.pairs)
	for _, c := range p.attrs {
		if !c.now.IsNull() {
			s.addAttribute(inMap, c.key, c.now.ByteArray())
		}
	}
	s.endAttributes()
}

// regionFromMap finds the region where a report has it only in its map.
func (p *parquetFile) regionFromMap() {
	r := &p.s.row
	if len(r.text[fRegion]) > 0 || len(r.text[fOldRegion]) > 0 {
		return
	}
	for _, t := range p.product.pairs {
		if string(t.key) == "region" {
			r.text[fOldRegion] = t.value
		}
	}
}

// original renders the current row as a JSON object, for the record of a reject.
func (p *parquetFile) original() []byte {
	out := []byte{'{'}
	add := func(name string, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		// Bytes that are no UTF-8 become replacement characters, which is an
		// error to the library and right for showing a row.
		out, _ = jsontext.AppendQuote(out, name)
		out = append(out, ':')
		out, _ = jsontext.AppendQuote(out, value)
	}
	for _, c := range p.columns {
		switch {
		case c.top.leaf == nil:
			for _, t := range c.pairs {
				add(c.top.name+"."+string(t.key), t.value)
			}
		case c.now.IsNull():
		case c.top.leaf.holds == holdsText:
			add(c.top.name, c.now.ByteArray())
		case c.field != fNone:
			add(c.top.name, []byte(p.shown(c)))
		}
	}
	return append(out, '}')
}

func (p *parquetFile) shown(c *parquetColumn) string {
	r := &p.s.row
	switch {
	case c.top.leaf.holds == holdsDecimal && r.typed[c.field] && c.field == fAmount:
		return r.amount.String()
	case c.top.leaf.holds == holdsDecimal && r.typed[c.field]:
		return r.cost.String()
	}
	return c.now.String()
}
