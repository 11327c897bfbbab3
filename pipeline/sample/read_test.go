package sample_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// columns are the columns that every usage file must have, in this order.
var columns = []string{"record_id", "source", "usage_account_id", "service_code", "usage_type", "operation",
	"region_code", "availability_zone", "resource_id", "usage_start", "usage_end", "usage_amount", "unit", "tags"}

// record is a usage record as read back: every field but the tags as the text
// that it has in CSV.
type record struct {
	file   string
	fields map[string]string
	tags   map[string]string
}

func (r record) id() string {
	return r.fields[schema.FieldSource] + " " + r.fields[schema.FieldRecordID]
}

func (r record) content() string { return fmt.Sprint(r.fields, r.tags) }

func (r record) amount(t *testing.T) money.Usage {
	t.Helper()
	u, err := money.ParseUsage(r.fields[schema.FieldUsageAmount])
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (r record) start(t *testing.T) time.Time { return instant(t, r.fields[schema.FieldUsageStart]) }

func (r record) end(t *testing.T) time.Time { return instant(t, r.fields[schema.FieldUsageEnd]) }

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// readUsage reads all usage files in the order of delivery.
func readUsage(t *testing.T, d *folder, s sample.Summary) []record {
	t.Helper()
	var all []record
	for _, f := range s.Files {
		content := d.files[f.Name].Bytes()
		read := readCSV
		switch {
		case strings.Contains(f.Name, ".parquet"):
			read = readParquet
		case strings.Contains(f.Name, ".jsonl"):
			read = readJSON
		}
		records := read(t, f.Name, unpack(t, f.Name, content))
		if int64(len(records)) != f.Rows {
			t.Errorf("%s has %d records, the summary tells %d", f.Name, len(records), f.Rows)
		}
		all = append(all, records...)
	}
	return all
}

func unpack(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(content)
	var err error
	switch {
	case strings.HasSuffix(name, ".gz"):
		r, err = gzip.NewReader(r)
	case strings.HasSuffix(name, ".zst"):
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func readCSV(t *testing.T, name string, content []byte) []record {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !slices.Equal(rows[0], columns) {
		t.Fatalf("%s: header %v", name, rows[0])
	}
	var records []record
	for _, row := range rows[1:] {
		r := record{file: name, fields: map[string]string{}, tags: map[string]string{}}
		for i, column := range columns[:len(columns)-1] {
			r.fields[column] = row[i]
		}
		if err := json.Unmarshal([]byte(row[len(row)-1]), &r.tags); err != nil {
			t.Fatalf("%s: tags %s: %v", name, row[len(row)-1], err)
		}
		records = append(records, r)
	}
	return records
}

func readJSON(t *testing.T, name string, content []byte) []record {
	t.Helper()
	var records []record
	for line := range bytes.Lines(content) {
		object := map[string]any{}
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatalf("%s: %v in %s", name, err, line)
		}
		r := record{file: name, fields: map[string]string{}, tags: map[string]string{}}
		for key, value := range object[schema.FieldTags].(map[string]any) {
			r.tags[key] = value.(string)
		}
		delete(object, schema.FieldTags)
		for key, value := range object {
			if !slices.Contains(columns, key) {
				t.Fatalf("%s: key %s", name, key)
			}
			r.fields[key] = value.(string)
		}
		for _, column := range columns[:len(columns)-1] {
			r.fields[column] += "" // an absent key reads as a blank field
		}
		records = append(records, r)
	}
	return records
}

func readParquet(t *testing.T, name string, content []byte) []record {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, field := range f.Schema().Fields() {
		if field.Name() != columns[i] {
			t.Fatalf("%s: column %d is %s", name, i, field.Name())
		}
	}
	for column, want := range map[string]string{"usage_amount": "DECIMAL(38,18)", "tags": "MAP",
		"usage_start": "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "record_id": "STRING"} {
		node := f.Schema().Fields()[slices.Index(columns, column)]
		if got := node.Type().LogicalType(); got == nil || got.String() != want {
			t.Errorf("%s: %s is %v, want %s", name, column, got, want)
		}
	}
	var records []record
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				records = append(records, fromParquet(name, row))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		rows.Close()
	}
	return records
}

func fromParquet(name string, row parquet.Row) record {
	r := record{file: name, fields: map[string]string{}, tags: map[string]string{}}
	var keys []string
	for _, v := range row {
		switch i := v.Column(); {
		case i == len(columns)-1 && !v.IsNull():
			keys = append(keys, string(v.ByteArray()))
		case i == len(columns) && !v.IsNull():
			r.tags[keys[len(r.tags)]] = string(v.ByteArray())
		case i >= len(columns)-1:
		case columns[i] == "usage_amount":
			r.fields[columns[i]] = decimal(v.ByteArray()).String()
		case columns[i] == "usage_start" || columns[i] == "usage_end":
			r.fields[columns[i]] = time.UnixMilli(v.Int64()).UTC().Format(time.RFC3339)
		default:
			r.fields[columns[i]] = string(v.ByteArray())
		}
	}
	return r
}

// decimal reads the 16 bytes, big end first, of a decimal(38,18).
func decimal(b []byte) money.Usage {
	var u money.Usage
	for i, c := range b {
		if i < 8 {
			u.Hi = u.Hi<<8 | int64(c)
		} else {
			u.Lo = u.Lo<<8 | uint64(c)
		}
	}
	return u
}

// TestFormatsCarryTheSame writes one month in each format and compares.
func TestFormatsCarryTheSame(t *testing.T) {
	opt := small(t)
	opt.Records = 3000
	var want []record
	for _, format := range []string{"csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst", "parquet"} {
		opt.Formats = []string{format}
		d, s := generate(t, opt)
		got := readUsage(t, d, s)
		if want == nil {
			want = got
		}
		same := func(a, b record) bool { return maps.Equal(a.fields, b.fields) && maps.Equal(a.tags, b.tags) }
		if !slices.EqualFunc(want, got, same) {
			t.Errorf("%s differs from csv", format)
		}
	}
}
