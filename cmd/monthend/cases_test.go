package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
)

// catalogue are the groups of nasty cases that a batch program meets in time, in
// data, in storage, as a process and in money, and how many each has.
func catalogue() map[string]int {
	return map[string]int{"T": 35, "D": 67, "S": 45, "P": 25, "M": 33}
}

// TestCatalogue prints which nasty cases have neither a test named after them nor
// a word in docs/cases.md why not, and which have both.
func TestCatalogue(t *testing.T) {
	tested, leftOut := testedCases(t), leftOutCases(t)
	var missing, stale []string
	covered := 0
	for _, id := range catalogueIDs() {
		switch {
		case tested[id] && leftOut[id]:
			stale = append(stale, id)
		case tested[id]:
			covered++
		case !leftOut[id]:
			missing = append(missing, id)
		}
	}
	other := otherNames(t, leftOut)
	t.Logf("of %d cases %d have a test of their name, %d of another, and %d are left out for a reason", len(catalogueIDs()),
		covered, other, len(leftOut)-other)
	if len(missing) > 0 {
		t.Errorf("no test is named after these cases, and docs/cases.md does not say why: %s", strings.Join(missing, " "))
	}
	if len(stale) > 0 {
		t.Errorf("these cases have a test now; take them out of docs/cases.md: %s", strings.Join(stale, " "))
	}
	for id := range leftOut {
		if !slices.Contains(catalogueIDs(), id) {
			t.Errorf("docs/cases.md names %s, which is no case", id)
		}
	}
}

func catalogueIDs() []string {
	var ids []string
	for _, group := range slices.Sorted(maps.Keys(catalogue())) {
		for n := range catalogue()[group] {
			ids = append(ids, group+string(rune('0'+(n+1)/10))+string(rune('0'+(n+1)%10)))
		}
	}
	return ids
}

// testedCases finds the names of tests and of rows in their tables.
func testedCases(t *testing.T) map[string]bool {
	t.Helper()
	name := regexp.MustCompile(`Case_([A-Z][0-9]{2})`)
	also := regexp.MustCompile(`^_[A-Z][0-9]{2}_`)
	found := map[string]bool{}
	eachTestFile(t, func(text string) {
		for _, m := range name.FindAllStringSubmatchIndex(text, -1) {
			found[text[m[2]:m[3]]] = true
			for rest := text[m[3]:]; also.MatchString(rest); rest = rest[4:] { // TestCase_T10_T11_...
				found[rest[1:4]] = true
			}
		}
	})
	return found
}

// leftOutCases reads the rows of docs/cases.md.
func leftOutCases(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("../../docs/cases.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z][0-9]{2}) \| .+ \| .+ \|$`).FindAllStringSubmatch(string(data), -1) {
		if found[m[1]] {
			t.Errorf("docs/cases.md has two rows of %s", m[1])
		}
		found[m[1]] = true
	}
	return found
}

// otherNames counts the cases that docs/cases.md finds in tests of another name,
// and sees that these exist.
func otherNames(t *testing.T, rows map[string]bool) int {
	t.Helper()
	tests := map[string]bool{}
	eachTestFile(t, func(text string) {
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(text, -1) {
			tests[m[1]] = true
		}
	})
	data, err := os.ReadFile("../../docs/cases.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for id := range rows {
		row := regexp.MustCompile(`(?m)^\| ` + id + " \\| (`Test[^|]*) \\|").FindSubmatch(data)
		if row == nil {
			continue
		}
		n++
		for _, name := range strings.Fields(strings.ReplaceAll(string(row[1]), "`", "")) {
			if !tests[name] {
				t.Errorf("docs/cases.md says that %s holds %s: there is no such test", name, id)
			}
		}
	}
	return n
}

func eachTestFile(t *testing.T, use func(text string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		use(string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A host without zone data must not turn every zone into UTC: the program has
// its own, and a zone that it does not know is an error.
func TestCase_T14_ZoneDataIsInTheProgram(t *testing.T) {
	data, err := os.ReadFile("main.go")
	if err != nil || !strings.Contains(string(data), `_ "time/tzdata"`) {
		t.Errorf("main.go does not import time/tzdata (%v)", err)
	}
	if zone, err := (schema.Issuer{ID: "a", TimeZone: "Mars/Base"}).Location(); err == nil {
		t.Errorf("an unknown zone became %s", zone)
	}
	if zone, err := time.LoadLocation("Asia/Kathmandu"); err != nil || zone.String() != "Asia/Kathmandu" {
		t.Errorf("%v", err)
	}
}
