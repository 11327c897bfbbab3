package sample

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/monthend/monthend/schema"
)

// fields are the columns of the usage files, in their order.
var fields = []string{
	schema.FieldRecordID, schema.FieldSource, schema.FieldUsageAccountID, schema.FieldServiceCode,
	schema.FieldUsageType, schema.FieldOperation, schema.FieldRegionCode, schema.FieldAvailabilityZone,
	schema.FieldResourceID, schema.FieldUsageStart, schema.FieldUsageEnd, schema.FieldUsageAmount,
	schema.FieldUnit, schema.FieldTags,
}

// knownFormat tells whether a file can be written in a format.
func knownFormat(format string) bool {
	kind, packing, packed := strings.Cut(format, ".")
	switch kind {
	case "parquet":
		return !packed
	case "csv", "jsonl":
		return !packed || packing == "gz" || packing == "zst"
	}
	return false
}

// rowWriter writes records into one file.
type rowWriter interface {
	write(r *row) error
	close() error
}

// openRows creates a file of a known format.
func openRows(create Create, name, format string) (rowWriter, error) {
	f, err := create(name)
	if err != nil {
		return nil, fmt.Errorf("sample %s: %w", name, err)
	}
	var out rowWriter
	kind, packing, _ := strings.Cut(format, ".")
	switch kind {
	case "parquet":
		out, err = newParquetRows(name, f)
	case "jsonl":
		out, err = newTextRows(name, f, packing, renderJSON)
	default:
		out, err = newTextRows(name, f, packing, renderCSV)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("sample %s: %v", name, err)
	}
	return out, nil
}

// textRows writes a line per record.
type textRows struct {
	name   string
	file   io.Closer
	packer io.Closer // nil when plain
	out    *bufio.Writer
	line   []byte
	render renderer
}

// renderer appends a record to dst as a line, or the header if there is no
// record.
type renderer func(dst []byte, r *row) []byte

// newTextRows starts a file, in CSV with its header. The compressors run alone
// and carry no time, so that the bytes depend on the records only.
func newTextRows(name string, f io.WriteCloser, packing string, render renderer) (*textRows, error) {
	t := &textRows{name: name, file: f, render: render}
	to := io.Writer(f)
	switch packing {
	case "gz":
		z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		t.packer, to = z, z
	case "zst":
		z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, err
		}
		t.packer, to = z, z
	}
	t.out = bufio.NewWriterSize(to, 64<<10)
	t.line = render(nil, nil)
	_, err := t.out.Write(t.line)
	return t, err
}

func (t *textRows) write(r *row) error {
	t.line = t.render(t.line[:0], r)
	if _, err := t.out.Write(t.line); err != nil {
		return fmt.Errorf("sample %s: %w", t.name, err)
	}
	return nil
}

func (t *textRows) close() error {
	err := t.out.Flush()
	if t.packer != nil {
		err = errors.Join(err, t.packer.Close())
	}
	if err = errors.Join(err, t.file.Close()); err != nil {
		return fmt.Errorf("sample %s: %w", t.name, err)
	}
	return nil
}

// renderCSV appends a record as a line of CSV. Only the tags need quotes: all
// other texts are codes and names without commas, quotes and line ends.
func renderCSV(dst []byte, r *row) []byte {
	if r == nil {
		return append(dst, strings.Join(fields, ",")+"\n"...)
	}
	m := r.meter
	dst = append(dst, r.id...)
	for _, text := range [...]string{Source, m.account.id, m.sku.product.service, m.sku.usageType, m.operation,
		m.sku.place.code, m.zone, m.resource, r.times.start, r.end()} {
		dst = append(dst, ',')
		dst = append(dst, text...)
	}
	dst = append(dst, ',')
	dst = exact(r.amount).AppendText(dst)
	dst = append(dst, ',')
	dst = append(dst, m.sku.product.unit...)
	dst = append(dst, ',')
	dst = append(dst, m.tags.csv...)
	return append(dst, '\n')
}

// renderJSON appends a record as a line of JSON, with the amount as text so
// that no reader rounds it.
func renderJSON(dst []byte, r *row) []byte {
	if r == nil {
		return dst
	}
	m := r.meter
	dst = append(dst, `{"`+schema.FieldRecordID+`":"`...)
	dst = append(dst, r.id...)
	dst = append(dst, `","`+schema.FieldSource+`":"`+Source...)
	dst = append(append(dst, `","`+schema.FieldUsageAccountID+`":"`...), m.account.id...)
	dst = append(append(dst, `","`+schema.FieldServiceCode+`":"`...), m.sku.product.service...)
	dst = append(append(dst, `","`+schema.FieldUsageType+`":"`...), m.sku.usageType...)
	dst = append(append(dst, `","`+schema.FieldOperation+`":"`...), m.operation...)
	dst = append(append(dst, `","`+schema.FieldRegionCode+`":"`...), m.sku.place.code...)
	if m.zone != "" {
		dst = append(append(dst, `","`+schema.FieldAvailabilityZone+`":"`...), m.zone...)
	}
	if m.resource != "" {
		dst = append(append(dst, `","`+schema.FieldResourceID+`":"`...), m.resource...)
	}
	dst = append(append(dst, `","`+schema.FieldUsageStart+`":"`...), r.times.start...)
	dst = append(append(dst, `","`+schema.FieldUsageEnd+`":"`...), r.end()...)
	dst = append(dst, `","`+schema.FieldUsageAmount+`":"`...)
	dst = exact(r.amount).AppendText(dst)
	dst = append(append(dst, `","`+schema.FieldUnit+`":"`...), m.sku.product.unit...)
	dst = append(append(dst, `","`+schema.FieldTags+`":`...), m.tags.json...)
	return append(dst, '}', '\n')
}
