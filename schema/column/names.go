package column

import (
	"sort"
	"strconv"
	"strings"

	"github.com/monthend/monthend/schema"
)

// TagName returns the key under which a tag stands in resource_tags: lower
// case, every character outside a-z and 0-9 an underscore, with the prefix
// user_ unless the key names its source (user: or aws:) itself.
func TagName(key string) string {
	if !strings.HasPrefix(key, "aws:") && !strings.HasPrefix(key, "user:") {
		key = "user_" + key
	}
	return squash(key)
}

func squash(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// tagMap is the resource_tags of a tag set.
func tagMap(canonical string) []schema.Tag {
	return unique(schema.DecodeTags(canonical), TagName)
}

// unique renames tags, which are sorted by key. When two keys get one name, the
// later key gets _2, _3 and so on, so no value is lost. The result is sorted by
// the new names.
func unique(tags []schema.Tag, name func(string) string) []schema.Tag {
	taken := map[string]bool{}
	for i, t := range tags {
		base := name(t.Key)
		key := base
		for n := 2; taken[key]; n++ {
			key = base + "_" + strconv.Itoa(n)
		}
		taken[key] = true
		tags[i].Key = key
	}
	sort.Slice(tags, func(a, b int) bool { return tags[a].Key < tags[b].Key })
	return tags
}

// flat returns an attribute name without case and separators, so that
// instanceType, instance_type and "Instance Type" are one.
func flat(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// attributeName returns an attribute name in lower snake case: an underscore
// before each capital that follows a small letter or digit, and for every
// character outside letters and digits.
func attributeName(name string) string {
	var b strings.Builder
	after := false
	for _, r := range name {
		capital := r >= 'A' && r <= 'Z'
		if capital && after {
			b.WriteByte('_')
		}
		after = !capital && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
		b.WriteRune(r)
	}
	return squash(b.String())
}

// attribute returns the value of a product attribute, found by its flat name.
func attribute(canonical, flatName string) string {
	for _, t := range schema.DecodeTags(canonical) {
		if flat(t.Key) == flatName {
			return t.Value
		}
	}
	return ""
}

// productMap is the product column: every attribute with a value that has no
// column of its own. The region, which readers of older reports look for there,
// is repeated from region_code when it is not an attribute itself.
func productMap(canonical string) []schema.Tag {
	var kept []schema.Tag
	region, hasRegion := "", false
	for _, t := range schema.DecodeTags(canonical) {
		name := flat(t.Key)
		if name == "regioncode" {
			region = t.Value
		}
		if name == "region" {
			hasRegion = true
		}
		if t.Value != "" && !ownColumn(name) {
			kept = append(kept, t)
		}
	}
	if region != "" && !hasRegion {
		kept = append(kept, schema.Tag{Key: "region", Value: region})
		sort.Slice(kept, func(a, b int) bool { return kept[a].Key < kept[b].Key })
	}
	return unique(kept, attributeName)
}

// productColumns are the product attributes that have a column of their own.
const productColumns = " comment feecode feedescription fromlocation fromlocationtype fromregioncode" +
	" instancefamily instancetype instancesku location locationtype operation pricingunit productfamily" +
	" regioncode servicecode sku tolocation tolocationtype toregioncode usagetype "

func ownColumn(flatName string) bool {
	return strings.Contains(productColumns, " "+flatName+" ")
}
