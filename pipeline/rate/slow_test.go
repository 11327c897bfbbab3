package rate_test

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/pipeline/rate"
)

// The slow rater prices a month record by record with fractions, as section 6
// of the design reads. It shares no code with the package that it checks.

func frac(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("not a number: " + text)
	}
	return r
}

// round10 rounds half away from zero to 10 decimals; x is not negative.
func round10(x *big.Rat) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(10), nil)
	num := new(big.Int).Mul(x.Num(), scale)
	num.Add(num.Mul(num, big.NewInt(2)), x.Denom())
	return new(big.Rat).SetFrac(num.Div(num, new(big.Int).Mul(x.Denom(), big.NewInt(2))), scale)
}

// slowLine is usage summed over what makes a line.
type slowLine struct {
	payer, account, usageType, operation, resource string
	hour                                           int64
	region                                         string
	sku, version                                   int
	amount                                         *big.Rat
	parts                                          []slowPart
}

// slowPart has tier -1 where it is free.
type slowPart struct {
	tier   int
	amount *big.Rat
}

func (w world) slowVerdict(r usage, start, end int64) (rate.Verdict, slowLine) {
	l := slowLine{account: r.account, usageType: r.usageType, operation: r.operation, resource: r.resource, region: r.region,
		hour: r.start / 3600e9, amount: frac(r.amount)}
	if r.start < start || r.start >= end {
		return rate.Foreign, l
	}
	verdict := rate.UnknownAccount
	for _, a := range w.accounts {
		if a.id == r.account && r.start >= a.from*1e9 && (a.until == 0 || r.start < a.until*1e9) {
			l.payer, verdict = a.payer, rate.Charge
			if a.issuer != "" {
				verdict = rate.Foreign
			}
		}
	}
	if verdict != rate.Charge {
		return verdict, l
	}
	if r.end > end {
		return rate.CrossesPeriod, l
	}
	if l.sku = w.slowMatch(r); l.sku < 0 {
		return rate.UnknownSKU, l
	}
	l.version = -1
	for n, v := range w.skus[l.sku].versions {
		if v.from*1e9 <= r.start {
			l.version = n
		}
	}
	if l.version < 0 {
		return rate.NoPrice, l
	}
	if r.unit != "" && r.unit != w.skus[l.sku].unit {
		return rate.OtherUnit, l
	}
	return rate.Charge, l
}

