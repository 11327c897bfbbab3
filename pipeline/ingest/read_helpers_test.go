package ingest

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/monthend/monthend/schema"
)

type bytesAt struct{ *bytes.Reader }

func (bytesAt) Close() error { return nil }

func input(data []byte) Input {
	return Input{
		Name: "usage.csv", Size: int64(len(data)),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		OpenAt: func() (ReaderAtCloser, error) { return bytesAt{bytes.NewReader(data)}, nil },
	}
}

func fileInput(t testing.TB, path string) Input {
	t.Helper()
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		t.Skipf("real data is absent: %s", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Input{
		Name: path, Size: info.Size(),
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
		OpenAt: func() (ReaderAtCloser, error) { return os.Open(path) },
	}
}

// kept is a record that outlives its view.
type kept struct {
	ID, Source, Account, Service, UsageType, Operation, Region, Zone, Resource, Unit string
	Start, End                                                                       int64
	Amount, Tags, Cost, Currency, Type, Commitment                                   string
	Priced                                                                           bool
	Line                                                                             int64
}

func keep(r *schema.Record) kept {
	k := kept{
		ID: string(r.RecordID), Source: string(r.Source), Account: string(r.UsageAccountID), Service: string(r.ServiceCode),
		UsageType: string(r.UsageType), Operation: string(r.Operation), Region: string(r.RegionCode), Zone: string(r.AvailabilityZone),
		Resource: string(r.ResourceID), Unit: string(r.Unit), Start: r.UsageStart, End: r.UsageEnd, Amount: r.UsageAmount.String(),
		Tags: string(r.Tags), Currency: string(r.Currency), Type: string(r.LineItemType), Priced: r.Priced, Line: r.Line,
		Commitment: string(r.Commitment),
	}
	if r.Priced {
		k.Cost = r.Cost.String()
	}
	return k
}

type result struct {
	sum     Summary
	records []kept
	rejects []Rejected
	err     error
}

func readAll(in Input, opt Options) result {
	var r result
	if opt.Source == "" {
		opt.Source = "meter"
	}
	opt.KeepRows = true
	r.sum, r.err = Read(context.Background(), in, opt,
		func(rec *schema.Record) error { r.records = append(r.records, keep(rec)); return nil },
		func(x Rejected) error { r.rejects = append(r.rejects, x); return nil })
	return r
}

// accepted reads text that must be taken whole.
func accepted(t *testing.T, data string) result {
	t.Helper()
	r := readAll(input([]byte(data)), Options{})
	if r.err != nil {
		t.Fatalf("refused: %v", r.err)
	}
	for _, x := range r.rejects {
		t.Fatalf("rejected: %v", x.Problem)
	}
	checkCounts(t, r)
	return r
}

// mustReject reads text of which one row must be rejected, for a reason.
func mustReject(t *testing.T, data, reason string) Rejected {
	t.Helper()
	r := readAll(input([]byte(data)), Options{})
	if r.err != nil {
		t.Fatalf("the file is refused: %v", r.err)
	}
	checkCounts(t, r)
	if len(r.rejects) != 1 {
		t.Fatalf("%d rows rejected, want 1 (%q)", len(r.rejects), reason)
	}
	if msg := r.rejects[0].Problem.Error(); !strings.Contains(msg, reason) {
		t.Fatalf("problem %q does not say %q", msg, reason)
	}
	return r.rejects[0]
}

// refused reads a file that must be refused as a whole, for a reason.
func refused(t *testing.T, data []byte, opt Options, reason string) string {
	t.Helper()
	r := readAll(input(data), opt)
	if r.err == nil {
		t.Fatalf("accepted with %d records and %d rejects, want %q", len(r.records), len(r.rejects), reason)
	}
	switch r.err.(type) {
	case *schema.Problem, schema.Problems:
	default:
		t.Fatalf("error of type %T: %v", r.err, r.err)
	}
	if !strings.Contains(r.err.Error(), reason) {
		t.Fatalf("error %q does not say %q", r.err, reason)
	}
	return r.err.Error()
}

func checkCounts(t testing.TB, r result) {
	t.Helper()
	left := int64(0)
	for _, n := range r.sum.LeftOut {
		left += n
	}
	if r.sum.Read != r.sum.Emitted+r.sum.Rejected+left {
		t.Errorf("read %d, but emitted %d, rejected %d, left out %d", r.sum.Read, r.sum.Emitted, r.sum.Rejected, left)
	}
	if int(r.sum.Emitted) != len(r.records) || int(r.sum.Rejected) != len(r.rejects) {
		t.Errorf("counts %d and %d, callbacks %d and %d", r.sum.Emitted, r.sum.Rejected, len(r.records), len(r.rejects))
	}
}

const header = "record_id,usage_account_id,service_code,usage_type,operation,region_code,availability_zone,resource_id,usage_start,usage_end,usage_amount,unit\n"

// csvRow is a good row, with one field exchanged.
func csvRow(field, value string) string {
	names := strings.Split(strings.TrimSpace(header), ",")
	values := []string{"id-1", "111122223333", "compute", "vm.small", "Run", "kr-1", "kr-1a", "vm-7", "2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "1.5", "Hrs"}
	for i, n := range names {
		if n == field {
			values[i] = value
		}
	}
	return strings.Join(values, ",") + "\n"
}

// csvFile is a file of one good row, with one field exchanged.
func csvFile(field, value string) string { return header + csvRow(field, value) }

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zstded(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}
