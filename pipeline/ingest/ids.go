package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strconv"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
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
func appendField[T []byte | string](dst []byte, field T) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(field))), field...)
}

// identities fills the identities of a chunk, sorted by id and row. Content is
// everything that a charge or a report may depend on: what rows of one line and
// tag set share is hashed once, and the rest fits into one block of SHA-256.
func (c *chunk) identities() {
	u := c.usage
	c.hashes.extend(u)
	c.ids = slices.Grow(c.ids[:0], u.Len())
	buf := make([]byte, 0, 256)
	for i := range u.Len() {
		buf = append(buf[:0], c.hashes.sources[u.Source[i]]...)
		buf = appendField(buf, u.IDs.At(i))
		id := hashOf(buf)
		buf = appendContent(buf[:0], c.hashes.line(u, i), u, i)
		c.ids = append(c.ids, identity{id: id, content: hashOf(buf), row: uint32(i)})
	}
	c.sortIdentities()
}

func appendContent(buf []byte, line *idHash, u *batch.Usage, row int) []byte {
	buf = append(buf, line[:]...)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(u.Start[row]))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(u.End[row]))
	buf = binary.LittleEndian.AppendUint64(buf, u.Amount[row].Lo)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(u.Amount[row].Hi))
	if cost := u.Cost[row]; cost != (money.Cost{}) {
		buf = binary.LittleEndian.AppendUint64(buf, cost.Lo)
		buf = binary.LittleEndian.AppendUint64(buf, uint64(cost.Hi))
	}
	return buf
}

// valueHashes keeps the hashes of the values of dictionaries that grow.
type valueHashes struct {
	dims         *batch.Dims
	heads, tails []idHash
	lines        []lineHash // by resource: the head and tail that it had last
	sources      [][]byte   // as a field in front of the record id
}

type lineHash struct {
	head, tail uint32 // 1 + code
	hash       idHash
}

// extend takes in the values that the dictionaries have got since the last time,
// or all of others.
func (h *valueHashes) extend(u *batch.Usage) {
	if h.dims == nil || !u.Dims.Heads.Shares(h.dims.Heads) {
		*h = valueHashes{}
	}
	h.dims = u.Dims
	for _, v := range u.Dims.Heads.Values()[len(h.heads):] {
		h.heads = append(h.heads, hashFields(v.Account, v.Service, v.UsageType, v.Operation))
	}
	for _, v := range u.Dims.Tails.Values()[len(h.tails):] {
		h.tails = append(h.tails, hashFields(v.Region, v.Zone, v.Tags, v.LineItemType, strconv.FormatBool(v.Priced), v.Currency, v.Commitment, v.Unit))
	}
	h.lines = append(h.lines, make([]lineHash, u.Dims.Resources.Len()-len(h.lines))...)
	h.sources = h.sources[:0]
	for _, s := range u.Sources.Values() {
		h.sources = append(h.sources, appendField(nil, s))
	}
}

// line returns the hash of what a line shares, the hour left out. A resource has
// mostly one head and one tail.
func (h *valueHashes) line(u *batch.Usage, row int) *idHash {
	l := &h.lines[u.Resource[row]]
	head, tail := u.Head[row], u.Tail[row]
	if l.head != head+1 || l.tail != tail+1 {
		buf := make([]byte, 0, 256)
		buf = append(append(buf, h.heads[head][:]...), h.tails[tail][:]...)
		*l = lineHash{head + 1, tail + 1, hashOf(append(buf, u.Dims.Resources.Value(u.Resource[row])...))}
	}
	return &l.hash
}

// sortedBits is how many leading bits of the ids are sorted by radix: so many
// that few of a chunk agree in them.
const sortedBits = 22

func (c *chunk) sortIdentities() {
	top := func(i int) uint64 { return c.ids[i].id.prefix() >> (64 - sortedBits) }
	arrange(c.ids, c.sorter.OrderBy(len(c.ids), sortedBits, top))
	for from := 0; from < len(c.ids); {
		to := from + 1
		for to < len(c.ids) && top(to) == top(from) {
			to++
		}
		if to > from+1 {
			slices.SortFunc(c.ids[from:to], identity.compare)
		}
		from = to
	}
}

// arrange puts list[order[i]] at place i, for all i, along the cycles of the
// permutation. Order is used up.
func arrange(list []identity, order []uint32) {
	const done = ^uint32(0)
	for start := range order {
		if order[start] == done {
			continue
		}
		first := list[start]
		at := start
		for {
			from := int(order[at])
			order[at] = done
			if from == start {
				list[at] = first
				break
			}
			list[at] = list[from]
			at = from
		}
	}
}

// prefix returns the leading half, which orders as the hash does.
func (h *idHash) prefix() uint64 { return binary.BigEndian.Uint64(h[:8]) }

