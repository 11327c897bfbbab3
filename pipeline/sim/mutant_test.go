package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
)

// mutantSeeds is within how many seeds a planted bug must be caught.
const mutantSeeds = 200

// plant makes a mutant that changes what a hook does.
func plant(name string, change func(h *hook)) mutant {
	return mutant{name: name, wrap: func(p *proc, inner store.Store) store.Store {
		h := &hook{Store: inner, p: p}
		change(h)
		return h
	}}
}

func (m mutant) with(setup func(s *sim)) mutant {
	m.setup = setup
	return m
}

// mutants lists planted bugs of the protocol: in how an answer is read, in what
// a process looks at before it decides, and in the order of writing.
func mutants() []mutant {
	list := append(answers(), blind()...)
	return append(list, orders()...)
}

// answers are bugs in what is made of an answer of the store.
func answers() []mutant {
	return []mutant{
		plant("unconditional put", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if !isLog(key) {
					return h.put(key, data)
				}
				return h.Store.Replace(ctx(), key, store.BytesBody(data))
			}
		}),
		plant("store checks, then writes", func(h *hook) {
			h.create = func(key string, data []byte) error {
				r, _, err := h.Store.Open(ctx(), key)
				if err == nil {
					r.Close()
					return fmt.Errorf("create %s: %w", key, store.ErrExists)
				}
				if !errors.Is(err, store.ErrNotFound) {
					return err
				}
				return h.Store.Replace(ctx(), key, store.BytesBody(data))
			}
		}),
		plant("lost commit pushed to the next slot", func(h *hook) {
			h.create = func(key string, data []byte) error {
				err := h.put(key, data)
				if !isLog(key) || !errors.Is(err, store.ErrExists) {
					return err
				}
				log, slot := split(key)
				if held := h.p.s.objects[key].data; string(held) == string(data) {
					return err
				}
				var e entry
				_ = json.Unmarshal(data, &e)
				for errors.Is(err, store.ErrExists) {
					slot++
					err = h.append(log, h.truth(log, slot), e)
				}
				return err
			}
		}),
		plant("412 taken as success", func(h *hook) {
			h.create = func(key string, data []byte) error {
				err := h.put(key, data)
				if isLog(key) && errors.Is(err, store.ErrExists) {
					return nil
				}
				return err
			}
		}),
		plant("timeout taken as success", func(h *hook) {
			h.create = func(key string, data []byte) error {
				err := h.put(key, data)
				if isLog(key) && errors.Is(err, store.ErrUnsettled) {
					return nil
				}
				return err
			}
		}),
		plant("timeout taken as failure, next slot", func(h *hook) {
			h.create = func(key string, data []byte) error {
				err := h.put(key, data)
				if !isLog(key) || !errors.Is(err, store.ErrUnsettled) {
					return err
				}
				var e entry
				_ = json.Unmarshal(data, &e)
				log, slot := split(key)
				ghost := period.Entry{Slot: int64(slot), Hash: hashOf(data)}
				return h.append(log, append(h.truth(log, slot), ghost), e)
			}
		}),
		plant("no read-back", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if isData(key) {
					h.p.kept[key] = data
				}
				return h.put(key, data)
			}
			h.open = func(key string) ([]byte, bool) {
				data, ok := h.p.kept[key]
				return data, ok
			}
		}).with(func(s *sim) { s.world.faults.torn = 20 }),
	}
}

