package pipeline_test

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/offer"
)

// TestNovemberFigures holds the month of all offers against figures worked out
// by hand, so that rewriting the expected files cannot make a wrong sum right.
func TestNovemberFigures(t *testing.T) {
	w := monthOf(t, "november")
	w.ingest(source(), folder(t, "november/usage")...)
	w.at("2026-12-01T00:00:00Z")
	run := w.close("2026-11").Run
	for payer, want := range map[string]map[string]string{
		"100000000001": {
			// Onboarding 100; 20 of November's 30 days of the backup desk.
			"AcmeServices": "120",
			// Fees of reservations 0.03 x 1,440 + 438; on demand: c5.large 4 x 0.085, m5.large 0.096 + 0.048 and
			// 0.0548571429 beyond the plan, t3.micro 0.0104; 5 % off these: 0.017, 0.0048, 0.0024, 0.0027428571, 0.00052; credit 10.
			"AmazonEC2": "471.7217942858",
			// 264 hours of 0.05, and half of 0.1 x 8,760 up front.
			"ComputeSavingsPlans": "451.2",
			// 100.5 GB at the rate of more than 100, 5 % off.
			"AmazonCloudFront": "4.77375",
			// 999 + 2 requests are two packages.
			"AmazonApiGateway": "1",
			"AmazonQuickSight": "20",
			// 30 + 10.5 of 0.023 and 0.021 at the private rate of 0.02 ..., 5 % off all: 0.91 + 0.67 - 0.1005 - 0.079025.
			"AmazonS3": "1.400975",
			// 10 % of 50 and 7 % of the rest of 960.0965192858, which is all of the above but services, and credit.
			"AcmeSupportBusiness": "68.706756",
		},
		"200000000001": {
			"AmazonEC2": "0.1168", "AmazonApiGateway": "0.5", "AmazonCloudFront": "9", "AmazonS3": "0.161",
			"AcmeCommitment": "0", // 60 less the 9.7778 above, paid by the credit
		},
	} {
		b := billOf(t, w, run, payer)
		if len(b.Services) != len(want) {
			t.Errorf("payer %s has %d services, want %d", payer, len(b.Services), len(want))
		}
		for _, s := range b.Services {
			if s.Cost.String() != want[s.Key] {
				t.Errorf("payer %s pays %s for %s, want %s", payer, s.Cost, s.Key, want[s.Key])
			}
		}
	}
	// 23 % of 1,138.8032752858, in cents.
	if got := billOf(t, w, run, "100000000001").Total.String(); got != "1400.7232752858" {
		t.Errorf("the shop pays %s", got)
	}
}

