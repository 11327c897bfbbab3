// Command monthend bills usage: it ingests usage records, rates them, writes
// Cost and Usage Reports to a bucket, closes the month and publishes invoices.
// This package reads flags and configuration, wires the parts together and does
// all the printing; the work is in the packages below.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // a host without zone data must not turn every zone into UTC

	"github.com/monthend/monthend/pipeline/pages"
)

func main() {
	pages.UsePortableSnappy()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{stdout: os.Stdout, stderr: os.Stderr, env: os.Environ(), clock: time.Now}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
