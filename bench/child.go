package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/monthend/monthend/bench/month"
	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

func split(list string) []string { return strings.Split(list, ",") }

// outcome is what a child prints for the runner, as one line of JSON.
type outcome struct {
	Rows      int64 `json:",string"`
	Unblended string
	Blended   string
	List      string
	Accepted  int64 `json:",string"`
	Duplicate int64 `json:",string"`
	Conflict  int64 `json:",string"`
	Stages    []stage
}

type stage struct {
	Name    string
	Seconds float64
}

// child does one piece of work in this process. With BENCH_PROFILE it writes
// cpu.<verb>.pprof and heap.<verb>.pprof into that folder.
func child(args []string) error {
	if len(args) == 0 {
		return errors.New("child wants a verb")
	}
	verbs := map[string]func(*job) error{"ingest": (*job).ingest, "close": (*job).close, "floor": (*job).floor,
		"days": (*job).days, "refresh": (*job).refresh}
	verb, ok := verbs[args[0]]
	if !ok {
		return fmt.Errorf("there is no child verb %q", args[0])
	}
	f := flag.NewFlagSet("child", flag.ContinueOnError)
	j := &job{ctx: context.Background()}
	f.StringVar(&j.dir, "dir", "", "folder of the month")
	f.StringVar(&j.format, "format", "parquet", "format of the usage")
	f.StringVar(&j.store, "store", "", "folder of the store")
	f.IntVar(&j.first, "first", 1, "first day to be taken in")
	f.IntVar(&j.last, "last", 31, "last day to be taken in")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	stop, err := profile(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(verb(j), stop()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(j.out)
}

func profile(verb string) (stop func() error, err error) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Join(dir, "cpu."+verb+".pprof"))
	if err != nil {
		return nil, err
	}
	runtime.MemProfileRate = 64 << 10
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		h, err := os.Create(filepath.Join(dir, "heap."+verb+".pprof"))
		if err != nil {
			return err
		}
		return errors.Join(pprof.WriteHeapProfile(h), h.Close(), f.Close())
	}, nil
}

// job is one child's work.
type job struct {
	ctx                context.Context
	dir, format, store string
	first, last        int // days of the month
	out                outcome
	temp               string
}

// clock times stages.
type clock struct{ last time.Time }

func (j *job) lap(c *clock, name string) {
	now := time.Now()
	j.out.Stages = append(j.out.Stages, stage{name, now.Sub(c.last).Seconds()})
	c.last = now
}

// open loads the configuration as the commands of the product do.
func (j *job) open() (*pipeline.Pipeline, error) {
	file := filepath.Join(j.dir, "monthend.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if memory := os.Getenv("BENCH_MEMORY"); memory != "" {
		data = append(data, "memory: "+memory+"\n"...)
	}
	c, problems := config.Parse(file, data, nil)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(c.HeapLimit())
	p := &pipeline.Pipeline{Now: func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }, Attempt: "bench",
		Offers: &offer.Offers{}, Limits: ingest.DefaultLimits(), CloseWait: c.Close.Wait, Memory: int64(c.Memory), Workers: c.Workers}
	if p.Organization, err = organization(c.Organization); err != nil {
		return nil, err
	}
	list, err := os.ReadFile(c.Prices[0])
	if err != nil {
		return nil, err
	}
	if p.Prices, err = pipeline.ParsePrices([]pipeline.PriceFile{{Name: "prices.csv", Data: list}}); err != nil {
		return nil, err
	}
	for _, e := range c.Exports {
		p.Exports = append(p.Exports, pipeline.Export{Name: e.Name, ChunkRows: e.ChunkRows, Resources: e.IncludeResources})
	}
	if p.Store, err = store.InitFolder(j.store); err != nil {
		return nil, err
	}
	j.temp, err = os.MkdirTemp(j.store, ".work-*")
	p.TempDir = j.temp
	return p, err
}

func organization(file string) (*schema.Organization, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	org, problems := config.LoadOrganization(file, data)
	return &org, problems.Err()
}

