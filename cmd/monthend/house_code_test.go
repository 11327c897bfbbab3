package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// onlyCmd are uses of the standard library that are for cmd alone, and why.
func onlyCmd() map[string]string {
	const clock = "the clock is a value that is given; only cmd reads the real one"
	const prints = "one place talks to people, and it is cmd"
	return map[string]string{
		"time.Now": clock, "time.Since": clock, "time.Until": clock,
		"os.Exit": "only cmd ends the process", "os.Getenv": "only cmd reads the environment", "os.LookupEnv": "only cmd reads the environment",
		"os.Stdout": prints, "os.Stderr": prints, "fmt.Print": prints, "fmt.Printf": prints, "fmt.Println": prints,
		"math/rand": "the same input gives the same bytes", "math/rand/v2": "the same input gives the same bytes",
		"crypto/rand": "the same input gives the same bytes",
	}
}

// exceptions are the places that may do what onlyCmd forbids: "package what".
func exceptions() map[string]string {
	return map[string]string{
		"pipeline/store math/rand/v2":           "jitter between attempts of the same call; it reaches no object",
		"pipeline/store crypto/rand":            "names of temporary files and of probe objects, which are removed",
		"pipeline/store/storetest math/rand/v2": "test code: order of calls and bytes of test objects",
		"pipeline/rate/slow math/rand/v2":       "test code: random worlds from the caller's seed",
		"pipeline/sample math/rand/v2":          "a generator with the caller's seed: the same seed gives the same month",
	}
}

// faultf reports a fault, as testing.T.Errorf does.
type faultf func(format string, args ...any)

// code is a package without its tests, parsed, with its names resolved as far
// as that can be done without reading what it imports.
type code struct {
	room  string
	fset  *token.FileSet
	files []*ast.File
	scope *types.Scope
	uses  map[*ast.Ident]types.Object
}

func parse(t *testing.T, p goPackage) code {
	t.Helper()
	sources := map[string]any{}
	for _, name := range p.GoFiles {
		sources[filepath.Join(p.Dir, name)] = nil
	}
	return parseSources(t, p.room(), sources)
}

// parseSources parses files by name; a nil source stands for the file on disk.
func parseSources(t *testing.T, room string, sources map[string]any) code {
	t.Helper()
	c := code{room: room, fset: token.NewFileSet(), uses: map[*ast.Ident]types.Object{}}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f, err := parser.ParseFile(c.fset, name, sources[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, f)
	}
	conf := types.Config{Importer: noImporter{}, Error: func(error) {}} // what is imported stays unknown, and is not needed
	pkg, _ := conf.Check(room, c.fset, c.files, &types.Info{Uses: c.uses})
	c.scope = pkg.Scope()
	return c
}

type noImporter struct{}

func (noImporter) Import(path string) (*types.Package, error) { return nil, errors.New("not read") }

// at names a place below the module.
func (c code) at(p token.Pos) string {
	pos := c.fset.Position(p)
	return fmt.Sprintf("%s/%s:%d", c.room, filepath.Base(pos.Filename), pos.Line)
}

func checkClock(fault faultf, all []code, allowed map[string]string) {
	forbidden := onlyCmd()
	used := map[string]bool{}
	for _, c := range all {
		if strings.HasPrefix(c.room, "cmd/") {
			continue
		}
		for _, f := range c.files {
			for what, pos := range c.usesOf(f) {
				reason, bad := forbidden[what]
				if _, ok := allowed[c.room+" "+what]; ok {
					used[c.room+" "+what] = true
				} else if bad {
					fault("%s uses %s: %s", c.at(pos), what, reason)
				}
			}
		}
	}
	for what := range allowed {
		if !used[what] {
			fault("exception %q is not used any more; take it away", what)
		}
	}
}

// usesOf returns the imports of a file and what it names of them, such as
// time.Now, each with one place.
func (c code) usesOf(f *ast.File) map[string]token.Pos {
	uses := map[string]token.Pos{}
	for _, spec := range f.Imports {
		uses[strings.Trim(spec.Path.Value, `"`)] = spec.Pos()
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				if pkg, ok := c.uses[x].(*types.PkgName); ok {
					uses[pkg.Imported().Path()+"."+sel.Sel.Name] = sel.Pos()
				}
			}
		}
		return true
	})
	return uses
}

// checkState finds what makes a package behave differently for what happened
// before: init functions, and variables that are no table.
func checkState(fault faultf, all []code) {
	for _, c := range all {
		for _, f := range c.files {
			for _, decl := range f.Decls {
				c.checkDecl(fault, decl)
			}
			c.checkAssignments(fault, f)
		}
	}
}

func (c code) checkDecl(fault faultf, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.Name == "init" {
			fault("%s: func init; importing a package must change nothing, so call it by name", c.at(d.Pos()))
		}
	case *ast.GenDecl:
		if d.Tok != token.VAR {
			return
		}
		for _, s := range d.Specs {
			spec := s.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if !isTable(spec, i) && !embeds(d.Doc) && !embeds(spec.Doc) {
					fault("%s: package variable %s is no error, table or embedded file; put it in a struct or a function",
						c.at(name.Pos()), name.Name)
				}
			}
		}
	}
}

