package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A probe runs probeRounds rounds of probeContenders concurrent creates. A
// store that lets two writers win in 31 % of the rounds passes 20 of them with
// probability 0.0006.
const (
	probeRounds     = 20
	probeContenders = 16
	probeBytes      = 200 // limit of an object of the probe
)

// Probe writes to the store and says whether its create-if-absent is honest,
// also under concurrency: ErrUnsupported, with the name of the store, when it
// is not; any other error when the probe could not be carried out. The objects
// lie under probe/<nonce>/ and are deleted afterwards; nonce is a key segment
// that was never used before. More stores are other endpoints of the same
// bucket: the writers are then spread over all.
func Probe(ctx context.Context, s Store, nonce string, others ...Store) error {
	p := prober{stores: append([]Store{s}, others...), folder: "probe/" + nonce + "/"}
	defer p.clean(ctx)
	if err := p.sequence(ctx); err != nil {
		return fmt.Errorf("probe %s: %w", s.Name(), err)
	}
	for round := range probeRounds {
		if err := p.race(ctx, p.roundKey(round)); err != nil {
			return fmt.Errorf("probe %s: round %d of %d: %w", s.Name(), round+1, probeRounds, err)
		}
	}
	return nil
}

type prober struct {
	stores []Store
	folder string
}

func (p prober) roundKey(round int) string { return fmt.Sprintf("%sround-%02d", p.folder, round) }
func (p prober) firstKey() string          { return p.folder + "first" }

// sequence checks one writer: a create, a second one that must be refused, and
// the bytes afterwards.
func (p prober) sequence(ctx context.Context) error {
	key := p.firstKey()
	first := p.contend(ctx, 0, key, "first")
	if errors.Is(first.err, ErrExists) && !first.unsure {
		return fmt.Errorf("%w: a create of an unused key was refused as taken (condition inverted, or nonce used before)", ErrUnsupported)
	}
	if first.err != nil && !first.unsure {
		return first.err
	}
	for i := range p.stores {
		second := p.contend(ctx, i, key, fmt.Sprintf("second by %d", i))
		if second.err == nil {
			return fmt.Errorf("%w: a second create of one key was accepted: the store ignores the condition", ErrUnsupported)
		}
		if !errors.Is(second.err, ErrExists) {
			return second.err
		}
	}
	return p.expect(ctx, key, []attempt{first})
}

// race lets all contenders create key at once.
func (p prober) race(ctx context.Context, key string) error {
	attempts := make([]attempt, probeContenders)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range attempts {
		all.Go(func() {
			<-start
			attempts[i] = p.contend(ctx, i%len(p.stores), key, fmt.Sprintf("contender %d", i))
		})
	}
	close(start)
	all.Wait()
	for _, a := range attempts {
		if a.err != nil && !errors.Is(a.err, ErrExists) {
			return a.err
		}
	}
	return p.expect(ctx, key, attempts)
}

// attempt is the outcome of one contender.
type attempt struct {
	text   string
	err    error // nil: it won
	unsure bool  // an earlier try may have landed, so ErrExists may mean that it won
}

func (p prober) contend(ctx context.Context, store int, key, text string) attempt {
	a := attempt{text: text}
	s := p.stores[store]
	a.err = Repeat(ctx, s, func() error {
		err := s.Create(ctx, key, BytesBody([]byte(text)))
		a.unsure = a.unsure || errors.Is(err, ErrUnsettled)
		return err
	})
	return a
}

// expect reads key through every store: it must hold the text of the one
// winner.
func (p prober) expect(ctx context.Context, key string, attempts []attempt) error {
	for _, s := range p.stores {
		data, err := ReadAll(ctx, s, key, probeBytes)
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: an object cannot be read after it was created", ErrUnsupported)
		}
		if err != nil {
			return err
		}
		winners, holds := 0, false
		for _, a := range attempts {
			mine := a.text == string(data)
			if a.err == nil || (a.unsure && mine) {
				winners++
				holds = holds || mine
			}
		}
		if winners != 1 {
			return fmt.Errorf("%w: %d of %d concurrent creates of one key won, want exactly one", ErrUnsupported, winners, len(attempts))
		}
		if !holds {
			return fmt.Errorf("%w: the object holds the bytes of a writer that did not win", ErrUnsupported)
		}
	}
	return nil
}

// clean deletes what the probe made. What it cannot delete is small and in
// nobody's way.
func (p prober) clean(ctx context.Context) {
	s := p.stores[0]
	_ = s.Delete(ctx, p.firstKey())
	for round := range probeRounds {
		_ = s.Delete(ctx, p.roundKey(round))
	}
}
