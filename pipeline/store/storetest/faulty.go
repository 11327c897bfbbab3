package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

// Outcome is what befalls one call of a Faulty store.
type Outcome int

// The outcomes. For a write the first three differ in when it takes effect; a
// read is answered with ErrUnsettled by the first and third, and breaks off in
// the middle of the body by the second. The Crash outcomes do the same and then
// kill the caller: this call and all later ones return ErrCrashed.
const (
	Fine Outcome = iota
	NotApplied
	AnswerLost
	LandsLater // applied by Land
	CrashNotApplied
	CrashAnswerLost
	CrashLandsLater
)

// Failures lists the outcomes other than Fine.
func Failures() []Outcome {
	return []Outcome{NotApplied, AnswerLost, LandsLater, CrashNotApplied, CrashAnswerLost, CrashLandsLater}
}

// String names the outcome for messages of tests.
func (o Outcome) String() string {
	names := []string{"fine", "not applied", "answer lost", "lands later",
		"crash, not applied", "crash, answer lost", "crash, lands later"}
	return names[o]
}

func (o Outcome) crashes() bool { return o >= CrashNotApplied }

// ErrCrashed is returned by every call from the crash on. It has no kind of
// package store: nobody may repeat after it.
var ErrCrashed = errors.New("process was killed (by the test)")

// Call is one call of a store.
type Call struct {
	N   int    // counted from 1 over all methods
	Op  string // "create", "replace", "open", "list" or "delete"
	Key string // or the prefix of a list
}

// Faulty passes calls on to a store and breaks those that a plan says. It
// copies objects instead of opening them in place, so that Fetch is counted
// too, and waits of repeats take no time. Make it with NewFaulty.
type Faulty struct {
	inner store.Store
	plan  func(Call) Outcome

	mu      sync.Mutex
	calls   []Call
	crashed bool
	pending []func(context.Context) error
}

// NewFaulty wraps inner. plan is asked once per call, one call at a time; nil
// breaks nothing.
func NewFaulty(inner store.Store, plan func(Call) Outcome) *Faulty {
	if plan == nil {
		plan = func(Call) Outcome { return Fine }
	}
	return &Faulty{inner: inner, plan: plan}
}

// AtCall is a plan that breaks the n-th call, counted from 1.
func AtCall(n int, o Outcome) func(Call) Outcome {
	return func(c Call) Outcome {
		if c.N == n {
			return o
		}
		return Fine
	}
}

// Calls returns the calls so far.
func (f *Faulty) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// Crashed says whether the plan has killed the caller.
func (f *Faulty) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashed
}

// Land applies the writes that were to land later, in their order, and returns
// how many there were. What the store answers to them nobody hears.
func (f *Faulty) Land(ctx context.Context) int {
	f.mu.Lock()
	pending := f.pending
	f.pending = nil
	f.mu.Unlock()
	for _, write := range pending {
		_ = write(ctx)
	}
	return len(pending)
}

// Wait is part of store.Waiter: it takes no time.
func (f *Faulty) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// Name is part of store.Store.
func (f *Faulty) Name() string { return "faulty " + f.inner.Name() }

// begin counts a call and asks the plan. The error is ErrCrashed or nil.
func (f *Faulty) begin(op, key string) (Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return Fine, ErrCrashed
	}
	call := Call{N: len(f.calls) + 1, Op: op, Key: key}
	f.calls = append(f.calls, call)
	o := f.plan(call)
	f.crashed = o.crashes()
	return o, nil
}

// broken is the answer that the caller gets.
func (f *Faulty) broken(o Outcome, op, key string) error {
	if o.crashes() {
		return ErrCrashed
	}
	return fmt.Errorf("%s %s in %s: %w: %v", op, key, f.Name(), store.ErrUnsettled, o)
}

func (f *Faulty) write(ctx context.Context, op, key string, do func(context.Context) error) error {
	o, err := f.begin(op, key)
	if err != nil {
		return err
	}
	switch o {
	case Fine:
		return do(ctx)
	case AnswerLost, CrashAnswerLost:
		_ = do(ctx)
	case LandsLater, CrashLandsLater:
		f.mu.Lock()
		f.pending = append(f.pending, do)
		f.mu.Unlock()
	}
	return f.broken(o, op, key)
}

// Create is part of store.Store.
func (f *Faulty) Create(ctx context.Context, key string, body store.Body) error {
	return f.put(ctx, "create", key, body, f.inner.Create)
}

// Replace is part of store.Store.
func (f *Faulty) Replace(ctx context.Context, key string, body store.Body) error {
	return f.put(ctx, "replace", key, body, f.inner.Replace)
}

func (f *Faulty) put(ctx context.Context, op, key string, body store.Body, do func(context.Context, string, store.Body) error) error {
	kept, err := keep(body) // the caller may be gone when it lands
	if err != nil {
		return err
	}
	return f.write(ctx, op, key, func(ctx context.Context) error { return do(ctx, key, kept) })
}

func keep(body store.Body) (store.Body, error) {
	r, err := body.Open()
	if err != nil {
		return body, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return store.BytesBody(data), err
}

// Delete is part of store.Store.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.write(ctx, "delete", key, func(ctx context.Context) error { return f.inner.Delete(ctx, key) })
}

// Open is part of store.Store.
func (f *Faulty) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	o, err := f.begin("open", key)
	if err != nil {
		return nil, store.Info{}, err
	}
	if o != Fine && o != AnswerLost {
		return nil, store.Info{}, f.broken(o, "open", key)
	}
	r, info, err := f.inner.Open(ctx, key)
	if err != nil || o == Fine {
		return r, info, err
	}
	half := io.LimitReader(r, info.Size/2)
	return brokenReader{half, r, f.broken(o, "open", key)}, info, nil
}

// brokenReader ends with an error where its Reader ends.
type brokenReader struct {
	io.Reader
	io.Closer
	err error
}

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// List is part of store.Store. A broken list may have called fn before.
func (f *Faulty) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	o, err := f.begin("list", prefix)
	if err != nil {
		return err
	}
	if o == Fine || o == AnswerLost {
		err = f.inner.List(ctx, prefix, fn)
	}
	if o != Fine {
		return f.broken(o, "list", prefix)
	}
	return err
}
