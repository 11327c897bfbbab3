package ingest

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/schema"
)

// tagReader builds the canonical form of tag sets, see schema.EncodeTags. Tag
// sets repeat from row to row, so what JSON text gave is remembered.
type tagReader struct {
	max      int
	squashed bool // keys are as a report squashed them, see typedKey
	pairs    []tagPair
	arena    []byte // texts that had to be copied
	out      []byte
	known    map[string][]byte
	dec      *jsontext.Decoder
	src      bytes.Buffer
}

type tagPair struct{ key, value []byte }

// The separators of the canonical form; a test holds them against schema.
const (
	tagUnit   = 0x1f
	tagRecord = 0x1e
)

// maxKnownTags is how many tag sets are remembered.
const maxKnownTags = 4096

func (t *tagReader) start() { t.pairs, t.arena = t.pairs[:0], t.arena[:0] }

// copied returns a copy of v that lives until the next start.
func (t *tagReader) copied(v []byte) []byte {
	from := len(t.arena)
	t.arena = append(t.arena, v...)
	return t.arena[from:len(t.arena):len(t.arena)]
}

// add checks one tag and takes it into the set. The views must live until end.
func (t *tagReader) add(key, value []byte) *fault {
	if len(t.pairs) >= t.max {
		return &fault{field: fTags, reason: fmt.Sprintf("has more than %d tags", t.max)}
	}
	if reason := tagKeyReason(key); reason != "" {
		return &fault{field: fTags, value: string(key[:min(len(key), schema.MaxProblemValue)]), reason: reason}
	}
	if reason := tagTextReason(value, schema.MaxTagValue); reason != "" {
		return &fault{field: fTags, value: string(key), reason: "value " + reason}
	}
	if t.squashed {
		key = typedKey(key)
	}
	t.pairs = append(t.pairs, tagPair{key, value})
	return nil
}

// addAll takes the pairs of a map, those with an empty value only if wanted.
func (t *tagReader) addAll(pairs []tagPair, empty bool) *fault {
	for _, p := range pairs {
		if len(p.value) == 0 && !empty {
			continue
		}
		if f := t.add(p.key, p.value); f != nil {
			return f
		}
	}
	return nil
}

func tagKeyReason(key []byte) string {
	if len(key) == 0 {
		return "has a tag without a key"
	}
	if reason := tagTextReason(key, schema.MaxTagKey); reason != "" {
		return "tag key " + reason
	}
	return ""
}

func tagTextReason(text []byte, limit int) string {
	switch {
	case len(text) > limit:
		return fmt.Sprintf("has %d bytes, more than %d", len(text), limit)
	case !utf8.Valid(text):
		return "is not UTF-8 text"
	case !schema.ValidTagText(text):
		return "holds a control character"
	}
	return ""
}

// end sorts the set and returns its canonical form, valid until the next end.
func (t *tagReader) end() ([]byte, *fault) {
	slices.SortFunc(t.pairs, func(a, b tagPair) int { return bytes.Compare(a.key, b.key) })
	t.out = t.out[:0]
	for i, p := range t.pairs {
		if i > 0 {
			if bytes.Equal(p.key, t.pairs[i-1].key) {
				return nil, &fault{field: fTags, value: string(p.key), reason: "holds this tag key twice"}
			}
			t.out = append(t.out, tagRecord)
		}
		t.out = append(t.out, p.key...)
		t.out = append(t.out, tagUnit)
		t.out = append(t.out, p.value...)
	}
	return t.out, nil
}

// fromJSON reads a JSON object of texts. Lax is how reports have it: a null or
// an empty text means no tag.
func (t *tagReader) fromJSON(text []byte, lax bool) ([]byte, *fault) {
	if known, ok := t.known[string(text)]; ok {
		return known, nil
	}
	t.start()
	if f := t.parseJSON(text, lax); f != nil {
		return nil, f
	}
	out, f := t.end()
	if f != nil {
		return nil, f
	}
	if t.known == nil || len(t.known) >= maxKnownTags {
		t.known = map[string][]byte{}
	}
	out = bytes.Clone(out)
	t.known[string(text)] = out
	return out, nil
}

func (t *tagReader) parseJSON(text []byte, lax bool) *fault {
	t.src = *bytes.NewBuffer(text)
	if t.dec == nil {
		t.dec = jsontext.NewDecoder(&t.src)
	} else {
		t.dec.Reset(&t.src)
	}
	notObject := &fault{field: fTags, value: string(text[:min(len(text), schema.MaxProblemValue)]), reason: "is not a JSON object of texts", hint: `write {"key":"value"}`}
	if tok, err := t.dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return notObject
	}
	for t.dec.PeekKind() != '}' {
		if f := t.parseMember(lax); f != nil {
			return f
		}
	}
	if _, err := t.dec.ReadToken(); err != nil {
		return jsonFault(fTags, err)
	}
	if len(bytes.TrimSpace(t.dec.UnreadBuffer())) > 0 {
		return notObject
	}
	return nil
}

func (t *tagReader) parseMember(lax bool) *fault {
	name, err := t.dec.ReadValue()
	if err != nil {
		return jsonFault(fTags, err)
	}
	key := t.unquoted(name)
	value, err := t.dec.ReadValue()
	if err != nil {
		return jsonFault(fTags, err)
	}
	switch {
	case lax && (value.Kind() == 'n' || len(value) == len(`""`)):
		return nil
	case lax && value.Kind() == '0':
		return t.add(key, t.copied(value))
	case value.Kind() != '"':
		return &fault{field: fTags, value: string(key), reason: "has a value that is not a text", hint: "put the value of the tag in quotes"}
	}
	return t.add(key, t.unquoted(value))
}

// unquoted copies the text of a JSON string to the arena.
func (t *tagReader) unquoted(v jsontext.Value) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return t.copied(v[1 : len(v)-1])
	}
	from := len(t.arena)
	// The decoder has checked the string, so this cannot fail.
	t.arena, _ = jsontext.AppendUnquote(t.arena, v)
	return t.arena[from:len(t.arena):len(t.arena)]
}
