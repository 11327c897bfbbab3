package report

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/column"
	"github.com/monthend/monthend/schema/money"
)

// quality is the side file of an export: what a careful reader checks its load
// against. Amounts are exact decimals in quotes.
type quality struct {
	Export   string         `json:"export"`
	Account  string         `json:"account"`
	Payer    string         `json:"payer"`
	Issuer   string         `json:"issuer"`
	Period   schema.Period  `json:"period"`
	State    string         `json:"state"`
	Run      string         `json:"run"`
	Format   string         `json:"format"`
	Columns  int            `json:"columns"`
	Currency money.Currency `json:"currency"`
	Pending  Pending        `json:"pending"`
	Totals   Totals         `json:"totals"`
	Files    []qualityFile  `json:"files"`
	Emptied  []string       `json:"emptied_files"` // chunks of earlier refreshes, now without rows
}

type qualityFile struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Amounts
}

func (l layout) quality(files []File, surplus []int, totals Totals) quality {
	q := quality{
		Export: l.Name, Account: l.Account, Payer: l.Owner.Payer, Issuer: l.Owner.Issuer,
		Period: l.Owner.Period, State: l.State, Run: l.Run, Format: l.Format.Extension(),
		Columns: len(column.All()), Currency: l.Owner.BillingCurrency, Pending: l.Pending,
		Totals: totals, Files: []qualityFile{}, Emptied: []string{},
	}
	for _, f := range files {
		q.Files = append(q.Files, qualityFile{l.data(f.Chunk), f.Bytes, f.SHA256, f.Totals.All})
	}
	for _, chunk := range surplus {
		q.Emptied = append(q.Emptied, l.data(chunk))
	}
	return q
}
