package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/bill"
	"github.com/monthend/monthend/schema/money"
)

func cost(t testing.TB, s string) money.Cost {
	t.Helper()
	c, err := money.ParseCost(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sample is an invoice in US dollars with n services of 12,345.67 each.
func sample(t testing.TB, n int) bill.Invoice {
	inv := bill.Invoice{
		Number: "INV-2026-000042",
		Kind:   "invoice",
		Issuer: schema.Issuer{
			ID: "acme", Name: "Example Cloud, Inc.", Currency: "USD", TimeZone: "America/New_York",
			Address: []string{"100 Main Street", "Springfield, NY 10001", "United States"}, TaxID: "12-3456789",
			PaymentTermsDays: 30,
		},
		Payer: schema.Payer{
			AccountID: "111122223333", Name: "Łódź Straßenbau GmbH", Issuer: "acme",
			Address: []string{"Hauptstraße 5", "80331 München"}, TaxID: "DE123456789",
		},
		Period:      schema.Period{Name: "2026-10"},
		InvoiceDate: schema.Date{Year: 2026, Month: time.November, Day: 5},
		DueDate:     schema.Date{Year: 2026, Month: time.December, Day: 5},
		Currency:    "USD",
		Rounding:    cost(t, "-0.01"),
		ExactTotal:  cost(t, "987654321.0987654321"),
		Total:       cost(t, "987654321.10"),
		Accounts: []bill.Subtotal{
			{Key: "111122223333", Name: "Production", Cost: cost(t, "987654321")},
			{Key: "444455556666", Name: "Research and development", Cost: cost(t, "0.0987654321")},
		},
	}
	for i := range n {
		l := bill.InvoiceLine{Service: fmt.Sprintf("Service%03d", i+1), Amount: cost(t, "12345.67")}
		inv.Lines = append(inv.Lines, l)
	}
	return inv
}

func korean(t testing.TB) bill.Invoice {
	inv := sample(t, 3)
	inv.Currency, inv.Issuer.Currency, inv.Issuer.TimeZone = "KRW", "KRW", "Asia/Seoul"
	inv.Issuer.Name = "주식회사 예시클라우드"
	inv.Issuer.Address = []string{"서울특별시 중구 세종대로 110", "대한민국 04524"}
	inv.Payer.Name = "한빛 Solutions (주) 東京支社"
	inv.Payer.Address = []string{"부산광역시 해운대구 센텀중앙로 79", "カタカナ ひらがな 發票"}
	inv.Lines[0].Service = "클라우드 저장소"
	for i := range inv.Lines {
		inv.Lines[i].Amount = cost(t, "1234567")
	}
	inv.Rounding, inv.Total = cost(t, "1"), cost(t, "3703702")
	inv.Accounts[0].Name, inv.Accounts[1].Name = "운영 계정", "연구개발"
	return inv
}

func drawn(t testing.TB, inv bill.Invoice) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, inv); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// extracted is the text of a PDF as poppler reads it.
func extracted(t *testing.T, doc []byte) string {
	t.Helper()
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed; install poppler-utils to run this test")
	}
	file := filepath.Join(t.TempDir(), "invoice.pdf")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-layout", file, "-").CombinedOutput()
	if err != nil {
		t.Fatalf("pdftotext: %v: %s", err, out)
	}
	return string(out)
}

func wantText(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("text of the PDF lacks %q:\n%s", want, text)
		}
	}
}

func TestSameBytes(t *testing.T) {
	inv := korean(t)
	// Two characters with one glyph each: the library picks one by map order.
	inv.Payer.Name += " a\u00a0b Ω\u2126 Å\u212b -\u2010"
	first := drawn(t, inv)
	for range 8 {
		if !bytes.Equal(drawn(t, inv), first) {
			t.Fatal("the same invoice gave other bytes")
		}
	}
	inv.Total = cost(t, "3703703")
	if bytes.Equal(drawn(t, inv), first) {
		t.Fatal("another total gave the same bytes")
	}
}

func TestFigures(t *testing.T) {
	inv := sample(t, 2)
	inv.Lines[1].Amount = cost(t, "-5")
	wantText(t, extracted(t, drawn(t, inv)),
		"Example Cloud, Inc.", "12-3456789", "Łódź Straßenbau GmbH", "Hauptstraße 5", "Account 111122223333",
		"INV-2026-000042", "2026-11-05", "2026-12-05", "2026-10", "America/New_York",
		"USD 987,654,321.10", "12,345.67", "-5.00", "-0.01", "Rounding", "987,654,321.10",
		"Research and development", "987,654,321.0000000000", "0.0987654321", "987,654,321.0987654321", "page 1 of 1")
}

func TestTaxes(t *testing.T) {
	plain := sample(t, 2)
	inv := sample(t, 2)
	factor, err := money.ParseRate("0.075")
	if err != nil {
		t.Fatal(err)
	}
	inv.Taxes = []bill.Tax{
		{ID: "a", Type: "GST", Description: "Goods and services", Factor: factor, Amount: cost(t, "4321"), Inclusive: true},
		{ID: "b", Type: "VAT", Factor: factor, Amount: cost(t, "1851.85")},
	}
	inv.Credits = cost(t, "-1000.5")
	text := extracted(t, drawn(t, inv))
	wantText(t, text, "VAT 7.5%", "1,851.85", "Included in the charges", "GST 7.5% (Goods and services)", "4,321.00",
		"Credits, before rounding", "-1,000.5000000000")
	if tax, total := strings.Index(text, "VAT 7.5%"), strings.LastIndex(text, "Total "); tax > total {
		t.Error("the tax stands behind the total")
	}
	if strings.Contains(extracted(t, drawn(t, plain)), "Included") {
		t.Error("an invoice without taxes and credits speaks of them")
	}
}

