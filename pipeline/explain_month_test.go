package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline"
)

// reportLine is a line as the reports name it.
type reportLine struct {
	id     string
	at     time.Time
	amount string
	cost   string
}

// reportLines reads the payers' CSV reports of a month.
func reportLines(t testing.TB, w *world, month string) []reportLine {
	t.Helper()
	var lines []reportLine
	for key, data := range objects(t, w.Store) {
		at := strings.Split(key, "/")
		if !strings.HasSuffix(key, ".csv.gz") || !strings.Contains(key, "BILLING_PERIOD="+month) || at[1] != at[2] {
			continue
		}
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		in := csv.NewReader(r)
		header, err := in.Read()
		for err == nil {
			var row []string
			if row, err = in.Read(); err == nil {
				cell := func(name string) string { return row[slices.Index(header, name)] }
				start, parseErr := time.Parse("2006-01-02T15:04:05.000Z", cell("line_item_usage_start_date"))
				if parseErr != nil {
					t.Fatal(parseErr)
				}
				lines = append(lines, reportLine{cell("identity_line_item_id"), start, cell("line_item_usage_amount"), cell("line_item_unblended_cost")})
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	return lines
}

// explainAll asks for every line of a month's reports and returns how many
// were made by usage.
func explainAll(t testing.TB, w *world, month string) (byUsage int) {
	t.Helper()
	lines := reportLines(t, w, month)
	if len(lines) == 0 {
		t.Fatal("the reports have no lines")
	}
	for _, line := range lines {
		x, err := w.Explain(ctx(), pipeline.Question{What: line.id, Period: month, At: line.at})
		if err != nil {
			t.Fatal(err)
		}
		l := x.Line
		asked := slices.IndexFunc(l.Portions, func(p pipeline.Portion) bool { return p.ID == line.id })
		if asked < 0 || l.Portions[asked].Amount.String() != line.amount || l.Portions[asked].Unblended.String() != line.cost {
			t.Errorf("line %s of %s: portions %+v, the report says %s costing %s", line.id, line.at, l.Portions, line.amount, line.cost)
		}
		for _, p := range l.Portions {
			for _, s := range p.Sums {
				if !s.Agrees && s.Note == "" {
					t.Errorf("line %s of %s, %s: %+v must agree", line.id, line.at, p.Kind, s)
				}
			}
			if n := len(p.Discounts); n > 0 && p.Discounts[n-1].Left != p.Net {
				t.Errorf("line %s of %s: discounts leave %s, net is %s", line.id, line.at, p.Discounts[n-1].Left, p.Net)
			}
		}
		if l.Offer != nil {
			for _, s := range l.Offer.Sums {
				if !s.Agrees && s.Note == "" {
					t.Errorf("line %s of %s, %s %s: %+v must agree", line.id, line.at, l.Offer.Kind, l.Offer.ID, s)
				}
			}
		}
		switch {
		case l.Usage != nil && (!l.Usage.Agrees || len(l.Usage.Records) == 0):
			t.Errorf("line %s of %s: records %+v do not make its portions of %s", line.id, line.at, l.Usage.Records, l.Usage.Portions)
		case l.Usage == nil && (l.Offer == nil || l.Offer.Kind == ""):
			t.Errorf("line %s of %s (%s %s) has neither usage nor offer", line.id, line.at, l.Type, l.UsageType)
		}
		if l.Usage != nil {
			byUsage++
		}
	}
	return byUsage
}

// Every line of a month's reports has records that make its amount, and
// arithmetic that makes its costs; two payers, an account that joins, a pool,
// tiers, two price versions, credits that came with the usage.
func TestEveryLineIsExplained(t *testing.T) {
	w := october(t)
	w.ingest(source(), folder(t, "october/usage")...)
	run := w.refresh("2026-10")
	if n := explainAll(t, w, "2026-10"); int64(n) != run.Bills[0].Rows+run.Bills[1].Rows {
		t.Errorf("%d lines were explained by usage, the bills have %d and %d", n, run.Bills[0].Rows, run.Bills[1].Rows)
	}
}

// A month with every kind of offer: what no usage made is traced to its offer.
func TestEveryLineOfOffersIsExplained(t *testing.T) {
	w := monthOf(t, "november")
	w.at("2026-12-01T00:00:00Z")
	w.ingest(source(), folder(t, "november/usage")...)
	w.refresh("2026-11")
	explainAll(t, w, "2026-11")
}

// A line in the next bill is explained by what came late, also where a late
// record moved another line over the bound of a tier, and where two closes
// charged the same line.
func TestLateLinesAreExplained(t *testing.T) {
	w := october(t)
	store := func(id, start, amount string) usage {
		u := instance(id, start)
		u.service, u.kind, u.operation, u.resource, u.amount, u.unit = "AmazonS3", "TimedStorage-ByteHrs", "", "", amount, "GB-Mo"
		return u
	}
	w.ingest(source(), csvFile("a.csv", store("a", "2026-10-10T00:00:00Z", "40"), store("b", "2026-10-20T00:00:00Z", "20")))
	w.close("2026-10")
	w.ingest(source(), csvFile("b.csv", store("c", "2026-10-05T00:00:00Z", "30")))
	w.at("2026-12-02T09:00:00Z")
	w.close("2026-11")
	explainAll(t, w, "2026-11")
	w.ingest(source(), csvFile("c.csv", store("d", "2026-10-05T00:00:00Z", "1"), store("e", "2026-12-01T00:00:00Z", "1")))
	w.refresh("2026-12")
	explainAll(t, w, "2026-12")

	for _, line := range reportLines(t, w, "2026-12") {
		x, err := w.Explain(ctx(), pipeline.Question{What: line.id, Period: "2026-12", At: line.at})
		if err != nil {
			t.Fatal(err)
		}
		if !line.at.Equal(time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)) {
			continue
		}
		var states []string
		for _, r := range x.Line.Usage.Records {
			states = append(states, r.ID+" "+r.State+" "+r.File)
		}
		if want := []string{"c before b.csv", "d late c.csv"}; !slices.Equal(states, want) {
			t.Errorf("records %q, want %q", states, want)
		}
		return
	}
	t.Error("the line of 5 October is not in the report of December")
}

func TestExplainTellsWhatIsMissing(t *testing.T) {
	w := october(t)
	line := strings.Repeat("a", 52)
	_, err := w.Explain(ctx(), pipeline.Question{What: line})
	wantError(t, err, "no month has been rated yet; run report first")
	w.ingest(source(), csvFile("a.csv", instance("a", "2026-10-10T00:00:00Z")))
	_, err = w.Explain(ctx(), pipeline.Question{What: line, Period: "2026-10"})
	wantError(t, err, "2026-10 of issuer acme has not been rated; run report first")
	run := w.refresh("2026-10")
	_, err = w.Explain(ctx(), pipeline.Question{What: line})
	wantError(t, err, line, "looked through 2026-10 of issuer acme, run "+run.ID)
	known := reportLines(t, w, "2026-10")[0]
	_, err = w.Explain(ctx(), pipeline.Question{What: known.id, At: known.at.Add(time.Hour)})
	wantError(t, err, "in the hour 2026-10-10T01:00:00Z", "its hours are from 2026-10-10T00:00:00Z to 2026-10-10T00:00:00Z")
	x, err := w.Explain(ctx(), pipeline.Question{What: known.id})
	if err != nil || x.Line == nil || x.State != "estimated" {
		t.Errorf("a line of one hour is explained whole: %+v, %v", x, err)
	}
	_, err = w.Explain(ctx(), pipeline.Question{What: "AC-000001"})
	wantError(t, err, `"AC-000001" is not there`)
}
