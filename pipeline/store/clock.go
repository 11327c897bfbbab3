package store

import (
	"context"
	"errors"
	"time"
)

// Clock asks the store for its time: it creates probe/<nonce>/clock, reads when
// the store says that it was written, and deletes it. The nonce is a key segment
// that was never used before.
func Clock(ctx context.Context, s Store, nonce string) (time.Time, error) {
	key := "probe/" + nonce + "/clock"
	err := Repeat(ctx, s, func() error { return s.Create(ctx, key, BytesBody([]byte("clock"))) })
	if err != nil && !errors.Is(err, ErrExists) { // our own, of a try whose answer was lost
		return time.Time{}, err
	}
	var at time.Time
	err = Repeat(ctx, s, func() error {
		r, info, err := s.Open(ctx, key)
		if err != nil {
			return err
		}
		at = info.Modified
		return r.Close()
	})
	_ = s.Delete(ctx, key) // what is left of it is small and in nobody's way
	return at, err
}
