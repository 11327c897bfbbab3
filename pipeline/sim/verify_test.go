package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// quiet makes a sound bucket: months with late usage, a collection and reports,
// by one process that nothing disturbs.
func quiet(t testing.TB, seed uint64) *sim {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	s := &sim{seed: seed, rng: rng, world: newWorld(rng), tempDir: t.TempDir(), objects: map[string]object{}, skews: time.Hour,
		now: time.Date(2026, 12, 2, 6, 0, 0, 0, time.UTC), yield: make(chan struct{}), direct: true}
	s.world.faults = faults{}
	s.world.exports = []pipeline.Export{
		{Name: "csv", Format: report.CSV, ChunkRows: 4, Members: true, Resources: true},
		{Name: "cur2", Format: report.Parquet, ChunkRows: 3, Members: rng.IntN(2) == 0, Resources: true}}
	p := s.process("first")
	p.skew = 0
	_ = p.ingest(s.world.files[:2]...)
	for _, i := range s.issuers() {
		for _, m := range p.openMonths(i.ID)[:1] {
			if m == "2026-11" {
				continue // late usage of the last month would be in no close
			}
			_ = p.waive(i.ID, m)
			_ = p.refresh(i.ID, m)
			_ = p.close(i.ID, m)
		}
	}
	_ = p.ingest(s.world.files[2:3]...)
	_ = p.refresh("acme", "2026-10")
	_ = p.ingest(s.world.files...)
	_ = p.refresh("acme", "2026-10")
	_ = p.collect()
	s.recover()
	s.check()
	if len(s.violations) > 0 {
		t.Fatalf("seed %d: the bucket is not sound to begin with: %s", seed, s.violations[0])
	}
	return s
}

// look verifies every closed month and returns all findings.
func (s *sim) look(t testing.TB) (findings []pipeline.Finding, orphans map[string]bool) {
	t.Helper()
	p := s.process("verify")
	orphans = map[string]bool{}
	for _, i := range s.issuers() {
		for _, m := range names(months) {
			found, err := p.Verify(ctx(), i.ID, m)
			if err != nil {
				continue // not closed
			}
			findings = append(findings, found.Findings...)
			for _, key := range found.Orphans {
				orphans[key] = true
			}
		}
	}
	return findings, orphans
}

// TestVerifySound: nothing is found where nothing is wrong.
func TestVerifySound(t *testing.T) {
	for seed := range uint64(envInt("SOUND", 2)) {
		s := quiet(t, seed)
		if findings, _ := s.look(t); len(findings) > 0 {
			t.Errorf("seed %d: sound, and yet: %s", seed, findings[0])
		}
	}
}

// damage spoils a bucket and tells what verify must name, and the line if it
// must. A blank object means that this bucket offers nothing to spoil.
type damage struct {
	name  string
	spoil func(t testing.TB, s *sim, rng *rand.Rand, sound []string) (object string, line int64)
}

func pick(rng *rand.Rand, keys []string, fits func(string) bool) string {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !fits(k) })
	if len(keys) == 0 {
		return ""
	}
	return keys[rng.IntN(len(keys))]
}

func anyKey(string) bool { return true }

func has(parts ...string) func(string) bool {
	return func(key string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(key, p) })
	}
}

func (s *sim) set(key string, data []byte) { s.objects[key] = object{data: data, modified: s.now} }

func damages() []damage {
	return append(blunt(), forged()...)
}

