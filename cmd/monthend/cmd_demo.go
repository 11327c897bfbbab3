package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline/sample"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

func (p *program) sampleCommand() *cobra.Command {
	opt := sample.Demo(schema.Period{})
	var dir, name string
	cmd := &cobra.Command{
		Use: "sample --dir DIR", Short: "Generate a month of believable usage, with configuration and prices", Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			per, err := schema.ParsePeriod(name, time.UTC)
			if err != nil {
				return usageError{err}
			}
			opt.Period = per
			return p.sample(dir, opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "sample", "folder to write to; must not exist or be empty")
	f.StringVarP(&name, "period", "p", "2026-10", "billing period, YYYY-MM")
	f.Uint64Var(&opt.Seed, "seed", opt.Seed, "same seed, same bytes")
	f.IntVar(&opt.Organizations, "organizations", opt.Organizations, "number of payers")
	f.IntVar(&opt.Accounts, "accounts", opt.Accounts, "number of accounts over all payers")
	f.IntVar(&opt.Records, "records", opt.Records, "number of usage records")
	f.BoolVar(&opt.Simple, "simple", false, "free tier pools alone as offers")
	f.Float64Var(&opt.Late, "late", opt.Late, "share of records that come after the close")
	f.Float64Var(&opt.Duplicates, "duplicates", opt.Duplicates, "share of records delivered twice")
	f.Float64Var(&opt.Conflicts, "conflicts", opt.Conflicts, "share of records delivered again with another amount")
	f.IntVar(&opt.Files, "files", opt.Files, "number of usage files")
	f.StringSliceVar(&opt.Formats, "formats", opt.Formats, "formats of the files, in turn: csv, jsonl, each also .gz or .zst, parquet")
	return cmd
}

func (p *program) sample(dir string, opt sample.Options) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usageError{fmt.Errorf("%s is not empty; name a new folder with --dir", dir)}
	}
	sum, err := sample.Generate(func(name string) (io.WriteCloser, error) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		return os.Create(path)
	}, opt)
	if err != nil {
		return err
	}
	p.result("%s: %s usage records of %d payers and %d accounts, %s of them late, %s delivered twice, in %d files", dir,
		count(sum.Records), sum.Organizations, sum.Accounts, count(sum.Late), count(sum.Duplicates), len(sum.Files))
	return nil
}

func (p *program) demoCommand() *cobra.Command {
	var dir string
	var records int
	cmd := &cobra.Command{
		Use: "demo", Short: "Walk a generated month from usage to invoice, in a folder", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context(), dir, records) },
	}
	cmd.Flags().StringVar(&dir, "dir", "monthend-demo", "folder to work in; an earlier demo in it is replaced")
	cmd.Flags().IntVar(&records, "records", 80_000, "number of usage records")
	return cmd
}

// demoPeriod is the month of the demonstration; its clock stands a few days
// after the end, so that it is the same on every day it is run.
const demoPeriod = "2026-10"

func (p *program) demo(ctx context.Context, dir string, records int) error {
	p.json = false // the steps are shown as a person sees them
	if err := clearDemo(dir); err != nil {
		return err
	}
	per, err := schema.ParsePeriod(demoPeriod, time.UTC)
	if err != nil {
		return err
	}
	opt := sample.Demo(per)
	opt.Records = records
	if err := p.sample(dir, opt); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, demoMark), []byte("made by `monthend demo`; it may be deleted\n"), 0o644); err != nil {
		return errors.New(err.Error())
	}
	p.configFile, p.period, p.now = filepath.Join(dir, sample.ConfigFile), demoPeriod, "2026-11-04T09:00:00Z"
	s, err := p.open(ctx, making)
	if err != nil {
		return err
	}
	defer s.close()
	month := " --period " + demoPeriod
	for _, step := range []struct {
		title string
		run   func() error
	}{
		{"ingest", func() error { return p.ingest(ctx, s, "", nil, false) }},
		{"report", func() error { return p.refresh(ctx, s) }},
		{"close" + month, func() error { return p.closeMonth(ctx, s) }},
		{"ingest " + filepath.Join(dir, sample.LateFolder), func() error {
			return p.ingest(ctx, s, sample.Source, []string{filepath.Join(dir, sample.LateFolder)}, false)
		}},
		{"invoice" + month, func() error { return p.issue(ctx, s) }},
		{"publish" + month, func() error { return p.publish(ctx, s) }},
		{"status", func() error { return p.status(ctx, s) }},
	} {
		p.result("\n$ monthend --config %s --now %s %s", p.configFile, p.now, step.title)
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return p.demoEnd(s)
}

// demoMark is the file by which a folder is known to be a demo's.
const demoMark = ".monthend-demo"

func clearDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
		return usageError{fmt.Errorf("%s is not empty and no earlier demo; name a new folder with --dir", dir)}
	}
	return os.RemoveAll(dir)
}

func (p *program) demoEnd(s *session) error {
	root := s.config.Store.Folder
	p.result("\nEverything lies in %s: reports/ for analysts, bills/ and invoices/ for customers;", root)
	p.result("log/, series/, run/ and usage/ are the truth that they are made from.")
	p.result("\nLook at the reports with DuckDB:\n")
	p.result("  SELECT line_item_product_code AS service, line_item_currency_code AS currency,")
	p.result("         round(sum(line_item_unblended_cost), 2) AS cost")
	p.result("  FROM read_parquet('%s')", strings.ReplaceAll(filepath.ToSlash(filepath.Join(root, "reports/*/*/*/data/*/*.snappy.parquet")), "'", "''"))
	p.result("  GROUP BY ALL ORDER BY cost DESC;")
	return nil
}

// minor renders an amount with the decimals of its currency.
func minor(c money.Cost, currency money.Currency) string {
	text, err := c.Fixed(currency.MinorUnits())
	if err != nil {
		return c.String()
	}
	return text
}
