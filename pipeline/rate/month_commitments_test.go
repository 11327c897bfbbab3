package rate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// A real one: 263 up front and 0.03 an hour, of which October, not used, is
// 22.3369863 and 22.32.
func c4(t tester) offer.Reservation {
	return offer.Reservation{ID: "arn:ri/1", Subscription: "1141706146", Account: "A",
		Select: offer.Selector{ServiceCode: "AmazonEC2", UsageType: "BoxUsage:c4.large", Operation: "RunInstances", Region: "us-east-1"},
		Count:  1, Start: october.AddDate(0, -5, 0), End: october.AddDate(0, 7, 0), Years: 1, Class: "standard",
		Payment: offer.PartialUpfront, Upfront: costText(t, "263"), Hourly: rateText(t, "0.03")}
}

func TestReservationFee(t *testing.T) {
	b := &bills{}
	b.offers.Reservations = []offer.Reservation{c4(t)}
	s := b.settle(t, nil)
	wantRows(t, s.fees, "RIFee A AmazonEC2 HeavyUsage:c4.large 0 22.32")
	it := s.fees[0]
	want := batch.Commitment{Kind: batch.Reservation, ID: "arn:ri/1", Subscription: "1141706146", Lease: "1yr", Class: "standard",
		Payment: "Partial Upfront", Start: "2026-05-01T00:00:00.000Z", End: "2027-04-30T23:59:59.000Z",
		Count: "1", UnitsPer: "744.0000000000", NormalizedPer: "2976.00000000000", Units: "744.0000000000", Normalized: "2976.00000000000",
		Upfront: costText(t, "263"), AmortizedFee: costText(t, "22.3369863"), UnusedUpfront: costText(t, "22.3369863"), UnusedRecurring: costText(t, "22.32"),
		UnusedUnits: unitsOf(t, "744"), UnusedNormal: unitsOf(t, "2976")}
	if it.Terms.Commitment != want {
		t.Errorf("commitment is\n%+v\nwant\n%+v", it.Terms.Commitment, want)
	}
	if it.Amount != unitsOf(t, "744") || it.Effective != costText(t, "44.6569863") || it.Upfront != costText(t, "22.3369863") ||
		it.Net != it.Unblended || it.Blended != it.Unblended || it.List != (money.Cost{}) || it.Price.Rate != rateText(t, "0.03") ||
		it.Head.Operation != "RunInstances" || it.Tail.Region != "us-east-1" {
		t.Errorf("row is %+v", it)
	}
}

// In the month of its start a reservation is paid up front; the seconds from
// then on count.
func TestReservationBegins(t *testing.T) {
	b := &bills{}
	r := c4(t)
	r.Start, r.End, r.Count = october.Add(21*time.Hour+30*time.Minute), r.Start.AddDate(1, 0, 0), 3
	b.offers.Reservations = []offer.Reservation{r}
	s := b.settle(t, nil)
	wantRows(t, s.fees, "RIFee A AmazonEC2 HeavyUsage:c4.large 21 65.025", "Fee A AmazonEC2 HeavyUsage:c4.large 21 263")
	fee := s.fees[0]
	if fee.Tail.LineItemType != "Fee" || fee.Amount != unitsOf(t, "3") || fee.Effective != (money.Cost{}) || fee.Net != fee.Unblended ||
		fee.Terms.Commitment.AmortizedFee != (money.Cost{}) || fee.Terms.Commitment.ID != r.ID {
		t.Errorf("fee is %+v", fee)
	}
	if c := s.fees[1].Terms.Commitment; c.UnitsPer != "722.5000000000" || c.Units != "2167.5000000000" || c.Normalized != "8670.00000000000" {
		t.Errorf("commitment is %+v", c)
	}
}

