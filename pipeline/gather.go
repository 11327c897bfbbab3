package pipeline

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// gathering is the usage of one period, placed and spilled payer by payer,
// ready to be rated once the dictionaries are complete.
type gathering struct {
	in       rate.Input
	dims     *batch.Dims
	places   *rate.Classifier
	totals   *rate.Totals
	spills   map[int32]*spillFile
	suspense map[suspenseKey]*Suspense
	records  period.Records
	waived   map[string]int64
	dir      string
	trace    bool
	lanes    *lanes // nil: everything lies in the lane of the month
}

type spillFile struct {
	file *os.File
	runs *rollup.Spill
}

type suspenseKey struct {
	verdict    rate.Verdict
	head, tail uint32
}

// Suspense is a group of accepted records that cannot be rated. It blocks the
// close until prices, organization or data resolve it, or a person waives it.
type Suspense struct {
	ID        string      `json:"id"`
	Reason    string      `json:"reason"`
	Hint      string      `json:"hint"`
	Account   string      `json:"usage_account_id"`
	Service   string      `json:"service_code"`
	UsageType string      `json:"usage_type"`
	Operation string      `json:"operation"`
	Region    string      `json:"region_code"`
	Unit      string      `json:"unit"`
	Records   int64       `json:"records"`
	Waived    int64       `json:"waived"`
	Amount    money.Usage `json:"usage_amount"`
	Example   string      `json:"example,omitempty"` // file, line and record id of the first
}

// gather reads the batches and places every record. Dictionaries grow; they may
// be shared with other gatherings.
func (p *Pipeline) gather(ctx context.Context, in rate.Input, dims *batch.Dims, u *period.Usage, batches []period.SlotBatch, dir string, trace bool) (*gathering, error) {
	g := newGathering(in, dims, u, dir)
	g.trace = trace
	return p.fill(ctx, g, batches)
}

func newGathering(in rate.Input, dims *batch.Dims, u *period.Usage, dir string) *gathering {
	return &gathering{in: in, dims: dims, places: rate.NewClassifier(in, dims), totals: rate.NewTotals(in, dims),
		spills: map[int32]*spillFile{}, suspense: map[suspenseKey]*Suspense{},
		waived: u.Waived, dir: dir}
}

