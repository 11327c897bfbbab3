package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measured is one child process: what the operating system says of it and
// what it says itself.
type measured struct {
	wall, cpu float64 // seconds
	peak      float64 // MiB resident
	out       outcome
}

// measure runs a child to its end. Peak memory of a child is never below that
// of this process at the start, which is small.
func measure(program string, args ...string) (measured, error) {
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	start := time.Now()
	err := cmd.Run()
	m := measured{wall: time.Since(start).Seconds()}
	if err != nil {
		return m, fmt.Errorf("%s %s: %w", filepath.Base(program), strings.Join(args, " "), err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	m.peak = float64(usage.Maxrss) / 1024
	if out.Len() == 0 {
		return m, nil
	}
	return m, json.Unmarshal(out.Bytes(), &m.out)
}

// contest is a set of runs over one month.
type contest struct {
	dir, work, self, duck, sql, same, format string
	records                                  int64
	runs                                     map[string][]measured
}

func compare(args []string) error {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	c := contest{runs: map[string][]measured{}}
	f.StringVar(&c.dir, "dir", "", "folder of the generated month; the work is done beside it")
	f.StringVar(&c.format, "format", "parquet", "format of the delivered usage")
	f.StringVar(&c.duck, "duck", "", "the duck program; blank: DuckDB is left out")
	f.StringVar(&c.sql, "sql", "duckdb.sql", "what DuckDB is to do")
	f.StringVar(&c.same, "same", "same.sql", "how the reports are compared; blank: by rows and totals alone")
	repeat := f.Int("repeat", 5, "rounds")
	if err := f.Parse(args); err != nil {
		return err
	}
	c.work = c.dir + "-work"
	var err error
	if c.self, err = os.Executable(); err != nil {
		return err
	}
	for round := range *repeat {
		if err := c.round(round); err != nil {
			return err
		}
	}
	return errors.Join(c.print(), os.RemoveAll(c.work))
}

// round lets every side run once; who begins changes from round to round.
func (c *contest) round(n int) error {
	sides := []func() error{c.ours}
	if c.duck != "" {
		sides = append(sides, c.theirs)
	}
	if n%2 == 1 {
		slices.Reverse(sides)
	}
	if err := os.RemoveAll(c.work); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.work, "duck"), 0o755); err != nil {
		return err
	}
	for _, side := range append(sides, c.floor) { // the floor needs our charges
		if err := side(); err != nil {
			return err
		}
	}
	return c.agree(n == 0)
}

func (c *contest) store() string { return filepath.Join(c.work, "store") }

func (c *contest) child(verb string) (measured, error) {
	m, err := measure(c.self, "child", verb, "-dir", c.dir, "-format", c.format, "-store", c.store())
	c.keep(verb, m)
	return m, err
}

func (c *contest) keep(name string, m measured) {
	c.runs[name] = append(c.runs[name], m)
	fmt.Fprintf(os.Stderr, "%-8s %7.2f s  %7.2f s cpu  %7.0f MiB\n", name, m.wall, m.cpu, m.peak)
}

// ours is ingest and close, two processes as a schedule would start them.
func (c *contest) ours() error {
	in, err := c.child("ingest")
	if err != nil {
		return err
	}
	cl, err := c.child("close")
	if err != nil {
		return err
	}
	both := measured{wall: in.wall + cl.wall, cpu: in.cpu + cl.cpu, peak: max(in.peak, cl.peak), out: cl.out}
	both.out.Accepted, both.out.Duplicate, both.out.Conflict = in.out.Accepted, in.out.Duplicate, in.out.Conflict
	both.out.Stages = append(slices.Clone(in.out.Stages), cl.out.Stages...)
	c.records = in.out.Accepted + in.out.Duplicate + in.out.Conflict
	c.keep("ours", both)
	return nil
}

func (c *contest) theirs() error {
	m, err := measure(c.duck, "-dir", c.dir, "-out", filepath.Join(c.work, "duck"), "-format", c.format, c.sql)
	c.keep("duckdb", m)
	return err
}

