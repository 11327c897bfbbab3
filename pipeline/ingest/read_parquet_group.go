package ingest

import (
	"errors"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Usage whose every value is sound goes into the batch column by column, some
// rows at a time: a text is checked once per dictionary entry instead of once
// per row. Anything out of the ordinary (a bad value, a cost, a commitment, one
// tag per column) sends what is left of the row group down the row by row road,
// which says what is wrong and where.

// errRowByRow sends the rest of a row group down the row by row road.
var errRowByRow = errors.New("to be read row by row")

// sliceRows is how many rows are read by columns at a time at most, whatever the
// size of the row groups.
const sliceRows = 1 << 17

// groupReader reads one row group by columns.
type groupReader struct {
	p       *parquetFile
	n       int // rows of the current slice
	g       batch.Group
	columns []*groupColumn
	tags    *tagSets // nil when they are no map
	zeros   []uint32 // codes of a column that the file lacks
}

// groupColumn is a column while its row group is read.
type groupColumn struct {
	*parquetColumn
	keys, values pageColumn // only a map has values
	texts        textCodes
	instants     memo[int64]
	amounts      memo[money.Usage]
	checked      int      // texts that were checked
	canonical    []string // of tags that came as JSON: the texts in canonical form
}

// columnGroup reads row group i by columns and returns how many rows it emitted.
// The others have to be read row by row.
func (p *parquetFile) columnGroup(i int, group parquet.RowGroup, firstLine int64) (done int64, err error) {
	n := p.file.Metadata().RowGroups[i].NumRows
	source := []byte(p.s.opt.Source)
	if p.s.group == nil || len(p.tagged) > 0 || p.product != nil || len(source) > 0 && !soundID(source) {
		return 0, nil
	}
	if err := p.openGroup(i, group); err != nil {
		return 0, err
	}
	defer p.closeGroup()
	if p.reader == nil {
		p.reader = newGroupReader(p)
	}
	r := p.reader
	r.begin()
	defer r.close()
	rows := int64(sliceRows)
	if p.s.opt.groupRows > 0 {
		rows = int64(p.s.opt.groupRows)
	}
	for done < n {
		r.n = int(min(n-done, rows))
		r.g.FirstLine = firstLine + done
		err := r.read()
		if errors.Is(err, errRowByRow) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
		done += int64(r.n)
		p.s.sum.Read += int64(r.n)
		p.s.sum.Emitted += int64(r.n)
		if err := p.s.call(func() error { return p.s.group(&r.g) }); err != nil {
			return done, err
		}
	}
	return done, nil
}

func newGroupReader(p *parquetFile) *groupReader {
	r := &groupReader{p: p}
	for _, c := range p.columns {
		r.columns = append(r.columns, &groupColumn{parquetColumn: c})
		if c.top.leaf == nil {
			r.tags = newTagSets(&p.s.tags)
		}
	}
	return r
}

// begin begins a row group, in the memory of the one before.
func (r *groupReader) begin() {
	for _, c := range r.columns {
		c.keys = pageColumn{leaf: c.cur.leaf, pages: c.cur.pages}
		if c.top.leaf == nil {
			c.values = pageColumn{leaf: c.parquetColumn.values.leaf, pages: c.parquetColumn.values.pages}
		}
		c.texts.reset()
		c.instants.reset()
		c.amounts.reset()
		c.checked, c.canonical = 0, c.canonical[:0]
	}
	if r.tags != nil {
		r.tags.reset()
	}
}

func (r *groupReader) close() {
	for _, c := range r.columns {
		c.keys.release()
		c.values.release()
	}
}

// read reads the next rows of all columns into the group.
func (r *groupReader) read() error {
	if len(r.zeros) < r.n {
		r.zeros = make([]uint32, r.n)
	}
	none := batch.Coded{Codes: r.zeros[:r.n], Values: []string{""}}
	g := batch.Group{File: r.g.File, FirstLine: r.g.FirstLine, IDs: r.g.IDs, Start: r.g.Start[:0], End: r.g.End[:0], Amount: r.g.Amount[:0],
		Account: none, Service: none, UsageType: none, Operation: none, Resource: none, Region: none, Zone: none, Unit: none,
		Source: batch.Coded{Codes: none.Codes, Values: []string{r.p.s.opt.Source}}, Tags: none}
	g.IDs.Reset()
	r.g = g
	for _, c := range r.columns {
		if err := r.column(c); err != nil {
			if errors.Is(err, errRowByRow) {
				return err
			}
			return r.p.readError(c.parquetColumn, err)
		}
		if err := r.p.s.ctx.Err(); err != nil {
			return err
		}
	}
	return r.check()
}

// coded is where the texts of a field go; nil for fields that are no texts, or
// that rows read by columns do not have.
func (r *groupReader) coded(f field) *batch.Coded {
	switch f {
	case fAccount:
		return &r.g.Account
	case fService:
		return &r.g.Service
	case fUsageType:
		return &r.g.UsageType
	case fOperation:
		return &r.g.Operation
	case fResource:
		return &r.g.Resource
	case fRegion:
		return &r.g.Region
	case fZone:
		return &r.g.Zone
	case fUnit:
		return &r.g.Unit
	case fSource:
		return &r.g.Source
	case fTags:
		return &r.g.Tags
	}
	return nil
}

func (r *groupReader) column(c *groupColumn) error {
	switch {
	case c.field == fRecordID:
		return r.ids(c)
	case c.field == fStart:
		return r.instants(c, &r.g.Start)
	case c.field == fEnd:
		return r.instants(c, &r.g.End)
	case c.field == fAmount:
		return r.amounts(c)
	case c.top.leaf == nil:
		return r.tagMap(c)
	case c.top.leaf.holds != holdsText:
		return errRowByRow
	}
	if err := c.texts.read(&c.keys, r.n); err != nil {
		return err
	}
	if len(c.texts.codes) != r.n {
		return errRowByRow
	}
	if err := c.checkTexts(); err != nil {
		return err
	}
	return r.place(c)
}

// place puts the texts of a column into the group.
func (r *groupReader) place(c *groupColumn) error {
	values := c.texts.values
	to := r.coded(c.field)
	switch {
	case c.field == fTags:
		return r.jsonTags(c)
	case c.field == fType:
		for _, v := range values {
			if v != "" && v != schema.LineItemUsage {
				return errRowByRow
			}
		}
		return nil
	case to == nil && len(values) > 1: // a cost, its currency, a commitment
		return errRowByRow
	case to == nil:
		return nil
	}
	if c.field == fSource {
		values[0] = r.p.s.opt.Source
	}
	*to = batch.Coded{Codes: c.texts.codes, Values: values}
	return nil
}

// checkTexts looks at every distinct text once.
func (c *groupColumn) checkTexts() error {
	limit := schema.MaxFieldBytes
	if c.field == fSource {
		limit = schema.MaxIDBytes
	}
	for _, v := range c.texts.values[c.checked:] {
		sound := len(v) <= limit && (c.field == fTags || printable([]byte(v)) || textFault(c.field, []byte(v)) == nil)
		if !sound || c.field == fAccount && v != "" && !schema.ValidAccountID(v) {
			return errRowByRow
		}
	}
	c.checked = len(c.texts.values)
	return nil
}

// check looks at what must be there, and at what no column shows by itself.
func (r *groupReader) check() error {
	for _, c := range []*batch.Coded{&r.g.Account, &r.g.Service, &r.g.UsageType, &r.g.Source} {
		if c.Values[0] == "" && met(c, 0) {
			return errRowByRow
		}
	}
	if len(r.g.Start) != r.n || len(r.g.End) != r.n || len(r.g.Amount) != r.n || r.g.IDs.Len() != r.n {
		return errRowByRow
	}
	for i := range r.n {
		if r.g.End[i] < r.g.Start[i] || money.Sign(r.g.Amount[i]) < 0 {
			return errRowByRow
		}
	}
	return nil
}

func met(c *batch.Coded, code uint32) bool {
	for _, v := range c.Codes {
		if v == code {
			return true
		}
	}
	return false
}

// jsonTags turns tags that came as JSON texts into canonical form.
func (r *groupReader) jsonTags(c *groupColumn) error {
	for _, text := range c.texts.values[len(c.canonical):] {
		canonical := []byte(nil)
		if text != "" {
			var f *fault
			if canonical, f = r.p.s.tags.fromJSON([]byte(text), false); f != nil {
				return errRowByRow
			}
		}
		c.canonical = append(c.canonical, string(canonical))
	}
	r.g.Tags = batch.Coded{Codes: c.texts.codes, Values: c.canonical}
	return nil
}

// ids reads the record ids, which are nearly all distinct.
func (r *groupReader) ids(c *groupColumn) error {
	return c.keys.eachPart(r.n, func(from, to int) error {
		if c.keys.dictionary == nil && c.keys.offsets != nil {
			return r.idBlock(c.keys.bytes, c.keys.offsets[from:to+1])
		}
		for i := from; i < to; i++ {
			v, err := c.keys.at(i)
			if err != nil {
				return err
			}
			if id := v.ByteArray(); soundID(id) {
				r.g.IDs.Append(id)
			} else {
				return errRowByRow
			}
		}
		return nil
	})
}

// idBlock takes ids that lie one behind the other.
func (r *groupReader) idBlock(data []byte, offsets []uint32) error {
	first, last := offsets[0], offsets[len(offsets)-1]
	block := data[first:last]
	plain := printable(block)
	for i, at := range offsets[1:] {
		id := data[offsets[i]:at]
		if len(id) == 0 || len(id) > schema.MaxIDBytes || !plain && !soundID(id) {
			return errRowByRow
		}
	}
	r.g.IDs.AppendBlock(block, offsets[1:], first)
	return nil
}

func soundID(id []byte) bool {
	return len(id) > 0 && len(id) <= schema.MaxIDBytes && (printable(id) || textFault(fRecordID, id) == nil)
}

func (r *groupReader) instants(c *groupColumn, dst *[]int64) (err error) {
	*dst, err = c.instants.read(*dst, &c.keys, r.n, func(v parquet.Value) (int64, bool) {
		at, reason := int64(0), "is no instant"
		switch c.top.leaf.holds {
		case holdsTimestamp:
			at, reason = unitNanos(v.Int64(), c.top.leaf.unit)
		case holdsText:
			at, reason = parseInstant(v.ByteArray())
		}
		return at, reason == ""
	})
	return err
}

func (r *groupReader) amounts(c *groupColumn) (err error) {
	row := &r.p.s.row
	r.g.Amount, err = c.amounts.read(r.g.Amount, &c.keys, r.n, func(v parquet.Value) (money.Usage, bool) {
		switch c.top.leaf.holds {
		case holdsText:
			amount, err := money.ParseUsageBytes(v.ByteArray())
			return amount, err == nil
		case holdsInt, holdsUint32, holdsDecimal:
			row.fault = nil
			c.now = v
			r.p.setDecimal(c.parquetColumn)
			return row.amount, row.fault == nil
		}
		return money.Usage{}, false
	})
	return err
}
