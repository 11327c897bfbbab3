package ingest

import (
	"fmt"
	"sort"
	"strings"

	"github.com/monthend/monthend/schema"
)

// plan says which column of a file holds which field, found once per file.
type plan struct {
	names   [numFields]string // as the file spells them
	columns [numFields]int    // 0-based; -1 when the file has no such column
	cells   []cell            // the columns that hold fields, in file order
	tags    []tagColumn       // one tag per column, sorted by key
	attrs   []tagColumn       // product attributes, sorted by key, for price derivation
}

type cell struct {
	field  field
	column int
}

type tagColumn struct {
	key      string
	keyBytes []byte // the same, for the hot path
	column   int
}

func newPlan() *plan {
	p := &plan{names: usageNames}
	for i := range p.columns {
		p.columns[i] = -1
	}
	return p
}

// name returns how the file spells a field.
func (p *plan) name(f field) string {
	if p == nil {
		return usageNames[f]
	}
	return p.names[f]
}

// column returns the 1-based column of a field, 0 when there is none.
func (p *plan) column(f field) int {
	if p == nil {
		return 0
	}
	return p.columns[f] + 1
}

func (p *plan) has(f field) bool { return p.columns[f] >= 0 }

func (p *plan) set(f field, name string, column int) {
	p.names[f], p.columns[f] = name, column
	p.cells = append(p.cells, cell{f, column})
}

// usageNames are the columns of a usage file.
var usageNames = [numFields]string{
	fRecordID: schema.FieldRecordID, fSource: schema.FieldSource, fAccount: schema.FieldUsageAccountID,
	fService: schema.FieldServiceCode, fUsageType: schema.FieldUsageType, fOperation: schema.FieldOperation,
	fRegion: schema.FieldRegionCode, fZone: schema.FieldAvailabilityZone, fResource: schema.FieldResourceID,
	fStart: schema.FieldUsageStart, fEnd: schema.FieldUsageEnd, fAmount: schema.FieldUsageAmount,
	fUnit: schema.FieldUnit, fTags: schema.FieldTags, fCost: schema.FieldCost, fCurrency: schema.FieldCurrency,
	fType: schema.FieldLineItemType, fCommitment: schema.FieldCommitment,
}

// requiredUsage are the columns that a usage file cannot do without.
var requiredUsage = [...]field{fRecordID, fAccount, fService, fUsageType, fStart, fEnd, fAmount}

// tagPrefix begins the name of a column that holds one tag.
const tagPrefix = "tag:"

// usageField returns the field of a name, or fNone.
func usageField(name []byte) field {
	for f := range usageFields {
		if string(name) == usageNames[f] {
			return f
		}
	}
	return fNone
}

// planUsage finds the fields of a usage file by the names of its columns.
func (s *session) planUsage(names []string) error {
	p := newPlan()
	s.plan = p
	var bad schema.Problems
	for i, name := range names {
		if f := p.addUsage(i, name); f != nil {
			q := *s.fileFault(f.reason, f.hint)
			q.Line, q.Column, q.Field = s.row.line, i+1, name
			bad = append(bad, q)
		}
	}
	for _, f := range requiredUsage {
		if !p.has(f) {
			bad = append(bad, s.missingColumn(usageNames[f], names))
		}
	}
	if !p.has(fSource) && s.opt.Source == "" {
		bad = append(bad, *s.fileFault("has no column source", "add it, or name the source of the file in the configuration"))
	}
	if p.has(fTags) && len(p.tags) > 0 {
		bad = append(bad, *s.fileFault("has both a column tags and columns tag:…", "keep one of the two"))
	}
	sort.Slice(p.tags, func(a, b int) bool { return p.tags[a].key < p.tags[b].key })
	return bad.Err()
}

func (p *plan) addUsage(column int, name string) *fault {
	if key, ok := strings.CutPrefix(name, tagPrefix); ok {
		if reason := tagKeyReason([]byte(key)); reason != "" {
			return &fault{reason: "is no tag column: " + reason}
		}
		for _, t := range p.tags {
			if t.key == key {
				return &fault{reason: "stands twice in the header"}
			}
		}
		p.tags = append(p.tags, tagColumn{key, []byte(key), column})
		return nil
	}
	f := usageField([]byte(name))
	switch {
	case f == fNone:
		return &fault{reason: "is not a column of a usage file", hint: suggestUsage(name)}
	case p.has(f):
		return &fault{reason: "stands twice in the header"}
	}
	p.set(f, name, column)
	return nil
}

func (s *session) missingColumn(want string, names []string) schema.Problem {
	p := *s.fileFault("has no column "+want, suggest(want, names))
	p.Line = s.row.line
	return p
}

func suggestUsage(name string) string {
	if hint := suggest(name, usageNames[:usageFields]); hint != "" {
		return hint
	}
	return "remove it; a column for one tag is named tag:<key>"
}

// suggest names the candidate that a misspelt name probably means.
func suggest(name string, candidates []string) string {
	best, least := "", 3
	want := squash(name)
	for _, c := range candidates {
		if d := schema.EditDistance(want, squash(c)); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// squash keeps the letters and digits of a name, in lower case.
func squash(name string) string {
	if len(name) > 80 {
		name = name[:80]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}
