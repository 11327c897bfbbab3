// Package column is the one table of the columns of a CUR 2.0 report: their
// names, kinds, meaning, null rules, and how each is filled from a batch of
// charges. Writers of Parquet, of CSV and of data dictionaries all read it.
//
// It does not own file formats, nor rating: every amount is copied from the
// charges as it is, exact, or is a sum or difference of such. It reads no clock
// and no file.
//
// Texts of a charge depend on one of its tuples (head, tail, price) or on its
// hour. So a text is made once per distinct tuple and run, and a row carries a
// code; see View and Values.
package column
