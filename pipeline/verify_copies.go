package pipeline

import (
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/report"
	"github.com/monthend/monthend/pipeline/store"
)

// maxTextBytes bounds a text of which the differing line is looked for.
const maxTextBytes = 64 << 20

// copies compares what PUBLISH put where people look: by the hashes that it
// names, with documents drawn up again, and row by row with whose data it is.
func (v *verifier) copies() error {
	pub := v.month.Publish
	if pub == nil {
		return nil
	}
	expected := v.drawAgain()
	slot := v.publishSlot()
	for _, o := range pub.Documents {
		want, known := expected[fileOf(o.Key)]
		if known && want.sha256 != o.SHA256 {
			v.find(slot, 0, "names other bytes for %s than are drawn up again from the CLOSE", o.Key)
		}
		before := len(v.out.Findings)
		if _, err := v.object(o, "PUBLISH of "+v.per.Name); err != nil {
			return err
		}
		if known && len(v.out.Findings) > before {
			v.out.Findings[len(v.out.Findings)-1].Line = v.otherLine(o.Key, want)
		}
		if store.IsExportData(o.Key) {
			if err := v.foreignRows(o.Key); err != nil {
				return err
			}
		}
	}
	v.publishBody(expected)
	return v.strangers()
}

func (v *verifier) publishSlot() string {
	slot := int64(0)
	for _, e := range v.month.Entries {
		if e.Kind == period.KindPublish {
			slot = e.Slot
		}
	}
	return store.Slot(store.PeriodLog(v.issuer.ID, v.per.Name), slot)
}

// wanted is a document as it is drawn up again.
type wanted struct {
	sha256 string
	body   store.Body
}

// drawAgain draws invoices and bills up from the CLOSE and the ISSUE record, by
// the key without its run. Nothing when they cannot be: then that was found
// before. Exports are left out, because their definition may have changed since.
func (v *verifier) drawAgain() map[string]wanted {
	if v.issued == nil || v.out.Recomputed == "no" || len(v.out.Findings) > 0 {
		return nil
	}
	q, at, err := v.replica()
	if err != nil {
		return nil
	}
	f, err := q.prepareFinal(v.ctx, at, v.issued)
	if err != nil {
		v.find(v.publishSlot(), 0, "cannot be drawn up again: %v", err)
		return nil
	}
	defer f.close()
	v.compareInvoices(f)
	documents, err := q.storeDocuments(v.ctx, at, v.issued, f)
	if err != nil {
		return nil
	}
	copies, err := q.copyOut(v.ctx, at, f)
	if err != nil {
		return nil
	}
	expected := map[string]wanted{}
	for _, o := range append(documents, copies...) {
		body, _ := q.Store.(*scratch).own(o.Key)
		expected[fileOf(o.Key)] = wanted{o.SHA256, body}
	}
	return expected
}

func (v *verifier) compareInvoices(f *final) {
	named := v.month.Publish.Invoices
	if len(named) != len(f.invoices) {
		v.find(v.publishSlot(), 0, "names %d invoices, drawn up again there are %d", len(named), len(f.invoices))
		return
	}
	for i, inv := range f.invoices {
		if want := (period.Invoice{Number: inv.Number, Payer: inv.Payer.AccountID, Total: inv.Total}); named[i] != want {
			v.find(v.publishSlot(), 0, "names invoice %v, drawn up again it is %v", named[i], want)
		}
	}
}

// publishBody looks for documents that PUBLISH should name.
func (v *verifier) publishBody(expected map[string]wanted) {
	named := map[string]bool{}
	for _, o := range v.month.Publish.Documents {
		named[fileOf(o.Key)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(expected)) {
		if !named[key] {
			v.find(v.publishSlot(), 0, "does not name %s", key)
		}
	}
}

func (v *verifier) otherLine(key string, want wanted) int64 {
	if !strings.HasSuffix(key, ".csv") && !strings.HasSuffix(key, ".json") {
		return 0
	}
	got, err := store.ReadAll(v.ctx, v.p.Store, key, maxTextBytes)
	if err != nil {
		return 0
	}
	f, err := want.body.Open()
	if err != nil {
		return 0
	}
	defer f.Close()
	text := make([]byte, f.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return 0
	}
	return firstOtherLine(got, text)
}

// foreignRows looks for rows of another payer, and in a member's export for rows
// of other accounts.
func (v *verifier) foreignRows(key string) error {
	// reports/<owner>/<payer>/<export>/data/...
	parts := strings.Split(key, "/")
	owner, payer := parts[1], parts[2]
	f, err := store.Fetch(v.ctx, v.p.Store, key, v.dir)
	if err != nil {
		return nil // found before
	}
	defer f.Close()
	found := 0
	err = report.EachAccount(f, strings.HasSuffix(key, ".csv.gz"), func(row int64, rowPayer, account string) {
		foreign := rowPayer != payer || owner != payer && account != owner
		if foreign && found == 0 {
			v.find(key, row, "holds a row of account %s, payer %s, in the export of account %s", account, rowPayer, owner)
		}
		if foreign {
			found++
		}
	})
	if err != nil && v.checked[key] {
		v.find(key, 0, "cannot be read: %v", err)
	}
	return nil
}

// strangers looks for files that lie among the published ones and are not of
// them: people and readers take every file they find.
func (v *verifier) strangers() error {
	strays, err := v.p.strays(v.ctx, v.month.Publish.Documents)
	if err != nil {
		return err
	}
	for _, key := range strays {
		v.find(key, 0, "lies among the data of an export and is not of it")
	}
	named, folders := map[string]bool{}, map[string]bool{}
	for _, o := range v.month.Publish.Documents {
		named[o.Key] = true
		if strings.HasPrefix(o.Key, "invoices/") {
			folders[path.Dir(o.Key)+"/"] = true
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		err := v.p.list(v.ctx, folder, func(info store.Info) {
			if !named[info.Key] {
				v.find(info.Key, 0, "lies among the invoices and is not of them")
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
