package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/monthend/monthend/schema"
)

func TestGoodRow(t *testing.T) {
	data := csvFile("", "")
	r := accepted(t, data)
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	want := kept{ID: "id-1", Source: "meter", Account: "111122223333", Service: "compute", UsageType: "vm.small", Operation: "Run",
		Region: "kr-1", Zone: "kr-1a", Resource: "vm-7", Unit: "Hrs", Start: start, End: start + int64(time.Hour), Amount: "1.5", Type: "Usage", Line: 2}
	if len(r.records) != 1 || r.records[0] != want {
		t.Errorf("got %+v\nwant %+v", r.records, want)
	}
	if r.sum.SHA256 != sha256.Sum256([]byte(data)) || r.sum.Bytes != int64(len(data)) || r.sum.Format != CSV || r.sum.Kind != Events {
		t.Errorf("summary %+v", r.sum)
	}
}

func TestRejectedRows(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, field, value, reason string }{
		{"Case_D08_NegativeAmount", "usage_amount", "-1", "is negative"},
		{"Case_D10_NineteenDecimals", "usage_amount", "0.1234567890123456789", "more than 18 decimals"},
		{"Case_D10_TooManyDigits", "usage_amount", "123456789012345678901", "more than 20 digits"},
		{"Case_D11_Exponent1e400", "usage_amount", "1e400", "exponents are not accepted"},
		{"Case_D11_Exponent1e1000000000", "usage_amount", "1e1000000000", "exponents are not accepted"},
		{"Case_D12_NaN", "usage_amount", "NaN", "not a decimal number"},
		{"Case_D12_Inf", "usage_amount", "Inf", "not a decimal number"},
		{"Case_D12_Hex", "usage_amount", "0x10", "not a decimal number"},
		{"Case_D12_Underscore", "usage_amount", "1_000", "not a decimal number"},
		{"Case_D12_FullWidthDigits", "usage_amount", "１２", "not a decimal number"},
		{"Case_D12_DecimalComma", "usage_amount", `"1,5"`, "not a decimal number"},
		{"Case_D12_Empty", "usage_amount", "", "empty"},
		{"Case_T05_EndBeforeStart", "usage_end", "2026-09-30T23:59:59Z", "lies before usage_start"},
		{"Case_T31_TimeWithoutZone", "usage_start", "2026-10-01T00:00:00", "has no offset"},
		{"Case_T29_Year0", "usage_start", "0000-10-01T00:00:00Z", "outside the years"},
		{"Case_T29_Year9999", "usage_end", "9999-10-01T00:00:00Z", "outside the years"},
		{"Case_T29_TenFractionDigits", "usage_start", "2026-10-01T00:00:00.1234567890Z", "more than 9 decimals"},
		{"Case_T30_MillisecondsAsText", "usage_start", "1790000000000", "is not a time"},
		{"TimeThatDoesNotExist", "usage_start", "2026-02-30T00:00:00Z", "does not exist"},
		{"Case_X01_AccountDotDot", "usage_account_id", "../etc", "is not an account id"},
		{"Case_X01_AccountPercent", "usage_account_id", "%2e%2e", "is not an account id"},
		{"Case_X01_AccountEmpty", "usage_account_id", "", "is missing"},
		{"Case_X01_Account300", "usage_account_id", long, "is not an account id"},
		{"Case_D06_InvalidUTF8InID", "record_id", "a\xffb", "is not UTF-8"},
		{"InvalidUTF8InResource", "resource_id", "a\xc3", "is not UTF-8"},
		{"Case_D36_NUL", "resource_id", "a\x00b", "control character 0x00"},
		{"Case_D36_NULInID", "record_id", "a\x00b", "control character 0x00"},
		{"LineBreakInUsageType", "usage_type", "\"a\nb\"", "control character 0x0a"},
		{"IDTooLong", "record_id", long, "more than 256"},
		{"IDMissing", "record_id", "", "is missing"},
		{"FieldTooLong", "resource_id", strings.Repeat("r", 70_000), "more than 65536"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := mustReject(t, csvFile(tt.field, tt.value)+csvRow("record_id", "id-2"), tt.reason)
			if x.Problem.Line != 2 || x.Problem.Field != tt.field {
				t.Errorf("problem at %d in %s", x.Problem.Line, x.Problem.Field)
			}
			if n := 1 + strings.Index(","+strings.TrimSpace(header)+",", ","+tt.field+","); n < 1 {
				t.Errorf("unknown field %s", tt.field)
			}
			if len(x.Problem.Value) > schema.MaxProblemValue+3 {
				t.Errorf("a value of %d bytes is kept", len(x.Problem.Value))
			}
		})
	}
}

