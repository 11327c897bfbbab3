package batch

import (
	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// Owner stands on every charge of a batch: who bills whom, in which money, for
// which period.
type Owner struct {
	Issuer          string // schema.Issuer.ID
	IssuerName      string // legal name, the invoicing entity
	Payer           string // payer account id
	PayerName       string
	PricingCurrency money.Currency
	BillingCurrency money.Currency
	Period          schema.Period
	AccountNames    map[string]string // usage account id to display name, as of the period
	Discounted      bool              // a contract discount may lower some charge of the payer
}

// Price is what made the figures of a charge, copied from the price list and
// the offers so that a closed bill needs neither. One row of it serves every
// charge of the same SKU, version, tier and offer.
type Price struct {
	SKU         string
	RateCode    string // SKU.term.rate of the price list
	Term        string // OnDemand
	Description string
	Unit        string // pricing unit
	Rated       bool   // false where the cost came with the record: no rate is known
	Rate        money.Rate
	PublicRate  money.Rate // the dearest tier's rate on free usage, else Rate
	BlendedRate money.Rate // organization average of the SKU in the period, 10 decimals
	Effective   int64      // EffectiveDate of the price version, seconds since 1970
	Begin, End  string     // tier bounds as in the price list; End is Inf for the last
	Pool        string     // id of the free tier pool that made it free; empty otherwise
	Attributes  string     // product attributes of the SKU in the form of schema.EncodeTags
	Reason      string     // why a charge stands in a later bill than its usage; empty otherwise
	TaxType     string     // of a tax row, such as VAT; empty otherwise
}

// The kinds of commitments.
const (
	Reservation = "reservation"
	SavingsPlan = "savings_plan"
)

// Terms are the commitment and the discounts that a charge stands under. The
// zero Terms, under none, have code 0 in every table that NewTerms made.
type Terms struct {
	Commitment Commitment
	Discounts  string // what lowers the net cost, in the form of batch.EncodeDiscounts; empty: nothing
}

// Commitment is the reservation or savings plan of a covered line, of a
// commitment's own fee or of a negation. Texts are as CUR shows them. Figures
// from Count on stand on fee lines only.
type Commitment struct {
	Kind         string // Reservation or SavingsPlan; empty: none
	ID           string // ARN
	Subscription string
	Lease        string     // 1yr or 3yr
	Class        string     // standard or convertible
	Payment      string     // No Upfront, Partial Upfront, All Upfront
	Region       string     // of an instance plan
	Zone         string     // of a zonal reservation
	Family       string     // of an instance plan
	Offering     string     // ComputeSavingsPlans or EC2InstanceSavingsPlans
	Start, End   string     // ISO 8601 with milliseconds; End is the last second
	Rate         money.Rate // what a plan charges for a covered line, per unit

	Count           string      // number of reservations
	UnitsPer        string      // units of one reservation in the period
	NormalizedPer   string      // normalized units of one reservation in the period
	Units           string      // units reserved in the period
	Normalized      string      // normalized units reserved in the period
	Upfront         money.Cost  // price paid up front, whole
	AmortizedFee    money.Cost  // part of Upfront that falls on the period, of a plan on the hour
	Recurring       money.Cost  // recurring part of a plan's hour
	UnusedUpfront   money.Cost  // part of AmortizedFee that no usage consumed
	UnusedRecurring money.Cost  // part of the recurring fee that no usage consumed
	UnusedUnits     money.Usage // units that no usage consumed
	UnusedNormal    money.Usage // normalized units that no usage consumed
}

// NewTerms returns a table that holds the zero Terms.
func NewTerms() *Table[Terms] {
	t := NewTable[Terms]()
	t.Code(Terms{})
	return t
}

// Charges is a batch of rated lines in the canonical order, free portion and
// tiers of one line following each other. All slices have the same length.
type Charges struct {
	Owner  *Owner
	Dims   *Dims
	Prices *Table[Price]
	Terms  *Table[Terms]

	Head, Resource, Tail, Price []uint32
	Term                        []uint32 // code in Terms; 0: under none
	Hour                        []schema.Hour
	Amount                      []money.Usage
	List                        []money.Cost // at the public on-demand rate; zero where none is known
	Unblended                   []money.Cost // what the account itself incurs
	Blended                     []money.Cost // at the organization's average rate
	Net                         []money.Cost // unblended after discounts
	Effective                   []money.Cost // amortized: what the line consumes of what was paid, whenever it was paid
	Upfront                     []money.Cost // part of Effective that was paid up front
}

// NewCharges returns an empty batch over the given tables.
func NewCharges(owner *Owner, dims *Dims, prices *Table[Price]) *Charges {
	return &Charges{Owner: owner, Dims: dims, Prices: prices, Terms: NewTerms()}
}

// Like returns an empty batch over the same tables.
func (c *Charges) Like() *Charges {
	return &Charges{Owner: c.Owner, Dims: c.Dims, Prices: c.Prices, Terms: c.Terms}
}

// Len returns the number of rows.
func (c *Charges) Len() int { return len(c.Head) }

// Slice returns rows [from, to) as a view.
func (c *Charges) Slice(from, to int) *Charges {
	return &Charges{
		Owner: c.Owner, Dims: c.Dims, Prices: c.Prices, Terms: c.Terms,
		Head: c.Head[from:to], Resource: c.Resource[from:to], Tail: c.Tail[from:to], Price: c.Price[from:to],
		Term: c.Term[from:to], Hour: c.Hour[from:to], Amount: c.Amount[from:to],
		List: c.List[from:to], Unblended: c.Unblended[from:to], Blended: c.Blended[from:to],
		Net: c.Net[from:to], Effective: c.Effective[from:to], Upfront: c.Upfront[from:to],
	}
}

// Reset empties the batch and keeps its memory and tables.
func (c *Charges) Reset() {
	c.Head, c.Resource, c.Tail, c.Price = c.Head[:0], c.Resource[:0], c.Tail[:0], c.Price[:0]
	c.Term, c.Hour, c.Amount = c.Term[:0], c.Hour[:0], c.Amount[:0]
	c.List, c.Unblended, c.Blended = c.List[:0], c.Unblended[:0], c.Blended[:0]
	c.Net, c.Effective, c.Upfront = c.Net[:0], c.Effective[:0], c.Upfront[:0]
}

// Row is one charge, for the few places that handle charges one by one. Net,
// Effective and Upfront count where Term is not 0; a line under no terms has its
// unblended cost as net and effective cost.
type Row struct {
	Key       Key
	Price     uint32
	Term      uint32
	Amount    money.Usage
	List      money.Cost
	Unblended money.Cost
	Blended   money.Cost
	Net       money.Cost
	Effective money.Cost
	Upfront   money.Cost
}

// Append adds one charge.
func (c *Charges) Append(r Row) {
	if r.Term == 0 {
		r.Net, r.Effective, r.Upfront = r.Unblended, r.Unblended, money.Cost{}
	}
	c.Head = append(c.Head, r.Key.Head())
	c.Resource = append(c.Resource, r.Key.Resource())
	c.Tail = append(c.Tail, r.Key.Tail())
	c.Hour = append(c.Hour, r.Key.Hour())
	c.Price = append(c.Price, r.Price)
	c.Term = append(c.Term, r.Term)
	c.Amount = append(c.Amount, r.Amount)
	c.List = append(c.List, r.List)
	c.Unblended = append(c.Unblended, r.Unblended)
	c.Blended = append(c.Blended, r.Blended)
	c.Net = append(c.Net, r.Net)
	c.Effective = append(c.Effective, r.Effective)
	c.Upfront = append(c.Upfront, r.Upfront)
}

// At returns row i.
func (c *Charges) At(i int) Row {
	return Row{
		Key: LineKey(c.Head[i], c.Resource[i], c.Hour[i], c.Tail[i]), Price: c.Price[i], Term: c.Term[i], Amount: c.Amount[i],
		List: c.List[i], Unblended: c.Unblended[i], Blended: c.Blended[i],
		Net: c.Net[i], Effective: c.Effective[i], Upfront: c.Upfront[i],
	}
}

// CopyFrom makes the batch a copy of another, over the same dimensions and the
// prices and terms as they are now: it may be read while the other is filled anew.
func (c *Charges) CopyFrom(o *Charges) {
	c.Owner, c.Dims, c.Prices, c.Terms = o.Owner, o.Dims, o.Prices.Snapshot(), o.Terms.Snapshot()
	c.Reset()
	c.AppendAll(o)
}

// AppendAll adds the rows of another batch over the same tables.
func (c *Charges) AppendAll(o *Charges) {
	c.Head = append(c.Head, o.Head...)
	c.Resource = append(c.Resource, o.Resource...)
	c.Tail = append(c.Tail, o.Tail...)
	c.Price = append(c.Price, o.Price...)
	c.Term = append(c.Term, o.Term...)
	c.Hour = append(c.Hour, o.Hour...)
	c.Amount = append(c.Amount, o.Amount...)
	c.List = append(c.List, o.List...)
	c.Unblended = append(c.Unblended, o.Unblended...)
	c.Blended = append(c.Blended, o.Blended...)
	c.Net = append(c.Net, o.Net...)
	c.Effective = append(c.Effective, o.Effective...)
	c.Upfront = append(c.Upfront, o.Upfront...)
}
