# One door: make check. Nothing but go and git is needed; no C compiler, no
# server. The S3 tests build their server with go.

export CGO_ENABLED = 0

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
FUZZTIME    = 10s
BIN         = bin/monthend
TESTFLAGS   =

.PHONY: demo build test fmt lint house s3 check real fuzz cover

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
	testdata/s3server/with-s3 go test -count=1 -v -run 'TestServer' ./pipeline/store/s3
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

fuzz: ## each fuzz test for FUZZTIME
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for name in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "fuzz $$dir $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null; \
		done; \
	done

cover: ## statements that the tests reach, by package and in all
	go test -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1
