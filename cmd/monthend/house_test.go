package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/monthend/monthend"

// Third-party modules, by the name that the house uses for them.
const (
	libArrow    = "github.com/apache/arrow-go/v18"
	libCalendar = "github.com/rickar/cal/v2"
	libCobra    = "github.com/spf13/cobra"
	libCron     = "github.com/robfig/cron/v3"
	libCompress = "github.com/klauspost/compress"
	libSnappy   = "github.com/golang/snappy"
	libPDF      = "codeberg.org/go-pdf/fpdf"
	libJSON     = "github.com/go-json-experiment/json"
	libMinio    = "github.com/minio/minio-go/v7"
	libProgress = "github.com/vbauerster/mpb/v8"
	libParquet  = "github.com/parquet-go/parquet-go"
	libRapid    = "pgregory.net/rapid"
	libScript   = "github.com/rogpeppe/go-internal"
	libTerm     = "golang.org/x/term"
	libYAML     = "go.yaml.in/yaml/v4"
)

// room is one package of the house.
type room struct {
	name    string // path below the module
	ours    string // packages of ours that it may import
	libs    string // third-party modules that it may import
	tests   string // third-party modules that only its tests may import, besides rapid
	pure    bool   // takes values and returns values
	because string
}

// house says who may import whom. A new package needs a row; a row needs a
// package.
func house() []room {
	return []room{
		{name: "schema/money", pure: true,
			because: "money is the ground floor: it imports nothing of ours and no library"},
		{name: "schema", pure: true, ours: "schema/money",
			because: "the nouns know usage, periods and money, and nothing about files, networks or time of day"},
		{name: "schema/price", pure: true, ours: "schema schema/money",
			because: "a price catalog is text that became values; who uses it is not its concern"},
		{name: "schema/offer", pure: true, ours: "schema schema/money schema/price",
			because: "offers are dated values that pick prices; what they do to a month is for pipeline/rate"},
		{name: "schema/bill", pure: true, ours: "schema schema/money",
			because: "a bill is made of nouns and money; how it is drawn or kept is for the rooms above"},
		{name: "schema/batch", pure: true, ours: "schema schema/money",
			because: "the batch is the currency of the rooms above, so that they need not know each other"},
		{name: "schema/column", pure: true, ours: "schema schema/money schema/bill schema/batch",
			because: "a report's columns are a table over a batch of charges; who writes them is pipeline/report"},

		{name: "config", ours: "schema schema/money schema/price schema/offer", libs: libYAML,
			because: "the configuration becomes checked structs; the YAML library stays in this room"},

		{name: "pipeline/store",
			because: "the bucket is bytes under keys: it knows nothing of what they mean, and no library"},
		{name: "pipeline/store/s3", ours: "pipeline/store", libs: libMinio,
			because: "the S3 client stays in this room, so that swapping it is a job in one package"},
		{name: "pipeline/store/storetest", ours: "pipeline/store",
			because: "the suite tests any store through its interface alone"},
		{name: "pipeline/pages", libs: libArrow + " " + libSnappy, tests: libParquet,
			because: "columns of codes become pages of Parquet and back; what they mean it does not know; " +
				"its Snappy gives the same bytes on every processor, and a second library reads its files in tests"},
		{name: "pipeline/spool", ours: "schema schema/money schema/batch pipeline/store pipeline/pages", libs: libArrow + " " + libJSON, tests: libParquet,
			because: "sorted runs of batches on disk and in the store; it rates and sums nothing; " +
				"a second library reads its files in tests"},
		{name: "pipeline/ingest", ours: "schema schema/money schema/batch pipeline/store pipeline/spool",
			libs: libParquet + " " + libCompress + " " + libJSON,
			because: "users' files become batches; prices are looked up at rating, never here, " +
				"and users' Parquet is read with parquet-go"},
		{name: "pipeline/rate", pure: true, ours: "schema schema/money schema/price schema/offer schema/bill schema/batch",
			because: "rating is arithmetic over batches: the same input gives the same charges on every machine"},
		{name: "pipeline/rate/slow", ours: "schema schema/money schema/price schema/offer",
			because: "a second rater, for tests alone, that shares no arithmetic with the first"},
		{name: "pipeline/trial", pure: true, ours: "schema schema/money schema/price schema/offer schema/bill schema/batch pipeline/rate",
			because: "a month in memory: it runs the steps of pipeline/rate and has no rule of its own"},
		{name: "pipeline/rollup", pure: true, ours: "schema schema/money schema/bill schema/batch",
			because: "summing works through readers and writers that it is given"},
		{name: "pipeline/report", ours: "schema schema/money schema/bill schema/batch schema/column pipeline/store pipeline/pages",
			libs: libArrow + " " + libCompress + " " + libJSON + " " + libParquet,
			because: "reports show charges and compute none; arrow-go writes them and parquet-go, " +
				"a second implementation, reads them back"},
		{name: "pipeline/period", ours: "schema schema/money schema/bill pipeline/store", libs: libJSON,
			because: "the logs decide what is in a month, from records alone"},
		{name: "pipeline/invoice", pure: true, ours: "schema schema/money schema/bill", libs: libJSON,
			because: "a document is values; every figure is stored and none is computed while drawing"},
		{name: "pipeline/invoice/pdf", ours: "schema schema/money schema/bill", libs: libPDF,
			because: "drawing needs the document alone; the PDF library stays in this room"},
		{name: "pipeline/sample", ours: "schema schema/money", libs: libArrow + " " + libCompress, tests: libParquet + " " + libYAML,
			because: "sample data is written as a stranger would write it, not through the rooms that read it"},
		{name: "pipeline", ours: "schema schema/money schema/price schema/offer schema/bill schema/batch schema/column " +
			"pipeline/store pipeline/spool pipeline/ingest pipeline/rate pipeline/rollup pipeline/report " +
			"pipeline/period pipeline/invoice pipeline/invoice/pdf",
			libs: libJSON,
			because: "the rooms of the month meet here and nowhere else; which store it is and " +
				"that there is a configuration file, it does not know"},

		{name: "jobs/calendar", ours: "schema", libs: libCalendar, pure: true,
			because: "business days follow from rules and dated lists; what is due on them is for jobs"},
		{name: "jobs/notify",
			because: "what leaves this host goes through one door, which knows nothing of what it carries"},
		{name: "jobs", ours: "schema schema/money schema/bill pipeline pipeline/store pipeline/period jobs/calendar", libs: libCron + " " + libJSON,
			because: "cron only wakes the daemon, so it stays in this room; what a job does is the pipeline's, and " +
				"the way to people is given to it"},

		{name: "pipeline/sim",
			because: "the attack on the month consists of tests; whatever they import, nothing imports them"},

		{name: "cmd/monthend", ours: "schema schema/money schema/price schema/offer schema/bill config pipeline jobs jobs/calendar jobs/notify " +
			"pipeline/store pipeline/store/s3 pipeline/ingest pipeline/report pipeline/period pipeline/sample pipeline/pages pipeline/trial",
			libs: libCobra + " " + libJSON + " " + libProgress + " " + libTerm, tests: libScript + " " + libParquet,
			because: "the command wires the real store, clock and log to the pipeline; billing is none of its business"},
	}
}

