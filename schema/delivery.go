package schema

import "fmt"

// LeftOut counts rows of a CUR that are not usage and were not taken, by line
// item type.
type LeftOut map[string]int64

// DeliveredFile is one delivered file. Read = Accepted + Duplicate + Rejected.
type DeliveredFile struct {
	Name      string `json:"name"`
	SHA256    string `json:"sha256"` // of the bytes as delivered
	Bytes     int64  `json:"bytes"`
	Format    string `json:"format"`
	Read      int64  `json:"read"`
	Accepted  int64  `json:"accepted"`
	Duplicate int64  `json:"duplicate"`
	Rejected  int64  `json:"rejected"`
}

// UsageBatch is an object of accepted usage.
type UsageBatch struct {
	SHA256 string `json:"sha256"`
	// Generation is how often garbage had been collected when it was written.
	Generation int64 `json:"generation,omitzero"`
	Bytes      int64 `json:"bytes"`
	Rows       int64 `json:"rows"`
	FirstHour  Hour  `json:"first_hour"`
	LastHour   Hour  `json:"last_hour"`
}

// Name is the name of the batch's object.
func (b UsageBatch) Name() string { return ObjectName(b.SHA256, b.Generation) }

// ObjectName names an object by its content and by how often garbage had been
// collected when it was written, so that the name of a collected object is never
// used again.
func ObjectName(sha256 string, generation int64) string {
	if generation == 0 {
		return sha256
	}
	return fmt.Sprintf("%s-%d", sha256, generation)
}

// Reject is a row or, with Line 0, a whole file that was not accepted. It
// blocks the close until it is made good or waived.
type Reject struct {
	ID       string  `json:"id"` // 12 hex digits
	Problem  Problem `json:"problem"`
	IDHash   string  `json:"id_hash,omitempty"` // of (source, record_id), where readable
	Account  string  `json:"account,omitempty"`
	Start    int64   `json:"start,omitzero"` // nanoseconds since 1970; 0 where not readable
	Conflict bool    `json:"conflict,omitzero"`
}