// fill reads the batches into a gathering, which is closed when that fails.
func (p *Pipeline) fill(ctx context.Context, g *gathering, batches []period.SlotBatch) (*gathering, error) {
	var done, all int64
	for _, b := range batches {
		all += b.Rows
	}
	err := p.decode(ctx, batches, g.trace, g.dims,
		func(b period.SlotBatch, u *batch.Usage) error { return g.add(u, b) },
		func(b period.SlotBatch) error {
			done += b.Rows
			p.progress("rate "+g.in.Period.Name, done, all)
			return g.endRuns()
		})
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// endRuns closes the sorted run of each payer: a batch is sorted.
func (g *gathering) endRuns() error {
	if g.lanes != nil {
		return g.lanes.empty(g.spills)
	}
	for _, s := range g.spills {
		if err := s.runs.EndRun(monthLane); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) add(u *batch.Usage, b period.SlotBatch) error {
	for i := range u.Len() {
		at := g.places.Classify(u.Head[i], u.Tail[i], u.Start[i], u.End[i])
		if at.Verdict == rate.Foreign {
			continue
		}
		g.records.Accepted++
		var err error
		if at.Verdict == rate.Charge {
			g.records.Charged++
			err = g.spill(u, i, at)
		} else {
			err = g.suspend(u, i, at.Verdict, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) spill(u *batch.Usage, i int, at rate.Placed) error {
	s, err := g.spillOf(at.Payer)
	if err != nil {
		return err
	}
	if err := g.totals.Add(at.Payer, at.SKU, u.Head[i], u.Tail[i], u.Hour(i), u.Amount[i]); err != nil {
		return err
	}
	row := rollup.Row{Head: u.Head[i], Resource: u.Resource[i], Hour: u.Hour(i),
		Tail: g.places.WithUnit(u.Tail[i], at), Amount: u.Amount[i], Cost: u.Cost[i]}
	if g.lanes == nil {
		return s.runs.Append(row)
	}
	lane := monthLane
	if !g.totals.DependsOnMonth(at.SKU) {
		lane = dayLane(row.Hour)
	}
	if g.lanes.add(at.Payer, lane, row) {
		return g.lanes.empty(g.spills)
	}
	return nil
}

// spillOf returns the spill file of a payer, a new one when it has none yet.
func (g *gathering) spillOf(payer int32) (*spillFile, error) {
	if s := g.spills[payer]; s != nil {
		return s, nil
	}
	f, err := os.CreateTemp(g.dir, "spill-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	s := &spillFile{f, rollup.NewSpill(f)}
	g.spills[payer] = s
	return s, nil
}

func (g *gathering) suspend(u *batch.Usage, i int, verdict rate.Verdict, b period.SlotBatch) error {
	key := suspenseKey{verdict, u.Head[i], u.Tail[i]}
	s := g.suspense[key]
	if s == nil {
		s = g.newSuspense(key)
		if g.trace {
			s.Example = fmt.Sprintf("%s:%d record_id %s", b.Files[u.File[i]].Name, u.Line[i], u.IDs.At(i))
		}
		g.suspense[key] = s
	}
	if slot, ok := g.waived[s.ID]; ok && b.Slot < slot {
		s.Waived++
		g.records.Waived++
		return nil
	}
	s.Records++
	g.records.Suspense++
	var err error
	if s.Amount, err = money.Add(s.Amount, u.Amount[i]); err != nil {
		return fmt.Errorf("usage in suspense of account %s, usage type %s: %w", s.Account, s.UsageType, err)
	}
	return nil
}

func (g *gathering) newSuspense(key suspenseKey) *Suspense {
	h, t := g.dims.Heads.Value(key.head), g.dims.Tails.Value(key.tail)
	s := &Suspense{Reason: key.verdict.Reason(), Hint: key.verdict.Hint(), Account: h.Account, Service: h.Service,
		UsageType: h.UsageType, Operation: h.Operation, Region: t.Region, Unit: t.Unit}
	sum := hexSum([]byte(strings.Join([]string{g.in.Period.Name, s.Reason, s.Account, s.Service, s.UsageType,
		s.Operation, s.Region, s.Unit, t.Currency}, "\x00")))
	s.ID = sum[:12]
	return s
}

// suspended lists the groups that still wait, by id. Entries of several tag
// sets share a group.
func (g *gathering) suspended() []Suspense {
	byID := map[string]Suspense{}
	for _, s := range g.suspense {
		sum, seen := byID[s.ID]
		if !seen {
			sum = *s
			sum.Records, sum.Waived, sum.Amount = 0, 0, money.Usage{}
		}
		sum.Records += s.Records
		sum.Waived += s.Waived
		if s.Example != "" && (sum.Example == "" || s.Example < sum.Example) {
			sum.Example = s.Example
		}
		if amount, err := money.Add(sum.Amount, s.Amount); err == nil {
			sum.Amount = amount
		}
		byID[s.ID] = sum
	}
	var list []Suspense
	for _, s := range byID {
		if s.Records > 0 {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Suspense) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// close removes the temporary files.
func (g *gathering) close() {
	for _, s := range g.spills {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// batchesOf returns the batches that may hold usage of a period, from slots up
// to and including one; a negative slot means all.
func batchesOf(u *period.Usage, per schema.Period, upTo int64) []period.SlotBatch {
	first, last := schema.HourOf(per.Start.UnixNano()), schema.HourOf(per.End.UnixNano()-1)
	var list []period.SlotBatch
	for _, b := range u.Batches {
		if b.LastHour >= first && b.FirstHour <= last && (upTo < 0 || b.Slot <= upTo) {
			list = append(list, b)
		}
	}
	return list
}
