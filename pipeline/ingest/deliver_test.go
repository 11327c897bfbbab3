package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/monthend/monthend/pipeline/spool"
	"github.com/monthend/monthend/pipeline/store"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
)

// memory is a store in memory that counts what is read of each object.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	read    map[string]int64
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}, read: map[string]int64{}} }

func (m *memory) Name() string { return "memory" }

func (m *memory) Create(ctx context.Context, key string, body store.Body) error {
	r, err := body.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		return store.ErrExists
	}
	m.objects[key] = data
	return nil
}

func (m *memory) Replace(ctx context.Context, key string, body store.Body) error {
	return errors.New("not used")
}

func (m *memory) Open(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, store.Info{}, store.ErrNotFound
	}
	return io.NopCloser(&counted{Reader: bytes.NewReader(data), m: m, key: key}), store.Info{Key: key, Size: int64(len(data))}, nil
}

func (m *memory) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	return errors.New("not used")
}

func (m *memory) Delete(ctx context.Context, key string) error { return errors.New("not used") }

type counted struct {
	*bytes.Reader
	m   *memory
	key string
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.m.mu.Lock()
	c.m.read[c.key] += int64(n)
	c.m.mu.Unlock()
	return n, err
}

// WriteTo must not go past the count.
func (c *counted) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c})
}

func nothingKnown(runs ...string) Known {
	no := func(string) bool { return false }
	return Known{Accepted: no, Settled: no, Runs: runs}
}

// delivered is a record of a test: its content is id, amount and line.
type delivered struct{ id, amount int }

func deliveryOf(files [][]delivered) []Input {
	var inputs []Input
	for i, rows := range files {
		var b strings.Builder
		b.WriteString("record_id,usage_account_id,service_code,usage_type,resource_id,usage_start,usage_end,usage_amount\n")
		for _, r := range rows {
			fmt.Fprintf(&b, "id-%d,11112222333%d,compute,vm.%d,vm-%d,2026-10-%02dT%02d:00:00Z,2026-11-01T00:00:00Z,%d\n",
				r.id, r.id%3, r.id%7, r.id%97, 1+r.id%28, r.id%24, r.amount)
		}
		in := input([]byte(b.String()))
		in.Name = fmt.Sprintf("%03d.csv", i)
		inputs = append(inputs, in)
	}
	return inputs
}

// someDelivery has ids that come again, with the same content or another, in
// the same chunk, in a later one and in a later file.
func someDelivery(rng *rand.Rand, files, rows, ids int) [][]delivered {
	delivery := make([][]delivered, files)
	for f := range delivery {
		for range rows {
			r := delivered{id: rng.IntN(ids), amount: 1}
			if rng.IntN(20) == 0 {
				r.amount = 2
			}
			delivery[f] = append(delivery[f], r)
		}
	}
	return delivery
}

