package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

// Export says where a report goes and what its manifest and quality file tell.
type Export struct {
	Name    string // of the export
	Account string // whose data it is: the payer or a member
	Owner   *batch.Owner
	Format  Format
	Run     string // id of the run that made the files
	State   string // estimated or final
	Pending Pending

	// Base is put before every key to make the full addresses of the manifest,
	// such as s3://bucket/ or s3://bucket/prefix/. When it is blank the manifest
	// gives keys relative to the root of the store.
	Base string
}

// Pending counts what is not in the report though it was delivered.
type Pending struct {
	Rejected  int64 `json:"rejected_records"`
	Suspended int64 `json:"suspended_records"`
}

// States of an Export.
const (
	Estimated = "estimated" // the period is open or not yet issued
	Final     = "final"
)

// maxManifest is how many bytes of a manifest are read.
const maxManifest = 16 << 20

// manifest is the file that readers wait for: it comes last.
type manifest struct {
	ExecutionID string           `json:"executionId"`
	ExportARN   string           `json:"exportArn"`
	Columns     []manifestColumn `json:"columns"`
	DataFiles   []string         `json:"dataFiles"`
	Additional  []string         `json:"additionalOutputFiles"`
}

type manifestColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Proof is the word that files hold exactly the charges they were made from.
type Proof struct{ totals Totals }

// Prove compares the files, which were verified one by one when they were written,
// with the sums of the charges that the report was made from: ErrDisagrees when
// they do not hold them.
func Prove(files []File, charges Amounts) (Proof, error) {
	if len(files) == 0 {
		return Proof{}, errors.New("no files; a report without charges has one empty file")
	}
	for i, f := range files {
		if f.Chunk != i+1 {
			return Proof{}, fmt.Errorf("file %s is chunk %d, not %d", f.Path, f.Chunk, i+1)
		}
	}
	totals, err := TotalsOf(files)
	if err != nil {
		return Proof{}, err
	}
	if totals.All != charges {
		return Proof{}, fmt.Errorf("%w: the files hold %d rows, unblended %s, blended %s, list %s; the charges are %d rows, unblended %s, blended %s, list %s",
			ErrDisagrees, totals.All.Rows, totals.All.Unblended, totals.All.Blended, totals.All.List,
			charges.Rows, charges.Unblended, charges.Blended, charges.List)
	}
	return Proof{totals}, nil
}

// Publish brings proven files where readers look, in the overwrite layout: the
// data files, some at a time, empty files over chunks that are no longer needed, the quality
// file, and the manifest last. Before the manifest it asks still whether this
// is still the report to be published, and stops with its error when not. A
// repeat with the same files writes the same bytes. It returns what it wrote, in
// order.
func Publish(ctx context.Context, st store.Store, workers int, x Export, files []File, proof Proof, still func() error) ([]Written, error) {
	w := &exportPut{ctx: ctx, st: st, workers: workers}
	if err := w.export(x, files, proof, still); err != nil {
		return nil, fmt.Errorf("publish %s: %w", x.Name, err)
	}
	return w.written, nil
}

// Written is one object that Publish wrote.
type Written struct {
	Key    string
	Bytes  int64
	SHA256 string // in hex
}

type exportPut struct {
	ctx     context.Context
	st      store.Store
	workers int
	written []Written
}

func (w *exportPut) put(key string, body store.Body) error {
	sum, err := body.Sum()
	if err != nil {
		return err
	}
	w.written = append(w.written, Written{key, body.Size(), hex.EncodeToString(sum[:])})
	return store.ReplaceSettled(w.ctx, w.st, key, body)
}

func (w *exportPut) export(x Export, files []File, proof Proof, still func() error) error {
	ctx, st := w.ctx, w.st
	l := layout{root: store.ExportRoot(x.Account, x.Owner.Payer, x.Name), Export: x}
	surplus, err := l.surplus(ctx, st, len(files))
	if err != nil {
		return err
	}
	for _, f := range files {
		w.written = append(w.written, Written{l.data(f.Chunk), f.Bytes, f.SHA256})
	}
	err = store.InParallel(w.workers, len(files), func(i int) error {
		return store.ReplaceSettled(ctx, st, l.data(files[i].Chunk), store.FileBody(files[i].Path, files[i].Bytes))
	})
	if err != nil {
		return err
	}
	if err := w.blank(l, surplus); err != nil {
		return err
	}
	quality, err := jsonText(l.quality(files, surplus, proof.totals))
	if err != nil {
		return err
	}
	if err := w.put(store.ExportQuality(l.root, x.Name, x.Owner.Period.Name), store.BytesBody(quality)); err != nil {
		return err
	}
	manifest, err := jsonText(l.manifest(files))
	if err != nil {
		return err
	}
	if err := still(); err != nil {
		return err
	}
	return w.put(l.manifestKey(), store.BytesBody(manifest))
}