func (j *job) inputs() ([]ingest.Input, error) {
	root := filepath.Join(j.dir, "usage-"+j.format)
	var files []ingest.Input
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files = append(files, ingest.Input{Name: d.Name(), Size: info.Size(),
				Open:   func() (io.ReadCloser, error) { return os.Open(path) },
				OpenAt: func() (ingest.ReaderAtCloser, error) { return os.Open(path) }})
		}
		return err
	})
	return files, err
}

// ingest takes the delivered usage in and waives the conflicts, which is a
// person's part of the work: DuckDB just drops them.
func (j *job) ingest() error {
	p, err := j.open()
	if err != nil {
		return err
	}
	defer os.RemoveAll(j.temp)
	c := clock{time.Now()}
	files, err := j.inputs()
	if err != nil {
		return err
	}
	in, err := p.Ingest(j.ctx, ingest.Source{Name: month.Source, RowRejects: true}, files)
	if err != nil {
		return err
	}
	if len(in.Refused) > 0 {
		return fmt.Errorf("%s was refused: %v", in.Refused[0].File.Name, in.Refused[0].Problems[0])
	}
	_, j.out.Accepted, j.out.Duplicate, j.out.Conflict = in.Totals()
	j.lap(&c, "ingest")
	defer j.lap(&c, "waive")
	return waive(j.ctx, p, in)
}

func waive(ctx context.Context, p *pipeline.Pipeline, in *pipeline.Ingested) error {
	if len(in.Rejects) == 0 {
		return nil
	}
	known := &pipeline.Pending{Period: month.Period}
	var ids []string
	for _, r := range in.Rejects {
		if !r.Conflict {
			return fmt.Errorf("a record of the bench was rejected: %v", r.Problem)
		}
		known.Rejects = append(known.Rejects, period.SlotReject{Reject: r})
		ids = append(ids, r.ID)
	}
	return p.Waive(ctx, known, ids, "conflicts of the bench", "bench")
}

// close closes the month from accepted usage.
func (j *job) close() error {
	p, err := j.open()
	if err != nil {
		return err
	}
	defer os.RemoveAll(j.temp)
	c := clock{time.Now()}
	p.Progress = func(what string, done, total int64) {
		if strings.HasPrefix(what, "rate ") && done == total {
			j.lap(&c, "read usage, spill, sum tiers")
		}
	}
	p.Store = &watched{Folder: p.Store.(*store.Folder), first: j.milestones(&c)}
	closed, err := p.Close(j.ctx, "bench", month.Period)
	if err != nil {
		return err
	}
	j.lap(&c, "publish report")
	return j.sum(closed.Run.Charges)
}

// watched is a folder store that tells of the first object of each kind.
type watched struct {
	*store.Folder
	first map[string]func() // by the first part of the key
}

func (w *watched) see(key string) {
	kind, _, _ := strings.Cut(key, "/")
	if then, ok := w.first[kind]; ok {
		delete(w.first, kind)
		then()
	}
}

// Create and Replace are those of the folder.
func (w *watched) Create(ctx context.Context, key string, body store.Body) error {
	w.see(key)
	return w.Folder.Create(ctx, key, body)
}

func (w *watched) Replace(ctx context.Context, key string, body store.Body) error {
	w.see(key)
	return w.Folder.Replace(ctx, key, body)
}

// milestones ends a stage where the log, the bills and the reports begin to be
// written.
func (j *job) milestones(c *clock) map[string]func() {
	return map[string]func(){
		"log":     func() { j.lap(c, "merge, rate, write charges, report and bills, prove") },
		"bills":   func() { j.lap(c, "commit") },
		"reports": func() { j.lap(c, "publish bills") },
	}
}

func (j *job) sum(files []period.Charges) error {
	var list, unblended, blended money.Cost
	for _, f := range files {
		j.out.Rows += f.Rows
		for _, s := range []struct {
			to   *money.Cost
			from money.Cost
		}{{&list, f.List}, {&unblended, f.Unblended}, {&blended, f.Blended}} {
			var err error
			if *s.to, err = money.Add(*s.to, s.from); err != nil {
				return err
			}
		}
	}
	j.out.List, j.out.Unblended, j.out.Blended = list.String(), unblended.String(), blended.String()
	return nil
}
