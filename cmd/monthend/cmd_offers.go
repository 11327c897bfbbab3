package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

func (p *program) offersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "offers", Short: "Check offers, or derive reservations from Cost and Usage Reports"}
	cmd.AddCommand(p.offersCheckCommand(), p.offersDeriveCommand())
	return cmd
}

func (p *program) offersCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check the offers against prices and organization", Args: cobra.NoArgs,
		Long: `Checks the offers file that the configuration names, as every command does, and
prints what it holds and for which days. It also refuses a selector that picks no
SKU of the price lists, which other commands take.`,
		RunE: func(*cobra.Command, []string) error {
			s, err := p.load()
			if err != nil {
				return err
			}
			p.problems(s.warnings)
			if s.config.Offers == "" {
				p.result("%s names no offers file", p.configFile)
				return nil
			}
			if rows := offerRows(s.Offers); len(rows) > 0 {
				p.table("KIND COUNT FROM UNTIL", rows)
			}
			if unused := s.Offers.Unused(s.config.Offers, s.Prices.Catalog); len(unused) > 0 {
				return usageError{unused}
			}
			p.result("%s is sound", s.config.Offers)
			return nil
		},
	}
}

// offerRows says of each kind of offer how many there are, and the stretch from
// the first day of any to the first day after all.
func offerRows(o *offer.Offers) [][]string {
	var rows [][]string
	rows = appendRow(rows, "free_tier", o.FreeTier, func(p *offer.Pool) (from, until schema.Date) { return p.From, p.Until })
	rows = appendRow(rows, "discounts", o.Discounts, func(d *offer.Discount) (from, until schema.Date) { return d.From, d.Until })
	rows = appendRow(rows, "reservations", o.Reservations, func(r *offer.Reservation) (from, until schema.Date) { return days(r.Start, r.End) })
	rows = appendRow(rows, "savings_plans", o.SavingsPlans, func(s *offer.SavingsPlan) (from, until schema.Date) { return days(s.Start, s.End) })
	rows = appendRow(rows, "fees", o.Fees, func(f *offer.Fee) (from, until schema.Date) {
		if !f.Date.IsZero() {
			return f.Date, f.Date.AddDays(1)
		}
		return f.From, f.Until
	})
	rows = appendRow(rows, "support", o.Support, func(s *offer.Support) (from, until schema.Date) { return s.From, s.Until })
	rows = appendRow(rows, "minimum_commitments", o.Minimums, func(m *offer.Minimum) (from, until schema.Date) { return m.From, m.Until })
	rows = appendRow(rows, "credits", o.Credits, func(c *offer.Credit) (from, until schema.Date) { return c.From, c.Until })
	rows = appendRow(rows, "refunds", o.Refunds, func(r *offer.Refund) (from, until schema.Date) { return r.Date, r.Date.AddDays(1) })
	return appendRow(rows, "taxes", o.Taxes, func(t *offer.Tax) (from, until schema.Date) { return t.From, t.Until })
}

// appendRow adds the row of a kind that has any; a dash is a stretch without end.
func appendRow[T any](rows [][]string, kind string, list []T, days func(*T) (from, until schema.Date)) [][]string {
	if len(list) == 0 {
		return rows
	}
	from, until := days(&list[0])
	for i := range list {
		f, u := days(&list[i])
		if f.IsZero() || !from.IsZero() && before(f, from) {
			from = f
		}
		if u.IsZero() || !until.IsZero() && before(until, u) {
			until = u
		}
	}
	return append(rows, []string{kind, count(int64(len(list))), dayOr(from), dayOr(until)})
}

func before(a, b schema.Date) bool { return a.In(time.UTC).Before(b.In(time.UTC)) }

func dayOr(d schema.Date) string {
	if d.IsZero() {
		return "-"
	}
	return fmt.Sprint(d)
}

// days returns the first day of a stretch and the first one that it does not
// touch, in UTC.
func days(start, end time.Time) (from, until schema.Date) {
	return schema.DateOf(start.UTC()), schema.DateOf(end.UTC().Add(-1)).AddDays(1)
}