func hashFields(fields ...string) idHash {
	buf := make([]byte, 0, 512)
	for _, f := range fields {
		buf = appendField(buf, f)
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
	doubtful // perhaps known: the end of the delivery tells
)

func compareContent(content, first idHash, different fate) fate {
	if content == first {
		return duplicate
	}
	return different
}

// judge gives the rows of a chunk their fates. The first chunk of a delivery is
// compared with every run of the log, which it walks anyway to fill the filter
// when there is more to come. Ids of a later chunk that the filter has never
// seen are fresh; the others are doubtful.
func (c *chunk) judge(f *idFilter, log []idRun) error {
	c.fates = append(c.fates[:0], make([]fate, c.usage.Len())...)
	for from := 0; from < len(c.ids); {
		to := from + 1
		for to < len(c.ids) && c.ids[to].id == c.ids[from].id {
			to++
		}
		c.judgeOne(c.ids[from:to], !c.first && f.has(&c.ids[from].id))
		from = to
	}
	if c.first {
		for _, run := range log {
			if err := c.judgeRun(run, f); err != nil {
				return err
			}
		}
	}
	if !c.last {
		for i := range c.ids {
			if c.fates[c.ids[i].row] == fresh {
				f.add(&c.ids[i].id)
			}
		}
	}
	return nil
}

// judgeOne judges the rows that share an id, sorted by arrival.
func (c *chunk) judgeOne(rows []identity, seen bool) {
	if seen {
		for _, r := range rows {
			c.fates[r.row] = doubtful
		}
		return
	}
	for _, r := range rows[1:] {
		c.fates[r.row] = compareContent(r.content, rows[0].content, conflict)
	}
}

// runTries is how often a run is read when its body breaks off.
const runTries = 4

// judgeRun judges the chunk by a stored run; what a walk that broke off had
// judged, the next judges alike.
func (c *chunk) judgeRun(open idRun, f *idFilter) error {
	for try := 1; ; try++ {
		err := c.walkRun(open, f)
		if try == runTries || !errors.Is(err, store.ErrUnsettled) {
			return err
		}
	}
}

// walkRun walks a stored run and the chunk side by side.
func (c *chunk) walkRun(open idRun, f *idFilter) error {
	r, err := openIDs(open, taken, 1<<18)
	if err != nil {
		return err
	}
	defer r.close()
	for at := 0; at < len(c.ids) || !c.last; {
		if more, err := r.next(); err != nil || !more {
			return err
		}
		if !c.last {
			f.add(r.id())
		}
		for at < len(c.ids) && bytes.Compare(c.ids[at].id[:], r.entry[:16]) < 0 {
			at++
		}
		for at < len(c.ids) && bytes.Equal(c.ids[at].id[:], r.entry[:16]) {
			c.fates[c.ids[at].row] = compareContent(c.ids[at].content, r.content(), taken)
			at++
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

// fileRun opens a run in a temporary file.
func fileRun(path string) idRun { return func() (io.ReadCloser, error) { return os.Open(path) } }

// partsOf cuts a run in a temporary file into parts of the range of ids; a part
// without an id is nil.
func partsOf(path string, parts int) ([]idRun, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	runs := make([]idRun, parts)
	begin := int64(0)
	for part := range runs {
		end := info.Size()
		if part+1 < parts {
			if end, err = placeOf(f, end, math.MaxUint64/uint64(parts)*uint64(part+1)); err != nil {
				return nil, fmt.Errorf("temporary file: %w", err)
			}
		}
		if begin < end {
			runs[part] = sectionRun(path, begin, end)
		}
		begin = end
	}
	return runs, nil
}

// placeOf finds where the ids of a run have reached a prefix.
func placeOf(f io.ReaderAt, size int64, prefix uint64) (place int64, err error) {
	var word [8]byte
	n := sort.Search(int(size/idBytes), func(i int) bool {
		if _, readErr := f.ReadAt(word[:], int64(i)*idBytes); readErr != nil {
			err = readErr
		}
		return binary.BigEndian.Uint64(word[:]) >= prefix
	})
	return int64(n) * idBytes, err
}

// sectionRun opens a part of a run.
func sectionRun(path string, begin, end int64) idRun {
	return func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(f, begin, end-begin), f}, err
	}
}

// writeRun writes the fresh identities as a run and returns their number.
func (c *chunk) writeRun(w io.Writer) (n int, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	for i := range c.ids {
		if c.fates[c.ids[i].row] != fresh {
			continue
		}
		n++
		out.Write(c.ids[i].id[:])
		if _, err := out.Write(c.ids[i].content[:]); err != nil {
			return n, fmt.Errorf("temporary file: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("temporary file: %w", err)
	}
	return n, nil
}
