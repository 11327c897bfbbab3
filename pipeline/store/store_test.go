package store_test

import (
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/storetest"
)

func openMemory(*testing.T) store.Store { return store.NewMemory() }

func openFolder(t *testing.T) store.Store {
	f, err := store.InitFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func TestFolder(t *testing.T) { storetest.Run(t, openFolder) }

// TestCopied runs the suite without random access, so that Fetch copies.
func TestCopied(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return storetest.NewFaulty(store.NewMemory(), nil) })
}
