package sample

import (
	"crypto/sha256"
	"encoding/base32"
)

// region is a place where usage happens. Its prefix stands before the usage
// types, as AWS writes them; local time drives the shape of a day.
type region struct {
	code, prefix, name string
	utcOffset          int // hours, without daylight saving
	column             int // which of step.rates applies
}

// The regions of the price list. Only the last one is priced in KRW, because a
// SKU is found without looking at the currency of the bill.
var regions = []region{
	{"us-east-1", "", "US East (N. Virginia)", -5, 0},
	{"us-west-2", "USW2-", "US West (Oregon)", -8, 0},
	{"eu-west-1", "EU-", "EU (Ireland)", 0, 1},
	{"ap-northeast-2", "APN2-", "Asia Pacific (Seoul)", 9, 2},
}

// seoul is the index of the KRW region in regions.
const seoul = 3

// step is one tier of a product: where it begins, in pricing units, and its
// rates in USD (United States), USD (Ireland) and KRW (Seoul).
type step struct {
	from  string
	rates [3]string
}

// product is one metered thing, priced in every region unless it is global.
type product struct {
	service, usage, operation string // operation blank: any
	family, unit, what        string
	global                    bool // one SKU with a blank region
	instance, os              string
	volume, class             string
	steps                     []step
}

func flat(us, eu, krw string) []step { return []step{{"0", [3]string{us, eu, krw}}} }

