package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

func someRecord() schema.Record {
	return schema.Record{RecordID: []byte("id"), Source: []byte("meter"), UsageAccountID: []byte("111122223333"), ServiceCode: []byte("compute"),
		UsageType: []byte("vm.small"), Operation: []byte("Run"), RegionCode: []byte("kr-1"), ResourceID: []byte("vm-1"), LineItemType: lineItemUsage,
		UsageAmount: money.UsageFromInt(1)}
}

// TestArrange follows any permutation, also one of one long cycle.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 2, 100} {
		for range 20 {
			list, order := make([]identity, n), make([]uint32, n)
			for i, from := range rng.Perm(n) {
				list[i].row, order[i] = uint32(i), uint32(from)
			}
			want := slices.Clone(order)
			arrange(list, order)
			for i := range list {
				if list[i].row != want[i] {
					t.Fatalf("place %d of %d has %d, want %d", i, n, list[i].row, want[i])
				}
			}
		}
	}
}

// TestIdentities are those that HashID gives, sorted, also when their
// dictionaries grow, and change, under the same desk.
func TestIdentities(t *testing.T) {
	c := &chunk{desk: &desk{}}
	dims, sources := batch.NewDims(), batch.NewTable[string]()
	contents := map[string]idHash{}
	for round := range 6 {
		if round == 4 {
			dims, sources = batch.NewDims(), batch.NewTable[string]()
		}
		u := batch.NewUsage()
		u.Reset(dims, sources)
		for i := range 300 {
			rec := someRecord()
			rec.RecordID = fmt.Appendf(nil, "id-%d-%d", round%2, i)
			rec.ResourceID, rec.Operation = fmt.Appendf(nil, "r-%d", i%(10+round)), fmt.Appendf(nil, "o-%d", i%3)
			rec.UsageStart = int64(i)
			u.Append(&rec)
		}
		u.Freeze()
		c.usage = u
		c.identities()
		for i, id := range c.ids {
			rec := u.Record(int(id.row))
			if id.id != HashID(rec.Source, rec.RecordID) {
				t.Fatalf("identity of %s is not that of HashID", rec.RecordID)
			}
			if i > 0 && c.ids[i-1].compare(id) >= 0 {
				t.Fatalf("identities %d and %d fall", i-1, i)
			}
			key := fmt.Sprintf("%s %s %d", rec.ResourceID, rec.Operation, rec.UsageStart)
			if known, ok := contents[key]; ok && known != id.content {
				t.Fatalf("content of %s changed with the dictionaries", key)
			}
			contents[key] = id.content
		}
	}
	seen := map[idHash]string{}
	for key, content := range contents {
		if other, ok := seen[content]; ok {
			t.Fatalf("%s and %s have one content", key, other)
		}
		seen[content] = key
	}
}

// runsOf makes runs of random entries, as the bodies of objects.
func runsOf(runs, entries int) [][]byte {
	rng := rand.New(rand.NewPCG(9, 9))
	bodies := make([][]byte, runs)
	for r := range bodies {
		list := make([][]byte, entries)
		for i := range list {
			list[i] = make([]byte, idBytes)
			for at := 0; at < idBytes; at += 8 {
				binary.LittleEndian.PutUint64(list[i][at:], rng.Uint64())
			}
		}
		slices.SortFunc(list, bytes.Compare)
		bodies[r] = bytes.Join(list, nil)
	}
	return bodies
}

func opened(bodies [][]byte) (runs []idRun) {
	for _, body := range bodies {
		runs = append(runs, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil })
	}
	return runs
}

func TestMergeOfRuns(t *testing.T) {
	for _, n := range []int{1, 2, 7} {
		bodies := runsOf(n, 100)
		m := newMemory()
		d := &Delivery{Store: m, TempDir: t.TempDir()}
		name, err := d.mergeRuns(context.Background(), opened(bodies))
		if err != nil {
			t.Fatal(err)
		}
		var want [][]byte
		for _, body := range bodies {
			want = slices.AppendSeq(want, slices.Chunk(body, idBytes))
		}
		slices.SortFunc(want, bytes.Compare)
		if got := m.objects[store.UsageIDs(name)]; !bytes.Equal(got, bytes.Join(want, nil)) {
			t.Errorf("%d runs: merged to other bytes", n)
		}
	}
	d := &Delivery{Store: newMemory(), TempDir: t.TempDir()}
	if _, err := d.mergeRuns(context.Background(), opened([][]byte{nil})); err == nil {
		t.Error("an empty run is merged")
	}
	if _, err := d.mergeRuns(context.Background(), opened([][]byte{make([]byte, idBytes+1)})); err == nil {
		t.Error("a run that breaks off is merged")
	}
}

// TestPartsOfARun cuts a run and puts the parts together again.
func TestPartsOfARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	for _, entries := range []int{0, 1, 3, 1000} {
		body := runsOf(1, entries)[0]
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 3, 4} {
			parts, err := partsOf(path, n)
			if err != nil || len(parts) != n {
				t.Fatalf("%d parts: %v", len(parts), err)
			}
			var all []byte
			for i, part := range parts {
				if part == nil {
					continue
				}
				r, err := part()
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				r.Close()
				if err != nil || len(data) == 0 {
					t.Fatalf("part %d of %d: %d bytes, %v", i, n, len(data), err)
				}
				for at := 0; at < len(data); at += idBytes {
					prefix := binary.BigEndian.Uint64(data[at:])
					if step := math.MaxUint64 / uint64(n); prefix < step*uint64(i) || i+1 < n && prefix >= step*uint64(i+1) {
						t.Errorf("an id with prefix %x is in part %d of %d", prefix, i, n)
					}
				}
				all = append(all, data...)
			}
			if !bytes.Equal(all, body) {
				t.Errorf("%d entries in %d parts are others", entries, n)
			}
		}
	}
}

func BenchmarkMergeRuns(b *testing.B) {
	for _, n := range []int{2, 16, 128} {
		const entries = 1 << 17
		runs := opened(runsOf(n, entries/n))
		b.Run(fmt.Sprintf("runs=%d", n), func(b *testing.B) {
			for b.Loop() {
				h, err := openRuns(runs, fresh, 1<<16)
				if err == nil {
					err = h.mergeInto(context.Background(), io.Discard)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/record")
		})
	}
}

func BenchmarkIdentities(b *testing.B) {
	c := &chunk{desk: &desk{}, usage: batch.NewUsage()}
	for i := range 1 << 17 {
		rec := someRecord()
		rec.RecordID, rec.ResourceID = fmt.Appendf(nil, "2026-10-01-%012d", i), fmt.Appendf(nil, "vm-%d", i%40_000)
		rec.UsageStart = int64(i)
		c.usage.Append(&rec)
	}
	for b.Loop() {
		c.identities()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.usage.Len()), "ns/record")
}
