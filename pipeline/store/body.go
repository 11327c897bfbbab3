package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// File is an object or a body with random access.
type File interface {
	io.ReaderAt
	io.ReadSeeker
	io.Closer
	// Size is the length in bytes.
	Size() int64
}

// Body is the content of a write. It can be read any number of times, also
// concurrently, so that a write can be repeated.
type Body struct {
	data []byte
	path string // of a file when not empty
	size int64
}

// BytesBody is a body of the bytes of data, which must not change while the
// body is in use.
func BytesBody(data []byte) Body { return Body{data: data, size: int64(len(data))} }

// FileBody is a body of the file path, which must be size bytes long and must
// not change while the body is in use.
func FileBody(path string, size int64) Body { return Body{path: path, size: size} }

// Size is the length in bytes.
func (b Body) Size() int64 { return b.size }

// Open starts a reading of the body. The error has no kind: a file that is
// missing or of another size is a fault of the caller.
func (b Body) Open() (File, error) {
	if b.path == "" {
		return bytesFile{bytes.NewReader(b.data)}, nil
	}
	f, err := os.Open(b.path)
	if err != nil {
		return nil, fmt.Errorf("open body: %v", err)
	}
	d, err := diskFileOf(f)
	if err != nil {
		return nil, fmt.Errorf("open body %s: %v", b.path, err)
	}
	if d.size != b.size {
		f.Close()
		return nil, fmt.Errorf("open body %s: file has %d bytes, %d were announced", b.path, d.size, b.size)
	}
	return d, nil
}

// Sum is the SHA-256 of the body.
func (b Body) Sum() ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	f, err := b.Open()
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err != nil || n != b.size {
		return sum, fmt.Errorf("read body: %d of %d bytes: %v", n, b.size, err)
	}
	h.Sum(sum[:0])
	return sum, nil
}

// bytesFile is a File over bytes in memory.
type bytesFile struct{ *bytes.Reader }

func (bytesFile) Close() error { return nil }

// diskFile is a File over an open file.
type diskFile struct {
	*os.File
	size int64
}

func (d diskFile) Size() int64 { return d.size }

// diskFileOf takes over f, and closes it when it fails.
func diskFileOf(f *os.File) (diskFile, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file")
	}
	if err != nil {
		f.Close()
		return diskFile{}, err
	}
	return diskFile{f, info.Size()}, nil
}
