// Package s3 is the object store over a service that speaks the S3 protocol.
//
// It owns the client: addresses, credentials, time limits, and the translation
// of answers into the error kinds of package store. It does not own buckets: a
// bucket that is missing is an error and is never made here. Whether a service
// keeps create-if-absent is not believed but probed by store.Probe.
//
// A create is one PUT with If-None-Match: *, never in parts, for the condition
// is lost on the way when a client cuts the body up; and it is sent once, so
// that a repeat is always the decision of the caller.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/monthend/monthend/pipeline/store"
)

// Limits of the service and of our patience.
const (
	// MaxCreateBytes is the largest object of a single PUT.
	MaxCreateBytes = 5 << 30
	// answerTime is how long any call may take besides moving its bytes.
	answerTime = time.Minute
	// DefaultSlowest is the default of Options.Slowest.
	DefaultSlowest = 16 << 10
	// partBytes is the size of the parts of a large Replace.
	partBytes = 64 << 20
)

// Options says where the objects are.
type Options struct {
	Endpoint string // URL without a path, such as https://s3.example.com; empty is AWS in Region
	Region   string // empty is us-east-1
	Bucket   string // must exist
	Prefix   string // put before every key with a slash; empty for none

	// PathStyle puts the bucket in the path also where the host is known to
	// take it in the name.
	PathStyle bool
	// CAFile holds further certificates in PEM that the endpoint may present.
	CAFile string
	// Profile names a section of the shared credentials file; empty is
	// AWS_PROFILE or "default".
	Profile string
	// TrailingChecksums sends a CRC after the body. Right for AWS; some other
	// services refuse it. Without it bodies over TLS carry an MD5.
	TrailingChecksums bool
	// Slowest is the rate in bytes per second below which a transfer is given
	// up; 0 is DefaultSlowest.
	Slowest int64

	// Foreign: the bucket is somebody else's and only read. Its keys are taken as
	// they are, whatever letters they have.
	Foreign bool
}

// Store is a bucket, or the part of it below a prefix.
type Store struct {
	once    *minio.Core // sends a request once
	again   *minio.Core // repeats what may be repeated
	opts    Options
	secure  bool
	expired func()        // drops cached credentials
	answer  time.Duration // answerTime, less in tests
}

// Open makes the client and asks the service for the bucket. ErrGone when the
// bucket does not exist; ErrDenied without valid credentials, which are looked
// for in the environment, the shared credentials file and the role of the
// machine.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s, err := dial(opts)
	if err != nil {
		return nil, err
	}
	// The list needs the permission that the collector needs anyhow, and unlike
	// a HEAD its failure has a text.
	found := errors.New("found")
	err = s.List(ctx, "", func(store.Info) error { return found })
	if err != nil && !errors.Is(err, found) {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// Name is part of store.Store.
func (s *Store) Name() string {
	place := s.opts.Bucket
	if s.opts.Prefix != "" {
		place += "/" + s.opts.Prefix
	}
	return "s3 " + s.opts.Endpoint + " " + place
}

// Create is part of store.Store. A body over MaxCreateBytes is an error.
func (s *Store) Create(ctx context.Context, key string, body store.Body) error {
	if body.Size() > MaxCreateBytes {
		return fmt.Errorf("create %s in %s: body of %d bytes, a single PUT takes at most %d", key, s.Name(), body.Size(), int64(MaxCreateBytes))
	}
	opts := s.putOptions()
	opts.DisableMultipart = true
	opts.SetMatchETagExcept("*")
	return s.put(ctx, s.once, "create", key, body, opts)
}

// Replace is part of store.Store. Large bodies go up in parts, which a killed
// process leaves behind unseen: the bucket needs a rule that removes unfinished
// uploads.
func (s *Store) Replace(ctx context.Context, key string, body store.Body) error {
	opts := s.putOptions()
	opts.PartSize = partBytes
	return s.put(ctx, s.again, "replace", key, body, opts)
}

func (s *Store) putOptions() minio.PutObjectOptions {
	return minio.PutObjectOptions{
		// Over TLS the signature does not cover the body.
		SendContentMd5: s.secure && !s.opts.TrailingChecksums,
	}
}

// folderTries is how often a write is repeated that a folder is said to be in the
// way of, where none is.
const folderTries = 4

// put writes an object. A service over a file system may answer that the key is a
// folder while it takes an empty one away under a neighbour that is deleted: it
// has written nothing then, and is asked again.
func (s *Store) put(ctx context.Context, client *minio.Core, verb, key string, body store.Body, opts minio.PutObjectOptions) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := s.putOnce(ctx, client, verb, key, body, opts)
		if try == folderTries || !errors.Is(err, errIsFolder) || !s.nothingBelow(ctx, key) {
			return err
		}
	}
}

// nothingBelow tells whether no object lies in the folder of a key's name.
func (s *Store) nothingBelow(ctx context.Context, key string) bool {
	err := s.List(ctx, key+"/", func(store.Info) error { return errFound })
	return err == nil
}

var errFound = errors.New("an object is there")