// The products. Rates are public list prices, close enough to be believed; the
// KRW ones are the Seoul list prices at about 1,380 won to the dollar.
var products = []product{
	box("t3.micro", flat("0.0104", "0.0114", "17.94")),
	box("t3.medium", flat("0.0416", "0.0456", "71.76")),
	box("m5.large", flat("0.096", "0.107", "162.84")),
	box("c5.xlarge", flat("0.17", "0.192", "264.96")),
	box("r5.large", flat("0.126", "0.141", "209.76")),
	volume("gp3", flat("0.08", "0.088", "125.856")),
	volume("gp2", flat("0.10", "0.11", "157.32")),
	{service: "AmazonEC2", usage: "EBS:SnapshotUsage", operation: "CreateSnapshot", family: "Storage Snapshot",
		unit: "GB-Mo", what: "GB-month of snapshot data stored", steps: flat("0.05", "0.05", "69")},
	{service: "AmazonEC2", usage: "NatGateway-Hours", operation: "NatGateway", family: "NAT Gateway",
		unit: "Hrs", what: "NAT Gateway hour", steps: flat("0.045", "0.048", "81.42")},
	{service: "AmazonEC2", usage: "NatGateway-Bytes", operation: "NatGateway", family: "NAT Gateway",
		unit: "GB", what: "GB processed by NAT Gateways", steps: flat("0.045", "0.048", "81.42")},

	{service: "AmazonS3", usage: "TimedStorage-ByteHrs", family: "Storage", unit: "GB-Mo",
		what: "GB-month of standard storage used", class: "General Purpose", steps: []step{
			{"0", [3]string{"0.023", "0.023", "34.5"}},
			{"51200", [3]string{"0.022", "0.022", "33.12"}},
			{"512000", [3]string{"0.021", "0.021", "31.74"}}}},
	{service: "AmazonS3", usage: "Requests-Tier1", family: "API Request", unit: "Requests",
		what: "PUT, COPY, POST or LIST request", steps: flat("0.000005", "0.000005", "0.00621")},
	{service: "AmazonS3", usage: "Requests-Tier2", family: "API Request", unit: "Requests",
		what: "GET and all other requests", steps: flat("0.0000004", "0.0000004", "0.000483")},

	{service: "AWSDataTransfer", usage: "DataTransfer-Out-Bytes", family: "Data Transfer", unit: "GB",
		what: "GB transferred out to the internet", steps: []step{
			{"0", [3]string{"0.09", "0.09", "173.88"}},
			{"10240", [3]string{"0.085", "0.085", "168.36"}},
			{"51200", [3]string{"0.07", "0.07", "161.46"}},
			{"153600", [3]string{"0.05", "0.05", "149.04"}}}},
	{service: "AWSDataTransfer", usage: "DataTransfer-Regional-Bytes", family: "Data Transfer", unit: "GB",
		what: "GB transferred between availability zones", steps: flat("0.01", "0.01", "13.8")},

	database("db.t3.medium", flat("0.072", "0.078", "143.52")),
	database("db.m5.large", flat("0.178", "0.196", "325.68")),
	{service: "AmazonRDS", usage: "RDS:GP3-Storage", operation: "CreateDBInstance:0014", family: "Database Storage",
		unit: "GB-Mo", what: "GB-month of provisioned gp3 storage running PostgreSQL", volume: "gp3",
		steps: flat("0.115", "0.127", "180.78")},

	{service: "AWSLambda", usage: "Lambda-GB-Second", family: "Serverless", unit: "Lambda-GB-Second",
		what: "GB-second of function duration", steps: []step{
			{"0", [3]string{"0.0000166667", "0.0000166667", "0.0230000460"}},
			{"6000000000", [3]string{"0.0000150000", "0.0000150000", "0.0207000000"}},
			{"15000000000", [3]string{"0.0000133334", "0.0000133334", "0.0184000920"}}}},
	{service: "AWSLambda", usage: "Request", family: "Serverless", unit: "Requests",
		what: "function request", steps: flat("0.0000002", "0.0000002", "0.000276")},

	{service: "AmazonCloudWatch", usage: "CW:MetricMonitorUsage", family: "Metric", unit: "Metrics",
		what: "metric-month", steps: []step{
			{"0", [3]string{"0.30", "0.30", "414"}},
			{"10000", [3]string{"0.10", "0.10", "138"}},
			{"250000", [3]string{"0.05", "0.05", "69"}},
			{"1000000", [3]string{"0.02", "0.02", "27.6"}}}},
	{service: "AmazonCloudWatch", usage: "DataProcessing-Bytes", operation: "PutLogEvents", family: "Data Payload",
		unit: "GB", what: "GB of custom log data ingested", steps: flat("0.50", "0.57", "1048.8")},

	{service: "AmazonDynamoDB", usage: "ReadRequestUnits", operation: "PayPerRequestThroughput",
		family: "Amazon DynamoDB PayPerRequest Throughput", unit: "ReadRequestUnits", what: "read request unit",
		steps: flat("0.00000025", "0.000000283", "0.0003742560")},
	{service: "AmazonDynamoDB", usage: "WriteRequestUnits", operation: "PayPerRequestThroughput",
		family: "Amazon DynamoDB PayPerRequest Throughput", unit: "WriteRequestUnits", what: "write request unit",
		steps: flat("0.00000125", "0.000001415", "0.0018712800")},
	{service: "AmazonDynamoDB", usage: "TimedStorage-ByteHrs", family: "Database Storage", unit: "GB-Mo",
		what: "GB-month of table storage", steps: []step{
			{"0", [3]string{"0", "0", "0"}},
			{"25", [3]string{"0.25", "0.283", "373.98"}}}},

	{service: "AWSELB", usage: "LoadBalancerUsage", operation: "LoadBalancing:Application",
		family: "Load Balancer-Application", unit: "Hrs", what: "Application load balancer hour",
		steps: flat("0.0225", "0.0252", "31.05")},
	{service: "AWSELB", usage: "LCUUsage", operation: "LoadBalancing:Application",
		family: "Load Balancer-Application", unit: "LCU-Hrs", what: "Application load balancer capacity unit hour",
		steps: flat("0.008", "0.008", "11.04")},

	{service: "AWSQueueService", usage: "Requests-Tier1", family: "API Request", unit: "Requests",
		what: "standard queue request", steps: []step{
			{"0", [3]string{"0", "0", "0"}},
			{"1000000", [3]string{"0.0000004", "0.0000004", "0.000552"}},
			{"100000000000", [3]string{"0.0000003", "0.0000003", "0.000414"}}}},
	{service: "AmazonECR", usage: "TimedStorage-ByteHrs", family: "EC2 Container Registry", unit: "GB-Mo",
		what: "GB-month of image storage", steps: flat("0.10", "0.10", "138")},
	{service: "awskms", usage: "KMS-Keys", family: "Encryption Key", unit: "Keys",
		what: "customer managed key-month", steps: flat("1", "1", "1380")},

	{service: "AmazonRoute53", usage: "HostedZone", family: "DNS Zone", unit: "HostedZone", global: true,
		what: "hosted zone", steps: []step{
			{"0", [3]string{"0.50"}},
			{"25", [3]string{"0.10"}}}},
	{service: "AmazonRoute53", usage: "DNS-Queries", family: "DNS Query", unit: "Queries", global: true,
		what: "DNS query", steps: []step{
			{"0", [3]string{"0.0000004"}},
			{"1000000000", [3]string{"0.0000002"}}}},
}

