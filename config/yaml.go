package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/monthend/monthend/schema"
)

// Limits of every file that this package reads.
const (
	MaxFileBytes = 8 << 20 // an organization of some 50,000 accounts
	MaxDepth     = 32      // lists and blocks inside each other
	MaxProblems  = 1000    // faults reported in one run
)

// reader walks a YAML document and gathers every fault on the way. It takes
// scalars as text, so that 0012 stays 0012 and 0.10 is never a binary float.
type reader struct {
	file     string
	problems schema.Problems
	places   []place        // every value and block met, in the order of the file
	index    map[string]int // in places, by path; of several with one path the last
}

// place is where a value stands, so that later checks can name its line.
type place struct {
	path, value  string
	line, column int
	block        bool // a block of keys, which has no value of its own
	used         bool
}

// take reads one value; path names it in messages, as in exports[0].name.
type take func(path string, n *yaml.Node)

// keys are the keys that a block may have.
type keys map[string]take

// read parses a file and takes its top block, which must have the keys of need.
func (r *reader) read(data []byte, known keys, need ...string) {
	if reason := unreadable(data); reason != "" {
		r.problems = append(r.problems, schema.Problem{File: r.file, Reason: reason, Hint: "save the file as plain UTF-8 text"})
		return
	}
	var doc yaml.Node
	err := loadYAML(data, &doc)
	if err != nil && !strings.Contains(err.Error(), "no documents") {
		r.syntax(err)
		return
	}
	top := &doc
	if top.Kind == yaml.DocumentNode && len(top.Content) == 1 {
		top = top.Content[0]
	}
	if top.Kind == 0 || isNull(top) {
		r.problems = append(r.problems, schema.Problem{File: r.file, Reason: "is empty", Hint: "see the example in the manual"})
		return
	}
	r.block(known, need...)("", top)
}

// loadYAML allows no aliases and no deep nesting: a small file stays small.
func loadYAML(data []byte, doc *yaml.Node) error {
	return yaml.Load(data, doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(MaxDepth), loaderlimits.AliasValue(0))))
}

func unreadable(data []byte) string {
	switch {
	case len(data) > MaxFileBytes:
		return fmt.Sprintf("is larger than %d bytes", MaxFileBytes)
	case !utf8.Valid(data):
		return "is not text in UTF-8"
	}
	return ""
}

// syntax reports why a file is not YAML. There is one such fault at most,
// since nothing after it can be trusted.
func (r *reader) syntax(err error) {
	p := schema.Problem{File: r.file, Reason: err.Error(), Hint: "indent with spaces, one key on each line, and a space after the colon"}
	load := new(yaml.LoadError)
	if errors.As(err, &load) {
		p.Line, p.Column = int64(load.Mark.Line), load.Mark.Column
		p.Reason = load.Message
	}
	p.Reason = "is not YAML: " + strings.TrimPrefix(p.Reason, "yaml: ")
	r.problems = append(r.problems, p)
}

// fault reports a problem of a value.
func (r *reader) fault(path string, n *yaml.Node, reason, hint string) {
	if len(r.problems) >= MaxProblems {
		return
	}
	p := schema.Problem{File: r.file, Line: int64(n.Line), Column: n.Column, Field: path, Reason: reason, Hint: hint}
	if n.Kind == yaml.ScalarNode {
		p.Value = schema.Shorten(n.Value)
	}
	r.problems = append(r.problems, p)
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// plain refuses what makes a file mean something else than it seems to.
func (r *reader) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.fault(path, n, "uses an anchor or an alias", "write the value out; & and * are not taken")
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(path, n, "has a tag", "take the tag with ! away")
	case isNull(n):
		r.fault(path, n, "has no value", "give one, or take the key away")
	default:
		return true
	}
	return false
}

// block reads a mapping with these keys and no other; those of need must be
// there.
func (r *reader) block(known keys, need ...string) take {
	return func(path string, n *yaml.Node) {
		if !r.plain(path, n) {
			return
		}
		if n.Kind != yaml.MappingNode {
			r.fault(path, n, "is not a block of keys", "its keys are "+listOf(known))
			return
		}
		if path != "" {
			r.note(place{path: path, line: n.Line, column: n.Column, block: true})
		}
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			r.entry(path, n.Content[i], n.Content[i+1], known, seen)
		}
		for _, key := range need {
			if seen[key] == 0 {
				r.fault(join(path, key), n, "is missing", "add it")
			}
		}
	}
}