// judged is what a delivery should come to: row by row, against a table of all
// ids that were accepted before.
func judged(known map[int]int, delivery [][]delivered) (files []schema.DeliveredFile, accepted []delivered) {
	for _, rows := range delivery {
		f := schema.DeliveredFile{Read: int64(len(rows))}
		for _, r := range rows {
			amount, ok := known[r.id]
			switch {
			case !ok:
				known[r.id] = r.amount
				accepted = append(accepted, r)
				f.Accepted++
			case amount == r.amount:
				f.Duplicate++
			default:
				f.Rejected++
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(accepted, func(a, b delivered) int { return a.id - b.id })
	return files, accepted
}

func rowsOf(t *testing.T, m *memory, batches []schema.UsageBatch) (rows []delivered) {
	t.Helper()
	for _, b := range batches {
		n := int64(0)
		data := m.objects[store.UsageBatch(schema.ObjectName(b.SHA256, b.Generation))]
		err := spool.ReadUsage(context.Background(), bytes.NewReader(data), batch.NewDims(), true, func(u *batch.Usage) error {
			for i := range u.Len() {
				var r delivered
				if _, err := fmt.Sscanf(string(u.IDs.At(i)), "id-%d", &r.id); err != nil {
					return err
				}
				if _, err := fmt.Sscan(u.Amount[i].String(), &r.amount); err != nil {
					return err
				}
				rows = append(rows, r)
			}
			n += int64(u.Len())
			return nil
		})
		if err != nil || n != b.Rows {
			t.Fatalf("batch of %d rows has %d: %v", b.Rows, n, err)
		}
	}
	slices.SortFunc(rows, func(a, b delivered) int { return a.id - b.id })
	return rows
}

// TestDeliveriesAreJudgedRowByRow takes in two deliveries of many chunks and
// compares them with a table of ids. The least memory leaves the filter so small
// that nearly every row is doubtful.
func TestDeliveriesAreJudgedRowByRow(t *testing.T) {
	for _, memory := range []int64{1 << 20, 64 << 10, 2 << 10} {
		for seed := range uint64(3) {
			rng := rand.New(rand.NewPCG(seed, 7))
			m := newMemory()
			d := &Delivery{Store: m, TempDir: t.TempDir(), Source: Source{Name: "s", RowRejects: true}, Memory: memory, Workers: 2}
			known := map[int]int{}
			var runs []string
			for range 2 {
				delivery := someDelivery(rng, 1+rng.IntN(5), 1+rng.IntN(3000), 1+rng.IntN(12000))
				files, accepted := judged(known, delivery)
				out, err := d.Prepare(context.Background(), deliveryOf(delivery), nothingKnown(runs...))
				if err != nil {
					t.Fatal(err)
				}
				for i, f := range out.Files {
					if f.Accepted != files[i].Accepted || f.Duplicate != files[i].Duplicate || f.Rejected != files[i].Rejected || f.Read != files[i].Read {
						t.Errorf("memory %d, seed %d: file %d is %+v, want %+v", memory, seed, i, f, files[i])
					}
				}
				if got := rowsOf(t, m, out.Batches); !slices.Equal(got, accepted) {
					t.Errorf("memory %d, seed %d: %d rows accepted, want %d", memory, seed, len(got), len(accepted))
				}
				runs = append(runs, out.IDs...)
			}
			if left, _ := os.ReadDir(d.TempDir); len(left) > 0 {
				t.Errorf("%d temporary files are left", len(left))
			}
		}
	}
}

// TestWorkersGiveTheSameBytes compares outcome and objects of one delivery.
func TestWorkersGiveTheSameBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	delivery := deliveryOf(someDelivery(rng, 4, 5000, 15000))
	var first *Outcome
	var objects map[string][]byte
	for _, workers := range []int{1, 2, 8} {
		m := newMemory()
		d := &Delivery{Store: m, TempDir: t.TempDir(), Source: Source{Name: "s", RowRejects: true}, Memory: 4 << 20, Workers: workers}
		out, err := d.Prepare(context.Background(), delivery, nothingKnown())
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, objects = out, m.objects
		}
		if !reflect.DeepEqual(out, first) {
			t.Errorf("%d workers: another outcome than one", workers)
		}
		if !reflect.DeepEqual(m.objects, objects) {
			t.Errorf("%d workers: other objects than one", workers)
		}
	}
	if len(first.Batches) < 5 || len(first.Rejects) == 0 {
		t.Errorf("%d batches, %d rejects: too few to tell", len(first.Batches), len(first.Rejects))
	}
}

// TestIndexIsReadTwice counts what is read of the id index: as much for a
// delivery of one chunk as for one of many, and at most twice the whole.
func TestIndexIsReadTwice(t *testing.T) {
	m := newMemory()
	d := &Delivery{Store: m, TempDir: t.TempDir(), Source: Source{Name: "s", RowRejects: true}, Memory: 1 << 20}
	rng := rand.New(rand.NewPCG(3, 4))
	old := someDelivery(rng, 1, 20000, 1<<40)
	before, err := d.Prepare(context.Background(), deliveryOf(old), nothingKnown())
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{500, 20000} {
		again := someDelivery(rng, 1, rows, 1<<40)
		copy(again[0][rows/2:], old[0]) // a part of it is known
		m.read = map[string]int64{}
		if _, err := d.Prepare(context.Background(), deliveryOf(again), nothingKnown(before.IDs...)); err != nil {
			t.Fatal(err)
		}
		for _, name := range before.IDs {
			key := store.UsageIDs(name)
			if read, size := m.read[key], int64(len(m.objects[key])); read > 2*size || read == 0 {
				t.Errorf("%d rows: %d bytes read of a run of %d", rows, read, size)
			}
		}
	}
}

func TestDeliveryIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m := newMemory()
	d := &Delivery{Store: m, TempDir: t.TempDir(), Source: Source{Name: "s"}, Memory: 1 << 20, Workers: 4}
	rows := make([]delivered, 70_000)
	for i := range rows {
		rows[i] = delivered{i, 1}
	}
	d.Progress = func(string, int64) { cancel() }
	_, err := d.Prepare(ctx, deliveryOf([][]delivered{rows[:1000], rows}), nothingKnown())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want that it was cancelled", err)
	}
	if left, _ := os.ReadDir(d.TempDir); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

func BenchmarkDelivery(b *testing.B) {
	for _, chunks := range []int{8, 64, 512} {
		b.Run(fmt.Sprintf("chunks=%d", chunks), func(b *testing.B) {
			rows := make([]delivered, chunks<<10)
			for i := range rows {
				rows[i] = delivered{i - i%100/99, 1} // 1 % come twice
			}
			files := deliveryOf([][]delivered{rows})
			for b.Loop() {
				d := &Delivery{Store: newMemory(), TempDir: b.TempDir(), Source: Source{Name: "s", RowRejects: true}, Memory: 1 << 20, Workers: 2}
				if _, err := d.Prepare(context.Background(), files, nothingKnown()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/record")
		})
	}
}
