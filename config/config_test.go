package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
)

const small = `store: {folder: b}
prices: [p.csv]
organization: o.yaml
sources: [{name: m, kind: events}]
`

func parse(t *testing.T, text string, env ...string) *Config {
	t.Helper()
	c, ps := Parse("etc/monthend.yaml", []byte(text), env)
	if ps != nil {
		t.Fatal(ps)
	}
	return c
}

func TestDefaults(t *testing.T) {
	want := &Config{
		Store: Store{Folder: "etc/b"}, Prices: []string{"etc/p.csv"}, Organization: "etc/o.yaml",
		Sources: []Source{{Name: "m", Kind: "events", Format: "auto", Rejects: "file"}},
		Memory:  1 << 30, Close: Close{6 * time.Hour, 72 * time.Hour}, Log: Log{"text", "info"},
		Publish: Publish{3, 7, 24 * time.Hour}, Schedule: Schedule{"1h", "8h", "24h"},
		Limits: Limits{1 << 20, 64 << 30, 200, 2000, 10_000},
	}
	if got := parse(t, small); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEveryKey(t *testing.T) {
	got := parse(t, `
store:
  s3: {endpoint: "http://127.0.0.1:9000/", region: eu-west-1, bucket: my-bucket, prefix: a/b, path_style: true, ca_file: ca.pem, trailing_checksums: true}
  single_scheduler: true
prices: [a.csv, /abs/b.csv]
offers: offers.yaml
organization: ../o.yaml
sources:
  - {name: m, kind: events, format: jsonl, path: in, rejects: rows, declares: true}
  - {name: aws, kind: snapshot, format: cur}
exports:
  - {name: a, table: COST_AND_USAGE_REPORT, format: csv, members: true, chunk_rows: 1000, time_granularity: HOURLY, include_resources: true}
  - {name: b}
memory: 256MiB
work_dir: /tmp
close: {wait: 0s, deadline: 1h}
publish: {business_day: 2, latest: 5, risk: 0s}
schedule: {ingest: 15m, report: never, collect: "30 2 * * *"}
calendars: [IN.txt]
metrics_file: m.prom
alarms: {allow_local: true}
log: {format: json, level: debug}
limits: {max_line_bytes: 4KiB, max_file_bytes: 1MiB, max_ratio: 2, max_columns: 10, max_problems: 1}
`, "MONTHEND_PING_URL=https://ping.example.com/token", "MONTHEND_SMTP_PASSWORD=secret", "MONTHEND_WEBHOOK_URL=https://hook.example.com/token", "MONTHEND_CONFIG=x", "HOME=/", "AWS_REGION=y")
	want := &Config{
		Store: Store{SingleScheduler: true, S3: &S3{Endpoint: "http://127.0.0.1:9000", Region: "eu-west-1", Bucket: "my-bucket",
			Prefix: "a/b", PathStyle: true, CAFile: "etc/ca.pem", TrailingChecksums: true}},
		Prices: []string{"etc/a.csv", "/abs/b.csv"}, Offers: "etc/offers.yaml", Organization: "o.yaml",
		Sources: []Source{{"m", "events", "jsonl", "etc/in", "rows", true}, {"aws", "snapshot", "cur", "", "file", false}},
		Exports: []Export{{"a", "COST_AND_USAGE_REPORT", "csv", true, 1000, "HOURLY", true}, {"b", "COST_AND_USAGE_REPORT", "parquet", false, 500_000, "HOURLY", true}},
		Memory:  256 << 20, WorkDir: "/tmp", Log: Log{"json", "debug"},
		Close: Close{0, time.Hour}, Publish: Publish{2, 5, 0}, Schedule: Schedule{"15m", "never", "30 2 * * *"},
		Calendars: []string{"etc/IN.txt"}, MetricsFile: "etc/m.prom", Alarms: Alarms{true},
		Limits:  Limits{4 << 10, 1 << 20, 2, 10, 1},
		Secrets: Secrets{Secret{"https://ping.example.com/token"}, Secret{"https://hook.example.com/token"}, Secret{"secret"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Store.S3, want, want.Store.S3)
	}
}

// Checksums after the body are right for AWS and a risk elsewhere.
func TestTrailingChecksums(t *testing.T) {
	for s3, want := range map[string]bool{
		"{bucket: abc}": true,
		"{bucket: abc, endpoint: https://s3.example.com}":                           false,
		"{bucket: abc, endpoint: https://s3.example.com, trailing_checksums: true}": true,
		"{bucket: abc, trailing_checksums: false}":                                  false,
	} {
		if got := parse(t, strings.Replace(small, "{folder: b}", "{s3: "+s3+"}", 1)).Store.S3; got.TrailingChecksums != want || got.Region != "us-east-1" {
			t.Errorf("%s: got %+v", s3, got)
		}
	}
}

func TestFaults(t *testing.T) {
	with := func(line string) string { return small + line + "\n" }
	source := func(s string) string { return strings.Replace(small, "{name: m, kind: events}", s, 1) }
	store := func(s string) string { return strings.Replace(small, "{folder: b}", s, 1) }
	export := func(s string) string { return with("exports: [{name: a, " + s + "}]") }
	for _, c := range []struct{ text, want string }{
		{"", "c.yaml: is empty"},
		{"# only words\n", "c.yaml: is empty"},
		{"---\n", "c.yaml: is empty"},
		{"- a", "c.yaml:1:1: is not a block of keys"},
		{"a: [", "c.yaml:2:1: is not YAML: did not find expected node content"},
		{"\tstore: x", "c.yaml:1:1: is not YAML: found character that cannot start any token"},
		{small + "---\nmemory: 1GiB\n", "c.yaml: is not YAML: expected single document"},
		{strings.Repeat("[", 100), "is not YAML: exceeded max depth of 32"},
		{"store: \xff", "c.yaml: is not text in UTF-8"},
		{strings.Repeat("#", MaxFileBytes+1), "c.yaml: is larger than 8388608 bytes"},
		{"memory: 1GiB\n", "c.yaml:1:1: store is missing"},
		{"memory: 1GiB\n", "c.yaml:1:1: prices is missing"},
		{"memory: 1GiB\n", "c.yaml:1:1: organization is missing"},
		{"memory: 1GiB\n", "c.yaml:1:1: sources is missing"},
		{with("memery: 1GiB"), "c.yaml:5:1: memery is not a key here (did you mean memory?)"},
		{with("work-dir: x"), "c.yaml:5:1: work-dir is not a key here (did you mean work_dir?)"},
		{with("colour: x"), "c.yaml:5:1: colour is not a key here (the keys here are alarms, calendars, close, exports, limits, log, memory, metrics_file, offers, organization, prices, publish, schedule, sources, store, work_dir, workers)"},
		{with("memory: 1GiB\nmemory: 1GiB"), "c.yaml:6:1: memory stands twice, first on line 5"},
		{with("close: {wait: 1h, wait: 2h}"), "c.yaml:5:19: close.wait stands twice, first on line 5"},
		{with("memory:"), "c.yaml:5:8: memory has no value"},
		{with("memory: ~"), `c.yaml:5:9: memory "~" has no value`},
		{with("memory: &m 1GiB"), `c.yaml:5:9: memory "1GiB" uses an anchor or an alias`},
		{small[:len(small)-1] + "\nlog: &l {format: text}\nclose: *l\n", "c.yaml:6:8: close uses an anchor or an alias"},
		{with("log: {<<: {format: text}}"), "c.yaml:5:7: log has a key that is no plain word"},
		{with("? [a]\n: b"), "c.yaml:5:3: has a key that is no plain word"},
		{with("memory: !!str 1GiB"), `c.yaml:5:9: memory "1GiB" has a tag`},
		{with("memory: [1GiB]"), "c.yaml:5:9: memory is not a single value"},
		{with("log: text"), `c.yaml:5:6: log "text" is not a block of keys (its keys are format, level)`},

		{store("{}"), "c.yaml:1:8: store must be either a folder or s3"},
		{store("{folder: b, s3: {bucket: abc}}"), "c.yaml:1:8: store must be either a folder or s3"},
		{store("{s3: {region: x}}"), "c.yaml:1:13: store.s3.bucket is missing"},
		{store("{s3: {bucket: Abc}}"), `c.yaml:1:22: store.s3.bucket "Abc" is not a bucket name`},
		{store("{s3: {bucket: abc, prefix: /a}}"), `store.s3.prefix "/a" is not a prefix`},
		{store("{s3: {bucket: abc, region: A}}"), `store.s3.region "A" is not a region`},
		{store("{s3: {bucket: abc, endpoint: s3.example.com}}"), `store.s3.endpoint "s3.example.com" is not an address`},
		{store("{s3: {bucket: abc, endpoint: https://s3.example.com/x}}"), "is not an address"},
		{store("{s3: {bucket: abc, endpoint: https://u:p@s3.example.com}}"), "holds a password"},
		{store("{s3: {bucket: abc, path_style: yes}}"), `store.s3.path_style "yes" is neither true nor false`},
		{store("{s3: {bucket: abc, secret_key: hush}}"), "c.yaml:1:27: store.s3.secret_key looks like a secret and is not read from this file"},
		{store(`{folder: " b"}`), `store.folder " b" begins or ends with a space`},
		{store(`{folder: ""}`), "store.folder is blank"},
		{store(`{folder: "a\nb"}`), `store.folder "a\nb" holds a control character`},
		{store("{folder: s3://b}"), `store.folder "s3://b" is not a path`},
		{strings.Replace(small, "[p.csv]", "p.csv", 1), `c.yaml:2:9: prices "p.csv" is not a list`},
		{strings.Replace(small, "[p.csv]", "[]", 1), "c.yaml:2:9: prices is an empty list"},

		{source("{kind: events}"), "c.yaml:4:11: sources[0].name is missing"},
		{source("{name: m}"), "c.yaml:4:11: sources[0].kind is missing"},
		{source("{name: a b, kind: events}"), `c.yaml:4:18: sources[0].name "a b" is not a name`},
		{source("{name: m, kind: event}"), `c.yaml:4:27: sources[0].kind "event" is not known here (write events or snapshot)`},
		{source("{name: m, kind: events, format: xml}"), `sources[0].format "xml" is not known here (write auto or csv or jsonl or parquet or cur)`},
		{with("publish: {business_day: 5, latest: 4}"), "c.yaml:5:10: publish has latest before business_day"},
		{with("publish: {latest: 8}"), `publish.latest "8" is not a whole number from 1 to 7`},
		{with("close: {deadline: 1000h}"), `close.deadline "1000h" is not a length of time`},
		{with("schedule: {close: 1h}"), "schedule.close is not a key here"},
		{source("{name: m, kind: snapshot, declares: true}"), "is a snapshot and declares completeness"},
		{source("{name: m, kind: events, rejects: none}"), `sources[0].rejects "none" is not known here (write file or rows)`},
		{source("{name: m, kind: events, format: cur}"), "c.yaml:4:11: sources[0] reads a Cost and Usage Report as events"},
		{source("{name: m, kind: events}, {name: m, kind: events}"), `c.yaml:4:43: sources[1].name "m" stands twice, first at sources[0].name`},

		{with("exports: [{name: a}, {name: a}]"), `c.yaml:5:29: exports[1].name "a" stands twice, first at exports[0].name`},
		{with("exports: [{name: a/b}]"), `exports[0].name "a/b" is not a name`},
		{export("table: FOCUS_1_2"), `c.yaml:5:28: exports[0].table "FOCUS_1_2" is not supported (table COST_AND_USAGE_REPORT is the only one so far)`},
		{export("format: orc"), `exports[0].format "orc" is not known here (write parquet or csv)`},
		{export("members: 1"), `exports[0].members "1" is neither true nor false`},
		{export("chunk_rows: 999"), `exports[0].chunk_rows "999" is not a whole number from 1000 to 10000000`},
		{export("chunk_rows: 1e6"), `exports[0].chunk_rows "1e6" is not a whole number`},
		{export("time_granularity: DAILY"), `exports[0].time_granularity "DAILY" is not supported`},
		{export("include_resources: false"), `exports[0].include_resources "false" is not supported (include_resources: true is the only one so far)`},

		{with("memory: 1GB"), `c.yaml:5:9: memory "1GB" is not a size`},
		{with("memory: 1.5GiB"), `memory "1.5GiB" is not a size`},
		{with("memory: 1MiB"), `memory "1MiB" is out of range (write 64MiB to 1TiB)`},
		{with("memory: 99999999TiB"), `memory "99999999TiB" is not a size`},
		{with("close: {wait: 6}"), `c.yaml:5:15: close.wait "6" is not a length of time`},
		{with("close: {wait: -1h}"), `close.wait "-1h" is not a length of time`},
		{with("close: {wait: 721h}"), `close.wait "721h" is not a length of time from 0s to 720h0m0s`},
		{with("log: {format: xml}"), `log.format "xml" is not known here`},
		{with("log: {level: loud}"), `log.level "loud" is not known here`},
		{with("limits: {max_line_bytes: 1KiB}"), `limits.max_line_bytes "1KiB" is out of range (write 4KiB to 64MiB)`},
		{with("limits: {max_file_bytes: 1KiB}"), `limits.max_file_bytes "1KiB" is out of range`},
		{with("limits: {max_ratio: 1}"), `limits.max_ratio "1" is not a whole number from 2`},
		{with("limits: {max_columns: 1}"), `limits.max_columns "1" is not a whole number from 10`},
		{with("limits: {max_problems: 0}"), `limits.max_problems "0" is not a whole number from 1`},
	} {
		_, ps := Parse("c.yaml", []byte(c.text), nil)
		if !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%.200q\ngot  %s\nwant %s", c.text, ps, c.want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, ps := Parse("c.yaml", []byte("store: {folder: ''}\nprices: x\nmemory: 1\nlog: {level: x, format: y}\n"), []string{"MONTHEND_X=1"})
	if len(ps) != 8 {
		t.Errorf("got %d faults, want 8:\n%s", len(ps), ps)
	}
	many := strings.Repeat("x: 1\n", 3*MaxProblems)
	if _, ps := Parse("c.yaml", []byte(many), nil); len(ps) != MaxProblems {
		t.Errorf("got %d faults, want %d", len(ps), MaxProblems)
	}
}

func TestEnvironment(t *testing.T) {
	for env, want := range map[string]string{
		"MONTHEND_SMTP_PASWORD=hush": "environment: MONTHEND_SMTP_PASWORD is not a variable of monthend (did you mean MONTHEND_SMTP_PASSWORD?)",
		"MONTHEND_PING_URL=hush":     "environment: MONTHEND_PING_URL is not a URL",
		"MONTHEND_SMTP_PASSWORD=":    "environment: MONTHEND_SMTP_PASSWORD is blank",
	} {
		_, ps := Parse("c.yaml", []byte(small), []string{env})
		if !strings.Contains(ps.Error(), want) || strings.Contains(ps.Error(), "hush") {
			t.Errorf("%s: got %s", env, ps)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	c := parse(t, small, "MONTHEND_SMTP_PASSWORD=hush")
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s", *c, *c, *c, c.Secrets.SMTPPassword), string(j)} {
		if strings.Contains(s, "hush") || !strings.Contains(s, "***") {
			t.Errorf("got %s", s)
		}
	}
	if c.Secrets.SMTPPassword.Reveal() != "hush" || !c.Secrets.PingURL.IsZero() {
		t.Error("the secret is lost")
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "17": 17, "17B": 17, "1KiB": 1 << 10, "512 MiB": 512 << 20, "3GiB": 3 << 30, "2TiB": 2 << 40} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d %v", text, got, err)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "1kb", "1GB", "1Gi", "0x1", "1e3", "1.0KiB", "9223372036854775807KiB", "99999999999999999999", "1KiBKiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%s: got %d", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Range(0, 1<<62).Draw(t, "size"))
		if got, err := ParseSize(want.String()); err != nil || got != want {
			t.Fatalf("%d is written %s and read %d %v", want, want, got, err)
		}
	})
}

// The example must read as it stands, and what it shows in comments must be
// the defaults.
func TestExample(t *testing.T) {
	plain := parse(t, Example())
	inComments := strings.NewReplacer("# format: auto  ", "format: auto  ", "# rejects: file", "rejects: file", "# format: parquet", "format: parquet",
		"# members: false", "members: false", "# chunk_rows:", "chunk_rows:", "# time_granularity:", "time_granularity:", "# include_resources:", "include_resources:",
		"# memory:", "memory:", "# id: 5f0c...", "", "# single_scheduler", "single_scheduler", "# limits:", "limits:", "#   max_", "  max_").Replace(Example())
	if shown := parse(t, inComments); inComments == Example() || !reflect.DeepEqual(plain, shown) {
		t.Errorf("got %+v, without comments %+v", plain, shown)
	}
	for _, key := range []string{"folder", "bucket", "region", "endpoint", "prefix", "path_style", "ca_file", "trailing_checksums", "single_scheduler",
		"prices", "offers", "organization", "sources", "kind", "path", "format", "rejects", "exports", "table", "members", "chunk_rows", "time_granularity",
		"include_resources", "memory", "work_dir", "close", "wait", "log", "level", "limits", "max_line_bytes", "max_file_bytes", "max_ratio", "max_columns", "max_problems"} {
		if !strings.Contains(Example(), key+":") {
			t.Errorf("the example lacks %s", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Example()))
	f.Add([]byte(small))
	f.Add([]byte("store: &a [*a]\n<<: {a: b}\n? {}\n: []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, ps := Parse("c.yaml", data, nil)
		if ps == nil && (len(c.Prices) == 0 || len(c.Sources) == 0 || c.Organization == "" || (c.Store.Folder == "") == (c.Store.S3 == nil)) {
			t.Fatalf("taken without what it needs: %+v", c)
		}
		checkProblems(t, ps)
	})
}

func checkProblems(t *testing.T, ps schema.Problems) {
	if len(ps) > MaxProblems+1 {
		t.Fatalf("%d problems", len(ps))
	}
	for _, p := range ps {
		if p.Reason == "" || p.File == "" || len(p.Value) > schema.MaxProblemValue+3 {
			t.Fatalf("bad problem %+v", p)
		}
	}
}
