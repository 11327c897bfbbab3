// Package spool keeps batches in Parquet: accepted usage and rated charges,
// written with arrow-go and read back batch by batch. It owns the two internal
// file formats (docs/formats.md) and nothing of their meaning.
package spool

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// tuple says how a dictionary of tuples stands in a file: one text column per
// field, each dictionary-encoded.
type tuple[T comparable] struct {
	names  []string
	fields func(T) []string
	build  func([]string) (T, error)
}

func heads() tuple[batch.Head] {
	return tuple[batch.Head]{
		names:  []string{schema.FieldUsageAccountID, schema.FieldServiceCode, schema.FieldUsageType, schema.FieldOperation},
		fields: func(h batch.Head) []string { return []string{h.Account, h.Service, h.UsageType, h.Operation} },
		build: func(f []string) (batch.Head, error) {
			return batch.Head{Account: f[0], Service: f[1], UsageType: f[2], Operation: f[3]}, nil
		},
	}
}

func resources() tuple[string] {
	return tuple[string]{
		names:  []string{schema.FieldResourceID},
		fields: func(r string) []string { return []string{r} },
		build:  func(f []string) (string, error) { return f[0], nil },
	}
}

// tails remember the tag sets that they have read: a file holds each many times.
func tails() tuple[batch.Tail] {
	known := map[string]string{}
	return tuple[batch.Tail]{
		names: []string{schema.FieldRegionCode, schema.FieldAvailabilityZone, schema.FieldTags,
			schema.FieldLineItemType, "priced_by_source", schema.FieldCurrency, schema.FieldCommitment, schema.FieldUnit},
		fields: func(t batch.Tail) []string {
			return []string{t.Region, t.Zone, tagsJSON(t.Tags), t.LineItemType, strconv.FormatBool(t.Priced), t.Currency, t.Commitment, t.Unit}
		},
		build: func(f []string) (batch.Tail, error) {
			tags, ok := known[f[2]]
			var err error
			if !ok {
				tags, err = tagsFromJSON(f[2])
				known[f[2]] = tags
			}
			return batch.Tail{Region: f[0], Zone: f[1], Tags: tags, LineItemType: f[3],
				Priced: f[4] == "true", Currency: f[5], Commitment: f[6], Unit: f[7]}, err
		},
	}
}

func prices() tuple[batch.Price] {
	return tuple[batch.Price]{
		names: []string{"sku", "rate_code", "term", "price_description", "pricing_unit", "unblended_rate",
			"public_on_demand_rate", "blended_rate", "price_effective_date", "tier_begin", "tier_end",
			"free_tier_pool", "product", "reason", "tax_type"},
		fields: func(p batch.Price) []string {
			return []string{p.SKU, p.RateCode, p.Term, p.Description, p.Unit, rateText(p, p.Rate), rateText(p, p.PublicRate),
				rateText(p, p.BlendedRate), strconv.FormatInt(p.Effective, 10), p.Begin, p.End, p.Pool, tagsJSON(p.Attributes), p.Reason, p.TaxType}
		},
		build: buildPrice,
	}
}

// terms stand as two texts: the commitment as a JSON object, the discounts in
// the form of batch.EncodeDiscounts. Both are empty under none.
func terms() tuple[batch.Terms] {
	return tuple[batch.Terms]{
		names: []string{"commitment", "discounts"},
		fields: func(t batch.Terms) []string {
			return []string{commitmentJSON(t.Commitment), t.Discounts}
		},
		build: func(f []string) (batch.Terms, error) {
			t := batch.Terms{Discounts: f[1]}
			if f[0] == "" {
				return t, nil
			}
			if err := json.Unmarshal([]byte(f[0]), &t.Commitment); err != nil {
				return t, fmt.Errorf("commitment %q is not a JSON object of its fields: %v", schema.Shorten(f[0]), err)
			}
			return t, nil
		},
	}
}

func commitmentJSON(c batch.Commitment) string {
	if c == (batch.Commitment{}) {
		return ""
	}
	data, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		panic("a commitment is texts and amounts: " + err.Error())
	}
	return string(data)
}

func rateText(p batch.Price, r money.Rate) string {
	if !p.Rated {
		return ""
	}
	return r.Text10()
}

func buildPrice(f []string) (batch.Price, error) {
	p := batch.Price{SKU: f[0], RateCode: f[1], Term: f[2], Description: f[3], Unit: f[4],
		Rated: f[5] != "", Begin: f[9], End: f[10], Pool: f[11], Reason: f[13], TaxType: f[14]}
	var err error
	if p.Attributes, err = tagsFromJSON(f[12]); err != nil {
		return p, err
	}
	if p.Effective, err = strconv.ParseInt(f[8], 10, 64); err != nil {
		return p, fmt.Errorf("price_effective_date %q is not a number", f[8])
	}
	if !p.Rated {
		return p, nil
	}
	for i, dst := range []*money.Rate{&p.Rate, &p.PublicRate, &p.BlendedRate} {
		if *dst, err = money.ParseRate(f[5+i]); err != nil {
			return p, err
		}
	}
	return p, nil
}

// tagsJSON renders a canonical tag set as a JSON object, keys in order; the
// empty set is the empty string.
func tagsJSON(canonical string) string {
	if canonical == "" {
		return ""
	}
	b := []byte{'{'}
	for i, t := range schema.DecodeTags(canonical) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, t.Key), ':')
		b = appendQuoted(b, t.Value)
	}
	return string(append(b, '}'))
}

func appendQuoted(dst []byte, s string) []byte {
	quoted, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		panic("tags are checked to be UTF-8 at ingest: " + err.Error())
	}
	return quoted
}

func tagsFromJSON(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return "", fmt.Errorf("map %q is not a JSON object of texts: %v", schema.Shorten(text), err)
	}
	tags := make([]schema.Tag, 0, len(m))
	for k, v := range m {
		tags = append(tags, schema.Tag{Key: k, Value: v})
	}
	return string(schema.EncodeTags(nil, tags)), nil
}

// arrowFields are the file's columns for a tuple.
func (t tuple[T]) arrowFields() []arrow.Field {
	fs := make([]arrow.Field, len(t.names))
	for i, n := range t.names {
		fs[i] = arrow.Field{Name: n, Type: textType()}
	}
	return fs
}

func textType() *arrow.DictionaryType {
	return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
}
