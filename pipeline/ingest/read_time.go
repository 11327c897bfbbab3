package ingest

import "fmt"

// Years a time may lie in; the bound also tells seconds from milliseconds.
const (
	minYear = 1971
	maxYear = 2200
)

const (
	second = int64(1e9)
	day    = 86400 * second
)

// parseInstant reads an RFC 3339 time with Z or a numeric offset and at most 9
// decimals of a second, as nanoseconds since 1970. Second 60 is the last
// instant of its minute. It returns why the text is no such time, or "".
func parseInstant(b []byte) (int64, string) {
	if len(b) == 0 {
		return 0, "is missing"
	}
	if len(b) < len("2006-01-02T15:04:05") || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, "is not a time"
	}
	y1, y2 := two(b, 0), two(b, 2)
	mo, d, h, mi, sec := two(b, 5), two(b, 8), two(b, 11), two(b, 14), two(b, 17)
	if y1|y2|mo|d|h|mi|sec < 0 {
		return 0, "is not a time"
	}
	y := y1*100 + y2
	if y < minYear || y > maxYear {
		return 0, outOfYears
	}
	if mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || sec > 60 {
		return 0, "names a moment that does not exist"
	}
	nanos, rest, reason := fraction(b[19:])
	if reason != "" {
		return 0, reason
	}
	offset, reason := offsetOf(rest)
	if reason != "" {
		return 0, reason
	}
	if sec == 60 {
		sec, nanos = 59, second-1
	}
	at := civilDays(y, mo, d)*day + int64(h*3600+mi*60+sec)*second + nanos - offset
	return at, ""
}

const outOfYears = "lies outside the years 1971 to 2200"

// inYears tells whether an instant lies in the years that parseInstant takes.
func inYears(nanos int64) bool {
	return nanos >= civilDays(minYear, 1, 1)*day && nanos < civilDays(maxYear+1, 1, 1)*day
}

// two reads two digits, or returns a negative number.
func two(b []byte, i int) int {
	hi, lo := b[i]-'0', b[i+1]-'0'
	if hi > 9 || lo > 9 {
		return -1
	}
	return int(hi)*10 + int(lo)
}

// fraction reads an optional point and decimals; it returns nanoseconds.
func fraction(b []byte) (int64, []byte, string) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, ""
	}
	n, scale, i := int64(0), second, 1
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if i > 9 {
			return 0, nil, "has more than 9 decimals of a second"
		}
		n = n*10 + int64(b[i]-'0')
		scale /= 10
	}
	if i == 1 {
		return 0, nil, "is not a time"
	}
	return n * scale, b[i:], ""
}

// offsetOf reads Z or ±hh:mm, in nanoseconds east of Greenwich.
func offsetOf(b []byte) (int64, string) {
	switch {
	case len(b) == 0:
		return 0, "has no offset from UTC"
	case len(b) == 1 && b[0] == 'Z':
		return 0, ""
	case len(b) != 6 || b[3] != ':' || b[0] != '+' && b[0] != '-':
		return 0, "is not a time"
	}
	h, m := two(b, 1), two(b, 4)
	if h|m < 0 || h > 23 || m > 59 {
		return 0, "has an offset that does not exist"
	}
	offset := int64(h*3600+m*60) * second
	if b[0] == '-' {
		offset = -offset
	}
	return offset, ""
}

func daysIn(year, month int) int {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month/8)&1
}

// civilDays returns the days from 1970-01-01 to a date of the Gregorian
// calendar. Years begin in March, so that the leap day ends them.
func civilDays(year, month, dayOfMonth int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + dayOfMonth - 1
	return int64(days) - 719468
}

// unitNanos turns a count of some unit since 1970 into nanoseconds.
func unitNanos(count, unit int64) (int64, string) {
	limit := civilDays(maxYear+1, 1, 1) * day
	if count >= limit/unit || !inYears(max(count, 0)*unit) {
		return 0, outOfYears + fmt.Sprintf(" when counted in units of %d ns", unit)
	}
	return count * unit, ""
}
