package pipeline

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/monthend/monthend/pipeline/period"
	"github.com/monthend/monthend/pipeline/rate"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/batch"
	"github.com/monthend/monthend/schema/money"
	"github.com/monthend/monthend/schema/price"
)

// Late usage is charged in the next close, with its own dates: line by line the
// difference between the old month rated again with its pinned inputs, with
// and without what came late. So late equals on time plus correction, to the
// last digit, tiers included.

// latePeriod is a closed period for which usage came after its close.
type latePeriod struct {
	run           period.Run // of its CLOSE
	before, after *period.Usage
}

func (l latePeriod) batches() (before, after []period.SlotBatch) {
	return batchesOf(l.before, l.run.Period, -1), batchesOf(l.after, l.run.Period, -1)
}

type lateKey struct {
	Period        string
	Run           string
	Before, After []string
}

func (l latePeriod) key() lateKey {
	k := lateKey{Period: l.run.Period.Name, Run: l.run.ID}
	before, after := l.batches()
	for _, b := range before {
		k.Before = append(k.Before, b.SHA256)
	}
	for _, b := range after {
		k.After = append(k.After, b.SHA256)
	}
	return k
}

// correction is a late period, gathered twice.
type correction struct {
	in            rate.Input
	run           period.Run
	before, after rated
}

// rated is usage that was gathered, and the plan to rate it by.
type rated struct {
	*gathering
	plan *rate.Plan
}

func (c *correction) close() {
	c.before.close()
	c.after.close()
}

// payer finds a payer by account id in the organization that was pinned.
func (c *correction) payer(account string) (int32, bool) {
	for i, p := range c.in.Organization.Payers {
		if p.AccountID == account {
			return int32(i), true
		}
	}
	return 0, false
}

func (c *correction) has(account string) bool {
	i, ok := c.payer(account)
	return ok && c.after.spills[i] != nil
}

func (p *Pipeline) gatherLate(ctx context.Context, dims *batch.Dims, late []latePeriod, dir string) ([]*correction, error) {
	var list []*correction
	for _, l := range late {
		c, err := p.gatherOne(ctx, dims, l, dir)
		if err != nil {
			for _, c := range list {
				c.close()
			}
			return nil, fmt.Errorf("late usage of %s: %w", l.run.Period.Name, err)
		}
		list = append(list, c)
	}
	return list, nil
}

func (p *Pipeline) gatherOne(ctx context.Context, dims *batch.Dims, l latePeriod, dir string) (*correction, error) {
	org, offers, prices, err := p.pinned(ctx, l.run)
	if err != nil {
		return nil, err
	}
	issuer, err := issuerOfRun(org, l.run)
	if err != nil {
		return nil, err
	}
	catalog, err := withNewSKUs(prices.Catalog, p.Prices.Catalog)
	if err != nil {
		return nil, err
	}
	c := &correction{run: l.run, in: rate.Input{Issuer: issuer, Period: l.run.Period, Organization: org, Catalog: catalog, Offers: offers}}
	before, after := l.batches()
	if c.before, err = p.gatherRated(ctx, c.in, dims, l.before, before, dir); err != nil {
		return nil, err
	}
	if c.after, err = p.gatherRated(ctx, c.in, dims, l.after, after, dir); err != nil {
		c.before.close()
		return nil, err
	}
	return c, nil
}

// gatherRated gathers usage and plans its month.
func (p *Pipeline) gatherRated(ctx context.Context, in rate.Input, dims *batch.Dims, u *period.Usage, batches []period.SlotBatch, dir string) (rated, error) {
	g, err := p.gather(ctx, in, dims, u, batches, dir, false)
	if err != nil {
		return rated{}, err
	}
	plan, err := rate.NewPlan(g.totals)
	if err != nil {
		g.close()
		return rated{}, err
	}
	return rated{g, plan}, nil
}

