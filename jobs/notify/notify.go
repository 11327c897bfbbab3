// Package notify tells people and machines how the jobs went: alarms to a
// webhook, a ping to a dead-man switch, and figures in a file that Prometheus
// collects.
//
// It owns what leaves this host and where it may go. It does not know what the
// alarms mean, and never prints an address: addresses hold tokens.
package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Limits of one message.
const (
	timeout      = 10 * time.Second
	maxBodyBytes = 256 << 10
)

// Client sends messages. The zero Client is not usable; see NewClient.
type Client struct{ http *http.Client }

// NewClient makes a client that follows no redirect, uses no proxy, and dials
// no address of this host, of its own link or of a cloud's metadata service,
// unless local is true. The address is checked when it is dialled, so a name
// that resolves to another address a moment later is refused too.
func NewClient(local bool) *Client {
	d := &net.Dialer{Timeout: timeout}
	if !local {
		d.Control = func(_, address string, _ syscall.RawConn) error { return refuseLocal(address) }
	}
	return &Client{&http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// metadata are addresses of metadata services that are not link-local.
func metadata() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}
}

func refuseLocal(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address is not allowed: %v", err)
	}
	ip := at.Addr().Unmap().WithZone("")
	bad := ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsInterfaceLocalMulticast()
	for _, m := range metadata() {
		bad = bad || ip == m
	}
	if bad {
		return errors.New("address is of this host, its link or a metadata service; set alarms.allow_local: true if it is meant")
	}
	return nil
}

// Post sends a JSON document. Any answer but 2xx is an error.
func (c *Client) Post(ctx context.Context, address string, json []byte) error {
	if len(json) > maxBodyBytes {
		return fmt.Errorf("webhook: message has %d bytes, at most %d are sent", len(json), maxBodyBytes)
	}
	return c.send(ctx, "webhook", http.MethodPost, address, json)
}

// Ping calls an address, as dead-man switches want it.
func (c *Client) Ping(ctx context.Context, address string) error {
	return c.send(ctx, "ping", http.MethodGet, address, nil)
}

func (c *Client) send(ctx context.Context, what, method, address string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: its address is not a URL", what)
	}
	req.Header.Set("User-Agent", "monthend")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %v", what, bare(err))
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s: the receiver answered %d", what, resp.StatusCode)
	}
	return nil
}

// bare takes the address out of an error: it holds a token.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
