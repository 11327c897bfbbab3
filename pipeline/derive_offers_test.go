package pipeline

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema/offer"
)

const reportHeader = "identity/LineItemId,identity/TimeInterval,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,lineItem/LineItemType," +
	"lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/AvailabilityZone,lineItem/UsageAmount," +
	"lineItem/CurrencyCode,lineItem/UnblendedRate,lineItem/UnblendedCost,lineItem/LineItemDescription,product/region,pricing/LeaseContractLength,pricing/OfferingClass," +
	"pricing/PurchaseOption,reservation/ReservationARN,reservation/SubscriptionId,reservation/NumberOfReservations,reservation/StartTime,reservation/EndTime,reservation/UpfrontValue"

// reportFile is a legacy report of rows that change some values of a fee.
func reportFile(name string, rows ...map[string]string) ingest.Input {
	names := strings.Split(reportHeader, ",")
	data := reportHeader + "\n"
	for _, change := range rows {
		row := map[string]string{"LineItemId": "x", "TimeInterval": "x", "BillingPeriodStartDate": "2026-10-01T00:00:00Z", "BillingPeriodEndDate": "2026-11-01T00:00:00Z",
			"UsageAccountId": "111122223333", "LineItemType": "RIFee", "UsageStartDate": "2026-10-01T00:00:00Z", "UsageEndDate": "2026-10-31T23:59:59Z",
			"ProductCode": "AmazonEC2", "UsageType": "HeavyUsage:c5.large", "Operation": "RunInstances", "UsageAmount": "1488", "CurrencyCode": "USD",
			"UnblendedRate": "0.0260000000", "UnblendedCost": "38.688", "LineItemDescription": "words", "region": "us-east-1", "ReservationARN": "arn:ri/1",
			"SubscriptionId": "77", "NumberOfReservations": "2", "StartTime": "2026-04-03T01:21:13.000Z", "EndTime": "2027-04-03T01:21:12.000Z", "UpfrontValue": "446.0"}
		for k, v := range change {
			row[k] = v
		}
		var cells []string
		for _, n := range names {
			cells = append(cells, row[n[strings.IndexByte(n, '/')+1:]])
		}
		data += strings.Join(cells, ",") + "\n"
	}
	return ingest.Input{Name: name, Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(data))), nil }}
}

