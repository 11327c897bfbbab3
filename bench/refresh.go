package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/monthend/monthend/bench/month"
	"github.com/monthend/monthend/pipeline/ingest"
)

// runRefresh measures what a day costs that comes to 29 others: the refresh of
// the charges after it, against the refresh of all 30 days from nothing. No
// reports are written, and the two must come to the same.
func runRefresh(args []string) error {
	f := flag.NewFlagSet("refresh", flag.ContinueOnError)
	dir := f.String("dir", "", "folder to work in")
	records := f.Int64("records", 1_000_000, "usage records, 100,000 or more")
	repeat := f.Int("repeat", 5, "rounds")
	if err := f.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := &contest{dir: filepath.Join(*dir, "days"), self: self, format: "parquet", records: *records, runs: map[string][]measured{}}
	s, err := month.Named("days", *records)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(c.dir), month.Write(c.dir, s, []string{c.format})); err != nil {
		return err
	}
	for range *repeat {
		if err := c.refreshRound(); err != nil {
			return err
		}
	}
	c.printRefresh()
	return errors.Join(os.RemoveAll(c.dir), os.RemoveAll(c.work))
}

func (c *contest) refreshRound() error {
	c.work = c.dir + "-work"
	if err := os.RemoveAll(c.work); err != nil {
		return err
	}
	if err := os.MkdirAll(c.work, 0o755); err != nil {
		return err
	}
	step := func(title, verb, store string, days ...string) error {
		args := append([]string{"child", verb, "-dir", c.dir, "-store", filepath.Join(c.work, store)}, days...)
		m, err := measure(c.self, args...)
		if title != "" {
			c.keep(title, m)
		}
		return err
	}
	for _, err := range []func() error{
		func() error { return step("", "days", "grown", "-first", "1", "-last", "29") },
		func() error { return step("29 days", "refresh", "grown") },
		func() error { return step("", "days", "grown", "-first", "30", "-last", "30") },
		func() error { return step("30th day", "refresh", "grown") },
		func() error { return step("", "days", "whole", "-first", "1", "-last", "30") },
		func() error { return step("30 days", "refresh", "whole") },
	} {
		if err := err(); err != nil {
			return err
		}
	}
	if a, b := c.last("30th day").out, c.last("30 days").out; a.Rows != b.Rows || a.List != b.List || a.Unblended != b.Unblended || a.Blended != b.Blended {
		return fmt.Errorf("the refreshes differ: %+v and %+v", a, b)
	}
	return nil
}

// What a refresh says of itself: the time until charges and bill are stored, and
// the CPU time until then. After it come the bills for people, which are reports.
const (
	chargesStage = "charges"
	chargesCPU   = "charges, CPU"
)

func stageOf(name string) func(measured) float64 {
	return func(m measured) float64 {
		for _, s := range m.out.Stages {
			if s.Name == name {
				return s.Seconds
			}
		}
		return 0
	}
}

func (c *contest) printRefresh() {
	fmt.Printf("%d records in 31 days, of which 30 are taken in; %d lines\n\n", c.records, c.last("30 days").out.Rows)
	fmt.Println("| refresh | charges: seconds | CPU seconds | time to 30 days | CPU to 30 days | with the CSV bills: seconds | CPU seconds | time to 30 days | CPU to 30 days | peak MiB |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, row := range [][2]string{{"30 days", "30 days from nothing"}, {"29 days", "29 days from nothing"}, {"30th day", "the 30th day after 29"}} {
		fmt.Printf("| %s ", row[1])
		for _, of := range [][2]func(measured) float64{{stageOf(chargesStage), stageOf(chargesCPU)}, {wall, cpu}} {
			w, p := c.median(row[0], of[0]), c.median(row[0], of[1])
			fmt.Printf("| %.2f | %.2f | %.2fx | %.2fx ", w, p, w/c.median("30 days", of[0]), p/c.median("30 days", of[1]))
		}
		fmt.Printf("| %.0f |\n", c.median(row[0], peak))
	}
}

// days takes the files of some days in, each as a delivery of its own.
func (j *job) days() error {
	p, err := j.open()
	if err != nil {
		return err
	}
	defer os.RemoveAll(j.temp)
	files, err := j.inputs()
	if err != nil {
		return err
	}
	for _, f := range files[j.first-1 : j.last] {
		in, err := p.Ingest(j.ctx, ingest.Source{Name: month.Source, RowRejects: true}, []ingest.Input{f})
		if err != nil {
			return err
		}
		if len(in.Refused) > 0 {
			return fmt.Errorf("%s was refused: %v", f.Name, in.Refused[0].Problems[0])
		}
	}
	return nil
}

// refresh computes the charges of the open month and writes no reports.
func (j *job) refresh() error {
	p, err := j.open()
	if err != nil {
		return err
	}
	defer os.RemoveAll(j.temp)
	p.Exports = nil
	c := clock{time.Now()}
	p.Progress = func(what string, done, _ int64) {
		if strings.HasPrefix(what, "report ") && done == 0 {
			j.lap(&c, chargesStage)
			j.out.Stages = append(j.out.Stages, stage{chargesCPU, processCPU()})
		}
	}
	run, err := p.Refresh(j.ctx, "bench", month.Period)
	if err != nil {
		return err
	}
	j.lap(&c, "bills and commit")
	return j.sum(run.Charges)
}

// processCPU is what this process has used so far, in seconds.
func processCPU() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}
