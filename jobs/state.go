package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/store"
)

// Survey reads from the bucket what Due decides from.
func Survey(ctx context.Context, p *pipeline.Pipeline, s Schedule, now time.Time) (State, error) {
	st := State{Done: map[string]bool{}}
	for _, i := range p.Organization.Issuers {
		months, err := p.Status(ctx, i.ID)
		if err != nil {
			return st, err
		}
		st.Issuers = append(st.Issuers, Issuer{i.ID, months})
	}
	// Whatever would be due is asked for: was it done already?
	for _, t := range Due(s, st, now) {
		if t.Job == Close || t.Job == Issue || t.Job == Publish {
			continue // the logs of the months tell
		}
		done, err := exists(ctx, p.Store, t.doneKey())
		if err != nil {
			return st, err
		}
		st.Done[t.doneKey()] = done
	}
	return st, nil
}

func exists(ctx context.Context, st store.Store, key string) (bool, error) {
	err := store.Repeat(ctx, st, func() error {
		r, _, err := st.Open(ctx, key)
		if err == nil {
			err = r.Close()
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
