package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/monthend/monthend/pipeline/store"
)

// Dishonest returns stores over inner that break a promise of Create, each as
// real servers were seen to do. The probe must refuse every one.
func Dishonest(inner store.Store) []store.Store {
	return []store.Store{
		dishonest{inner, "ignores the condition", inner.Replace},
		dishonest{inner, "checks, then writes", checkThenWrite(inner)},
		dishonest{inner, "inverts the condition", inverted(inner)},
		dishonest{inner, "refuses but overwrites", refuseButOverwrite(inner)},
		dishonest{inner, "accepts but drops", acceptButDrop(inner)},
	}
}

type createFunc = func(context.Context, string, store.Body) error

type dishonest struct {
	store.Store
	fault  string
	create createFunc
}

func (d dishonest) Name() string { return "store that " + d.fault }

func (d dishonest) Create(ctx context.Context, key string, body store.Body) error {
	return d.create(ctx, key, body)
}

// checkThenWrite is right for one writer and lets several win at once.
func checkThenWrite(inner store.Store) createFunc {
	return func(ctx context.Context, key string, body store.Body) error {
		taken, err := exists(ctx, inner, key)
		if err != nil {
			return err
		}
		if taken {
			return fmt.Errorf("create %s: %w", key, store.ErrExists)
		}
		runtime.Gosched() // the window between the check and the write
		return inner.Replace(ctx, key, body)
	}
}

func inverted(inner store.Store) createFunc {
	return func(ctx context.Context, key string, body store.Body) error {
		taken, err := exists(ctx, inner, key)
		if err != nil {
			return err
		}
		if !taken {
			return fmt.Errorf("create %s: %w", key, store.ErrExists)
		}
		return inner.Replace(ctx, key, body)
	}
}

func refuseButOverwrite(inner store.Store) createFunc {
	return func(ctx context.Context, key string, body store.Body) error {
		err := inner.Create(ctx, key, body)
		if errors.Is(err, store.ErrExists) {
			return errors.Join(err, inner.Replace(ctx, key, body))
		}
		return err
	}
}

func acceptButDrop(inner store.Store) createFunc {
	return func(ctx context.Context, key string, body store.Body) error {
		if err := inner.Create(ctx, key, body); err != nil {
			return err
		}
		return inner.Delete(ctx, key)
	}
}

func exists(ctx context.Context, s store.Store, key string) (bool, error) {
	r, _, err := s.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}