func (r *reader) entry(path string, key, value *yaml.Node, known keys, seen map[string]int) {
	name := join(path, key.Value)
	at := &yaml.Node{Kind: yaml.MappingNode, Line: key.Line, Column: key.Column} // a place without a value
	switch {
	case key.Kind != yaml.ScalarNode || key.Value == "<<" || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0:
		r.fault(path, at, "has a key that is no plain word", "write the keys out; << and & are not taken")
	case seen[key.Value] > 0:
		r.fault(name, at, fmt.Sprintf("stands twice, first on line %d", seen[key.Value]), "keep one")
	case known[key.Value] == nil && secretWord.MatchString(key.Value):
		r.fault(name, at, "looks like a secret and is not read from this file", "give secrets in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, MONTHEND_*")
	case known[key.Value] == nil:
		r.fault(name, at, "is not a key here", suggest(key.Value, known))
	default:
		known[key.Value](name, value)
	}
	if seen[key.Value] == 0 {
		seen[key.Value] = key.Line
	}
}

var secretWord = regexp.MustCompile(`(?i)secret|password|token|access_?key`)

func join(path, key string) string {
	if path == "" {
		return schema.Shorten(key)
	}
	return path + "." + schema.Shorten(key)
}

// list reads a sequence, at least one long, and gives each element to item.
func (r *reader) list(item take) take {
	return func(path string, n *yaml.Node) {
		if !r.plain(path, n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			r.fault(path, n, "is not a list", "write each entry on a line of its own after a dash")
			return
		}
		if len(n.Content) == 0 {
			r.fault(path, n, "is an empty list", "add an entry, or take the key away")
		}
		for i, c := range n.Content {
			item(fmt.Sprintf("%s[%d]", path, i), c)
		}
	}
}

// scalar gives the text of a value to set, whose error says what is wrong with
// it and, after a semicolon, what would be right.
func (r *reader) scalar(set func(text string) error) take {
	return func(path string, n *yaml.Node) {
		if !r.plain(path, n) {
			return
		}
		if n.Kind != yaml.ScalarNode {
			r.fault(path, n, "is not a single value", "write one value after the colon")
			return
		}
		r.note(place{path: path, value: n.Value, line: n.Line, column: n.Column})
		if err := set(n.Value); err != nil {
			reason, hint, _ := strings.Cut(err.Error(), "; ")
			r.fault(path, n, reason, hint)
		}
	}
}

var indices = regexp.MustCompile(`\[\d+\]`)

// add takes the problems of a check that knows paths and values but no lines,
// and gives each the line of its value. A check names a value by its full path
// or by the last part of it without list indices; of several equal values the
// last one is meant first. What is missing gets the line of its block.
func (r *reader) add(ps schema.Problems) {
	for _, p := range ps {
		if len(r.problems) >= MaxProblems {
			return
		}
		if r.reported(p.Field) {
			continue
		}
		at := r.find(p.Field, p.Value)
		for path := parent(p.Field); at == nil && path != ""; path = parent(path) {
			at = r.exactly(path)
		}
		if at != nil {
			at.used = true
			p.Line, p.Column = int64(at.line), at.column
		}
		r.problems = append(r.problems, p)
	}
}

// reported tells whether a value or a part of it has a fault already, which a
// later check would only repeat.
func (r *reader) reported(path string) bool {
	return slices.ContainsFunc(r.problems, func(p schema.Problem) bool {
		rest, found := strings.CutPrefix(p.Field, path)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[') && strings.Contains(path, "[")
	})
}

func (r *reader) find(field, value string) *place {
	if at := r.exactly(field); at != nil {
		return at
	}
	if strings.Contains(field, "[") {
		return nil // a full path, of nothing that stands in the file
	}
	for i := len(r.places) - 1; i >= 0; i-- {
		at := &r.places[i]
		bare := indices.ReplaceAllString(at.path, "")
		if !at.block && !at.used && at.value == value && (bare == field || strings.HasSuffix(bare, "."+field)) {
			return at
		}
	}
	return nil
}

// note keeps the place of a value or block.
func (r *reader) note(p place) {
	if r.index == nil {
		r.index = map[string]int{}
	}
	r.index[p.path] = len(r.places)
	r.places = append(r.places, p)
}

// exactly returns the value or block of a path.
func (r *reader) exactly(path string) *place {
	if i, ok := r.index[path]; ok {
		return &r.places[i]
	}
	return nil
}

// parent returns the path of the block that holds a value, blank at the top.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }
