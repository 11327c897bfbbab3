package s3

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monthend/monthend/pipeline/store"
)

const secret = "secret-that-must-never-be-shown"

// fakeServer returns a store whose service is handle. Its answers have an ETag,
// as those of real services do.
func fakeServer(t *testing.T, handle http.HandlerFunc) *Store {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	setCredentials(t)
	s, err := dial(Options{Endpoint: server.URL, Bucket: "bucket", Prefix: "pre"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func setCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "user")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_SESSION_TOKEN", "")
}

func errorDocument(code string) string {
	return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>text\n of the service</Message></Error>"
}

func TestKindsOfAnswers(t *testing.T) {
	tests := []struct {
		verb, code string // code "" is an answer without an error document
		status     int
		want       error // nil is an error without a kind
	}{
		{"create", "PreconditionFailed", 412, store.ErrExists},
		{"create", "", 412, store.ErrExists},
		{"create", "", 304, store.ErrExists},
		{"create", "ConditionalRequestConflict", 409, store.ErrUnsettled},
		{"create", "InternalError", 500, store.ErrUnsettled},
		{"create", "SlowDown", 503, store.ErrUnsettled},
		{"create", "", 502, store.ErrUnsettled},
		{"create", "", 504, store.ErrUnsettled},
		{"create", "TooManyRequests", 429, store.ErrUnsettled},
		{"create", "RequestTimeout", 400, store.ErrUnsettled},
		{"create", "BadDigest", 400, store.ErrUnsettled},
		{"create", "ExpiredToken", 400, store.ErrUnsettled},
		{"create", "NotImplemented", 501, store.ErrUnsupported},
		{"create", "InvalidArgument", 400, store.ErrUnsupported},
		{"create", "AccessDenied", 403, store.ErrDenied},
		{"create", "RequestTimeTooSkewed", 403, store.ErrDenied},
		{"create", "", 403, store.ErrDenied},
		{"create", "NoSuchBucket", 404, store.ErrGone},
		{"create", "PermanentRedirect", 301, nil},
		{"create", "EntityTooLarge", 400, nil},
		{"create", "ObjectParentIsFile", 409, store.ErrBadKey},
		{"replace", "ServiceUnavailable", 503, store.ErrUnsettled},
		{"replace", "InvalidArgument", 400, nil},
		{"open", "NoSuchKey", 404, store.ErrNotFound},
		{"open", "NoSuchBucket", 404, store.ErrGone},
		{"open", "", 404, store.ErrUnsettled},
		{"open", "InternalError", 500, store.ErrUnsettled},
		{"open", "AccessDenied", 403, store.ErrDenied},
		{"open", "InvalidObjectState", 403, store.ErrDenied},
		{"delete", "NoSuchBucket", 404, store.ErrGone},
		{"delete", "AccessDenied", 403, store.ErrDenied},
		{"list", "NoSuchBucket", 404, store.ErrGone},
		{"list", "InternalError", 500, store.ErrUnsettled},
	}
	all := []error{store.ErrNotFound, store.ErrExists, store.ErrUnsettled, store.ErrDenied, store.ErrUnsupported, store.ErrBadKey, store.ErrGone}
	for _, test := range tests {
		name := fmt.Sprintf("%s %d %s", test.verb, test.status, test.code)
		t.Run(name, func(t *testing.T) {
			s := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				if test.code != "" {
					io.WriteString(w, errorDocument(test.code))
				} else if test.status != 304 {
					io.WriteString(w, "<html>nothing of S3")
				}
			})
			err := call(t.Context(), s, test.verb)
			for _, kind := range all {
				if errors.Is(err, kind) != (kind == test.want) {
					t.Errorf("error %v: is %v is %v", err, kind, errors.Is(err, kind))
				}
			}
			if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), s.Name()) {
				t.Errorf("text %q: want one line with the name of the store and no secret", err)
			}
		})
	}
}

