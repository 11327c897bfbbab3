package column

import (
	"strings"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// normal finds the rows of instance hours, whose usage type ends in a size.
type normal struct {
	loaded   bool
	quarters []int32 // by head code: normalization factor in quarters, 0: none, -1: not yet known
	prices   []unit  // by price code

	rows    []uint32 // ascending
	factors []money.Usage
	amounts []money.Usage
}

// unit is what a unit counts.
type unit uint8

const (
	blankUnit unit = iota
	hourUnit
	otherUnit
)

func hourly(text string) unit {
	switch strings.ToLower(text) {
	case "":
		return blankUnit
	case "hrs", "hours", "hour", "hr", "h":
		return hourUnit
	}
	return otherUnit
}

// normalFactor is the factor of the row's size, normalAmount its usage in units
// of size small.
func normalFactor(v *View, _ *cache) Values {
	v.normal.load(v)
	return v.normal.values(v.normal.factors)
}

func normalAmount(v *View, _ *cache) Values {
	v.normal.load(v)
	return v.normal.values(v.normal.amounts)
}

func (n *normal) values(list []money.Usage) Values {
	if len(list) == 0 {
		return Values{}
	}
	return Values{Shape: Usages, Rows: n.rows, Usages: list}
}

// load finds the rows. Rows of one head, tail and price lie together, so most
// rows are as the one before.
func (n *normal) load(v *View) {
	if n.loaded {
		return
	}
	n.loaded = true
	n.rows, n.factors, n.amounts = n.rows[:0], n.factors[:0], n.amounts[:0]
	r := v.rows
	var quarters int32
	var factor, amount, normalized money.Usage
	for i := range r.Head {
		again := i > 0 && r.Head[i] == r.Head[i-1] && r.Tail[i] == r.Tail[i-1] && r.Price[i] == r.Price[i-1]
		if !again {
			if quarters = n.of(v, i); quarters > 0 {
				factor = fraction(money.UsageFromInt(1), quarters)
			}
		}
		if quarters == 0 {
			continue
		}
		if !again || r.Amount[i] != amount {
			amount = r.Amount[i]
			normalized = fraction(amount, quarters)
		}
		n.rows, n.factors, n.amounts = append(n.rows, uint32(i)), append(n.factors, factor), append(n.amounts, normalized)
	}
}

// fraction returns so many quarters of u, cut to 10 decimals.
func fraction(u money.Usage, quarters int32) money.Usage {
	x, err := money.Fraction(u, int64(quarters), 4)
	if err != nil {
		panic("column: normalized usage: " + err.Error())
	}
	return x
}

// of returns the factor of row i, 0 where it has none. The fee of a reservation
// counts hours whatever its unit says.
func (n *normal) of(v *View, i int) int32 {
	k := v.terms.kinds[v.rows.Tail[i]]
	switch k {
	case usageLine, coveredLine, planCovered:
		if !n.countsHours(v, v.rows.Price[i], v.rows.Tail[i]) {
			return 0
		}
	case feeLine:
	default:
		return 0
	}
	for len(n.quarters) < len(v.tables.Heads) {
		n.quarters = append(n.quarters, -1)
	}
	h := v.rows.Head[i]
	if n.quarters[h] < 0 {
		_, quarters, _ := schema.InstanceSize(v.tables.Heads[h].UsageType)
		n.quarters[h] = int32(quarters)
	}
	return n.quarters[h]
}

// countsHours asks the unit of the price, or where that is blank of the usage.
func (n *normal) countsHours(v *View, price, tail uint32) bool {
	for len(n.prices) < len(v.tables.Prices) {
		n.prices = append(n.prices, hourly(v.tables.Prices[len(n.prices)].Unit))
	}
	if n.prices[price] != blankUnit {
		return n.prices[price] == hourUnit
	}
	return hourly(v.tables.Tails[tail].Unit) == hourUnit
}
