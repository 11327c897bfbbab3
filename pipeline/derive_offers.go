package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// DeriveReservations reads Cost and Usage Reports and returns the reservations
// that they speak of, sorted by id, with notes on what was assumed. What each of
// them covers is given by the usage that names it. Reports of several months are
// merged; what differs between two rows of one reservation is returned as
// schema.Problems. It derives no savings plans.
func DeriveReservations(ctx context.Context, files []ingest.Input, limits ingest.Limits) (list []offer.Reservation, notes []string, err error) {
	d := &reservations{held: map[string]*reserved{}}
	for _, f := range files {
		opt := ingest.Options{Format: ingest.CUR, Limits: limits}
		if err := ingest.ReadCURReservations(ctx, f, opt, func(r *ingest.CURReservation) error { return d.add(f.Name, r) }); err != nil {
			return nil, nil, err
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(d.held)) {
		if h := d.held[arn]; h.fees > 0 {
			list = append(list, d.finish(h))
		} else {
			d.note(arn, "left out: %d rows of usage name it and no fee does; that usage is rated as any other", h.usage)
		}
	}
	if err := d.problems.Err(); err != nil {
		return nil, nil, err
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("the reports hold no row of type %s to take a reservation from", schema.LineItemRIFee)
	}
	slices.Sort(d.notes)
	return list, d.notes, nil
}

// reservations gathers what the rows say.
type reservations struct {
	held     map[string]*reserved // by ARN
	problems schema.Problems
	notes    []string
}

// reserved is one reservation while its rows are read.
type reserved struct {
	offer.Reservation
	facts       map[string]*fact // by column
	fees, usage int64            // rows
	covered     map[string]bool  // usage types
	feeType     string           // usage type of the fee
	lease       string
}

// fact is what the first row said, and where.
type fact struct {
	value, file string
	line        int64
	denied      bool // by a later row, which was told
}

func (d *reservations) note(arn, format string, args ...any) {
	d.notes = append(d.notes, arn+": "+fmt.Sprintf(format, args...))
}

func (d *reservations) add(file string, r *ingest.CURReservation) error {
	h := d.held[string(r.ARN)]
	if h == nil {
		h = &reserved{facts: map[string]*fact{}, covered: map[string]bool{}}
		h.ID = string(r.ARN)
		d.held[h.ID] = h
	}
	agree := func(column, value string) { d.agree(h, column, fact{value: value, file: file, line: r.Line}) }
	if r.Fee {
		return d.fee(file, h, r, agree)
	}
	h.usage++
	h.covered[string(r.UsageType)] = true
	if len(r.Lease) > 0 {
		h.lease = string(r.Lease)
		agree("pricing_lease_contract_length", h.lease)
	}
	if len(r.Class) > 0 {
		h.Class = strings.ToLower(string(r.Class))
		agree("pricing_offering_class", h.Class)
	}
	if len(r.Purchase) > 0 {
		h.Payment = offer.Payment(r.Purchase)
		agree("pricing_purchase_option", string(h.Payment))
	}
	return nil
}

// agree holds a row to what the first row of the reservation said, and tells of
// each column once.
func (d *reservations) agree(h *reserved, column string, now fact) {
	first := h.facts[column]
	switch {
	case first == nil:
		h.facts[column] = &now
	case first.value != now.value && !first.denied:
		first.denied = true
		d.problems = append(d.problems, schema.Problem{File: now.file, Line: now.line, Field: column, Value: schema.Shorten(now.value),
			Reason: fmt.Sprintf("contradicts %q at %s:%d for reservation %s", schema.Shorten(first.value), first.file, first.line, h.ID),
			Hint:   "derive from reports that agree, or write the reservation by hand"})
	}
}

// fee takes the row of a fee, which says what a reservation is.
func (d *reservations) fee(file string, h *reserved, r *ingest.CURReservation, agree func(column, value string)) error {
	bad := func(column string, value []byte, reason string) error {
		return &schema.Problem{File: file, Line: r.Line, Field: column, Value: schema.Shorten(string(value)), Reason: reason}
	}
	count, err := strconv.ParseInt(string(r.Count), 10, 64)
	if err != nil || count < 1 {
		return bad("reservation_number_of_reservations", r.Count, "is no number of reservations")
	}
	hourly := money.Rate{}
	if len(r.Hourly) > 0 {
		if hourly, err = money.ParseRateBytes(r.Hourly); err != nil || money.Sign(hourly) < 0 {
			return bad("line_item_unblended_rate", r.Hourly, "is no hourly rate")
		}
	}
	start, end := time.Unix(0, r.Start).UTC(), time.Unix(0, r.End).UTC()
	agree("line_item_usage_account_id", string(r.Account))
	agree("line_item_product_code", string(r.ServiceCode))
	agree("line_item_usage_type", string(r.UsageType))
	agree("line_item_operation", string(r.Operation))
	agree("product_region", string(r.Region))
	agree("line_item_availability_zone", string(r.Zone))
	agree("line_item_currency_code", string(r.Currency))
	agree("line_item_unblended_rate", hourly.String())
	agree("reservation_subscription_id", string(r.Subscription))
	agree("reservation_number_of_reservations", strconv.FormatInt(count, 10))
	agree("reservation_start_time", start.Format(time.RFC3339))
	agree("reservation_end_time", end.Format(time.RFC3339))
	agree("reservation_upfront_value", r.Upfront.String())
	if h.fees++; h.fees > 1 {
		return nil
	}
	h.Subscription, h.Account, h.feeType = string(r.Subscription), string(r.Account), string(r.UsageType)
	h.Select = offer.Selector{ServiceCode: string(r.ServiceCode), Operation: string(r.Operation), Region: string(r.Region)}
	h.Zone, h.Description = string(r.Zone), string(r.Description)
	h.Count, h.Start, h.End, h.Upfront, h.Hourly = count, start, end, r.Upfront, hourly
	return nil
}

// finish settles what follows from all rows of a reservation.
func (d *reservations) finish(h *reserved) offer.Reservation {
	h.Given = true
	if h.usage == 0 {
		d.note(h.ID, "no usage names it in these reports")
	}
	d.usageType(h)
	d.term(h)
	if h.Class == "" {
		d.note(h.ID, "the reports do not tell its offering class")
	}
	if options := []offer.Payment{offer.NoUpfront, offer.PartialUpfront, offer.AllUpfront}; !slices.Contains(options, h.Payment) {
		switch {
		case money.Sign(h.Upfront) == 0:
			h.Payment = offer.NoUpfront
		case money.Sign(h.Hourly) == 0:
			h.Payment = offer.AllUpfront
		default:
			h.Payment = offer.PartialUpfront
		}
		d.note(h.ID, "the reports do not tell its purchase option, %s is taken by its fees", h.Payment)
	}
	return h.Reservation
}

// usageType finds what the reservation is for: the size of its fee row, of the
// kind that it covers.
func (d *reservations) usageType(h *reserved) {
	h.Select.UsageType = strings.Replace(h.feeType, "HeavyUsage", "BoxUsage", 1)
	types := slices.Sorted(maps.Keys(h.covered))
	if len(types) == 0 {
		d.note(h.ID, "its usage type %s is made up from %s", h.Select.UsageType, h.feeType)
		return
	}
	kind, _ := cutKind(types[0])
	if _, size := cutKind(h.feeType); size != "" {
		h.Select.UsageType = kind + ":" + size
		if i := slices.IndexFunc(types, func(t string) bool { _, s := cutKind(t); return s == size }); i >= 0 {
			h.Select.UsageType = types[i]
		}
	}
	if types[0] != h.Select.UsageType || len(types) > 1 {
		h.SizeFlexible = h.Zone == ""
		d.note(h.ID, "covers other sizes than %s: %s", h.Select.UsageType, strings.Join(types, " "))
	}
}

// cutKind cuts EUW2-BoxUsage:t2.micro at its last colon.
func cutKind(usageType string) (kind, size string) {
	i := strings.LastIndexByte(usageType, ':')
	if i < 0 {
		return usageType, ""
	}
	return usageType[:i], usageType[i+1:]
}

// term finds the years: those of the lease, or the shorter term that holds the
// stretch.
func (d *reservations) term(h *reserved) {
	years, _, _ := strings.Cut(h.lease, "yr")
	if h.Years, _ = strconv.Atoi(strings.TrimSpace(years)); h.Years == 1 || h.Years == 3 {
		return
	}
	if h.Years = 3; !h.End.After(h.Start.AddDate(1, 0, 1)) {
		h.Years = 1
	}
	d.note(h.ID, "the reports do not tell the length of its contract, %d yr is taken by its start and end", h.Years)
}
