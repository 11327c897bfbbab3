package report

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/monthend/monthend/schema/money"
)

// TestVerifyCoversNet reads net costs back and finds one that is changed or moved
// to another row.
func TestVerifyCoversNet(t *testing.T) {
	for _, format := range []Format{Parquet, CSV} {
		c := mixed(t, 9_000, 21)
		f := write(t, Spec{Format: format, GroupRows: 4_000}, c, 2_000)[0]
		if err := Verify(f); err != nil {
			t.Fatal(err)
		}
		if money.Sign(f.Check.Net) == 0 || f.Check.Cells[netCells] == 0 {
			t.Fatal("no net cost in the sample")
		}
		at := 500 // rows 500 to 999 are under discounts
		for name, change := range map[string]func(){
			"changed": func() { c.Net[at].Lo++ },
			"swapped": func() { c.Net[at], c.Net[at+1] = c.Net[at+1], c.Net[at] },
		} {
			net, next := c.Net[at], c.Net[at+1]
			change()
			wrong := f
			var err error
			if wrong.Check, err = CheckOf(c, true); err != nil {
				t.Fatal(err)
			}
			if err := Verify(wrong); !errors.Is(err, ErrDisagrees) {
				t.Errorf("%v: %s net cost: %v", format, name, err)
			}
			c.Net[at], c.Net[at+1] = net, next
		}
	}
}

// TestTermsHoweverTheyAreCut holds that bytes do not depend on batches.
func TestTermsHoweverTheyAreCut(t *testing.T) {
	for _, format := range []Format{Parquet, CSV} {
		c := mixed(t, 12_000, 22)
		spec := Spec{Format: format, ChunkRows: 5_000, GroupRows: 1_700}
		want := write(t, spec, c, 12_000)
		spec.Workers = 3
		if got := write(t, spec, c, 777); hashes(got) != hashes(want) {
			t.Errorf("%v: batches of 777 rows give other bytes", format)
		}
	}
}

// TestTotalsHaveNetAndEffective compares the totals of files with plain sums.
func TestTotalsHaveNetAndEffective(t *testing.T) {
	c := mixed(t, 6_000, 23)
	totals, err := TotalsOf(write(t, Spec{ChunkRows: 2_500}, c, 1_000))
	if err != nil {
		t.Fatal(err)
	}
	var net, effective money.Cost
	if err := errors.Join(money.Sum(&net, c.Net), money.Sum(&effective, c.Effective)); err != nil {
		t.Fatal(err)
	}
	whole, err := AmountsOf(c)
	if err != nil || totals.All.Net != net || totals.All.Effective != effective || whole != totals.All {
		t.Errorf("totals %+v, %+v, want net %s, effective %s", totals.All, whole, net, effective)
	}
	for _, list := range [][]Total{totals.Accounts, totals.Types} {
		var sum Amounts
		for _, l := range list {
			if err := sum.Add(l.Amounts); err != nil {
				t.Fatal(err)
			}
		}
		if sum != totals.All {
			t.Errorf("%v add up to %+v, all are %+v", list, sum, totals.All)
		}
	}
	if net == effective || net == totals.All.Unblended {
		t.Error("the sample does not tell the costs apart")
	}
}

// TestGoldenTerms pins the text of charges under terms, and their Parquet.
func TestGoldenTerms(t *testing.T) {
	c := mixed(t, 1_002, 24).Slice(998, 1_002)
	golden(t, filepath.Join("testdata", "terms.csv"), unzip(t, write(t, Spec{Format: CSV}, c, 6)[0].Path))
	files := write(t, Spec{}, mixed(t, 9_000, 24), 9_000)
	golden(t, filepath.Join("testdata", "terms.sha256"), []byte(hashes(files)+"\n"))
}
