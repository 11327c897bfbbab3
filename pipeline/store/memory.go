package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a store in memory, for tests. Like the folder store it refuses a
// key that is a folder of other keys. Its clock advances by a second at every
// write, from the year 2000. Make it with NewMemory.
type Memory struct {
	mu      sync.RWMutex
	objects map[string]memoryObject
	folders map[string]int // number of objects below each folder
	writes  int64
}

type memoryObject struct {
	data     []byte
	modified time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{objects: map[string]memoryObject{}, folders: map[string]int{}}
}

// Name is part of Store.
func (m *Memory) Name() string { return "memory" }

// Create is part of Store.
func (m *Memory) Create(ctx context.Context, key string, body Body) error {
	return m.put(ctx, "create", key, body)
}

// Replace is part of Store.
func (m *Memory) Replace(ctx context.Context, key string, body Body) error {
	return m.put(ctx, "replace", key, body)
}

func (m *Memory) put(ctx context.Context, verb, key string, body Body) error {
	if err := checkCall(ctx, key); err != nil {
		return err
	}
	data, err := bodyBytes(body)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, taken := m.objects[key]
	if taken && verb == "create" {
		return fmt.Errorf("create %s in %s: %w", key, m.Name(), ErrExists)
	}
	if m.clash(key) {
		return fmt.Errorf("%s %s in %s: %w: an object and a folder of objects cannot share a name", verb, key, m.Name(), ErrBadKey)
	}
	if !taken {
		m.count(key, 1)
	}
	m.writes++
	year2000 := time.Unix(946684800, 0).UTC()
	m.objects[key] = memoryObject{data, year2000.Add(time.Duration(m.writes) * time.Second)}
	return nil
}

// clash says whether key cannot live beside the others in a tree of folders.
func (m *Memory) clash(key string) bool {
	for folder := range folders(key) {
		if _, ok := m.objects[folder]; ok {
			return true
		}
	}
	return m.folders[key] > 0
}

// count adds n to the number of objects of each folder above key.
func (m *Memory) count(key string, n int) {
	for folder := range folders(key) {
		m.folders[folder] += n
		if m.folders[folder] == 0 {
			delete(m.folders, folder)
		}
	}
}

// folders yields the folders that hold key, the outermost first.
func folders(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(key) {
			if key[i] == '/' && !yield(key[:i]) {
				return
			}
		}
	}
}

// Open is part of Store.
func (m *Memory) Open(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	object, err := m.get(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	info := Info{key, int64(len(object.data)), object.modified}
	return bytesFile{bytes.NewReader(object.data)}, info, nil
}

// OpenAt is part of RandomAccess.
func (m *Memory) OpenAt(ctx context.Context, key string) (File, error) {
	object, err := m.get(ctx, key)
	if err != nil {
		return nil, err
	}
	return bytesFile{bytes.NewReader(object.data)}, nil
}

func (m *Memory) get(ctx context.Context, key string) (memoryObject, error) {
	if err := checkCall(ctx, key); err != nil {
		return memoryObject{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	object, ok := m.objects[key]
	if !ok {
		return object, fmt.Errorf("open %s in %s: %w", key, m.Name(), ErrNotFound)
	}
	return object, nil
}

// List is part of Store.
func (m *Memory) List(ctx context.Context, prefix string, fn func(Info) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	for _, info := range m.snapshot(prefix) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) snapshot(prefix string) []Info {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var infos []Info
	for key, object := range m.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, Info{key, int64(len(object.data)), object.modified})
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

// Delete is part of Store.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := checkCall(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		m.count(key, -1)
		delete(m.objects, key)
	}
	return nil
}

// checkCall is what every call on a key begins with.
func checkCall(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	return ctx.Err()
}

func bodyBytes(body Body) ([]byte, error) {
	f, err := body.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, f.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read body: %v", err)
	}
	return data, nil
}