func box(instance string, steps []step) product {
	return product{service: "AmazonEC2", usage: "BoxUsage:" + instance, operation: "RunInstances",
		family: "Compute Instance", unit: "Hrs", what: "On Demand Linux " + instance + " instance hour",
		instance: instance, os: "Linux", steps: steps}
}

func volume(api string, steps []step) product {
	name := string(api[0]-'a'+'A') + api[1:]
	return product{service: "AmazonEC2", usage: "EBS:VolumeUsage." + api, operation: "CreateVolume-" + name,
		family: "Storage", unit: "GB-Mo", what: "GB-month of General Purpose (" + api + ") provisioned storage",
		volume: api, steps: steps}
}

func database(class string, steps []step) product {
	return product{service: "AmazonRDS", usage: "InstanceUsage:" + class, operation: "CreateDBInstance:0014",
		family: "Database Instance", unit: "Hrs", what: "RDS " + class + " Single-AZ instance hour running PostgreSQL",
		instance: class, steps: steps}
}

// change is a price change in the middle of the month: new rates for the tiers
// of one SKU.
type change struct {
	service, usage, region string
	rates                  []string
}

var changes = []change{
	{"AmazonEC2", "BoxUsage:m5.large", "us-east-1", []string{"0.0912"}},
	{"AmazonS3", "EU-TimedStorage-ByteHrs", "eu-west-1", []string{"0.0225", "0.0215", "0.0205"}},
	{"AmazonEC2", "APN2-BoxUsage:m5.large", "ap-northeast-2", []string{"154.56"}},
}

// sku is a product in a region.
type sku struct {
	id        string
	usageType string
	region    string // blank for a global product
	product   *product
	place     *region
	changed   []string // rates from the middle of the month on; nil: no change
}

// catalog is every SKU, with those of the KRW region last.
type catalog struct {
	skus  []sku
	byKey map[skuKey]*sku
}

type skuKey struct {
	product string // service and usage type without prefix, see name
	region  string
}

// name identifies a product within products.
func (p *product) name() string { return p.service + "/" + p.usage }

// newCatalog lists the SKUs of the first count regions.
func newCatalog(count int) *catalog {
	c := &catalog{byKey: map[skuKey]*sku{}}
	for r := range regions[:count] {
		for i := range products {
			if !products[i].global || r == 0 {
				c.skus = append(c.skus, newSKU(&products[i], &regions[r]))
			}
		}
	}
	for i := range c.skus {
		s := &c.skus[i]
		c.byKey[skuKey{s.product.name(), s.region}] = s
	}
	return c
}

func newSKU(p *product, r *region) sku {
	s := sku{usageType: r.prefix + p.usage, region: r.code, product: p, place: r}
	if p.global {
		s.region = ""
	}
	s.id = code(16, "sku", p.service, s.usageType, p.operation, s.region)
	for _, c := range changes {
		if c.service == p.service && c.usage == s.usageType && c.region == s.region {
			s.changed = c.rates
		}
	}
	return s
}

// find returns the SKU that prices a product in a region.
func (c *catalog) find(product string, r *region) *sku {
	if s, ok := c.byKey[skuKey{product, r.code}]; ok {
		return s
	}
	s, ok := c.byKey[skuKey{product, ""}]
	if !ok {
		panic("sample: no SKU for " + product + " in " + r.code)
	}
	return s
}

// code returns n capital letters and digits that follow from parts alone, in
// the manner of SKU and rate codes.
func code(n int, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return base32.StdEncoding.EncodeToString(h.Sum(nil))[:n]
}
