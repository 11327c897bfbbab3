// Package ingest turns files of usage into accepted records: it reads CSV, JSON
// lines, Parquet and Cost and Usage Reports, checks every field, and tells new
// records from duplicates and conflicts by the id index. It owns what makes a
// file or a row acceptable. It looks up no price and knows neither payers nor
// periods of issuers, so that what is accepted does not depend on them.
package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// ReaderAtCloser is random access to a file.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Input is one file as it was delivered.
type Input struct {
	Name   string                         // for messages
	Size   int64                          // bytes as delivered; below 0 when unknown
	Open   func() (io.ReadCloser, error)  // may be called several times, also at once
	OpenAt func() (ReaderAtCloser, error) // random access, asked for only by Parquet
}

// Format is how a file is written.
type Format uint8

// The formats. Auto looks at the content; CUR is a Cost and Usage Report as
// CSV or Parquet, legacy or 2.0.
const (
	Auto Format = iota
	CSV
	JSONL
	Parquet
	CUR
)

// String returns the name of the format as messages and records spell it.
func (f Format) String() string {
	return [...]string{"auto", "csv", "jsonl", "parquet", "cur"}[f]
}

// Kind tells how the records of a source replace each other.
type Kind uint8

// Events have ids unique for ever; a snapshot replaces the earlier one.
const (
	Events Kind = iota
	Snapshot
)

// String returns the name of the kind.
func (k Kind) String() string { return [...]string{"events", "snapshot"}[k] }

// Limits bounds what a file may ask of the reader. Reaching one is a fault of
// the row or of the file, never a cut value.
type Limits struct {
	MaxFileBytes   int64 // of the delivered file, and of its content once expanded
	MaxRatio       int64 // expanded bytes per delivered byte, beyond RatioSlack
	RatioSlack     int64 // expanded bytes that no ratio is asked of
	MaxLineBytes   int   // one row of CSV, one line of JSON
	MaxColumns     int   // of a CSV header or a Parquet schema
	MaxTags        int   // on one record
	MaxProblems    int64 // bad rows after which the file is given up
	MaxOriginal    int   // bytes of a bad row that are kept
	MaxFooterBytes int64 // Parquet metadata
	MaxPageBytes   int64 // one Parquet page, expanded
	MaxPageValues  int64 // values in one Parquet page
}

// DefaultLimits returns the limits that hold unless the configuration says
// otherwise.
func DefaultLimits() Limits {
	return Limits{
		MaxFileBytes:   64 << 30,
		MaxRatio:       200,
		RatioSlack:     16 << 20,
		MaxLineBytes:   1 << 20,
		MaxColumns:     2000,
		MaxTags:        schema.MaxTags,
		MaxProblems:    10_000,
		MaxOriginal:    64 << 10,
		MaxFooterBytes: 16 << 20,
		MaxPageBytes:   32 << 20,
		MaxPageValues:  2 << 20,
	}
}

// Options says how to read one file.
type Options struct {
	Source   string // for records whose file names no source
	Format   Format
	Limits   Limits // the zero value stands for DefaultLimits
	KeepRows bool   // give the original text of a bad row with its Rejected

	groupRows int // records of a group at most; 0: sliceRows
}

// Rejected is a row that cannot be taken. The fields besides Problem hold what
// could still be read of it.
type Rejected struct {
	Problem  schema.Problem
	Original []byte // the row as it stood, at most Limits.MaxOriginal bytes; a Parquet row as a JSON object
	RecordID string
	Source   string
	Account  string
	Start    int64 // nanoseconds since 1970; meaningful only when HasStart
	HasStart bool
}

// Summary is what Read counted and learned. Read = Emitted + Rejected + the sum
// of LeftOut.
type Summary struct {
	Read, Emitted, Rejected int64

	Bytes  int64             // as delivered
	SHA256 [sha256.Size]byte // of the delivered bytes; only when Read succeeds
	Format Format
	Kind   Kind

	Period  schema.Period    // of a CUR: its billing period, named by the month of its middle
	Final   bool             // of a CUR: it has rows and every row has an invoice id
	Types   map[string]int64 // of a CUR: rows by line item type
	LeftOut map[string]int64 // of a CUR: rows by line item type that are no usage to rate
}

// Read streams the records of a file to emit, in file order. A record is a
// view: its bytes hold until emit returns. A bad row goes to reject and reading
// goes on; a fault of the whole file, or what emit or reject returned, ends it.
// Faults of the file are a *schema.Problem or schema.Problems; other errors
// come from opening or reading the file.
//
// Nothing read from a file that ends in an error may be kept: a file is
// accepted whole.
func Read(ctx context.Context, in Input, opt Options, emit func(*schema.Record) error, reject func(Rejected) error) (Summary, error) {
	return ReadGroups(ctx, in, opt, emit, nil, reject)
}

// ReadGroups is Read for a caller that also takes records by the group, where a
// file has columns and all values of some rows are sound.
func ReadGroups(ctx context.Context, in Input, opt Options, emit func(*schema.Record) error, group func(*batch.Group) error, reject func(Rejected) error) (Summary, error) {
	s := newSession(ctx, in, opt)
	s.emit, s.group, s.reject = emit, group, reject
	s.build = s.buildUsage
	s.deliver = func() error { return s.emit(&s.rec) }
	err := s.run()
	return s.sum, err
}

