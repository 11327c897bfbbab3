package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/schema"
)

// errDamaged says that verify found damage; what and where is printed already.
var errDamaged = errors.New("the bucket is damaged")

func (p *program) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Recompute a closed month from the bucket and compare", Args: cobra.NoArgs,
		Long: `Reads everything that the records of a closed month name, checks the chains of
its logs, computes the month again from its pinned inputs and compares, byte by
byte where the rules of rating are still the same. Looks into the reports for
rows of other accounts. Writes nothing. Exits with 9 when anything is damaged.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			return p.verify(cmd.Context(), s)
		},
	}
	p.monthFlags(cmd, true)
	return cmd
}

func (p *program) verify(ctx context.Context, s *session) error {
	var all []*pipeline.Verified
	damaged := false
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		found, err := s.Verify(ctx, issuer.ID, p.period)
		if errors.Is(err, pipeline.ErrNotClosed) && p.issuer == "" && len(s.Organization.Issuers) > 1 {
			p.say("%v; left out", err)
			return nil
		}
		if err != nil {
			return err
		}
		damaged = damaged || len(found.Findings) > 0
		all = append(all, found)
		return nil
	})
	s.bar.finish()
	if p.json {
		err = errors.Join(p.resultJSON(all), err)
	} else {
		for _, found := range all {
			p.printVerified(found)
		}
	}
	if damaged {
		err = errors.Join(errDamaged, err)
	}
	return err
}

func (p *program) printVerified(v *pipeline.Verified) {
	for _, f := range v.Findings {
		p.result("%s", f)
	}
	state := "sound"
	if n := len(v.Findings); n > 0 {
		state = count(int64(n)) + " findings"
	}
	p.result("%s of issuer %s: %s; %s objects, %s bytes read, recomputed: %s; %s orphans", v.Period, v.Issuer, state,
		count(int64(v.Objects)), count(v.Bytes), v.Recomputed, count(int64(len(v.Orphans))))
}

func (p *program) collectCommand() *cobra.Command {
	var dryRun bool
	var grace time.Duration
	cmd := &cobra.Command{
		Use: "collect", Short: "Delete what no record names", Args: cobra.NoArgs,
		Long: `Deletes objects below run/ and usage/ that no record names: what runs that were
overtaken or broke off have left. Commits a record of it first, so that no writer
can come to name what is being deleted. Records are never deleted.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n := writing
			if dryRun {
				n = reading
			}
			s, err := p.open(cmd.Context(), n)
			if err != nil {
				return err
			}
			defer s.close()
			return p.collect(cmd.Context(), s, grace, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would be deleted")
	cmd.Flags().DurationVar(&grace, "grace", pipeline.DefaultGrace, "leave alone what is younger, by the times of the store")
	return cmd
}

func (p *program) collect(ctx context.Context, s *session, grace time.Duration, dryRun bool) error {
	done, err := s.Collect(ctx, grace, dryRun)
	if done == nil {
		return err
	}
	if p.json {
		return errors.Join(p.resultJSON(done), err)
	}
	verb := "deleted"
	if dryRun {
		verb = "would delete"
	}
	p.result("%s %s objects, %s bytes: %s runs and %s objects of usage; %s more are within the grace time of %s", verb,
		count(done.Objects), count(done.Bytes), count(int64(len(done.Runs))), count(int64(len(done.Keys))), count(done.Young), grace)
	for _, key := range done.Foreign {
		p.say("left alone: %s is of no run", key)
	}
	return err
}
