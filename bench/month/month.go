// Package month makes the month that the bench runs on: a seeded world of
// accounts, SKUs and resources, and one usage record after another. Equal
// shapes give equal bytes. It owns what the data look like and how they are
// written, and measures nothing.
package month

import (
	"fmt"
	"time"
)

// The period that all records lie in, and what is the same in every shape.
const (
	Period = "2026-10"
	Source = "meter"
	Payer  = "100000000000"

	hours        = 31 * 24
	halfHour     = 25 // every so many records one is the second half of the hour before it
	duplicates   = 100
	conflicts    = 1000
	conflictAt   = 501
	maxConflicts = 10_000 // of one delivery, whatever its size
)

// Shape is what a month is made of.
type Shape struct {
	Seed       uint64
	Records    int64 // delivered, duplicates and conflicts among them
	Accounts   int
	Services   int
	SKUs       int
	Resources  int
	Files      int
	Days       bool // a file for each day, instead of so many of one size
	OneAccount bool // one account owns every resource
}

// Even is the shape that the others are compared with.
func Even(records int64) Shape {
	return Shape{Seed: 1, Records: records, Accounts: 500, Services: 20, SKUs: 4000, Resources: 40_000,
		Files: int(max(4, records/1_000_000))}
}

// Named returns the even shape or one of those that might be a cliff.
func Named(name string, records int64) (Shape, error) {
	s := Even(records)
	switch name {
	case "even":
	case "one-account":
		s.OneAccount = true
	case "resources":
		s.Resources = int(records / 2)
	case "files":
		s.Files = int(records / 100)
	case "days":
		s.Days = true
	case "large": // as many records per resource as in ten million of the even shape
		s.Resources = int(max(40_000, records/250))
	default:
		return s, fmt.Errorf("there is no shape %q: even, one-account, resources, files, days, large", name)
	}
	return s, nil
}

// Start is the first instant of the period.
func Start() time.Time { return time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC) }

// mix is a bijection on 64 bits, so that mixed counters are unique and look
// random.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// pick returns a number below n that depends on everything given.
func pick(n int, seed uint64, salt string, i int) int {
	h := mix(seed)
	for _, c := range []byte(salt) {
		h = mix(h ^ uint64(c))
	}
	return int(mix(h^uint64(i)) % uint64(n))
}

// Record is one usage record.
type Record struct {
	ID         string
	Resource   *Resource
	Start, End int64 // milliseconds since 1970
	Micros     int64 // usage amount in millionths
}

// Each makes every record in the order of delivery: hour by hour, and now and
// then an earlier record again, whole or with another amount.
func (w *World) Each(emit func(n int64, r Record) error) error {
	fresh, next := w.Fresh(), int64(0)
	step := w.conflictStep()
	for n := range w.Shape.Records {
		var r Record
		switch {
		case n%duplicates == duplicates-1:
			r = w.record(w.earlier(n, next), fresh)
		case n%step == conflictAt:
			r = w.record(w.earlier(n, next), fresh)
			r.Micros++
		default:
			r = w.record(next, fresh)
			next++
		}
		if err := emit(n, r); err != nil {
			return err
		}
	}
	return nil
}

// Duplicates is how many records are delivered again as they were.
func (w *World) Duplicates() int64 { return w.Shape.Records / duplicates }

// Conflicts is how many records repeat an id with another amount.
func (w *World) Conflicts() int64 {
	step := w.conflictStep()
	return (w.Shape.Records - conflictAt + step - 1) / step
}

// Fresh is how many records are to be accepted.
func (w *World) Fresh() int64 { return w.Shape.Records - w.Duplicates() - w.Conflicts() }

// conflictStep spreads the conflicts; what a delivery may leave in the log is
// bounded, so a large month has fewer.
func (w *World) conflictStep() int64 { return max(conflicts, w.Shape.Records/maxConflicts) }

func (w *World) earlier(n, next int64) int64 {
	return int64(mix(uint64(n)^w.Shape.Seed<<32) % uint64(next))
}

// record makes fresh record i of so many.
func (w *World) record(i, fresh int64) Record {
	hour := i * hours / fresh
	first := (hour*fresh + hours - 1) / hours // first record of the hour
	place := i - first
	half := int64(0)
	if place%halfHour == halfHour-1 {
		place, half = place-1, 1
	}
	r := Record{ID: fmt.Sprintf("rec-%016x", mix(uint64(i)))}
	r.Resource = &w.Resources[(uint64(place)*w.stride+mix(uint64(hour)))%uint64(len(w.Resources))]
	r.Start = Start().UnixMilli() + hour*3_600_000 + half*1_800_000
	r.End = Start().UnixMilli() + (hour+1)*3_600_000
	r.Micros = 1 + int64(mix(uint64(i)^0xabcdef)%10_000_000)
	return r
}
