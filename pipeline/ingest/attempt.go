package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

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

	usage    *batch.Usage
	spare    *batch.Usage // its memory is used for the next batch
	underWay *chunk

	files    []schema.DeliveredFile
	sums     []Summary
	batches  []fileBatch
	rejects  []schema.Reject
	kept     []rejectedRow     // with their text, for the rejected object
	bad      map[string]uint32 // by the id hash of a reject: its file
	good     map[string]bool   // id hashes that a later file made good
	runs     []string          // files of the ids of this attempt, a run each
	resolved []string          // ids of rejects of the log that it makes good
	clashes  map[uint32]*clash // by file
	failed   map[string]bool
	refused  []Refusal
}

// clash is why a file is refused though each of its rows is good: other content
// under an id that is taken.
type clash struct {
	log    schema.Problems // by a record of the log
	within schema.Problems // by a record of this delivery, in a file that may be refused itself
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
	return &attempt{d: d, out: out, known: known, usage: batch.NewUsage(), spare: batch.NewUsage(), bad: map[string]uint32{}, good: map[string]bool{},
		clashes: map[uint32]*clash{}, failed: map[string]bool{}}
}

// run reads every file. It returns the files to leave out of the next attempt;
// none when this attempt stands.
func (a *attempt) run(ctx context.Context, files []hashedInput) (map[string]bool, error) {
	err := a.read(ctx, files)
	// Also after a failure nothing may go on in the background.
	if settleErr := a.settle(); err == nil {
		err = settleErr
	}
	if err != nil {
		return nil, err
	}
	a.refuseClashes()
	a.out.Refused = append(a.out.Refused, a.refused...)
	return a.failed, nil
}

// refuseClashes refuses the files that clash with the log. Of those that clash
// within the delivery the first alone is refused, in an attempt that stands so
// far: the others may clash only with what is refused now.
func (a *attempt) refuseClashes() {
	void := len(a.failed) > 0
	files := slices.Sorted(maps.Keys(a.clashes))
	for _, i := range files {
		if c := a.clashes[i]; len(c.log) > 0 {
			a.refuseClash(i, c.log)
			void = true
		}
	}
	if !void && len(files) > 0 {
		a.refuseClash(files[0], a.clashes[files[0]].within)
	}
}

func (a *attempt) refuseClash(index uint32, problems schema.Problems) {
	f := a.files[index]
	if a.failed[f.SHA256] {
		return
	}
	a.failed[f.SHA256] = true
	a.refused = append(a.refused, Refusal{File: refusedFile(f), Problems: problems})
}

// refusedFile counts all rows of a file as rejected.
func refusedFile(f schema.DeliveredFile) schema.DeliveredFile {
	f.Accepted, f.Duplicate, f.Rejected = 0, 0, f.Read
	return f
}

func (a *attempt) read(ctx context.Context, files []hashedInput) error {
	for _, f := range files {
		if err := a.file(ctx, f); err != nil {
			return err
		}
		if a.d.Source.Snapshot || a.usage.Len() >= BatchRows {
			if err := a.flush(ctx); err != nil {
				return err
			}
		}
	}
	return a.flush(ctx)
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
	if !a.d.Source.RowRejects || len(a.rejects)+len(r.rows) > MaxRejectedRows {
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
	return Options{Source: a.d.Source.Name, Format: a.d.Source.Format, Limits: a.d.Limits, KeepRows: true}
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
		if row.IDHash != "" {
			a.bad[row.IDHash] = file
		}
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

// conflict turns a row whose id is taken by other content into a reject: the
// first stays, the second waits for a person.
func (a *attempt) conflict(u *batch.Usage, i int, f *schema.DeliveredFile, fate fate) {
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
	if a.d.Source.RowRejects && len(a.rejects) < MaxRejectedRows {
		a.rejects = append(a.rejects, rej)
		a.kept = append(a.kept, rejectedRow{Reject: rej})
		return
	}
	c := a.clashes[u.File[i]]
	if c == nil {
		c = &clash{}
		a.clashes[u.File[i]] = c
	}
	problems := &c.within
	if fate == taken {
		problems = &c.log
	}
	if len(*problems) < MaxRejectedRows {
		*problems = append(*problems, rej.Problem)
	}
}

func (a *attempt) write(ctx context.Context, u *batch.Usage) (*fileBatch, error) {
	first, last := u.Hour(0), u.Hour(0)
	for i := range u.Len() {
		first, last = min(first, u.Hour(i)), max(last, u.Hour(i))
	}
	file := u.File[0]
	if a.d.Source.Snapshot {
		a.numberInPeriod(u)
	}
	sum, size, err := a.d.storeFile(ctx, store.UsageBatch, func(w io.Writer) error { return spool.WriteUsage(w, u) })
	return &fileBatch{file: int(file), UsageBatch: schema.UsageBatch{
		SHA256: sum, Generation: a.d.Generation, Bytes: size, Rows: int64(u.Len()), FirstHour: first, LastHour: last}}, err
}

// numberInPeriod gives the rows of a snapshot's file its number among the files
// of its period, as its record will list them.
func (a *attempt) numberInPeriod(u *batch.Usage) {
	file := u.File[0]
	// Of a file that is still being read the summary has no period yet.
	name := schema.PeriodAt(u.Hour(0).Time(), time.UTC).Name
	if int(file) < len(a.sums) {
		name = a.sums[file].Period.Name
	}
	number := uint32(0)
	for _, s := range a.sums[:min(int(file), len(a.sums))] {
		if s.Period.Name == name {
			number++
		}
	}
	for i := range u.File {
		u.File[i] = number
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

// finish stores the id run and gathers the outcome.
func (a *attempt) finish(ctx context.Context) (*Outcome, error) {
	out := a.out
	out.Files = a.files
	a.rejects = slices.DeleteFunc(a.rejects, func(r schema.Reject) bool { return !r.Conflict && a.good[r.IDHash] })
	out.Rejects = a.rejects
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
	out.Resolves = a.resolved
	out.IDs, err = a.storeRuns(ctx)
	return out, err
}
