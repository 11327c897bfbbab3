package rollup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// A row of a spill file of charges, little-endian:
//
//	head 4 | resource 4 | hour 4 | tail 4 | price 4 | zero 4 | amount 16 | list 16 | unblended 16 | blended 16
const chargeBytes = 88

// chargeRows is how many charges Merge hands over at a time.
const chargeRows = 1 << 16

// ChargeSpill is a file of sorted runs of charges, written once and then merged.
// It holds charges under no terms: those of a month without month-wide offers.
type ChargeSpill struct {
	file  io.Writer
	runs  []run
	bytes []byte
	rows  int64
	start int64
}

// NewChargeSpill writes runs to a file.
func NewChargeSpill(file io.Writer) *ChargeSpill { return &ChargeSpill{file: file} }

var errTerms = errors.New("a charge under a commitment or discount stands in a segment of a month that has none; its object was changed")

// Append adds charges to the current run. Those of a run must come in the
// canonical order, by value.
func (s *ChargeSpill) Append(c *batch.Charges) error {
	b := s.bytes[:0]
	for i := range c.Len() {
		if c.Term[i] != 0 {
			return errTerms
		}
		for _, code := range [6]uint32{c.Head[i], c.Resource[i], uint32(c.Hour[i]), c.Tail[i], c.Price[i], 0} {
			b = binary.LittleEndian.AppendUint32(b, code)
		}
		for _, v := range [4]money.Int128{c.Amount[i].Int128(), c.List[i].Int128(), c.Unblended[i].Int128(), c.Blended[i].Int128()} {
			b = binary.LittleEndian.AppendUint64(b, v.Lo)
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Hi))
		}
	}
	s.bytes = b
	s.rows += int64(c.Len())
	if _, err := s.file.Write(b); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	return nil
}

// EndRun closes the current run; an empty one leaves no trace.
func (s *ChargeSpill) EndRun() {
	if s.rows > s.start {
		s.runs = append(s.runs, run{s.start, s.rows})
		s.start = s.rows
	}
}

// Merge reads the runs back, ranks their codes, and hands the charges to emit in
// the canonical order, in a batch that is emptied after each call. Charges of one
// line keep their order.
func (s *ChargeSpill) Merge(file io.ReaderAt, ranking batch.Ranking, out *batch.Charges, emit func(*batch.Charges) error) error {
	tournament, err := newTournament(file, chargeBytes, s.runs, &ranking)
	if err != nil || tournament == nil {
		return err
	}
	for c := tournament.winner(); c != nil; c = tournament.winner() {
		if out.Len() == chargeRows {
			if err := emit(out); err != nil {
				return err
			}
			out.Reset()
		}
		out.Append(batch.Row{Key: c.key, Price: binary.LittleEndian.Uint32(c.buffer[c.at+16:]), Amount: money.Usage(c.word(24)),
			List: money.Cost(c.word(40)), Unblended: money.Cost(c.word(56)), Blended: money.Cost(c.word(72))})
		if err := tournament.replay(); err != nil {
			return err
		}
	}
	defer out.Reset()
	return emit(out)
}
