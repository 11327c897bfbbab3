// Package config turns the configuration file, the organization file and the
// offers file into checked structs, and reads secrets from the environment. It
// reports every fault of a file at once, with line and column, and takes no key
// that it does not know.
//
// It owns the form of these files, their defaults and ranges. It does not open
// what they name, and nothing but cmd knows that they exist: each part of the
// program has options of its own, which cmd fills.
package config

import (
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/monthend/monthend/schema"
)

// Config is a checked configuration file. Paths are absolute, or relative to
// the working folder when the configuration file was named that way.
type Config struct {
	Store        Store
	Prices       []string // price list CSV files; at least one
	Offers       string   // offers file; blank: there are no offers
	Organization string   // organization file
	Sources      []Source // where usage comes from; names are unique
	Exports      []Export // reports to write; names are unique
	Memory       Size     // memory for sorting and merging, 64MiB to 1TiB; default 1GiB
	Workers      int      // what is worked on at a time, 1 to 64; 0, the default: as many as there are processors
	WorkDir      string   // folder for temporary files; blank: the system's
	Close        Close
	Publish      Publish
	Schedule     Schedule
	Calendars    []string // dated files of public holidays; the name of a calendar is the file's, without its ending
	MetricsFile  string   // figures for the textfile collector of Prometheus; blank: none
	Alarms       Alarms
	Log          Log
	Limits       Limits
	Secrets      Secrets // from the environment
}

// programBytes is what the program takes beside its heap: its own text, above all.
const programBytes = 32 << 20

// HeapLimit is how large the heap may grow so that all of the program stays within
// Memory.
func (c *Config) HeapLimit() int64 { return max(int64(c.Memory)-programBytes, int64(c.Memory)/2) }

// Store says where the bucket is: a folder or S3, exactly one of them.
type Store struct {
	Folder          string // the embedded store; blank when S3 is used
	S3              *S3
	ID              string // identity that the store must have, as init prints it; blank: any
	SingleScheduler bool   // accept a store without conditional writes: the operator sees to it that one job runs at a time; default false
}

// S3 is a bucket in an S3-compatible service. Credentials are none of it: the
// client finds them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the shared
// credentials file or the role of the machine.
type S3 struct {
	Endpoint          string // http or https URL without a path; blank: AWS in Region
	Region            string // default us-east-1
	Bucket            string // must exist
	Prefix            string // put before every key, without slashes at its ends; default none
	PathStyle         bool   // bucket in the path, not in the host name; default false
	CAFile            string // PEM file with further certificates of the endpoint; default none
	TrailingChecksums bool   // send a checksum after the body; default true on AWS, false where endpoint is set
}

// Source is where usage comes from.
type Source struct {
	Name    string // 1 to 64 letters, digits, dashes, underscores
	Kind    string // events: ids are unique for ever; snapshot: a delivery replaces the one before
	Format  string // auto, csv, jsonl, parquet or cur; default auto
	Path    string // file, folder or s3://bucket/prefix to read from; blank: named on the command line
	Rejects string // file: one bad row refuses its file; rows: bad rows are set aside; default file

	// Declares says that the source declares by `monthend mark` through when its
	// usage is complete; closes wait for that. Only for events; default false.
	Declares bool
}

// RejectRows tells whether bad rows are set aside while the rest of their file
// is taken.
func (s Source) RejectRows() bool { return s.Rejects == "rows" }

// Export is a report to be written for every payer.
type Export struct {
	Name             string // 1 to 64 letters, digits, dashes, underscores; part of object keys
	Table            string // COST_AND_USAGE_REPORT, the default
	Format           string // parquet, the default, or csv
	Members          bool   // each member account gets its own slice too; default false
	ChunkRows        int    // rows per file, 1000 to 10000000; default 500000
	TimeGranularity  string // HOURLY, the default
	IncludeResources bool   // resource ids are kept; true, the default
}

// Close says how a month is closed.
type Close struct {
	Wait     time.Duration // after the month's end, for usage that is under way of sources that do not declare; 0s to 720h, default 6h
	Deadline time.Duration // after the month's end, when a person must decide about sources that are silent; 0s to 720h, default 72h
}

// Publish says when invoices and final reports go out, in business days of the
// month after, by the issuer's calendar.
type Publish struct {
	BusinessDay int           // from its beginning on; 1 to 7, default 3
	Latest      int           // before its end; business_day to 7, default 7
	Risk        time.Duration // before that, when an unpublished month raises an alarm; 0s to 240h, default 24h
}

