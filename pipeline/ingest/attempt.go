package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// attempt is one pass over the files of a delivery.
type attempt struct {
	d     *Delivery
	out   *Outcome
	known Known
	space space

	dims     *batch.Dims
	sources  *batch.Table[string]
	current  *chunk   // that is filled
	underWay []*chunk // the oldest first
	idle     []*chunk
	desks    []*desk         // that no chunk uses
	judged   <-chan struct{} // closed when the chunk before has been judged
	filter   *idFilter       // belongs to the chunk whose turn it is

	files     []schema.DeliveredFile
	sums      []Summary
	batches   []fileBatch
	kept      []rejectedRow // by the order of files and lines, once the attempt stands
	conflicts []foundConflict
	bad       map[idHash]uint32 // rejects of this delivery: the first file that has one under this id
	good      map[string]bool   // id hashes that a later file made good
	waiting   map[idHash]bool   // rejects of the log
	resolved  map[string]bool   // id hashes of those that it makes good
	runs      []string          // files of the ids of this attempt, a run each
	stored    []string          // what they are in the index
	asides    []*aside
	temps     []string
	clashes   map[uint32]*clash // by file
	failed    map[string]bool
	refused   []Refusal
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
	file          uint32
}

func newAttempt(d *Delivery, out *Outcome, known Known) *attempt {
	a := &attempt{d: d, out: out, known: known, space: d.space(),
		dims: batch.NewDims(), sources: batch.NewTable[string](), bad: map[idHash]uint32{}, good: map[string]bool{},
		waiting: map[idHash]bool{}, resolved: map[string]bool{}, clashes: map[uint32]*clash{}, failed: map[string]bool{}}
	a.current, a.filter = a.idleChunk(), newFilter(a.space.filter)
	for _, r := range known.Rejects {
		if hash, ok := hashOfReject(r); ok && !r.Conflict {
			a.waiting[hash] = true
		}
	}
	return a
}

func hashOfReject(r schema.Reject) (h idHash, ok bool) {
	if len(r.IDHash) != 2*len(h) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(r.IDHash))
	return h, err == nil
}

// run reads every file. It returns the files to leave out of the next attempt;
// none when this attempt stands.
func (a *attempt) run(ctx context.Context, files []hashedInput) (map[string]bool, error) {
	// Also after a failure nothing may go on in the background.
	defer func() {
		for _, c := range a.underWay {
			c.wait()
			a.temps = append(a.temps, c.temps...)
		}
		a.underWay = nil
	}()
	err := a.read(ctx, files)
	if settleErr := a.settleAll(); err == nil {
		err = settleErr
	}
	if err == nil {
		err = a.conclude(ctx)
	}
	if err != nil {
		return nil, err
	}
	a.placeConflicts()
	a.refuseClashes()
	a.out.Refused = append(a.out.Refused, a.refused...)
	return a.failed, nil
}

// conclude resolves what is doubtful. Beside that it stores the ids of all
// chunks, unless the attempt is void already.
func (a *attempt) conclude(ctx context.Context) error {
	runs := a.runs
	if len(a.failed)+len(a.clashes) > 0 {
		return a.resolve(ctx)
	}
	var stored error
	wait := background(func() { stored = a.storeRuns(ctx, runs) })
	err := a.resolve(ctx)
	wait()
	if err == nil {
		err = stored
	}
	if err == nil && len(a.failed)+len(a.clashes) == 0 {
		err = a.storeRuns(ctx, a.runs[len(runs):])
	}
	return err
}

// refusedFile counts all rows of a file as rejected.
func refusedFile(f schema.DeliveredFile) schema.DeliveredFile {
	f.Accepted, f.Duplicate, f.Rejected = 0, 0, f.Read
	return f
}

func (a *attempt) read(ctx context.Context, files []hashedInput) error {
	ahead := a.startAhead(ctx, files)
	defer ahead.stop()
	for i, f := range files {
		if err := a.file(ctx, f, ahead.take(ctx, i)); err != nil {
			return err
		}
		if a.d.Source.Snapshot || a.current.usage.Len() >= a.space.rows {
			if err := a.flush(ctx, false); err != nil {
				return err
			}
		}
	}
	return a.flush(ctx, true)
}

// file reads one file into the current batch, if it was not read ahead. A faulty
// file makes the attempt void: its rows may be in a batch already.
func (a *attempt) file(ctx context.Context, f hashedInput, ahead *smallRead) error {
	index := len(a.files)
	a.files = append(a.files, schema.DeliveredFile{Name: f.Name, SHA256: f.sum})
	r := fileReader{a: a, index: uint32(index), in: f}
	sum, err := r.read(ctx, ahead)
	problems, err := problemsOf(err)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	a.sums = append(a.sums, sum)
	changed, err := changedSince(ctx, f, sum, len(problems) > 0)
	if err != nil {
		return err
	}
	if changed {
		a.out.Growing = append(a.out.Growing, f.Name)
		a.failed[f.sum] = true
		return nil
	}
	a.describe(index, sum)
	if wrong := a.d.Source.wrongKind(f.Name, sum); wrong != nil && len(problems) == 0 {
		problems = schema.Problems{*wrong}
	}
	if !a.d.Source.RowRejects || len(a.kept)+len(r.rows) > MaxRejectedRows {
		for _, row := range r.rows {
			problems = append(problems, row.Problem)
		}
	}
	if len(problems) > 0 {
		return a.refuse(ctx, f, index, problems, r.rows)
	}
	a.keepRejects(uint32(index), r.rows)
	return nil
}

