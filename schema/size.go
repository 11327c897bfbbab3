package schema

import (
	"strconv"
	"strings"
)

// quarters are the normalization factors of instance sizes below xlarge, in
// quarters of a unit, so that the smallest is whole.
var quarters = map[string]int64{"nano": 1, "micro": 2, "small": 4, "medium": 8, "large": 16}

const xlarge = 32 // quarters of an xlarge; an Nxlarge has N times as many

// InstanceSize cuts a usage type such as EUW2-BoxUsage:t2.micro at its last dot
// and returns the normalization factor of the size behind it, in quarters of a
// unit: 2 for micro, 16 for large. Of a Multi-AZUsage it is twice that. It is
// false where the usage type has no size or one without a factor.
func InstanceSize(usageType string) (before string, inQuarters int64, ok bool) {
	before, size, ok := cutSize(usageType)
	if !ok {
		return "", 0, false
	}
	n, ok := quarters[size]
	if number, is := strings.CutSuffix(size, "xlarge"); is {
		n, ok = xlarge, true
		if number != "" {
			times, err := strconv.ParseUint(number, 10, 10)
			n, ok = int64(times)*xlarge, err == nil && times > 0 && number[0] != '0'
		}
	}
	if strings.Contains(before, "Multi-AZUsage:") {
		n *= 2
	}
	return before, n, ok
}

// cutSize is false where nothing stands on either side of a dot after the last
// colon.
func cutSize(usageType string) (before, size string, ok bool) {
	dot := strings.LastIndexByte(usageType, '.')
	colon := strings.LastIndexByte(usageType, ':')
	if dot < colon+2 || dot == len(usageType)-1 {
		return "", "", false
	}
	return usageType[:dot], usageType[dot+1:], true
}

// InstanceFamily returns the family in a usage type: m5 of BoxUsage:m5.large. It
// is false where the usage type has none.
func InstanceFamily(usageType string) (family string, ok bool) {
	before, _, ok := cutSize(usageType) // blank where not ok
	return before[strings.LastIndexByte(before, ':')+1:], ok
}
