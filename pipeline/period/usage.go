package period

import (
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
)

// Kinds of records in the usage log.
const (
	KindIngest = "INGEST"
	KindReject = "REJECT"
	KindWaive  = "WAIVE"
	KindMerge  = "MERGE"
	KindMark   = "MARK"
)

// Ingest is the body of an INGEST record: what one delivery, of one or many
// files, added to the accepted usage.
type Ingest struct {
	Source   string                 `json:"source"`
	Files    []schema.DeliveredFile `json:"files"` // a row's file number is its index here
	Batches  []schema.UsageBatch    `json:"batches"`
	IDs      []string               `json:"ids,omitempty"`      // new runs of the id index, by name
	Rejects  []schema.Reject        `json:"rejects,omitempty"`  // rows that were not accepted
	Rejected string                 `json:"rejected,omitempty"` // usage/rejected/<name>: those rows with their text
	Resolves []string               `json:"resolves,omitempty"` // ids of earlier rejects that this delivery makes good
	Snapshot *Snapshot              `json:"snapshot,omitempty"`
	LeftOut  schema.LeftOut         `json:"left_out,omitempty"`
}

// Snapshot marks a delivery that replaces the earlier one of the same source
// and period, as each refresh of a CUR replaces the one before.
type Snapshot struct {
	Period string `json:"period"`
	Final  bool   `json:"final"` // every row carries an invoice id, or the operator said so
}

// Rejected is the body of a REJECT record: a file that was refused whole.
type Rejected struct {
	Source string               `json:"source"`
	File   schema.DeliveredFile `json:"file"`
	Reject schema.Reject        `json:"reject"`           // stands for the whole file
	Object string               `json:"object,omitempty"` // usage/rejected/<name>: every faulty row with its text
	First  []string             `json:"first"`            // the first problems, for people
}

// Merge is the body of a MERGE record: runs of the id index that one run of a
// higher level now stands for.
type Merge struct {
	Drop  []string `json:"drop"`
	Add   string   `json:"add"`
	Level int      `json:"level"` // of Add; runs of a delivery have level 0
}

// Waive is the body of a WAIVE record: a person's word that rejects or
// suspended records shall not be charged.
type Waive struct {
	IDs    []string `json:"ids"` // of rejects or suspense groups
	Reason string   `json:"reason"`
	By     string   `json:"by"`
}

// Mark is the body of a MARK record: the word of a source that all its usage
// before an instant has been delivered.
type Mark struct {
	Source  string    `json:"source"`
	Through time.Time `json:"through"` // exclusive
	By      string    `json:"by,omitempty"`
}

// Usage is the state that follows from a prefix of the usage log.
type Usage struct {
	Slot       int64  // last slot of the prefix, -1 when it is empty
	Hash       string // of the record in that slot
	Generation int64  // number of GC records
	Batches    []SlotBatch
	IDs        []string          // runs of the id index
	Levels     map[string]int    // of runs that were merged
	Accepted   map[string]bool   // source + "\x00" + SHA-256 of files taken in
	Refused    map[string]string // source + "\x00" + SHA-256 of refused files: id of the reject
	Rejects    []SlotReject      // neither made good nor waived
	Waived     map[string]int64  // id to the slot of the newest waiver
	Snapshots  map[string]SnapshotState
	Declared   map[string]time.Time // source to the furthest instant that it has declared complete
}

// SlotBatch is a batch and where it stands in the log.
type SlotBatch struct {
	schema.UsageBatch
	Slot   int64
	Source string
	Files  []schema.DeliveredFile
}

// SlotReject is a reject and where it stands in the log.
type SlotReject struct {
	schema.Reject `json:",inline"`
	Slot          int64  `json:"slot"`
	Source        string `json:"source"`
	File          string `json:"file"`
}

// SnapshotState is the delivery that counts for a snapshot source and period.
type SnapshotState struct {
	Source, Period string
	Slot           int64
	Final          bool
	Files          []string // SHA-256 of its files, sorted
}

// FileKey is the key of Accepted and Refused.
func FileKey(source, sha256 string) string { return source + "\x00" + sha256 }

