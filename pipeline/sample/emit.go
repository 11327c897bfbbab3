package sample

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// row is one usage record on its way into a file.
type row struct {
	id     []byte // record id, valid during the call
	meter  *meter
	hour   schema.Hour
	amount int64 // 10^-10 units
	times  *times
}

// times are the texts of an hour, made once for all its records.
type times struct {
	hour              schema.Hour
	stamp, start      string
	endHour, endOfDay string
	filled            bool
}

func (t *times) set(h schema.Hour) {
	if t.filled && t.hour == h {
		return
	}
	const form = "2006-01-02T15:04:05Z"
	t.hour, t.filled = h, true
	t.stamp, t.start = h.Time().Format("2006010215"), h.Time().Format(form)
	t.endHour, t.endOfDay = (h + 1).Time().Format(form), (h + 24).Time().Format(form)
}

// end returns the end of a record in the form of a file.
func (r *row) end() string {
	if r.meter.hours() == 24 {
		return r.times.endOfDay
	}
	return r.times.endHour
}

// chooser picks exactly want of the next left candidates, each set of them
// equally likely, without knowing them beforehand.
type chooser struct {
	rng        *rand.Rand
	left, want int64
}

func (c *chooser) take() bool {
	if c.want == 0 {
		return false
	}
	hit := c.rng.Int64N(c.left) < c.want
	c.left--
	if hit {
		c.want--
	}
	return hit
}

// again is a record that will be delivered once more.
type again struct {
	meter    int32
	hour     schema.Hour
	conflict bool
}

// emitter writes the usage files, hour by hour and within an hour in the order
// of the meters.
type emitter struct {
	w      *world
	create Create
	prefix string // of all record ids
	row    row
	times  times
	totals totals

	duplicate, conflict, late chooser
	pending                   []again // from the file before
	lateFile                  rowWriter

	files                                 []File
	lateRows, duplicateRows, conflictRows int64
}

func newEmitter(w *world, create Create) *emitter {
	e := &emitter{w: w, create: create, totals: totals{}}
	e.prefix = fmt.Sprintf("%08x-", uint32(mix(w.opt.Seed)^mix(uint64(w.period.Start.Unix()))))
	e.row.times = &e.times
	e.choose()
	return e
}

// choose decides how many records are late, doubled and in conflict. Doubles
// come from all files but the last, because they are delivered in the next one.
func (e *emitter) choose() {
	records := int64(e.w.opt.Records)
	early := records
	if e.w.opt.Files > 1 {
		lo, _ := e.span(e.w.opt.Files - 1)
		early = 0
		for _, n := range e.w.rowsPerH[:lo-e.w.first] {
			early += n
		}
	}
	count := func(share float64, limit int64) int64 {
		return min(limit, int64(math.Round(share*float64(records))))
	}
	source := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(e.w.opt.Seed, stream)) }
	doubles := count(e.w.opt.Duplicates, early)
	conflicts := count(e.w.opt.Conflicts, early-doubles)
	rest := records - doubles - conflicts
	e.duplicate = chooser{source(1), early, doubles}
	e.conflict = chooser{source(2), early - doubles, conflicts}
	e.late = chooser{source(3), rest, count(e.w.opt.Late, rest)}
}

// span returns the hours of a file.
func (e *emitter) span(file int) (lo, end schema.Hour) {
	hours := int(e.w.end - e.w.first)
	at := func(i int) schema.Hour { return e.w.first + schema.Hour(hours*i/e.w.opt.Files) }
	return at(file), at(file + 1)
}

func (e *emitter) run() error {
	if e.late.want == 0 {
		return e.early()
	}
	format := e.w.opt.Formats[0]
	name := fmt.Sprintf("%s/late-%s.%s", LateFolder, e.w.period.Name, format)
	var err error
	if e.lateFile, err = openRows(e.create, name, format); err != nil {
		return err
	}
	err = errors.Join(e.early(), e.lateFile.close())
	e.files = append(e.files, File{name, e.lateRows})
	return err
}

