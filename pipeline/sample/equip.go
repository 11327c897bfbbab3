package sample

import (
	"fmt"
	"math/rand/v2"

	"github.com/monthend/monthend/schema"
)

// part is one meter of a kind of resource. Its size is drawn between low and
// high: whole units, for useFlow thousandths of a unit an hour.
type part struct {
	product   string
	operation string // where the price list leaves it open
	resource  string // form of the resource id, see resourceID; blank: none
	plan      plan
	use       use
	low, high int64
}

// kind is a kind of resource that teams have.
type kind struct {
	weight  int
	machine bool // stops at night in some accounts
	zonal   bool
	parts   []part
}

func server(instance string, weight int, disk int64) kind {
	return kind{weight: weight, machine: true, zonal: true, parts: []part{
		{product: "AmazonEC2/BoxUsage:" + instance, resource: "i-", use: useTime},
		{product: "AmazonEC2/EBS:VolumeUsage.gp3", resource: "vol-", plan: planAlways, use: useSize, low: 8, high: disk},
	}}
}

// kinds is what an account picks from, by weight.
var kinds = []kind{
	server("t3.micro", 14, 16),
	server("t3.medium", 14, 64),
	server("m5.large", 12, 128),
	server("c5.xlarge", 6, 256),
	server("r5.large", 6, 256),
	{weight: 4, zonal: true, parts: []part{
		{product: "AmazonEC2/EBS:VolumeUsage.gp2", resource: "vol-", plan: planDaily, use: useSize, low: 50, high: 800}}},
	{weight: 5, parts: []part{
		{product: "AmazonEC2/EBS:SnapshotUsage", resource: "snap-", plan: planDaily, use: useHeld, low: 20, high: 900}}},
	{weight: 3, parts: []part{
		{product: "AmazonEC2/NatGateway-Hours", resource: "nat-", plan: planAlways, use: useTime},
		{product: "AmazonEC2/NatGateway-Bytes", resource: "nat-", plan: planAlways, use: useFlow, low: 100, high: 6000}}},
	{weight: 22, parts: []part{
		{product: "AmazonS3/TimedStorage-ByteHrs", operation: "StandardStorage", resource: "bucket", plan: planDaily, use: useHeld, low: 5, high: 9000},
		{product: "AmazonS3/Requests-Tier1", operation: "PutObject", resource: "bucket", plan: planDaily, use: useCount, low: 3, high: 4000},
		{product: "AmazonS3/Requests-Tier2", operation: "GetObject", resource: "bucket", plan: planDaily, use: useCount, low: 20, high: 90000}}},
	{weight: 10, parts: []part{
		{product: "AWSDataTransfer/DataTransfer-Out-Bytes", operation: "RunInstances", resource: "i-", plan: planAlways, use: useFlow, low: 20, high: 5000}}},
	{weight: 6, zonal: true, parts: []part{
		{product: "AWSDataTransfer/DataTransfer-Regional-Bytes", operation: "InterZone-Out", resource: "i-", plan: planOffice, use: useFlow, low: 10, high: 3000}}},
	{weight: 7, machine: true, zonal: true, parts: []part{
		{product: "AmazonRDS/InstanceUsage:db.t3.medium", resource: "db", use: useTime},
		{product: "AmazonRDS/RDS:GP3-Storage", resource: "db", plan: planDaily, use: useSize, low: 20, high: 200}}},
	{weight: 5, zonal: true, parts: []part{
		{product: "AmazonRDS/InstanceUsage:db.m5.large", resource: "db", plan: planAlways, use: useTime},
		{product: "AmazonRDS/RDS:GP3-Storage", resource: "db", plan: planDaily, use: useSize, low: 100, high: 2000}}},
	{weight: 14, parts: []part{
		{product: "AWSLambda/Request", operation: "Invoke", resource: "function", plan: planOffice, use: useCount, low: 20, high: 20000},
		{product: "AWSLambda/Lambda-GB-Second", operation: "Invoke", resource: "function", plan: planOffice, use: useFlow, low: 2000, high: 2000000}}},
	{weight: 6, parts: []part{
		{product: "AWSLambda/Request", operation: "Invoke", resource: "function", plan: planNightly, use: useCount, low: 50, high: 5000},
		{product: "AWSLambda/Lambda-GB-Second", operation: "Invoke", resource: "function", plan: planNightly, use: useFlow, low: 50000, high: 9000000}}},
	{weight: 6, parts: []part{
		{product: "AmazonCloudWatch/CW:MetricMonitorUsage", operation: "MetricStorage", plan: planDaily, use: useSize, low: 10, high: 300}}},
	{weight: 6, parts: []part{
		{product: "AmazonCloudWatch/DataProcessing-Bytes", resource: "logs", plan: planAlways, use: useFlow, low: 2, high: 900}}},
	{weight: 8, parts: []part{
		{product: "AmazonDynamoDB/ReadRequestUnits", resource: "table", plan: planOffice, use: useCount, low: 500, high: 400000},
		{product: "AmazonDynamoDB/WriteRequestUnits", resource: "table", plan: planOffice, use: useCount, low: 100, high: 90000},
		{product: "AmazonDynamoDB/TimedStorage-ByteHrs", operation: "StandardStorage", resource: "table", plan: planDaily, use: useHeld, low: 1, high: 200}}},
	{weight: 5, parts: []part{
		{product: "AWSELB/LoadBalancerUsage", resource: "lb", plan: planAlways, use: useTime},
		{product: "AWSELB/LCUUsage", resource: "lb", plan: planAlways, use: useFlow, low: 100, high: 6000}}},
	{weight: 6, parts: []part{
		{product: "AWSQueueService/Requests-Tier1", operation: "SendMessage", resource: "queue", plan: planOffice, use: useCount, low: 50, high: 30000}}},
	{weight: 6, parts: []part{
		{product: "AmazonECR/TimedStorage-ByteHrs", operation: "ImageStorage", resource: "repository", plan: planDaily, use: useHeld, low: 2, high: 120}}},
	{weight: 6, parts: []part{
		{product: "awskms/KMS-Keys", operation: "Standard", resource: "key", plan: planDaily, use: useSize, low: 1, high: 1}}},
	{weight: 5, parts: []part{
		{product: "AmazonRoute53/HostedZone", operation: "HostedZone", resource: "zone", plan: planOnce, use: useOne},
		{product: "AmazonRoute53/DNS-Queries", operation: "A", resource: "zone", plan: planDaily, use: useCount, low: 200, high: 90000}}},
}

