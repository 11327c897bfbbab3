package price

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Builder gathers price lists and makes one catalog of them. The versions of a
// SKU may stand in several files.
type Builder struct {
	sources  []source
	skus     map[string]*skuDraft
	problems schema.Problems
	warnings schema.Problems
	prices   int64
	reserved int64
	texts    map[string]string
	tags     []schema.Tag
	scratch  []byte
}

// skuDraft is a SKU while its rows are still coming, key by key.
type skuDraft struct {
	id   string
	keys map[Key]*keyDraft
}

type keyDraft struct {
	key     Key
	product product
	newest  int64 // effective date of the row that product is of
	where   position
	rows    []priceRow
}

// product is what must be the same on all rows of one SKU and date.
type product struct {
	family     string
	currency   money.Currency
	attributes string
}

// priceRow is one row: one tier of one version.
type priceRow struct {
	effective int64
	unit      string
	model     Model
	size      money.Usage
	tier      Tier
	where     position
}

// position is where a row stands.
type position struct {
	file int // index in Builder.sources
	line int64
}

// NewBuilder returns a builder that holds nothing.
func NewBuilder() *Builder {
	return &Builder{skus: map[string]*skuDraft{}, texts: map[string]string{}}
}

func (b *Builder) fault(p schema.Problem) {
	switch n := len(b.problems); {
	case n < MaxProblems:
		b.problems = append(b.problems, p)
	case n == MaxProblems:
		b.problems = append(b.problems, schema.Problem{File: p.File,
			Reason: fmt.Sprintf("has more than %d problems, the rest is not shown", MaxProblems), Hint: "correct these first"})
	}
}

func (b *Builder) warn(p schema.Problem) {
	if len(b.warnings) < MaxProblems {
		b.warnings = append(b.warnings, p)
	}
}

// full tells that reading on can add nothing.
func (b *Builder) full() bool { return len(b.problems) > MaxProblems || b.prices > MaxPrices }

// faultAt reports what is wrong with a row that was read before.
func (b *Builder) faultAt(w position, f field, value, reason, hint string) {
	src := b.sources[w.file]
	b.fault(schema.Problem{File: src.file, Line: w.line, Column: src.cols.at[f] + 1,
		Field: fieldNames[f], Value: value, Reason: reason, Hint: hint})
}

func (b *Builder) place(w position) string {
	return fmt.Sprintf("%s:%d", b.sources[w.file].file, w.line)
}

// intern returns a copy of s, the same one for equal texts. Without it a SKU
// would hold the whole row that its fields were cut from.
func (b *Builder) intern(s string) string {
	if kept, ok := b.texts[s]; ok {
		return kept
	}
	s = strings.Clone(s)
	b.texts[s] = s
	return s
}

func (b *Builder) add(id string, key Key, p product, r priceRow) {
	sku := b.skus[id]
	if sku == nil {
		sku = &skuDraft{id: id, keys: map[Key]*keyDraft{}}
		b.skus[id] = sku
	}
	d := sku.keys[key]
	if d == nil {
		d = &keyDraft{key: key, product: p, newest: r.effective, where: r.where}
		sku.keys[key] = d
	}
	d.rows = append(d.rows, r)
	switch {
	case p.currency != d.product.currency:
		b.faultAt(r.where, fieldCurrency, string(p.currency), fmt.Sprintf("is not %s, the currency of this SKU at %s", d.product.currency, b.place(d.where)), "give each currency a SKU of its own")
	case r.effective > d.newest:
		d.product, d.newest = p, r.effective
	case r.effective == d.newest && p != d.product:
		b.faultAt(r.where, fieldSKU, id, "has other product attributes than at "+b.place(d.where), "one SKU is one product; make the rows alike")
	}
}

// Catalog returns the catalog of all that was read, or every fault of it.
func (b *Builder) Catalog() (*Catalog, schema.Problems) {
	if b.prices > MaxPrices {
		b.fault(schema.Problem{File: b.sources[len(b.sources)-1].file, Reason: fmt.Sprintf("the files hold more than %d prices", MaxPrices), Hint: "leave services out that nobody uses"})
	}
	if len(b.problems) == 0 && b.prices == 0 {
		b.fault(schema.Problem{File: b.names(), Reason: "holds no OnDemand price", Hint: "rows of TermType OnDemand are prices of usage"})
	}
	c := &Catalog{Prices: b.prices, Reserved: b.reserved, index: map[Key]int{}}
	places := map[Key]position{}
	for _, id := range sortedKeys(b.skus) {
		if sku, ok := b.sku(b.skus[id], places); ok {
			c.SKUs = append(c.SKUs, sku)
		}
	}
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	slices.SortFunc(c.SKUs, func(x, y SKU) int { return compareKeys(x.Key(), y.Key()) })
	for i := range c.SKUs {
		for _, k := range c.SKUs[i].Keys() {
			c.index[k] = i
		}
	}
	b.warnOfReserved()
	b.warnOfLateStarts(c)
	c.Warnings = b.warnings
	return c, nil
}

func (b *Builder) names() string {
	var names []string
	for _, s := range b.sources {
		names = append(names, s.file)
	}
	return strings.Join(names, ", ")
}