func call(ctx context.Context, s *Store, verb string) error {
	switch verb {
	case "create":
		return s.Create(ctx, "a/b", store.BytesBody([]byte("x")))
	case "replace":
		return s.Replace(ctx, "a/b", store.BytesBody([]byte("x")))
	case "open":
		_, _, err := s.Open(ctx, "a/b")
		return err
	case "delete":
		return s.Delete(ctx, "a/b")
	}
	return s.List(ctx, "a/", func(store.Info) error { return nil })
}

// TestCreateIsOneConditionalPut: whatever the size, one request with the
// condition; and when it fails, nobody repeats it behind the caller's back.
func TestCreateIsOneConditionalPut(t *testing.T) {
	for _, size := range []int{0, 1, 40 << 20} {
		for _, status := range []int{200, 500, 503} {
			var requests atomic.Int32
			s := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Method != http.MethodPut || r.Header.Get("If-None-Match") != "*" || r.URL.RawQuery != "" || r.URL.Path != "/bucket/pre/a" {
					t.Errorf("%d bytes: %s %s with If-None-Match %q", size, r.Method, r.URL, r.Header.Get("If-None-Match"))
				}
				io.Copy(io.Discard, r.Body)
				w.WriteHeader(status)
			})
			err := s.Create(t.Context(), "a", store.BytesBody(make([]byte, size)))
			if (err == nil) != (status == 200) || requests.Load() != 1 {
				t.Errorf("%d bytes, status %d: %d requests, error %v", size, status, requests.Load(), err)
			}
		}
	}
}

// TestSuccessWithError: an error document under a status of 200 is no success.
func TestSuccessWithError(t *testing.T) {
	s := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Del("ETag")
		io.WriteString(w, errorDocument("InternalError"))
	})
	for _, verb := range []string{"create", "replace", "open"} {
		if err := call(t.Context(), s, verb); !errors.Is(err, store.ErrUnsettled) {
			t.Errorf("%s: %v, want unsettled", verb, err)
		}
	}
}

// TestFolderInTheWay: a folder that is not there by the listing is asked for
// again, and nothing else that is wrong with a key.
func TestFolderInTheWay(t *testing.T) {
	const empty = `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`
	for _, c := range []struct {
		code string
		puts int32 // 3: the third is taken
	}{{"ExistingObjectIsDirectory", 3}, {"ObjectParentIsFile", 1}, {"KeyTooLongError", 1}} {
		var puts atomic.Int32
		s := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				io.WriteString(w, empty)
			} else if puts.Add(1) < 3 {
				w.WriteHeader(http.StatusConflict)
				io.WriteString(w, errorDocument(c.code))
			}
		})
		err := s.Create(t.Context(), "a", store.BytesBody(nil))
		if puts.Load() != c.puts || (err == nil) != (c.puts == 3) || err != nil && !errors.Is(err, store.ErrBadKey) {
			t.Errorf("%s: %d writes, %v", c.code, puts.Load(), err)
		}
	}
}

func TestCreateTooLarge(t *testing.T) {
	s := fakeServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	if err := s.Create(t.Context(), "a", store.FileBody("none", MaxCreateBytes+1)); err == nil {
		t.Error("a body over the limit was taken")
	}
	long := strings.Repeat("a/", 510) + "a"
	if err := s.Create(t.Context(), long, store.BytesBody(nil)); !errors.Is(err, store.ErrBadKey) {
		t.Errorf("a key that is too long with its prefix: %v", err)
	}
}

