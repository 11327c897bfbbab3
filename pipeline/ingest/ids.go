package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// The id index tells for ever which (source, record_id) were accepted, and with
// what content. It is a set of immutable runs; a run is a sorted list of
//
//	id hash 16 | content hash 16
//
// both the leading half of a SHA-256. Hashes that collide by chance are out of
// the question at this length; the index holds no record id in the clear.
const idBytes = 32

type idHash [16]byte

type identity struct {
	id, content idHash
	row         uint32 // row of the chunk it was made from; not stored
}

func (a identity) compare(b identity) int {
	if c := bytes.Compare(a.id[:], b.id[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.row, b.row)
}

// HashID returns the hash under which the index knows a record.
func HashID(source, recordID []byte) [16]byte {
	return hashOf(appendField(appendField(nil, source), recordID))
}

// hashOf is the leading half of a SHA-256.
func hashOf(data []byte) idHash {
	sum := sha256.Sum256(data)
	return idHash(sum[:16])
}

// appendField puts a length in front of a field, so that no two lists of fields
// have the same bytes.
func appendField(dst, field []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(field))), field...)
}

// identities returns the identities of a chunk, sorted by id and row. Content
// is everything that a charge or a report may depend on.
func identities(u *batch.Usage) []identity {
	heads, tails := tupleHashes(u)
	sources := make([][]byte, u.Sources.Len())
	for i, s := range u.Sources.Values() {
		sources[i] = []byte(s)
	}
	ids := make([]identity, u.Len())
	prefixes := make([]uint64, u.Len())
	rows := make([]uint32, u.Len())
	buf := make([]byte, 0, 256)
	for i := range ids {
		buf = appendField(appendField(buf[:0], sources[u.Source[i]]), u.IDs.At(i))
		ids[i] = identity{id: hashOf(buf), row: uint32(i)}
		buf = append(append(buf[:0], heads[u.Head[i]][:]...), tails[u.Tail[i]][:]...)
		buf = append(buf, u.Dims.Resources.Value(u.Resource[i])...)
		for _, n := range [...]uint64{uint64(u.Start[i]), uint64(u.End[i]), u.Amount[i].Lo, uint64(u.Amount[i].Hi),
			u.Cost[i].Lo, uint64(u.Cost[i].Hi)} {
			buf = binary.LittleEndian.AppendUint64(buf, n)
		}
		ids[i].content = hashOf(buf)
		prefixes[i], rows[i] = binary.BigEndian.Uint64(ids[i].id[:]), uint32(i)
	}
	return inOrder(ids, batch.RadixSort(prefixes, rows, 64))
}

// inOrder arranges identities that were sorted by the first half of their ids,
// and puts those that agree in it in order too.
func inOrder(ids []identity, order []uint32) []identity {
	sorted := make([]identity, len(ids))
	for i, row := range order {
		sorted[i] = ids[row]
	}
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && bytes.Equal(sorted[to].id[:8], sorted[from].id[:8]) {
			to++
		}
		if to > from+1 {
			slices.SortFunc(sorted[from:to], identity.compare)
		}
		from = to
	}
	return sorted
}

// tupleHashes hashes each distinct head and tail once.
func tupleHashes(u *batch.Usage) (heads, tails []idHash) {
	for _, h := range u.Dims.Heads.Values() {
		heads = append(heads, hashFields(h.Account, h.Service, h.UsageType, h.Operation))
	}
	for _, t := range u.Dims.Tails.Values() {
		tails = append(tails, hashFields(t.Region, t.Zone, t.Tags, t.LineItemType, fmt.Sprint(t.Priced), t.Currency, t.Commitment, t.Unit))
	}
	return heads, tails
}

func hashFields(fields ...string) idHash {
	var buf []byte
	for _, f := range fields {
		buf = appendField(buf, []byte(f))
	}
	return hashOf(buf)
}

// fate is what the id index says of a row.
type fate uint8

const (
	fresh fate = iota
	duplicate
	conflict // other content than an earlier row of this delivery
	taken    // other content than a record of the log
)

// judge gives every row of a chunk its fate: against earlier rows of the
// chunk, against the runs of earlier chunks, and against those of the log.
func judge(ids []identity, rows int, chunks, log []idRun) ([]fate, error) {
	fates := make([]fate, rows)
	first := 0 // of the rows that share an id; rows are sorted by arrival
	for i := 1; i < len(ids); i++ {
		if ids[i].id != ids[first].id {
			first = i
			continue
		}
		fates[ids[i].row] = compareContent(ids[i], ids[first].content, conflict)
	}
	for _, run := range chunks {
		if err := judgeRun(ids, fates, run, conflict); err != nil {
			return nil, err
		}
	}
	for _, run := range log {
		if err := judgeRun(ids, fates, run, taken); err != nil {
			return nil, err
		}
	}
	return fates, nil
}

func compareContent(a identity, content idHash, different fate) fate {
	if a.content == content {
		return duplicate
	}
	return different
}

// runTries is how often a run is read when its body breaks off.
const runTries = 4

// judgeRun judges the chunk by a stored run; what a walk that broke off had
// judged, the next judges alike.
func judgeRun(ids []identity, fates []fate, open idRun, different fate) error {
	for try := 1; ; try++ {
		err := walkRun(ids, fates, open, different)
		if try == runTries || !errors.Is(err, store.ErrUnsettled) {
			return err
		}
	}
}

// walkRun walks a stored run and the chunk side by side.
func walkRun(ids []identity, fates []fate, open idRun, different fate) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	in := bufio.NewReaderSize(r, 1<<18)
	var entry [idBytes]byte
	for next := 0; next < len(ids); {
		if _, err := io.ReadFull(in, entry[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read run of the id index: %w", err)
		}
		for next < len(ids) && bytes.Compare(ids[next].id[:], entry[:16]) < 0 {
			next++
		}
		for next < len(ids) && bytes.Equal(ids[next].id[:], entry[:16]) {
			fates[ids[next].row] = compareContent(ids[next], idHash(entry[16:]), different)
			next++
		}
	}
	return nil
}

// idRun opens a stored run.
type idRun func() (io.ReadCloser, error)

// storedRun opens a run of the index in the bucket.
func storedRun(ctx context.Context, s store.Store, hash string) idRun {
	return func() (io.ReadCloser, error) {
		r, err := store.OpenWhole(ctx, s, store.UsageIDs(hash))
		if err != nil {
			return nil, fmt.Errorf("run of the id index: %w", err)
		}
		return r, nil
	}
}

// encodeRun renders the fresh identities as a run.
func encodeRun(ids []identity, fates []fate) []byte {
	run := make([]byte, 0, len(ids)*idBytes)
	for _, id := range ids {
		if fates[id.row] == fresh {
			run = append(append(run, id.id[:]...), id.content[:]...)
		}
	}
	return run
}

// resolves lists the rejects that a new run makes good: rows of the same source
// and record id that were faulty before and are accepted now.
func resolves(rejects []schema.Reject, run []byte) []string {
	var ids []string
	for _, r := range rejects {
		hash, err := hex.DecodeString(r.IDHash)
		if err != nil || len(hash) != 16 || r.Conflict {
			continue
		}
		n := len(run) / idBytes
		at := sort.Search(n, func(i int) bool { return bytes.Compare(run[i*idBytes:i*idBytes+16], hash) >= 0 })
		if at < n && bytes.Equal(run[at*idBytes:at*idBytes+16], hash) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