// Schedule says how often jobs come: a length of time such as 8h, counted from
// midnight UTC, a cron expression in UTC, or never. Its form is checked where
// it is used.
type Schedule struct {
	Ingest  string // default 1h
	Report  string // default 8h
	Collect string // default 24h
}

// Alarms say where alarms may go; the address of the webhook is a secret.
type Alarms struct {
	AllowLocal bool // the webhook and the ping may be on this host or its link; default false
}

// Log says how the program talks.
type Log struct {
	Format string // text, the default, or json
	Level  string // debug, info, warn or error; default info
}

// Limits protect ingest from broken and hostile files.
type Limits struct {
	MaxLineBytes Size // one line or row; 4KiB to 64MiB, default 1MiB
	MaxFileBytes Size // one file, also when expanded; 1MiB to 16TiB, default 64GiB
	MaxRatio     int  // expanded bytes per compressed byte; 2 to 100000, default 200
	MaxColumns   int  // columns of one file; 10 to 100000, default 2000
	MaxProblems  int  // bad rows after which a file is given up; 1 to 10000000, default 10000
}

// Bounds that several parts share.
const (
	defaultChunkRows = 500_000
	maxWait          = 720 * time.Hour
	maxBusinessDay   = 7
	maxRisk          = 240 * time.Hour
)

// Parse reads a configuration file that has been read into data. file names it
// in messages, and its folder is where relative paths begin. env holds the
// environment as os.Environ gives it. The result is of use only when there is
// no problem.
func Parse(file string, data []byte, env []string) (*Config, schema.Problems) {
	c := &Config{
		Memory:   1 << 30,
		Close:    Close{Wait: 6 * time.Hour, Deadline: 72 * time.Hour},
		Publish:  Publish{BusinessDay: 3, Latest: 7, Risk: 24 * time.Hour},
		Schedule: Schedule{Ingest: "1h", Report: "8h", Collect: "24h"},
		Log:      Log{Format: "text", Level: "info"},
		Limits:   Limits{MaxLineBytes: 1 << 20, MaxFileBytes: 64 << 30, MaxRatio: 200, MaxColumns: 2000, MaxProblems: 10_000},
	}
	r := &reader{file: file}
	sources, exports := map[string]string{}, map[string]string{}
	r.read(data, keys{
		"store":        r.store(&c.Store),
		"prices":       r.list(func(path string, n *yaml.Node) { r.path(grow(&c.Prices))(path, n) }),
		"offers":       r.path(&c.Offers),
		"organization": r.path(&c.Organization),
		"sources":      r.list(func(path string, n *yaml.Node) { r.source(grow(&c.Sources), sources)(path, n) }),
		"exports":      r.list(func(path string, n *yaml.Node) { r.export(grow(&c.Exports), exports)(path, n) }),
		"memory":       r.size(&c.Memory, 64<<20, 1<<40),
		"workers":      r.integer(&c.Workers, 1, 64),
		"work_dir":     r.path(&c.WorkDir),
		"close":        r.block(keys{"wait": r.duration(&c.Close.Wait, maxWait), "deadline": r.duration(&c.Close.Deadline, maxWait)}),
		"publish":      r.publish(&c.Publish),
		"schedule":     r.block(keys{"ingest": r.text(&c.Schedule.Ingest), "report": r.text(&c.Schedule.Report), "collect": r.text(&c.Schedule.Collect)}),
		"calendars":    r.list(func(path string, n *yaml.Node) { r.path(grow(&c.Calendars))(path, n) }),
		"metrics_file": r.path(&c.MetricsFile),
		"alarms":       r.block(keys{"allow_local": r.boolean(&c.Alarms.AllowLocal)}),
		"log": r.block(keys{
			"format": r.oneOf(&c.Log.Format, "text", "json"),
			"level":  r.oneOf(&c.Log.Level, "debug", "info", "warn", "error"),
		}),
		"limits": r.limits(&c.Limits),
	}, "store", "prices", "organization", "sources")
	r.environment(&c.Secrets, env)
	return c, r.problems
}

// grow appends a zero element and returns its place, which holds until the
// next call.
func grow[T any](list *[]T) *T {
	*list = append(*list, *new(T))
	return &(*list)[len(*list)-1]
}

func (r *reader) limits(l *Limits) take {
	return r.block(keys{
		"max_line_bytes": r.size(&l.MaxLineBytes, 4<<10, 64<<20),
		"max_file_bytes": r.size(&l.MaxFileBytes, 1<<20, 16<<40),
		"max_ratio":      r.integer(&l.MaxRatio, 2, 100_000),
		"max_columns":    r.integer(&l.MaxColumns, 10, 100_000),
		"max_problems":   r.integer(&l.MaxProblems, 1, 10_000_000),
	})
}