// Aims of the whole house. Depth and interfaces are what makes code hard to
// follow and to change.
const maxInterfaces, maxChain = 7, 8

// TestHouse checks the plan of the house and its habits. Tests may import any
// package of ours; libraries stay in their rooms even there.
func TestHouse(t *testing.T) {
	all := packages(t)
	t.Run("imports", func(t *testing.T) { checkRows(t, all) })
	t.Run("chain", func(t *testing.T) { checkChain(t, all) })
	t.Run("names", func(t *testing.T) { checkNames(t, all) })
	var parsed []code
	for _, p := range all {
		parsed = append(parsed, parse(t, p))
	}
	t.Run("clock", func(t *testing.T) { checkClock(t.Errorf, parsed, exceptions()) })
	t.Run("state", func(t *testing.T) { checkState(t.Errorf, parsed) })
	t.Run("interfaces", func(t *testing.T) { checkInterfaces(t, parsed) })
	t.Run("comments", func(t *testing.T) { checkComments(t.Errorf, parsed) })
}

// goPackage is what the go tool tells of a package.
type goPackage struct {
	ImportPath, Dir, Name, Doc         string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages asks the go tool for every package of the module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

func checkRows(t *testing.T, all []goPackage) {
	rows := map[string]room{}
	for _, r := range house() {
		if _, twice := rows[r.name]; twice {
			t.Errorf("%s has two rows; keep one", r.name)
		}
		rows[r.name] = r
	}
	found := map[string]bool{}
	for _, p := range all {
		row, ok := rows[p.room()]
		if !ok {
			t.Errorf("%s has no row in the house; add one to house() that says what it may import, and why", p.room())
			continue
		}
		found[row.name] = true
		checkImports(t.Errorf, row, p)
	}
	for name := range rows {
		if !found[name] {
			t.Errorf("%s has a row in the house and is no package; take the row away", name)
		}
	}
}

func checkImports(fault faultf, row room, p goPackage) {
	ours, libs := strings.Fields(row.ours), strings.Fields(row.libs)
	for _, path := range p.Imports {
		switch kind, name := importKind(path); {
		case kind == "ours" && !slices.Contains(ours, name):
			fault("%s imports %s, which its row does not allow: %s", row.name, name, row.because)
		case kind == "library" && !covers(libs, path):
			fault("%s imports the library %s, which its row does not allow: %s", row.name, path, row.because)
		case kind == "standard" && row.pure && impure(path) != "":
			fault("%s imports %s, which a pure room may not: %s", row.name, path, impure(path))
		}
	}
	libs = append(append(libs, strings.Fields(row.tests)...), libRapid)
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		if kind, _ := importKind(path); kind == "library" && !covers(libs, path) {
			fault("a test of %s imports the library %s, which its row does not allow even for tests: one library, one room; %s",
				row.name, path, row.because)
		}
	}
}

