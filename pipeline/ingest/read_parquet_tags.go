package ingest

import (
	"encoding/binary"

	"github.com/monthend/monthend/schema/batch"
)

// tagMap reads tags that are a map. Tag sets repeat, so a set is checked once
// and known by the codes of its keys and values from then on.
func (r *groupReader) tagMap(c *groupColumn) error {
	t := r.tags
	if err := t.keys.read(&c.keys, r.n); err != nil {
		return err
	}
	if err := t.values.read(&c.values, r.n); err != nil {
		return err
	}
	keys, values := &t.keys, &t.values
	if len(keys.codes) != len(values.codes) || len(keys.starts) != len(keys.codes) {
		return errRowByRow
	}
	t.codes = t.codes[:0]
	for i := 0; i < len(keys.codes); {
		end := i + 1
		for end < len(keys.codes) && !keys.starts[end] {
			end++
		}
		code, err := t.set(i, end)
		if err != nil {
			return err
		}
		t.codes = append(t.codes, code)
		i = end
	}
	if len(t.codes) != r.n {
		return errRowByRow
	}
	r.g.Tags = batch.Coded{Codes: t.codes, Values: t.sets}
	return nil
}

// tagSets gives each distinct tag set of a row group a code.
type tagSets struct {
	reader       *tagReader
	keys, values textCodes
	known        map[string]uint32
	sets         []string // canonical
	codes        []uint32 // by row
	scratch      []byte
}

func newTagSets(reader *tagReader) *tagSets {
	return &tagSets{reader: reader, keys: textCodes{inMap: true}, values: textCodes{inMap: true}, known: map[string]uint32{}}
}

func (t *tagSets) reset() {
	t.keys.reset()
	t.values.reset()
	clear(t.known)
	t.known[""] = 0
	t.sets = append(t.sets[:0], "")
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
		code = uint32(len(t.sets))
		t.sets = append(t.sets, string(canonical))
	}
	t.known[string(t.scratch)] = code
	return code, nil
}