func TestTimes(t *testing.T) {
	day := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	tests := []struct {
		name, text string
		want       time.Time
	}{
		{"Case_T01_LastInstant", "2026-10-31T23:59:59.999999999Z", day.Add(999999999)},
		{"Case_T01_FirstInstant", "2026-11-01T00:00:00.000000000Z", day.Add(time.Second)},
		{"Case_T08_Second60", "2026-10-31T23:59:60Z", day.Add(999999999)},
		{"Case_T08_Second60Fraction", "2026-10-31T23:59:60.5Z", day.Add(999999999)},
		{"Offset", "2026-11-01T08:59:59+09:00", day},
		{"NegativeOffset", "2026-10-31T18:29:59-05:30", day},
		{"LeapDay2000", "2000-02-29T00:00:00Z", time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"FirstYear", "1971-01-01T00:00:00Z", time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"LastYear", "2200-12-31T23:59:59Z", time.Date(2200, 12, 31, 23, 59, 59, 0, time.UTC)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := parseInstant([]byte(tt.text))
			if reason != "" || got != tt.want.UnixNano() {
				t.Errorf("%d %s, want %d", got, reason, tt.want.UnixNano())
			}
		})
	}
	for _, bad := range []string{"2100-02-29T00:00:00Z", "2026-10-31t00:00:00Z", "2026-10-31 00:00:00Z", "2026-10-31T24:00:00Z", "2026-10-31T00:60:00Z", "2026-10-31T00:00:61Z", "2026-10-31T00:00:00.Z", "2026-10-31T00:00:00z", "2026-10-31T00:00:00+9:00", "2026-10-31T00:00:00+24:00", "2026-10-31T00:00:00ZZ", "2026-10-31T00:00Z", "2026-10-31"} {
		if _, reason := parseInstant([]byte(bad)); reason == "" {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// Every day and second that the standard library formats must read the same.
func TestInstantAgreesWithTimePackage(t *testing.T) {
	at := time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)
	for end := time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(end); at = at.Add(25*time.Hour + 7*time.Minute + 3*time.Second + 1001*time.Nanosecond) {
		text := at.Format(time.RFC3339Nano)
		if got, reason := parseInstant([]byte(text)); reason != "" || got != at.UnixNano() {
			t.Fatalf("%s: %d %s, want %d", text, got, reason, at.UnixNano())
		}
	}
}

func TestCase_T04_ZeroLength(t *testing.T) {
	r := accepted(t, csvFile("usage_end", "2026-10-01T00:00:00Z"))
	if r.records[0].Start != r.records[0].End {
		t.Error("start and end differ")
	}
}

func TestCase_D05_NoNormalising(t *testing.T) {
	ids := []string{"a", "A", "a ", " a", "é", "e\u0301", "a\u200b"}
	data := header
	for _, id := range ids {
		data += csvRow("record_id", id)
	}
	for i, r := range accepted(t, data).records {
		if r.ID != ids[i] {
			t.Errorf("id %q became %q", ids[i], r.ID)
		}
	}
}

func TestCase_D12_MinusZero(t *testing.T) {
	if got := accepted(t, csvFile("usage_amount", "-0.0")).records[0].Amount; got != "0" {
		t.Errorf("amount %s", got)
	}
}

func TestCase_D34_BOM(t *testing.T) {
	plain := accepted(t, csvFile("", ""))
	marked := accepted(t, "\xef\xbb\xbf"+csvFile("", ""))
	if plain.records[0] != marked.records[0] {
		t.Errorf("%+v differs from %+v", marked.records[0], plain.records[0])
	}
	refused(t, []byte("\xff\xfer\x00e\x00c\x00"), Options{}, "UTF-16")
	refused(t, []byte("\xfe\xff\x00r\x00e"), Options{}, "UTF-16")
	refused(t, []byte("r\x00e\x00c\x00o\x00"), Options{}, "UTF-16")
}

func TestCase_D35_CRLFInsideQuotes(t *testing.T) {
	data := strings.ReplaceAll(csvFile("resource_id", "\"a\r\nb \"\"c\"\"\""), "Hrs\n", "Hrs\r\n")
	r := accepted(t, data)
	if got := r.records[0].Resource; got != "a\r\nb \"c\"" {
		t.Errorf("resource %q", got)
	}
}

func TestCRLFLineEnds(t *testing.T) {
	data := csvFile("", "") + csvRow("record_id", "id-2")
	r := accepted(t, strings.ReplaceAll(data, "\n", "\r\n"))
	if len(r.records) != 2 || r.records[1].Unit != "Hrs" || r.records[1].Line != 3 {
		t.Errorf("records %+v", r.records)
	}
}

func TestCase_D37_LineBreakInField(t *testing.T) {
	r := accepted(t, csvFile("resource_id", "\"a\n\nb\"")+csvRow("record_id", "id-2"))
	if got := r.records[0].Resource; got != "a\n\nb" || r.records[1].Line != 5 {
		t.Errorf("resource %q, next line %d", got, r.records[1].Line)
	}
}

// heapPeak runs f and returns how far the heap grew.
func heapPeak(f func()) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan bool), make(chan uint64)
	go func() {
		peak := uint64(0)
		for {
			select {
			case <-stop:
				done <- peak
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
		}
	}()
	f()
	close(stop)
	peak := <-done
	return peak - min(peak, before.HeapAlloc)
}

