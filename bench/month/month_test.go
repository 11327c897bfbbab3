package month

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The counts of a month are exact, its ids are distinct, and repeats follow
// what they repeat.
func TestEachKeepsItsWord(t *testing.T) {
	for _, name := range []string{"even", "one-account", "resources"} {
		s, err := Named(name, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWorld(s)
		first := map[string]Record{}
		var duplicates, conflicts, last int64
		err = w.Each(func(n int64, r Record) error {
			before, again := first[r.ID]
			switch {
			case !again:
				if r.Start < last-3_600_000 || r.Start >= r.End {
					t.Fatalf("%s: record %d is out of order", name, n)
				}
				first[r.ID], last = r, r.Start
			case before == r:
				duplicates++
			default:
				conflicts++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(first)) != w.Fresh() || duplicates != w.Duplicates() || conflicts != w.Conflicts() {
			t.Errorf("%s: %d fresh, %d duplicates, %d conflicts; promised were %d, %d, %d", name,
				len(first), duplicates, conflicts, w.Fresh(), w.Duplicates(), w.Conflicts())
		}
	}
}

func TestOneAccount(t *testing.T) {
	s, err := Named("one-account", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorld(s)
	for _, r := range w.Resources {
		if r.Account != w.Accounts[0].ID {
			t.Fatal("a resource belongs to another account")
		}
	}
}

func TestEqualShapesGiveEqualBytes(t *testing.T) {
	s := Even(20_000)
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := Write(dir, s, Formats); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(a + "/*/*")
	if err != nil || len(files) != s.Files*len(Formats) {
		t.Fatalf("%d files of usage, %v", len(files), err)
	}
	for _, f := range files {
		rel, _ := filepath.Rel(a, f)
		x, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(b, rel))
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs (%v)", rel, err)
		}
	}
}
