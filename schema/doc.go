// Package schema holds the nouns of monthend: the usage record, periods,
// organizations, tags and problems. It knows nothing of files, networks, the
// time of day or logging, and imports only schema/money.
package schema