func sortedKeys(m map[string]*skuDraft) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// sku turns a draft into a SKU. places remembers which keys are taken by the
// SKUs before it.
func (b *Builder) sku(draft *skuDraft, places map[Key]position) (SKU, bool) {
	keys := make([]Key, 0, len(draft.keys))
	for k := range draft.keys {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	before := len(b.problems)
	var s SKU
	var first *keyDraft
	for i, k := range keys {
		d := draft.keys[k]
		if other, taken := places[k]; taken {
			b.faultAt(d.where, fieldSKU, draft.id, "matches the same records as the SKU at "+b.place(other)+": "+k.String(),
				"keep one, or tell them apart by operation or region")
		}
		places[k] = d.where
		versions := b.versions(d)
		if i == 0 {
			first, s = d, newSKU(draft.id, k, d.product, versions)
			continue
		}
		s.More = append(s.More, k)
		b.checkAlike(draft.id, first, d, s.Versions, versions)
	}
	return s, len(b.problems) == before
}

func newSKU(id string, k Key, p product, versions []Version) SKU {
	return SKU{ID: id, ServiceCode: k.ServiceCode, UsageType: k.UsageType, Operation: k.Operation, Region: k.Region,
		Family: p.family, Currency: p.currency, Attributes: p.attributes, Versions: versions}
}

// checkAlike refuses a SKU whose keys have different prices: it has one count,
// so it can have one price only.
func (b *Builder) checkAlike(id string, first, d *keyDraft, want, got []Version) {
	alike := func(x, y Version) bool {
		return x.Effective == y.Effective && x.Unit == y.Unit && x.Model == y.Model && x.PackageSize == y.PackageSize && slices.EqualFunc(x.Tiers, y.Tiers, func(s, t Tier) bool {
			return s.Begin == t.Begin && s.End == t.End && s.Open == t.Open && s.Rate == t.Rate
		})
	}
	if first.product.currency != d.product.currency || !slices.EqualFunc(want, got, alike) {
		b.faultAt(d.where, fieldSKU, id, "has another price here than at "+b.place(first.where),
			"one SKU has one price; give what costs otherwise a SKU of its own")
	}
}

// versions groups the rows of one key by date and checks each group.
func (b *Builder) versions(d *keyDraft) []Version {
	slices.SortStableFunc(d.rows, func(x, y priceRow) int {
		return cmp.Or(cmp.Compare(x.effective, y.effective), money.Cmp(x.tier.Begin, y.tier.Begin),
			compareOpen(x.tier, y.tier), money.Cmp(x.tier.End, y.tier.End))
	})
	var vs []Version
	for rest := d.rows; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].effective == rest[0].effective {
			n++
		}
		vs = append(vs, b.version(rest[:n]))
		rest = rest[n:]
	}
	return vs
}

func compareOpen(x, y Tier) int {
	switch {
	case x.Open == y.Open:
		return 0
	case y.Open:
		return -1
	}
	return 1
}

func (b *Builder) version(rows []priceRow) Version {
	v := Version{Effective: rows[0].effective, Unit: rows[0].unit, Term: "OnDemand", Model: rows[0].model,
		PackageSize: rows[0].size, Tiers: make([]Tier, len(rows))}
	for i, r := range rows {
		v.Tiers[i] = r.tier
		b.checkRow(&v, r, rows[0].where)
	}
	if at, reason := v.check(); reason != "" {
		f, value := fieldStart, v.Tiers[at].Begin.String()
		if len(rows) > at+1 || at > 0 {
			reason += "; the price begins at " + b.place(rows[0].where)
		}
		b.faultAt(rows[at].where, f, value, reason, "the ranges of a SKU and date start at 0, touch, and end at Inf")
	}
	return v
}

// checkRow refuses a row that differs from the first one of its version where a
// version has one value.
func (b *Builder) checkRow(v *Version, r priceRow, first position) {
	differs := func(f field, got, want, what string) {
		if got != want {
			b.faultAt(r.where, f, got, fmt.Sprintf("is not %q, the %s of the same price at %s", want, what, b.place(first)), "a price has one "+what)
		}
	}
	differs(fieldUnit, r.unit, v.Unit, "unit")
	differs(fieldModel, r.model.String(), v.Model.String(), "model")
	if r.model == v.Model {
		differs(fieldPackageSize, r.size.String(), v.PackageSize.String(), "package size")
	}
}

func (b *Builder) warnOfReserved() {
	if b.reserved > 0 {
		b.warn(schema.Problem{File: b.names(), Reason: fmt.Sprintf("%d rows of TermType Reserved are left aside: they are not prices of usage", b.reserved)})
	}
}

// warnOfLateStarts says that some SKUs have no price at the date when the list
// begins: usage before their first date will wait in suspense.
func (b *Builder) warnOfLateStarts(c *Catalog) {
	begin := c.SKUs[0].Versions[0].Effective
	for _, s := range c.SKUs {
		begin = min(begin, s.Versions[0].Effective)
	}
	late, first := 0, -1
	for i, s := range c.SKUs {
		if s.Versions[0].Effective > begin {
			if late++; first < 0 {
				first = i
			}
		}
	}
	if late == 0 {
		return
	}
	s := &c.SKUs[first]
	w := b.skus[s.ID].keys[s.Key()].where
	b.warn(schema.Problem{File: b.sources[w.file].file, Line: w.line, Column: b.sources[w.file].cols.at[fieldEffective] + 1,
		Field: fieldNames[fieldEffective], Value: day(s.Versions[0].Effective),
		Reason: fmt.Sprintf("is the first date of a price while the list begins on %s; there are %d such SKUs", day(begin), late),
		Hint:   "usage before the first date of its SKU has no price"})
}

// day writes an effective date as a price list does.
func day(seconds int64) string {
	t := time.Unix(seconds, 0).UTC()
	if seconds%86400 == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
