package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rollup"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

var errOtherBytes = errors.New("has other bytes than when the run was made; run verify")

// fetchChecked opens an object that a record pins, after comparing its bytes.
func (p *Pipeline) fetchChecked(ctx context.Context, o period.Object) (store.File, error) {
	f, err := store.Fetch(ctx, p.Store, o.Key, p.TempDir)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	size, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size()))
	if err == nil && (size != o.Bytes || hex.EncodeToString(h.Sum(nil)) != o.SHA256) {
		err = errOtherBytes
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", o.Key, err)
	}
	return f, nil
}

// readInput reads an input of a run whole, after comparing its bytes.
func (p *Pipeline) readInput(ctx context.Context, o period.Object) ([]byte, error) {
	data, err := store.ReadAll(ctx, p.Store, o.Key, o.Bytes)
	if err == nil && hexSum(data) != o.SHA256 {
		err = fmt.Errorf("%s: %w", o.Key, errOtherBytes)
	}
	return data, err
}

// chargeTables are the dictionaries that charges are read over.
type chargeTables struct {
	dims   *batch.Dims
	prices *batch.Table[batch.Price]
	terms  *batch.Table[batch.Terms]
}

// readFile reads a file of charges.
func (p *Pipeline) readFile(ctx context.Context, c period.Charges, owner *batch.Owner, t chargeTables, fn func(*batch.Charges) error) error {
	f, err := p.fetchChecked(ctx, c.Object)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := spool.ReadCharges(ctx, f, owner, t.dims, t.prices, t.terms, fn); err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	return nil
}

// readCharges reads a payer's charges in the canonical order. An error of fn comes
// back wrapped. Segments are read one after the other into runs of codes, which
// are merged: so few of them are in memory, and values are compared once.
func (p *Pipeline) readCharges(ctx context.Context, run period.Run, owner *batch.Owner, fn func(*batch.Charges) error) error {
	parts := partsOf(run, owner.Payer)
	tables := chargeTables{batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms()}
	if len(parts) == 1 {
		return p.readPart(ctx, parts[0], owner, tables, fn)
	}
	f, err := os.CreateTemp(p.TempDir, "merge-*")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	runs := rollup.NewChargeSpill(f)
	for _, part := range parts {
		if err := p.readPart(ctx, part, owner, tables, runs.Append); err != nil {
			return err
		}
		runs.EndRun()
	}
	sorted, ranking := tables.dims.Sorted()
	tables.dims.Release()
	return runs.Merge(f, ranking, batch.NewCharges(owner, sorted, tables.prices), fn)
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

func (p *Pipeline) readPart(ctx context.Context, files []period.Charges, owner *batch.Owner, t chargeTables, fn func(*batch.Charges) error) error {
	for _, c := range files {
		if err := p.readFile(ctx, c, owner, t, fn); err != nil {
			return err
		}
	}
	return nil
}