// repeated is an endless supply of one byte, so that tests hold no big file.
func repeated(head string, fill byte, n int, tail string) Input {
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(head), io.LimitReader(filler(fill), int64(n)), strings.NewReader(tail))), nil
	}
	return Input{Name: "big.csv", Size: -1, Open: open}
}

type filler byte

func (f filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

func TestCase_D38_TenMegabyteField(t *testing.T) {
	for _, quote := range []string{"", `"`} {
		head := header + `id-1,111122223333,compute,vm.small,Run,kr-1,kr-1a,` + quote
		tail := quote + ",2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,1,Hrs\n" + csvRow("record_id", "id-2")
		var r result
		grown := heapPeak(func() { r = readAll(repeated(head, 'x', 100<<20, tail), Options{}) })
		if r.err != nil || len(r.rejects) != 1 || len(r.records) != 1 || r.records[0].ID != "id-2" || r.records[0].Line != 3 {
			t.Fatalf("error %v, %d rejects, records %+v", r.err, len(r.rejects), r.records)
		}
		if grown > 16<<20 {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
	}
	// Ten million line breaks inside quotes are one field too.
	head := header + `id-1,111122223333,compute,vm.small,Run,kr-1,kr-1a,"`
	r := readAll(repeated(head, '\n', 10<<20, "\",,,,\n"+csvRow("record_id", "id-2")), Options{})
	if r.err != nil || len(r.rejects) != 1 || len(r.records) != 1 || r.records[0].Line != 3+10<<20 {
		t.Errorf("error %v, %d rejects, records %+v", r.err, len(r.rejects), r.records)
	}
}

func TestCase_D39_FiveThousandTags(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `,""key%d"":""v""`, i)
	}
	data := strings.Replace(header, "unit", "unit,tags", 1) + strings.TrimSpace(csvRow("", "")) + `,"{` + b.String()[1:] + "}\"\n"
	mustReject(t, data, "more than 200 tags")
	wide := strings.TrimSpace(header)
	row := strings.TrimSpace(csvRow("", ""))
	for i := range 1500 {
		wide += fmt.Sprintf(",tag:k%d", i)
		row += ",v"
	}
	mustReject(t, wide+"\n"+row+"\n", "more than 200 tags")
}

