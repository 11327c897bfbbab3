package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/monthend/monthend/pipeline/store"
)

// The columns that say whose a row is.
const (
	payerColumn   = "bill_payer_account_id"
	accountColumn = "line_item_usage_account_id"
)

// EachAccount calls use for every row of an export file, counted from 1, with
// its payer and its usage account. The file may be damaged: then it is an error,
// and never a panic.
func EachAccount(f store.File, isCSV bool, use func(row int64, payer, account string)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged file: %v", r)
		}
	}()
	if isCSV {
		return csvAccounts(f, use)
	}
	return parquetAccounts(f, use)
}

func csvAccounts(f io.Reader, use func(row int64, payer, account string)) error {
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("open as gzip: %v", err)
	}
	in := csv.NewReader(z)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return fmt.Errorf("read header: %v", err)
	}
	payer, account := -1, -1
	for i, name := range header {
		switch name {
		case payerColumn:
			payer = i
		case accountColumn:
			account = i
		}
	}
	if payer < 0 || account < 0 {
		return fmt.Errorf("%w: no columns %s and %s", ErrDisagrees, payerColumn, accountColumn)
	}
	for row := int64(1); ; row++ {
		line, err := in.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("row %d: %v", row, err)
		}
		use(row, line[payer], line[account])
	}
}

func parquetAccounts(f store.File, use func(row int64, payer, account string)) error {
	file, err := parquet.OpenFile(f, f.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("open as Parquet: %v", err)
	}
	row := int64(0)
	for _, group := range file.RowGroups() {
		payers, err := texts(file, group, payerColumn)
		if err != nil {
			return err
		}
		accounts, err := texts(file, group, accountColumn)
		if err != nil {
			return err
		}
		if len(payers) != len(accounts) {
			return fmt.Errorf("%w: %d payers in %d rows", ErrDisagrees, len(payers), len(accounts))
		}
		for i := range payers {
			row++
			use(row, payers[i], accounts[i])
		}
	}
	return nil
}

// texts reads a column of a row group.
func texts(file *parquet.File, group parquet.RowGroup, name string) ([]string, error) {
	leaf, ok := file.Schema().Lookup(name)
	if !ok {
		return nil, fmt.Errorf("%w: no column %s", ErrDisagrees, name)
	}
	var list []string
	known := map[string]string{}
	values := make([]parquet.Value, 1024)
	err := eachPage(group.ColumnChunks()[leaf.ColumnIndex], func(page parquet.Page) error {
		reader := page.Values()
		for {
			n, err := reader.ReadValues(values)
			for _, v := range values[:n] {
				text, ok := known[string(v.ByteArray())]
				if !ok {
					text = v.String()
					known[text] = text
				}
				list = append(list, text)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("column %s: %v", name, err)
	}
	return list, nil
}
