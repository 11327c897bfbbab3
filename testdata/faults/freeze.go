package main

import (
	"fmt"
	"net/http"
	"syscall"
)

// freeze stops one closer at a request, lets another close, number and publish,
// and lets the first go on.
func (t *trial) freeze() {
	plain := t.config(t.endpoint)
	if code, step := t.run(plain, nil, steps()[:1+t.n%2]); code != 0 { // with and without a report before
		t.fail("%s exits with %d", step, code)
		return
	}
	f := &freezer{at: 1 + t.rng.IntN(t.closeCalls), mode: t.n % 3, stopped: make(chan bool), resume: make(chan bool)}
	t.what = fmt.Sprintf("SIGSTOP at call %d of close, %s", f.at, f)
	g, err := newGate(t.endpoint, f.hook)
	if err != nil {
		t.fail("%v", err)
		return
	}
	defer g.close()
	frozen := t.config(g.url)
	ended := make(chan int)
	go func() {
		code, _ := t.run(frozen, &f.child, steps()[2:3])
		ended <- code
	}()
	select {
	case code := <-ended:
		t.what += fmt.Sprintf(" (ended before, with %d)", code)
		return
	case <-f.stopped:
	}
	if code, step := t.run(plain, nil, steps()[2:]); code != 0 {
		t.fail("the other, while the first is frozen: %s exits with %d", step, code)
	}
	f.child.signal(syscall.SIGCONT)
	close(f.resume)
	if code := <-ended; code != 0 && code != exitStore {
		t.fail("the frozen one exits with %d", code)
	}
	t.done.freezes++
	t.lookBeforeRepair(plain)
}

// lookBeforeRepair looks at the month as the two have left it: what the frozen
// one wrote after it woke may be no step back.
func (t *trial) lookBeforeRepair(config string) {
	before := len(t.wrong)
	if code, _ := t.run(config, nil, [][]string{{"verify", "--period", period}}); code != 0 {
		t.fail("verify exits with %d", code)
	}
	t.compare()
	for i := range t.wrong[before:] {
		t.wrong[before+i] = "after SIGCONT: " + t.wrong[before+i]
	}
}

// freezer stops a process at one request.
type freezer struct {
	child   child
	at      int
	mode    int       // what becomes of the request: see String
	stopped chan bool // closed when the process stands still
	resume  chan bool // closed when it may go on
}

func (f *freezer) String() string {
	return []string{"request held", "answer held", "answer in the socket"}[f.mode]
}

func (f *freezer) hook(n int, r *http.Request, forward func() *answer) *answer {
	if n != f.at || ofProbe(r) {
		return forward()
	}
	f.child.signal(syscall.SIGSTOP)
	switch f.mode {
	case 0:
		close(f.stopped)
		<-f.resume
		return forward()
	case 1:
		a := forward()
		close(f.stopped)
		<-f.resume
		return a
	}
	a := forward()
	close(f.stopped)
	return a
}
