package column

// nulls are columns that no charge fills in this version.
func nulls(rule string, columns []Column) []Column {
	for i := range columns {
		columns[i].Null = rule
	}
	return columns
}

func reservationColumns() []Column {
	return nulls(noReservation, []Column{
		{Name: "reservation_amortized_upfront_cost_for_usage", Kind: Double, Doc: "Part of the up-front fee that this usage consumes."},
		{Name: "reservation_amortized_upfront_fee_for_billing_period", Kind: Double, Doc: "Part of the up-front fee that falls on the period."},
		{Name: "reservation_availability_zone", Kind: Text, Doc: "Zone that the reservation is bound to."},
		{Name: "reservation_effective_cost", Kind: Double, Doc: "Cost of the covered usage: its parts of up-front and recurring fee."},
		{Name: "reservation_end_time", Kind: Text, Doc: "End of the reservation, ISO 8601."},
		{Name: "reservation_modification_status", Kind: Text, Doc: "Whether and how the reservation was changed."},
		{Name: "reservation_net_amortized_upfront_cost_for_usage", Kind: Double, Doc: "Amortized up-front cost for usage, after discounts."},
		{Name: "reservation_net_amortized_upfront_fee_for_billing_period", Kind: Double, Doc: "Amortized up-front fee of the period, after discounts."},
		{Name: "reservation_net_effective_cost", Kind: Double, Doc: "Effective cost, after discounts."},
		{Name: "reservation_net_recurring_fee_for_usage", Kind: Double, Doc: "Recurring fee for usage, after discounts."},
		{Name: "reservation_net_unused_amortized_upfront_fee_for_billing_period", Kind: Double, Doc: "Unused amortized up-front fee, after discounts."},
		{Name: "reservation_net_unused_recurring_fee", Kind: Double, Doc: "Unused recurring fee, after discounts."},
		{Name: "reservation_net_upfront_value", Kind: Double, Doc: "Up-front value, after discounts."},
		{Name: "reservation_normalized_units_per_reservation", Kind: Text, Doc: "Normalized units of one reservation."},
		{Name: "reservation_number_of_reservations", Kind: Text, Doc: "Number of reservations in the subscription."},
		{Name: "reservation_recurring_fee_for_usage", Kind: Double, Doc: "Part of the recurring fee that this usage consumes."},
		{Name: "reservation_reservation_a_r_n", Kind: Text, Doc: "Reservation that covers the usage."},
		{Name: "reservation_start_time", Kind: Text, Doc: "Start of the reservation, ISO 8601."},
		{Name: "reservation_subscription_id", Kind: Text, Doc: "Subscription behind the charge."},
		{Name: "reservation_total_reserved_normalized_units", Kind: Text, Doc: "Normalized units reserved in the period."},
		{Name: "reservation_total_reserved_units", Kind: Text, Doc: "Units reserved in the period."},
		{Name: "reservation_units_per_reservation", Kind: Text, Doc: "Units of one reservation in the period."},
		{Name: "reservation_unused_amortized_upfront_fee_for_billing_period", Kind: Double, Doc: "Part of the period's up-front fee that no usage consumed."},
		{Name: "reservation_unused_normalized_unit_quantity", Kind: Double, Doc: "Normalized units that no usage consumed."},
		{Name: "reservation_unused_quantity", Kind: Double, Doc: "Units that no usage consumed."},
		{Name: "reservation_unused_recurring_fee", Kind: Double, Doc: "Part of the recurring fee that no usage consumed."},
		{Name: "reservation_upfront_value", Kind: Double, Doc: "Price paid up front."},
	})
}

func savingsPlanColumns() []Column {
	return nulls(noPlan, []Column{
		{Name: "savings_plan_amortized_upfront_commitment_for_billing_period", Kind: Double, Doc: "Part of the up-front payment that falls on the interval."},
		{Name: "savings_plan_end_time", Kind: Text, Doc: "End of the plan, ISO 8601."},
		{Name: "savings_plan_instance_type_family", Kind: Text, Doc: "Instance family that the plan is bound to."},
		{Name: "savings_plan_net_amortized_upfront_commitment_for_billing_period", Kind: Double, Doc: "Amortized up-front commitment, after discounts."},
		{Name: "savings_plan_net_recurring_commitment_for_billing_period", Kind: Double, Doc: "Recurring commitment, after discounts."},
		{Name: "savings_plan_net_savings_plan_effective_cost", Kind: Double, Doc: "Effective cost, after discounts."},
		{Name: "savings_plan_offering_type", Kind: Text, Doc: "Kind of plan."},
		{Name: "savings_plan_payment_option", Kind: Text, Doc: "How the plan is paid."},
		{Name: "savings_plan_purchase_term", Kind: Text, Doc: "Length of the plan."},
		{Name: "savings_plan_recurring_commitment_for_billing_period", Kind: Double, Doc: "Recurring commitment that falls on the interval."},
		{Name: "savings_plan_region", Kind: Text, Doc: "Region that the plan is bound to."},
		{Name: "savings_plan_savings_plan_a_r_n", Kind: Text, Doc: "Plan that covers the usage."},
		{Name: "savings_plan_savings_plan_effective_cost", Kind: Double, Doc: "Part of the commitment that this usage consumes."},
		{Name: "savings_plan_savings_plan_rate", Kind: Double, Doc: "Rate of the plan for the usage."},
		{Name: "savings_plan_start_time", Kind: Text, Doc: "Start of the plan, ISO 8601."},
		{Name: "savings_plan_total_commitment_to_date", Kind: Double, Doc: "Commitment of the interval, up-front and recurring."},
		{Name: "savings_plan_used_commitment", Kind: Double, Doc: "Commitment that usage consumed."},
	})
}

func splitColumns() []Column {
	return nulls(noSplit, []Column{
		{Name: "split_line_item_actual_usage", Kind: Double, Doc: "Processor or memory that the container really used."},
		{Name: "split_line_item_net_split_cost", Kind: Double, Doc: "Split cost, after discounts."},
		{Name: "split_line_item_net_unused_cost", Kind: Double, Doc: "Unused cost, after discounts."},
		{Name: "split_line_item_parent_resource_id", Kind: Text, Doc: "Instance that hosts the container."},
		{Name: "split_line_item_public_on_demand_split_cost", Kind: Double, Doc: "Split cost at public rates."},
		{Name: "split_line_item_public_on_demand_unused_cost", Kind: Double, Doc: "Unused cost at public rates."},
		{Name: "split_line_item_reserved_usage", Kind: Double, Doc: "Processor or memory that the container asked for."},
		{Name: "split_line_item_split_cost", Kind: Double, Doc: "Cost of what the container was given."},
		{Name: "split_line_item_split_usage", Kind: Double, Doc: "What the container was given: the larger of asked and used."},
		{Name: "split_line_item_split_usage_ratio", Kind: Double, Doc: "What the container was given as a share of its instance."},
		{Name: "split_line_item_unused_cost", Kind: Double, Doc: "Share of the instance's idle cost."},
	})
}
