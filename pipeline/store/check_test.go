package store_test

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

func TestCheckKey(t *testing.T) {
	good := []string{"a", "a/b", "log/usage/00000000000000000000", "data/BILLING_PERIOD=2026-10/x-Manifest.json",
		"a..b", "a.", "x:y", strings.Repeat("s", 255), strings.Repeat("ab/", 341) + "c"}
	for _, key := range good {
		if err := store.CheckKey(key); err != nil {
			t.Errorf("CheckKey(%q) = %v, want nil", key, err)
		}
	}
	for _, key := range storetest.BadKeys() {
		if kindOf(store.CheckKey(key)) != store.ErrBadKey {
			t.Errorf("CheckKey(%q) = %v, want ErrBadKey", key, store.CheckKey(key))
		}
	}
}

// FuzzCheckKey: an accepted key stays below a root, has one spelling, and never
// names the folder of temporary files.
func FuzzCheckKey(f *testing.F) {
	for _, key := range append(storetest.BadKeys(), "a/b", "a=b:c", "a/..b") {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if store.CheckKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || strings.HasPrefix(key, ".") || strings.ContainsAny(key, "\\%\x00 \n") {
			t.Errorf("CheckKey accepts %q", key)
		}
	})
}
