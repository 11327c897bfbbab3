package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

// object is what a key holds.
type object struct {
	data     []byte
	modified time.Time
}

// outcome is what befalls one store call.
type outcome int

const (
	fine outcome = iota
	refused
	conflict  // 409: nothing settled
	denied    // definite, not applied
	lost      // applied, the answer lost
	lands     // applied later
	torn      // half of it is stored and the answer is good: beyond what a store may do, found by reading back
	truncated // a read breaks off with an error
	short     // a read ends early without one
	killBefore
	killAfter
	killLands
	outcomes
)

func (o outcome) String() string {
	return [...]string{"fine", "refused", "conflict", "denied", "lost", "lands later", "torn", "truncated", "short",
		"killed before", "killed after", "killed, lands later"}[o]
}

// errKilled is the answer to every call of a process that was killed. It has no
// kind, so nobody repeats after it.
var errKilled = errors.New("process was killed")

// door is the bucket as one process sees it: every call waits for its turn.
type door struct{ p *proc }

func (d *door) Name() string { return "bucket" }

func (d *door) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (d *door) Create(_ context.Context, key string, body store.Body) error {
	return d.put("create", key, body, func(data []byte) error { return d.p.s.create(key, data) })
}

func (d *door) Replace(_ context.Context, key string, body store.Body) error {
	return d.put("replace", key, body, func(data []byte) error {
		d.p.s.replace(d.p, key, data)
		return nil
	})
}

func (d *door) put(op, key string, body store.Body, apply func([]byte) error) error {
	data, err := bytesOf(body)
	if err != nil {
		return err
	}
	return d.write(op, key, func(half bool) error {
		if half {
			data = data[:len(data)/2]
		}
		return apply(data)
	})
}

func bytesOf(body store.Body) ([]byte, error) {
	r, err := body.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (d *door) Delete(_ context.Context, key string) error {
	return d.write("delete", key, func(bool) error {
		d.p.s.remove(key)
		return nil
	})
}

func (d *door) write(op, key string, apply func(half bool) error) error {
	s := d.p.s
	o, err := d.p.turn(op, key)
	if err != nil {
		return err
	}
	switch o {
	case fine:
		return apply(false)
	case torn:
		return apply(true)
	case denied:
		return fmt.Errorf("%s %s: %w", op, key, store.ErrDenied)
	case lost, killAfter:
		_ = apply(false)
	case lands, killLands:
		s.zombies = append(s.zombies, func() { _ = apply(false) })
	}
	return d.broken(o, op, key)
}

func (d *door) broken(o outcome, op, key string) error {
	if d.p.killed {
		return errKilled
	}
	return fmt.Errorf("%s %s: %w: %s", op, key, store.ErrUnsettled, o)
}

func (d *door) Open(_ context.Context, key string) (io.ReadCloser, store.Info, error) {
	o, err := d.p.turn("open", key)
	if err != nil {
		return nil, store.Info{}, err
	}
	switch o {
	case fine, torn, truncated, short:
	case denied:
		return nil, store.Info{}, fmt.Errorf("open %s: %w", key, store.ErrDenied)
	default:
		return nil, store.Info{}, d.broken(o, "open", key)
	}
	there, ok := d.p.s.objects[key]
	if !ok {
		d.p.last[len(d.p.last)-1].missing = true
		return nil, store.Info{}, fmt.Errorf("open %s: %w", key, store.ErrNotFound)
	}
	info := store.Info{Key: key, Size: int64(len(there.data)), Modified: there.modified}
	var r io.Reader = bytes.NewReader(there.data)
	switch o {
	case truncated:
		r = io.MultiReader(bytes.NewReader(there.data[:len(there.data)/2]), failing{d.broken(o, "open", key)})
	case short:
		r = bytes.NewReader(there.data[:len(there.data)/2])
	}
	return io.NopCloser(r), info, nil
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func (d *door) List(_ context.Context, prefix string, fn func(store.Info) error) error {
	o, err := d.p.turn("list", prefix)
	if err != nil {
		return err
	}
	keys := d.p.s.keys(prefix)
	switch o {
	case fine, torn:
	case truncated, short:
		keys = keys[:len(keys)/2]
		o = truncated
	case denied:
		return fmt.Errorf("list %s: %w", prefix, store.ErrDenied)
	default:
		return d.broken(o, "list", prefix)
	}
	for _, key := range keys {
		there := d.p.s.objects[key]
		if err := fn(store.Info{Key: key, Size: int64(len(there.data)), Modified: there.modified}); err != nil {
			return err
		}
	}
	if o == truncated {
		return d.broken(o, "list", prefix)
	}
	return nil
}

// keys lists the keys under a prefix, sorted.
func (s *sim) keys(prefix string) []string {
	var keys []string
	for key := range maps.Keys(s.objects) {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *sim) create(key string, data []byte) error {
	if _, taken := s.objects[key]; taken {
		return fmt.Errorf("create %s: %w", key, store.ErrExists)
	}
	s.objects[key] = object{data, s.now}
	return nil
}

func (s *sim) replace(p *proc, key string, data []byte) {
	s.objects[key] = object{data, s.now}
	if strings.HasSuffix(key, "-Manifest.json") {
		s.watchManifest(p, key, data)
	}
}

func (s *sim) remove(key string) {
	if _, there := s.objects[key]; there {
		s.watchDelete(key)
	}
	delete(s.objects, key)
}
