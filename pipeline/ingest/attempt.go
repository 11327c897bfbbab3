package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// attempt is one pass over the files of a delivery.
type attempt struct {
	d     *Delivery
	out   *Outcome
	known Known

	usage   *batch.Usage
	files   []schema.DeliveredFile
	sums    []Summary
	batches []fileBatch
	rejects []schema.Reject
	kept    []rejectedRow // with their text, for the rejected object
	runs    [][]byte      // id runs of this attempt
	failed  map[string]bool
	refused []Refusal
}

type fileBatch struct {
	schema.UsageBatch
	file int // the only file of a snapshot batch
}

// rejectedRow is a line of the rejected object: the reject and the row as it
// stood in its file.
type rejectedRow struct {
	schema.Reject `json:",inline"`
	Original      string `json:"original"`
}

func newAttempt(d *Delivery, out *Outcome, known Known) *attempt {
	return &attempt{d: d, out: out, known: known, usage: batch.NewUsage(), failed: map[string]bool{}}
}

// run reads every file. It returns the files to leave out of the next attempt;
// none when this attempt stands.
func (a *attempt) run(ctx context.Context, files []hashedInput) (map[string]bool, error) {
	for _, f := range files {
		if err := a.file(ctx, f); err != nil {
			return nil, err
		}
		if a.d.Source.Snapshot || a.usage.Len() >= BatchRows {
			if err := a.flush(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := a.flush(ctx); err != nil {
		return nil, err
	}
	a.out.Refused = append(a.out.Refused, a.refused...)
	return a.failed, nil
}

// file reads one file into the current batch. A faulty file makes the attempt
// void: its rows may be in a batch already.
func (a *attempt) file(ctx context.Context, f hashedInput) error {
	index := len(a.files)
	a.files = append(a.files, schema.DeliveredFile{Name: f.Name, SHA256: f.sum})
	r := fileReader{a: a, index: uint32(index), in: f}
	sum, err := readInto(ctx, f.Input, a.options(), func(rec *schema.Record) error { return r.emit(ctx, rec) },
		func(g *batch.Group) error { return r.emitGroup(ctx, g) }, r.reject)
	problems, err := problemsOf(err)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	a.sums = append(a.sums, sum)
	if len(problems) == 0 && hex.EncodeToString(sum.SHA256[:]) != f.sum {
		a.out.Growing = append(a.out.Growing, f.Name)
		a.failed[f.sum] = true
		return nil
	}
	a.describe(index, sum)
	if !a.d.Source.RowRejects || len(a.rejects)+len(r.rows) > MaxRejectedRows {
		for _, row := range r.rows {
			problems = append(problems, row.Problem)
		}
	}
	if len(problems) > 0 {
		return a.refuse(ctx, f, index, problems, r.rows)
	}
	a.keepRejects(r.rows)
	return nil
}

func (a *attempt) options() Options {
	return Options{Source: a.d.Source.Name, Format: a.d.Source.Format, Limits: a.d.Limits, KeepRows: true}
}

func (a *attempt) describe(index int, sum Summary) {
	f := &a.files[index]
	f.Bytes, f.Format, f.Read, f.Rejected = sum.Bytes, sum.Format.String(), sum.Read, sum.Rejected
	for _, n := range sum.LeftOut {
		f.Read -= n // rows of a CUR that are no usage are counted apart
	}
}

// refuse takes a file out again and keeps what was wrong with it.
func (a *attempt) refuse(ctx context.Context, f hashedInput, index int, problems schema.Problems, rows []rejectedRow) error {
	file := a.files[index]
	file.Rejected, file.Accepted = file.Read, 0
	refusal := Refusal{File: file, Problems: problems}
	var err error
	if refusal.Object, err = a.storeRejected(ctx, rows); err != nil {
		return err
	}
	a.refused = append(a.refused, refusal)
	a.failed[f.sum] = true
	return nil
}

func (a *attempt) keepRejects(rows []rejectedRow) {
	for _, row := range rows {
		a.rejects = append(a.rejects, row.Reject)
		a.kept = append(a.kept, row)
	}
}

// fileReader collects the rows of one file.
type fileReader struct {
	a     *attempt
	index uint32
	in    hashedInput
	rows  []rejectedRow
}

func (r *fileReader) emit(ctx context.Context, rec *schema.Record) error {
	rec.File = r.index
	r.a.usage.Append(rec)
	n := r.a.usage.Len()
	if n&0xffff == 0 && r.a.d.Progress != nil {
		r.a.d.Progress(r.in.Name, rec.Line)
	}
	if n < BatchRows {
		return nil
	}
	return r.a.flush(ctx)
}

func (r *fileReader) emitGroup(ctx context.Context, g *batch.Group) error {
	g.File = r.index
	r.a.usage.AppendGroup(g)
	if r.a.d.Progress != nil {
		r.a.d.Progress(r.in.Name, g.FirstLine+int64(g.Len()))
	}
	if r.a.usage.Len() < BatchRows {
		return nil
	}
	return r.a.flush(ctx)
}

func (r *fileReader) reject(rej Rejected) error {
	row := rejectedRow{Original: string(rej.Original)}
	row.Reject = schema.Reject{ID: RejectID(r.a.d.Source.Name, r.in.sum, rej.Problem.Line), Problem: rej.Problem, Account: rej.Account}
	if rej.HasStart {
		row.Reject.Start = rej.Start
	}
	if rej.RecordID != "" {
		h := HashID([]byte(rej.Source), []byte(rej.RecordID))
		row.Reject.IDHash = hex.EncodeToString(h[:])
	}
	r.rows = append(r.rows, row)
	return nil
}

// flush judges the current batch by the id index and writes what is fresh.
func (a *attempt) flush(ctx context.Context) error {
	u := a.usage
	if u.Len() == 0 {
		return nil
	}
	ids := identities(u)
	fates, err := judge(ids, u.Len(), a.idRuns(ctx))
	if err != nil {
		return err
	}
	keep := make([]bool, u.Len())
	for i, fate := range fates {
		a.count(u, i, fate)
		keep[i] = fate == fresh
	}
	if run := encodeRun(ids, fates); len(run) > 0 {
		a.runs = append(a.runs, run)
		if len(a.failed) == 0 {
			if err := a.write(ctx, u.Sorted(keep)); err != nil {
				return err
			}
		}
	}
	u.Reset()
	return nil
}

func (a *attempt) idRuns(ctx context.Context) []idRun {
	var runs []idRun
	if !a.d.Source.Snapshot {
		for _, hash := range a.known.Runs {
			runs = append(runs, storedRun(ctx, a.d.Store, hash))
		}
	}
	for _, run := range a.runs {
		runs = append(runs, memoryRun(run))
	}
	return runs
}

func (a *attempt) count(u *batch.Usage, i int, fate fate) {
	f := &a.files[u.File[i]]
	switch fate {
	case fresh:
		f.Accepted++
	case duplicate:
		f.Duplicate++
	case conflict:
		f.Rejected++
		a.conflict(u, i, f)
	}
}

// conflict turns a row whose id is taken by other content into a reject: the
// first stays, the second waits for a person.
func (a *attempt) conflict(u *batch.Usage, i int, f *schema.DeliveredFile) {
	id := HashID([]byte(u.Sources.Value(u.Source[i])), u.IDs.At(i))
	rej := schema.Reject{
		ID:       RejectID(a.d.Source.Name, f.SHA256, u.Line[i]),
		IDHash:   hex.EncodeToString(id[:]),
		Account:  u.Dims.Heads.Value(u.Head[i]).Account,
		Start:    u.Start[i],
		Conflict: true,
		Problem: schema.Problem{File: f.Name, Line: u.Line[i], Field: schema.FieldRecordID, Value: schema.Shorten(string(u.IDs.At(i))),
			Reason: "was delivered before with other content; the first stays",
			Hint:   "give the record an id of its own at the meter, or waive it"},
	}
	if a.d.Source.RowRejects {
		a.rejects = append(a.rejects, rej)
		a.kept = append(a.kept, rejectedRow{Reject: rej})
		return
	}
	if !a.failed[f.SHA256] {
		a.failed[f.SHA256] = true
		a.refused = append(a.refused, Refusal{File: *f})
	}
	at := slices.IndexFunc(a.refused, func(r Refusal) bool { return r.File.SHA256 == f.SHA256 })
	if p := &a.refused[at].Problems; len(*p) < MaxRejectedRows {
		*p = append(*p, rej.Problem)
	}
}

func (a *attempt) write(ctx context.Context, u *batch.Usage) error {
	first, last := u.Hour(0), u.Hour(0)
	for i := range u.Len() {
		first, last = min(first, u.Hour(i)), max(last, u.Hour(i))
	}
	sum, size, err := a.d.storeFile(ctx, store.UsageBatch, func(w io.Writer) error { return spool.WriteUsage(w, u) })
	if err != nil {
		return err
	}
	a.batches = append(a.batches, fileBatch{file: int(u.File[0]), UsageBatch: schema.UsageBatch{
		SHA256: sum, Generation: a.d.Generation, Bytes: size, Rows: int64(u.Len()), FirstHour: first, LastHour: last}})
	return nil
}

// storeFile writes an object through a temporary file, names it by its content
// and the generation, and reads it back.
func (d *Delivery) storeFile(ctx context.Context, key func(string) string, fill func(io.Writer) error) (sum string, size int64, err error) {
	f, err := os.CreateTemp(d.TempDir, "batch-*")
	if err != nil {
		return "", 0, fmt.Errorf("temporary file: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	if err := fill(io.MultiWriter(f, h)); err != nil {
		return "", 0, err
	}
	if size, err = f.Seek(0, io.SeekCurrent); err != nil {
		return "", 0, fmt.Errorf("temporary file: %w", err)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	name := key(schema.ObjectName(sum, d.Generation))
	if err := store.CreateSettled(ctx, d.Store, name, store.FileBody(f.Name(), size)); err != nil {
		return "", 0, err
	}
	gotSize, got, err := store.ReadBack(ctx, d.Store, name)
	if err == nil && (gotSize != size || !bytes.Equal(got[:], h.Sum(nil))) {
		err = fmt.Errorf("%s: reads back with other bytes than were written; check the store", name)
	}
	return sum, size, err
}

func (a *attempt) storeRejected(ctx context.Context, rows []rejectedRow) (string, error) {
	if len(rows) == 0 {
		return "", nil
	}
	sum, _, err := a.d.storeFile(ctx, store.UsageRejected, func(w io.Writer) error {
		for _, row := range rows {
			line, err := json.Marshal(row, json.Deterministic(true))
			if err != nil {
				return fmt.Errorf("rejected row: %v", err)
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	return schema.ObjectName(sum, a.d.Generation), err
}

// finish stores the id run and gathers the outcome.
func (a *attempt) finish(ctx context.Context) (*Outcome, error) {
	out := a.out
	out.Files = a.files
	out.Rejects = a.rejects
	var err error
	if out.Rejected, err = a.storeRejected(ctx, a.kept); err != nil {
		return nil, err
	}
	for _, b := range a.batches {
		out.Batches = append(out.Batches, b.UsageBatch)
	}
	for _, s := range a.sums {
		for k, n := range s.LeftOut {
			out.LeftOut[k] += n
		}
	}
	if a.d.Source.Snapshot {
		a.byPeriod()
		return out, nil
	}
	run := mergeRuns(a.runs)
	if len(run) == 0 {
		return out, nil
	}
	out.Resolves = resolves(a.known.Rejects, run)
	sum, _, err := a.d.storeFile(ctx, store.UsageIDs, func(w io.Writer) error {
		_, err := w.Write(run)
		return err
	})
	out.IDs = []string{schema.ObjectName(sum, a.d.Generation)}
	return out, err
}

// byPeriod deals a snapshot delivery out to its periods.
func (a *attempt) byPeriod() {
	for i, f := range a.files {
		s := a.sums[i]
		part, seen := a.out.Periods[s.Period.Name]
		part.Final = (part.Final || !seen) && (s.Final || a.d.Source.Final)
		part.Files = append(part.Files, f)
		for _, b := range a.batches {
			if b.file == i {
				part.Batches = append(part.Batches, b.UsageBatch)
			}
		}
		if part.LeftOut == nil {
			part.LeftOut = schema.LeftOut{}
		}
		for k, n := range s.LeftOut {
			part.LeftOut[k] += n
		}
		for _, r := range a.rejects {
			if r.Problem.File == f.Name {
				part.Rejects = append(part.Rejects, r)
			}
		}
		a.out.Periods[s.Period.Name] = part
	}
}
