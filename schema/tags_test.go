package schema_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monthend/monthend/schema"
)

func someTags(t *rapid.T) []schema.Tag {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab:/ =,\"ü語{}")), 0, 8, -1)
	keys := rapid.SliceOfNDistinct(text, 0, 6, rapid.ID[string]).Draw(t, "keys")
	tags := make([]schema.Tag, len(keys))
	for i, k := range keys {
		tags[i] = schema.Tag{Key: k, Value: text.Draw(t, "value")}
	}
	return tags
}

// The text of a set of tags does not depend on the order in which they came,
// differs for different sets, and gives the set back.
func TestTagsHaveOneText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := someTags(t)
		text := string(schema.EncodeTags(nil, slices.Clone(a)))
		if other := string(schema.EncodeTags(nil, rapid.Permutation(a).Draw(t, "order"))); other != text {
			t.Fatalf("another order gives %q, not %q", other, text)
		}
		got := schema.DecodeTags(text)
		slices.SortFunc(a, func(x, y schema.Tag) int { return strings.Compare(x.Key, y.Key) })
		if !slices.Equal(got, a) {
			t.Fatalf("%v came back as %v", a, got)
		}
		b := someTags(t)
		slices.SortFunc(b, func(x, y schema.Tag) int { return strings.Compare(x.Key, y.Key) })
		if same := string(schema.EncodeTags(nil, slices.Clone(b))) == text; same != slices.Equal(a, b) {
			t.Fatalf("%v and %v: equal text is %t", a, b, same)
		}
	})
}

func TestEncodeTagsAppends(t *testing.T) {
	if got := string(schema.EncodeTags([]byte("x"), []schema.Tag{{Key: "k", Value: "v"}})); got != "xk\x1fv" {
		t.Errorf("got %q", got)
	}
	if got := schema.EncodeTags(nil, nil); len(got) != 0 {
		t.Errorf("no tags give %q", got)
	}
}

func TestValidTagTextRefusesControlCharacters(t *testing.T) {
	for c := range 256 {
		want := c >= 0x20 && c != 0x7f
		if got := schema.ValidTagText([]byte{'a', byte(c), 'b'}); got != want {
			t.Errorf("byte %#x: valid is %t", c, got)
		}
	}
}
