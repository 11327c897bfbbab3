package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monthend/monthend/config"
	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
)

func (p *program) offersDeriveCommand() *cobra.Command {
	var out, offersFile string
	cmd := &cobra.Command{
		Use: "derive CUR...", Short: "Write the reservations that Cost and Usage Reports speak of", Args: cobra.MinimumNArgs(1),
		Long: `Reads the reservation fees and the usage under reservations of Cost and Usage
Reports, files or folders, and writes an offers file with one reservation for each. What each of
them covers is what the reports say: the usage that names it. Reports of several
months are merged, and refused where they contradict each other. Savings plans are
not derived. What had to be assumed is told as notes on stderr.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := reportFiles(args)
			if err != nil {
				return err
			}
			list, notes, err := pipeline.DeriveReservations(cmd.Context(), files, ingest.DefaultLimits())
			if err != nil {
				return p.refused(err)
			}
			for _, n := range notes {
				p.say("note: %s", n)
			}
			text, err := mergedOffers(offersFile, list)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = p.stdout.Write(text)
				return err
			}
			if err := os.WriteFile(out, text, 0o644); err != nil {
				return errors.New(err.Error())
			}
			p.result("wrote %s with %s", out, several(len(list), "reservation"))
			return nil
		},
	}
	cmd.Flags().StringVar(&offersFile, "offers", "", "offers file without reservations that the result begins with")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: stdout)")
	return cmd
}

// refused prints what is wrong with data that a command was given, and returns
// other errors as they are.
func (p *program) refused(err error) error {
	var many schema.Problems
	var one *schema.Problem
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = schema.Problems{*one}
	default:
		return err
	}
	p.problems(many)
	return errData
}

// reportFiles returns the files under paths. Reports of several months have files
// of the same name, so messages name the path.
func reportFiles(paths []string) ([]ingest.Input, error) {
	var files []ingest.Input
	for _, path := range paths {
		found, err := listFolder(path)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			name := path
			if filepath.Base(path) != f.Name { // a folder
				name = filepath.Join(path, f.Name)
			}
			f.Name = filepath.ToSlash(name)
			files = append(files, f)
		}
	}
	return files, nil
}

// mergedOffers returns the text of an offers file, of none where path is blank,
// with reservations behind it. The words of the file stay as they are.
func mergedOffers(path string, list []offer.Reservation) ([]byte, error) {
	var text bytes.Buffer
	if path != "" {
		offers, problems := loadOffers(path)
		if len(problems) > 0 {
			return nil, usageError{problems}
		}
		if len(offers.Reservations) > 0 {
			return nil, usageError{fmt.Errorf("%s: holds reservations already; take them out, and they are written anew", path)}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %s", path, reason(err))}
		}
		text.Write(bytes.TrimRight(data, "\n"))
		text.WriteString("\n\n")
	}
	writeReservations(&text, list)
	if _, problems := config.LoadOffers("the derived offers", text.Bytes()); len(problems) > 0 {
		return nil, usageError{problems}
	}
	return text.Bytes(), nil
}

// writeReservations writes reservations as an offers file spells them.
func writeReservations(out *bytes.Buffer, list []offer.Reservation) {
	out.WriteString("reservations:\n")
	for _, r := range list {
		lead := "\n  - "
		line := func(key, value string) {
			fmt.Fprintf(out, "%s%s: %s\n", lead, key, value)
			lead = "    "
		}
		text := func(key, value string) {
			if value != "" {
				line(key, quoted(value))
			}
		}
		text("id", r.ID)
		text("description", r.Description)
		text("subscription_id", r.Subscription)
		text("account_id", r.Account)
		line("select", fmt.Sprintf("{service_code: %s, usage_type: %s, operation: %s, region_code: %s}",
			quoted(r.Select.ServiceCode), quoted(r.Select.UsageType), quoted(r.Select.Operation), quoted(r.Select.Region)))
		text("availability_zone", r.Zone)
		if r.SizeFlexible {
			line("size_flexible", "true")
		}
		line("count", fmt.Sprint(r.Count))
		text("start", r.Start.UTC().Format(time.RFC3339))
		text("end", r.End.UTC().Format(time.RFC3339))
		line("years", fmt.Sprint(r.Years))
		text("offering_class", r.Class)
		line("payment", strings.ToLower(strings.ReplaceAll(string(r.Payment), " ", "_")))
		line("upfront", r.Upfront.String())
		line("hourly", r.Hourly.String())
		line("coverage_given", "true")
	}
}

// quoted writes a text as JSON does, which YAML reads.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // a string is always JSON
		panic(err)
	}
	return string(b)
}
