package ingest

import (
	"context"
	"fmt"
	"reflect"
	"testing"
)

// TestSmallFilesAhead delivers many small files, sound and faulty, of several
// formats, and expects the same outcome and objects whether they are read in
// their turn or ahead.
func TestSmallFilesAhead(t *testing.T) {
	var files []Input
	add := func(name string, data []byte) {
		in := input(data)
		in.Name, in.Size = name, int64(len(data))
		files = append(files, in)
	}
	for i := range 60 {
		rows := []parquetRow{goodParquetRow(), goodParquetRow()}
		rows[0].RecordID, rows[1].RecordID = fmt.Sprintf("a-%d", i), fmt.Sprintf("b-%d", i/2) // b comes twice
		if i%7 == 0 {
			rows[1].Account = "no account"
		}
		data := parquetFileOf(t, rows)
		if i%11 == 0 {
			data = data[:len(data)-3]
		}
		add(fmt.Sprintf("%02d.parquet", i), data)
		if i%5 == 0 {
			add(fmt.Sprintf("%02d.csv", i), []byte(csvFile("record_id", fmt.Sprintf("c-%d", i))))
		}
	}
	deliver := func(workers int) (*Outcome, map[string][]byte) {
		m := newMemory()
		d := &Delivery{Store: m, TempDir: t.TempDir(), Source: Source{Name: "s", RowRejects: true}, Workers: workers}
		out, err := d.Prepare(context.Background(), files, nothingKnown())
		if err != nil {
			t.Fatal(err)
		}
		return out, m.objects
	}
	want, objects := deliver(1)
	if len(want.Refused) == 0 || len(want.Rejects) == 0 || len(want.Files) < 50 {
		t.Fatalf("%d files refused, %d rows rejected, %d files taken: the delivery tests too little", len(want.Refused), len(want.Rejects), len(want.Files))
	}
	for _, workers := range []int{2, 8} {
		got, others := deliver(workers)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: outcome %+v, want %+v", workers, got, want)
		}
		if !reflect.DeepEqual(others, objects) {
			t.Errorf("%d workers: other objects", workers)
		}
	}
}

// TestAheadEnds stops in the middle of a delivery; nothing may go on.
func TestAheadEnds(t *testing.T) {
	data := parquetFileOf(t, []parquetRow{goodParquetRow()})
	var files []hashedInput
	for range 100 {
		in := input(data)
		in.Size = int64(len(data))
		files = append(files, hashedInput{Input: in})
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := newAttempt(&Delivery{Source: Source{Name: "s"}, Workers: 4}, &Outcome{}, nothingKnown())
	ahead := a.startAhead(ctx, files)
	for i := range 3 {
		if read := ahead.take(ctx, i); read == nil || read.group.Len() != 1 {
			t.Fatalf("file %d was not read ahead", i)
		}
	}
	cancel()
	ahead.take(ctx, 99) // must not wait for ever
	ahead.stop()
}
