package offer

import (
	"fmt"
	"slices"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/price"
)

// Unused returns every selector that picks no SKU of the catalog, which mostly
// is a slip of the pen; file names the offers in messages. Check takes such
// offers, since a price may come or go before they do.
func (o *Offers) Unused(file string, c *price.Catalog) schema.Problems {
	k := &check{file: file}
	for i := range o.FreeTier {
		for n, s := range o.FreeTier[i].Select {
			k.unused(fmt.Sprintf("free_tier[%d].select[%d]", i, n), c, s.Matches)
		}
	}
	for i := range o.Discounts {
		for n, s := range o.Discounts[i].Select {
			k.unused(fmt.Sprintf("discounts[%d].select[%d]", i, n), c, s.Matches)
		}
	}
	for i := range o.Reservations {
		k.unused(fmt.Sprintf("reservations[%d].select", i), c, o.Reservations[i].mayCover)
	}
	for i := range o.SavingsPlans {
		p := &o.SavingsPlans[i]
		for n, r := range p.Rates {
			k.unused(fmt.Sprintf("savings_plans[%d].rates[%d].select", i, n), c, func(sku *price.SKU) bool {
				return r.Select.Matches(sku) && p.inFamily(sku)
			})
		}
	}
	return k.problems
}

func (k *check) unused(path string, c *price.Catalog, picks func(*price.SKU) bool) {
	for i := range c.SKUs {
		if picks(&c.SKUs[i]) {
			return
		}
	}
	k.fault(path, "", "picks no SKU of the price list", "compare service_code, usage_type, operation and region_code with the list")
}

// mayCover tells whether the reservation covers usage that a SKU prices. A blank
// operation or region of a SKU stands for any.
func (r *Reservation) mayCover(sku *price.SKU) bool {
	covers := func(k price.Key) bool {
		if k.Operation == "" {
			k.Operation = r.Select.Operation
		}
		if k.Region == "" {
			k.Region = r.Select.Region
		}
		return r.Covers(k.ServiceCode, k.UsageType, k.Operation, k.Region, r.Zone)
	}
	return covers(sku.Key()) || slices.ContainsFunc(sku.More, covers)
}
