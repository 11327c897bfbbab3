package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
)

// kill ends the process at one request with SIGKILL. Four things may become of
// the request: never sent, answered, answered too late, or landing while the
// next process is at work already.
func (t *trial) kill() {
	modes := []string{"before", "after", "withheld", "late"}
	mode := modes[t.n%len(modes)]
	probe := t.n%10 == 9
	at := t.point(t.calls)
	if probe {
		at = 1 + t.rng.IntN(t.probeCalls)
	}
	t.what = fmt.Sprintf("kill -9 %s call %d, of the probe %v", mode, at, probe)
	var c child
	var late atomic.Pointer[func() *answer]
	g, err := newGate(t.endpoint, func(n int, r *http.Request, forward func() *answer) *answer {
		if n != at || probe != ofProbe(r) {
			return forward()
		}
		if mode == "after" {
			a := forward()
			if a != nil {
				a.then = func() { c.signal(syscall.SIGKILL) }
			}
			return a
		}
		if mode == "withheld" {
			forward()
		}
		c.signal(syscall.SIGKILL)
		if mode == "late" {
			late.Store(&forward)
		}
		return nil
	})
	if err != nil {
		t.fail("%v", err)
		return
	}
	defer g.close()
	code, step := t.run(t.config(g.url), &c, steps())
	switch {
	case code == -1:
		t.done.kills++
	case code != 0:
		t.fail("%s exits with %d before the kill", step, code)
	}
	if f := late.Load(); f != nil {
		t.land(*f)
	}
}

// point spreads the attacks over all calls.
func (t *trial) point(calls int) int {
	const stride = 0.6180339887498949 // the golden ratio: any number of points lies evenly
	return 1 + int(float64(calls)*fraction(stride*float64(t.n+1)+t.rng.Float64()/float64(calls)))
}

func fraction(x float64) float64 { return x - float64(int(x)) }

// land lets a request arrive while a second process runs the month.
func (t *trial) land(request func() *answer) {
	at := 1 + t.rng.IntN(20)
	t.what += fmt.Sprintf(", landing at call %d of the next", at)
	g, err := newGate(t.endpoint, func(n int, r *http.Request, forward func() *answer) *answer {
		if n == at && !ofProbe(r) {
			request()
		}
		return forward()
	})
	if err != nil {
		t.fail("%v", err)
		return
	}
	defer g.close()
	if code, step := t.run(t.config(g.url), nil, steps()); code != 0 {
		t.fail("the run in which it landed: %s exits with %d", step, code)
	}
}
