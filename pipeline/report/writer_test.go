package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// write writes charges in batches of the given size.
func write(t testing.TB, spec Spec, c *batch.Charges, size int) []File {
	t.Helper()
	spec.Owner, spec.Name, spec.Settings.Resources = c.Owner, "cur", true
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	w, err := NewWriter(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < c.Len(); from += size {
		if err := w.Write(c.Slice(from, min(from+size, c.Len()))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func hashes(files []File) string {
	var s []string
	for _, f := range files {
		s = append(s, f.SHA256)
	}
	return strings.Join(s, " ")
}

func TestSameBytesHoweverItIsCut(t *testing.T) {
	for _, format := range []Format{Parquet, CSV} {
		c := sample(t, 25_000, 2)
		spec := Spec{Format: format, ChunkRows: 7_000, GroupRows: 3_000}
		want := write(t, spec, c, 25_000)
		if len(want) != 4 {
			t.Fatalf("%d files, want 4", len(want))
		}
		for _, size := range []int{999, 7_000} {
			spec.Workers = 3
			if got := write(t, spec, c, size); hashes(got) != hashes(want) {
				t.Errorf("%v: batches of %d rows give other bytes", format, size)
			}
		}
	}
}

// TestForeignDictionaries writes batches that each have dictionaries of their
// own, numbered differently.
func TestForeignDictionaries(t *testing.T) {
	c := mixed(t, 9_000, 3)
	want := write(t, Spec{ChunkRows: 4_000}, c, 9_000)
	spec := Spec{ChunkRows: 4_000, Owner: c.Owner, Name: "cur", Dir: t.TempDir(), Settings: column.Settings{Resources: true}}
	w, err := NewWriter(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < c.Len(); from += 1_500 {
		part := batch.NewCharges(c.Owner, batch.NewDims(), batch.NewTable[batch.Price]())
		for i := min(from+1_500, c.Len()) - 1; i >= from; i-- { // backwards, so codes differ
			part.Dims.Tails.Code(c.Dims.Tails.Value(c.Tail[i]))
			part.Dims.Resources.Code(c.Dims.Resources.Value(c.Resource[i]))
			part.Terms.Code(c.Terms.Value(c.Term[i]))
		}
		for i := from; i < min(from+1_500, c.Len()); i++ {
			r := c.At(i)
			r.Key = batch.LineKey(part.Dims.Heads.Code(c.Dims.Heads.Value(c.Head[i])),
				part.Dims.Resources.Code(c.Dims.Resources.Value(c.Resource[i])), c.Hour[i],
				part.Dims.Tails.Code(c.Dims.Tails.Value(c.Tail[i])))
			r.Price = part.Prices.Code(c.Prices.Value(c.Price[i]))
			r.Term = part.Terms.Code(c.Terms.Value(c.Term[i]))
			part.Append(r)
		}
		if err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if hashes(got) != hashes(want) {
		t.Error("dictionaries of the batches change the bytes")
	}
}

func TestVerify(t *testing.T) {
	c := sample(t, 25_000, 4)
	for _, format := range []Format{Parquet, CSV} {
		files := write(t, Spec{Format: format, GroupRows: 22_000}, c, 25_000)
		if err := Verify(files[0]); err != nil {
			t.Fatal(err)
		}
		wrong := files[0]
		wrong.Check.Unblended.Lo++
		if err := Verify(wrong); !errors.Is(err, ErrDisagrees) {
			t.Errorf("another total: %v", err)
		}
		wrong = files[0]
		wrong.Check.Cells[0]++
		if err := Verify(wrong); !errors.Is(err, ErrDisagrees) {
			t.Errorf("other cells: %v", err)
		}
		cut, err := os.ReadFile(wrong.Path)
		if err != nil {
			t.Fatal(err)
		}
		wrong.Path = filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(wrong.Path, cut[:len(cut)*2/3], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Verify(wrong); !errors.Is(err, ErrDisagrees) {
			t.Errorf("cut file: %v", err)
		}
		read := map[Format]func(string) (Check, bool, error){Parquet: readParquet, CSV: readCSV}[format]
		if _, _, err := read(wrong.Path); !errors.Is(err, ErrDisagrees) {
			t.Errorf("cut file, hash not looked at: %v", err)
		}
	}
}

// TestFormatsAgree is the proof that Parquet, CSV and charges tell the same.
func TestFormatsAgree(t *testing.T) {
	c := sample(t, 3_000, 5)
	want, err := CheckOf(c, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []Format{Parquet, CSV} {
		f := write(t, Spec{Format: format}, c, 3_000)[0]
		if f.Check != want || Verify(f) != nil {
			t.Errorf("%v disagrees", format)
		}
	}
}

// TestSwappedAmountsAreFound exchanges two cells: totals stay, cells do not.
func TestSwappedAmountsAreFound(t *testing.T) {
	c := sample(t, 3_000, 6)
	f := write(t, Spec{}, c, 3_000)[0]
	other := sample(t, 3_000, 6)
	for i := 1; i < other.Len(); i++ {
		if other.Unblended[i] != other.Unblended[0] {
			other.Unblended[i], other.Unblended[0] = other.Unblended[0], other.Unblended[i]
			break
		}
	}
	var err error
	if f.Check, err = CheckOf(other, false); err != nil {
		t.Fatal(err)
	}
	if err := Verify(f); !errors.Is(err, ErrDisagrees) {
		t.Errorf("swapped cells: %v", err)
	}
}

// TestAmountsOfAnySize reads back amounts whose doubles do not tell them apart
// or do not tell their decimal.
func TestAmountsOfAnySize(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		c := sample(t, 200, 7)
		big := rapid.Custom(func(r *rapid.T) money.Int128 {
			x := money.Int128{Lo: rapid.Uint64().Draw(r, "lo"), Hi: rapid.Int64Range(-1<<20, 1<<20).Draw(r, "hi")}
			return x
		})
		for i := range rapid.IntRange(0, 200).Draw(r, "n") {
			c.Unblended[i] = money.Cost(big.Draw(r, "cost"))
			if i > 0 && rapid.Bool().Draw(r, "near") {
				c.Unblended[i] = c.Unblended[i-1]
				c.Unblended[i].Lo++
			}
			c.Amount[i] = money.Usage{Lo: rapid.Uint64().Draw(r, "usage")}
		}
		for _, format := range []Format{Parquet, CSV} {
			if err := Verify(write(t, Spec{Format: format, Dir: dir}, c, 200)[0]); err != nil {
				r.Fatal(err)
			}
		}
	})
}

func TestCellOfDoubleAndDecimalAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lo := rapid.Uint64().Draw(r, "lo") >> rapid.IntRange(0, 63).Draw(r, "shift")
		cost := money.Cost{Lo: lo, Hi: rapid.SampledFrom([]int64{0, 0, 1, 1 << 40}).Draw(r, "hi")}
		if rapid.Bool().Draw(r, "negative") {
			cost = money.Neg(cost)
		}
		if got, _ := doubleCell(cost.Float64()); got != costCell(cost) {
			r.Fatalf("cost %s: double leads to %x, decimal to %x", cost, got, costCell(cost))
		}
		usage := money.Usage{Lo: lo / 100_000_000 * 100_000_000}
		if rapid.Bool().Draw(r, "odd") {
			usage.Lo++
		}
		if got, _ := doubleCell(usage.Float64()); got != usageCell(usage) {
			r.Fatalf("usage %s: double leads to %x, decimal to %x", usage, got, usageCell(usage))
		}
	})
}

// TestLongTexts passes the limits of a page and of a dictionary.
func TestLongTexts(t *testing.T) {
	c := sample(t, 2_500, 13)
	for i := range c.Head {
		name := strings.Repeat(string(rune('a'+i%26)), 40_000)
		c.Resource[i] = c.Dims.Resources.Code(fmt.Sprint(i%1_200, name)) // 48 MB: dictionary; 2,400 rows of it: above half
		if i%2 == 0 {
			c.Resource[i] = c.Dims.Resources.Code(fmt.Sprint(i, name))
		}
	}
	f := write(t, Spec{}, c, 2_500)[0]
	if err := Verify(f); err != nil {
		t.Fatal(err)
	}
	got := textColumn(t, f.Path, "line_item_resource_id")
	for i, text := range got {
		if want := c.Dims.Resources.Value(c.Resource[i]); text != want {
			t.Fatalf("row %d: %.20q, want %.20q", i, text, want)
		}
	}
	if len(got) != c.Len() {
		t.Errorf("%d cells", len(got))
	}
}

// textColumn reads a text column.
func textColumn(t *testing.T, path, name string) []string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, _ := in.Stat()
	f, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := f.Schema().Lookup(name)
	var texts []string
	for _, g := range f.RowGroups() {
		err := eachPage(g.ColumnChunks()[leaf.ColumnIndex], func(p parquet.Page) error {
			values := make([]parquet.Value, p.NumValues())
			n, err := p.Values().ReadValues(values)
			for _, v := range values[:n] {
				texts = append(texts, string(v.ByteArray()))
			}
			if err == io.EOF {
				err = nil
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

func TestNoCharges(t *testing.T) {
	c := sample(t, 1, 1).Slice(0, 0)
	for _, format := range []Format{Parquet, CSV} {
		files := write(t, Spec{Format: format}, c, 1)
		if len(files) != 1 || files[0].Check.Rows != 0 {
			t.Fatalf("%v: %d files", format, len(files))
		}
		if err := Verify(files[0]); err != nil {
			t.Error(err)
		}
	}
}

func TestWrongPayerAndSpec(t *testing.T) {
	c := sample(t, 10, 1)
	other := *c.Owner
	other.Payer = "999999999999"
	w, err := NewWriter(context.Background(), Spec{Owner: &other, Name: "cur", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(c); err == nil {
		t.Error("charges of another payer were taken")
	}
	if _, err := w.Close(); err != nil {
		t.Error(err)
	}
	for _, s := range []Spec{{}, {Owner: &other, Name: "x", Dir: "y", ChunkRows: -1}, {Owner: &other, Name: "x", Dir: "y", GroupRows: -1}} {
		if _, err := NewWriter(context.Background(), s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	w, err = NewWriter(context.Background(), Spec{Owner: c.Owner, Name: "cur", Dir: filepath.Join(t.TempDir(), "missing")})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(c)
	if _, err := w.Close(); err == nil {
		t.Error("a missing folder went unseen")
	}
}

// TestParquetHoldsWhatCSVHolds compares every cell of both formats, the
// Parquet read by another library.
func TestParquetHoldsWhatCSVHolds(t *testing.T) {
	for name, c := range map[string]*batch.Charges{"plain": sample(t, 23_000, 8), "mixed": mixed(t, 9_000, 8)} {
		t.Run(name, func(t *testing.T) { compareFormats(t, c) })
	}
}

func compareFormats(t *testing.T, c *batch.Charges) {
	lines := readAllCSV(t, write(t, Spec{Format: CSV}, c, c.Len())[0].Path)
	path := write(t, Spec{GroupRows: c.Len() - 1_000}, c, c.Len())[0].Path
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, _ := in.Stat()
	f, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 500)
		for {
			n, err := rows.ReadRows(buffer)
			for _, r := range buffer[:n] {
				compareRow(t, row, r, lines[row])
				row++
			}
			if err == io.EOF || t.Failed() {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
	}
	if row != len(lines) {
		t.Errorf("%d rows in Parquet, %d in CSV", row, len(lines))
	}
}

func readAllCSV(t *testing.T, path string) [][]string {
	t.Helper()
	text := unzip(t, path)
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if physical := bytes.Count(text, []byte("\n")); physical != len(records) {
		t.Errorf("%d lines for %d records", physical, len(records))
	}
	return records[1:]
}

func unzip(t *testing.T, path string) []byte {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
