package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/monthend/monthend/bench/month"
)

// cliff is one month that might take longer than its size says.
type cliff struct{ title, shape, format string }

var cliffs = []cliff{
	{"even", "even", "parquet"},
	{"one account with all the data", "one-account", "parquet"},
	{"a resource for every two records", "resources", "parquet"},
	{"files of 100 records", "files", "parquet"},
	{"delivered as CSV.gz", "even", "csv.gz"},
	{"delivered as JSON Lines", "even", "jsonl"},
}

// runCliffs measures ours alone, each month against the even one.
func runCliffs(args []string) error {
	f := flag.NewFlagSet("cliffs", flag.ContinueOnError)
	dir := f.String("dir", "", "folder to work in")
	records := f.Int64("records", 1_000_000, "usage records, 100,000 or more")
	repeat := f.Int("repeat", 5, "rounds")
	if err := f.Parse(args); err != nil {
		return err
	}
	table := "| month | lines | seconds | to even | CPU seconds | to even | peak MiB | to even |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
	var even *contest
	for _, k := range cliffs {
		c, err := alone(*dir, k, *records, *repeat)
		if err != nil {
			return fmt.Errorf("%s: %w", k.title, err)
		}
		if even == nil {
			even = c
		}
		table += fmt.Sprintf("| %s | %d ", k.title, c.last("ours").out.Rows)
		for _, of := range []func(measured) float64{wall, cpu, peak} {
			table += fmt.Sprintf("| %.2f | %.2fx ", c.median("ours", of), c.median("ours", of)/even.median("ours", of))
		}
		table += "|\n"
	}
	_, err := fmt.Print(table)
	return err
}

// runFormats measures the ingest of one month in every format against DuckDB.
func runFormats(args []string) error {
	f := flag.NewFlagSet("formats", flag.ContinueOnError)
	c := contest{runs: map[string][]measured{}}
	f.StringVar(&c.dir, "dir", "", "folder of the month, generated in all formats")
	f.StringVar(&c.duck, "duck", "", "the duck program")
	f.StringVar(&c.sql, "sql", "ingest.sql", "what DuckDB is to do")
	repeat := f.Int("repeat", 5, "rounds")
	if err := f.Parse(args); err != nil {
		return err
	}
	c.work = c.dir + "-work"
	var err error
	if c.self, err = os.Executable(); err != nil {
		return err
	}
	table := "| format | ours s | DuckDB s | ratio | ours MiB | DuckDB MiB | ratio |\n|---|--:|--:|--:|--:|--:|--:|\n"
	for _, c.format = range month.Formats {
		c.runs = map[string][]measured{}
		for range *repeat {
			if err := c.formatRound(); err != nil {
				return fmt.Errorf("%s: %w", c.format, err)
			}
		}
		w, d, p, q := c.median("ingest", wall), c.median("duckdb", wall), c.median("ingest", peak), c.median("duckdb", peak)
		table += fmt.Sprintf("| %s | %.2f | %.2f | %.2fx | %.0f | %.0f | %.2fx |\n", c.format, w, d, w/d, p, q, p/q)
	}
	_, err = fmt.Print(table)
	return errors.Join(err, os.RemoveAll(c.work))
}

func (c *contest) formatRound() error {
	if err := os.RemoveAll(c.work); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.work, "duck"), 0o755); err != nil {
		return err
	}
	in, err := c.child("ingest")
	if err != nil {
		return err
	}
	if err := c.theirs(); err != nil {
		return err
	}
	a, b := in.out, c.last("duckdb").out
	if a.Accepted != b.Accepted || a.Duplicate != b.Duplicate || a.Conflict != b.Conflict {
		return fmt.Errorf("the results differ: ours %+v, duckdb %+v", a, b)
	}
	return nil
}

// alone generates a month, measures ours on it and removes it again.
func alone(dir string, k cliff, records int64, repeat int) (*contest, error) {
	c := &contest{dir: filepath.Join(dir, "month"), format: k.format, runs: map[string][]measured{}}
	c.work = c.dir + "-work"
	var err error
	if c.self, err = os.Executable(); err != nil {
		return nil, err
	}
	s, err := month.Named(k.shape, records)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return nil, err
	}
	// In a process of its own: what this one holds would count as its children's.
	if _, err := measure(c.self, "generate", "-dir", c.dir, "-records", fmt.Sprint(s.Records), "-shape", k.shape, "-formats", k.format); err != nil {
		return nil, err
	}
	for range repeat {
		if err := os.RemoveAll(c.work); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(c.work, 0o755); err != nil {
			return nil, err
		}
		if err := c.ours(); err != nil {
			return nil, err
		}
	}
	return c, errors.Join(os.RemoveAll(c.work), os.RemoveAll(c.dir))
}

// runGrowth measures ours once on a month and once on one that is larger.
func runGrowth(args []string) error {
	f := flag.NewFlagSet("growth", flag.ContinueOnError)
	dir := f.String("dir", "", "folder to work in")
	records := f.Int64("records", 10_000_000, "usage records of the smaller month")
	times := f.Int64("times", 10, "how much larger the other month is")
	shape := f.String("shape", "even", "even: as many resources in both; large: as many records per resource")
	if err := f.Parse(args); err != nil {
		return err
	}
	table := "| records | lines | seconds | times | CPU seconds | times | peak MiB |\n|--:|--:|--:|--:|--:|--:|--:|\n"
	var firstWall, firstCPU float64
	for _, n := range []int64{*records, *records * *times} {
		c, err := alone(*dir, cliff{"", *shape, "parquet"}, n, 1)
		if err != nil {
			return err
		}
		w, u := c.median("ours", wall), c.median("ours", cpu)
		if firstWall == 0 {
			firstWall, firstCPU = w, u
		}
		table += fmt.Sprintf("| %d | %d | %.2f | %.2fx | %.2f | %.2fx | %.0f |\n", n, c.last("ours").out.Rows, w, w/firstWall, u, u/firstCPU, c.median("ours", peak))
	}
	_, err := fmt.Print(table)
	return err
}
