package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// ReadAll returns the bytes of an object of at most limit bytes. ErrNotFound
// when it is not there; an object over the limit is an error without a kind.
func ReadAll(ctx context.Context, s Store, key string, limit int64) ([]byte, error) {
	var data []byte
	err := readWhole(ctx, s, key, func(r io.Reader, size int64) error {
		if size > limit {
			return fmt.Errorf("read %s in %s: object has %d bytes, at most %d are read", key, s.Name(), size, limit)
		}
		data = make([]byte, size)
		_, err := io.ReadFull(r, data)
		return err
	})
	return data, err
}

// ReadBack reads the whole object and returns its size and its SHA-256.
func ReadBack(ctx context.Context, s Store, key string) (size int64, sum [sha256.Size]byte, err error) {
	err = readWhole(ctx, s, key, func(r io.Reader, _ int64) error {
		h := sha256.New()
		size, err = io.Copy(h, r)
		h.Sum(sum[:0])
		return err
	})
	return size, sum, err
}

// RandomAccess is a Store that opens an object for reading at any place
// without copying it. Fetch uses it when it is there.
type RandomAccess interface {
	OpenAt(ctx context.Context, key string) (File, error)
}

// Fetch gives random access to an object: in place where the store can, else
// through a copy in tmpDir that has no name and is gone when it is closed.
// ErrNotFound when the object is not there.
func Fetch(ctx context.Context, s Store, key, tmpDir string) (File, error) {
	if direct, ok := s.(RandomAccess); ok {
		return direct.OpenAt(ctx, key)
	}
	f, err := namelessFile(tmpDir)
	if err != nil {
		return nil, err
	}
	var size int64
	err = readWhole(ctx, s, key, func(r io.Reader, _ int64) error {
		if err := rewind(f); err != nil {
			return err
		}
		size, err = io.Copy(f, r)
		return err
	})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return diskFile{f, size}, nil
}

// readWhole opens key, lets use read it and reads what use left, so that a body
// that is too short or too long is found. It repeats all of it while the
// outcome is unsettled.
func readWhole(ctx context.Context, s Store, key string, use func(r io.Reader, size int64) error) error {
	return Repeat(ctx, s, func() error {
		r, info, err := s.Open(ctx, key)
		if err != nil {
			return err
		}
		defer r.Close()
		exact := &exactReader{r: r, left: info.Size}
		if err = use(exact, info.Size); err == nil {
			_, err = io.Copy(io.Discard, exact)
		}
		if exact.off {
			return fmt.Errorf("read %s in %s: %w: the body has not the %d bytes announced", key, s.Name(), ErrUnsettled, info.Size)
		}
		return err
	})
}

// OpenWhole opens an object for reading from its first byte to its last. A body
// that ends early or late is ErrUnsettled, never a clean end: a caller that reads
// as it comes must not take half an object for all of it.
func OpenWhole(ctx context.Context, s Store, key string) (io.ReadCloser, error) {
	var r io.ReadCloser
	var info Info
	err := Repeat(ctx, s, func() (err error) {
		r, info, err = s.Open(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wholeReader{&exactReader{r: r, left: info.Size}, r, key}, nil
}

type wholeReader struct {
	exact *exactReader
	io.Closer
	key string
}

func (w wholeReader) Read(p []byte) (int, error) {
	n, err := w.exact.Read(p)
	if w.exact.off {
		return n, fmt.Errorf("read %s: %w: the body has another length than announced", w.key, ErrUnsettled)
	}
	return n, err
}

// exactReader fails when its source ends early or late.
type exactReader struct {
	r    io.Reader
	left int64
	off  bool // the source was of another length
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if e.left < 0 || (err == io.EOF && e.left > 0) {
		e.off = true
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// namelessFile makes a file in dir that vanishes when it is closed, also when
// the process is killed.
func namelessFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "fetch-*")
	if err != nil {
		return nil, fmt.Errorf("fetch: make a temporary file: %v", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("fetch: unlink the temporary file: %v", err)
	}
	return f, nil
}

func rewind(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("fetch: empty the temporary file: %v", err)
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}
