package column

import "github.com/monthend/monthend/schema/batch"

// productAttribute is a text column of one product attribute.
func productAttribute(name, flatName, doc string) Column {
	return Column{Name: name, Kind: Text, Null: noAttribute, Doc: doc,
		fill: ofPrice(func(p *batch.Price) string { return attribute(p.Attributes, flatName) })}
}

func productColumnsTable() []Column {
	return []Column{
		{Name: "product", Kind: TextMap, Null: never,
			fill: mapped(func(c *batch.Charges) []uint32 { return c.Price },
				func(t *Tables) int { return len(t.Prices) },
				func(t *Tables, code uint32) string { return t.Prices[code].Attributes }, productMap),
			Doc: "Product attributes without a column of their own, keys in lower snake case, and the region."},
		productAttribute("product_comment", "comment", "Remark on the product."),
		productAttribute("product_fee_code", "feecode", "Code of the fee."),
		productAttribute("product_fee_description", "feedescription", "The fee in words."),
		productAttribute("product_from_location", "fromlocation", "Where a transfer begins, in words."),
		productAttribute("product_from_location_type", "fromlocationtype", "Kind of place where a transfer begins."),
		productAttribute("product_from_region_code", "fromregioncode", "Region where a transfer begins."),
		productAttribute("product_instance_family", "instancefamily", "Family of the instance type, in words."),
		productAttribute("product_instance_type", "instancetype", "Instance type."),
		productAttribute("product_instancesku", "instancesku", "Item of the instance that the product goes with."),
		productAttribute("product_location", "location", "Place of the product, in words."),
		productAttribute("product_location_type", "locationtype", "Kind of place."),
		productAttribute("product_operation", "operation", "Operation that the price list names."),
		productAttribute("product_pricing_unit", "pricingunit", "Smallest unit that is priced."),
		productAttribute("product_product_family", "productfamily", "Family of the product."),
		{Name: "product_region_code", Kind: Text, Null: whenBlank, fill: ofPriceElseTail(
			func(p *batch.Price) string { return attribute(p.Attributes, "regioncode") },
			func(t *batch.Tail) string { return t.Region }),
			Doc: "Region of the product; that of the usage when the price list does not give it."},
		productAttribute("product_servicecode", "servicecode", "Service that the price list names."),
		{Name: "product_sku", Kind: Text, Null: noRate, fill: ofPrice(func(p *batch.Price) string { return p.SKU }),
			Doc: "Item of the price list."},
		productAttribute("product_to_location", "tolocation", "Where a transfer ends, in words."),
		productAttribute("product_to_location_type", "tolocationtype", "Kind of place where a transfer ends."),
		productAttribute("product_to_region_code", "toregioncode", "Region where a transfer ends."),
		productAttribute("product_usagetype", "usagetype", "Usage type that the price list names."),
	}
}
