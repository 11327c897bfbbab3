package money

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, r, c := drawUsage(t, "u"), drawRate(t, "r"), drawCost(t, "c")
		if got, err := ParseUsage(u.String()); err != nil || got != u {
			t.Fatalf("usage %s reads as %s, %v", u, got, err)
		}
		if got, err := ParseRate(r.String()); err != nil || got != r {
			t.Fatalf("rate %s reads as %s, %v", r, got, err)
		}
		if got, err := ParseCost(c.String()); err != nil || got != c {
			t.Fatalf("cost %s reads as %s, %v", c, got, err)
		}
		if got := Int128(c).String(); got != toBig(c).String() {
			t.Fatalf("word %s, want %s", got, toBig(c))
		}
	})
}

func TestTextAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := drawUsage(t, "u")
		full := new(big.Rat).SetFrac(toBig(u), bigPow10(UsageScale)).FloatString(UsageScale)
		short := strings.TrimSuffix(strings.TrimRight(full, "0"), ".")
		if got := u.String(); got != short {
			t.Fatalf("got %s, want %s", got, short)
		}
		if got := string(u.AppendText([]byte("x="))); got != "x="+short {
			t.Fatalf("appended %s to x=, got %s", short, got)
		}
		if got, err := u.Fixed(UsageScale); err != nil || got != full {
			t.Fatalf("fixed %s, %v, want %s", got, err, full)
		}
	})
}

func TestTextOfEdges(t *testing.T) {
	for _, tt := range []struct {
		x           Int128
		usage, cost string
	}{
		{Int128{}, "0", "0"},
		{one, "0.000000000000000001", "0.0000000001"},
		{Neg(one), "-0.000000000000000001", "-0.0000000001"},
		{largest38, nines(20) + "." + nines(18), nines(28) + "." + nines(10)},
		{Int128{0, 1}, "18.446744073709551616", "1844674407.3709551616"},
		{fromBig(bigPow10(19)), "10", "1000000000"},
		{fromBig(bigPow10(37)), "1" + zeros(19), "1" + zeros(27)},
		{minWord, "-170141183460469231731.687303715884105728", "-17014118346046923173168730371.5884105728"},
	} {
		if got := Usage(tt.x).String(); got != tt.usage {
			t.Errorf("usage %s, want %s", got, tt.usage)
		}
		if got := Cost(tt.x).String(); got != tt.cost {
			t.Errorf("cost %s, want %s", got, tt.cost)
		}
	}
}

func TestFixed(t *testing.T) {
	for _, tt := range []struct {
		value  string
		places int
		want   string // empty if it must fail
	}{
		{"1.5", 2, "1.50"}, {"1.5", 1, "1.5"}, {"1.5", 0, ""}, {"-1.25", 1, ""}, {"-1.25", 2, "-1.25"},
		{"0", 0, "0"}, {"0", 2, "0.00"}, {"100", 0, "100"}, {"-3", 2, "-3.00"},
		{"0.0000000001", 10, "0.0000000001"}, {"0.0000000001", 9, ""}, {"0.0000000001", 12, "0.000000000100"},
		{"1", 38, "1." + zeros(38)}, {"1", 39, ""}, {"1", -1, ""},
	} {
		c, err := mustCost(tt.value).Fixed(tt.places)
		if c != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("cost %s with %d decimals: got %q, %v, want %q", tt.value, tt.places, c, err, tt.want)
		}
		r, err := mustRate(tt.value).Fixed(tt.places)
		if r != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("rate %s with %d decimals: got %q, %v, want %q", tt.value, tt.places, r, err, tt.want)
		}
	}
}

func TestText10(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0.0000000000", "0.0116": "0.0116000000", "-0.5": "-0.5000000000", "12": "12.0000000000",
		"0.0000166667": "0.0000166667", "0.00001666671": "0.00001666671", "0.000000000000000001": "0.000000000000000001",
	} {
		if got := mustRate(in).Text10(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	type line struct {
		U Usage
		R Rate
		C Cost
		M Currency
	}
	const text = `{"U":"744.5","R":"0.0116","C":"-8.6362","M":"EUR"}`
	var v line
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	if v.U != mustUsage("744.5") || v.R != mustRate("0.0116") || v.C != mustCost("-8.6362") || v.M != "EUR" {
		t.Errorf("read %+v", v)
	}
	if got, err := json.Marshal(v); err != nil || string(got) != text {
		t.Errorf("wrote %s, %v", got, err)
	}
	before := v
	for _, bad := range []string{`{"U":"1e3"}`, `{"R":""}`, `{"C":"0.00000000001"}`, `{"C":1.5}`, `{"U":"+1"}`, `{"M":"eur"}`, `{"M":""}`} {
		if err := json.Unmarshal([]byte(bad), &v); err == nil || v != before {
			t.Errorf("%s: %v, value %+v", bad, err, v)
		}
	}
}

func TestFloat64AgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, c := drawUsage(t, "u"), drawCost(t, "c")
		wantU, _ := new(big.Rat).SetFrac(toBig(u), bigPow10(UsageScale)).Float64()
		wantC, _ := new(big.Rat).SetFrac(toBig(c), bigPow10(CostScale)).Float64()
		if u.Float64() != wantU || c.Float64() != wantC || Rate(u).Float64() != wantU {
			t.Fatalf("%s is %v, want %v; %s is %v, want %v", u, u.Float64(), wantU, c, c.Float64(), wantC)
		}
		parsed, err := strconv.ParseFloat(u.String(), 64)
		if err != nil || parsed != wantU {
			t.Fatalf("strconv reads %s as %v, %v", u, parsed, err)
		}
	})
}

// Short decimals take the fast path; the neighbours of 2^53 and midpoints
// between doubles sit on its border.
func TestFloat64Examples(t *testing.T) {
	for in, want := range map[string]float64{
		"0": 0, "-0.5": -0.5, "0.1": 0.1, "0.3": 0.3, "8.6304": 8.6304, "3914.7077525379": 3914.7077525379,
		"9007199254740991": 1<<53 - 1, "9007199254740992": 1 << 53, "9007199254740993": 1 << 53, "9007199254740995": 1<<53 + 4,
		"900719925474.0993": 900719925474.0993, "18446744073709551616": 1 << 64, "0.0000000001": 1e-10,
		"99999999999999999999": 1e20, "-12345678901234567890.123456789": -12345678901234567890.123456789,
	} {
		if got := mustUsage(in).Float64(); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
	if got := mustUsage("-0").Float64(); 1/got < 0 {
		t.Error("zero is negative")
	}
}
