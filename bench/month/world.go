package month

import "fmt"

// Tag is one tag of a resource.
type Tag struct{ Key, Value string }

// World is what the records of a month are about.
type World struct {
	Shape     Shape
	Accounts  []Account
	SKUs      []SKU
	Resources []Resource
	stride    uint64 // coprime to the number of resources: an hour meets each once
}

// Account is a member of the organization.
type Account struct{ ID, Name string }

// SKU is one item of the price list.
type SKU struct {
	ID, Service, UsageType, Operation, Region, Location, Unit, Family, Type string
	Tiers                                                                   []Tier
}

// Tier is one range of a SKU's price. End is Inf for the last.
type Tier struct{ Begin, End, RateCode, Rate, Description string }

// Resource is a thing that is metered.
type Resource struct {
	ID, Account, Zone string
	SKU               *SKU
	Tags              []Tag
}

var regions = []struct{ code, location string }{
	{"us-east-1", "US East (N. Virginia)"}, {"us-east-2", "US East (Ohio)"}, {"us-west-2", "US West (Oregon)"},
	{"eu-west-1", "EU (Ireland)"}, {"eu-central-1", "EU (Frankfurt)"}, {"ap-northeast-1", "Asia Pacific (Tokyo)"},
	{"ap-northeast-2", "Asia Pacific (Seoul)"}, {"ap-south-1", "Asia Pacific (Mumbai)"}, {"sa-east-1", "South America (Sao Paulo)"},
	{"ca-central-1", "Canada (Central)"},
}

var units = []string{"Hrs", "GB-Mo", "Requests", "GB"}

// NewWorld makes the world of a shape.
func NewWorld(s Shape) *World {
	w := &World{Shape: s}
	for i := range s.Accounts {
		w.Accounts = append(w.Accounts, Account{ID: fmt.Sprintf("%012d", 200_000_000_000+i*7919), Name: fmt.Sprintf("Account %03d", i)})
	}
	for i := range s.SKUs {
		w.SKUs = append(w.SKUs, s.sku(i))
	}
	sets := s.tagSets()
	w.Resources = make([]Resource, s.Resources)
	for i := range w.Resources {
		w.Resources[i] = w.resource(i, sets)
	}
	w.stride = stride(uint64(s.Resources))
	return w
}

// stride returns a number near the golden section of n that shares no divisor
// with it.
func stride(n uint64) uint64 {
	x := n*618/1000 | 1
	for divisor(x, n) != 1 {
		x += 2
	}
	return x
}

func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// kinds bounds the pairs of account and SKU: more resources of a month are more
// of the same, not more lines of the bill.
const kinds = 40_000

func (w *World) resource(number int, sets [][]Tag) Resource {
	seed, i := w.Shape.Seed, number%kinds
	r := Resource{ID: fmt.Sprintf("arn:bench:resource/%012x", mix(seed^uint64(number))>>16), SKU: &w.SKUs[pick(len(w.SKUs), seed, "sku", i)]}
	r.ID += fmt.Sprintf("-%x", number) // distinct for certain
	r.Account = w.Accounts[pick(len(w.Accounts), seed, "account", i)].ID
	if w.Shape.OneAccount {
		r.Account = w.Accounts[0].ID
	}
	r.Zone = r.SKU.Region + string(rune('a'+pick(3, seed, "zone", i)))
	r.Tags = sets[pick(len(sets), seed, "tags", i)]
	return r
}

// tagSets are the tags of 500 applications in four environments.
func (s Shape) tagSets() [][]Tag {
	var sets [][]Tag
	for app := range 500 {
		for _, env := range []string{"production", "staging", "test", "development"} {
			sets = append(sets, []Tag{
				{Key: "application", Value: fmt.Sprintf("app-%03d", app)},
				{Key: "cost-center", Value: fmt.Sprintf("CC-%04d", 1000+pick(50, s.Seed, "center", app))},
				{Key: "environment", Value: env},
				{Key: "owner", Value: fmt.Sprintf("team-%02d@example.com", pick(20, s.Seed, "team", app))},
				{Key: "project", Value: fmt.Sprintf("project-%03d", pick(200, s.Seed, "project", app))},
			})
		}
	}
	return sets
}

// sku makes item i of the price list. One in ten has three tiers, with bounds
// that the month crosses.
func (s Shape) sku(i int) SKU {
	region := regions[pick(len(regions), s.Seed, "region", i)]
	k := SKU{
		ID: fmt.Sprintf("SKU%013d", i), Service: fmt.Sprintf("BenchService%02d", i%s.Services),
		UsageType: fmt.Sprintf("Usage:type-%03d", i/s.Services), Operation: []string{"Run", "Store", "Read", "Write"}[pick(4, s.Seed, "operation", i)],
		Region: region.code, Location: region.location, Unit: units[i%len(units)],
		Family: fmt.Sprintf("Family %02d", i%s.Services), Type: fmt.Sprintf("type-%03d.large", i/s.Services),
	}
	bounds := []string{"0", "Inf"}
	if i%10 == 0 {
		expected := max(s.Records*5/int64(s.SKUs), 10)
		bounds = []string{"0", fmt.Sprint(expected * 3 / 10), fmt.Sprint(expected * 7 / 10), "Inf"}
	}
	rate := 100_000_000 + pick(900_000_000, s.Seed, "rate", i)
	for t := range len(bounds) - 1 {
		tier := Tier{Begin: bounds[t], End: bounds[t+1], RateCode: fmt.Sprintf("%s.JRTCKXETXF.RATE%06d", k.ID, t), Rate: fmt.Sprintf("0.%010d", rate)}
		tier.Description = fmt.Sprintf("$%s per %s of %s in %s from %s to %s", tier.Rate, k.Unit, k.Type, k.Location, tier.Begin, tier.End)
		k.Tiers = append(k.Tiers, tier)
		rate = rate * 8 / 10
	}
	return k
}
