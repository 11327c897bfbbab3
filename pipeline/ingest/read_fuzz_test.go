package ingest

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/schema"
)

// fuzzLimits are small, so that whatever is found within them is found soon.
func fuzzLimits() Limits {
	lim := DefaultLimits()
	lim.MaxFileBytes, lim.MaxLineBytes, lim.RatioSlack = 4<<20, 64<<10, 1<<20
	lim.MaxPageBytes, lim.MaxPageValues, lim.MaxFooterBytes = 1<<20, 1<<16, 1<<20
	return lim
}

// checkFuzz reads any bytes: no crash, counts that agree, and records that keep
// what the package promises of them.
func checkFuzz(t *testing.T, data []byte, format Format) {
	opt := Options{Source: "s", Format: format, Limits: fuzzLimits(), KeepRows: true}
	rows, rejects := int64(0), int64(0)
	sum, err := Read(context.Background(), input(data), opt,
		func(r *schema.Record) error {
			rows++
			checkRecord(t, r)
			return nil
		},
		func(x Rejected) error {
			rejects++
			if x.Problem.Reason == "" || x.Problem.Line == 0 || len(x.Problem.Value) > schema.MaxProblemValue+3 {
				t.Errorf("problem %+v", x.Problem)
			}
			return nil
		})
	if err != nil {
		return
	}
	for _, n := range sum.LeftOut {
		rows += n
	}
	if sum.Read != rows+rejects {
		t.Errorf("read %d, callbacks %d and %d", sum.Read, rows, rejects)
	}
}

func checkRecord(t *testing.T, r *schema.Record) {
	switch {
	case len(r.RecordID) == 0 || len(r.RecordID) > schema.MaxIDBytes || len(r.Source) == 0:
		t.Errorf("record id %q of source %q", r.RecordID, r.Source)
	case !schema.ValidAccountID(string(r.UsageAccountID)):
		t.Errorf("account %q", r.UsageAccountID)
	case r.UsageEnd < r.UsageStart || !inYears(r.UsageStart):
		t.Errorf("times %d and %d", r.UsageStart, r.UsageEnd)
	case r.Priced != (len(r.Currency) > 0):
		t.Errorf("priced %v in %q", r.Priced, r.Currency)
	}
	tags := schema.DecodeTags(string(r.Tags))
	if again := schema.EncodeTags(nil, slices.Clone(tags)); !bytes.Equal(again, r.Tags) || len(tags) > schema.MaxTags {
		t.Errorf("tags %q are not canonical", r.Tags)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(csvFile("", "")))
	f.Add([]byte(csvFile("resource_id", "\"a\r\nb\"\"\"")))
	f.Add([]byte(strings.Replace(csvFile("", ""), "availability_zone", "commitment_id", 1)))
	f.Add([]byte(strings.Replace(header, "unit", "tags", 1) + `a,1,s,u,,,,,2026-10-01T00:00:00Z,2026-10-01T00:00:60+09:00,1,"{""a"":""b""}"`))
	f.Add([]byte("\xef\xbb\xbf" + strings.Replace(csvFile("", ""), "unit", "tag:a", 1)))
	f.Add(gzipped([]byte(csvFile("", ""))))
	f.Add(zstded([]byte(csvFile("", ""))))
	f.Fuzz(func(t *testing.T, data []byte) { checkFuzz(t, data, Auto) })
}

func FuzzReadJSONL(f *testing.F) {
	f.Add([]byte(goodJSON))
	f.Add([]byte(goodJSON + "\r\n\n" + strings.Replace(goodJSON, `"unit"`, `"tags":{"\u0061":"\ud83d\ude00"},"cost":"-1","currency":"USD","line_item_type":"Credit","unit"`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) { checkFuzz(t, data, JSONL) })
}

func FuzzReadCUR(f *testing.F) {
	f.Add([]byte(legacyFile(nil, map[string]string{"lineItem/LineItemType": "Tax"})))
	f.Add([]byte(strings.Replace(legacyFile(nil), "product/region", "product", 1)))
	f.Add([]byte(legacyFile(map[string]string{"lineItem/LineItemType": "DiscountedUsage", "reservation/ReservationARN": "ri-1"},
		map[string]string{"lineItem/LineItemType": "SavingsPlanCoveredUsage", "savingsPlan/SavingsPlanARN": "sp-1"})))
	f.Add([]byte("reservation/NumberOfReservations,reservation/StartTime,reservation/EndTime,reservation/UpfrontValue," + strings.Replace(
		legacyFile(map[string]string{"lineItem/LineItemType": "RIFee", "reservation/ReservationARN": "ri-1"}),
		"\n", "\n2,2026-04-03T01:21:13.000Z,2027-04-03T01:21:12.000Z,446.0,", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkFuzz(t, data, CUR)
		ReadCURPrices(context.Background(), input(data), Options{Limits: fuzzLimits()}, func(p *CURPrice) error { return nil })
		ReadCURReservations(context.Background(), input(data), Options{Limits: fuzzLimits()}, func(r *CURReservation) error {
			if len(r.ARN) == 0 || r.Fee && r.End <= r.Start {
				t.Errorf("reservation %+v", r)
			}
			return nil
		})
	})
}

func FuzzReadParquet(f *testing.F) {
	r := goodParquetRow()
	r.Tags = map[string]string{"a": "1", "b": "2"}
	for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Uncompressed), parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip), parquet.Compression(&parquet.Zstd)} {
		f.Add(parquetFileOf(f, []parquetRow{r, goodParquetRow()}, codec))
		f.Add(parquetFileOf(f, []parquetRow{r, goodParquetRow()}, codec, parquet.DataPageVersion(1)))
	}
	f.Add(parquetFileOf(f, []cur2Row{goodCUR2Row(), goodCUR2Row()}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte("PAR1")) {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		checkFuzz(t, data, Auto)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
			t.Errorf("%d MiB were allocated", grown>>20)
		}
	})
}

func TestTagsAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.MapOfN(rapid.StringMatching(`[a-cA-C=é:/ ]{1,6}`), rapid.StringMatching(`[a-z ]{0,5}`), 0, 8).Draw(t, "tags")
		r := tagReader{max: 20}
		var tags []schema.Tag
		r.start()
		for k, v := range set {
			tags = append(tags, schema.Tag{Key: k, Value: v})
			if f := r.add([]byte(k), []byte(v)); f != nil {
				t.Fatal(f)
			}
		}
		got, f := r.end()
		if want := schema.EncodeTags(nil, tags); f != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		for k, v := range set {
			if string(tagValue(got, k)) != v {
				t.Fatalf("value of %q", k)
			}
		}
	})
}
