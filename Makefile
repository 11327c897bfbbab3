# One door: make check. Nothing but go and git is needed; no C compiler, no
# server. The S3 tests build their server with go.

export CGO_ENABLED = 0

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
# Runs, not seconds: when its seconds are over, go test before Go 1.27 may fail
# with "context deadline exceeded" though nothing was found (go.dev/issue/75804).
FUZZTIME    = 20000x
BIN         = bin/monthend
TESTFLAGS   =

.PHONY: rate-million sim sim-kill sim-mutants verify-test demo build test fmt lint house s3 check real fuzz cover

demo: ## a whole month on screen, from sample usage to invoice
	go run ./cmd/monthend demo

build: ## the program, in bin/
	go build -trimpath -o $(BIN) ./cmd/monthend

test: ## every test that needs nothing installed
	go test $(TESTFLAGS) ./...

fmt: ## format the source in place
	gofmt -w .

lint: ## format, vet, staticcheck; changes nothing
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

house: ## who may import whom, clock, state, names, comments
	go test -count=1 -run 'TestHouse' -v ./cmd/monthend

s3: ## the store suite and a month, on a real S3 server on loopback
	testdata/s3server/with-s3 go test -count=1 -v -run 'TestServer|TestCase' ./pipeline/store/s3
	testdata/s3server/with-s3 go test -count=1 -v -run 'TestS3' ./cmd/monthend

check: ## everything a change must pass; the tree must be as before at the end
	@tree() { git status --porcelain && git diff | git hash-object --stdin; }; \
	before=$$(tree) && \
	$(MAKE) --no-print-directory lint house test s3 && \
	after=$$(tree) && \
	if [ "$$before" != "$$after" ]; then \
		echo "the checks changed the tree:"; git status --short; git --no-pager diff --stat; exit 1; \
	fi && echo "check: all passed"

real: ## two real AWS months rated again; needs ../shared/data
	MONTHEND_REAL=1 go test -count=1 -timeout 30m -v -run 'TestReal' ./cmd/monthend

fuzz: ## each fuzz test, FUZZTIME runs
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for name in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "fuzz $$dir $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null; \
		done; \
	done

cover: ## statements that the tests reach, by package and in all
	go test -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1

# The bench is a module of its own: it needs a C compiler for DuckDB.
BENCH_N      = 1000000
BENCH_ROUNDS = 5
BENCH_SHAPE  = even
# The setting of the product in all of them; blank: its default.
BENCH_MEMORY =
export BENCH_MEMORY
BENCH_DIR    = $(or $(TMPDIR),/tmp)/monthend-bench

.PHONY: bench bench-formats bench-cliffs bench-refresh bench-large bench-build

bench: bench-build ## BENCH_N records against DuckDB and the floor; see docs/performance.md
	rm -rf $(BENCH_DIR)/month
	$(BENCH_DIR)/bench generate -dir $(BENCH_DIR)/month -records $(BENCH_N) -shape $(BENCH_SHAPE)
	$(BENCH_DIR)/bench run -dir $(BENCH_DIR)/month -repeat $(BENCH_ROUNDS) -duck $(BENCH_DIR)/duck -sql bench/duckdb.sql -same bench/same.sql

bench-formats: bench-build ## ingest of CSV.gz, JSON Lines and Parquet against DuckDB's readers
	rm -rf $(BENCH_DIR)/formats
	$(BENCH_DIR)/bench generate -dir $(BENCH_DIR)/formats -records $(BENCH_N) -formats parquet,csv.gz,jsonl
	$(BENCH_DIR)/bench formats -dir $(BENCH_DIR)/formats -repeat $(BENCH_ROUNDS) -duck $(BENCH_DIR)/duck -sql bench/ingest.sql

bench-cliffs: bench-build ## shapes that might be a cliff, each as a ratio to the even month
	$(BENCH_DIR)/bench cliffs -dir $(BENCH_DIR)/cliffs -records $(BENCH_N) -repeat $(BENCH_ROUNDS)

bench-refresh: bench-build ## what a day costs that comes to 29 others
	$(BENCH_DIR)/bench refresh -dir $(BENCH_DIR)/refresh -records $(BENCH_N) -repeat $(BENCH_ROUNDS)

bench-large: bench-build ## ten million records and ten times as many, ours alone
	$(BENCH_DIR)/bench growth -dir $(BENCH_DIR)/growth -records 10000000 -times 10 -shape $(BENCH_SHAPE)

bench-build:
	mkdir -p $(BENCH_DIR)
	cd bench && CGO_ENABLED=0 go build -o $(BENCH_DIR)/bench . && CGO_ENABLED=1 go build -o $(BENCH_DIR)/duck ./duck

SEEDS ?=
SEED  ?=

rate-million: ## a million random records, rated twice by raters that share no code
	RATE_RECORDS=1000000 go test -count=1 -timeout 1h -v -run 'TestBothRatersAgree' ./pipeline/rate/slow

sim: ## the real verbs under attack: 1,000 closes; SEEDS=20000 the long form, SEED=n one again
	CLOSES=$(if $(SEEDS)$(SEED),,1000) SEEDS=$(SEEDS) SEED=$(SEED) go test -count=1 -timeout 12h -v -run 'TestSim$$' ./pipeline/sim

sim-kill: ## a kill at every storage call of every path, three outcomes each
	KILLS=all go test -count=1 -timeout 2h -v -run 'TestKillEverywhere' ./pipeline/sim

sim-mutants: ## planted protocol bugs, each caught within 200 seeds
	MUTANTS=1 go test -count=1 -timeout 2h -v -run 'TestMutants|TestCanary' ./pipeline/sim

verify-test: ## 300 planted damages found, 100 sound buckets without a finding
	DAMAGES=300 SOUND=100 go test -count=1 -timeout 1h -v -run 'TestVerify' ./pipeline/sim

KILLS   = 120
FREEZES = 30
TOXICS  = 10
FAULTS  = 150
POINT   =

.PHONY: faults

faults: ## real processes on a real S3 server: kill -9, SIGSTOP, a bad network, errors; KILLS=n and so on, SEED=n, POINT=n one again
	cd testdata/faults && ../s3server/with-s3 go run . -kills $(KILLS) -freezes $(FREEZES) -toxics $(TOXICS) -faults $(FAULTS) -seed $(or $(SEED),1) $(if $(POINT),-point $(POINT))
