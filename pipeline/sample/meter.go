package sample

import "github.com/monthend/monthend/schema"

// unit is 1 in the fixed point that amounts are computed in: ten decimals.
const unit = 10_000_000_000

// plan says in which hours a meter makes a record.
type plan uint8

const (
	planRun     plan = iota // as the machine it belongs to
	planAlways              // every hour
	planOffice              // weekdays, 8 to 18 local time
	planNightly             // two hours each night, local time
	planDaily               // one record a day, from the issuer's midnight
	planOnce                // one record a month
	planStretch             // every hour of a short stretch; the last one is partial
)

// use says how much a meter meters.
type use uint8

const (
	useTime  use = iota // 1 an hour
	useSize             // a provisioned amount, as its share of the month
	useHeld             // the same, growing from day to day
	useFlow             // a fraction, with the shape of the day and the week
	useCount            // whole numbers, with the same shape
	useOne              // 1 a record
)

// meter makes the records of one SKU and one resource. What it makes follows
// from the meter and the hour alone, so that records can be made in any order,
// and made again.
type meter struct {
	sku         *sku
	account     *account
	tags        *tagSet
	operation   string
	resource    string
	zone        string
	plan        plan
	use         use
	mean        int64       // useSize, useHeld, useCount: whole units; useFlow: ten decimals an hour
	from, until schema.Hour // exclusive
	seed        uint64
}

// The hours of a working day, local time.
const (
	officeOpens  = 8
	officeCloses = 18
)

// active tells whether the meter makes a record in an hour.
func (m *meter) active(h schema.Hour) bool {
	if h < m.from || h >= m.until {
		return false
	}
	switch m.plan {
	case planOffice:
		hour, weekend := m.local(h)
		return !weekend && hour >= officeOpens && hour < officeCloses
	case planNightly:
		hour, _ := m.local(h)
		return hour == 1 || hour == 2
	case planDaily:
		return (h-m.from)%24 == 0
	case planOnce:
		return h == m.from
	}
	return true
}

// local returns the hour of the day at the meter's place, and whether that day
// is a Saturday or Sunday.
func (m *meter) local(h schema.Hour) (hour int, weekend bool) {
	l := int(h) + m.sku.place.utcOffset
	day := (l/24 + 4) % 7 // 1970-01-01 was a Thursday
	return l % 24, day == 0 || day == 6
}

// hours is how many hours one record of the meter covers.
func (m *meter) hours() schema.Hour {
	if m.plan == planDaily {
		return 24
	}
	return 1
}

// The traffic of a day by local hour, and of a weekend hour, in thousandths of
// the mean.
var (
	dayShape = [24]int64{420, 330, 280, 260, 270, 340, 480, 700, 950, 1150, 1260, 1330,
		1380, 1340, 1300, 1290, 1310, 1380, 1490, 1600, 1640, 1500, 1180, 820}
	weekendShape = int64(640)
)

// amount returns the usage in an hour in which the meter is active, in 10^-10
// units; it is above zero.
func (m *meter) amount(h schema.Hour) int64 {
	span := int64(m.hours())
	switch m.use {
	case useTime:
		if m.plan == planStretch && h == m.until-1 {
			return int64(60+m.noise(h)%3540) * unit / 3600
		}
		return unit
	case useSize:
		return m.share(span)
	case useHeld:
		growth := 1000 + int64(m.seed%9)*int64(h-m.from)/24
		return m.share(span) * growth / 1000
	case useFlow:
		return max(1, m.mean/1000*m.shape(h)/1000*int64(600+m.noise(h)%800)*span)
	case useCount:
		n := m.mean * span * m.shape(h) / 1000 * int64(600+m.noise(h)%800) / 1000
		return max(1, n) * unit
	}
	return unit
}

// share is the mean times the part of the issuer's month that some hours are,
// rounded.
func (m *meter) share(hours int64) int64 {
	month := m.account.payer.monthHours()
	return (m.mean*unit*hours + month/2) / month
}

// shape is the traffic around an hour in thousandths of the mean.
func (m *meter) shape(h schema.Hour) int64 {
	hour, weekend := m.local(h + m.hours()/2)
	s := int64(1000)
	if m.plan != planDaily {
		s = dayShape[hour]
	}
	if weekend {
		s = s * weekendShape / 1000
	}
	return s
}

// noise is the meter's random number for an hour.
func (m *meter) noise(h schema.Hour) uint64 { return mix(m.seed + uint64(h)*0x9e3779b97f4a7c15) }

// mix is the finalizer of SplitMix64: every input bit moves every output bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// count is the number of records the meter makes.
func (m *meter) count() int {
	n := 0
	for h := m.from; h < m.until; h++ {
		if m.active(h) {
			n++
		}
	}
	return n
}
