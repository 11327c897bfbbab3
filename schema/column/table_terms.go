package column

import (
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// Null rules of columns that stand on charges of few types.
const (
	onCovered     = "null but on DiscountedUsage charges"
	onFee         = "null but on RIFee charges"
	onReservation = "null but on DiscountedUsage and RIFee charges and the Fee of a reservation"
	onPlanUsage   = "null but on SavingsPlanCoveredUsage charges"
	onPlanFee     = "null but on SavingsPlanRecurringFee charges"
	onPlan        = "null but on charges of savings plans"
	onDiscounted  = "null but on charges that a discount lowers"
	netOf         = ", after discounts: the same, because no discount lowers a commitment"
)

// nullable sets the null rule of columns.
func nullable(rule string, columns ...Column) []Column {
	for i := range columns {
		columns[i].Null = rule
	}
	return columns
}

func amortizedFee(c *batch.Commitment) money.Cost    { return c.AmortizedFee }
func unusedUpfront(c *batch.Commitment) money.Cost   { return c.UnusedUpfront }
func unusedRecurring(c *batch.Commitment) money.Cost { return c.UnusedRecurring }
func upfrontPrice(c *batch.Commitment) money.Cost    { return c.Upfront }
func recurringHour(c *batch.Commitment) money.Cost   { return c.Recurring }

func reservationColumns() []Column {
	columns := nullable(onCovered,
		Column{Name: "reservation_amortized_upfront_cost_for_usage", Kind: Double, fill: costsOf(coveredLine, upfront),
			Doc: "Part of the up-front fee that this usage consumes."},
		Column{Name: "reservation_effective_cost", Kind: Double, fill: costsOf(coveredLine, effective),
			Doc: "Cost of the covered usage: its parts of up-front and recurring fee."},
		Column{Name: "reservation_net_amortized_upfront_cost_for_usage", Kind: Double, fill: costsOf(coveredLine, upfront),
			Doc: "Amortized up-front cost for usage" + netOf + "."},
		Column{Name: "reservation_net_effective_cost", Kind: Double, fill: costsOf(coveredLine, effective),
			Doc: "Effective cost" + netOf + "."},
		Column{Name: "reservation_net_recurring_fee_for_usage", Kind: Double, fill: costsOf(coveredLine, recurring),
			Doc: "Recurring fee for usage" + netOf + "."},
		Column{Name: "reservation_recurring_fee_for_usage", Kind: Double, fill: costsOf(coveredLine, recurring),
			Doc: "Part of the recurring fee that this usage consumes."},
	)
	columns = append(columns, reservationFees()...)
	columns = append(columns, reservationUnits()...)
	return append(columns, reservationTexts()...)
}

func reservationFees() []Column {
	return nullable(onFee,
		Column{Name: "reservation_amortized_upfront_fee_for_billing_period", Kind: Double, fill: figure(feeLine, amortizedFee),
			Doc: "Part of the up-front fee that falls on the period."},
		Column{Name: "reservation_net_amortized_upfront_fee_for_billing_period", Kind: Double, fill: figure(feeLine, amortizedFee),
			Doc: "Amortized up-front fee of the period" + netOf + "."},
		Column{Name: "reservation_net_unused_amortized_upfront_fee_for_billing_period", Kind: Double, fill: figure(feeLine, unusedUpfront),
			Doc: "Unused amortized up-front fee" + netOf + "."},
		Column{Name: "reservation_net_unused_recurring_fee", Kind: Double, fill: figure(feeLine, unusedRecurring),
			Doc: "Unused recurring fee" + netOf + "."},
		Column{Name: "reservation_net_upfront_value", Kind: Double, fill: figure(feeLine, upfrontPrice),
			Doc: "Up-front value" + netOf + "."},
		Column{Name: "reservation_unused_amortized_upfront_fee_for_billing_period", Kind: Double, fill: figure(feeLine, unusedUpfront),
			Doc: "Part of the period's up-front fee that no usage consumed."},
		Column{Name: "reservation_unused_recurring_fee", Kind: Double, fill: figure(feeLine, unusedRecurring),
			Doc: "Part of the recurring fee that no usage consumed."},
		Column{Name: "reservation_upfront_value", Kind: Double, fill: figure(feeLine, upfrontPrice),
			Doc: "Price paid up front, for the whole term."},
	)
}

func reservationUnits() []Column {
	const noSize = onFee + "; null where the usage type has no size"
	columns := nullable(onFee,
		Column{Name: "reservation_modification_status", Kind: Text, fill: ofReservation(func(*batch.Commitment) string { return "Original" }, feeLine),
			Doc: "Whether and how the reservation was changed: always Original, because reservations are not changed."},
		Column{Name: "reservation_number_of_reservations", Kind: Text, fill: ofReservation(func(c *batch.Commitment) string { return c.Count }, feeLine),
			Doc: "Number of reservations in the subscription."},
		Column{Name: "reservation_total_reserved_units", Kind: Text, fill: ofReservation(func(c *batch.Commitment) string { return c.Units }, feeLine),
			Doc: "Units reserved in the period."},
		Column{Name: "reservation_units_per_reservation", Kind: Text, fill: ofReservation(func(c *batch.Commitment) string { return c.UnitsPer }, feeLine),
			Doc: "Units of one reservation in the period."},
		Column{Name: "reservation_unused_quantity", Kind: Double, Doc: "Units that no usage consumed.",
			fill: amountsOf(feeLine, func(c *batch.Commitment) (money.Usage, bool) { return c.UnusedUnits, true })},
	)
	return append(columns, nullable(noSize,
		Column{Name: "reservation_normalized_units_per_reservation", Kind: Text, fill: ofReservation(func(c *batch.Commitment) string { return c.NormalizedPer }, feeLine),
			Doc: "Normalized units of one reservation."},
		Column{Name: "reservation_total_reserved_normalized_units", Kind: Text, fill: ofReservation(func(c *batch.Commitment) string { return c.Normalized }, feeLine),
			Doc: "Normalized units reserved in the period."},
		Column{Name: "reservation_unused_normalized_unit_quantity", Kind: Double, Doc: "Normalized units that no usage consumed.",
			fill: amountsOf(feeLine, func(c *batch.Commitment) (money.Usage, bool) { return c.UnusedNormal, c.Normalized != "" })},
	)...)
}

func reservationTexts() []Column {
	const regional = onReservation + "; null where the reservation is not bound to a zone"
	columns := nullable(onReservation,
		Column{Name: "reservation_reservation_a_r_n", Kind: Text, Doc: "Reservation that covers the usage, or whose fee it is.",
			fill: ofReservation(func(c *batch.Commitment) string { return c.ID }, coveredLine, feeLine, onceLine)},
		Column{Name: "reservation_subscription_id", Kind: Text, Doc: "Subscription of the reservation.",
			fill: ofReservation(func(c *batch.Commitment) string { return c.Subscription }, coveredLine, feeLine, onceLine)},
	)
	columns[1].Null += "; null where the reservation has none"
	columns = append(columns, nullable(regional,
		Column{Name: "reservation_availability_zone", Kind: Text, Doc: "Zone that the reservation is bound to.",
			fill: ofReservation(func(c *batch.Commitment) string { return c.Zone }, coveredLine, feeLine, onceLine)})...)
	return append(columns, nullable("null but on RIFee charges and the Fee of a reservation",
		Column{Name: "reservation_end_time", Kind: Text, Doc: "Last second of the reservation, ISO 8601.",
			fill: ofReservation(func(c *batch.Commitment) string { return c.End }, feeLine, onceLine)},
		Column{Name: "reservation_start_time", Kind: Text, Doc: "Start of the reservation, ISO 8601.",
			fill: ofReservation(func(c *batch.Commitment) string { return c.Start }, feeLine, onceLine)},
	)...)
}

func planRate(c *batch.Commitment) (money.Usage, bool) { return money.Usage(c.Rate), true }

func savingsPlanColumns() []Column {
	columns := nullable(onPlanFee,
		Column{Name: "savings_plan_amortized_upfront_commitment_for_billing_period", Kind: Double, fill: figure(planFee, amortizedFee),
			Doc: "Part of the up-front payment that falls on the hour."},
		Column{Name: "savings_plan_net_amortized_upfront_commitment_for_billing_period", Kind: Double, fill: figure(planFee, amortizedFee),
			Doc: "Amortized up-front commitment" + netOf + "."},
		Column{Name: "savings_plan_net_recurring_commitment_for_billing_period", Kind: Double, fill: figure(planFee, recurringHour),
			Doc: "Recurring commitment" + netOf + "."},
		Column{Name: "savings_plan_recurring_commitment_for_billing_period", Kind: Double, fill: figure(planFee, recurringHour),
			Doc: "Recurring commitment that falls on the hour."},
		Column{Name: "savings_plan_total_commitment_to_date", Kind: Double, fill: costsOf(planFee, hourCommitment),
			Doc: "Commitment of the hour, up-front and recurring."},
		Column{Name: "savings_plan_used_commitment", Kind: Double, fill: costsOf(planFee, usedCommitment),
			Doc: "Commitment of the hour that usage consumed."},
	)
	columns = append(columns, nullable(onPlanUsage,
		Column{Name: "savings_plan_net_savings_plan_effective_cost", Kind: Double, fill: costsOf(planCovered, effective),
			Doc: "Effective cost" + netOf + "."},
		Column{Name: "savings_plan_savings_plan_effective_cost", Kind: Double, fill: costsOf(planCovered, effective),
			Doc: "Part of the commitment that this usage consumes."},
		Column{Name: "savings_plan_savings_plan_rate", Kind: Double, fill: amountsOf(planCovered, planRate),
			Doc: "Rate of the plan for the usage, per unit."},
	)...)
	return append(columns, planTexts()...)
}

func planTexts() []Column {
	columns := nullable(onPlan,
		Column{Name: "savings_plan_end_time", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.End }),
			Doc: "Last second of the plan, ISO 8601."},
		Column{Name: "savings_plan_offering_type", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Offering }),
			Doc: "Kind of plan: ComputeSavingsPlans or EC2InstanceSavingsPlans."},
		Column{Name: "savings_plan_payment_option", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Payment }),
			Doc: "How the plan is paid: No Upfront, Partial Upfront or All Upfront."},
		Column{Name: "savings_plan_purchase_term", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Lease }),
			Doc: "Length of the plan: 1yr or 3yr."},
		Column{Name: "savings_plan_savings_plan_a_r_n", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.ID }),
			Doc: "Plan that covers the usage, or whose fee or negation it is."},
		Column{Name: "savings_plan_start_time", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Start }),
			Doc: "Start of the plan, ISO 8601."},
	)
	return append(columns, nullable(onPlan+"; null where the plan is not bound",
		Column{Name: "savings_plan_instance_type_family", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Family }),
			Doc: "Instance family that the plan is bound to."},
		Column{Name: "savings_plan_region", Kind: Text, fill: ofPlan(func(c *batch.Commitment) string { return c.Region }),
			Doc: "Region that the plan is bound to."},
	)...)
}

func discountColumns() []Column {
	return []Column{
		{Name: "discount", Kind: DoubleMap, Null: "never null; empty on charges that no discount lowers", fill: discountMap,
			Doc: "What each negotiated discount takes off the charge: id of the discount to amount, not below 0."},
		{Name: "discount_bundled_discount", Kind: Double, Null: "null but on charges that a BundledDiscount lowers", fill: bundledDiscount,
			Doc: "What discounts for use with another product take off the charge, not below 0."},
		{Name: "discount_total_discount", Kind: Double, Null: onDiscounted, fill: totalDiscount,
			Doc: "What all discounts take off the charge, not below 0: unblended cost less net unblended cost."},
	}
}
