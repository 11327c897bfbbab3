package column

import (
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
)

// filler fills a column from a view.
type filler = func(*View, *cache) Values

// constant is a text that all rows share; blank is null.
func constant(text func(*View) string) filler {
	return func(v *View, c *cache) Values {
		if c.texts == nil {
			c.texts = []string{text(v)}
		}
		if c.texts[0] == "" {
			return Values{}
		}
		return Values{Shape: Texts, Texts: c.texts}
	}
}

// instant is a time that all rows share.
func instant(at func(*View) time.Time) filler {
	return func(v *View, c *cache) Values {
		if c.times == nil {
			c.times = []int64{at(v).UnixMilli()}
		}
		return Values{Shape: Times, Times: c.times}
	}
}

// emptyMap is a map without entries in every row.
func emptyMap(*View, *cache) Values {
	return Values{Shape: Maps, Maps: [][]schema.Tag{nil}}
}

// ofHead is a text that the head of a row decides.
func ofHead(text func(*View, *batch.Head) string) filler {
	return func(v *View, c *cache) Values {
		codes := c.gather(v.rows.Head, len(v.tables.Heads), func(t uint32) uint32 {
			return c.code(text(v, &v.tables.Heads[t]))
		})
		return Values{Shape: Texts, Codes: codes, Texts: c.texts}
	}
}

// ofTail is a text that the tail of a row decides.
func ofTail(text func(*batch.Tail) string) filler {
	return func(v *View, c *cache) Values {
		codes := c.gather(v.rows.Tail, len(v.tables.Tails), func(t uint32) uint32 {
			return c.code(text(&v.tables.Tails[t]))
		})
		return Values{Shape: Texts, Codes: codes, Texts: c.texts}
	}
}

// ofPrice is a text that the price of a row decides.
func ofPrice(text func(*batch.Price) string) filler {
	return func(v *View, c *cache) Values {
		codes := c.gather(v.rows.Price, len(v.tables.Prices), func(t uint32) uint32 {
			return c.code(text(&v.tables.Prices[t]))
		})
		return Values{Shape: Texts, Codes: codes, Texts: c.texts}
	}
}

// ofPriceElseTail is a text of the price, or where that is blank of the tail.
func ofPriceElseTail(first func(*batch.Price) string, second func(*batch.Tail) string) filler {
	price := ofPrice(first)
	return func(v *View, c *cache) Values {
		values := price(v, c)
		c.second = stretch(c.second, len(v.tables.Tails))
		for i, code := range values.Codes {
			if c.texts[code] != "" {
				continue
			}
			t := v.rows.Tail[i]
			if c.second[t] == 0 {
				c.second[t] = 1 + c.code(second(&v.tables.Tails[t]))
			}
			values.Codes[i] = c.second[t] - 1
		}
		values.Texts = c.texts
		return values
	}
}

// rate is a rate of the price as text, null where no rate is known.
func rate(of func(*batch.Price) money.Rate) filler {
	return ofPrice(func(p *batch.Price) string {
		if !p.Rated {
			return ""
		}
		return of(p).Text10()
	})
}

// costs is an amount of money per row.
func costs(of func(*batch.Charges) []money.Cost) filler {
	return func(v *View, _ *cache) Values { return Values{Shape: Costs, Costs: of(v.rows)} }
}

// mapped is a map that is made of a canonical tag text, see schema.EncodeTags.
func mapped(rows func(*batch.Charges) []uint32, tuples func(*Tables) int,
	canonical func(*Tables, uint32) string, make func(string) []schema.Tag) filler {
	return func(v *View, c *cache) Values {
		codes := c.gather(rows(v.rows), tuples(&v.tables), func(t uint32) uint32 {
			code := c.code(canonical(&v.tables, t))
			if int(code) == len(c.maps) {
				c.maps = append(c.maps, make(c.texts[code]))
			}
			return code
		})
		return Values{Shape: Maps, Codes: codes, Maps: c.maps}
	}
}

// resource is the resource id of each row, by the codes of the charges.
func resource(v *View, _ *cache) Values {
	if !v.settings.Resources {
		return Values{}
	}
	return Values{Shape: Texts, Codes: v.rows.Resource, Texts: v.tables.Resources}
}

// usage is the usage amount of each row.
func usage(v *View, _ *cache) Values { return Values{Shape: Usages, Usages: v.rows.Amount} }

