package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Values of Verified.Recomputed.
const (
	recomputedBytes  = "bytes"
	recomputedTotals = "totals"
)

// runObjects reads what the CLOSE names, and adds its totals up.
func (v *verifier) runObjects() error {
	run := v.month.Close.Run
	by := "the CLOSE of " + v.per.Name
	var objects []period.Object
	objects = append(objects, run.Inputs...)
	for _, b := range run.Bills {
		objects = append(objects, b.Bill)
	}
	for _, o := range objects {
		if _, err := v.object(o, by); err != nil {
			return err
		}
	}
	// Charges are read in recompute, which can tell the row.
	at := store.Slot(store.PeriodLog(v.issuer.ID, v.per.Name), v.month.CloseAt.Slot)
	if rec := run.Records; rec.Accepted != rec.Charged+rec.Suspense+rec.Waived || rec.Suspense != 0 {
		v.find(at, 0, "of %d records accepted %d are charged, %d in suspense, %d waived: they must add up, with none in suspense",
			rec.Accepted, rec.Charged, rec.Suspense, rec.Waived)
	}
	sums := map[string]money.Cost{}
	for _, c := range run.Charges {
		sum, err := money.Add(sums[c.Payer], c.Unblended)
		if err != nil {
			v.find(at, 0, "charges of payer %s: %v", c.Payer, err)
		}
		sums[c.Payer] = sum
	}
	for _, b := range run.Bills {
		if sums[b.Payer] != b.Total {
			v.find(at, 0, "charges of payer %s sum to %s, its bill to %s", b.Payer, sums[b.Payer], b.Total)
		}
	}
	return nil
}

// recompute runs the close again, over the pinned inputs and the usage up to its
// slot, and compares charges and bills byte by byte where the rules are still
// the same, else by their totals.
func (v *verifier) recompute() error {
	run := v.month.Close.Run
	if len(v.out.Findings) > 0 {
		return v.chargesOnly() // its inputs may be what is damaged
	}
	q, at, err := v.replica()
	if err != nil {
		return err
	}
	closed, err := q.closesOf(v.ctx, at)
	if err != nil {
		return err
	}
	late, err := q.lateOf(v.ctx, at.usage, closed)
	if err != nil {
		return err
	}
	r, err := q.compute(v.ctx, at, history{late, closed}, true)
	if err != nil {
		return v.unusable(err)
	}
	defer r.close()
	v.out.Recomputed = recomputedTotals
	if run.Rules == rate.RulesVersion {
		v.out.Recomputed = recomputedBytes
	}
	return v.compareRun(q, r)
}

// unusable turns a failure to compute into a finding, unless the store failed.
func (v *verifier) unusable(err error) error {
	if storeFailed(err) || v.ctx.Err() != nil {
		return err
	}
	v.find(store.PeriodLog(v.issuer.ID, v.per.Name), 0, "cannot be computed again: %v", err)
	return v.chargesOnly()
}

// replica is the pipeline as it was at the close, over a store that keeps what it
// writes to itself.
func (v *verifier) replica() (*Pipeline, *place, error) {
	run := v.month.Close.Run
	q := *v.p
	q.Store, q.TempDir, q.Exports = newScratch(v.p.Store, v.dir), v.dir, nil
	var err error
	if q.Organization, q.Offers, q.Prices, err = q.pinned(v.ctx, run); err != nil {
		return nil, nil, err
	}
	issuer, err := issuerOfRun(q.Organization, run)
	if err != nil {
		return nil, nil, err
	}
	at := &place{issuer: issuer, period: run.Period, month: v.month, usage: &period.Usage{Slot: -1}}
	if run.UsageSlot >= 0 {
		at.usage, err = period.FoldUsage(v.usage, run.UsageSlot)
	}
	return &q, at, err
}

// closesOf returns the closes of the periods before, in order.
func (p *Pipeline) closesOf(ctx context.Context, at *place) ([]period.Run, error) {
	zone, err := at.issuer.Location()
	if err != nil || len(at.usage.Batches) == 0 {
		return nil, err
	}
	var closed []period.Run
	for per := schema.PeriodAt(firstHour(at.usage).Time(), zone); per.Start.Before(at.period.Start); per = per.Next(zone) {
		m, err := p.month(ctx, at.issuer.ID, per)
		if err != nil {
			return nil, err
		}
		if m.Close != nil {
			closed = append(closed, m.Close.Run)
		}
	}
	return closed, nil
}