// isTable tells whether a package variable is an error, a table or an embedded
// file: it has a value from the start, made of literals and of calls that only
// build.
func isTable(spec *ast.ValueSpec, i int) bool {
	if spec.Names[i].Name == "_" {
		return true // an assertion for the compiler
	}
	if i >= len(spec.Values) {
		return false
	}
	table := true
	ast.Inspect(spec.Values[i], func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			table = table && builds(n)
		case *ast.UnaryExpr:
			table = table && n.Op != token.ARROW
		case *ast.FuncLit:
			return false // a column's function in a table
		}
		return true
	})
	return table
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// builds tells whether a call in the value of a package variable only builds a
// value: a conversion, a function of the package itself that makes an entry or
// a whole table, or one of a few constructors.
func builds(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return true
	case *ast.ArrayType:
		return true
	case *ast.SelectorExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer",
			"base32.NewEncoding", "base32.NewEncoding.WithPadding"}, exprText(f))
	}
	return false
}

// exprText spells a chain of selectors and calls, without arguments.
func exprText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprText(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return exprText(e.Fun)
	}
	return "?"
}

// checkAssignments reports what is written to a package variable after the
// start.
func (c code) checkAssignments(fault faultf, f *ast.File) {
	report := func(e ast.Expr) {
		id := root(e)
		if id == nil {
			return
		}
		if v, ok := c.uses[id].(*types.Var); ok && v.Parent() == c.scope {
			fault("%s: package variable %s is written to; a table never changes", c.at(id.Pos()), id.Name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				report(e)
			}
		case *ast.IncDecStmt:
			report(n.X)
		}
		return true
	})
}

// root returns the variable that an expression stands in, as t in t.a[i].
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// checkInterfaces counts the interfaces: each needs two real implementations.
func checkInterfaces(t *testing.T, all []code) {
	var found []string
	for _, c := range all {
		for _, f := range c.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if i, ok := spec.Type.(*ast.InterfaceType); ok && hasMethods(i) {
						found = append(found, c.room+"."+spec.Name.Name)
					}
				}
				return true
			})
		}
	}
	t.Logf("%d interfaces: %s", len(found), strings.Join(found, " "))
	if len(found) > maxInterfaces {
		t.Errorf("%d interfaces, at most %d are wanted: use a struct or a function; an interface needs two real implementations: %s",
			len(found), maxInterfaces, strings.Join(found, " "))
	}
}

// hasMethods tells an interface with methods of its own from a constraint,
// which is a set of types, and from a mere union of others.
func hasMethods(i *ast.InterfaceType) bool {
	methods := false
	for _, f := range i.Methods.List {
		switch f.Type.(type) {
		case *ast.BinaryExpr, *ast.UnaryExpr: // A | B, ~A
			return false
		case *ast.FuncType:
			methods = true
		}
	}
	return methods
}

// checkComments finds exported names without a comment.
func checkComments(fault faultf, all []code) {
	for _, c := range all {
		for _, f := range c.files {
			for _, decl := range f.Decls {
				for name, pos := range undocumented(decl) {
					fault("%s: exported %s has no comment; say what it means, with units, ranges and errors", c.at(pos), name)
				}
			}
		}
	}
}

func undocumented(decl ast.Decl) map[string]token.Pos {
	bare := map[string]token.Pos{}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
			bare[d.Name.Name] = d.Pos()
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if d.Doc == nil || len(d.Specs) == 1 && d.Lparen.IsValid() {
				maps.Copy(bare, undocumentedSpec(s, d.Doc != nil))
			}
		}
	}
	return bare
}

func undocumentedSpec(s ast.Spec, inDocumentedGroup bool) map[string]token.Pos {
	bare := map[string]token.Pos{}
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && !inDocumentedGroup {
			bare[s.Name.Name] = s.Pos()
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && s.Doc == nil && s.Comment == nil && !inDocumentedGroup {
				bare[n.Name] = n.Pos()
			}
		}
	}
	return bare
}

// receiver names the type of a method.
func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// TestHouseFindsDamage plants what the house forbids, so that the checks are
// known to see it.
func TestHouseFindsDamage(t *testing.T) {
	source := `package money

import (
	"errors"
	clock "time"
)

var errFine = errors.New("fine")
var table = []int{1, 2}
var state map[string]int
var dialed = dial.Now()

const Limit = 1

type Amount struct{}

func (Amount) Zero() {}

func init() { table[0] = 2 }

func local() { state := 1; state++; table := 2; table = 3; _ = table }

func now() any { return clock.Now }
`
	c := parseSources(t, "schema/money", map[string]any{"money.go": source})
	var got []string
	fault := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	checkClock(fault, []code{c}, map[string]string{"schema/money os.Exit": "stale"})
	checkState(fault, []code{c})
	checkComments(fault, []code{c})
	checkImports(fault, house()[0], goPackage{Imports: []string{"context", "math", module + "/schema", libMinio + "/pkg"}, XTestImports: []string{libRapid, libMinio}})
	for _, want := range []string{
		"money.go:23 uses time.Now", "os.Exit\" is not used", "money.go:10: package variable state", "money.go:11: package variable dialed",
		"money.go:19: func init", "money.go:19: package variable table is written to", "exported Limit", "exported Amount", "exported Zero",
		"imports context", "imports schema,", "imports the library " + libMinio + "/pkg", "a test of schema/money imports the library " + libMinio,
	} {
		n := len(got)
		if got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, want) }); len(got) != n-1 {
			t.Errorf("%d faults with %q, want 1", n-len(got), want)
		}
	}
	if len(got) > 0 {
		t.Errorf("false alarms: %q", got)
	}
	for name, bad := range map[string]bool{"util": true, "currencyx": true, "helpers": true, "money": false, "index": true} {
		if (nameFault(name) != "") != bad {
			t.Errorf("name %s: %q", name, nameFault(name))
		}
	}
}
