package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// answer is a whole answer of the server.
type answer struct {
	status int
	header http.Header
	body   []byte
	then   func() // what happens when it was written; may be nil
}

// hook decides what becomes of a request; n counts from 1. forward sends it to
// the server. A nil answer cuts the connection.
type hook func(n int, r *http.Request, forward func() *answer) *answer

// gate stands between one process and the server and counts its requests,
// those of the probe apart.
type gate struct {
	url          string
	server       string
	way          *http.Transport
	hook         hook
	calls, probe atomic.Int64
	http         *http.Server
}

// newGate listens on loopback and forwards to the server, through h if not nil.
func newGate(server string, h hook) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{url: "http://" + l.Addr().String(), server: server, hook: h,
		way: &http.Transport{DisableCompression: true, ResponseHeaderTimeout: time.Minute}}
	g.http = &http.Server{Handler: g}
	go g.http.Serve(l)
	return g, nil
}

func (g *gate) close() {
	g.http.Close()
	g.way.CloseIdleConnections()
}

func ofProbe(r *http.Request) bool { return strings.Contains(r.URL.Path, "/probe/") }

// ServeHTTP takes requests and answers whole, so that the end of the process
// never reaches the server as half a request.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	forward := func() *answer { return g.forward(r, body) }
	count := &g.calls
	if ofProbe(r) {
		count = &g.probe
	}
	n := count.Add(1)
	var a *answer
	if g.hook == nil {
		a = forward()
	} else {
		a = g.hook(int(n), r, forward)
	}
	if a == nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
	if a.then != nil {
		http.NewResponseController(w).Flush()
		a.then()
	}
}

// forward sends the request as it came: the signature covers host and path.
func (g *gate) forward(r *http.Request, body []byte) *answer {
	out, err := http.NewRequest(r.Method, g.server+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return nil
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	in, err := g.way.RoundTrip(out)
	if err != nil {
		return nil
	}
	defer in.Body.Close()
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil
	}
	return &answer{status: in.StatusCode, header: in.Header, body: data}
}