// TestRedirect: the signed request goes to no other host.
func TestRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("redirect was followed") }))
	defer other.Close()
	s := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	for _, verb := range []string{"create", "replace", "open", "delete", "list"} {
		if err := call(t.Context(), s, verb); err == nil || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// TestSilentServer: every call ends by itself with an unsettled outcome.
func TestSilentServer(t *testing.T) {
	done := make(chan struct{})
	s := fakeServer(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	s.answer = 50 * time.Millisecond
	for _, verb := range []string{"create", "replace", "open", "delete", "list"} {
		start := time.Now()
		if err := call(t.Context(), s, verb); !errors.Is(err, store.ErrUnsettled) || !strings.Contains(err.Error(), errTooSlow.Error()) {
			t.Errorf("%s: %v", verb, err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v", verb, took)
		}
	}
	if got, want := s.limit(t.Context(), 3*DefaultSlowest).time(3*DefaultSlowest), 3050*time.Millisecond; got != want {
		t.Errorf("limit of a body is %v, want %v", got, want)
	}
}

// TestSlowBody: a body that stalls breaks off as unsettled; one that is cut is
// never taken for the whole.
func TestSlowBody(t *testing.T) {
	for _, stall := range []bool{true, false} {
		done := make(chan struct{})
		s := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			if stall {
				<-done
			}
		})
		s.answer = 100 * time.Millisecond
		r, info, err := s.Open(t.Context(), "a")
		if err != nil || info.Size != 100 {
			t.Fatal(info, err)
		}
		data, err := io.ReadAll(r)
		if string(data) != "half" || !errors.Is(err, store.ErrUnsettled) {
			t.Errorf("stall %v: read %q, %v", stall, data, err)
		}
		r.Close()
		close(done)
	}
}

func TestCancelledWriteIsUnsettled(t *testing.T) {
	done := make(chan struct{})
	s := fakeServer(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := call(ctx, s, "create")
	if !errors.Is(err, store.ErrUnsettled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("create: %v, want unsettled and the end of the context", err)
	}
	if err := call(ctx, s, "list"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("list after the end of the context: %v", err)
	}
}

// TestExpiredCredentials: the next try fetches them anew.
func TestExpiredCredentials(t *testing.T) {
	var mu sync.Mutex
	var users []string
	s := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		user, _, _ := strings.Cut(rest, "/")
		users = append(users, user)
		if user == "user" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, errorDocument("ExpiredToken"))
			os.Setenv("AWS_ACCESS_KEY_ID", "newer") // what a refresh will find
		}
	})
	if err := store.CreateBytes(t.Context(), s, "a", nil); err != nil || strings.Join(users, " ") != "user newer" {
		t.Errorf("create: %v after the users %q", err, users)
	}
}

func TestEndpoints(t *testing.T) {
	setCredentials(t)
	bad := []string{"localhost:9000", "ftp://host", "http://", "http://host/path", "https://u:" + secret + "@host",
		"https://host/?X-Amz-Signature=" + secret, "https://host#f", ":%zz" + secret}
	for _, endpoint := range bad {
		_, err := dial(Options{Endpoint: endpoint, Bucket: "bucket"})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("endpoint %q: error %v", endpoint, err)
		}
	}
	s, err := dial(Options{Bucket: "bucket", Region: "eu-central-1"})
	if err != nil || s.Name() != "s3 https://s3.eu-central-1.amazonaws.com bucket" {
		t.Errorf("default endpoint: %v", err)
	}
	if _, err := dial(Options{Endpoint: "http://host", Bucket: "bucket", Prefix: "../x"}); !errors.Is(err, store.ErrBadKey) {
		t.Errorf("bad prefix: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	setCredentials(t)
	server := httptest.NewServer(nil)
	server.Close()
	s, err := dial(Options{Endpoint: server.URL, Bucket: "bucket"})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), s, "create"); !errors.Is(err, store.ErrUnsettled) || strings.Contains(err.Error(), "X-Amz") {
		t.Errorf("create: %v", err)
	}
}

// TestTLS: an unknown authority is a definite error that says what to do; with
// the CA file bodies carry a checksum that the signature does not give.
func TestTLS(t *testing.T) {
	setCredentials(t)
	var sum atomic.Value
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		sum.Store(r.Header.Get("Content-Md5"))
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	s, err := dial(Options{Endpoint: server.URL, Bucket: "bucket"})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), s, "create"); err == nil || errors.Is(err, store.ErrUnsettled) || !strings.Contains(err.Error(), "CA file") {
		t.Errorf("unknown authority: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = dial(Options{Endpoint: server.URL, Bucket: "bucket", CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), s, "create"); err != nil || sum.Load() == "" {
		t.Errorf("with the CA file: %v, Content-MD5 %v", err, sum.Load())
	}
	if _, err := dial(Options{Endpoint: server.URL, Bucket: "bucket", CAFile: "none.pem"}); err == nil {
		t.Error("a CA file that is not there was passed over")
	}
}