// blunt damages are those of a broken disk or a careless hand.
func blunt() []damage {
	return []damage{
		{"bit flip", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, anyKey)
			data := bytes.Clone(s.objects[key].data)
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
			s.set(key, data)
			return key, 0
		}},
		{"truncation", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, anyKey)
			s.set(key, s.objects[key].data[:rng.IntN(len(s.objects[key].data))])
			return key, 0
		}},
		{"bytes appended", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, anyKey)
			s.set(key, append(bytes.Clone(s.objects[key].data), "\n\n"...))
			if isLog(key) {
				s.set(key, append(bytes.Clone(s.objects[key].data), '}'))
			}
			return key, 0
		}},
		{"swapped objects", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			folder := []string{"usage/batch/", "/charges/", "reports/", "bills/", "invoices/", "log/usage/"}[rng.IntN(6)]
			a := pick(rng, sound, has(folder))
			b := pick(rng, sound, func(k string) bool {
				return strings.Contains(k, folder) && k != a && !bytes.Equal(s.objects[k].data, s.objects[a].data)
			})
			if a == "" || b == "" {
				return "", 0
			}
			s.objects[a], s.objects[b] = s.objects[b], s.objects[a]
			if isLog(a) {
				return min(a, b), 0
			}
			return a, 0
		}},
		{"missing object", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, func(k string) bool { return !isLog(k) })
			delete(s.objects, key)
			return key, 0
		}},
		{"missing record", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			// Nothing vouches for the last record of a log but the next.
			key := pick(rng, sound, func(k string) bool {
				log, slot := split(k)
				return isLog(k) && s.objects[store.Slot(log, int64(slot)+1)].data != nil
			})
			delete(s.objects, key)
			return key, 0
		}},
		{"extra object in a log", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			log, _ := split(pick(rng, sound, isLog))
			key := log + "/notes.txt"
			s.set(key, []byte("hello"))
			return key, 0
		}},
		{"extra file among an export's data", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, has("/data/BILLING_PERIOD="))
			extra := strings.Replace(key, "-00001.", "-00077.", 1)
			if extra == key {
				return "", 0
			}
			s.set(extra, s.objects[key].data)
			return extra, 0
		}},
		{"extra invoice", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, has("invoices/", ".pdf"))
			if key == "" {
				return "", 0
			}
			extra := key[:strings.LastIndexByte(key, '/')] + "/AC-9999.pdf"
			s.set(extra, s.objects[key].data)
			return extra, 0
		}},
		{"a line changed in a bill", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, has("bills/", ".csv"))
			lines := bytes.Split(s.objects[key].data, []byte("\n"))
			at := rng.IntN(len(lines) - 1)
			lines[at] = bytes.Replace(lines[at], lines[at][:1], []byte("#"), 1)
			s.set(key, bytes.Join(lines, []byte("\n")))
			return key, int64(at) + 1
		}},
		{"changed price file", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, has("/inputs/prices"))
			s.set(key, bytes.Replace(s.objects[key].data, []byte("0.5000000000"), []byte("0.4000000000"), 1))
			return key, 0
		}},
		{"broken chain", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, func(k string) bool {
				log, slot := split(k)
				return isLog(k) && s.objects[store.Slot(log, int64(slot)+1)].data != nil
			})
			if key == "" {
				return "", 0
			}
			log, slot := split(key)
			s.rewrite(log, slot, slot, func(e *entry) { e.Attempt = "somebody else" })
			return store.Slot(log, int64(slot)+1), 0
		}},
	}
}

// rewrite makes records [from, to] of a log anew, in a chain that holds.
func (s *sim) rewrite(log string, from, to int, change func(*entry)) {
	prefix, err := period.Log{Store: plain{s}, Name: log}.Read(ctx())
	if err != nil {
		panic(err)
	}
	prefix = prefix[:from]
	for slot := from; slot <= to; slot++ {
		key := store.Slot(log, int64(slot))
		var e entry
		if err := json.Unmarshal(s.objects[key].data, &e); err != nil {
			panic(err)
		}
		change(&e)
		alone := store.NewMemory()
		next, err := period.Log{Store: alone, Name: log}.Append(ctx(), prefix, period.Stamp{Attempt: e.Attempt, At: e.At}, e.Kind, e.Body)
		if err != nil {
			panic(err)
		}
		data, err := store.ReadAll(ctx(), alone, key, 1<<20)
		if err != nil {
			panic(err)
		}
		s.set(key, data)
		prefix = append(prefix, next)
	}
}