func (w world) slowMatch(r usage) int {
	best, bestScore := -1, -1
	for i, s := range w.skus {
		if s.usageType != r.usageType || s.operation != "" && s.operation != r.operation || s.region != "" && s.region != r.region {
			continue
		}
		score := 0
		if s.operation == r.operation {
			score += 2
		}
		if s.region == r.region {
			score++
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	return best
}

func (a *slowLine) compare(b *slowLine) int {
	return cmp.Or(cmp.Compare(a.payer, b.payer), cmp.Compare(a.account, b.account), cmp.Compare(a.usageType, b.usageType),
		cmp.Compare(a.operation, b.operation), cmp.Compare(a.resource, b.resource), cmp.Compare(a.hour, b.hour), cmp.Compare(a.region, b.region))
}

// slowlyRated returns all lines with their parts, in canonical order, and the
// average rate of each payer and SKU.
func (w world) slowlyRated(t testing.TB, records []usage) ([]*slowLine, []rate.Verdict) {
	p := w.period(t)
	var lines []*slowLine
	var verdicts []rate.Verdict
	for _, r := range records {
		verdict, l := w.slowVerdict(r, p.Start.UnixNano(), p.End.UnixNano())
		verdicts = append(verdicts, verdict)
		if verdict != rate.Charge {
			continue
		}
		at := slices.IndexFunc(lines, func(o *slowLine) bool { return o.compare(&l) == 0 })
		if at < 0 {
			lines = append(lines, &l)
		} else {
			lines[at].amount.Add(lines[at].amount, l.amount)
		}
	}
	slices.SortFunc(lines, (*slowLine).compare)
	for _, payer := range []string{"p", "q"} {
		free := w.slowPools(lines, payer, p.End.Unix())
		for n := range w.skus {
			w.slowCut(linesOf(lines, payer, n), n, free[n])
		}
	}
	return lines, verdicts
}

// linesOf returns the lines of a payer's SKU in the order of time, lines of one
// hour in canonical order.
func linesOf(lines []*slowLine, payer string, sku int) []*slowLine {
	var own []*slowLine
	for _, l := range lines {
		if l.payer == payer && l.sku == sku {
			own = append(own, l)
		}
	}
	slices.SortStableFunc(own, func(a, b *slowLine) int { return cmp.Compare(a.hour, b.hour) })
	return own
}

func sumOf(lines []*slowLine) *big.Rat {
	sum := new(big.Rat)
	for _, l := range lines {
		sum.Add(sum, l.amount)
	}
	return sum
}

// slowPools returns how many units of each SKU of a payer are free.
func (w world) slowPools(lines []*slowLine, payer string, end int64) []*big.Rat {
	free := make([]*big.Rat, len(w.skus))
	for i := range free {
		free[i] = new(big.Rat)
	}
	for _, pool := range w.pools {
		var members []int
		for n, s := range w.skus {
			if slices.Contains(pool.usageTypes, s.usageType) {
				members = append(members, n)
			}
		}
		slices.SortFunc(members, func(a, b int) int {
			x, y := w.skus[a], w.skus[b]
			return cmp.Or(w.slowListPrice(b, end).Cmp(w.slowListPrice(a, end)), cmp.Compare(x.usageType, y.usageType),
				cmp.Compare(x.operation, y.operation), cmp.Compare(x.region, y.region))
		})
		left := frac(pool.allowance)
		for _, n := range members {
			used := sumOf(linesOf(lines, payer, n))
			if used.Cmp(left) > 0 {
				used.Set(left)
			}
			free[n].Set(used)
			left = new(big.Rat).Sub(left, used)
		}
	}
	return free
}

// slowListPrice is the dearest rate of the version in force when the month ends.
func (w world) slowListPrice(sku int, end int64) *big.Rat {
	top := new(big.Rat)
	for _, v := range w.skus[sku].versions {
		if v.from < end {
			top = dearest(v)
		}
	}
	return top
}

func dearest(v version) *big.Rat {
	top := new(big.Rat)
	for _, t := range v.tiers {
		if r := frac(t.rate); r.Cmp(top) > 0 {
			top = r
		}
	}
	return top
}

// slowCut cuts the lines of one SKU at the end of its free units and at the
// bounds of its tiers.
func (w world) slowCut(lines []*slowLine, sku int, free *big.Rat) {
	count := new(big.Rat)
	for i, l := range lines {
		if l.amount.Sign() == 0 {
			l.parts = []slowPart{{w.slowPlace(l, w.placeOfNothing(lines, i, count, free), free), new(big.Rat)}}
			continue
		}
		for left := new(big.Rat).Set(l.amount); left.Sign() > 0; {
			tier := w.slowPlace(l, count, free)
			part := new(big.Rat).Set(left)
			if room := w.slowRoom(l, count, free); room != nil && room.Cmp(part) < 0 {
				part.Set(room)
			}
			if n := len(l.parts) - 1; n >= 0 && l.parts[n].tier == tier {
				l.parts[n].amount.Add(l.parts[n].amount, part)
			} else {
				l.parts = append(l.parts, slowPart{tier, new(big.Rat).Set(part)})
			}
			left.Sub(left, part)
			count = new(big.Rat).Add(count, part)
		}
	}
}

// placeOfNothing returns the count at which a line of nothing stands: an hour
// that only fills a tier or a pool lies wholly inside, its lines of nothing too.
func (w world) placeOfNothing(lines []*slowLine, i int, count, free *big.Rat) *big.Rat {
	start, end := new(big.Rat).Set(count), new(big.Rat).Set(count)
	for n, l := range lines {
		if l.hour == lines[i].hour && n < i {
			start.Sub(start, l.amount)
		} else if l.hour == lines[i].hour {
			end.Add(end, l.amount)
		}
	}
	last := new(big.Rat).Sub(end, new(big.Rat).SetFrac64(1, 1e18))
	if start.Cmp(end) < 0 && w.slowPlace(lines[i], start, free) == w.slowPlace(lines[i], last, free) {
		return start
	}
	return count
}

// slowPlace is the tier that holds a count, -1 where it is free.
func (w world) slowPlace(l *slowLine, count, free *big.Rat) int {
	if count.Cmp(free) < 0 {
		return -1
	}
	for n, t := range w.skus[l.sku].versions[l.version].tiers {
		if t.end == "" || count.Cmp(frac(t.end)) < 0 {
			return n
		}
	}
	panic("the last tier has an end")
}

// slowRoom is how many units stand at a count before the next bound, nil for
// any number.
func (w world) slowRoom(l *slowLine, count, free *big.Rat) *big.Rat {
	if count.Cmp(free) < 0 {
		return new(big.Rat).Sub(free, count)
	}
	for _, t := range w.skus[l.sku].versions[l.version].tiers {
		if t.end != "" && count.Cmp(frac(t.end)) < 0 {
			return new(big.Rat).Sub(frac(t.end), count)
		}
	}
	return nil
}

// slowText writes lines as portions with their costs, to compare.
func (w world) slowText(lines []*slowLine) []string {
	var texts []string
	for _, l := range lines {
		s := w.skus[l.sku]
		for _, part := range l.parts {
			code, paid, public := "free "+s.id, new(big.Rat), dearest(s.versions[l.version])
			if part.tier >= 0 {
				code = fmt.Sprintf("%s.%d.%d", s.id, l.version, part.tier)
				paid = frac(s.versions[l.version].tiers[part.tier].rate)
				public = paid
			}
			texts = append(texts, chargeText(l.payer, l.account, l.usageType, l.operation, l.resource, l.hour, l.region, s.unit, code, part.amount,
				round10(new(big.Rat).Mul(paid, part.amount)), round10(new(big.Rat).Mul(public, part.amount))))
		}
	}
	return texts
}

func chargeText(payer, account, usageType, operation, resource string, hour int64, region, unit, code string, amount, paid, list *big.Rat) string {
	return fmt.Sprintf("%s/%s/%s/%s/%s hour %d %s: %s %s as %s costs %s list %s", payer, account, usageType, operation, resource, hour,
		region, amount.FloatString(18), unit, code, paid.FloatString(10), list.FloatString(10))
}

func fastText(list []charge) []string {
	var texts []string
	for _, c := range list {
		code := c.price.RateCode
		if c.price.Pool != "" {
			code = "free " + c.price.SKU
		}
		texts = append(texts, chargeText(c.payer, c.head.Account, c.head.UsageType, c.head.Operation, c.resource, int64(c.hour), c.tail.Region,
			c.tail.Unit, code, frac(c.amount.String()), frac(c.paid.String()), frac(c.list.String())))
	}
	return texts
}

// checkBlended compares the printed averages with the exact ones, which are
// rounded where units have several rates.
func checkBlended(t *rapid.T, list []charge) {
	type key struct{ payer, sku string }
	units, cost, rates := map[key]*big.Rat{}, map[key]*big.Rat{}, map[key]map[string]bool{}
	for _, c := range list {
		k := key{c.payer, c.price.SKU}
		if units[k] == nil {
			units[k], cost[k], rates[k] = new(big.Rat), new(big.Rat), map[string]bool{}
		}
		units[k].Add(units[k], frac(c.amount.String()))
		cost[k].Add(cost[k], new(big.Rat).Mul(frac(c.amount.String()), frac(c.price.Rate.String())))
		if c.amount.String() != "0" {
			rates[k][c.price.Rate.String()] = true
		}
	}
	half := frac("0.00000000005")
	for _, c := range list {
		k := key{c.payer, c.price.SKU}
		printed := frac(c.price.BlendedRate.String())
		if units[k].Sign() > 0 {
			exact := new(big.Rat).Quo(cost[k], units[k])
			most := new(big.Rat)
			if len(rates[k]) > 1 {
				most = half
			}
			if diff := new(big.Rat).Sub(printed, exact); diff.Abs(diff).Cmp(most) > 0 {
				t.Fatalf("blended rate of %v is %s, exactly %s", k, printed.FloatString(18), exact.FloatString(18))
			}
		}
		if want := round10(new(big.Rat).Mul(printed, frac(c.amount.String()))); frac(c.blended.String()).Cmp(want) != 0 {
			t.Fatalf("blended cost of %v is %s, want %s", k, c.blended, want.FloatString(10))
		}
	}
}

// Small months of every shape come out as the slow rater says: the same
// verdicts, portions and costs to the last digit, in the same order.
func TestMonthsAsTheSlowRaterSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(t, rt)
		records := w.drawRecords(t, rt)
		wantLines, wantVerdicts := w.slowlyRated(t, records)
		list, verdicts := w.rated(t, records)
		if !slices.Equal(verdicts, wantVerdicts) {
			rt.Fatalf("verdicts %v, want %v", verdicts, wantVerdicts)
		}
		got, want := fastText(list), w.slowText(wantLines)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				rt.Fatalf("charge %d of %d differs from that of %d\ngot  %v\nwant %v", i, len(got), len(want), got[min(i, len(got)):], want[min(i, len(want)):])
			}
		}
		checkBlended(rt, list)
		shuffled, _ := w.rated(t, rapid.Permutation(records).Draw(rt, "order"))
		if !slices.Equal(shuffled, list) {
			rt.Fatal("another order of the records gives other charges")
		}
	})
}

