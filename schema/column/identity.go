package column

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"

	"github.com/monthend/monthend/schema/batch"
)

// idText writes 32 bytes as 52 lower-case letters and digits.
var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// A line item id is the SHA-256 of the digests of head, tail and price and of
// the resource id, so that it names the line without its hour: together with
// the interval it is unique in a report, and it is the same in every refresh.
// Rates are left out, because the blended rate moves while a month is open.
// Lines under terms have the commitment and the discounts in it too; lines that
// an offer made have the offer in their usage type. Descriptions are left out,
// because figures in them move as well.

// digest is the SHA-256 of a list of fields, each led by its length, so that no
// two lists share a digest by shifting text between fields.
type digest [sha256.Size]byte

func digestOf(fields ...string) digest {
	var b []byte
	for _, f := range fields {
		b = binary.AppendUvarint(b, uint64(len(f)))
		b = append(b, f...)
	}
	return sha256.Sum256(b)
}

func headDigest(h *batch.Head) digest {
	return digestOf("head", h.Account, h.Service, h.UsageType, h.Operation)
}

func tailDigest(t *batch.Tail) digest {
	return digestOf("tail", t.Region, t.Zone, t.Unit, t.Tags, t.LineItemType,
		strconv.FormatBool(t.Priced), t.Currency)
}

func priceDigest(p *batch.Price) digest {
	return digestOf("price", p.SKU, p.RateCode, p.Unit, strconv.FormatInt(p.Effective, 10),
		p.Begin, p.Pool, p.Reason)
}

// ids makes the line item ids of the rows loaded.
type ids struct {
	heads, tails, prices digests
	loaded               bool
	codes                []uint32 // by row
	texts                []string
	group                map[tailPrice]uint32 // codes of the current head and resource
	message              []byte

	classes []uint32          // by code of terms: 1 + their number in byTerms, 0 when not yet known
	byTerms map[string]uint32 // by what the id holds of terms
	terms   []string          // the same, by number
}

type tailPrice struct{ tail, price, class uint32 }

// class numbers terms by what an id holds of them; those that add nothing have 0.
func (d *ids) class(v *View, term uint32) uint32 {
	if term == 0 {
		return 0
	}
	d.classes = stretch(d.classes, len(v.tables.Terms))
	if d.classes[term] == 0 {
		if d.byTerms == nil {
			d.byTerms, d.terms = map[string]uint32{"": 0}, []string{""}
		}
		text := ""
		if t := &v.tables.Terms[term]; t.Commitment.ID != "" || t.Discounts != "" {
			sum := digestOf("terms", t.Commitment.ID, t.Discounts)
			text = string(sum[:])
		}
		class, ok := d.byTerms[text]
		if !ok {
			class = uint32(len(d.terms))
			d.byTerms[text], d.terms = class, append(d.terms, text)
		}
		d.classes[term] = 1 + class
	}
	return d.classes[term] - 1
}

// digests are the digests of tuples, each made once.
type digests struct {
	known []bool
	sums  []digest
}

func (d *digests) stretch(n int) {
	if n > len(d.known) {
		d.known = append(d.known, make([]bool, n-len(d.known))...)
		d.sums = append(d.sums, make([]digest, n-len(d.sums))...)
	}
}

// lineItemID is the id of each row. Rows of one head and resource lie together
// in the canonical order, so each id is made once per run of such rows.
func lineItemID(v *View, _ *cache) Values {
	d := &v.ids
	if !d.loaded {
		d.load(v)
	}
	return Values{Shape: Texts, Codes: d.codes, Texts: d.texts}
}

func (d *ids) load(v *View) {
	r := v.rows
	d.heads.stretch(len(v.tables.Heads))
	d.tails.stretch(len(v.tables.Tails))
	d.prices.stretch(len(v.tables.Prices))
	if d.group == nil {
		d.group = map[tailPrice]uint32{}
	}
	clear(d.group)
	d.codes, d.texts, d.loaded = d.codes[:0], d.texts[:0], true
	for i := range r.Head {
		if i > 0 && r.Head[i] == r.Head[i-1] && r.Resource[i] == r.Resource[i-1] {
			if r.Tail[i] == r.Tail[i-1] && r.Price[i] == r.Price[i-1] && r.Term[i] == r.Term[i-1] {
				d.codes = append(d.codes, d.codes[i-1])
				continue
			}
		} else {
			clear(d.group)
		}
		key := tailPrice{r.Tail[i], r.Price[i], d.class(v, r.Term[i])}
		code, ok := d.group[key]
		if !ok {
			code = uint32(len(d.texts))
			d.texts = append(d.texts, d.make(v, i, key.class))
			d.group[key] = code
		}
		d.codes = append(d.codes, code)
	}
}

// make returns the id of row i, whose terms have the class.
func (d *ids) make(v *View, i int, class uint32) string {
	h, t, p := v.rows.Head[i], v.rows.Tail[i], v.rows.Price[i]
	if !d.heads.known[h] {
		d.heads.known[h], d.heads.sums[h] = true, headDigest(&v.tables.Heads[h])
	}
	if !d.tails.known[t] {
		d.tails.known[t], d.tails.sums[t] = true, tailDigest(&v.tables.Tails[t])
	}
	if !d.prices.known[p] {
		d.prices.known[p], d.prices.sums[p] = true, priceDigest(&v.tables.Prices[p])
	}
	m := append(d.message[:0], d.heads.sums[h][:]...)
	m = append(m, d.tails.sums[t][:]...)
	m = append(m, d.prices.sums[p][:]...)
	if class > 0 {
		m = append(m, d.terms[class]...)
	}
	m = append(m, v.tables.Resources[v.rows.Resource[i]]...)
	d.message = m
	sum := sha256.Sum256(m)
	var text [52]byte
	idText.Encode(text[:], sum[:])
	return string(text[:])
}

// RateID is a number that stands for a rate code: the first 60 bits of its
// SHA-256 in decimal. It differs between the tiers of a SKU as the code does.
// A blank code has a blank id.
func RateID(rateCode string) string {
	if rateCode == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(rateCode))
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])>>4, 10)
}
