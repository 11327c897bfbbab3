package ingest

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// A row group of usage whose every value is sound goes into the batch column by
// column: a text is checked once per dictionary entry instead of once per row.
// Anything out of the ordinary (a bad value, a cost, a commitment, one tag per column) sends
// the row group down the row by row road, which says what is wrong and where.

// errRowByRow sends a row group down the row by row road.
var errRowByRow = errors.New("to be read row by row")

// maxGroupRows bounds what is held of one row group.
const maxGroupRows = 2 << 20

// groupReader reads one row group by columns.
type groupReader struct {
	p *parquetFile
	n int
	g batch.Group
}

// columnGroup reads row group i by columns. False means that it has to be read
// row by row, and that nothing was emitted.
func (p *parquetFile) columnGroup(i int, group parquet.RowGroup, firstLine int64) (bool, error) {
	n := p.file.Metadata().RowGroups[i].NumRows
	if p.s.group == nil || n > maxGroupRows || len(p.tagged) > 0 || p.product != nil {
		return false, nil
	}
	if err := p.openGroup(i, group); err != nil {
		return false, err
	}
	defer p.closeGroup()
	r := &groupReader{p: p, n: int(n), g: batch.Group{FirstLine: firstLine}}
	err := r.read()
	if errors.Is(err, errRowByRow) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.s.sum.Read += n
	p.s.sum.Emitted += n
	return true, p.s.call(func() error { return p.s.group(&r.g) })
}

