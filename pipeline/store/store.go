// Package store keeps objects under keys: it is the one door to the bucket.
//
// It owns the Store interface, the closed list of error kinds, the rules for
// keys, the folder store (the default, which needs nothing installed), the
// memory store for tests, the helpers that repeat a call whose outcome is not
// known, and the probe that refuses a store without honest create-if-absent.
//
// It does not own the meaning of an object, the commit logs that are built on
// Create, or the S3 client, which is in the package s3 below it.
//
// What every Store promises:
//
//   - an object is seen whole or not at all;
//   - of any number of concurrent Create calls for one key exactly one wins,
//     and the object keeps the bytes of that one;
//   - after a write has returned without error, every later read sees it.
//
// Nothing may rest on the order or the freshness of List, or on the clock of
// the store.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Store is a bucket of objects. All methods may be called concurrently.
// Errors carry at most one of the kinds of this package, tested by errors.Is;
// an error without a kind is a definite failure that a repeat will not mend.
type Store interface {
	// Create writes the object key once. ErrExists when the key is taken,
	// ErrUnsettled when it is not known whether the object was or will be
	// written: then repeat with the same key and the same bytes.
	Create(ctx context.Context, key string, body Body) error

	// Replace writes the object key whether or not it is there. Readers see
	// the old or the new object, never a mixture. Only for derived copies
	// (reports/, bills/, invoices/).
	Replace(ctx context.Context, key string, body Body) error

	// Open reads the object from its first byte. ErrNotFound when it is not
	// there. The reader reports a body that breaks off as ErrUnsettled, never
	// as a clean end. The caller closes the reader.
	Open(ctx context.Context, key string) (io.ReadCloser, Info, error)

	// List calls fn for each object whose key begins with prefix, in the
	// order of the bytes of the key. It stops at the first error of fn and
	// returns it. fn may call the store.
	List(ctx context.Context, prefix string, fn func(Info) error) error

	// Delete removes the object. A missing key is no error.
	Delete(ctx context.Context, key string) error

	// Name tells a person which store this is, without credentials.
	Name() string
}

// Info describes one object.
type Info struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // by the clock of the store; never decides anything of a month
}

// The kinds of error. Text and cause stand in the wrapping error.
var (
	// ErrNotFound: the key is not there.
	ErrNotFound = errors.New("object not found")
	// ErrExists: the key is taken, perhaps by an earlier try of the caller.
	ErrExists = errors.New("object exists already")
	// ErrUnsettled: no definite answer (time-out, reset, 5xx, 409, broken
	// body). A write may have been applied or may still land. Repeat the same
	// call with the same bytes.
	ErrUnsettled = errors.New("no definite answer from the store")
	// ErrDenied: the store refuses us: permissions, credentials, clock skew,
	// read-only. An earlier try may have landed.
	ErrDenied = errors.New("access denied by the store")
	// ErrUnsupported: the store lacks what the commit protocol rests on.
	ErrUnsupported = errors.New("store lacks a needed operation")
	// ErrBadKey: the key breaks the rules of CheckKey, or the store holds the
	// key as a folder of other keys, or a part of the key as an object.
	ErrBadKey = errors.New("key not allowed")
	// ErrGone: the bucket or the root folder itself is not there. It is never
	// ErrNotFound, so that a lost bucket cannot pass for an empty one.
	ErrGone = errors.New("bucket or folder of the store is missing")
)
