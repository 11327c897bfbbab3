package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"monthend": main})
}

// scriptNow is the clock of the scripts: a few days after the end of October
// 2026, the month of the samples.
const scriptNow = "2026-11-04T09:00:00Z"

// update rewrites the expectations in the scripts with what was printed:
// UPDATE_SCRIPTS=1 go test ./cmd/monthend -run TestScripts
func update() bool { return os.Getenv("UPDATE_SCRIPTS") != "" }

// TestScripts runs the text scripts, which are the tests of what a user sees.
func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams("testdata/script"))
}

// TestS3 runs the scripts that need a bucket on a real S3 server. They find its
// configuration in $S3STORE, a store block on one line.
func TestS3(t *testing.T) {
	if os.Getenv("MONTHEND_TEST_S3_ENDPOINT") == "" {
		t.Skip("no S3 server: run under testdata/s3server/with-s3, which sets MONTHEND_TEST_S3_ENDPOINT")
	}
	params := scriptParams("testdata/s3")
	params.Setup = func(e *testscript.Env) error {
		for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} {
			e.Setenv(name, os.Getenv(name))
		}
		// Each script has the bucket for itself, below a prefix, and room for a
		// second store.
		prefix, bucket := "script/"+strings.ToLower(rand.Text()), os.Getenv("MONTHEND_TEST_S3_BUCKET")
		for name, prefix := range map[string]string{"S3STORE": prefix, "S3STORE2": prefix + "/second"} {
			e.Setenv(name, fmt.Sprintf("{s3: {endpoint: %q, bucket: %q, region: %q, prefix: %s, path_style: true}}",
				os.Getenv("MONTHEND_TEST_S3_ENDPOINT"), bucket, os.Getenv("AWS_REGION"), prefix))
		}
		e.Setenv("S3PREFIX", "s3://"+bucket+"/"+prefix)
		e.Setenv("MONTHEND_NOW", scriptNow)
		return nil
	}
	testscript.Run(t, params)
}

func scriptParams(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("MONTHEND_NOW", scriptNow)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":    exitCode,
			"parquetrows": parquetRows,
			"samefiles":   sameFiles,
			"subst":       subst,
			"unpack":      unpack,
		},
		UpdateScripts:       update(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	}
}

// exitCode runs a command and compares its exit code: exitcode 4 monthend close
// --period 2026-10. Output is there for stdout and stderr as after exec.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE COMMAND [ARG...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = -1
		var exit interface{ ExitCode() int }
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// parquetRows prints chosen columns of a Parquet file to stdout, for a flat
// look at a report: parquetrows FILE [COLUMN...]. The file may be a pattern that
// fits exactly one file. Without columns it prints the number of rows.
func parquetRows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: parquetrows FILE [COLUMN...]")
	}
	data, err := os.ReadFile(oneFile(ts, args[0]))
	ts.Check(err)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	ts.Check(err)
	if len(args) == 1 {
		fmt.Fprintln(ts.Stdout(), file.NumRows())
		return
	}
	rows := make([][]string, file.NumRows())
	for _, name := range args[1:] {
		leaf, ok := file.Schema().Lookup(name)
		if !ok {
			ts.Fatalf("%s has no column %s", args[0], name)
		}
		values, err := columnTexts(file, leaf.ColumnIndex)
		ts.Check(err)
		for i := range rows {
			rows[i] = append(rows[i], values[i])
		}
	}
	for _, r := range rows {
		fmt.Fprintln(ts.Stdout(), strings.Join(r, ","))
	}
}

func columnTexts(file *parquet.File, column int) ([]string, error) {
	var texts []string
	buffer := make([]parquet.Value, 256)
	for _, group := range file.RowGroups() {
		rows := group.ColumnChunks()[column].Pages()
		for {
			page, err := rows.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			for values := page.Values(); err == nil; {
				var n int
				n, err = values.ReadValues(buffer)
				for _, v := range buffer[:n] {
					texts = append(texts, v.String())
				}
			}
			if !errors.Is(err, io.EOF) {
				return nil, err
			}
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// sameFiles compares two folders, names and bytes: samefiles DIR1 DIR2. With !
// they must differ.
func sameFiles(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] samefiles DIR1 DIR2")
	}
	a, b := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	names := slices.Compact(slices.Sorted(slices.Values(append(fileNames(ts, a), fileNames(ts, b)...))))
	var differ []string
	for _, name := range names {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			differ = append(differ, name)
		}
	}
	if len(names) == 0 {
		ts.Fatalf("%s and %s hold no file", args[0], args[1])
	}
	if neg != (len(differ) > 0) {
		ts.Fatalf("%d of %d files differ: %q", len(differ), len(names), differ)
	}
}

func fileNames(ts *testscript.TestScript, dir string) []string {
	var names []string
	ts.Check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	}))
	return names
}

// subst writes a file with ${NAME} replaced from the script's environment:
// subst FROM TO.
func subst(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: subst FROM TO")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o666))
}

// unpack prints what is in a gzip file, or in the first file of a zip, to
// stdout: unpack FILE. The file may be a pattern that fits exactly one file.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unpack FILE")
	}
	data, err := os.ReadFile(oneFile(ts, args[0]))
	ts.Check(err)
	var r io.Reader
	if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil && len(z.File) > 0 {
		r, err = z.File[0].Open()
		ts.Check(err)
	} else {
		r, err = gzip.NewReader(bufio.NewReader(bytes.NewReader(data)))
		ts.Check(err)
	}
	_, err = io.Copy(ts.Stdout(), r)
	ts.Check(err)
}

func oneFile(ts *testscript.TestScript, pattern string) string {
	found, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s fits %d files, want 1: %q", pattern, len(found), found)
	}
	return found[0]
}
