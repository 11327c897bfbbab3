package ingest

import (
	"bytes"
	"context"

	"github.com/monthend/monthend/schema/money"
)

// CURPrice is what one row of a report tells about a price, as views that hold
// until the callback returns.
type CURPrice struct {
	LineItemType, ServiceCode, UsageType, Operation, Region []byte
	SKU, Family, Unit, Currency                             []byte
	Rate, PublicRate                                        []byte // text as in the report; blank where there is none
	RateID, RateCode, Term, Description                     []byte
	Attributes                                              []byte // product attributes in the form of schema.EncodeTags, keys in CUR spelling without product_
	Start                                                   int64  // nanoseconds since 1970
	Amount                                                  money.Usage
	Cost                                                    money.Cost // unblended
	Line                                                    int64
}

// ReadCURPrices reads of a Cost and Usage Report what its rows tell about
// prices. All rows are given, of whatever line item type. Unlike Read it stops
// at the first bad row, which it returns as a *schema.Problem.
func ReadCURPrices(ctx context.Context, in Input, opt Options, emit func(*CURPrice) error) error {
	s := newSession(ctx, in, opt)
	s.prices = true
	s.build = s.buildPrice
	s.deliver = func() error { return emit(&s.price) }
	s.reject = func(r Rejected) error { return &r.Problem }
	return s.run()
}

func (s *session) buildPrice() (string, *fault) {
	r, p := &s.row, &s.price
	if f := s.checkPeriod(); f != nil {
		return "", f
	}
	if len(r.text[fRegion]) == 0 {
		r.text[fRegion] = r.text[fOldRegion]
	}
	if len(r.text[fRegion]) == 0 {
		r.text[fRegion] = tagValue(r.attrs, "region")
	}
	if f := s.anyTextFault(); f != nil {
		return "", f
	}
	p.LineItemType, p.ServiceCode, p.UsageType = r.text[fType], r.text[fService], r.text[fUsageType]
	p.Operation, p.Region, p.SKU, p.Family = r.text[fOperation], r.text[fRegion], r.text[fSKU], r.text[fFamily]
	p.Unit, p.Currency, p.Rate, p.PublicRate = r.text[fUnit], r.text[fCurrency], r.text[fRate], r.text[fPublicRate]
	p.RateID, p.RateCode, p.Term, p.Description = r.text[fRateID], r.text[fRateCode], r.text[fTerm], r.text[fDescription]
	p.Attributes, p.Line = r.attrs, r.line
	var f *fault
	if p.Start, f = r.instant(fStart); f != nil {
		return "", f
	}
	if p.Amount, f = r.quantityExp(false); f != nil {
		return "", f
	}
	p.Cost, f = r.costExp()
	return "", f
}

// anyTextFault checks every text of the row.
func (s *session) anyTextFault() *fault {
	r := &s.row
	for f := range r.text {
		if !r.clean && len(r.text[f]) > 0 {
			if fl := textFault(field(f), r.text[f]); fl != nil {
				return fl
			}
		}
	}
	return nil
}

// fillAttributes gathers the product attributes of a row of a CSV report, from
// the map of CUR 2.0 and from columns of their own; the map goes first.
func (s *session) fillAttributes(fields [][]byte) {
	s.startAttributes()
	inMap := len(s.attrs.pairs)
	for _, a := range s.plan.attrs {
		s.addAttribute(inMap, a.keyBytes, fields[a.column])
	}
	s.endAttributes()
}

func (s *session) startAttributes() {
	s.attrs.max = s.lim.MaxColumns
	s.attrs.start()
	if text := s.row.text[fProduct]; len(text) > 0 {
		s.row.fault = s.attrs.parseJSON(text, true)
	}
}

func (s *session) addAttribute(inMap int, key, value []byte) {
	if s.row.fault == nil && len(value) > 0 && !holdsKey(s.attrs.pairs[:inMap], key) {
		s.row.fault = s.attrs.add(key, value)
	}
}

func (s *session) endAttributes() {
	if s.row.fault == nil {
		s.row.attrs, s.row.fault = s.attrs.end()
	}
	if s.row.fault != nil {
		s.row.fault.field, s.row.fault.name = fNone, "product"
	}
}

func holdsKey(pairs []tagPair, key []byte) bool {
	for _, p := range pairs {
		if bytes.Equal(p.key, key) {
			return true
		}
	}
	return false
}
