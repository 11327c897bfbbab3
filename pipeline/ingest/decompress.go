package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packing is what the bytes of a file are wrapped in.
type packing uint8

const (
	packedNot packing = iota
	packedGzip
	packedZstd
	packedParquet
)

func (p packing) String() string {
	return [...]string{"plain", "gzip", "zstd", "parquet"}[p]
}

// delivery is the stream of the delivered bytes, counted and hashed.
type delivery struct {
	in   Input
	rc   io.ReadCloser
	src  *countedReader
	buf  *bufio.Reader
	zst  *zstd.Decoder
	pack packing
}

func openDelivery(ctx context.Context, in Input, lim Limits) (*delivery, error) {
	rc, err := in.Open()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", in.Name, err)
	}
	src := &countedReader{ctx: ctx, r: rc, hash: sha256.New(), max: lim.MaxFileBytes}
	return &delivery{in: in, rc: rc, src: src, buf: bufio.NewReaderSize(src, readAhead(in.Size))}, nil
}

// smallFile is the size up to which a file is read once and is in memory then: a
// delivery may have very many of them.
const smallFile = 256 << 10

// readAhead is how much of a file is read at a time: of a small one no more than
// there is.
func readAhead(size int64) int {
	if size < 0 { // not known
		return smallFile
	}
	return int(min(smallFile, max(size+1, 4<<10)))
}

// whole returns the bytes of a small file that nothing was taken from, or nil.
func (d *delivery) whole() []byte {
	if d.in.Size <= 0 || d.in.Size >= smallFile {
		return nil
	}
	data, err := d.buf.Peek(int(d.in.Size))
	if err != nil {
		return nil // reading on tells what is wrong
	}
	return bytes.Clone(data)
}

func (d *delivery) close() {
	if d.zst != nil {
		d.zst.Close()
	}
	d.rc.Close() // opened for reading only: there is nothing left that could fail
}

// packing looks at the first bytes. Archives, and packings that are not read,
// are faults.
func (d *delivery) packing() (packing, error) {
	head, err := d.buf.Peek(8)
	if err != nil && err != io.EOF {
		return packedNot, err
	}
	d.pack, err = sniff(head)
	return d.pack, err
}

var unpacked = []struct{ magic, reason string }{
	{"PK\x03\x04", "is a zip archive"}, {"PK\x05\x06", "is an empty zip archive"}, {"BZh", "is packed with bzip2"},
	{"\xfd7zXZ\x00", "is packed with xz"}, {"7z\xbc\xaf\x27\x1c", "is a 7z archive"}, {"PARE", "is encrypted Parquet"},
}

func sniff(head []byte) (packing, error) {
	for _, u := range unpacked {
		if bytes.HasPrefix(head, []byte(u.magic)) {
			return packedNot, &fault{reason: u.reason, hint: "deliver the file itself, plain or packed with gzip or zstd"}
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return packedGzip, nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18":
		return packedZstd, nil
	case bytes.HasPrefix(head, []byte("PAR1")):
		return packedParquet, nil
	}
	return packedNot, nil
}

// expand returns the content of the file, as a stream that is bounded in size
// and in its ratio to what was delivered.
func (d *delivery) expand(lim Limits) (io.Reader, error) {
	var r io.Reader
	switch d.pack {
	case packedGzip:
		z, err := gzip.NewReader(d.buf)
		if err != nil {
			return nil, d.broken(err)
		}
		r = z
	case packedZstd:
		z, err := zstd.NewReader(d.buf, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderMaxMemory(uint64(lim.MaxFileBytes)))
		if err != nil {
			return nil, d.broken(err)
		}
		d.zst, r = z, z
	default:
		return d.buf, nil
	}
	return &expandedReader{r: r, d: d, lim: lim}, nil
}

// drain reads what is left of the delivered bytes.
func (d *delivery) drain() error {
	_, err := io.Copy(io.Discard, d.buf)
	return err
}

// finish reads to the end and returns size and hash of the delivered bytes.
func (d *delivery) finish() (n int64, sum [sha256.Size]byte, err error) {
	if err := d.drain(); err != nil {
		return 0, sum, err
	}
	d.src.hash.Sum(sum[:0])
	return d.src.n, sum, nil
}

// countedReader counts and hashes what was delivered.
type countedReader struct {
	ctx  context.Context
	r    io.Reader
	hash hash.Hash
	n    int64
	max  int64
	err  error // what reading the source failed with
}

func (c *countedReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		c.err = err
		return 0, err
	}
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	c.n += int64(n)
	if c.n > c.max {
		return n, &fault{reason: fmt.Sprintf("is larger than %d bytes", c.max), hint: "deliver it in smaller files"}
	}
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// expandedReader bounds what a packed file grows to.
type expandedReader struct {
	r   io.Reader
	d   *delivery
	lim Limits
	n   int64
}

func (e *expandedReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	if err != nil && err != io.EOF {
		return n, e.d.broken(err)
	}
	if e.n > e.lim.MaxFileBytes {
		return 0, &fault{reason: fmt.Sprintf("grows beyond %d bytes when unpacked", e.lim.MaxFileBytes), hint: "deliver it in smaller files"}
	}
	if e.n > e.lim.RatioSlack && e.n/e.lim.MaxRatio > e.d.src.n {
		return 0, &fault{reason: fmt.Sprintf("grows more than %d-fold when unpacked", e.lim.MaxRatio), hint: "if this is no attack, deliver it unpacked"}
	}
	return n, err
}

// Error makes a fault travel through readers as an error.
func (f *fault) Error() string { return f.reason }

// broken says what is wrong with packed data, in place of the library's error.
func (d *delivery) broken(err error) error {
	var f *fault
	what := d.pack.String()
	switch {
	case d.src.err != nil, errors.As(err, &f):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &fault{reason: "ends in the middle of its " + what + " data", hint: "deliver it again when it is complete"}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch):
		return &fault{reason: "has other bytes behind its " + what + " data", hint: "deliver the packed data and nothing else"}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return &fault{reason: "has a wrong " + what + " checksum", hint: "deliver it again"}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrWindowSizeTooSmall), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &fault{reason: "needs more memory than allowed to unpack", hint: "pack it with a window of at most 64 MiB"}
	}
	return &fault{reason: fmt.Sprintf("has damaged %s data: %v", what, err), hint: "deliver it again"}
}

// translate turns what a reader failed with into a fault of the file, unless
// the source itself failed or a callback ended the reading.
func (s *session) translate(err error, d *delivery) error {
	var f *fault
	switch {
	case s.calling:
		return err
	case errors.As(err, &f):
		return s.fileFault(f.reason, f.hint)
	case d.src.err != nil:
		return fmt.Errorf("reading %s: %w", s.in.Name, d.src.err)
	}
	return err
}
