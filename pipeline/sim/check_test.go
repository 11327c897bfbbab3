package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// ack is a success that a process was told of: it must still be true at the end.
type ack struct {
	who, verb, issuer, month string
	result                   any
}

func kindsAllowed() []error {
	return []error{errKilled, pipeline.ErrBlocked, pipeline.ErrNotDue, store.ErrUnsettled, store.ErrDenied}
}

func isData(key string) bool {
	return strings.HasPrefix(key, "run/") || strings.HasPrefix(key, "usage/")
}

// entry is a log record, read here without the help of the code under test.
type entry struct {
	Kind     string
	Slot     int64
	Previous string
	Attempt  string
	At       time.Time
	Body     json.RawMessage
	hash     string
}

func decode[T any](e entry) T {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		panic(fmt.Sprintf("%s in slot %d: %v", e.Kind, e.Slot, err))
	}
	return body
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// log reads a log and checks that it is a chain from slot 0 without holes.
func (s *sim) log(name string) []entry {
	var list []entry
	previous := ""
	keys := s.keys(name + "/")
	for i, key := range keys {
		data := s.objects[key].data
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			s.violate("%s: %v", key, err)
			return list
		}
		if key != store.Slot(name, int64(i)) || e.Slot != int64(i) || e.Previous != previous {
			s.violate("I9: %s: the chain is broken", key)
			return list
		}
		e.hash = hashOf(data)
		previous = e.hash
		list = append(list, e)
	}
	return list
}

// monthLog is what the log of a period comes to.
type monthLog struct {
	entries   []entry
	newest    *period.Run // of REFRESH or CLOSE
	refreshed *period.Run // by the newest REFRESH
	close     *period.Run
	closeHash string
	publish   *period.Publish
}

func (s *sim) monthLog(issuer, month string) monthLog {
	m := monthLog{entries: s.log(store.PeriodLog(issuer, month))}
	where := issuer + " " + month
	for _, e := range m.entries {
		switch e.Kind {
		case "REFRESH":
			if m.close != nil {
				s.violate("I10: %s: REFRESH after CLOSE", where)
			}
			run := decode[period.Refresh](e).Run
			if m.refreshed != nil && run.UsageSlot < m.refreshed.UsageSlot {
				s.violate("%s: REFRESH goes back from usage slot %d to %d", where, m.refreshed.UsageSlot, run.UsageSlot)
			}
			m.newest, m.refreshed = &run, &run
		case "CLOSE":
			if m.close != nil {
				s.violate("I8: %s: second CLOSE", where)
			}
			run := decode[period.Close](e).Run
			m.newest, m.close, m.closeHash = &run, &run, e.hash
		case "PUBLISH":
			if m.close == nil || m.publish != nil {
				s.violate("I11: %s: PUBLISH without CLOSE, or twice", where)
			}
			body := decode[period.Publish](e)
			m.publish = &body
		case "GC":
		default:
			s.violate("%s: record %s", where, e.Kind)
		}
	}
	return m
}

func (s *sim) issuers() []schema.Issuer { return s.world.organization.Issuers }

func (s *sim) closedMonths(issuer string) []string {
	var list []string
	for _, m := range names(months) {
		for _, key := range s.keys(store.PeriodLog(issuer, m) + "/") {
			if bytes.Contains(s.objects[key].data, []byte(`"CLOSE"`)) {
				list = append(list, m)
				break
			}
		}
	}
	return list
}

// check looks at everything that must be true once all verbs have run.
func (s *sim) check() {
	usage := s.log("log/usage")
	accepted := s.accepted(usage)
	for _, r := range s.world.records {
		if _, there := accepted[r.id]; !there {
			s.violate("I4: record %s was delivered and is lost", r.id)
		}
	}
	for _, i := range s.issuers() {
		var closes []monthLog
		for _, m := range names(months) {
			log := s.monthLog(i.ID, m)
			s.checkObjects(i.ID+" "+m, log)
			if log.close != nil {
				closes = append(closes, log)
			}
		}
		s.checkSlots(i.ID, accepted, closes)
		s.checkMoney(i, usage, accepted, closes)
		s.checkSeries(i, closes)
	}
	s.checkAcks(usage)
}

// fact is an accepted record and where it stands.
type fact struct {
	record
	slot int64
}

