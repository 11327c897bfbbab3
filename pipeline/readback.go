package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// mergeRows is how many charges of each segment are held while segments are
// merged.
const mergeRows = 1 << 13

// fetchChecked opens an object that a record pins, after comparing its bytes.
func (p *Pipeline) fetchChecked(ctx context.Context, o period.Object) (store.File, error) {
	f, err := store.Fetch(ctx, p.Store, o.Key, p.TempDir)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	size, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size()))
	if err == nil && (size != o.Bytes || hex.EncodeToString(h.Sum(nil)) != o.SHA256) {
		err = fmt.Errorf("has other bytes than when the run was made; run verify")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", o.Key, err)
	}
	return f, nil
}

// chargeTables are the dictionaries that charges are read over.
type chargeTables struct {
	dims   *batch.Dims
	prices *batch.Table[batch.Price]
	terms  *batch.Table[batch.Terms]
}

// readFile reads a file of charges, so many rows at a time.
func (p *Pipeline) readFile(ctx context.Context, c period.Charges, owner *batch.Owner, t chargeTables, rows int, fn func(*batch.Charges) error) error {
	f, err := p.fetchChecked(ctx, c.Object)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := spool.ReadChargesBy(ctx, rows, f, owner, t.dims, t.prices, t.terms, fn); err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	return nil
}

// eachCharge reads a payer's charges back from the store and sums them.
func (p *Pipeline) eachCharge(ctx context.Context, run period.Run, owner *batch.Owner, fn func(*batch.Charges) error) (report.Amounts, error) {
	var sums report.Amounts
	err := p.readCharges(ctx, run, owner, func(b *batch.Charges) error {
		sums.Rows += int64(b.Len())
		for _, s := range []struct {
			to   *money.Cost
			from []money.Cost
		}{{&sums.Unblended, b.Unblended}, {&sums.Blended, b.Blended}, {&sums.List, b.List}} {
			if err := money.Sum(s.to, s.from); err != nil {
				return err
			}
		}
		return fn(b)
	})
	return sums, err
}

// readCharges reads a payer's charges in the canonical order. An error of fn comes
// back wrapped.
func (p *Pipeline) readCharges(ctx context.Context, run period.Run, owner *batch.Owner, fn func(*batch.Charges) error) error {
	parts := partsOf(run, owner.Payer)
	tables := chargeTables{batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms()}
	if len(parts) == 1 {
		return p.readPart(ctx, parts[0], owner, tables, spool.RowGroup, fn)
	}
	m := chargeMerge{out: batch.NewCharges(owner, tables.dims, tables.prices)}
	m.out.Terms = tables.terms
	defer m.stop()
	for _, part := range parts {
		err := m.open(func(fn func(*batch.Charges) error) error {
			return p.readPart(ctx, part, owner, tables, mergeRows, fn)
		})
		if err != nil {
			return err
		}
	}
	return m.merge(fn)
}

// partsOf returns a payer's files of charges, those of each day together.
func partsOf(run period.Run, payer string) [][]period.Charges {
	var parts [][]period.Charges
	at := map[schema.Date]int{}
	for _, c := range run.Charges {
		if c.Payer != payer {
			continue
		}
		i, known := at[c.Day]
		if !known {
			i = len(parts)
			at[c.Day] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], c)
	}
	return parts
}

func (p *Pipeline) readPart(ctx context.Context, files []period.Charges, owner *batch.Owner, t chargeTables, rows int, fn func(*batch.Charges) error) error {
	for _, c := range files {
		if err := p.readFile(ctx, c, owner, t, rows, fn); err != nil {
			return err
		}
	}
	return nil
}

// chargeMerge merges sources of charges over the same dictionaries, each in the
// canonical order. The codes are in the order of reading, so rows are compared by
// value; most that meet have head and resource in common.
type chargeMerge struct {
	out     *batch.Charges
	sources []*chargeCursor // by their current row
	all     []*chargeCursor
}

type chargeCursor struct {
	next func() (*batch.Charges, error, bool)
	stop func()
	rows *batch.Charges
	at   int
}

// open adds a source, unless it is empty.
func (m *chargeMerge) open(source chargeSource) error {
	c := &chargeCursor{rows: m.out.Like()}
	c.next, c.stop = iter.Pull2(func(yield func(*batch.Charges, error) bool) {
		err := source(func(rows *batch.Charges) error {
			if !yield(rows, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	})
	m.all = append(m.all, c)
	more, err := c.advance()
	if more {
		m.place(c)
	}
	return err
}

func (m *chargeMerge) stop() {
	for _, c := range m.all {
		c.stop()
	}
}

// advance makes sure that there is a current row and tells whether there is.
func (c *chargeCursor) advance() (bool, error) {
	for c.at == c.rows.Len() {
		rows, err, more := c.next()
		if err != nil || !more {
			return false, err
		}
		c.rows, c.at = rows, 0
	}
	return true, nil
}

// place puts a source at its place among the others.
func (m *chargeMerge) place(c *chargeCursor) {
	i, _ := slices.BinarySearchFunc(m.sources, c, compareCursors)
	m.sources = slices.Insert(m.sources, i, c)
}

func compareCursors(a, b *chargeCursor) int {
	x, y, d := a.rows, b.rows, a.rows.Dims
	if h, g := x.Head[a.at], y.Head[b.at]; h != g {
		return batch.CompareHeads(d.Heads.Value(h), d.Heads.Value(g))
	}
	if r, q := x.Resource[a.at], y.Resource[b.at]; r != q {
		return strings.Compare(d.Resources.Value(r), d.Resources.Value(q))
	}
	if h, g := x.Hour[a.at], y.Hour[b.at]; h != g {
		return int(h) - int(g)
	}
	if t, u := x.Tail[a.at], y.Tail[b.at]; t != u {
		return batch.CompareTails(d.Tails.Value(t), d.Tails.Value(u))
	}
	return 0
}

// merge hands the rows of all sources on in one order.
func (m *chargeMerge) merge(fn func(*batch.Charges) error) error {
	for len(m.sources) > 0 {
		if m.out.Len() >= emitRows {
			if err := fn(m.out); err != nil {
				return err
			}
			m.out.Reset()
		}
		c := m.sources[0]
		m.out.Append(c.rows.At(c.at))
		c.at++
		more, err := c.advance()
		if err != nil {
			return err
		}
		switch {
		case !more:
			m.sources = m.sources[1:]
		case len(m.sources) > 1 && compareCursors(c, m.sources[1]) > 0:
			m.sources = m.sources[1:]
			m.place(c)
		}
	}
	if m.out.Len() == 0 {
		return nil
	}
	return fn(m.out)
}
