package ingest

import "runtime"

// background runs fn in a goroutine of its own. Wait returns when it has ended,
// and passes a panic or a runtime.Goexit of it on to its caller, as if fn had
// been called there.
func background(fn func()) (wait func()) {
	done := make(chan struct{})
	var panicked any
	returned := false
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		fn()
		returned = true
	}()
	return func() {
		<-done
		switch {
		case panicked != nil:
			panic(panicked)
		case !returned:
			runtime.Goexit()
		}
	}
}
