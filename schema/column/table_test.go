package column

import (
	"encoding/csv"
	"errors"
	"flag"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestTable pins names, order and types: readers depend on them.
func TestTable(t *testing.T) {
	var b strings.Builder
	for i, c := range All() {
		b.WriteString(c.Name + " " + c.Kind.String() + "\n")
		if c.at != i {
			t.Errorf("%s: place %d in the table, %d in the column", c.Name, i, c.at)
		}
		if c.Doc == "" || c.Null == "" {
			t.Errorf("%s: no meaning or no null rule", c.Name)
		}
		if i > 0 && c.Name <= All()[i-1].Name {
			t.Errorf("%s: not in alphabetical order", c.Name)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/columns.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/columns.txt")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Error("the table differs from testdata/columns.txt")
	}
}

// TestTableAgainstReference compares the table with the measured reference,
// where that is at hand.
func TestTableAgainstReference(t *testing.T) {
	in, err := os.Open("../../../shared/reference/cur2-columns.csv")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the reference is not at hand")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	records, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	name, kind := slices.Index(records[0], "name"), slices.Index(records[0], "sql_type")
	want := map[string]string{}
	for _, r := range records[1:] {
		want[r[name]] = r[kind]
	}
	if len(All()) != len(want) {
		t.Errorf("%d columns, the reference has %d", len(All()), len(want))
	}
	for _, c := range All() {
		if want[c.Name] != c.Kind.String() {
			t.Errorf("%s is %s, the reference says %q", c.Name, c.Kind, want[c.Name])
		}
	}
}
