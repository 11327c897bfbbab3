// Command duck is the competitor: it runs an SQL file with DuckDB and prints
// the last result as one line of JSON. It stands apart from the other program
// so that DuckDB is linked into no process that it is compared with.
package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "duck:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "folder of the month; stands for ${dir} in the SQL")
	out := flag.String("out", "", "folder for the report; stands for ${out}")
	format := flag.String("format", "parquet", "format of the usage; stands for ${format}, and its reader for ${source}")
	threads := flag.Int("threads", 2, "threads of DuckDB; stands for ${threads}")
	verbose := flag.Bool("v", false, "print the time of every statement")
	flag.Parse()
	if flag.NArg() != 1 {
		return errors.New("name one SQL file")
	}
	text, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		return err
	}
	text = []byte(strings.NewReplacer("${dir}", *dir, "${out}", *out, "${source}", source(*dir, *format), "${format}", *format, "${threads}", fmt.Sprint(*threads)).Replace(string(text)))
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	d := duck{db, *threads, *verbose}
	var last map[string]any
	for _, statement := range statements(string(text)) {
		if last, err = d.each(statement, last); err != nil {
			return fmt.Errorf("%v in:\n%s", err, statement)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(last)
}

// source is the reader of a format, with the types that a record has.
func source(dir, format string) string {
	const columns = "record_id: 'VARCHAR', source: 'VARCHAR', usage_account_id: 'VARCHAR', service_code: 'VARCHAR', usage_type: 'VARCHAR', " +
		"operation: 'VARCHAR', region_code: 'VARCHAR', availability_zone: 'VARCHAR', resource_id: 'VARCHAR', usage_start: 'TIMESTAMPTZ', " +
		"usage_end: 'TIMESTAMPTZ', usage_amount: 'DECIMAL(38,18)', unit: 'VARCHAR', tags: '%s'"
	files := dir + "/usage-" + format + "/*." + format
	switch format {
	case "csv.gz":
		return fmt.Sprintf("read_csv('%s', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', columns = {"+columns+"})", files, "VARCHAR")
	case "jsonl":
		return fmt.Sprintf("read_json('%s', format = 'newline_delimited', columns = {"+columns+"})", files, "MAP(VARCHAR, VARCHAR)")
	}
	return "read_parquet('" + files + "')"
}

// statements cuts the text at semicolons that end a line; comments go first.
func statements(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			lines = append(lines, line)
		}
	}
	var list []string
	for _, s := range strings.Split(strings.Join(lines, "\n")+"\n", ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

type duck struct {
	db      *sql.DB
	threads int
	verbose bool
}

// each runs a statement once, or, when it speaks of ${chunk}, as often as the
// statement before it said.
func (d *duck) each(statement string, before map[string]any) (last map[string]any, err error) {
	start := time.Now()
	if !strings.Contains(statement, "${chunk}") {
		last, err = query(d.db, statement)
	} else {
		chunks, _ := strconv.Atoi(fmt.Sprint(before["chunks"]))
		err = d.chunks(statement, chunks)
	}
	if d.verbose {
		fmt.Fprintf(os.Stderr, "%7.2f s  %.90s\n", time.Since(start).Seconds(), strings.ReplaceAll(statement, "\n", " "))
	}
	return last, err
}

// chunks runs a statement for every chunk, on several connections at once.
func (d *duck) chunks(statement string, chunks int) error {
	var group sync.WaitGroup
	next := make(chan int)
	errs := make(chan error, chunks)
	for range d.threads {
		group.Go(func() {
			for i := range next {
				_, err := query(d.db, strings.ReplaceAll(statement, "${chunk}", strconv.Itoa(i)))
				errs <- err
			}
		})
	}
	for i := range chunks {
		next <- i
	}
	close(next)
	group.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// query runs a statement and returns its last row by column, as text.
func query(db *sql.DB, statement string) (map[string]any, error) {
	rows, err := db.Query(statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	row := map[string]any{}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		for i, name := range names {
			row[name] = fmt.Sprint(*values[i].(*any))
		}
		if os.Getenv("DUCK_ROWS") != "" {
			fmt.Fprintln(os.Stderr, row)
		}
	}
	return row, rows.Err()
}
