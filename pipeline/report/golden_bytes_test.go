package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/monthend/monthend/pipeline/pages"
)

func TestMain(m *testing.M) {
	pages.UsePortableSnappy() // as the program does
	os.Exit(m.Run())
}

// TestGoldenBytes pins the bytes of a Parquet file, on every processor.
func TestGoldenBytes(t *testing.T) {
	files := write(t, Spec{ChunkRows: 20_000}, sample(t, 30_000, 12), 30_000)
	golden(t, filepath.Join("testdata", "parquet.sha256"), []byte(hashes(files)+"\n"))
}