func covered(usageType string, change map[string]string) map[string]string {
	row := map[string]string{"LineItemType": "DiscountedUsage", "UsageType": usageType, "UsageAmount": "1", "UnblendedRate": "0.0000000000",
		"NumberOfReservations": "", "StartTime": "", "EndTime": "", "UpfrontValue": "0.0", "LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "Partial Upfront"}
	for k, v := range change {
		row[k] = v
	}
	return row
}

func november(change map[string]string) map[string]string {
	row := map[string]string{"BillingPeriodStartDate": "2026-11-01T00:00:00Z", "BillingPeriodEndDate": "2026-12-01T00:00:00Z", "UsageAmount": "1440", "UnblendedCost": "37.44"}
	for k, v := range change {
		row[k] = v
	}
	return row
}

func derived(t *testing.T, files ...ingest.Input) ([]offer.Reservation, string) {
	t.Helper()
	list, notes, err := DeriveReservations(context.Background(), files, ingest.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	o := offer.Offers{Reservations: list}
	if problems := o.Check("derived", nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	return list, strings.Join(notes, "\n")
}

func TestDeriveReservations(t *testing.T) {
	list, notes := derived(t, reportFile("oct", nil, covered("BoxUsage:c5.large", nil)), reportFile("nov", november(nil)))
	start := time.Date(2026, 4, 3, 1, 21, 13, 0, time.UTC)
	want := offer.Reservation{ID: "arn:ri/1", Subscription: "77", Account: "111122223333",
		Select: offer.Selector{ServiceCode: "AmazonEC2", UsageType: "BoxUsage:c5.large", Operation: "RunInstances", Region: "us-east-1"},
		Count:  2, Start: start, End: start.AddDate(1, 0, 0), Years: 1, Class: "standard", Payment: offer.PartialUpfront, Given: true, Description: "words"}
	want.Upfront, want.Hourly = list[0].Upfront, list[0].Hourly
	if len(list) != 1 || list[0] != want || want.Upfront.String() != "446" || want.Hourly.String() != "0.026" || notes != "" {
		t.Errorf("got %+v, notes %q\nwant %+v", list, notes, want)
	}
}

func TestDeriveReservationsAssumes(t *testing.T) {
	rds := map[string]string{"ProductCode": "AmazonRDS", "UsageType": "HeavyUsage:db.m4.large", "Operation": "CreateDBInstance:0002"}
	for _, c := range []struct {
		name              string
		rows              []map[string]string
		usageType, terms  string
		flexible          bool
		note              string
		years, subtracted int
	}{
		{name: "alone", rows: []map[string]string{nil}, usageType: "BoxUsage:c5.large", terms: " Partial Upfront", years: 1,
			note: "no usage names it|usage type BoxUsage:c5.large is made up from HeavyUsage:c5.large|not tell its offering class|purchase option, Partial Upfront is taken|length of its contract, 1 yr is taken"},
		{name: "free of hourly fees", rows: []map[string]string{{"UnblendedRate": "", "EndTime": "2029-04-02T01:21:12Z"}}, usageType: "BoxUsage:c5.large", terms: " All Upfront", years: 3, note: "3 yr is taken"},
		{name: "nothing up front", rows: []map[string]string{{"UpfrontValue": ""}}, usageType: "BoxUsage:c5.large", terms: " No Upfront", years: 1},
		{name: "sizes", rows: []map[string]string{nil, covered("BoxUsage:c5.xlarge", nil), covered("BoxUsage:c5.large", nil)}, usageType: "BoxUsage:c5.large",
			terms: "standard Partial Upfront", flexible: true, years: 1, note: "covers other sizes than BoxUsage:c5.large: BoxUsage:c5.large BoxUsage:c5.xlarge"},
		{name: "region in the usage type", rows: []map[string]string{nil, covered("EUW2-BoxUsage:c5.xlarge", nil)}, usageType: "EUW2-BoxUsage:c5.large",
			terms: "standard Partial Upfront", flexible: true, years: 1},
		{name: "another service", rows: []map[string]string{rds, covered("InstanceUsage:db.m4.large", map[string]string{"OfferingClass": "Convertible"})},
			usageType: "InstanceUsage:db.m4.large", terms: "convertible Partial Upfront", years: 1},
		{name: "from our own report", rows: []map[string]string{{"UsageType": "HeavyUsage:Cache:m1.large"}, covered("Cache:m1.large", nil)}, usageType: "Cache:m1.large",
			terms: "standard Partial Upfront", years: 1},
		{name: "unknown", rows: []map[string]string{nil, covered("BoxUsage:c5.large", nil), covered("BoxUsage:c5.large", map[string]string{"ReservationARN": "arn:ri/2"})}, usageType: "BoxUsage:c5.large",
			terms: "standard Partial Upfront", years: 1, note: "arn:ri/2: left out: 1 rows of usage name it and no fee does"},
	} {
		list, notes := derived(t, reportFile("oct", c.rows...))
		r := list[0]
		if len(list) != 1 || r.Select.UsageType != c.usageType || r.Class+" "+string(r.Payment) != c.terms || r.SizeFlexible != c.flexible || r.Years != c.years {
			t.Errorf("%s: got %+v", c.name, list)
		}
		for _, note := range strings.Split(c.note, "|") {
			if !strings.Contains(notes, note) {
				t.Errorf("%s: notes %q do not say %q", c.name, notes, note)
			}
		}
	}
}

func TestDeriveReservationsRefuses(t *testing.T) {
	for column, change := range map[string]map[string]string{
		"line_item_usage_account_id":         {"UsageAccountId": "2"},
		"line_item_usage_type":               {"UsageType": "HeavyUsage:c5.xlarge"},
		"line_item_operation":                {"Operation": "RunInstances:0002"},
		"line_item_availability_zone":        {"AvailabilityZone": "us-east-1a"},
		"line_item_unblended_rate":           {"UnblendedRate": "0.027"},
		"product_region":                     {"region": "eu-west-1"},
		"reservation_number_of_reservations": {"NumberOfReservations": "3"},
		"reservation_start_time":             {"StartTime": "2026-04-03T01:21:14.000Z"},
		"reservation_end_time":               {"EndTime": "2027-04-03T01:21:13.000Z"},
		"reservation_upfront_value":          {"UpfrontValue": "446.0000000001"},
		"reservation_subscription_id":        {"SubscriptionId": "78"},
	} {
		_, _, err := DeriveReservations(context.Background(), []ingest.Input{reportFile("oct", nil), reportFile("nov", november(change))}, ingest.DefaultLimits())
		if err == nil || !strings.Contains(err.Error(), "nov:2: "+column) || !strings.Contains(err.Error(), "at oct:2 for reservation arn:ri/1") || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: error %v", column, err)
		}
	}
	classes := reportFile("oct", nil, covered("BoxUsage:c5.large", nil), covered("BoxUsage:c5.large", map[string]string{"OfferingClass": "convertible"}), covered("BoxUsage:c5.large", map[string]string{"OfferingClass": "x"}))
	if _, _, err := DeriveReservations(context.Background(), []ingest.Input{classes}, ingest.DefaultLimits()); err == nil || strings.Count(err.Error(), "pricing_offering_class") != 1 {
		t.Errorf("two classes: error %v", err)
	}
	for reason, change := range map[string]map[string]string{
		"is no number of reservations":     {"NumberOfReservations": "two"},
		"is no hourly rate":                {"UnblendedRate": "-1"},
		"is no amount":                     {"UpfrontValue": "x"},
		"StartTime \"yesterday\" is not a": {"StartTime": "yesterday"},
		"lies before the start":            {"EndTime": "2026-04-03T01:21:11Z"},
		"oct:2:22: reservation/ReservationARN is missing on a row of type RIFee": {"ReservationARN": ""},
		"no row of type RIFee": {"LineItemType": "Usage"},
	} {
		if _, _, err := DeriveReservations(context.Background(), []ingest.Input{reportFile("oct", change)}, ingest.DefaultLimits()); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: error %v", reason, err)
		}
	}
}
