package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
)

// TestDocs runs README.md and every page of docs/ as a reader would: one shell
// per page, from top to bottom, in an empty folder.
//
//   - console: each line after "$ " is run, and what follows is what it must
//     print; "..." stands for any lines, or within a line for any text. A
//     command that fails must be followed by "$ echo $?".
//   - sh: a script that must end well; its output is not compared.
//   - any block with a second word is a file of that name, written to the
//     folder where the shell stands. Every yaml block is one, and must be a
//     configuration, offers or organization file without a fault.
//   - text and sql are not run. Commands in them, and in the prose, must exist.
//
// UPDATE_SCRIPTS=1 writes what was printed over what a console block shows.
func TestDocs(t *testing.T) {
	for _, file := range docPages(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			p := readPage(t, file)
			p.checkKinds(t)
			p.checkConfigs(t)
			p.checkMentions(t)
			p.checkLinks(t)
			p.run(t)
		})
	}
}

func docPages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	return append(files, "../../README.md")
}

// docPage is a page in lines, with its fenced blocks.
type docPage struct {
	file   string
	lines  []string
	blocks []docBlock
}

// docBlock is a fenced block; its text is lines[first:end] of the page.
type docBlock struct {
	kind, name string
	first, end int
}

func readPage(t *testing.T, file string) *docPage {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &docPage{file: file, lines: strings.Split(string(data), "\n")}
	open := -1
	for i, line := range p.lines {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case !fence:
		case open < 0:
			words := append(strings.Fields(info), "", "")
			p.blocks = append(p.blocks, docBlock{kind: words[0], name: words[1], first: i + 1})
			open = i
		default:
			p.blocks[len(p.blocks)-1].end = i
			open = -1
		}
	}
	if open >= 0 {
		t.Fatalf("%s:%d: the block is never closed", file, open+1)
	}
	return p
}

func (p *docPage) text(b docBlock) []string { return p.lines[b.first:b.end] }

// checkKinds lets no block be of a kind that nobody checks by oversight.
func (p *docPage) checkKinds(t *testing.T) {
	for _, b := range p.blocks {
		switch {
		case b.name != "" || slices.Contains([]string{"console", "sh", "text", "sql"}, b.kind):
		default:
			t.Errorf("%s:%d: a block of kind %q is not checked by anything; use console, sh, text or sql, or name a file", p.file, b.first, b.kind)
		}
	}
}

func (p *docPage) checkConfigs(t *testing.T) {
	for _, b := range p.blocks {
		if b.kind != "yaml" {
			continue
		}
		data := []byte(strings.Join(p.text(b), "\n"))
		var problems schema.Problems
		switch path.Base(b.name) {
		case "organization.yaml":
			_, problems = config.LoadOrganization(b.name, data)
		case "prices.cases.yaml":
			_, problems = config.LoadCases(b.name, data)
		case "offers.yaml":
			_, problems = config.LoadOffers(b.name, data)
		default:
			_, problems = config.Parse(b.name, data, nil)
		}
		for _, q := range problems {
			t.Errorf("%s:%d: %s", p.file, b.first, q.Error())
		}
	}
}

var (
	inlineCode = regexp.MustCompile("`([^`]+)`")
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// checkMentions looks up every command that is named without being run: its
// words and flags must exist.
func (p *docPage) checkMentions(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	root := (&program{}).root()
	check := func(line int, text string) {
		words := strings.Fields(text)
		for i, w := range words {
			switch {
			case path.Base(w) == "monthend" && i+1 < len(words):
				if fault := unknownCommand(root, words[i+1:]); fault != "" {
					t.Errorf("%s:%d: %q: %s", p.file, line, text, fault)
				}
			case w == "make" && i+1 < len(words):
				if !slices.ContainsFunc(makeTarget.FindAllStringSubmatch(string(makefile), -1), func(m []string) bool { return m[1] == words[i+1] }) {
					t.Errorf("%s:%d: %q: the Makefile has no such target", p.file, line, text)
				}
			}
		}
	}
	prose := slices.Clone(p.lines)
	for _, b := range p.blocks {
		for i := b.first; i < b.end; i++ {
			prose[i] = ""
			if b.kind == "text" && strings.HasPrefix(strings.TrimSpace(p.lines[i]), "#") {
				continue
			}
			if b.kind == "text" || b.kind == "sh" {
				check(i+1, p.lines[i])
			}
		}
	}
	for i, line := range prose {
		for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
			check(i+1, m[1])
		}
	}
}

