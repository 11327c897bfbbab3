package pipeline

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

// scratch is a bucket that can be computed over and is never written to: what is
// written goes to a folder, and is read from there before the bucket.
type scratch struct {
	store.Store // the bucket
	dir         string
	sizes       map[string]int64 // of what was written
}

func newScratch(bucket store.Store, dir string) *scratch {
	return &scratch{Store: bucket, dir: dir, sizes: map[string]int64{}}
}

func (s *scratch) path(key string) string { return filepath.Join(s.dir, hexSum([]byte(key))) }

// own returns what was written under key.
func (s *scratch) own(key string) (store.Body, bool) {
	size, ok := s.sizes[key]
	return store.FileBody(s.path(key), size), ok
}

// Create is part of store.Store.
func (s *scratch) Create(_ context.Context, key string, body store.Body) error {
	return s.put(key, body)
}

// Replace is part of store.Store.
func (s *scratch) Replace(_ context.Context, key string, body store.Body) error {
	return s.put(key, body)
}

func (s *scratch) put(key string, body store.Body) error {
	from, err := body.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(s.path(key))
	if err != nil {
		return err
	}
	size, err := io.Copy(to, from)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	s.sizes[key] = size
	return err
}

// Delete is part of store.Store.
func (s *scratch) Delete(_ context.Context, key string) error {
	delete(s.sizes, key)
	return nil
}

// Open is part of store.Store.
func (s *scratch) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	body, ok := s.own(key)
	if !ok {
		return s.Store.Open(ctx, key)
	}
	f, err := body.Open()
	return f, store.Info{Key: key, Size: body.Size()}, err
}

// OpenAt is part of store.RandomAccess.
func (s *scratch) OpenAt(ctx context.Context, key string) (store.File, error) {
	if body, ok := s.own(key); ok {
		return body.Open()
	}
	return store.Fetch(ctx, s.Store, key, s.dir)
}

// Wait is part of store.Waiter.
func (s *scratch) Wait(ctx context.Context, d time.Duration) error {
	return store.Wait(ctx, s.Store, d)
}