// layout spells the keys of one period of an export.
type layout struct {
	root string
	Export
}

func (l layout) data(chunk int) string {
	return store.ExportData(l.root, l.Name, l.Owner.Period.Name, chunk, l.Format.Extension())
}

func (l layout) manifestKey() string {
	return store.ExportManifest(l.root, l.Name, l.Owner.Period.Name)
}

// surplus returns the chunks above n that an earlier execution left, sorted.
// They are those of its manifest, and those that a listing shows, which also
// finds the chunks of an execution that broke off before its manifest.
func (l layout) surplus(ctx context.Context, st store.Store, n int) ([]int, error) {
	first := l.data(1)
	prefix := strings.TrimSuffix(first, "00001."+l.Format.Extension())
	found := map[int]bool{}
	note := func(key string) error {
		chunk, ok := chunkOf(key, prefix, l.Format.Extension())
		if !ok {
			return fmt.Errorf("%s is no chunk in %s; one export has one format, so give the export a new name", key, l.Format.Extension())
		}
		if chunk > n {
			found[chunk] = true
		}
		return nil
	}
	named, err := l.previous(ctx, st)
	if err != nil {
		return nil, err
	}
	for _, address := range named {
		// Addresses are taken by their end, because the store may have moved.
		if at := strings.Index(address, prefix); at >= 0 {
			if err := note(address[at:]); err != nil {
				return nil, err
			}
		}
	}
	if err := st.List(ctx, prefix, func(i store.Info) error { return note(i.Key) }); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func chunkOf(key, prefix, extension string) (int, bool) {
	digits, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, "."+extension); !ok || len(digits) != 5 {
		return 0, false
	}
	chunk, err := strconv.Atoi(digits)
	return chunk, err == nil && chunk > 0
}

// previous returns the data files that the manifest in the store names.
func (l layout) previous(ctx context.Context, st store.Store) ([]string, error) {
	text, err := store.ReadAll(ctx, st, l.manifestKey(), maxManifest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, nil // not ours; the listing finds its chunks
	}
	return m.DataFiles, nil
}

// blank overwrites chunks with valid files that have all columns and no rows,
// because readers take every file they find.
func (w *exportPut) blank(l layout, chunks []int) error {
	if len(chunks) == 0 {
		return nil
	}
	empty, err := emptyFile(l.Owner, l.Format)
	if err != nil {
		return err
	}
	for _, chunk := range chunks {
		if err := w.put(l.data(chunk), store.BytesBody(empty)); err != nil {
			return err
		}
	}
	return nil
}

// emptyFile returns a file without rows.
func emptyFile(owner *batch.Owner, format Format) ([]byte, error) {
	var out bytes.Buffer
	view := column.NewView(owner, column.Settings{})
	none := batch.NewCharges(owner, nil, nil)
	var err error
	if format == CSV {
		err = writeCSV(&out, view, column.Tables{}, none)
	} else {
		err = writeParquet(&out, view, column.Tables{}, none, DefaultGroupRows)
	}
	return out.Bytes(), err
}

func (l layout) manifest(files []File) manifest {
	m := manifest{
		ExecutionID: uuid("execution", l.Run, l.root, l.Owner.Period.Name),
		ExportARN:   "arn:monthend:bcm-data-exports::" + l.Account + ":export/" + l.Name + "-" + uuid("export", l.root),
		Additional:  []string{},
	}
	for _, c := range column.All() {
		m.Columns = append(m.Columns, manifestColumn{c.Name, c.Kind.Short()})
	}
	for _, f := range files {
		m.DataFiles = append(m.DataFiles, l.Base+l.data(f.Chunk))
	}
	return m
}

// uuid shapes a hash of some names as a UUID of version 8, made by own rules.
func uuid(names ...string) string {
	h := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func jsonText(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %v", err)
	}
	return out.Bytes(), nil
}
