package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// Finding is one damage: which object, where in it if that can be told, and what
// is wrong.
type Finding struct {
	Object string `json:"object"`
	Line   int64  `json:"line,omitzero"` // line of a text, row of a Parquet file, counted from 1; 0 when unknown
	What   string `json:"what"`
}

// String renders the finding on one line.
func (f Finding) String() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", f.Object, f.Line, f.What)
	}
	return f.Object + ": " + f.What
}

// Verified is what a closed month was found to be.
type Verified struct {
	Issuer     string    `json:"issuer"`
	Period     string    `json:"period"`
	Findings   []Finding `json:"findings"`   // sorted by object; empty for a sound month
	Orphans    []string  `json:"orphans"`    // objects that nothing names: no damage, the collector's work
	Objects    int       `json:"objects"`    // read and compared
	Bytes      int64     `json:"bytes"`      // of these
	Recomputed string    `json:"recomputed"` // bytes, totals where the rules have changed since, or no
}

// ErrNotClosed: the period has no CLOSE, so there is nothing to verify.
var ErrNotClosed = errors.New("the period is not closed")

// Verify recomputes a closed month from the bucket alone and compares. It reads
// every object that the month's records name, checks the chains of the usage
// log, the month's log and the series, and looks into the reports for rows of
// other accounts. It writes nothing. An error means that it could not look; what
// it finds is in the result.
func (p *Pipeline) Verify(ctx context.Context, issuerID, name string) (*Verified, error) {
	issuer, err := p.issuer(issuerID)
	if err != nil {
		return nil, err
	}
	per, err := periodOf(issuer, name)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(p.TempDir, "verify-*")
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	v := &verifier{p: p, ctx: ctx, issuer: issuer, per: per, dir: dir, checked: map[string]bool{}, named: map[string]bool{},
		out: &Verified{Issuer: issuer.ID, Period: per.Name, Recomputed: "no"}}
	if err := v.run(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(v.out.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Object, b.Object), cmp.Compare(a.Line, b.Line))
	})
	return v.out, nil
}

type verifier struct {
	p      *Pipeline
	ctx    context.Context
	issuer schema.Issuer
	per    schema.Period
	dir    string
	out    *Verified

	usage   []period.Entry
	month   *period.Month
	issued  *numbers
	checked map[string]bool // objects by key: sound or not
	named   map[string]bool // run-ids and keys below usage/
}

func (v *verifier) find(object string, line int64, format string, args ...any) {
	v.out.Findings = append(v.out.Findings, Finding{object, line, fmt.Sprintf(format, args...)})
}

