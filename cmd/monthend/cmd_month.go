package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// eachIssuer runs a verb for every issuer that is meant and keeps going when
// one of them fails, so that one issuer's trouble does not hold up another's
// month.
func (p *program) eachIssuer(s *session, fn func(issuer schema.Issuer) error) error {
	ids, err := s.Issuers(p.issuer)
	if err != nil {
		return usageError{err}
	}
	var all []error
	for _, id := range ids {
		issuer, _ := s.Organization.Issuer(id)
		if err := fn(issuer); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (p *program) initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Make the store ready and print its identity", Args: cobra.NoArgs,
		Long: `Makes the folder store of the configuration where it is not there yet, gives the
store an identity, and prints it. Put it into the configuration as store.id, and a
store that is not this one is refused: another bucket of that name, another
prefix, an empty disk. A bucket itself is made at your provider.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), founding)
			if err != nil {
				return err
			}
			defer s.close()
			id, err := store.ReadAll(cmd.Context(), s.Store, store.StoreID(), maxIdentity)
			if err == nil {
				p.result("%s is ready; store.id: %s", s.Store.Name(), strings.TrimSpace(string(id)))
			}
			return err
		},
	}
}

func (p *program) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "report", Short: "Rate open months to date and write their reports", Args: cobra.NoArgs,
		Long: `Rates every open month that has usage, or the one named by --period, as far as
usage has come, and writes its reports and bills marked estimated. For a closed
or published month it only repairs copies that are missing or changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), writing)
			if err != nil {
				return err
			}
			defer s.close()
			return p.refresh(cmd.Context(), s)
		},
	}
	p.monthFlags(cmd, false)
	return cmd
}

func (p *program) refresh(ctx context.Context, s *session) error {
	var runs []period.Run
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		names := []string{p.period}
		if p.period == "" {
			var err error
			if names, err = s.OpenPeriods(ctx, issuer.ID); err != nil {
				return err
			}
		}
		for _, name := range names {
			run, err := s.Refresh(ctx, issuer.ID, name)
			if err != nil {
				return err
			}
			runs = append(runs, *run)
		}
		return nil
	})
	s.bar.finish()
	if p.json {
		return errors.Join(p.resultJSON(runs), err)
	}
	for _, run := range runs {
		p.printRun("reported", run, s)
	}
	if len(runs) == 0 && err == nil {
		p.result("no open month has usage")
	}
	return err
}

// printRun tells what a computation came to, payer by payer when there are few.
func (p *program) printRun(verb string, run period.Run, s *session) {
	issuer, _ := s.Organization.Issuer(run.Issuer)
	rec := run.Records
	p.result("%s %s of issuer %s: %s records accepted = %s charged + %s in suspense + %s waived", verb, run.Period.Name, run.Issuer,
		count(rec.Accepted), count(rec.Charged), count(rec.Suspense), count(rec.Waived))
	if rec.Late > 0 {
		p.result("  with %s late records of earlier months, charged as corrections", count(rec.Late))
	}
	for _, b := range run.Bills {
		p.result("  payer %s: %s charges, %s %s", b.Payer, count(b.Rows), b.Total, issuer.Currency)
	}
}

