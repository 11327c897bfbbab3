package pages

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/golang/snappy"
)

// UsePortableSnappy makes every Parquet file of this process be compressed by
// an encoder that gives the same bytes on every processor; the one that
// arrow-go comes with gives others where it has assembly. The program calls it
// once, before anything else runs: the library keeps its codecs in a table that
// is not guarded.
func UsePortableSnappy() { compress.RegisterCodec(compress.Codecs.Snappy, portableSnappy{}) }

type portableSnappy struct{}

// Encode compresses a block.
func (portableSnappy) Encode(dst, src []byte) []byte { return snappy.Encode(dst, src) }

// EncodeLevel is Encode: the format has no levels.
func (portableSnappy) EncodeLevel(dst, src []byte, _ int) []byte { return snappy.Encode(dst, src) }

// Decode panics on a damaged block, as the interface has no error; readers of
// this module turn that into one.
func (c portableSnappy) Decode(dst, src []byte) []byte {
	out, err := c.DecodeWithError(dst, src)
	if err != nil {
		panic(err)
	}
	return out
}

// DecodeWithError decompresses a block.
func (portableSnappy) DecodeWithError(dst, src []byte) ([]byte, error) {
	out, err := snappy.Decode(dst, src)
	if err != nil {
		return nil, fmt.Errorf("snappy: %v", err)
	}
	return out, nil
}

// NewReader decompresses a stream.
func (portableSnappy) NewReader(r io.Reader) io.ReadCloser { return io.NopCloser(snappy.NewReader(r)) }

// CompressBound is the longest that n bytes can become.
func (portableSnappy) CompressBound(n int64) int64 { return int64(snappy.MaxEncodedLen(int(n))) }

// NewWriter compresses a stream.
func (portableSnappy) NewWriter(w io.Writer) io.WriteCloser { return snappy.NewBufferedWriter(w) }

// NewWriterLevel is NewWriter.
func (c portableSnappy) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return c.NewWriter(w), nil
}
