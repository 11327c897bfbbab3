package price

import (
	"fmt"
	"slices"
	"strings"

	"github.com/monthend/monthend/schema"
)

// field is one of the columns that a price list is read by.
type field int

const (
	fieldSKU field = iota
	fieldRateCode
	fieldTermType
	fieldDescription
	fieldEffective
	fieldStart
	fieldEnd
	fieldUnit
	fieldPrice
	fieldCurrency
	fieldService
	fieldRegion
	fieldUsageType
	fieldOperation
	fieldFamily
	fieldModel
	fieldPackageSize
	fieldCount
)

// fieldNames spells the columns as the price list does, in the order of field.
var fieldNames = [fieldCount]string{"SKU", "RateCode", "TermType", "PriceDescription", "EffectiveDate",
	"StartingRange", "EndingRange", "Unit", "PricePerUnit", "Currency",
	"serviceCode", "Region Code", "usageType", "operation", "Product Family", "PricingModel", "PackageSize"}

// optional columns: lists of before 2021 have no region code, lists written by
// hand have no product family, and those of AWS name no model.
func (f field) optional() bool {
	return f == fieldRegion || f == fieldFamily || f == fieldModel || f == fieldPackageSize
}

// termColumns describe the term of a reservation and not the product. Prices
// of usage leave them blank, so they become no attribute.
var termColumns = []string{"offertermcode", "relatedto", "leasecontractlength", "purchaseoption", "offeringclass"}

// metadataRows are the rows that may stand before the header.
var metadataRows = []string{"formatversion", "disclaimer", "publicationdate", "version", "offercode"}

// columns says where the header has put everything.
type columns struct {
	width      int
	at         [fieldCount]int // 0-based, -1 when absent
	attributes []attribute
}

// attribute is a column whose values become a product attribute.
type attribute struct {
	column int // 0-based
	key    string
	again  bool // a column before this one has the same key
}

// fold makes column names comparable: case, spaces, dashes and underscores do
// not count.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '_', '-', '\t':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// attributeKey spells a column name as a Cost and Usage Report does: Instance
// Type is instance_type, vCPU is vcpu, Max IOPS/volume is max_iopsvolume.
func attributeKey(name string) string {
	words := strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-':
			return ' '
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == ' ', r > 0x7f:
			return r
		}
		return -1
	}, strings.ToLower(name)))
	return strings.Join(words, "_")
}

// readHeader finds every column, and reports what is missing, doubled or not
// understood through fault.
func readHeader(header []string, fault func(column int, name, reason, hint string)) columns {
	c := columns{width: len(header)}
	byName := map[string]int{}
	for i, name := range header {
		switch folded := fold(name); {
		case attributeKey(name) == "":
			fault(i+1, name, "is not a column name", "name the column or take it out")
		case has(byName, folded) && isField(folded):
			fault(i+1, name, fmt.Sprintf("is the same column as field %d", byName[folded]+1), "keep one of the two")
		case has(byName, folded):
			c.attribute(i, name)
		default:
			byName[folded] = i
			c.attribute(i, name)
		}
	}
	for f := range fieldCount {
		at, found := byName[fold(fieldNames[f])]
		if c.at[f] = at; found {
			continue
		}
		c.at[f] = -1
		if !f.optional() {
			fault(0, fieldNames[f], "is missing", "the header must name it; case and spaces do not matter")
		}
	}
	return c
}

func has(m map[string]int, key string) bool { _, ok := m[key]; return ok }

func isField(folded string) bool {
	for _, name := range fieldNames {
		if fold(name) == folded {
			return true
		}
	}
	return false
}

func (c *columns) attribute(i int, name string) {
	folded := fold(name)
	if isField(folded) {
		return
	}
	for _, term := range termColumns {
		if term == folded {
			return
		}
	}
	key := attributeKey(name)
	if len(key) > schema.MaxTagKey {
		key = key[:schema.MaxTagKey]
	}
	again := slices.ContainsFunc(c.attributes, func(a attribute) bool { return a.key == key })
	c.attributes = append(c.attributes, attribute{i, key, again})
}

// isMetadata tells whether a row is one of those before the header.
func isMetadata(row []string) bool {
	if len(row) != 2 {
		return false
	}
	for _, name := range metadataRows {
		if fold(row[0]) == name {
			return true
		}
	}
	return false
}
