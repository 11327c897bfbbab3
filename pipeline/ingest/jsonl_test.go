package ingest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const goodJSON = `{"record_id":"id-1","usage_account_id":"111122223333","service_code":"compute","usage_type":"vm.small","operation":"Run","region_code":"kr-1","availability_zone":"kr-1a","resource_id":"vm-7","usage_start":"2026-10-01T00:00:00Z","usage_end":"2026-10-01T01:00:00Z","usage_amount":1.5,"unit":"Hrs"}`

func TestJSONReadsAsCSV(t *testing.T) {
	r := accepted(t, "\xef\xbb\xbf"+goodJSON+"\r\n\n"+strings.Replace(goodJSON, "1.5", `"1.5"`, 1))
	want := accepted(t, csvFile("", "")).records[0]
	for i, got := range r.records {
		if got.Line != int64(1+2*i) {
			t.Errorf("line %d", got.Line)
		}
		if got.Line = want.Line; got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
	if r.sum.Format != JSONL || len(r.records) != 2 {
		t.Errorf("summary %+v", r.sum)
	}
}

func TestJSONRejects(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(goodJSON, old, new, 1) + "\n" + goodJSON }
	tests := []struct{ name, data, reason string }{
		{"Case_D06_InvalidUTF8InID", with("id-1", "id\xff"), "UTF-8"},
		{"Case_D11_Exponent", with("1.5", "1e400"), "exponents are not accepted"},
		{"Case_D36_EscapedNUL", with("vm-7", `\u0000`), "control character 0x00"},
		{"Case_D44_RepeatedKey", with(`"unit"`, `"record_id":"id-2","unit"`), "a key twice"},
		{"Case_D44_RepeatedKeyEscaped", with(`"unit"`, `"record\u005fid":"id-2","unit"`), "a key twice"},
		{"Case_D46_NestedLevels", with(`"Hrs"`, strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)), "object or array"},
		{"Case_D46_NestedTags", with(`"Hrs"`, `"Hrs","tags":{"a":`+strings.Repeat("[", 9_000)+strings.Repeat("]", 9_000)+`}`), "not a text"},
		{"Case_D46_NestedTooDeep", with(`"Hrs"`, `"Hrs","tags":`+strings.Repeat(`[`, 10_001)+strings.Repeat("]", 10_001)), "tags"},
		{"Case_D67_UnknownField", with(`"unit"`, `"units"`), "did you mean unit?"},
		{"AccountAsNumber", with(`"111122223333"`, "111122223333"), "is not a text"},
		{"TimeAsNumber", with(`"2026-10-01T00:00:00Z"`, "1790000000"), "is not a text"},
		{"FieldMissing", with(`"service_code":"compute",`, ""), "service_code is missing"},
		{"FieldNull", with(`"compute"`, "null"), "service_code is missing"},
		{"AmountMissing", with(`"usage_amount":1.5,`, ""), "usage_amount is no amount: empty"},
		{"TagsText", with(`"Hrs"`, `"Hrs","tags":"{}"`), "not a JSON object"},
		{"TwoObjects", with(`"Hrs"}`, `"Hrs"}{}`), "more than one"},
		{"CutOff", with(`"Hrs"}`, `"Hr`), "broken JSON"},
		{"NoObject", with(goodJSON, `["a"]`), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "NoObject" {
				tt.data, tt.reason = goodJSON+"\n7\n", "not a JSON object"
			}
			x := mustReject(t, tt.data, tt.reason)
			if x.Problem.Line == 0 || len(x.Original) == 0 {
				t.Errorf("reject %+v", x)
			}
		})
	}
}

func TestCase_D45_TwentyDigitNumber(t *testing.T) {
	r := accepted(t, strings.Replace(goodJSON, "1.5", "12345678901234567890.123456789012345678", 1))
	if got := r.records[0].Amount; got != "12345678901234567890.123456789012345678" {
		t.Errorf("amount %s", got)
	}
}

