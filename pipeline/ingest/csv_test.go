package ingest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// splitAll reads all rows with our reader, with a small buffer so that rows
// cross its end.
func splitAll(data []byte, max int) (rows [][]string, long int, err error) {
	c := &csvRows{r: bufio.NewReaderSize(bytes.NewReader(data), 16), max: max}
	for {
		err := c.next()
		if err == io.EOF {
			return rows, long, nil
		}
		if err != nil {
			return rows, long, err
		}
		if c.long {
			long++
			continue
		}
		row := make([]string, len(c.fields))
		for i, f := range c.fields {
			row[i] = string(f)
		}
		rows = append(rows, row)
	}
}

// oracle is the standard library, which takes CR LF inside quotes for LF.
func oracle(data []byte) ([][]string, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	return r.ReadAll()
}

func sameRows(a, b [][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return false
		}
		for j := range a[i] {
			if strings.ReplaceAll(a[i][j], "\r\n", "\n") != b[i][j] {
				return false
			}
		}
	}
	return true
}

func FuzzCSVAgainstStandardLibrary(f *testing.F) {
	for _, s := range []string{"a,b\n", "\"a\"\"b\",c\r\n", "\"\"", "a\"b\n", "\"a\r\nb\",\n", "\"\"\"\"", "\"a", "\"a\"b", ",,\n\n,", "\"\"\"a\n\"\"\n\"\r\nx", "a\r\rb\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("\r\r\n")) || bytes.HasSuffix(data, []byte("\r")) {
			t.Skip("the standard library drops a lone CR at the end of a line or file")
		}
		got, _, err := splitAll(data, 1<<20)
		want, wantErr := oracle(data)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: error %v, standard library %v", data, err, wantErr)
		}
		if err == nil && !sameRows(got, want) {
			t.Fatalf("%q: %q, standard library %q", data, got, want)
		}
	})
}

func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringMatching(`[a",\n ]{0,20}`)
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 2, 5), 1, 8).Draw(t, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		got, _, err := splitAll(b.Bytes(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if w.UseCRLF { // the writer turns line feeds inside fields too
			for _, row := range got {
				for i := range row {
					row[i] = strings.ReplaceAll(row[i], "\r\n", "\n")
				}
			}
		}
		if !sameRows(got, rows) {
			t.Fatalf("%q became %q", rows, got)
		}
	})
}

func TestLongRowsAreSkippedWhole(t *testing.T) {
	x := strings.Repeat("x", 100)
	tests := []struct {
		name, data string
		rows, long int
	}{
		{"Plain", "a,b\n" + x + "\nc,d\n", 2, 1},
		{"Quoted", "a,b\n\"" + x + "\n\",y\nc,d\n", 2, 1},
		{"QuotedLater", "a,b\ny,\"\n" + x + "\n\"\nc,d\n", 2, 1},
		{"DoubledQuotes", "a,b\n\"" + strings.Repeat(`""`, 50) + "\n\"\nc,d\n", 2, 1},
		{"ManyLines", "a,b\n\"" + strings.Repeat("\n", 90) + "\"\nc,d\n", 2, 1},
		{"Last", "a,b\n" + x, 1, 1},
		{"Two", x + "\n" + x + "\nc,d", 1, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, long, err := splitAll([]byte(tt.data), 64)
			if err != nil || len(rows) != tt.rows || long != tt.long {
				t.Errorf("%d rows %q, %d long, error %v", len(rows), rows, long, err)
			}
		})
	}
	if _, _, err := splitAll([]byte("a,\""+x+"\n"+x), 64); err == nil {
		t.Error("a quote that never closes is accepted")
	}
}

func TestPrintable(t *testing.T) {
	for pad := range 9 {
		for c := range 256 {
			b := append(bytes.Repeat([]byte{'x'}, pad), byte(c))
			b = append(b, strings.Repeat("y", 8)...)
			if got, want := printable(b), c >= 0x20 && c < 0x7f; got != want {
				t.Fatalf("byte %#x at %d: %v", c, pad, got)
			}
		}
	}
}