// unknownCommand tells what is wrong with the words after monthend.
func unknownCommand(root *cobra.Command, words []string) string {
	end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "|&;><)") })
	if end >= 0 {
		words = words[:end]
	}
	cmd, _, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	if cmd == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		return "there is no such command"
	}
	for _, w := range words {
		name, long := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		switch {
		case long && name != "help" && cmd.Flag(name) == nil:
			return "there is no flag --" + name
		case !long && len(w) == 2 && w[0] == '-' && w != "-h" && cmd.Flags().ShorthandLookup(w[1:]) == nil && root.PersistentFlags().ShorthandLookup(w[1:]) == nil:
			return "there is no flag " + w
		}
	}
	return ""
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func (p *docPage) checkLinks(t *testing.T) {
	for i, line := range p.lines {
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(p.file), m[1])); err != nil {
				t.Errorf("%s:%d: links to %s, which is not there", p.file, i+1, m[1])
			}
		}
	}
}

// shown is a command of a page and what the page says that it prints.
type shown struct {
	block      docBlock
	line       int // of the command, 1-based
	first, end int // of its output
	command    string
}

// commands lists what the shell is to run, in the order of the page.
func (p *docPage) commands() []shown {
	var all []shown
	for _, b := range p.blocks {
		switch {
		case b.name != "":
			all = append(all, shown{block: b, line: b.first, command: writeFile(b.name, p.text(b))})
		case b.kind == "sh":
			all = append(all, shown{block: b, line: b.first, command: strings.Join(p.text(b), "\n")})
		case b.kind == "console":
			for i := b.first; i < b.end; i++ {
				if command, ok := strings.CutPrefix(p.lines[i], "$ "); ok {
					all = append(all, shown{b, i + 1, i + 1, i + 1, command})
				} else if len(all) > 0 {
					all[len(all)-1].end = i + 1
				}
			}
		}
	}
	return all
}

func writeFile(name string, text []string) string {
	return fmt.Sprintf("mkdir -p %q && cat > %q <<'END OF FILE'\n%s\nEND OF FILE", path.Dir(name), name, strings.Join(text, "\n"))
}

// mark stands behind the output of each command, with its exit code.
const mark = "=== end of output, exit code "

// run runs the commands of the page and compares what they print.
func (p *docPage) run(t *testing.T) {
	all := p.commands()
	if len(all) == 0 {
		return
	}
	script := &strings.Builder{}
	script.WriteString("exec 2>&1\n")
	for _, c := range all {
		fmt.Fprintf(script, "%s\ncode=$?\nprintf '\\n%s%%d\\n' $code\n(exit $code)\n", c.command, mark)
	}
	dir := t.TempDir()
	shell := exec.Command("sh", "-s")
	shell.Stdin, shell.Dir, shell.Env = strings.NewReader(script.String()), dir, docEnv(dir)
	out, err := shell.Output()
	results := strings.Split(string(out), "\n"+mark)
	if len(results) != len(all)+1 {
		t.Fatalf("%s: the shell stopped after %d of %d commands: %v\n%s", p.file, len(results)-1, len(all), err, out)
	}
	got := make([][]string, len(all))
	for i, c := range all {
		code, _, _ := strings.Cut(results[i+1], "\n")
		_, text, _ := strings.Cut(results[i], "\n") // behind the exit code of the one before
		if i == 0 {
			text = results[0]
		}
		text = strings.ReplaceAll(text, "\r", "")
		got[i] = strings.Split(strings.TrimRight(text, "\n"), "\n")
		told := i+1 < len(all) && all[i+1].command == "echo $?"
		if code != "0" && !told {
			t.Errorf("%s:%d: exit code %s, and no echo $? after it:\n%s", p.file, c.line, code, text)
		}
	}
	p.compare(t, all, got)
	if filepath.Base(p.file) == "bucket.md" {
		p.checkLayout(t, dir)
	}
}

