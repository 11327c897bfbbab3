package price

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/monthend/monthend/schema"
)

// Catalog is a checked set of SKUs: no record can match two of them equally,
// and every version has exactly one rate at every count. It is read-only once
// made, and safe for use by several goroutines.
type Catalog struct {
	SKUs     []SKU           // sorted by service, usage type, operation, region
	Prices   int64           // OnDemand rows read
	Reserved int64           // Reserved rows read and left aside: they are no prices of usage
	Warnings schema.Problems // what a person should know though nothing is refused
	index    map[Key]int
}

// NewCatalog makes a catalog of SKUs that do not come from a price list file.
// It sorts skus in place. It refuses what ReadCSV refuses, at the first fault.
func NewCatalog(skus []SKU) (*Catalog, error) {
	for i := range skus {
		slices.SortFunc(skus[i].More, compareKeys)
	}
	slices.SortFunc(skus, func(a, b SKU) int { return compareKeys(a.Key(), b.Key()) })
	c := &Catalog{SKUs: skus, index: make(map[Key]int, len(skus))}
	ids := make(map[string]bool, len(skus))
	for i := range skus {
		s := &skus[i]
		if ids[s.ID] {
			return nil, fmt.Errorf("sku %s stands twice; put all its versions under one", s.ID)
		}
		ids[s.ID] = true
		if err := s.check(); err != nil {
			return nil, err
		}
		for _, k := range s.Keys() {
			if other, taken := c.index[k]; taken {
				return nil, fmt.Errorf("skus %s and %s match the same records, those of %s; keep one", skus[other].ID, s.ID, k)
			}
			c.index[k] = i
		}
	}
	return c, nil
}

func (s *SKU) check() error {
	if len(s.Versions) == 0 {
		return fmt.Errorf("sku %s has no price", s.ID)
	}
	for i, v := range s.Versions {
		if i > 0 && v.Effective <= s.Versions[i-1].Effective {
			return fmt.Errorf("sku %s: versions are not in the order of their dates", s.ID)
		}
		if at, reason := v.check(); reason != "" {
			return fmt.Errorf("sku %s, tier %d: %s", s.ID, at, reason)
		}
	}
	return nil
}

// Key returns the combination in the SKU's own fields.
func (s *SKU) Key() Key { return Key{s.ServiceCode, s.UsageType, s.Operation, s.Region} }

// Keys returns every combination that the SKU prices.
func (s *SKU) Keys() []Key { return append([]Key{s.Key()}, s.More...) }

// String renders the key for a message, naming what is any.
func (k Key) String() string {
	anyOf := func(s string) string {
		if s == "" {
			return "any"
		}
		return s
	}
	return fmt.Sprintf("service %s, usage type %s, operation %s, region %s",
		k.ServiceCode, k.UsageType, anyOf(k.Operation), anyOf(k.Region))
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.ServiceCode, b.ServiceCode), cmp.Compare(a.UsageType, b.UsageType),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Region, b.Region))
}

// Match returns the index in SKUs of the SKU that prices a record, or false if
// there is none. An exact field beats a blank one, operation before region.
func (c *Catalog) Match(serviceCode, usageType, operation, region string) (sku int, ok bool) {
	for _, k := range [4]Key{
		{serviceCode, usageType, operation, region},
		{serviceCode, usageType, operation, ""},
		{serviceCode, usageType, "", region},
		{serviceCode, usageType, "", ""},
	} {
		if i, found := c.index[k]; found {
			return i, true
		}
	}
	return 0, false
}

// At returns the index in Versions of the newest version whose date is not
// after an instant in seconds since 1970, or false when all begin later.
func (s *SKU) At(unixSeconds int64) (version int, ok bool) {
	n := sort.Search(len(s.Versions), func(i int) bool { return s.Versions[i].Effective > unixSeconds })
	return n - 1, n > 0
}