func (r *reader) publish(p *Publish) take {
	return func(path string, n *yaml.Node) {
		r.block(keys{
			"business_day": r.integer(&p.BusinessDay, 1, maxBusinessDay),
			"latest":       r.integer(&p.Latest, 1, maxBusinessDay),
			"risk":         r.duration(&p.Risk, maxRisk),
		})(path, n)
		if p.Latest < p.BusinessDay {
			r.fault(path, n, "has latest before business_day", "latest is the last business day on which the month may still be published")
		}
	}
}

func (r *reader) store(s *Store) take {
	return func(path string, n *yaml.Node) {
		before := len(r.problems)
		r.block(keys{
			"folder":           r.path(&s.Folder),
			"s3":               func(path string, n *yaml.Node) { s.S3 = &S3{}; r.s3(s.S3)(path, n) },
			"single_scheduler": r.boolean(&s.SingleScheduler),
			"id":               r.text(&s.ID),
		})(path, n)
		if len(r.problems) == before && (s.Folder == "") == (s.S3 == nil) {
			r.fault(path, n, "must be either a folder or s3", "give exactly one of store.folder and store.s3")
		}
	}
}

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	prefixForm = regexp.MustCompile(`^[a-zA-Z0-9._=-]+(/[a-zA-Z0-9._=-]+)*$`)
)

func (r *reader) s3(s *S3) take {
	return func(path string, n *yaml.Node) {
		s.Region = "us-east-1"
		var checksums *bool
		r.block(keys{
			"endpoint":           r.endpoint(&s.Endpoint),
			"region":             r.matching(&s.Region, regionForm, "a region", "write one such as us-east-1"),
			"bucket":             r.matching(&s.Bucket, bucketForm, "a bucket name", "use 3 to 63 lower-case letters, digits, dots and dashes"),
			"prefix":             r.matching(&s.Prefix, prefixForm, "a prefix", "write words with slashes between and none at the ends, such as billing/prod"),
			"path_style":         r.boolean(&s.PathStyle),
			"ca_file":            r.path(&s.CAFile),
			"trailing_checksums": func(path string, n *yaml.Node) { checksums = new(bool); r.boolean(checksums)(path, n) },
		}, "bucket")(path, n)
		if s.TrailingChecksums = s.Endpoint == ""; checksums != nil {
			s.TrailingChecksums = *checksums
		}
	}
}

func (r *reader) source(s *Source, taken map[string]string) take {
	return func(path string, n *yaml.Node) {
		s.Format, s.Rejects = "auto", "file"
		r.block(keys{
			"name":     r.name(&s.Name, taken),
			"kind":     r.oneOf(&s.Kind, "events", "snapshot"),
			"format":   r.oneOf(&s.Format, "auto", "csv", "jsonl", "parquet", "cur"),
			"path":     r.place(&s.Path),
			"rejects":  r.oneOf(&s.Rejects, "file", "rows"),
			"declares": r.boolean(&s.Declares),
		}, "name", "kind")(path, n)
		if s.Kind == "events" && s.Format == "cur" {
			r.fault(path, n, "reads a Cost and Usage Report as events", "a report replaces the one before: write kind: snapshot")
		}
		if s.Kind == "snapshot" && s.Declares {
			r.fault(path, n, "is a snapshot and declares completeness", "a snapshot is complete when its final report has come: take declares away")
		}
	}
}

func (r *reader) export(e *Export, taken map[string]string) take {
	return func(path string, n *yaml.Node) {
		*e = Export{Table: "COST_AND_USAGE_REPORT", Format: "parquet", ChunkRows: defaultChunkRows, TimeGranularity: "HOURLY", IncludeResources: true}
		var resources string
		r.block(keys{
			"name":              r.name(&e.Name, taken),
			"table":             r.only(&e.Table, "COST_AND_USAGE_REPORT", "table"),
			"format":            r.oneOf(&e.Format, "parquet", "csv"),
			"members":           r.boolean(&e.Members),
			"chunk_rows":        r.integer(&e.ChunkRows, 1000, 10_000_000),
			"time_granularity":  r.only(&e.TimeGranularity, "HOURLY", "granularity"),
			"include_resources": r.only(&resources, "true", "include_resources:"),
		}, "name")(path, n)
	}
}
