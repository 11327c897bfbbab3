package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/schema"
)

// markAhead is how far a mark may lie in the future: the clocks of a meter and
// of this host need not agree to the second, but nobody can know of tomorrow.
const markAhead = time.Hour

// Mark records the word of a source that all its usage before an instant has
// been delivered. A mark that says no more than an earlier one is not written
// again. It returns the instant through which the source is complete.
func (p *Pipeline) Mark(ctx context.Context, source string, through time.Time, by string) (time.Time, error) {
	if !slices.Contains(p.Declaring, source) {
		return time.Time{}, fmt.Errorf("source %q does not declare completeness; set declares: true for it in the configuration", schema.Shorten(source))
	}
	if limit := p.Now().Add(markAhead); through.After(limit) {
		return time.Time{}, fmt.Errorf("%s lies in the future: a source cannot declare complete what has not happened", through.Format(time.RFC3339))
	}
	declared := through.UTC()
	_, err := p.usageLog().Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		u, err := period.FoldUsage(entries, -1)
		if err != nil {
			return "", nil, err
		}
		if before := u.Declared[source]; !before.Before(declared) {
			declared = before
			return "", nil, nil
		}
		return period.KindMark, period.Mark{Source: source, Through: declared, By: by}, nil
	})
	return declared, err
}

// CloseWithoutMarks records a person's decision that the close of a period
// need not wait for the marks of sources.
func (p *Pipeline) CloseWithoutMarks(ctx context.Context, issuerID, name string, sources []string, reason, by string) error {
	for _, s := range sources {
		if !slices.Contains(p.Declaring, s) {
			return fmt.Errorf("source %q does not declare completeness; no close waits for it", schema.Shorten(s))
		}
		if err := p.Note(ctx, issuerID, name, period.Note{Subject: period.NoteWithoutMark, Source: s, Text: reason, By: by}); err != nil {
			return err
		}
	}
	return nil
}

// Note appends a note to the log of a period, unless one on its subject and
// source is there.
func (p *Pipeline) Note(ctx context.Context, issuerID, name string, note period.Note) error {
	issuer, err := p.issuer(issuerID)
	if err != nil {
		return err
	}
	per, err := periodOf(issuer, name)
	if err != nil {
		return err
	}
	_, err = p.periodLog(issuer.ID, per).Commit(ctx, p.stamp, func(entries []period.Entry) (string, any, error) {
		m, err := period.FoldMonth(entries)
		if err != nil || m.Noted(note.Subject, note.Source) {
			return "", nil, err
		}
		return period.KindNote, note, nil
	})
	return err
}

// silent lists the sources that declare completeness and have not done so
// through the end of the period, nor were excused by a person.
func (p *Pipeline) silent(at *place) []string {
	var list []string
	for _, s := range p.Declaring {
		if at.usage.Declared[s].Before(at.period.End) && !at.month.Noted(period.NoteWithoutMark, s) {
			list = append(list, s)
		}
	}
	return list
}

// closeFrom is the first instant at which the period may be closed when every
// mark is there: its end, or close.wait later when a source does not declare.
func (p *Pipeline) closeFrom(per schema.Period) time.Time {
	if len(p.Declaring) > 0 && len(p.Declaring) >= len(p.Sources) {
		return per.End
	}
	return per.End.Add(p.CloseWait)
}

// ripe says whether the period may be closed now: nil, ErrNotDue, or ErrBlocked
// when a source has been silent for so long that a person must decide.
func (p *Pipeline) ripe(ctx context.Context, at *place) error {
	what := fmt.Sprintf("period %s of issuer %s", at.period.Name, at.issuer.ID)
	if from := p.closeFrom(at.period); p.Now().Before(from) {
		return fmt.Errorf("%w: %s may be closed from %s on", ErrNotDue, what, from.Format(time.RFC3339))
	}
	if silent := p.silent(at); len(silent) > 0 {
		names := strings.Join(silent, ", ")
		if p.Now().Before(at.period.End.Add(p.CloseAlarm)) {
			return fmt.Errorf("%w: %s waits for the marks of %s through %s", ErrNotDue, what, names, at.period.End.Format(time.RFC3339))
		}
		return fmt.Errorf("%w: %s: %s did not declare usage complete through %s; run `monthend mark` for it, or close with --without-marks %s --reason",
			ErrBlocked, what, names, at.period.End.Format(time.RFC3339), strings.Join(silent, ","))
	}
	return p.storeAgrees(ctx, at)
}

// storeAgrees keeps a host whose clock ran ahead from closing a month that is
// not over.
func (p *Pipeline) storeAgrees(ctx context.Context, at *place) error {
	if p.StoreNow == nil {
		return nil
	}
	now, err := p.StoreNow(ctx)
	if err != nil {
		return err
	}
	if now.Before(at.period.End) {
		return fmt.Errorf("%w: period %s is not over: the store's clock shows %s, this host's %s; set the clock of this host",
			ErrBlocked, at.period.Name, now.UTC().Format(time.RFC3339), p.Now().UTC().Format(time.RFC3339))
	}
	return nil
}
