package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// filesPerRecord bounds how many files one INGEST record names, so that the
// record stays one small PUT.
const filesPerRecord = 10_000

// Ingested is what a delivery came to, for people and scripts.
type Ingested struct {
	Source  string                 `json:"source"`
	Files   []schema.DeliveredFile `json:"files"`
	Known   []string               `json:"known,omitempty"`   // delivered before, byte for byte
	Growing []string               `json:"growing,omitempty"` // changed while they were read
	Refused []ingest.Refusal       `json:"refused,omitempty"`
	Rejects []schema.Reject        `json:"rejects,omitempty"`
	LeftOut schema.LeftOut         `json:"left_out,omitempty"`
	Slots   []int64                `json:"slots"` // log records written
}

// Totals sums the files of a delivery: read = accepted + duplicate + rejected.
func (i *Ingested) Totals() (read, accepted, duplicate, rejected int64) {
	for _, f := range i.Files {
		read, accepted, duplicate, rejected = read+f.Read, accepted+f.Accepted, duplicate+f.Duplicate, rejected+f.Rejected
	}
	for _, r := range i.Refused {
		read, rejected = read+r.File.Read, rejected+r.File.Read
	}
	return read, accepted, duplicate, rejected
}

// Ingest takes in files of one source, in the given order. What is known
// already is passed over, so it may be run any number of times.
func (p *Pipeline) Ingest(ctx context.Context, source ingest.Source, files []ingest.Input) (*Ingested, error) {
	total := &Ingested{Source: source.Name, LeftOut: schema.LeftOut{}}
	// A snapshot's files are one delivery; events may come in parts.
	step := filesPerRecord
	if source.Snapshot {
		step = len(files)
	}
	for part := range slices.Chunk(files, max(step, 1)) {
		if err := p.ingestPart(ctx, source, part, total); err != nil {
			return total, err
		}
	}
	if len(total.Slots) == 0 || source.Snapshot {
		return total, nil
	}
	return total, p.mergeIDs(ctx)
}

// ingestPart reads, decides and commits until no other writer is in between.
func (p *Pipeline) ingestPart(ctx context.Context, source ingest.Source, files []ingest.Input, total *Ingested) error {
	d := &ingest.Delivery{Store: p.Store, TempDir: p.TempDir, Source: source, Limits: p.Limits, Workers: p.Workers, Memory: p.Memory,
		Progress: func(file string, rows int64) { p.progress("ingest "+file, rows, 0) }}
	for {
		entries, state, err := p.readUsage(ctx, -1)
		if err != nil {
			return err
		}
		d.Generation = state.Generation
		out, err := d.Prepare(ctx, files, knownOf(state, source.Name))
		if errors.Is(err, store.ErrNotFound) && p.collectedSince(ctx, entries) {
			continue // what was just written is gone again
		}
		if err != nil {
			return err
		}
		if err := p.refuseClosedSnapshots(ctx, out); err != nil {
			return err
		}
		slots, err := p.commitOutcome(ctx, entries, state, source, out)
		if errors.Is(err, period.ErrLost) {
			continue // decide again from scratch
		}
		if err == nil {
			total.add(out, slots)
		}
		return err
	}
}

// collectedSince tells whether garbage was collected after a prefix of the usage
// log was read.
func (p *Pipeline) collectedSince(ctx context.Context, prefix []period.Entry) bool {
	entries, err := p.usageLog().ReadOn(ctx, prefix)
	return err == nil && slices.ContainsFunc(entries[len(prefix):], func(e period.Entry) bool { return e.Kind == period.KindCollect })
}

func (i *Ingested) add(out *ingest.Outcome, slots []int64) {
	i.Files = append(i.Files, out.Files...)
	i.Known = append(i.Known, out.Known...)
	i.Growing = append(i.Growing, out.Growing...)
	i.Refused = append(i.Refused, out.Refused...)
	i.Rejects = append(i.Rejects, out.Rejects...)
	i.Slots = append(i.Slots, slots...)
	for k, n := range out.LeftOut {
		i.LeftOut[k] += n
	}
}

func knownOf(state *period.Usage, source string) ingest.Known {
	k := ingest.Known{Runs: state.IDs}
	k.Accepted = func(sum string) bool { return state.Accepted[period.FileKey(source, sum)] }
	k.Settled = func(sum string) bool {
		id := state.Refused[period.FileKey(source, sum)]
		return id != "" && !waits(state, id)
	}
	for _, r := range state.Rejects {
		if r.Source == source {
			k.Rejects = append(k.Rejects, r.Reject)
		}
	}
	k.Snapshots = map[string]ingest.KnownSnapshot{}
	for _, s := range state.Snapshots {
		if s.Source == source {
			k.Snapshots[s.Period] = ingest.KnownSnapshot{Final: s.Final, Files: s.Files, Batches: batchesInSlot(state, s.Slot)}
		}
	}
	return k
}

