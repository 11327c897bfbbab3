// Package period keeps the logs of the system: append-only, hash-chained
// records that decide what was delivered, what a month holds and which numbers
// were given out. It owns reading a prefix, the one commit rule and the state
// that follows from the records. It reads no usage and computes no charge.
package period

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/pipeline/store"
)

// Format is the version of the record format. A record of a newer format is
// refused, so that an old program cannot decide from what it does not know.
const Format = 1

// MaxRecordBytes bounds one record: it is one small PUT, never multipart.
const MaxRecordBytes = 4 << 20

// Entry is one record of a log.
type Entry struct {
	Format   int            `json:"format"`
	Kind     string         `json:"kind"`
	Slot     int64          `json:"slot"`
	Previous string         `json:"previous"` // SHA-256 of the record before, in hex; empty in slot 0
	Attempt  string         `json:"attempt"`  // unique per start of the program
	At       time.Time      `json:"at"`       // when it was written; decides nothing
	Body     jsontext.Value `json:"body"`
	Sum      string         `json:"sum,omitempty"` // SHA-256 of this record without its sum, in hex: no later record vouches for the last one

	Hash string `json:"-"` // SHA-256 of this record's bytes, in hex
}

// Decode reads the record's body.
func (e Entry) Decode(into any) error {
	if err := json.Unmarshal(e.Body, into); err != nil {
		return fmt.Errorf("log record %s in slot %d: %v", e.Kind, e.Slot, err)
	}
	return nil
}

// Stamp is what a process puts on the records it writes.
type Stamp struct {
	Attempt string
	At      time.Time
}

// Log is one append-only log of the bucket.
type Log struct {
	Store store.Store
	Name  string // see store.UsageLog, store.PeriodLog, store.Series
}

// Read returns the log from slot 0 to its end and checks that it is a chain. It
// never relies on a listing.
func (l Log) Read(ctx context.Context) ([]Entry, error) { return l.ReadOn(ctx, nil) }

// ReadOn continues a prefix that was read before, which it leaves as it is.
func (l Log) ReadOn(ctx context.Context, prefix []Entry) ([]Entry, error) {
	prefix = slices.Clip(prefix)
	for {
		next, err := l.Next(ctx, prefix)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return prefix, nil
		}
		prefix = append(prefix, *next)
	}
}

// ErrDamaged says that an object of a log is not the record that was written.
var ErrDamaged = errors.New("the log was changed")

// Next reads the record behind a prefix, nil at the end of the log. ErrDamaged
// when the object there is no record or does not continue the chain.
func (l Log) Next(ctx context.Context, prefix []Entry) (*Entry, error) {
	slot := int64(len(prefix))
	data, err := l.get(ctx, slot)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entry, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", store.Slot(l.Name, slot), err)
	}
	if entry.Slot != slot || entry.Previous != lastHash(prefix) {
		return nil, fmt.Errorf("%s: %w: the chain is broken: the record names another slot or predecessor", store.Slot(l.Name, slot), ErrDamaged)
	}
	return &entry, nil
}

func (l Log) get(ctx context.Context, slot int64) ([]byte, error) {
	var data []byte
	err := store.Repeat(ctx, l.Store, func() (err error) {
		data, err = store.ReadAll(ctx, l.Store, store.Slot(l.Name, slot), MaxRecordBytes)
		return err
	})
	return data, err
}

func parse(data []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("%w: is not a log record: %v", ErrDamaged, err)
	}
	if e.Format > Format {
		return e, fmt.Errorf("has format %d, this program knows %d; use the newer monthend that wrote it", e.Format, Format)
	}
	sum, err := e.sum()
	if err != nil || sum != e.Sum {
		return e, fmt.Errorf("%w: the record's sum is wrong", ErrDamaged)
	}
	e.Hash = hashOf(data)
	return e, nil
}

// sum is the hash of the record without its sum.
func (e Entry) sum() (string, error) {
	e.Sum = ""
	data, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("record %s: %v", e.Kind, err)
	}
	return hashOf(data), nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func lastHash(prefix []Entry) string {
	if len(prefix) == 0 {
		return ""
	}
	return prefix[len(prefix)-1].Hash
}

// ErrLost says that another writer took the slot: read the log again and
// decide again from scratch.
var ErrLost = errors.New("another writer took the slot of the log")

// Append writes a record behind exactly the given prefix. It repeats the same
// bytes until the store gives a definite answer; when the slot is taken by
// another writer it returns ErrLost and never tries the next slot.
func (l Log) Append(ctx context.Context, prefix []Entry, stamp Stamp, kind string, body any) (Entry, error) {
	raw, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return Entry{}, fmt.Errorf("record %s: %v", kind, err)
	}
	e := Entry{Format: Format, Kind: kind, Slot: int64(len(prefix)), Previous: lastHash(prefix),
		Attempt: stamp.Attempt, At: stamp.At.UTC(), Body: raw}
	if e.Sum, err = e.sum(); err != nil {
		return Entry{}, err
	}
	data, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return Entry{}, fmt.Errorf("record %s: %v", kind, err)
	}
	if len(data) > MaxRecordBytes {
		return Entry{}, fmt.Errorf("record %s has %d bytes, the limit is %d; deliver fewer files at once", kind, len(data), MaxRecordBytes)
	}
	if err := l.checkEnd(ctx, e.Slot); err != nil {
		return Entry{}, err
	}
	e.Hash = hashOf(data)
	key := store.Slot(l.Name, e.Slot)
	err = store.Repeat(ctx, l.Store, func() error { return l.Store.Create(ctx, key, store.BytesBody(data)) })
	if !errors.Is(err, store.ErrExists) {
		return e, err
	}
	// The slot is taken, perhaps by our own earlier try whose answer was lost.
	there, err := l.get(ctx, e.Slot)
	if err != nil {
		return e, err
	}
	if hashOf(there) != e.Hash {
		return e, ErrLost
	}
	return e, nil
}

// checkEnd makes sure that a slot that is about to be written is the end of the
// log and not a hole that somebody made: behind a hole the log goes on.
func (l Log) checkEnd(ctx context.Context, slot int64) error {
	_, err := l.get(ctx, slot+1)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err = l.get(ctx, slot); errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: %w: the record is missing, and the log goes on behind it", store.Slot(l.Name, slot), ErrDamaged)
	}
	return err // others were faster; the slot will be lost
}

// Commit reads the log, lets decide make a record from exactly what was read,
// and appends it; when it loses the slot it starts over. A decision without a
// kind commits nothing. The entries returned are the whole log as known.
func (l Log) Commit(ctx context.Context, stamp func() Stamp, decide func([]Entry) (kind string, body any, err error)) ([]Entry, error) {
	var prefix []Entry
	for {
		var err error
		if prefix, err = l.ReadOn(ctx, prefix); err != nil {
			return nil, err
		}
		kind, body, err := decide(prefix)
		if err != nil || kind == "" {
			return prefix, err
		}
		entry, err := l.Append(ctx, prefix, stamp(), kind, body)
		if errors.Is(err, ErrLost) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return append(prefix, entry), nil
	}
}
