package config

import (
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/price"
)

const goodCases = `
cases:
  - name: a thousand requests
    month: 2026-10
    payer: "100000000001"
    usage:
      - {service_code: S3, usage_type: Requests, amount: 1000}
      - usage_account_id: "2"
        service_code: S3
        usage_type: Requests
        operation: Get
        region_code: r
        availability_zone: ra
        resource_id: bucket
        at: 2026-10-05T12:00+09:00
        amount: 0.000000000000000001
        unit: Requests
        repeat_hours: 24
    costs: 12.50
    lines:
      - {line_item_type: Usage, usage_type: Requests, amount: 1000, cost: -0.0000000001}
`

func TestLoadCases(t *testing.T) {
	cases, problems := LoadCases("p.cases.yaml", []byte(goodCases))
	if len(problems) > 0 || len(cases) != 1 {
		t.Fatal(problems)
	}
	c := cases[0]
	if c.File != "p.cases.yaml" || c.Line != 3 || c.Name != "a thousand requests" || c.Month != "2026-10" || c.Payer != "100000000001" ||
		c.Costs.String() != "12.5" || len(c.Lines) != 1 || len(c.Usage) != 2 {
		t.Errorf("got %+v", c)
	}
	u := c.Usage[1]
	if u.Account != "2" || u.ServiceCode != "S3" || u.UsageType != "Requests" || u.Operation != "Get" || u.Region != "r" || u.Zone != "ra" ||
		u.Resource != "bucket" || !u.At.Equal(time.Date(2026, 10, 5, 3, 0, 0, 0, time.UTC)) || u.Amount.String() != "0.000000000000000001" ||
		u.Unit != "Requests" || u.Hours != 24 {
		t.Errorf("got %+v", u)
	}
	if l := c.Lines[0]; l.LineItemType != "Usage" || l.UsageType != "Requests" || l.Amount.String() != "1000" || l.Cost.String() != "-0.0000000001" {
		t.Errorf("got %+v", l)
	}
	if !c.Usage[0].At.IsZero() || c.Usage[0].Hours != 0 {
		t.Errorf("got %+v", c.Usage[0])
	}
}

func TestLoadCasesRefuses(t *testing.T) {
	const use = "usage: [{service_code: S, usage_type: u, amount: 1}]"
	for _, c := range []struct{ text, want string }{
		{"cases: []", "cases is an empty list"},
		{"free_tier: []\ncases: [{name: a, " + use + ", costs: 1}]", "c.yaml:1:1: free_tier is not a key here"},
		{"{}", "cases is missing"},
		{"cases: [{name: a, " + use + "}]", `cases[0] expects nothing (give costs, or lines, or both)`},
		{"cases: [{name: a, " + use + ", lines: [{usage_type: u}]}]", "cases[0].lines[0] expects nothing"},
		{"cases: [{name: a, " + use + ", costs: ten}]", `cases[0].costs "ten" is not an amount of money`},
		{"cases: [{name: a, " + use + ", costs: 1}, {name: a, " + use + ", costs: 1}]", `cases[1].name "a" stands twice, first at cases[0].name`},
		{"cases: [{name: a, month: 2026-13, " + use + ", costs: 1}]", `cases[0].month "2026-13" is not a month`},
		{"cases: [{name: a, costs: 1}]", "cases[0].usage is missing"},
		{"cases: [{name: a, usage: [{service_code: S, usage_type: u, amount: -1}], costs: 1}]", `usage[0].amount "-1" is negative`},
		{"cases: [{name: a, usage: [{service_code: S, usage_type: u, amount: 1e3}], costs: 1}]", `usage[0].amount "1e3" is not a number`},
		{"cases: [{name: a, usage: [{service_code: S, usage_type: u, amount: 1, at: 2026-10-05}], costs: 1}]", `usage[0].at "2026-10-05" is not a time`},
		{"cases: [{name: a, usage: [{service_code: S, usage_type: u, amount: 1, repeat_hours: 0}], costs: 1}]", `usage[0].repeat_hours "0" is not a whole number from 1 to 744`},
		{"cases: [{name: a, usage: [{service_code: S, amount: 1}], costs: 1}]", "usage[0].usage_type is missing"},
	} {
		if _, problems := LoadCases("c.yaml", []byte(c.text)); !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.text, problems, c.want)
		}
	}
}

func TestLoadOffersCases(t *testing.T) {
	for _, c := range []struct {
		text  string
		cases int
		want  string
	}{
		{"free_tier: whatever\nfuture: {a: [b]}" + goodCases, 1, ""},
		{"free_tier: whatever", 0, ""},
		{"free_tier: []\ncases: [{name: a}]", 0, "cases[0].usage is missing"},
		{"a: [", 0, "is not YAML"},
		{"", 0, "is empty"},
		{"- a", 0, "is not a block of keys"},
	} {
		cases, problems := LoadOffersCases("offers.yaml", []byte(c.text))
		if c.want == "" && (len(problems) > 0 || len(cases) != c.cases) || !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: got %d cases, %v", c.text, len(cases), problems)
		}
	}
}

// What is taken can be tried: it has a name, usage, and something to expect.
func FuzzLoadCases(f *testing.F) {
	f.Add([]byte(goodCases))
	f.Add([]byte("a: 1\ncases: [{name: a, usage: [{service_code: S, usage_type: u, amount: 1}], costs: 1}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, load := range []func(string, []byte) ([]price.Case, schema.Problems){LoadCases, LoadOffersCases} {
			cases, problems := load("f", data)
			if len(problems) > 0 {
				continue
			}
			for _, c := range cases {
				if c.Name == "" || c.Line == 0 || len(c.Usage) == 0 || c.Costs == nil && len(c.Lines) == 0 {
					t.Fatalf("%+v", c)
				}
			}
		}
	})
}
