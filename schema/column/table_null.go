package column

// nulls are columns that no charge fills in this version.
func nulls(rule string, columns []Column) []Column {
	for i := range columns {
		columns[i].Null = rule
	}
	return columns
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
