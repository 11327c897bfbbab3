package spool

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

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

func appendDecimals[T decimal](dst []T, a arrow.Array) ([]T, error) {
	d, ok := a.(*array.Decimal128)
	if !ok || d.NullN() > 0 {
		return dst, fmt.Errorf("is %s, not a decimal without nulls", a.DataType())
	}
	for _, n := range d.Values() {
		dst = append(dst, T(money.Int128{Lo: n.LowBits(), Hi: n.HighBits()}))
	}
	return dst, nil
}

// orElse reads decimals that may be null; a null is what the other slice has in
// its row, or zero without one.
func orElse(other []money.Cost) func([]money.Cost, arrow.Array) ([]money.Cost, error) {
	return func(dst []money.Cost, a arrow.Array) ([]money.Cost, error) {
		d, ok := a.(*array.Decimal128)
		if !ok {
			return dst, fmt.Errorf("is %s, not a decimal", a.DataType())
		}
		for i, n := range d.Values() {
			var v money.Cost
			switch {
			case d.IsValid(i):
				v = money.Cost(money.Int128{Lo: n.LowBits(), Hi: n.HighBits()})
			case other != nil && i < len(other):
				v = other[i]
			}
			dst = append(dst, v)
		}
		return dst, nil
	}
}

func int64Array(typ arrow.DataType, values []int64) arrow.Array {
	data := array.NewData(typ, len(values),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values))}, nil, 0, 0)
	return array.MakeFromData(data)
}

func appendInt64s(dst []int64, a arrow.Array) ([]int64, error) {
	switch v := a.(type) {
	case *array.Int64:
		return append(dst, v.Int64Values()...), nil
	case *array.Timestamp:
		return append(dst, arrowTimes(v)...), nil
	}
	return dst, fmt.Errorf("is %s, not a 64-bit integer or timestamp", a.DataType())
}

func arrowTimes(v *array.Timestamp) []int64 {
	values := v.TimestampValues()
	times := make([]int64, len(values))
	for i, t := range values {
		times[i] = int64(t)
	}
	return times
}

func uint32Array(values []uint32) arrow.Array {
	return array.NewUint32Data(array.NewData(arrow.PrimitiveTypes.Uint32, len(values),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(values))}, nil, 0, 0))
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
