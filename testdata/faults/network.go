package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// exitStore is the exit code of the program when the store did not answer: run
// the same command again.
const exitStore = 6

// passes is how often a month is tried under attack before the plain run.
const passes = 4

// toxics are in the form of toxiproxy, both ways. Where a connection would not
// outlive its toxic, only some of the connections have it.
func toxics() []string {
	kinds := []string{
		`"type": "latency", "attributes": {"latency": 5, "jitter": 5}`,
		`"type": "reset_peer", "toxicity": 0.2, "attributes": {"timeout": 20}`,
		`"type": "timeout", "toxicity": 0.2, "attributes": {"timeout": 50}`,
		`"type": "slicer", "attributes": {"average_size": 400, "size_variation": 200, "delay": 10}`,
		`"type": "limit_data", "toxicity": 0.5, "attributes": {"bytes": 9000}`,
	}
	var all []string
	for _, stream := range []string{"upstream", "downstream"} {
		for _, kind := range kinds {
			all = append(all, `{"stream": "`+stream+`", `+kind+`}`)
		}
	}
	return all
}

// toxic runs a month through a bad line. Which of the connections suffer is
// toxiproxy's choice and not the seed's.
func (t *trial) toxic() {
	text := toxics()[t.n%len(toxics())]
	t.what = text
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	line := toxiproxy.NewProxy(server, t.prefix, "127.0.0.1:0", strings.TrimPrefix(t.endpoint, "http://"))
	if err := line.Start(); err != nil {
		t.fail("start toxiproxy: %v", err)
		return
	}
	defer line.Stop()
	if _, err := line.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.fail("add toxic: %v", err)
		return
	}
	runs := t.persist(t.config("http://" + line.Listen))
	t.say("toxic %d: %d runs of the month, %s", t.n, runs, text)
	t.done.toxics++
}

// persist runs a month under attack, a few times until it is through, and
// returns how often. The program may only ask to be run again.
func (t *trial) persist(config string) int {
	for n := 1; ; n++ {
		code, step := t.run(config, nil, steps())
		if code == 0 || n == passes {
			return n
		}
		if code != exitStore {
			t.fail("under attack %s exits with %d", step, code)
		}
	}
}

// forged are the answers of a server in trouble. The last is a success by its
// status and an error by its text.
func forged() []answer {
	const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>injected</Message></Error>`
	xml := http.Header{"Content-Type": {"application/xml"}}
	return []answer{
		{status: 500, header: xml, body: fmt.Appendf(nil, text, "InternalError")},
		{status: 503, header: xml, body: fmt.Appendf(nil, text, "SlowDown")},
		{status: 200, header: xml, body: fmt.Appendf(nil, text, "InternalError")},
	}
}

// fault runs a month whose server forges some answers: to requests that it has
// fulfilled, and to others that it has not.
func (t *trial) fault() {
	a := forged()[t.n%len(forged())]
	var mu sync.Mutex // the requests of one process come at once
	var where []string
	g, err := newGate(t.endpoint, func(n int, r *http.Request, forward func() *answer) *answer {
		mu.Lock()
		hit, applied := t.rng.IntN(20) == 0 && !ofProbe(r), t.rng.IntN(2) == 0
		if hit {
			where = append(where, fmt.Sprintf("%s %s applied %v", r.Method, r.URL.Path, applied))
		}
		mu.Unlock()
		if !hit {
			return forward()
		}
		if applied {
			forward()
		}
		return &a
	})
	if err != nil {
		t.fail("%v", err)
		return
	}
	defer g.close()
	t.persist(t.config(g.url))
	t.done.faults += len(where)
	t.what = fmt.Sprintf("%d times %d with an error document:\n  %s", len(where), a.status, strings.Join(where, "\n  "))
}
