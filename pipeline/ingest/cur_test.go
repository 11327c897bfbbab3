package ingest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

const realData = "../../../shared/data/"

func TestRealLegacyParquet(t *testing.T) {
	tests := []struct {
		file, period, amount string
		types                map[string]int64
		spot                 string
	}{
		{"cur-2018/Oct2018-WorkshopCUR-00001.snappy.parquet", "2018-10", "3914.7077525379", map[string]int64{"Usage": 110_953, "DiscountedUsage": 8_345, "RIFee": 9}, "31.5055160005"},
		{"cur-2018/Nov2018-WorkshopCUR-00001.snappy.parquet", "2018-11", "3357.9429681268", map[string]int64{"Usage": 117_129, "DiscountedUsage": 7_202, "RIFee": 9}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.period, func(t *testing.T) {
			ids, blankUnits, covered, spot := map[string]bool{}, 0, int64(0), money.Cost{}
			sum, err := Read(context.Background(), fileInput(t, realData+tt.file), Options{Source: "aws"},
				func(r *schema.Record) error {
					ids[string(r.RecordID)] = true
					if len(r.Unit) == 0 {
						blankUnits++
					}
					if len(r.Commitment) > 0 {
						covered++
					}
					if r.Priced {
						spot = must(money.Add(spot, r.Cost))
					}
					return checkRealRecord(r)
				},
				func(x Rejected) error { return &x.Problem })
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(sum.Types, tt.types) || sum.Emitted != tt.types["Usage"]+tt.types["DiscountedUsage"] || covered != tt.types["DiscountedUsage"] || len(ids) != int(sum.Emitted) || !sum.Final || sum.Period.Name != tt.period || sum.Kind != Snapshot || sum.Format != CUR {
				t.Errorf("summary %+v, %d ids", sum, len(ids))
			}
			if sum.LeftOut["RIFee"] != 9 || len(sum.LeftOut) != 1 {
				t.Errorf("left out %v", sum.LeftOut)
			}
			if tt.spot != "" && (spot.String() != tt.spot || blankUnits != 22_394) {
				t.Errorf("spot %s, %d blank units", spot, blankUnits)
			}
			checkRealCosts(t, tt.file, tt.amount)
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func checkRealRecord(r *schema.Record) error {
	switch {
	case len(r.RegionCode) == 0 || len(r.UsageAccountID) != 12 || r.UsageEnd <= r.UsageStart:
		return errors.New("region, account or times are missing: " + string(r.RecordID))
	case string(r.LineItemType) != "Usage" || string(r.Source) != "aws":
		return errors.New("type or source differs")
	}
	return nil
}

// checkRealCosts sums the unblended cost of the usage rows exactly, and rates
// each row by the rate that stands in it.
func checkRealCosts(t *testing.T, file, want string) {
	t.Helper()
	sum, rows := money.Cost{}, 0
	err := ReadCURPrices(context.Background(), fileInput(t, realData+file), Options{}, func(p *CURPrice) error {
		if string(p.LineItemType) != "Usage" {
			return nil
		}
		rows++
		sum = must(money.Add(sum, p.Cost))
		if len(p.Rate) > 0 {
			if c := must(money.Product(must(money.ParseRateBytes(p.Rate)), p.Amount, money.HalfAwayFromZero)); c != p.Cost {
				return errors.New("cost is not rate times usage")
			}
		}
		if len(p.SKU) == 0 || tagValue(p.Attributes, "sku") == nil || string(tagValue(p.Attributes, "region")) != string(p.Region) {
			return errors.New("SKU or attributes are missing")
		}
		return nil
	})
	if err != nil || sum.String() != want {
		t.Errorf("error %v, unblended cost of %d rows %s, want %s", err, rows, sum, want)
	}
}

func TestRealLegacyCSV(t *testing.T) {
	in := fileInput(t, realData+"cur-2023/aws-legacy-cur-anonymised-1281.csv")
	r := readAll(in, Options{Source: "aws"})
	if r.err != nil || len(r.rejects) > 0 {
		t.Fatalf("error %v, rejects %+v", r.err, r.rejects)
	}
	checkCounts(t, r)
	want := map[string]int64{"Usage": 1269, "Tax": 12}
	if !maps.Equal(r.sum.Types, want) || r.sum.Final || r.sum.Period.Name != "2023-11" || r.sum.Emitted != 1281 || r.sum.Format != CUR {
		t.Errorf("summary %+v", r.sum)
	}
	priced := map[string]int{}
	for _, k := range r.records {
		if k.Priced {
			priced[k.Type]++
		} else if k.Region == "" || k.Unit == "" {
			t.Fatalf("record %+v", k)
		}
	}
	if priced["Tax"] != 12 || len(priced) != 1 {
		t.Errorf("priced %v", priced)
	}
}

func TestCURWithoutIdentityIsRefused(t *testing.T) {
	for _, name := range []string{"sample-cur20.csv", "sample-legacy-csv.csv"} {
		r := readAll(fileInput(t, realData+"cur-2023/"+name), Options{})
		if r.err == nil || !strings.Contains(r.err.Error(), "has no column identity_line_item_id") {
			t.Errorf("%s: error %v", name, r.err)
		}
	}
}

func TestSnakeCase(t *testing.T) {
	for in, want := range map[string]string{
		"identity/LineItemId": "identity_line_item_id", "lineItem/UsageAccountId": "line_item_usage_account_id",
		"product/regionCode": "product_region_code", "product/instanceType": "product_instance_type",
		"reservation/ReservationARN": "reservation_reservation_a_r_n", "product/ProductName": "product_product_name",
		"pricing/publicOnDemandRate": "pricing_public_on_demand_rate", "product": "product", "resource_tags": "resource_tags",
	} {
		if got := snakeCase(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// The same row in the four dialects gives the same record, but for the spelling
// of the tag key.
const legacyHeader = "reservation/ReservationARN,savingsPlan/SavingsPlanARN,identity/LineItemId,identity/TimeInterval,bill/InvoiceId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/AvailabilityZone,lineItem/ResourceId,lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedRate,lineItem/UnblendedCost,product/region,pricing/unit,resourceTags/user:team,resourceTags/aws:createdBy"

func legacyRow(change map[string]string) string {
	values := map[string]string{
		"identity/LineItemId": "abc", "identity/TimeInterval": "2026-10-01T00:00:00Z/2026-10-01T01:00:00Z", "bill/InvoiceId": "7",
		"bill/BillingPeriodStartDate": "2026-10-01T00:00:00.000Z", "bill/BillingPeriodEndDate": "2026-11-01T00:00:00.000Z",
		"lineItem/UsageAccountId": "111122223333", "lineItem/LineItemType": "Usage", "lineItem/UsageStartDate": "2026-10-01T00:00:00.000Z",
		"lineItem/UsageEndDate": "2026-10-01T01:00:00.000Z", "lineItem/ProductCode": "AmazonEC2", "lineItem/UsageType": "BoxUsage", "lineItem/Operation": "RunInstances",
		"lineItem/UsageAmount": "9.984E-7", "lineItem/CurrencyCode": "USD", "lineItem/UnblendedRate": "0.1000000000", "lineItem/UnblendedCost": "0.0000000998",
		"product/region": "us-east-1", "pricing/unit": "Hrs", "resourceTags/user:team": "a",
	}
	maps.Copy(values, change)
	var fields []string
	for _, name := range strings.Split(legacyHeader, ",") {
		fields = append(fields, values[name])
	}
	return strings.Join(fields, ",") + "\n"
}

func legacyFile(rows ...map[string]string) string {
	data := legacyHeader + "\n"
	for _, r := range rows {
		data += legacyRow(r)
	}
	return data
}

func TestCURDialects(t *testing.T) {
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	want := kept{ID: "abc|2026-10-01T00:00:00Z/2026-10-01T01:00:00Z", Source: "meter", Account: "111122223333", Service: "AmazonEC2", UsageType: "BoxUsage", Operation: "RunInstances",
		Region: "us-east-1", Unit: "Hrs", Start: start, End: start + int64(time.Hour), Amount: "0.0000009984", Type: "Usage", Line: 2, Tags: "user:team\x1fa"}
	if got := accepted(t, legacyFile(nil)).records[0]; got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	v2 := strings.ReplaceAll(legacyFile(map[string]string{"resourceTags/user:team": `"{""user_team"":""a"",""user_none"":""""}"`}), "resourceTags/user:team,resourceTags/aws:createdBy", "resource_tags,x")
	names, rest, _ := strings.Cut(v2, "\n")
	var snake []string
	for _, n := range strings.Split(names, ",") {
		snake = append(snake, snakeCase(n))
	}
	v2 = strings.Replace(strings.Join(snake, ",")+"\n"+rest, "product_region", "product", 1)
	v2 = strings.Replace(v2, "us-east-1", `"{""region"":""us-east-1"",""sku"":""S1""}"`, 1)
	want.Tags = "user:team\x1fa"
	if got := accepted(t, v2).records[0]; got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	want.Line = 1
	data := parquetFileOf(t, []cur2Row{goodCUR2Row()})
	if got := accepted(t, string(data)).records[0]; got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	var attrs string
	err := ReadCURPrices(context.Background(), input(data), Options{}, func(p *CURPrice) error { attrs = string(p.Attributes); return nil })
	if err != nil || attrs != "region\x1fus-east-1\x1esku\x1fS1" {
		t.Errorf("error %v, attributes %q", err, attrs)
	}
}

// cur2Row is CUR 2.0 as Data Exports writes it: INT96, doubles and maps.
type cur2Row struct {
	ID       *string            `parquet:"identity_line_item_id,optional,dict"`
	Interval *string            `parquet:"identity_time_interval,optional,dict"`
	Invoice  *string            `parquet:"bill_invoice_id,optional"`
	From     deprecated.Int96   `parquet:"bill_billing_period_start_date"`
	To       deprecated.Int96   `parquet:"bill_billing_period_end_date"`
	Account  *string            `parquet:"line_item_usage_account_id,optional"`
	Type     *string            `parquet:"line_item_line_item_type,optional"`
	Start    deprecated.Int96   `parquet:"line_item_usage_start_date"`
	End      deprecated.Int96   `parquet:"line_item_usage_end_date"`
	Service  *string            `parquet:"line_item_product_code,optional"`
	Usage    *string            `parquet:"line_item_usage_type,optional"`
	Op       *string            `parquet:"line_item_operation,optional"`
	Amount   *float64           `parquet:"line_item_usage_amount,optional"`
	Currency *string            `parquet:"line_item_currency_code,optional"`
	Rate     *string            `parquet:"line_item_unblended_rate,optional"`
	Cost     *float64           `parquet:"line_item_unblended_cost,optional"`
	Unit     *string            `parquet:"pricing_unit,optional"`
	Product  map[string]string  `parquet:"product,optional"`
	Tags     map[string]string  `parquet:"resource_tags,optional"`
	Discount map[string]float64 `parquet:"discount,optional"`
}

func int96(t time.Time) deprecated.Int96 {
	days, nanos := t.Unix()/86400+2440588, t.UnixNano()%day
	return deprecated.Int96{uint32(nanos), uint32(nanos >> 32), uint32(days)}
}

func goodCUR2Row() cur2Row {
	p := func(s string) *string { return &s }
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	amount, cost := 9.984e-7, 0.0000000998
	return cur2Row{ID: p("abc"), Interval: p("2026-10-01T00:00:00Z/2026-10-01T01:00:00Z"), Invoice: p("7"), From: int96(start), To: int96(start.AddDate(0, 1, 0)),
		Account: p("111122223333"), Type: p("Usage"), Start: int96(start), End: int96(start.Add(time.Hour)), Service: p("AmazonEC2"), Usage: p("BoxUsage"), Op: p("RunInstances"),
		Amount: &amount, Currency: p("USD"), Rate: p("0.1000000000"), Cost: &cost, Unit: p("Hrs"),
		Product: map[string]string{"region": "us-east-1", "sku": "S1"}, Tags: map[string]string{"user_team": "a", "user_none": ""}}
}

func TestCURRows(t *testing.T) {
	r := accepted(t, legacyFile(
		map[string]string{"lineItem/UnblendedRate": ""},
		map[string]string{"lineItem/UnblendedRate": "", "lineItem/UnblendedCost": "0.0"},
		map[string]string{"lineItem/LineItemType": "Tax", "lineItem/UsageType": "", "lineItem/UnblendedCost": "1.25", "lineItem/UsageAmount": "1.0"},
		map[string]string{"lineItem/LineItemType": "Refund", "lineItem/UnblendedCost": "-4.370444E-4", "lineItem/UsageAmount": "-1"},
		map[string]string{"lineItem/LineItemType": "SavingsPlanNegation", "lineItem/UnblendedCost": "-1"},
		map[string]string{"lineItem/LineItemType": "SavingsPlanRecurringFee"},
		map[string]string{"lineItem/LineItemType": "SavingsPlanUpfrontFee"},
		map[string]string{"lineItem/LineItemType": "RIFee"},
		map[string]string{"lineItem/LineItemType": "FutureDiscount", "lineItem/UnblendedCost": "-1"}))
	costs := []string{"0.0000000998", "", "1.25", "-0.0004370444", "-1"}
	for i, k := range r.records {
		if k.Cost != costs[i] || k.Priced != (costs[i] != "") || (k.Currency == "USD") != k.Priced {
			t.Errorf("row %d: %+v", i, k)
		}
	}
	if len(r.records) != 5 || r.sum.LeftOut["SavingsPlanNegation"] != 1 || r.sum.LeftOut["RIFee"] != 1 || !r.sum.Final {
		t.Errorf("summary %+v", r.sum)
	}
	if accepted(t, legacyFile(nil, map[string]string{"bill/InvoiceId": ""})).sum.Final || accepted(t, legacyFile()).sum.Final {
		t.Error("a report with an open row, or none, is final")
	}
	for reason, change := range map[string]map[string]string{
		"reservation/ReservationARN":                {"reservation/ReservationARN": strings.Repeat("r", 70_000)},
		"savingsPlan/SavingsPlanARN":                {"lineItem/LineItemType": "SavingsPlanCoveredUsage", "savingsPlan/SavingsPlanARN": "a\x01"},
		"lineItem/UsageAccountId is missing":        {"lineItem/UsageAccountId": ""},
		"is not an account id":                      {"lineItem/UsageAccountId": "../x"},
		"lineItem/UsageAmount \"-1\" is negative":   {"lineItem/UsageAmount": "-1"},
		"exponent beyond":                           {"lineItem/UsageAmount": "1e400"},
		"not a decimal number":                      {"lineItem/UsageAmount": "NaN"},
		"lineItem/UsageType is missing":             {"lineItem/UsageType": ""},
		"identity/LineItemId is missing":            {"identity/LineItemId": ""},
		"lies before lineItem/UsageStartDate":       {"lineItem/UsageEndDate": "2026-09-01T00:00:00Z"},
		"bill/BillingPeriodStartDate is missing":    {"bill/BillingPeriodStartDate": ""},
		"is no line item type":                      {"lineItem/LineItemType": ""},
		"lineItem/CurrencyCode \"usd\" is not a cu": {"lineItem/LineItemType": "Tax", "lineItem/CurrencyCode": "usd"},
	} {
		mustReject(t, legacyFile(change), reason)
	}
	refused(t, []byte(legacyFile(nil, map[string]string{"bill/BillingPeriodStartDate": "2026-09-01T00:00:00Z", "bill/BillingPeriodEndDate": "2026-10-01T00:00:00Z"})), Options{}, "differs from the rows before")
	refused(t, []byte(strings.Replace(legacyFile(nil), "lineItem/UsageAmount", "lineItem/UsageQuantity", 1)), Options{}, "has no column line_item_usage_amount")
}

// Covered usage is usage that names its commitment; that of other rows is a
// column of theirs. Its cost is not read: a rate of 0 or none is no cost.
func TestCURCoveredUsage(t *testing.T) {
	plain := accepted(t, legacyFile(nil)).records[0]
	r := accepted(t, legacyFile(
		map[string]string{"lineItem/LineItemType": "DiscountedUsage", "reservation/ReservationARN": "ri-1", "savingsPlan/SavingsPlanARN": "sp", "lineItem/UnblendedRate": "0.0000000000", "lineItem/UnblendedCost": "0.0"},
		map[string]string{"lineItem/LineItemType": "DiscountedUsage", "reservation/ReservationARN": "ri-1", "lineItem/UnblendedRate": "", "lineItem/UnblendedCost": "3"},
		map[string]string{"lineItem/LineItemType": "SavingsPlanCoveredUsage", "savingsPlan/SavingsPlanARN": "sp-1", "reservation/ReservationARN": "ri"},
		map[string]string{"lineItem/LineItemType": "DiscountedUsage"},
		map[string]string{"lineItem/LineItemType": "Usage", "reservation/ReservationARN": "ri-1"}))
	for i, want := range []string{"ri-1", "ri-1", "sp-1", "", ""} {
		got := r.records[i]
		if got.Commitment != want {
			t.Errorf("row %d names %q, want %q", i, got.Commitment, want)
		}
		if got.Commitment, got.Line = "", plain.Line; got != plain {
			t.Errorf("row %d is %+v, want as usage %+v", i, got, plain)
		}
	}
	if len(r.sum.LeftOut) != 0 || !maps.Equal(r.sum.Types, map[string]int64{"DiscountedUsage": 3, "SavingsPlanCoveredUsage": 1, "Usage": 1}) {
		t.Errorf("summary %+v", r.sum)
	}
	fee := accepted(t, legacyFile(map[string]string{"lineItem/LineItemType": "Fee", "reservation/ReservationARN": "ri-1", "lineItem/UnblendedCost": "263"})).records[0]
	if fee.Commitment != "" || !fee.Priced || fee.Cost != "263" || fee.Type != "Fee" {
		t.Errorf("fee %+v", fee)
	}
	mustReject(t, legacyFile(map[string]string{"lineItem/LineItemType": "DiscountedUsage", "lineItem/UsageAmount": "-1"}), "is negative")
}

func TestCURSplitRowsAreLeftOut(t *testing.T) {
	data := strings.Replace(legacyFile(map[string]string{"resourceTags/aws:createdBy": "i-1"}, nil), "resourceTags/aws:createdBy", "splitLineItem/ParentResourceId", 1)
	if r := accepted(t, data); r.sum.LeftOut[LeftOutSplit] != 1 || r.sum.Emitted != 1 {
		t.Errorf("summary %+v", r.sum)
	}
}

func TestCURPeriodOutsideUTC(t *testing.T) {
	r := accepted(t, legacyFile(map[string]string{"bill/BillingPeriodStartDate": "2026-09-30T15:00:00Z", "bill/BillingPeriodEndDate": "2026-10-31T15:00:00Z"}))
	if p := r.sum.Period; p.Name != "2026-10" || p.Start.Format(time.RFC3339) != "2026-09-30T15:00:00Z" {
		t.Errorf("period %+v", p)
	}
}

func TestCURParquetRejects(t *testing.T) {
	bad := goodCUR2Row()
	nan := 0.0
	nan = nan / nan
	bad.Amount = &nan
	mustReject(t, string(parquetFileOf(t, []cur2Row{goodCUR2Row(), bad})), "is no number")
	bad = goodCUR2Row()
	bad.Start = deprecated.Int96{0, 0, 0xffffffff}
	mustReject(t, string(parquetFileOf(t, []cur2Row{goodCUR2Row(), bad})), "outside the years")
	bad = goodCUR2Row()
	bad.Account = nil
	mustReject(t, string(parquetFileOf(t, []cur2Row{goodCUR2Row(), bad})), "is missing")
	refused(t, []byte(csvFile("", "")), Options{Format: CUR}, "has no column identity_line_item_id")
	err := ReadCURPrices(context.Background(), input([]byte(csvFile("", ""))), Options{}, nil)
	if err == nil || !strings.Contains(err.Error(), "is not a Cost and Usage Report") {
		t.Errorf("error %v", err)
	}
}
