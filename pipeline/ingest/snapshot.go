package ingest

import (
	"maps"
	"slices"
	"time"

	"github.com/monthend/monthend/schema"
)

// byPeriod deals a snapshot delivery out to its periods. Files without rows tell
// no period and go with the newest, behind its others.
func (a *attempt) byPeriod() {
	newest := ""
	for i := range a.files {
		if name := a.sums[i].Period.Name; name != "" {
			a.toPeriod(name, i)
			newest = max(newest, name)
		}
	}
	for i, f := range a.files {
		if part, ok := a.out.Periods[newest]; ok && a.sums[i].Period.Name == "" {
			part.Files = append(part.Files, f)
			a.out.Periods[newest] = part
		}
	}
}

func (a *attempt) toPeriod(name string, file int) {
	f, s := a.files[file], a.sums[file]
	part, seen := a.out.Periods[name]
	if !seen {
		part = Part{Final: true, LeftOut: schema.LeftOut{}}
	}
	part.Final = part.Final && (s.Final || a.d.Source.Final)
	part.Files = append(part.Files, f)
	for _, b := range a.batches {
		if b.file == file {
			part.Batches = append(part.Batches, b.UsageBatch)
		}
	}
	for k, n := range s.LeftOut {
		part.LeftOut[k] += n
	}
	for _, r := range a.out.Rejects {
		if r.Problem.File == f.Name {
			part.Rejects = append(part.Rejects, r)
		}
	}
	a.out.Periods[name] = part
}

// leaveKnown takes out the periods whose snapshot is the one that counts
// already. They were read because another period of the delivery is new.
func (a *attempt) leaveKnown() {
	a.out.Files = nil
	for _, name := range slices.Sorted(maps.Keys(a.out.Periods)) {
		part := a.out.Periods[name]
		old, known := a.known.Snapshots[name]
		if known && slices.Equal(old.Files, fileSums(part.Files)) && (old.Final || !part.Final) {
			delete(a.out.Periods, name)
			for _, f := range part.Files {
				a.out.Known = append(a.out.Known, f.Name)
			}
			continue
		}
		part.Same = known && slices.Equal(old.Batches, batchSums(part.Batches)) && len(part.Rejects) == 0
		a.out.Periods[name] = part
		a.out.Files = append(a.out.Files, part.Files...)
		for k, n := range part.LeftOut {
			a.out.LeftOut[k] += n
		}
	}
}

func fileSums(files []schema.DeliveredFile) []string {
	var sums []string
	for _, f := range files {
		sums = append(sums, f.SHA256)
	}
	slices.Sort(sums)
	return sums
}

func batchSums(batches []schema.UsageBatch) []string {
	var sums []string
	for _, b := range batches {
		sums = append(sums, b.SHA256)
	}
	slices.Sort(sums)
	return sums
}

// numberInPeriod is the number of a snapshot's file among the files of its
// period, as its record will list them. Hour is one of the file's.
func (a *attempt) numberInPeriod(file uint32, hour schema.Hour) uint32 {
	// Of a file that is still being read the summary has no period yet.
	name := schema.PeriodAt(hour.Time(), time.UTC).Name
	if int(file) < len(a.sums) {
		name = a.sums[file].Period.Name
	}
	number := uint32(0)
	for _, s := range a.sums[:min(int(file), len(a.sums))] {
		if s.Period.Name == name {
			number++
		}
	}
	return number
}
