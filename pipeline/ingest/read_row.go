package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// field numbers what a row may hold, whatever the file format.
type field uint8

const (
	fRecordID field = iota // of a CUR: the line item id
	fSource
	fAccount
	fService
	fUsageType
	fOperation
	fRegion
	fZone
	fResource
	fStart
	fEnd
	fAmount
	fUnit
	fTags
	fCost
	fCurrency
	fType
	fCommitment
	usageFields // from here on only in a CUR
)

const (
	fInterval field = usageFields + iota
	fInvoice
	fPeriodStart
	fPeriodEnd
	fRate
	fSplitParent
	fOldRegion
	fProduct
	fReservation
	fSavingsPlan
	fPublicRate // from here on only where prices or reservations are derived
	fSKU
	fRateID
	fRateCode
	fDescription
	fTerm
	fFamily
	fSubscription
	fReserved // how many reservations
	fReservedFrom
	fReservedTo
	fReservedZone
	fUpfront
	fLease
	fClass
	fPurchase
	numFields
	fNone
)

// row holds the cells of one row as views. A number or an instant that the
// file has as such is held beside the text.
type row struct {
	line   int64
	fault  *fault // found while the cells were read
	clean  bool   // every byte is printable ASCII
	text   [numFields][]byte
	typed  [numFields]bool // the value is in nanos, amount or cost, not in text
	nanos  [numFields]int64
	amount money.Usage
	cost   money.Usage // a cost with more than 10 decimals is found out later
	tags   []byte      // canonical
	attrs  []byte      // canonical product attributes, for price derivation
}

// fault is a Problem without its place.
type fault struct {
	field  field
	name   string // when the fault is in something that is no field
	value  string
	reason string
	hint   string
	file   bool // the whole file is to be refused
}

func (r *row) reset(line int64) {
	r.line, r.fault, r.clean = line, nil, false
	r.text = [numFields][]byte{}
	r.typed = [numFields]bool{}
	r.tags, r.attrs = nil, nil
}

// instant returns a time in nanoseconds since 1970.
func (r *row) instant(f field) (int64, *fault) {
	if r.typed[f] {
		return r.nanos[f], nil
	}
	at, reason := parseInstant(r.text[f])
	if reason == "" {
		return at, nil
	}
	return 0, &fault{field: f, value: string(r.text[f]), reason: reason, hint: "write it as 2026-10-31T23:00:00Z, with Z or an offset such as +09:00"}
}

// quantity returns the usage amount.
func (r *row) quantity() (money.Usage, *fault) {
	if r.typed[fAmount] {
		return r.amount, nil
	}
	u, err := money.ParseUsageBytes(r.text[fAmount])
	if err != nil {
		return u, numberFault(fAmount, r.text[fAmount], err)
	}
	return u, nil
}

// price returns the cost.
func (r *row) price() (money.Cost, *fault) {
	text := r.text[fCost]
	if r.typed[fCost] {
		text = r.cost.AppendText(nil)
	}
	c, err := money.ParseCostBytes(text)
	if err != nil {
		return c, numberFault(fCost, text, err)
	}
	return c, nil
}

func numberFault(f field, text []byte, err error) *fault {
	reason := err.Error()
	if p, ok := err.(*money.ParseError); ok {
		reason = p.Reason
	}
	return &fault{field: f, value: string(text), reason: "is no amount: " + reason}
}

// buildUsage makes the record of a row of usage.
func (s *session) buildUsage() (string, *fault) {
	r, rec := &s.row, &s.rec
	if len(r.text[fSource]) == 0 {
		r.text[fSource] = s.source
	}
	if len(r.text[fType]) == 0 {
		r.text[fType] = lineItemUsage
	}
	if f := s.checkTexts(); f != nil {
		return "", f
	}
	if f := s.checkTimes(); f != nil {
		return "", f
	}
	var f *fault
	if rec.UsageAmount, f = r.quantity(); f != nil {
		return "", f
	}
	if money.Sign(rec.UsageAmount) < 0 {
		return "", &fault{field: fAmount, value: rec.UsageAmount.String(), reason: "is negative", hint: "corrections of earlier usage are not taken as negative amounts; leave the row out"}
	}
	return "", s.checkCost()
}

var lineItemUsage = []byte(schema.LineItemUsage)

// checkTexts checks the texts of the row and puts them into the record.
func (s *session) checkTexts() *fault {
	r, rec := &s.row, &s.rec
	for _, f := range [...]field{fRecordID, fSource, fAccount, fService, fUsageType} {
		if len(r.text[f]) == 0 {
			return &fault{field: f, reason: "is missing", hint: missingHint(f)}
		}
	}
	if f := s.checkText(); f != nil {
		return f
	}
	if !schema.ValidAccountID(string(r.text[fAccount])) {
		return &fault{field: fAccount, value: string(r.text[fAccount]), reason: "is not an account id", hint: "use 1 to 64 letters, digits, dashes or underscores"}
	}
	s.moveTexts()
	rec.Tags = r.tags
	return nil
}

func missingHint(f field) string {
	if f == fSource {
		return "fill the column, or name the source of the file in the configuration"
	}
	return ""
}