// chargesOnly compares the files of charges with the CLOSE when nothing could be
// computed again.
func (v *verifier) chargesOnly() error {
	for _, c := range v.month.Close.Run.Charges {
		if _, err := v.object(c.Object, "the CLOSE of "+v.per.Name); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compareRun(q *Pipeline, r *result) error {
	run := v.month.Close.Run
	at := store.Slot(store.PeriodLog(v.issuer.ID, v.per.Name), v.month.CloseAt.Slot)
	if run.Records != r.run.Records {
		v.find(at, 0, "says records %+v, computed again they are %+v", run.Records, r.run.Records)
	}
	again := map[string]period.Charges{}
	for _, c := range r.run.Charges {
		again[fileOf(c.Key)] = c
	}
	for _, c := range run.Charges {
		want, ok := again[fileOf(c.Key)]
		delete(again, fileOf(c.Key))
		if !ok {
			v.find(c.Key, 0, "is named by the CLOSE of %s, and computed again there is no such file", v.per.Name)
			continue
		}
		if err := v.compareCharges(q, c, want); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(again)) {
		v.find(at, 0, "computed again there are charges %s, which the CLOSE does not name", name)
	}
	bills := map[string]period.BillTotal{}
	for _, b := range r.run.Bills {
		bills[b.Payer] = b
	}
	for _, b := range run.Bills {
		want := bills[b.Payer]
		if b.Total != want.Total || b.Rows != want.Rows || run.Rules == r.run.Rules && b.Bill.SHA256 != want.Bill.SHA256 {
			v.find(b.Bill.Key, 0, "says %s in %d charges, computed again it is %s in %d", b.Total, b.Rows, want.Total, want.Rows)
		}
	}
	return nil
}

// fileOf is the key of an object without its run.
func fileOf(key string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(key, "run/"), "/")
	return rest
}

func (v *verifier) compareCharges(q *Pipeline, c, want period.Charges) error {
	same := c.SHA256 == want.SHA256 || v.out.Recomputed == recomputedTotals
	if !same || c.Rows != want.Rows || c.Unblended != want.Unblended || c.List != want.List || c.Blended != want.Blended {
		v.find(c.Key, 0, "the CLOSE says %d rows and %s, computed again it is %d rows and %s, or other bytes", c.Rows, c.Unblended, want.Rows, want.Unblended)
	}
	before := len(v.out.Findings)
	if sound, err := v.object(c.Object, "the CLOSE of "+v.per.Name); err != nil || sound || len(v.out.Findings) == before {
		return err
	}
	if row := v.firstOtherRow(q, c.Key, want.Key); row > 0 {
		v.out.Findings[len(v.out.Findings)-1].Line = row
	}
	return nil
}

// firstOtherRow returns the first row in which two files of charges differ, or 0
// when that cannot be told.
func (v *verifier) firstOtherRow(q *Pipeline, damaged, sound string) int64 {
	want, err := v.rowHashes(q, sound)
	if err != nil {
		return 0
	}
	got, err := v.rowHashes(q, damaged)
	if err != nil {
		return 0
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return int64(i) + 1
		}
	}
	if len(got) > len(want) {
		return int64(len(want)) + 1
	}
	return 0
}

// rowHashes hashes every row of a file of charges. A damaged file may do anything
// to its reader.
func (v *verifier) rowHashes(q *Pipeline, key string) (hashes []uint64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: cannot be read: %v", key, r)
		}
	}()
	f, err := store.Fetch(v.ctx, q.Store, key, v.dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dims, prices, terms := batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms()
	err = spool.ReadCharges(v.ctx, f, &batch.Owner{}, dims, prices, terms, func(c *batch.Charges) error {
		for i := range c.Len() {
			h := fnv.New64a()
			fmt.Fprint(h, dims.Heads.Value(c.Head[i]), dims.Resources.Value(c.Resource[i]), dims.Tails.Value(c.Tail[i]),
				prices.Value(c.Price[i]), terms.Value(c.Term[i]), c.Hour[i], c.Amount[i], c.List[i], c.Unblended[i], c.Blended[i],
				c.Net[i], c.Effective[i], c.Upfront[i])
			hashes = append(hashes, h.Sum64())
		}
		return nil
	})
	return hashes, err
}

// firstOtherLine returns the first line in which two texts differ, or 0.
func firstOtherLine(got, want []byte) int64 {
	a, b := bufio.NewScanner(bytes.NewReader(got)), bufio.NewScanner(bytes.NewReader(want))
	a.Buffer(nil, len(got)+1)
	b.Buffer(nil, len(want)+1)
	for line := int64(1); ; line++ {
		moreA, moreB := a.Scan(), b.Scan()
		if moreA != moreB || !bytes.Equal(a.Bytes(), b.Bytes()) {
			return line
		}
		if !moreA {
			return 0
		}
	}
}
