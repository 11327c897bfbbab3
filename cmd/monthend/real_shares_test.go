package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline"
	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// TestRealShares computes the money of reservations straight from the terms that
// are derived from the real months, without rating: the fees of each month, the
// share of each covered row, and what is left over.
func TestRealShares(t *testing.T) {
	var files []ingest.Input
	for _, m := range realMonths() {
		path := filepath.Join(realData, m.file)
		info, err := os.Stat(path)
		if err != nil {
			t.Skipf("the real months are absent: %v; they lie beside the checkout, in ../shared/data/cur-2018", err)
		}
		files = append(files, diskInput(m.file, path, info.Size()))
	}
	list, notes, err := pipeline.DeriveReservations(context.Background(), files, ingest.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		t.Logf("note: %s", n)
	}
	if len(list) != 9 {
		t.Fatalf("%d reservations, want 9", len(list))
	}
	for _, m := range realMonths() {
		t.Run(m.period, func(t *testing.T) {
			aws := readTable(t, []string{filepath.Join(realData, m.file)}, allColumns(), nil)
			s := realShares{t: t, aws: aws, month: monthOf(t, m.period), used: map[string]money.Usage{}, terms: map[string]*offer.Reservation{}}
			for i := range list {
				s.terms[list[i].ID] = &list[i]
			}
			for _, row := range aws.of(schema.LineItemDiscountedUsage) {
				s.covered(row)
			}
			for _, row := range aws.of(schema.LineItemRIFee) {
				s.fee(row)
			}
			t.Logf("%d covered rows and %d fees agree", s.rows, s.fees)
			if s.rows != m.covered || s.fees != 9 {
				t.Errorf("%d covered rows and %d fees, want %d and 9", s.rows, s.fees, m.covered)
			}
		})
	}
}

func monthOf(t *testing.T, name string) [2]time.Time {
	start, err := time.Parse("2006-01", name)
	if err != nil {
		t.Fatal(err)
	}
	return [2]time.Time{start, start.AddDate(0, 1, 0)}
}

type realShares struct {
	t          *testing.T
	aws        *realTable
	month      [2]time.Time
	terms      map[string]*offer.Reservation
	used       map[string]money.Usage // units that were used, by reservation
	rows, fees int
}

// inMonth is a reservation in one month.
type inMonth struct {
	units              money.Usage
	recurring, upfront money.Cost
}

func (s *realShares) inMonth(r *offer.Reservation) inMonth {
	start, end := s.month[0], s.month[1]
	if r.Start.After(start) {
		start = r.Start
	}
	seconds := int64(end.Sub(start) / time.Second)
	perUnit := exactly(s.t)(money.Share(money.CostFromInt(seconds), money.Int128FromInt(1), money.Int128FromInt(3600), 6, money.HalfAwayFromZero))
	units, err := money.ParseUsage(exactly(s.t)(money.MulInt(perUnit, r.Count)).String())
	if err != nil {
		s.t.Fatal(err)
	}
	fee := exactly(s.t)(money.Product(r.Hourly, units, money.HalfAwayFromZero))
	return inMonth{units: units, recurring: exactly(s.t)(fee.Round(6, money.HalfAwayFromZero)),
		upfront: exactly(s.t)(money.Share(r.Upfront, money.Int128FromInt(seconds), money.Int128FromInt(int64(r.Years)*365*86_400), 8, money.HalfAwayFromZero))}
}

func (s *realShares) covered(row int) {
	v := s.aws.texts(row, []string{"reservation_reservation_a_r_n", "line_item_usage_type", "line_item_usage_amount",
		"reservation_amortized_upfront_cost_for_usage", "reservation_recurring_fee_for_usage", "reservation_effective_cost"})
	r := s.terms[v[0]]
	amount, err := money.ParseUsage(v[2])
	if err != nil {
		s.t.Fatal(err)
	}
	m := s.inMonth(r)
	part, whole := amount.Int128(), m.units.Int128()
	used := amount
	if r.SizeFlexible {
		ours, theirs := s.factor(r.Select.UsageType), s.factor(v[1])
		part, whole = s.times(part, theirs), s.times(whole, ours)
		if used, err = money.Fraction(amount, theirs, ours); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.used[r.ID], err = money.Add(s.used[r.ID], used); err != nil {
		s.t.Fatal(err)
	}
	upfront := s.share(m.upfront, part, whole)
	recurring := s.share(m.recurring, part, whole)
	s.same(row, "amortized up-front cost", upfront, v[3])
	s.same(row, "recurring fee", recurring, v[4])
	s.same(row, "effective cost", exactly(s.t)(money.Add(upfront, recurring)), v[5])
	s.rows++
}

func (s *realShares) fee(row int) {
	v := s.aws.texts(row, []string{"reservation_reservation_a_r_n", "line_item_usage_amount", "line_item_unblended_cost",
		"reservation_amortized_upfront_fee_for_billing_period", "reservation_unused_quantity",
		"reservation_unused_amortized_upfront_fee_for_billing_period", "reservation_unused_recurring_fee"})
	m := s.inMonth(s.terms[v[0]])
	unused, err := money.Sub(m.units, s.used[v[0]])
	if err != nil {
		s.t.Fatal(err)
	}
	if money.Sign(unused) < 0 {
		unused = money.Usage{}
	}
	s.same(row, "units", cost(s.t, m.units.String()), v[1])
	s.same(row, "unblended cost", m.recurring, v[2])
	s.same(row, "amortized up-front fee", m.upfront, v[3])
	s.same(row, "unused units", cost(s.t, unused.String()), v[4])
	s.same(row, "unused up-front fee", s.share(m.upfront, unused.Int128(), m.units.Int128()), v[5])
	s.same(row, "unused recurring fee", s.share(m.recurring, unused.Int128(), m.units.Int128()), v[6])
	s.fees++
}

func (s *realShares) factor(usageType string) int64 {
	_, n, ok := schema.InstanceSize(usageType)
	if !ok {
		s.t.Fatalf("%s has no size", usageType)
	}
	return n
}

func (s *realShares) times(x money.Int128, n int64) money.Int128 {
	product, err := money.MulInt(x, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return product
}

func (s *realShares) share(total money.Cost, part, whole money.Int128) money.Cost {
	return exactly(s.t)(money.Share(total, part, whole, 8, money.HalfAwayFromZero))
}

func (s *realShares) same(row int, what string, got money.Cost, want string) {
	s.t.Helper()
	if got != cost(s.t, want) {
		s.t.Errorf("row %d: %s %s, AWS has %s", row+1, what, got, want)
	}
}