// moveTexts puts the checked texts into the record.
func (s *session) moveTexts() {
	r, rec := &s.row, &s.rec
	rec.RecordID, rec.Source, rec.UsageAccountID = r.text[fRecordID], r.text[fSource], r.text[fAccount]
	rec.ServiceCode, rec.UsageType, rec.Operation = r.text[fService], r.text[fUsageType], r.text[fOperation]
	rec.RegionCode, rec.AvailabilityZone = r.text[fRegion], r.text[fZone]
	rec.ResourceID, rec.Unit, rec.LineItemType = r.text[fResource], r.text[fUnit], r.text[fType]
	rec.Commitment = r.text[fCommitment]
	rec.Line = r.line
}

// checkText checks length, encoding and control characters of every text.
func (s *session) checkText() *fault {
	r := &s.row
	for _, f := range [...]field{fRecordID, fSource, fAccount, fService, fUsageType, fOperation, fRegion, fZone, fResource, fUnit, fCurrency, fType,
		fReservation, fSavingsPlan, fCommitment} {
		text := r.text[f]
		limit := schema.MaxFieldBytes
		if f <= fSource {
			limit = schema.MaxIDBytes
		}
		if len(text) > limit {
			return &fault{field: f, value: string(text[:schema.MaxProblemValue]), reason: fmt.Sprintf("has %d bytes, more than %d", len(text), limit)}
		}
		if r.clean && f != fSource || printable(text) {
			continue
		}
		if fl := textFault(f, text); fl != nil {
			return fl
		}
	}
	return nil
}

// textFault refuses bytes that are not UTF-8 and control characters. A resource
// id alone may hold line breaks and tabs: it may be any text of the platform.
func textFault(f field, text []byte) *fault {
	if !utf8.Valid(text) {
		return &fault{field: f, value: strings.ToValidUTF8(string(text), "?"), reason: "is not UTF-8 text", hint: "write the file in UTF-8"}
	}
	for _, c := range text {
		if c >= 0x20 && c != 0x7f || f == fResource && (c == '\t' || c == '\n' || c == '\r') {
			continue
		}
		return &fault{field: f, value: string(text), reason: fmt.Sprintf("holds the control character 0x%02x", c), hint: "remove it at the source"}
	}
	return nil
}

// checkTimes reads start and end.
func (s *session) checkTimes() *fault {
	r, rec := &s.row, &s.rec
	var f *fault
	if rec.UsageStart, f = r.instant(fStart); f != nil {
		return f
	}
	if rec.UsageEnd, f = r.instant(fEnd); f != nil {
		return f
	}
	if rec.UsageEnd < rec.UsageStart {
		return &fault{field: fEnd, value: string(r.text[fEnd]), reason: "lies before " + s.plan.name(fStart), hint: "the end is exclusive and not before the start"}
	}
	return nil
}

// checkCost reads what a record brings of its own price.
func (s *session) checkCost() *fault {
	r, rec := &s.row, &s.rec
	hasCost := r.typed[fCost] || len(r.text[fCost]) > 0
	rec.Priced, rec.Cost, rec.Currency = false, money.Cost{}, nil
	usage := bytes.Equal(r.text[fType], lineItemUsage)
	if !usage && !knownType(r.text[fType]) {
		return &fault{field: fType, value: string(r.text[fType]), reason: "is not a line item type", hint: suggest(string(r.text[fType]), lineItemTypes[:])}
	}
	switch {
	case !hasCost && len(r.text[fCurrency]) > 0:
		return &fault{field: fCost, reason: "is missing where a currency is given", hint: "give cost and currency together, or neither"}
	case !hasCost && !usage:
		return &fault{field: fCost, reason: "is missing", hint: "only Usage is rated by the price list; " + string(r.text[fType]) + " brings its cost and currency"}
	case !hasCost:
		return nil
	case len(r.text[fCurrency]) == 0:
		return &fault{field: fCurrency, reason: "is missing where a cost is given", hint: "give cost and currency together, or neither"}
	}
	var f *fault
	if rec.Cost, f = r.price(); f != nil {
		return f
	}
	rec.Priced, rec.Currency = true, r.text[fCurrency]
	return s.checkCurrency()
}

func (s *session) checkCurrency() *fault {
	text := s.row.text[fCurrency]
	if s.currency != "" && string(text) == s.currency {
		return nil
	}
	c, err := money.ParseCurrency(string(text))
	if err != nil {
		f := numberFault(fCurrency, text, err)
		f.reason = strings.Replace(f.reason, "no amount: ", "", 1)
		return f
	}
	s.currency = string(c)
	return nil
}

// lineItemTypes is the documented set, and what real files hold besides.
var lineItemTypes = [...]string{
	"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee",
	"SavingsPlanUpfrontFee", "Fee", "RIFee", "Tax", "Credit", "Refund", "Discount", "BundledDiscount",
	"EdpDiscount", "PrivateRateDiscount", "SppDiscount", "RiVolumeDiscount", "FlatRateSubscription",
}

func knownType(text []byte) bool {
	for _, t := range lineItemTypes {
		if string(text) == t {
			return true
		}
	}
	return false
}

// readable returns a text for the record of a rejected row, or nothing when it
// is unfit to be shown.
func readable(text []byte, limit int) string {
	if len(text) > limit || textFault(fRecordID, text) != nil {
		return ""
	}
	return string(text)
}
