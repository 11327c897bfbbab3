package ingest

import (
	"bytes"
	"sort"
	"strings"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// curState is what the rows of a report have told so far.
type curState struct {
	openRow bool // a row has no invoice id
	start   int64
	end     int64
	dated   bool
	id      []byte // backs the record id
}

// curNames are the columns of a report, in the spelling of its Parquet form.
// The CSV of the legacy report is turned into that spelling first.
var curNames = [numFields]string{
	fRecordID: "identity_line_item_id", fInterval: "identity_time_interval",
	fInvoice: "bill_invoice_id", fPeriodStart: "bill_billing_period_start_date", fPeriodEnd: "bill_billing_period_end_date",
	fAccount: "line_item_usage_account_id", fType: "line_item_line_item_type",
	fStart: "line_item_usage_start_date", fEnd: "line_item_usage_end_date",
	fService: "line_item_product_code", fUsageType: "line_item_usage_type", fOperation: "line_item_operation",
	fZone: "line_item_availability_zone", fResource: "line_item_resource_id",
	fAmount: "line_item_usage_amount", fUnit: "pricing_unit",
	fCost: "line_item_unblended_cost", fCurrency: "line_item_currency_code", fRate: "line_item_unblended_rate",
	fRegion: "product_region_code", fOldRegion: "product_region", fProduct: "product", fTags: "resource_tags",
	fSplitParent: "split_line_item_parent_resource_id",
	fReservation: "reservation_reservation_a_r_n", fSavingsPlan: "savings_plan_savings_plan_a_r_n",
	fPublicRate: "pricing_public_on_demand_rate", fSKU: "product_sku", fRateID: "pricing_rate_id",
	fRateCode: "pricing_rate_code", fDescription: "line_item_line_item_description", fTerm: "pricing_term",
	fFamily: "product_product_family", fSource: "source",
	fSubscription: "reservation_subscription_id", fReserved: "reservation_number_of_reservations",
	fReservedFrom: "reservation_start_time", fReservedTo: "reservation_end_time", fReservedZone: "reservation_availability_zone",
	fUpfront: "reservation_upfront_value", fLease: "pricing_lease_contract_length",
	fClass: "pricing_offering_class", fPurchase: "pricing_purchase_option",
}

// requiredCUR are the columns without which rows cannot be identified or rated.
var requiredCUR = [...]field{
	fRecordID, fInterval, fPeriodStart, fPeriodEnd, fAccount, fType, fStart, fEnd,
	fService, fUsageType, fAmount, fCost, fCurrency,
}

// Prefixes of columns that hold one tag or one product attribute.
const (
	curTagPrefix     = "resource_tags_"
	curTagPrefixCSV  = "resourceTags/"
	curProductPrefix = "product_"
)

// planCUR finds the fields of a report. Columns that are not needed are passed
// over: reports gain and lose columns with what is used.
func (s *session) planCUR(names []string) error {
	s.sum.Format, s.sum.Kind = CUR, Snapshot
	s.sum.Types, s.sum.LeftOut = map[string]int64{}, map[string]int64{}
	s.tags.squashed = true
	if !s.derives() {
		s.build = s.buildCUR
	}
	p := newPlan()
	p.names = curNames
	s.plan = p
	var bad schema.Problems
	if s.opt.Source == "" && !s.derives() {
		bad = append(bad, *s.fileFault("is a Cost and Usage Report without a source", "name the source of the file in the configuration"))
	}
	snake := make([]string, len(names))
	for i, name := range names {
		snake[i] = snakeCase(name)
		if f := s.addCUR(i, name, snake[i]); f != nil {
			q := *s.fileFault(f.reason, f.hint)
			q.Line, q.Column, q.Field = s.row.line, i+1, name
			bad = append(bad, q)
		}
	}
	for _, f := range requiredCUR {
		if !p.has(f) {
			bad = append(bad, s.missingColumn(curNames[f], snake))
		}
	}
	sort.Slice(p.tags, func(a, b int) bool { return p.tags[a].key < p.tags[b].key })
	sort.Slice(p.attrs, func(a, b int) bool { return p.attrs[a].key < p.attrs[b].key })
	return bad.Err()
}

// typedKey gives a tag key that a report has squashed the prefix of its source
// back: user_team was user:team. So both dialects of a report give one key, and
// our own report gives the key that it was given.
func typedKey(key []byte) []byte {
	for _, source := range []string{"user", "aws"} {
		if rest, ok := bytes.CutPrefix(key, []byte(source+"_")); ok {
			return append([]byte(source+":"), rest...)
		}
	}
	return key
}

func (s *session) addCUR(column int, name, snake string) *fault {
	p := s.plan
	key, isTag := strings.CutPrefix(name, curTagPrefixCSV)
	if !isTag {
		key, isTag = strings.CutPrefix(name, curTagPrefix)
		key = string(typedKey([]byte(key)))
	}
	if isTag {
		p.tags = append(p.tags, tagColumn{key, []byte(key), column})
		return nil
	}
	if key, ok := strings.CutPrefix(snake, curProductPrefix); ok && s.prices {
		p.attrs = append(p.attrs, tagColumn{key, []byte(key), column})
	}
	for f := range numFields {
		if curNames[f] == "" || curNames[f] != snake || f == fSource {
			continue
		}
		if p.has(f) {
			return &fault{reason: "stands twice in the header"}
		}
		if f < fPublicRate || s.derives() {
			p.set(f, name, column)
		}
	}
	return nil
}

// snakeCase spells a legacy CSV column as the Parquet report does: an
// underscore before each capital that follows something else, lower case,
// other characters to underscores, no two of them in a row. Abbreviations such
// as ARN stay together, which serves only to recognise names.
func snakeCase(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	var b strings.Builder
	var last byte = '_'
	for i := range len(name) {
		c := name[i]
		upper := c >= 'A' && c <= 'Z'
		if upper && last != '_' {
			b.WriteByte('_')
		}
		switch {
		case upper:
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case last == '_':
			continue
		default:
			c = '_'
		}
		b.WriteByte(c)
		last = c
	}
	return strings.TrimSuffix(b.String(), "_")
}

// leftOut are the line item types that follow from the provider's own
// reservations and plans: they are counted, and neither rated nor passed through.
var leftOut = [...]string{
	schema.LineItemRIFee, schema.LineItemSavingsPlanNegation,
	schema.LineItemSavingsPlanRecurringFee, schema.LineItemSavingsPlanUpfrontFee,
}

// LeftOutSplit is the key in Summary.LeftOut of the rows that repeat a part of
// an instance for a task or pod that ran on it.
const LeftOutSplit = "SplitLineItem"

func (s *session) leaves(lineType []byte) string {
	for _, t := range leftOut {
		if string(lineType) == t {
			return t
		}
	}
	if len(s.row.text[fSplitParent]) > 0 {
		return LeftOutSplit
	}
	return ""
}

// buildCUR makes the record of a row of a report.
func (s *session) buildCUR() (string, *fault) {
	r, rec := &s.row, &s.rec
	lineType := r.text[fType]
	if len(bytes.TrimSpace(r.text[fInvoice])) == 0 {
		s.cur.openRow = true
	}
	if f := s.checkPeriod(); f != nil {
		return "", f
	}
	if len(lineType) == 0 || len(lineType) > 64 {
		return "", &fault{field: fType, value: string(lineType[:min(len(lineType), schema.MaxProblemValue)]), reason: "is no line item type"}
	}
	if f := textFault(fType, lineType); f != nil {
		return "", f
	}
	s.sum.Types[string(lineType)]++
	if t := s.leaves(lineType); t != "" {
		return t, nil
	}
	covered := s.asUsage()
	if f := s.curTexts(); f != nil {
		return "", f
	}
	if f := s.checkTimes(); f != nil {
		return "", f
	}
	usage := covered || bytes.Equal(lineType, lineItemUsage)
	var f *fault
	if rec.UsageAmount, f = r.quantityExp(usage); f != nil {
		return "", f
	}
	if covered {
		rec.Priced, rec.Cost, rec.Currency = false, money.Cost{}, nil
		return "", nil
	}
	return "", s.curCost(usage)
}

// asUsage turns covered usage into usage that names its commitment, and tells
// whether the row was that. Other rows name none: that of a fee has a column of
// its own, and the fee is passed through.
func (s *session) asUsage() bool {
	r := &s.row
	switch string(r.text[fType]) {
	case schema.LineItemDiscountedUsage:
		r.text[fCommitment] = r.text[fReservation]
	case schema.LineItemSavingsPlanCoveredUsage:
		r.text[fCommitment] = r.text[fSavingsPlan]
	default:
		return false
	}
	r.text[fType] = lineItemUsage
	return true
}

// curTexts checks the texts and makes the record id of line item id and
// interval, the pair that is unique in a report.
func (s *session) curTexts() *fault {
	r := &s.row
	required := [...]field{fRecordID, fInterval, fAccount, fService, fUsageType}
	for i, f := range required {
		if len(r.text[f]) == 0 && (i < 3 || bytes.Equal(r.text[fType], lineItemUsage)) {
			return &fault{field: f, reason: "is missing"}
		}
	}
	s.cur.id = append(append(append(s.cur.id[:0], r.text[fRecordID]...), '|'), r.text[fInterval]...)
	r.text[fRecordID] = s.cur.id
	r.text[fSource] = s.source
	if f := s.curRegion(); f != nil {
		return f
	}
	if f := s.checkText(); f != nil {
		return f
	}
	if !schema.ValidAccountID(string(r.text[fAccount])) {
		return &fault{field: fAccount, value: string(r.text[fAccount]), reason: "is not an account id"}
	}
	s.moveTexts()
	s.rec.Tags = r.tags
	return nil
}

// curRegion finds the region in whichever place the report has it.
func (s *session) curRegion() *fault {
	r := &s.row
	if len(r.text[fRegion]) == 0 {
		r.text[fRegion] = r.text[fOldRegion]
	}
	if len(r.text[fRegion]) > 0 || len(r.text[fProduct]) == 0 {
		return nil
	}
	attrs, f := s.tags.fromJSON(r.text[fProduct], true)
	if f != nil {
		f.field = fProduct
		return f
	}
	r.text[fRegion] = tagValue(attrs, "region")
	return nil
}

// tagValue finds one value in a canonical tag set.
func tagValue(canonical []byte, key string) []byte {
	for len(canonical) > 0 {
		var pair []byte
		pair, canonical, _ = bytes.Cut(canonical, []byte{tagRecord})
		if k, v, _ := bytes.Cut(pair, []byte{tagUnit}); string(k) == key {
			return v
		}
	}
	return nil
}

// quantityExp is quantity with the exponents that reports have. Only usage
// that is to be rated must not be negative: refunds may be.
func (r *row) quantityExp(usage bool) (money.Usage, *fault) {
	u := r.amount
	var err error
	text := r.text[fAmount]
	if !r.typed[fAmount] {
		if len(text) == 0 && !usage {
			return money.Usage{}, nil
		}
		if u, err = parseExp(text, money.ParseUsageBytes, money.ParseUsageExp); err != nil {
			return u, numberFault(fAmount, text, err)
		}
	}
	if usage && money.Sign(u) < 0 {
		return u, &fault{field: fAmount, value: u.String(), reason: "is negative"}
	}
	return u, nil
}

// parseExp reads a number that may have an exponent, without a copy when it
// has none.
func parseExp[T any](text []byte, plain func([]byte) (T, error), exp func(string) (T, error)) (T, error) {
	if bytes.IndexByte(text, 'E') < 0 && bytes.IndexByte(text, 'e') < 0 {
		return plain(text)
	}
	return exp(string(text))
}

// curCost decides whether a row is rated or brings its cost. Usage with a cost
// but no rate is spot, and the market has priced it.
func (s *session) curCost(usage bool) *fault {
	r, rec := &s.row, &s.rec
	rec.Priced, rec.Cost, rec.Currency = false, money.Cost{}, nil
	if usage && (!s.plan.has(fRate) || len(r.text[fRate]) > 0) {
		return nil
	}
	cost, f := r.costExp()
	if f != nil {
		return f
	}
	if usage && money.Sign(cost) == 0 {
		return nil
	}
	rec.Priced, rec.Cost, rec.Currency = true, cost, r.text[fCurrency]
	return s.checkCurrency()
}

func (r *row) costExp() (money.Cost, *fault) {
	if r.typed[fCost] {
		return r.price()
	}
	text := r.text[fCost]
	if len(text) == 0 {
		return money.Cost{}, nil
	}
	c, err := parseExp(text, money.ParseCostBytes, money.ParseCostExp)
	if err != nil {
		return c, numberFault(fCost, text, err)
	}
	return c, nil
}

// checkPeriod holds all rows to one billing period.
func (s *session) checkPeriod() *fault {
	start, f := s.row.instant(fPeriodStart)
	if f != nil {
		return f
	}
	end, f := s.row.instant(fPeriodEnd)
	if f != nil {
		return f
	}
	c := &s.cur
	if c.dated {
		if start == c.start && end == c.end {
			return nil
		}
		return &fault{field: fPeriodStart, value: time.Unix(0, start).UTC().Format(time.RFC3339), reason: "differs from the rows before", hint: "deliver each billing period in files of its own", file: true}
	}
	if end <= start || end-start > 40*day {
		return &fault{field: fPeriodEnd, value: time.Unix(0, end).UTC().Format(time.RFC3339), reason: "makes no month with " + s.plan.name(fPeriodStart)}
	}
	c.start, c.end, c.dated = start, end, true
	// The middle names the month whatever the zone it is cut in.
	s.sum.Period = schema.PeriodAt(time.Unix(0, start+(end-start)/2), time.UTC)
	s.sum.Period.Start, s.sum.Period.End = time.Unix(0, start).UTC(), time.Unix(0, end).UTC()
	return nil
}