// floor is timed by itself, without the fetching of the charges.
func (c *contest) floor() error {
	m, err := measure(c.self, "child", "floor", "-dir", c.dir, "-format", c.format, "-store", c.store())
	m.wall = 0
	for _, s := range m.out.Stages {
		m.wall += s.Seconds
	}
	c.keep("floor", m)
	return err
}

// agree refuses figures of sides that did not come to the same result.
func (c *contest) agree(whole bool) error {
	if c.duck == "" {
		return nil
	}
	a, b := c.last("ours").out, c.last("duckdb").out
	a.Stages, a.Accepted, b.Stages, b.Accepted = nil, 0, nil, 0
	if fmt.Sprint(a) != fmt.Sprint(b) {
		return fmt.Errorf("the results differ:\nours   %+v\nduckdb %+v", a, b)
	}
	if !whole || c.same == "" {
		return nil
	}
	text, err := exec.Command(c.duck, "-dir", c.store(), "-out", filepath.Join(c.work, "duck"), c.same).Output()
	if err != nil {
		return fmt.Errorf("compare the reports: %w", err)
	}
	var sums struct{ Ours, Theirs string }
	if err := json.Unmarshal(text, &sums); err != nil {
		return err
	}
	if sums.Ours == "" || sums.Ours != sums.Theirs {
		return fmt.Errorf("the reports differ in a cell or in the order of rows: %s", text)
	}
	fmt.Fprintln(os.Stderr, "both reports have the same cells in the same order")
	return nil
}

func (c *contest) last(name string) measured { return c.runs[name][len(c.runs[name])-1] }

func (c *contest) median(name string, of func(measured) float64) float64 {
	var list []float64
	for _, m := range c.runs[name] {
		list = append(list, of(m))
	}
	slices.Sort(list)
	if len(list) == 0 {
		return 0
	}
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

func wall(m measured) float64 { return m.wall }
func cpu(m measured) float64  { return m.cpu }
func peak(m measured) float64 { return m.peak }

// print writes the table of docs/performance.md.
func (c *contest) print() error {
	load, _ := os.ReadFile("/proc/loadavg") // absent elsewhere than on Linux
	fmt.Printf("%d records delivered, %d lines, %d rounds, load %s\n\n", c.records, c.last("ours").out.Rows, len(c.runs["ours"]), strings.TrimSpace(string(load)))
	fmt.Println("| side | seconds | CPU seconds | peak MiB | records/s | time to DuckDB | CPU to DuckDB | memory to DuckDB | time to floor |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, row := range [][2]string{{"ours", "ours, delivered to published"}, {"ingest", "ours, ingest alone"}, {"close", "ours, close alone"},
		{"duckdb", "DuckDB"}, {"floor", "floor"}} {
		if len(c.runs[row[0]]) > 0 {
			c.row(row[0], row[1])
		}
	}
	fmt.Println("\n| stage of ours | seconds | share |\n|---|--:|--:|")
	total := c.median("ours", wall)
	for i, s := range c.last("ours").out.Stages {
		seconds := c.median("ours", func(m measured) float64 { return m.out.Stages[i].Seconds })
		fmt.Printf("| %s | %.2f | %.0f %% |\n", s.Name, seconds, 100*seconds/total)
	}
	return nil
}

func (c *contest) row(name, title string) {
	w, p := c.median(name, wall), c.median(name, peak)
	against := func(value, other float64) string {
		if other == 0 {
			return ""
		}
		return fmt.Sprintf("%.2fx", value/other)
	}
	fmt.Printf("| %s | %.2f | %.2f | %.0f | %.0f | %s | %s | %s | %s |\n", title, w, c.median(name, cpu), p, float64(c.records)/w,
		against(w, c.median("duckdb", wall)), against(c.median(name, cpu), c.median("duckdb", cpu)), against(p, c.median("duckdb", peak)), against(w, c.median("floor", wall)))
}