func TestKorean(t *testing.T) {
	wantText(t, extracted(t, drawn(t, korean(t))),
		"주식회사 예시클라우드", "한빛 Solutions (주) 東京支社", "カタカナ ひらがな 發票", "클라우드 저장소",
		"KRW 3,703,702", "1,234,567", "운영 계정")
}

func TestLongListBreaksOverPages(t *testing.T) {
	inv := sample(t, 60)
	text := extracted(t, drawn(t, inv))
	pages := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
	if len(pages) < 2 {
		t.Fatalf("60 services on %d page", len(pages))
	}
	for i, p := range pages {
		wantText(t, p, fmt.Sprintf("page %d of %d", i+1, len(pages)), inv.Number)
		if strings.Contains(p, "Service0") {
			wantText(t, p, "Amount in USD")
		}
	}
	for i := range 60 {
		wantText(t, text, fmt.Sprintf("Service%03d", i+1))
	}
	if n := strings.Count(text, "12,345.67"); n != 60 {
		t.Errorf("%d amounts of services, want 60", n)
	}
}

func TestLongTextsWrap(t *testing.T) {
	inv := sample(t, 1)
	inv.Lines[0].Service = strings.Repeat("ServiceWithoutBlanks", 600)
	inv.Payer.Name = strings.Repeat("many words ", 400)
	inv.Number = strings.Repeat("INV", 60)
	inv.Accounts[0].Name = "ends here"
	text := extracted(t, drawn(t, inv))
	if got := strings.Count(strings.Join(strings.Fields(text), ""), "words"); got != 400 {
		t.Errorf("payer name kept %d of 400 words", got)
	}
	wantText(t, text, "ends here", "page 2 of")
}

// Each of these has 5C, 28, 29, 0D or 0A in the bytes the PDF holds.
func TestBytesWithMeaningInPDF(t *testing.T) {
	inv := sample(t, 1)
	inv.Payer.Name = `尜對小尨 (a) \n a\b ((`
	wantText(t, extracted(t, drawn(t, inv)), inv.Payer.Name)
}

func TestHostileText(t *testing.T) {
	inv := sample(t, 1)
	inv.Payer.Name = "<script>alert(1)</script>"
	inv.Payer.Address = []string{"abc\u202edef", "a\x00b\nc", "bad\xff", "zero\u200bwidth", ") Tj ET (", "  "}
	text := extracted(t, drawn(t, inv))
	wantText(t, text, "<script>alert(1)</script>",
		"abc<U+202E>def", "a<U+0000>b<U+000A>c", "bad<0xFF>", "zero<U+200B>width", ") Tj ET (")
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"emoji", "smile 😀", "U+1F600"},
		{"right to left", "שלום", "U+05E9"},
		{"joined script", "नमस्ते", "U+0928"},
		{"letters of a syllable", "\u1112\u1161\u11ab", "U+1112"},
		{"not a character", "\ufffe", "U+FFFE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inv := sample(t, 1)
			inv.Accounts[1].Name = test.text
			var b bytes.Buffer
			err := Write(&b, inv)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one naming %s", err, test.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes written beside the error", b.Len())
			}
		})
	}
}

func TestFaultyInvoices(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bill.Invoice)
		want   string
	}{
		{"no date", func(i *bill.Invoice) { i.InvoiceDate = schema.Date{} }, "no invoice date"},
		{"no currency", func(i *bill.Invoice) { i.Currency = "" }, "currency"},
		{"exact amount", func(i *bill.Invoice) { i.Lines[0].Amount = cost(t, "1.005") }, "more than 2 decimals"},
		{"exact total", func(i *bill.Invoice) { i.Total = cost(t, "1.005") }, "more than 2 decimals"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inv := sample(t, 1)
			test.change(&inv)
			if err := Write(&bytes.Buffer{}, inv); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteError(t *testing.T) {
	want := errors.New("disk full")
	if err := Write(brokenWriter{want}, sample(t, 1)); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestSeparated(t *testing.T) {
	tests := map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "-999": "-999", "-1000": "-1,000",
		"1234567.8901": "1,234,567.8901", "0.1234": "0.1234", "": "", "123456": "123,456",
	}
	for in, want := range tests {
		if got := separated(in); got != want {
			t.Errorf("separated(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	noto, droid := loaded(t, notoRegular), loaded(t, fallback)
	for _, r := range "AzÄłŐßΩЖ€₩-,.%0" {
		if !noto.has(r) {
			t.Errorf("Noto Sans lacks %c", r)
		}
	}
	for r := rune(0xac00); r <= 0xd7a3; r++ {
		if !droid.has(r) || noto.has(r) {
			t.Fatalf("Hangul %U: fallback %v, Noto Sans %v", r, droid.has(r), noto.has(r))
		}
	}
	for _, r := range []rune{-1, 0xffff, 0x10000, 0xe000, 0x05d0, 0x0e01} {
		if noto.has(r) || droid.has(r) {
			t.Errorf("%U is covered", r)
		}
	}
}

func loaded(t *testing.T, f face) *coverage {
	t.Helper()
	data, err := f.read()
	if err != nil {
		t.Fatal(err)
	}
	c, err := readCoverage(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNoCharacterMap(t *testing.T) {
	for _, font := range []string{"", "\x00\x01\x00\x00\xff\xff", "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00cmap"} {
		if _, err := readCoverage([]byte(font)); err == nil {
			t.Errorf("font %q has a coverage", font)
		}
	}
}
