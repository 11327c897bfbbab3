package price

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/monthend/monthend/schema"
)

var october = time.Date(2018, 10, 1, 0, 0, 0, 0, time.UTC)

// seen returns an observation of hours 0 to 743 of October 2018.
func seen(usageType, operation, sku, rate string) Observation {
	first := schema.HourOf(october.UnixNano())
	return Observation{ServiceCode: "Store", UsageType: usageType, Operation: operation, Region: "r", SKU: sku, RateCode: sku + "." + rate,
		Unit: "GB", Rate: rate, PublicRate: "0.9", Currency: "USD", FirstHour: first, LastHour: first + 743, Rows: 10, Description: "words"}
}

// hours moves an observation to some hours of the month.
func hours(o Observation, first, last schema.Hour) Observation {
	start := o.FirstHour
	o.FirstHour, o.LastHour = start+first, start+last
	return o
}

func TestDerive(t *testing.T) {
	noSKU, noUnit, noCode := seen("U", "", "", "0.5"), seen("U", "", "A", "0.5"), seen("U", "", "A", "0.5")
	noSKU.RateCode, noUnit.Unit, noCode.RateCode, noCode.RateID = "", "", "", "4981"
	tagged := seen("U", "", "A", "0.5")
	tagged.Attributes = string(schema.EncodeTags(nil, []schema.Tag{{Key: "instance_type", Value: "t2"}, {Key: "sku", Value: "A"}, {Key: "group", Value: `a,"b"`}}))
	noCurrency := seen("V", "", "B", "0.5")
	noCurrency.Currency = ""
	noPublic := seen("U", "", "A", "0")
	noPublic.PublicRate = ""
	covered := seen("U", "", "A", "0")
	covered.Covered, covered.RateCode, covered.RateID, covered.Description = true, "A.reserved", "77", "reserved instance applied"
	noPublicCovered := covered
	noPublicCovered.PublicRate = ""
	atListRate := covered
	atListRate.Rate = "0.7"
	few := seen("U", "", "B", "0.5")
	few.Rows = 1
	for _, c := range []struct {
		name string
		obs  []Observation
		want string // SKU rate date, of each price row
		note string
	}{
		{"one", []Observation{seen("U", "Put", "A", "0.5")}, "A 0.5000000000 2018-10-01", ""},
		{"free only", []Observation{seen("U", "", "A", "0")}, "A 0.9000000000 2018-10-01", "all rows are free, the public rate 0.9000000000 is taken"},
		{"free and paid", []Observation{seen("U", "", "A", "0"), seen("U", "", "A", "0.5")}, "A 0.5000000000 2018-10-01", ""},
		{"free without public rate", []Observation{noPublic}, "A 0.0000000000 2018-10-01", "the price is 0"},
		{"covered only", []Observation{covered}, "A 0.9000000000 2018-10-01", "covered by commitments, the public rate 0.9000000000 is taken"},
		{"covered and paid", []Observation{covered, atListRate, seen("U", "", "A", "0.5")}, "A 0.5000000000 2018-10-01", ""},
		{"covered and free", []Observation{covered, noPublic}, "A 0.9000000000 2018-10-01", "the public rate 0.9000000000 is taken"},
		{"covered, nothing public", []Observation{noPublicCovered, seen("U2", "", "B", "0.5")}, "B 0.5000000000 2018-10-01", "all rows are covered by commitments and the report has no public rate"},
		{"change", []Observation{hours(seen("U", "", "A", "0.5"), 0, 99), hours(seen("U", "", "A", "0.4"), 100, 743)},
			"A 0.5000000000 2018-10-01, A 0.4000000000 2018-10-05T04:00:00Z", "the rate changes to 0.4000000000"},
		{"side by side", []Observation{seen("U", "", "A", "0.5"), hours(seen("U", "", "A", "0.4"), 100, 743)}, "A 0.9000000000 2018-10-01", "several rates"},
		{"no sku", []Observation{noSKU}, "DDKU55FRYEMJ34B5 0.5000000000 2018-10-01", "is made up"},
		{"no unit", []Observation{noUnit}, "A 0.5000000000 2018-10-01", "Units is made up"},
		{"unit of another region", []Observation{hours(noUnit, 0, 9), seen("EUW3-U", "", "B", "0.5")}, "B 0.5000000000 2018-10-01, A 0.5000000000 2018-10-01", "the report has no unit, GB is made up"},
		{"unit of another row", []Observation{noUnit, seen("U", "", "A", "0")}, "A 0.5000000000 2018-10-01", ""},
		{"no rate code", []Observation{noCode}, "A 0.5000000000 2018-10-01", "rate code A.JRTCKXETXF.4981 is made up"},
		{"several operations", []Observation{seen("U", "Put", "A", "0.5"), seen("U", "Get", "A", "0")}, "A 0.5000000000 2018-10-01", ""},
		{"attributes", []Observation{tagged}, "A 0.5000000000 2018-10-01", ""},
		{"no currency", []Observation{seen("U", "", "A", "0.5"), noCurrency}, "A 0.5000000000 2018-10-01", "left out: the report has no currency"},
		{"two skus", []Observation{seen("U", "", "A", "0.5"), few}, "A 0.5000000000 2018-10-01", "SKU B is left out"},
		{"bad rate", []Observation{seen("U", "", "A", "0.5"), seen("U", "", "A", "free")}, "A 0.5000000000 2018-10-01", `rate "free" of 10 rows is left out`},
	} {
		list, notes := Derive(october, c.obs)
		cat, ps := ReadCSV("derived.csv", bytes.NewReader(list))
		if ps != nil {
			t.Errorf("%s: %v\n%s", c.name, ps, list)
			continue
		}
		var got []string
		for _, s := range cat.SKUs {
			for _, v := range s.Versions {
				got = append(got, s.ID+" "+v.Tiers[0].Rate.Text10()+" "+day(v.Effective))
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, strings.Join(got, ", "), c.want)
		}
		if all := strings.Join(notes, "\n"); !strings.Contains(all, c.note) || c.note == "" && all != "" {
			t.Errorf("%s: got notes %q, want %q", c.name, all, c.note)
		}
		if spot := seen("Spot", "", "S", ""); c.name == "one" {
			list, notes = Derive(october, append(c.obs, spot))
			if bytes.Contains(list, []byte("Spot")) || !strings.Contains(strings.Join(notes, "\n"), "left out: no row has a rate") {
				t.Errorf("rows without a rate: got %s %v", list, notes)
			}
		}
		for _, o := range c.obs {
			if _, ok := cat.Match(o.ServiceCode, o.UsageType, o.Operation, o.Region); !ok && o.Currency != "" && o != noPublicCovered {
				t.Errorf("%s: %v has no price", c.name, o.key())
			}
		}
		if bytes.Contains(list, []byte("A.reserved")) || bytes.Contains(list, []byte(".77")) || bytes.Contains(list, []byte("instance applied")) {
			t.Errorf("%s: the price has rate code or description of a commitment\n%s", c.name, list)
		}
		if c.name == "attributes" && len(schema.DecodeTags(cat.SKUs[0].Attributes)) != 2 {
			t.Errorf("attributes: got %q", cat.SKUs[0].Attributes)
		}
	}
}

func TestDeriveIsDeterministic(t *testing.T) {
	obs := []Observation{seen("U", "Put", "A", "0.5"), seen("U", "Get", "A", "0"), seen("V", "", "B", "1"), seen("V", "", "B", "2"), seen("W", "", "", "1"), seen("W", "", "C", "1")}
	list, notes := Derive(october, obs)
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
		again, notesAgain := Derive(october, obs)
		if !bytes.Equal(again, list) || strings.Join(notes, "\n") != strings.Join(notesAgain, "\n") {
			t.Fatalf("got\n%s\nand\n%s", list, again)
		}
	}
}
