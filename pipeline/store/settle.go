package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The limits of repeating. With them a store that does not answer is given up
// after 8 tries and about 20 s of waiting.
const (
	repeatTries   = 8
	repeatFirst   = 100 * time.Millisecond // longest wait after the first try
	repeatLongest = 10 * time.Second       // longest wait between two tries
)

// Waiter is a Store that decides how a repeat waits. Stores of tests pass the
// time without spending it.
type Waiter interface {
	// Wait returns after d, or with the error of ctx when that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// CreateSettled creates key and repeats while the outcome is unsettled. An
// object of the same bytes that is there already counts as success; other
// bytes are ErrExists. For data that is named by its content or its inputs; a
// log record needs the finer answer of Create.
func CreateSettled(ctx context.Context, s Store, key string, body Body) error {
	err := Repeat(ctx, s, func() error { return s.Create(ctx, key, body) })
	if !errors.Is(err, ErrExists) {
		return err
	}
	same, lookErr := holds(ctx, s, key, body)
	switch {
	case lookErr != nil:
		return fmt.Errorf("create %s: look at the object that is there: %w", key, lookErr)
	case !same:
		return fmt.Errorf("%w: its bytes differ from ours", err)
	}
	return nil
}

// ReplaceSettled is Replace, repeated while the outcome is unsettled.
func ReplaceSettled(ctx context.Context, s Store, key string, body Body) error {
	return Repeat(ctx, s, func() error { return s.Replace(ctx, key, body) })
}

// CreateBytes is CreateSettled with data.
func CreateBytes(ctx context.Context, s Store, key string, data []byte) error {
	return CreateSettled(ctx, s, key, BytesBody(data))
}

// ReplaceBytes is ReplaceSettled with data.
func ReplaceBytes(ctx context.Context, s Store, key string, data []byte) error {
	return ReplaceSettled(ctx, s, key, BytesBody(data))
}

// Repeat calls fn until its error is not ErrUnsettled, with growing waits in
// between, and gives up after a fixed number of tries or when ctx ends: the
// error is then still ErrUnsettled.
func Repeat(ctx context.Context, s Store, fn func() error) error {
	longest := repeatFirst
	for try := 1; ; try++ {
		err := fn()
		if !errors.Is(err, ErrUnsettled) {
			return err
		}
		if try == repeatTries {
			return fmt.Errorf("given up after %d tries: %w", try, err)
		}
		// The jitter keeps writers that met once from meeting again.
		if waitErr := Wait(ctx, s, longest/2+rand.N(longest/2)); waitErr != nil {
			return fmt.Errorf("%w (%w)", err, waitErr)
		}
		longest = min(2*longest, repeatLongest)
	}
}

// Wait returns after d as the store decides it, or with the error of ctx.
func Wait(ctx context.Context, s Store, d time.Duration) error {
	if w, ok := s.(Waiter); ok {
		return w.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}

// holds says whether the object key has the size and the SHA-256 of body.
func holds(ctx context.Context, s Store, key string, body Body) (bool, error) {
	want, err := body.Sum()
	if err != nil {
		return false, err
	}
	size, sum, err := ReadBack(ctx, s, key)
	return err == nil && size == body.Size() && sum == want, err
}