// decimal draws a number up to most with few or with all decimals.
func decimal(t *rapid.T, name string, least, most int64) string {
	whole := rapid.Int64Range(least, most).Draw(t, name)
	switch rapid.IntRange(0, 4).Draw(t, name+" decimals") {
	case 0:
		return fmt.Sprintf("%d.5", whole)
	case 1:
		return fmt.Sprintf("%d.%018d", whole, rapid.SampledFrom([]int64{1, 333333333333333333, 999999999999999999}).Draw(t, name+" rest"))
	}
	return fmt.Sprint(whole)
}

func drawWorld(tb testing.TB, t *rapid.T) world {
	w := world{zone: rapid.SampledFrom([]string{"UTC", "Asia/Kathmandu", "Pacific/Chatham"}).Draw(t, "zone")}
	p := w.period(tb)
	middle := p.Start.Truncate(time.Hour).Add(15 * 24 * time.Hour).Unix()
	dates := []int64{0, p.Start.Unix() - 86400, p.Start.Unix(), middle, middle + 3600, p.End.Unix()}
	seen := map[string]bool{}
	for n := range rapid.IntRange(1, 6).Draw(t, "skus") {
		s := sku{id: fmt.Sprintf("K%d", n), usageType: fmt.Sprintf("u%d", rapid.IntRange(0, 2).Draw(t, "usage type")), unit: "GB",
			operation: rapid.SampledFrom([]string{"", "", "run"}).Draw(t, "operation"), region: rapid.SampledFrom([]string{"", "", "r1"}).Draw(t, "region")}
		if key := s.usageType + "/" + s.operation + "/" + s.region; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		from := rapid.SliceOfNDistinct(rapid.SampledFrom(dates), 1, 3, rapid.ID[int64]).Draw(t, "dates")
		slices.Sort(from)
		for _, f := range from {
			s.versions = append(s.versions, version{f, drawTiers(t)})
		}
		w.skus = append(w.skus, s)
	}
	if rapid.Bool().Draw(t, "pool") {
		w.pools = append(w.pools, pool{"f1", decimal(t, "allowance", 1, 30), []string{"u0", "u1"}})
	}
	if rapid.Bool().Draw(t, "other pool") {
		w.pools = append(w.pools, pool{"f2", decimal(t, "allowance", 1, 30), []string{"u2"}})
	}
	w.accounts = []account{{id: "a", payer: "p"}, {id: "b", payer: "p"}, {id: "c", payer: "q"}, {id: "x", payer: "x", issuer: "other"},
		{id: "m", payer: "p", until: middle}, {id: "m", payer: "q", from: middle + 3600}}
	return w
}

