package trial

import (
	"fmt"
	"strings"

	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// payerOf returns the rows of a payer; none where it has none.
func payerOf(result *Result, in rate.Input, account string) Payer {
	for _, p := range result.Payers {
		if in.Organization.Payers[p.Index].AccountID == account {
			return p
		}
	}
	return Payer{Charges: &batch.Charges{}}
}

// compare returns in what the rows of a payer differ from what a case expects.
func compare(c price.Case, p Payer) (differs []string, err error) {
	if c.Costs != nil {
		_, _, cost, err := sumOf(p, price.CaseLine{})
		if err != nil {
			return nil, err
		}
		if cost != *c.Costs {
			differs = append(differs, fmt.Sprintf("costs: want %s, got %s", c.Costs, cost))
		}
	}
	for i, line := range c.Lines {
		n, amount, cost, err := sumOf(p, line)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			differs = append(differs, fmt.Sprintf("lines[%d]: there is no such row (%s)", i, picks(line)))
			continue
		}
		if line.Amount != nil && amount != *line.Amount {
			differs = append(differs, fmt.Sprintf("lines[%d].amount: want %s, got %s (%s)", i, line.Amount, amount, picks(line)))
		}
		if line.Cost != nil && cost != *line.Cost {
			differs = append(differs, fmt.Sprintf("lines[%d].cost: want %s, got %s (%s)", i, line.Cost, cost, picks(line)))
		}
	}
	return differs, nil
}

func picks(l price.CaseLine) string {
	var words []string
	for _, w := range []string{l.LineItemType, l.UsageType} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, ", ")
}

// sumOf sums the rows of a payer that a line picks, exactly.
func sumOf(p Payer, l price.CaseLine) (n int, amount money.Usage, cost money.Cost, err error) {
	for r := range p.All() {
		if l.LineItemType != "" && l.LineItemType != r.Tail.LineItemType || l.UsageType != "" && l.UsageType != r.Head.UsageType {
			continue
		}
		n++
		if cost, err = money.Add(cost, r.Unblended); err != nil {
			return n, amount, cost, fmt.Errorf("sum of costs: %w", err)
		}
		if amount, err = money.Add(amount, r.Amount); err != nil && l.Amount != nil {
			return n, amount, cost, fmt.Errorf("sum of amounts: %w", err)
		}
	}
	return n, amount, cost, nil
}
