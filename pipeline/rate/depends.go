package rate

// DependsOnMonth tells whether the charges of a SKU depend on usage of other
// hours: its price does on the month's count, or a commitment or pool is dealt
// out over it. Charges of all other SKUs, and of what was priced elsewhere (SKU
// -1), follow from their line alone, unless the offers are month-wide.
func (t *Totals) DependsOnMonth(sku int32) bool { return sku >= 0 && t.needs[sku] }