func TestTags(t *testing.T) {
	withTags := func(json string) string {
		return strings.Replace(header, "unit", "unit,tags", 1) + strings.TrimSpace(csvRow("", "")) + `,"` + strings.ReplaceAll(json, `"`, `""`) + "\"\n"
	}
	tests := []struct {
		name, json string
		want       []schema.Tag
	}{
		{"None", "", nil},
		{"Empty", "{}", nil},
		{"Sorted", `{"b":"2","a":"1"}`, []schema.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}},
		{"EmptyValue", `{"a":""}`, []schema.Tag{{Key: "a"}}},
		{"Case_D40_KeysDifferByCase", `{"Team":"x","team":"y"}`, []schema.Tag{{Key: "Team", Value: "x"}, {Key: "team", Value: "y"}}},
		{"Case_D41_KeysEqualAfterNFKC", `{"ﬁ":"1","fi":"2"}`, []schema.Tag{{Key: "fi", Value: "2"}, {Key: "ﬁ", Value: "1"}}},
		{"Case_D42_NamedLikeColumn", `{"usage_amount":"9"}`, []schema.Tag{{Key: "usage_amount", Value: "9"}}},
		{"Case_D43_OddCharacters", `{"a.b/\"c\" 😀 \u200f":"=1"}`, []schema.Tag{{Key: "a.b/\"c\" 😀 \u200f", Value: "=1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := accepted(t, withTags(tt.json))
			if got := string(schema.EncodeTags(nil, tt.want)); r.records[0].Tags != got {
				t.Errorf("tags %q, want %q", r.records[0].Tags, got)
			}
		})
	}
	for name, tt := range map[string][2]string{
		"Case_D44_RepeatedKey":        {`{"a":"1","a":"2"}`, "a key twice"},
		"Case_D44_RepeatedKeyEscaped": {`{"a":"1","\u0061":"2"}`, "a key twice"},
		"Case_D46_Nested":             {`{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`, "tags"},
		"ControlCharacter":            {`{"a":"\u001f"}`, "control character"},
		"NumberValue":                 {`{"a":1}`, "not a text"},
		"Array":                       {`["a"]`, "not a JSON object"},
		"EmptyKey":                    {`{"":"1"}`, "without a key"},
		"LongKey":                     {`{"` + strings.Repeat("k", 257) + `":"1"}`, "more than 256"},
		"LongValue":                   {`{"a":"` + strings.Repeat("k", 1025) + `"}`, "more than 1024"},
		"Behind":                      {`{"a":"1"} x`, "tags"},
		"CutOff":                      {`{"a":"1"`, "tags"},
	} {
		t.Run(name, func(t *testing.T) { mustReject(t, withTags(tt[0]), tt[1]) })
	}
	wide := strings.Replace(header, "unit", "unit,tag:b,tag:a", 1)
	r := accepted(t, wide+strings.TrimSpace(csvRow("", ""))+",2,1\n"+strings.TrimSpace(csvRow("record_id", "id-2"))+",2,\n")
	if r.records[0].Tags != "a\x1f1\x1eb\x1f2" || r.records[1].Tags != "b\x1f2" {
		t.Errorf("tags %q and %q", r.records[0].Tags, r.records[1].Tags)
	}
}

func TestRefusedFiles(t *testing.T) {
	good := csvFile("", "")
	tests := []struct{ name, data, reason string }{
		{"Case_D47_RaggedRow", good + "id-2,1\n", "has 2 fields where the header has 12"},
		{"Case_D47_DoubledHeader", good + header, "repeats the header"},
		{"Case_D55_ColumnMissing", strings.Replace(good, "usage_amount", "tag:x", 1), "has no column usage_amount"},
		{"Case_D55_ColumnRenamed", strings.Replace(good, "usage_amount", "UsageAmount", 1), "did you mean usage_amount?"},
		{"Case_D67_UnknownColumn", strings.Replace(good, "availability_zone", "shoe_size", 1), "is not a column of a usage file"},
		{"ColumnTwice", strings.Replace(good, "availability_zone", "unit", 1), "stands twice"},
		{"BareQuote", header + strings.Replace(csvRow("", ""), "vm-7", `vm"7`, 1), "quote inside a field"},
		{"TextBehindQuote", header + strings.Replace(csvRow("", ""), "vm-7", `"vm"7`, 1), "behind a closing quote"},
		{"QuoteNeverCloses", header + strings.Replace(csvRow("", ""), "vm-7", `"vm-7`, 1), "never closed"},
		{"Case_D53_Zip", "PK\x03\x04aaaa", "zip"},
		{"JSONArray", "[{}]", "JSON array"},
		{"BinaryHeader", "\x01\x02\x03,b\nc,d\n", "control character"},
		{"TagsTwice", strings.Replace(good, "operation,region_code", "tags,tag:a", 1), "both a column tags and"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, []byte(tt.data), Options{}, tt.reason) })
	}
}

