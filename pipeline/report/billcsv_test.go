package report

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"slices"
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

// taxedBill has a credit and two taxes of its own.
func taxedBill(t testing.TB) bill.Bill {
	b := testBill(t)
	more := func(account, kind, taxType, description, cost string) {
		b.Lines = append(b.Lines, bill.Line{Account: account, Service: "Compute", Type: kind, TaxType: taxType, Description: description,
			Usage: mustUsage(t, "1"), Cost: mustCost(t, cost)})
		for i := range b.Accounts {
			if b.Accounts[i].Key == account {
				b.Accounts[i].Cost = plus(t, b.Accounts[i].Cost, cost)
			}
		}
		b.Total = plus(t, b.Total, cost)
	}
	more("111111111111", "Credit", "", "Welcome", "-0.1000000004")
	more("111111111111", "Tax", "VAT", "VAT 10%", "0.03")
	more("222222222222", "Tax", "Levy", "Levy 1%", "0.01")
	more("222222222222", "Tax", "", "tax of another bill", "0.02")
	return b
}

func plus(t testing.TB, a money.Cost, s string) money.Cost {
	sum, err := money.Add(a, mustCost(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestBillCSV(t *testing.T) {
	for name, s := range map[string]Statement{
		"estimated":    {Bill: testBill(t), Through: time.Date(2026, 10, 20, 5, 0, 0, 0, time.UTC)},
		"issued":       {Bill: testBill(t), InvoiceID: "EX-000017", InvoiceDate: schema.Date{Year: 2026, Month: 11, Day: 4}},
		"taxed":        {Bill: taxedBill(t), InvoiceID: "EX-000018", InvoiceDate: schema.Date{Year: 2026, Month: 11, Day: 4}},
		"taxed-member": {Bill: taxedBill(t), Account: "222222222222"},
		"member":       {Bill: testBill(t), Account: "222222222222", InvoiceID: "EX-000017", InvoiceDate: schema.Date{Year: 2026, Month: 11, Day: 4}},
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
	columns := []string{"CostBeforeTax", "Credits", "TaxAmount", "TotalCost"}
	sums, totals := map[string]money.Cost{}, map[string]money.Cost{}
	for _, r := range records[1:] {
		checkRecord(t, r, at)
		for _, name := range columns {
			switch r[at["RecordType"]] {
			case "PayerLineItem", "LinkedLineItem", "Rounding":
				sums[name] = plus(t, sums[name], r[at[name]])
			case "StatementTotal":
				totals[name] = mustCost(t, r[at[name]])
			}
		}
		for name, i := range at {
			number := name == "UsageQuantity" || slices.Contains(columns, name)
			if !number && r[i] != "" && strings.ContainsAny(r[i][:1], "=+-@\t\r") {
				t.Errorf("%s %q is a formula", name, r[i])
			}
		}
	}
	for _, name := range columns {
		if sums[name] != totals[name] {
			t.Errorf("%s adds up to %s, the total is %s", name, sums[name], totals[name])
		}
	}
	if got := strings.Contains(string(text), "EstimatedDisclaimer"); got != (s.InvoiceID == "") {
		t.Errorf("disclaimer: %v", got)
	}
}

// checkRecord holds that the parts of a record are its total.
func checkRecord(t *testing.T, r []string, at map[string]int) {
	t.Helper()
	if r[at["TotalCost"]] == "" {
		return
	}
	sum := mustCost(t, r[at["CostBeforeTax"]])
	sum = plus(t, plus(t, sum, r[at["Credits"]]), r[at["TaxAmount"]])
	if sum != mustCost(t, r[at["TotalCost"]]) {
		t.Errorf("%s %s: parts add up to %s, the total is %s", r[at["RecordType"]], r[at["ItemDescription"]], sum, r[at["TotalCost"]])
	}
	if none := r[at["TaxType"]] == "None"; none != (money.Sign(mustCost(t, r[at["TaxAmount"]])) == 0) {
		t.Errorf("%s: tax of %s and type %s", r[at["RecordType"]], r[at["TaxAmount"]], r[at["TaxType"]])
	}
}
