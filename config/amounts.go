package config

import (
	"errors"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// number reads an exact decimal with one of money's parsers.
func number[T any](r *reader, v *T, parse func(string) (T, error)) take {
	return r.scalar(func(s string) error {
		n, err := parse(s)
		if err != nil {
			return errors.New("is not a number; write plain decimals such as 30 or 0.5")
		}
		*v = n
		return nil
	})
}

func (r *reader) usage(v *money.Usage) take { return number(r, v, money.ParseUsage) }

func (r *reader) rate(v *money.Rate) take { return number(r, v, money.ParseRate) }

func (r *reader) money(v *money.Cost) take { return number(r, v, money.ParseCost) }

// percent reads a percentage as the share that it is, exactly.
func (r *reader) percent(v *money.Rate) take {
	return r.scalar(func(s string) error {
		if _, err := money.ParseRate(s); err != nil {
			return errors.New("is not a percentage; write plain decimals such as 12.5")
		}
		share, err := money.ParseRateExp(s + "e-2")
		if err != nil {
			return errors.New("has too many digits; write at most 16 decimals")
		}
		*v = share
		return nil
	})
}

// count reads a whole number, whose range is checked elsewhere.
func (r *reader) count(v *int64) take {
	return r.scalar(func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return errors.New("is not a whole number; write plain digits")
		}
		*v = n
		return nil
	})
}

// instant reads a moment with its zone.
func (r *reader) instant(v *time.Time) take {
	return r.scalar(func(s string) error {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || t.Year() < 1971 || t.Year() > 2200 {
			return errors.New("is not an instant; write it such as 2026-10-01T00:00:00Z")
		}
		*v = t.UTC()
		return nil
	})
}

// texts reads a list of texts, none of which is blank.
func (r *reader) texts(v *[]string) take {
	return r.list(func(path string, n *yaml.Node) { r.text(grow(v))(path, n) })
}

// word reads a word of the file and sets what it stands for.
func word[T any](r *reader, v *T, meaning map[string]T, words ...string) take {
	var w string
	read := r.oneOf(&w, words...)
	return func(path string, n *yaml.Node) {
		if read(path, n); w != "" {
			*v = meaning[w]
		}
	}
}

// tags reads a block of keys and values that are the user's own.
func (r *reader) tags(v *map[string]string) take {
	return func(path string, n *yaml.Node) {
		known, tags := keys{}, map[string]string{}
		if n.Kind == yaml.MappingNode {
			if len(n.Content) == 0 {
				r.fault(path, n, "is an empty block", "name a tag, or take the key away")
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				key := n.Content[i].Value
				known[key] = r.scalar(func(s string) error {
					tags[key] = s
					if !schema.ValidTagText([]byte(key + s)) {
						return errors.New("holds a control character; write it on one line")
					}
					return nil
				})
			}
		}
		if r.block(known)(path, n); len(tags) > 0 {
			*v = tags
		}
	}
}
