package notify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Addresses of this host, of the link and of metadata services are refused when
// they are dialled, whatever name led there.
func TestCase_X14_LocalAddressesAreRefused(t *testing.T) {
	for _, address := range []string{"127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "169.254.169.254:80", "[fe80::1%eth0]:80",
		"0.0.0.0:80", "[::]:80", "224.0.0.1:80", "[fd00:ec2::254]:80", "100.100.100.200:80", "localhost:80", ""} {
		if err := refuseLocal(address); err == nil {
			t.Errorf("%s is allowed", address)
		}
	}
	for _, address := range []string{"192.0.2.1:443", "10.0.0.8:9093", "[2001:db8::1]:443"} {
		if err := refuseLocal(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer server.Close()
	name := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, url := range []string{server.URL + "/token", name + "/token"} {
		err := NewClient(false).Post(t.Context(), url, []byte("{}"))
		if err == nil || called || !strings.Contains(err.Error(), "alarms.allow_local") {
			t.Errorf("called %v, error %v", called, err)
		}
		if err != nil && strings.Contains(err.Error(), "token") {
			t.Errorf("the error holds the address: %v", err)
		}
	}
}

// A redirect is an answer like any other that is no success; it is not followed.
func TestCase_X14_NoRedirects(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	err := NewClient(true).Ping(t.Context(), server.URL+"/ping")
	if err == nil || !strings.Contains(err.Error(), "answered 302") || len(paths) != 1 {
		t.Errorf("called %q, error %v", paths, err)
	}
}

func TestPost(t *testing.T) {
	var got, kind string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, kind = r.Method+" "+string(body), r.Header.Get("Content-Type")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	if err := NewClient(true).Post(t.Context(), server.URL, []byte(`{"kind":"x"}`)); err != nil || got != `POST {"kind":"x"}` || kind != "application/json" {
		t.Errorf("got %q %s, error %v", got, kind, err)
	}
	if err := NewClient(true).Ping(t.Context(), server.URL); err != nil || got != "GET " {
		t.Errorf("got %q, error %v", got, err)
	}
	if err := NewClient(true).Post(t.Context(), server.URL, make([]byte, maxBodyBytes+1)); err == nil {
		t.Error("a message without bound was sent")
	}
}

// An address that cannot be reached is told without what it says.
func TestErrorsHoldNoAddress(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1/secret", "https://no.such.host.invalid/secret", "http://[::1/secret", "x://y/secret"} {
		err := NewClient(true).Ping(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
	}
}

func TestMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.prom")
	write := func(list ...Metric) string {
		t.Helper()
		if err := WriteMetrics(path, list); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	job := func(name, value string) Metric {
		return Metric{Name: "m_job", Help: "a job", Labels: [][2]string{{"job", name}}, Value: value, Sticky: true}
	}
	write(Metric{Name: "m_tick", Help: "a tick", Value: "1"}, Metric{Name: "m_alarm", Help: "an alarm", Value: "1", Labels: [][2]string{{"text", "a\"b\\c\nd"}}}, job("close", "1"), job("ingest", "2"))
	// What is not given goes, but what is sticky; newer values replace older.
	got := write(Metric{Name: "m_tick", Help: "a tick", Value: "2"}, job("ingest", "3"))
	want := `# HELP m_job a job (last known)
# TYPE m_job gauge
m_job{job="close"} 1
m_job{job="ingest"} 3
# HELP m_tick a tick
# TYPE m_tick gauge
m_tick 2
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	got = write(Metric{Name: "m_tick", Help: "a tick", Value: "3"})
	if !strings.Contains(got, `m_job{job="close"} 1`) || !strings.Contains(got, "# HELP m_job a job (last known)\n") {
		t.Errorf("got\n%s", got)
	}
	if got = write(Metric{Name: "m_alarm", Value: "1", Labels: [][2]string{{"text", "a\"b\\c\nd"}}}); !strings.Contains(got, `m_alarm{text="a\"b\\c\nd"} 1`) {
		t.Errorf("got\n%s", got)
	}
	if err := WriteMetrics(filepath.Join(path, "below"), nil); err == nil {
		t.Error("a path that cannot be was written")
	}
}
