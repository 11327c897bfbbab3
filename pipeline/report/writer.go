package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/column"
)

// Format is the file format of an export. One export has one format.
type Format int

// The formats.
const (
	Parquet Format = iota // Snappy inside
	CSV                   // one gzip member
)

// Extension is how data files of the format end, as in the keys of an export.
func (f Format) Extension() string {
	if f == CSV {
		return "csv.gz"
	}
	return "snappy.parquet"
}

// Limits and defaults of a Spec.
const (
	DefaultChunkRows = 500_000
	DefaultGroupRows = 100_000
	MaxChunkRows     = 10_000_000
	pageRows         = 20_000
)

// Spec says what to write.
type Spec struct {
	Format   Format
	Owner    *batch.Owner
	Settings column.Settings

	Dir       string // existing folder for the files, removed by the caller
	Name      string // base name of the files
	ChunkRows int    // rows per file; 0 means DefaultChunkRows, at most MaxChunkRows
	GroupRows int    // rows per Parquet row group; 0 means DefaultGroupRows
	Workers   int    // files encoded at once; 0 means 1. Memory grows with it, bytes do not change
}

// File is one chunk, written to disk.
type File struct {
	Chunk  int // counts from 1
	Format Format
	Path   string
	Bytes  int64
	SHA256 string // lower-case hexadecimal
	Check  Check
	Totals Totals
}

// Writer cuts charges into chunk files of equal row count and encodes them.
// Its methods must be called from one goroutine.
type Writer struct {
	ctx    context.Context
	spec   Spec
	buffer *buffer
	next   int // number of the chunk being filled
	jobs   chan job
	group  sync.WaitGroup

	mu    sync.Mutex
	files []File
	err   error
}

// job is a full chunk.
type job struct {
	chunk  int
	tables column.Tables
	rows   *batch.Charges
}

// NewWriter starts a writer. The caller must call Close, also after an error.
func NewWriter(ctx context.Context, spec Spec) (*Writer, error) {
	if spec.ChunkRows == 0 {
		spec.ChunkRows = DefaultChunkRows
	}
	if spec.GroupRows == 0 {
		spec.GroupRows = DefaultGroupRows
	}
	spec.Workers = max(spec.Workers, 1)
	switch {
	case spec.ChunkRows < 1 || spec.ChunkRows > MaxChunkRows:
		return nil, fmt.Errorf("report %s: %d rows per file, choose 1 to %d", spec.Name, spec.ChunkRows, MaxChunkRows)
	case spec.GroupRows < 1:
		return nil, fmt.Errorf("report %s: %d rows per row group, choose at least 1", spec.Name, spec.GroupRows)
	case spec.Owner == nil || spec.Name == "" || spec.Dir == "":
		return nil, fmt.Errorf("report %q: owner, name and folder are needed", spec.Name)
	}
	w := &Writer{ctx: ctx, spec: spec, buffer: newBuffer(spec), next: 1, jobs: make(chan job)}
	for range spec.Workers {
		w.group.Go(w.work)
	}
	return w, nil
}

// Write adds charges. They are copied; their dictionaries are not, and must
// keep the meaning of every code until Close. All charges of a writer have one
// owner and come in the canonical order.
func (w *Writer) Write(c *batch.Charges) error {
	if c.Owner != w.spec.Owner && c.Owner.Payer != w.spec.Owner.Payer {
		return fmt.Errorf("report %s: charges of payer %s in a report of payer %s", w.spec.Name, c.Owner.Payer, w.spec.Owner.Payer)
	}
	for from := 0; from < c.Len(); {
		if err := w.failure(); err != nil {
			return err
		}
		to := min(c.Len(), from+w.spec.ChunkRows-w.buffer.rows.Len())
		w.buffer.add(c.Slice(from, to))
		if w.buffer.rows.Len() == w.spec.ChunkRows {
			w.send()
		}
		from = to
	}
	return w.failure()
}

