package schema

import (
	"sort"
	"strings"
)

// Tag is one key and its value, as the user wrote them.
type Tag struct{ Key, Value string }

// The canonical form of a tag set is key US value RS key US value ..., sorted
// by key. The two separators are control characters that ingest refuses in
// tags, so equal sets have equal text and the text can be compared by value.
const (
	tagUnit   = '\x1f'
	tagRecord = '\x1e'
)

// EncodeTags appends the canonical form of a tag set to dst. It sorts tags in
// place; keys must be unique and free of control characters (see ValidTagText).
func EncodeTags(dst []byte, tags []Tag) []byte {
	sort.Slice(tags, func(a, b int) bool { return tags[a].Key < tags[b].Key })
	for i, t := range tags {
		if i > 0 {
			dst = append(dst, tagRecord)
		}
		dst = append(dst, t.Key...)
		dst = append(dst, tagUnit)
		dst = append(dst, t.Value...)
	}
	return dst
}

// DecodeTags returns the tags of a canonical form, sorted by key.
func DecodeTags(canonical string) []Tag {
	if canonical == "" {
		return nil
	}
	parts := strings.Split(canonical, string(rune(tagRecord)))
	tags := make([]Tag, len(parts))
	for i, p := range parts {
		key, value, _ := strings.Cut(p, string(rune(tagUnit)))
		tags[i] = Tag{Key: key, Value: value}
	}
	return tags
}

// ValidTagText tells whether a tag key or value is free of control characters.
func ValidTagText(s []byte) bool {
	for _, c := range s {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}