// blind are bugs in what a process looks at before it decides.
func blind() []mutant {
	hide := func(name, verb, kind string) mutant {
		return plant(name, func(h *hook) {
			h.see = func(_ string, e *entry) {
				if h.p.verb == verb && e.Kind == kind {
					e.Kind = "NOTE"
				}
			}
		})
	}
	shift := func(name string, by int64) mutant {
		return plant(name, func(h *hook) {
			h.see = func(log string, e *entry) {
				if h.p.verb != "close" || e.Kind != "CLOSE" || strings.HasSuffix(log, h.p.period) {
					return
				}
				body := decode[map[string]any](*e)
				run := body["run"].(map[string]any)
				end := float64(len(h.p.s.keys("log/usage/")) - 1)
				run["usage_slot"] = max(min(run["usage_slot"].(float64)+float64(by), end), -1)
				e.Body, _ = json.Marshal(body)
			}
		})
	}
	return []mutant{
		hide("CLOSE not looked for before CLOSE", "close", "CLOSE"),
		hide("CLOSE not looked for before REFRESH", "refresh", "CLOSE"),
		hide("PUBLISH not looked for before PUBLISH", "publish", "PUBLISH"),
		hide("numbers not looked for before ISSUE", "issue", "ISSUE"),
		hide("collector does not know REFRESH", "collect", "REFRESH"),
		shift("late usage from a slot too high", 1),
		shift("late usage from a slot too low", -1),
		plant("writers ignore GC records", func(h *hook) {
			h.see = func(_ string, e *entry) {
				if h.p.verb != "collect" && e.Kind == "GC" {
					e.Kind = "NOTE"
				}
			}
		}),
		plant("ids not checked against records of others that came in between", func(h *hook) {
			h.create = func(key string, data []byte) error {
				h.p.known[strings.TrimPrefix(key, "usage/ids/")] = true
				return h.put(key, data)
			}
			h.open = func(key string) ([]byte, bool) {
				name, isRun := strings.CutPrefix(key, "usage/ids/")
				if !isRun || h.p.verb != "ingest" || h.p.known[name] {
					return nil, false
				}
				return []byte{}, true
			}
		}),
		plant("log not read again before reports are written", func(h *hook) {
			h.create = func(key string, data []byte) error {
				err := h.put(key, data)
				if log, slot := split(key); err == nil && strings.HasPrefix(key, "log/") {
					h.p.ends[log] = slot + 1
				}
				return err
			}
			h.open = func(key string) ([]byte, bool) {
				if !isLog(key) {
					return nil, false
				}
				log, slot := split(key)
				end, known := h.p.ends[log]
				return nil, known && slot >= end
			}
		}).with(func(s *sim) {
			withExports(s)
			s.refreshers = 5
		}),
		plant("collector takes no slot", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if h.p.verb == "collect" && isLog(key) {
					h.p.kept[key] = data
					return nil
				}
				return h.put(key, data)
			}
			h.open = func(key string) ([]byte, bool) {
				data, ok := h.p.kept[key]
				return data, ok && h.p.verb == "collect"
			}
		}),
	}
}

// orders are bugs in the order of writing and in what a record says.
func orders() []mutant {
	return []mutant{
		plant("usage slot not pinned", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if h.p.verb != "close" || !isLog(key) {
					return h.put(key, data)
				}
				return h.amend(key, data, func(e *entry, body map[string]any) {
					if e.Kind == "CLOSE" {
						body["run"].(map[string]any)["usage_slot"] = len(h.p.s.keys("log/usage/")) - 1
					}
				})
			}
		}),
		plant("invoice date by the clock alone", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if h.p.verb != "issue" || !isLog(key) {
					return h.put(key, data)
				}
				return h.amend(key, data, func(_ *entry, body map[string]any) {
					body["invoice_date"] = schema.DateOf(h.p.Now()).String()
				})
			}
		}).with(func(s *sim) { s.skews = 72 * time.Hour }),
		plant("record before data", func(h *hook) {
			h.create = func(key string, data []byte) error {
				if h.p.verb == "close" && strings.HasPrefix(key, "run/") {
					h.p.kept[key] = data
					return nil
				}
				err := h.put(key, data)
				if err == nil && isLog(key) {
					for held, data := range sorted(h.p.kept) {
						_ = h.put(held, data)
					}
				}
				return err
			}
			h.open = func(key string) ([]byte, bool) {
				data, ok := h.p.kept[key]
				return data, ok
			}
		}),
		plant("manifest before data", func(h *hook) {
			h.replace = func(key string, data []byte) error {
				if store.IsExportData(key) {
					h.p.kept[key] = data
					return nil
				}
				err := h.Store.Replace(ctx(), key, store.BytesBody(data))
				if err == nil && strings.HasSuffix(key, "-Manifest.json") {
					for held, data := range sorted(h.p.kept) {
						_ = h.Store.Replace(ctx(), held, store.BytesBody(data))
					}
					clear(h.p.kept)
				}
				return err
			}
		}).with(withExports),
		{name: "numbers by a counter, then the record", issue: issueByCounter},
		{name: "publish before issue", publish: publishEarly},
	}
}

func withExports(s *sim) {
	s.world.exports = []pipeline.Export{{Name: "csv", Format: report.CSV, ChunkRows: 4, Members: true, Resources: true}}
	s.world.faults.pause = 60
}