// accepted reads every batch that the usage log names: each record is there once.
func (s *sim) accepted(usage []entry) map[string]fact {
	known := map[string]record{}
	for _, r := range s.world.records {
		known[r.id] = r
	}
	facts := map[string]fact{}
	for _, e := range usage {
		if e.Kind == "REJECT" {
			s.violate("a sound file was refused: %s", e.Body)
		}
		if e.Kind != "INGEST" {
			continue
		}
		body := decode[period.Ingest](e)
		for _, name := range body.IDs {
			if _, there := s.objects[store.UsageIDs(name)]; !there {
				s.violate("I3: slot %d names id run %s, which is missing", e.Slot, name)
			}
		}
		for _, b := range body.Batches {
			s.checkObject("usage log", period.Object{Key: store.UsageBatch(b.Name()), Bytes: b.Bytes, SHA256: b.SHA256})
			for _, id := range s.recordIDs(b) {
				if _, twice := facts[id]; twice {
					s.violate("I2: record %s was accepted twice, again in slot %d", id, e.Slot)
					continue
				}
				facts[id] = fact{known[id], e.Slot}
			}
		}
	}
	return facts
}

func (s *sim) recordIDs(b schema.UsageBatch) []string {
	var ids []string
	data := s.objects[store.UsageBatch(b.Name())].data
	err := spool.ReadUsage(ctx(), bytes.NewReader(data), batch.NewDims(), true, func(u *batch.Usage) error {
		for i := range u.Len() {
			ids = append(ids, string(u.IDs.At(i)))
		}
		return nil
	})
	if err != nil {
		s.violate("batch %s: %v", b.Name(), err)
	}
	return ids
}

func (s *sim) checkObject(where string, o period.Object) {
	there, ok := s.objects[o.Key]
	switch {
	case !ok:
		s.violate("I3: %s names %s, which is missing", where, o.Key)
	case int64(len(there.data)) != o.Bytes || hashOf(there.data) != o.SHA256:
		s.violate("I3: %s names %s, which has other bytes", where, o.Key)
	}
}

func (s *sim) checkObjects(where string, m monthLog) {
	run := m.close
	if run == nil {
		run = m.refreshed
	}
	if run == nil {
		return
	}
	for _, o := range run.Inputs {
		s.checkObject(where, o)
	}
	for _, c := range run.Charges {
		s.checkObject(where, c.Object)
	}
	for _, b := range run.Bills {
		s.checkObject(where, b.Bill)
	}
	if m.publish == nil {
		return
	}
	for _, o := range m.publish.Documents {
		if store.IsTruth(o.Key) {
			s.checkObject(where, o)
		}
	}
}

// checkSlots: closes of an issuer run in order and their slots never fall, but
// for a month whose first usage came after a later month had been closed.
func (s *sim) checkSlots(issuer string, accepted map[string]fact, closes []monthLog) {
	for j, c := range closes {
		for _, earlier := range closes[:j] {
			if c.close.UsageSlot >= earlier.close.UsageSlot {
				continue
			}
			for id, f := range accepted {
				if f.month.Format("2006-01") == earlier.close.Period.Name && s.issuerOf(f.account) == issuer && f.slot <= c.close.UsageSlot {
					s.violate("slots of the closes of %s fall at %s: %d after %d, and record %s was there", issuer, c.close.Period.Name,
						c.close.UsageSlot, earlier.close.UsageSlot, id)
				}
			}
		}
	}
}

// checkMoney sums every charge of every close by hand.
func (s *sim) checkMoney(issuer schema.Issuer, usage []entry, accepted map[string]fact, closes []monthLog) {
	cost := map[string]*big.Rat{} // by payer and month of usage
	for at, c := range closes {
		want := s.expected(issuer, accepted, closes, at, usage)
		got := map[string]*big.Rat{}
		for _, f := range c.close.Charges {
			sum := s.addCharges(f, got, cost)
			if sum.Cmp(rat(f.Unblended.String())) != 0 {
				s.violate("I14: %s sums to %s, CLOSE says %s", f.Key, sum.FloatString(4), f.Unblended)
			}
		}
		for id, amount := range got {
			if want[id] == nil && amount.Sign() != 0 {
				s.violate("I2: record %s is charged in %s %s and does not belong there", id, issuer.ID, c.close.Period.Name)
			}
		}
		for id, amount := range want {
			if got[id] == nil || got[id].Cmp(amount) != 0 {
				s.violate("I2: record %s belongs in %s %s with %s and is charged with %v", id, issuer.ID, c.close.Period.Name, amount.FloatString(0), got[id])
			}
		}
	}
	s.checkTiers(issuer, accepted, cost)
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("not a number: " + text)
	}
	return r
}

