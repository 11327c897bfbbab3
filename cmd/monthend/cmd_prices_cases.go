package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline/trial"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// casesEnding is what a file of cases has instead of .csv, the ending of the
// price list that it stands beside.
const casesEnding = ".cases.yaml"

func (p *program) pricesTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test [FILE...]", Short: "Try the cases of price lists and offers: this usage must cost that",
		Long: `Rates the usage of each case and compares the outcome with what the case expects.
Cases stand in an offers file under the key cases, and beside a price list
prices.csv in prices.cases.yaml.

Without FILE, the cases of all files that the configuration names are tried, with
its prices, offers and organization. With FILE and --config only the cases of
those files are tried. With FILE and no --config, the files are all there is:
price lists (.csv), one offers file, and files of cases (.cases.yaml).
Exit code 1 says that a case did not hold.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var world trial.World
			var cases []price.Case
			var err error
			if len(args) == 0 || cmd.Flags().Changed("config") {
				world, cases, err = p.configuredCases(args)
			} else {
				world, cases, err = casesOfFiles(args)
			}
			if err != nil {
				return err
			}
			return p.tryCases(world, cases)
		},
	}
}

// configuredCases takes the world from the configuration, and the cases of its
// files or of others.
func (p *program) configuredCases(paths []string) (trial.World, []price.Case, error) {
	s, err := p.load()
	if err != nil {
		return trial.World{}, nil, err
	}
	if len(paths) == 0 {
		paths = slices.Clone(s.config.Prices)
		if s.config.Offers != "" {
			paths = append(paths, s.config.Offers)
		}
	}
	world := trial.World{Catalog: s.Prices.Catalog, Offers: s.Offers, Organization: s.Organization}
	cases, err := loadCases(paths)
	return world, cases, err
}

// casesOfFiles makes the world of the files alone.
func casesOfFiles(paths []string) (trial.World, []price.Case, error) {
	world := trial.World{Offers: &offer.Offers{}}
	b := price.NewBuilder()
	lists, offers := 0, ""
	var problems schema.Problems
	for _, path := range paths {
		switch {
		case isPriceList(path):
			data, err := os.ReadFile(path)
			if err != nil {
				return world, nil, usageError{fmt.Errorf("%s: %s", path, reason(err))}
			}
			b.ReadCSV(path, bytes.NewReader(data))
			lists++
		case strings.HasSuffix(path, casesEnding):
		case offers != "":
			return world, nil, usageError{fmt.Errorf("%s and %s are both taken for offers files; give one, and price lists as .csv", offers, path)}
		default:
			offers = path
			o, faults := loadOffers(path)
			world.Offers, problems = &o, append(problems, faults...)
		}
	}
	if lists == 0 {
		return world, nil, usageError{errors.New("no price list is given; name its .csv too, or the configuration with --config")}
	}
	catalog, faults := b.Catalog()
	if problems = append(problems, faults...); len(problems) == 0 && offers != "" {
		problems = world.Offers.Check(offers, catalog)
	}
	if len(problems) > 0 {
		return world, nil, usageError{problems}
	}
	world.Catalog = catalog
	cases, err := loadCases(paths)
	return world, cases, err
}

func isPriceList(path string) bool { return strings.EqualFold(filepath.Ext(path), ".csv") }

// loadCases reads the cases of price lists, of offers files and of files of
// cases, each file once.
func loadCases(paths []string) ([]price.Case, error) {
	var cases []price.Case
	var problems schema.Problems
	read := map[string]bool{}
	for _, path := range paths {
		beside := isPriceList(path)
		if beside {
			path = strings.TrimSuffix(path, filepath.Ext(path)) + casesEnding
		}
		if read[filepath.Clean(path)] {
			continue
		}
		read[filepath.Clean(path)] = true
		data, err := os.ReadFile(path)
		switch {
		case beside && errors.Is(err, fs.ErrNotExist): // a price list need not have cases
			continue
		case err != nil:
			return nil, usageError{fmt.Errorf("%s: %s", path, reason(err))}
		}
		load := config.LoadOffersCases
		if strings.HasSuffix(path, casesEnding) {
			load = config.LoadCases
		}
		list, faults := load(path, data)
		cases, problems = append(cases, list...), append(problems, faults...)
	}
	switch {
	case len(problems) > 0:
		return nil, usageError{problems}
	case len(cases) == 0:
		return nil, usageError{fmt.Errorf("no cases in %s; write them under cases in the offers file, or beside a price list in a file that ends in %s", strings.Join(paths, ", "), casesEnding)}
	}
	return cases, nil
}

// tryCases prints a line for each case, and what differs below it.
func (p *program) tryCases(world trial.World, cases []price.Case) error {
	failed := 0
	for _, c := range cases {
		differs, err := world.Run(c)
		if err != nil {
			differs = []string{err.Error()}
		}
		if len(differs) == 0 {
			p.result("ok    %s:%d: %s", c.File, c.Line, c.Name)
			continue
		}
		failed++
		p.result("FAIL  %s:%d: %s", c.File, c.Line, c.Name)
		for _, d := range differs {
			p.result("      %s", d)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s of %s failed", count(int64(failed)), several(len(cases), "case"))
	}
	p.result("%s held", several(len(cases), "case"))
	return nil
}
