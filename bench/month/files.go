package month

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Formats that usage is delivered in.
var Formats = []string{"parquet", "csv.gz", "jsonl"}

// Write makes a folder with the month in the given formats: usage-<format>/,
// price list, organization, offers and configuration.
func Write(dir string, s Shape, formats []string) error {
	w := NewWorld(s)
	if err := w.writeRest(dir); err != nil {
		return err
	}
	var outs []*split
	for _, format := range formats {
		out := &split{dir: filepath.Join(dir, "usage-"+format), format: format}
		if err := os.MkdirAll(out.dir, 0o755); err != nil {
			return err
		}
		outs = append(outs, out)
	}
	day := 0
	err := w.Each(func(n int64, r Record) error {
		file := int(n * int64(s.Files) / s.Records)
		if s.Days { // what repeats a record of an earlier day comes with today's
			day = max(day, time.UnixMilli(r.Start).UTC().Day()-1)
			file = day
		}
		for _, out := range outs {
			if err := out.write(file, &r); err != nil {
				return err
			}
		}
		return nil
	})
	for _, out := range outs {
		err = errors.Join(err, out.close())
	}
	return err
}

// rows is a file of records.
type rows interface {
	write(r *Record) error
	close() error
}

// split writes records into one file after the other.
type split struct {
	dir, format string
	at          int
	out         rows
}

func (s *split) write(file int, r *Record) error {
	if s.out != nil && file != s.at {
		if err := s.close(); err != nil {
			return err
		}
	}
	if s.out == nil {
		f, err := os.Create(filepath.Join(s.dir, fmt.Sprintf("usage-%06d.%s", file+1, s.format)))
		if err != nil {
			return err
		}
		s.at = file
		if s.out, err = openRows(f, s.format); err != nil {
			return err
		}
	}
	return s.out.write(r)
}

func (s *split) close() error {
	if s.out == nil {
		return nil
	}
	err := s.out.close()
	s.out = nil
	return err
}

func openRows(f *os.File, format string) (rows, error) {
	switch format {
	case "parquet":
		return newParquetRows(f)
	case "csv.gz":
		z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		t := &textRows{out: bufio.NewWriterSize(z, 1<<18), closers: []io.Closer{z, f}, line: csvLine}
		_, err = t.out.WriteString("record_id,source,usage_account_id,service_code,usage_type,operation,region_code,availability_zone,resource_id,usage_start,usage_end,usage_amount,unit,tags\n")
		return t, err
	case "jsonl":
		return &textRows{out: bufio.NewWriterSize(f, 1<<18), closers: []io.Closer{f}, line: jsonLine}, nil
	}
	return nil, fmt.Errorf("there is no format %q: %s", format, strings.Join(Formats, ", "))
}

// textRows writes a line per record.
type textRows struct {
	out     *bufio.Writer
	closers []io.Closer
	line    func(*Record) string
}

func (t *textRows) write(r *Record) error {
	_, err := t.out.WriteString(t.line(r))
	return err
}

func (t *textRows) close() error {
	err := t.out.Flush()
	for _, c := range t.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// amount writes millionths as decimal text.
func amount(micros int64) string { return fmt.Sprintf("%d.%06d", micros/1_000_000, micros%1_000_000) }

func tagsJSON(tags []Tag) string {
	m := map[string]string{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	b, _ := json.Marshal(m) // of texts: cannot fail
	return string(b)
}

func csvLine(r *Record) string {
	k := r.Resource.SKU
	return strings.Join([]string{r.ID, Source, r.Resource.Account, k.Service, k.UsageType, k.Operation, k.Region, r.Resource.Zone,
		r.Resource.ID, instant(r.Start), instant(r.End), amount(r.Micros), k.Unit,
		`"` + strings.ReplaceAll(tagsJSON(r.Resource.Tags), `"`, `""`) + `"`}, ",") + "\n"
}

func jsonLine(r *Record) string {
	k := r.Resource.SKU
	return fmt.Sprintf(`{"record_id":%q,"source":%q,"usage_account_id":%q,"service_code":%q,"usage_type":%q,"operation":%q,"region_code":%q,"availability_zone":%q,"resource_id":%q,"usage_start":%q,"usage_end":%q,"usage_amount":%q,"unit":%q,"tags":%s}`+"\n",
		r.ID, Source, r.Resource.Account, k.Service, k.UsageType, k.Operation, k.Region, r.Resource.Zone, r.Resource.ID,
		instant(r.Start), instant(r.End), amount(r.Micros), k.Unit, tagsJSON(r.Resource.Tags))
}

const configuration = `# The bench month: every file here is invented.
store:
  folder: store
organization: organization.yaml
prices: [prices.csv]
offers: offers.yaml
sources:
  - {name: meter, kind: events, path: usage, rejects: rows}
exports:
  - {name: cur2, table: COST_AND_USAGE_REPORT, format: parquet}
close:
  wait: 0s
limits:
  max_file_bytes: 64GiB
`

// writeRest writes everything but the usage. accounts.csv repeats the
// organization in the form that SQL reads.
func (w *World) writeRest(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var org, accounts strings.Builder
	fmt.Fprintf(&org, "issuers:\n  - {id: bench, name: \"Bench Cloud Inc.\", time_zone: UTC, currency: USD, invoice_prefix: \"B-\"}\n"+
		"payers:\n  - account_id: %q\n    name: \"Bench Payer\"\n    issuer: bench\n    accounts:\n", Payer)
	accounts.WriteString("account_id,account_name\n")
	for _, a := range w.Accounts {
		fmt.Fprintf(&org, "      - {id: %q, name: %q}\n", a.ID, a.Name)
		fmt.Fprintf(&accounts, "%s,%s\n", a.ID, a.Name)
	}
	for name, text := range map[string]string{"monthend.yaml": configuration, "offers.yaml": "free_tier: []\n",
		"organization.yaml": org.String(), "accounts.csv": accounts.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, "prices.csv"))
	if err != nil {
		return err
	}
	return errors.Join(w.writePrices(f), f.Close())
}

func (w *World) writePrices(f io.Writer) error {
	out := csv.NewWriter(f)
	lines := [][]string{{"SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange",
		"EndingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "serviceCode", "Location",
		"Location Type", "Instance Type", "Storage Class", "usageType", "operation", "Region Code"}}
	for i := range w.SKUs {
		k := &w.SKUs[i]
		for _, t := range k.Tiers {
			lines = append(lines, []string{k.ID, "JRTCKXETXF", t.RateCode, "OnDemand", t.Description, "2026-01-01", t.Begin, t.End,
				k.Unit, t.Rate, "USD", k.Family, k.Service, k.Location, "AWS Region", k.Type, "Standard", k.UsageType, k.Operation, k.Region})
		}
	}
	return out.WriteAll(lines)
}
