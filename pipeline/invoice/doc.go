// Package invoice makes the numbered document out of a closed bill, and writes
// and reads it as CSV and JSON.
//
// It owns the rounding of a bill: every service is printed in whole minor
// units, the total is rounded once from the exact sum, and what lies between
// them is a line of its own. It owns the identities that tie an invoice to its
// bill and proves them again whenever an invoice is read.
//
// It does not own the sums of a bill, the series that hands out numbers, the
// places documents are stored in, nor their drawing as PDF.
package invoice
