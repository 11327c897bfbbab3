package pipeline

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema/batch"
)

// Rows that no usage made (fees, credits, taxes, corrections) are put between
// the rated lines at their places in the canonical order. The dictionaries of
// the lines are sorted and may not be sorted again, so a new value gets a code
// at their end, and its place is looked up once.

// insertion is a row and where it stands among lines with sorted codes.
type insertion struct {
	row batch.Row

	// leading is head and resource; where the dictionary has no such values it is
	// the next larger ones, and the row stands before all lines of those.
	leading uint64
	exact   bool
}

// sortedDims are dictionaries of which the first so many codes are in order.
type sortedDims struct {
	*batch.Dims
	heads, resources int
}

func sortedAs(dims *batch.Dims, ranking batch.Ranking) sortedDims {
	return sortedDims{dims, len(ranking.Heads), len(ranking.Resources)}
}

// place makes an item a row of a batch.
func (d sortedDims) place(item rate.Item, out *batch.Charges) insertion {
	in := insertion{row: batch.Row{
		Key:   batch.LineKey(d.Heads.Code(item.Head), d.Resources.Code(item.Resource), item.Hour, d.Tails.Code(item.Tail)),
		Price: out.Prices.Code(item.Price), Term: out.Terms.Code(item.Terms), Amount: item.Amount,
		List: item.List, Unblended: item.Unblended, Blended: item.Blended,
		Net: item.Net, Effective: item.Effective, Upfront: item.Upfront,
	}}
	heads, resources := d.Heads.Values()[:d.heads], d.Resources.Values()[:d.resources]
	head := sort.Search(len(heads), func(i int) bool { return batch.CompareHeads(heads[i], item.Head) >= 0 })
	resource := 0
	if head < len(heads) && heads[head] == item.Head {
		resource = sort.SearchStrings(resources, item.Resource)
		in.exact = resource < len(resources) && resources[resource] == item.Resource
	}
	in.leading = uint64(head)<<32 | uint64(resource)
	return in
}

// line makes a row whose codes are those of lines an insertion.
func line(row batch.Row) insertion { return insertion{row: row, leading: row.Key.Hi, exact: true} }

// before tells whether the insertion stands before a line.
func (d sortedDims) before(in *insertion, k batch.Key) bool {
	if in.leading != k.Hi || !in.exact {
		return in.leading <= k.Hi
	}
	return d.compareRest(in.row.Key, k) <= 0
}

// compareRest orders two keys of one head and resource, whose tails may have
// codes out of order.
func (d sortedDims) compareRest(a, b batch.Key) int {
	return cmp.Or(cmp.Compare(a.Hour(), b.Hour()), batch.CompareTails(d.Tails.Value(a.Tail()), d.Tails.Value(b.Tail())))
}

// compare orders insertions by value, by price and terms too, so that the order
// is the same however they were made.
func (d sortedDims) compare(out *batch.Charges) func(a, b insertion) int {
	return func(a, b insertion) int {
		if a.exact && b.exact && a.leading != b.leading {
			return cmp.Compare(a.leading, b.leading)
		}
		return rate.CompareItems(rate.ItemOf(a.row, out), rate.ItemOf(b.row, out))
	}
}

// withInsertions merges rows into the lines of a source.
func withInsertions(source chargeSource, list []insertion, d sortedDims, out *batch.Charges) chargeSource {
	slices.SortStableFunc(list, d.compare(out))
	return func(emit func(*batch.Charges) error) error {
		left := list
		merged := out.Like()
		err := source(func(c *batch.Charges) error {
			from := 0
			for i := range c.Len() {
				key := batch.LineKey(c.Head[i], c.Resource[i], c.Hour[i], c.Tail[i])
				if len(left) == 0 || !d.before(&left[0], key) {
					continue
				}
				merged.AppendAll(c.Slice(from, i))
				from = i
				for len(left) > 0 && d.before(&left[0], key) {
					merged.Append(left[0].row)
					left = left[1:]
				}
			}
			merged.AppendAll(c.Slice(from, c.Len()))
			defer merged.Reset()
			return emit(merged)
		})
		if err != nil || len(left) == 0 {
			return err
		}
		for _, in := range left {
			merged.Append(in.row)
		}
		return emit(merged)
	}
}

// sameItem orders items by what they are, whatever they come to.
func sameItem(a, b rate.Item) int {
	return cmp.Or(rate.ComparePlaces(a, b), strings.Compare(a.Price.RateCode, b.Price.RateCode),
		strings.Compare(a.Price.Description, b.Price.Description), strings.Compare(a.Terms.Commitment.ID, b.Terms.Commitment.ID))
}
