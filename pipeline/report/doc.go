// Package report writes what readers of a bill get: Cost and Usage Reports in
// Parquet and in compressed CSV, their manifest and quality file, and the
// monthly bill as CSV.
//
// It owns file formats, the cutting into chunks, the layout of an export in the
// store, and the proof that a written file holds the charges it was made from:
// every Parquet file is read back by a second library before it is published.
//
// It does not own the meaning of columns (schema/column), amounts (the charges
// are copied, never computed), keys and storage (pipeline/store), nor when an
// export is written.
//
// The same charges and settings give the same bytes, whatever the size of the
// batches and the number of workers.
package report