// A reservation without price has its row all the same.
func TestReservationFeeOfNothing(t *testing.T) {
	b := &bills{}
	r := c4(t)
	r.Select.UsageType, r.Hourly, r.Upfront = "Node", money.Rate{}, money.Cost{}
	b.offers.Reservations = []offer.Reservation{r}
	s := b.settle(t, nil)
	wantRows(t, s.fees, "RIFee A AmazonEC2 HeavyUsage:Node 0 0")
	if c := s.fees[0].Terms.Commitment; c.Normalized != "" || c.NormalizedPer != "" {
		t.Errorf("a usage type without size has normalized units: %+v", c)
	}
}

func instancePlan(t tester, payment offer.Payment) offer.SavingsPlan {
	return offer.SavingsPlan{ID: "arn:sp/1", Account: "A", Type: offer.InstancePlan, Region: "us-east-1", Family: "m5", Commitment: costText(t, "0.12345679"),
		Payment: payment, Start: october.Add(740 * time.Hour), End: october.Add(740*time.Hour).AddDate(1, 0, 0), Years: 1}
}

func coverage(service, account string, hour int, cost, effective, zone string) rated {
	return rated{account: account, service: service, usageType: "BoxUsage:m5.large", region: "us-east-1", zone: zone, hour: hour, cost: cost,
		net: cost, effective: effective, kind: "SavingsPlanCoveredUsage", amount: "0.5",
		terms: batch.Terms{Commitment: batch.Commitment{Kind: batch.SavingsPlan, ID: "arn:sp/1"}}}
}

func TestPlanRows(t *testing.T) {
	b := &bills{}
	b.offers.SavingsPlans = []offer.SavingsPlan{instancePlan(t, offer.PartialUpfront)}
	s := b.settle(t, []rated{
		coverage("S", "A", 741, "0.2", "0.1", "a"), coverage("S", "A", 741, "0.02", "0.01000001", "a"),
		coverage("S", "A", 741, "0.01", "0.005", "b"), coverage("S", "B", 743, "0.3", "0.12345679", "a"),
	})
	wantRows(t, s.fees,
		"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrPartialUpfront 740 0.0617284",
		"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrPartialUpfront 741 0.0617284",
		"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrPartialUpfront 742 0.0617284",
		"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrPartialUpfront 743 0.0617284",
		"SavingsPlanUpfrontFee A ComputeSavingsPlans EC2SP:m5.1yrPartialUpfront 740 540.7406964", // 0.06172839 x 8760
		"SavingsPlanNegation A S BoxUsage:m5.large 741 -0.22", "SavingsPlanNegation A S BoxUsage:m5.large 741 -0.01",
		"SavingsPlanNegation B S BoxUsage:m5.large 743 -0.3")
	unused := map[int]string{740: "0.12345679", 741: "0.00845678", 742: "0.12345679", 743: "0"}
	first, _ := at(0)
	for _, it := range s.fees {
		c := it.Terms.Commitment
		switch it.Tail.LineItemType {
		case "SavingsPlanRecurringFee":
			want := unused[int(it.Hour-schema.HourOf(first))]
			if it.Effective.String() != want || c.AmortizedFee != costText(t, "0.06172839") || c.Recurring != it.Unblended || it.Amount != unitsOf(t, "1") {
				t.Errorf("recurring fee is %+v, want effective cost %s", it, want)
			}
		case "SavingsPlanUpfrontFee":
			if it.Effective != (money.Cost{}) || c.Upfront != it.Unblended {
				t.Errorf("up-front fee is %+v", it)
			}
		default:
			if it.Effective != (money.Cost{}) || it.List != (money.Cost{}) || it.Net != it.Unblended || it.Blended != it.Unblended || it.Tail.Zone == "" {
				t.Errorf("negation is %+v", it)
			}
		}
		if it.Net != it.Unblended || c.ID != "arn:sp/1" || c.Offering != offer.InstancePlan || c.Start != "2026-10-31T20:00:00.000Z" || c.End != "2027-10-31T19:59:59.000Z" {
			t.Errorf("row is %+v", it)
		}
	}
}