func issuerOfRun(org *schema.Organization, run period.Run) (schema.Issuer, error) {
	for _, i := range org.Issuers {
		zone, err := i.Location()
		if err != nil {
			return i, err
		}
		per, err := schema.ParsePeriod(run.Period.Name, zone)
		if err == nil && per.Start.Equal(run.Period.Start) && run.Issuer == i.ID {
			return i, nil
		}
	}
	return schema.Issuer{}, fmt.Errorf("the pinned organization of run %s does not hold its issuer %s", run.ID, run.Issuer)
}

// lostPayers finds late usage of payers that today's organization does not have
// under the issuer: no bill would carry it.
func lostPayers(in rate.Input, corrections []*correction, dims *batch.Dims, ranking batch.Ranking) (lost, err error) {
	for _, c := range corrections {
		for i, payer := range c.in.Organization.Payers {
			there := slices.ContainsFunc(in.Organization.PayersOf(in.Issuer.ID), func(p schema.Payer) bool { return p.AccountID == payer.AccountID })
			if there || c.after.spills[int32(i)] == nil {
				continue
			}
			rows, err := c.difference(payer.AccountID, ranking, batch.NewCharges(&batch.Owner{}, dims, batch.NewTable[batch.Price]()))
			if err != nil {
				return nil, err
			}
			if len(rows) > 0 {
				return fmt.Errorf("%w: late usage of %s belongs to payer %s, which the organization file does not have under issuer %s any more; list it again",
					ErrBlocked, c.in.Period.Name, payer.AccountID, in.Issuer.ID), nil
			}
		}
	}
	return nil, nil
}

// withNewSKUs adds to a pinned catalog the SKUs of today's that it lacks. What
// it has is never changed: a SKU that would take usage over from a pinned one,
// because it names its operation or region and the pinned one does not, is left
// out.
func withNewSKUs(pinned, now *price.Catalog) (*price.Catalog, error) {
	skus := slices.Clone(pinned.SKUs)
	known := map[[2]string][]price.Key{} // by service and usage type
	ids := map[string]bool{}
	for i := range skus {
		ids[skus[i].ID] = true
		for _, k := range skus[i].Keys() {
			name := [2]string{k.ServiceCode, k.UsageType}
			known[name] = append(known[name], k)
		}
	}
	for i := range now.SKUs {
		if !ids[now.SKUs[i].ID] && !slices.ContainsFunc(now.SKUs[i].Keys(), func(k price.Key) bool {
			return slices.ContainsFunc(known[[2]string{k.ServiceCode, k.UsageType}], func(old price.Key) bool { return takesOver(k, old) })
		}) {
			skus = append(skus, now.SKUs[i])
		}
	}
	return price.NewCatalog(skus)
}

// takesOver tells whether some record that matches a pinned key would match a
// new one of the same service and usage type at least as well.
func takesOver(new, pinned price.Key) bool {
	meet := func(a, b string) bool { return a == b || a == "" || b == "" }
	exact := func(k price.Key) (n int) {
		if k.Operation != "" {
			n += 2
		}
		if k.Region != "" {
			n++
		}
		return n
	}
	return meet(new.Operation, pinned.Operation) && meet(new.Region, pinned.Region) && exact(new) >= exact(pinned)
}

func (c *correction) reason() string { return lateReason + c.in.Period.Name }

// difference rates the period with and without what came late and returns the
// lines that changed.
func (c *correction) difference(account string, ranking batch.Ranking, out *batch.Charges) ([]batch.Row, error) {
	payer, ok := c.payer(account)
	if !ok {
		return nil, nil
	}
	before, stopBefore := lines(c.before, payer, ranking, out)
	defer stopBefore()
	after, stopAfter := lines(c.after, payer, ranking, out)
	defer stopAfter()
	d := &differ{prices: out.Prices, reason: c.reason()}
	b, err := before()
	if err != nil {
		return nil, err
	}
	a, err := after()
	if err != nil {
		return nil, err
	}
	for a != nil || b != nil {
		order := compareLines(b, a)
		var old, new []batch.Row
		if order <= 0 {
			old = b
		}
		if order >= 0 {
			new = a
		}
		if err := d.line(old, new); err != nil {
			return nil, err
		}
		if old != nil {
			if b, err = before(); err != nil {
				return nil, err
			}
		}
		if new != nil {
			if a, err = after(); err != nil {
				return nil, err
			}
		}
	}
	return d.rows, nil
}

