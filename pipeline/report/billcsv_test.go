package report

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

var update = flag.Bool("update", false, "write the golden files")

func mustCost(t testing.TB, s string) money.Cost {
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustUsage(t testing.TB, s string) money.Usage {
	u, err := money.ParseUsage(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func testBill(t testing.TB) bill.Bill {
	o := testOwner()
	return bill.Bill{
		Issuer: schema.Issuer{ID: "example", Name: "Example Cloud, Inc."},
		Payer:  schema.Payer{AccountID: o.Payer, Name: "=Payer", Address: []string{"1 Main Street", "Springfield"}},
		Period: o.Period, Currency: "USD",
		Lines: []bill.Line{
			{Account: "111111111111", AccountName: "=Payer", Service: "Compute", UsageType: "BoxUsage", Operation: "Run",
				RateCode: "SKU.T.R", Type: "Usage", Description: "$0.1 per \"hour\"\nfirst tier", Unit: "Hrs",
				Usage: mustUsage(t, "4.20741252"), Rate: "0.1000000000", BlendedRate: "0.0229998840", Cost: mustCost(t, "0.4207412520")},
			{Account: "222222222222", AccountName: "Team, two", Service: "Storage", UsageType: "-Bytes", Operation: "",
				Type: "Usage", Description: "@sum", Unit: "GB", Usage: mustUsage(t, "-2.5"), Cost: mustCost(t, "-0.0000005"), Reason: "late usage of 2026-09"},
		},
		Services: []bill.Subtotal{{Key: "Compute", Name: "Example Compute", Cost: mustCost(t, "0.4207412520")}, {Key: "Storage", Cost: mustCost(t, "-0.0000005")}},
		Accounts: []bill.Subtotal{{Key: "111111111111", Name: "=Payer", Cost: mustCost(t, "0.4207412520")}, {Key: "222222222222", Name: "Team, two", Cost: mustCost(t, "-0.0000005")}},
		Total:    mustCost(t, "0.420740752"),
	}
}

func TestBillCSV(t *testing.T) {
	for name, s := range map[string]Statement{
		"estimated": {Bill: testBill(t), Through: time.Date(2026, 10, 20, 5, 0, 0, 0, time.UTC)},
		"issued":    {Bill: testBill(t), InvoiceID: "EX-000017", InvoiceDate: schema.Date{Year: 2026, Month: 11, Day: 4}},
		"member":    {Bill: testBill(t), Account: "222222222222", InvoiceID: "EX-000017", InvoiceDate: schema.Date{Year: 2026, Month: 11, Day: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := WriteBillCSV(&out, s); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "bill-"+name+".csv"), out.Bytes())
			checkBill(t, out.Bytes(), s)
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

// checkBill adds the printed lines up and looks for what a spreadsheet runs.
func checkBill(t *testing.T, text []byte, s Statement) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	if len(at) != 29 {
		t.Errorf("%d columns", len(at))
	}
	sum, total := money.Cost{}, money.Cost{}
	for _, r := range records[1:] {
		switch r[at["RecordType"]] {
		case "PayerLineItem", "LinkedLineItem", "Rounding":
			if sum, err = money.Add(sum, mustCost(t, r[at["TotalCost"]])); err != nil {
				t.Fatal(err)
			}
		case "StatementTotal":
			total = mustCost(t, r[at["TotalCost"]])
		}
		for name, i := range at {
			number := name == "UsageQuantity" || name == "TotalCost" || name == "CostBeforeTax"
			if !number && r[i] != "" && strings.ContainsAny(r[i][:1], "=+-@\t\r") {
				t.Errorf("%s %q is a formula", name, r[i])
			}
		}
	}
	if sum != total {
		t.Errorf("lines add up to %s, total is %s", sum, total)
	}
	if got := strings.Contains(string(text), "EstimatedDisclaimer"); got != (s.InvoiceID == "") {
		t.Errorf("disclaimer: %v", got)
	}
}
