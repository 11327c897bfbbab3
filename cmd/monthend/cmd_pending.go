package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/schema"
)

func (p *program) pendingCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "pending", Short: "List or waive what keeps a month from being closed"}
	cmd.AddCommand(p.pendingListCommand(), p.pendingWaiveCommand())
	return cmd
}

func (p *program) pendingListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List rejects and suspense of a month", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			lists, err := p.pendings(cmd.Context(), s)
			s.bar.finish()
			if err != nil {
				return err
			}
			if p.json {
				return p.resultJSON(lists)
			}
			p.printPending(lists)
			return nil
		},
	}
	p.monthFlags(cmd, true)
	return cmd
}

func (p *program) pendings(ctx context.Context, s *session) ([]*pipeline.Pending, error) {
	var lists []*pipeline.Pending
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		list, err := s.Pending(ctx, issuer.ID, p.period)
		if err == nil {
			lists = append(lists, list)
		}
		return err
	})
	return lists, err
}

// printPending lists each reject and group once, though several issuers may
// wait for it.
func (p *program) printPending(lists []*pipeline.Pending) {
	var rows [][]string
	seen := map[string]bool{}
	for _, l := range lists {
		for _, r := range l.Rejects {
			if !seen[r.ID] {
				rows = append(rows, []string{r.ID, "reject", "1", r.Problem.Error()})
			}
			seen[r.ID] = true
		}
		for _, g := range l.Suspense {
			if !seen[g.ID] {
				rows = append(rows, []string{g.ID, "suspense", count(g.Records), describe(g)})
			}
			seen[g.ID] = true
		}
	}
	if len(rows) == 0 {
		p.result("nothing is pending in %s", p.period)
		return
	}
	p.table("ID KIND RECORDS WHAT", rows)
}

func describe(g pipeline.Suspense) string {
	s := fmt.Sprintf("%s: account %s, service %s, usage type %s, operation %q, region %q, %s %s (%s)", g.Reason, g.Account, g.Service,
		g.UsageType, g.Operation, g.Region, g.Amount, g.Unit, g.Hint)
	if g.Example != "" {
		s += "; first " + g.Example
	}
	return s
}

func (p *program) pendingWaiveCommand() *cobra.Command {
	var why, by string
	cmd := &cobra.Command{
		Use: "waive ID...", Short: "Decide that rejects or suspended records shall not be charged", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if why == "" {
				return usageError{errors.New("a waiver needs --reason: it is kept for ever")}
			}
			s, err := p.open(cmd.Context(), writing)
			if err != nil {
				return err
			}
			defer s.close()
			return p.waive(cmd.Context(), s, args, why, by)
		},
	}
	p.monthFlags(cmd, true)
	cmd.Flags().StringVar(&why, "reason", "", "why these records are not charged")
	cmd.Flags().StringVar(&by, "by", p.getenv("USER", ""), "who decides")
	return cmd
}

func (p *program) waive(ctx context.Context, s *session, ids []string, why, by string) error {
	lists, err := p.pendings(ctx, s)
	if err != nil {
		return err
	}
	all := &pipeline.Pending{Period: p.period}
	for _, l := range lists {
		all.Rejects = append(all.Rejects, l.Rejects...)
		all.Suspense = append(all.Suspense, l.Suspense...)
	}
	if err := s.Waive(ctx, all, ids, why, by); err != nil {
		return usageError{err}
	}
	p.result("waived %d of %s", len(ids), p.period)
	return nil
}