func TestCase_D48_ColumnOrder(t *testing.T) {
	names := strings.Split(strings.TrimSpace(header), ",")
	values := strings.Split(strings.TrimSpace(csvRow("", "")), ",")
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
		values[i], values[j] = values[j], values[i]
	}
	r := accepted(t, strings.Join(names, ",")+"\n"+strings.Join(values, ",")+"\n")
	if r.records[0] != accepted(t, csvFile("", "")).records[0] {
		t.Errorf("record %+v", r.records[0])
	}
}

func TestCase_D49_FormulaLikeText(t *testing.T) {
	for _, v := range []string{"=1+1", "+1", "-1", "@x"} {
		if got := accepted(t, csvFile("resource_id", v)).records[0].Resource; got != v {
			t.Errorf("%q became %q", v, got)
		}
	}
}

func TestCase_D50_TruncatedGzip(t *testing.T) {
	data := gzipped([]byte(header + strings.Repeat(csvRow("", ""), 1000)))
	for _, n := range []int{1, 5, 12, len(data) / 2, len(data) - 8, len(data) - 1} {
		in := input(data[:n])
		if r := readAll(in, Options{}); r.err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(data))
		}
	}
	refused(t, data[:len(data)/2], Options{}, "ends in the middle")
	z := zstded([]byte(header + strings.Repeat(csvRow("", ""), 1000)))
	refused(t, z[:len(z)/2], Options{}, "ends in the middle")
}

func TestCase_D51_GzipMembers(t *testing.T) {
	data := append(gzipped([]byte(header)), gzipped([]byte(csvRow("", "")))...)
	if r := accepted(t, string(data)); len(r.records) != 1 {
		t.Errorf("%d records", len(r.records))
	}
	refused(t, append(data, "rubbish rubbish rubbish"...), Options{}, "other bytes behind")
	damaged := bytes.Clone(data)
	damaged[len(damaged)-6] ^= 1
	refused(t, damaged, Options{}, "checksum")
	refused(t, append(zstded([]byte(csvFile("", ""))), "rubbish rubbish"...), Options{}, "zstd")
}

func TestCase_D52_GzipBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, header)
	io.Copy(w, io.LimitReader(filler('x'), 200<<20))
	w.Close()
	grown := heapPeak(func() { refused(t, b.Bytes(), Options{}, "grows more than 200-fold") })
	if grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	lim := DefaultLimits()
	lim.MaxFileBytes, lim.MaxRatio = 100<<20, 1<<40
	refused(t, b.Bytes(), Options{Limits: lim}, "grows beyond")
}

func TestCase_D53_PackedTwice(t *testing.T) {
	refused(t, gzipped(gzipped([]byte(csvFile("", "")))), Options{}, "packed inside gzip")
	refused(t, gzipped([]byte("PK\x03\x04aaaa")), Options{}, "packed inside gzip")
}

func TestPackedFilesReadTheSame(t *testing.T) {
	data := []byte(csvFile("", "") + csvRow("record_id", "id-2"))
	want := accepted(t, string(data)).records
	for name, packed := range map[string][]byte{"gzip": gzipped(data), "zstd": zstded(data)} {
		r := accepted(t, string(packed))
		if len(r.records) != len(want) || r.records[1] != want[1] {
			t.Errorf("%s: %+v", name, r.records)
		}
		if r.sum.SHA256 != sha256.Sum256(packed) {
			t.Errorf("%s: the hash is not that of the delivered bytes", name)
		}
	}
}