// early writes the files of before the close.
func (e *emitter) early() error {
	for i := range e.w.opt.Files {
		format := e.w.opt.Formats[i%len(e.w.opt.Formats)]
		name := fmt.Sprintf("%s/usage-%s-%03d.%s", UsageFolder, e.w.period.Name, i+1, format)
		out, err := openRows(e.create, name, format)
		if err != nil {
			return err
		}
		rows, err := e.file(out, i)
		if err := errors.Join(err, out.close()); err != nil {
			return err
		}
		e.files = append(e.files, File{name, rows})
	}
	return nil
}

// file writes the records of one file: those of its hours, then what the file
// before it had and is delivered again. It returns how many.
func (e *emitter) file(out rowWriter, i int) (int64, error) {
	before, late, rows := e.pending, e.lateRows, int64(0)
	e.pending = nil
	lo, end := e.span(i)
	for h := lo; h < end; h++ {
		n := e.w.rowsPerH[h-e.w.first]
		if n == 0 {
			continue
		}
		if err := e.hour(out, h); err != nil {
			return 0, err
		}
		rows += n
	}
	if e.w.opt.Files == 1 {
		before = e.pending
	}
	for _, a := range before {
		if err := e.repeat(out, a); err != nil {
			return 0, err
		}
	}
	return rows + int64(len(before)) - (e.lateRows - late), nil
}

func (e *emitter) hour(out rowWriter, h schema.Hour) error {
	for i := range e.w.meters {
		m := &e.w.meters[i]
		if !m.active(h) {
			continue
		}
		e.set(i, h)
		if err := e.totals.add(m.sku.product.unit, e.row.amount); err != nil {
			return err
		}
		to, err := e.deliver(out, i, h)
		if err == nil {
			err = to.write(&e.row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deliver decides where a record goes, and whether it comes again.
func (e *emitter) deliver(out rowWriter, i int, h schema.Hour) (rowWriter, error) {
	switch {
	case e.duplicate.take():
		e.pending = append(e.pending, again{int32(i), h, false})
		e.duplicateRows++
	case e.conflict.take():
		e.pending = append(e.pending, again{int32(i), h, true})
		e.conflictRows++
	case e.late.take():
		e.lateRows++
		return e.lateFile, nil
	}
	return out, nil
}

func (e *emitter) repeat(out rowWriter, a again) error {
	e.set(int(a.meter), a.hour)
	if a.conflict {
		e.row.amount += unit
	}
	return out.write(&e.row)
}

// set fills e.row with the record of a meter and hour.
func (e *emitter) set(i int, h schema.Hour) {
	m := &e.w.meters[i]
	e.times.set(h)
	e.row.meter, e.row.hour, e.row.amount = m, h, m.amount(h)
	// The id is prefix, meter and hour; 36^6 and a leading 1 keep the meters of
	// one width.
	id := append(e.row.id[:0], e.prefix...)
	id = append(strconv.AppendInt(id, 2_176_782_336+int64(i), 36), '-')
	e.row.id = append(id, e.times.stamp...)
}

// totals are exact sums of usage by unit.
type totals map[string]money.Usage

func (t totals) add(name string, amount int64) error {
	sum, err := money.Add(t[name], exact(amount))
	if err != nil {
		return fmt.Errorf("sample: usage in %s: %w", name, err)
	}
	t[name] = sum
	return nil
}

// exact returns an amount in 10^-10 units as usage. Every int64 fits.
func exact(amount int64) money.Usage {
	u, err := money.MulInt(money.Usage(money.Int128FromInt(amount)), 100_000_000)
	if err != nil {
		panic("sample: " + err.Error())
	}
	return u
}

func (t totals) list() []Total {
	var list []Total
	for name, amount := range t {
		list = append(list, Total{name, amount})
	}
	slices.SortFunc(list, func(a, b Total) int { return strings.Compare(a.Unit, b.Unit) })
	return list
}
