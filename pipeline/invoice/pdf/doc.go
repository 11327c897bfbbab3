// Package pdf draws an invoice as PDF.
//
// It owns the layout, the embedded fonts and the choice of a font for every
// character. Equal invoices give equal bytes: the creation date is the invoice
// date, and nothing is taken from the machine.
//
// It does not own any figure. Amounts are printed as the invoice holds them,
// with separators put between the digits; nothing is added, rounded or
// checked here.
//
// Latin, Greek, Cyrillic, Korean, Japanese and Chinese text can be drawn.
// Scripts that are written from right to left or need their letters joined are
// refused, as is any character no font has. Characters that do not show, such
// as control characters and those that turn the direction of text, are drawn
// as their code, <U+202E>.
package pdf
