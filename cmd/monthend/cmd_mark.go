package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) markCommand() *cobra.Command {
	var source, through, by string
	cmd := &cobra.Command{
		Use: "mark --source SOURCE --through INSTANT", Short: "Declare that all usage of a source before an instant was delivered", Args: cobra.NoArgs,
		Long: `Declares that all usage of a source before an instant was delivered and taken
in. For a source with declares: true in the configuration, a month is closed
only when this was said of the month's end. A mark never goes back.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := time.Parse(time.RFC3339, through)
			if err != nil {
				return usageError{fmt.Errorf("--through %q is not an instant; write it like 2026-11-01T00:00:00Z", through)}
			}
			s, err := p.open(cmd.Context(), making)
			if err != nil {
				return err
			}
			defer s.close()
			declared, err := s.Mark(cmd.Context(), source, at, by)
			if err != nil {
				return markError(err)
			}
			if p.json {
				return p.resultJSON(map[string]any{"source": source, "through": declared})
			}
			p.result("source %s is complete through %s", source, declared.Format(time.RFC3339))
			return nil
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "source of the configuration")
	cmd.Flags().StringVar(&through, "through", "", "instant, exclusive, such as 2026-11-01T00:00:00Z")
	cmd.Flags().StringVar(&by, "by", p.getenv("USER", ""), "who says so")
	for _, name := range []string{"source", "through"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag was defined just above
		}
	}
	return cmd
}

// markError tells a mistake of the caller from trouble with the store.
func markError(err error) error {
	if errors.Unwrap(err) == nil {
		return usageError{err}
	}
	return err
}
