package config

import (
	"errors"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
)

// Size is a number of bytes. In the file it has a unit: 512KiB, 64MiB, 1GiB or
// 2TiB, or plain bytes.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// ParseSize reads a size such as 1GiB or 512 MiB. Units are powers of 1024; GB
// and the like are refused, because half the world means 1000 by them.
func ParseSize(s string) (Size, error) {
	number := strings.TrimRight(s, "BKMGTi")
	unit := s[len(number):]
	for _, u := range sizeUnits {
		if unit != u.name {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		return Size(n * u.bytes), nil
	}
	return 0, errors.New("is not a size; write a whole number and KiB, MiB, GiB or TiB, such as 512MiB")
}

// String renders the size in the largest unit that keeps it whole.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func (r *reader) size(v *Size, low, high Size) take {
	return r.scalar(func(s string) error {
		n, err := ParseSize(s)
		if err == nil && (n < low || n > high) {
			err = fmt.Errorf("is out of range; write %s to %s", low, high)
		}
		*v = n
		return err
	})
}

func (r *reader) integer(v *int, low, high int) take {
	return r.scalar(func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("is not a whole number from %d to %d; write plain digits", low, high)
		}
		*v = n
		return nil
	})
}

func (r *reader) boolean(v *bool) take {
	return r.scalar(func(s string) error {
		if s != "true" && s != "false" {
			return errors.New("is neither true nor false; write one of the two")
		}
		*v = s == "true"
		return nil
	})
}

func (r *reader) duration(v *time.Duration, high time.Duration) take {
	return r.scalar(func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > high {
			return fmt.Errorf("is not a length of time from 0s to %s; write hours, minutes and seconds such as 6h or 1h30m", high)
		}
		*v = d
		return nil
	})
}

func (r *reader) date(v *schema.Date) take {
	return r.scalar(func(s string) error {
		d, err := schema.ParseDate(s)
		if err != nil {
			return errors.New("is not a day; write YYYY-MM-DD")
		}
		*v = d
		return nil
	})
}

// maxText is how long a text of the configuration may be: a path, a name, one
// line of an address.
const maxText = 1024

// text reads a value that must not be blank.
func (r *reader) text(v *string) take {
	return r.scalar(func(s string) error {
		*v = s
		return checkText(s)
	})
}

func checkText(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("is blank; give a value, or take the key away")
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a space; take it away")
	case len(s) > maxText:
		return fmt.Errorf("is longer than %d bytes; shorten it", maxText)
	case !schema.ValidTagText([]byte(s)):
		return errors.New("holds a control character; write it on one line")
	}
	return nil
}

// matching reads a text of a given form; hint says it in words.
func (r *reader) matching(v *string, form *regexp.Regexp, what, hint string) take {
	return r.scalar(func(s string) error {
		*v = s
		if !form.MatchString(s) {
			return fmt.Errorf("is not %s; %s", what, hint)
		}
		return nil
	})
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// name reads a name that may stand in an object key and is unique among those
// that taken holds.
func (r *reader) name(v *string, taken map[string]string) take {
	return func(path string, n *yaml.Node) {
		r.matching(v, nameForm, "a name", "use 1 to 64 letters, digits, dashes and underscores")(path, n)
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			return
		}
		if first, twice := taken[n.Value]; twice {
			r.fault(path, n, "stands twice, first at "+first, "give each a name of its own")
			return
		}
		taken[n.Value] = path
	}
}

// oneOf reads one of several words.
func (r *reader) oneOf(v *string, words ...string) take {
	return r.scalar(func(s string) error {
		for _, w := range words {
			if s == w {
				*v = s
				return nil
			}
		}
		return errors.New("is not known here; write " + strings.Join(words, " or "))
	})
}

// only reads a word or flag of which one value is supported so far.
func (r *reader) only(v *string, supported, what string) take {
	return r.scalar(func(s string) error {
		*v = supported
		if s != supported {
			return fmt.Errorf("is not supported; %s %s is the only one so far", what, supported)
		}
		return nil
	})
}

// path reads a file or folder; one that is not absolute is taken from the
// folder of the configuration file.
func (r *reader) path(v *string) take {
	return r.scalar(func(s string) error {
		if err := checkText(s); err != nil {
			return err
		}
		if strings.Contains(s, "://") {
			return errors.New("is not a path; only files and folders are taken here")
		}
		if !filepath.IsAbs(s) {
			s = filepath.Join(filepath.Dir(r.file), s)
		}
		*v = s
		return nil
	})
}

// place is path, or a prefix of a bucket: s3://bucket/prefix.
func (r *reader) place(v *string) take {
	path := r.path(v)
	return func(at string, n *yaml.Node) {
		bucket, inBucket := strings.CutPrefix(n.Value, "s3://")
		if !inBucket {
			path(at, n)
			return
		}
		r.scalar(func(s string) error {
			if name, _, _ := strings.Cut(bucket, "/"); name == "" {
				return errors.New("names no bucket; write s3://bucket/prefix")
			}
			*v = s
			return checkText(s)
		})(at, n)
	}
}

func (r *reader) endpoint(v *string) take {
	return r.scalar(func(s string) error {
		*v = strings.TrimSuffix(s, "/")
		u, err := url.Parse(*v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("is not an address; write https:// and the host, such as https://s3.example.com")
		}
		if u.User != nil {
			return errors.New("holds a password; give credentials in the environment, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		}
		return nil
	})
}

func checkEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return errors.New("is not an e-mail address; write name@example.com")
	}
	return nil
}