func (p *docPage) compare(t *testing.T, all []shown, got [][]string) {
	changed := false
	for i, c := range slices.Backward(all) {
		if c.block.kind != "console" {
			continue
		}
		want := p.lines[c.first:c.end]
		if like(trimEmpty(want), trimEmpty(got[i])) {
			continue
		}
		if update() {
			p.lines = slices.Replace(slices.Clone(p.lines), c.first, c.end, trimEmpty(got[i])...)
			changed = true
			continue
		}
		t.Errorf("%s:%d: %s\nprints\n%s\nthe page shows\n%s", p.file, c.line, c.command, strings.Join(got[i], "\n"), strings.Join(want, "\n"))
	}
	if changed {
		if err := os.WriteFile(p.file, []byte(strings.Join(p.lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func trimEmpty(lines []string) []string {
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// docEnv is the environment of a reader who has set nothing yet.
func docEnv(dir string) []string {
	env := []string{"HOME=" + dir, "USER=jo", "LC_ALL=C.UTF-8", "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// like tells whether lines are as a page shows them.
func like(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for i := range len(got) + 1 {
			if like(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && likeLine(strings.TrimRight(want[0], " "), strings.TrimRight(got[0], " ")) && like(want[1:], got[1:])
}

func likeLine(want, got string) bool {
	parts := strings.Split(want, "...")
	got, ok := strings.CutPrefix(got, parts[0])
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return ok && strings.HasSuffix(got, part)
		}
		_, rest, found := strings.Cut(got, part)
		got, ok = rest, ok && found
	}
	return ok && got == ""
}

func TestLike(t *testing.T) {
	tests := []struct {
		want, got string
		ok        bool
	}{
		{"", "", true},
		{"a", "", false},
		{"", "a", false},
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a\n...", "a", true},
		{"a\n...\nd", "a\nb\nc\nd", true},
		{"a\n...\nd", "a\nb\nc", false},
		{"id ... of 3", "id 17ab of 3", true},
		{"id ... of 3", "id 17ab of 4", false},
		{"...b...", "abc", true},
		{"...x...", "abc", false},
		{"a ...", "a b c", true},
	}
	for _, test := range tests {
		if got := like(docLines(test.want), docLines(test.got)); got != test.ok {
			t.Errorf("like(%q, %q) = %v", test.want, test.got, got)
		}
	}
}

func docLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

var (
	layoutRow = regexp.MustCompile("^\\| `([^`]+)` \\|")
	blank     = regexp.MustCompile(`<[^>]+>`)
)

// checkLayout compares the table of keys with the store that the page has made:
// each object fits a row, and each row fits an object.
func (p *docPage) checkLayout(t *testing.T, dir string) {
	rows := map[string]*regexp.Regexp{}
	met := map[string]bool{}
	for _, line := range p.lines {
		if m := layoutRow.FindStringSubmatch(line); m != nil {
			parts := blank.Split(m[1], -1)
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			rows[m[1]] = regexp.MustCompile("^" + strings.Join(parts, "[^/]+") + "$")
		}
	}
	root := filepath.Join(dir, "month", "store")
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		key, err := filepath.Rel(root, name)
		fits := false
		for row, form := range rows {
			if form.MatchString(filepath.ToSlash(key)) {
				met[row], fits = true, true
			}
		}
		if !fits {
			t.Errorf("%s: no row for the key %s", p.file, key)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for row := range rows {
		if !met[row] {
			t.Errorf("%s: no object has a key like %s", p.file, row)
		}
	}
}

// TestDocsAreComplete holds pages to what they describe.
func TestDocsAreComplete(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	architecture, formats, decisions := read("ARCHITECTURE.md"), read("formats.md"), read("decisions.md")
	if !strings.Contains(architecture, bill.Drawing()) {
		t.Error("ARCHITECTURE.md does not hold the drawing of the states of a period as schema/bill draws it")
	}
	for _, r := range house() {
		if !strings.Contains(architecture, "`"+r.name+"`") {
			t.Errorf("ARCHITECTURE.md does not name the package %s", r.name)
		}
		for _, lib := range strings.Fields(r.libs + " " + r.tests) {
			if !strings.Contains(decisions, lib) {
				t.Errorf("decisions.md does not say why %s is used", lib)
			}
		}
	}
	key := regexp.MustCompile(`(?m)^[ #-]*([a-z0-9_]+):`)
	for _, example := range []string{config.Example(), config.ExampleOffers(), config.ExampleOrganization()} {
		for _, m := range key.FindAllStringSubmatch(example, -1) {
			if !strings.Contains(formats, m[1]+"`") && !strings.Contains(formats, "`"+m[1]+".") {
				t.Errorf("formats.md does not describe the key %s", m[1])
			}
		}
	}
	for _, field := range usageFields() {
		if !strings.Contains(formats, "| `"+field+"`") {
			t.Errorf("formats.md does not describe the field %s of a usage record", field)
		}
	}
}

func usageFields() []string {
	return []string{schema.FieldRecordID, schema.FieldSource, schema.FieldUsageAccountID, schema.FieldServiceCode,
		schema.FieldUsageType, schema.FieldOperation, schema.FieldRegionCode, schema.FieldAvailabilityZone,
		schema.FieldResourceID, schema.FieldUsageStart, schema.FieldUsageEnd, schema.FieldUsageAmount, schema.FieldUnit,
		schema.FieldTags, schema.FieldCost, schema.FieldCurrency, schema.FieldLineItemType}
}
