package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/jobs"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/pipeline/store/s3"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// session is a loaded configuration with everything opened.
type session struct {
	*pipeline.Pipeline
	config   *config.Config
	schedule jobs.Schedule
	bar      *progress
	warnings schema.Problems
}

// need says what a command is going to do with the store.
type need int

const (
	reading  need = iota
	writing       // the store is probed first
	making        // writing, and a folder store is made where no folder is
	founding      // making, also in a folder that is there
)

// open loads the configuration and opens the store. The caller closes.
func (p *program) open(ctx context.Context, n need) (*session, error) {
	now, err := p.clockAt()
	if err != nil {
		return nil, err
	}
	s, err := p.load()
	if err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(s.config.HeapLimit())
	s.Memory, s.Workers = int64(s.config.Memory), s.config.Workers
	s.Now = now
	s.Attempt = newAttempt()
	s.Log = p.logger(s.config.Log)
	s.bar = newProgress(p.stderr)
	s.Progress = s.bar.show
	if p.now == "" { // a clock that is set by hand is not the store's
		s.StoreNow = func(ctx context.Context) (time.Time, error) { return store.Clock(ctx, s.Store, newAttempt()) }
	}
	if s.Store, err = openStore(s.config.Store, n); err != nil {
		return nil, err
	}
	if err := checkIdentity(ctx, s, n); err != nil {
		return nil, err
	}
	if n != reading && !s.config.Store.SingleScheduler {
		if err := p.probe(ctx, s); err != nil {
			return nil, err
		}
	}
	if s.TempDir, err = os.MkdirTemp(s.config.WorkDir, "monthend-*"); err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	return s, nil
}

// probeEvery is how long a host trusts a store that it has probed.
const probeEvery = 24 * time.Hour

// probe finds out whether the store's conditional writes are honest. It takes
// some hundred writes, so that a host remembers the answer for a day, in its
// user's cache; where nothing can be remembered, every start probes.
func (p *program) probe(ctx context.Context, s *session) error {
	mark := ""
	if dir, err := os.UserCacheDir(); err == nil {
		sum := sha256.Sum256([]byte(s.Store.Name()))
		mark = filepath.Join(dir, "monthend", "probed-"+hex.EncodeToString(sum[:8]))
	}
	if info, err := os.Stat(mark); err == nil && p.clock().Sub(info.ModTime()).Abs() < probeEvery {
		return nil
	}
	if err := store.Probe(ctx, s.Store, s.Attempt); err != nil {
		return fmt.Errorf("%w; use another store, or set store.single_scheduler: true and see to it that only one monthend runs at a time", err)
	}
	if os.MkdirAll(filepath.Dir(mark), 0o755) == nil {
		os.WriteFile(mark, []byte(s.Store.Name()+"\n"), 0o644) // only saves time
	}
	return nil
}

func (s *session) close() {
	s.bar.finish()
	os.RemoveAll(s.TempDir)
}

// load reads the configuration file and all that it names, and reports every
// fault of all of them at once.
func (p *program) load() (*session, error) {
	data, err := os.ReadFile(p.configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("%s: there is no such file; name the configuration with --config, or make a sample with `monthend sample --dir DIR`", p.configFile)}
	}
	if err != nil {
		return nil, usageError{err}
	}
	c, problems := config.Parse(p.configFile, data, p.configEnv())
	if len(problems) > 0 {
		return nil, usageError{problems}
	}
	s := &session{config: c, Pipeline: &pipeline.Pipeline{CloseWait: c.Close.Wait, CloseAlarm: c.Close.Deadline, Limits: limitsOf(c.Limits)}}
	problems = append(problems, s.loadOrganization()...)
	known := len(problems) == 0 // else the accounts that offers name may seem to be missing
	problems = append(problems, s.loadPrices()...)
	problems = append(problems, s.loadOffers(known)...)
	problems = append(problems, s.loadSchedule(p.configFile)...)
	if len(problems) > 0 {
		return nil, usageError{problems}
	}
	for _, source := range c.Sources {
		s.Sources = append(s.Sources, ingestSource(source, false))
		if source.Declares {
			s.Declaring = append(s.Declaring, source.Name)
		}
	}
	if c.Store.S3 != nil {
		s.Base = "s3://" + strings.TrimSuffix(c.Store.S3.Bucket+"/"+c.Store.S3.Prefix, "/") + "/"
	}
	for _, e := range c.Exports {
		def := pipeline.Export{Name: e.Name, Members: e.Members, ChunkRows: e.ChunkRows, Resources: e.IncludeResources}
		if e.Format == "csv" {
			def.Format = report.CSV
		}
		s.Exports = append(s.Exports, def)
	}
	return s, nil
}

// configEnv leaves out the variables that are read here.
func (p *program) configEnv() []string {
	var env []string
	for _, kv := range p.env {
		if !strings.HasPrefix(kv, "MONTHEND_NOW=") && !strings.HasPrefix(kv, "MONTHEND_TEST_") && !strings.HasPrefix(kv, "MONTHEND_REAL=") {
			env = append(env, kv)
		}
	}
	return env
}

