// Command bench measures the product against DuckDB and against the floor on
// the same month, each run a process of its own that the operating system
// measures. See docs/performance.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/monthend/monthend/bench/month"
	"github.com/monthend/monthend/pipeline/pages"
)

const usage = `bench generate -dir DIR [-records N] [-shape NAME] [-formats LIST]
bench run      -dir DIR [-repeat N] [-format NAME] [-duck PROGRAM] [-sql FILE] [-same FILE]
bench formats  -dir DIR [-repeat N] -duck PROGRAM [-sql FILE]
bench cliffs   -dir DIR [-records N] [-repeat N]
bench growth   -dir DIR [-records N] [-times N] [-shape NAME]
bench refresh  -dir DIR [-records N] [-repeat N]`

func main() {
	pages.UsePortableSnappy() // as the program does
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("what is to be done?\n" + usage)
	}
	verbs := map[string]func([]string) error{"generate": generate, "run": compare, "child": child, "cliffs": runCliffs, "formats": runFormats, "growth": runGrowth, "refresh": runRefresh}
	verb, ok := verbs[args[0]]
	if !ok {
		return fmt.Errorf("there is no verb %q\n%s", args[0], usage)
	}
	return verb(args[1:])
}

func generate(args []string) error {
	f := flag.NewFlagSet("generate", flag.ContinueOnError)
	dir := f.String("dir", "", "folder to make")
	records := f.Int64("records", 1_000_000, "usage records, 100,000 or more")
	shape := f.String("shape", "even", "even, one-account, resources, files, days or large")
	formats := f.String("formats", "parquet", "parquet, csv.gz, jsonl, with commas")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := month.Named(*shape, *records)
	if err != nil {
		return err
	}
	return month.Write(*dir, s, split(*formats))
}