func (v *verifier) run() error {
	logs := []func() error{v.usageLog, v.monthLog}
	for _, step := range logs {
		if err := step(); err != nil {
			return err
		}
	}
	if v.month.Close == nil {
		if len(v.out.Findings) > 0 {
			return nil // its CLOSE may be what is damaged
		}
		return fmt.Errorf("%w: %s of issuer %s", ErrNotClosed, v.per.Name, v.issuer.ID)
	}
	for _, step := range []func() error{v.series, v.usageObjects, v.runObjects, v.recompute, v.copies, v.orphans} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// log reads a log as far as it is a chain, and reports where it is not. Objects
// that lie in a log and are no record of it are damage too.
func (v *verifier) log(name string) ([]period.Entry, error) {
	log := period.Log{Store: v.p.Store, Name: name}
	var entries []period.Entry
	broken := false
	for {
		slot := store.Slot(name, int64(len(entries)))
		next, err := log.Next(v.ctx, entries)
		if errors.Is(err, period.ErrDamaged) {
			v.find(slot, 0, "%s", strings.TrimPrefix(err.Error(), slot+": "))
			broken = true
			break
		}
		if err != nil {
			return nil, err
		}
		if next == nil {
			break
		}
		v.count(int64(len(next.Body)))
		entries = append(entries, *next)
	}
	end := store.Slot(name, int64(len(entries)))
	err := v.p.list(v.ctx, name+"/", func(info store.Info) {
		switch {
		case info.Key < end, broken && len(info.Key) == len(end):
		case len(info.Key) == len(end) && info.Key > end:
			v.find(end, 0, "the record is missing: %s stands behind it", info.Key)
			broken = true
		default:
			v.find(info.Key, 0, "lies in a log and is no record of it")
		}
	})
	return entries, err
}

func (v *verifier) count(bytes int64) {
	v.out.Objects++
	v.out.Bytes += bytes
}

func (v *verifier) usageLog() (err error) {
	v.usage, err = v.log(store.UsageLog())
	return err
}

func (v *verifier) monthLog() error {
	name := store.PeriodLog(v.issuer.ID, v.per.Name)
	entries, err := v.log(name)
	if err != nil {
		return err
	}
	if v.month, err = period.FoldMonth(entries); err != nil {
		v.find(name, 0, "%v", err)
		v.month = &period.Month{}
		return nil
	}
	closed, published := false, false
	for _, e := range entries {
		slot := store.Slot(name, e.Slot)
		switch e.Kind {
		case period.KindRefresh:
			if closed {
				v.find(slot, 0, "a REFRESH after the CLOSE")
			}
		case period.KindClose:
			closed = true
		case period.KindPublish:
			if published || !closed {
				v.find(slot, 0, "a second PUBLISH, or one before the CLOSE")
			}
			published = true
		}
	}
	return nil
}

// series checks the numbers: 1 to N without gap, and this month's to its close.
func (v *verifier) series() error {
	name := store.Series(v.issuer.ID, invoiceSeries)
	entries, err := v.log(name)
	if err != nil {
		return err
	}
	next, periods := int64(1), map[string]bool{}
	var last schema.Date
	for _, e := range entries {
		slot := store.Slot(name, e.Slot)
		var body period.Issue
		if err := e.Decode(&body); err != nil {
			v.find(slot, 0, "%v", err)
			continue
		}
		if body.First != next {
			v.find(slot, 0, "numbers begin at %d, expected %d: the series has a gap or repeats", body.First, next)
		}
		if periods[body.Period] {
			v.find(slot, 0, "%s was given numbers twice", body.Period)
		}
		if body.InvoiceDate.String() < last.String() && !last.IsZero() {
			v.find(slot, 0, "invoice date %s is before %s, the one before it", body.InvoiceDate, last)
		}
		next, periods[body.Period], last = body.First+int64(len(body.Payers)), true, body.InvoiceDate
		if body.Period != v.per.Name {
			continue
		}
		if body.Close != v.month.CloseAt.Hash {
			v.find(slot, 0, "the numbers of %s were given to another CLOSE than the one in its log", body.Period)
		}
		v.issued = numbersOf(v.issuer, &body, e.Hash)
	}
	if pub := v.month.Publish; pub != nil && (v.issued == nil || v.issued.hash != pub.Issue) {
		v.find(name, 0, "the ISSUE record that PUBLISH of %s names is missing or changed", v.per.Name)
	}
	return nil
}

// object compares an object with its size and hash in a record. It tells whether
// it is sound.
func (v *verifier) object(o period.Object, by string) (bool, error) {
	if sound, done := v.checked[o.Key]; done {
		return sound, nil
	}
	size, sum, err := store.ReadBack(v.ctx, v.p.Store, o.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	v.count(size)
	sound := false
	switch {
	case err != nil:
		v.find(o.Key, 0, "is missing; %s names it", by)
	case o.Bytes >= 0 && size != o.Bytes:
		v.find(o.Key, 0, "has %d bytes, %s says %d", size, by, o.Bytes)
	case fmt.Sprintf("%x", sum) != o.SHA256:
		v.find(o.Key, 0, "has other bytes than %s says", by)
	default:
		sound = true
	}
	v.checked[o.Key] = sound
	return sound, nil
}

// usageObjects reads what the usage log names up to the slot of the CLOSE.
func (v *verifier) usageObjects() error {
	run := v.month.Close.Run
	if run.UsageSlot >= int64(len(v.usage)) {
		v.find(store.Slot(store.UsageLog(), int64(len(v.usage))), 0, "the record is missing: the CLOSE of %s covers slot %d", v.per.Name, run.UsageSlot)
	} else if run.UsageSlot >= 0 && v.usage[run.UsageSlot].Hash != run.UsageHash {
		v.find(store.Slot(store.UsageLog(), run.UsageSlot), 0, "is not the record that the CLOSE of %s covers", v.per.Name)
	}
	for _, e := range v.usage {
		if e.Slot > run.UsageSlot {
			break
		}
		by := store.Slot(store.UsageLog(), e.Slot)
		objects, err := objectsOfUsage(e)
		if err != nil {
			v.find(by, 0, "%v", err)
		}
		for _, o := range objects {
			if _, err := v.object(o, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// objectsOfUsage lists the objects below usage/ that a record names. Where the
// record holds no size, it is below 0.
func objectsOfUsage(e period.Entry) ([]period.Object, error) {
	var objects []period.Object
	switch e.Kind {
	case period.KindIngest:
		var body period.Ingest
		if err := e.Decode(&body); err != nil {
			return nil, err
		}
		for _, b := range body.Batches {
			objects = append(objects, period.Object{Key: store.UsageBatch(b.Name()), Bytes: b.Bytes, SHA256: b.SHA256})
		}
		for _, name := range body.IDs {
			objects = append(objects, period.Object{Key: store.UsageIDs(name), Bytes: -1, SHA256: hashPart(name)})
		}
		if body.Rejected != "" {
			objects = append(objects, period.Object{Key: store.UsageRejected(body.Rejected), Bytes: -1, SHA256: hashPart(body.Rejected)})
		}
	case period.KindMerge:
		var body period.Merge
		if err := e.Decode(&body); err != nil {
			return nil, err
		}
		objects = append(objects, period.Object{Key: store.UsageIDs(body.Add), Bytes: -1, SHA256: hashPart(body.Add)})
	case period.KindReject:
		var body period.Rejected
		if err := e.Decode(&body); err != nil {
			return nil, err
		}
		if body.Object != "" {
			objects = append(objects, period.Object{Key: store.UsageRejected(body.Object), Bytes: -1, SHA256: hashPart(body.Object)})
		}
	}
	return objects, nil
}

// hashPart takes the hash out of an object's name, see schema.ObjectName.
func hashPart(name string) string {
	hash, _, _ := strings.Cut(name, "-")
	return hash
}

// orphans lists what nothing names below usage/, and of this period below run/.
func (v *verifier) orphans() error {
	named, _, err := usageNames(v.usage)
	if err != nil {
		v.find(store.UsageLog(), 0, "%v", err)
		return nil
	}
	runs, err := runNames(v.month.Entries)
	if err != nil {
		return nil // the month's log was judged before
	}
	if err := v.p.list(v.ctx, "usage/", func(info store.Info) {
		if !named[info.Key] {
			v.out.Orphans = append(v.out.Orphans, info.Key)
		}
	}); err != nil {
		return err
	}
	mine := store.PeriodLog(v.issuer.ID, v.per.Name)
	return v.p.list(v.ctx, "run/", func(info store.Info) {
		run, log, ok := store.RunOf(info.Key)
		_, known := v.checked[info.Key]
		if (!ok || log == mine) && !known && (!runs.runs[run] || v.month.Close != nil) {
			v.out.Orphans = append(v.out.Orphans, info.Key)
		}
	})
}