// changedSince tells whether a file is not what was hashed before it was read. One
// with a fault has no hash from reading, so it is hashed again: half a row at
// its end is no fault of a file that is still being written.
func changedSince(ctx context.Context, f hashedInput, sum Summary, faulty bool) (bool, error) {
	if !faulty {
		return hex.EncodeToString(sum.SHA256[:]) != f.sum, nil
	}
	now, _, err := hashInput(ctx, f.Input)
	return now != f.sum, err
}

func (a *attempt) options() Options {
	return Options{Source: a.d.Source.Name, Format: a.d.Source.Format, Limits: a.d.Limits, KeepRows: true, groupRows: min(sliceRows, a.space.rows/4)}
}

func (a *attempt) describe(index int, sum Summary) {
	f := &a.files[index]
	f.Bytes, f.Format, f.Read = sum.Bytes, sum.Format.String(), sum.Read
	f.Rejected += sum.Rejected // conflicts may have been counted already
	for _, n := range sum.LeftOut {
		f.Read -= n // rows of a CUR that are no usage are counted apart
	}
}

// refuse takes a file out again and keeps what was wrong with it.
func (a *attempt) refuse(ctx context.Context, f hashedInput, index int, problems schema.Problems, rows []rejectedRow) error {
	refusal := Refusal{File: refusedFile(a.files[index]), Problems: problems}
	var err error
	if refusal.Object, err = a.storeRejected(ctx, rows); err != nil {
		return err
	}
	a.refused = append(a.refused, refusal)
	a.failed[f.sum] = true
	return nil
}

func (a *attempt) keepRejects(file uint32, rows []rejectedRow) {
	for _, row := range rows {
		if hash, ok := hashOfReject(row.Reject); ok {
			if _, known := a.bad[hash]; !known {
				a.bad[hash] = file
			}
		}
		row.file = file
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

func (r *fileReader) read(ctx context.Context, ahead *smallRead) (Summary, error) {
	if ahead != nil {
		return ahead.sum, r.emitGroup(ctx, ahead.group)
	}
	return ReadGroups(ctx, r.in.Input, r.a.options(), func(rec *schema.Record) error { return r.emit(ctx, rec) },
		func(g *batch.Group) error { return r.emitGroup(ctx, g) }, r.reject)
}

func (r *fileReader) emit(ctx context.Context, rec *schema.Record) error {
	rec.File = r.index
	usage := r.a.current.usage
	usage.Append(rec)
	if rec.Line&0xffff == 0 && r.a.d.Progress != nil {
		r.a.d.Progress(r.in.Name, rec.Line)
	}
	if usage.Len() < r.a.space.rows {
		return nil
	}
	return r.a.flush(ctx, false)
}

func (r *fileReader) emitGroup(ctx context.Context, g *batch.Group) error {
	g.File = r.index
	if r.a.current.usage.Len()+g.Len() > r.a.space.rows {
		if err := r.a.flush(ctx, false); err != nil {
			return err
		}
	}
	r.a.current.usage.AppendGroup(g)
	if r.a.d.Progress != nil {
		r.a.d.Progress(r.in.Name, g.FirstLine+int64(g.Len()))
	}
	return nil
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

func (a *attempt) count(u *batch.Usage, i int, fate fate) {
	f := &a.files[u.File[i]]
	switch fate {
	case fresh:
		f.Accepted++
	case duplicate:
		f.Duplicate++
	case conflict, taken:
		f.Rejected++
		a.conflict(u, i, f, fate)
	}
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

// finish stores the rejected rows and gathers the outcome.
func (a *attempt) finish(ctx context.Context) (*Outcome, error) {
	out := a.out
	out.Files = a.files
	for _, row := range a.kept {
		if row.Conflict || !a.good[row.IDHash] {
			out.Rejects = append(out.Rejects, row.Reject)
		}
	}
	var err error
	if out.Rejected, err = a.storeRejected(ctx, a.kept); err != nil {
		return nil, err
	}
	for _, b := range a.batches {
		out.Batches = append(out.Batches, b.UsageBatch)
	}
	if a.d.Source.Snapshot {
		a.byPeriod()
		a.leaveKnown()
		return out, nil
	}
	for _, s := range a.sums {
		for k, n := range s.LeftOut {
			out.LeftOut[k] += n
		}
	}
	for _, r := range a.known.Rejects {
		if !r.Conflict && a.resolved[r.IDHash] {
			out.Resolves = append(out.Resolves, r.ID)
		}
	}
	out.IDs = a.stored
	return out, nil
}
