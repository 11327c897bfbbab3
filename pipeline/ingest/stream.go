package ingest

import (
	"io"
)

// streamBlock and streamBlocks say how far a text is read ahead of its parsing:
// unpacking and hashing take as long as a good part of that.
const (
	streamBlock  = 256 << 10
	streamBlocks = 3
)

// stream reads ahead in a goroutine of its own.
type stream struct {
	full, free chan []byte
	block      []byte // that is being read
	left       []byte // what is left of it
	err        error  // that ended the reading; set before full is closed
	quit       chan struct{}
	wait       func()
}

func newStream(from io.Reader) *stream {
	s := &stream{full: make(chan []byte, streamBlocks), free: make(chan []byte, streamBlocks), quit: make(chan struct{})}
	for range streamBlocks {
		s.free <- make([]byte, streamBlock)
	}
	s.wait = background(func() { s.fill(from) })
	return s
}

func (s *stream) fill(from io.Reader) {
	defer close(s.full)
	for {
		select {
		case block := <-s.free:
			block, s.err = fillBlock(from, block[:0])
			s.full <- block // there is room for all
			if s.err != nil {
				return
			}
		case <-s.quit:
			return
		}
	}
}

// fillBlock reads until the memory of a block is full. An error is the source's
// own, also one that says that it ended too early.
func fillBlock(from io.Reader, block []byte) ([]byte, error) {
	for len(block) < cap(block) {
		n, err := from.Read(block[len(block):cap(block)])
		block = block[:len(block)+n]
		if err != nil {
			return block, err
		}
	}
	return block, nil
}

// Read is part of io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if s.block != nil {
			s.free <- s.block
			s.block = nil
		}
		block, ok := <-s.full
		if !ok {
			return 0, s.err
		}
		s.block, s.left = block, block
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// close ends the reading ahead, wherever it stands.
func (s *stream) close() {
	close(s.quit)
	s.wait()
}
