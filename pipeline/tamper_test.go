package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
)

// tampering answers reads of one kind of object with other bytes, from the n-th
// time on that they are read.
type tampering struct {
	store.Store
	picks  func(key string) bool
	change func([]byte) []byte
	after  int // reads that are answered truly
	reads  int
}

func (s *tampering) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	r, info, err := s.Store.Open(ctx, key)
	if err != nil || !s.picks(key) {
		return r, info, err
	}
	if s.reads++; s.reads <= s.after {
		return r, info, nil
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, info, err
	}
	data = s.change(data)
	info.Size = int64(len(data))
	return io.NopCloser(bytes.NewReader(data)), info, nil
}

func holds(part string) func(string) bool {
	return func(key string) bool { return strings.Contains(key, part) }
}

// otherMonth is the charges object or bill of another payer's month: whole,
// sound, and wrong.
func otherMonth(t *testing.T, part string) []byte {
	w := october(t)
	w.ingest(source(), csvFile("a.csv", good(3)...))
	w.close("2026-10")
	for key, data := range objects(t, w.Store) {
		if strings.Contains(key, part) {
			return data
		}
	}
	t.Fatalf("no object is like %s", part)
	return nil
}

// TestTampered gives close, issue and publish other bytes than were written: each
// refuses, and nothing is committed or put where people look.
func TestTampered(t *testing.T) {
	flip := func(data []byte) []byte {
		data[len(data)/2] ^= 1
		return data
	}
	const charges, bill = "/charges/100000000001/", "/documents/100000000001/bill.json"
	otherCharges, otherBill := otherMonth(t, charges), otherMonth(t, bill)
	swap := func(other []byte) func([]byte) []byte { return func([]byte) []byte { return other } }
	respell := func(data []byte) []byte {
		return bytes.ReplaceAll(data, []byte("Example Shop"), []byte("Elpmaxe Shop"))
	}
	for _, c := range []struct {
		name   string
		part   string
		change func([]byte) []byte
	}{
		{"a bit of the charges", charges, flip},
		{"charges of another month", charges, swap(otherCharges)},
		{"no charges", charges, func([]byte) []byte { return nil }},
		{"a bit of the bill", bill, flip},
		{"bill of another month", bill, swap(otherBill)},
		{"a name on the bill", bill, respell},
	} {
		t.Run(c.name, func(t *testing.T) {
			tamper := func(w *world) *world {
				return w.over(&tampering{Store: w.Store, picks: holds(c.part), change: c.change})
			}
			refused := func(what string, st store.Store, before map[string][]byte, err error) {
				t.Helper()
				if err == nil {
					t.Errorf("%s succeeds", what)
				}
				orphans := func(key string) bool { return strings.HasPrefix(key, "run/") }
				if d := differences(before, objects(t, st), orphans); len(d) > 0 {
					t.Errorf("%s, refused, wrote %q", what, d)
				}
			}
			w := october(t)
			w.ingest(source(), folder(t, "october/usage")...)
			before := objects(t, w.Store)
			_, err := tamper(w).Close(ctx(), "", "2026-10")
			refused("close", w.Store, before, err)
			w.close("2026-10")
			before = objects(t, w.Store)
			if c.part == bill {
				_, err = tamper(w).Issue(ctx(), "", "2026-10")
				refused("issue", w.Store, before, err)
			}
			if _, err := w.Issue(ctx(), "", "2026-10"); err != nil {
				t.Fatal(err)
			}
			before = objects(t, w.Store)
			_, err = tamper(w).Publish(ctx(), "", "2026-10")
			refused("publish", w.Store, before, err)
		})
	}
}

// TestTamperedInputs rates late usage with pinned inputs that were changed.
func TestTamperedInputs(t *testing.T) {
	w := plain(t)
	w.at("2026-12-02T00:00:00Z")
	w.ingest(source(), csvFile("a.csv", good(1)...))
	october := w.close("2026-10").Run
	w.ingest(source(), csvFile("late.csv", good(3)[2:]...))
	cheaper := func(data []byte) []byte {
		return bytes.ReplaceAll(data, []byte("0.0960000000"), []byte("0.0000000096"))
	}
	_, err := w.over(&tampering{Store: w.Store, picks: holds(october.ID + "/inputs/prices-1.csv"), change: cheaper}).Close(ctx(), "", "2026-11")
	wantError(t, err, "other bytes")
	// Usage that the close of October was made from.
	_, err = w.over(&tampering{Store: w.Store, picks: holds("usage/batch/"), change: func([]byte) []byte { return []byte("PAR1") }}).Close(ctx(), "", "2026-11")
	wantError(t, err, "usage/batch/")
	w.close("2026-11")
}
