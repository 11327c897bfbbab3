package ingest

import (
	"runtime"
	"testing"
)

func TestBackgroundPassesOnHowItEnded(t *testing.T) {
	ran := false
	background(func() { ran = true })()
	if !ran {
		t.Error("wait returned before the work was done")
	}
	func() {
		defer func() {
			if r := recover(); r != "stop" {
				t.Errorf("recovered %v, want the panic of the work", r)
			}
		}()
		background(func() { panic("stop") })()
	}()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		background(runtime.Goexit)()
		ended <- true
	}()
	if <-ended {
		t.Error("the caller outlived a goroutine that ended itself")
	}
}
