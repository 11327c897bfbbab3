package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

func (p *program) pricesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "prices", Short: "Check price lists, try their cases, or derive one from a Cost and Usage Report"}
	cmd.AddCommand(p.pricesCheckCommand(), p.pricesDeriveCommand(), p.pricesTestCommand())
	return cmd
}

func (p *program) pricesCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE...", Short: "Check price list files as one catalog", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b := price.NewBuilder()
			for _, path := range args {
				data, err := os.ReadFile(path)
				if err != nil {
					return usageError{fmt.Errorf("%s: %s", path, reason(err))}
				}
				b.ReadCSV(path, bytes.NewReader(data))
			}
			c, problems := b.Catalog()
			if len(problems) > 0 {
				p.problems(problems)
				return errData
			}
			p.problems(c.Warnings)
			p.result("%d SKUs with %d prices are sound; %d reserved prices were passed over", len(c.SKUs), c.Prices, c.Reserved)
			return nil
		},
	}
}

func (p *program) pricesDeriveCommand() *cobra.Command {
	var from []string
	var out, offersFile string
	cmd := &cobra.Command{
		Use: "derive --from-cur FILE", Short: "Write the price list that a Cost and Usage Report implies", Args: cobra.NoArgs,
		Long: `Reads the rated rows of a Cost and Usage Report and writes a price list: the rate
that was paid, or the public rate where only free rows exist. It invents no tier
bounds. What the report does not say is told as notes on stderr.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var files []ingest.Input
			for _, path := range from {
				found, err := listFolder(path)
				if err != nil {
					return err
				}
				files = append(files, found...)
			}
			var offers offer.Offers
			if offersFile != "" {
				var problems schema.Problems
				if offers, problems = loadOffers(offersFile); len(problems) > 0 {
					return usageError{problems}
				}
			}
			list, notes, err := pipeline.DerivePrices(cmd.Context(), files, offers, ingest.DefaultLimits())
			if err != nil {
				return err
			}
			for _, n := range notes {
				p.say("note: %s", n)
			}
			if out == "" {
				_, err = p.stdout.Write(list)
				return err
			}
			if err := os.WriteFile(out, list, 0o644); err != nil {
				return errors.New(err.Error())
			}
			p.result("wrote %s", out)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&from, "from-cur", nil, "report file or folder, CSV or Parquet; may be repeated")
	cmd.Flags().StringVar(&offersFile, "offers", "", "offers file whose pools tell the unit of usage that was always free")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: stdout)")
	if err := cmd.MarkFlagRequired("from-cur"); err != nil {
		panic(err)
	}
	return cmd
}