// anchors are what the busiest account of a payer has beside that: enough of
// one thing to reach the second tier of its price.
var anchors = []kind{
	{parts: []part{
		{product: "AmazonS3/TimedStorage-ByteHrs", operation: "StandardStorage", resource: "bucket", plan: planDaily, use: useHeld, low: 90_000, high: 90_000}}},
	{parts: []part{
		{product: "AmazonCloudWatch/CW:MetricMonitorUsage", operation: "MetricStorage", plan: planDaily, use: useSize, low: 14_000, high: 14_000}}},
	{parts: []part{
		{product: "AWSDataTransfer/DataTransfer-Out-Bytes", operation: "RunInstances", resource: "i-", plan: planAlways, use: useFlow, low: 22_000, high: 22_000}}},
}

// bursts are machines that somebody starts for a few hours. They also use up
// the rest of an account's records, so that the number comes out exactly.
var bursts = []string{"AmazonEC2/BoxUsage:c5.xlarge", "AmazonEC2/BoxUsage:m5.large", "AmazonEC2/BoxUsage:t3.micro"}

const maxBurst = 48 // hours

// picks is how often an account tries to find something that its remaining
// records can pay for before it turns to bursts.
const picks = 4

// equip gives the accounts resources until they make exactly the records asked
// for, and counts the records of each hour.
func (w *world) equip(rng *rand.Rand) {
	var accounts []*account
	for i := range w.payers {
		for k := range w.payers[i].accounts {
			accounts = append(accounts, &w.payers[i].accounts[k])
		}
	}
	shares := split(w.opt.Records, len(accounts), 12, func(i int) uint64 { return accounts[i].weight })
	for i, a := range accounts {
		w.fill(rng, a, shares[i])
	}
	w.rowsPerH = make([]int64, w.end-w.first)
	for i := range w.meters {
		m := &w.meters[i]
		for h := m.from; h < m.until; h++ {
			if m.active(h) {
				w.rowsPerH[h-w.first]++
			}
		}
	}
}

// fill gives one account resources that make n records.
func (w *world) fill(rng *rand.Rand, a *account, n int) {
	home := seoul
	if !a.payer.won {
		home = pick(rng, []int{6, 2, 2}) // the first regions
	}
	busiest := a == &a.payer.accounts[1]
	for i := range anchors {
		if busiest {
			n -= w.add(rng, a, &regions[home], &anchors[i], n)
		}
	}
	for n > 0 {
		added := 0
		for range picks {
			place := home
			if !a.payer.won && rng.IntN(8) == 0 {
				place = rng.IntN(seoul)
			}
			if added = w.add(rng, a, &regions[place], pickKind(rng, a.payer.won), n); added > 0 {
				break
			}
		}
		if added == 0 {
			added = w.burst(rng, a, &regions[home], n)
		}
		n -= added
	}
}

