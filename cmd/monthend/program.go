package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/schema"
)

// program is one start of monthend. Nothing in it is global, so that tests can
// run it as a user does.
type program struct {
	stdout, stderr io.Writer
	env            []string
	clock          func() time.Time

	configFile string
	now        string // fixes the clock, for demonstrations and tests
	json       bool
	issuer     string
	period     string
}

// run executes a command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return p.report(root.ExecuteContext(ctx))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "monthend",
		Short: "AWS-style billing for your own platform, as a batch pipeline",
		Long: `monthend ingests usage records, rates them, writes Cost and Usage Reports to a
bucket, closes the month and publishes invoices. Every command may be run again:
it looks at the logs in the bucket and does what is missing.

` + exitCodeHelp,
		Version:       version(),
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVarP(&p.configFile, "config", "c", p.getenv("MONTHEND_CONFIG", "monthend.yaml"), "configuration file; also MONTHEND_CONFIG")
	flags.StringVar(&p.now, "now", p.getenv("MONTHEND_NOW", ""), "take this instant (RFC 3339) for the current time; also MONTHEND_NOW")
	flags.BoolVar(&p.json, "json", false, "print the result as JSON")
	root.AddCommand(p.demoCommand(), p.sampleCommand(), p.initCommand(), p.ingestCommand(), p.reportCommand(),
		p.closeCommand(), p.invoiceCommand(), p.publishCommand(), p.statusCommand(), p.pendingCommand(),
		p.pricesCommand(), p.offersCommand(), p.configCommand(), p.markCommand(), p.tickCommand(), p.runCommand(),
		p.verifyCommand(), p.collectCommand(), p.explainCommand())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	return root
}

// getenv looks a variable up in the environment that the program was given.
func (p *program) getenv(name, otherwise string) string {
	for _, kv := range p.env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok && v != "" {
			return v
		}
	}
	return otherwise
}

// clockAt returns the clock, fixed when --now asks for it.
func (p *program) clockAt() (func() time.Time, error) {
	if p.now == "" {
		return p.clock, nil
	}
	t, err := time.Parse(time.RFC3339, p.now)
	if err != nil {
		return nil, usageError{fmt.Errorf("--now %q is not an instant; write it like 2026-11-03T09:00:00Z", p.now)}
	}
	return func() time.Time { return t }, nil
}

// version is what the Go tool recorded of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}

// monthFlags adds --period and --issuer to a command, and checks the period
// before the command runs.
func (p *program) monthFlags(cmd *cobra.Command, needed bool) {
	cmd.Flags().StringVarP(&p.period, "period", "p", "", "billing period, YYYY-MM")
	cmd.Flags().StringVar(&p.issuer, "issuer", "", "issuer id (default: every issuer)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if p.period == "" && needed {
			return usageError{errors.New("name the month, for example --period 2026-10")}
		}
		if p.period == "" {
			return nil
		}
		if _, err := schema.ParsePeriod(p.period, time.UTC); err != nil {
			return usageError{err}
		}
		return nil
	}
}
