package pipeline

import (
	"github.com/monthend/monthend/pipeline/invoice"
	"github.com/monthend/monthend/schema"
)

// InvoiceNumber spells the n-th number of an issuer's series.
func InvoiceNumber(issuer schema.Issuer, n int64) string {
	return invoice.Number(issuer.InvoicePrefix, issuer.InvoiceDigits, n)
}
