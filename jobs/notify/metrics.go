package notify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Metric is one figure of the metrics file.
type Metric struct {
	Name   string
	Help   string
	Labels [][2]string // name and value, in order
	Value  string      // a decimal number; money stays exact
	Sticky bool        // stays in the file until a newer value comes; others go when they are not given
}

// series is the left side of a line.
func (m Metric) series() string {
	if len(m.Labels) == 0 {
		return m.Name
	}
	var parts []string
	for _, l := range m.Labels {
		parts = append(parts, l[0]+`="`+labelText(l[1])+`"`)
	}
	return m.Name + "{" + strings.Join(parts, ",") + "}"
}

func labelText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

const maxMetricsBytes = 4 << 20

// WriteMetrics replaces a file in the Prometheus text format, for the textfile
// collector of a node exporter: readers see the old or the new one. Sticky
// metrics of the old file are kept where no newer value is given.
func WriteMetrics(path string, metrics []Metric) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("metrics file: %w", err)
	}
	data := merge(old, metrics)
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("metrics file: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("metrics file: %w", err)
	}
	return nil
}

// merge renders the metrics, sorted, one family after the other.
func merge(old []byte, metrics []Metric) []byte {
	type family struct {
		help  string
		lines map[string]string
	}
	families := map[string]*family{}
	sticky := map[string]bool{}
	for _, m := range metrics {
		f := families[m.Name]
		if f == nil {
			f = &family{m.Help, map[string]string{}}
			families[m.Name] = f
		}
		f.lines[m.series()] = m.Value
		sticky[m.Name] = sticky[m.Name] || m.Sticky
	}
	for _, kept := range stickyLines(old) {
		name, _, _ := strings.Cut(kept[0], "{")
		f := families[name]
		switch {
		case f == nil:
			f = &family{kept[2], map[string]string{}}
			families[name] = f
			sticky[name] = true
		case !sticky[name]:
			continue
		}
		if _, newer := f.lines[kept[0]]; !newer {
			f.lines[kept[0]] = kept[1]
		}
	}
	var out bytes.Buffer
	var names []string
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		mark := ""
		if sticky[name] {
			mark = stickyMark
		}
		fmt.Fprintf(&out, "# HELP %s %s%s\n# TYPE %s gauge\n", name, families[name].help, mark, name)
		var series []string
		for s := range families[name].lines {
			series = append(series, s)
		}
		slices.Sort(series)
		for _, s := range series {
			fmt.Fprintf(&out, "%s %s\n", s, families[name].lines[s])
		}
	}
	return out.Bytes()
}

// stickyMark ends the help of a family whose lines are kept.
const stickyMark = " (last known)"

// stickyLines reads the lines to be kept from an old file: series, value and
// help. A file that is not ours has none.
func stickyLines(old []byte) [][3]string {
	if len(old) > maxMetricsBytes {
		return nil
	}
	var list [][3]string
	help := ""
	for s := bufio.NewScanner(bytes.NewReader(old)); s.Scan(); {
		line := s.Text()
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			_, text, _ := strings.Cut(rest, " ")
			if help, ok = strings.CutSuffix(text, stickyMark); !ok {
				help = ""
			}
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if help != "" && at > 0 && line[0] != '#' {
			list = append(list, [3]string{line[:at], line[at+1:], help})
		}
	}
	return list
}
