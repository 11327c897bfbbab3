package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/store"
)

var kinds = []error{store.ErrNotFound, store.ErrExists, store.ErrUnsettled, store.ErrDenied, store.ErrUnsupported, store.ErrBadKey, store.ErrGone}

func kindOf(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return err
}

// TestFolderLikeMemory does the same random calls on both stores, on keys that
// stand in each other's way, and wants the same answers.
func TestFolderLikeMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "store-model-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		folder, err := store.InitFolder(root)
		if err != nil {
			t.Fatal(err)
		}
		memory := store.NewMemory()
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			call := drawCall(t)
			got, want := call(folder), call(memory)
			if got != want {
				t.Fatalf("folder answers %s, memory %s", got, want)
			}
		}
	})
}

// drawCall returns a call whose answer is a text without times and names.
func drawCall(t *rapid.T) func(store.Store) string {
	ctx := context.Background()
	key := rapid.SampledFrom([]string{"a", "a/b", "a/b/c", "a/d", "a-b", "b"}).Draw(t, "key")
	data := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "data")
	switch op := rapid.SampledFrom([]string{"create", "replace", "open", "delete", "list"}).Draw(t, "op"); op {
	case "create":
		return func(s store.Store) string { return fmt.Sprint(op, kindOf(s.Create(ctx, key, store.BytesBody(data)))) }
	case "replace":
		return func(s store.Store) string { return fmt.Sprint(op, kindOf(s.Replace(ctx, key, store.BytesBody(data)))) }
	case "open":
		return func(s store.Store) string {
			data, err := store.ReadAll(ctx, s, key, 100)
			return fmt.Sprint(op, data, kindOf(err))
		}
	case "delete":
		return func(s store.Store) string { return fmt.Sprint(op, kindOf(s.Delete(ctx, key))) }
	}
	return func(s store.Store) string {
		var text bytes.Buffer
		err := s.List(ctx, key, func(i store.Info) error {
			fmt.Fprintln(&text, i.Key, i.Size)
			return nil
		})
		return fmt.Sprint("list", text.String(), kindOf(err))
	}
}