func TestPlanPayments(t *testing.T) {
	for payment, want := range map[offer.Payment][]string{
		offer.NoUpfront:  {"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrNoUpfront 743 0.12345679"},
		offer.AllUpfront: {"SavingsPlanRecurringFee A ComputeSavingsPlans EC2SP:m5.1yrAllUpfront 743 0", "SavingsPlanUpfrontFee A ComputeSavingsPlans EC2SP:m5.1yrAllUpfront 743 1081.4814804"},
	} {
		b := &bills{}
		p := instancePlan(t, payment)
		p.Start = october.Add(743 * time.Hour)
		b.offers.SavingsPlans = []offer.SavingsPlan{p}
		wantRows(t, b.settle(t, nil).fees, want...)
	}
}

// Negations take out what the covered lines show, plan by plan and hour by hour,
// and what they consume and the unused rest are the commitment.
func TestNegationsCancelCoveredLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &bills{}
		p := instancePlan(t, offer.NoUpfront)
		p.Start, p.Commitment = october.Add(730*time.Hour), costText(t, "1000")
		b.offers.SavingsPlans = []offer.SavingsPlan{p}
		var lines []rated
		shown, used := map[schema.Hour]money.Cost{}, map[schema.Hour]money.Cost{}
		first, _ := at(0)
		for range rapid.IntRange(0, 20).Draw(t, "lines") {
			pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
			l := coverage(pick("service", "S", "T"), pick("account", "A", "B"), rapid.IntRange(730, 743).Draw(t, "hour"), drawCost(t),
				pick("effective", "0.00000001", "3.5", "12.34567891"), pick("zone", "a", "b", ""))
			h := schema.HourOf(first) + schema.Hour(l.hour)
			shown[h], used[h] = plus(t, shown[h], costText(t, l.cost)), plus(t, used[h], costText(t, l.effective))
			lines = append(lines, l)
		}
		hours := 0
		for _, it := range b.settle(t, lines).fees {
			switch it.Tail.LineItemType {
			case "SavingsPlanNegation":
				shown[it.Hour] = plus(t, shown[it.Hour], it.Unblended)
			case "SavingsPlanRecurringFee":
				hours++
				if sum := plus(t, used[it.Hour], it.Effective); sum != p.Commitment {
					t.Errorf("effective costs of the hour %d sum to %s", it.Hour, sum)
				}
			}
		}
		for h, rest := range shown {
			if rest != (money.Cost{}) {
				t.Errorf("%s is left of the hour %d", rest, h)
			}
		}
		if hours != 14 {
			t.Errorf("%d hours have a fee", hours)
		}
	})
}

// Fees of commitments carry support and count towards a minimum.
func TestCommitmentsCarrySupport(t *testing.T) {
	b := &bills{}
	b.offers.Reservations = []offer.Reservation{c4(t)}
	b.offers.Support = []offer.Support{{ID: "care", Payer: "P", Service: "Support", Tiers: []offer.SupportTier{{Factor: rateText(t, "0.1")}}}}
	wantRows(t, b.settle(t, nil).fees, "RIFee A AmazonEC2 HeavyUsage:c4.large 0 22.32", "Fee P Support care 743 2.232")
}

func BenchmarkMonthAdd(b *testing.B) {
	bill := &bills{}
	discount := batch.Terms{Discounts: batch.EncodeDiscounts([]batch.Discount{{ID: "edp", Type: "EdpDiscount", Factor: rateText(b, "0.07")}})}
	c := batch.NewCharges(&batch.Owner{}, batch.NewDims(), batch.NewTable[batch.Price]())
	for i := range 100_000 {
		l := rated{account: []string{"A", "B", "C"}[i%3], service: []string{"S", "T"}[i%2], hour: i % 744, cost: "1.2345"}
		if i%2 == 0 {
			l.terms = discount
		}
		appendLine(b, c, l)
	}
	m := bill.month(b, 0)
	for b.Loop() {
		must(b, m.Add(c))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.Len()), "ns/row")
}