// FoldUsage computes the state of the usage log up to and including a slot; a
// negative slot means all.
func FoldUsage(entries []Entry, upTo int64) (*Usage, error) {
	u := &Usage{Slot: -1, Levels: map[string]int{}, Accepted: map[string]bool{}, Refused: map[string]string{},
		Waived: map[string]int64{}, Snapshots: map[string]SnapshotState{}, Declared: map[string]time.Time{}}
	for _, e := range entries {
		if upTo >= 0 && e.Slot > upTo {
			break
		}
		u.Slot, u.Hash = e.Slot, e.Hash
		if err := u.apply(e); err != nil {
			return nil, err
		}
	}
	u.Rejects = slices.DeleteFunc(u.Rejects, func(r SlotReject) bool {
		slot, waived := u.Waived[r.ID]
		return waived && r.Slot < slot
	})
	return u, nil
}

func (u *Usage) apply(e Entry) error {
	switch e.Kind {
	case KindCollect:
		u.Generation++
	case KindIngest:
		var body Ingest
		if err := e.Decode(&body); err != nil {
			return err
		}
		u.ingest(e.Slot, body)
	case KindMerge:
		var body Merge
		if err := e.Decode(&body); err != nil {
			return err
		}
		u.IDs = slices.DeleteFunc(u.IDs, func(name string) bool { return slices.Contains(body.Drop, name) })
		u.IDs = append(u.IDs, body.Add)
		u.Levels[body.Add] = body.Level
	case KindReject:
		var body Rejected
		if err := e.Decode(&body); err != nil {
			return err
		}
		u.Refused[FileKey(body.Source, body.File.SHA256)] = body.Reject.ID
		u.Rejects = append(u.Rejects, SlotReject{body.Reject, e.Slot, body.Source, body.File.Name})
	case KindWaive:
		var body Waive
		if err := e.Decode(&body); err != nil {
			return err
		}
		for _, id := range body.IDs {
			u.Waived[id] = e.Slot
		}
	case KindMark:
		var body Mark
		if err := e.Decode(&body); err != nil {
			return err
		}
		if body.Through.After(u.Declared[body.Source]) {
			u.Declared[body.Source] = body.Through
		}
	}
	return nil
}

func (u *Usage) ingest(slot int64, body Ingest) {
	if body.Snapshot != nil {
		u.replaceSnapshot(slot, body)
	}
	for _, b := range body.Batches {
		u.Batches = append(u.Batches, SlotBatch{UsageBatch: b, Slot: slot, Source: body.Source, Files: body.Files})
	}
	u.IDs = append(u.IDs, body.IDs...)
	names := map[string]bool{}
	for _, f := range body.Files {
		u.Accepted[FileKey(body.Source, f.SHA256)] = true
		names[f.Name] = true
	}
	resolved := map[string]bool{}
	for _, id := range body.Resolves {
		resolved[id] = true
	}
	// A refused file is made good by a file of the same name that is taken in.
	u.Rejects = slices.DeleteFunc(u.Rejects, func(r SlotReject) bool {
		return resolved[r.ID] || r.Problem.Line == 0 && r.Source == body.Source && names[r.File]
	})
	for _, r := range body.Rejects {
		u.Rejects = append(u.Rejects, SlotReject{r, slot, body.Source, r.Problem.File})
	}
}

func (u *Usage) replaceSnapshot(slot int64, body Ingest) {
	key := FileKey(body.Source, body.Snapshot.Period)
	if old, ok := u.Snapshots[key]; ok {
		u.Batches = slices.DeleteFunc(u.Batches, func(b SlotBatch) bool { return b.Slot == old.Slot })
		u.Rejects = slices.DeleteFunc(u.Rejects, func(r SlotReject) bool { return r.Slot == old.Slot })
	}
	s := SnapshotState{Source: body.Source, Period: body.Snapshot.Period, Slot: slot, Final: body.Snapshot.Final}
	for _, f := range body.Files {
		s.Files = append(s.Files, f.SHA256)
	}
	slices.Sort(s.Files)
	u.Snapshots[key] = s
}