// pick draws an index by weight.
func pick(rng *rand.Rand, weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := rng.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	panic("sample: weights changed while picking")
}

// pickKind draws a kind of resource that the payer's price list has.
func pickKind(rng *rand.Rand, won bool) *kind {
	weights := make([]int, len(kinds))
	for i, k := range kinds {
		if weights[i] = k.weight; won && k.parts[0].product == "AmazonRoute53/HostedZone" {
			weights[i] = 0
		}
	}
	return &kinds[pick(rng, weights)]
}

// add gives an account a resource, unless that makes more than limit records,
// and returns how many it makes.
func (w *world) add(rng *rand.Rand, a *account, place *region, k *kind, limit int) int {
	run := planAlways
	if k.machine {
		production := []int{8, 1, 1}
		others := []int{2, 5, 3}
		weights := others
		if a.env == "production" {
			weights = production
		}
		run = []plan{planAlways, planOffice, planNightly}[pick(rng, weights)]
	}
	number, zone := rng.Uint64(), ""
	if k.zonal {
		zone = place.code + string(rune('a'+rng.IntN(3)))
	}
	tags := a.tags[rng.IntN(len(a.tags))]
	n := 0
	made := make([]meter, len(k.parts))
	for i, p := range k.parts {
		m := &made[i]
		*m = meter{sku: w.catalog.find(p.product, place), account: a, tags: tags, zone: zone, plan: p.plan, use: p.use,
			resource: resourceID(p.resource, a, place, number), operation: p.operation,
			from: a.joined, until: hourOf(a.payer.period.End), seed: rng.Uint64(), mean: size(rng, p)}
		if m.plan == planRun {
			m.plan = run
		}
		if op := m.sku.product.operation; op != "" {
			m.operation = op
		}
		n += m.count()
	}
	if n > limit {
		return 0
	}
	w.meters = append(w.meters, made...)
	return n
}

// size draws the mean of a part: mostly near low, seldom near high.
func size(rng *rand.Rand, p part) int64 {
	v := max(p.low, 1)
	for v < p.high && rng.IntN(100) < 62 {
		v *= 2
	}
	if p.use != useSize && p.high > p.low {
		v += rng.Int64N(v/2 + 1)
	}
	if p.use == useFlow {
		return v * (unit / 1000)
	}
	return v
}

// burst adds a machine for a short stretch of at most n hours.
func (w *world) burst(rng *rand.Rand, a *account, place *region, n int) int {
	n = min(n, 1+rng.IntN(maxBurst))
	free := int(hourOf(a.payer.period.End)-a.joined) - n
	from := a.joined + schema.Hour(rng.IntN(free+1))
	s := w.catalog.find(bursts[rng.IntN(len(bursts))], place)
	w.meters = append(w.meters, meter{sku: s, account: a, tags: a.tags[rng.IntN(len(a.tags))], operation: s.product.operation,
		resource: resourceID("i-", a, place, rng.Uint64()), zone: place.code + string(rune('a'+rng.IntN(3))),
		plan: planStretch, use: useTime, from: from, until: from + schema.Hour(n), seed: rng.Uint64()})
	return n
}

// resourceID names a resource in the manner of its service.
func resourceID(form string, a *account, place *region, number uint64) string {
	name := fmt.Sprintf("%s-%s-%06x", a.team.slug, a.env, number&0xffffff)
	arn := func(service, rest string) string {
		return "arn:aws:" + service + ":" + place.code + ":" + a.id + ":" + rest
	}
	switch form {
	case "":
		return ""
	case "bucket":
		return "example-" + name
	case "function":
		return arn("lambda", "function:"+name)
	case "db":
		return arn("rds", "db:"+name)
	case "table":
		return arn("dynamodb", "table/"+name)
	case "lb":
		return arn("elasticloadbalancing", fmt.Sprintf("loadbalancer/app/%s/%016x", name, number))
	case "queue":
		return arn("sqs", name)
	case "logs":
		return arn("logs", "log-group:/"+name)
	case "repository":
		return arn("ecr", "repository/"+name)
	case "key":
		return arn("kms", fmt.Sprintf("key/%08x-0000-4000-8000-%012x", uint32(number>>32), number&0xffffffffffff))
	case "zone":
		return "arn:aws:route53:::hostedzone/Z" + code(13, name)
	}
	return fmt.Sprintf("%s0%016x", form, number)
}