// forge changes a record and everything behind it, so that every chain holds:
// only computing the month again can tell.
func (s *sim) forge(kind, issuer, month string, change func(body map[string]any)) (slot string) {
	log := store.PeriodLog(issuer, month)
	if kind == "ISSUE" {
		log = store.Series(issuer, "invoice")
	}
	at := -1
	alter := func(e *entry) {
		body := decode[map[string]any](*e)
		if e.Kind == kind && (kind != "ISSUE" || body["period"] == month) {
			at = int(e.Slot)
			change(body)
			e.Body, _ = json.Marshal(body)
		}
	}
	s.rewrite(log, 0, len(s.keys(log+"/"))-1, alter)
	if at < 0 {
		return ""
	}
	slot = store.Slot(log, int64(at))
	if kind == "PUBLISH" {
		return slot
	}
	series := store.Series(issuer, "invoice")
	s.rewrite(series, 0, len(s.keys(series+"/"))-1, func(e *entry) {
		body := decode[map[string]any](*e)
		body["close"] = s.monthLog(issuer, body["period"].(string)).closeHash
		e.Body, _ = json.Marshal(body)
	})
	for _, m := range s.closedMonths(issuer) {
		own := store.PeriodLog(issuer, m)
		s.rewrite(own, 0, len(s.keys(own+"/"))-1, func(e *entry) {
			if e.Kind != "PUBLISH" {
				return
			}
			body := decode[map[string]any](*e)
			for _, issued := range s.log(series) {
				if decode[period.Issue](issued).Period == m {
					body["issue"] = issued.hash
				}
			}
			e.Body, _ = json.Marshal(body)
		})
	}
	return slot
}

// settle writes an object's new size and hash into the records that name it.
func (s *sim) settle(kind, issuer, month, key string) string {
	data := s.objects[key].data
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["key"] == key {
				v["bytes"], v["sha256"] = len(data), hashOf(data)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	return s.forge(kind, issuer, month, func(body map[string]any) { walk(body) })
}

// forged damages agree with every hash.
func forged() []damage {
	return []damage{
		{"gap in numbers", func(_ testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.closedMonths("acme"), anyKey)
			return s.forge("ISSUE", "acme", m, func(body map[string]any) { body["first"] = body["first"].(float64) + 1 }), 0
		}},
		{"changed total of a bill", func(_ testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			return s.forge("CLOSE", "acme", m, func(body map[string]any) {
				body["run"].(map[string]any)["bills"].([]any)[0].(map[string]any)["total"] = "1234"
			}), 0
		}},
		{"changed total of an invoice", func(_ testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			return s.forge("PUBLISH", "acme", m, func(body map[string]any) {
				body["invoices"].([]any)[0].(map[string]any)["total"] = "1234"
			}), 0
		}},
		{"changed row of charges", func(t testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			c := s.monthLog("acme", m).close.Charges[0]
			s.set(c.Key, s.spoilCharges(t, c))
			s.settle("CLOSE", "acme", m, c.Key)
			return c.Key, 0
		}},
		{"changed price file, named anew", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			in := s.monthLog("acme", m).close.Inputs[0]
			dearer := strings.NewReplacer("1.0000000000", "3.0000000000", "2.0000000000", "4.0000000000") // every charge costs more
			s.set(in.Key, []byte(dearer.Replace(string(s.objects[in.Key].data))))
			s.settle("CLOSE", "acme", m, in.Key)
			return s.monthLog("acme", m).close.Charges[0].Key, 0
		}},
		{"foreign row in a member's export", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			member := pick(rng, sound, has("reports/m1/p1/csv/data/", "-00001."))
			payer := strings.Replace(member, "reports/m1/", "reports/p1/", 1)
			if member == "" || !s.rowsOf(payer, "p1") {
				return "", 0
			}
			s.set(member, s.objects[payer].data)
			m := member[strings.Index(member, "PERIOD=")+7:][:7]
			s.settle("PUBLISH", "acme", m, member)
			return member, 0
		}},
		{"row of another payer", func(_ testing.TB, s *sim, rng *rand.Rand, sound []string) (string, int64) {
			key := pick(rng, sound, has("reports/p1/p1/cur2/data/", "-00001."))
			other := strings.Replace(key, "reports/p1/p1/", "reports/p2/p2/", 1)
			if key == "" || s.objects[other].data == nil {
				return "", 0
			}
			s.set(key, s.objects[other].data)
			m := key[strings.Index(key, "PERIOD=")+7:][:7]
			s.settle("PUBLISH", "acme", m, key)
			return key, 0
		}},
		{"usage not covered", func(_ testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			slot := s.forge("CLOSE", "acme", m, func(body map[string]any) { body["run"].(map[string]any)["usage_slot"] = -1 })
			return slot, 0
		}},
		{"invoice left out", func(_ testing.TB, s *sim, rng *rand.Rand, _ []string) (string, int64) {
			m := pick(rng, s.owingMonths(), anyKey)
			return s.forge("PUBLISH", "acme", m, func(body map[string]any) { body["invoices"] = []any{} }), 0
		}},
	}
}