func TestJSONTags(t *testing.T) {
	r := accepted(t, strings.Replace(goodJSON, `"unit"`, `"tags":{"b":"\u00e9\"","a":""},"unit"`, 1))
	if got := r.records[0].Tags; got != "a\x1f\x1eb\x1fé\"" {
		t.Errorf("tags %q", got)
	}
	var many strings.Builder
	for i := range 5000 {
		many.WriteString(`,"k` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('0'+i/26%10)) + string(rune('0'+i/260)) + `":"v"`)
	}
	mustReject(t, strings.Replace(goodJSON, `"unit"`, `"tags":{`+many.String()[1:]+`},"unit"`, 1), "more than 200 tags")
}

func TestCase_D38_LongLineOfJSON(t *testing.T) {
	var r result
	grown := heapPeak(func() {
		r = readAll(repeated(`{"record_id":"`, 'x', 100<<20, "\"}\n"+goodJSON), Options{})
	})
	if r.err != nil || len(r.rejects) != 1 || len(r.records) != 1 || r.records[0].Line != 2 {
		t.Fatalf("error %v, %d rejects, records %+v", r.err, len(r.rejects), r.records)
	}
	if grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// FuzzPlainLine reads a line both ways: what the short way takes, the library
// takes too, and the row is the same.
func FuzzPlainLine(f *testing.F) {
	f.Add([]byte(goodJSON))
	f.Add([]byte(strings.Replace(goodJSON, `"unit"`, ` "tags" : {"a": "1" ,"b":"2"}, "cost":-0.5,"currency":"USD","unit" `, 1)))
	for _, odd := range []string{`{}`, `{ }`, `{"unit":"a",}`, `{,"unit":"a"}`, `{"unit" "a"}`, `{"unit":"a" "operation":"b"}`, `{"usage_amount":01}`,
		`{"usage_amount":1.}`, `{"usage_amount":-}`, `{"usage_amount":1e5}`, `{"usage_amount":"1"}`, `{"usage_amount":1 2}`, `{"unit":"a"}}`, `{"unit":"a"}x`,
		`{"unit":"a","unit":"b"}`, `{"tags":{}}`, `{"tags":{"a":"b","a":"c"}}`, `{"tags":{"a" "b"}}`, `{"tags":{:}}`, `{"tags":{"a":"b",}}`, `{"tags":"{}"}`} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		line = bytes.TrimSpace(line)
		short, whole := newSession(context.Background(), Input{}, Options{}), newSession(context.Background(), Input{}, Options{})
		short.row.reset(1)
		whole.row.reset(1)
		if len(line) == 0 || !new(plainLine).read(short, line) {
			return
		}
		j := &jsonLine{s: whole, dec: jsontext.NewDecoder(bytes.NewReader(nil))}
		if f := j.read(line); f != nil {
			t.Fatalf("%q is taken, and the library says %+v", line, f)
		}
		for f := range short.row.text {
			if !bytes.Equal(short.row.text[f], whole.row.text[f]) {
				t.Errorf("%q: field %d is %q, want %q", line, f, short.row.text[f], whole.row.text[f])
			}
		}
		if !bytes.Equal(short.row.tags, whole.row.tags) {
			t.Errorf("%q: tags are %q, want %q", line, short.row.tags, whole.row.tags)
		}
	})
}

// A line with every field and a comma behind the last one is broken.
func TestCommaBehindTheLastField(t *testing.T) {
	var b strings.Builder
	for _, name := range usageNames[:usageFields] {
		b.WriteString(`"` + name + `":` + map[bool]string{true: `{}`, false: `"a"`}[name == usageNames[fTags]] + ",")
	}
	s := newSession(context.Background(), Input{}, Options{})
	if !new(plainLine).read(s, []byte("{"+strings.TrimSuffix(b.String(), ",")+"}")) {
		t.Error("a line with every field takes the long way")
	}
	if new(plainLine).read(s, []byte("{"+b.String()+"}")) {
		t.Error("a comma behind the last field is taken")
	}
}

func TestPlainLinesAreTaken(t *testing.T) {
	s := newSession(context.Background(), Input{}, Options{})
	for _, line := range []string{goodJSON, strings.ReplaceAll(goodJSON, ":", " : "), strings.Replace(goodJSON, "1.5", `"1.5"`, 1),
		strings.Replace(goodJSON, `"unit"`, `"tags":{"a":"1"},"unit"`, 1)} {
		if !new(plainLine).read(s, []byte(line)) {
			t.Errorf("%s takes the long way", line)
		}
	}
}
