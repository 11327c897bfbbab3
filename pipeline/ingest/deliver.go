package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// BatchRows is how many records one object of accepted usage holds at most; a
// Delivery with little memory makes smaller ones.
const BatchRows = 1 << 19

// MaxRejectedRows is how many faulty rows one delivery may leave in the log.
// Beyond it the delivery is refused: something is wrong with all of it.
const MaxRejectedRows = 10_000

// Source is where files come from and how they are to be read.
type Source struct {
	Name       string
	Format     Format
	Snapshot   bool // each delivery of a period replaces the one before
	RowRejects bool // keep faulty rows apart instead of refusing the file
	Final      bool // the operator says that a snapshot is final
}

// wrongKind refuses a report in a source of events, where the next refresh of
// it would be charged on top, and a usage file in a source of snapshots.
func (s Source) wrongKind(name string, sum Summary) *schema.Problem {
	switch {
	case sum.Kind == Snapshot && !s.Snapshot:
		return &schema.Problem{File: name, Reason: "is a Cost and Usage Report, of which each delivery replaces the one before",
			Hint: "give its source kind: snapshot in the configuration"}
	case sum.Kind == Events && s.Snapshot:
		return &schema.Problem{File: name, Reason: "is no Cost and Usage Report, and its source takes nothing else",
			Hint: "give its source kind: events in the configuration"}
	}
	return nil
}

// Known is what the usage log says before a delivery.
type Known struct {
	Accepted func(sha256 string) bool
	Settled  func(sha256 string) bool // refused, and then waived or made good
	Runs     []string                 // runs of the id index
	Rejects  []schema.Reject          // outstanding rejects of the source
	// Snapshots are the deliveries of the source that count, one per period.
	Snapshots map[string]KnownSnapshot
}

// KnownSnapshot is the delivery that counts for a period of a snapshot source.
type KnownSnapshot struct {
	Final   bool
	Files   []string // SHA-256, sorted
	Batches []string // SHA-256, sorted
}

// Outcome is what became of a set of files. Nothing of it counts before its
// record is in the log.
type Outcome struct {
	Files    []schema.DeliveredFile // taken in, in the order of delivery
	Known    []string               // names of files whose bytes were taken in before
	Growing  []string               // names of files that changed while they were read: left for later
	Refused  []Refusal
	Batches  []schema.UsageBatch
	Periods  map[string]Part // of a snapshot: what belongs to which period
	IDs      []string
	Rejects  []schema.Reject
	Rejected string // name of the object that keeps the rejects with their text, empty when there are none
	Resolves []string
	LeftOut  schema.LeftOut
}

// Part is the share of one period in a snapshot delivery.
type Part struct {
	Final   bool
	Same    bool // the usage is that of the snapshot before, though the files are others
	Files   []schema.DeliveredFile
	Batches []schema.UsageBatch
	LeftOut schema.LeftOut
	Rejects []schema.Reject // of these files; their text is in Outcome.Rejected
}

// Refusal is a file that was not accepted.
type Refusal struct {
	File     schema.DeliveredFile
	Problems schema.Problems
	Object   string // name of the object that keeps every faulty row, empty when there is none
}

// Delivery takes in files of one source.
type Delivery struct {
	Store      store.Store
	TempDir    string
	Source     Source
	Limits     Limits
	Generation int64                         // of the usage log that it is decided from; enters every name
	Progress   func(file string, rows int64) // called now and then; may be nil
	Workers    int                           // batches worked on at once beside the reading; 0: one per processor
	Memory     int64                         // bytes to make do with; 0: 1 GiB
}

