package ingest

import (
	"bytes"
	"context"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// CURReservation is what one row of a report tells about a reservation: its
// monthly fee, or usage that it covers. The views hold until the callback
// returns.
type CURReservation struct {
	Fee                                             bool   // the row of the fee; else of covered usage
	ARN, Subscription, Account                      []byte // the account is the owner's only on a fee
	ServiceCode, UsageType, Operation, Region, Zone []byte
	Currency, Description, Lease, Class, Purchase   []byte // blank where the report has none; terms stand on covered usage
	Start, End                                      int64  // of the reservation, nanoseconds since 1970, end exclusive; only on a fee
	Count, Hourly                                   []byte // text as in the report, only on a fee
	Upfront                                         money.Cost
	Line                                            int64
}

// ReadCURReservations reads of a Cost and Usage Report the rows of reservation
// fees and of usage that reservations cover. It stops at the first bad row,
// which it returns as a *schema.Problem.
func ReadCURReservations(ctx context.Context, in Input, opt Options, emit func(*CURReservation) error) error {
	s := newSession(ctx, in, opt)
	s.reserved = true
	s.build = s.buildReservation
	s.deliver = func() error { return emit(&s.held) }
	s.reject = func(r Rejected) error { return &r.Problem }
	return s.run()
}

// buildReservation fills in what the row says. Rows of other types are counted
// as left out, so that they are not handed on.
func (s *session) buildReservation() (string, *fault) {
	r, h := &s.row, &s.held
	fee := string(r.text[fType]) == schema.LineItemRIFee
	if !fee && string(r.text[fType]) != schema.LineItemDiscountedUsage {
		return "other", nil
	}
	if f := s.checkPeriod(); f != nil {
		return "", f
	}
	if f := s.curRegion(); f != nil {
		return "", f
	}
	if f := s.anyTextFault(); f != nil {
		return "", f
	}
	if len(r.text[fReservation]) == 0 {
		return "", &fault{field: fReservation, reason: "is missing on a row of type " + string(r.text[fType]), hint: "let the report have the columns of reservations"}
	}
	*h = CURReservation{Fee: fee, ARN: r.text[fReservation], Subscription: r.text[fSubscription], Account: r.text[fAccount],
		ServiceCode: r.text[fService], UsageType: r.text[fUsageType], Operation: r.text[fOperation], Region: r.text[fRegion], Zone: r.text[fZone],
		Currency: r.text[fCurrency], Description: r.text[fDescription], Lease: r.text[fLease], Class: r.text[fClass], Purchase: r.text[fPurchase], Line: r.line}
	if fee {
		return "", s.reservationTerms()
	}
	return "", nil
}

// reservationTerms reads what stands only on the row of a fee. The report gives
// the last second of a reservation as its end.
func (s *session) reservationTerms() *fault {
	r, h := &s.row, &s.held
	var f *fault
	if h.Start, f = r.instant(fReservedFrom); f != nil {
		return f
	}
	if h.End, f = r.instant(fReservedTo); f != nil {
		return f
	}
	if h.End += int64(1e9); h.End <= h.Start {
		return &fault{field: fReservedTo, value: string(r.text[fReservedTo]), reason: "lies before the start of the reservation"}
	}
	h.Count, h.Hourly = bytes.TrimSpace(r.text[fReserved]), bytes.TrimSpace(r.text[fRate])
	if len(h.Zone) == 0 {
		h.Zone = r.text[fReservedZone]
	}
	if text := r.text[fUpfront]; len(text) > 0 {
		var err error
		if h.Upfront, err = parseExp(text, money.ParseCostBytes, money.ParseCostExp); err != nil {
			return numberFault(fUpfront, text, err)
		}
	}
	return nil
}
