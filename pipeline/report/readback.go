package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// ErrDisagrees reports a file that does not hold the charges it was made from.
var ErrDisagrees = errors.New("report file disagrees with the charges")

// amountColumns are the columns that a check covers, in the order of
// Check.Cells. Only the last may be null.
var amountColumns = [5]string{"line_item_usage_amount", "pricing_public_on_demand_cost",
	"line_item_unblended_cost", "line_item_blended_cost", "line_item_net_unblended_cost"}

// netCells is the place of the column that may be null.
const netCells = 4

// Verify reads a written file back and compares it with the charges, by its
// size, hash and Check: row count, every amount, exact totals, and the names and types of all
// columns. Totals are left out where a double is too coarse to tell its decimal
// (amounts above 100,000 with many decimals); cells are compared all the same.
// ErrDisagrees when anything is different.
func Verify(f File) error {
	read := readParquet
	if f.Format == CSV {
		read = readCSV
	}
	if err := checkHash(f); err != nil {
		return fmt.Errorf("verify %s: %w", f.Path, err)
	}
	got, lossy, err := read(f.Path)
	if err != nil {
		return fmt.Errorf("verify %s: %w", f.Path, err)
	}
	if lossy {
		got.List, got.Unblended, got.Blended, got.Net = f.Check.List, f.Check.Unblended, f.Check.Blended, f.Check.Net
	}
	if got != f.Check {
		return fmt.Errorf("verify %s: %w: read %d rows, unblended %s, blended %s, list %s, net %s, cells %x; written %d rows, unblended %s, blended %s, list %s, net %s, cells %x",
			f.Path, ErrDisagrees, got.Rows, got.Unblended, got.Blended, got.List, got.Net, got.Cells,
			f.Check.Rows, f.Check.Unblended, f.Check.Blended, f.Check.List, f.Check.Net, f.Check.Cells)
	}
	return nil
}

// checkHash compares size and hash with those noted while writing.
func checkHash(f File) error {
	size, sum, err := hashFile(f.Path)
	if err != nil {
		return err
	}
	if size != f.Bytes || sum != f.SHA256 {
		return fmt.Errorf("%w: %d bytes with SHA-256 %s on disk, %d with %s written", ErrDisagrees, size, sum, f.Bytes, f.SHA256)
	}
	return nil
}

