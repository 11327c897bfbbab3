package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
)

// hook changes some calls of one process: that is how a bug is planted.
type hook struct {
	store.Store
	p       *proc
	create  func(key string, data []byte) error
	replace func(key string, data []byte) error
	open    func(key string) (data []byte, served bool)
	see     func(log string, e *entry) // changes records as the process sees them
}

func (h *hook) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (h *hook) Create(ctx context.Context, key string, body store.Body) error {
	data, err := bytesOf(body)
	if err != nil {
		return err
	}
	if h.see != nil && isLog(key) {
		return h.recast(key, data)
	}
	if h.create == nil {
		return h.put(key, data)
	}
	return h.create(key, data)
}

func (h *hook) put(key string, data []byte) error {
	return h.Store.Create(ctx(), key, store.BytesBody(data))
}

func (h *hook) Replace(ctx context.Context, key string, body store.Body) error {
	if h.replace == nil {
		return h.Store.Replace(ctx, key, body)
	}
	data, err := bytesOf(body)
	if err != nil {
		return err
	}
	return h.replace(key, data)
}

func (h *hook) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if h.open != nil {
		if data, served := h.open(key); served {
			return serve(key, data)
		}
	}
	if h.see != nil && isLog(key) {
		r, info, err := h.Store.Open(ctx, key)
		if err != nil {
			return r, info, err
		}
		r.Close()
		return serve(key, h.view(key))
	}
	return h.Store.Open(ctx, key)
}

// serve answers with data, or that there is nothing when it is nil.
func serve(key string, data []byte) (io.ReadCloser, store.Info, error) {
	if data == nil {
		return nil, store.Info{}, fmt.Errorf("open %s: %w", key, store.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(data)), store.Info{Key: key, Size: int64(len(data))}, nil
}

func isLog(key string) bool {
	return strings.HasPrefix(key, "log/") || strings.HasPrefix(key, "series/")
}

// sorted yields kept objects in the order of their keys.
func sorted(kept map[string][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(kept)) {
			if !yield(key, kept[key]) {
				return
			}
		}
	}
}

// split takes the log and the slot out of a record's key.
func split(key string) (log string, slot int) {
	at := strings.LastIndexByte(key, '/')
	_, err := fmt.Sscan(strings.TrimLeft(key[at+1:], "0")+" ", &slot)
	if err != nil {
		slot = 0
	}
	return key[:at], slot
}

// view returns a record as see shows it, in a chain that holds.
func (h *hook) view(key string) []byte {
	log, slot := split(key)
	copyOf := period.Log{Store: store.NewMemory(), Name: log}
	var prefix []period.Entry
	for i := range slot + 1 {
		var e entry
		if json.Unmarshal(h.p.s.objects[store.Slot(log, int64(i))].data, &e) != nil {
			return nil
		}
		h.see(log, &e)
		next, err := copyOf.Append(ctx(), prefix, period.Stamp{Attempt: e.Attempt, At: e.At}, e.Kind, e.Body)
		if err != nil {
			panic(err)
		}
		prefix = append(prefix, next)
	}
	data, err := store.ReadAll(ctx(), copyOf.Store, key, 1<<20)
	if err != nil {
		panic(err)
	}
	return data
}

// recast writes a record that was made over a changed view so that the true
// chain holds.
func (h *hook) recast(key string, data []byte) error {
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	log, slot := split(key)
	return h.append(log, h.truth(log, slot), e)
}

// truth reads the first n records of a log past all turns.
func (h *hook) truth(log string, n int) []period.Entry {
	entries, err := period.Log{Store: plain{h.p.s}, Name: log}.Read(ctx())
	if err != nil || len(entries) < n {
		return nil
	}
	return entries[:n]
}

// append writes a record behind a prefix. A slot that is taken is ErrExists.
func (h *hook) append(log string, prefix []period.Entry, e entry) error {
	_, err := period.Log{Store: waiting{h.Store}, Name: log}.Append(ctx(), prefix, period.Stamp{Attempt: e.Attempt, At: e.At}, e.Kind, e.Body)
	if errors.Is(err, period.ErrLost) {
		return fmt.Errorf("%w: %v", store.ErrExists, err)
	}
	return err
}

// waiting is a store without hooks whose repeats take no time.
type waiting struct{ store.Store }

func (waiting) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// plain reads the bucket as it is, out of turn.
type plain struct{ s *sim }

func (p plain) Open(_ context.Context, key string) (io.ReadCloser, store.Info, error) {
	return serve(key, p.s.objects[key].data)
}

func (plain) Name() string                                               { return "plain" }
func (plain) Create(context.Context, string, store.Body) error           { return store.ErrDenied }
func (plain) Replace(context.Context, string, store.Body) error          { return store.ErrDenied }
func (plain) Delete(context.Context, string) error                       { return store.ErrDenied }
func (plain) List(context.Context, string, func(store.Info) error) error { return store.ErrDenied }
func (plain) Wait(ctx context.Context, _ time.Duration) error            { return ctx.Err() }

// amend changes what a record says and writes it as if it had been made so.
func (h *hook) amend(key string, data []byte, change func(*entry, map[string]any)) error {
	var e entry
	var body map[string]any
	if json.Unmarshal(data, &e) != nil || json.Unmarshal(e.Body, &body) != nil {
		return h.put(key, data)
	}
	change(&e, body)
	e.Body, _ = json.Marshal(body)
	log, slot := split(key)
	return h.append(log, h.truth(log, slot), e)
}