// waits tells whether a reject is neither made good nor waived.
func waits(state *period.Usage, id string) bool {
	return slices.ContainsFunc(state.Rejects, func(r period.SlotReject) bool { return r.ID == id })
}

// batchesInSlot returns the hashes of the batches that one record named, sorted.
func batchesInSlot(state *period.Usage, slot int64) []string {
	var sums []string
	for _, b := range state.Batches {
		if b.Slot == slot {
			sums = append(sums, b.SHA256)
		}
	}
	slices.Sort(sums)
	return sums
}

// commitOutcome appends the records of a delivery behind the prefix that it was
// decided from. A lost slot means that all of it is decided again; what was
// committed before the loss is then known and passed over.
func (p *Pipeline) commitOutcome(ctx context.Context, entries []period.Entry, state *period.Usage, source ingest.Source, out *ingest.Outcome) ([]int64, error) {
	var slots []int64
	commit := func(kind string, body any) error {
		entry, err := p.usageLog().Append(ctx, entries, p.stamp(), kind, body)
		if err == nil {
			entries = append(entries, entry)
			slots = append(slots, entry.Slot)
		}
		return err
	}
	for _, r := range out.Refused {
		if waits(state, ingest.RejectID(source.Name, r.File.SHA256, 0)) {
			continue // refused before, for all to see
		}
		if err := commit(period.KindReject, rejectedRecord(source.Name, r)); err != nil {
			return nil, err
		}
	}
	for _, body := range ingestRecords(source, out) {
		if err := commit(period.KindIngest, body); err != nil {
			return nil, err
		}
	}
	return slots, nil
}

func rejectedRecord(source string, r ingest.Refusal) period.Rejected {
	body := period.Rejected{Source: source, File: r.File, Object: r.Object, Reject: schema.Reject{
		ID: ingest.RejectID(source, r.File.SHA256, 0),
		Problem: schema.Problem{File: r.File.Name, Reason: fmt.Sprintf("was refused: %d faults", len(r.Problems)),
			Hint: "correct it and deliver it again under the same name, or waive it"}}}
	for _, problem := range r.Problems[:min(len(r.Problems), 20)] {
		body.First = append(body.First, problem.Error())
	}
	return body
}

// ingestRecords makes one record of a delivery of events, or one per period of
// a snapshot.
func ingestRecords(source ingest.Source, out *ingest.Outcome) []period.Ingest {
	if !source.Snapshot {
		if len(out.Files) == 0 {
			return nil
		}
		return []period.Ingest{{Source: source.Name, Files: out.Files, Batches: out.Batches, IDs: out.IDs,
			Rejects: out.Rejects, Rejected: out.Rejected, Resolves: out.Resolves, LeftOut: out.LeftOut}}
	}
	var names []string
	for name := range out.Periods {
		names = append(names, name)
	}
	slices.Sort(names)
	var records []period.Ingest
	for _, name := range names {
		part := out.Periods[name]
		record := period.Ingest{Source: source.Name, Files: part.Files, Batches: part.Batches,
			Rejects: part.Rejects, LeftOut: part.LeftOut, Snapshot: &period.Snapshot{Period: name, Final: part.Final}}
		if len(part.Rejects) > 0 {
			record.Rejected = out.Rejected
		}
		records = append(records, record)
	}
	return records
}

// refuseClosedSnapshots keeps a newer snapshot of a closed month out: what it
// changes is a correction, which a person must approve. One that changes nothing
// is passed over.
func (p *Pipeline) refuseClosedSnapshots(ctx context.Context, out *ingest.Outcome) error {
	for name, part := range out.Periods {
		for _, issuer := range p.Organization.Issuers {
			per, err := periodOf(issuer, name)
			if err != nil {
				return err
			}
			m, err := p.month(ctx, issuer.ID, per)
			if err != nil {
				return err
			}
			if m.Close != nil && part.Same {
				delete(out.Periods, name)
				break
			}
			if m.Close != nil {
				return fmt.Errorf("period %s of issuer %s is closed: a newer snapshot of it is not taken in; deliver what is missing as usage records", name, issuer.ID)
			}
		}
	}
	return nil
}