// session is the reading of one file.
type session struct {
	ctx    context.Context
	in     Input
	opt    Options
	lim    Limits
	emit   func(*schema.Record) error
	reject func(Rejected) error
	group  func(*batch.Group) error // takes sound row groups whole; nil: none

	// build turns the row into what deliver hands on. It returns the line item
	// type of a row that is left out, or a fault.
	build   func() (leave string, f *fault)
	deliver func() error
	calling bool // a callback runs or failed: that is no fault of the file

	prices   bool // read what price derivation needs
	reserved bool // read what the derivation of reservations needs
	plan     *plan
	row      row
	rec      schema.Record
	source   []byte // opt.Source, for the hot path
	tags     tagReader
	attrs    tagReader // product attributes, for price derivation
	sum      Summary
	original func() []byte // the current row as it stands in the file
	cur      curState
	price    CURPrice
	held     CURReservation
	currency string // the last good one
}

func newSession(ctx context.Context, in Input, opt Options) *session {
	s := &session{ctx: ctx, in: in, opt: opt, lim: opt.Limits, source: []byte(opt.Source)}
	if s.lim == (Limits{}) {
		s.lim = DefaultLimits()
	}
	s.tags.max = s.lim.MaxTags
	s.original = func() []byte { return nil }
	return s
}

// derives tells whether the file is read for what it says of prices or
// reservations, not for its records.
func (s *session) derives() bool { return s.prices || s.reserved }

// run opens the file, finds out how it is written and reads it.
func (s *session) run() error {
	d, err := openDelivery(s.ctx, s.in, s.lim)
	if err != nil {
		return err
	}
	defer d.close()
	if err := s.read(d); err != nil {
		return s.translate(err, d)
	}
	s.finish()
	return nil
}

func (s *session) read(d *delivery) error {
	packing, err := d.packing()
	if err != nil {
		return err
	}
	if packing == packedParquet {
		err = s.readWholeThenParquet(d)
	} else {
		err = s.readText(d)
	}
	if err != nil {
		return err
	}
	s.sum.Bytes, s.sum.SHA256, err = d.finish()
	return err
}

func (s *session) readWholeThenParquet(d *delivery) error {
	if s.opt.Format == CSV || s.opt.Format == JSONL {
		return s.fileFault("is Parquet, not "+s.opt.Format.String(), "name the format as parquet, or let it be found")
	}
	data := d.whole()
	if err := d.drain(); err != nil {
		return err
	}
	if data != nil && int64(len(data)) == d.src.n {
		return s.readParquet(bytes.NewReader(data), d.src.n)
	}
	at, err := s.in.OpenAt()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.in.Name, err)
	}
	defer at.Close()
	return s.readParquet(at, d.src.n)
}

// finish settles what only the end of the file tells.
func (s *session) finish() {
	if s.sum.Kind == Snapshot {
		s.sum.Final = s.sum.Read > 0 && !s.cur.openRow
	}
}

// take counts the row that was filled, and passes it on or rejects it.
func (s *session) take() error {
	s.sum.Read++
	if s.sum.Read&1023 == 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	f := s.row.fault
	var leave string
	if f == nil {
		leave, f = s.build()
	}
	switch {
	case f != nil && f.file:
		return s.problem(f)
	case f != nil:
		return s.turnAway(f)
	case leave != "":
		s.sum.LeftOut[leave]++
		return nil
	}
	s.sum.Emitted++
	return s.call(s.deliver)
}

func (s *session) call(f func() error) error {
	s.calling = true
	err := f()
	s.calling = err != nil
	return err
}

// turnAway rejects the current row.
func (s *session) turnAway(f *fault) error {
	s.sum.Rejected++
	if s.lim.MaxProblems > 0 && s.sum.Rejected > s.lim.MaxProblems {
		return s.fileFault(fmt.Sprintf("has more than %d bad rows", s.lim.MaxProblems), "see the first ones; the file is probably not what its name says")
	}
	r := Rejected{Problem: *s.problem(f)}
	s.identify(&r)
	if s.opt.KeepRows {
		original := s.original()
		r.Original = append([]byte(nil), original[:min(len(original), s.lim.MaxOriginal)]...)
	}
	return s.call(func() error { return s.reject(r) })
}

// identify fills in what can be read of a bad row.
func (s *session) identify(r *Rejected) {
	r.RecordID = readable(s.row.text[fRecordID], schema.MaxIDBytes)
	r.Source = readable(s.row.text[fSource], schema.MaxIDBytes)
	if r.Source == "" {
		r.Source = s.opt.Source
	}
	if account := readable(s.row.text[fAccount], 64); schema.ValidAccountID(account) {
		r.Account = account
	}
	if at, f := s.row.instant(fStart); f == nil {
		r.Start, r.HasStart = at, true
	}
}

// problem places a fault in the file.
func (s *session) problem(f *fault) *schema.Problem {
	p := &schema.Problem{File: s.in.Name, Line: s.row.line, Reason: f.reason, Hint: f.hint, Value: schema.Shorten(f.value)}
	if f.field != fNone {
		p.Field = s.plan.name(f.field)
		p.Column = s.plan.column(f.field)
	}
	if f.name != "" {
		p.Field = f.name
	}
	return p
}

// fileFault is a fault of the whole file.
func (s *session) fileFault(reason, hint string) *schema.Problem {
	return &schema.Problem{File: s.in.Name, Reason: reason, Hint: hint}
}
