package schema_test

import (
	"testing"

	"github.com/monthend/monthend/schema"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		usageType string
		factor    int64  // 0: none
		family    string // "": none
	}{
		{"EUW2-BoxUsage:t2.nano", 1, "t2"},
		{"EUW2-BoxUsage:t2.micro", 2, "t2"},
		{"BoxUsage:t2.small", 4, "t2"},
		{"BoxUsage:m5.medium", 8, "m5"},
		{"BoxUsage:m5.large", 16, "m5"},
		{"BoxUsage:m5.xlarge", 32, "m5"},
		{"BoxUsage:m5.2xlarge", 64, "m5"},
		{"BoxUsage:m5.4xlarge", 128, "m5"},
		{"BoxUsage:m5.8xlarge", 256, "m5"},
		{"BoxUsage:m4.10xlarge", 320, "m4"},
		{"BoxUsage:m5.16xlarge", 512, "m5"},
		{"BoxUsage:x1.32xlarge", 1024, "x1"},
		{"InstanceUsage:db.t2.micro", 2, "db.t2"},
		{"a:b:t2.micro", 2, "t2"},
		{"t2.micro", 2, "t2"},
		{"BoxUsage:c5.9xlarge", 288, "c5"},
		{"BoxUsage:m5.24xlarge", 768, "m5"},
		{"Multi-AZUsage:db.m4.large", 32, "db.m4"},
		{"BoxUsage:m5.0xlarge", 0, "m5"},
		{"BoxUsage:m5.-1xlarge", 0, "m5"},
		{"BoxUsage:m5.metal", 0, "m5"},
		{"BoxUsage", 0, ""},
		{"a.b:micro", 0, ""},
		{"BoxUsage:.micro", 0, ""},
		{"BoxUsage:t2.", 0, ""},
		{"", 0, ""},
	} {
		_, n, ok := schema.InstanceSize(c.usageType)
		if n != c.factor || ok != (n > 0) {
			t.Errorf("%s: got %d", c.usageType, n)
		}
		if family, ok := schema.InstanceFamily(c.usageType); family != c.family || ok != (c.family != "") {
			t.Errorf("%s: got family %q", c.usageType, family)
		}
	}
}
