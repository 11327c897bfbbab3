package ingest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestStream(t *testing.T) {
	data := make([]byte, 3*streamBlock+77)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	for _, size := range []int{0, 1, streamBlock - 1, streamBlock, streamBlock + 1, len(data)} {
		s := newStream(iotest.HalfReader(bytes.NewReader(data[:size])))
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, data[:size]) {
			t.Errorf("%d bytes: %d come back, %v", size, len(got), err)
		}
		s.close()
	}
	for _, broken := range []error{errors.New("broken"), io.ErrUnexpectedEOF} {
		s := newStream(io.MultiReader(bytes.NewReader(data[:streamBlock+5]), iotest.ErrReader(broken)))
		got, err := io.ReadAll(s)
		if !errors.Is(err, broken) || !bytes.Equal(got, data[:streamBlock+5]) {
			t.Errorf("%d bytes and %v before a fault", len(got), err)
		}
		s.close()
	}
	s := newStream(bytes.NewReader(data))
	if _, err := s.Read(make([]byte, 10)); err != nil {
		t.Error(err)
	}
	s.close() // in the middle
}