func billOf(t testing.TB, w *world, run period.Run, payer string) bill.Bill {
	t.Helper()
	for _, b := range run.Bills {
		if b.Payer == payer {
			data, err := store.ReadAll(ctx(), w.Store, b.Bill.Key, b.Bill.Bytes)
			var found bill.Bill
			if err == nil {
				err = json.Unmarshal(data, &found)
			}
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
	}
	t.Fatalf("payer %s has no bill", payer)
	return bill.Bill{}
}

// The month of all offers comes out the same in whatever way it is delivered,
// and however many workers there are.
func TestOffersGiveTheSameBytes(t *testing.T) {
	month := func(workers int, parts ...[]ingest.Input) map[string][]byte {
		w := monthOf(t, "november")
		w.Workers = workers
		for _, files := range parts {
			w.ingest(source(), files...)
		}
		w.at("2026-12-01T00:00:00Z")
		w.close("2026-11")
		w.at("2026-12-03T09:00:00Z")
		w.finish("2026-11")
		return results(t, w.Store)
	}
	files := folder(t, "november/usage")
	want := month(1, files)
	for seed := range uint64(3) {
		order := rand.New(rand.NewPCG(seed, 1))
		parts := splitLines(t, files, 7)
		order.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		sameResults(t, "in seven parts", want, month(2, parts[:3], parts[3:]))
	}
	for _, n := range []int{2, 8} {
		before := runtime.GOMAXPROCS(n)
		sameResults(t, "by other workers", want, month(n, files))
		runtime.GOMAXPROCS(before)
	}
}

// Late usage is charged as the difference, line by line and fee by fee: with the
// lines of its own month it is what the month would have been.
func TestCase_M24_LateUsageUnderAllOffers(t *testing.T) {
	onTime := monthOf(t, "november")
	onTime.ingest(source(), folder(t, "november/usage")...)
	onTime.at("2026-12-01T00:00:00Z")
	want := beforeCredits(chargeLines(t, onTime, onTime.close("2026-11").Run), "2026-11")
	for seed := range uint64(6) {
		parts := splitLines(t, folder(t, "november/usage"), 9)
		order := rand.New(rand.NewPCG(seed, 2))
		order.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		w := monthOf(t, "november")
		w.ingest(source(), parts[:5]...)
		w.at("2026-12-01T00:00:00Z")
		november := w.close("2026-11").Run
		w.ingest(source(), parts[5:]...)
		w.at("2027-01-01T00:00:00Z")
		december := w.close("2026-12").Run
		sameLines(t, want, beforeCredits(chargeLines(t, w, november, december), "2026-11"))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// beforeCredits keeps the lines of one month, without credits and taxes.
func beforeCredits(lines map[line]lineSum, month string) map[line]lineSum {
	kept := map[line]lineSum{}
	for k, s := range lines {
		if k.tail.LineItemType != schema.LineItemCredit && k.tail.LineItemType != schema.LineItemTax && k.hour.Time().Format("2006-01") == month {
			kept[k] = s
		}
	}
	return kept
}

// TestBalancesRunOn carries a credit over three months.
func TestBalancesRunOn(t *testing.T) {
	w := monthOf(t, "november")
	w.offers(`credits:
  - {id: gift, account_id: "100000000001", amount: 0.2, from: 2026-11-01, until: 2027-01-31}
minimum_commitments:
  - {id: term, payer_account_id: "100000000001", service_code: Commitment, amount: 1, whole_term: true, from: 2026-11-01, until: 2027-02-01}`)
	for _, m := range []struct {
		month, end, record string
		want               []string
	}{
		// 0.096 is used in each month.
		{"2026-11", "2026-12-01T00:00:00Z", "2026-11-03T00:00:00Z", []string{"gift 0 +0.2 -0.096 x0 = 0.104", "term 0 +1 -0.096 x0 = 0.904"}},
		{"2026-12", "2027-01-01T00:00:00Z", "2026-12-03T00:00:00Z", []string{"gift 0.104 +0 -0.096 x0 = 0.008", "term 0.904 +0 -0.096 x0 = 0.808"}},
		{"2027-01", "2027-02-01T00:00:00Z", "2027-01-03T00:00:00Z", []string{"gift 0.008 +0 -0.008 x0 = 0", "term 0.808 +0 -0.808 x0 = 0"}},
	} {
		w.at(m.end)
		w.ingest(source(), csvFile(m.month+".csv", instance(m.month, m.record)))
		run := w.close(m.month).Run
		var got []string
		for _, payer := range run.Balances {
			for _, b := range payer.Balances {
				got = append(got, strings.Join([]string{b.ID, b.Opening.String(), "+" + b.Granted.String(), "-" + b.Applied.String(), "x" + b.Expired.String(), "=", b.Closing.String()}, " "))
			}
		}
		if strings.Join(got, "; ") != strings.Join(m.want, "; ") {
			t.Errorf("%s: %q, want %q", m.month, got, m.want)
		}
	}
}

// TestCase_M16_RefundAboveWhatWasBilled refuses the close.
func TestCase_M16_RefundAboveWhatWasBilled(t *testing.T) {
	w := monthOf(t, "november")
	w.offers("{}")
	w.at("2026-12-01T00:00:00Z")
	w.ingest(source(), csvFile("n.csv", instance("n", "2026-11-03T00:00:00Z")), csvFile("d.csv", instance("d", "2026-12-03T00:00:00Z"), instance("e", "2026-12-04T00:00:00Z")))
	w.close("2026-11")
	refund := func(amount, of string) error {
		w.Offers = &offer.Offers{Refunds: []offer.Refund{{ID: "r", Account: "100000000002", Service: "AmazonEC2", Description: "Refund",
			Amount: costOf(t, amount), Date: schema.Date{Year: 2026, Month: 12, Day: 9}, Period: of}}}
		_, err := w.Close(ctx(), "acme", "2026-12")
		return err
	}
	w.at("2027-01-01T00:00:00Z")
	wantError(t, refund("0.0961", "2026-11"), "refund r", "0.0961", "0.096 was billed")
	wantError(t, refund("0.05", "2026-10"), "refund r", "not closed here")
	if err := refund("0.096", "2026-11"); err != nil {
		t.Fatal(err)
	}
}

func costOf(t testing.TB, text string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