func (s *session) loadOrganization() schema.Problems {
	data, err := os.ReadFile(s.config.Organization)
	if err != nil {
		return schema.Problems{{File: s.config.Organization, Reason: "cannot be read: " + reason(err), Hint: "name the file under organization"}}
	}
	org, problems := config.LoadOrganization(s.config.Organization, data)
	s.Organization = &org
	return problems
}

func (s *session) loadPrices() schema.Problems {
	var problems schema.Problems
	b := price.NewBuilder()
	for _, path := range s.config.Prices {
		data, err := os.ReadFile(path)
		if err != nil {
			problems = append(problems, schema.Problem{File: path, Reason: "cannot be read: " + reason(err), Hint: "name the file under prices"})
			continue
		}
		s.Prices.Files = append(s.Prices.Files, pipeline.PriceFile{Name: filepath.Base(path), Data: data})
		b.ReadCSV(path, bytes.NewReader(data))
	}
	catalog, faults := b.Catalog()
	if problems = append(problems, faults...); len(problems) > 0 {
		return problems
	}
	s.Prices.Catalog, s.warnings = catalog, catalog.Warnings
	return nil
}

// loadOffers reads the offers and checks them against what of the prices and,
// if it is known, the organization has been read.
func (s *session) loadOffers(organizationKnown bool) schema.Problems {
	s.Offers = &offer.Offers{}
	if s.config.Offers == "" {
		return nil
	}
	offers, problems := loadOffers(s.config.Offers)
	s.Offers = &offers
	if len(problems) > 0 {
		return problems
	}
	problems = offers.Check(s.config.Offers, s.Prices.Catalog)
	if organizationKnown {
		problems = append(problems, offers.CheckOrganization(s.config.Offers, s.Organization)...)
	}
	return problems
}

func loadOffers(path string) (offer.Offers, schema.Problems) {
	data, err := os.ReadFile(path)
	if err != nil {
		return offer.Offers{}, schema.Problems{{File: path, Reason: "cannot be read: " + reason(err), Hint: "name the offers file"}}
	}
	return config.LoadOffers(path, data)
}

func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// maxIdentity bounds what is read of an identity.
const maxIdentity = 128

// checkIdentity refuses a store that is not the one that the configuration
// means: another bucket of that name, another prefix, a disk that is not there.
// A store that has no identity gets one before anything else is written to it.
func checkIdentity(ctx context.Context, s *session, n need) error {
	want := s.config.Store.ID
	id, err := store.ReadAll(ctx, s.Store, store.StoreID(), maxIdentity)
	switch {
	case errors.Is(err, store.ErrNotFound) && want != "":
		return usageError{fmt.Errorf("%s has no identity, and store.id says %s: this is another store", s.Store.Name(), want)}
	case errors.Is(err, store.ErrNotFound) && n != reading:
		err = s.Store.Create(ctx, store.StoreID(), store.BytesBody([]byte(newAttempt()+"\n")))
		if errors.Is(err, store.ErrExists) {
			return nil // another monthend was first
		}
		return err
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	if got := strings.TrimSpace(string(id)); want != "" && got != want {
		return usageError{fmt.Errorf("%s has the identity %s, and store.id says %s: this is another store", s.Store.Name(), got, want)}
	}
	return nil
}

func limitsOf(c config.Limits) ingest.Limits {
	l := ingest.DefaultLimits()
	l.MaxLineBytes, l.MaxFileBytes = int(c.MaxLineBytes), int64(c.MaxFileBytes)
	l.MaxRatio, l.MaxColumns, l.MaxProblems = int64(c.MaxRatio), c.MaxColumns, int64(c.MaxProblems)
	return l
}

func openStore(c config.Store, n need) (store.Store, error) {
	if c.S3 != nil {
		return openS3(*c.S3, false)
	}
	if _, err := os.Stat(c.Folder); n == founding || n == making && errors.Is(err, fs.ErrNotExist) {
		return store.InitFolder(c.Folder)
	}
	st, err := store.OpenFolder(c.Folder)
	if errors.Is(err, store.ErrGone) {
		return nil, usageError{fmt.Errorf("there is no store in %s: if it is to be a new one, run `monthend init`; if it is lost, bring it back first", c.Folder)}
	}
	return st, err
}

// openS3 opens our own bucket, or a foreign one that is only read.
func openS3(c config.S3, foreign bool) (store.Store, error) {
	return s3.Open(context.Background(), s3.Options{Endpoint: c.Endpoint, Region: c.Region, Bucket: c.Bucket, Prefix: c.Prefix,
		PathStyle: c.PathStyle, CAFile: c.CAFile, TrailingChecksums: c.TrailingChecksums, Foreign: foreign})
}

func newAttempt() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic("no random numbers: " + err.Error())
	}
	return hex.EncodeToString(b)
}

func (p *program) logger(c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		panic("config checked the level: " + err.Error())
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, opts))
	}
	return slog.New(slog.NewTextHandler(p.stderr, opts))
}
