package invoice

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"strings"
	"testing"

	"github.com/monthend/monthend/schema/money"
)

func TestCSV(t *testing.T) {
	inv := sampleInvoice(t)
	inv.Payer.Name = "Pay, \"er\"\r\nline"
	var b bytes.Buffer
	if err := WriteCSV(&b, inv); err != nil {
		t.Fatal(err)
	}
	const head = `INV-0007,2026-11-05,2026-12-05,2026-10,acme,Example Cloud,111,"Pay, ""er""` + "\r\n" + `line",`
	want := strings.Join(Columns(), ",") + "\r\n" +
		head + "service,Compute,10.0050000000,10.01,USD\r\n" +
		head + "service,Queue,0.0050000000,0.01,USD\r\n" +
		head + "service,Storage,0.0050000000,0.01,USD\r\n" +
		head + "service,Support,-1.0050000000,-1.01,USD\r\n" +
		head + "rounding,,,-0.01,USD\r\n" +
		head + "total,,9.0100000000,9.01,USD\r\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestCSVRefusesFinerAmounts(t *testing.T) {
	inv := sampleInvoice(t)
	inv.Rounding = cost(t, "0.001")
	wantError(t, WriteCSV(&bytes.Buffer{}, inv), "rounding")
	inv.Currency = "ZZZ"
	wantError(t, WriteCSV(&bytes.Buffer{}, inv), "currency")
}

func TestCase_D49_HarmlessToSpreadsheets(t *testing.T) {
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "＝1", "＠x"} {
		inv := sampleInvoice(t)
		inv.Number, inv.Payer.Name, inv.Issuer.Name, inv.Lines[0].Service = evil, evil, evil, evil
		var b bytes.Buffer
		if err := WriteCSV(&b, inv); err != nil {
			t.Fatal(err)
		}
		// The standard reader turns CR LF within a field into LF, which no
		// text here holds.
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", evil, err)
		}
		for _, column := range []int{0, 5, 7, 9} {
			if got := rows[1][column]; got != "'"+evil {
				t.Errorf("column %s holds %q, want an apostrophe before %q", rows[0][column], got, evil)
			}
		}
	}
	for _, fine := range []string{"", "a=b", " =1", "'=1", "é"} {
		if got := harmless(fine); got != fine {
			t.Errorf("harmless(%q) = %q", fine, got)
		}
	}
}

func TestCSVSums(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCSV(&b, sampleInvoice(t)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var total money.Cost
	for _, row := range rows[1 : len(rows)-1] {
		total = plus(t, total, cost(t, row[11]))
	}
	if last := rows[len(rows)-1]; last[8] != RowTotal || total != cost(t, last[11]) {
		t.Errorf("rows sum to %s, the last row is %v", total, last)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	inv := sampleInvoice(t)
	inv.Payer.Name = "<script>\u202e\u2028 한국"
	var first, second bytes.Buffer
	if err := WriteJSON(&first, inv); err != nil {
		t.Fatal(err)
	}
	got, err := ReadJSON(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(&second, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("written again:\n%s\nwant\n%s", &second, &first)
	}
	got.Payer.Accounts = nil // an empty list and none are the same here
	if !reflect.DeepEqual(got, inv) {
		t.Errorf("read %+v\nwant %+v", got, inv)
	}
	for _, want := range []string{`"total": "9.01"`, `"rounding": "-0.01"`, `"invoice_date": "2026-11-05"`, `"invoice_id": "INV-0007"`} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("JSON lacks %s:\n%s", want, &first)
		}
	}
}

func TestReadJSONRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, sampleInvoice(t)); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	tests := []struct{ name, text, want string }{
		{"empty", "", "json of an invoice"},
		{"unknown field", strings.Replace(good, `"kind"`, `"sort"`, 1), "json of an invoice"},
		{"repeated field", strings.Replace(good, `"kind"`, `"total": "9.01", "kind"`, 1), "json of an invoice"},
		{"number as number", strings.Replace(good, `"total": "9.01"`, `"total": 9.01`, 1), "json of an invoice"},
		{"unknown currency", strings.ReplaceAll(good, `"USD"`, `"ZZZ"`), "json of an invoice"},
		{"two invoices", good + good, "json of an invoice"},
		{"other total", strings.Replace(good, `"total": "9.01"`, `"total": "9.02"`, 1), "total is 9.02"},
		{"nothing in it", "{}", "no number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.text == good {
				t.Fatal("the text was not changed")
			}
			_, err := ReadJSON(strings.NewReader(test.text))
			wantError(t, err, test.want)
		})
	}
}

func FuzzReadJSON(f *testing.F) {
	var b bytes.Buffer
	if err := WriteJSON(&b, sampleInvoice(f)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"currency":"","issuer":{"currency":""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteJSON(&again, inv); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadJSON(&again); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if err := WriteCSV(&bytes.Buffer{}, inv); err != nil {
			t.Fatalf("a proven invoice has no CSV: %v", err)
		}
	})
}
