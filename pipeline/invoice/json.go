package invoice

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monthend/monthend/schema/bill"
)

// MaxJSONBytes is the largest invoice ReadJSON takes: room for some hundred
// thousand accounts.
const MaxJSONBytes = 64 << 20

// WriteJSON writes an invoice as indented JSON with fields in the order of
// bill.Invoice and decimals as text. Equal invoices give equal bytes.
func WriteJSON(w io.Writer, inv bill.Invoice) error {
	var b bytes.Buffer
	err := json.MarshalWrite(&b, inv, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("invoice %s as json: %v", inv.Number, err)
	}
	b.WriteByte('\n')
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write invoice %s as json: %w", inv.Number, err)
	}
	return nil
}

// ReadJSON reads what WriteJSON wrote and proves it with Check. Unknown and
// repeated fields, text after the invoice, and more than MaxJSONBytes are
// errors.
func ReadJSON(r io.Reader) (bill.Invoice, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxJSONBytes+1))
	if err != nil {
		return bill.Invoice{}, fmt.Errorf("read invoice: %w", err)
	}
	if len(data) > MaxJSONBytes {
		return bill.Invoice{}, fmt.Errorf("invoice is larger than %d bytes", MaxJSONBytes)
	}
	var inv bill.Invoice
	if err := json.Unmarshal(data, &inv, json.RejectUnknownMembers(true)); err != nil {
		return bill.Invoice{}, fmt.Errorf("invoice is not the json of an invoice: %v", err)
	}
	if err := Check(inv); err != nil {
		return bill.Invoice{}, err
	}
	return inv, nil
}