// addCharges reads a file of charges into sums of usage by record and of cost by
// payer and month.
func (s *sim) addCharges(f period.Charges, usage, cost map[string]*big.Rat) *big.Rat {
	total := new(big.Rat)
	add := func(to map[string]*big.Rat, key, value string) {
		if to[key] == nil {
			to[key] = new(big.Rat)
		}
		to[key].Add(to[key], rat(value))
	}
	dims, prices := batch.NewDims(), batch.NewTable[batch.Price]()
	err := spool.ReadCharges(ctx(), bytes.NewReader(s.objects[f.Key].data), &batch.Owner{Payer: f.Payer}, dims, prices, batch.NewTerms(), func(c *batch.Charges) error {
		for i := range c.Len() {
			add(usage, dims.Resources.Value(c.Resource[i]), c.Amount[i].String())
			add(cost, f.Payer+" "+c.Hour[i].Time().Format("2006-01"), c.Unblended[i].String())
			total.Add(total, rat(c.Unblended[i].String()))
		}
		return nil
	})
	if err != nil {
		s.violate("charges %s: %v", f.Key, err)
	}
	return total
}

func (s *sim) issuerOf(account string) string {
	for _, p := range s.world.organization.Payers {
		for _, a := range p.Accounts {
			if a.ID == account {
				return p.Issuer
			}
		}
	}
	return ""
}

// expected says which records a close must charge: those of its month up to its
// slot, and late ones of closed months before that no close before has charged.
func (s *sim) expected(issuer schema.Issuer, accepted map[string]fact, closes []monthLog, at int, usage []entry) map[string]*big.Rat {
	want := map[string]*big.Rat{}
	for id, f := range accepted {
		if s.issuerOf(f.account) != issuer.ID {
			continue
		}
		home := f.month.Format("2006-01")
		chargedAt := -1
		for i, c := range closes {
			if c.close.Period.Name >= home && f.slot <= c.close.UsageSlot {
				chargedAt = i
				break
			}
		}
		switch {
		case chargedAt < 0:
			if at == len(closes)-1 {
				s.violate("I4: record %s of slot %d is in no close", id, f.slot)
			}
		case f.mystery:
			if chargedAt == at && !waivedBetween(usage, f.slot, closes[at].close.UsageSlot) {
				s.violate("I4: record %s is in suspense, not waived, and %s is closed", id, closes[at].close.Period.Name)
			}
		case chargedAt == at:
			want[id] = new(big.Rat).SetInt64(int64(f.amount))
		}
	}
	return want
}

func waivedBetween(usage []entry, after, upTo int64) bool {
	return slices.ContainsFunc(usage, func(e entry) bool { return e.Kind == "WAIVE" && e.Slot > after && e.Slot <= upTo })
}

// checkTiers rates each payer's month by hand: late is as dear as on time.
func (s *sim) checkTiers(issuer schema.Issuer, accepted map[string]fact, cost map[string]*big.Rat) {
	units, want := map[string]int64{}, map[string]*big.Rat{}
	for _, f := range accepted {
		for _, p := range s.world.organization.PayersOf(issuer.ID) {
			if !f.mystery && slices.ContainsFunc(p.Accounts, func(a schema.Account) bool { return a.ID == f.account }) {
				key := p.AccountID + " " + f.month.Format("2006-01")
				if want[key] == nil {
					want[key] = new(big.Rat)
				}
				if f.flat {
					want[key].Add(want[key], big.NewRat(2*int64(f.amount), 1))
				} else {
					units[key] += int64(f.amount)
				}
			}
		}
	}
	for key, sum := range want {
		n := units[key]
		sum.Add(sum, big.NewRat(2*min(n, flatTo)+max(n-flatTo, 0), 2))
		if got := cost[key]; got == nil || got.Cmp(sum) != 0 {
			s.violate("money: usage of payer and month %s costs %s, charged are %v", key, sum.FloatString(2), got)
		}
	}
}

