package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/monthend/monthend/pipeline/ingest"
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/offer"
	"github.com/monthend/monthend/schema/price"
)

// attributeOperation is the product attribute that names the operation a SKU
// is for. It is blank where a SKU covers several operations.
const attributeOperation = "operation"

// DerivePrices reads Cost and Usage Reports and returns the price list that
// they imply, with notes on what they do not say. A report tells no unit for
// usage that was free in every row; where a free tier pool of the offers counts
// such usage, the unit is the pool's.
func DerivePrices(ctx context.Context, files []ingest.Input, offers offer.Offers, limits ingest.Limits) (list []byte, notes []string, err error) {
	d := &deriver{seen: map[price.Observation]*price.Observation{}, offers: offers}
	for _, f := range files {
		if err := ingest.ReadCURPrices(ctx, f, ingest.Options{Format: ingest.CUR, Limits: limits}, d.add); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if len(d.seen) == 0 {
		return nil, nil, fmt.Errorf("the reports hold no rated row to take a price from")
	}
	obs := make([]price.Observation, 0, len(d.seen))
	for _, o := range d.seen {
		obs = append(obs, d.finish(*o))
	}
	first := d.first.Time()
	list, notes = price.Derive(time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC), obs)
	return list, notes, nil
}

// deriver sums rows into observations.
type deriver struct {
	seen      map[price.Observation]*price.Observation // by what they agree in
	first     schema.Hour
	operation bool // some row names the operation of its SKU
	offers    offer.Offers
}

// add takes a row of usage. Fees and other charges have no price.
func (d *deriver) add(p *ingest.CURPrice) error {
	covered := false
	switch string(p.LineItemType) {
	case schema.LineItemUsage:
	case schema.LineItemDiscountedUsage, schema.LineItemSavingsPlanCoveredUsage:
		covered = true
	default:
		return nil
	}
	id := price.Observation{
		ServiceCode: string(p.ServiceCode), UsageType: string(p.UsageType), Operation: string(p.Operation), Region: string(p.Region),
		SKU: string(p.SKU), Family: string(p.Family), RateID: string(p.RateID), RateCode: string(p.RateCode),
		Description: string(p.Description), Unit: string(p.Unit), Rate: string(p.Rate), PublicRate: string(p.PublicRate),
		Currency: string(p.Currency), Attributes: string(p.Attributes), Covered: covered,
	}
	hour := schema.HourOf(p.Start)
	if len(d.seen) == 0 || hour < d.first {
		d.first = hour
	}
	o := d.seen[id]
	if o == nil {
		o = &price.Observation{}
		*o = id
		o.FirstHour, o.LastHour = hour, hour
		d.seen[id] = o
		d.operation = d.operation || skuOperation(id.Attributes) != ""
	}
	o.FirstHour, o.LastHour = min(o.FirstHour, hour), max(o.LastHour, hour)
	o.Rows++
	return nil
}

// finish puts the SKU's own operation in the place of the row's, where the
// report tells it: a SKU that covers several operations then matches any.
func (d *deriver) finish(o price.Observation) price.Observation {
	if d.operation {
		o.Operation = skuOperation(o.Attributes)
	}
	sku := price.SKU{ServiceCode: o.ServiceCode, UsageType: o.UsageType, Operation: o.Operation, Region: o.Region}
	for i := range d.offers.FreeTier {
		if pool := &d.offers.FreeTier[i]; o.Unit == "" && pool.Picks(&sku) {
			o.Unit = pool.Unit
		}
	}
	return o
}

func skuOperation(attributes string) string {
	for _, t := range schema.DecodeTags(attributes) {
		if strings.EqualFold(t.Key, attributeOperation) {
			return t.Value
		}
	}
	return ""
}
