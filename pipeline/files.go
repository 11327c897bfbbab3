package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// chargeFiles stores charges of one payer and day, or month, in files of at most
// ChargeRows rows.
type chargeFiles struct {
	p     *Pipeline
	ctx   context.Context
	r     *result
	dir   string
	payer schema.Payer
	day   schema.Date
	key   func(chunk int) string

	encoder *spool.ChargesWriter // may have written files over the same dictionaries

	part    report.Amounts // of the current file
	file    *os.File
	hash    hash.Hash
	writer  *chargesWriter
	current period.Charges
	chunks  int
}

// store writes what a source emits, and lets see have it with its sums. What was
// stored stands in the run.
func (m *chargeFiles) store(source chargeSource, see func(*batch.Charges, report.Amounts) error) error {
	err := source(func(c *batch.Charges) error {
		for from := 0; from < c.Len(); {
			if err := m.open(); err != nil {
				return err
			}
			to := min(c.Len(), from+int(ChargeRows-m.current.Rows))
			if err := m.append(c.Slice(from, to), see); err != nil {
				return err
			}
			from = to
		}
		return nil
	})
	if err != nil {
		m.abandon()
		return err
	}
	return m.finish()
}

func (m *chargeFiles) open() error {
	if m.writer != nil {
		return nil
	}
	f, err := os.CreateTemp(m.dir, "charges-*")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	m.file, m.hash = f, sha256.New()
	m.current, m.part = period.Charges{Payer: m.payer.AccountID, Day: m.day}, report.Amounts{}
	m.writer, err = startCharges(m.encoder, io.MultiWriter(f, m.hash))
	return err
}

func (m *chargeFiles) append(c *batch.Charges, see func(*batch.Charges, report.Amounts) error) error {
	m.writer.write(c)
	amounts, err := report.AmountsOf(c)
	if err == nil {
		err = see(c, amounts)
	}
	if err == nil {
		err = m.part.Add(amounts)
	}
	if err != nil {
		return err
	}
	m.current.Rows += int64(c.Len())
	m.r.written += int64(c.Len())
	m.p.progress("write "+m.r.run.Period.Name, m.r.written, m.r.run.Records.Charged)
	if m.current.Rows == ChargeRows {
		return m.finish()
	}
	return nil
}

// abandon ends the current file after a failure; its folder is removed later.
func (m *chargeFiles) abandon() {
	if m.writer != nil {
		m.writer.close()
		m.file.Close()
	}
}

// finish stores the current file and reads it back.
func (m *chargeFiles) finish() error {
	if m.writer == nil {
		return nil
	}
	defer os.Remove(m.file.Name())
	defer m.file.Close()
	writer := m.writer
	m.writer = nil
	if err := writer.close(); err != nil {
		return err
	}
	m.chunks++
	m.current.List, m.current.Unblended, m.current.Blended = m.part.List, m.part.Unblended, m.part.Blended
	size, err := m.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	m.current.Object = period.Object{Key: m.key(m.chunks), Bytes: size, SHA256: hex.EncodeToString(m.hash.Sum(nil))}
	if err := m.p.createChecked(m.ctx, m.current.Object, store.FileBody(m.file.Name(), size)); err != nil {
		return err
	}
	m.r.run.Charges = append(m.r.run.Charges, m.current)
	return nil
}
