package main

import (
	"github.com/spf13/cobra"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check the configuration"}
	cmd.AddCommand(&cobra.Command{
		Use: "check", Short: "Check the configuration and every file that it names", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.load()
			if err != nil {
				return err
			}
			p.problems(s.warnings)
			members := 0
			for _, payer := range s.Organization.Payers {
				members += len(payer.Accounts)
			}
			p.result("%s is sound: %d issuers, %d payers, %d accounts, %d SKUs, %d free tier pools, %d sources, %d exports", p.configFile,
				len(s.Organization.Issuers), len(s.Organization.Payers), members, len(s.Prices.Catalog.SKUs), len(s.Offers.FreeTier),
				len(s.config.Sources), len(s.config.Exports))
			return nil
		},
	})
	return cmd
}