// A file that grows is the caller's to find: Summary says what was read.
func TestCase_D57_SizeAndHashAreOfWhatWasRead(t *testing.T) {
	data := csvFile("", "")
	in := input([]byte(data))
	in.Size++
	if r := readAll(in, Options{}); r.err != nil || r.sum.Bytes != int64(len(data)) || r.sum.SHA256 != sha256.Sum256([]byte(data)) {
		t.Errorf("error %v, summary %+v", r.err, r.sum)
	}
}

func TestCase_D60_EmptyFile(t *testing.T) {
	for _, data := range []string{"", header, "\n\n", string(gzipped(nil)), "\xef\xbb\xbf"} {
		if r := accepted(t, data); r.sum.Read != 0 {
			t.Errorf("%q gives %d rows", data, r.sum.Read)
		}
	}
}

func TestCost(t *testing.T) {
	priced := func(cost, currency, lineType string) string {
		return strings.Replace(header, "unit", "unit,cost,currency,line_item_type", 1) + strings.TrimSpace(csvRow("", "")) + "," + cost + "," + currency + "," + lineType + "\n"
	}
	if r := accepted(t, priced("-1.0000000001", "USD", "Credit")).records[0]; !r.Priced || r.Cost != "-1.0000000001" || r.Currency != "USD" || r.Type != "Credit" {
		t.Errorf("record %+v", r)
	}
	if r := accepted(t, priced("", "", "")).records[0]; r.Priced || r.Type != "Usage" {
		t.Errorf("record %+v", r)
	}
	mustReject(t, priced("1", "", ""), "currency is missing")
	mustReject(t, priced("", "USD", ""), "cost is missing")
	mustReject(t, priced("", "", "Tax"), "only Usage is rated")
	mustReject(t, priced("0.00000000001", "USD", ""), "more than 10 decimals")
	mustReject(t, priced("1", "usd", ""), "not a currency code")
	mustReject(t, priced("1", "USD", "Taxx"), "did you mean Tax?")
}

func TestSource(t *testing.T) {
	withSource := func(v string) string {
		return strings.Replace(header, "unit", "unit,source", 1) + strings.TrimSpace(csvRow("", "")) + "," + v + "\n"
	}
	if r := accepted(t, withSource("other")).records[0]; r.Source != "other" {
		t.Errorf("source %q", r.Source)
	}
	if r := accepted(t, withSource("")).records[0]; r.Source != "meter" {
		t.Errorf("source %q", r.Source)
	}
	_, err := Read(context.Background(), input([]byte(csvFile("", ""))), Options{}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "has no column source") {
		t.Errorf("error %v", err)
	}
}

func TestRejectedKeepsWhatCanBeRead(t *testing.T) {
	row := csvRow("usage_amount", "x")
	x := mustReject(t, header+row, "not a decimal number")
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	if x.RecordID != "id-1" || x.Account != "111122223333" || x.Source != "meter" || !x.HasStart || x.Start != start || string(x.Original)+"\n" != row {
		t.Errorf("%+v %q", x, x.Original)
	}
	if x.Problem.Column != 11 {
		t.Errorf("column %d", x.Problem.Column)
	}
	y := mustReject(t, csvFile("usage_account_id", "../x"), "account id")
	if y.Account != "" {
		t.Errorf("account %q", y.Account)
	}
}

func TestMaxProblems(t *testing.T) {
	lim := DefaultLimits()
	lim.MaxProblems = 3
	refused(t, []byte(header+strings.Repeat(csvRow("usage_amount", "x"), 4)), Options{Limits: lim}, "more than 3 bad rows")
}

func TestCallbacksEndTheReading(t *testing.T) {
	stop := errors.New("stop")
	data := gzipped([]byte(csvFile("", "")))
	_, err := Read(context.Background(), input(data), Options{Source: "s"}, func(*schema.Record) error { return fmt.Errorf("x: %w", io.ErrUnexpectedEOF) }, nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	_, err = Read(context.Background(), input([]byte(csvFile("usage_amount", "x"))), Options{Source: "s"}, nil, func(Rejected) error { return stop })
	if err != stop {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = Read(ctx, input(data), Options{Source: "s"}, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	in := input(nil)
	in.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(data[:10]), brokenReader{})), nil
	}
	if _, err = Read(context.Background(), in, Options{Source: "s"}, nil, nil); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("error %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }
