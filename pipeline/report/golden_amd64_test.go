//go:build amd64 && !noasm

package report

import (
	"path/filepath"
	"testing"
)

// TestGoldenBytes pins the bytes of a Parquet file on the usual processor.
func TestGoldenBytes(t *testing.T) {
	files := write(t, Spec{ChunkRows: 20_000}, sample(t, 30_000, 12), 30_000)
	golden(t, filepath.Join("testdata", "parquet.sha256"), []byte(hashes(files)+"\n"))
}