// checkRefreshed compares the charges of a refresh with the usage that it covers,
// unless a later one has taken its files already.
func (s *sim) checkRefreshed(run *period.Run) {
	newest := s.monthLog(run.Issuer, run.Period.Name)
	if newest.close != nil || newest.refreshed == nil || newest.refreshed.ID != run.ID {
		return
	}
	got, cost := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, c := range run.Charges {
		if _, there := s.objects[c.Key]; !there {
			s.violate("I3: %s, which a REFRESH names, is missing", c.Key)
			return
		}
		s.addCharges(c, got, cost)
	}
	for id, f := range s.accepted(s.log(store.UsageLog())) {
		if f.mystery || f.slot > run.UsageSlot || f.month.Format("2006-01") != run.Period.Name || s.issuerOf(f.account) != run.Issuer {
			continue
		}
		if want := big.NewRat(int64(f.amount), 1); got[id] == nil || got[id].Cmp(want) != 0 {
			s.violate("I2: record %s is charged with %v in a REFRESH, want %s", id, got[id], want.FloatString(0))
		}
	}
}

// checkSeries: numbers 1 to N, each to a payer that owes, one record per close.
func (s *sim) checkSeries(issuer schema.Issuer, closes []monthLog) {
	next, last := int64(1), schema.Date{}
	seen := map[string]period.Issue{}
	hashes := map[string]string{}
	for _, e := range s.log(store.Series(issuer.ID, "invoice")) {
		body := decode[period.Issue](e)
		if body.First != next {
			s.violate("I12: numbers of %s jump to %d, expected %d", issuer.ID, body.First, next)
		}
		next = body.First + int64(len(body.Payers))
		if _, twice := seen[body.Period]; twice {
			s.violate("I13: %s %s was issued twice", issuer.ID, body.Period)
		}
		seen[body.Period], hashes[body.Period] = body, e.hash
		if body.InvoiceDate.In(time.UTC).Before(last.In(time.UTC)) {
			s.violate("I12: invoice dates of %s fall at %s", issuer.ID, body.Period)
		}
		last = body.InvoiceDate
	}
	for _, c := range closes {
		s.checkIssued(issuer, c, seen, hashes)
	}
}

func (s *sim) checkIssued(issuer schema.Issuer, c monthLog, seen map[string]period.Issue, hashes map[string]string) {
	name := c.close.Period.Name
	body, ok := seen[name]
	if !ok || body.Close != c.closeHash {
		s.violate("I11: %s %s has no numbers, or those of another close", issuer.ID, name)
		return
	}
	var owing []string
	for _, b := range c.close.Bills {
		if rat(b.Total.String()).Sign() != 0 {
			owing = append(owing, b.Payer)
		}
	}
	if !slices.IsSorted(body.Payers) || !slices.Equal(owing, body.Payers) {
		s.violate("I13: %s %s numbers payers %v, owing are %v", issuer.ID, name, body.Payers, owing)
	}
	switch {
	case c.publish == nil:
		s.violate("I11: %s %s is not published", issuer.ID, name)
	case c.publish.Issue != hashes[name] || len(c.publish.Invoices) != len(owing):
		s.violate("I11: PUBLISH of %s %s names another ISSUE or other invoices", issuer.ID, name)
	}
}

// checkAcks: what a process was told is in the logs.
func (s *sim) checkAcks(usage []entry) {
	for _, a := range s.acks {
		switch r := a.result.(type) {
		case *pipeline.Ingested:
			for _, slot := range r.Slots {
				if slot >= int64(len(usage)) || !strings.HasPrefix(usage[slot].Attempt, a.who+"-") {
					s.violate("ack: %s was told of usage slot %d, which holds another record", a.who, slot)
				}
			}
		case *period.Close:
			if m := s.monthLog(a.issuer, a.month); m.close == nil || m.close.ID != r.Run.ID || m.close.UsageSlot != r.Run.UsageSlot {
				s.violate("ack: %s was told of another CLOSE of %s %s", a.who, a.issuer, a.month)
			}
		case *period.Issue:
			if !s.holds(store.Series(a.issuer, "invoice"), r.Period, r.First) {
				s.violate("ack: %s was told of numbers of %s %s that do not stand in the series", a.who, a.issuer, a.month)
			}
		case *period.Publish:
			if m := s.monthLog(a.issuer, a.month); m.publish == nil || m.publish.Issue != r.Issue {
				s.violate("ack: %s was told of another PUBLISH of %s %s", a.who, a.issuer, a.month)
			}
		}
	}
}