func (s *Store) putOnce(ctx context.Context, client *minio.Core, verb, key string, body store.Body, opts minio.PutObjectOptions) error {
	reader, err := body.Open()
	if err != nil {
		return err
	}
	defer reader.Close()
	limit := s.limit(ctx, body.Size())
	defer limit.stop()
	done, err := client.Client.PutObject(limit.ctx, s.opts.Bucket, s.whole(key), source(reader), reader.Size(), opts)
	if err == nil && done.ETag == "" {
		err = errNoETag
	}
	return s.fail(verb, key, limit.cause(err))
}

// errNoETag says that a success is none: every service names what it has
// written, and an error document under a status of 200 does not.
var errNoETag = errors.New("the answer is a success by its status alone, without an ETag; check the endpoint and what stands before it")

// source gives the client the type that it reads best: it looks for files and
// for ReadAt, and takes an empty body only from a reader in memory.
func source(f store.File) io.Reader {
	if f.Size() == 0 {
		return bytes.NewReader(nil)
	}
	return io.NewSectionReader(f, 0, f.Size())
}

// Open is part of store.Store.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := s.check(ctx, key); err != nil {
		return nil, store.Info{}, err
	}
	limit := s.limit(ctx, 0)
	body, stat, _, err := s.again.GetObject(limit.ctx, s.opts.Bucket, s.whole(key), minio.GetObjectOptions{})
	if err != nil {
		err = s.fail("open", key, limit.cause(err))
		limit.stop()
		return nil, store.Info{}, err
	}
	limit.extend(stat.Size)
	info := store.Info{Key: key, Size: stat.Size, Modified: stat.LastModified}
	return &objectReader{s: s, key: key, body: body, limit: limit}, info, nil
}

// objectReader words the errors of a body.
type objectReader struct {
	s     *Store
	key   string
	body  io.ReadCloser
	limit *limit
}

func (r *objectReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.fail("read", r.key, r.limit.cause(err))
	}
	return n, err
}

func (r *objectReader) Close() error {
	r.limit.stop()
	_ = r.body.Close() // all that was read has been checked by its length
	return nil
}

// List is part of store.Store. Objects whose names are no keys are passed over.
func (s *Store) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	if prefix != "" && !s.opts.Foreign {
		if err := store.CheckKey(strings.TrimSuffix(prefix, "/")); err != nil {
			return err
		}
	}
	limit := s.limit(ctx, 0)
	defer limit.stop()
	opts := minio.ListObjectsOptions{Prefix: s.whole(prefix), Recursive: true}
	for object := range s.again.ListObjectsIter(limit.ctx, s.opts.Bucket, opts) {
		limit.timer.Stop() // what fn does is not the time of the store
		if object.Err != nil {
			return s.fail("list", prefix, limit.cause(object.Err))
		}
		key := strings.TrimPrefix(object.Key, s.whole(""))
		if s.opts.Foreign || store.CheckKey(key) == nil {
			if err := fn(store.Info{Key: key, Size: object.Size, Modified: object.LastModified}); err != nil {
				return err
			}
		}
		limit.extend(0)
	}
	// A list whose context has ended looks like one that is complete.
	return s.fail("list", prefix, limit.cause(limit.ctx.Err()))
}

// Delete is part of store.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	limit := s.limit(ctx, 0)
	defer limit.stop()
	err := s.again.RemoveObject(limit.ctx, s.opts.Bucket, s.whole(key), minio.RemoveObjectOptions{})
	err = s.fail("delete", key, limit.cause(err))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) check(ctx context.Context, key string) error {
	if s.opts.Foreign {
		return ctx.Err()
	}
	if err := store.CheckKey(key); err != nil {
		return err
	}
	if s.opts.Prefix != "" && len(s.whole(key)) > store.MaxKeyBytes {
		return fmt.Errorf("key %q: %w: longer than %d bytes with the prefix %q", key, store.ErrBadKey, store.MaxKeyBytes, s.opts.Prefix)
	}
	return ctx.Err()
}

// whole is the name of key in the bucket.
func (s *Store) whole(key string) string {
	if s.opts.Prefix == "" {
		return key
	}
	return s.opts.Prefix + "/" + key
}

// limit ends a call that takes too long for its size.
type limit struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	answer time.Duration // for all but the bytes
	rate   int64         // bytes per second
}

var errTooSlow = errors.New("time limit of the call passed")

func (s *Store) limit(parent context.Context, size int64) *limit {
	l := &limit{answer: s.answer, rate: s.opts.Slowest}
	l.ctx, l.cancel = context.WithCancelCause(parent)
	l.timer = time.AfterFunc(l.time(size), func() { l.cancel(errTooSlow) })
	return l
}

// time is how long size bytes may take.
func (l *limit) time(size int64) time.Duration {
	return l.answer + time.Duration(size/l.rate)*time.Second
}

// extend starts the time anew for a body of size bytes.
func (l *limit) extend(size int64) { l.timer.Reset(l.time(size)) }

func (l *limit) stop() {
	l.timer.Stop()
	l.cancel(nil)
}

// cause puts the reason of the end of the context in the place of err.
func (l *limit) cause(err error) error {
	if err != nil && l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return err
}