func (r *groupReader) read() error {
	s := r.p.s
	texts := map[field]*batch.Coded{
		fAccount: &r.g.Account, fService: &r.g.Service, fUsageType: &r.g.UsageType, fOperation: &r.g.Operation,
		fResource: &r.g.Resource, fRegion: &r.g.Region, fZone: &r.g.Zone, fUnit: &r.g.Unit, fSource: &r.g.Source,
		fTags: &r.g.Tags, fCost: {}, fCurrency: {}, fType: {}, fCommitment: {},
	}
	for _, c := range texts {
		*c = batch.Coded{Codes: make([]uint32, r.n), Values: []string{""}}
	}
	for _, c := range r.p.columns {
		if err := r.column(c, texts[c.field]); err != nil {
			return err
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	if anyMet(texts[fCost]) || anyMet(texts[fCurrency]) || anyMet(texts[fCommitment]) || !onlyUsage(texts[fType]) {
		return errRowByRow
	}
	r.g.Source.Values[0] = s.opt.Source
	return r.check(texts)
}

func anyMet(c *batch.Coded) bool { return len(c.Values) > 1 }

func onlyUsage(c *batch.Coded) bool {
	for _, v := range c.Values {
		if v != "" && v != schema.LineItemUsage {
			return false
		}
	}
	return true
}

func (r *groupReader) column(c *parquetColumn, text *batch.Coded) error {
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
	flat, err := r.flat(&c.cur)
	if err != nil {
		return r.p.readError(c, err)
	}
	if len(flat.codes) != r.n {
		return errRowByRow
	}
	*text = batch.Coded{Codes: flat.codes, Values: flat.values}
	return nil
}

// flatColumn is a column chunk as codes. Code 0 stands for no value; an empty
// text is one only in a map.
type flatColumn struct {
	inMap  bool
	codes  []uint32
	starts []bool // of a repeated column: the entry begins a row
	values []string
}

// flat reads a chunk of texts. Each distinct text is taken out once where the
// file has a dictionary, else it is looked up.
func (r *groupReader) flat(c *cursor) (*flatColumn, error) {
	f := &flatColumn{inMap: c.leaf.maxRep > 0, codes: make([]uint32, 0, r.n), values: []string{""}}
	interned := map[string]uint32{}
	for {
		page, err := c.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, err
		}
		err = f.page(page, c.leaf, interned)
		parquet.Release(page)
		if err != nil {
			return nil, err
		}
	}
}

func (f *flatColumn) page(page parquet.Page, l *leaf, interned map[string]uint32) error {
	n := int(page.NumValues())
	definition, repetition := page.DefinitionLevels(), page.RepetitionLevels()
	if l.maxDef > 0 && len(definition) != n || l.maxRep > 0 && len(repetition) != n {
		return errRowByRow
	}
	next, err := f.valueCodes(page, interned)
	if err != nil {
		return err
	}
	for i := range n {
		if l.maxRep > 0 {
			f.starts = append(f.starts, repetition[i] == 0)
		}
		if l.maxDef > 0 && int(definition[i]) < l.maxDef {
			f.codes = append(f.codes, 0)
			continue
		}
		code, ok := next()
		if !ok {
			return damaged("column %s has fewer values than it says", l.name)
		}
		f.codes = append(f.codes, code)
	}
	return nil
}

// valueCodes returns a function that gives the code of the page's next value.
func (f *flatColumn) valueCodes(page parquet.Page, interned map[string]uint32) (func() (uint32, bool), error) {
	data := page.Data()
	at := 0
	if dictionary := page.Dictionary(); dictionary != nil {
		indexes := data.Int32()
		codes := make([]uint32, dictionary.Len()) // 1 + code
		return func() (uint32, bool) {
			if at >= len(indexes) || int(indexes[at]) >= len(codes) || indexes[at] < 0 {
				return 0, false
			}
			index := indexes[at]
			at++
			if codes[index] == 0 {
				codes[index] = 1 + f.intern(dictionary.Index(index).ByteArray(), interned)
			}
			return codes[index] - 1, true
		}, nil
	}
	bytes, offsets := data.ByteArray()
	return func() (uint32, bool) {
		if at+1 >= len(offsets) {
			return 0, false
		}
		v := bytes[offsets[at]:offsets[at+1]]
		at++
		return f.intern(v, interned), true
	}, nil
}

func (f *flatColumn) intern(v []byte, interned map[string]uint32) uint32 {
	if len(v) == 0 && !f.inMap {
		return 0
	}
	code, ok := interned[string(v)]
	if !ok {
		code = uint32(len(f.values))
		f.values = append(f.values, string(v))
		interned[string(v)] = code
	}
	return code
}

// check looks at every distinct text once.
func (r *groupReader) check(texts map[field]*batch.Coded) error {
	for f, c := range texts {
		limit := schema.MaxFieldBytes
		if f == fSource {
			limit = schema.MaxIDBytes
		}
		for _, v := range c.Values {
			sound := len(v) <= limit && (f == fTags || printable([]byte(v)) || textFault(f, []byte(v)) == nil)
			if !sound || f == fAccount && v != "" && !schema.ValidAccountID(v) {
				return errRowByRow
			}
		}
	}
	for _, c := range []*batch.Coded{&r.g.Account, &r.g.Service, &r.g.UsageType, &r.g.Source} {
		if c.Values[0] == "" && met(c, 0) {
			return errRowByRow
		}
	}
	if err := r.canonicalTags(); err != nil {
		return err
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

// canonicalTags turns tags that came as JSON texts into canonical form.
func (r *groupReader) canonicalTags() error {
	if r.p.tags != nil {
		return nil // a map: tagMap made them canonical
	}
	for i, text := range r.g.Tags.Values {
		if text == "" {
			continue
		}
		canonical, f := r.p.s.tags.fromJSON([]byte(text), false)
		if f != nil {
			return errRowByRow
		}
		r.g.Tags.Values[i] = string(canonical)
	}
	return nil
}

// ids reads the record ids, which are nearly all distinct.
func (r *groupReader) ids(c *parquetColumn) error {
	return r.each(c, func(v parquet.Value) error {
		id := v.ByteArray()
		if len(id) == 0 || len(id) > schema.MaxIDBytes || !printable(id) && textFault(fRecordID, id) != nil {
			return errRowByRow
		}
		r.g.IDs.Append(id)
		return nil
	})
}

func (r *groupReader) instants(c *parquetColumn, dst *[]int64) error {
	*dst = make([]int64, 0, r.n)
	return r.each(c, func(v parquet.Value) error {
		at, reason := int64(0), ""
		if c.top.leaf.holds == holdsTimestamp {
			at, reason = unitNanos(v.Int64(), c.top.leaf.unit)
		} else if c.top.leaf.holds == holdsText {
			at, reason = parseInstant(v.ByteArray())
		} else {
			return errRowByRow
		}
		if reason != "" {
			return errRowByRow
		}
		*dst = append(*dst, at)
		return nil
	})
}

func (r *groupReader) amounts(c *parquetColumn) error {
	row := &r.p.s.row
	r.g.Amount = make([]money.Usage, 0, r.n)
	return r.each(c, func(v parquet.Value) error {
		if c.top.leaf.holds == holdsText {
			amount, err := money.ParseUsageBytes(v.ByteArray())
			if err != nil {
				return errRowByRow
			}
			r.g.Amount = append(r.g.Amount, amount)
			return nil
		}
		row.fault = nil
		c.now = v
		r.p.setDecimal(c)
		if row.fault != nil {
			return errRowByRow
		}
		r.g.Amount = append(r.g.Amount, row.amount)
		return nil
	})
}

// each gives every value of a column that may have no nulls.
func (r *groupReader) each(c *parquetColumn, fn func(parquet.Value) error) error {
	for range r.n {
		v, err := c.cur.next()
		if err != nil {
			return r.p.readError(c, err)
		}
		if v.IsNull() {
			return errRowByRow
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// tagMap reads tags that are a map. Tag sets repeat, so a set is checked once
// and known by the codes of its keys and values from then on.
func (r *groupReader) tagMap(c *parquetColumn) error {
	keys, err := r.flat(&c.cur)
	if err != nil {
		return r.p.readError(c, err)
	}
	values, err := r.flat(&c.values)
	if err != nil {
		return r.p.readError(c, err)
	}
	if len(keys.codes) != len(values.codes) || len(keys.starts) != len(keys.codes) {
		return errRowByRow
	}
	t := tagSets{reader: &r.p.s.tags, keys: keys, values: values, known: map[string]uint32{"": 0}, coded: &r.g.Tags}
	t.coded.Codes = t.coded.Codes[:0]
	for i := 0; i < len(keys.codes); {
		end := i + 1
		for end < len(keys.codes) && !keys.starts[end] {
			end++
		}
		code, err := t.set(i, end)
		if err != nil {
			return err
		}
		t.coded.Codes = append(t.coded.Codes, code)
		i = end
	}
	if len(t.coded.Codes) != r.n {
		return errRowByRow
	}
	return nil
}

type tagSets struct {
	reader       *tagReader
	keys, values *flatColumn
	known        map[string]uint32
	coded        *batch.Coded
	scratch      []byte
}

// set returns the code of the tag set of entries [from, to).
func (t *tagSets) set(from, to int) (uint32, error) {
	t.scratch = t.scratch[:0]
	for i := from; i < to; i++ {
		k, v := t.keys.codes[i], t.values.codes[i]
		t.scratch = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(t.scratch, k), v)
	}
	if code, ok := t.known[string(t.scratch)]; ok {
		return code, nil
	}
	return t.add(from, to)
}

// add checks a tag set that was not met before. An entry without a key or a
// value is none, as row by row.
func (t *tagSets) add(from, to int) (uint32, error) {
	t.reader.start()
	for i := from; i < to; i++ {
		k, v := t.keys.codes[i], t.values.codes[i]
		if k == 0 || v == 0 {
			continue
		}
		if f := t.reader.add([]byte(t.keys.values[k]), []byte(t.values.values[v])); f != nil {
			return 0, errRowByRow
		}
	}
	canonical, f := t.reader.end()
	if f != nil {
		return 0, errRowByRow
	}
	code := uint32(0)
	if len(canonical) > 0 {
		code = uint32(len(t.coded.Values))
		t.coded.Values = append(t.coded.Values, string(canonical))
	}
	t.known[string(t.scratch)] = code
	return code, nil
}