// send hands the filled chunk to a worker and begins a new one.
func (w *Writer) send() {
	j := job{chunk: w.next}
	if w.buffer.rows.Dims != nil { // else no charge came
		j.tables = column.TablesOf(w.buffer.rows)
	}
	j.rows = w.buffer.take()
	w.next++
	w.jobs <- j
}

// Close encodes what is left and returns the files in order, each read back and
// verified. An export without charges has one file without rows. After an error
// the files are useless.
func (w *Writer) Close() ([]File, error) {
	if w.failure() == nil && (w.buffer.rows.Len() > 0 || w.next == 1) {
		w.send()
	}
	close(w.jobs)
	w.group.Wait()
	if err := w.failure(); err != nil {
		return nil, err
	}
	return w.files, nil
}

func (w *Writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// work encodes chunks until there are no more. One view serves them all.
func (w *Writer) work() {
	view := column.NewView(w.spec.Owner, w.spec.Settings)
	for j := range w.jobs {
		f, err := File{}, w.failure()
		if err == nil {
			err = w.ctx.Err()
		}
		if err == nil {
			f, err = w.encode(view, j)
		}
		w.keep(f, err)
		w.buffer.giveBack(j.rows)
	}
}

func (w *Writer) keep(f File, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.err == nil {
			w.err = err
		}
		return
	}
	for len(w.files) < f.Chunk {
		w.files = append(w.files, File{})
	}
	w.files[f.Chunk-1] = f
}

// encode writes one chunk file and reads it back.
func (w *Writer) encode(view *column.View, j job) (File, error) {
	name := fmt.Sprintf("%s-%05d.%s", w.spec.Name, j.chunk, w.spec.Format.Extension())
	f := File{Chunk: j.chunk, Format: w.spec.Format, Path: filepath.Join(w.spec.Dir, name)}
	var err error
	if f.Check, err = CheckOf(j.rows, w.spec.Owner.Discounted); err != nil {
		return f, fmt.Errorf("report %s: chunk %d: %w", w.spec.Name, j.chunk, err)
	}
	if f.Totals, err = totalsOf(j.tables, j.rows); err != nil {
		return f, fmt.Errorf("report %s: chunk %d: %w", w.spec.Name, j.chunk, err)
	}
	f.Bytes, f.SHA256, err = writeFile(f.Path, func(out io.Writer) error {
		if w.spec.Format == CSV {
			return writeCSV(out, view, j.tables, j.rows)
		}
		return writeParquet(out, view, j.tables, j.rows, w.spec.GroupRows)
	})
	if err != nil {
		return f, fmt.Errorf("report %s: write %s: %w", w.spec.Name, f.Path, err)
	}
	return f, Verify(f)
}

// writeFile makes a file and returns its size and hash.
func writeFile(path string, write func(io.Writer) error) (size int64, sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, "", fmt.Errorf("make the file: %v", err)
	}
	defer f.Close()
	out := &hashed{to: f, hash: sha256.New(), buffer: make([]byte, 0, 1<<18)}
	if err := write(out); err != nil {
		return 0, "", err
	}
	if err := out.flush(); err != nil {
		return 0, "", fmt.Errorf("write the file: %v", err)
	}
	if err := f.Close(); err != nil {
		return 0, "", fmt.Errorf("close the file: %v", err)
	}
	return out.size, hex.EncodeToString(out.hash.Sum(nil)), nil
}

// hashed is a buffered writer that hashes what it passes on.
type hashed struct {
	to     io.Writer
	hash   hash.Hash
	buffer []byte
	size   int64
}

// Write keeps or passes on p.
func (h *hashed) Write(p []byte) (int, error) {
	if len(h.buffer)+len(p) > cap(h.buffer) {
		if err := h.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) >= cap(h.buffer) {
		return len(p), h.pass(p)
	}
	h.buffer = append(h.buffer, p...)
	return len(p), nil
}

func (h *hashed) flush() error {
	err := h.pass(h.buffer)
	h.buffer = h.buffer[:0]
	return err
}

func (h *hashed) pass(p []byte) error {
	h.hash.Write(p)
	h.size += int64(len(p))
	_, err := h.to.Write(p)
	return err
}
