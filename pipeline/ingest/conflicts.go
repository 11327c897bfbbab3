package ingest

import (
	"cmp"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// clash is why a file is refused though each of its rows is good: other content
// under an id that is taken.
type clash struct {
	log    schema.Problems // by a record of the log
	within schema.Problems // by a record of this delivery, in a file that may be refused itself
}

// foundConflict is a conflict of which the end of the attempt tells whether it
// can be set aside as a row.
type foundConflict struct {
	reject schema.Reject
	file   uint32
	fate   fate
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
	found := foundConflict{rej, u.File[i], fate}
	if a.d.Source.RowRejects && len(a.conflicts) < MaxRejectedRows {
		a.conflicts = append(a.conflicts, found)
		return
	}
	a.clash(found)
}

// placeConflicts sets conflicts aside as rows, as far as there is room beside
// the faulty rows; the others clash.
func (a *attempt) placeConflicts() {
	room := MaxRejectedRows - len(a.kept)
	for i, c := range a.conflicts {
		if i < room {
			a.kept = append(a.kept, rejectedRow{Reject: c.reject, file: c.file})
		} else {
			a.clash(c)
		}
	}
	slices.SortStableFunc(a.kept, func(x, y rejectedRow) int {
		return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.Problem.Line, y.Problem.Line))
	})
}

func (a *attempt) clash(found foundConflict) {
	c := a.clashes[found.file]
	if c == nil {
		c = &clash{}
		a.clashes[found.file] = c
	}
	problems := &c.within
	if found.fate == taken {
		problems = &c.log
	}
	if len(*problems) < MaxRejectedRows {
		*problems = append(*problems, found.reject.Problem)
	}
}
