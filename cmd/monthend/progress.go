package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress shows long work on a terminal; elsewhere it is silent.
type progress struct {
	mu   sync.Mutex
	bars *mpb.Progress // nil where there is no terminal
	bar  *mpb.Bar
	what string
}

func newProgress(w io.Writer) *progress {
	p := &progress{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(60))
	}
	return p
}

// show moves the bar; a total of 0 means that it is not known.
func (p *progress) show(what string, done, total int64) {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if what != p.what {
		p.end()
		p.what = what
		p.bar = p.start(printable(what)+" ", total)
	}
	if total > 0 {
		p.bar.SetTotal(max(total, done+1), false)
	}
	p.bar.SetCurrent(done)
}

// start begins a bar, or a count where no total is known.
func (p *progress) start(name string, total int64) *mpb.Bar {
	if total <= 0 {
		return p.bars.New(0, mpb.SpinnerStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(name)),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return count(s.Current) })))
	}
	return p.bars.New(total, mpb.BarStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(name)),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			return fmt.Sprintf("%s of %s", count(s.Current), count(total))
		})))
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar = nil
	}
}

func (p *progress) finish() {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	p.end()
	p.mu.Unlock()
	p.bars.Wait()
}
