package store

import (
	"fmt"
	"strings"
)

// Every key of the bucket is spelled in this file; docs/bucket.md draws them.
//
// log/ series/ run/ usage/ hold the truth and are created once, never
// replaced. reports/ bills/ invoices/ are derived copies.

// UsageBatch is accepted usage in canonical Parquet, named by its content and
// generation (see schema.ObjectName).
func UsageBatch(name string) string { return "usage/batch/" + name + ".parquet" }

// UsageIDs is a sorted run of the id index, named like a batch.
func UsageIDs(name string) string { return "usage/ids/" + name }

// UsageRejected is what was not accepted of a delivery, named like a batch.
func UsageRejected(name string) string { return "usage/rejected/" + name + ".jsonl" }

// UsageLog is the log of deliveries, rejects and waivers.
func UsageLog() string { return "log/usage" }

// PeriodLog is the log of one issuer's period.
func PeriodLog(issuer, period string) string { return "log/" + issuer + "/" + period }

// Series is the log of one issuer's document numbers.
func Series(issuer, series string) string { return "series/" + issuer + "/" + series }

// Slot is one record of a log.
func Slot(log string, slot int64) string { return fmt.Sprintf("%s/%020d", log, slot) }

// RunID names a run by the period it belongs to and the hash of everything that
// decides its content, so that who sees a key of a run knows which log may name
// it.
func RunID(issuer, period, hash string) string { return issuer + "." + period + "." + hash[:32] }

// RunOf takes the run-id out of a key below run/, and the log of its period out
// of the run-id. False for a key that no run has.
func RunOf(key string) (run, log string, ok bool) {
	rest, ok := strings.CutPrefix(key, "run/")
	run, _, whole := strings.Cut(rest, "/")
	parts := strings.Split(run, ".")
	if !ok || !whole || len(parts) != 3 {
		return run, "", false
	}
	return run, PeriodLog(parts[0], parts[1]), true
}

// RunInput is an input of a run (price list, offers, organization), pinned
// beside its outputs.
func RunInput(run, name string) string { return "run/" + run + "/inputs/" + name }

// RunCharges is one file of a payer's charges; chunks count from 1.
func RunCharges(run, payer string, chunk int) string {
	return fmt.Sprintf("run/%s/charges/%s/charges-%05d.parquet", run, payer, chunk)
}

// RunSegment is one file of a payer's charges in a run that is kept in segments.
// Part is the day of all its charges as YYYY-MM-DD, or "month" for those whose
// price depends on the month; chunks count from 1.
func RunSegment(run, payer, part string, chunk int) string {
	return fmt.Sprintf("run/%s/charges/%s/%s-%05d.parquet", run, payer, part, chunk)
}

// RunDocument is a bill or invoice document of a run.
func RunDocument(run, payer, name string) string {
	return "run/" + run + "/documents/" + payer + "/" + name
}

// ExportRoot is where the readers of one export look. Owner is the account
// whose data it is: the payer, or a member.
func ExportRoot(owner, payer, export string) string {
	return "reports/" + owner + "/" + payer + "/" + export
}

// ExportData is one chunk of an export in the overwrite layout of CUR 2.0;
// chunks count from 1. Extension is snappy.parquet or csv.gz.
func ExportData(root, export, period string, chunk int, extension string) string {
	return fmt.Sprintf("%s/data/BILLING_PERIOD=%s/%s-%05d.%s", root, period, export, chunk, extension)
}

// IsExportData tells whether a key is a chunk of an export.
func IsExportData(key string) bool {
	return strings.HasPrefix(key, "reports/") && strings.Contains(key, "/data/BILLING_PERIOD=")
}

// ExportManifest is the manifest of one period of an export.
func ExportManifest(root, export, period string) string {
	return fmt.Sprintf("%s/metadata/BILLING_PERIOD=%s/%s-Manifest.json", root, period, export)
}

// ExportQuality is the side file with rows, bytes, hashes and totals.
func ExportQuality(root, export, period string) string {
	return fmt.Sprintf("%s/metadata/BILLING_PERIOD=%s/%s-Quality.json", root, period, export)
}

// BillCSV is the monthly bill that people download. Account is the payer, or a
// member for its own statement.
func BillCSV(account, payer, period string) string {
	return fmt.Sprintf("bills/%s/%s/%s/%s-aws-billing-csv-%s.csv", account, payer, period, account, period)
}

// InvoiceDocument is a published invoice document: <number>.pdf, .csv or .json.
func InvoiceDocument(payer, issuer, period, name string) string {
	return fmt.Sprintf("invoices/%s/%s/%s/%s", payer, issuer, period, name)
}

// JobDone says that a run of a job went well: create-if-absent decides which of
// two that ran at once is the one. What names the job's subject: an instant of
// its schedule, or issuer and period.
func JobDone(job, what string) string { return "jobs/" + job + "/" + what + "/done.json" }

// JobFailed is a run of a job that did not go well; id is made from what went
// wrong, so that the same failure is kept once.
func JobFailed(job, what, id string) string {
	return "jobs/" + job + "/" + what + "/failed-" + id + ".json"
}

// JobAlarm says that an alarm was sent; what names its kind, subject and day.
func JobAlarm(what string) string { return "jobs/alarm/" + what + ".json" }

// StoreID marks the bucket with an identity of its own.
func StoreID() string { return "store-id" }

// IsTruth tells whether a key is written once and never replaced.
func IsTruth(key string) bool {
	for _, prefix := range []string{"log/", "series/", "run/", "usage/", "jobs/", StoreID()} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
