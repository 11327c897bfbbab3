package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/schema"
)

// readJSONL reads usage as one JSON object per line.
func (s *session) readJSONL(r *bufio.Reader) error {
	if s.derives() {
		return s.fileFault("is not a Cost and Usage Report", "prices and reservations are derived from a report, legacy or 2.0")
	}
	s.plan = newPlan()
	lines := &csvRows{r: r, max: s.lim.MaxLineBytes}
	s.original = func() []byte { return lines.raw }
	j := &jsonLine{s: s, dec: jsontext.NewDecoder(bytes.NewReader(nil))}
	for {
		err := lines.nextLine()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		s.row.reset(lines.start)
		if lines.long {
			s.row.fault = &fault{field: fNone, reason: fmt.Sprintf("the line has more than %d bytes", s.lim.MaxLineBytes)}
		} else if !j.plain.read(s, lines.raw) {
			s.row.reset(lines.start)
			s.row.fault = j.read(lines.raw)
		}
		if err := s.take(); err != nil {
			return err
		}
	}
}

// nextLine reads the next physical line that is not blank.
func (c *csvRows) nextLine() error {
	for {
		c.own, c.long = c.own[:0], false
		c.start = c.line + 1
		line, err := c.physical()
		if err != nil {
			return err
		}
		if c.long {
			c.quotes = 0
			return c.skipLine()
		}
		c.raw = bytes.TrimSpace(line)
		if len(c.raw) > 0 {
			return nil
		}
	}
}

func (c *csvRows) skipLine() error {
	c.raw = c.own
	for c.midLine {
		_, err := c.r.ReadSlice('\n')
		c.midLine = err == bufio.ErrBufferFull
		if err != nil && err != io.EOF && !c.midLine {
			return err
		}
	}
	return nil
}

// jsonLine reads one object into the row.
type jsonLine struct {
	s     *session
	dec   *jsontext.Decoder
	src   bytes.Buffer
	arena []byte
	plain plainLine
}

func (j *jsonLine) read(line []byte) *fault {
	j.src = *bytes.NewBuffer(line)
	j.dec.Reset(&j.src)
	// Texts that hold escapes grow when copied, never beyond their raw length,
	// so the arena does not move while views of it are held.
	if j.arena = j.arena[:0]; cap(j.arena) < len(line) {
		j.arena = make([]byte, 0, 2*len(line))
	}
	tok, err := j.dec.ReadToken()
	if err != nil {
		return jsonFault(fNone, err)
	}
	if tok.Kind() != '{' {
		return &fault{field: fNone, value: string(line[:min(len(line), schema.MaxProblemValue)]), reason: "the line is not a JSON object", hint: "write one object per line"}
	}
	for j.dec.PeekKind() != '}' {
		if f := j.member(); f != nil {
			return f
		}
	}
	if _, err := j.dec.ReadToken(); err != nil {
		return jsonFault(fNone, err)
	}
	if len(bytes.TrimSpace(j.dec.UnreadBuffer())) > 0 {
		return &fault{field: fNone, reason: "the line holds more than one JSON object", hint: "write one object per line"}
	}
	return nil
}

func (j *jsonLine) member() *fault {
	name, err := j.dec.ReadValue()
	if err != nil {
		return jsonFault(fNone, err)
	}
	key := j.text(name)
	f := usageField(key)
	if f == fNone {
		shown := readable(key, schema.MaxIDBytes)
		return &fault{field: fNone, name: shown, reason: "is not a field of a usage record", hint: suggest(shown, usageNames[:usageFields])}
	}
	kind := j.dec.PeekKind()
	if (kind == '{' || kind == '[') && f != fTags {
		return &fault{field: f, reason: "holds a JSON object or array where one value is wanted"}
	}
	v, err := j.dec.ReadValue()
	if err != nil {
		return jsonFault(f, err)
	}
	return j.set(f, v)
}

// set puts a value into the row. Only amounts may be JSON numbers, whose text
// is taken as it stands; ids written as numbers have lost their zeros.
func (j *jsonLine) set(f field, v jsontext.Value) *fault {
	r := &j.s.row
	switch kind := v.Kind(); {
	case kind == 'n':
	case f == fTags && kind == '{':
		var fl *fault
		r.tags, fl = j.s.tags.fromJSON(v, false)
		return fl
	case f == fTags:
		return &fault{field: f, reason: "is not a JSON object of texts", hint: `write {"key":"value"}`}
	case kind == '"':
		r.text[f] = j.text(v)
	case kind == '0' && (f == fAmount || f == fCost):
		r.text[f] = j.copied(v)
	default:
		return &fault{field: f, value: string(v[:min(len(v), schema.MaxProblemValue)]), reason: "is not a text", hint: "put it in quotes"}
	}
	return nil
}

func (j *jsonLine) text(v jsontext.Value) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return j.copied(v[1 : len(v)-1])
	}
	from := len(j.arena)
	// The decoder has checked the string, so this cannot fail.
	j.arena, _ = jsontext.AppendUnquote(j.arena, v)
	return j.arena[from:len(j.arena):len(j.arena)]
}

func (j *jsonLine) copied(v []byte) []byte {
	from := len(j.arena)
	j.arena = append(j.arena, v...)
	return j.arena[from:len(j.arena):len(j.arena)]
}

// jsonFault says in our words what the decoder found.
func jsonFault(f field, err error) *fault {
	var syntax *jsontext.SyntacticError
	out := &fault{field: f, reason: "is broken JSON: " + err.Error()}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		out.reason = "holds a key twice"
		if errors.As(err, &syntax) {
			out.value = string(syntax.JSONPointer)
		}
	} else if errors.As(err, &syntax) {
		out.reason = "is broken JSON"
		if syntax.Err != nil {
			out.reason += ": " + syntax.Err.Error()
		}
		out.value = fmt.Sprintf("byte %d", syntax.ByteOffset)
	}
	if f == fNone {
		out.reason = "the line " + out.reason
	}
	return out
}