// hours gives each distinct hour of the rows a code, and each stretch from an
// hour to the end of the period another, for rows of the month's fees.
type hours struct {
	base  schema.Hour
	known []uint32 // by hour minus base: 1 + code, 0 when new
	list  []stretchOfTime
	codes []uint32 // by row, of hours
	fees  map[schema.Hour]uint32
}

// stretchOfTime is an hour, or what is left of the period from its start on.
type stretchOfTime struct {
	hour schema.Hour
	rest bool
}

// load sets the codes of the rows. Hours of one report lie within few months,
// so a slice over the whole span beats a map.
func (h *hours) load(rows []schema.Hour) {
	if len(rows) == 0 {
		h.codes = h.codes[:0]
		return
	}
	low, high := rows[0], rows[0]
	for _, hour := range rows {
		low, high = min(low, hour), max(high, hour)
	}
	h.span(low, high)
	if cap(h.codes) < len(rows) {
		h.codes = make([]uint32, len(rows))
	}
	h.codes = h.codes[:len(rows)]
	for i, hour := range rows {
		code := h.known[hour-h.base]
		if code == 0 {
			h.list = append(h.list, stretchOfTime{hour: hour})
			code = uint32(len(h.list))
			h.known[hour-h.base] = code
		}
		h.codes[i] = code - 1
	}
}

// span makes known reach from low to high.
func (h *hours) span(low, high schema.Hour) {
	if h.known != nil {
		low = min(low, h.base)
		high = max(high, h.base+schema.Hour(len(h.known))-1)
	}
	if h.known != nil && low == h.base && int(high-low) < len(h.known) {
		return
	}
	known := make([]uint32, high-low+1)
	if h.known != nil {
		copy(known[h.base-low:], h.known)
	}
	h.base, h.known = low, known
}

const milliPerHour = 3600 * 1000

// rest returns the code of the stretch from an hour to the end of the period.
func (h *hours) rest(hour schema.Hour) uint32 {
	code, ok := h.fees[hour]
	if !ok {
		if h.fees == nil {
			h.fees = map[schema.Hour]uint32{}
		}
		code = uint32(len(h.list))
		h.fees[hour] = code
		h.list = append(h.list, stretchOfTime{hour, true})
	}
	return code
}

// hourStart is the start of the row's hour.
func hourStart(v *View, c *cache) Values {
	for _, s := range v.hours.list[len(c.times):] {
		c.times = append(c.times, int64(s.hour)*milliPerHour)
	}
	return Values{Shape: Times, Codes: v.hours.codes, Times: c.times}
}

// hourEnd is the end of the row's hour; of a fee for the rest of the period the
// last second of the period. All of these have the code of the first, so that
// no time has two.
func hourEnd(v *View, c *cache) Values {
	codes := v.hours.codes
	if fees := v.terms.of[feeLine]; len(fees) > 0 {
		codes = append(c.room(0), codes...)
		c.out = codes
		last := v.hours.rest(restOfPeriod)
		for _, row := range fees {
			codes[row] = last
		}
	}
	for _, s := range v.hours.list[len(c.times):] {
		end := int64(s.hour+1) * milliPerHour
		if s.rest {
			end = v.lastSecond().UnixMilli()
		}
		c.times = append(c.times, end)
	}
	return Values{Shape: Times, Codes: codes, Times: c.times}
}

// restOfPeriod stands for any hour.
const restOfPeriod = schema.Hour(-1 << 31)

func (v *View) lastSecond() time.Time { return v.owner.Period.End.Add(-time.Second) }

// interval is the row's hour as a pair of instants, of a fee for the rest of the
// period from its hour to the last second.
func interval(v *View, c *cache) Values {
	codes := v.hours.codes
	if fees := v.terms.of[feeLine]; len(fees) > 0 {
		codes = append(c.room(0), codes...)
		c.out = codes
		for _, row := range fees {
			codes[row] = v.hours.rest(v.rows.Hour[row])
		}
	}
	for _, s := range v.hours.list[len(c.texts):] {
		end := (s.hour + 1).Time()
		if s.rest {
			end = v.lastSecond().UTC()
		}
		c.texts = append(c.texts, s.hour.Time().Format(time.RFC3339)+"/"+end.Format(time.RFC3339))
	}
	return Values{Shape: Texts, Codes: codes, Texts: c.texts}
}
