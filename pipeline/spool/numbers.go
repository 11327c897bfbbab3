package spool

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

func usageType() *arrow.Decimal128Type {
	return &arrow.Decimal128Type{Precision: 38, Scale: money.UsageScale}
}

func costType() *arrow.Decimal128Type {
	return &arrow.Decimal128Type{Precision: 38, Scale: money.CostScale}
}

// decimal is any of our amounts; all have the layout of an Arrow decimal.
type decimal interface {
	money.Usage | money.Cost | money.Rate
}

func nanosType() *arrow.TimestampType {
	return &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
}

// hourTimes renders hours as milliseconds since 1970.
func hourTimes(hours []schema.Hour) []int64 {
	times := make([]int64, len(hours))
	for i, h := range hours {
		times[i] = int64(h) * 3_600_000
	}
	return times
}