// issueByCounter takes numbers from a counter with compare-and-swap and then
// writes them down: a kill in between leaves a gap.
func issueByCounter(p *proc, issuer, month string) error {
	m := p.s.monthLog(issuer, month)
	if m.close == nil {
		return pipeline.ErrBlocked
	}
	var payers []string
	for _, b := range m.close.Bills {
		payers = append(payers, b.Payer)
	}
	log := period.Log{Store: p.Store, Name: store.Series(issuer, "invoice")}
	entries, err := log.Read(ctx())
	if err != nil {
		return err
	}
	if issue, _, _, err := period.FindIssue(entries, issuer, month); err != nil || issue != nil {
		return err
	}
	counter := p.s.counters[issuer] + 1
	if _, err := p.turn("replace", "counter/"+issuer); err != nil || p.killed {
		return errKilled
	}
	p.s.counters[issuer] += int64(len(payers))
	_, err = log.Commit(ctx(), func() period.Stamp { return period.Stamp{Attempt: p.Attempt, At: p.Now()} },
		func(entries []period.Entry) (string, any, error) {
			for _, e := range entries {
				var body period.Issue
				if err := e.Decode(&body); err != nil || body.Period == month {
					return "", nil, err
				}
			}
			return "ISSUE", period.Issue{Issuer: issuer, Period: month, Close: m.closeHash, First: counter, Payers: payers, InvoiceDate: schema.DateOf(p.Now())}, nil
		})
	return err
}

// publishEarly does not wait for the numbers.
func publishEarly(p *proc, issuer, month string) error {
	log := period.Log{Store: p.Store, Name: store.PeriodLog(issuer, month)}
	_, err := log.Commit(ctx(), func() period.Stamp { return period.Stamp{Attempt: p.Attempt, At: p.Now()} },
		func(entries []period.Entry) (string, any, error) {
			m, err := period.FoldMonth(entries)
			if err != nil || m.Close == nil || m.Publish != nil {
				return "", nil, err
			}
			return "PUBLISH", period.Publish{Published: p.Now()}, nil
		})
	return err
}

// TestMutants plants every bug and asks that the checks catch it. In full with
// MUTANTS=1; else only those that a few seeds must catch.
func TestMutants(t *testing.T) {
	full := os.Getenv("MUTANTS") != ""
	quick := map[string]bool{"412 taken as success": true}
	for _, m := range mutants() {
		if !full && !quick[m.name] {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			var caught *sim
			seeds := 0
			play(t, 1, mutantSeeds, m, func(s *sim) bool {
				seeds++
				if len(s.violations) > 0 {
					caught = s
				}
				return caught == nil
			})
			if caught == nil {
				t.Errorf("not caught in %d seeds", seeds)
				return
			}
			t.Logf("caught by seed %d, after %d seeds: %.200s", caught.seed, seeds, caught.violations[0])
		})
	}
}

// TestCanary: the checks see what is not as it should be.
func TestCanary(t *testing.T) {
	s := run(3, mutant{}, t.TempDir())
	objects, records := s.objects, s.world.records
	for _, fault := range []struct {
		name  string
		spoil func(s *sim)
	}{
		{"nothing", func(*sim) {}},
		{"a record lost", func(s *sim) {
			s.world.records = append(s.world.records, record{id: "r99", account: "p1", month: months[1], amount: 1})
		}},
		{"an object gone", func(s *sim) { delete(s.objects, s.keys("run/")[0]) }},
		{"a slot gone", func(s *sim) { delete(s.objects, s.keys("log/usage/")[0]) }},
		{"a byte changed", func(s *sim) {
			key := s.keys("usage/batch/")[0]
			data := append([]byte{}, s.objects[key].data...)
			data[len(data)/2] ^= 1
			s.objects[key] = object{data: data}
		}},
		{"a record in another month", func(s *sim) { s.world.records[0].month = s.world.records[0].month.AddDate(0, 1, 0) }},
		{"an amount changed", func(s *sim) { s.world.records[0].amount++ }},
	} {
		s.objects, s.world.records, s.violations = maps.Clone(objects), slices.Clone(records), nil
		func() {
			defer func() {
				if r := recover(); r != nil {
					s.violate("%v", r)
				}
			}()
			fault.spoil(s)
			s.check()
		}()
		if found := len(s.violations) > 0; found != (fault.name != "nothing") {
			t.Errorf("%s: %d violations", fault.name, len(s.violations))
		}
	}
}
