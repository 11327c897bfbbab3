package column

import (
	"sort"
	"time"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// all is the table, in alphabetical order.
var all = build()

// All returns the columns of a report, in alphabetical order. The slice must
// not be changed.
func All() []Column { return all }

// build puts the groups together.
func build() []Column {
	var t []Column
	for _, group := range [][]Column{
		billColumns(), discountColumns(), emptyGroups(), identityColumns(), lineItemColumns(), pricingColumns(),
		productColumnsTable(), reservationColumns(), savingsPlanColumns(), splitColumns(),
	} {
		t = append(t, group...)
	}
	sort.Slice(t, func(a, b int) bool { return t[a].Name < t[b].Name })
	for i := range t {
		t[i].at = i
	}
	return t
}

// Null rules that many columns share.
const (
	never       = "never null"
	whenBlank   = "null when blank"
	noRate      = "null when no rate is known, because the cost came with the usage or from an offer"
	notProduced = "always null in this version"
	noSplit     = "always null: costs are not split in this version"
	noOption    = "always null: the option that fills it is not offered"
	emptyNow    = "never null; empty in this version"
	noSize      = "null on charges other than usage in hours and RIFee, and where the usage type ends in no size"
	noAttribute = "null when the price list does not give it"
)

func billColumns() []Column {
	return []Column{
		{Name: "bill_bill_type", Kind: Text, Null: never, fill: billType,
			Doc: "Purchase for what is paid up front for a commitment, Refund for a refund, and Anniversary, the regular monthly bill, for all else."},
		{Name: "bill_billing_entity", Kind: Text, Null: whenBlank, fill: constant(issuerName),
			Doc: "Who sells. The legal name of the issuer, the same as the invoicing entity."},
		{Name: "bill_billing_period_end_date", Kind: Timestamp, Null: never, fill: instant(func(v *View) time.Time { return v.owner.Period.End }),
			Doc: "The first instant after the billing period, UTC."},
		{Name: "bill_billing_period_start_date", Kind: Timestamp, Null: never, fill: instant(func(v *View) time.Time { return v.owner.Period.Start }),
			Doc: "The first instant of the billing period, UTC."},
		{Name: "bill_invoice_id", Kind: Text, Null: "null until the invoice is issued", fill: constant(func(v *View) string { return v.settings.InvoiceID }),
			Doc: "Number of the invoice with this charge. A value tells that the charge is final."},
		{Name: "bill_invoicing_entity", Kind: Text, Null: whenBlank, fill: constant(issuerName),
			Doc: "Legal name of the company that sends the invoice."},
		{Name: "bill_payer_account_id", Kind: Text, Null: never, fill: constant(func(v *View) string { return v.owner.Payer }),
			Doc: "Account that pays the organization's bill."},
		{Name: "bill_payer_account_name", Kind: Text, Null: whenBlank, fill: constant(func(v *View) string { return v.owner.PayerName }),
			Doc: "Name of the paying account."},
	}
}

func issuerName(v *View) string { return v.owner.IssuerName }

// emptyGroups are small groups, most of which are null or empty in this version.
func emptyGroups() []Column {
	return []Column{
		{Name: "capacity_reservation_capacity_reservation_arn", Kind: Text, Null: noOption,
			Doc: "Capacity reservation that the charge belongs to."},
		{Name: "capacity_reservation_capacity_reservation_status", Kind: Text, Null: noOption,
			Doc: "What became of the reserved capacity in the interval."},
		{Name: "capacity_reservation_capacity_reservation_type", Kind: Text, Null: noOption,
			Doc: "Kind of the capacity reservation."},
		{Name: "cost_category", Kind: TextMap, Null: emptyNow, fill: emptyMap,
			Doc: "Cost categories of the charge: category to value."},
		{Name: "resource_tags", Kind: TextMap, Null: never, fill: resourceTags(),
			Doc: "Tags of the resource. Keys are lower case with user_ or aws_ in front, other characters become underscores; keys that fall together are numbered."},
		{Name: "tags", Kind: TextMap, Null: emptyNow, fill: emptyMap,
			Doc: "Tags of all sources under their original keys."},
	}
}

func resourceTags() filler {
	return mapped(func(c *batch.Charges) []uint32 { return c.Tail },
		func(t *Tables) int { return len(t.Tails) },
		func(t *Tables, code uint32) string { return t.Tails[code].Tags }, tagMap)
}

func identityColumns() []Column {
	return []Column{
		{Name: "identity_line_item_id", Kind: Text, Null: never, fill: lineItemID,
			Doc: "Id of the line, 52 characters, made from all its attributes but the hour, its commitment and discounts included. Unique together with the interval; the same in every refresh."},
		{Name: "identity_time_interval", Kind: Text, Null: never, fill: interval,
			Doc: "The hour of the usage as start/end, ISO 8601, UTC, end exclusive; a monthly fee, credit, refund, discount or tax stands in the hour in which it falls. Of an RIFee the end is the last second of the period."},
	}
}

func lineItemColumns() []Column {
	return []Column{
		{Name: "line_item_availability_zone", Kind: Text, Null: whenBlank, fill: ofTail(func(t *batch.Tail) string { return t.Zone }),
			Doc: "Zone in which the usage took place."},
		{Name: "line_item_blended_cost", Kind: Double, Null: never, fill: costs(func(c *batch.Charges) []money.Cost { return c.Blended }),
			Doc: "Usage at the organization's average rate, rounded to 10 decimals."},
		{Name: "line_item_blended_rate", Kind: Text, Null: noRate, fill: rate(func(p *batch.Price) money.Rate { return p.BlendedRate }),
			Doc: "Average rate of the price list item over the organization and the period."},
		{Name: "line_item_currency_code", Kind: Text, Null: never, fill: constant(func(v *View) string { return string(v.owner.BillingCurrency) }),
			Doc: "Currency of the costs of the charge."},
		{Name: "line_item_iam_principal", Kind: Text, Null: noOption,
			Doc: "Identity that made the request."},
		{Name: "line_item_legal_entity", Kind: Text, Null: whenBlank, fill: constant(issuerName),
			Doc: "Legal name of the seller."},
		{Name: "line_item_line_item_description", Kind: Text, Null: whenBlank, fill: ofPrice(func(p *batch.Price) string { return p.Description }),
			Doc: "The price in words, as the price list or the offer says it."},
		{Name: "line_item_line_item_type", Kind: Text, Null: never, fill: ofTail(func(t *batch.Tail) string { return t.LineItemType }),
			Doc: "Kind of charge, such as Usage, Fee, Tax or Credit. An open set."},
		{Name: "line_item_net_unblended_cost", Kind: Double, Null: "null in all rows of a month without discounts: there it is the unblended cost", fill: netCosts,
			Doc: "Unblended cost after discounts. 0 on a discount's own charge, whose amount the lowered charges have already."},
		{Name: "line_item_net_unblended_rate", Kind: Text, Null: "always null: a discounted charge has no rate of its own",
			Doc: "Unblended rate after discounts."},
		{Name: "line_item_normalization_factor", Kind: Double, Null: noSize, fill: normalFactor,
			Doc: "Weight of the instance size within its family: 1 for small, 4 for large."},
		{Name: "line_item_normalized_usage_amount", Kind: Double, Null: noSize, fill: normalAmount,
			Doc: "Usage amount times the normalization factor, cut to 10 decimals."},
		{Name: "line_item_operation", Kind: Text, Null: whenBlank, fill: ofHead(func(_ *View, h *batch.Head) string { return h.Operation }),
			Doc: "Operation that was metered."},
		{Name: "line_item_product_code", Kind: Text, Null: never, fill: ofHead(func(_ *View, h *batch.Head) string { return h.Service }),
			Doc: "Code of the service."},
		{Name: "line_item_resource_id", Kind: Text, Null: "null when the usage names no resource, or without the resources option", fill: resource,
			Doc: "Resource that was used."},
		{Name: "line_item_tax_type", Kind: Text, Null: "null but on tax charges that a tax rule made", fill: taxType(),
			Doc: "Kind of tax, such as VAT."},
		{Name: "line_item_unblended_cost", Kind: Double, Null: never, fill: costs(func(c *batch.Charges) []money.Cost { return c.Unblended }),
			Doc: "What the account incurs: rate times usage, rounded to 10 decimals, or the amount of an offer. The invoice sums this column."},
		{Name: "line_item_unblended_rate", Kind: Text, Null: noRate, fill: rate(func(p *batch.Price) money.Rate { return p.Rate }),
			Doc: "Rate applied to the usage, text with at least 10 decimals."},
		{Name: "line_item_usage_account_id", Kind: Text, Null: never, fill: ofHead(func(_ *View, h *batch.Head) string { return h.Account }),
			Doc: "Account that used the service."},
		{Name: "line_item_usage_account_name", Kind: Text, Null: "null when the account has no name", fill: ofHead(func(v *View, h *batch.Head) string { return v.owner.AccountNames[h.Account] }),
			Doc: "Name of the usage account in the period."},
		{Name: "line_item_usage_amount", Kind: Double, Null: never, fill: usage,
			Doc: "Quantity used, in the pricing unit."},
		{Name: "line_item_usage_end_date", Kind: Timestamp, Null: never, fill: hourEnd,
			Doc: "The first instant after the hour of the usage, UTC. Of an RIFee the last second of the period."},
		{Name: "line_item_usage_start_date", Kind: Timestamp, Null: never, fill: hourStart,
			Doc: "The first instant of the hour of the usage, UTC."},
		{Name: "line_item_usage_type", Kind: Text, Null: whenBlank, fill: ofHead(func(_ *View, h *batch.Head) string { return h.UsageType }),
			Doc: "What was metered."},
		{Name: "line_item_user_identifier", Kind: Text, Null: notProduced,
			Doc: "User that the usage is attributed to."},
	}
}

func pricingColumns() []Column {
	return []Column{
		{Name: "pricing_currency", Kind: Text, Null: never, fill: constant(func(v *View) string { return string(v.owner.PricingCurrency) }),
			Doc: "Currency of the price list."},
		{Name: "pricing_lease_contract_length", Kind: Text, Null: onCovered, fill: ofReservation(func(c *batch.Commitment) string { return c.Lease }, coveredLine),
			Doc: "Length of the reservation: 1yr or 3yr."},
		{Name: "pricing_offering_class", Kind: Text, Null: onCovered, fill: ofReservation(func(c *batch.Commitment) string { return c.Class }, coveredLine),
			Doc: "Class of the reservation: standard or convertible."},
		{Name: "pricing_public_on_demand_cost", Kind: Double, Null: "never null; 0 when no public rate is known", fill: costs(func(c *batch.Charges) []money.Cost { return c.List }),
			Doc: "Usage at the public on-demand rate, rounded to 10 decimals."},
		{Name: "pricing_public_on_demand_rate", Kind: Text, Null: noRate, fill: rate(func(p *batch.Price) money.Rate { return p.PublicRate }),
			Doc: "Public rate without commitment; the dearest tier's on free usage."},
		{Name: "pricing_purchase_option", Kind: Text, Null: onCovered, fill: ofReservation(func(c *batch.Commitment) string { return c.Payment }, coveredLine),
			Doc: "How the reservation is paid: No Upfront, Partial Upfront or All Upfront."},
		{Name: "pricing_rate_code", Kind: Text, Null: noRate, fill: ofPrice(func(p *batch.Price) string { return p.RateCode }),
			Doc: "Code of the price in the price list, item.term.rate."},
		{Name: "pricing_rate_id", Kind: Text, Null: noRate, fill: ofPrice(func(p *batch.Price) string { return RateID(p.RateCode) }),
			Doc: "A number that stands for the rate code: 60 bits of its SHA-256, in decimal."},
		{Name: "pricing_term", Kind: Text, Null: whenBlank, fill: ofPrice(func(p *batch.Price) string { return p.Term }),
			Doc: "Term of the price: OnDemand, or Reserved where a reservation covers the usage."},
		{Name: "pricing_unit", Kind: Text, Null: whenBlank, fill: ofPriceElseTail(
			func(p *batch.Price) string { return p.Unit }, func(t *batch.Tail) string { return t.Unit }),
			Doc: "Unit that the rate is per; that of the usage when no price is known."},
	}
}