// compareLines orders two lines; one that has ended comes last.
func compareLines(a, b []batch.Row) int {
	switch {
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return a[0].Key.Compare(b[0].Key)
}

// lines pulls a payer's charges line by line: all portions of one line at once,
// nil at the end.
func lines(g rated, payer int32, ranking batch.Ranking, out *batch.Charges) (next func() ([]batch.Row, error), stop func()) {
	pull, stop := iter.Pull2(rowsOf(chargesOf(g, payer, ranking, out.Like())))
	held, err, more := pull()
	return func() ([]batch.Row, error) {
		var line []batch.Row
		for more && err == nil && (line == nil || held.Key == line[0].Key) {
			line = append(line, held)
			held, err, more = pull()
		}
		return line, err
	}, stop
}

func rowsOf(source chargeSource) iter.Seq2[batch.Row, error] {
	return func(yield func(batch.Row, error) bool) {
		stopped := false
		err := source(func(c *batch.Charges) error {
			for i := range c.Len() {
				if !yield(c.At(i), nil) {
					stopped = true
					return errStopped
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(batch.Row{}, err)
		}
	}
}

var errStopped = fmt.Errorf("reading stopped")

// differ collects what a line's portions changed by.
type differ struct {
	prices *batch.Table[batch.Price]
	reason string
	rows   []batch.Row
}

// priceTerms is what the portions of a line differ in.
type priceTerms struct {
	price batch.Price
	term  uint32
}

func (d *differ) line(old, new []batch.Row) error {
	sums := map[priceTerms]batch.Row{}
	var order []priceTerms
	for i, side := range [][]batch.Row{old, new} {
		for _, row := range side {
			if i == 0 {
				row = negated(row)
			}
			id := priceTerms{d.prices.Value(row.Price), row.Term}
			id.price.BlendedRate = money.Rate{} // an average over the month is no identity
			sum, seen := sums[id]
			if !seen {
				order = append(order, id)
				sum = batch.Row{Key: row.Key}
			}
			if err := addRow(&sum, row); err != nil {
				return err
			}
			sum.Price, sum.Term = row.Price, row.Term // the newer side comes last
			sums[id] = sum
		}
	}
	for _, id := range order {
		d.keep(sums[id])
	}
	return nil
}

func (d *differ) keep(row batch.Row) {
	if row.Amount == (money.Usage{}) && row.Unblended == (money.Cost{}) && row.List == (money.Cost{}) &&
		row.Net == (money.Cost{}) && row.Effective == (money.Cost{}) {
		return
	}
	p := d.prices.Value(row.Price)
	p.Reason = d.reason
	row.Price = d.prices.Code(p)
	d.rows = append(d.rows, row)
}

func negated(r batch.Row) batch.Row {
	r.Amount, r.List, r.Unblended, r.Blended = money.Neg(r.Amount), money.Neg(r.List), money.Neg(r.Unblended), money.Neg(r.Blended)
	r.Net, r.Effective, r.Upfront = money.Neg(r.Net), money.Neg(r.Effective), money.Neg(r.Upfront)
	return r
}

func addRow(sum *batch.Row, r batch.Row) error {
	var err error
	if sum.Amount, err = money.Add(sum.Amount, r.Amount); err != nil {
		return err
	}
	for _, c := range []struct {
		to   *money.Cost
		from money.Cost
	}{{&sum.List, r.List}, {&sum.Unblended, r.Unblended}, {&sum.Blended, r.Blended},
		{&sum.Net, r.Net}, {&sum.Effective, r.Effective}, {&sum.Upfront, r.Upfront}} {
		if *c.to, err = money.Add(*c.to, c.from); err != nil {
			return err
		}
	}
	return nil
}
