package rate

import (
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// spot is what costs are summed by: who, for what, and in which segment.
type spot struct {
	account, service string
	segment          int
}

// ledger holds unblended sums, without taxes. A spot without cost stands in it,
// too, if it had a row.
type ledger map[spot]money.Cost

func (l ledger) add(at spot, cost money.Cost) error {
	sum, err := money.Add(l[at], cost)
	if err != nil {
		return fmt.Errorf("cost of account %s, service %s: %w", at.account, at.service, err)
	}
	l[at] = sum
	return nil
}

func (l ledger) addItems(items []Item, s *segments) error {
	for i := range items {
		it := &items[i]
		if it.Tail.LineItemType == schema.LineItemTax {
			continue
		}
		if err := l.add(spot{it.Head.Account, it.Head.Service, s.of(it.Hour)}, it.Unblended); err != nil {
			return err
		}
	}
	return nil
}

// holder is a spot over all segments.
type holder struct{ account, service string }

func compareHolders(a, b holder) int {
	if c := strings.Compare(a.account, b.account); c != 0 {
		return c
	}
	return strings.Compare(a.service, b.service)
}

// codeSums are sums by the codes of one set of tables: what is summed row by row
// costs no look at a text.
type codeSums struct {
	dims  *batch.Dims
	terms *batch.Table[batch.Terms]

	tails   []tailSum // by tail code
	applied []appliedTerms
	spots   []money.Cost // by head code and segment
	seen    []bool

	discounts map[discountCode][]money.Cost // one sum per discount of the terms
	covered   map[coverCode]*cover
	last      discountCode
	lastSums  []money.Cost
}

type tailSum struct {
	tax   bool
	place uint32 // code of region, zone and unit
}

// appliedTerms are decoded terms.
type appliedTerms struct {
	known     bool
	discounts []batch.Discount
	plan      bool
}

type discountCode struct{ head, place, term uint32 }

type coverCode struct {
	discountCode
	hour schema.Hour
}

// place is where a commitment's or a discount's row stands.
type place struct{ region, zone, unit string }

// cover is what a savings plan covers in one hour and place.
type cover struct {
	amount                        money.Usage
	unblended, blended, effective money.Cost
}

func (c *cover) add(o cover) error {
	var err error
	if c.amount, err = money.Add(c.amount, o.amount); err != nil {
		return err
	}
	for _, s := range []struct{ sum, more *money.Cost }{{&c.unblended, &o.unblended}, {&c.blended, &o.blended}, {&c.effective, &o.effective}} {
		if *s.sum, err = money.Add(*s.sum, *s.more); err != nil {
			return err
		}
	}
	return nil
}

func newCodeSums(c *batch.Charges) *codeSums {
	return &codeSums{dims: c.Dims, terms: c.Terms, discounts: map[discountCode][]money.Cost{}, covered: map[coverCode]*cover{}}
}

// add sums the rows of a batch.
func (m *Month) add(c *batch.Charges) error {
	s := m.codes
	s.stretch(len(m.segments.starts), m.places)
	count := len(m.segments.starts)
	for i, head := range c.Head {
		if s.tails[c.Tail[i]].tax {
			continue
		}
		at := int(head)*count + m.segments.of(c.Hour[i])
		sum, err := money.Add(s.spots[at], c.Unblended[i])
		if err != nil {
			return s.locate(head, err)
		}
		s.spots[at], s.seen[at] = sum, true
		if c.Term[i] == 0 {
			continue
		}
		if err := s.addTerms(c, i); err != nil {
			return s.locate(head, err)
		}
	}
	return nil
}

func (s *codeSums) locate(head uint32, err error) error {
	h := s.dims.Heads.Value(head)
	return fmt.Errorf("sums of account %s, service %s: %w", h.Account, h.Service, err)
}

// stretch makes room for codes that the tables have got since.
func (s *codeSums) stretch(segments int, places *batch.Table[place]) {
	for _, t := range s.dims.Tails.Values()[len(s.tails):] {
		s.tails = append(s.tails, tailSum{t.LineItemType == schema.LineItemTax, places.Code(place{t.Region, t.Zone, t.Unit})})
	}
	if n := s.dims.Heads.Len()*segments - len(s.spots); n > 0 {
		s.spots = append(s.spots, make([]money.Cost, n)...)
		s.seen = append(s.seen, make([]bool, n)...)
	}
	if n := s.terms.Len() - len(s.applied); n > 0 {
		s.applied = append(s.applied, make([]appliedTerms, n)...)
	}
}

func (s *codeSums) addTerms(c *batch.Charges, i int) error {
	t := &s.applied[c.Term[i]]
	if !t.known {
		value := s.terms.Value(c.Term[i])
		list, err := batch.DecodeDiscounts(value.Discounts)
		if err != nil {
			return err
		}
		*t = appliedTerms{known: true, discounts: list, plan: value.Commitment.Kind == batch.SavingsPlan}
	}
	key := discountCode{c.Head[i], s.tails[c.Tail[i]].place, c.Term[i]}
	if t.plan {
		return s.addCovered(coverCode{key, c.Hour[i]}, cover{c.Amount[i], c.Unblended[i], c.Blended[i], c.Effective[i]})
	}
	if len(t.discounts) == 0 {
		return nil
	}
	return s.addDiscounts(key, t.discounts, c.Unblended[i], c.Amount[i])
}

func (s *codeSums) addCovered(key coverCode, more cover) error {
	sum := s.covered[key]
	if sum == nil {
		sum = &cover{}
		s.covered[key] = sum
	}
	return sum.add(more)
}

func (s *codeSums) addDiscounts(key discountCode, list []batch.Discount, unblended money.Cost, amount money.Usage) error {
	off, err := batch.DiscountAmounts(list, unblended, amount)
	if err != nil {
		return err
	}
	if s.lastSums == nil || key != s.last {
		if s.lastSums = s.discounts[key]; s.lastSums == nil {
			s.lastSums = make([]money.Cost, len(list))
			s.discounts[key] = s.lastSums
		}
		s.last = key
	}
	for n := range off {
		if s.lastSums[n], err = money.Add(s.lastSums[n], off[n]); err != nil {
			return fmt.Errorf("discount %s: %w", list[n].ID, err)
		}
	}
	return nil
}

// fold moves the sums by code into those by value.
func (m *Month) fold() error {
	s := m.codes
	if s == nil {
		return nil
	}
	m.codes = nil
	count := len(m.segments.starts)
	for at, seen := range s.seen {
		if !seen {
			continue
		}
		h := s.dims.Heads.Value(uint32(at / count))
		if err := m.own.add(spot{h.Account, h.Service, at % count}, s.spots[at]); err != nil {
			return err
		}
	}
	if err := m.foldDiscounts(s); err != nil {
		return err
	}
	return m.foldCovered(s)
}

func (m *Month) foldDiscounts(s *codeSums) error {
	for key, sums := range s.discounts {
		for n, a := range s.applied[key.term].discounts {
			at := discountKey{s.dims.Heads.Value(key.head), m.places.Value(key.place).region, a.ID, a.Type}
			sum, err := money.Add(m.discounts[at], sums[n])
			if err != nil {
				return s.locate(key.head, err)
			}
			m.discounts[at] = sum
		}
	}
	return nil
}

func (m *Month) foldCovered(s *codeSums) error {
	for key, sum := range s.covered {
		at := coverKey{s.terms.Value(key.term).Commitment.ID, s.dims.Heads.Value(key.head), m.places.Value(key.place), key.hour}
		if m.covered[at] == nil {
			m.covered[at] = &cover{}
		}
		if err := m.covered[at].add(*sum); err != nil {
			return s.locate(key.head, err)
		}
	}
	return nil
}
