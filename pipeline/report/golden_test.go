package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
)

// machine is what the compressor makes, which is not the same on every kind of
// processor.
var machine = regexp.MustCompile(`"(bytes|sha256)": [^,]*`)

// TestGolden pins the text of a small report, of its manifest and of its
// quality file.
func TestGolden(t *testing.T) {
	c := sample(t, 6, 11)
	golden(t, filepath.Join("testdata", "small.csv"), unzip(t, write(t, Spec{Format: CSV}, c, 6)[0].Path))
	st := store.NewMemory()
	if err := publishSample(t, st, c, Spec{ChunkRows: 4}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Manifest", "Quality"} {
		text := read(t, st, exportRoot+"metadata/BILLING_PERIOD=2026-10/daily-"+name+".json")
		golden(t, filepath.Join("testdata", "small-"+name+".json"), machine.ReplaceAll(text, []byte(`"$1": "-"`)))
	}
}

// TestNoLibraryStamp keeps build stamps out of the files.
func TestNoLibraryStamp(t *testing.T) {
	text, err := os.ReadFile(write(t, Spec{}, sample(t, 10, 1), 10)[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, stamp := range []string{"parquet-go", "arrow"} {
		if contains(text, stamp) {
			t.Errorf("the file names %s", stamp)
		}
	}
	if !contains(text, createdBy) {
		t.Error("the file does not name its writer")
	}
}

func contains(text []byte, s string) bool { return bytes.Contains(text, []byte(s)) }
