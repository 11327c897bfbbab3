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
			p.result("%s is sound: %s, %s, %s, %s, %s, %s, %s", p.configFile,
				several(len(s.Organization.Issuers), "issuer"), several(len(s.Organization.Payers), "payer"), several(members, "account"),
				several(len(s.Prices.Catalog.SKUs), "SKU"), several(s.Offers.Count(), "offer"),
				several(len(s.config.Sources), "source"), several(len(s.config.Exports), "export"))
			return nil
		},
	})
	return cmd
}