func (s *sim) holds(series, month string, first int64) bool {
	return slices.ContainsFunc(s.log(series), func(e entry) bool {
		body := decode[period.Issue](e)
		return body.Period == month && body.First == first
	})
}

// watchDelete is called before an object is deleted: nothing may name it, and a
// GC record must stand for it.
func (s *sim) watchDelete(key string) {
	if !isData(key) {
		if !strings.HasPrefix(key, "reports/") {
			s.violate("I30: %s was deleted", key)
		}
		return
	}
	whole, log := key, "log/usage" // what a GC record may name instead of the key
	if run, of, ok := store.RunOf(key); ok {
		whole, log = run, of
	}
	quoted := []byte(`"` + key + `"`)
	if strings.HasPrefix(key, "usage/") {
		base := key[strings.LastIndexByte(key, '/')+1:]
		quoted = []byte(base[:64])
	}
	covered, closed := false, false
	var newest []byte
	for _, slot := range s.keys(log + "/") {
		data := s.objects[slot].data
		var e entry
		if json.Unmarshal(data, &e) != nil {
			continue
		}
		closed = closed || e.Kind == "CLOSE"
		switch {
		case e.Kind == "GC":
			covered = covered || bytes.Contains(data, []byte(`"`+whole+`"`)) || bytes.Contains(data, quoted)
		case e.Kind == "REFRESH":
			newest = data
		case e.Kind == "INGEST":
			for _, named := range namedBy(decode[period.Ingest](e)) {
				if named == key {
					s.violate("I30: %s was deleted and %s names it", key, slot)
				}
			}
		case bytes.Contains(data, quoted):
			s.violate("I30: %s was deleted and %s names it", key, slot)
		}
	}
	if !closed && bytes.Contains(newest, quoted) {
		s.violate("I30: %s was deleted and the newest REFRESH names it", key)
	}
	if !covered {
		s.violate("I30: %s was deleted without a GC record", key)
	}
}

func namedBy(body period.Ingest) []string {
	keys := []string{store.UsageRejected(body.Rejected)}
	for _, b := range body.Batches {
		keys = append(keys, store.UsageBatch(b.Name()))
	}
	for _, name := range body.IDs {
		keys = append(keys, store.UsageIDs(name))
	}
	return keys
}

// watchManifest is called when a manifest is written: the data it names is there
// (I25), and it does not go back behind what the log says (I28), but for the
// instant between the last look at the log and the write.
func (s *sim) watchManifest(p *proc, key string, data []byte) {
	var m struct{ DataFiles []string }
	if err := json.Unmarshal(data, &m); err != nil {
		s.violate("manifest %s: %v", key, err)
	}
	for _, file := range m.DataFiles {
		if _, there := s.objects[file]; !there && !s.landing {
			s.violate("I25: %s names %s, which is not there", key, file)
		}
	}
	if s.landing || p.verb != "refresh" && p.verb != "close" {
		return
	}
	var q struct {
		Issuer, Run, State string
		Period             schema.Period
	}
	quality := s.objects[strings.TrimSuffix(key, "Manifest.json")+"Quality.json"].data
	if err := json.Unmarshal(quality, &q); err != nil {
		s.violate("quality of %s: %v", key, err)
		return
	}
	now := s.monthLog(q.Issuer, q.Period.Name)
	if now.newest != nil && now.newest.ID == q.Run && (now.publish == nil || q.State == "final") {
		return
	}
	i := len(p.last) - 1
	for i >= 0 && p.last[i].key == key {
		i--
	}
	if i < 0 || !p.last[i].missing || !strings.HasPrefix(p.last[i].key, store.PeriodLog(q.Issuer, q.Period.Name)+"/") {
		s.violate("I28: %s goes back to run %s (%s); the log was not looked at before", key, q.Run, q.State)
	}
}