// importKind tells whose package an import is, and the room's name if ours.
func importKind(path string) (kind, name string) {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case path == module || strings.HasPrefix(path, module+"/"):
		return "ours", strings.TrimPrefix(path, module+"/")
	case strings.Contains(first, "."):
		return "library", ""
	}
	return "standard", ""
}

func covers(modules []string, path string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// impure returns why a pure room may not import a standard package, or "".
func impure(path string) string {
	switch first, _, _ := strings.Cut(path, "/"); {
	case first == "os" || first == "syscall" || path == "io/fs" || path == "path/filepath":
		return "it takes values and returns values; files are for the edge rooms"
	case first == "net":
		return "it takes values and returns values; networks are for the edge rooms"
	case path == "log/slog" || first == "log":
		return "it returns errors and results; who talks to people is cmd"
	case path == "context":
		return "pure work is not cancelled half way; who may wait is for the edge rooms"
	case path == "math/rand" || path == "math/rand/v2" || path == "crypto/rand":
		return "the same input gives the same bytes"
	}
	return ""
}

// checkChain measures the longest chain of imports.
func checkChain(t *testing.T, all []goPackage) {
	imports := map[string][]string{}
	for _, p := range all {
		for _, path := range p.Imports {
			if kind, name := importKind(path); kind == "ours" {
				imports[p.room()] = append(imports[p.room()], name)
			}
		}
	}
	known := map[string][]string{}
	var longest []string
	for _, room := range slices.Sorted(maps.Keys(imports)) {
		if chain := chainFrom(room, imports, known); len(chain) > len(longest) {
			longest = chain
		}
	}
	t.Logf("longest chain of imports, %d packages: %s", len(longest), strings.Join(longest, " > "))
	if len(longest) > maxChain {
		t.Errorf("longest chain of imports has %d packages, at most %d are wanted: %s", len(longest), maxChain, strings.Join(longest, " > "))
	}
}

func chainFrom(room string, imports, known map[string][]string) []string {
	if chain, ok := known[room]; ok {
		return chain
	}
	var longest []string
	for _, next := range imports[room] {
		if chain := chainFrom(next, imports, known); len(chain) > len(longest) {
			longest = chain
		}
	}
	known[room] = append([]string{room}, longest...)
	return known[room]
}

func checkNames(t *testing.T, all []goPackage) {
	for _, p := range all {
		for _, part := range strings.Split(p.room(), "/") {
			if fault := nameFault(part); fault != "" {
				t.Errorf("package %s: %s", p.room(), fault)
			}
		}
		if p.Doc == "" {
			t.Errorf("package %s has no doc comment; say what it owns and what it does not own", p.room())
		}
	}
}

// nameFault tells what is wrong with a package's name, or "".
func nameFault(name string) string {
	switch {
	case slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}, name):
		return fmt.Sprintf("the name %s says nothing about the work; name the noun, or inline what has none", name)
	case strings.HasSuffix(name, "x"):
		return fmt.Sprintf("the name %s ends in x; name the noun itself", name)
	}
	return ""
}
