package schema

import "github.com/monthend/monthend/schema/money"

// Names of the fields of a usage record, as they stand in CSV headers, JSON
// keys and Parquet columns.
const (
	FieldRecordID         = "record_id"
	FieldSource           = "source"
	FieldUsageAccountID   = "usage_account_id"
	FieldServiceCode      = "service_code"
	FieldUsageType        = "usage_type"
	FieldOperation        = "operation"
	FieldRegionCode       = "region_code"
	FieldAvailabilityZone = "availability_zone"
	FieldResourceID       = "resource_id"
	FieldUsageStart       = "usage_start"
	FieldUsageEnd         = "usage_end"
	FieldUsageAmount      = "usage_amount"
	FieldUnit             = "unit"
	FieldTags             = "tags"
	FieldCost             = "cost"
	FieldCurrency         = "currency"
	FieldCommitment       = "commitment_id"
	FieldLineItemType     = "line_item_type"
)

// Limits of one usage record. A value over its limit is a Problem, never cut.
const (
	MaxFieldBytes = 64 << 10 // one text field
	MaxIDBytes    = 256      // record_id and source
	MaxTags       = 200      // tags on one record
	MaxTagKey     = 256      // bytes
	MaxTagValue   = 1024     // bytes
)

// The line item types that rating makes; records may bring others. LineItemUsage
// is the type of a record that names none.
const (
	LineItemUsage                   = "Usage"
	LineItemDiscountedUsage         = "DiscountedUsage"
	LineItemRIFee                   = "RIFee"
	LineItemSavingsPlanCoveredUsage = "SavingsPlanCoveredUsage"
	LineItemSavingsPlanNegation     = "SavingsPlanNegation"
	LineItemSavingsPlanRecurringFee = "SavingsPlanRecurringFee"
	LineItemSavingsPlanUpfrontFee   = "SavingsPlanUpfrontFee"
	LineItemFee                     = "Fee"
	LineItemCredit                  = "Credit"
	LineItemRefund                  = "Refund"
	LineItemTax                     = "Tax"
)

// Record is one metered fact, as a view: its byte slices are valid until the
// reader moves on, so a record is interned into a batch at once and never kept.
type Record struct {
	RecordID, Source                        []byte
	UsageAccountID, ServiceCode, UsageType  []byte
	Operation, RegionCode, AvailabilityZone []byte
	ResourceID, Unit                        []byte
	UsageStart, UsageEnd                    int64 // nanoseconds since 1970-01-01T00:00:00Z; end exclusive
	UsageAmount                             money.Usage
	Tags                                    []byte // canonical form, see EncodeTags
	Priced                                  bool   // Cost and Currency were given: priced elsewhere, passes through
	Cost                                    money.Cost
	Currency, LineItemType                  []byte
	Commitment                              []byte // reservation or savings plan that covers it, as the source says
	File                                    uint32 // index of the file within the delivery
	Line                                    int64  // 1-based line or row within the file
}
