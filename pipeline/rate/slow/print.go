package slow

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Print writes a world and its records as text for a person: one line per SKU,
// offer and record, blank fields left out.
func Print(w World, records []Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "period: %s of %s, %s to %s\n", w.Period.Name, w.Issuer, w.Period.Start.Format(time.RFC3339), w.Period.End.Format(time.RFC3339))
	for _, i := range w.Organization.Issuers {
		fmt.Fprintf(&b, "issuer: %s\n", plain(reflect.ValueOf(i)))
	}
	for _, p := range w.Organization.Payers {
		fmt.Fprintf(&b, "payer: %s\n", plain(reflect.ValueOf(p)))
	}
	for _, s := range w.SKUs {
		fmt.Fprintf(&b, "sku: %s\n", plain(reflect.ValueOf(s)))
		for _, v := range s.Versions {
			if v.Effective >= w.Period.Start.Unix() {
				fmt.Fprintf(&b, "  of %s: a version from %s\n", s.ID, time.Unix(v.Effective, 0).UTC().Format(time.RFC3339))
			}
		}
	}
	offers := reflect.ValueOf(w.Offers)
	for i := range offers.NumField() {
		for n := range offers.Field(i).Len() {
			fmt.Fprintf(&b, "%s: %s\n", offers.Type().Field(i).Name, plain(offers.Field(i).Index(n)))
		}
	}
	for payer, list := range w.Opening {
		fmt.Fprintf(&b, "opening of %s: %v\n", payer, list)
	}
	for _, r := range records {
		fmt.Fprintf(&b, "record: %s\n", plain(reflect.ValueOf(r)))
	}
	return b.String()
}

// plain writes a value without its blank fields.
func plain(v reflect.Value) string {
	if v.CanInterface() {
		switch s := v.Interface().(type) {
		case time.Time:
			return s.UTC().Format(time.RFC3339)
		case fmt.Stringer:
			return s.String()
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				parts = append(parts, v.Type().Field(i).Name+": "+plain(f))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, plain(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v)
}