func (p *program) closeCommand() *cobra.Command {
	var without []string
	var why, by string
	cmd := &cobra.Command{
		Use: "close", Short: "Seal a month", Args: cobra.NoArgs,
		Long: `Seals a month whose end has passed: rates it, proves that charges, reports and
bills agree, and commits one CLOSE record. Later usage of the month is charged
in the next close. Refuses while rejects or suspense wait, and while a source
that declares completeness has not done so through the month's end, unless
--without-marks says that the close need not wait for it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(without) > 0 && why == "" {
				return usageError{errors.New("--without-marks needs --reason: it is kept for ever")}
			}
			s, err := p.open(cmd.Context(), writing)
			if err != nil {
				return err
			}
			defer s.close()
			if err := p.excuse(cmd.Context(), s, without, why, by); err != nil {
				return err
			}
			return p.closeMonth(cmd.Context(), s)
		},
	}
	p.monthFlags(cmd, true)
	cmd.Flags().StringSliceVar(&without, "without-marks", nil, "sources for whose marks the close need not wait")
	cmd.Flags().StringVar(&why, "reason", "", "why the close need not wait")
	cmd.Flags().StringVar(&by, "by", p.getenv("USER", ""), "who decides")
	return cmd
}

// excuse records that the close need not wait for the marks of sources.
func (p *program) excuse(ctx context.Context, s *session, sources []string, why, by string) error {
	if len(sources) == 0 {
		return nil
	}
	return p.eachIssuer(s, func(issuer schema.Issuer) error {
		if err := s.CloseWithoutMarks(ctx, issuer.ID, p.period, sources, why, by); err != nil {
			return usageError{err}
		}
		return nil
	})
}

func (p *program) closeMonth(ctx context.Context, s *session) error {
	var closes []period.Close
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		c, err := s.Close(ctx, issuer.ID, p.period)
		if err == nil {
			closes = append(closes, *c)
		}
		return err
	})
	s.bar.finish()
	if p.json {
		return errors.Join(p.resultJSON(closes), err)
	}
	for _, c := range closes {
		p.printRun("closed", c.Run, s)
	}
	return err
}

func (p *program) invoiceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "invoice", Short: "Give invoice numbers to a closed month", Args: cobra.NoArgs,
		Long: `Numbers all invoices of a closed month in one record: gapless, sorted by payer.
Payers without a charge get no number.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), writing)
			if err != nil {
				return err
			}
			defer s.close()
			return p.issue(cmd.Context(), s)
		},
	}
	p.monthFlags(cmd, true)
	return cmd
}

func (p *program) issue(ctx context.Context, s *session) error {
	var issues []period.Issue
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		i, err := s.Issue(ctx, issuer.ID, p.period)
		if err == nil {
			issues = append(issues, *i)
		}
		return err
	})
	if p.json {
		return errors.Join(p.resultJSON(issues), err)
	}
	for _, i := range issues {
		if len(i.Payers) == 0 {
			p.result("issuer %s: no payer of %s has anything to pay; no number was used", i.Issuer, i.Period)
			continue
		}
		issuer, _ := s.Organization.Issuer(i.Issuer)
		p.result("issuer %s: invoices %s to %s of %s, dated %s", i.Issuer, pipeline.InvoiceNumber(issuer, i.First),
			pipeline.InvoiceNumber(issuer, i.First+int64(len(i.Payers))-1), i.Period, i.InvoiceDate)
	}
	return err
}

func (p *program) publishCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "publish", Short: "Write invoices and final reports of an invoiced month", Args: cobra.NoArgs,
		Long: `Draws the invoices (PDF, CSV, JSON), writes the final reports, which now carry
the invoice ids, proves that all of them agree with the charges, and puts them
where people look. Run again, it repairs copies that are missing or changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context(), writing)
			if err != nil {
				return err
			}
			defer s.close()
			return p.publish(cmd.Context(), s)
		},
	}
	p.monthFlags(cmd, true)
	return cmd
}

func (p *program) publish(ctx context.Context, s *session) error {
	var all []*period.Publish
	err := p.eachIssuer(s, func(issuer schema.Issuer) error {
		done, err := s.Publish(ctx, issuer.ID, p.period)
		if err != nil {
			return err
		}
		all = append(all, done)
		if !p.json {
			p.printPublished(issuer, done)
		}
		return nil
	})
	s.bar.finish()
	if p.json {
		return errors.Join(p.resultJSON(all), err)
	}
	return err
}

func (p *program) printPublished(issuer schema.Issuer, done *period.Publish) {
	p.result("published %s of issuer %s: %s, %s", p.period, issuer.ID, several(len(done.Invoices), "invoice"), several(len(done.Documents), "document"))
	for _, i := range done.Invoices {
		p.result("  %s  payer %s  %s %s", i.Number, i.Payer, minor(i.Total, issuer.Currency), issuer.Currency)
	}
}
