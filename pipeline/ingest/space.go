package ingest

import "runtime"

// defaultMemory is what a Delivery may use unless it says otherwise.
const defaultMemory = 1 << 30

// What the memory of a delivery goes to: most of it to chunks, a sixth to the
// filter of ids at most, the rest to reading, encoding and the collector.
const (
	chunkShare  = 0.6
	filterShare = 1.0 / 6
)

// rowBytes is what a row of a chunk takes: columns, hashes, and the memory that
// sorting them takes.
const rowBytes = 256

// minBatchRows bounds how far a small memory shrinks the batches.
const minBatchRows = 1 << 10

// space is what a delivery may use.
type space struct {
	workers int
	rows    int   // of a batch
	chunks  int   // that are under way beside the one that is filled
	filter  int64 // bytes
}

func (d *Delivery) memory() int64 {
	if d.Memory <= 0 {
		return defaultMemory
	}
	return d.Memory
}

// space follows from the memory and the workers. The rows of a batch do not
// depend on the workers: files are cut alike on every host of equal memory.
func (d *Delivery) space() space {
	memory, workers := d.memory(), d.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	s := space{workers: workers, rows: BatchRows, filter: int64(float64(memory) * filterShare)}
	room := int64(float64(memory) * chunkShare)
	for s.rows > minBatchRows && 2*int64(s.rows)*rowBytes > room {
		s.rows /= 2
	}
	s.chunks = max(1, int(min(int64(workers), room/(int64(s.rows)*rowBytes)-1)))
	return s
}
