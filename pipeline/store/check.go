package store

import (
	"fmt"
	"strings"
)

// Limits of a key, in bytes: those of S3 and of the common file systems.
const (
	MaxKeyBytes     = 1024
	MaxSegmentBytes = 255
)

// CheckKey says whether key may name an object: segments of the letters,
// digits and - _ . = : joined by single slashes, none beginning with a dot,
// within MaxKeyBytes and MaxSegmentBytes. The error is of kind ErrBadKey.
//
// Keys that differ only in the case of a letter are different keys, yet a
// store on some file systems folds them: capitals belong to names that readers
// of reports expect, and to nothing else.
func CheckKey(key string) error {
	if len(key) > MaxKeyBytes {
		return fmt.Errorf("key of %d bytes: %w: at most %d", len(key), ErrBadKey, MaxKeyBytes)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if reason := segmentFault(segment); reason != "" {
			return fmt.Errorf("key %q: %w: %s", key, ErrBadKey, reason)
		}
	}
	return nil
}

// checkPrefix is CheckKey for the beginning of a key: it may be empty, end in
// a slash or end within a segment.
func checkPrefix(prefix string) error {
	whole := strings.TrimSuffix(prefix, "/")
	if whole == "" && prefix == "" {
		return nil
	}
	return CheckKey(whole)
}

// segmentFault returns what is wrong with one segment of a key, or "".
func segmentFault(s string) string {
	switch {
	case s == "":
		return "empty segment"
	case s[0] == '.':
		return "segment begins with a dot"
	case len(s) > MaxSegmentBytes:
		return fmt.Sprintf("segment of %d bytes, at most %d", len(s), MaxSegmentBytes)
	}
	for i := range len(s) {
		if !allowedByte(s[i]) {
			return fmt.Sprintf("byte %q at %d of a segment", s[i], i)
		}
	}
	return ""
}

func allowedByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', 'A' <= c && c <= 'Z':
		return true
	}
	return strings.IndexByte("-_.=:", c) >= 0
}