// owingMonths are the months of acme that somebody owes for.
func (s *sim) owingMonths() []string {
	return slices.DeleteFunc(s.closedMonths("acme"), func(m string) bool { return len(s.monthLog("acme", m).close.Charges) == 0 })
}

// rowsOf tells whether an export file in CSV holds rows of an account.
func (s *sim) rowsOf(key, account string) bool {
	f, err := store.BytesBody(s.objects[key].data).Open()
	if err != nil {
		return false
	}
	found := false
	_ = report.EachAccount(f, true, func(_ int64, _, a string) { found = found || a == account })
	return found
}

// spoilCharges returns the file with the cost of its last row changed.
func (s *sim) spoilCharges(t testing.TB, c period.Charges) []byte {
	t.Helper()
	var out bytes.Buffer
	w := &spool.ChargesWriter{}
	if err := w.Begin(&out); err != nil {
		t.Fatal(err)
	}
	owner := &batch.Owner{Issuer: "acme", Payer: c.Payer, PricingCurrency: "USD", BillingCurrency: "USD"}
	err := spool.ReadCharges(ctx(), bytes.NewReader(s.objects[c.Key].data), owner, batch.NewDims(), batch.NewTable[batch.Price](), batch.NewTerms(), func(b *batch.Charges) error {
		b.Unblended[b.Len()-1] = money.CostFromInt(777)
		return w.Write(b)
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestVerifyDamage plants damages, each in a sound bucket, and asks that verify
// names what is damaged. DAMAGES says how many.
func TestVerifyDamage(t *testing.T) {
	all := damages()
	want := envInt("DAMAGES", len(all))
	kinds := map[string]int{}
	var s *sim
	var sound []string
	var before map[string]object
	planted := 0
	for try := uint64(0); planted < want && try < uint64(10*want); try++ {
		if try%uint64(2*len(all)) == 0 {
			s = quiet(t, 100+try)
			_, orphans := s.look(t)
			sound = slices.DeleteFunc(s.keys(""), func(k string) bool { return orphans[k] || s.unwatched(k) })
			before = maps.Clone(s.objects)
		}
		s.objects = maps.Clone(before)
		d := all[int(try)%len(all)]
		object, line := d.spoil(t, s, rand.New(rand.NewPCG(try, 300)), sound)
		if object == "" {
			continue
		}
		planted++
		kinds[d.name]++
		findings, _ := s.look(t)
		at := slices.IndexFunc(findings, func(f pipeline.Finding) bool { return f.Object == object && (line == 0 || f.Line == line) })
		if at < 0 {
			t.Errorf("seed %d, %s: %s:%d was not named; found are %s", try, d.name, object, line, fmt.Sprint(findings))
		}
	}
	if planted < want {
		t.Errorf("only %d damages could be planted", planted)
	}
	t.Logf("%d damages of %d kinds planted and found", planted, len(kinds))
}

// unwatched are copies that no PUBLISH names, and usage beyond the last close.
func (s *sim) unwatched(key string) bool {
	if store.IsTruth(key) {
		return false
	}
	for _, i := range s.issuers() {
		for _, m := range s.closedMonths(i.ID) {
			for _, o := range s.monthLog(i.ID, m).publish.Documents {
				if o.Key == key {
					return false
				}
			}
		}
	}
	return true
}