func drawTiers(t *rapid.T) []tier {
	rates := rapid.SampledFrom([]string{"0", "0.05", "0.1", "0.116", "0.0000000003", "0.123456789012345678", "7"})
	var list []tier
	end := int64(0)
	for range rapid.IntRange(0, 2).Draw(t, "bounds") {
		list = append(list, tier{decimal(t, "bound", end+1, end+12), rates.Draw(t, "rate")})
		end += 14
	}
	return append(list, tier{"", rates.Draw(t, "rate")})
}

func (w world) drawRecords(tb testing.TB, t *rapid.T) []usage {
	p := w.period(tb)
	start, end := p.Start.UnixNano(), p.End.UnixNano()
	middle := p.Start.Truncate(time.Hour).Add(15 * 24 * time.Hour).UnixNano()
	minute := int64(time.Minute)
	times := []int64{start - 1, start, start + 10*minute, start + 20*minute, start + 50*minute, middle - 1, middle, middle + 30*minute,
		middle + 59*minute, middle + 60*minute, end - 70*minute, end - 20*minute, end - 1, end}
	list := make([]usage, rapid.IntRange(0, 25).Draw(t, "records"))
	for i := range list {
		r := usage{account: rapid.SampledFrom([]string{"a", "a", "b", "b", "c", "m", "x", "?"}).Draw(t, "account"),
			usageType: fmt.Sprintf("u%d", rapid.IntRange(0, 2).Draw(t, "usage type")), operation: rapid.SampledFrom([]string{"", "run", "stop"}).Draw(t, "operation"),
			region: rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "region"), resource: rapid.SampledFrom([]string{"", "i-1", "i-2"}).Draw(t, "resource"),
			unit: rapid.SampledFrom([]string{"GB", "GB", "GB", "", "", "", "Hrs"}).Draw(t, "unit"), start: rapid.SampledFrom(times).Draw(t, "start"),
			amount: decimal(t, "amount", 0, 12)}
		r.end = min(r.start+10*minute, max(end, r.start))
		if rapid.IntRange(0, 15).Draw(t, "long") == 0 {
			r.end = end + 1
		}
		list[i] = r
	}
	return list
}
