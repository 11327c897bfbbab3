package ingest

import "bytes"

// plainLine reads lines as nearly all are: printable ASCII without escapes, each
// field once, texts and plain numbers. It says what such a line holds and
// nothing else: any other line is left to the decoder of the library, which
// knows all of JSON and tells what is wrong.
type plainLine struct {
	rest  []byte
	order [usageFields]field // of the line before: the field at each place
}

// read fills the row, or returns false and leaves it half filled. The row then
// holds views of the line.
func (p *plainLine) read(s *session, line []byte) bool {
	if !printable(line) || bytes.IndexByte(line, '\\') >= 0 {
		return false
	}
	p.rest = line
	if !p.skip('{') {
		return false
	}
	seen := uint32(0)
	for place := range p.order {
		f, ok := p.name(place)
		if !ok || seen&(1<<f) != 0 || !p.skip(':') || !p.value(s, f) {
			return false
		}
		seen |= 1 << f
		if !p.skip(',') {
			s.row.clean = true
			return p.skip('}') && len(p.rest) == 0
		}
	}
	return false
}

// blank takes the space in front off; other blanks are not printable.
func (p *plainLine) blank() {
	for len(p.rest) > 0 && p.rest[0] == ' ' {
		p.rest = p.rest[1:]
	}
}

// skip takes one character and the space around it off, if it comes next.
func (p *plainLine) skip(c byte) bool {
	p.blank()
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	p.blank()
	return true
}

func (p *plainLine) text() ([]byte, bool) {
	if len(p.rest) == 0 || p.rest[0] != '"' {
		return nil, false
	}
	end := bytes.IndexByte(p.rest[1:], '"')
	if end < 0 {
		return nil, false
	}
	text := p.rest[1 : 1+end]
	p.rest = p.rest[2+end:]
	return text, true
}

func (p *plainLine) name(place int) (field, bool) {
	name, ok := p.text()
	if !ok {
		return fNone, false
	}
	if f := p.order[place]; string(name) != usageNames[f] {
		p.order[place] = usageField(name)
		if p.order[place] == fNone {
			p.order[place] = 0
			return fNone, false
		}
	}
	return p.order[place], true
}

func (p *plainLine) value(s *session, f field) bool {
	if f == fTags {
		object, ok := p.object()
		if !ok {
			return false
		}
		tags, fault := s.tags.fromJSON(object, false)
		s.row.tags = tags
		return fault == nil
	}
	var ok bool
	if f == fAmount || f == fCost {
		if s.row.text[f], ok = p.number(); ok {
			return true
		}
	}
	s.row.text[f], ok = p.text()
	return ok
}

// object takes an object of texts off and returns it as it stands.
func (p *plainLine) object() ([]byte, bool) {
	from := p.rest
	if len(p.rest) == 0 || p.rest[0] != '{' {
		return nil, false
	}
	for p.rest = p.rest[1:]; len(p.rest) > 0; {
		switch p.rest[0] {
		case '"':
			if _, ok := p.text(); !ok {
				return nil, false
			}
		case ' ', ':', ',':
			p.rest = p.rest[1:]
		case '}':
			p.rest = p.rest[1:]
			return from[:len(from)-len(p.rest)], true
		default:
			return nil, false
		}
	}
	return nil, false
}

// number takes a number off: digits, perhaps a sign and decimals.
func (p *plainLine) number() ([]byte, bool) {
	at := 0
	if at < len(p.rest) && p.rest[at] == '-' {
		at++
	}
	whole := at
	at = digits(p.rest, at)
	if at == whole || p.rest[whole] == '0' && at > whole+1 {
		return nil, false
	}
	if at < len(p.rest) && p.rest[at] == '.' {
		point := at
		if at = digits(p.rest, at+1); at == point+1 {
			return nil, false
		}
	}
	if at < len(p.rest) && (p.rest[at] == 'e' || p.rest[at] == 'E') {
		return nil, false
	}
	number := p.rest[:at]
	p.rest = p.rest[at:]
	return number, true
}

func digits(b []byte, at int) int {
	for at < len(b) && b[at] >= '0' && b[at] <= '9' {
		at++
	}
	return at
}