// Prepare reads the files, in the given order, and writes everything that an
// INGEST record will name. It may be repeated: equal files and log give equal
// objects.
func (d *Delivery) Prepare(ctx context.Context, files []Input, known Known) (*Outcome, error) {
	out := &Outcome{LeftOut: schema.LeftOut{}, Periods: map[string]Part{}}
	fresh, err := d.fresh(ctx, files, known, out)
	if err != nil {
		return nil, err
	}
	// A fault that shows only after part of its file went into a batch makes
	// the whole attempt start again without that file.
	for {
		a := newAttempt(d, out, known)
		failed, err := a.run(ctx, fresh)
		if err == nil && len(failed) == 0 && !(d.Source.Snapshot && len(out.Growing) > 0) {
			out, err = a.finish(ctx)
		}
		a.removeTemps()
		switch {
		case err != nil:
			return nil, err
		case d.Source.Snapshot && len(out.Growing) > 0:
			return &Outcome{Known: out.Known, Growing: out.Growing}, nil
		case len(failed) == 0:
			return out, nil
		}
		fresh = slices.DeleteFunc(fresh, func(f hashedInput) bool { return failed[f.sum] })
	}
}

// fresh returns the files that are to be read. Files of events are, when their
// bytes are new. A snapshot is one thing: when one file of it is new or gone all
// of it is read, and while one is being written none is.
func (d *Delivery) fresh(ctx context.Context, files []Input, known Known, out *Outcome) ([]hashedInput, error) {
	var fresh []hashedInput
	hashes := d.hashAll(ctx, files)
	for i, in := range files {
		sum, size, err := hashes[i].sum, hashes[i].size, hashes[i].err
		if err != nil {
			return nil, err
		}
		twice := slices.ContainsFunc(fresh, func(f hashedInput) bool { return f.sum == sum })
		switch {
		case in.Size >= 0 && size != in.Size:
			out.Growing = append(out.Growing, in.Name)
		case twice, known.Settled(sum), !d.Source.Snapshot && known.Accepted(sum):
			out.Known = append(out.Known, in.Name)
		default:
			fresh = append(fresh, hashedInput{in, sum})
		}
	}
	switch {
	case d.Source.Snapshot && len(out.Growing) > 0:
		return nil, nil
	case d.Source.Snapshot && known.covers(fresh, d.Source.Final):
		for _, f := range fresh {
			out.Known = append(out.Known, f.Name)
		}
		return nil, nil
	}
	return fresh, nil
}

// covers tells whether files are exactly those of snapshots that count already,
// and final where they are to be.
func (k Known) covers(files []hashedInput, final bool) bool {
	covered := map[string]bool{}
	for _, s := range k.Snapshots {
		delivered := 0
		for _, sum := range s.Files {
			if slices.ContainsFunc(files, func(f hashedInput) bool { return f.sum == sum }) {
				delivered++
				covered[sum] = true
			}
		}
		if delivered > 0 && (delivered < len(s.Files) || final && !s.Final) {
			return false
		}
	}
	return len(covered) == len(files)
}

type hashedInput struct {
	Input
	sum string
}

type inputHash struct {
	sum  string
	size int64
	err  error
}

// hashAll hashes the files, as many at once as there are workers.
func (d *Delivery) hashAll(ctx context.Context, files []Input) []inputHash {
	hashes := make([]inputHash, len(files))
	_ = store.InParallel(d.space().workers, len(files), func(i int) error { // each has its own error
		h := &hashes[i]
		h.sum, h.size, h.err = hashInput(ctx, files[i])
		return nil
	})
	return hashes
}

func hashInput(ctx context.Context, in Input) (sum string, size int64, err error) {
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	r, err := in.Open()
	if err != nil {
		return "", 0, fmt.Errorf("open %s: %w", in.Name, err)
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, r)
	if err != nil {
		return "", 0, fmt.Errorf("read %s: %w", in.Name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// RejectID names a reject for people: the first 12 hex digits of a hash over
// source, file content and line, so that the same fault has the same name.
func RejectID(source, fileSHA256 string, line int64) string {
	h := hashFields(source, fileSHA256, fmt.Sprint(line))
	return hex.EncodeToString(h[:6])
}

// problemsOf takes the problems out of what Read returned, or passes on an
// error that is not about the data.
func problemsOf(err error) (schema.Problems, error) {
	var one *schema.Problem
	var byValue schema.Problem
	var many schema.Problems
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &one):
		return schema.Problems{*one}, nil
	case errors.As(err, &byValue):
		return schema.Problems{byValue}, nil
	case errors.As(err, &many):
		return many, nil
	}
	return nil, err
}