func hashFile(path string) (int64, string, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, "", fmt.Errorf("open: %v", err)
	}
	defer in.Close()
	h := sha256.New()
	size, err := io.Copy(h, in)
	if err != nil {
		return 0, "", fmt.Errorf("read: %v", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// readParquet reads a file with another library than the one that wrote it. It
// tells whether the totals are incomplete.
func readParquet(path string) (k Check, lossy bool, err error) {
	in, err := os.Open(path)
	if err != nil {
		return k, false, fmt.Errorf("open: %v", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return k, false, fmt.Errorf("open: %v", err)
	}
	f, err := parquet.OpenFile(in, info.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return k, false, fmt.Errorf("%w: open as Parquet: %v", ErrDisagrees, err)
	}
	if err := checkColumns(f); err != nil {
		return k, false, err
	}
	k.Rows = f.NumRows()
	sums := k.adders()
	for i, name := range amountColumns {
		if err := readDoubles(f, name, i == netCells, &k.Cells[i], &sums[i]); err != nil {
			return k, false, fmt.Errorf("column %s: %w", name, err)
		}
		lossy = lossy || sums[i].lossy
	}
	return k, lossy, nil
}

// adders returns what sums the amount columns.
func (k *Check) adders() [5]adder {
	return [5]adder{{}, {sum: &k.List}, {sum: &k.Unblended}, {sum: &k.Blended}, {sum: &k.Net}}
}

// checkColumns compares names and types with the table, decodes every page, and
// compares the number of rows of every column with the file's.
func checkColumns(f *parquet.File) error {
	fields := f.Root().Columns()
	all := column.All()
	if len(fields) != len(all) {
		return fmt.Errorf("%w: %d columns instead of %d", ErrDisagrees, len(fields), len(all))
	}
	for i, c := range all {
		if got := typeOf(fields[i]); fields[i].Name() != c.Name || got != c.Kind.String() {
			return fmt.Errorf("%w: column %d is %s %s instead of %s %s", ErrDisagrees, i+1, fields[i].Name(), got, c.Name, c.Kind)
		}
	}
	for _, g := range f.RowGroups() {
		for _, chunk := range g.ColumnChunks() {
			rows, err := decode(chunk)
			if err == nil && rows != g.NumRows() {
				err = fmt.Errorf("%d rows in a row group of %d", rows, g.NumRows())
			}
			if err != nil {
				return fmt.Errorf("%w: leaf column %d: %v", ErrDisagrees, chunk.Column(), err)
			}
		}
	}
	return nil
}

// decode reads every page of a column and returns the number of its rows.
func decode(chunk parquet.ColumnChunk) (rows int64, err error) {
	err = eachPage(chunk, func(page parquet.Page) error {
		rows += page.NumRows()
		return nil
	})
	return rows, err
}

func eachPage(chunk parquet.ColumnChunk, use func(parquet.Page) error) error {
	pages := chunk.Pages()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return pages.Close()
		}
		if err == nil {
			err = use(page)
			parquet.Release(page)
		}
		if err != nil {
			pages.Close()
			return err
		}
	}
}

func typeOf(c *parquet.Column) string {
	if !c.Optional() {
		return "required"
	}
	if !c.Leaf() {
		pair := c.Columns()
		if len(pair) != 1 || len(pair[0].Columns()) != 2 {
			return "group"
		}
		return "map<" + leafType(pair[0].Columns()[0]) + "," + leafType(pair[0].Columns()[1]) + ">"
	}
	return leafType(c)
}

// leafType returns the SQL type of a leaf, or what the file calls it.
func leafType(c *parquet.Column) string {
	logical := ""
	if l := c.Type().LogicalType(); l != nil {
		logical = l.String()
	}
	switch kind := c.Type().Kind(); {
	case kind == parquet.ByteArray && logical == "STRING":
		return "string"
	case kind == parquet.Int64 && logical == "TIMESTAMP(isAdjustedToUTC=false,unit=MILLIS)":
		return "timestamp"
	case kind == parquet.Double && logical == "":
		return "double"
	}
	return c.Type().String() + " " + logical
}

// readCSV reads a CSV file of exact decimals; its totals are complete.
func readCSV(path string) (k Check, lossy bool, err error) {
	in, err := os.Open(path)
	if err != nil {
		return k, false, fmt.Errorf("open: %v", err)
	}
	defer in.Close()
	buffered := bufio.NewReaderSize(in, 1<<18)
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return k, false, fmt.Errorf("%w: open as gzip: %v", ErrDisagrees, err)
	}
	z.Multistream(false)
	if err := k.readRecords(z); err != nil {
		return k, false, err
	}
	if _, err := buffered.ReadByte(); err != io.EOF {
		return k, false, fmt.Errorf("%w: bytes after the gzip member", ErrDisagrees)
	}
	return k, false, nil
}

// readRecords adds all records of a CSV file.
func (k *Check) readRecords(in io.Reader) error {
	at, reader, err := openCSV(in)
	if err != nil {
		return err
	}
	totals := k.adders()
	for {
		record, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = k.addRecord(record, at, &totals)
		}
		if err != nil {
			return fmt.Errorf("%w: row %d: %v", ErrDisagrees, k.Rows, err)
		}
	}
	for i := range totals {
		if err := totals[i].flush(); err != nil {
			return fmt.Errorf("%w: %v", ErrDisagrees, err)
		}
	}
	return nil
}

// openCSV reads the header and finds the amount columns.
func openCSV(in io.Reader) (at [5]int, reader *csv.Reader, err error) {
	reader = csv.NewReader(in)
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil {
		return at, nil, fmt.Errorf("%w: header: %v", ErrDisagrees, err)
	}
	all := column.All()
	if len(header) != len(all) {
		return at, nil, fmt.Errorf("%w: %d columns instead of %d", ErrDisagrees, len(header), len(all))
	}
	for i, c := range all {
		if header[i] != c.Name {
			return at, nil, fmt.Errorf("%w: column %d is %q instead of %s", ErrDisagrees, i+1, header[i], c.Name)
		}
		for j, name := range amountColumns {
			if c.Name == name {
				at[j] = i
			}
		}
	}
	return at, reader, nil
}

func (k *Check) addRecord(record []string, at [5]int, totals *[5]adder) error {
	k.Rows++
	u, err := money.ParseUsage(record[at[0]])
	if err != nil {
		return err
	}
	k.Cells[0] = mix(k.Cells[0], usageCell(u))
	for i := 1; i < len(at); i++ {
		if i == netCells && record[at[i]] == "" {
			continue
		}
		c, err := money.ParseCost(record[at[i]])
		if err != nil {
			return err
		}
		if i == netCells {
			k.Cells[i] = mixRow(k.Cells[i], k.Rows-1, costCell(c))
		} else {
			k.Cells[i] = mix(k.Cells[i], costCell(c))
		}
		if err := totals[i].add(c); err != nil {
			return err
		}
	}
	return nil
}
