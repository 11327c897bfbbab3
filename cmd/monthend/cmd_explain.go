package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline"
)

func (p *program) explainCommand() *cobra.Command {
	var at string
	var all bool
	cmd := &cobra.Command{
		Use: "explain LINE|INVOICE", Short: "Show how a figure of a report or an invoice came about", Args: cobra.ExactArgs(1),
		Long: `Shows the way of a line: the usage records behind it with file and line, the
price version and tier of each of its portions, discounts in their order, and the
arithmetic. LINE is an identity_line_item_id as reports have it; a line that stands
in several hours is listed hour by hour until --at names one. Charges that no usage
made, such as fees, credits and taxes, are traced to their offer.

INVOICE is an invoice number. Its services are taken apart into the lines of the
bill, each with the ids of its largest charges, which explain takes in turn.

The period is the newest that has been rated, unless --period names another.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := pipeline.Question{What: args[0], Period: p.period, All: all}
			if at != "" {
				var err error
				if q.At, err = time.Parse(time.RFC3339, at); err != nil {
					return usageError{fmt.Errorf("--at %q is not an instant; write it like 2026-10-05T03:00:00Z", at)}
				}
			}
			s, err := p.open(cmd.Context(), reading)
			if err != nil {
				return err
			}
			defer s.close()
			e, err := p.explanation(cmd.Context(), s, q)
			s.bar.finish()
			if err != nil {
				return err
			}
			if p.json {
				return p.resultJSON(e)
			}
			p.printExplanation(e, all)
			return nil
		},
	}
	p.monthFlags(cmd, false)
	cmd.Flags().StringVar(&at, "at", "", "hour of the line, such as 2026-10-05T03:00:00Z (line_item_usage_start_date)")
	cmd.Flags().BoolVar(&all, "all", false, "list everything: all records of a line, all charges of an invoice")
	return cmd
}

// explanation asks the issuers in turn for a figure.
func (p *program) explanation(ctx context.Context, s *session, q pipeline.Question) (*pipeline.Explanation, error) {
	ids, err := s.Issuers(p.issuer)
	if err != nil {
		return nil, usageError{err}
	}
	var misses []error
	for _, id := range ids {
		q.Issuer = id
		e, err := s.Explain(ctx, q)
		if err == nil {
			return e, nil
		}
		if !errors.Is(err, pipeline.ErrUnknownFigure) && !errors.Is(err, pipeline.ErrNotDue) {
			return nil, err
		}
		misses = append(misses, err)
	}
	return nil, usageError{errors.Join(misses...)}
}
